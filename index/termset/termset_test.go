package termset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/blevesearch/bleve/v2/document"
	bleveindex "github.com/blevesearch/bleve_index_api"
	zap "github.com/blevesearch/zapx/v17"
)

// sets is a document as a test says it: its terms, by field.
type sets map[string][]string

var fieldNames = []string{"body", "keys", "subject"}

// mapped is a field as Bleve's own builder takes it.
type mapped struct {
	set
	name  string
	terms bleveindex.TokenFrequencies
}

func (m *mapped) Name() string                                          { return m.name }
func (m *mapped) AnalyzedTokenFrequencies() bleveindex.TokenFrequencies { return m.terms }

func id(i int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(i))) }

func mappedDocuments(docs []sets) []bleveindex.Document {
	var all []bleveindex.Document
	for i, d := range docs {
		doc := document.NewDocument(id(i))
		for _, name := range slices.Sorted(maps.Keys(d)) {
			terms := bleveindex.TokenFrequencies{}
			for _, term := range d[name] {
				terms[term] = &bleveindex.TokenFreq{}
			}
			doc.AddField(&mapped{name: name, terms: terms})
		}
		all = append(all, ready(doc))
	}
	return all
}

// ready does what an index does with a document before it makes a segment.
func ready(doc *document.Document) *document.Document {
	doc.AddIDField()
	doc.VisitFields(func(f bleveindex.Field) { f.Analyze() })
	return doc
}

func built(b *Builder, docs []sets) []bleveindex.Document {
	b.Reset()
	var all []bleveindex.Document
	for i, d := range docs {
		for field, name := range fieldNames {
			for _, term := range d[name] {
				b.Add(field, b.Term(term))
			}
		}
		all = append(all, ready(b.Document(id(i))))
	}
	// Bleve keeps a batch in a map.
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// contents are a segment's bytes up to the list of its fields, in which zap
// writes the kinds of index in any order, and the fields.
func contents(t *testing.T, s any) ([]byte, []string) {
	t.Helper()
	var b bytes.Buffer
	if _, err := s.(io.WriterTo).WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	// The footer ends: sections, chunk mode, version, sum.
	all := b.Bytes()
	sections := binary.BigEndian.Uint64(all[len(all)-20:])
	_, n := binary.Uvarint(all[sections:])
	first := binary.BigEndian.Uint64(all[sections+uint64(n):])
	return all[:first], s.(*zap.SegmentBase).Fields()
}

// holdAgainstZap makes a segment of the documents both ways.
func holdAgainstZap(t *testing.T, b *Builder, docs []sets) {
	t.Helper()
	want, _, err := new(zap.ZapPlugin).New(mappedDocuments(docs))
	if err != nil {
		t.Fatal(err)
	}
	got, size, err := new(plugin).New(built(b, docs))
	if err != nil {
		t.Fatal(err)
	}
	wantBytes, wantFields := contents(t, want)
	gotBytes, gotFields := contents(t, got)
	if !bytes.Equal(wantBytes, gotBytes) {
		at := 0
		for at < min(len(wantBytes), len(gotBytes)) && wantBytes[at] == gotBytes[at] {
			at++
		}
		t.Errorf("%d documents: %d bytes, zap writes %d; they differ from byte %d", len(docs), len(gotBytes), len(wantBytes), at)
	}
	if !slices.Equal(wantFields, gotFields) {
		t.Errorf("fields %q, zap writes %q", gotFields, wantFields)
	}
	if got.Count() != uint64(len(docs)) || size < uint64(len(gotBytes)) {
		t.Errorf("%d documents in %d bytes, want %d in more than %d", got.Count(), size, len(docs), len(gotBytes))
	}
	if err := got.Close(); err != nil {
		t.Error(err)
	}
}

// random makes documents as commits are: some words in most, most words in few.
func random(r *rand.Rand, n, words int) []sets {
	docs := make([]sets, n)
	for i := range docs {
		docs[i] = sets{}
		if r.IntN(40) == 0 {
			continue // its object is missing
		}
		for _, name := range fieldNames {
			for range r.IntN(words) {
				term := fmt.Sprint(name[:1], int(r.ExpFloat64()*float64(words*words)))
				if r.IntN(4) == 0 {
					term = fmt.Sprintf("word%x", r.IntN(3)) // common to the fields, and frequent
				}
				docs[i][name] = append(docs[i][name], term)
			}
			if len(docs[i][name]) == 0 {
				delete(docs[i], name)
			}
		}
	}
	return docs
}

// TestSegmentIsWhatBleveWrites holds segments against those of Bleve's builder.
func TestSegmentIsWhatBleveWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	b := NewBuilder(fieldNames...) // one for all batches, as a worker has
	for _, docs := range [][]sets{
		{{}}, {{}, {}},
		{{"body": {"a"}}},
		{{"body": {"b", "a", "b", ""}, "keys": {"k"}, "subject": {"a"}}},
		{{"subject": {"only"}}, {}},
		{{}, {"keys": {"ключ", "schlüssel", "\xff\x00"}}, {}, {"keys": {"ключ"}}},
		{{"body": {"12345678", "123456789", "1234567", "12345678\x00", "123456780"}}},
	} {
		holdAgainstZap(t, b, docs)
	}
	for _, n := range []int{1, 2, 3, 17, 200, 1023, 1024, 1025, 2000, 5000} {
		holdAgainstZap(t, b, random(r, n, 1+r.IntN(30)))
	}
	holdAgainstZap(t, b, random(r, 70_000, 3)) // more than one container of a bitmap
}

// TestBuilderForgets: what is remembered from batch to batch has a bound, and
// nothing of a batch is left in the next.
func TestBuilderForgets(t *testing.T) {
	b := NewBuilder(fieldNames...)
	for i := range maxTerms + 1 {
		b.Add(0, b.Term(fmt.Sprint("term", i)))
	}
	b.Document(id(0))
	holdAgainstZap(t, b, []sets{{"body": {"term1", "term0"}, "subject": {"term1"}}, {"body": {"term1"}}})
	if len(b.texts) != 2 {
		t.Errorf("%d terms are remembered, want 2", len(b.texts))
	}
}

func TestHas(t *testing.T) {
	b := NewBuilder(fieldNames...)
	one, two := b.Term("one"), b.Term("two")
	b.Add(0, one)
	if !b.Has(0, one) || b.Has(0, two) || b.Has(1, one) || b.Has(0, b.Term("three")) {
		t.Error("a document has what was not added, or has not what was")
	}
	b.Document(id(0))
	if b.Has(0, one) {
		t.Error("a document has what was added to the one before")
	}
}

// TestStrangers: a batch of other documents, or of a part, is refused.
func TestStrangers(t *testing.T) {
	docs := random(rand.New(rand.NewPCG(3, 4)), 5, 9)
	if _, _, err := new(plugin).New(mappedDocuments(docs)); err == nil {
		t.Error("a segment was made of documents that no builder made")
	}
	if _, _, err := new(plugin).New(built(NewBuilder(fieldNames...), docs)[1:]); err == nil {
		t.Error("a segment was made of a part of what the builder has")
	}
}

func BenchmarkSegment(b *testing.B) {
	docs := random(rand.New(rand.NewPCG(5, 6)), 2000, 30)
	b.Run("termset", func(b *testing.B) {
		builder := NewBuilder(fieldNames...)
		for b.Loop() {
			if _, _, err := new(plugin).New(built(builder, docs)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("zap", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := new(zap.ZapPlugin).New(mappedDocuments(docs)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
