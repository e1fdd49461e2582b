package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// store is the directory of one repository's index:
//
//	lock            held by the one process that writes
//	manifest.json   which generation is in use
//	g<N>/graph      the commit graph with the ref tips, checksummed by itself
//	g<N>/lineage    what messages say of other commits, as far as it was read
//	g<N>/text/      the Bleve shard, with its coverage
//	g<N>/paths/     the segments of the path index
//
// A generation gives positions to commits, and the graph, the text index and the
// path index all speak in positions; what changes positions (a rebuild, a shallow clone
// that was deepened) starts a new generation aside, and the manifest, replaced
// by a rename, swaps it in whole. The graph is always on disk before the words
// of its commits, so a kill can leave the text behind the graph, never ahead; the
// same holds of paths.
type store struct {
	dir  string
	lock *flock.Flock
	held atomic.Bool
}

// manifestFormat is the version of the layout above.
const manifestFormat = 1

type manifest struct {
	Format     int            `json:"format"`
	Generation int            `json:"generation"`
	Repository string         `json:"repository"` // where the repository is, for people who look here
	Shallow    []history.Hash `json:"shallow"`    // the boundary that the generation was read with
}

// newStore takes the writer's lock where it is free. Its error says why nothing
// can be written at all; then, and where the lock is not free, the store reads.
func newStore(dir string) (*store, error) {
	s := &store{dir: dir, lock: flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, fmt.Errorf("creating the index directory: %w", err)
	}
	err := s.tryLock()
	s.touch()
	return s, err
}

func (s *store) tryLock() error {
	held, err := s.lock.TryLock()
	if err != nil && syscall.Rmdir(s.lock.Path()) == nil { // a directory, or it would be left alone
		held, err = s.lock.TryLock()
	}
	if err != nil {
		return fmt.Errorf("locking the index: %w", err)
	}
	s.held.Store(held)
	if held && !s.owns() { // removed between the opening and the locking
		s.held.Store(false)
		return s.lock.Close()
	}
	return nil
}

// owns says whether the lock that is held is still the one that others find:
// somebody may have removed the directory, and another process made it anew.
func (s *store) owns() bool {
	ours, err := s.lock.Stat()
	if err != nil {
		return false
	}
	theirs, err := os.Stat(s.lock.Path())
	return err == nil && os.SameFile(ours, theirs)
}

// reopen takes the lock of a directory that may be another one than before.
func (s *store) reopen() error {
	s.held.Store(false)
	if err := s.lock.Close(); err != nil {
		return fmt.Errorf("locking the index: %w", err)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("creating the index directory: %w", err)
	}
	return s.tryLock()
}

func (s *store) unlock() error {
	s.held.Store(false)
	return s.lock.Close()
}

// touch takes note that the index is used, for Look.
func (s *store) touch() {
	now := time.Now()
	_ = os.Chtimes(s.lock.Path(), now, now) //nolint:errcheck // one that cannot be written is not cleaned up either
}

// Kept is what is known of an index on disk that need not be open.
type Kept struct {
	Repository string    // where its repository is, or was; "" where nothing was finished yet
	Made       time.Time // about when its generation was begun
	Used       time.Time // about when a process opened it, or wrote it, last
	Held       bool      // a process writes it
}

// Look looks at an index on disk.
func Look(dir string) (k Kept, err error) {
	times := map[string]time.Time{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return k, fmt.Errorf("looking at the index: %w", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			times[e.Name()] = info.ModTime()
			if info.ModTime().After(k.Used) {
				k.Used = info.ModTime()
			}
		}
	}
	k.Made = times["manifest.json"]
	if b, err := os.ReadFile(filepath.Join(dir, "manifest.json")); err == nil {
		var m manifest
		if json.Unmarshal(b, &m) == nil {
			k.Repository = m.Repository
		}
	}
	if _, there := times["lock"]; !there {
		return k, nil
	}
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetFlag(os.O_RDWR), flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	k.Held = err == nil && !held
	return k, lock.Close()
}

// Remove removes an index from the disk. It waits until ctx ends for a process
// that keeps it, and is ErrHeld then.
func Remove(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return errors.Join(fmt.Errorf("removing %s: %w", dir, ErrHeld), lock.Close())
	}
	entries, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range entries {
		if e.Name() != "lock" {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	errs = append(errs, os.RemoveAll(dir), lock.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("removing the index: %w", err)
	}
	return nil
}

func (s *store) generationDir(n int) string { return filepath.Join(s.dir, "g"+strconv.Itoa(n)) }
func (s *store) graphFile(n int) string     { return filepath.Join(s.generationDir(n), "graph") }
func (s *store) factsFile(n int) string     { return filepath.Join(s.generationDir(n), "lineage") }
func (s *store) tracedFile(n int) string    { return filepath.Join(s.generationDir(n), "traced") }
func (s *store) pathsDir(n int) string      { return filepath.Join(s.generationDir(n), "paths") }
func (s *store) textDir(n int) string       { return filepath.Join(s.generationDir(n), "text") }

// load reads what is in use. An error is a reason to build anew; it is
// os.ErrNotExist where there is nothing yet.
func (s *store) load() (manifest, *graph.Graph, error) {
	var m manifest
	b, err := os.ReadFile(filepath.Join(s.dir, "manifest.json"))
	if err != nil {
		return m, nil, fmt.Errorf("reading the index: %w", err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, nil, fmt.Errorf("reading the index's manifest: %w", err)
	}
	if m.Format != manifestFormat {
		return m, nil, fmt.Errorf("the index has format %d, not %d", m.Format, manifestFormat)
	}
	g, err := graph.Open(s.graphFile(m.Generation))
	if err != nil {
		return m, nil, fmt.Errorf("opening the graph: %w", err)
	}
	return m, g, nil
}

// use makes a generation the one in use.
func (s *store) use(m manifest) error {
	m.Format = manifestFormat
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, "manifest-*.tmp")
	if err != nil {
		return fmt.Errorf("writing the index's manifest: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = replace(f.Name(), filepath.Join(s.dir, "manifest.json"))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the index's manifest: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// replace renames a file over another one, or over a directory that has no
// business there.
func replace(from, to string) error {
	err := os.Rename(from, to)
	if info, statErr := os.Lstat(to); err != nil && statErr == nil && info.IsDir() {
		return errors.Join(os.RemoveAll(to), os.Rename(from, to))
	}
	return err
}

// sweep removes all but one generation, and what a kill left half written. Nobody
// may be saving meanwhile.
func (s *store) sweep(keep int) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("sweeping the index: %w", err)
	}
	var errs []error
	for _, e := range entries {
		name := e.Name()
		stale := strings.HasPrefix(name, "manifest-") && strings.HasSuffix(name, ".tmp")
		if n, ok := strings.CutPrefix(name, "g"); ok && name != filepath.Base(s.generationDir(keep)) {
			_, err := strconv.Atoi(n)
			stale = stale || err == nil
		}
		if stale {
			errs = append(errs, os.RemoveAll(filepath.Join(s.dir, name)))
		}
	}
	halves, err := filepath.Glob(s.graphFile(keep) + "-*.tmp")
	errs = append(errs, err)
	for _, half := range halves {
		errs = append(errs, os.Remove(half))
	}
	return errors.Join(errs...)
}

// nextGeneration is a number that no generation on disk has.
func (s *store) nextGeneration() int {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return 1
	}
	next := 1
	for _, e := range entries {
		if digits, ok := strings.CutPrefix(e.Name(), "g"); ok {
			if n, err := strconv.Atoi(digits); err == nil && n >= next {
				next = n + 1
			}
		}
	}
	return next
}
