package gitrepo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"slices"
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

// FuzzReadEntries: whatever diff-tree prints, reading it ends, and names come
// with paths that are not empty.
func FuzzReadEntries(f *testing.F) {
	sha := strings.Repeat("0123456789", 4)
	f.Add([]byte(sha + "\x00:100644 100644 " + sha + " " + sha + " M\x00a/b\x00" + sha + "\x00"))
	f.Add([]byte(sha + "\x00::040000 040000 040000 " + sha + " " + sha + " " + sha + " MM\x00a\x00"))
	f.Add([]byte(":100644\x00x\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = readEntries(bufio.NewReader(bytes.NewReader(b)), changedPath, func(h history.Hash, paths []string, _ bool) error { //nolint:errcheck // most inputs are nonsense
			for _, p := range paths {
				if p == "" || strings.Contains(p, "\x00") {
					t.Errorf("path %q of %s", p, h)
				}
			}
			return nil
		})
		_ = readEntries(bufio.NewReader(bytes.NewReader(b)), delta, func(h history.Hash, deltas []history.Delta, _ bool) error { //nolint:errcheck // the same
			if slices.ContainsFunc(deltas, func(d history.Delta) bool { return d.Path == "" }) {
				t.Errorf("a path without a name in %s", h)
			}
			return nil
		})
	})
}
