package lineage

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

func pos(n int) graph.Pos { return graph.Pos(n) }

// hash is an object name; numbers are well spread over names.
func hash(n int) history.Hash {
	var raw [20]byte
	binary.BigEndian.PutUint64(raw[:], uint64(n+1)*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(raw[12:], uint64(n))
	h, err := history.ParseHash(fmt.Sprintf("%x", raw))
	if err != nil {
		panic(err)
	}
	return h
}

// made is a graph with what its commits say.
type made struct {
	*graph.Graph
	lines    []Line
	messages map[history.Hash]string
	nodes    []graph.Node
	tips     []graph.Tip
}

// random makes a history of n commits that say all kinds of things of each other.
func random(seed uint64, n int) made {
	r := rand.New(rand.NewPCG(seed, 1))
	m := made{messages: map[history.Hash]string{}}
	for i := range n {
		node := graph.Node{Hash: hash(i), CommitTime: int64(1000 + 10*i), AuthorTime: int64(1000 + r.IntN(4)), Author: graph.Person{Name: fmt.Sprint("A", r.IntN(3)), Email: "a@example.com"}, Committer: graph.Person{Name: "C"}}
		if r.IntN(3) == 0 {
			node.Author.Email = "b@example.com"
		}
		for range 1 + r.IntN(2) {
			if i > 0 {
				if p := hash(max(0, i-1-r.IntN(6))); !slices.Contains(node.Parents, p) {
					node.Parents = append(node.Parents, p)
				}
			}
		}
		m.nodes = append(m.nodes, node)
		var b strings.Builder
		fmt.Fprintf(&b, "%s subject %d\n\n", []string{"", "[3.9]", "UPSTREAM:", "[stable-only]"}[r.IntN(4)], r.IntN(n/3+1))
		for range r.IntN(4) {
			named := hash(r.IntN(n + 2)).String()
			switch r.IntN(12) {
			case 0, 1, 2:
				fmt.Fprintf(&b, "(cherry picked from commit %s)\n", named)
			case 3:
				fmt.Fprintf(&b, "Fixes: %s (\"subject %d\")\n", named[:12], r.IntN(n))
			case 4:
				fmt.Fprintf(&b, "This reverts commit %s.\n", named)
			case 5:
				fmt.Fprintf(&b, "This is a reland of commit %s\n", named)
			case 6:
				fmt.Fprintf(&b, "Change-Id: I%040x\n", r.IntN(n/4+1))
			case 7:
				fmt.Fprintf(&b, "Git-commit: %s (partial)\n", named)
			case 8:
				fmt.Fprintf(&b, "PR-URL: https://github.com/acme/engine/pull/%d\n", 1+r.IntN(n/4+1))
			case 9:
				fmt.Fprintf(&b, "Cherry pick of #%d on release-1.\n", 1+r.IntN(n/4+1))
			case 10:
				fmt.Fprintf(&b, "Reverts #%d\n", 1+r.IntN(n/4+1))
			case 11:
				b.WriteString("Backpatch-through: 14\n")
			}
		}
		m.messages[node.Hash] = b.String()
	}
	for i := range 5 {
		m.tips = append(m.tips, graph.Tip{Name: fmt.Sprintf("refs/heads/%d", i), Commit: hash(r.IntN(n/2+1) + n/2 - 1)})
	}
	return m
}

func randomGraph(t testing.TB, seed uint64, n int) made {
	t.Helper()
	m := random(seed, n)
	m.grow(t, graph.New(20), m.nodes)
	return m
}

// grow updates the graph, and names its lines.
func (m *made) grow(t testing.TB, from *graph.Graph, nodes []graph.Node) {
	t.Helper()
	g, err := from.Update(t.Context(), nodes, m.tips)
	if err != nil {
		t.Fatal(err)
	}
	m.Graph, m.lines = g, nil
	for i := range m.tips {
		m.lines = append(m.lines, Line{Ref: graph.RefID(i), Upstream: i == 0, Ended: i == 4})
	}
}

// facts are those of the graph's commits.
func (m *made) facts() *Facts {
	f := NewFacts(BuiltinDialects())
	fresh := make([]Fact, m.Len())
	for p := range fresh {
		fresh[p] = f.Read(m.messages[m.Hash(pos(p))])
	}
	return f.Append(fresh)
}

// told is all that a lineage says of the commits that are on a ref, by names.
func (m *made) told(t *testing.T) map[string]string {
	t.Helper()
	l, err := Build(t.Context(), m.Graph, m.facts(), m.lines, Options{})
	if err != nil {
		t.Fatal(err)
	}
	name := func(p graph.Pos) string {
		if p < 0 {
			return "-"
		}
		return m.Hash(p).Short()
	}
	names := func(all []graph.Pos) []string {
		var s []string
		for _, p := range all {
			s = append(s, name(p))
		}
		slices.Sort(s)
		return s
	}
	all := map[string]string{}
	for p := range m.Len() {
		if !m.Reachable(pos(p)) {
			continue
		}
		var said []string
		for _, x := range l.Landings(pos(p), m.lines...) {
			said = append(said, fmt.Sprint(x.Line.Ref, x.Status, name(x.Commit), x.Evidence, names(x.Incomplete), x.RevertedBy >= 0, x.Needed))
		}
		var related []string
		for _, r := range l.Related(pos(p)) {
			related = append(related, fmt.Sprint(r.Relation, name(r.Pos), r.Evidence))
		}
		slices.Sort(related)
		all[name(pos(p))] = strings.Join(append(said, related...), "\n")
	}
	return all
}

// TestRandom holds that no history makes Build or its answers panic or run on,
// and that the same history gets the same answers twice.
func TestRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		m := randomGraph(t, seed, 4+int(seed%60))
		one := m.told(t)
		if diff := cmp.Diff(one, m.told(t)); diff != "" {
			t.Fatalf("seed %d (-once +again):\n%s", seed, diff)
		}
		l, err := Build(t.Context(), m.Graph, m.facts(), m.lines, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, from := range m.lines {
			if _, _, err := l.Missing(t.Context(), Side{from.Ref, "from"}, Side{0, "in"}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestOn holds that how a change stands in one word, which searches ask for, is
// what its landings say, also where the history is truncated.
func TestOn(t *testing.T) {
	t.Parallel()
	counts := map[history.Status]int{}
	merges := 0
	for seed := range uint64(200) {
		m := random(seed, 4+int(seed%60))
		m.grow(t, graph.New(20), m.nodes[seed%2:])
		l, err := Build(t.Context(), m.Graph, m.facts(), m.lines, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for p := range m.Len() {
			for _, line := range m.lines {
				line.Ended = false // of an ended line absence is not told
				landing := l.Landings(pos(p), line)[0]
				if got := l.On(pos(p), line.Ref); got != landing.Status {
					t.Fatalf("seed %d: %s on %d is %s, and by its landing %s", seed, m.Hash(pos(p)).Short(), line.Ref, got, landing.Status)
				}
				counts[landing.Status]++
				if landing.Status == history.Backported && l.standing(l.family(pos(p)), line.Ref).status == history.Missing {
					merges++
				}
			}
		}
	}
	if len(counts) != 6 || merges == 0 {
		t.Errorf("the histories have %v, and %d merges by what they brought", counts, merges)
	}
}

// TestOlder holds that older is a total order in which ancestors come first, the
// same in whatever order the commits were read. Dates are few.
func TestOlder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		m := random(seed, 24)
		r := rand.New(rand.NewPCG(seed, 3))
		late := int64(0)
		for i := range m.nodes {
			if r.IntN(8) == 0 {
				late++
			}
			m.nodes[i].CommitTime = late
		}
		all := m.nodes
		m.grow(t, graph.New(20), all)
		b := &builder{Lineage: &Lineage{graph: m.Graph}}
		n := int32(m.Len())
		for p := range n {
			for q := range n {
				x := b.older(p, q)
				switch {
				case x != -b.older(q, p), (x == 0) != (p == q):
					t.Fatalf("seed %d: %d and %d are %d and %d", seed, p, q, x, b.older(q, p))
				case p != q && m.IsAncestor(pos(int(p)), pos(int(q))) && x != -1:
					t.Fatalf("seed %d: the ancestor %d is no older than %d", seed, p, q)
				}
				for o := range n {
					if b.older(o, p) < 0 && x < 0 && b.older(o, q) >= 0 {
						t.Fatalf("seed %d: %d < %d < %d, and not %d < %d", seed, o, p, q, o, q)
					}
				}
			}
		}
		again := m
		again.tips = []graph.Tip{{Name: "refs/heads/0", Commit: hash(len(all) / 2)}}
		again.grow(t, graph.New(20), all[:len(all)/2+1])
		again.tips = m.tips
		again.grow(t, again.Graph, all[len(all)/2+1:])
		other := &builder{Lineage: &Lineage{graph: again.Graph}}
		at := func(p int32) int32 { q, _ := again.Pos(m.Hash(pos(int(p)))); return int32(q) }
		for p := range n {
			for q := range n {
				if x, y := b.older(p, q), other.older(at(p), at(q)); x != y {
					t.Fatalf("seed %d: %d and %d are %d, and %d when read in two parts", seed, p, q, x, y)
				}
			}
		}
	}
}

// TestAfterForcePushes holds that commits which no ref has any more do not count.
func TestAfterForcePushes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		m := randomGraph(t, seed, 40)
		r := rand.New(rand.NewPCG(seed, 2))
		for i := range m.tips {
			m.tips[i].Commit = hash(r.IntN(40))
		}
		m.grow(t, m.Graph, nil)
		grown := m.told(t)
		var kept []graph.Node
		for _, n := range m.nodes {
			if p, ok := m.Pos(n.Hash); ok && m.Reachable(p) {
				kept = append(kept, n)
			}
		}
		m.grow(t, graph.New(20), kept)
		if diff := cmp.Diff(m.told(t), grown); diff != "" {
			t.Fatalf("seed %d (-from scratch +grown):\n%s", seed, diff)
		}
	}
}

// synthetic is a graph of n commits upstream and lines release lines, which have
// copies of upstream's commits.
func synthetic(b testing.TB, n, lines int) (made, *Facts) {
	m := made{messages: map[history.Hash]string{}}
	f := NewFacts(BuiltinDialects())
	facts := map[history.Hash]Fact{}
	at := 0
	add := func(parent history.Hash, message string, author int) history.Hash {
		h := hash(at)
		node := graph.Node{Hash: h, CommitTime: int64(1_000_000 + at), AuthorTime: int64(500_000 + at), Author: graph.Person{Name: fmt.Sprint("A", author)}}
		if !parent.IsZero() {
			node.Parents = []history.Hash{parent}
		}
		m.nodes = append(m.nodes, node)
		facts[h] = f.Read(message)
		at++
		return h
	}
	upstream := n / 2
	tip := history.Hash{}
	var main []history.Hash
	for i := range upstream {
		body := ""
		if i%10 == 3 && i > 100 {
			body = fmt.Sprintf("\n\nFixes: %s (\"subject %d\")", main[i-100].String()[:12], i-100)
		}
		tip = add(tip, fmt.Sprintf("subject %d%s\n", i, body), i%100)
		main = append(main, tip)
	}
	m.tips = append(m.tips, graph.Tip{Name: "refs/heads/a-main", Commit: tip})
	for line := range lines {
		start := upstream / 2 / lines * line
		tip = main[start]
		for i := range (n - upstream) / lines {
			tip = add(tip, fmt.Sprintf("subject %d\n\n(cherry picked from commit %s)\n", start+i+1, main[start+i+1]), (start+i+1)%100)
		}
		m.tips = append(m.tips, graph.Tip{Name: fmt.Sprintf("refs/heads/line-%02d", line), Commit: tip})
	}
	g, err := graph.New(20).Update(b.Context(), m.nodes, m.tips)
	if err != nil {
		b.Fatal(err)
	}
	m.Graph = g
	for i := range m.tips {
		m.lines = append(m.lines, Line{Ref: graph.RefID(i), Upstream: i == 0})
	}
	fresh := make([]Fact, g.Len())
	for p := range fresh {
		fresh[p] = facts[g.Hash(pos(p))]
	}
	return m, f.Append(fresh)
}

func BenchmarkBuild(b *testing.B) {
	m, f := synthetic(b, 100_000, 30)
	for b.Loop() {
		if _, err := Build(b.Context(), m.Graph, f, m.lines, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLandings(b *testing.B) {
	m, f := synthetic(b, 100_000, 30)
	l, err := Build(b.Context(), m.Graph, f, m.lines, Options{})
	if err != nil {
		b.Fatal(err)
	}
	p := 0
	for b.Loop() {
		l.Landings(pos(p), m.lines...)
		p = (p + 7919) % m.Len()
	}
}

// TestThousandsOfFixes holds that a commit which everybody fixes has its card,
// with all of them.
func TestThousandsOfFixes(t *testing.T) {
	t.Parallel()
	l, lines := thousandsOfFixes(t)
	if n := len(l.Landings(0, lines...)[1].Incomplete); n != 9_999 {
		t.Errorf("%d follow-ups are missing on the first line", n)
	}
	if n := len(l.Related(0)); n == 0 {
		t.Error("nothing is related")
	}
}

// BenchmarkThousandsOfFixes takes some milliseconds a card, and took minutes where
// each fix was held against all others.
func BenchmarkThousandsOfFixes(b *testing.B) {
	l, lines := thousandsOfFixes(b)
	for b.Loop() {
		l.Landings(0, lines...)
		l.Related(0)
	}
}

func thousandsOfFixes(tb testing.TB) (*Lineage, []Line) {
	m := made{messages: map[history.Hash]string{}}
	for i := range 10_000 {
		node := graph.Node{Hash: hash(i), CommitTime: int64(i), AuthorTime: int64(i)}
		if i > 0 {
			node.Parents = []history.Hash{hash(i - 1)}
			m.messages[node.Hash] = fmt.Sprintf("subject %d\n\nFixes: %s (\"subject 0\")\n", i, hash(0).String()[:12])
		}
		m.nodes = append(m.nodes, node)
	}
	m.tips = append(m.tips, graph.Tip{Name: "refs/heads/00", Commit: hash(9_999)})
	for i := range 30 {
		m.tips = append(m.tips, graph.Tip{Name: fmt.Sprintf("refs/heads/%02d", i+1), Commit: hash(i * 100)})
	}
	m.grow(tb, graph.New(20), m.nodes)
	l, err := Build(tb.Context(), m.Graph, m.facts(), m.lines, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return l, m.lines
}

// TestAmbiguousSource holds that a source whose abbreviation several commits
// begin with is none of them, and that a longer one is found.
func TestAmbiguousSource(t *testing.T) {
	t.Parallel()
	m := made{messages: map[history.Hash]string{}}
	add := func(name, message string, parents ...history.Hash) history.Hash {
		h := history.MustHash(name + strings.Repeat("0", 40-len(name)))
		m.nodes = append(m.nodes, graph.Node{Hash: h, Parents: parents, CommitTime: int64(len(m.nodes)), AuthorTime: int64(len(m.nodes))})
		m.messages[h] = message
		return h
	}
	base := add("1", "Begin\n")
	one := add("aaaaaaa1", "One\n", base)
	two := add("aaaaaaa2", "Two\n", one)
	vague := add("3", "Copy\n\n(cherry-picked from aaaaaaa)\n", base)
	clear := add("4", "Other copy\n\n(cherry-picked from aaaaaaa2)\n", vague)
	m.tips = []graph.Tip{{Name: "refs/heads/main", Commit: two}, {Name: "refs/heads/stable/1", Commit: clear}}
	m.grow(t, graph.New(20), m.nodes)
	l, err := Build(t.Context(), m.Graph, m.facts(), m.lines, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for h, want := range map[history.Hash]bool{one: false, vague: false, two: true, clear: true} {
		p, _ := m.Pos(h)
		if got := len(l.Related(p)) > 0; got != want {
			t.Errorf("%s has copies or sources: %v", h.Short(), got)
		}
	}
}
