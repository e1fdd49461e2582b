// Package paths keeps which commits changed which paths: an inverted index from
// paths to positions of a graph, for the operator file: of the search.
//
// Its main types: Builder (collects what commits changed), Store (a directory of
// segments of one generation of a graph), Set (an immutable state of it, that
// questions are asked of) and Pattern (what a user looks for). It knows no git:
// what a commit changed is told by whoever fills it.
//
// Segments are immutable, checksummed files, written aside and renamed, each for
// a range of positions; together they cover the positions from 0 to Covered
// without a gap. A kill loses what is not in a segment yet and nothing else.
// What is damaged, of another version, or of other commits than the graph's is
// dropped and has to be filled anew.
package paths

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"

	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// Builder collects what the commits of a range of positions changed. It is not
// safe for concurrent use.
type Builder struct {
	graph      *graph.Graph
	start, end graph.Pos
	read       int
	positions  map[string][]graph.Pos
}

// NewBuilder makes a builder for the positions [start, end) of a graph; there is
// one at least.
func NewBuilder(g *graph.Graph, start, end graph.Pos) *Builder {
	return &Builder{graph: g, start: start, end: end, positions: map[string][]graph.Pos{}}
}

// Add tells the paths that the commit at p changed, with a slash behind those of
// directories. Positions rise from call to call; those that are left out could
// not be read.
func (b *Builder) Add(p graph.Pos, paths []string) {
	b.read++
	for _, path := range paths {
		known := b.positions[path]
		if path == "" || len(known) > 0 && known[len(known)-1] >= p {
			continue
		}
		b.positions[path] = append(known, p)
	}
}

func (b *Builder) segment() (*segment, error) {
	w := &writer{start: b.start}
	for _, path := range slices.Sorted(maps.Keys(b.positions)) {
		w.add(path, slices.Values(b.positions[path]))
	}
	return w.segment(b.end, checksum(b.graph, b.start, b.end), int(b.end-b.start)-b.read)
}

// checksum is of the names of the commits at the positions [start, end).
func checksum(g *graph.Graph, start, end graph.Pos) uint32 {
	var sum uint32
	var name []byte
	for p := start; p < end; p++ {
		name = g.Hash(p).AppendBytes(name[:0])
		sum = crc32.Update(sum, castagnoli, name)
	}
	return sum
}

// Set is the segments of one moment. It is immutable, safe for concurrent use,
// and may be held for ever. The zero Set covers nothing.
type Set struct{ segments []*segment }

// Covered says that the set knows what the commits at the positions [0, Covered)
// changed.
func (s Set) Covered() int {
	if len(s.segments) == 0 {
		return 0
	}
	return int(s.segments[len(s.segments)-1].end)
}

// Unread is how many of the covered commits changed nobody knows what, since
// objects were missing.
func (s Set) Unread() int {
	n := 0
	for _, seg := range s.segments {
		n += seg.unread
	}
	return n
}

// Each calls fn with the positions of the commits that changed what the pattern
// matches: in any order, and more than once for some.
func (s Set) Each(ctx context.Context, pattern Pattern, fn func(graph.Pos)) error {
	for _, seg := range s.segments {
		if err := seg.each(ctx, pattern, fn); err != nil {
			return fmt.Errorf("reading the path index: %w", err)
		}
	}
	return nil
}

func (s *segment) each(ctx context.Context, pattern Pattern, fn func(graph.Pos)) error {
	var failed error
	for _, r := range pattern.ranges {
		n := 0
		err := s.from(r.low, func(e entry) bool {
			if n++; n%1024 == 0 && ctx.Err() != nil {
				failed = ctx.Err()
			}
			if failed != nil || !r.holds(e.path) {
				return false
			}
			if r.match(e.path) {
				failed = s.positions(e.postings, fn)
			}
			return failed == nil
		})
		if failed = errors.Join(failed, err); failed != nil {
			return failed
		}
	}
	return nil
}
