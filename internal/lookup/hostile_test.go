package lookup

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
)

// stub is a repository that knows one commit's patch.
type stub struct {
	Repository
	patch string
}

func (s stub) Name() string { return "demo" }

func (s stub) Patch(context.Context, *history.Commit) (*history.Patch, error) {
	file := history.FileChange{Status: 'M', OldName: s.patch, NewName: s.patch, Diff: s.patch}
	return &history.Patch{Against: []history.Comparison{{Files: []history.FileChange{file}, Counted: true}}}, nil
}

// unmarked is a Markdown without what is not live in it, as CommonMark has it:
// escaped punctuation, and code.
func unmarked(markdown string) string {
	var b strings.Builder
	for i := 0; i < len(markdown); i++ {
		rest := markdown[i+1:]
		switch c := markdown[i]; {
		case c == '\\' && rest != "" && rest[0] < utf8.RuneSelf && strings.IndexByte(punctuation, rest[0]) >= 0:
			i++
			b.WriteByte(' ')
		case c == '`' && strings.IndexByte(rest, '`') > 0 && !strings.Contains(rest[:strings.IndexByte(rest, '`')], "\n"):
			i += 1 + strings.IndexByte(rest, '`')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

// live are the marks and the beginnings of links that a card must not hold.
var live = []string{"<", ">", "&", "](", "![", "[", "`", "http:", "https:", "www.", "command:", "@", "~", "_", "#", "|", "$"}

// safe fails for what acts on a terminal, an editor or an eye.
func safe(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s is no UTF-8: %q", what, text)
	}
	for _, r := range text {
		if r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Errorf("%s holds %U: %q", what, r, text)
			return
		}
	}
}

// hostileMatch is a fix card in which every text is somebody else's.
func hostileMatch(ref, author, message string) history.Match {
	h := history.MustHash(strings.Repeat("1a", 20))
	date := time.Unix(1577836800, 0).UTC()
	m := history.Match{
		Repository: author, Tags: history.TagSet{First: &ref, All: []string{ref, author}},
		Commit: history.Commit{Hash: h, Message: message, Author: history.Signature{Name: author, Email: author, Date: date}, Committer: history.Signature{Name: ref, Email: message, Date: date}},
		Keys:   []history.Key{{Kind: history.KeyBug, Text: message}, {Kind: history.KeyIssue, Text: ref}}, Limits: []history.Limit{history.LimitShallow, history.Limit("other")},
		Related: []history.Relation{}, Forge: []history.ForgeItem{},
	}
	for _, s := range []history.Status{history.Contains, history.Backported, history.Reverted, history.Missing, history.Unknown, history.NotAffected} {
		m.Branches = append(m.Branches, history.Landing{Name: ref, Ref: "refs/heads/" + ref, Status: s, Commit: &h, FirstTag: &ref})
	}
	return m
}

// FuzzHostileNames puts any text where names of refs, names of people and
// messages stand: it never becomes mark-up, a link or a control character.
func FuzzHostileNames(f *testing.F) {
	f.Add("stable/1.0", "A U Thor", "Subject\n\nBody\n")
	f.Add("stable/<b>&lt;", "[x](command:y)", "![p](http://e.example) `tick` **b** <img src=x>")
	f.Add("\u202Eback\u200b", "\x1b]8;;http://e\x07", "www.example.com a@b.example https://e.example")
	f.Add("`", "``", "\xff\xfe\x00\x9b31m")
	f.Add("\u200b", "\u2028\u2029", "\r\n\x85")
	f.Add("a\\", "\\", "\\`\\")
	src := &idle{}
	x, err := index.Open(src, index.Options{Name: "demo", Dir: f.TempDir(), HashSize: 20})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := x.Close(); err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, ref, author, message string) {
		m := hostileMatch(ref, author, message)
		markdown := card(m)
		safe(t, "the card", markdown)
		safe(t, "the plain card", plainText(markdown))
		left := unmarked(markdown)
		for _, mark := range live {
			if strings.Contains(strings.ToLower(left), mark) {
				t.Errorf("%q is live in\n%s\nwhich leaves\n%s", mark, markdown, left)
			}
		}
		title := lensTitle(m.Branches)
		if safe(t, "the lens", title); strings.Contains(title, "\n") {
			t.Errorf("the lens has several lines: %q", title)
		}
		for _, name := range Notable(m.Keys) {
			safe(t, "a key", oneLine(name, 60))
		}

		uri := CommitURI(author, m.Commit.Hash)
		safe(t, "the URI", uri)
		if name, h, ok := ParseCommitURI(uri); author != "" && (name != author || h != m.Commit.Hash || !ok) {
			t.Errorf("%q of %q is %q, %v, %v", uri, author, name, h, ok)
		}

		repo := stub{patch: message}
		at := found{repo: repo, snap: x.Snapshot(), pos: index.Unlisted, hash: m.Commit.Hash, commit: &m.Commit}
		text, err := (&Lookup{}).commitText(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		safe(t, "the document", text)
		head, _, _ := strings.Cut(text, "\n\n")
		if n := strings.Count(head, "\n"); n != 4 {
			t.Errorf("the document's head has %d lines:\n%s", n+1, head)
		}

		b, err := json.Marshal(m)
		if err != nil || !json.Valid(b) || !utf8.Valid(b) {
			t.Errorf("the JSON: %v, %q", err, b)
		}
	})
}

// idle is a source that nobody asks.
type idle struct{ index.Source }

// FuzzCommitFile holds that a repository's name never leads out of the directory
// of commits' documents.
func FuzzCommitFile(f *testing.F) {
	for _, name := range []string{"nova", "a/b", "..", ".", "", "../../etc", "...", "a\\b", "\x00", "/"} {
		f.Add(name)
	}
	sha := history.MustHash(strings.Repeat("1a", 20))
	f.Fuzz(func(t *testing.T, name string) {
		rel, err := filepath.Rel(filepath.Join("/cache", commitFiles), CommitFile("/cache", name, sha))
		if err != nil {
			t.Fatal(err)
		}
		if dir, base := filepath.Split(rel); !filepath.IsLocal(rel) || base != sha.String()+".commit" || strings.Count(dir, "/") > 1 {
			t.Errorf("%q makes %s", name, rel)
		}
	})
}
