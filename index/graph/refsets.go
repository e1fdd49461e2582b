package graph

import (
	"cmp"
	"math/bits"
	"slices"
)

// Ref sets are kept as persistent tries over bits, one bit a ref: leaves are
// words of 64 bits, inner nodes have sixteen children, and each distinct leaf
// and node stands once, so equal sets have equal numbers. Bits are given in the
// order of the refs' tips. Along one line of history the sets are then runs
// that grow at one end, and the next set shares all but a path with the last:
// sixty thousand refs cost some megabytes where plain bitmaps would cost
// hundreds. The empty leaf and the empty node have number 0.

const (
	leafBits = 6 // 64 bits a leaf
	nodeBits = 4 // 16 children a node
	fan      = 1 << nodeBits
)

type node [fan]int32

// refSets is a finished table of sets.
type refSets struct {
	rank   []int32 // by RefID: its bit
	byRank []int32 // by bit: its RefID
	leaves []uint64
	levels [][]node // from the one above the leaves up to the roots
}

func newRefSets(refs int) refSets {
	s := refSets{leaves: make([]uint64, 1)}
	for size := 1 << leafBits; ; size <<= nodeBits {
		if size >= refs {
			return s
		}
		s.levels = append(s.levels, make([]node, 1))
	}
}

// has says whether the set contains the ref.
func (s *refSets) has(set int32, ref RefID) bool {
	bit := s.rank[ref]
	for l := len(s.levels) - 1; l >= 0; l-- {
		set = s.levels[l][set][bit>>(leafBits+nodeBits*l)&(fan-1)]
	}
	return s.leaves[set]>>(bit&63)&1 != 0
}

// members appends the refs of a set.
func (s *refSets) members(set int32, dst []RefID) []RefID {
	return s.collect(set, len(s.levels), 0, dst)
}

func (s *refSets) collect(id int32, level int, base int, dst []RefID) []RefID {
	if id == 0 {
		return dst
	}
	if level == 0 {
		for w := s.leaves[id]; w != 0; w &= w - 1 {
			dst = append(dst, RefID(s.byRank[base+bits.TrailingZeros64(w)]))
		}
		return dst
	}
	width := 1 << (leafBits + nodeBits*(level-1))
	for i, child := range s.levels[level-1][id] {
		dst = s.collect(child, level-1, base+i*width, dst)
	}
	return dst
}

// setBuilder makes sets: what refSets holds, and the maps that keep each leaf,
// node and union from being made twice.
type setBuilder struct {
	refSets
	leafIDs map[uint64]int32
	nodeIDs []map[node]int32
	unions  []map[[2]int32]int32 // by level, 0 for leaves
}

func newSetBuilder(tips []int32) *setBuilder {
	b := &setBuilder{refSets: newRefSets(len(tips)), leafIDs: map[uint64]int32{0: 0}}
	b.unions = append(b.unions, map[[2]int32]int32{})
	for range b.levels {
		b.nodeIDs = append(b.nodeIDs, map[node]int32{{}: 0})
		b.unions = append(b.unions, map[[2]int32]int32{})
	}
	b.byRank = make([]int32, len(tips))
	for i := range b.byRank {
		b.byRank[i] = int32(i)
	}
	slices.SortFunc(b.byRank, func(x, y int32) int { return cmp.Or(cmp.Compare(tips[x], tips[y]), cmp.Compare(x, y)) })
	b.rank = make([]int32, len(tips))
	for bit, ref := range b.byRank {
		b.rank[ref] = int32(bit)
	}
	return b
}

func (b *setBuilder) leaf(w uint64) int32 {
	id, ok := b.leafIDs[w]
	if !ok {
		id = int32(len(b.leaves))
		b.leaves = append(b.leaves, w)
		b.leafIDs[w] = id
	}
	return id
}

func (b *setBuilder) node(level int, n node) int32 {
	id, ok := b.nodeIDs[level][n]
	if !ok {
		id = int32(len(b.levels[level]))
		b.levels[level] = append(b.levels[level], n)
		b.nodeIDs[level][n] = id
	}
	return id
}

// single is the set of one bit.
func (b *setBuilder) single(bit int) int32 {
	id := b.leaf(1 << (bit & 63))
	for l := range b.levels {
		var n node
		n[bit>>(leafBits+nodeBits*l)&(fan-1)] = id
		id = b.node(l, n)
	}
	return id
}

func (b *setBuilder) union(x, y int32) int32 { return b.unite(x, y, len(b.levels)) }

func (b *setBuilder) unite(x, y int32, level int) int32 {
	switch {
	case x == y || y == 0:
		return x
	case x == 0:
		return y
	case x > y:
		x, y = y, x
	}
	pair := [2]int32{x, y}
	if id, ok := b.unions[level][pair]; ok {
		return id
	}
	var id int32
	if level == 0 {
		id = b.leaf(b.leaves[x] | b.leaves[y])
	} else {
		nx, ny := b.levels[level-1][x], b.levels[level-1][y]
		for i := range nx {
			nx[i] = b.unite(nx[i], ny[i], level-1)
		}
		id = b.node(level-1, nx)
	}
	b.unions[level][pair] = id
	return id
}

// finish keeps the sets that are in use and renumbers them in place.
func (b *setBuilder) finish(used []int32) refSets {
	out := newRefSets(len(b.rank))
	out.rank, out.byRank = b.rank, b.byRank
	moved := make([][]int32, len(b.levels)+1) // old number -> new one + 1, by level
	moved[0] = make([]int32, len(b.leaves))
	for l := range b.levels {
		moved[l+1] = make([]int32, len(b.levels[l]))
	}
	var move func(id int32, level int) int32
	move = func(id int32, level int) int32 {
		if id == 0 {
			return 0
		}
		if m := moved[level][id]; m != 0 {
			return m - 1
		}
		var to int32
		if level == 0 {
			to = int32(len(out.leaves))
			out.leaves = append(out.leaves, b.leaves[id])
		} else {
			n := b.levels[level-1][id]
			for i := range n {
				n[i] = move(n[i], level-1)
			}
			to = int32(len(out.levels[level-1]))
			out.levels[level-1] = append(out.levels[level-1], n)
		}
		moved[level][id] = to + 1
		return to
	}
	for i, id := range used {
		used[i] = move(id, len(b.levels))
	}
	return out
}
