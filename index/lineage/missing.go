package lineage

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// Lack is a change that one ref has and another lacks.
type Lack struct {
	Pos    graph.Pos
	Needed bool
	Reason string // why it is needed, or why it is listed
}

// Excluded is a commit that one ref has and another has not, and that is no lack.
type Excluded struct {
	Pos    graph.Pos
	Reason string
}

// Side is a ref and what people call it.
type Side struct {
	Ref  graph.RefID
	Name string
}

// Missing compares two refs: which changes of `in` does `from` lack, and which
// commits are left out of that, each with its reason. Both come newest first.
// Commits that stand on `from` under another name are left out too. The error is
// ctx's.
func (l *Lineage) Missing(ctx context.Context, from, in Side) (lacks []Lack, excluded []Excluded, err error) {
	g := l.graph
	for p := g.TipPos(in.Ref); p >= 0; p-- {
		if p%4096 == 0 && ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if !g.Contains(in.Ref, p) || g.Contains(from.Ref, p) {
			continue
		}
		if reason := l.leftOut(p, from, in); reason != "" {
			excluded = append(excluded, Excluded{p, reason})
			continue
		}
		lack := Lack{Pos: p, Reason: "not on " + from.Name}
		switch s := l.standing(l.family(p), from.Ref); s.status {
		case history.Contains, history.Backported:
			lack.Reason = "only a part of it is on " + from.Name + ", as " + l.short(s.commit)
		case history.Reverted:
			lack.Reason = l.short(s.revertedBy) + " reverted it on " + from.Name + ", and it is back on " + in.Name
		}
		if need := l.need(p, from); need != "" {
			lack.Needed, lack.Reason = true, need
		}
		lacks = append(lacks, lack)
	}
	// Positions are in the order of history, and in that of time only where all was
	// read at once.
	newer := func(a, b graph.Pos) int { return cmp.Compare(g.CommitTime(b), g.CommitTime(a)) }
	slices.SortStableFunc(lacks, func(a, b Lack) int { return newer(a.Pos, b.Pos) })
	slices.SortStableFunc(excluded, func(a, b Excluded) int { return newer(a.Pos, b.Pos) })
	return lacks, excluded, nil
}

// leftOut is why a commit that `from` has not is no lack of it, "" where it is one.
func (l *Lineage) leftOut(p graph.Pos, from, in Side) string {
	if l.graph.Merge(p) {
		return "a merge"
	}
	f := l.family(p)
	there := l.standing(f, from.Ref)
	switch there.status {
	case history.Contains, history.Backported:
		if there.isPart() {
			return ""
		}
		return "is there as " + l.short(there.commit) + " (" + strings.Join(l.Names(there.evidence), ", ") + ")"
	case history.Reverted:
		if l.broughtBack(f, p, in.Ref) {
			return ""
		}
		return "was there as " + l.short(there.commit) + ", and " + l.short(there.revertedBy) + " reverted it there"
	}
	if s := l.standing(f, in.Ref); s.status == history.Reverted {
		return "reverted on " + in.Name + " by " + l.short(s.revertedBy)
	}
	if undone := l.undoes(p, in.Ref); len(undone) > 0 {
		there := slices.DeleteFunc(slices.Clone(undone), func(u graph.Pos) bool {
			return !l.reached([]cause{{family: l.family(u)}}, from.Ref)
		})
		if len(there) == 0 {
			return "reverts " + l.short(undone[0]) + ", which is not there"
		}
		back := func(u graph.Pos) bool { return isPresent(l.standing(l.family(u), in.Ref).status) }
		if len(l.reverts.of(p)) > 0 && !slices.ContainsFunc(there, func(u graph.Pos) bool { return !back(u) }) {
			return "reverts " + l.short(there[0]) + ", which came back on " + in.Name
		}
	}
	causes, known := l.causes(f)
	if known && !l.reached(causes, from.Ref) && !l.graph.Truncated(from.Ref) {
		return "fixes " + l.short(causes[0].members[0].pos) + ", which never reached " + from.Name
	}
	return ""
}

// broughtBack says whether p, one of a family, brought the change back on a ref
// that had taken it out.
func (l *Lineage) broughtBack(f *family, p graph.Pos, ref graph.RefID) bool {
	out := false
	for _, e := range f.effects {
		if e.brings || !l.graph.Contains(ref, e.pos) {
			continue
		}
		if l.ancestor(f, p, e.pos) {
			return false
		}
		out = true
	}
	return out && isPresent(l.standing(f, ref).status)
}

// undoes are the commits on a ref that p reverts, or else those that it brings
// back. A change that was taken out and brought back needs neither of the two.
func (l *Lineage) undoes(p graph.Pos, ref graph.RefID) (undone []graph.Pos) {
	for _, edges := range [...][]edge{l.reverts.of(p), l.reapplies.of(p)} {
		for _, e := range edges {
			if l.graph.Contains(ref, e.to) {
				undone = append(undone, e.to)
			}
		}
		if len(undone) > 0 {
			break
		}
	}
	return undone
}

// need is why a line that lacks a commit needs it: the line has what the commit
// fixes or takes out.
func (l *Lineage) need(p graph.Pos, from Side) string {
	f := l.family(p)
	for _, m := range f.members {
		if !m.source {
			continue
		}
		for _, e := range l.fixes.of(m.pos) {
			if s := l.standing(l.family(e.to), from.Ref); isPresent(s.status) {
				return "fixes " + l.short(e.to) + ", which is on " + l.asNamed(from, e.to, s.commit)
			}
		}
		for _, e := range l.reverts.of(m.pos) {
			if s := l.standing(l.family(e.to), from.Ref); isPresent(s.status) {
				return "reverts " + l.short(e.to) + ", which is on " + l.asNamed(from, e.to, s.commit)
			}
		}
	}
	return ""
}

func (l *Lineage) short(p graph.Pos) string { return l.graph.Hash(p).Short() }

// asNamed is a line, with a commit's name there where that is another one.
func (l *Lineage) asNamed(on Side, p, there graph.Pos) string {
	if p == there {
		return on.Name
	}
	return on.Name + " as " + l.short(there)
}
