package lineage

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// Contents reads what commits changed. Each method leaves out what is missing.
// Methods run side by side.
type Contents interface {
	// Deltas calls fn with the commits in the order asked and their changed files;
	// merges are left out.
	Deltas(ctx context.Context, hashes []history.Hash, fn func(history.Hash, []history.Delta) error) error
	// Blobs calls fn with files in the order asked; the bytes are fn's during the call.
	Blobs(ctx context.Context, hashes []history.Hash, fn func(history.Hash, []byte) error) error
	// PatchIDs is what git patch-id says of commits.
	PatchIDs(ctx context.Context, hashes []history.Hash) (map[history.Hash]history.PatchID, error)
}

// twin is a copy that its content proves.
type twin struct {
	copy, source graph.Pos
	patch        bool // git's patch-id is the same; else the changed lines are
}

// Compared is what a comparison of contents came to.
type Compared struct {
	twins []twin
	open  uint64 // which commits were looked for, as toCompare.key
	// upTo is 1 more than the position of the upstream tip among whose commits they
	// were looked for; 0 where that was not done. What is new upstream may have been
	// known before, as the commits of a topic are that is merged.
	upTo graph.Pos
}

// isOf says whether the comparison was of these commits and this upstream tip.
func (c *Compared) isOf(todo toCompare, tip graph.Pos) bool {
	return c.upTo == tip+1 && c.open == todo.key()
}

// toCompare is what a comparison looks at. It does not depend on what one found,
// or one comparison would ask for the next, for ever.
type toCompare struct {
	open  []graph.Pos // as openCommits
	again []edge      // as broughtAgain
}

func (l *Lineage) toCompare(f *Facts) toCompare {
	return toCompare{l.openCommits(), l.broughtAgain(f)}
}

func (t toCompare) none() bool { return len(t.open) == 0 && len(t.again) == 0 }

// comparing changes where a comparison finds more than before, so that all is
// compared anew.
const comparing = 2

// key tells what is compared apart.
func (t toCompare) key() uint64 {
	h := uint64(14695981039346656037)
	add := func(p graph.Pos) { h = (h ^ uint64(p)) * 1099511628211 }
	add(comparing)
	for _, p := range t.open {
		add(p)
	}
	for _, e := range t.again {
		add(e.from)
		add(e.to)
	}
	return h
}

// maxPool bounds the upstream commits that are compared for one line.
const maxPool = 50_000

// slack is how long after a copy its source may come upstream, in seconds.
const slack = 90 * 24 * 3600

// openCommits are the commits on release lines that have no source upstream but
// one that a comparison found.
func (l *Lineage) openCommits() []graph.Pos {
	if l.upstream < 0 {
		return nil
	}
	g := l.graph
	var open, todo []graph.Pos
	seen := make([]uint64, (g.Len()+63)/64)
	for _, line := range l.lines {
		if !line.Upstream {
			todo = append(todo, g.TipPos(line.Ref))
		}
	}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[p/64]&(1<<(p%64)) != 0 || g.Contains(l.upstream, p) {
			continue
		}
		seen[p/64] |= 1 << (p % 64)
		todo = g.Parents(p, todo)
		if !g.Merge(p) && !slices.ContainsFunc(l.familyBut(p, byPatchID|byContent).members, func(m member) bool { return g.Contains(l.upstream, m.pos) }) {
			open = append(open, p)
		}
	}
	slices.Sort(open)
	return open
}

// maxAgain is how many commits are looked at that may bring one change back.
const maxAgain = 16

// broughtAgain leads from upstream commits to what a revert there took out and
// they may bring back: they came later, under the same subject, and do not say so.
func (l *Lineage) broughtAgain(f *Facts) []edge {
	if l.upstream < 0 {
		return nil
	}
	g := l.graph
	gone := map[uint32][]edge{} // reverts, by the subject of what they take out
	for _, e := range l.reverts.out {
		if hash := f.subjects[e.to]; hash != noSubject && !g.Merge(e.to) && g.Contains(l.upstream, e.from) && g.Contains(l.upstream, e.to) {
			gone[hash] = append(gone[hash], e)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	var again []edge
	looked := map[graph.Pos]int{}
	for i, hash := range f.subjects[:min(f.Len(), g.Len())] {
		for _, e := range gone[hash] {
			p := graph.Pos(i)
			if p <= e.from || looked[e.to] >= maxAgain || g.Merge(p) || !g.Contains(l.upstream, p) {
				continue
			}
			looked[e.to]++
			if g.IsAncestor(e.from, p) && !l.familyBut(p, byPatchID|byContent).has(e.to) {
				again = append(again, edge{from: p, to: e.to})
			}
		}
	}
	return again
}

// Complete says whether the contents of all commits that need it were compared,
// so that a copy which is not known is none by any tier.
func (l *Lineage) Complete() bool { return l.complete }

// Compare looks for copies by content alone: for each commit on a release line
// whose source is not known, among the upstream commits that the line lacks, for
// one that changed the same files, or has the same subject, and the same lines; and
// for each upstream commit that may bring back what was reverted, whether it does.
// told is called with how many commits were looked at, of how many. The error is
// ctx's, or Contents'.
func (l *Lineage) Compare(ctx context.Context, f *Facts, c Contents, told func(done, all int)) (Compared, error) {
	m := &comparison{Lineage: l, facts: f, contents: c, told: told, seed: maphash.MakeSeed()}
	todo := l.toCompare(f)
	if todo.none() {
		return Compared{open: todo.key()}, nil
	}
	tip := l.graph.TipPos(l.upstream)
	result := Compared{open: todo.key(), upTo: tip + 1}
	var sources []graph.Pos
	again := todo.again
	if last := f.compared.upTo - 1; last >= 0 && f.compared.isOf(todo, last) && l.graph.IsAncestor(last, tip) {
		sources = l.graph.Between(last, []graph.Pos{tip}, maxPool)
	}
	if sources != nil {
		result.twins, again = slices.Clone(f.compared.twins), nil // the same commits, against what is new upstream
	} else {
		sources = l.upstreamCommits()
	}
	pairs, err := m.candidates(ctx, todo.open, sources)
	if err != nil {
		return result, err
	}
	restored, err := m.againPairs(ctx, again)
	if err != nil {
		return result, err
	}
	pairs = append(pairs, restored...)
	twins, err := m.judge(ctx, pairs)
	result.twins = append(result.twins, twins...)
	return result, err
}

// comparison is one run of Compare.
type comparison struct {
	*Lineage
	facts    *Facts
	contents Contents
	told     func(done, all int)
	seed     maphash.Seed
}

// changed is what a commit changed.
type changed struct {
	pos    graph.Pos
	deltas []history.Delta
}

// pair is a commit and a possible source.
type pair struct{ copy, source changed }

// upstreamCommits are those of the upstream line, in falling order.
func (l *Lineage) upstreamCommits() []graph.Pos {
	var all []graph.Pos
	for p := l.graph.TipPos(l.upstream); p >= 0; p-- {
		if l.graph.Contains(l.upstream, p) {
			all = append(all, p)
		}
	}
	return all
}

// pool are those of the sources, which come in falling order, that a line with open
// commits lacks, as far as they are not much newer than these.
func (m *comparison) pool(open, sources []graph.Pos) []graph.Pos {
	g := m.graph
	in := map[graph.Pos]bool{}
	for _, line := range m.lines {
		latest := int64(-1 << 62)
		for _, p := range open {
			if g.Contains(line.Ref, p) {
				latest = max(latest, g.CommitTime(p))
			}
		}
		if line.Upstream || latest == -1<<62 {
			continue
		}
		left := maxPool
		for _, p := range sources {
			if left > 0 && g.AuthorTime(p) <= latest+slack && !g.Contains(line.Ref, p) && !g.Merge(p) {
				in[p] = true
				left--
			}
		}
	}
	all := make([]graph.Pos, 0, len(in))
	for p := range in {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

// candidates are the pairs that changed the same files or have the same subject.
func (m *comparison) candidates(ctx context.Context, open, sources []graph.Pos) ([]pair, error) {
	byPaths := map[uint64][]changed{}
	bySubject := map[uint32][]changed{}
	pool := m.pool(open, sources)
	total, done := len(open)+len(pool), 0
	tell := func() {
		if done++; done%256 == 0 {
			m.told(done, total)
		}
	}
	err := m.changes(ctx, open, tell, func(c changed) {
		key := m.pathKey(c.deltas)
		byPaths[key] = append(byPaths[key], c)
		bySubject[m.facts.subjects[c.pos]] = append(bySubject[m.facts.subjects[c.pos]], c)
	})
	if err != nil {
		return nil, err
	}
	var pairs []pair
	err = m.changes(ctx, pool, tell, func(source changed) {
		for _, c := range byPaths[m.pathKey(source.deltas)] {
			pairs = append(pairs, pair{c, source})
		}
		for _, c := range bySubject[m.facts.subjects[source.pos]] {
			if m.pathKey(c.deltas) != m.pathKey(source.deltas) {
				pairs = append(pairs, pair{c, source})
			}
		}
	})
	// What one and the same file saw a thousand times, such as a version, is
	// compared with the nearest alone.
	return m.nearest(pairs), err
}

// changes calls take with what commits changed; those that changed too much are
// left out. read is called for each.
func (m *comparison) changes(ctx context.Context, positions []graph.Pos, read func(), take func(changed)) error {
	for batch := range slices.Chunk(positions, 4096) {
		hashes := make([]history.Hash, len(batch))
		for i, p := range batch {
			hashes[i] = m.graph.Hash(p)
		}
		err := m.contents.Deltas(ctx, hashes, func(h history.Hash, deltas []history.Delta) error {
			read()
			if p, ok := m.graph.Pos(h); ok && len(deltas) > 0 && len(deltas) <= maxFiles {
				take(changed{p, deltas})
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// againPairs are the pairs of commits that may bring back what was reverted.
func (m *comparison) againPairs(ctx context.Context, again []edge) ([]pair, error) {
	known := map[graph.Pos]changed{}
	var positions []graph.Pos
	for _, e := range again {
		positions = append(positions, e.from, e.to)
	}
	slices.Sort(positions)
	err := m.changes(ctx, slices.Compact(positions), func() {}, func(c changed) { known[c.pos] = c })
	var pairs []pair
	for _, e := range again {
		c, ok := known[e.from]
		source, was := known[e.to]
		if ok && was {
			pairs = append(pairs, pair{c, source})
		}
	}
	return pairs, err
}

const (
	maxFiles   = 200 // of a commit that is compared
	maxSources = 40  // that one commit is compared with
)

func (m *comparison) nearest(pairs []pair) []pair {
	away := func(p pair) int64 {
		d := m.graph.AuthorTime(p.copy.pos) - m.graph.AuthorTime(p.source.pos)
		return max(d, -d)
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.copy.pos, b.copy.pos), cmp.Compare(away(a), away(b)), cmp.Compare(a.source.pos, b.source.pos))
	})
	kept, n := pairs[:0], 0
	for i, p := range pairs {
		if i == 0 || p.copy.pos != pairs[i-1].copy.pos {
			n = 0
		}
		if n++; n <= maxSources {
			kept = append(kept, p)
		}
	}
	return kept
}

// pathKey is a hash of the paths, which come sorted.
func (m *comparison) pathKey(deltas []history.Delta) uint64 {
	var h maphash.Hash
	h.SetSeed(m.seed)
	for _, d := range deltas {
		_, _ = h.WriteString(d.Path) //nolint:errcheck // it never fails
		_ = h.WriteByte(0)           //nolint:errcheck // it never fails
	}
	return h.Sum64()
}

// judge keeps the pairs whose fingerprints are equal and that git's patch-id, or
// the number of their lines, confirms. A commit has one source at most.
//
// Where all cancels out, as in what moves lines or changes white space alone, the
// fingerprint says nothing: there the same subject, or the very same files, leave it
// to the patch-id.
func (m *comparison) judge(ctx context.Context, pairs []pair) ([]twin, error) {
	var all []changed
	for _, p := range pairs {
		all = append(all, p.copy, p.source)
	}
	prints := newPrints()
	if err := prints.read(ctx, m.contents, all); err != nil {
		return nil, err
	}
	type judged struct {
		pair
		bare bool // the fingerprint says nothing
	}
	var alike []judged
	asked := map[graph.Pos]bool{}
	var hashes []history.Hash
	for _, p := range pairs {
		a, ok := prints.of(p.copy.deltas)
		b, known := prints.of(p.source.deltas)
		same := ok && known && a == b
		bare := !same || a == 0
		if bare && !slices.Equal(p.copy.deltas, p.source.deltas) && !(same && m.facts.subjects[p.copy.pos] == m.facts.subjects[p.source.pos]) {
			continue
		}
		alike = append(alike, judged{p, bare})
		for _, q := range []graph.Pos{p.copy.pos, p.source.pos} {
			if !asked[q] {
				asked[q] = true
				hashes = append(hashes, m.graph.Hash(q))
			}
		}
	}
	patches := map[history.Hash]history.PatchID{}
	for batch := range slices.Chunk(hashes, 64) {
		some, err := m.contents.PatchIDs(ctx, batch)
		if err != nil {
			return nil, err
		}
		for h, p := range some {
			patches[h] = p
		}
	}
	var twins []twin
	for _, samePatch := range []bool{true, false} { // the better evidence first, the nearer first
		for _, p := range alike {
			a, b := patches[m.graph.Hash(p.copy.pos)], patches[m.graph.Hash(p.source.pos)]
			if a.ID == "" || b.ID == "" || (a.ID == b.ID) != samePatch || slices.ContainsFunc(twins, func(t twin) bool { return t.copy == p.copy.pos }) {
				continue
			}
			if !samePatch && (p.bare || a.Lines != b.Lines || a.Lines < tinyPatch && !m.sameWords(p.copy.pos, p.source.pos)) {
				continue
			}
			if x, y := m.facts.changeIDAt(p.copy.pos), m.facts.changeIDAt(p.source.pos); x != 0 && y != 0 && x != y && !samePatch {
				continue
			}
			twins = append(twins, twin{p.copy.pos, p.source.pos, samePatch})
		}
	}
	return twins, nil
}

// tinyPatch is how many changed lines say enough without the lines around them,
// unless the subject and the author are the same too.
const tinyPatch = 6

func (m *comparison) sameWords(p, q graph.Pos) bool {
	return m.facts.subjects[p] != noSubject && m.facts.subjects[p] == m.facts.subjects[q] && m.sameWriter(int32(p), int32(q))
}

// WithCompared makes facts that also have what a comparison came to.
func (f *Facts) WithCompared(c Compared) *Facts {
	n := *f
	n.compared = c
	return &n
}

// changeIDAt is the number of a commit's Change-Id, 0 for none.
func (f *Facts) changeIDAt(p graph.Pos) uint64 {
	i, ok := slices.BinarySearchFunc(f.changes, int32(p), func(c change, p int32) int { return cmp.Compare(c.pos, p) })
	if !ok {
		return 0
	}
	return f.changes[i].id
}
