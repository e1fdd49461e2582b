package index_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/index/intact"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// halting is a repository whose readings get stuck in the middle, while it is told
// to, until they are cancelled.
type halting struct {
	*gitrepo.Repository
	halts    atomic.Bool
	readings atomic.Int32 // that got stuck, or would have
	stuck    chan struct{}
}

func (s *halting) halt(ctx context.Context, n int) error {
	if n != 2_200 { // beyond what makes a task
		return nil
	}
	s.readings.Add(1)
	if !s.halts.Load() {
		return nil
	}
	select {
	case s.stuck <- struct{}{}:
		<-ctx.Done()
	case <-ctx.Done(): // another one was cancelled
	}
	return ctx.Err()
}

func (s *halting) Walk(ctx context.Context, want, have []history.Hash, fn func(*history.Commit) error) error {
	n := 0
	return s.Repository.Walk(ctx, want, have, func(c *history.Commit) error {
		n++
		return errors.Join(s.halt(ctx, n), fn(c))
	})
}

func (s *halting) Commits(ctx context.Context, hashes []history.Hash, fn func(*history.Commit) error) error {
	if len(hashes) > 1_000 { // the words of a batch
		if err := s.halt(ctx, 2_200); err != nil {
			return err
		}
	}
	return s.Repository.Commits(ctx, hashes, fn)
}

func (s *halting) Changes(ctx context.Context, hashes []history.Hash, fn func(history.Hash, []string) error) error {
	if len(hashes) > 1_000 {
		if err := s.halt(ctx, 2_200); err != nil {
			return err
		}
	}
	return s.Repository.Changes(ctx, hashes, fn)
}

// TestCancel cancels each kind of background work: it ends as cancelled, who waits
// for it is told, changes of refs do not begin it again, and who asks has it done.
func TestCancel(t *testing.T) {
	r := gittest.New(t, "init main\n")
	var stream strings.Builder
	for i := range 3_000 {
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter %s <%s> %d +0000\ndata <<END\nChange %d\nEND\n\n", gittest.Name, gittest.Email, gittest.Epoch+i, i)
	}
	r.Import(stream.String())
	ctx := deadline(t)
	loc, err := gitrepo.Discover(ctx, r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	git, err := gitrepo.Open(ctx, loc, gitrepo.Options{ViewDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	src := &halting{Repository: git, stuck: make(chan struct{})}
	tracker := task.New(task.Options{})
	i, err := index.Open(src, index.Options{Name: "test", Dir: t.TempDir(), HashSize: 20, Tracker: tracker})
	if err != nil {
		t.Fatal(err)
	}
	src.halts.Store(true)
	i.Start(context.Background())
	x := opened{Index: i, git: git}
	defer x.close(t)

	// cancel waits until the work is under way, and cancels it.
	cancel := func(kind string) (id string) {
		t.Helper()
		select {
		case <-src.stuck:
		case <-ctx.Done():
			t.Fatalf("%s was not begun: %+v", kind, tracker.List())
		}
		for _, info := range tracker.List() {
			if info.Kind == kind && info.State == task.Running {
				id = info.ID
			}
		}
		if !tracker.Cancel(id) {
			t.Fatalf("no %s runs: %+v", kind, tracker.List())
		}
		return id
	}
	state := func(id string) task.State {
		for _, info := range tracker.List() {
			if info.ID == id {
				return info.State
			}
		}
		return ""
	}
	for _, c := range []struct {
		kind   string
		wait   func(context.Context) error
		settle func(context.Context) error
	}{
		{"read", i.WaitGraph, i.SettleGraph},
		{"words", i.WaitWords, i.Settle},
		{"paths", i.WaitPaths, i.SettleGraph},
	} {
		src.halts.Store(true)
		waited := make(chan error, 1)
		go func() { waited <- c.wait(ctx) }()
		id := cancel(c.kind)
		if err := <-waited; !errors.Is(err, task.ErrCancelled) || !strings.Contains(err.Error(), "was cancelled") {
			t.Errorf("%s: who waits is told %v", c.kind, err)
		}
		if got := state(id); got != task.Cancelled {
			t.Errorf("%s: it is %s", c.kind, got)
		}
		before := src.readings.Load()
		r.Do("commit more-" + c.kind + " \"More\"")
		for range 3 { // changes of refs
			i.Refresh()
			if err := c.settle(ctx); errors.Is(err, task.ErrCancelled) != (c.kind != "paths") {
				t.Errorf("%s: a look at it says %v", c.kind, err)
			}
		}
		if c.kind == "paths" {
			if _, err := x.search(t, i.Snapshot(), "file:src"); !errors.Is(err, task.ErrCancelled) {
				t.Errorf("file: says %v", err)
			}
		}
		if n := src.readings.Load(); n != before {
			t.Errorf("%s: it was begun again by itself, %d times", c.kind, n-before)
		}
		src.halts.Store(false)
		if err := c.wait(ctx); err != nil {
			t.Errorf("%s: asked for again: %v", c.kind, err)
		}
		if n := src.readings.Load(); n == before {
			t.Errorf("%s: it was not begun again", c.kind)
		}
	}

	// A rebuild that is cancelled leaves what there was.
	src.halts.Store(true)
	i.Reindex()
	id := cancel("reindex")
	for state(id) != task.Cancelled && ctx.Err() == nil {
		if err := i.SettleGraph(ctx); err != nil && !errors.Is(err, task.ErrCancelled) {
			t.Fatal(err)
		}
	}
	r.Do(`commit last "Last"`)
	if err := i.WaitGraph(ctx); err != nil {
		t.Fatal(err)
	}
	if s := i.Snapshot(); s.Behind() || s.Graph.Len() != 3_004 {
		t.Errorf("after a cancelled rebuild: behind %t, %d commits", s.Behind(), s.Graph.Len())
	}
}

// TestClosedWhole: an index that closes leaves no files behind that its merges made
// superfluous.
func TestClosedWhole(t *testing.T) {
	t.Parallel()
	r, store := gittest.New(t, "init main\n"), t.TempDir()
	var stream strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter %s <%s> %d +0000\ndata 9\nw%08x\n", gittest.Name, gittest.Email, gittest.Epoch+i, i)
	}
	r.Import(stream.String())
	x, err := openIndex(r.Dir, store, true)
	if err != nil {
		t.Fatal(err)
	}
	x.Start(t.Context())
	x.wait(t)
	x.close(t)
	files, err := filepath.Glob(filepath.Join(x.dir, "*", "text", "store", "*.zap"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	named, err := intact.Segments(filepath.Dir(filepath.Dir(files[0])))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !named[filepath.Base(file)] {
			t.Errorf("%s is left behind; the index has %v", file, named)
		}
	}
}
