package index

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/intact"
	"github.com/cabhfuil/cabhfuil-lsp/index/termset"
)

// wordsSchema is the version of what a document holds. A directory with
// another one is built anew.
//
//	1: subject, body, author, committer and keys as term sets; ids and coverage by position
//	2: without author and committer, which the graph has
//	3: coverage has a sum of its commits; missing objects have empty documents
//	4: what stands in the subject, or among the keys in whole, is not in the body's words
//	5: the lengths of fields are not written behind each word
//	6: segments are made by termset
const wordsSchema = 6

// batchSize is how many commits go into one Bleve batch. Each batch becomes a
// segment, so small ones cost merging and large ones memory.
const batchSize = 2000

// words is the text index of one generation of a graph: a Bleve index in which
// a document is a commit, and the coverage, which says for which positions of
// the graph the documents are in. Coverage is written in the same atomic batch
// as the documents, so a kill loses neither against the other.
type words struct {
	generation int    // whose positions the coverage speaks of
	dir        string // "" for one in memory
	readOnly   bool   // it answers and does not grow
	idx        bleve.Index
	raw        bleveindex.Index
	docs       []*documents // one a worker

	covered atomic.Int64           // positions [0, covered) are in
	audited map[uint64][]graph.Pos // what was there at the opening, by segment id

	// open is read-locked by each reading, so that close waits for them.
	open   sync.RWMutex
	closed bool

	failing sync.Once
	failed  chan struct{} // closed when failure is set
	failure *failure
	onFail  func() // called once, unless the feeder sees the failure itself; it must not block
	feeding atomic.Bool
}

var schemaKey = []byte("schema")

// coverageKey is the key of the record of a batch that begins at start. The
// record is the end, and a sum of the batch's commits: a graph that gives their
// positions to others is not the one that the words were made for.
func coverageKey(start int) []byte {
	return binary.BigEndian.AppendUint32([]byte("covered/"), uint32(start))
}

func spanSum(g *graph.Graph, start, end int) []byte {
	sum := sha256.New()
	var b []byte
	for p := start; p < end; p++ {
		b = g.Hash(graph.Pos(p)).AppendBytes(b[:0])
		sum.Write(b) //nolint:errcheck // a hash never fails
	}
	return sum.Sum(nil)[:8]
}

// wordsOptions say how to open a text index.
type wordsOptions struct {
	dir        string // "" for one in memory
	generation int
	graph      *graph.Graph // in the generation's numbering
	readOnly   bool
	onFail     func()
}

// openWords opens the text index, or builds an empty one where there is none,
// or none that can be used: rebuilt tells why, or is nil.
func openWords(o wordsOptions) (w *words, rebuilt error, err error) {
	if o.dir == "" {
		w, err = createWords(o)
		return w, nil, err
	}
	w, err = tryOpenWords(o)
	if err == nil || o.readOnly {
		return w, nil, err
	}
	if !errors.Is(err, os.ErrNotExist) || errors.Is(err, intact.ErrDamaged) {
		rebuilt = err
	}
	if err := os.RemoveAll(o.dir); err != nil {
		return nil, rebuilt, fmt.Errorf("removing the unusable text index: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(o.dir), 0o700); err != nil {
		return nil, rebuilt, fmt.Errorf("creating the text index: %w", err)
	}
	w, err = createWords(o)
	return w, rebuilt, err
}

func createWords(o wordsOptions) (*words, error) {
	idx, err := bleve.NewUsing(o.dir, bleve.NewIndexMapping(), scorch.Name, scorch.Name, wordsConfig(o))
	if err != nil {
		return nil, fmt.Errorf("creating the text index: %w", err)
	}
	b := idx.NewBatch()
	b.SetInternal(schemaKey, []byte{wordsSchema})
	if err := idx.Batch(b); err != nil {
		return nil, errors.Join(fmt.Errorf("creating the text index: %w", err), idx.Close())
	}
	return newWords(idx, o)
}

func wordsConfig(o wordsOptions) map[string]any {
	registerFailures()
	termset.Register()
	// Without bolt_timeout a second opener waits for ever.
	c := map[string]any{"bolt_timeout": "1s", "asyncErrorCallbackName": failureCallback, "forceSegmentType": termset.Type, "forceSegmentVersion": termset.Version}
	if o.readOnly {
		c["read_only"] = true
	}
	return c
}

func tryOpenWords(o wordsOptions) (w *words, err error) {
	// What is damaged is found before Bleve sees it; this is for what is not.
	defer contain(nil, &err)
	if _, err := os.Stat(o.dir); err != nil {
		return nil, err
	}
	if err := intact.Check(o.dir); err != nil {
		return nil, fmt.Errorf("opening the text index: %w", err)
	}
	idx, err := bleve.OpenUsing(o.dir, wordsConfig(o))
	if err != nil {
		return nil, fmt.Errorf("opening the text index: %w", err)
	}
	schema, err := idx.GetInternal(schemaKey)
	if err != nil || len(schema) != 1 || schema[0] != wordsSchema {
		return nil, errors.Join(fmt.Errorf("the text index has schema %v, not %d", schema, wordsSchema), err, idx.Close())
	}
	w, err = newWords(idx, o)
	if err != nil {
		return nil, err
	}
	if err := w.audit(o.graph); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the text index: %w", err), w.close())
	}
	return w, nil
}

func newWords(idx bleve.Index, o wordsOptions) (*words, error) {
	raw, err := idx.Advanced()
	if err != nil {
		return nil, errors.Join(err, idx.Close())
	}
	w := &words{generation: o.generation, dir: o.dir, readOnly: o.readOnly, idx: idx, raw: raw, failed: make(chan struct{}), onFail: o.onFail}
	for range feeders {
		w.docs = append(w.docs, newDocuments())
	}
	if w.dir != "" {
		watchFailures(w)
	}
	if err := w.advance(); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// advance follows the coverage records from where it stands.
func (w *words) advance() error {
	at := w.covered.Load()
	for {
		end, _, err := w.coverage(at)
		if err != nil {
			return err
		}
		if end <= at {
			break
		}
		at = end
	}
	w.covered.Store(at)
	return nil
}

// coverage is the record that begins at a position; 0 where there is none.
func (w *words) coverage(start int64) (end int64, sum []byte, err error) {
	v, err := w.idx.GetInternal(coverageKey(int(start)))
	if err != nil {
		return 0, nil, fmt.Errorf("reading the text index's coverage: %w", err)
	}
	if len(v) < 4 {
		return 0, nil, nil
	}
	return int64(binary.BigEndian.Uint32(v)), v[4:], nil
}

// audit holds the coverage against the graph and the documents: what says that
// it is in must be in, once.
func (w *words) audit(g *graph.Graph) (err error) {
	for at := int64(0); at < w.covered.Load(); {
		end, sum, err := w.coverage(at)
		if err != nil {
			return err
		}
		if end > int64(g.Len()) || !bytes.Equal(sum, spanSum(g, int(at), int(end))) {
			return errors.New("it was made for another graph")
		}
		at = end
	}
	reader, err := w.raw.Reader()
	if err != nil {
		return fmt.Errorf("reading the text index: %w", err)
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	snap, ok := reader.(*scorch.IndexSnapshot)
	if !ok {
		return fmt.Errorf("reading the text index: unexpected reader %T", reader)
	}
	in := newSet(g.Len())
	w.audited = map[uint64][]graph.Pos{}
	for _, seg := range snap.Segments() {
		docs, whole, err := resolveDocuments(context.Background(), seg, nil, g)
		if err != nil {
			return err
		}
		if !whole {
			return errors.New("it has documents of other commits")
		}
		w.audited[seg.Id()] = docs
		for live := seg.DocNumbersLive().Iterator(); live.HasNext(); {
			p := docs[live.Next()]
			if in.has(p) {
				return errors.New("it has a document twice")
			}
			in.add(p)
		}
	}
	for p := range graph.Pos(w.covered.Load()) {
		if !in.has(p) {
			return errors.New("it lacks documents")
		}
	}
	return nil
}

// add indexes a span in one atomic batch. Positions whose object is missing
// have a document without words, since nothing will ever be found of them.
func (w *words) add(worker int, s span, turns *Turns) (err error) {
	defer contain(w, &err)
	b, docs := w.idx.NewBatch(), w.docs[worker]
	docs.Reset()
	for i, c := range s.commits {
		turns.pause()
		if c == nil {
			c = &history.Commit{}
		}
		if err := b.IndexAdvanced(docs.commit(graph.Pos(s.start+i), c)); err != nil {
			return fmt.Errorf("indexing commit %s: %w", c.Hash, err)
		}
	}
	b.SetInternal(coverageKey(s.start), append(binary.BigEndian.AppendUint32(nil, uint32(s.end)), s.sum...))
	if err := w.batch(b); err != nil {
		return fmt.Errorf("writing the text index: %w", err)
	}
	return nil
}

// batch applies a batch, unless Bleve's own goroutines failed meanwhile: those
// that it would wait for have ended. The goroutine here then never does.
func (w *words) batch(b *bleve.Batch) error {
	done := make(chan error, 1)
	go func() {
		var err error
		defer func() { done <- err }()
		defer contain(w, &err)
		err = w.idx.Batch(b)
	}()
	select {
	case err := <-done:
		return err
	case <-w.failed:
		return w.failure.err
	}
}

// close waits for readings to end.
func (w *words) close() error {
	w.rest()
	w.open.Lock()
	defer w.open.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	unwatchFailures(w)
	switch f := w.failedWith(); {
	case f == nil:
		return w.idx.Close()
	case f.stuck:
		// It may wait for ever for a goroutine that ended, so nobody waits for it.
		go func() { _ = contained(w.raw.Close) }() //nolint:errcheck // it has failed before
		return nil
	}
	return w.raw.Close() // a batch that waits for ever would keep idx's from beginning
}

// maxRest is how long a text index that closes may tidy up.
const maxRest = 500 * time.Millisecond

// rest waits until Bleve has removed the files that merges made superfluous, of which
// it tells nobody. What is closed before keeps them until it is opened for writing
// again, and takes up to twice the room. A merge that goes on longer is given up.
// Readings go on meanwhile.
func (w *words) rest() {
	if w.dir == "" || w.readOnly {
		return
	}
	for late := time.Now().Add(maxRest); time.Now().Before(late) && !w.tidy(); time.Sleep(5 * time.Millisecond) {
	}
}

// tidy says whether there is nothing to wait for: each file is a segment, or nobody
// will remove any.
func (w *words) tidy() bool {
	w.open.RLock()
	defer w.open.RUnlock()
	if w.closed || w.failedWith() != nil {
		return true
	}
	stats := w.raw.StatsMap()
	inMemory, ok1 := stats["num_root_memorysegments"].(uint64)
	inFiles, ok2 := stats["num_root_filesegments"].(uint64)
	files, err := filepath.Glob(filepath.Join(w.dir, "store", "*.zap"))
	return !ok1 || !ok2 || err != nil || inMemory == 0 && int(inFiles) == len(files) //nolint:gosec // they are few
}
