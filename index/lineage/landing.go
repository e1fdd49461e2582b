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
}

// effect is a commit that takes a change out of a line that contains it, or
// brings it back.
type effect struct {
	pos    graph.Pos
	brings bool
}

// family is a change: the asked commit, its sources, and all their copies.
type family struct {
	members []member
	effects []effect // by position; none for most
}

func (f *family) has(p graph.Pos) bool {
	return slices.ContainsFunc(f.members, func(m member) bool { return m.pos == p })
}

// maxFamily bounds a family. A change has a few dozen copies at most.
const maxFamily = 2000

// family walks up to the sources and then down to all copies.
func (l *Lineage) family(asked graph.Pos) *family {
	f := &family{members: []member{{pos: asked, source: true}}}
	for i := 0; i < len(f.members) && i < maxFamily; i++ {
		for _, e := range l.copies.of(f.members[i].pos) {
			f.members[i].evidence |= e.evidence
			if !f.has(e.to) {
				f.members = append(f.members, member{pos: e.to, source: true, evidence: e.evidence})
			}
		}
	}
	if len(f.members) == 1 && len(l.copies.to(asked)) == 0 { // most commits
		f.effects = l.effects(f)
		return f
	}
	for i := 0; i < len(f.members) && i < maxFamily; i++ {
		for _, e := range l.copies.to(f.members[i].pos) {
			at := slices.IndexFunc(f.members, func(m member) bool { return m.pos == e.from })
			if at < 0 {
				at = len(f.members)
				f.members = append(f.members, member{pos: e.from})
			}
			if !f.members[at].source {
				f.members[at].evidence |= e.evidence
			}
		}
	}
	f.effects = l.effects(f)
	return f
}

// effects follows reverts, reverts of reverts, and their copies.
func (l *Lineage) effects(f *family) []effect {
	var all []effect
	seen := map[graph.Pos]bool{}
	var add func(p graph.Pos, brings bool)
	add = func(p graph.Pos, brings bool) {
		if seen[p] || len(all) >= maxFamily || f.has(p) {
			return
		}
		seen[p] = true
		all = append(all, effect{p, brings})
		for _, e := range l.copies.to(p) {
			add(e.from, brings)
		}
		for _, e := range l.reverts.to(p) {
			add(e.from, !brings)
		}
	}
	for _, m := range f.members {
		for _, e := range l.reverts.to(m.pos) {
			add(e.from, false)
		}
		for _, e := range l.reapplies.to(m.pos) {
			add(e.from, true)
		}
	}
	slices.SortFunc(all, func(a, b effect) int { return cmp.Compare(a.pos, b.pos) })
	return all
}

// standing is how a family stands on a ref.
type standing struct {
	status     history.Status // Contains, Backported, Reverted or Missing
	commit     graph.Pos
	evidence   Evidence
	revertedBy graph.Pos
}

func (l *Lineage) standing(f *family, ref graph.RefID) standing {
	best := -1
	better := func(a, b member) bool { // a is a better answer than b
		if a.source != b.source {
			return a.source
		}
		if x, y := a.evidence&byTrailer != 0, b.evidence&byTrailer != 0; x != y && !a.source {
			return x
		}
		return false // the first of equals
	}
	last, lastMember := graph.Pos(-1), graph.Pos(-1)
	for i, m := range f.members {
		if !l.graph.Contains(ref, m.pos) {
			continue
		}
		if best < 0 || better(m, f.members[best]) {
			best = i
		}
		last = max(last, m.pos)
	}
	if best < 0 {
		return standing{status: history.Missing, commit: -1, revertedBy: -1}
	}
	lastMember = last
	s := standing{status: history.Backported, commit: f.members[best].pos, evidence: f.members[best].evidence, revertedBy: -1}
	if f.members[best].source {
		s.status = history.Contains
	}
	for _, e := range f.effects { // in the order of history
		if e.pos < s.commit || !l.graph.Contains(ref, e.pos) {
			continue
		}
		switch {
		case e.brings:
			s.revertedBy = -1
		case lastMember > e.pos: // applied anew behind this revert
		default:
			s.revertedBy = e.pos
		}
	}
	if s.revertedBy >= 0 {
		s.status = history.Reverted
	}
	return s
}

// Landing is how a change stands on a line.
type Landing struct {
	Line       Line
	Status     history.Status
	Commit     graph.Pos // -1 for none
	Evidence   []string
	Incomplete []graph.Pos // fixes of it that are upstream and not here
	RevertedBy graph.Pos   // -1 for none
	Partial    bool        // only a part of it is here
	Needed     bool        // it is missing, and what it fixes is here
}

// Lines are those that Build was given.
func (l *Lineage) Lines() []Line { return l.lines }

// Landings tells how a change stands on each of the lines. Ended ones that have
// it not are left out.
func (l *Lineage) Landings(asked graph.Pos, lines ...Line) []Landing {
	f := l.family(asked)
	follow := l.followUps(f)
	causes, known := l.causes(f)
	landings := make([]Landing, 0, len(lines))
	for _, line := range lines {
		s := l.standing(f, line.Ref)
		landing := Landing{Line: line, Status: s.status, Commit: s.commit, RevertedBy: s.revertedBy}
		switch s.status {
		case history.Missing:
			switch {
			case line.Ended:
				continue
			case known && !l.reached(causes, line.Ref) && !l.graph.Truncated(line.Ref):
				landing.Status = history.NotAffected
			case l.graph.Truncated(line.Ref):
				landing.Status = history.Unknown
			default:
				landing.Needed = l.anyPresent(causes, line.Ref)
			}
		case history.Contains, history.Backported:
			for _, fix := range follow {
				if fix.upstream >= 0 && !isPresent(l.standing(fix.family, line.Ref).status) {
					landing.Incomplete = append(landing.Incomplete, fix.upstream)
				}
			}
		}
		landing.Partial = s.status == history.Backported && s.evidence&inPart != 0 && s.evidence&^inPart == s.evidence&byTrailer
		if s.commit != asked {
			landing.Evidence = l.Names(s.evidence)
		}
		landings = append(landings, landing)
	}
	return landings
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

// followUps are the later fixes of a change, each once.
func (l *Lineage) followUps(f *family) []followUp {
	if l.upstream < 0 {
		return nil
	}
	var all []followUp
	for _, m := range f.members {
		for _, e := range l.fixes.to(m.pos) {
			if f.has(e.from) || slices.ContainsFunc(all, func(u followUp) bool { return u.family.has(e.from) }) {
				continue
			}
			u := followUp{family: l.family(e.from), upstream: -1}
			if s := l.standing(u.family, l.upstream); isPresent(s.status) {
				u.upstream = s.commit
			}
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b followUp) int { return cmp.Compare(a.upstream, b.upstream) })
	return all
}

// causes are what a change says that it fixes or takes back. They are known
// where it names any, and all of these are.
func (l *Lineage) causes(f *family) (causes []*family, known bool) {
	for _, m := range f.members {
		if !m.source {
			continue
		}
		if l.vague[m.pos] {
			return nil, false
		}
		for _, edges := range [...][]edge{l.fixes.of(m.pos), l.reverts.of(m.pos)} {
			for _, e := range edges {
				causes = append(causes, l.family(e.to))
			}
		}
	}
	return causes, len(causes) > 0
}

// reached says whether any of the families ever came to a ref.
func (l *Lineage) reached(families []*family, ref graph.RefID) bool {
	for _, f := range families {
		for _, m := range f.members {
			if l.graph.Contains(ref, m.pos) {
				return true
			}
		}
	}
	return false
}

// anyPresent says whether any of the families is on a ref now.
func (l *Lineage) anyPresent(families []*family, ref graph.RefID) bool {
	for _, f := range families {
		if isPresent(l.standing(f, ref).status) {
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

// Derived says whether anything derives from a commit or it from anything, so
// that ancestry alone does not tell how it stands.
func (l *Lineage) Derived(p graph.Pos) bool {
	return len(l.copies.of(p)) > 0 || len(l.copies.to(p)) > 0 || len(l.reverts.to(p)) > 0 ||
		len(l.fixes.of(p)) > 0 || len(l.reverts.of(p)) > 0
}

// On is how a change stands on a line, in one word.
func (l *Lineage) On(p graph.Pos, line Line) history.Status {
	f := l.family(p)
	s := l.standing(f, line.Ref)
	if s.status != history.Missing {
		return s.status
	}
	if l.graph.Truncated(line.Ref) {
		return history.Unknown
	}
	if causes, known := l.causes(f); known && !l.reached(causes, line.Ref) {
		return history.NotAffected
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
