package lineage

import (
	"cmp"
	"slices"

	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// message is a commit whose copies have the very same message, with its hash.
type message struct {
	hash uint32
	pos  int32
}

// maxBackpatch is how far apart copies under one message are made, in seconds.
const maxBackpatch = 24 * 60 * 60

func (b *builder) indexRequests() {
	b.requests = make([]request, 0, len(b.facts.requests))
	for _, r := range b.facts.requests {
		if int(r.pos) < b.n && b.graph.Reachable(graph.Pos(r.pos)) {
			b.requests = append(b.requests, r)
			if b.graph.Merge(graph.Pos(r.pos)) {
				b.requested[graph.Pos(r.pos)] = true
			}
		}
	}
	slices.SortFunc(b.requests, func(x, y request) int {
		return cmp.Or(cmp.Compare(x.number, y.number), cmp.Compare(b.facts.subjects[x.pos], b.facts.subjects[y.pos]), cmp.Compare(x.pos, y.pos))
	})
}

// broughtBy are the commits that came by the request which a claim names.
func (b *builder) broughtBy(c claim) []request {
	number := uint32(c.name >> 32)
	i, _ := slices.BinarySearchFunc(b.requests, number, func(r request, n uint32) int { return cmp.Compare(r.number, n) })
	j := i
	for j < len(b.requests) && b.requests[j].number == number {
		j++
	}
	return b.requests[i:j]
}

// copyOfRequest links a commit that says that it is a copy of what a request
// brought: to the one commit upstream that came by it under the subject that is
// told; else to the one merge of it, and in this to the commit of that subject;
// else to the one commit that came by it at all.
func (b *builder) copyOfRequest(p graph.Pos, c claim) bool {
	if b.opt.NoTrailers || b.upstreamHas(p) {
		return false
	}
	var titled, merges, all []graph.Pos
	for _, r := range b.broughtBy(c) {
		q := graph.Pos(r.pos)
		if q == p || !b.upstreamHas(q) || b.graph.AuthorTime(q) > b.graph.CommitTime(p) {
			continue
		}
		all = append(all, q)
		if b.graph.Merge(q) {
			merges = append(merges, q)
		} else if b.facts.subjects[q] == c.subject {
			titled = append(titled, q)
		}
	}
	ev := Evidence(1)<<c.evidence | byRequest
	switch {
	case len(titled) == 1:
		b.copies.add(p, titled[0], ev|byClaim)
	case len(merges) == 1:
		b.copies.add(p, merges[0], ev)
		found := false
		if c.subject != 0 {
			for _, q := range b.brought(merges[0], maxRevertedCommits) {
				if b.facts.subjects[q] == c.subject && !b.graph.Merge(q) {
					b.copies.add(p, q, ev|byClaim)
					found = true
				}
			}
		}
		if !found && !b.graph.Merge(p) {
			b.taken = append(b.taken, edge{p, merges[0], ev})
		}
	case len(all) == 1:
		b.copies.add(p, all[0], ev)
	default:
		return false
	}
	return true
}

// copyOfChange links a commit that says that it is a copy of the one with another
// Change-Id than its own.
func (b *builder) copyOfChange(p graph.Pos, c claim) bool {
	if b.opt.NoTrailers || b.facts.changeIDAt(p) == c.name {
		return false // the Change-Ids say so by themselves
	}
	var group []int32
	for _, x := range b.facts.changes {
		if x.id == c.name && int(x.pos) < b.n && graph.Pos(x.pos) != p && b.graph.Reachable(graph.Pos(x.pos)) {
			group = append(group, x.pos)
		}
	}
	if len(group) == 0 || len(group) > maxGroup {
		return false
	}
	b.copies.add(p, graph.Pos(b.root(group)), Evidence(1)<<c.evidence|byChangeID)
	return true
}

// revertOfRequest makes a commit that says that it takes out what a request
// brought a revert of that: of its merge, or of its one commit before.
func (b *builder) revertOfRequest(p graph.Pos, c claim) bool {
	var found []graph.Pos
	for _, r := range b.broughtBy(c) {
		if q := graph.Pos(r.pos); q != p && b.graph.IsAncestor(q, p) {
			found = append(found, q)
		}
	}
	if merges := slices.DeleteFunc(slices.Clone(found), func(q graph.Pos) bool { return !b.graph.Merge(q) }); len(merges) > 0 {
		found = merges
	}
	if len(found) != 1 {
		return false
	}
	c.means = reverts
	b.edge(c, p, found[0])
	return true
}

// sameRequests links commits that came by one request and have one subject. Where
// a line has two of them the number is that of something else, such as of an issue.
// A copy of the request's merge that is none itself has all that the merge brought.
func (b *builder) sameRequests() {
	var group []int32
	for i := 0; i < len(b.requests); {
		first := b.requests[i]
		group = group[:0]
		for ; i < len(b.requests) && b.requests[i].number == first.number && b.facts.subjects[b.requests[i].pos] == b.facts.subjects[first.pos]; i++ {
			group = append(group, b.requests[i].pos)
		}
		if len(group) > 1 && len(group) <= maxGroup && !b.twiceOnALine(group) {
			for _, e := range b.link(group, byRequest) {
				if b.graph.Merge(e.to) && !b.graph.Merge(e.from) {
					b.taken = append(b.taken, e)
				}
			}
		}
	}
}

// sameMessages links commits of one author with the very same message that were
// made within a day, on several lines, and say that they were (PostgreSQL).
func (b *builder) sameMessages() {
	slices.SortFunc(b.messages, func(x, y message) int { return cmp.Or(cmp.Compare(x.hash, y.hash), b.older(x.pos, y.pos)) })
	var group []int32
	for i := 0; i < len(b.messages); {
		first := b.messages[i]
		group = group[:0]
		for ; i < len(b.messages) && b.messages[i].hash == first.hash &&
			b.graph.CommitTime(graph.Pos(b.messages[i].pos))-b.graph.CommitTime(graph.Pos(first.pos)) <= maxBackpatch; i++ {
			if p := b.messages[i].pos; b.sameWriter(first.pos, p) {
				group = append(group, p)
			}
		}
		if len(group) > 1 && len(group) <= maxGroup && !b.twiceOnALine(group) {
			b.link(group, byMessage)
		}
	}
}
