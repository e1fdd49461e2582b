package gitrepo_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

const blamed = `
git config core.abbrev 40
commit one "Write a list" src/list.c="int a;\nint b;\nint c;" é.txt="one\ntwo" .gitignore="*.log"
commit two "Change b" src/list.c="int a;\nlong b;\nint c;"
commit three "Append d" src/list.c="int a;\nlong b;\nint c;\nint d;" src/other.c="x"
git mv src/list.c src/lists.c
commit four "Rename" src/other.c="y"
`

// blame is the label, or "-", of each line.
func blame(t *testing.T, r *gittest.Repo, g *gitrepo.Repository, path, text string) string {
	t.Helper()
	b, err := g.Blame(t.Context(), path, text)
	if err != nil {
		t.Fatal(err)
	}
	words := make([]string, len(b.Lines))
	for i, at := range b.Lines {
		words[i] = "-"
		if at != history.Uncommitted {
			words[i] = r.Labels(b.Commits[at].Hash)[0]
		}
	}
	return strings.Join(words, " ")
}

func TestBlame(t *testing.T) {
	t.Parallel()
	for _, script := range []string{blamed, "init --object-format=sha256 main\n" + blamed} {
		r := gittest.New(t, script)
		g := open(t, r.Dir, "git")
		lists := filepath.Join(r.Dir, "src", "lists.c")
		for _, check := range []struct{ name, path, text, want string }{
			{"as committed, across a rename", lists, "int a;\nlong b;\nint c;\nint d;\n", "one two one three"},
			{"edited", lists, "int a;\nlong bb;\nint c;\nint d;\n", "one - one three"},
			{"lines added and taken away", lists, "// new\nint a;\nint c;\nint d;\n", "- one one three"},
			{"no newline at the end", lists, "int a;\nlong b;\nint c;\nint d;", "one two one -"},
			{"line ends of another system", lists, "int a;\r\nlong b;\r\nint c;\r\nint d;\r\n", "one two one three"},
			{"empty", lists, "", ""},
			{"a name that is not ASCII", filepath.Join(r.Dir, "é.txt"), "one\ntwo\n", "one one"},
		} {
			if got := blame(t, r, g, check.path, check.text); got != check.want {
				t.Errorf("%s: %q, want %q", check.name, got, check.want)
			}
		}
		for _, name := range []string{"new.c", "x.log", "no/such/dir.c", ".git/config", "../outside.c"} {
			if _, err := g.Blame(t.Context(), filepath.Join(r.Dir, name), "text\n"); !errors.Is(err, history.ErrUntracked) {
				t.Errorf("%s: %v, want ErrUntracked", name, err)
			}
		}
		r.Do("git mv src/lists.c moved.c")
		if got := blame(t, r, g, filepath.Join(r.Dir, "moved.c"), "int a;\nlong b;\nint c;\nint d;\n"); got != "one two one three" {
			t.Errorf("moved and not committed: %q", got)
		}
		if left, err := filepath.Glob(filepath.Join(g.ViewDir(), "*", "blame-*")); len(left) > 0 || err != nil {
			t.Errorf("left behind: %v %v", left, err)
		}
	}
}

func TestBlameFacts(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, `
commit one "Write" a.txt=1 .mailmap="Proper Name <proper@example.com> A U Thor <author@example.com>"
`)
	r.Do("commit two \"Change\" --author=\"A U Thor <author@example.com>\" a.txt=2")
	g := open(t, r.Dir, "git")
	b, err := g.Blame(t.Context(), filepath.Join(r.Dir, "a.txt"), "2\n")
	if err != nil {
		t.Fatal(err)
	}
	c, err := g.Commit(t.Context(), r.Hash("two"))
	if err != nil {
		t.Fatal(err)
	}
	want := &history.Blame{Head: r.Hash("two"), Lines: []int32{0}, Commits: []history.Blamed{{
		Hash: r.Hash("two"), Author: c.Author, Committer: c.Committer, Subject: "Change",
	}}}
	for _, s := range []*history.Signature{&want.Commits[0].Author, &want.Commits[0].Committer} {
		s.Name, s.Email = "Proper Name", "proper@example.com"
	}
	if diff := cmp.Diff(want, b, gittest.EquateHashes()); diff != "" {
		t.Errorf("blame (-want +got):\n%s", diff)
	}
}

func TestBlameWorkTrees(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "commit one \"Write\" a.txt=1\nbranch side\ncommit two \"Change\" a.txt=2\n")
	linked := filepath.Join(t.TempDir(), "linked")
	r.Git("worktree", "add", "-q", linked, "side")
	g := open(t, r.Dir, "git")
	if got := blame(t, r, g, filepath.Join(linked, "a.txt"), "1\n"); got != "one" {
		t.Errorf("in the linked work tree: %q", got)
	}
	if got := blame(t, r, g, filepath.Join(r.Dir, "a.txt"), "2\n"); got != "two" {
		t.Errorf("in the main one: %q", got)
	}
	unborn := gittest.New(t, "init main\n")
	if _, err := open(t, unborn.Dir, "git").Blame(t.Context(), filepath.Join(unborn.Dir, "a"), "x\n"); !errors.Is(err, history.ErrUntracked) {
		t.Errorf("unborn: %v", err)
	}
	shallow := r.Clone("--depth=1")
	b, err := open(t, shallow.Dir, "git").Blame(t.Context(), filepath.Join(shallow.Dir, "a.txt"), "2\n")
	if err != nil || len(b.Commits) != 1 || !b.Commits[0].Boundary {
		t.Errorf("shallow: %+v %v, want a boundary", b, err)
	}
}

// TestBlameRunsNothing holds that filters, text conversions and ignored
// revisions that a repository names take no part in a blame of a buffer.
func TestBlameRunsNothing(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "commit one \"Write\" a.txt=1 .gitattributes=\"* filter=evil diff=evil\"\n")
	mark := filepath.Join(t.TempDir(), "mark")
	for _, key := range []string{"filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv", "diff.evil.command", "core.fsmonitor", "core.pager"} {
		r.Git("config", key, "touch "+mark+" #")
	}
	r.Git("config", "blame.ignoreRevsFile", mark)
	g := open(t, r.Dir, "git")
	if got := blame(t, r, g, filepath.Join(r.Dir, "a.txt"), "1\n2\n"); got != "one -" {
		t.Errorf("blame: %q", got)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a program of the repository's ran")
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, blamed)
	g := open(t, r.Dir, "git")
	b, err := g.Blame(t.Context(), filepath.Join(r.Dir, "src", "lists.c"), "int a;\nlong b;\nint c;\nint d;\nnew\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range []struct {
		first, last int
		want        string
		uncommitted int
	}{{0, 0, "one", 0}, {0, 2, "two", 0}, {0, 99, "three", 1}, {4, 4, "", 1}, {7, 9, "", 0}, {-3, 0, "one", 0}} {
		c, n := b.Newest(check.first, check.last)
		got := ""
		if c != nil {
			got = r.Labels(c.Hash)[0]
		}
		if got != check.want || n != check.uncommitted {
			t.Errorf("lines %d to %d: %q %d, want %q %d", check.first, check.last, got, n, check.want, check.uncommitted)
		}
	}
}
