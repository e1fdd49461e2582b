package lineage

import (
	"cmp"
	"context"
	"math/bits"
	"slices"

	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// The evidence of edges; names are the contract's.
const (
	evidenceTrailer    = "cherry-pick-trailer"
	evidenceChangeID   = "change-id"
	evidenceSubject    = "subject-and-author-date"
	evidencePatchID    = "patch-id"
	evidenceContent    = "same-content"
	evidencePart       = "partial"
	evidenceClaimed    = "subject"
	evidenceMergeGone  = "reverted-merge"
	evidenceRequest    = "pull-request"
	evidenceMessage    = "same-message"
	evidenceBackpatch  = "backpatch" // of the dialects whose copies have the very same message
	maxGroup           = 64
	maxRevertedCommits = 5000 // that a reverted merge brought
	maxTaken           = 200  // that a merge brought of which there is a copy
)

// ownEvidence is what Build itself finds; dialects add theirs behind.
var ownEvidence = []string{evidenceTrailer, evidenceChangeID, evidenceSubject, evidencePatchID, evidenceContent, evidencePart, evidenceClaimed, evidenceMergeGone, evidenceRequest, evidenceMessage}

// Evidence is a set of evidence, a bit for each entry of a Facts' table.
type Evidence uint32

func bit(name string) Evidence { return 1 << slices.Index(ownEvidence, name) }

var (
	byTrailer   = bit(evidenceTrailer)
	byChangeID  = bit(evidenceChangeID)
	bySubject   = bit(evidenceSubject)
	byPatchID   = bit(evidencePatchID)
	byContent   = bit(evidenceContent)
	inPart      = bit(evidencePart)
	byClaim     = bit(evidenceClaimed)
	byGoneMerge = bit(evidenceMergeGone)
	byRequest   = bit(evidenceRequest)
	byMessage   = bit(evidenceMessage)
)

// Line is a release line, or the upstream one.
type Line struct {
	Ref      graph.RefID
	Upstream bool
	Ended    bool // a tag stands for it, and absence from it is not told
}

// Options choose what Build takes for evidence.
type Options struct {
	// NoTrailers leaves aside what messages say of copies, all but Change-Ids: to
	// measure how much the rest finds.
	NoTrailers bool
}

// edge leads from a commit to the one that it says something of.
type edge struct {
	from, to graph.Pos
	evidence Evidence
}

// edges can be asked from both ends.
type edges struct {
	out []edge // by from
	in  []edge // by to
}

func (e *edges) add(from, to graph.Pos, ev Evidence) {
	if from != to {
		e.out = append(e.out, edge{from, to, ev})
	}
}

// finish sorts, and joins edges between the same two of n commits.
func (e *edges) finish(n int) {
	slices.SortFunc(e.out, func(a, b edge) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	joined := e.out[:0]
	for _, x := range e.out {
		if n := len(joined); n > 0 && joined[n-1].from == x.from && joined[n-1].to == x.to {
			joined[n-1].evidence |= x.evidence
			continue
		}
		joined = append(joined, x)
	}
	e.out = slices.Clip(joined)
	e.index(n)
}

// index makes in of out, which is sorted. Where there are many edges for n commits,
// counting them by their ends costs less than sorting.
func (e *edges) index(n int) {
	if len(e.out) < n/16 {
		e.in = slices.Clone(e.out)
		slices.SortFunc(e.in, func(a, b edge) int { return cmp.Or(cmp.Compare(a.to, b.to), cmp.Compare(a.from, b.from)) })
		return
	}
	at := make([]int32, n+1) // where the edges to a commit begin
	for _, x := range e.out {
		at[x.to+1]++
	}
	for i := range n {
		at[i+1] += at[i]
	}
	e.in = make([]edge, len(e.out))
	for _, x := range e.out {
		e.in[at[x.to]] = x
		at[x.to]++
	}
}

// of are the edges that begin at a commit.
func (e *edges) of(p graph.Pos) []edge {
	i, _ := slices.BinarySearchFunc(e.out, p, func(x edge, p graph.Pos) int { return cmp.Compare(x.from, p) })
	j := i
	for j < len(e.out) && e.out[j].from == p {
		j++
	}
	return e.out[i:j]
}

// to are the edges that end at a commit.
func (e *edges) to(p graph.Pos) []edge {
	i, _ := slices.BinarySearchFunc(e.in, p, func(x edge, p graph.Pos) int { return cmp.Compare(x.to, p) })
	j := i
	for j < len(e.in) && e.in[j].to == p {
		j++
	}
	return e.in[i:j]
}

// Lineage is what derives from what in one graph. It is immutable and safe for
// concurrent use.
type Lineage struct {
	graph    *graph.Graph
	lines    []Line
	upstream graph.RefID // -1 for none
	evidence []string

	copies    edges // copy → source
	reverts   edges // revert → what it takes out
	reapplies edges // re-apply → what it brings back
	fixes     edges // fix → what it fixes
	serves    edges // prerequisite → what it is there for
	// vague are the commits that say they fix something which is not known here.
	vague    map[graph.Pos]bool
	complete bool // as Complete
	// requested are the merges of requests.
	requested map[graph.Pos]bool
	// absent counts claims to be a copy of a commit that is not known here.
	absent int
}

// brought are the commits that a merge brought to its first parent, newest first;
// none where they are more than max, or where p is no merge.
func (l *Lineage) brought(p graph.Pos, max int) []graph.Pos {
	parents := l.graph.Parents(p, nil)
	if len(parents) < 2 {
		return nil
	}
	return l.graph.Between(parents[0], parents[1:], max)
}

// newLineage has no edges yet.
func newLineage(g *graph.Graph, f *Facts, lines []Line) *Lineage {
	l := &Lineage{graph: g, lines: lines, upstream: -1, evidence: f.names(), vague: map[graph.Pos]bool{}, requested: map[graph.Pos]bool{}}
	for _, line := range lines {
		if line.Upstream {
			l.upstream = line.Ref
		}
	}
	return l
}

// Build resolves facts against a graph. Facts of positions that the graph has
// and f has not are not known yet: see Covered. The error is ctx's.
func Build(ctx context.Context, g *graph.Graph, f *Facts, lines []Line, opt Options) (*Lineage, error) {
	l := newLineage(g, f, lines)
	b := &builder{Lineage: l, facts: f, opt: opt, own: map[graph.Pos]bool{}, bySubject: map[uint32][]int32{}}
	for _, step := range []func(){b.index, b.claims, b.subjectClaims, b.goneMerges, b.changeIDs, b.subjects, b.sameRequests, b.sameMessages, b.twins, b.takenMerges, b.quotes} {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		step()
	}
	for _, e := range l.kinds() {
		e.finish(g.Len())
	}
	if f.Len() >= g.Len() {
		todo := l.toCompare(f)
		l.complete = todo.none() || f.compared.isOf(todo, g.TipPos(l.upstream))
	}
	return l, ctx.Err()
}

type builder struct {
	*Lineage
	facts *Facts
	opt   Options
	n     int // positions that are known to both
	// own are the commits that say that they are no copies.
	own map[graph.Pos]bool
	// open are the claims that are to be resolved by their subject, and bySubject
	// the positions, rising, that have one of these subjects.
	open      []int
	bySubject map[uint32][]int32
	// requests are the facts' by number.
	requests []request
	// messages are the commits whose copies have the very same message.
	messages []message
	// gone are the merges that a commit reverts, with that commit, and taken those
	// that a commit which is no merge is a copy of.
	gone, taken []edge
	// reverted are the commits that others revert; nil until they are asked for,
	// which is when all reverts are known.
	reverted map[int32]bool
	// generations are by position; nil until two commits have one date.
	generations []int32
}

func (b *builder) index() {
	b.n = min(b.facts.Len(), b.graph.Len())
	b.indexRequests()
}

// claims makes edges of what names a commit.
func (b *builder) claims() {
	for i := 0; i < len(b.facts.claims); {
		p := graph.Pos(b.facts.owners[i])
		if int(p) >= b.n {
			return
		}
		end := i
		for end < len(b.facts.claims) && graph.Pos(b.facts.owners[end]) == p {
			end++
		}
		if b.graph.Reachable(p) {
			b.claimsOf(p, i, end)
		}
		i = end
	}
}

// claimsOf takes the claims [i, end), which are those of one commit. A subject
// counts only where no name of the same meaning leads to a commit.
func (b *builder) claimsOf(p graph.Pos, i, end int) {
	var resolved [lastMeans + 1]bool
	turned := false // a name says what is reverted, so that the subject need not
	// A revert of a revert, by its subject, that names no commit of ours quotes what
	// that revert said.
	brings := slices.ContainsFunc(b.facts.claims[i:end], func(c claim) bool { return c.means == reapplies && c.digits == 0 })
	quoted := false
	for _, c := range b.facts.claims[i:end] {
		switch {
		case c.means == reverts && c.digits > 0 && quoted:
			continue
		case c.means == copiesRequest:
			resolved[copies] = b.copyOfRequest(p, c) || resolved[copies]
			continue
		case c.means == copiesChange:
			resolved[copies] = b.copyOfChange(p, c) || resolved[copies]
			continue
		case c.means == sameMessage:
			b.messages = append(b.messages, message{c.subject, int32(p)})
			continue
		case c.means == revertsRequest:
			turned = b.revertOfRequest(p, c) || turned
			continue
		case c.digits == 0:
			continue
		}
		to, ok := b.resolve(c)
		if !ok || to == p {
			if c.means == copies || c.means == copiesPart {
				b.absent++
			}
			quoted = quoted || brings && c.means == reverts && !turned
			continue
		}
		resolved[c.means] = true
		turned = turned || c.means == reverts || c.means == reapplies
		b.edge(c, p, to)
	}
	for at := i; at < end; at++ {
		c := b.facts.claims[at]
		switch {
		case c.means == ownWork:
			b.own[p] = true
		case c.digits > 0 && (c.means == fixes || c.means == serves) && !b.known(c),
			c.digits == 0 && (c.means == reverts || c.means == reapplies) && !turned,
			(c.digits == 0 && c.means == copies || c.means == copiesRequest && c.subject != 0) && !resolved[copies] && !b.opt.NoTrailers:
			b.bySubject[c.subject] = nil
			b.open = append(b.open, at)
		}
	}
}

// resolve finds the commit that a claim names. One that no ref has is as good as
// absent: an index that is built anew does not know it.
func (b *builder) resolve(c claim) (graph.Pos, bool) {
	to, ok := b.graph.Named(c.name, int(c.digits))
	return to, ok && b.graph.Reachable(to)
}

func (b *builder) known(c claim) bool {
	_, ok := b.resolve(c)
	return ok
}

// subjectClaims makes edges of the claims whose commit has to be found by its
// subject.
func (b *builder) subjectClaims() {
	delete(b.bySubject, 0)
	if len(b.bySubject) > 0 {
		for p, hash := range b.facts.subjects[:b.n] {
			if found, asked := b.bySubject[hash]; asked && b.graph.Reachable(graph.Pos(p)) {
				b.bySubject[hash] = append(found, int32(p))
			}
		}
	}
	turned := graph.Pos(-1)
	for _, at := range b.open {
		p, c := graph.Pos(b.facts.owners[at]), b.facts.claims[at]
		switch c.means {
		case copies, copiesRequest:
			b.named(p, c)
		case reverts, reapplies:
			if p == turned {
				continue // a message's first subject counts
			}
			if to, ok := b.earlier(c.subject, p, false); ok {
				turned = p
				b.edge(c, p, to)
			}
		default:
			if to, ok := b.earlier(c.subject, p, true); ok {
				b.edge(c, p, to)
			} else if c.means == fixes {
				b.vague[p] = true
			}
		}
	}
}

// edge makes an edge of a claim whose commit is known.
func (b *builder) edge(c claim, from, to graph.Pos) {
	ev := Evidence(1) << c.evidence
	switch c.means {
	case copies, copiesPart:
		if b.opt.NoTrailers {
			return
		}
		if c.means == copiesPart {
			ev |= inPart
		}
		b.copies.add(from, to, ev)
		if b.graph.Merge(to) && !b.graph.Merge(from) {
			b.taken = append(b.taken, edge{from, to, ev})
		}
	case reverts:
		b.reverts.add(from, to, ev)
		if b.graph.Merge(to) {
			b.gone = append(b.gone, edge{from, to, ev})
		}
	case reapplies:
		b.reapplies.add(from, to, ev)
	case fixes:
		b.fixes.add(from, to, ev)
	case serves:
		b.serves.add(from, to, ev)
	case needs:
		b.serves.add(to, from, ev)
	}
}

// earlier is the latest commit before p, among its ancestors, that has the
// subject. With only, there must be no other one.
func (b *builder) earlier(hash uint32, p graph.Pos, only bool) (graph.Pos, bool) {
	if hash == 0 {
		return 0, false
	}
	found := b.bySubject[hash]
	if only && len(found) > 1 {
		return 0, false
	}
	for tries, i := 0, len(found)-1; i >= 0 && tries < 8; i-- {
		if q := graph.Pos(found[i]); q < p {
			tries++
			if b.graph.IsAncestor(q, p) {
				return q, true
			}
		}
	}
	return 0, false
}

// upstreamHas says whether the upstream line contains a commit.
func (b *builder) upstreamHas(p graph.Pos) bool {
	return b.upstream >= 0 && b.graph.Contains(b.upstream, p)
}

// root is the one of the positions that the others are copies of: the first one
// upstream, or else the first.
func (b *builder) root(group []int32) int32 {
	return slices.MinFunc(group, func(p, q int32) int {
		if x, y := b.upstreamHas(graph.Pos(p)), b.upstreamHas(graph.Pos(q)); x != y {
			if x {
				return -1
			}
			return 1
		}
		return b.older(p, q)
	})
}

// older orders commits by their dates; of two with one date an ancestor comes
// first. It does not depend on when they were read, and is a total order: to ask
// for ancestors and else for names is none, since a name may stand between those
// of an ancestor and its descendant.
func (b *builder) older(p, q int32) int {
	if n := cmp.Compare(b.graph.CommitTime(graph.Pos(p)), b.graph.CommitTime(graph.Pos(q))); n != 0 || p == q {
		return n
	}
	return cmp.Or(cmp.Compare(b.generation(p), b.generation(q)), b.graph.Hash(graph.Pos(p)).Compare(b.graph.Hash(graph.Pos(q))))
}

// generation is how many commits the longest way from a commit to its first
// ancestors has: more than that of any ancestor.
func (b *builder) generation(p int32) int32 {
	if b.generations == nil {
		b.generations = make([]int32, b.graph.Len())
		var parents []graph.Pos
		for q := range b.generations {
			parents = b.graph.Parents(graph.Pos(q), parents[:0])
			for _, parent := range parents {
				b.generations[q] = max(b.generations[q], b.generations[parent]+1)
			}
		}
	}
	return b.generations[p]
}

// disowns says whether a commit says of itself that nothing upstream is its
// source, and the root does not say the same of itself.
func (b *builder) disowns(p, root int32) bool {
	return b.own[graph.Pos(p)] && !b.own[graph.Pos(root)] && b.upstreamHas(graph.Pos(root))
}

// link makes the others of a group copies of its root, and returns these edges.
func (b *builder) link(group []int32, ev Evidence) []edge {
	root, n := b.root(group), len(b.copies.out)
	for _, p := range group {
		if p != root && !b.disowns(p, root) {
			b.copies.add(graph.Pos(p), graph.Pos(root), ev)
		}
	}
	return b.copies.out[n:]
}

// changeIDs links the commits with one Change-Id. Where one line has it twice, a
// change and what came later under its name, only equal subjects link.
func (b *builder) changeIDs() {
	changes := slices.Clone(b.facts.changes)
	slices.SortFunc(changes, func(x, y change) int { return cmp.Or(cmp.Compare(x.id, y.id), cmp.Compare(x.pos, y.pos)) })
	var group []int32
	for i := 0; i < len(changes); {
		group = group[:0]
		j := i
		for ; j < len(changes) && changes[j].id == changes[i].id; j++ {
			if p := changes[j].pos; int(p) < b.n && b.graph.Reachable(graph.Pos(p)) {
				group = append(group, p)
			}
		}
		i = j
		if len(group) < 2 || len(group) > maxGroup {
			continue
		}
		if !b.twiceOnALine(group) {
			b.link(group, byChangeID)
			continue
		}
		slices.SortStableFunc(group, func(x, y int32) int { return cmp.Compare(b.facts.subjects[x], b.facts.subjects[y]) })
		for s := 0; s < len(group); {
			e := s
			for e < len(group) && b.facts.subjects[group[e]] == b.facts.subjects[group[s]] {
				e++
			}
			b.link(group[s:e], byChangeID)
			s = e
		}
	}
}

// twiceOnALine says whether any line contains two of the commits.
func (b *builder) twiceOnALine(group []int32) bool {
	for _, line := range b.lines {
		n := 0
		for _, p := range group {
			if b.graph.Contains(line.Ref, graph.Pos(p)) {
				if n++; n > 1 {
					return true
				}
			}
		}
	}
	return false
}

// noSubject is the hash of a subject in which nothing is said.
var noSubject = wordsHash("")

// subjects links commits with the same subject, author and author date. Two
// different Change-Ids say that they are two changes all the same.
func (b *builder) subjects() {
	type twin struct {
		time    int64
		subject uint32
		pos     int32
	}
	var twins []twin
	for _, p := range b.sameTimes() {
		if b.facts.subjects[p] != noSubject && !b.graph.Merge(graph.Pos(p)) && b.graph.Reachable(graph.Pos(p)) {
			twins = append(twins, twin{b.graph.AuthorTime(graph.Pos(p)), b.facts.subjects[p], p})
		}
	}
	slices.SortFunc(twins, func(x, y twin) int {
		return cmp.Or(cmp.Compare(x.time, y.time), cmp.Compare(x.subject, y.subject), cmp.Compare(x.pos, y.pos))
	})
	var group []int32
	for i := 0; i < len(twins); {
		j := i + 1
		for j < len(twins) && twins[j].time == twins[i].time && twins[j].subject == twins[i].subject {
			j++
		}
		if j-i > 1 && j-i <= maxGroup {
			for k := i; k < j; k++ {
				if twins[k].pos < 0 {
					continue
				}
				group = group[:0]
				for m := k; m < j; m++ {
					if p := twins[m].pos; p >= 0 && (m == k || b.sameWriter(twins[k].pos, p)) {
						group = append(group, p)
					}
				}
				for m := k + 1; m < j; m++ {
					if slices.Contains(group, twins[m].pos) {
						twins[m].pos = -1 // is of this writer
					}
				}
				b.linkTwins(group)
			}
		}
		i = j
	}
}

// sameTimes are the positions whose author date others have too, in no order.
// Most dates stand once, so that a table of them costs a fraction of sorting.
func (b *builder) sameTimes() []int32 {
	size := 1 << bits.Len(uint(2*b.n))
	slots := make([]int32, size) // position + 1 of the first that has the date
	single := make([]bool, b.n)
	var same []int32
	for p := range int32(b.n) {
		t := b.graph.AuthorTime(graph.Pos(p))
		at := uint64(t) * 0x9e3779b97f4a7c15 >> (65 - bits.Len(uint(size)))
		for ; ; at = (at + 1) & uint64(size-1) {
			first := slots[at] - 1
			if first < 0 {
				slots[at], single[p] = p+1, true
				break
			}
			if b.graph.AuthorTime(graph.Pos(first)) == t {
				if single[first] {
					single[first] = false
					same = append(same, first)
				}
				same = append(same, p)
				break
			}
		}
	}
	return same
}

// follows says whether one of the commits, which rise, stands on top of another
// and nothing took any of them out: then these are two changes, as of a script that
// commits twice within a second, and nothing tells which of them the others are
// copies of.
func (b *builder) follows(group []int32) bool {
	if slices.ContainsFunc(group, b.isReverted) {
		return false // it may have been applied again
	}
	for i, q := range group {
		for _, p := range group[:i] {
			if p, q := graph.Pos(p), graph.Pos(q); !b.parted(p, q) && b.graph.IsAncestor(p, q) {
				return true
			}
		}
	}
	return false
}

// parted says whether a line contains q and not p, which then is no ancestor. It
// costs less than to walk.
func (b *builder) parted(p, q graph.Pos) bool {
	return slices.ContainsFunc(b.lines, func(line Line) bool {
		return b.graph.Contains(line.Ref, q) && !b.graph.Contains(line.Ref, p)
	})
}

// isReverted says whether any commit says that it takes out p, or a merge that
// brought p.
func (b *builder) isReverted(p int32) bool {
	if b.reverted == nil {
		b.reverted = make(map[int32]bool, len(b.reverts.out))
		for _, e := range b.reverts.out {
			b.reverted[int32(e.to)] = true
		}
	}
	return b.reverted[p]
}

func (l *Lineage) sameWriter(p, q int32) bool {
	x, y := l.graph.Author(graph.Pos(p)), l.graph.Author(graph.Pos(q))
	if x == y {
		return true
	}
	a, c := l.graph.Person(x), l.graph.Person(y)
	return equalFold(a.Email, c.Email) || a.Name != "" && a.Name == c.Name
}

func (b *builder) linkTwins(group []int32) {
	if len(group) < 2 || b.follows(group) {
		return
	}
	root := b.root(group)
	for _, p := range group {
		if p == root || b.disowns(p, root) {
			continue
		}
		if x, y := b.facts.changeIDAt(graph.Pos(p)), b.facts.changeIDAt(graph.Pos(root)); x != 0 && y != 0 && x != y {
			continue
		}
		b.copies.add(graph.Pos(p), graph.Pos(root), bySubject)
	}
}

// named links a copy that says that it is one, and of which subject, to the one
// earlier commit upstream that has it and the same author.
func (b *builder) named(p graph.Pos, c claim) {
	if b.upstreamHas(p) || b.own[p] {
		return
	}
	source, n := graph.Pos(-1), 0
	for _, q := range b.bySubject[c.subject] {
		q := graph.Pos(q)
		if q != p && b.upstreamHas(q) && !b.graph.Merge(q) && b.sameWriter(int32(p), int32(q)) && b.graph.AuthorTime(q) <= b.graph.CommitTime(p) {
			source, n = q, n+1
		}
	}
	if n == 1 {
		b.copies.add(p, source, Evidence(1)<<c.evidence|byClaim)
	}
}

// twins links the copies that contents proved. What brings a change back has its
// content too, but is a re-apply by its own word.
func (b *builder) twins() {
	for _, t := range b.facts.compared.twins {
		ev := byContent
		if t.patch {
			ev = byPatchID
		}
		if int(t.copy) >= b.n || int(t.source) >= b.n || !b.graph.Reachable(t.copy) || !b.graph.Reachable(t.source) {
			continue
		}
		if !b.disowns(int32(t.copy), int32(t.source)) && (!b.turns(t.copy) || b.turns(t.source)) {
			b.copies.add(t.copy, t.source, ev)
		}
	}
}

// turns says whether a commit says that it takes something out or brings it back.
func (b *builder) turns(p graph.Pos) bool {
	i, _ := slices.BinarySearch(b.facts.owners, int32(p))
	for ; i < len(b.facts.owners) && b.facts.owners[i] == int32(p); i++ {
		if m := b.facts.claims[i].means; m == reverts || m == reapplies || m == revertsRequest {
			return true
		}
	}
	return false
}

// goneMerges makes a revert of a merge one of each commit that the merge brought.
func (b *builder) goneMerges() {
	for _, e := range b.gone {
		for _, p := range b.brought(e.to, maxRevertedCommits) {
			b.reverts.add(e.from, p, e.evidence|byGoneMerge)
		}
	}
}

// takenMerges makes a copy of a merge one of each commit that the merge brought.
func (b *builder) takenMerges() {
	for _, e := range b.taken {
		for _, p := range b.brought(e.to, maxTaken) {
			if !b.graph.Merge(p) && p != e.from {
				b.copies.add(e.from, p, e.evidence)
			}
		}
	}
}

// quotes drops what a revert says in the words of the commit that it takes out.
// Many quote its message, with its trailers: the revert is no copy of what that one
// is a copy of, nor does it fix what that one fixes, and of a revert it takes out
// that revert and not what that one took out.
func (b *builder) quotes() {
	undone := map[graph.Pos][]graph.Pos{}
	for _, e := range b.reverts.out {
		undone[e.from] = append(undone[e.from], e.to)
	}
	for _, of := range []*edges{&b.copies, &b.fixes, &b.reverts} {
		said := map[[2]graph.Pos]bool{} // by what is taken out
		for _, e := range of.out {
			if b.isReverted(int32(e.from)) {
				said[[2]graph.Pos{e.from, e.to}] = true
			}
		}
		of.out = slices.DeleteFunc(of.out, func(e edge) bool {
			return slices.ContainsFunc(undone[e.from], func(p graph.Pos) bool {
				return of == &b.copies && p == e.to || said[[2]graph.Pos{p, e.to}]
			})
		})
	}
}
