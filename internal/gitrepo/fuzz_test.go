package gitrepo

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// FuzzParseCommit reads any bytes as a commit: the text is UTF-8, names hold no
// line end, and dates are ones that JSON can write.
func FuzzParseCommit(f *testing.F) {
	f.Add([]byte("tree 1\nparent 2\nauthor A <a@b> 1577836800 +0000\ncommitter C <c@d> 1 -0930\nencoding ISO-8859-1\n\n\xe9\n"))
	f.Add([]byte("author >< 99999999999999999999 +9999\ngpgsig x\n y\n\nsubject"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := parseCommit(history.MustHash(strings.Repeat("1", 40)), raw)
		for _, s := range []string{c.Message, c.Author.Name, c.Author.Email, c.Committer.Name, c.Committer.Email} {
			if !utf8.ValidString(s) {
				t.Fatalf("%q is no UTF-8", s)
			}
		}
		if strings.Contains(c.Author.Name+c.Author.Email+c.Committer.Name+c.Committer.Email, "\n") {
			t.Fatalf("%+v", c)
		}
		if _, err := json.Marshal(c); err != nil {
			t.Fatal(err)
		}
	})
}
