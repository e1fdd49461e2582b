package index_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// TestLineageGrows holds that an index which saw pushes, force-pushes, branches
// come and go, and a restart, tells the same landings as one that is made anew.
func TestLineageGrows(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, `
commit base "Add the engine"
branch stable/1
branch stable/2
commit leak "Fix leak" id
commit again "Fix double free" again
-- id --
Change-Id: I0123456789abcdef0123456789abcdef01234567
-- again --
Fixes: ${leak:12} ("Fix leak")
`)
	store := t.TempDir()
	var x opened
	reopen := func() {
		var err error
		if x, err = openIndex(r.Dir, store, false); err != nil {
			t.Fatal(err)
		}
		x.Start(context.Background())
	}
	reopen()
	t.Cleanup(func() { x.close(t) })
	for i, step := range []string{
		"checkout stable/1\ncherry-pick leak1 -x leak\ntag v1.1",
		"revert unleak1 leak1",
		"checkout stable/2\ncherry-pick leak2 -x leak1\ncherry-pick again2 -x again",
		"checkout stable/1\nrevert reunleak1 unleak1",
		"git reset -q --hard v1.1", // the revert and its revert are gone
		"tick -72h\ncommit late1 \"Fix what is older\"\ntick 72h\ncheckout main\ncherry-pick late -x late1",
		"git branch -q -D stable/1", // v1.1 still has leak1
		"git tag -d v1.1",           // what leak2 is a copy of is gone
		"revert unleak leak\nbranch stable/1 main~3",
		"git checkout -q -b topic ${base}\ncommit t1 \"Begin the topic\"\ncommit t2 \"End the topic\"\ncheckout main\nmerge m topic\nrevert unm -m1 m\ngit branch -D topic",
		"checkout stable/1\nmerge back stable/2",
		"checkout main\ngit reset -q --hard ${base}\ncommit anew \"Fix leak\" id\n-- id --\nChange-Id: I0123456789abcdef0123456789abcdef01234567",
		"git branch -m stable/2 stable/3",
		"git checkout -q -b draft main\ncommit drafted \"Add the valve\" valve.c=1\ncheckout stable/3\ncommit valve3 \"Have a valve, too\" valve.c=1",
		"checkout main\nmerge got draft", // what is compared by content was there before it came upstream
		"git reset -q --hard main~1",
	} {
		r.Do(step)
		if i%4 == 3 {
			x.close(t)
			reopen()
		}
		fresh := open(t, r.Dir, t.TempDir(), false)
		want, got := landingsOf(t, fresh), landingsOf(t, x)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after step %d, %q (-fresh +grown):\n%s", i, step, diff)
		}
		if len(want) == 0 {
			t.Error("nothing is told")
		}
	}
}

// unreadable is a repository whose changes cannot be read, for a while.
type unreadable struct {
	index.Source
	until *atomic.Bool
}

func (s unreadable) Deltas(ctx context.Context, hashes []history.Hash, fn func(history.Hash, []history.Delta) error) error {
	if !s.until.Load() {
		return errors.New("the changes cannot be read")
	}
	return s.Source.Deltas(ctx, hashes, fn)
}

// TestComparesAgain holds that a comparison which failed is waited for again by
// whoever asks later.
func TestComparesAgain(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "commit base \"Add the engine\"\nbranch stable/1\ncommit leak \"Fix leak\" a=1\ncheckout stable/1\ncommit leak1 \"Mend leak\" a=1")
	store := t.TempDir()
	whole, err := openIndex(r.Dir, store, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := whole.Index.Close(); err != nil { // its source is what is asked for
		t.Fatal(err)
	}
	var until atomic.Bool
	x, err := index.Open(unreadable{whole.git, &until}, index.Options{Name: "test", Program: "test", Dir: filepath.Join(store, "other"), HashSize: 20})
	if err != nil {
		t.Fatal(err)
	}
	x.Start(context.Background())
	t.Cleanup(func() { opened{Index: x, git: whole.git}.close(t) })
	for _, readable := range []bool{false, false, true} {
		until.Store(readable)
		if err := x.WaitLineage(deadline(t)); err != nil {
			t.Fatal(err)
		}
		if pending := x.Snapshot().LineagePending(); pending == readable {
			t.Errorf("readable %v: the lineage is pending %v", readable, pending)
		}
	}
}

// landingsOf is all that an index tells of the commits that refs have.
func landingsOf(t *testing.T, x opened) map[string]string {
	t.Helper()
	if err := x.WaitLineage(deadline(t)); err != nil {
		t.Fatal(err)
	}
	s := x.Snapshot()
	all := map[string]string{}
	for p := range graph.Pos(s.Graph.Len()) {
		if s.Graph.Reachable(p) {
			all[s.Graph.Hash(p).String()] = told(s, p)
		}
	}
	return all
}

func told(s *index.Snapshot, p graph.Pos) string {
	var rows []string
	for _, l := range s.Landings(p) {
		row := fmt.Sprint(l.Name, l.Status, l.Evidence, l.Needed)
		if l.Commit != nil {
			row += " as " + l.Commit.Short()
		}
		if l.FirstTag != nil {
			row += " since " + *l.FirstTag
		}
		if l.RevertedBy != nil {
			row += " reverted by " + l.RevertedBy.Short()
		}
		for _, h := range l.Incomplete {
			row += " without " + h.Short()
		}
		rows = append(rows, row)
	}
	for _, r := range s.Related(p) {
		rows = append(rows, fmt.Sprint(r.Relation, " ", s.Graph.Hash(r.Pos).Short(), r.Evidence))
	}
	slices.Sort(rows)
	return strings.Join(rows, "\n")
}
