package termset

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	bleveindex "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	"github.com/blevesearch/vellum"
	zap "github.com/blevesearch/zapx/v17"
)

// What zap writes of a term in a document: twice how often it stands there,
// with the lowest bit for places, and the length of the field. Of a field
// without frequencies it is only the first, as 0.
var (
	once   = []byte{1 << 1, 1} // an id in a field that it is all of
	unsaid = []byte{0}
)

// segment writes the documents in zap's format.
// https://github.com/blevesearch/zapx/blob/master/zap.md
func (b *Builder) segment(config map[string]any) (segment.Segment, uint64, error) {
	w, err := newWriter(len(b.docs))
	if err != nil {
		return nil, 0, err
	}
	stored := w.stored(b.docs)

	w.begin("_id", bleveindex.IndexField|bleveindex.StoreField)
	for i, id := range b.docs {
		if err := w.term(id, []uint32{uint32(i)}, once); err != nil { //nolint:gosec // a batch is some thousands
			return nil, 0, err
		}
	}
	if err := w.end(); err != nil {
		return nil, 0, err
	}
	sorted, counts := b.sorted()
	postings := postings{at: make([]int, len(b.texts))}
	for i := range b.fields {
		f := &b.fields[i]
		if len(f.terms) == 0 { // zap knows no field that no document has
			continue
		}
		postings.fill(f, sorted, counts[i])
		w.begin(f.name, options)
		for _, t := range sorted {
			if docs := postings.of(t, counts[i]); len(docs) > 0 {
				if err := w.term(b.texts[t], docs, unsaid); err != nil {
					return nil, 0, err
				}
			}
		}
		if err := w.end(); err != nil {
			return nil, 0, err
		}
	}
	sections := w.sections()

	stats, ok := config[segment.StatsKey].(*segment.Stats)
	if !ok || stats == nil {
		stats = new(segment.Stats)
	}
	mem := w.buf.Bytes()
	s, err := zap.InitSegmentBase(mem, crc32.ChecksumIEEE(mem), zap.DefaultChunkMode, w.docs, stored, sections, config, stats)
	if err != nil {
		return nil, 0, fmt.Errorf("making a segment: %w", err)
	}
	return s, uint64(len(mem)), nil
}

// sorted are the terms that the documents have, in order of their bytes, and for
// each field how many documents have each term.
func (b *Builder) sorted() (sorted []Term, counts [][]uint32) {
	type keyed struct {
		head uint64 // of the text: mostly that decides
		term Term
	}
	var used []keyed
	seen := make([]bool, len(b.texts))
	counts = make([][]uint32, len(b.fields))
	for i := range b.fields {
		counts[i] = make([]uint32, len(b.texts))
		for _, t := range b.fields[i].terms {
			counts[i][t]++
			if !seen[t] {
				seen[t] = true
				var head [8]byte
				copy(head[:], b.texts[t])
				used = append(used, keyed{binary.BigEndian.Uint64(head[:]), t})
			}
		}
	}
	slices.SortFunc(used, func(x, y keyed) int {
		if c := cmp.Compare(x.head, y.head); c != 0 {
			return c
		}
		return cmp.Compare(b.texts[x.term], b.texts[y.term])
	})
	sorted = make([]Term, len(used))
	for i, k := range used {
		sorted[i] = k.term
	}
	return sorted, counts
}

// postings are the documents of each term of one field, side by side.
type postings struct {
	docs []uint32
	at   []int // by term: the end of its documents
}

// fill sorts the documents of a field by term, by counting.
func (p *postings) fill(f *field, sorted []Term, counts []uint32) {
	p.docs = slices.Grow(p.docs[:0], len(f.terms))[:len(f.terms)]
	next := 0
	for _, t := range sorted {
		p.at[t] = next
		next += int(counts[t])
	}
	from := 0
	for doc, end := range f.ends {
		for _, t := range f.terms[from:end] {
			p.docs[p.at[t]] = uint32(doc) //nolint:gosec // a batch is some thousands
			p.at[t]++
		}
		from = end
	}
}

func (p *postings) of(t Term, counts []uint32) []uint32 {
	return p.docs[p.at[t]-int(counts[t]) : p.at[t]]
}

// writer writes a segment in memory.
type writer struct {
	buf    bytes.Buffer
	docs   uint64
	bitmap *roaring.Bitmap

	fst     bytes.Buffer // of the field that is being written
	builder *vellum.Builder
	fields  []section
}

// fstOptions are zap's own.
var fstOptions = &vellum.BuilderOpts{Encoder: 1, RegistryTableSize: 0, RegistryMRUSize: 1}

func newWriter(docs int) (*writer, error) {
	w := &writer{docs: uint64(docs), bitmap: roaring.New()} //nolint:gosec // not negative
	var err error
	if w.builder, err = vellum.New(&w.fst, fstOptions); err != nil {
		return nil, fmt.Errorf("making a segment: %w", err)
	}
	return w, nil
}

// section says where a field's terms are.
type section struct {
	name    string
	options bleveindex.FieldIndexingOptions
	at      uint64
}

func (w *writer) at() uint64 { return uint64(w.buf.Len()) } //nolint:gosec // not negative

func (w *writer) uvarint(v uint64) { w.buf.Write(binary.AppendUvarint(w.buf.AvailableBuffer(), v)) }

func (w *writer) uint64(v uint64) {
	w.buf.Write(binary.BigEndian.AppendUint64(w.buf.AvailableBuffer(), v))
}

// stored writes what can be read back of each document, which is its id, and
// returns where that can be found.
func (w *writer) stored(ids []string) uint64 {
	offsets := make([]uint64, len(ids))
	for i, id := range ids {
		offsets[i] = w.at()
		size := binary.AppendUvarint(nil, uint64(len(id)))
		w.uvarint(uint64(len(size)))
		w.uvarint(uint64(len(id)) + 1)
		w.buf.Write(size)
		w.buf.WriteString(id)
		w.buf.WriteByte(0) // the other fields: nothing, as snappy writes that
	}
	at := w.at()
	for _, o := range offsets {
		w.uint64(o)
	}
	w.uvarint(0) // documents within documents
	return at
}

// begin begins a field.
func (w *writer) begin(name string, options bleveindex.FieldIndexingOptions) {
	w.fields = append(w.fields, section{name: name, options: options})
}

// term writes a term of the field, in order, with its documents, and of each what
// zap calls its frequency and norm.
func (w *writer) term(text string, docs []uint32, frequency []byte) error {
	frequencies := w.at()
	w.frequencies(docs, frequency)
	at := w.at()
	w.uvarint(frequencies)
	w.uvarint(0) // places
	w.bitmap.Clear()
	w.bitmap.AddMany(docs)
	w.uvarint(w.bitmap.GetSerializedSizeInBytes())
	if _, err := w.bitmap.WriteTo(&w.buf); err != nil {
		return fmt.Errorf("making a segment: %w", err)
	}
	if err := w.builder.Insert([]byte(text), at); err != nil {
		return fmt.Errorf("making a segment: term %q: %w", text, err)
	}
	return nil
}

// frequencies writes the same bytes for each document, in chunks of about 1,024.
func (w *writer) frequencies(docs []uint32, frequency []byte) {
	size := w.docs / (uint64(len(docs))/1024 + 1)
	chunks := (w.docs-1)/size + 1
	w.uvarint(chunks)
	end := 0
	for chunk := range chunks {
		for end < len(docs) && uint64(docs[end])/size == chunk {
			end++
		}
		w.uvarint(uint64(end * len(frequency)))
	}
	for range docs {
		w.buf.Write(frequency)
	}
}

// end ends a field.
func (w *writer) end() error {
	if err := w.builder.Close(); err != nil {
		return fmt.Errorf("making a segment: %w", err)
	}
	dictionary := w.at()
	w.uvarint(uint64(w.fst.Len()))
	w.buf.Write(w.fst.Bytes())
	w.fst.Reset()
	if err := w.builder.Reset(&w.fst); err != nil {
		return fmt.Errorf("making a segment: %w", err)
	}
	w.fields[len(w.fields)-1].at = w.at()
	w.uvarint(math.MaxUint64) // where values begin, if there were some
	w.uvarint(math.MaxUint64) // and end
	w.uvarint(dictionary)
	return nil
}

// sections writes where the fields are, and returns where that can be found.
func (w *writer) sections() uint64 {
	offsets := make([]uint64, len(w.fields))
	for i, f := range w.fields {
		offsets[i] = w.at()
		w.uvarint(uint64(len(f.name)))
		w.buf.WriteString(f.name)
		w.uvarint(uint64(f.options)) //nolint:gosec // flags
		w.uvarint(1)                 // kinds of index that the field has
		w.buf.Write(binary.BigEndian.AppendUint16(w.buf.AvailableBuffer(), zap.SectionInvertedTextIndex))
		w.uint64(f.at)
	}
	at := w.at()
	w.uvarint(uint64(len(w.fields)))
	for _, o := range offsets {
		w.uint64(o)
	}
	return at
}
