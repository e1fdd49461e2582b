// Package graph is the commit graph of one repository: which commits there are,
// what their parents are, and which refs contain each of them, in one lookup.
//
// Its main type is Graph, an immutable value: Update makes a new one from it.
// Commits are numbered by position; a parent's position is always smaller than
// its child's, and a commit keeps its position in all graphs that Update makes.
// Reachability is one number a commit, of a set in a table of distinct ref sets
// (see refsets.go), and is computed from scratch at each Update, so that a graph
// that grew by pushes and deletions answers as one that was built in one go.
//
// The package knows no git, and no text but the names of people. It touches files in Save and Open alone.
package graph

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Pos is the number of a commit in a Graph, from 0.
type Pos int32

// RefID is the number of a ref in a Graph, from 0, in the order of names.
type RefID int32

// Node is a commit as the graph needs it.
type Node struct {
	Hash       history.Hash
	Parents    []history.Hash
	CommitTime int64 // Unix seconds
	AuthorTime int64 // Unix seconds
	Author     Person
	Committer  Person
	// Truncated says that the commit has parents that are not told: it lies at the
	// boundary of a shallow clone.
	Truncated bool
}

// Tip is a ref and the commit that it leads to.
type Tip struct {
	Name   string // full name
	Commit history.Hash
}

// absent stands for a parent that the graph has not got.
const absent = -1

// flagTruncated marks a commit whose ancestry is not all there.
const flagTruncated = 1

// Graph is an immutable commit graph. It is safe for concurrent use.
type Graph struct {
	hashSize int
	hashes   []byte   // by position
	keys     []uint64 // the first eight bytes of each hash, sorted
	order    []int32  // positions in the order of keys, and of hashes where these are equal
	starts   []int32  // where a commit's parents begin in parents; one more at the end
	parents  []int32  // positions, or absent
	flags    []uint8
	commit   []int64 // committer times
	author   []int64 // author times

	people    *people
	writer    []int32 // who wrote each commit, by position
	committer []int32 // who committed it

	tips    []Tip   // by name
	tipPos  []int32 // positions of tips
	sets    refSets
	setOf   []int32 // by position
	garbage int
	cut     int   // commits with flagTruncated
	cutRefs int32 // the set of refs that contain one of these
}

// New makes a graph without commits, for object names of 20 or 32 bytes.
func New(hashSize int) *Graph {
	return &Graph{hashSize: hashSize, starts: []int32{0}, people: noPeople, sets: newRefSets(0)}
}

// ErrUnknownTip is returned by Update for a ref whose commit is not in the graph.
var ErrUnknownTip = errors.New("a ref leads to a commit that was not read")

// Update makes a graph that has the nodes too, which may come in any order and
// of which the known ones are ignored, and these refs instead of the old ones.
// Parents that are neither in the graph nor among the nodes are absent: the
// commit counts as truncated. The old graph stays as it is.
func (g *Graph) Update(ctx context.Context, nodes []Node, tips []Tip) (*Graph, error) {
	fresh, err := g.sortNew(nodes)
	if err != nil {
		return nil, err
	}
	n := &Graph{hashSize: g.hashSize}
	if len(fresh) == 0 {
		n.hashes, n.keys, n.order, n.starts, n.parents = g.hashes, g.keys, g.order, g.starts, g.parents
		n.flags, n.commit, n.author, n.cut = g.flags, g.commit, g.author, g.cut
		n.people, n.writer, n.committer = g.people, g.writer, g.committer
	} else {
		n.grow(g, fresh)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n.tips = slices.Clone(tips)
	slices.SortFunc(n.tips, func(a, b Tip) int { return strings.Compare(a.Name, b.Name) })
	n.tipPos = make([]int32, len(n.tips))
	for i, t := range n.tips {
		p, ok := n.Pos(t.Commit)
		if !ok {
			return nil, fmt.Errorf("%s at %s: %w", t.Name, t.Commit, ErrUnknownTip)
		}
		if i > 0 && n.tips[i-1].Name == t.Name {
			return nil, fmt.Errorf("the ref %s stands twice", t.Name)
		}
		n.tipPos[i] = int32(p)
	}
	return n, n.reach(ctx)
}

// sortNew returns the nodes that the graph lacks, parents first and otherwise
// by committer date, so that positions follow time where they can.
func (g *Graph) sortNew(nodes []Node) ([]*Node, error) {
	index := make(map[history.Hash]int32, len(nodes))
	var fresh []*Node
	for i := range nodes {
		n := &nodes[i]
		if n.Hash.Size() != g.hashSize {
			return nil, fmt.Errorf("commit %s has a name of %d bytes in a graph of %d", n.Hash, n.Hash.Size(), g.hashSize)
		}
		if _, known := index[n.Hash]; known {
			continue
		}
		if _, known := g.Pos(n.Hash); known {
			continue
		}
		index[n.Hash] = int32(len(fresh))
		fresh = append(fresh, n)
	}
	waiting := make([]int32, len(fresh)) // how many parents are not placed yet
	children := make([][]int32, len(fresh))
	ready := byTime{nodes: fresh}
	for i, n := range fresh {
		for _, p := range n.Parents {
			if j, ok := index[p]; ok {
				waiting[i]++
				children[j] = append(children[j], int32(i))
			}
		}
		if waiting[i] == 0 {
			ready.queue = append(ready.queue, int32(i))
		}
	}
	heap.Init(&ready)
	sorted := make([]*Node, 0, len(fresh))
	for ready.Len() > 0 {
		i := heap.Pop(&ready).(int32)
		sorted = append(sorted, fresh[i])
		for _, c := range children[i] {
			if waiting[c]--; waiting[c] == 0 {
				heap.Push(&ready, c)
			}
		}
	}
	if len(sorted) != len(fresh) {
		return nil, errors.New("the commits form a cycle")
	}
	return sorted, nil
}

type byTime struct {
	nodes []*Node
	queue []int32
}

func (q *byTime) Len() int { return len(q.queue) }
func (q *byTime) Less(i, j int) bool {
	a, b := q.nodes[q.queue[i]], q.nodes[q.queue[j]]
	if a.CommitTime != b.CommitTime {
		return a.CommitTime < b.CommitTime
	}
	return a.Hash.Compare(b.Hash) < 0 // any order that does not depend on the input's
}
func (q *byTime) Swap(i, j int) { q.queue[i], q.queue[j] = q.queue[j], q.queue[i] }
func (q *byTime) Push(x any)    { q.queue = append(q.queue, x.(int32)) }
func (q *byTime) Pop() any {
	x := q.queue[len(q.queue)-1]
	q.queue = q.queue[:len(q.queue)-1]
	return x
}

// grow fills n with g's commits and the fresh ones behind them.
func (n *Graph) grow(g *Graph, fresh []*Node) {
	old, all := g.Len(), g.Len()+len(fresh)
	n.hashes = append(make([]byte, 0, all*g.hashSize), g.hashes...)
	n.starts = append(make([]int32, 0, all+1), g.starts...)
	n.parents = append(make([]int32, 0, len(g.parents)+len(fresh)*5/4), g.parents...)
	n.flags = append(make([]uint8, 0, all), g.flags...)
	n.commit = append(make([]int64, 0, all), g.commit...)
	n.author = append(make([]int64, 0, all), g.author...)
	n.writer = append(make([]int32, 0, all), g.writer...)
	n.committer = append(make([]int32, 0, all), g.committer...)
	n.cut = g.cut
	people := newCensus(g.people)
	placed := make(map[history.Hash]int32, len(fresh))
	for i, f := range fresh {
		placed[f.Hash] = int32(old + i)
		n.hashes = f.Hash.AppendBytes(n.hashes)
		var flags uint8
		if f.Truncated {
			flags = flagTruncated
		}
		for _, p := range f.Parents {
			q, ok := placed[p]
			if !ok {
				if known, found := g.Pos(p); found {
					q = int32(known)
				} else {
					q, flags = absent, flagTruncated
				}
			}
			n.parents = append(n.parents, q)
		}
		if flags&flagTruncated != 0 {
			n.cut++
		}
		n.starts = append(n.starts, int32(len(n.parents)))
		n.flags = append(n.flags, flags)
		n.commit = append(n.commit, f.CommitTime)
		n.author = append(n.author, f.AuthorTime)
		n.writer = append(n.writer, people.id(f.Author))
		n.committer = append(n.committer, people.id(f.Committer))
	}
	n.people = people.table()
	n.sortHashes(g, old)
}

// sortHashes merges the old order with that of the positions from old on.
func (n *Graph) sortHashes(g *Graph, old int) {
	type entry struct {
		key uint64
		pos int32
	}
	fresh := make([]entry, n.Len()-old)
	for i := range fresh {
		p := Pos(old + i)
		fresh[i] = entry{binary.BigEndian.Uint64(n.hash(p)), int32(p)}
	}
	slices.SortFunc(fresh, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.key, b.key), bytes.Compare(n.hash(Pos(a.pos)), n.hash(Pos(b.pos))))
	})
	n.keys, n.order = make([]uint64, 0, n.Len()), make([]int32, 0, n.Len())
	i := 0
	for _, f := range fresh {
		for i < old && (g.keys[i] < f.key || g.keys[i] == f.key && bytes.Compare(g.hash(Pos(g.order[i])), n.hash(Pos(f.pos))) < 0) {
			n.keys, n.order = append(n.keys, g.keys[i]), append(n.order, g.order[i])
			i++
		}
		n.keys, n.order = append(n.keys, f.key), append(n.order, f.pos)
	}
	n.keys, n.order = append(n.keys, g.keys[i:]...), append(n.order, g.order[i:]...)
}

// reach computes which refs contain each commit: children come after their
// parents, so one pass from the end hands each set down.
func (n *Graph) reach(ctx context.Context) error {
	b := newSetBuilder(n.tipPos)
	setOf := make([]int32, n.Len())
	for bit, id := range b.byRank {
		p := n.tipPos[id]
		setOf[p] = b.union(setOf[p], b.single(bit))
	}
	for p := n.Len() - 1; p >= 0; p-- {
		if p%65536 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		s := setOf[p]
		if s == 0 {
			n.garbage++
			continue
		}
		for _, q := range n.parents[n.starts[p]:n.starts[p+1]] {
			if q != absent && setOf[q] != s {
				setOf[q] = b.union(setOf[q], s)
			}
		}
	}
	if n.cut > 0 {
		for p, f := range n.flags {
			if f&flagTruncated != 0 {
				n.cutRefs = b.union(n.cutRefs, setOf[p])
			}
		}
	}
	n.setOf = append(setOf, n.cutRefs)
	n.sets = b.finish(n.setOf)
	n.cutRefs, n.setOf = n.setOf[n.Len()], n.setOf[:n.Len()]
	return nil
}

// Len is the number of commits.
func (g *Graph) Len() int { return len(g.commit) }

// HashSize is the number of bytes of object names, 20 or 32.
func (g *Graph) HashSize() int { return g.hashSize }

func (g *Graph) hash(p Pos) []byte {
	return g.hashes[int(p)*g.hashSize : (int(p)+1)*g.hashSize]
}

// Hash is the object name of a commit.
func (g *Graph) Hash(p Pos) history.Hash {
	h, _ := history.HashFromBytes(g.hash(p)) //nolint:errcheck // the size is one that it takes
	return h
}

// Pos finds a commit.
func (g *Graph) Pos(h history.Hash) (Pos, bool) {
	if h.Size() != g.hashSize || len(g.keys) == 0 {
		return 0, false
	}
	var buf [32]byte
	b := h.AppendBytes(buf[:0])
	key := binary.BigEndian.Uint64(b)
	for i := g.lowerBound(key); i < len(g.keys) && g.keys[i] == key; i++ {
		if bytes.Equal(g.hash(Pos(g.order[i])), b) {
			return Pos(g.order[i]), true
		}
	}
	return 0, false
}

// lowerBound is the first index whose key is not below. Object names are spread
// evenly, so the place is guessed first and then searched around.
func (g *Graph) lowerBound(key uint64) int {
	n := len(g.keys)
	guess := int(float64(key) / (1 << 64) * float64(n))
	guess = min(max(guess, 0), n-1)
	lo, hi, step := 0, n, 32
	if g.keys[guess] < key {
		for lo = guess + 1; lo+step < n && g.keys[lo+step] < key; step *= 2 {
			lo += step
		}
		hi = min(n, lo+step+1)
	} else {
		for hi = guess; hi-step > 0 && g.keys[hi-step] >= key; step *= 2 {
			hi -= step
		}
		lo = max(0, hi-step)
	}
	return lo + sort.Search(hi-lo, func(i int) bool { return g.keys[lo+i] >= key })
}

// Prefix finds the commits whose name begins with the hex digits, at most max
// of them, or all where max is 0. Text that is no hex finds none.
func (g *Graph) Prefix(digits string, max int) []Pos {
	if digits == "" || len(digits) > 2*g.hashSize || len(g.keys) == 0 {
		return nil
	}
	padded := (digits + "0000000000000000")[:16]
	var low [8]byte
	if _, err := hex.Decode(low[:], []byte(padded)); err != nil {
		return nil
	}
	if strings.Trim(strings.ToLower(digits), "0123456789abcdef") != "" {
		return nil
	}
	digits = strings.ToLower(digits)
	var found []Pos
	for i := g.lowerBound(binary.BigEndian.Uint64(low[:])); i < len(g.keys); i++ {
		p := Pos(g.order[i])
		if name := hex.EncodeToString(g.hash(p)); !strings.HasPrefix(name, digits) {
			if name > digits {
				break
			}
			continue
		}
		if found = append(found, p); max > 0 && len(found) == max {
			break
		}
	}
	return found
}

// Named finds the one commit whose name begins with the digits, the first of
// which are the highest bits of name; digits is at most 16. It is not ok where
// none or several do.
func (g *Graph) Named(name uint64, digits int) (p Pos, ok bool) {
	if digits < 1 || len(g.keys) == 0 {
		return 0, false
	}
	low := name &^ (1<<(64-4*min(digits, 16)) - 1)
	i := g.lowerBound(low)
	if i == len(g.keys) || (g.keys[i]^low)>>(64-4*min(digits, 16)) != 0 {
		return 0, false
	}
	if i+1 < len(g.keys) && (g.keys[i+1]^low)>>(64-4*min(digits, 16)) == 0 {
		return 0, false
	}
	return Pos(g.order[i]), true
}

// Parents appends the positions of a commit's known parents, first parent first.
func (g *Graph) Parents(p Pos, dst []Pos) []Pos {
	for _, q := range g.parents[g.starts[p]:g.starts[p+1]] {
		if q != absent {
			dst = append(dst, Pos(q))
		}
	}
	return dst
}

// Merge says whether a commit has more than one parent.
func (g *Graph) Merge(p Pos) bool { return g.starts[p+1]-g.starts[p] > 1 }

// CommitTime is the committer date in Unix seconds.
func (g *Graph) CommitTime(p Pos) int64 { return g.commit[p] }

// AuthorTime is the author date in Unix seconds.
func (g *Graph) AuthorTime(p Pos) int64 { return g.author[p] }

// Absent is the number of commits whose ancestry is not all there.
func (g *Graph) Absent() int { return g.cut }

// Cut are the commits whose ancestry is not all there, at most max of them.
func (g *Graph) Cut(max int) []Pos {
	if g.cut == 0 {
		return nil
	}
	var all []Pos
	for p, f := range g.flags {
		if f&flagTruncated != 0 && len(all) < max {
			all = append(all, Pos(p))
		}
	}
	return all
}

// Truncated says whether a ref's history is not all there, so that a commit
// which it does not contain may be on it all the same.
func (g *Graph) Truncated(ref RefID) bool { return g.sets.has(g.cutRefs, ref) }

// Tips are the refs by name; a RefID is an index into them. Not to be changed.
func (g *Graph) Tips() []Tip { return g.tips }

// TipPos is the commit that a ref leads to.
func (g *Graph) TipPos(ref RefID) Pos { return Pos(g.tipPos[ref]) }

// RefByName finds a ref by its full name.
func (g *Graph) RefByName(name string) (RefID, bool) {
	i, ok := slices.BinarySearchFunc(g.tips, name, func(t Tip, name string) int { return strings.Compare(t.Name, name) })
	return RefID(i), ok
}

// Contains says whether a ref contains a commit.
func (g *Graph) Contains(ref RefID, p Pos) bool { return g.sets.has(g.setOf[p], ref) }

// RefsOf appends the refs that contain a commit, in no order.
func (g *Graph) RefsOf(p Pos, dst []RefID) []RefID { return g.sets.members(g.setOf[p], dst) }

// SameRefs says whether two commits are contained in the same refs. It costs
// nothing.
func (g *Graph) SameRefs(a, b Pos) bool { return g.setOf[a] == g.setOf[b] }

// Reachable says whether any ref contains a commit. Those of deleted branches
// stay in the graph and are not.
func (g *Graph) Reachable(p Pos) bool { return g.setOf[p] != 0 }

// Garbage is the number of commits that are not reachable.
func (g *Graph) Garbage() int { return g.garbage }

// Between are the ancestors of the wanted commits, and those themselves, that are
// no ancestors of base, in falling order; none where there are more than max.
func (g *Graph) Between(base Pos, want []Pos, max int) []Pos {
	// Positions fall on the way to parents, so that the highest one that is left
	// has been reached by all its children.
	side := map[Pos]bool{base: false} // true for those that only want reaches
	queue := &highest{base}
	wanted := 0
	push := func(p Pos, only bool) {
		was, seen := side[p]
		if !seen {
			heap.Push(queue, p)
		}
		if !seen || was && !only {
			if seen {
				wanted--
			}
			if only {
				wanted++
			}
			side[p] = only
		}
	}
	for _, p := range want {
		push(p, true)
	}
	var found []Pos
	for wanted > 0 {
		p := heap.Pop(queue).(Pos)
		only := side[p]
		if only {
			wanted--
			if found = append(found, p); len(found) > max {
				return nil
			}
		}
		for _, q := range g.parents[g.starts[p]:g.starts[p+1]] {
			if q != absent {
				push(Pos(q), only)
			}
		}
	}
	return found
}

// highest is a heap of positions, the highest first.
type highest []Pos

func (h highest) Len() int           { return len(h) }
func (h highest) Less(i, j int) bool { return h[i] > h[j] }
func (h highest) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *highest) Push(x any)        { *h = append(*h, x.(Pos)) }
func (h *highest) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// IsAncestor says whether a is an ancestor of b, or b itself.
func (g *Graph) IsAncestor(a, b Pos) bool {
	if a == b {
		return true
	}
	if a > b {
		return false
	}
	seen := make([]uint64, (int(b)-int(a))/64+1)
	todo := []Pos{b}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, q := range g.parents[g.starts[p]:g.starts[p+1]] {
			if q == int32(a) {
				return true
			}
			if q < int32(a) {
				continue // a parent's position is smaller, so a is not behind it
			}
			if i := int(q) - int(a); seen[i/64]&(1<<(i%64)) == 0 {
				seen[i/64] |= 1 << (i % 64)
				todo = append(todo, Pos(q))
			}
		}
	}
	return false
}
