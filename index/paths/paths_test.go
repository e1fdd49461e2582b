package paths

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// line is a graph of n commits in a row; salt makes their names others.
func line(t testing.TB, n int, salt string) *graph.Graph {
	t.Helper()
	var nodes []graph.Node
	for i := range n {
		node := graph.Node{Hash: name(i, salt), CommitTime: int64(i)}
		if i > 0 {
			node.Parents = []history.Hash{name(i-1, salt)}
		}
		nodes = append(nodes, node)
	}
	g, err := graph.New(20).Update(context.Background(), nodes, []graph.Tip{{Name: "refs/heads/main", Commit: name(n-1, salt)}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func name(i int, salt string) history.Hash {
	return history.MustHash(fmt.Sprintf("%s%036x", (salt + "0000")[:4], i))
}

// changed is what the commit at p of the tests' histories changed.
func changed(p graph.Pos) []string {
	r := rand.New(rand.NewPCG(uint64(p), 7))
	dirs := []string{"", "a/", "a/b/", "a/b/c/", "a-b/", "a.b/", "é/", "z/"}
	var paths []string
	for range r.IntN(5) {
		paths = append(paths, fmt.Sprintf("%sf%d.%s", dirs[r.IntN(len(dirs))], r.IntN(9), []string{"c", "py"}[r.IntN(2)]))
	}
	if p%7 == 0 {
		paths = append(paths, "a/b/") // of a merge
	}
	return paths
}

func build(g *graph.Graph, start, end int) *Builder {
	b := NewBuilder(g, graph.Pos(start), graph.Pos(end))
	for p := graph.Pos(start); int(p) < end; p++ {
		b.Add(p, changed(p))
	}
	return b
}

func open(t *testing.T, dir string, g *graph.Graph) (*Store, error) {
	t.Helper()
	s, dropped, err := Open(dir, g)
	if err != nil {
		t.Fatal(err)
	}
	return s, dropped
}

func add(t *testing.T, s *Store, g *graph.Graph, ends ...int) {
	t.Helper()
	at := s.Set().Covered()
	var builders []*Builder
	for _, end := range ends {
		builders = append(builders, build(g, at, end))
		at = end
	}
	if err := s.Add(g, builders...); err != nil {
		t.Fatal(err)
	}
}

func found(t *testing.T, s Set, text string) []graph.Pos {
	t.Helper()
	p, ok := NewPattern(text)
	if !ok {
		t.Fatalf("%q is no pattern", text)
	}
	var got []graph.Pos
	if err := s.Each(context.Background(), p, func(p graph.Pos) { got = append(got, p) }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	return slices.Compact(got)
}

// naive says whether a path matches a pattern, as Pattern documents it.
func naive(pattern, path string) bool {
	text := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(pattern, "./"), ":/"), "/")
	if isGlob(text) {
		if d, ok := strings.CutSuffix(text, "/*"); ok && !isGlob(d) {
			return strings.HasPrefix(path, d+"/")
		}
		return !strings.HasSuffix(path, "/") && naiveGlob(text, path)
	}
	dir := strings.TrimSuffix(text, "/")
	return path == text || strings.HasPrefix(path, dir+"/") ||
		text == pattern && !strings.Contains(text, "/") && strings.HasSuffix(path, "/"+text)
}

func naiveGlob(pattern, path string) bool {
	switch {
	case pattern == "":
		return path == ""
	case pattern[0] == '*':
		return naiveGlob(pattern[1:], path) || path != "" && naiveGlob(pattern, path[1:])
	}
	return path != "" && (pattern[0] == '?' || pattern[0] == path[0]) && naiveGlob(pattern[1:], path[1:])
}

var questions = []string{"f1.c", "./f1.c", ":/f1.c", "/f1.c", "a", "a/", "a/b", "a/b/c/f1.py", "a-b", "a.b/f2.c", "é", "é/f3.py", "z/f8.c", "zz", "0",
	"*.py", "a/*", "a/b/*", "a*f1.c", "a?b/f?.c", "*", "?", "a/b/c/f1.py/", "*/f1*", "f*.c"}

func TestSet(t *testing.T) {
	const n = 500
	g := line(t, n, "")
	dir := t.TempDir()
	s, _ := open(t, dir, g)
	for _, ends := range [][]int{{1}, {2, 3}, {40}, {41}, {42}, {200, 300}, {301}, {n}} {
		add(t, s, g, ends...)
	}
	again, dropped := open(t, dir, g)
	if dropped != nil || again.Set().Covered() != n {
		t.Errorf("opened again, it covers %d: %v", again.Set().Covered(), dropped)
	}
	for _, q := range questions {
		var want []graph.Pos
		for p := range graph.Pos(n) {
			if slices.ContainsFunc(changed(p), func(path string) bool { return naive(q, path) }) {
				want = append(want, p)
			}
		}
		for _, set := range []Set{s.Set(), again.Set()} {
			if diff := cmp.Diff(want, found(t, set, q)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", q, diff)
			}
		}
	}
	for _, nothing := range []string{"", ".", "./", ":/", "/", "././"} {
		if _, ok := NewPattern(nothing); ok {
			t.Errorf("%q is a pattern", nothing)
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	big, _ := open(t, t.TempDir(), g)
	b := NewBuilder(g, 0, n)
	for p := range graph.Pos(n) {
		b.Add(p, []string{fmt.Sprintf("x%d", p), fmt.Sprintf("y%d", p), fmt.Sprintf("z%d", p)})
	}
	if err := big.Add(g, b); err != nil {
		t.Fatal(err)
	}
	p, _ := NewPattern("*nothing")
	if err := big.Set().Each(cancelled, p, func(graph.Pos) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestSegments: there are few, and nothing of the old ones is left.
func TestSegments(t *testing.T) {
	const n = 3000
	g := line(t, n, "")
	dir := t.TempDir()
	s, _ := open(t, dir, g)
	for end := 1; end <= n; end += 1 + end/100 {
		add(t, s, g, end)
		if k := len(s.Set().segments); k > 8 {
			t.Fatalf("%d segments for %d commits", k, end)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(s.Set().segments) {
		t.Errorf("%d files for %d segments, %v", len(files), len(s.Set().segments), err)
	}
	s.Close()
	if err := s.Add(g, build(g, s.Set().Covered(), n)); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestMapped: a segment of a size that is mapped outlives its file and its store.
func TestMapped(t *testing.T) {
	const n = 64
	g := line(t, n, "")
	dir := t.TempDir()
	s, _ := open(t, dir, g)
	b := NewBuilder(g, 0, n-1)
	for p := range graph.Pos(n - 1) {
		var many []string
		for i := range 500 {
			many = append(many, fmt.Sprintf("%d-%d-%d", i*7919%1000, p, i))
		}
		b.Add(p, many)
	}
	if err := s.Add(g, b); err != nil {
		t.Fatal(err)
	}
	set := s.Set()
	if len(set.segments[0].file) < mapFrom {
		t.Fatalf("a file of %d bytes is not mapped", len(set.segments[0].file))
	}
	if err := s.Drop(); err != nil {
		t.Fatal(err)
	}
	if s.Set().Covered() != 0 {
		t.Error("dropped, it still covers something")
	}
	if got := found(t, set, "0-5-0"); !slices.Equal(got, []graph.Pos{5}) {
		t.Errorf("it finds %v", got)
	}
	add(t, s, g, n)
}

func TestDamage(t *testing.T) {
	const n = 300
	g := line(t, n, "")
	rename := func(from, to string) func(string) error {
		return func(d string) error { return os.Rename(filepath.Join(d, from), filepath.Join(d, to)) }
	}
	change := func(file string, fn func([]byte) []byte) func(string) error {
		return func(d string) error {
			b, err := os.ReadFile(filepath.Join(d, file))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(d, file), fn(b), 0o600)
		}
	}
	const first, second = "0-290.paths", "290-300.paths"
	for name, c := range map[string]struct {
		harm    func(dir string) error
		covered int
		silent  bool
	}{
		"untouched":      {func(string) error { return nil }, n, true},
		"left by a kill": {func(d string) error { return os.WriteFile(filepath.Join(d, "0-9.paths-1.tmp"), nil, 0o600) }, n, true},
		"joined from": {func(d string) error {
			seg, err := build(g, 0, 20).segment()
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(d, "0-20.paths"), seg.file, 0o600)
		}, n, true},
		"a bit":          {change(first, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }), 0, false},
		"the last one's": {change(second, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), 290, false},
		"cut":            {change(first, func(b []byte) []byte { return b[:len(b)-1] }), 0, false},
		"empty":          {change(first, func([]byte) []byte { return nil }), 0, false},
		"longer":         {change(second, func(b []byte) []byte { return append(b, 0) }), 290, false},
		"version":        {change(first, func(b []byte) []byte { b[8]++; return b }), 0, false},
		"gone":           {func(d string) error { return os.Remove(filepath.Join(d, first)) }, 0, true},
		"renamed":        {rename(first, "0-200.paths"), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, _ := open(t, dir, g)
			add(t, s, g, 290)
			add(t, s, g, n)
			if err := c.harm(dir); err != nil {
				t.Fatal(err)
			}
			again, dropped := open(t, dir, g)
			if covered := again.Set().Covered(); covered != c.covered || (dropped == nil) != c.silent {
				t.Errorf("it covers %d, not %d: %v", covered, c.covered, dropped)
			}
			if again.Set().Covered() < n {
				add(t, again, g, n)
			}
			if files, err := os.ReadDir(dir); err != nil || len(files) != len(again.Set().segments) {
				t.Errorf("%d files for %d segments, %v", len(files), len(again.Set().segments), err)
			}
			for _, q := range questions {
				if diff := cmp.Diff(found(t, s.Set(), q), found(t, again.Set(), q)); diff != "" {
					t.Errorf("%s, as before (-) and now (+):\n%s", q, diff)
				}
			}
		})
	}
	t.Run("other commits", func(t *testing.T) {
		dir := t.TempDir()
		s, _ := open(t, dir, g)
		add(t, s, g, n)
		for _, other := range []*graph.Graph{line(t, n, "1"), line(t, n-1, "")} {
			if s, dropped := open(t, dir, other); s.Set().Covered() != 0 || dropped == nil {
				t.Errorf("it covers %d of other commits: %v", s.Set().Covered(), dropped)
			}
			s, _ := open(t, dir, g)
			add(t, s, g, n)
		}
	})
}

// TestUnread: commits that could not be read count as covered, and are counted.
func TestUnread(t *testing.T) {
	g := line(t, 10, "")
	dir := t.TempDir()
	s, _ := open(t, dir, g)
	b := NewBuilder(g, 0, 6)
	b.Add(1, []string{"a"})
	b.Add(4, nil)
	if err := s.Add(g, b, build(g, 6, 10)); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, dir, g)
	if n := again.Set().Unread(); n != 4 {
		t.Errorf("%d were not read, not 4", n)
	}
}

// FuzzSegment: whatever a file holds, reading it ends, without a panic, and finds
// no position outside of its range.
func FuzzSegment(f *testing.F) {
	g := line(f, 40, "")
	for _, end := range []int{1, 5, 40} {
		seg, err := build(g, 0, end).segment()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seg.file, "f1.c")
	}
	f.Fuzz(func(t *testing.T, b []byte, text string) {
		if len(b) >= headerSize { // nearly all would end at the checksum
			copy(b, magic)
			binary.LittleEndian.PutUint32(b[8:], version)
			binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[16:], castagnoli))
		}
		seg, err := parse(b)
		if err != nil {
			return
		}
		within := func(p graph.Pos) {
			if p < seg.start || p >= seg.end {
				t.Errorf("position %d outside of %d to %d", p, seg.start, seg.end)
			}
		}
		for _, q := range []string{text, "*" + text, text + "/x", "a/"} {
			if pattern, ok := NewPattern(q); ok {
				_ = Set{[]*segment{seg}}.Each(context.Background(), pattern, within) //nolint:errcheck // most inputs are nonsense
			}
		}
		next := &segment{start: seg.end, end: seg.end + 1}
		joined, err := join([]*segment{seg, next}, 0)
		if err != nil {
			return
		}
		pattern, _ := NewPattern("*")
		if err := (Set{[]*segment{joined}}).Each(context.Background(), pattern, within); err != nil {
			t.Errorf("what was joined cannot be read: %v", err)
		}
	})
}

// FuzzGlob holds the matcher against one that tries everything.
func FuzzGlob(f *testing.F) {
	f.Add("*.py", "a/b.py")
	f.Add("a?*b*?c", "axxbxxbc/c")
	f.Add("**", "")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if len(pattern) > 12 || len(path) > 24 {
			return
		}
		if got, want := glob(pattern, []byte(path)), naiveGlob(pattern, path); got != want {
			t.Errorf("%q matches %q: %v", pattern, path, got)
		}
	})
}

// TestGlobTime: no pattern takes exponential time.
func TestGlobTime(t *testing.T) {
	start := time.Now()
	if glob(strings.Repeat("*a", 200)+"b", []byte(strings.Repeat("a", 4000))) {
		t.Error("it matches")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it takes %s", took)
	}
}
