package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/line"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cores"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// facts reads what messages say while a walk goes on, side by side with it.
type factReader struct {
	facts *lineage.Facts
	work  sync.WaitGroup
	batch []*history.Commit
	send  chan []*history.Commit

	mu   sync.Mutex
	read map[history.Hash]lineage.Fact
}

// factBatch is how many commits go to a reader at once.
const factBatch = 256

func readFacts(f *lineage.Facts) *factReader {
	r := &factReader{facts: f, send: make(chan []*history.Commit, 4), read: map[history.Hash]lineage.Fact{}}
	for range min(cores.Count(), 4) {
		r.work.Go(func() {
			for batch := range r.send {
				facts := make([]lineage.Fact, len(batch))
				for i, c := range batch {
					facts[i] = f.Read(c.Message)
				}
				r.mu.Lock()
				for i, c := range batch {
					r.read[c.Hash] = facts[i]
				}
				r.mu.Unlock()
			}
		})
	}
	return r
}

func (r *factReader) put(c *history.Commit) {
	if r.batch = append(r.batch, c); len(r.batch) == factBatch {
		r.send <- r.batch
		r.batch = make([]*history.Commit, 0, factBatch)
	}
}

// wait ends the readers and returns what they read.
func (r *factReader) wait() map[history.Hash]lineage.Fact {
	r.send <- r.batch
	close(r.send)
	r.work.Wait()
	return r.read
}

// learn brings the facts up to the graph: from what a walk read, and for what is
// missing there from the commits themselves.
func (x *Index) learn(ctx context.Context, g *graph.Graph, f *lineage.Facts, read map[history.Hash]lineage.Fact) (*lineage.Facts, error) {
	first, n := f.Len(), g.Len()
	if first >= n {
		return f, nil
	}
	fresh := make([]lineage.Fact, n-first)
	var absent []history.Hash
	for i := range fresh {
		h := g.Hash(graph.Pos(first + i))
		fact, ok := read[h]
		if !ok {
			absent = append(absent, h)
		}
		fresh[i] = fact
	}
	if len(absent) > 0 {
		op, ctx := x.opt.Tracker.Prepare(ctx, "lineage", "reading messages", x.opt.Name)
		if len(absent) >= bigWalk {
			op.Begin()
		}
		done := 0
		err := x.src.Commits(ctx, absent, func(c *history.Commit) error {
			if p, ok := g.Pos(c.Hash); ok && int(p) >= first {
				fresh[int(p)-first] = f.Read(c.Message)
			}
			if done++; done%512 == 0 {
				op.Progress("", int64(done), int64(len(absent)))
			}
			return ctx.Err()
		})
		err = task.Cause(ctx, err)
		op.End(err)
		if err != nil {
			return f, fmt.Errorf("reading messages: %w", err)
		}
	}
	return f.Append(fresh), nil
}

// loadFacts reads the facts that are stored with a graph, or none.
func (x *Index) loadFacts(generation int, g *graph.Graph) {
	file := x.store.factsFile(generation)
	f, sum, err := lineage.Open(file, x.opt.Dialects, g)
	if err != nil {
		x.log.Warn("what messages say of other commits is read anew", "reason", err)
		x.discard(file)
		f, sum = lineage.NewFacts(x.opt.Dialects), 0
	}
	x.facts, x.savedFacts, x.factsSum = f, f, sum
}

// discard removes a file that is of no use, if it is ours.
func (x *Index) discard(file string) {
	if !x.store.held.Load() {
		return
	}
	if err := os.RemoveAll(file); err != nil {
		x.log.Warn("a file of the index that is of no use stays", "error", err)
	}
}

// linesOf are the lines of a graph as lineage asks for them.
func linesOf(g *graph.Graph, lines []line.Line) []lineage.Line {
	all := make([]lineage.Line, 0, len(lines))
	for _, l := range lines {
		if id, ok := g.RefByName(l.Ref); ok {
			all = append(all, lineage.Line{Ref: id, Upstream: l.Upstream, Ended: l.Ended})
		}
	}
	return all
}

// lineageOptions are how lineage is traced here.
func (x *Index) lineageOptions() lineage.Options {
	return lineage.Options{NoTrailers: x.opt.NoTrailers}
}

// traced is the file that the lineage of a graph is kept in; its zero value for one
// whose facts are not saved.
func (x *Index) traced(g *graph.Graph, f *lineage.Facts, lines []line.Line) lineage.Traced {
	if f != x.savedFacts || x.opt.Program == "" {
		return lineage.Traced{}
	}
	key := lineage.Key(g, f, x.factsSum, linesOf(g, lines), x.lineageOptions(), x.opt.Program)
	if key == 0 {
		return lineage.Traced{}
	}
	x.genMu.Lock()
	defer x.genMu.Unlock()
	return lineage.Traced{Path: x.store.tracedFile(x.numbering().number), Key: key}
}

// trace finds out what derives from what: kept says where that may stand.
func (x *Index) trace(ctx context.Context, g *graph.Graph, f *lineage.Facts, lines []line.Line, kept lineage.Traced) (*lineage.Lineage, error) {
	if kept.Key != 0 {
		l, err := kept.Load(g, f, linesOf(g, lines))
		switch {
		case err == nil:
			return l, nil
		case errors.Is(err, lineage.ErrUntraced), errors.Is(err, lineage.ErrFormat), errors.Is(err, os.ErrNotExist):
		default:
			x.log.Warn("what derives from what is traced anew", "reason", err)
			x.discard(kept.Path)
		}
	}
	l, err := lineage.Build(ctx, g, f, linesOf(g, lines), x.lineageOptions())
	if err != nil {
		return nil, fmt.Errorf("tracing copies: %w", err)
	}
	return l, nil
}

// earlyTrace is the lineage of a snapshot, traced while the refs are read again:
// mostly they have not moved since the snapshot was saved.
type earlyTrace struct {
	cancel context.CancelFunc
	done   chan struct{}
	found  *lineage.Lineage // nil where there was nothing to trace
	err    error
}

// traceEarly begins to trace a snapshot that lacks its lineage and whose facts are
// all known.
func (x *Index) traceEarly(ctx context.Context, s *Snapshot) *earlyTrace {
	e := &earlyTrace{done: make(chan struct{})}
	ctx, e.cancel = context.WithCancel(ctx)
	if n := s.Graph.Len(); s.lineage != nil || n == 0 || x.facts.Len() != n {
		close(e.done)
		return e
	}
	facts, kept := x.facts, x.traced(s.Graph, x.facts, s.Lines)
	go func() {
		defer close(e.done)
		e.found, e.err = x.trace(ctx, s.Graph, facts, s.Lines, kept)
	}()
	return e
}

func (e *earlyTrace) wait() (*lineage.Lineage, error) {
	<-e.done
	return e.found, e.err
}

// end gives up what nobody waited for.
func (e *earlyTrace) end() {
	e.cancel()
	<-e.done
}

// publishLineage gives the present snapshot its lineage, or takes it with nil.
func (x *Index) publishLineage(l *lineage.Lineage) {
	x.genMu.Lock()
	s := *x.snap.Load()
	s.lineage, s.facts = l, x.facts
	x.snap.Store(&s)
	x.genMu.Unlock()
	x.notify(nil)
	signal(x.compares)
}

// saveLineage writes the facts, and what was traced from them, where they are not
// on disk yet. The next process reads and traces anew what was not saved.
func (x *Index) saveLineage(generation int, g *graph.Graph) {
	if x.savedFacts != x.facts && x.facts.Len() > 0 {
		sum, err := x.facts.Save(x.store.factsFile(generation), g)
		if err != nil {
			x.log.Warn("what messages say was not saved", "error", err)
			return
		}
		x.savedFacts, x.factsSum = x.facts, sum
	}
	s := x.snap.Load()
	if s.lineage == nil || s.lineage == x.savedLineage || s.Graph != g || s.facts != x.savedFacts {
		return
	}
	x.savedLineage = s.lineage
	if kept := x.traced(g, s.facts, s.Lines); kept.Key != 0 && !kept.IsKept() {
		if err := kept.Save(s.lineage); err != nil {
			x.log.Warn("what derives from what was not saved", "error", err)
		}
	}
}
