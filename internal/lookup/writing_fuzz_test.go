package lookup

import (
	"path/filepath"
	"testing"
)

// forms are documents of every form.
var forms = []Document{
	{Path: "/r/COMMIT_EDITMSG"}, {Path: "/r/git-rebase-todo"}, {Path: "/r/a.patch"}, {Path: "/r/CHANGELOG.md"}, {Path: "/r/a.go", Language: "go"}, {Language: "git-commit"}, {Language: "git-rebase"}, {Language: "diff"},
}

var messagesToFuzz = []string{
	"", "Fixes: ", "s\n\nFixes: 1b4e28ba9d5f (\"net: x\")\nFixes:1b4e28b, 2c5f39cbae60\n# c\n",
	"(cherry picked from commit 1b4e28ba9d5f4c0e8a7163f2d0c95ae47b6e1f02)\r\n", "a\r\n# ------------------------ >8 ------------------------\r\nFixes: x",
	"pick 1b4e28b x\nfixup -C 1b4e28b\nmerge -C\nm -c 1b4e28b y\npick", "From 1b4e28ba9d5f4c0e8a7163f2d0c95ae47b6e1f02 Mon\n\nThis reverts commit 1b4e28ba9d5f.\n---\n--- a\n+++ b\n",
	"> \t*- // Git-commit: \x00\xff", "s\n\ncommit 1b4e28b", "Fixes: (\"a\")", "Fixes: 1b4e28ba9d5f (\"\xff\")", "Fixes: 1b4e28ba9d5f (\"a\nb\")",
}

// FuzzTyping finds what is being typed anywhere in anything: it lies on the
// offset's line, and around the offset.
func FuzzTyping(f *testing.F) {
	for _, text := range messagesToFuzz {
		f.Add(text, len(text))
		f.Add(text, len(text)/2)
	}
	f.Add("x", -1)
	f.Fuzz(func(t *testing.T, text string, offset int) {
		for _, doc := range forms {
			doc.Text = text
			typing, ok := typingAt(doc, offset)
			if !ok {
				continue
			}
			if typing.Start < 0 || typing.Start > offset || typing.End < offset || typing.End > offset+lineRest(text, offset) {
				t.Fatalf("%s%s: %v around %d of %q", doc.Path, doc.Language, typing.Span, offset, text)
			}
			if typing.typed != text[typing.Start:offset] {
				t.Fatalf("typed %q is not %q", typing.typed, text[typing.Start:offset])
			}
		}
	})
}

// FuzzMentions scans anything: what it finds is what it says, in order of the
// text, and within it.
func FuzzMentions(f *testing.F) {
	for _, text := range messagesToFuzz {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, doc := range forms {
			doc.Text = text
			last := 0
			for _, s := range messages(doc) {
				if s.Start < last || s.End <= s.Start || s.End > len(text) {
					t.Fatalf("%s: the part %v behind %d", filepath.Base(doc.Path), s, last)
				}
				last = s.End
			}
			last = 0
			for _, m := range mentions(doc) {
				if m.Start < last || m.End <= m.Start || m.End > len(text) {
					t.Fatalf("%s: %v behind %d of %q", filepath.Base(doc.Path), m.Span, last, text)
				}
				last = m.Start
				if !isHex(m.sha) || !isHex(text[m.Start:m.End]) {
					t.Fatalf("%q is %q", text[m.Start:m.End], m.sha)
				}
				if m.subject != "" && (m.quoted.Start < m.End || m.quoted.End > len(text) || text[m.quoted.Start:m.quoted.End] != m.subject) {
					t.Fatalf("%v is not %q in %q", m.quoted, m.subject, text)
				}
			}
		}
	})
}
