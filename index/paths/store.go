package paths

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/blevesearch/mmap-go"

	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// Store is the segments of one generation of a graph, in a directory of their
// own. One process writes them.
type Store struct {
	dir     string
	present atomic.Pointer[Set]

	mu     sync.Mutex // held while segments are written
	closed bool
}

// ErrClosed is returned by Add after Close.
var ErrClosed = errors.New("the path index is closed")

// suffix ends the names of segments, which begin with the range that they cover.
const suffix = ".paths"

func nameOf(s *segment) string { return fmt.Sprintf("%d-%d%s", s.start, s.end, suffix) }

// Open opens the store in dir, making it where it is not there. What cannot be
// used is removed, and dropped says why; it is nil where all is well.
func Open(dir string, g *graph.Graph) (s *Store, dropped error, err error) {
	s = &Store{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("creating the path index: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the path index: %w", err)
	}
	var found []*segment
	var remove []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) { // left by a kill
			remove = append(remove, e.Name())
			continue
		}
		seg, err := load(filepath.Join(dir, e.Name()))
		if err == nil && nameOf(seg) != e.Name() {
			err = fmt.Errorf("%w: %s covers other positions", ErrCorrupt, e.Name())
		}
		if err == nil && (int(seg.end) > g.Len() || checksum(g, seg.start, seg.end) != seg.commits) {
			err = fmt.Errorf("%w: %s is of other commits", ErrCorrupt, e.Name())
		}
		if err != nil {
			dropped = errors.Join(dropped, err)
			remove = append(remove, e.Name())
			continue
		}
		found = append(found, seg)
	}
	set, spare := chain(found)
	for _, seg := range spare {
		remove = append(remove, nameOf(seg))
	}
	s.present.Store(&set)
	for _, name := range remove {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return nil, dropped, fmt.Errorf("opening the path index: %w", err)
		}
	}
	return s, dropped, nil
}

// chain picks segments that follow each other from position 0, the longest ones
// first: a kill may have left a segment beside those that it was joined from.
func chain(found []*segment) (set Set, spare []*segment) {
	for {
		var best *segment
		for _, seg := range found {
			if int(seg.start) == set.Covered() && (best == nil || seg.end > best.end) {
				best = seg
			}
		}
		if best == nil {
			break
		}
		set.segments = append(set.segments, best)
	}
	for _, seg := range found {
		if !slices.Contains(set.segments, seg) {
			spare = append(spare, seg)
		}
	}
	return set, spare
}

// mapFrom is the least size of a file that is mapped; smaller ones are read.
const mapFrom = 64 << 10

func load(path string) (*segment, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() < mapFrom || runtime.GOOS == "windows" { // where a mapped file cannot be removed
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return parse(b)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only, and the mapping outlives it
	m, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("mapping the path index: %w", err)
	}
	seg, err := parse(m)
	if err != nil {
		return nil, errors.Join(err, m.Unmap())
	}
	runtime.AddCleanup(seg, func(m mmap.MMap) { _ = m.Unmap() }, m) //nolint:errcheck // nobody is left to be told
	return seg, nil
}

// Set is the present state.
func (s *Store) Set() Set { return *s.present.Load() }

// joinFactor is how much longer than what follows it a segment may be and is
// still joined with it. It makes their number logarithmic in that of the
// commits, and the work of joining theirs times the logarithm.
const joinFactor = 4

// Add appends what builders collected, which follow each other and what the
// store covers, in one step.
func (s *Store) Add(g *graph.Graph, builders ...*Builder) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	old := s.Set()
	keep, at := len(old.segments), graph.Pos(old.Covered())
	var fresh []*segment
	for _, b := range builders {
		seg, err := b.segment()
		if err != nil {
			return fmt.Errorf("writing the path index: %w", err)
		}
		if seg.start != at {
			return fmt.Errorf("writing the path index: positions from %d on follow those before %d", seg.start, at)
		}
		fresh, at = append(fresh, seg), seg.end
	}
	for keep > 0 {
		last := old.segments[keep-1]
		if last.end-last.start > joinFactor*(at-last.end) {
			break
		}
		keep--
	}
	parts := append(slices.Clone(old.segments[keep:]), fresh...)
	seg := parts[0]
	if len(parts) > 1 {
		var err error
		if seg, err = join(parts, checksum(g, parts[0].start, at)); err != nil {
			return fmt.Errorf("joining the path index: %w", err)
		}
	}
	path := filepath.Join(s.dir, nameOf(seg))
	if err := write(path, seg.file); err != nil {
		return fmt.Errorf("writing the path index: %w", err)
	}
	written, err := load(path)
	if err != nil {
		return fmt.Errorf("writing the path index: %w", err)
	}
	s.present.Store(&Set{append(slices.Clone(old.segments[:keep]), written)})
	var errs []error
	for _, gone := range old.segments[keep:] {
		errs = append(errs, os.RemoveAll(filepath.Join(s.dir, nameOf(gone))))
	}
	return errors.Join(errs...)
}

// write makes the file whole or not at all, whatever happens.
func write(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Close waits for a writing under way; none follows. Sets remain readable.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// Drop makes the store cover nothing, where what it has proved unusable.
func (s *Store) Drop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	old := s.Set()
	s.present.Store(&Set{})
	var errs []error
	for _, seg := range old.segments {
		errs = append(errs, os.RemoveAll(filepath.Join(s.dir, nameOf(seg))))
	}
	return errors.Join(errs...)
}
