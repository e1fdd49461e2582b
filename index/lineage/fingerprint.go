package lineage

import (
	"bytes"
	"cmp"
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// prints makes fingerprints of what commits changed: the sum of the hashes of all
// lines that a commit adds less those that it takes away. No diff is needed for
// it: what stays cancels out, and so does what only moves. They can be compared
// with those of the same prints alone.
type prints struct {
	seed maphash.Seed
	sums map[history.Hash]uint64 // of blobs' lines
}

func newPrints() *prints {
	return &prints{maphash.MakeSeed(), map[history.Hash]uint64{}}
}

// of is the fingerprint of what a commit changed: 0 where all cancels out. It is
// not ok where a file was not read.
func (f *prints) of(deltas []history.Delta) (sum uint64, ok bool) {
	for _, d := range deltas {
		added, ok := f.sum(d.New)
		gone, known := f.sum(d.Old)
		if !ok || !known {
			return 0, false
		}
		sum += added - gone
	}
	return sum, true
}

// sum is that of one side of a delta, 0 where there is no file.
func (f *prints) sum(blob history.Hash) (sum uint64, ok bool) {
	if blob.IsZero() {
		return 0, true
	}
	sum, ok = f.sums[blob]
	return sum, ok
}

// file is a blob where a commit changed it.
type file struct {
	path string
	pos  graph.Pos
	blob history.Hash
}

// read reads the files of changes and sums their lines' hashes. It asks for them
// by path and then by age: what follows mostly differs little from what was just
// read, which both git and summing make use of.
func (f *prints) read(ctx context.Context, c Contents, all []changed) error {
	var files []file
	asked := map[history.Hash]bool{}
	for _, change := range slices.SortedStableFunc(slices.Values(all), func(a, b changed) int { return cmp.Compare(a.pos, b.pos) }) {
		for _, d := range change.deltas {
			for _, b := range []history.Hash{d.Old, d.New} {
				if !b.IsZero() && !asked[b] {
					asked[b] = true
					files = append(files, file{d.Path, change.pos, b})
				}
			}
		}
	}
	slices.SortStableFunc(files, func(a, b file) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.pos, b.pos)) })
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var found [readers]map[history.Hash]uint64
	for i, run := range inRuns(files) {
		wg.Go(func() {
			var err error
			if found[i], err = f.readRun(ctx, c, run); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	for _, sums := range found {
		maps.Copy(f.sums, sums)
	}
	return context.Cause(ctx)
}

// readers is how many runs of files are read side by side: as many as the
// processes that a repository has for what changed.
const readers = 2

// inRuns splits files in order into runs of about the same number, between paths.
func inRuns(files []file) (runs [readers][]file) {
	for i := range runs {
		n := len(files) / (readers - i)
		for n > 0 && n < len(files) && files[n].path == files[n-1].path {
			n++
		}
		runs[i], files = files[:n], files[n:]
	}
	return runs
}

// readRun sums the lines of one run of files.
func (f *prints) readRun(ctx context.Context, c Contents, files []file) (map[history.Hash]uint64, error) {
	if len(files) == 0 {
		return nil, nil
	}
	blobs := make([]history.Hash, len(files))
	for i, file := range files {
		blobs[i] = file.blob
	}
	found := make(map[history.Hash]uint64, len(files))
	sums, path := lineSums{seed: f.seed}, ""
	err := c.Blobs(ctx, blobs, func(h history.Hash, content []byte) error {
		for files[0].blob != h { // those are missing
			files = files[1:]
		}
		if files[0].path != path {
			path = files[0].path
			sums.reset()
		}
		found[h] = sums.next(content)
		return ctx.Err()
	})
	return found, err
}

// lineSums sums the hashes of texts' lines, one text after the other: of the lines
// that a text has in common with the one before, the sum is known. Which lines
// these are is found by a look at the next ones: where it fails, more are hashed
// than need be, and the sum is the same.
type lineSums struct {
	seed maphash.Seed
	last []byte
	sum  uint64 // of last
	kept []byte // a buffer of lines
}

// reset forgets the text before: the next one has nothing to do with it.
func (s *lineSums) reset() { s.last, s.sum = s.last[:0], 0 }

func (s *lineSums) next(text []byte) uint64 {
	tail := commonTail(s.last, text)
	a, b := s.last[:len(s.last)-tail], text[:len(text)-tail]
	head := commonHead(a, b)
	a, b = a[head:], b[head:]
	for len(a) > 0 && len(b) > 0 {
		i, j := meet(a, b)
		s.sum += s.lines(b[:j]) - s.lines(a[:i])
		a, b = a[i:], b[j:]
		head := commonHead(a, b)
		a, b = a[head:], b[head:]
	}
	s.sum += s.lines(b) - s.lines(a)
	s.last = append(s.last[:0], text...)
	return s.sum
}

// lines is the sum of the hashes of lines, without white space, as git's patch-id
// takes them.
func (s *lineSums) lines(text []byte) uint64 {
	var sum uint64
	for line := range bytes.Lines(text) {
		if len(s.kept) < len(line) {
			s.kept = make([]byte, 2*len(line))
		}
		kept, n := s.kept, 0
		for _, c := range line { // a branch in here would take twice as long
			kept[n] = c
			n += int(solid[c])
		}
		if n > 0 {
			sum += maphash.Bytes(s.seed, kept[:n])
		}
	}
	return sum
}

// solid is 1 for each byte but white space.
var solid = func() (table [256]uint8) {
	for c := range table {
		if !strings.ContainsRune(" \t\n\r", rune(c)) {
			table[c] = 1
		}
	}
	return table
}()

// step is how many bytes are compared at once, which is much faster than one by one.
const step = 512

// commonHead is how many bytes two texts have in common at the beginning, in whole
// lines of both.
func commonHead(a, b []byte) (head int) {
	n := min(len(a), len(b))
	for head+step <= n && bytes.Equal(a[head:head+step], b[head:head+step]) {
		head += step
	}
	for head < n && a[head] == b[head] {
		head++
	}
	if head == len(a) && head == len(b) {
		return head
	}
	return bytes.LastIndexByte(a[:head], '\n') + 1
}

// commonTail is the same at the end.
func commonTail(a, b []byte) (tail int) {
	n := min(len(a), len(b))
	for tail+step <= n && bytes.Equal(a[len(a)-tail-step:len(a)-tail], b[len(b)-tail-step:len(b)-tail]) {
		tail += step
	}
	for tail < n && a[len(a)-tail-1] == b[len(b)-tail-1] {
		tail++
	}
	// The first line of these may have begun before them.
	first := bytes.IndexByte(a[len(a)-tail:], '\n') + 1
	if first == 0 {
		return 0
	}
	return tail - first
}

const (
	window  = 32 // lines that meet looks at
	telling = 4  // bytes of a line that may be where texts meet again
)

// meet is how much is before the nearest line that two texts have in common, or
// how much it looked at where there is none.
func meet(a, b []byte) (i, j int) {
	var ends [2][window + 1]int // of the lines of a and b
	texts, count := [2][]byte{a, b}, [2]int{}
	for away := range 2 * window {
		for side, text := range texts {
			if n, at := count[side], ends[side][count[side]]; n < window && at < len(text) {
				end := bytes.IndexByte(text[at:], '\n') + 1
				if end == 0 {
					end = len(text) - at
				}
				count[side]++
				ends[side][n+1] = at + end
			}
		}
		if away > count[0]+count[1] {
			break
		}
		for x := max(0, away-count[1]+1); x < min(away+1, count[0]); x++ {
			y := away - x
			i, j := ends[0][x], ends[1][y]
			if p, q := a[i:ends[0][x+1]], b[j:ends[1][y+1]]; len(p) >= telling && bytes.Equal(p, q) {
				return i, j
			}
		}
	}
	return ends[0][count[0]], ends[1][count[1]]
}

// Fingerprints are those of commits, as far as they have one; equal where the
// commits add and take away the same lines. The error is ctx's, or Contents'.
func Fingerprints(ctx context.Context, c Contents, commits []history.Hash) (map[history.Hash]uint64, error) {
	var all []changed
	var names []history.Hash
	err := c.Deltas(ctx, commits, func(h history.Hash, deltas []history.Delta) error {
		all = append(all, changed{graph.Pos(len(all)), deltas})
		names = append(names, h)
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	f := newPrints()
	if err := f.read(ctx, c, all); err != nil {
		return nil, err
	}
	found := make(map[history.Hash]uint64, len(all))
	for i, change := range all {
		if sum, ok := f.of(change.deltas); ok && sum != 0 {
			found[names[i]] = sum
		}
	}
	return found, nil
}
