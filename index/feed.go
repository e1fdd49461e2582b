package index

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// feeders is how many batches are built at once. Bleve's own analysis is
// bypassed. Two keep two cores busy; more only cost memory.
const feeders = 2

// heldCommits keeps the messages of a walk for the text index, up to a number
// of bytes: what does not fit is read a second time.
type heldCommits struct {
	mu      sync.Mutex
	bytes   int
	commits map[history.Hash]*history.Commit
}

// maxHeld is the number of bytes of messages held. The smaller histories fit,
// and the larger ones take long enough for a second read not to matter.
const maxHeld = 96 << 20

func (h *heldCommits) put(c *history.Commit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.bytes > maxHeld {
		return
	}
	if h.commits == nil {
		h.commits = map[history.Hash]*history.Commit{}
	}
	h.bytes += len(c.Message) + 300
	h.commits[c.Hash] = c
}

func (h *heldCommits) take(hash history.Hash) *history.Commit {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.commits[hash]
	if c != nil {
		h.bytes -= len(c.Message) + 300
		delete(h.commits, hash)
	}
	return c
}

func (h *heldCommits) drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.commits, h.bytes = nil, 0
}

// feed indexes the words of commits that the graph has and the text index has
// not, whenever there are some.
func (x *Index) feed(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.feeds:
		}
		x.mu.Lock()
		wanted := x.words && (x.wordErr == nil || !errors.Is(x.wordErr, errHeld)) && x.looked
		x.mu.Unlock()
		if !wanted {
			continue
		}
		err := x.feedAll(ctx)
		signal(x.pathFeeds)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			x.log.Warn("indexing words", "error", err)
		}
		x.held.drop()
		x.notify(func() {
			if x.wordErr == nil || err != nil {
				x.wordErr = err
			}
		})
	}
}

// feedAll brings the text index of the graph's numbering up to what is saved of
// the graph. Words never run ahead of the graph on disk: a position that a kill
// took back could be given to another commit.
func (x *Index) feedAll(ctx context.Context) error {
	if !x.store.held.Load() {
		return nil
	}
	gen, g, end, err := x.toFeed()
	if err != nil {
		return err
	}
	if missing := end - int(gen.words.covered.Load()); missing > 0 {
		var op *task.Task
		if missing >= bigWalk {
			op, ctx = x.opt.Tracker.Start(ctx, "words", "indexing words", x.opt.Name)
		}
		err := x.feedGraph(ctx, g, end, gen.words, op)
		if op != nil {
			op.End(err)
		}
		if err != nil {
			return err
		}
	}
	return x.adopt(gen)
}

// toFeed opens the text index that is to be fed, and says up to where.
func (x *Index) toFeed() (gen *generation, g *graph.Graph, end int, err error) {
	x.genMu.Lock()
	defer x.genMu.Unlock()
	for _, s := range x.stale {
		if s.words != nil {
			err = errors.Join(err, s.words.close())
		}
	}
	x.stale = nil
	if err != nil {
		return nil, nil, 0, fmt.Errorf("closing an overtaken text index: %w", err)
	}
	gen, g = x.numbering(), x.snap.Load().Graph
	if gen.words == nil {
		w, rebuilt, err := openWords(x.store.textDir(gen.number), gen.number)
		if rebuilt != nil {
			x.log.Warn("the text index is built anew", "error", rebuilt)
		}
		if err != nil {
			return nil, nil, 0, err
		}
		gen.words = w
		x.reviewLocked()
	}
	return gen, g, min(gen.saved, g.Len()), nil
}

// adopt puts a generation that is whole into use and removes the one before.
func (x *Index) adopt(gen *generation) error {
	x.genMu.Lock()
	if gen != x.next {
		x.genMu.Unlock()
		return nil
	}
	if err := x.store.use(gen.manifest(x.opt.Location)); err != nil {
		x.genMu.Unlock()
		return err
	}
	old := x.gen
	x.gen, x.next, x.replaced = gen, nil, nil
	x.reviewLocked()
	x.genMu.Unlock()
	var err error
	if old.words != nil {
		err = old.words.close()
	}
	if old.paths != nil {
		old.paths.Close() // what it knows answers until the new one knows it too
	}
	return errors.Join(err, x.store.sweep(gen.number))
}

// span is a run of positions with their commits; nil for one that is missing.
type span struct {
	start, end int
	commits    []*history.Commit
}

// feedGraph indexes the words of all positions before end that are not covered. One
// goroutine reads, feeders write; whatever is done when ctx ends is kept.
func (x *Index) feedGraph(ctx context.Context, g *graph.Graph, end int, w *words, op *task.Task) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	first := int(w.covered.Load())
	spans := make(chan span)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		done int
	)
	for worker := range feeders {
		wg.Go(func() {
			for s := range spans {
				if err := w.add(worker, s); err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				done += s.end - s.start
				if err := w.advance(); err != nil {
					cancel(err)
				}
				if op != nil {
					op.Progress("", int64(first+done), int64(end))
				}
				mu.Unlock()
			}
		})
	}
	err := x.spans(ctx, g, first, end, spans)
	close(spans)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// spans reads the commits of the positions [first, end) and sends them in order.
func (x *Index) spans(ctx context.Context, g *graph.Graph, first, end int, out chan<- span) error {
	for start := first; start < end; start += batchSize {
		s := span{start: start, end: min(start+batchSize, end)}
		s.commits = make([]*history.Commit, s.end-s.start)
		var absent []history.Hash
		for i := range s.commits {
			h := g.Hash(graph.Pos(start + i))
			if s.commits[i] = x.held.take(h); s.commits[i] == nil {
				absent = append(absent, h)
			}
		}
		if len(absent) > 0 {
			err := x.src.Commits(ctx, absent, func(c *history.Commit) error {
				if p, ok := g.Pos(c.Hash); ok && int(p) >= s.start && int(p) < s.end {
					s.commits[int(p)-s.start] = c
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("reading commits: %w", err)
			}
		}
		select {
		case out <- s:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
