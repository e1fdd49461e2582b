package gitrepo_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// known are the refs of a clone that are read by an index, without what they say.
func known(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	for line := range strings.Lines(cloneRefs(t, dir)) {
		ref, _, _ := strings.Cut(line, " ")
		ref, read := strings.CutPrefix(ref, "refs/")
		if read && !strings.HasPrefix(ref, "ca-bhfuil/") && !strings.HasSuffix(ref, "/HEAD") {
			all = append(all, strings.TrimPrefix(strings.TrimPrefix(ref, "remotes/"), "tags/"))
		}
	}
	return strings.Join(all, " ")
}

// TestCloneSelects keeps the branches that are wanted, by name, number and age,
// with the tags that lead into them, and follows what is wanted as it changes.
func TestCloneSelects(t *testing.T) {
	g := gittest.New(t, `
commit one "Add a list"
tag v1
checkout -b stable/1
commit s1 "Fix the list"
tag -a v1.1
checkout -b stable/2 one
commit s2 "Fix the queue"
tag v2.1
checkout -b topic one
commit t "Try a tree"
tag tried
checkout main
`)
	stable := func(branch string) bool { return strings.HasPrefix(branch, "stable/") }
	notTopic := func(branch string) bool { return branch != "topic" }
	date := func(label string) time.Time {
		at, err := time.Parse(time.RFC3339, strings.TrimSpace(g.Git("show", "-s", "--format=%cI", g.Hash(label).String())))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	const everything = "origin/main origin/stable/1 origin/stable/2 origin/topic tried v1 v1.1 v2.1"
	dir := filepath.Join(t.TempDir(), "clone.git")
	for _, step := range []struct {
		what    string
		do      string // at the remote
		selects gitrepo.Selection
		keep    bool
		want    string
	}{
		{what: "by name, into an empty clone", selects: gitrepo.Selection{Wants: stable}, want: "origin/stable/1 origin/stable/2 v1 v1.1 v2.1"},
		{what: "the same again", selects: gitrepo.Selection{Wants: stable}, want: "origin/stable/1 origin/stable/2 v1 v1.1 v2.1"},
		{what: "all", want: everything},
		{what: "no more than there are", selects: gitrepo.Selection{Newest: 4}, want: everything},
		{what: "all but one", selects: gitrepo.Selection{Wants: notTopic}, want: "origin/main origin/stable/1 origin/stable/2 v1 v1.1 v2.1"},
		{what: "the default branch and the newest", selects: gitrepo.Selection{Newest: 2}, want: "origin/main origin/topic tried v1"},
		{what: "the newest of those by name", selects: gitrepo.Selection{Wants: stable, Newest: 1}, want: "origin/stable/2 v1 v2.1"},
		{what: "the upstream branch, which is old", selects: gitrepo.Selection{Wants: stable, Newest: 1, Upstream: "stable/1"}, want: "origin/stable/1 v1 v1.1"},
		{what: "by age", selects: gitrepo.Selection{Since: date("s2")}, want: "origin/main origin/stable/2 origin/topic tried v1 v2.1"},
		{what: "none", selects: gitrepo.Selection{Wants: func(string) bool { return false }}, want: ""},
		{what: "an old branch moves", do: "checkout stable/1\ncommit s3 \"Fix it again\"", selects: gitrepo.Selection{Wants: stable, Newest: 1}, want: "origin/stable/1 v1 v1.1"},
		{what: "a branch is a directory now", do: "git branch -q -D topic\nbranch topic/a one\ngit tag -d v1.1", selects: gitrepo.Selection{Newest: 3}, want: "origin/main origin/stable/1 origin/stable/2 v1 v2.1"},
		{what: "what was deleted stays", do: "git branch -q -D stable/2\ngit tag -d v2.1", selects: gitrepo.Selection{Wants: notTopic, Newest: 3}, keep: true, want: "origin/main origin/stable/1 origin/stable/2 v1 v2.1"},
		{what: "but not what nobody wants", selects: gitrepo.Selection{Wants: func(b string) bool { return b == "main" }}, want: "origin/main v1"},
	} {
		if step.do != "" {
			g.Do(step.do)
		}
		c := gitrepo.Clone{Dir: dir, Remotes: []gitrepo.Followed{{Name: "origin", URL: g.URL()}}, Select: step.selects, KeepDeleted: step.keep}
		if err := update(t, c); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if got := known(t, dir); got != step.want {
			t.Errorf("%s: the clone has\n%q, not\n%q", step.what, got, step.want)
		}
	}
}

// TestCloneSelectsSome takes the branches that are wanted alone over the network:
// what others have is not transferred.
func TestCloneSelectsSome(t *testing.T) {
	g := gittest.New(t, transferred+"checkout -b topic\ncommit large \"Add a blob\"\ntag tried\ncheckout main\n")
	c := gitrepo.Clone{Dir: filepath.Join(t.TempDir(), "clone.git"), Remotes: []gitrepo.Followed{{Name: "origin", URL: serve(t, g.GitDir(), "")}},
		Select: gitrepo.Selection{Wants: func(branch string) bool { return branch != "topic" }}}
	if err := update(t, c); err != nil {
		t.Fatal(err)
	}
	if got, want := known(t, c.Dir), "origin/main origin/stable/1 v1 v2"; got != want {
		t.Errorf("the clone has %q, not %q", got, want)
	}
	if there(t, c.Dir, g.Hash("large").String()) {
		t.Error("a commit was transferred that only an unwanted branch and its tag have")
	}
}

func there(t *testing.T, dir, object string) bool {
	t.Helper()
	return exec.Command("git", "--git-dir="+dir, "cat-file", "-e", object).Run() == nil
}
