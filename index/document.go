package index

import (
	"encoding/binary"
	"strings"
	"unsafe"

	"github.com/blevesearch/bleve/v2/document"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/query"
	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
)

// The fields of a commit's document. Subject and body are apart, since a hit in
// the subject ranks above one in the body; names are short because every
// segment repeats them. Authors and committers are in the graph: a few thousand
// names are searched faster than a field of them, and a mailmap can change.
const (
	subjectField = "s"
	bodyField    = "b"
	keyField     = "k" // canonical keys that the message names, whole
)

var messageFields = []string{subjectField, bodyField}

// terms turns commits into documents. It builds the term sets itself instead of
// going through Bleve's mapping and analysis: no frequencies, positions or
// stored values are kept, so a document is a set of words, and the words that
// commits share are allocated once. It is not safe for concurrent use; each
// worker has its own.
type terms struct {
	shared map[string]*sharedTerm
	tokens []query.Token
	unique []*bleveindex.TokenFreq // of the field that is being made
	field  uint64                  // its number
}

// sharedTerm is a term as all documents share it.
type sharedTerm struct {
	freq *bleveindex.TokenFreq
	last uint64 // the last field that it was added to
}

// maxSharedTerms bounds what terms remembers between documents; hex words make
// the vocabulary grow for ever.
const maxSharedTerms = 1 << 18

func newTerms() *terms {
	return &terms{shared: make(map[string]*sharedTerm, 1<<14)}
}

func (t *terms) document(p graph.Pos, c *history.Commit) *document.Document {
	if len(t.shared) > maxSharedTerms {
		clear(t.shared)
	}
	d := document.NewDocument(documentID(p))
	d.Fields = make([]document.Field, 0, 4) // one more for Bleve's own _id
	subject, body := c.Subject(), c.Body()
	d.AddField(t.words(subjectField, subject))
	if body != "" {
		d.AddField(t.words(bodyField, body))
	}
	if f := t.keys(c.Message); f != nil {
		d.AddField(f)
	}
	return d
}

// documentID is a position as a document's id. Positions are numbers that rise
// one by one, which the id dictionary keeps in a fraction of the space that
// object names take; those are the graph's.
func documentID(p graph.Pos) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(p)))
}

func (t *terms) words(name, text string) *termField {
	t.tokens = query.Tokens(t.tokens[:0], text)
	t.begin()
	for _, tok := range t.tokens {
		t.add(tok.Text)
	}
	return t.end(name)
}

// keys is nil for a message that names no key but commits.
func (t *terms) keys(message string) *termField {
	t.begin()
	scan.Each(message, func(m scan.Match) bool {
		if m.Key.Kind != history.KeyURL {
			t.add(keyTerm(m.Key.Kind, m.Canonical()))
		}
		return true
	})
	if len(t.unique) == 0 {
		return nil
	}
	return t.end(keyField)
}

func (t *terms) begin() {
	t.field++
	t.unique = t.unique[:0]
}

func (t *terms) add(term string) {
	s, ok := t.shared[term]
	if !ok {
		term = strings.Clone(term)
		s = &sharedTerm{freq: &bleveindex.TokenFreq{Term: []byte(term)}}
		s.freq.SetFrequency(1)
		t.shared[term] = s
	}
	if s.last != t.field {
		s.last = t.field
		t.unique = append(t.unique, s.freq)
	}
}

func (t *terms) end(name string) *termField {
	f := &termField{name: name, freqs: make(bleveindex.TokenFrequencies, len(t.unique))}
	for _, tf := range t.unique {
		f.freqs[unsafe.String(unsafe.SliceData(tf.Term), len(tf.Term))] = tf // terms never change
	}
	return f
}

// keyTerm is the term that stands for a key. Abbreviated commits are cut to
// seven digits, so that any spelling of the same commit can be found; who asks
// checks the rest against the graph.
func keyTerm(kind history.KeyKind, canonical string) string {
	if kind == history.KeyCommit && len(canonical) > 7 {
		canonical = canonical[:7]
	}
	return string(kind) + ":" + strings.ToLower(canonical)
}

// termField is a field that is a set of words and nothing else.
type termField struct {
	name  string
	freqs bleveindex.TokenFrequencies
}

var _ document.Field = (*termField)(nil)

func (f *termField) Name() string             { return f.name }
func (f *termField) Value() []byte            { return nil }
func (f *termField) ArrayPositions() []uint64 { return nil }
func (f *termField) EncodedFieldType() byte   { return 't' }
func (f *termField) Analyze()                 {}
func (f *termField) AnalyzedLength() int      { return len(f.freqs) }
func (f *termField) NumPlainTextBytes() uint64 {
	return 0
}
func (f *termField) AnalyzedTokenFrequencies() bleveindex.TokenFrequencies { return f.freqs }
func (f *termField) Options() bleveindex.FieldIndexingOptions {
	return bleveindex.IndexField | bleveindex.SkipFreqNorm
}

// Size is an estimate: Bleve sums it up for its statistics alone, and a walk
// over all terms would cost as much as making them.
func (f *termField) Size() int {
	return int(unsafe.Sizeof(*f)) + 40*len(f.freqs)
}
