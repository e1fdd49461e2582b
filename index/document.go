package index

import (
	"encoding/binary"
	"strings"

	"github.com/blevesearch/bleve/v2/document"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/query"
	"github.com/cabhfuil/cabhfuil-lsp/index/termset"
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

// The places of the fields in a builder, which has them in order of their names.
const (
	body = iota
	keys
	subject
)

var fields = []string{body: bodyField, keys: keyField, subject: subjectField}

// documents turns commits into documents. It builds the term sets itself instead
// of going through Bleve's mapping and analysis: no frequencies, positions or
// stored values are kept, so a document is a set of words. It is not safe for
// concurrent use; each worker has its own.
type documents struct {
	*termset.Builder
	tokens []query.Token
}

func newDocuments() *documents { return &documents{Builder: termset.NewBuilder(fields...)} }

func (d *documents) commit(p graph.Pos, c *history.Commit) *document.Document {
	scan.Each(c.Message, func(m scan.Match) bool {
		if m.Key.Kind != history.KeyURL {
			d.Add(keys, d.Term(keyTerm(m.Key.Kind, m.Canonical())))
		}
		return true
	})
	d.words(subject, c.Subject())
	d.words(body, c.Body())
	return d.Document(documentID(p))
}

// documentID is a position as a document's id. Positions are numbers that rise
// one by one, which the id dictionary keeps in a fraction of the space that
// object names take; those are the graph's.
func documentID(p graph.Pos) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(p)))
}

// words adds the words of a text but those that the subject has, which is searched
// with the body, and names that the keys have.
func (d *documents) words(field int, text string) {
	d.tokens = query.Tokens(d.tokens[:0], text)
	for _, token := range d.tokens {
		if kind, ok := named(token.Text); ok && d.Has(keys, d.Term(keyTerm(kind, token.Text))) {
			continue
		}
		if t := d.Term(token.Text); !d.Has(subject, t) {
			d.Add(field, t)
		}
	}
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
