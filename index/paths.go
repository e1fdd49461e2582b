package index

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/paths"
	"github.com/cabhfuil/cabhfuil-lsp/index/query"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// pathView is a path index seen through the positions of one generation of
// graphs.
type pathView struct {
	store *paths.Store
	// from is the last graph in the store's own numbering, where that is another
	// one: a rebuild is under way.
	from *graph.Graph
}

// pathReaders is how many readings of changes run at once: each is a git process
// that keeps a core busy.
const pathReaders = 2

// pathShare is how many commits each of them reads before what they found is
// written: what a kill loses.
const pathShare = 4096

// fewPaths is how many commits are not worth a second process.
const fewPaths = 256

// feedPaths indexes the paths of commits whose words are in, whenever there are
// some.
func (x *Index) feedPaths(ctx context.Context) {
	for {
		select {
		case <-x.pathFeeds:
		case <-ctx.Done():
			return
		}
		x.mu.Lock()
		rests := x.rests[partPaths]
		x.mu.Unlock()
		if rests {
			continue
		}
		err := x.feedAllPaths(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, task.ErrCancelled) {
			x.rest(partPaths)
			continue
		}
		if err != nil {
			x.log.Warn("indexing paths", "error", err)
		}
		x.notify(func() { x.pathErr = err })
	}
}

// wantPaths has the path index built from now on.
func (x *Index) wantPaths() {
	x.mu.Lock()
	x.pathsToo = true
	x.mu.Unlock()
}

// feedAllPaths brings the path index up to what is saved of the graph.
func (x *Index) feedAllPaths(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		gen, g, end, err := x.toFeedPaths()
		if err != nil || gen == nil {
			return err
		}
		err = x.feedPathsOf(ctx, gen.paths, g, end)
		switch {
		case err == nil:
			x.adoptPaths(gen)
			return nil
		case errors.Is(err, paths.ErrClosed):
			return nil // the generation was replaced
		case attempt == 0 && errors.Is(err, paths.ErrCorrupt):
			x.log.Warn("the path index is built anew", "error", err)
			if err := gen.paths.Drop(); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// toFeedPaths opens the path index that is to be fed, and says up to where; gen
// is nil while there is nothing to do. A generation that is built aside gets its
// words first, and its paths once it is in use.
func (x *Index) toFeedPaths() (gen *generation, g *graph.Graph, end int, err error) {
	x.mu.Lock()
	wanted := x.words && x.pathsToo && x.looked
	wordErr := x.wordErr
	x.mu.Unlock()
	if !wanted {
		return nil, nil, 0, nil
	}
	if !x.store.held.Load() {
		return nil, nil, 0, wordErr
	}
	x.genMu.Lock()
	defer x.genMu.Unlock()
	if x.next != nil {
		return nil, nil, 0, nil
	}
	gen, g = x.gen, x.snap.Load().Graph
	end = min(gen.saved, g.Len())
	if wordErr == nil && (gen.words == nil || int(gen.words.covered.Load()) < end) {
		return nil, nil, 0, nil
	}
	if gen.paths == nil {
		store, dropped, err := paths.Open(x.store.pathsDir(gen.number), g)
		if dropped != nil {
			x.log.Warn("the path index is built anew", "error", dropped)
		}
		if err != nil {
			return nil, nil, 0, err
		}
		gen.paths = store
		if x.paths == nil {
			x.paths = &pathView{store: store}
			x.reviewLocked()
		}
	}
	return gen, g, end, nil
}

// adoptPaths lets the paths of a generation answer, now that they are whole.
func (x *Index) adoptPaths(gen *generation) {
	x.genMu.Lock()
	defer x.genMu.Unlock()
	if x.next == nil && x.gen == gen && (x.paths == nil || x.paths.store != gen.paths) {
		x.paths = &pathView{store: gen.paths}
		x.reviewLocked()
	}
}

// feedPathsOf indexes the paths of all positions before end that are not
// covered. Whatever is written when ctx ends is kept.
func (x *Index) feedPathsOf(ctx context.Context, store *paths.Store, g *graph.Graph, end int) (err error) {
	covered := store.Set().Covered()
	if covered >= end {
		return nil
	}
	op, ctx := x.opt.Tracker.Prepare(ctx, "paths", doing[partPaths], x.opt.Name)
	defer func() { op.End(err) }()
	if end-covered >= bigWalk {
		op.Begin()
	}
	var done atomic.Int64
	done.Store(int64(covered))
	for covered < end {
		upTo := min(covered+pathReaders*pathShare, end)
		builders, err := x.readChanges(ctx, g, covered, upTo, func() {
			if n := done.Add(1); n%256 == 0 {
				op.Progress("", n, int64(end))
			}
		})
		if err == nil {
			err = store.Add(g, builders...)
		}
		if err != nil {
			return task.Cause(ctx, err)
		}
		covered = upTo
		done.Store(int64(covered))
	}
	return nil
}

// readChanges reads what the commits at [start, end) changed, with several
// processes side by side where there are many.
func (x *Index) readChanges(ctx context.Context, g *graph.Graph, start, end int, each func()) ([]*paths.Builder, error) {
	share := max(fewPaths, (end-start+pathReaders-1)/pathReaders)
	var builders []*paths.Builder
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var readers sync.WaitGroup
	for at := start; at < end; at += share {
		first, last := graph.Pos(at), graph.Pos(min(at+share, end))
		b := paths.NewBuilder(g, first, last)
		builders = append(builders, b)
		readers.Go(func() {
			hashes := make([]history.Hash, 0, last-first)
			for p := first; p < last; p++ {
				hashes = append(hashes, g.Hash(p))
			}
			err := x.src.Changes(ctx, hashes, func(h history.Hash, changed []string) error {
				p, ok := g.Pos(h)
				if !ok {
					return fmt.Errorf("commit %s was not asked for", h)
				}
				x.opt.Turns.pause()
				b.Add(p, changed)
				each()
				return nil
			})
			if err != nil {
				cancel(fmt.Errorf("reading changes: %w", err))
			}
		})
	}
	readers.Wait()
	return builders, context.Cause(ctx)
}

// PathsPending is the number of commits whose paths are not indexed yet.
func (s *Snapshot) PathsPending() int {
	if s.paths == nil || s.paths.from != nil {
		return max(s.Graph.Len(), 1)
	}
	return max(0, s.Graph.Len()-s.paths.store.Set().Covered())
}

// PathLimits are the reasons why an answer about paths may fall short, besides
// those of Limits.
func (s *Snapshot) PathLimits() []history.Limit {
	var limits []history.Limit
	if s.PathsPending() > 0 {
		limits = append(limits, history.LimitPathsPending)
	}
	if s.paths != nil && s.paths.store.Set().Unread() > 0 {
		limits = append(limits, history.LimitPartial)
	}
	return limits
}

// ErrNoPaths is returned by searches for paths while none are indexed at all.
var ErrNoPaths = errors.New("paths are not indexed yet")

// file matches the commits that changed a path. What matches counts as matching
// the subject, as for filters.
func (e *evaluation) file(f *query.File) (result, error) {
	r := e.empty()
	pattern, ok := paths.NewPattern(f.Path)
	if !ok {
		return r, fmt.Errorf("file:%s names no path", f.Path)
	}
	view, x := e.snap.paths, e.snap.index
	x.mu.Lock()
	failed := x.pathErr
	x.mu.Unlock()
	if failed != nil && e.snap.PathsPending() > 0 {
		return r, fmt.Errorf("file: %w", failed)
	}
	if view == nil {
		x.wantPaths()
		signal(x.pathFeeds)
		return r, ErrNoPaths
	}
	err := view.store.Set().Each(e.ctx, pattern, func(p graph.Pos) {
		r.all.add(translate(p, view.from, e.snap.Graph))
	})
	if errors.Is(err, paths.ErrCorrupt) {
		err = errors.Join(err, view.store.Drop())
		signal(x.pathFeeds)
	}
	r.subject = r.all.clone()
	return r, err
}
