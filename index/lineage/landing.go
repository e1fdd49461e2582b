package lineage

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

func equalFold(a, b string) bool { return a != "" && strings.EqualFold(a, b) }

// member is a commit of a family.
type member struct {
	pos graph.Pos
	// source says that it is the asked commit, or one that the asked one was
	// copied from.
	source   bool
	evidence Evidence // of being a copy, or of being what the asked one is a copy of
	parts    uint64   // which parts of a squash it has; see family.parts
}

// effect is a commit that takes a change out of a line that contains it, or
// brings it back.
type effect struct {
	pos    graph.Pos
	brings bool
	parts  uint64 // which parts of a squash it takes out or brings back; see family.parts
}

// family is a change: the asked commit, its sources, and all their copies.
type family struct {
	members []member
	effects []effect // none for most
	// parts are set where the asked commit is a squash: a bit for each source that
	// is no copy of another one.
	parts uint64

	index map[graph.Pos]int // of members; nil while they are few
	older map[[2]graph.Pos]bool
}

// manyMembers is from how many on an index pays.
const manyMembers = 16

// find is where a commit is among the members, -1 where it is none.
func (f *family) find(p graph.Pos) int {
	if f.index != nil {
		if i, ok := f.index[p]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(f.members, func(m member) bool { return m.pos == p })
}

func (f *family) has(p graph.Pos) bool { return f.find(p) >= 0 }

func (f *family) add(m member) {
	f.members = append(f.members, m)
	switch {
	case f.index != nil:
		f.index[m.pos] = len(f.members) - 1
	case len(f.members) > manyMembers:
		f.index = make(map[graph.Pos]int, 2*manyMembers)
		for i, m := range f.members {
			f.index[m.pos] = i
		}
	}
}

// maxFamily bounds a family. A change has a few dozen copies at most.
const maxFamily = 2000

// family walks up to the sources and then down to all copies.
func (l *Lineage) family(asked graph.Pos) *family { return l.familyBut(asked, 0) }

// familyBut is the family as it were if some evidence had not been found.
func (l *Lineage) familyBut(asked graph.Pos, without Evidence) *family {
	f := &family{members: []member{{pos: asked, source: true}}}
	for i := 0; i < len(f.members) && i < maxFamily; i++ {
		for _, e := range l.copies.of(f.members[i].pos) {
			if e.evidence&^without == 0 {
				continue
			}
			f.members[i].evidence |= e.evidence &^ inPart
			if !f.has(e.to) {
				f.add(member{pos: e.to, source: true, evidence: e.evidence &^ inPart})
			}
		}
	}
	if len(f.members) == 1 && len(l.copies.to(asked)) == 0 { // most commits
		f.effects = l.effects(f)
		return f
	}
	sources := len(f.members)
	for i := 0; i < len(f.members) && i < maxFamily; i++ {
		for _, e := range l.copies.to(f.members[i].pos) {
			if e.evidence&^without == 0 {
				continue
			}
			// A copy of a copy of a part has no more than that part, unless another
			// of its sources has all.
			ev := e.evidence
			if !f.members[i].source {
				ev |= f.members[i].evidence & inPart
			}
			switch at := f.find(e.from); {
			case at < 0:
				f.add(member{pos: e.from, evidence: ev})
			case !f.members[at].source:
				part := f.members[at].evidence & ev & inPart
				f.members[at].evidence = (f.members[at].evidence|ev)&^inPart | part
			}
		}
	}
	if sources > 2 {
		l.apportion(f, sources)
	}
	f.effects = l.effects(f)
	return f
}

// apportion finds out which member has which part, where the asked commit is a squash.
func (l *Lineage) apportion(f *family, sources int) {
	n := 0
	for i := 1; i < sources && n < 64; i++ {
		if len(l.copies.of(f.members[i].pos)) == 0 {
			f.members[i].parts = 1 << n
			n++
		}
	}
	if n < 2 {
		return
	}
	f.parts = 1<<n - 1
	for changed := true; changed; { // as often as the longest chain is long
		changed = false
		for i := range f.members {
			parts := f.members[i].parts
			for _, e := range l.copies.of(f.members[i].pos) {
				if at := f.find(e.to); at >= 0 {
					parts |= f.members[at].parts
				}
			}
			if parts != f.members[i].parts {
				f.members[i].parts, changed = parts, true
			}
		}
	}
	f.members[0].parts = f.parts
}

// effects follows reverts, reverts of reverts, re-applies, and the copies of all.
func (l *Lineage) effects(f *family) []effect {
	turned := func(m member) bool { return len(l.reverts.to(m.pos)) > 0 || len(l.reapplies.to(m.pos)) > 0 }
	if !slices.ContainsFunc(f.members, turned) { // most families
		return nil
	}
	var all []effect
	seen := map[graph.Pos]int{} // where it is in all
	add := func(p graph.Pos, brings bool, parts uint64) {
		if at, ok := seen[p]; ok {
			all[at].parts |= parts
			return
		}
		if len(all) >= maxFamily || f.has(p) {
			return
		}
		seen[p] = len(all)
		all = append(all, effect{p, brings, parts})
	}
	turn := func(p graph.Pos, here bool, parts uint64) {
		for _, e := range l.reverts.to(p) {
			add(e.from, !here, parts)
		}
		for _, e := range l.reapplies.to(p) {
			add(e.from, true, parts)
		}
	}
	for _, m := range f.members {
		turn(m.pos, true, m.parts)
	}
	for i := 0; i < len(all); i++ {
		turn(all[i].pos, all[i].brings, all[i].parts)
		for _, e := range l.copies.to(all[i].pos) {
			add(e.from, all[i].brings, all[i].parts)
		}
	}
	return all
}

// share is which parts of a squash have to do with a member or an effect: all
// where the asked commit is none, or where that is not known.
func share(parts uint64) uint64 {
	if parts == 0 {
		return ^uint64(0)
	}
	return parts
}

// ancestor says whether a member or an effect of a family is an ancestor of an
// effect; each pair is looked up once.
func (l *Lineage) ancestor(f *family, p, of graph.Pos) bool {
	if p > of {
		return false // a parent's position is smaller
	}
	pair := [2]graph.Pos{p, of}
	known, ok := f.older[pair]
	if !ok {
		if f.older == nil {
			f.older = map[[2]graph.Pos]bool{}
		}
		known = l.graph.IsAncestor(p, of)
		f.older[pair] = known
	}
	return known
}

// standing is how a family stands on a ref.
type standing struct {
	status     history.Status // Contains, Backported, Reverted or Missing
	commit     graph.Pos
	evidence   Evidence
	revertedBy graph.Pos
}

var absentStanding = standing{status: history.Missing, commit: -1, revertedBy: -1}

// isPart says that only a part of the change is there.
func (s standing) isPart() bool { return s.evidence&inPart != 0 }

func (l *Lineage) standing(f *family, ref graph.RefID) standing {
	best := -1
	better := func(a, b member) bool { // a is a better answer than b
		if a.source != b.source {
			return a.source
		}
		if x, y := a.evidence&inPart == 0, b.evidence&inPart == 0; x != y {
			return x
		}
		if x, y := a.evidence&byTrailer != 0, b.evidence&byTrailer != 0; x != y && !a.source {
			return x
		}
		return false // the first of equals
	}
	parts := uint64(0)
	for i, m := range f.members {
		if l.graph.Contains(ref, m.pos) {
			parts |= m.parts
			if best < 0 || better(m, f.members[best]) {
				best = i
			}
		}
	}
	if best < 0 {
		return absentStanding
	}
	s := standing{status: history.Backported, commit: f.members[best].pos, evidence: f.members[best].evidence, revertedBy: -1}
	if f.members[best].source {
		s.status = history.Contains
	}
	if f.parts != 0 && parts != f.parts {
		s.evidence |= inPart
	}
	gone := uint64(0)
	for _, e := range f.effects {
		if e.brings || e.pos < s.revertedBy || !l.graph.Contains(ref, e.pos) {
			continue
		}
		if out := l.inForce(f, ref, e); out != 0 {
			s.status, s.revertedBy, gone = history.Reverted, e.pos, out
		}
	}
	at := best
	if s.revertedBy < 0 {
		at = l.standingCopy(f, ref, best, better)
	} else if share(f.members[best].parts)&gone == 0 {
		at = slices.IndexFunc(f.members, func(m member) bool { return share(m.parts)&gone != 0 && l.graph.Contains(ref, m.pos) })
	}
	if at >= 0 && at != best {
		s.commit, s.evidence = f.members[at].pos, f.members[at].evidence|s.evidence&inPart
	}
	return s
}

// standingCopy is the best copy on a ref that no revert there took out: the one
// that was applied again, in place of the one before. It is best itself where that
// is no copy, or where a re-apply brought it back.
func (l *Lineage) standingCopy(f *family, ref graph.RefID, best int, better func(a, b member) bool) int {
	takenOut := func(m member) bool {
		return slices.ContainsFunc(f.effects, func(e effect) bool {
			return !e.brings && share(e.parts)&share(m.parts) != 0 && l.graph.Contains(ref, e.pos) && l.ancestor(f, m.pos, e.pos)
		})
	}
	if len(f.effects) == 0 || f.members[best].source || !takenOut(f.members[best]) {
		return best
	}
	found := -1
	for i, m := range f.members {
		if !m.source && l.graph.Contains(ref, m.pos) && !takenOut(m) && (found < 0 || better(m, f.members[found])) {
			found = i
		}
	}
	if found < 0 {
		return best
	}
	return found
}

// inForce is which parts a revert takes out on a ref, all of what is no squash; 0
// where it does not hold. It holds where all that brought the change there is
// behind it: what came later, or by a branch that had not the revert when it was
// merged, brought the change anew.
func (l *Lineage) inForce(f *family, ref graph.RefID, revert effect) uint64 {
	out := share(revert.parts) & share(f.parts)
	brought := func(p graph.Pos, parts uint64) {
		if share(parts)&out != 0 && l.graph.Contains(ref, p) && !l.ancestor(f, p, revert.pos) {
			out &^= share(parts)
		}
	}
	for _, m := range f.members {
		brought(m.pos, m.parts)
	}
	for _, e := range f.effects {
		if e.brings {
			brought(e.pos, e.parts)
		}
	}
	return out
}

// hasRevert says whether a ref has a revert of a change, in force or not.
func (l *Lineage) hasRevert(f *family, ref graph.RefID) bool {
	return slices.ContainsFunc(f.effects, func(e effect) bool { return !e.brings && l.graph.Contains(ref, e.pos) })
}

// InForce tells which refs have a change that no revert there took out.
func (l *Lineage) InForce(p graph.Pos) func(graph.RefID) bool {
	f := l.family(p)
	return func(ref graph.RefID) bool { return isPresent(l.standing(f, ref).status) }
}

// Landing is how a change stands on a line.
type Landing struct {
	Line       Line
	Status     history.Status
	Commit     graph.Pos // -1 for none
	Evidence   []string
	Incomplete []graph.Pos // fixes of it, and of these, that are upstream and not here
	RevertedBy graph.Pos   // -1 for none
	Needed     bool        // it is missing, and what it fixes is here
	Restored   bool        // it is here, and a revert of it is here too; InForce tells since when
}

// Lines are those that Build was given.
func (l *Lineage) Lines() []Line { return l.lines }

// question is a commit with what its answers on all lines share. What only
// absence asks for is looked up when a line lacks it.
type question struct {
	*Lineage
	asked  graph.Pos
	change *family

	tip     *family   // of the last commit that the merge of a request brought
	brought []*family // as merged; nil while nobody asked
	looked  bool      // for the causes
	causes  []cause
	known   bool // as causes says
}

func (l *Lineage) question(asked graph.Pos) *question {
	return &question{Lineage: l, asked: asked, change: l.family(asked)}
}

// on is how the commit stands on a line, with the reason of its absence.
func (q *question) on(ref graph.RefID) standing {
	s := q.standing(q.change, ref)
	if s.status == history.Missing && q.requested[q.asked] {
		s = q.copied(ref)
	}
	if s.status != history.Missing {
		return s
	}
	if !q.looked {
		q.looked = true
		q.causes, q.known = q.Lineage.causes(q.change)
	}
	switch {
	case q.graph.Truncated(ref):
		s.status = history.Unknown
	case q.known && !q.reached(q.causes, ref):
		s.status = history.NotAffected
	}
	return s
}

// copied is how the merge of a request stands on a ref by the copies of what it
// brought. To walk all that it brought costs more than to see that its last commit
// has no copy there, as most have none.
func (q *question) copied(ref graph.RefID) standing {
	parents := q.graph.Parents(q.asked, nil)
	if len(parents) < 2 { // one is not known here
		return absentStanding
	}
	last := parents[1]
	if q.tip == nil {
		q.tip = q.family(last)
	}
	if !q.graph.Merge(last) && q.standing(q.tip, ref).status != history.Backported {
		return absentStanding
	}
	if q.brought == nil {
		q.brought = q.merged(q.asked)
	}
	return q.allOf(q.brought, ref)
}

// Landings tells how a change stands on each of the lines. Ended ones that have
// it not are left out.
func (l *Lineage) Landings(asked graph.Pos, lines ...Line) []Landing {
	q := l.question(asked)
	follow := l.followUps(q.change)
	wanted := l.upstream < 0 || l.standing(q.change, l.upstream).status != history.Reverted
	landings := make([]Landing, 0, len(lines))
	for _, line := range lines {
		s := q.on(line.Ref)
		landing := Landing{Line: line, Status: s.status, Commit: s.commit, RevertedBy: s.revertedBy}
		switch s.status {
		case history.Missing:
			landing.Needed = wanted && l.neededOn(q.causes, line.Ref)
		case history.Contains, history.Backported:
			landing.Restored = l.hasRevert(q.change, line.Ref)
			for _, fix := range follow {
				if fix.upstream >= 0 && !isPresent(l.standing(fix.family, line.Ref).status) {
					landing.Incomplete = append(landing.Incomplete, fix.upstream)
				}
			}
		}
		if line.Ended && s.commit < 0 {
			continue
		}
		if s.commit != asked {
			landing.Evidence = l.Names(s.evidence)
		}
		landings = append(landings, landing)
	}
	return landings
}

// merged are the families of what a merge brought, such as that of a request, which
// people ask for by its number; none where it brought many.
func (l *Lineage) merged(asked graph.Pos) []*family {
	all := []*family{}
	for _, p := range l.brought(asked, maxTaken) {
		if !l.graph.Merge(p) {
			all = append(all, l.family(p))
		}
	}
	return all
}

// allOf is how a merge stands on a ref that has not the merge itself: it is there
// where copies of all that it brought are, and the newest of them is named. A ref
// that has these commits themselves may be the one that was merged.
func (l *Lineage) allOf(brought []*family, ref graph.RefID) standing {
	newest := absentStanding
	for i, f := range brought {
		s := l.standing(f, ref)
		if s.status != history.Backported {
			return absentStanding
		}
		if i == 0 {
			newest = s
		}
	}
	return newest
}

func isPresent(s history.Status) bool { return s == history.Contains || s == history.Backported }

// Names are the names of evidence, sorted.
func (l *Lineage) Names(e Evidence) []string {
	names := []string{}
	for i, name := range l.evidence {
		if e&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// followUp is a fix of a change, as far as it is upstream.
type followUp struct {
	family   *family
	upstream graph.Pos // the commit that is upstream, -1 where it is not or was reverted
}

// followUps are the later fixes of a change, and the fixes of those that are
// upstream, each once.
func (l *Lineage) followUps(f *family) []followUp {
	if l.upstream < 0 {
		return nil
	}
	var all []followUp
	seen := map[graph.Pos]bool{}
	fixed := []*family{f}
	for i := 0; i < len(fixed); i++ {
		for _, m := range fixed[i].members {
			for _, e := range l.fixes.to(m.pos) {
				if seen[e.from] || f.has(e.from) {
					continue
				}
				u := followUp{family: l.family(e.from), upstream: -1}
				for _, m := range u.family.members {
					seen[m.pos] = true
				}
				if s := l.standing(u.family, l.upstream); isPresent(s.status) {
					u.upstream = s.commit
					fixed = append(fixed, u.family)
				}
				all = append(all, u)
			}
		}
	}
	slices.SortFunc(all, func(a, b followUp) int { return cmp.Compare(a.upstream, b.upstream) })
	return all
}

// cause is a change that another one fixes or takes back.
type cause struct {
	*family
	revert bool // it is taken back
	part   bool // only the merge that brought it is fixed
}

// causes are what a change says that it fixes or takes back. They are known
// where it names any, and all of these are.
func (l *Lineage) causes(f *family) (causes []cause, known bool) {
	known = true
	for _, m := range f.members {
		if !m.source {
			continue
		}
		known = known && !l.vague[m.pos]
		for _, e := range l.fixes.of(m.pos) {
			causes = append(causes, cause{family: l.family(e.to)})
			if !l.graph.Merge(e.to) {
				continue
			}
			// What a fix of a merge fixes may be in any of what the merge brought.
			brought := l.merged(e.to)
			known = known && len(brought) > 0
			for _, part := range brought {
				causes = append(causes, cause{family: part, part: true})
			}
		}
		for _, e := range l.reverts.of(m.pos) {
			causes = append(causes, cause{family: l.family(e.to), revert: true})
		}
	}
	return causes, known && len(causes) > 0
}

// reached says whether any of the causes ever came to a ref.
func (l *Lineage) reached(causes []cause, ref graph.RefID) bool {
	for _, c := range causes {
		for _, m := range c.members {
			if l.graph.Contains(ref, m.pos) {
				return true
			}
		}
	}
	return false
}

// neededOn says whether a ref has one of the causes; a part of one does not tell.
// What upstream has in spite of a revert came back there, and then nobody needs
// that revert.
func (l *Lineage) neededOn(causes []cause, ref graph.RefID) bool {
	for _, c := range causes {
		if !c.part && isPresent(l.standing(c.family, ref).status) && !(c.revert && l.upstream >= 0 && ref != l.upstream && isPresent(l.standing(c.family, l.upstream).status)) {
			return true
		}
	}
	return false
}

// Relation is a commit that has to do with another one.
type Relation struct {
	Pos      graph.Pos
	Relation string // the contract's: equivalent, reverts, reverted-by, fixes, fixed-by, reapplies, depends-on
	Evidence []string
}

// Related are the commits that have to do with one: its copies and sources, what
// it reverts, fixes and brings back, and what does so with it.
func (l *Lineage) Related(asked graph.Pos) []Relation {
	f := l.family(asked)
	var all []Relation
	seen := map[graph.Pos]bool{asked: true}
	add := func(p graph.Pos, relation string, e Evidence) {
		if !seen[p] {
			seen[p] = true
			all = append(all, Relation{p, relation, l.Names(e)})
		}
	}
	for _, m := range f.members {
		add(m.pos, "equivalent", m.evidence)
	}
	for _, e := range f.effects {
		if e.brings {
			add(e.pos, "reapplied-by", 0)
		}
	}
	for _, m := range f.members {
		for _, e := range l.reverts.to(m.pos) {
			add(e.from, "reverted-by", e.evidence)
		}
		for _, e := range l.reapplies.to(m.pos) {
			add(e.from, "reapplied-by", e.evidence)
		}
		for _, e := range l.fixes.to(m.pos) {
			add(e.from, "fixed-by", e.evidence)
		}
		if m.pos != asked && !m.source {
			continue
		}
		for _, e := range l.reverts.of(m.pos) {
			add(e.to, "reverts", e.evidence)
		}
		for _, e := range l.reapplies.of(m.pos) {
			add(e.to, "reapplies", e.evidence)
		}
		for _, e := range l.fixes.of(m.pos) {
			add(e.to, "fixes", e.evidence)
		}
		for _, e := range l.serves.to(m.pos) {
			add(e.from, "depends-on", e.evidence)
		}
	}
	return all
}

// Original is the upstream source of a copy: the commit that definition leads
// to. It is not ok for a commit that is no copy.
func (l *Lineage) Original(p graph.Pos) (graph.Pos, bool) {
	f := l.family(p)
	found := graph.Pos(-1)
	for _, m := range f.members[1:] {
		if m.source && (found < 0 || l.upstream >= 0 && l.graph.Contains(l.upstream, m.pos) && !l.graph.Contains(l.upstream, found)) {
			found = m.pos
		}
	}
	return found, found >= 0
}

// derived says whether anything derives from a commit or it from anything, so
// that ancestry alone does not tell how it stands.
func (l *Lineage) derived(p graph.Pos) bool {
	return len(l.copies.of(p)) > 0 || len(l.copies.to(p)) > 0 || len(l.reverts.to(p)) > 0 ||
		len(l.reapplies.to(p)) > 0 || len(l.fixes.of(p)) > 0 || len(l.reverts.of(p)) > 0 || l.requested[p]
}

// On is how a change stands on a ref, in one word: the one that Landings says.
func (l *Lineage) On(p graph.Pos, ref graph.RefID) history.Status {
	if !l.derived(p) { // most commits
		return ByAncestry(l.graph, p, ref)
	}
	return l.question(p).on(ref).status
}

// ByAncestry is how a commit stands on a ref as far as ancestry tells.
func ByAncestry(g *graph.Graph, p graph.Pos, ref graph.RefID) history.Status {
	switch {
	case g.Contains(ref, p):
		return history.Contains
	case g.Truncated(ref):
		return history.Unknown
	}
	return history.Missing
}

// Fixers are the commits that say that they fix a change, any copy of it.
func (l *Lineage) Fixers(p graph.Pos) []graph.Pos {
	var all []graph.Pos
	for _, m := range l.family(p).members {
		for _, e := range l.fixes.to(m.pos) {
			all = append(all, e.from)
		}
	}
	return all
}

// Copies are the copies of a change, without the commit itself and its sources.
func (l *Lineage) Copies(p graph.Pos) []graph.Pos {
	var all []graph.Pos
	for _, m := range l.family(p).members {
		if !m.source {
			all = append(all, m.pos)
		}
	}
	return all
}

// Each calls fn with each copy, its source, and how that is known.
func (l *Lineage) Each(fn func(copied, source graph.Pos, evidence []string)) {
	for _, e := range l.copies.out {
		fn(e.from, e.to, l.Names(e.evidence))
	}
}
