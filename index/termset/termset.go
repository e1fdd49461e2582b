// Package termset builds Bleve's segments from documents that are sets of terms
// and nothing else.
//
// Bleve's own builder takes a map of terms for each field of each document,
// walks it twice and looks each term up twice, since a field may hold
// frequencies, places, values. What a set needs is much less: a number for each
// term, and a counting sort. The bytes are those that Bleve would have written
// of the same documents, in the order in which they were added; a test holds
// them against each other. Bleve reads, searches and merges the segments
// itself: only their making is here, behind the interface that it has for that.
package termset

import (
	"errors"
	"strings"
	"sync"

	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	zap "github.com/blevesearch/zapx/v17"
)

// Type is the name of the segments' builder, for Bleve's configuration key
// forceSegmentType; Version goes with it.
const (
	Type    = "termset"
	Version = int(zap.Version)
)

// Register makes the type known to Bleve, which has one list of them a process. It
// has to be called before an index of the type is made or opened.
var Register = sync.OnceFunc(func() { scorch.RegisterSegmentPlugin(&plugin{}, false) })

// options are those of each field but _id: no frequencies, no stored values.
const options = bleveindex.IndexField | bleveindex.SkipFreqNorm

// plugin is zap's but for the making of segments from documents.
type plugin struct{ zap.ZapPlugin }

var _ scorch.SegmentPlugin = (*plugin)(nil)

func (*plugin) Type() string { return Type }

func (p *plugin) New(docs []bleveindex.Document) (segment.Segment, uint64, error) {
	return p.NewUsing(docs, nil)
}

// NewUsing makes a segment of all documents of a Builder. Bleve hands them over
// in any order.
func (p *plugin) NewUsing(docs []bleveindex.Document, config map[string]any) (segment.Segment, uint64, error) {
	var b *Builder
	for _, d := range docs {
		d.VisitFields(func(f bleveindex.Field) {
			if s, ok := f.(*set); ok {
				b = s.builder
			}
		})
		if b != nil {
			break
		}
	}
	if b == nil || len(b.docs) != len(docs) {
		return nil, 0, errors.New("a batch of the text index is not what one builder made")
	}
	return b.segment(config)
}

// maxTerms is how many different terms a Builder remembers from batch to batch.
const maxTerms = 1 << 18

// Builder makes the documents of one batch after another. It is not safe for
// concurrent use. Its documents have to be indexed, all in one batch of an index
// with this package's Type, before it is reset.
type Builder struct {
	fields []field
	ids    map[string]Term
	texts  []string
	docs   []string // their ids
	stamp  uint32   // of the document that is being made; it never repeats
}

// field is what a field has of the documents: for each the terms up to an end.
type field struct {
	name   string
	terms  []Term
	ends   []int
	stamps []uint32 // by term: the document that has it last
}

// Term is a term's number within a Builder, until it is reset.
type Term uint32

// NewBuilder makes documents with fields of these names, which have to be in
// order. Fields are named by their place among them.
func NewBuilder(fields ...string) *Builder {
	b := &Builder{ids: map[string]Term{}}
	for _, name := range fields {
		b.fields = append(b.fields, field{name: name})
	}
	return b
}

// Reset begins a new batch.
func (b *Builder) Reset() {
	if len(b.texts) > maxTerms {
		b.ids, b.texts = map[string]Term{}, nil
		for i := range b.fields {
			b.fields[i].stamps = nil
		}
	}
	b.docs = b.docs[:0]
	for i := range b.fields {
		f := &b.fields[i]
		f.terms, f.ends = f.terms[:0], f.ends[:0]
	}
}

// Document ends what was added for one document, and is that. Ids have to rise
// within a batch.
func (b *Builder) Document(id string) *document.Document {
	b.docs = append(b.docs, id)
	b.stamp++
	for i := range b.fields {
		f := &b.fields[i]
		f.ends = append(f.ends, len(f.terms))
	}
	d := document.NewDocument(id)
	d.Fields = make([]document.Field, 0, 2) // one more for Bleve's own _id
	d.AddField(&set{builder: b})
	return d
}

// Term is the number of a text.
func (b *Builder) Term(text string) Term {
	t, ok := b.ids[text]
	if !ok {
		t = Term(len(b.texts))
		text = strings.Clone(text) // the text may be a part of a large one
		b.ids[text] = t
		b.texts = append(b.texts, text)
	}
	return t
}

// Has says whether a field of the document that is being made has a term.
func (b *Builder) Has(field int, t Term) bool {
	stamps := b.fields[field].stamps
	return int(t) < len(stamps) && stamps[t] == b.stamp+1
}

// Add puts a term into a field of the document that is being made, once.
func (b *Builder) Add(field int, t Term) {
	f := &b.fields[field]
	for int(t) >= len(f.stamps) {
		f.stamps = append(f.stamps, make([]uint32, len(b.texts)-len(f.stamps))...)
	}
	if f.stamps[t] != b.stamp+1 {
		f.stamps[t] = b.stamp + 1
		f.terms = append(f.terms, t)
	}
}

// set stands for all fields of a document: Bleve carries it to the plugin.
type set struct{ builder *Builder }

var _ document.Field = (*set)(nil)

func (*set) Name() string                                          { return Type }
func (*set) Value() []byte                                         { return nil }
func (*set) ArrayPositions() []uint64                              { return nil }
func (*set) EncodedFieldType() byte                                { return 't' }
func (*set) Analyze()                                              {}
func (*set) AnalyzedLength() int                                   { return 0 }
func (*set) NumPlainTextBytes() uint64                             { return 0 }
func (*set) AnalyzedTokenFrequencies() bleveindex.TokenFrequencies { return nil }
func (*set) Options() bleveindex.FieldIndexingOptions              { return options }
func (*set) Size() int                                             { return 0 }
