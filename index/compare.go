package index

import (
	"context"
	"errors"
	"fmt"

	"github.com/cabhfuil/cabhfuil-lsp/index/lineage"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// outcome is what a comparison of contents came to, for the follower, which owns
// the facts.
type outcome struct {
	numbering int // the generation whose positions it speaks of
	compared  lineage.Compared
}

// compare looks for copies by what they changed, whenever that is wanted and some
// commit on a release line has no source yet. It comes last: words and paths are
// what people wait for.
func (x *Index) compare(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.compares:
		}
		x.mu.Lock()
		wanted := x.compareToo && x.looked && !x.rests[partContents]
		x.mu.Unlock()
		x.genMu.Lock()
		numbering := x.numbering().number
		snap := x.snap.Load()
		x.genMu.Unlock()
		if !wanted || snap.lineage == nil || snap.lineage.Complete() {
			continue
		}
		compared, err := x.compareOnce(ctx, snap)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, task.ErrCancelled) {
			x.rest(partContents)
			continue
		}
		if err != nil {
			x.log.Warn("comparing contents", "error", err)
			x.notify(func() { x.compareErr = err })
			continue
		}
		select {
		case x.outcomes <- outcome{numbering, compared}:
		case <-ctx.Done():
			return
		}
	}
}

func (x *Index) compareOnce(ctx context.Context, snap *Snapshot) (compared lineage.Compared, err error) {
	op, ctx := x.opt.Tracker.Prepare(ctx, "compare", doing[partContents], x.opt.Name)
	compared, err = snap.lineage.Compare(ctx, snap.facts, x.src, func(done, all int) {
		if all >= bigWalk {
			op.Begin()
		}
		op.Progress("", int64(done), int64(all))
	})
	err = task.Cause(ctx, err)
	op.End(err)
	if err != nil {
		return compared, fmt.Errorf("comparing contents: %w", err)
	}
	return compared, nil
}

// take puts an outcome into the facts, and traces with it.
func (x *Index) take(ctx context.Context, o outcome) {
	x.genMu.Lock()
	same := x.numbering().number == o.numbering
	x.genMu.Unlock()
	if !same {
		signal(x.compares)
		return
	}
	x.facts = x.facts.WithCompared(o.compared)
	snap := x.Snapshot()
	if err := x.retrace(ctx, snap.Graph, snap.Lines, nil); err != nil && ctx.Err() == nil {
		x.log.Warn("tracing copies", "error", err)
		x.notify(func() { x.compareErr = err })
	}
}

// wantComparison has contents compared from now on, also where that failed before.
func (x *Index) wantComparison() {
	x.resume(partContents)
	x.mu.Lock()
	x.compareToo, x.compareErr = true, nil
	x.mu.Unlock()
	signal(x.compares)
}
