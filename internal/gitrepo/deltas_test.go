package gitrepo_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// deltas are what Deltas says, one line a commit: its label, and of each file the
// path and, as first letters, whether it was there and is there.
func deltas(t *testing.T, src *gitrepo.Repository, r *gittest.Repo, labels ...string) string {
	t.Helper()
	var hashes []history.Hash
	for _, l := range labels {
		hashes = append(hashes, r.Hash(l))
	}
	var got strings.Builder
	err := src.Deltas(context.Background(), hashes, func(h history.Hash, files []history.Delta) error {
		got.WriteString(r.Labels(h)[0] + ":")
		for _, f := range files {
			state := map[[2]bool]string{{true, false}: "A", {false, true}: "D", {false, false}: "M"}[[2]bool{f.Old.IsZero(), f.New.IsZero()}]
			got.WriteString(" " + state + " " + f.Path)
		}
		got.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return got.String()
}

func TestDeltas(t *testing.T) {
	t.Parallel()
	want := `root: A a.c A dir/b.c A dir/sub/c.c A with blank
edit: M a.c M dir/b.c
move: A dir/moved.c D dir/sub/c.c
empty:
theirs: A dir/d.c
`
	for _, format := range []string{"sha256", "sha1"} {
		r := gittest.New(t, "init --object-format="+format+" main\n"+changing)
		got := deltas(t, open(t, r.Dir, "git"), r, "root", "edit", "move", "empty", "theirs")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

// TestDeltasPartly: commits whose trees are missing, as in a partial clone, are
// left out and the others read.
func TestDeltasPartly(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, changing)
	tree := strings.TrimSpace(r.Git("rev-parse", r.Hash("move").String()+":dir"))
	if err := os.Remove(filepath.Join(r.GitDir(), "objects", tree[:2], tree[2:])); err != nil {
		t.Fatal(err)
	}
	got := deltas(t, open(t, r.Dir, "git"), r, "root", "edit", "move", "empty", "theirs")
	want := `root: A a.c A dir/b.c A dir/sub/c.c A with blank
edit: M a.c M dir/b.c
empty:
theirs: A dir/d.c
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
