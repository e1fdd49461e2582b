package graph_test

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

func name(n int) history.Hash {
	sum := sha1.Sum(fmt.Appendf(nil, "commit %d", n))
	h, err := history.HashFromBytes(sum[:])
	if err != nil {
		panic(err)
	}
	return h
}

// person is one of many; some have no name, some no address.
func person(n int) graph.Person {
	p := graph.Person{Name: fmt.Sprintf("Person  %d", n), Email: fmt.Sprintf("p%d> <@example.com", n)}
	switch n % 7 {
	case 3:
		p.Name = ""
	case 5:
		p.Email = ""
	}
	return p
}

// random makes a history of n commits with parents among the earlier ones, and
// clocks that are not to be trusted.
func random(r *rand.Rand, n int) []graph.Node {
	nodes := make([]graph.Node, n)
	for i := range nodes {
		nodes[i] = graph.Node{Hash: name(i), CommitTime: int64(1000 + i + r.IntN(50) - 25), AuthorTime: int64(i), Author: person(r.IntN(20)), Committer: person(r.IntN(40))}
		if i == 0 || r.IntN(40) == 0 {
			continue
		}
		for range 1 + r.IntN(2) {
			p := max(0, i-1-r.IntN(min(i, 30)))
			if !slices.Contains(nodes[i].Parents, name(p)) {
				nodes[i].Parents = append(nodes[i].Parents, name(p))
			}
		}
	}
	return nodes
}

func randomTips(r *rand.Rand, nodes []graph.Node, refs int) []graph.Tip {
	var tips []graph.Tip
	for i := range refs {
		tips = append(tips, graph.Tip{Name: fmt.Sprintf("refs/heads/b%05d", i), Commit: nodes[r.IntN(len(nodes))].Hash})
	}
	return tips
}

// naive is the set of commits that each ref contains, by walking.
func naive(nodes []graph.Node, tips []graph.Tip) map[string]map[history.Hash]bool {
	parents := map[history.Hash][]history.Hash{}
	for _, n := range nodes {
		parents[n.Hash] = n.Parents
	}
	all := map[string]map[history.Hash]bool{}
	for _, t := range tips {
		seen := map[history.Hash]bool{}
		todo := []history.Hash{t.Commit}
		for len(todo) > 0 {
			h := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if !seen[h] {
				seen[h] = true
				todo = append(todo, parents[h]...)
			}
		}
		all[t.Name] = seen
	}
	return all
}

func check(t *testing.T, g *graph.Graph, nodes []graph.Node, tips []graph.Tip) {
	t.Helper()
	want := naive(nodes, tips)
	for _, n := range nodes {
		p, ok := g.Pos(n.Hash)
		if !ok {
			t.Fatalf("%s is lost", n.Hash)
		}
		if g.Hash(p) != n.Hash || g.CommitTime(p) != n.CommitTime || g.AuthorTime(p) != n.AuthorTime {
			t.Fatalf("%s has other values", n.Hash)
		}
		if a, c := g.Person(g.Author(p)), g.Person(g.Committer(p)); a != n.Author || c != n.Committer {
			t.Fatalf("%s is by %+v and %+v, not %+v and %+v", n.Hash, a, c, n.Author, n.Committer)
		}
		refs := map[string]bool{}
		for _, id := range g.RefsOf(p, nil) {
			refs[g.Tips()[id].Name] = true
		}
		for name, set := range want {
			id, ok := g.RefByName(name)
			if !ok || g.Contains(id, p) != set[n.Hash] || refs[name] != set[n.Hash] {
				t.Fatalf("%s in %s: %v, not %v", n.Hash, name, refs[name], set[n.Hash])
			}
		}
		if g.Reachable(p) != (len(refs) > 0) {
			t.Fatalf("%s reachable: %v", n.Hash, g.Reachable(p))
		}
	}
}

func update(t testing.TB, g *graph.Graph, nodes []graph.Node, tips []graph.Tip) *graph.Graph {
	t.Helper()
	g, err := g.Update(context.Background(), nodes, tips)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestAgainstWalk grows graphs in steps, in any order of commits, with refs that
// come and go, and holds each against a walk.
func TestAgainstWalk(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		nodes := random(r, 30+r.IntN(400))
		g := graph.New(20)
		for end := 1 + r.IntN(len(nodes)); ; end = min(len(nodes), end+1+r.IntN(100)) {
			given := slices.Clone(nodes[:end])
			r.Shuffle(len(given), func(i, j int) { given[i], given[j] = given[j], given[i] })
			refs := []int{0, 1, 3, 64, 65, 200, 1100}[r.IntN(7)]
			tips := randomTips(r, given, refs)
			g = update(t, g, given, tips)
			check(t, g, given, tips)
			file := filepath.Join(t.TempDir(), "graph")
			if err := g.Save(file); err != nil {
				t.Fatal(err)
			}
			read, err := graph.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			check(t, read, given, tips)
			if read.Garbage() != g.Garbage() || read.Absent() != g.Absent() {
				t.Fatal("the file counts otherwise")
			}
			g = read
			if end == len(nodes) {
				break
			}
		}
		for range 50 {
			a, b := r.IntN(len(nodes)), r.IntN(len(nodes))
			pa, _ := g.Pos(name(a))
			pb, _ := g.Pos(name(b))
			want := naive(nodes, []graph.Tip{{Name: "b", Commit: name(b)}})["b"][name(a)]
			if g.IsAncestor(pa, pb) != want {
				t.Fatalf("%d is an ancestor of %d: not %v", a, b, want)
			}
		}
	}
}

func TestPrefix(t *testing.T) {
	nodes := random(rand.New(rand.NewPCG(3, 3)), 3000)
	g := update(t, graph.New(20), nodes, nil)
	for _, n := range nodes[:200] {
		full := n.Hash.String()
		for _, digits := range []int{1, 2, 3, 4, 7, 15, 16, 17, 39, 40} {
			prefix := full[:digits]
			want := 0
			for _, o := range nodes {
				if strings.HasPrefix(o.Hash.String(), prefix) {
					want++
				}
			}
			if got := g.Prefix(strings.ToUpper(prefix), 0); len(got) != want {
				t.Fatalf("%s: %d, not %d", prefix, len(got), want)
			}
		}
	}
	for _, bad := range []string{"", "xyz", strings.Repeat("0", 41), "12g4", "ffffffffffffffffffff"} {
		if got := g.Prefix(bad, 0); len(got) != 0 {
			t.Errorf("%q finds %d", bad, len(got))
		}
	}
}

func TestTruncated(t *testing.T) {
	nodes := []graph.Node{
		{Hash: name(1), Truncated: true},
		{Hash: name(2), Parents: []history.Hash{name(1)}},
		{Hash: name(3)},
		{Hash: name(4), Parents: []history.Hash{name(3), name(99)}},
	}
	tips := []graph.Tip{{"refs/heads/cut", name(2)}, {"refs/heads/whole", name(3)}, {"refs/heads/absent", name(4)}}
	g := update(t, graph.New(20), nodes, tips)
	for ref, want := range map[string]bool{"refs/heads/cut": true, "refs/heads/whole": false, "refs/heads/absent": true} {
		id, _ := g.RefByName(ref)
		if g.Truncated(id) != want {
			t.Errorf("%s truncated: not %v", ref, want)
		}
	}
	if g.Absent() != 2 {
		t.Errorf("%d absent", g.Absent())
	}
}

func TestBadInput(t *testing.T) {
	ctx := context.Background()
	if _, err := graph.New(20).Update(ctx, nil, []graph.Tip{{"refs/heads/x", name(1)}}); !errors.Is(err, graph.ErrUnknownTip) {
		t.Errorf("an unknown tip: %v", err)
	}
	if _, err := graph.New(32).Update(ctx, []graph.Node{{Hash: name(1)}}, nil); err == nil {
		t.Error("names of two sizes")
	}
	cycle := []graph.Node{{Hash: name(1), Parents: []history.Hash{name(2)}}, {Hash: name(2), Parents: []history.Hash{name(1)}}}
	if _, err := graph.New(20).Update(ctx, cycle, nil); err == nil {
		t.Error("a cycle")
	}
}

func saved(t testing.TB) []byte {
	nodes := random(rand.New(rand.NewPCG(9, 9)), 60)
	g := update(t, graph.New(20), nodes, randomTips(rand.New(rand.NewPCG(9, 1)), nodes, 70))
	file := filepath.Join(t.TempDir(), "graph")
	if err := g.Save(file); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOtherVersion(t *testing.T) {
	b := saved(t)
	b[8] = 77
	file := filepath.Join(t.TempDir(), "graph")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := graph.Open(file); !errors.Is(err, graph.ErrFormat) {
		t.Errorf("version 77: %v", err)
	}
}

// FuzzOpen damages a file: it is refused, or its answers can be asked for.
func FuzzOpen(f *testing.F) {
	whole := saved(f)
	f.Add(0, uint8(1), len(whole))
	f.Add(100, uint8(0xff), len(whole))
	f.Add(40, uint8(3), 300)
	f.Fuzz(func(t *testing.T, at int, xor uint8, length int) {
		b := slices.Clone(whole)
		if at >= 0 && at < len(b) {
			b[at] ^= xor
		}
		if length >= 0 && length < len(b) {
			b = b[:length]
		}
		file := filepath.Join(t.TempDir(), "graph")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := graph.Open(file)
		if err != nil {
			if !errors.Is(err, graph.ErrCorrupt) && !errors.Is(err, graph.ErrFormat) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		for p := range graph.Pos(g.Len()) { // whatever was taken can be asked
			for _, id := range g.RefsOf(p, nil) {
				if !g.Contains(id, p) {
					t.Fatal("the answers contradict each other")
				}
			}
		}
	})
}

func line(n, refs int) ([]graph.Node, []graph.Tip) {
	nodes := make([]graph.Node, n)
	for i := range nodes {
		nodes[i] = graph.Node{Hash: name(i), CommitTime: int64(i)}
		if i > 0 {
			nodes[i].Parents = []history.Hash{nodes[i-1].Hash}
		}
	}
	var tips []graph.Tip
	for i := range refs {
		tips = append(tips, graph.Tip{Name: fmt.Sprintf("refs/tags/v%d", i), Commit: nodes[(i+1)*n/refs-1].Hash})
	}
	return nodes, tips
}

// BenchmarkPush is ten new commits on 200,000 with 1,000 refs.
func BenchmarkPush(b *testing.B) {
	nodes, tips := line(200_010, 1000)
	g := update(b, graph.New(20), nodes[:200_000], tips[:999])
	for b.Loop() {
		update(b, g, nodes[200_000:], tips)
	}
}

func BenchmarkContains(b *testing.B) {
	nodes, tips := line(200_000, 1000)
	g := update(b, graph.New(20), nodes, tips)
	p := graph.Pos(0)
	for b.Loop() {
		g.Contains(500, p)
		p = (p + 7919) % graph.Pos(g.Len())
	}
}

func BenchmarkPos(b *testing.B) {
	nodes, _ := line(200_000, 1)
	g := update(b, graph.New(20), nodes, nil)
	i := 0
	for b.Loop() {
		g.Pos(nodes[i].Hash)
		i = (i + 7919) % len(nodes)
	}
}
