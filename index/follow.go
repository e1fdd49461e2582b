package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/line"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// follow is the updater: it looks at the refs at the start, whenever the
// repository signals a change, and when somebody asks. Signals coalesce, so a
// push of a thousand refs is one or two checks.
func (x *Index) follow(ctx context.Context) {
	events, err := x.src.Watch(ctx)
	if err != nil {
		x.log.Warn("changes of refs are seen only when asked for", "error", err)
	}
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	x.check(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-events:
			if !open {
				events = nil
				continue
			}
		case <-x.refs:
		case o := <-x.outcomes:
			x.take(ctx, o)
			continue
		case <-retry.C:
			if !x.takeOver() {
				continue
			}
		}
		x.check(ctx)
	}
}

// takeOver becomes the writer where the one that was has gone, or where the
// directory can be written now.
func (x *Index) takeOver() bool {
	if x.store.held.Load() {
		return false
	}
	err := x.store.reopen()
	if err == nil && !x.store.held.Load() {
		err = ErrHeld
	}
	x.keep(keptStore, err)
	if err != nil {
		return false
	}
	x.load()
	return true
}

// yield stops writing where somebody removed the directory or the lock: another
// process may have made them anew, and only one of both would be seen.
func (x *Index) yield() {
	if !x.store.held.Load() || x.store.owns() {
		return
	}
	x.log.Warn("the index was removed while it was in use, and is made anew", "directory", x.opt.Dir)
	x.store.held.Store(false)
	x.takeOver()
}

// check brings the graph up to date with the refs and tells the waiters.
func (x *Index) check(ctx context.Context) {
	x.yield()
	x.mu.Lock()
	asked, rebuild, rests := x.asked, x.rebuild, x.rests[partGraph]
	if !rests {
		x.rebuild = false
	}
	x.mu.Unlock()
	if rests {
		x.notify(func() { x.checked = asked })
		return
	}
	err := x.update(ctx, rebuild)
	stopped := errors.Is(err, task.ErrCancelled) && ctx.Err() == nil
	if stopped && rebuild && x.Snapshot().Graph.Len() > 0 { // what was there goes on
		stopped, rebuild = false, false
		signal(x.refs)
	}
	switch {
	case stopped:
		rebuild, err = false, partGraph.stopped()
		x.log.Info("cancelled", "task", doing[partGraph])
	case err != nil && ctx.Err() == nil:
		x.log.Warn("reading the repository", "error", err)
	}
	x.notify(func() {
		x.checked, x.looked, x.err = asked, true, err
		x.rests[partGraph] = x.rests[partGraph] || stopped
		x.rebuild = x.rebuild || rebuild && err != nil // the next check tries again
	})
	signal(x.feeds)
}

func (x *Index) update(ctx context.Context, rebuild bool) error {
	if x.reconfigure() {
		x.publishLineage(nil) // what is known was read otherwise
	}
	old := x.Snapshot()
	early := x.traceEarly(ctx, old)
	defer early.end()
	refs, err := x.src.Refs(ctx, func(h history.Hash) bool { _, ok := old.Graph.Pos(h); return ok })
	x.mu.Lock()
	x.opened = true
	x.mu.Unlock()
	if err != nil {
		return fmt.Errorf("reading refs: %w", err)
	}
	tips := make([]graph.Tip, len(refs.List))
	for i, r := range refs.List {
		tips[i] = graph.Tip{Name: r.Name, Commit: r.Commit}
	}
	x.genMu.Lock()
	moved := !slices.Equal(refs.Shallow, x.numbering().shallow)
	x.genMu.Unlock()
	if !moved {
		if moved, err = x.gaps.filled(ctx, x.src, old.Graph); err != nil {
			return err
		}
	}
	if !rebuild && !moved && equalTips(old.Graph, tips) {
		lines := x.linesOf(refs, old.Graph)
		known := old.lineage
		if !slices.Equal(lines, old.Lines) {
			known = nil
		} else if known == nil {
			if known, err = early.wait(); err != nil {
				return err
			}
		}
		if old.behind || known != old.lineage || !equalRefs(old.Refs, refs) {
			x.publish(old.Graph, refs, lines, publication{lineage: known})
		}
		x.save(old.Graph)
		if known != nil {
			return nil
		}
		return x.retrace(ctx, old.Graph, lines, nil)
	}
	from := old.Graph
	if from.Len() > 0 && (rebuild || moved || wasteful(from)) {
		// A shallow boundary that moved changes parents of known commits, and so do
		// missing ones that came.
		from = graph.New(x.opt.HashSize)
	}
	if !old.behind && old.Graph.Len() > 0 {
		x.publish(old.Graph, old.Refs, old.Lines, publication{behind: true, lineage: old.lineage})
	}
	reader := readFacts(x.facts)
	nodes, err := x.read(ctx, from, tips, refs.Shallow, reader, from != old.Graph)
	said := reader.wait()
	if err != nil {
		return err
	}
	tips = leaveOut(&refs, tips, from, nodes)
	g, err := from.Update(ctx, nodes, tips)
	if err != nil {
		return fmt.Errorf("building the graph: %w", err)
	}
	p := publication{}
	if from != old.Graph {
		p.next = &generation{number: x.store.nextGeneration(), shallow: refs.Shallow}
		x.facts, x.savedFacts = lineage.NewFacts(x.opt.Dialects), nil
	} else if from.Len() == 0 {
		x.genMu.Lock()
		x.numbering().shallow = refs.Shallow
		x.genMu.Unlock()
	}
	lines := x.linesOf(refs, g)
	if len(nodes) < bigWalk && old.lineage != nil && from == old.Graph {
		// It is soon done, and one publication is less for clients to do.
		if x.facts, err = x.learn(ctx, g, x.facts, said); err == nil {
			p.lineage, err = x.trace(ctx, g, x.facts, lines, lineage.Traced{})
		}
		if err != nil {
			return err
		}
	}
	x.publish(g, refs, lines, p)
	x.save(g)
	if p.lineage != nil {
		return nil
	}
	signal(x.feeds) // words need no lineage
	return x.retrace(ctx, g, lines, said)
}

// retrace gives the present snapshot, which has this graph, its lineage.
func (x *Index) retrace(ctx context.Context, g *graph.Graph, lines []line.Line, said map[history.Hash]lineage.Fact) (err error) {
	if x.opt.NoLineage {
		return nil
	}
	if x.facts, err = x.learn(ctx, g, x.facts, said); err != nil {
		return err
	}
	l, err := x.trace(ctx, g, x.facts, lines, x.traced(g, x.facts, lines))
	if err != nil {
		return err
	}
	x.publishLineage(l)
	x.save(g)
	return nil
}

func equalRefs(a, b history.Refs) bool {
	return a.Head == b.Head && a.Bare == b.Bare && a.LeftOut == b.LeftOut && slices.Equal(a.List, b.List) &&
		equalMaps(a.RemoteHeads, b.RemoteHeads) && equalMaps(a.Linked, b.Linked)
}

// leaveOut takes out the refs whose commits could not be read.
func leaveOut(refs *history.Refs, tips []graph.Tip, from *graph.Graph, nodes []graph.Node) []graph.Tip {
	read := make(map[history.Hash]bool, len(nodes))
	for _, n := range nodes {
		read[n.Hash] = true
	}
	known := func(h history.Hash) bool {
		_, ok := from.Pos(h)
		return ok || read[h]
	}
	if !slices.ContainsFunc(tips, func(t graph.Tip) bool { return !known(t.Commit) }) {
		return tips
	}
	kept := slices.DeleteFunc(slices.Clone(tips), func(t graph.Tip) bool { return !known(t.Commit) })
	refs.LeftOut += len(tips) - len(kept)
	refs.List = slices.DeleteFunc(slices.Clone(refs.List), func(r history.Ref) bool { return !known(r.Commit) })
	return kept
}

func equalMaps(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

// wasteful says that most of a graph is commits of deleted branches.
func wasteful(g *graph.Graph) bool {
	return g.Garbage() > 10_000 && g.Garbage() > g.Len()/2
}

// bigWalk is how many new commits make a task that people see.
const bigWalk = 2_000

// read collects the commits that the graph lacks; again says that there was a graph
// which had some of them.
func (x *Index) read(ctx context.Context, from *graph.Graph, tips []graph.Tip, shallow []history.Hash, facts *factReader, again bool) ([]graph.Node, error) {
	var want, have []history.Hash
	for _, t := range tips {
		if _, known := from.Pos(t.Commit); !known {
			want = append(want, t.Commit)
		}
	}
	if len(want) == 0 {
		return nil, nil
	}
	for _, t := range from.Tips() {
		have = append(have, t.Commit)
	}
	kind, title := "read", doing[partGraph]
	if again {
		kind, title = "reindex", "reading all commits again"
	}
	op, ctx := x.opt.Tracker.Prepare(ctx, kind, title, x.opt.Name)
	if from.Len() == 0 {
		op.Begin()
	}
	x.mu.Lock()
	hold := x.words && x.wordErr == nil
	x.mu.Unlock()
	boundary := make(map[history.Hash]bool, len(shallow))
	for _, h := range shallow {
		boundary[h] = true
	}
	var nodes []graph.Node
	err := x.src.Walk(ctx, want, have, func(c *history.Commit) error {
		x.opt.Turns.pause()
		nodes = append(nodes, graph.Node{Hash: c.Hash, Parents: c.Parents, CommitTime: c.Committer.Date.Unix(), AuthorTime: c.Author.Date.Unix(),
			Author: graph.PersonOf(c.Author), Committer: graph.PersonOf(c.Committer), Truncated: boundary[c.Hash]})
		if !x.opt.NoLineage {
			facts.put(c)
		}
		if hold {
			x.held.put(c)
		}
		if len(nodes) == bigWalk {
			op.Begin()
		}
		if len(nodes)%512 == 0 {
			op.Progress("", int64(len(nodes)), 0)
		}
		return ctx.Err()
	})
	if err = task.Cause(ctx, err); err != nil {
		err = fmt.Errorf("reading commits: %w", err)
	}
	op.Progress("", int64(len(nodes)), int64(len(nodes)))
	op.Result(map[string]int{"commits": len(nodes)})
	op.End(err)
	return nodes, err
}

// save writes the graph where it is not on disk yet, and makes its generation
// the one in use unless an older one still serves the words. What cannot be
// written stays in memory: the answers are right, and the next process reads
// again.
func (x *Index) save(g *graph.Graph) {
	if !x.store.held.Load() {
		return
	}
	x.genMu.Lock()
	overtaken := x.gen
	if x.next != nil && x.gen.words == nil {
		x.gen, x.next, x.replaced = x.next, nil, nil // there are no words to wait for
	}
	if overtaken == x.gen {
		overtaken = nil
	}
	gen, inUse := x.numbering(), x.next == nil
	same := x.onDisk == g
	x.genMu.Unlock()
	if same {
		x.saveLineage(gen.number, g)
		return
	}
	err := g.Save(x.store.graphFile(gen.number))
	if err == nil && inUse {
		err = x.store.use(gen.manifest(x.opt.Location))
	}
	x.keep(keptGraph, err)
	if err != nil {
		return
	}
	if overtaken != nil {
		if err := os.RemoveAll(x.store.generationDir(overtaken.number)); err != nil {
			x.log.Warn("sweeping the index", "error", err)
		}
	}
	x.genMu.Lock()
	gen.saved, x.onDisk = g.Len(), g
	x.genMu.Unlock()
}

func (g *generation) manifest(location string) manifest {
	return manifest{Generation: g.number, Repository: location, Shallow: g.shallow}
}
