// Package index keeps what is known of one repository's commits: the graph that
// answers containment, and the words that answer searches. It owns the
// directory they are stored in, the one goroutine that follows the repository's
// refs, and the one that feeds the words.
//
// Its main types: Index (opened, started and closed by internal/repos) and
// Snapshot (an immutable state that every question is asked of). It is the only
// importer of bleve. It reads repositories through Source and never touches git
// or the network itself; no question waits for indexing unless it says so.
package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/line"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage"
	"github.com/cabhfuil/cabhfuil-lsp/index/paths"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// Source is the repository that an index reads. Its methods may be called from
// several goroutines.
type Source interface {
	// Refs reads the indexed refs as they are now. known tells commits that are
	// indexed already, so that refs to them need no look at the object.
	Refs(ctx context.Context, known func(history.Hash) bool) (history.Refs, error)
	// Walk calls fn with each commit that is reachable from want and not from
	// have, in any order. Hashes in have that the repository has no longer are
	// ignored, and commits that cannot be read are left out.
	Walk(ctx context.Context, want, have []history.Hash, fn func(*history.Commit) error) error
	// Commits calls fn with the commits in the order asked, leaving out those
	// whose objects are missing.
	Commits(ctx context.Context, hashes []history.Hash, fn func(*history.Commit) error) error
	// Changes calls fn with each of the commits, in the order asked, and the paths
	// that it changed; of a merge those that differ from every parent, and with a
	// slash at the end the directories that do. It leaves out commits whose trees
	// are missing.
	Changes(ctx context.Context, hashes []history.Hash, fn func(h history.Hash, paths []string) error) error
	// Deltas, Blobs and PatchIDs read what commits changed.
	lineage.Contents
	// Watch signals after refs may have changed, until ctx ends.
	Watch(ctx context.Context) (<-chan struct{}, error)
}

// Options configure an Index.
type Options struct {
	Name     string // the repository's, for progress and logs
	Dir      string // the index's own directory
	Location string // where the repository is, for people who look into Dir
	HashSize int    // bytes of an object name: 20 or 32
	Lines    line.Config
	Tracker  *task.Tracker
	Log      *slog.Logger
	// Words asks for the text index from the start, and Paths for that of paths,
	// and for the comparison of contents, once the words stand. Otherwise they are built when first asked for: a single
	// answer from the graph should not cost them, nor one about words the paths.
	Words, Paths bool
	// Dialects are how messages say what they copy, revert and fix; nil for the
	// built-in ones.
	Dialects *lineage.Dialects
	// Program tells this build of the program from others: what one of them traced is
	// traced anew by the next. With "" nothing that was traced is kept.
	Program string
	// NoTrailers leaves aside what messages say of copies, all but Change-Ids: to
	// measure how much the rest finds.
	NoTrailers bool
	// NoLineage leaves lineage out altogether: to measure what it costs.
	NoLineage bool
	// Turns is shared by all indexes of a process; nil for one that is alone.
	Turns *Turns
	// OnChange is called after each publication, from the index's goroutines; it
	// must not block.
	OnChange func()
}

// Settings are the options that may change while an index is in use.
type Settings struct {
	Lines    line.Config
	Dialects *lineage.Dialects // nil for the built-in ones
}

// lockRetry is how often a reader looks whether the writer's lock became free.
const lockRetry = 3 * time.Second

// Index is one repository's index. Open it, Start it, ask its Snapshot, Close it.
type Index struct {
	src Source
	opt Options
	log *slog.Logger

	snap atomic.Pointer[Snapshot]

	stop context.CancelFunc
	done sync.WaitGroup

	refs      chan struct{} // capacity 1: look at the refs again
	feeds     chan struct{} // capacity 1: there may be words to index
	pathFeeds chan struct{} // capacity 1: there may be paths to index
	compares  chan struct{} // capacity 1: there may be contents to compare
	outcomes  chan outcome

	mu         sync.Mutex
	changed    chan struct{} // closed and replaced whenever what waiters look at changes
	opened     bool          // the refs were read once
	asked      int           // checks of the refs that were asked for; the first is Start's own
	checked    int           // the last one of these that is answered
	looked     bool          // the refs were looked at once
	rebuild    bool          // the next check builds a new generation
	settings   *Settings     // that the next check takes over; nil for none
	words      bool          // the text index is wanted
	pathsToo   bool          // so is the path index, after it
	err        error         // why the last check failed, or nil
	wordErr    error         // why there is no text index, or why it does not grow
	compareToo bool          // contents are to be compared
	compareErr error         // why they could not be
	pathErr    error         // the same of the path index
	waited     bool          // somebody waits for words, so they are worth building in memory
	rests      [parts]bool   // which work was cancelled, and is not to begin again by itself
	kept       [3]error      // why the index is not kept on disk, by part

	store *store
	held  heldCommits
	gaps  gaps // follow's alone

	// These are the feeder's alone.
	mends   int     // how often the text index was given up
	refused refusal // by the disk, at the last try

	// facts are what the messages of the graph's commits say, as far as they were
	// read; savedFacts are those on disk. The follower alone uses them.
	facts, savedFacts *lineage.Facts
	factsSum          uint32           // checksum of those on disk
	savedLineage      *lineage.Lineage // the last one that was looked at for saving

	genMu sync.Mutex
	gen   *generation   // whose words answer
	next  *generation   // being built aside, and already the numbering of the graph; nil mostly
	stale []*generation // overtaken while being built; the feeder closes them
	view  *view         // of gen's words, in the numbering of the graph
	paths *pathView     // what answers file:; nil while there is nothing
	// replaced is the last graph in gen's numbering while next is being built.
	replaced *graph.Graph
	// onDisk is the graph that was saved last, or mapped.
	onDisk *graph.Graph
}

// generation is a numbering of commits with the text index that uses it.
type generation struct {
	number  int
	shallow []history.Hash // the boundary that it was read with
	saved   int            // how many positions the graph on disk has
	words   *words         // nil until wanted
	paths   *paths.Store   // nil until the words are in
	broken  bool           // Bleve broke down in its directory: it gets no words any more
}

// numbering is the generation whose positions the graph has. genMu is held.
func (x *Index) numbering() *generation {
	if x.next != nil {
		return x.next
	}
	return x.gen
}

// Open opens the index in opt.Dir and maps what is there, without reading the
// repository. What is unusable is built anew by Start. Open fails on misuse
// alone: where the directory cannot be written, the index works in memory and
// its snapshots say so.
func Open(src Source, opt Options) (*Index, error) {
	if opt.HashSize != 20 && opt.HashSize != 32 {
		return nil, fmt.Errorf("opening the index of %s: object names of %d bytes", opt.Name, opt.HashSize)
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Dialects == nil {
		opt.Dialects = lineage.BuiltinDialects()
	}
	x := &Index{
		src: src, opt: opt, log: opt.Log.With("repository", opt.Name), words: opt.Words, pathsToo: opt.Paths,
		refs: make(chan struct{}, 1), feeds: make(chan struct{}, 1), pathFeeds: make(chan struct{}, 1), compares: make(chan struct{}, 1), outcomes: make(chan outcome), compareToo: opt.Paths, asked: 1, changed: make(chan struct{}),
	}
	var err error
	x.store, err = newStore(opt.Dir)
	if err == nil && !x.store.held.Load() {
		err = ErrHeld
	}
	x.keep(keptStore, err)
	x.load()
	return x, nil
}

// ErrHeld is the StoreError of an index that another process keeps on disk.
var ErrHeld = errors.New("another cabhfuil-lsp process keeps this repository's index")

// The parts of an index that may fail to be kept.
const (
	keptStore = iota // the directory and its lock
	keptGraph
	keptWords
)

// keep takes note of why a part of the index is not kept on disk, or, with nil,
// that it is. It logs what is new.
func (x *Index) keep(part int, err error) {
	x.mu.Lock()
	before := x.kept[part]
	x.mu.Unlock()
	if before == nil && err == nil {
		return
	}
	x.notify(func() { x.kept[part] = err })
	switch {
	case err == nil:
		x.log.Info("the index is kept on disk again")
	case errors.Is(err, ErrHeld):
		x.log.Info("the index stays in memory", "reason", err)
	case before == nil || before.Error() != err.Error():
		x.log.Warn("the index stays in memory", "reason", err)
	}
}

// notKept is why the index is not kept on disk, or nil. x.mu is held.
func (x *Index) notKept() error {
	for _, err := range x.kept {
		if err != nil {
			return err
		}
	}
	return nil
}

// load maps what the store has and publishes it. Where it has nothing that can
// be used, what is known already stays.
func (x *Index) load() {
	m, g, err := x.store.load()
	if err == nil && g.HashSize() != x.opt.HashSize {
		err = fmt.Errorf("the index is of object names of %d bytes", g.HashSize())
	}
	if err != nil {
		if m.Generation != 0 || !errors.Is(err, os.ErrNotExist) { // else there was none
			x.log.Warn("the index is built anew", "reason", err)
		}
		m, g = manifest{Generation: x.store.nextGeneration()}, graph.New(x.opt.HashSize)
		if s := x.snap.Load(); s != nil {
			x.genMu.Lock()
			m.Shallow, g = x.numbering().shallow, s.Graph
			x.genMu.Unlock()
		}
	}
	x.genMu.Lock()
	x.paths = nil
	for _, old := range []*generation{x.gen, x.next} {
		if old != nil {
			x.stale = append(x.stale, old)
		}
	}
	x.gen, x.next, x.replaced, x.onDisk = &generation{number: m.Generation, shallow: m.Shallow}, nil, nil, nil
	if err == nil {
		x.onDisk, x.gen.saved = g, g.Len()
	}
	x.genMu.Unlock()
	x.facts, x.savedFacts = lineage.NewFacts(x.opt.Dialects), nil
	if err == nil {
		x.loadFacts(m.Generation, g)
	}
	if x.store.held.Load() {
		if err := x.store.sweep(m.Generation); err != nil {
			x.log.Warn("sweeping the index", "error", err)
		}
	}
	refs := history.Refs{List: make([]history.Ref, 0, len(g.Tips()))}
	for _, t := range g.Tips() {
		refs.List = append(refs.List, history.Ref{Name: t.Name, Object: t.Commit, Commit: t.Commit})
	}
	x.publish(g, refs, x.linesOf(refs, g), publication{behind: true})
}

// Start follows the repository until Close.
func (x *Index) Start(ctx context.Context) {
	ctx, x.stop = context.WithCancel(ctx)
	x.done.Go(func() { x.follow(ctx) })
	x.done.Go(func() { x.feed(ctx) })
	x.done.Go(func() { x.feedPaths(ctx) })
	x.done.Go(func() { x.compare(ctx) })
}

// Close ends what Start began, waits for it and for open readings, and gives
// up the writer's lock.
func (x *Index) Close() error {
	if x.stop != nil {
		x.stop()
	}
	x.done.Wait()
	var errs []error
	x.genMu.Lock()
	defer x.genMu.Unlock()
	for _, g := range append(x.stale, x.gen, x.next) {
		if g != nil && g.words != nil {
			errs = append(errs, g.words.close())
		}
	}
	return errors.Join(append(errs, x.store.unlock())...)
}

// Snapshot is the present state; it is never nil.
func (x *Index) Snapshot() *Snapshot { return x.snap.Load() }

// Configure takes other settings over, in the background: answers stay as they
// were until the next look at the refs, which it asks for, and after other
// dialects until all messages are read again.
func (x *Index) Configure(s Settings) {
	x.mu.Lock()
	x.settings = &s
	x.mu.Unlock()
	signal(x.refs)
}

// reconfigure takes over the settings that Configure left, and says whether messages
// are to be read again. The follower alone uses it, and these options.
func (x *Index) reconfigure() (reread bool) {
	x.mu.Lock()
	s := x.settings
	x.settings = nil
	x.mu.Unlock()
	if s == nil {
		return false
	}
	x.opt.Lines = s.Lines
	if s.Dialects == nil {
		s.Dialects = lineage.BuiltinDialects()
	}
	if x.opt.Dialects.Same(s.Dialects) {
		return false
	}
	x.opt.Dialects = s.Dialects
	x.facts, x.savedFacts = lineage.NewFacts(s.Dialects), nil
	return true
}

// publication is what a published state is, beside its graph.
type publication struct {
	behind  bool             // it may not be what the refs say now
	next    *generation      // a new numbering that the graph begins, or nil
	lineage *lineage.Lineage // nil while it is not known
}

func (x *Index) linesOf(refs history.Refs, g *graph.Graph) []line.Line {
	lines, err := line.Lines(refs, x.opt.Lines, g)
	if err != nil {
		x.log.Warn("the release lines", "error", err)
	}
	return lines
}

// publish makes a state the present one.
func (x *Index) publish(g *graph.Graph, refs history.Refs, lines []line.Line, p publication) {
	s := &Snapshot{Graph: g, Refs: refs, Lines: lines, index: x, behind: p.behind, lineage: p.lineage, facts: x.facts}
	next := p.next
	if last := x.snap.Load(); last != nil && last.Graph == g {
		s.tags = last.tags
	} else {
		s.tags = line.NewTags(g)
	}
	s.people = x.snap.Load().peopleOf(g, refs)
	x.genMu.Lock()
	if next != nil {
		if x.next != nil {
			x.stale = append(x.stale, x.next)
		}
		if x.next == nil {
			x.replaced = x.snap.Load().Graph
		}
		x.next = next
		if x.paths != nil && x.paths.from == nil { // it speaks in the numbering that ends here
			x.paths = &pathView{store: x.paths.store, from: x.snap.Load().Graph}
		}
	}
	s.view, s.paths = x.viewLocked(), x.paths
	x.snap.Store(s)
	x.genMu.Unlock()
	x.notify(func() { x.looked = x.looked || !p.behind })
}

// viewLocked is the view of the words in use through the positions of the
// present graph. genMu is held.
func (x *Index) viewLocked() *view {
	if x.gen.words == nil {
		x.view = nil
		return nil
	}
	if n := x.numbering().number; x.view == nil || x.view.words != x.gen.words || x.view.numbering != n {
		var from *graph.Graph
		if n != x.gen.number {
			from = x.replaced
		}
		x.view = newView(x.gen.words, n, from)
	}
	return x.view
}

// reviewLocked gives the present snapshot the views that it should have now.
// genMu is held.
func (x *Index) reviewLocked() {
	s := *x.snap.Load()
	s.view, s.paths = x.viewLocked(), x.paths
	x.snap.Store(&s)
}

// notify changes what waiters look at and wakes them.
func (x *Index) notify(change func()) {
	x.mu.Lock()
	if change != nil {
		change()
	}
	close(x.changed)
	x.changed = make(chan struct{})
	x.mu.Unlock()
	if x.opt.OnChange != nil {
		x.opt.OnChange()
	}
}

// Refresh asks for a check of the refs and returns at once.
func (x *Index) Refresh() { signal(x.refs) }

// Reindex builds the index anew, aside, while the present one answers.
func (x *Index) Reindex() {
	x.resume(partGraph, partWords, partPaths, partContents)
	x.mu.Lock()
	x.rebuild = true
	x.mu.Unlock()
	signal(x.refs)
}

// WaitGraph waits until a snapshot reflects the refs as they were when it was
// called, or later. It returns why that is not possible, or ctx's error.
func (x *Index) WaitGraph(ctx context.Context) error {
	x.resume(partGraph)
	return x.SettleGraph(ctx)
}

// SettleGraph is WaitGraph for who does not need it: reading that was cancelled
// stays so, which is its error then.
func (x *Index) SettleGraph(ctx context.Context) error {
	x.mu.Lock()
	if x.opened { // else the first reading of the refs answers whoever had them opened
		x.asked++
		signal(x.refs)
	}
	mine := x.asked
	x.mu.Unlock()
	return x.wait(ctx, func() (bool, error) {
		if x.checked < mine {
			return false, nil
		}
		return x.err == nil, x.err
	})
}

// WaitWords waits until, beyond WaitGraph, all commits' words are indexed.
func (x *Index) WaitWords(ctx context.Context) error {
	x.resume(partGraph, partWords)
	return x.Settle(ctx)
}

// Settle is WaitWords for who does not need them: work that was cancelled stays so,
// which is its error then.
func (x *Index) Settle(ctx context.Context) error {
	x.mu.Lock()
	x.words, x.waited = true, true
	x.mu.Unlock()
	if err := x.SettleGraph(ctx); err != nil {
		return err
	}
	signal(x.feeds)
	return x.wait(ctx, func() (bool, error) {
		return x.Snapshot().WordsPending() == 0, cmp.Or(x.wordErr, x.err)
	})
}

// WaitLineage waits until, beyond WaitWords, all copies, reverts and fixes are
// known, by every tier of evidence. Where words cannot be indexed or contents not
// be compared, it does not wait for these: LineagePending tells.
func (x *Index) WaitLineage(ctx context.Context) error {
	if err := x.WaitGraph(ctx); err != nil {
		return err
	}
	x.wantComparison()
	if err := x.WaitWords(ctx); err != nil && ctx.Err() != nil {
		return err
	}
	return x.wait(ctx, func() (bool, error) { return !x.Snapshot().LineagePending() || x.compareErr != nil, x.err })
}

// WaitPaths waits until, beyond WaitWords, all commits' paths are indexed.
func (x *Index) WaitPaths(ctx context.Context) error {
	x.wantPaths()
	x.resume(partPaths)
	if err := x.WaitWords(ctx); err != nil {
		return err
	}
	signal(x.pathFeeds) // which nobody heeded while they were not wanted
	return x.wait(ctx, func() (bool, error) {
		return x.Snapshot().PathsPending() == 0, x.pathErr
	})
}

// wait returns when ready says so; its error counts when it is not ready.
func (x *Index) wait(ctx context.Context, ready func() (bool, error)) error {
	for {
		x.mu.Lock()
		ok, err := ready()
		changed := x.changed
		x.mu.Unlock()
		if ok {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// equalTips says whether the graph has these very refs.
func equalTips(g *graph.Graph, tips []graph.Tip) bool { return slices.Equal(g.Tips(), tips) }
