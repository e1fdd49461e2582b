package index

import (
	"math/bits"

	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// set is a set of positions of one graph, a bit each. Sets of one evaluation
// have the same length.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

// add ignores positions outside: a document that the graph has not got.
func (s set) add(p graph.Pos) {
	if p >= 0 && int(p>>6) < len(s) {
		s[p>>6] |= 1 << (uint(p) & 63)
	}
}

func (s set) has(p graph.Pos) bool { return s[p>>6]&(1<<(uint(p)&63)) != 0 }

func (s set) and(o set) {
	for i := range s {
		s[i] &= o[i]
	}
}

func (s set) or(o set) {
	for i := range s {
		s[i] |= o[i]
	}
}

// not turns the set into its complement among the first n positions.
func (s set) not(n int) {
	for i := range s {
		s[i] = ^s[i]
	}
	if n%64 != 0 {
		s[len(s)-1] &= 1<<(uint(n)%64) - 1
	}
}

func (s set) clone() set { return append(set(nil), s...) }

func (s set) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// each calls fn with the positions in rising order until it says false.
func (s set) each(fn func(graph.Pos) bool) {
	for i, w := range s {
		for w != 0 {
			if !fn(graph.Pos(i<<6 + bits.TrailingZeros64(w))) {
				return
			}
			w &= w - 1
		}
	}
}
