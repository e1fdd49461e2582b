package repos_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
)

// lose takes an object out of a repository, as a disk does.
func lose(t *testing.T, dir string, object string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "objects", object[:2], object[2:])); err != nil {
		t.Fatal(err)
	}
}

// TestRepair removes what killed processes left, and clones a damaged clone anew
// where that is asked for; a remote that does not answer costs nothing.
func TestRepair(t *testing.T) {
	g := gittest.New(t, history)
	home := t.TempDir()
	var told []string
	c := clones(home, func(o *repos.CloneOptions) {
		o.OnGone = func(name string) { told = append(told, "gone "+name) }
		o.OnSynced = func(_ context.Context, name, _ string) { told = append(told, "synced "+name) }
	})
	c.Set([]repos.Cloned{of("list", g.URL())})
	repair := func(what string, opt repos.Repair, problems, done string, beyond bool) {
		t.Helper()
		got, err := c.Repair(deadline(t), "list", opt)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if p := strings.Join(got.Problems, "; "); !strings.Contains(p, problems) || (problems == "") != (p == "") {
			t.Errorf("%s: the problems are %q, not %q", what, p, problems)
		}
		if d := strings.Join(got.Done, "; "); d != done || got.Beyond != beyond {
			t.Errorf("%s: done is %q, beyond repair %t", what, d, got.Beyond)
		}
	}
	repair("before it is cloned", repos.Repair{}, "", "", false)
	if _, err := c.Sync(deadline(t), nil, true); err != nil {
		t.Fatal(err)
	}
	dir := c.Ready()["list"]
	repair("a good one", repos.Repair{}, "", "", false)

	lock := filepath.Join("refs", "remotes", "origin", "main.lock")
	if err := os.WriteFile(filepath.Join(dir, lock), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	repair("with a lock, dry", repos.Repair{DryRun: true}, "a killed git left "+lock, "remove "+lock, false)
	repair("with a lock", repos.Repair{}, "a killed git left "+lock, "removed "+lock, false)
	if _, err := os.Stat(filepath.Join(dir, lock)); err == nil {
		t.Error("the lock is still there")
	}

	tip := g.Hash("one").String()
	lose(t, dir, tip)
	repair("damaged, dry", repos.Repair{DryRun: true, Anew: true}, tip, "clone it anew", false)
	repair("damaged, and nobody agreed", repos.Repair{}, tip, "", true)
	c.Set([]repos.Cloned{of("list", g.URL())})
	moved := g.Dir + "-elsewhere"
	if err := os.Rename(g.Dir, moved); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Repair(deadline(t), "list", repos.Repair{Anew: true}); !errors.Is(err, gitrepo.ErrNoRemote) || c.Ready()["list"] != dir {
		t.Errorf("the remote is not there: %v, ready are %v", err, c.Ready())
	}
	if err := os.Rename(moved, g.Dir); err != nil {
		t.Fatal(err)
	}
	told = nil
	repair("damaged", repos.Repair{Anew: true}, tip, "cloned anew", false)
	if got := strings.Join(told, ", "); got != "gone list, synced list" || !has(t, dir, tip) || c.Ready()["list"] != dir {
		t.Errorf("cloned anew: told %q, ready are %v", got, c.Ready())
	}
	repair("afterwards", repos.Repair{}, "", "", false)
	beside, err := filepath.Glob(filepath.Join(home, "clones", "*"))
	if err != nil || len(beside) != 2 { // with its lock
		t.Errorf("the clones' directory has %q: %v", beside, err)
	}
	if _, err := c.Repair(deadline(t), "lisp", repos.Repair{}); !errors.Is(err, repos.ErrNoClone) {
		t.Errorf("an unknown name: %v", err)
	}
}
