package graph_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// TestNamed holds abbreviations against a look at all names. Some names differ
// late, or behind the digits that Named looks at.
func TestNamed(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	var nodes []graph.Node
	add := func(text string) {
		h, err := history.ParseHash(text)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, graph.Node{Hash: h})
	}
	for i := range 300 {
		nodes = append(nodes, graph.Node{Hash: name(i)})
	}
	full := name(0).String()
	other := func(at int) string {
		return full[:at] + string("0123456789abcdef"[(strings.IndexByte("0123456789abcdef", full[at])+1)%16]) + full[at+1:]
	}
	for _, at := range []int{7, 8, 12, 15, 16, 39} {
		add(other(at))
	}
	add(strings.Repeat("0", 40))
	add(strings.Repeat("f", 40))
	add(strings.Repeat("f", 39) + "e")
	g := update(t, graph.New(20), nodes, nil)
	for range 20_000 {
		digits := nodes[r.IntN(len(nodes))].Hash.String()
		if r.IntN(3) == 0 {
			digits = name(1000 + r.IntN(1000)).String()
		}
		n := 1 + r.IntN(16)
		var found []history.Hash
		for _, node := range nodes {
			if strings.HasPrefix(node.Hash.String(), digits[:n]) {
				found = append(found, node.Hash)
			}
		}
		h, err := history.ParseHash(digits[:n] + strings.Repeat("0", 40-n))
		if err != nil {
			t.Fatal(err)
		}
		p, ok := g.Named(binary.BigEndian.Uint64(h.Bytes()), n)
		if ok != (len(found) == 1) || ok && g.Hash(p) != found[0] {
			t.Fatalf("%s leads to %v; there are %d", digits[:n], ok, len(found))
		}
	}
	if _, ok := g.Named(0, 0); ok {
		t.Error("no digits name a commit")
	}
	if _, ok := graph.New(20).Named(0, 7); ok {
		t.Error("an empty graph has a commit")
	}
}

// TestBetween holds ranges and ancestry against walks.
func TestBetween(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 5))
		nodes := random(r, 2+r.IntN(120))
		var tips []graph.Tip
		for _, n := range nodes {
			tips = append(tips, graph.Tip{Name: "refs/heads/" + n.Hash.String(), Commit: n.Hash})
		}
		g := update(t, graph.New(20), nodes, tips)
		ancestors := naive(nodes, tips)
		of := func(p graph.Pos) map[history.Hash]bool { return ancestors["refs/heads/"+g.Hash(p).String()] }
		for range 200 {
			base := graph.Pos(r.IntN(len(nodes)))
			var wanted []graph.Pos
			for range r.IntN(4) {
				wanted = append(wanted, graph.Pos(r.IntN(len(nodes))))
			}
			var want []graph.Pos
			for p := graph.Pos(len(nodes) - 1); p >= 0; p-- {
				if !of(base)[g.Hash(p)] && slices.ContainsFunc(wanted, func(w graph.Pos) bool { return of(w)[g.Hash(p)] }) {
					want = append(want, p)
				}
			}
			if got := g.Between(base, wanted, len(nodes)); !slices.Equal(got, want) {
				t.Fatalf("seed %d: %d..%d is %d, not %d", seed, base, wanted, got, want)
			}
			if len(want) > 1 {
				if got := g.Between(base, wanted, len(want)-1); got != nil {
					t.Fatalf("seed %d: %d..%d has more than asked for: %d", seed, base, wanted, got)
				}
			}
			a := graph.Pos(r.IntN(len(nodes)))
			if got, want := g.IsAncestor(a, base), of(base)[g.Hash(a)]; got != want {
				t.Fatalf("seed %d: %d is an ancestor of %d: %v", seed, a, base, got)
			}
		}
	}
}
