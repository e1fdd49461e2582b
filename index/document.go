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
// stored values are kept, so a document is a set of words. It is not safe for
// concurrent use; each worker has its own.
type terms struct {
	tokens []query.Token
}

// unsaid is how often each term of a document stands in it: with 0 Bleve writes
// neither that nor the field's length, which takes a sixth of the index.
var unsaid = &bleveindex.TokenFreq{}

func (t *terms) document(p graph.Pos, c *history.Commit) *document.Document {
	d := document.NewDocument(documentID(p))
	d.Fields = make([]document.Field, 0, 4) // one more for Bleve's own _id
	keys := keysOf(c.Message)
	subject := t.words(c.Subject(), keys, nil)
	add := func(field string, terms bleveindex.TokenFrequencies) {
		if len(terms) > 0 {
			d.AddField(&termField{field, terms})
		}
	}
	add(subjectField, subject)
	add(bodyField, t.words(c.Body(), keys, subject))
	add(keyField, keys)
	return d
}

// documentID is a position as a document's id. Positions are numbers that rise
// one by one, which the id dictionary keeps in a fraction of the space that
// object names take; those are the graph's.
func documentID(p graph.Pos) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(p)))
}

// words are the words of a text but those that the subject has, which is searched
// with the body, and names that the keys have.
func (t *terms) words(text string, keys, subject bleveindex.TokenFrequencies) bleveindex.TokenFrequencies {
	t.tokens = query.Tokens(t.tokens[:0], text)
	words := make(bleveindex.TokenFrequencies, len(t.tokens)*2/3) // most stand there once
	for _, token := range t.tokens {
		if _, said := subject[token.Text]; said {
			continue
		}
		if kind, ok := named(token.Text); ok {
			if _, said := keys[keyTerm(kind, token.Text)]; said {
				continue
			}
		}
		words[token.Text] = unsaid
	}
	return words
}

// keysOf is nil for a message that names no key.
func keysOf(message string) (keys bleveindex.TokenFrequencies) {
	scan.Each(message, func(m scan.Match) bool {
		if m.Key.Kind != history.KeyURL {
			if keys == nil {
				keys = make(bleveindex.TokenFrequencies, 4)
			}
			keys[keyTerm(m.Key.Kind, m.Canonical())] = unsaid
		}
		return true
	})
	return keys
}

// named says of which kind of key a word is the whole name: of a commit, or a
// Change-Id. Such words are in few messages each, which makes them dear, so what
// is among a message's keys is not among its words.
func named(word string) (history.KeyKind, bool) {
	kind := history.KeyCommit
	if len(word) == 41 && word[0] == 'i' {
		kind, word = history.KeyChangeID, word[1:]
	}
	return kind, (len(word) == 40 || len(word) == 64) && isHex(word)
}

// isHex says whether all of a text in lower case is hexadecimal digits.
func isHex(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }

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
	terms bleveindex.TokenFrequencies
}

var _ document.Field = (*termField)(nil)

func (f *termField) Name() string             { return f.name }
func (f *termField) Value() []byte            { return nil }
func (f *termField) ArrayPositions() []uint64 { return nil }
func (f *termField) EncodedFieldType() byte   { return 't' }
func (f *termField) Analyze()                 {}
func (f *termField) AnalyzedLength() int      { return len(f.terms) }
func (f *termField) NumPlainTextBytes() uint64 {
	return 0
}
func (f *termField) AnalyzedTokenFrequencies() bleveindex.TokenFrequencies { return f.terms }
func (f *termField) Options() bleveindex.FieldIndexingOptions {
	return bleveindex.IndexField | bleveindex.SkipFreqNorm
}

// Size is an estimate: Bleve sums it up for its statistics alone, and a walk
// over all terms would cost as much as making them.
func (f *termField) Size() int {
	return int(unsafe.Sizeof(*f)) + 40*len(f.terms)
}
