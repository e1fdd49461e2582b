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
// segment repeats them.
const (
	subjectField   = "s"
	bodyField      = "b"
	authorField    = "a"
	committerField = "c"
	keyField       = "k" // canonical keys that the message names, whole
)

var messageFields = []string{subjectField, bodyField}

// terms turns commits into documents. It builds the term sets itself instead of
// going through Bleve's mapping and analysis: no frequencies, positions or
// stored values are kept, so a document is a set of words, and the words that
// commits share are allocated once. It is not safe for concurrent use; each
// worker has its own.
type terms struct {
	shared map[string]*bleveindex.TokenFreq
	tokens []query.Token
}

// maxSharedTerms bounds what terms remembers between documents; hex words make
// the vocabulary grow for ever.
const maxSharedTerms = 1 << 18

func newTerms() *terms {
	return &terms{shared: make(map[string]*bleveindex.TokenFreq, 1<<14)}
}

func (t *terms) document(p graph.Pos, c *history.Commit) *document.Document {
	if len(t.shared) > maxSharedTerms {
		clear(t.shared)
	}
	d := document.NewDocument(documentID(p))
	d.Fields = make([]document.Field, 0, 6) // one more for Bleve's own _id
	subject, body := c.Subject(), c.Body()
	d.AddField(t.words(subjectField, subject))
	if body != "" {
		d.AddField(t.words(bodyField, body))
	}
	d.AddField(t.words(authorField, c.Author.Name+" "+c.Author.Email))
	if c.Committer.Email != c.Author.Email || c.Committer.Name != c.Author.Name {
		d.AddField(t.words(committerField, c.Committer.Name+" "+c.Committer.Email))
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
	f := &termField{name: name, freqs: make(bleveindex.TokenFrequencies, len(t.tokens))}
	for _, tok := range t.tokens {
		tf := t.share(tok.Text)
		f.freqs[string(tf.Term)] = tf
	}
	return f
}

// keys is nil for a message that names no key but commits.
func (t *terms) keys(message string) *termField {
	var f *termField
	scan.Each(message, func(m scan.Match) bool {
		if m.Key.Kind == history.KeyURL {
			return true
		}
		if f == nil {
			f = &termField{name: keyField, freqs: make(bleveindex.TokenFrequencies, 2)}
		}
		tf := t.share(keyTerm(m.Key.Kind, m.Canonical()))
		f.freqs[string(tf.Term)] = tf
		return true
	})
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

func (t *terms) share(term string) *bleveindex.TokenFreq {
	if tf, ok := t.shared[term]; ok {
		return tf
	}
	term = strings.Clone(term)
	tf := &bleveindex.TokenFreq{Term: []byte(term)}
	tf.SetFrequency(1)
	t.shared[term] = tf
	return tf
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
