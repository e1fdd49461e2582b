package gitrepo_test

import (
	"context"
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

const changing = `
commit root "Begin" a.c="1" dir/b.c="1" dir/sub/c.c="1" "with blank"="1"
branch topic
commit edit "Edit" a.c="2" dir/b.c="2"
commit move "Move" dir/sub/c.c= dir/moved.c="1"
git commit -q --allow-empty -m Nothing
label empty
checkout topic
commit theirs "On a topic" dir/d.c="1"
checkout main
merge clean topic
branch other edit
checkout other
commit conflict "Otherwise" a.c="3"
checkout main
merge evil --strategy=ours other
`

// changes are what Changes says, one line a commit: its label and the paths.
func changes(t *testing.T, src *gitrepo.Repository, r *gittest.Repo, labels ...string) string {
	t.Helper()
	var hashes []history.Hash
	for _, l := range labels {
		hashes = append(hashes, r.Hash(l))
	}
	var got strings.Builder
	err := src.Changes(context.Background(), hashes, func(h history.Hash, paths []string) error {
		got.WriteString(r.Labels(h)[0] + ": " + strings.Join(paths, ", ") + "\n")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return got.String()
}

func TestChanges(t *testing.T) {
	want := `root: a.c, dir/b.c, dir/sub/c.c, with blank
edit: a.c, dir/b.c
move: dir/moved.c, dir/sub/c.c
empty: 
theirs: dir/d.c
clean: dir/
evil: 
`
	for _, format := range []string{"sha256", "sha1"} {
		r := gittest.New(t, "init --object-format="+format+" main\n"+changing)
		got := changes(t, open(t, r.Dir, "git"), r, "root", "edit", "move", "empty", "theirs", "clean", "evil")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
	r := gittest.New(t, changing)
	src := open(t, r.Dir, "git")
	none := func(history.Hash, []string) error { return nil }
	if err := open(t, r.Dir, "go-git").Changes(context.Background(), []history.Hash{r.Hash("root")}, none); !errors.Is(err, gitrepo.ErrNeedsGit) {
		t.Errorf("without git: %v", err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := src.Changes(cancelled, []history.Hash{r.Hash("root")}, none); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	stop := errors.New("enough")
	if err := src.Changes(context.Background(), []history.Hash{r.Hash("root")}, func(history.Hash, []string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped: %v", err)
	}
}

// TestChangesPartly: commits whose trees are missing, as in a partial clone, are
// left out and the others read.
func TestChangesPartly(t *testing.T) {
	r := gittest.New(t, changing)
	tree := strings.TrimSpace(r.Git("rev-parse", r.Hash("move").String()+":dir"))
	if err := os.Remove(filepath.Join(r.GitDir(), "objects", tree[:2], tree[2:])); err != nil {
		t.Fatal(err)
	}
	got := changes(t, open(t, r.Dir, "git"), r, "root", "edit", "move", "empty", "theirs", "clean")
	want := `root: a.c, dir/b.c, dir/sub/c.c, with blank
edit: a.c, dir/b.c
empty: 
theirs: dir/d.c
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
