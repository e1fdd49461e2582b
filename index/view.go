package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// errClosed is returned by a view whose text index was replaced.
var errClosed = errors.New("the text index was replaced")

// view is a text index seen through the positions of one generation of graphs.
// It remembers which position each document of a segment has: positions never
// change within a generation, so each segment is resolved once.
type view struct {
	words     *words
	numbering int // the generation whose positions it gives
	// from is the last graph in the words' own numbering, where that is another
	// one: a rebuild is under way.
	from *graph.Graph

	mu       sync.Mutex
	segments map[uint64][]graph.Pos // by segment id
}

func newView(w *words, numbering int, from *graph.Graph) *view {
	return &view{words: w, numbering: numbering, from: from, segments: map[uint64][]graph.Pos{}}
}

// reading is one consistent state of a view. It must be closed.
type reading struct {
	words  *words
	reader bleveindex.IndexReader
	docs   [][]graph.Pos // by segment
	starts []uint64      // global number of each segment's first document
}

// read takes the view's present state. errClosed says that the text index was
// replaced meanwhile: the next snapshot has its successor.
func (v *view) read(ctx context.Context, g *graph.Graph) (r *reading, err error) {
	v.words.open.RLock()
	defer func() {
		if err != nil {
			v.words.open.RUnlock()
		}
	}()
	defer contain(v.words, &err)
	defer faults()()
	if v.words.closed {
		return nil, errClosed
	}
	reader, err := v.words.raw.Reader()
	if err != nil {
		return nil, fmt.Errorf("reading the text index: %w", err)
	}
	snap, ok := reader.(*scorch.IndexSnapshot)
	if !ok {
		return nil, errors.Join(fmt.Errorf("reading the text index: unexpected reader %T", reader), reader.Close())
	}
	r = &reading{words: v.words, reader: reader}
	v.mu.Lock()
	defer v.mu.Unlock()
	live := make(map[uint64][]graph.Pos, len(snap.Segments()))
	var at uint64
	for _, seg := range snap.Segments() {
		docs, whole := v.segments[seg.Id()]
		if !whole && v.from == nil {
			docs, whole = v.words.audited[seg.Id()]
		}
		if !whole {
			if docs, whole, err = resolveDocuments(ctx, seg, v.from, g); err != nil {
				return nil, errors.Join(v.words.spoilt(ctx, err), reader.Close())
			}
		}
		if whole { // else an older graph than the documents: ask again next time
			live[seg.Id()] = docs
		}
		r.docs = append(r.docs, docs)
		r.starts = append(r.starts, at)
		at += uint64(seg.FullSize())
	}
	v.segments = live
	return r, nil
}

// resolveDocuments gives the position of each of the segment's documents, or -1,
// and whether all have one.
func resolveDocuments(ctx context.Context, seg *scorch.SegmentSnapshot, from, g *graph.Graph) (docs []graph.Pos, whole bool, err error) {
	docs, whole = make([]graph.Pos, seg.FullSize()), true
	for i := range docs {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		docs[i] = -1
		id, err := seg.DocID(uint64(i))
		if err != nil {
			return nil, false, fmt.Errorf("reading the text index: %w", err)
		}
		if len(id) == 4 {
			docs[i] = translate(graph.Pos(binary.BigEndian.Uint32(id)), from, g)
		}
		whole = whole && docs[i] >= 0
	}
	return docs, whole, nil
}

// translate gives a position of from in g, or -1 where g has not got it.
func translate(p graph.Pos, from, g *graph.Graph) graph.Pos {
	if from != nil {
		if int(p) >= from.Len() {
			return -1
		}
		q, ok := g.Pos(from.Hash(p))
		if !ok {
			return -1
		}
		return q
	}
	if int(p) >= g.Len() {
		return -1
	}
	return p
}

func (r *reading) close() error {
	defer r.words.open.RUnlock()
	return r.reader.Close()
}

// term adds the positions of the documents whose field has the term to dst.
func (r *reading) term(ctx context.Context, field, term string, dst set) (err error) {
	defer contain(r.words, &err)
	defer faults()()
	tfr, err := r.reader.TermFieldReader(ctx, []byte(term), field, false, false, false)
	if err != nil {
		return r.words.spoilt(ctx, err)
	}
	var doc bleveindex.TermFieldDoc
	seg := 0
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return errors.Join(ctx.Err(), tfr.Close())
		}
		d, err := tfr.Next(doc.Reset())
		if err != nil {
			return errors.Join(r.words.spoilt(ctx, err), tfr.Close())
		}
		if d == nil {
			return tfr.Close()
		}
		num := d.ID.Value()
		for seg+1 < len(r.starts) && num >= r.starts[seg+1] {
			seg++
		}
		dst.add(r.docs[seg][num-r.starts[seg]])
	}
}

// dictionary calls fn with the terms of a field's dictionary that open yields.
func (r *reading) dictionary(ctx context.Context, open func() (bleveindex.FieldDict, error), fn func(term string) error) (err error) {
	defer contain(r.words, &err)
	defer faults()()
	dict, err := open()
	if err != nil {
		return r.words.spoilt(ctx, err)
	}
	for {
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), dict.Close())
		}
		e, err := dict.Next()
		if err != nil {
			return errors.Join(r.words.spoilt(ctx, err), dict.Close())
		}
		if e == nil {
			return dict.Close()
		}
		if err := fn(e.Term); err != nil {
			return errors.Join(err, dict.Close())
		}
	}
}

// withPrefix calls fn with the field's terms that begin with the prefix.
func (r *reading) withPrefix(ctx context.Context, field, prefix string, fn func(string) error) error {
	return r.dictionary(ctx, func() (bleveindex.FieldDict, error) {
		return r.reader.FieldDictPrefix(field, []byte(prefix))
	}, fn)
}

// similar calls fn with the field's terms within the edit distance.
func (r *reading) similar(ctx context.Context, field, term string, distance int, fn func(string) error) error {
	fuzzy, ok := r.reader.(bleveindex.IndexReaderFuzzy)
	if !ok {
		return nil
	}
	return r.dictionary(ctx, func() (bleveindex.FieldDict, error) {
		return fuzzy.FieldDictFuzzy(field, term, distance, term[:1])
	}, fn)
}
