package lineage

import (
	"bytes"
	"context"
	"hash/maphash"

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

// of is the fingerprint of what a commit changed. It is not ok where a file was
// not read, and where all cancels out.
func (f *prints) of(deltas []history.Delta) (sum uint64, ok bool) {
	for _, d := range deltas {
		added, ok := f.sum(d.New)
		gone, known := f.sum(d.Old)
		if !ok || !known {
			return 0, false
		}
		sum += added - gone
	}
	return sum, sum != 0
}

// sum is that of one side of a delta, 0 where there is no file.
func (f *prints) sum(blob history.Hash) (sum uint64, ok bool) {
	if blob.IsZero() {
		return 0, true
	}
	sum, ok = f.sums[blob]
	return sum, ok
}

// read reads the files of changes and sums their lines' hashes.
func (f *prints) read(ctx context.Context, c Contents, all []changed) error {
	var blobs []history.Hash
	asked := map[history.Hash]bool{}
	for _, change := range all {
		for _, d := range change.deltas {
			for _, b := range []history.Hash{d.Old, d.New} {
				if !b.IsZero() && !asked[b] {
					asked[b] = true
					blobs = append(blobs, b)
				}
			}
		}
	}
	return c.Blobs(ctx, blobs, func(h history.Hash, content []byte) error {
		f.sums[h] = f.lineSum(content)
		return ctx.Err()
	})
}

// lineSum is the sum of the hashes of lines, without white space, as git's
// patch-id takes them.
func (f *prints) lineSum(content []byte) uint64 {
	var sum uint64
	var kept []byte
	for line := range bytes.Lines(content) {
		kept = kept[:0]
		for _, c := range line {
			if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
				kept = append(kept, c)
			}
		}
		if len(kept) > 0 {
			sum += maphash.Bytes(f.seed, kept)
		}
	}
	return sum
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
		if sum, ok := f.of(change.deltas); ok {
			found[names[i]] = sum
		}
	}
	return found, nil
}
