// Package packed reads commit objects straight from a repository's object
// directory: loose objects, packs with their indexes, and the alternates of
// both. It is several times faster than asking git for each, and less complete
// on purpose: whoever reads has git for what is not found or not understood
// here, so every doubt is ErrElsewhere and never a guess. Each content is held
// against its name, which git itself does not do.
//
// It reads files alone: no configuration, no refs, no process. Files are mapped;
// one that shrinks meanwhile is ErrElsewhere too.
//
// Formats: gitformat-pack(5), gitrepository-layout(5).
package packed

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zlib"
)

// ErrElsewhere says that an object is not here, or cannot be read here.
var ErrElsewhere = errors.New("not read from the packs")

// maxAlternates is how deep alternates may name alternates, as in git.
const maxAlternates = 5

// maxObject bounds an object; git makes them of any size.
const maxObject = 64 << 20

// Store is an object directory with its alternates, as it was when it was
// opened. It is safe for concurrent use; each goroutine has its own Reader.
type Store struct {
	dirs  []string
	packs []*pack
	size  int // bytes of an object name
}

// Open maps the packs of an object directory and its alternates. Packs that it
// does not understand are left out.
func Open(dir string, hashSize int) (*Store, error) {
	s := &Store{size: hashSize}
	if err := s.add(dir, 0); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) add(dir string, depth int) error {
	if depth > maxAlternates {
		return fmt.Errorf("%w: alternates of alternates", ErrElsewhere)
	}
	s.dirs = append(s.dirs, dir)
	entries, err := os.ReadDir(filepath.Join(dir, "pack"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading the packs: %w", err)
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".idx")
		if !ok {
			continue
		}
		p, err := openPack(filepath.Join(dir, "pack", name), s.size)
		if err != nil {
			continue // its objects are elsewhere
		}
		s.packs = append(s.packs, p)
	}
	return s.addAlternates(dir, depth)
}

func (s *Store) addAlternates(dir string, depth int) error {
	f, err := os.Open(filepath.Join(dir, "info", "alternates"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the alternates: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		path := lines.Text()
		switch {
		case path == "" || path[0] == '#':
			continue
		case path[0] == '"':
			continue // a quoted path: git knows how
		case !filepath.IsAbs(path):
			path = filepath.Join(dir, path)
		}
		if err := s.add(path, depth+1); err != nil {
			return err
		}
	}
	return lines.Err()
}

// Close ends the mappings.
func (s *Store) Close() error {
	var errs []error
	for _, p := range s.packs {
		errs = append(errs, p.close())
	}
	s.packs = nil
	return errors.Join(errs...)
}

// Reader reads from a Store. It is for one goroutine.
type Reader struct {
	store *Store
	last  *pack // the pack of the last object, where the next one mostly is
	src   bytes.Reader
	zip   io.ReadCloser // nil before the first object
	buf   []byte        // of the last commit
	bases map[place]object

	sum        hash.Hash
	head, name []byte // buffers of hash
}

// place is where an object lies.
type place struct {
	pack   *pack
	offset uint64
}

type object struct {
	kind    byte
	content []byte
}

// maxBases is how many bases of deltas are kept; commits share few.
const maxBases = 64

// NewReader makes a reader of the store.
func (s *Store) NewReader() *Reader {
	r := &Reader{store: s, bases: map[place]object{}, sum: sha1.New()}
	if s.size == sha256.Size {
		r.sum = sha256.New()
	}
	return r
}

// Commit reads the content of a commit, given its name's bytes. The content is
// good until the next call. It is ErrElsewhere for what is not found here or
// cannot be read.
func (r *Reader) Commit(name []byte) (content []byte, err error) {
	// A mapped file that somebody truncates faults where it is read.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			if _, fault := p.(interface{ Addr() uintptr }); !fault {
				panic(p)
			}
			content, err = nil, fmt.Errorf("%w: %v", ErrElsewhere, p)
		}
	}()
	if len(name) != r.store.size {
		return nil, fmt.Errorf("%w: a name of %d bytes", ErrElsewhere, len(name))
	}
	if content, err = r.read(name); err != nil {
		return nil, err
	}
	if !bytes.Equal(r.hash(content), name) {
		return nil, fmt.Errorf("%w: the content does not fit the name", ErrElsewhere)
	}
	return content, nil
}

// hash is the name that a commit with this content has.
func (r *Reader) hash(content []byte) []byte {
	r.sum.Reset()
	r.head = append(strconv.AppendInt(append(r.head[:0], "commit "...), int64(len(content)), 10), 0)
	_, _ = r.sum.Write(r.head)  //nolint:errcheck // hashes do not fail
	_, _ = r.sum.Write(content) //nolint:errcheck // hashes do not fail
	r.name = r.sum.Sum(r.name[:0])
	return r.name
}

func (r *Reader) read(name []byte) ([]byte, error) {
	if r.last != nil {
		if offset, ok := r.last.find(name); ok {
			return r.commitAt(place{r.last, offset})
		}
	}
	for _, p := range r.store.packs {
		if p == r.last {
			continue
		}
		if offset, ok := p.find(name); ok {
			r.last = p
			return r.commitAt(place{p, offset})
		}
	}
	return r.loose(name)
}

func (r *Reader) commitAt(at place) ([]byte, error) {
	o, err := r.object(at, 0)
	if err != nil {
		return nil, err
	}
	if o.kind != commitObject {
		return nil, fmt.Errorf("%w: no commit", ErrElsewhere)
	}
	return o.content, nil
}

// loose reads objects/xx/…: "commit <size>", a NUL, and the content, deflated.
func (r *Reader) loose(name []byte) ([]byte, error) {
	digits := hex.EncodeToString(name)
	for _, dir := range r.store.dirs {
		b, err := os.ReadFile(filepath.Join(dir, digits[:2], digits[2:]))
		if err != nil {
			continue
		}
		if err := r.inflate(b); err != nil {
			return nil, err
		}
		head := make([]byte, 0, 64)
		for len(head) < 32 {
			var c [1]byte
			if _, err := io.ReadFull(r.zip, c[:]); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrElsewhere, err)
			}
			if c[0] == 0 {
				break
			}
			head = append(head, c[0])
		}
		digits, ok := strings.CutPrefix(string(head), "commit ")
		n, err := strconv.Atoi(digits)
		if !ok || err != nil || n < 0 || n > maxObject {
			return nil, fmt.Errorf("%w: no commit", ErrElsewhere)
		}
		return r.rest(n, true)
	}
	return nil, fmt.Errorf("%w: not found", ErrElsewhere)
}

// inflate begins to read a deflated stream.
func (r *Reader) inflate(b []byte) error {
	r.src.Reset(b)
	var err error
	if r.zip == nil {
		r.zip, err = zlib.NewReader(&r.src)
	} else {
		err = r.zip.(zlib.Resetter).Reset(&r.src, nil)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrElsewhere, err)
	}
	return nil
}

// rest reads the n bytes that are left of a stream, and its checksum; into the
// buffer that the next call overwrites, where reuse says so.
func (r *Reader) rest(n int, reuse bool) ([]byte, error) {
	var b []byte
	if reuse {
		if cap(r.buf) <= n {
			r.buf = make([]byte, n+1+n/2)
		}
		b = r.buf[:n]
	} else {
		b = make([]byte, n, n+1)
	}
	if _, err := io.ReadFull(r.zip, b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrElsewhere, err)
	}
	if m, err := r.zip.Read(b[n : n+1]); m != 0 || !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: longer than it says", ErrElsewhere)
	}
	return b, nil
}
