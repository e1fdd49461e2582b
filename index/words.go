package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// wordsSchema is the version of what a document holds. A directory with
// another one is built anew.
//
//	1: subject, body, author, committer and keys as term sets; ids and coverage by position
//	2: without author and committer, which the graph has
const wordsSchema = 2

// batchSize is how many commits go into one Bleve batch. Each batch becomes a
// segment, so small ones cost merging and large ones memory.
const batchSize = 2000

// words is the text index of one generation of a graph: a Bleve index in which
// a document is a commit, and the coverage, which says for which positions of
// the graph the documents are in. Coverage is written in the same atomic batch
// as the documents, so a kill loses neither against the other.
type words struct {
	generation int // whose positions the coverage speaks of
	idx        bleve.Index
	raw        bleveindex.Index
	terms      []*terms // one a worker

	covered atomic.Int64 // positions [0, covered) are in

	// open is read-locked by each reading, so that close waits for them.
	open   sync.RWMutex
	closed bool
}

var schemaKey = []byte("schema")

func coverageKey(start int) []byte {
	return binary.BigEndian.AppendUint32([]byte("covered/"), uint32(start))
}

// openWords opens the text index in dir, or builds an empty one where there is
// none, or none that can be used: rebuilt tells why, or is nil.
func openWords(dir string, generation int) (w *words, rebuilt error, err error) {
	w, err = tryOpenWords(dir, generation)
	if err == nil {
		return w, nil, nil
	}
	if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, bleve.ErrorIndexPathDoesNotExist) {
		rebuilt = err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, rebuilt, fmt.Errorf("removing the unusable text index: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, rebuilt, fmt.Errorf("creating the text index: %w", err)
	}
	idx, err := bleve.NewUsing(dir, bleve.NewIndexMapping(), scorch.Name, scorch.Name, wordsConfig())
	if err != nil {
		return nil, rebuilt, fmt.Errorf("creating the text index: %w", err)
	}
	b := idx.NewBatch()
	b.SetInternal(schemaKey, []byte{wordsSchema})
	if err := idx.Batch(b); err != nil {
		return nil, rebuilt, errors.Join(fmt.Errorf("creating the text index: %w", err), idx.Close())
	}
	w, err = newWords(idx, generation)
	return w, rebuilt, err
}

func wordsConfig() map[string]any {
	// Without bolt_timeout a second opener waits for ever.
	return map[string]any{"bolt_timeout": "1s"}
}

func tryOpenWords(dir string, generation int) (w *words, err error) {
	// A damaged segment makes Bleve panic in places.
	defer func() {
		if p := recover(); p != nil {
			w, err = nil, fmt.Errorf("opening the text index: %v", p)
		}
	}()
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	idx, err := bleve.OpenUsing(dir, wordsConfig())
	if err != nil {
		return nil, fmt.Errorf("opening the text index: %w", err)
	}
	schema, err := idx.GetInternal(schemaKey)
	if err != nil || len(schema) != 1 || schema[0] != wordsSchema {
		return nil, errors.Join(fmt.Errorf("the text index has schema %v, not %d", schema, wordsSchema), err, idx.Close())
	}
	return newWords(idx, generation)
}

func newWords(idx bleve.Index, generation int) (*words, error) {
	raw, err := idx.Advanced()
	if err != nil {
		return nil, errors.Join(err, idx.Close())
	}
	w := &words{generation: generation, idx: idx, raw: raw}
	for range feeders {
		w.terms = append(w.terms, newTerms())
	}
	return w, w.advance()
}

// advance follows the coverage records from where it stands.
func (w *words) advance() error {
	at := w.covered.Load()
	for {
		v, err := w.idx.GetInternal(coverageKey(int(at)))
		if err != nil {
			return fmt.Errorf("reading the text index's coverage: %w", err)
		}
		if len(v) != 4 || int64(binary.BigEndian.Uint32(v)) <= at {
			break
		}
		at = int64(binary.BigEndian.Uint32(v))
	}
	w.covered.Store(at)
	return nil
}

// add indexes a span in one atomic batch. Positions whose object is missing
// count as covered, since nothing will ever be found of them.
func (w *words) add(worker int, s span) error {
	b := w.idx.NewBatch()
	for i, c := range s.commits {
		if c == nil {
			continue
		}
		if err := b.IndexAdvanced(w.terms[worker].document(graph.Pos(s.start+i), c)); err != nil {
			return fmt.Errorf("indexing commit %s: %w", c.Hash, err)
		}
	}
	b.SetInternal(coverageKey(s.start), binary.BigEndian.AppendUint32(nil, uint32(s.end)))
	if err := w.idx.Batch(b); err != nil {
		return fmt.Errorf("writing the text index: %w", err)
	}
	return nil
}

// close waits for readings to end.
func (w *words) close() error {
	w.open.Lock()
	defer w.open.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	return w.idx.Close()
}
