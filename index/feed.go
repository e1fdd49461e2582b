package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

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
		// Where another process keeps words, a second set costs memory that is spent
		// only when somebody waits for it.
		wanted := x.words && x.looked && !x.rests[partWords] && (x.waited || !errors.Is(x.kept[keptStore], ErrHeld))
		x.mu.Unlock()
		if !wanted {
			continue
		}
		err := x.feedAll(ctx)
		signal(x.pathFeeds)
		if ctx.Err() != nil {
			return
		}
		x.held.drop()
		if errors.Is(err, task.ErrCancelled) {
			x.rest(partWords)
			continue
		}
		if err != nil {
			x.log.Warn("indexing words", "error", err)
		}
		x.notify(func() { x.wordErr = err })
	}
}

// feedAll brings the text index of the graph's numbering up to the graph: on
// disk, and where that is not possible, in memory.
func (x *Index) feedAll(ctx context.Context) error {
	unkept, err := x.mend()
	if err != nil {
		return err
	}
	gen, g, err := x.toFeed()
	if err != nil || gen.broken { // the new generation comes with a signal
		return err
	}
	if x.store.held.Load() {
		before := x.mends
		switch {
		case unkept != nil: // mend has said so
		case x.refused.err != nil && x.refused.graph == g && time.Since(x.refused.at) < diskRetry:
			unkept = x.refused.err
		default:
			unkept = x.feedDisk(ctx, gen, g)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(unkept, task.ErrCancelled) {
			return unkept
		}
		if w := gen.words; w != nil && w.failedWith().mendable() {
			return nil // which comes with a signal
		}
		if unkept != x.refused.err && x.mends == before {
			x.refused = refusal{g, time.Now(), unkept}
		}
		x.keep(keptWords, unkept)
	}
	x.mu.Lock()
	why := x.notKept()
	x.mu.Unlock()
	if why != nil && gen.missing(g) > 0 {
		if err := x.feedMemory(ctx, gen, g, why); err != nil {
			return err
		}
	}
	if gen.missing(g) > 0 { // the graph is not saved yet; that comes with a signal
		return nil
	}
	return x.adopt(gen)
}

// missing is how many commits of the graph, which is in the generation's
// numbering, have no words. It is for the feeder alone.
func (gen *generation) missing(g *graph.Graph) int {
	if gen.words == nil {
		return max(g.Len(), 1)
	}
	return max(0, g.Len()-int(gen.words.covered.Load()))
}

// refusal is why the disk did not take the words of a graph, if err is not nil.
type refusal struct {
	graph *graph.Graph
	at    time.Time
	err   error
}

// diskRetry is how long a disk that had no room is left alone while there is
// nothing new to write: each try is much work.
const diskRetry = 30 * time.Second

// maxMends bounds how often a process builds text indexes anew that fail: what
// fails again is no damage.
const maxMends = 3

var errFailing = errors.New("the text index fails again and again; please report what the log says")

// mend drops text indexes that failed. unkept says that this was for want of
// room, so that another try has to wait.
func (x *Index) mend() (unkept, err error) {
	x.genMu.Lock()
	var failed []*words
	for _, gen := range []*generation{x.gen, x.next} {
		if gen == nil || gen.words == nil {
			continue
		}
		if f := gen.words.failedWith(); f != nil {
			failed = append(failed, gen.words)
			gen.words, gen.broken = nil, f.stuck
		}
	}
	if len(failed) > 0 {
		x.reviewLocked()
	}
	x.genMu.Unlock()
	for _, w := range failed {
		f := w.failedWith()
		err = errors.Join(err, contained(w.close))
		if !f.mendable() {
			unkept = f.err
			continue
		}
		x.log.Warn("the text index is built anew", "reason", f.err)
		x.mends++
		switch {
		case x.mends > maxMends:
		case f.stuck: // what is left of it may still write into its directory
			x.Reindex()
		case w.dir != "":
			err = errors.Join(err, os.RemoveAll(w.dir))
		}
	}
	if x.mends > maxMends {
		err = errFailing
	}
	return unkept, err
}

// toFeed closes what was overtaken and says what is to be fed.
func (x *Index) toFeed() (*generation, *graph.Graph, error) {
	x.genMu.Lock()
	stale := x.stale
	x.stale = nil
	gen, g := x.numbering(), x.snap.Load().Graph
	x.genMu.Unlock()
	var err error
	for _, s := range stale {
		if s.words != nil {
			err = errors.Join(err, s.words.close())
		}
		if s.paths != nil {
			s.paths.Close()
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("closing an overtaken text index: %w", err)
	}
	return gen, g, nil
}

// put makes w the words of a generation and closes those before. Where the
// generation was overtaken meanwhile it closes w instead, and says so.
func (x *Index) put(gen *generation, w *words) (overtaken bool, err error) {
	x.genMu.Lock()
	old := w
	if overtaken = gen != x.gen && gen != x.next; !overtaken {
		old, gen.words = gen.words, w
		x.reviewLocked()
	}
	// Nobody sweeps what was opened after the generation was swept.
	left := overtaken && old != nil && old.dir != "" && gen.number != x.gen.number && gen.number != x.numbering().number
	x.genMu.Unlock()
	if old != nil {
		err = old.close()
	}
	if left {
		err = errors.Join(err, os.RemoveAll(x.store.generationDir(gen.number)))
	}
	return overtaken, err
}

// open opens a text index for a generation.
func (x *Index) open(gen *generation, g *graph.Graph, dir string, readOnly bool) (*words, error) {
	w, rebuilt, err := openWords(wordsOptions{dir: dir, generation: gen.number, graph: g, readOnly: readOnly, onFail: func() { signal(x.feeds) }})
	if rebuilt != nil {
		x.log.Warn("the text index is built anew", "reason", rebuilt)
	}
	return w, err
}

// feedDisk feeds the text index on disk, up to what is saved of the graph. Words
// never run ahead of the graph on disk: a position that a kill took back could be
// given to another commit. An error leaves the generation without words on disk.
func (x *Index) feedDisk(ctx context.Context, gen *generation, g *graph.Graph) error {
	if gen.words != nil && gen.words.readOnly {
		if _, err := x.put(gen, nil); err != nil {
			return err
		}
	}
	w := gen.words
	if w == nil || w.dir == "" {
		var err error
		if w, err = x.open(gen, g, x.store.textDir(gen.number), false); err != nil {
			return err
		}
		if gen.words == nil { // it answers while it grows
			if overtaken, err := x.put(gen, w); overtaken || err != nil {
				return err
			}
		}
	}
	x.genMu.Lock()
	end := min(gen.saved, g.Len())
	x.genMu.Unlock()
	w.feeding.Store(true)
	err := x.feedTo(ctx, g, end, w)
	w.feeding.Store(false)
	f := w.failedWith()
	if err == nil && f != nil {
		err = f.err
	}
	switch {
	case gen.words == w && (err == nil || ctx.Err() != nil || errors.Is(err, task.ErrCancelled) || f.mendable()):
		return err
	case gen.words == w:
		_, closeErr := x.put(gen, nil)
		return errors.Join(err, closeErr)
	case f.mendable(): // those in memory answer; mend bounds the tries
		x.mends++
		fallthrough
	case err != nil || end < g.Len(): // those in memory have more
		return errors.Join(err, w.close())
	}
	_, err = x.put(gen, w)
	return err
}

// maxInMemory is how many commits' words are held in memory where they cannot be
// kept on disk: about two kilobytes each, at the peak.
const maxInMemory = 200_000

// feedMemory answers without the disk, as well as that goes: from what is there,
// if it can be read, or with words in memory.
func (x *Index) feedMemory(ctx context.Context, gen *generation, g *graph.Graph, why error) error {
	if gen.words == nil && x.store.held.Load() {
		w, err := x.open(gen, g, x.store.textDir(gen.number), true)
		if err != nil {
			x.log.Debug("the text index on disk does not answer", "error", err)
		} else if overtaken, err := x.put(gen, w); overtaken || err != nil {
			return err
		}
	}
	w := gen.words
	if w == nil || w.dir != "" {
		if gen.missing(g) == 0 {
			return nil
		}
		if g.Len() > maxInMemory {
			return fmt.Errorf("the words of %d commits are too many for memory, and %w", g.Len(), why)
		}
		var err error
		if w, err = x.open(gen, g, "", false); err != nil {
			return err
		}
		if gen.words == nil {
			if overtaken, err := x.put(gen, w); overtaken || err != nil {
				return err
			}
		}
	}
	err := x.feedTo(ctx, g, g.Len(), w)
	if gen.words == w {
		return err
	}
	if err != nil {
		return errors.Join(err, w.close())
	}
	_, err = x.put(gen, w)
	return err
}

// feedTo indexes the words of all positions before end.
func (x *Index) feedTo(ctx context.Context, g *graph.Graph, end int, w *words) error {
	missing := end - int(w.covered.Load())
	if missing <= 0 {
		return nil
	}
	op, ctx := x.opt.Tracker.Prepare(ctx, "words", doing[partWords], x.opt.Name)
	if missing >= bigWalk {
		op.Begin()
	}
	err := task.Cause(ctx, x.feedGraph(ctx, g, end, w, op))
	op.End(err)
	return err
}

// adopt puts a generation that is whole into use and removes the one before.
func (x *Index) adopt(gen *generation) error {
	x.genMu.Lock()
	if gen != x.next {
		x.genMu.Unlock()
		return nil
	}
	var unkept error
	onDisk := x.store.held.Load() && gen.words.dir != "" && gen.saved >= int(gen.words.covered.Load())
	if onDisk {
		unkept = x.store.use(gen.manifest(x.opt.Location))
	}
	if !onDisk || unkept != nil {
		x.onDisk = nil // the manifest still names the one before: saving writes both
	}
	old := x.gen
	x.gen, x.next, x.replaced = gen, nil, nil
	x.reviewLocked()
	x.genMu.Unlock()
	if unkept != nil {
		x.keep(keptGraph, unkept)
	}
	var err error
	if old.words != nil {
		err = old.words.close()
	}
	if old.paths != nil {
		old.paths.Close() // what it knows answers until the new one knows it too
	}
	if onDisk && unkept == nil {
		err = errors.Join(err, os.RemoveAll(x.store.generationDir(old.number)))
	}
	return err
}

// span is a run of positions with their commits; nil for one that is missing.
type span struct {
	start, end int
	commits    []*history.Commit
	sum        []byte // of their names
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
				release, err := x.opt.Turns.take(ctx)
				if err == nil {
					err = w.add(worker, s, x.opt.Turns)
					release()
				}
				if err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				done += s.end - s.start
				if err := w.advance(); err != nil {
					cancel(err)
				}
				op.Progress("", int64(first+done), int64(end))
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
		s.commits, s.sum = make([]*history.Commit, s.end-s.start), spanSum(g, s.start, s.end)
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
