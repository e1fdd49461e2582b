package intact

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"path/filepath"
)

// The file of bbolt, in the machine's byte order: pages of one size, the first
// two of which are meta pages. A page begins with its number (8 bytes), its type
// (2), the number of its elements (2) and of the pages that it runs on for (4).
// Pages of a transaction are written anew and then named by a meta page, so what
// the newer meta page leads to is whole at any moment of a kill.
// https://github.com/etcd-io/bbolt/tree/v1.4.0/internal/common
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageHeader = 16
	metaSize   = 64
	metaSummed = 56 // the bytes before the checksum, an FNV-1a of 64 bits

	branchPage   = 0x01
	leafPage     = 0x02
	metaPage     = 0x04
	freelistPage = 0x10

	branchElement = 16
	leafElement   = 16
	bucketHeader  = 16

	manyFree = 0xFFFF // the real number is the first element
	maxDepth = 64
)

var order = binary.NativeEndian

// meta is what matters of a meta page.
type meta struct {
	pageSize                       uint32
	root, freelist, pages, version uint64 // version is the transaction's number
}

func readMeta(b []byte) (m meta, ok bool) {
	if len(b) < pageHeader+metaSize {
		return m, false
	}
	page := b[:pageHeader]
	b = b[pageHeader:][:metaSize]
	sum := fnv.New64a()
	sum.Write(b[:metaSummed]) //nolint:errcheck // a hash never fails
	if order.Uint16(page[8:]) != metaPage || order.Uint32(b) != boltMagic || order.Uint32(b[4:]) != boltVersion || order.Uint64(b[metaSummed:]) != sum.Sum64() {
		return m, false
	}
	return meta{pageSize: order.Uint32(b[8:]), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]), pages: order.Uint64(b[40:]), version: order.Uint64(b[48:])}, true
}

// state walks a database of Bleve's state.
type state struct {
	b        []byte
	meta     meta
	used     []bool // by page
	segments map[string]bool
	last     []byte // the key before, in the bucket that is being walked
}

// readState checks the database and returns the segments that it names. Each
// page must be used exactly once or be free, each number must stay within its
// page, and keys must be in order.
func readState(b []byte) (segments map[string]bool, err error) {
	m, ok := readMeta(b)
	if !ok || m.pageSize < 512 || m.pageSize > 1<<16 || m.pageSize&(m.pageSize-1) != 0 || len(b) < int(2*m.pageSize) {
		return nil, damaged("meta page 0")
	}
	// One that is torn could be done without, but is only ever seen after a power
	// failure, or when something else is wrong with the file.
	other, ok := readMeta(b[m.pageSize:])
	if !ok || other.pageSize != m.pageSize {
		return nil, damaged("meta page 1")
	}
	if other.version > m.version {
		m = other
	}
	if m.pages < 4 || m.pages > uint64(len(b))/uint64(m.pageSize) {
		return nil, damaged("%d bytes are too few", len(b))
	}
	s := &state{b: b, meta: m, used: make([]bool, m.pages), segments: map[string]bool{}}
	s.used[0], s.used[1] = true, true
	if err := s.free(); err != nil {
		return nil, err
	}
	if err := s.page(m.root, nil, 0); err != nil {
		return nil, err
	}
	for id, used := range s.used {
		if !used {
			return nil, damaged("page %d is neither used nor free", id)
		}
	}
	return s.segments, nil
}

// take returns a page with those that it runs on for, and marks them used.
func (s *state) take(id uint64) ([]byte, error) {
	if id >= s.meta.pages {
		return nil, damaged("page %d of %d", id, s.meta.pages)
	}
	at := id * uint64(s.meta.pageSize)
	header := s.b[at:][:pageHeader]
	more := uint64(order.Uint32(header[12:]))
	if order.Uint64(header) != id || more >= s.meta.pages-id {
		return nil, damaged("the header of page %d", id)
	}
	for p := id; p <= id+more; p++ {
		if s.used[p] {
			return nil, damaged("page %d is used twice", p)
		}
		s.used[p] = true
	}
	return s.b[at : at+(more+1)*uint64(s.meta.pageSize)], nil
}

// free reads the list of free pages.
func (s *state) free() error {
	b, err := s.take(s.meta.freelist)
	if err != nil {
		return err
	}
	if order.Uint16(b[8:]) != freelistPage {
		return damaged("the list of free pages")
	}
	count, ids := uint64(order.Uint16(b[10:])), b[pageHeader:]
	if count == manyFree {
		count, ids = order.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return damaged("the list of free pages")
	}
	for i := range count {
		id := order.Uint64(ids[8*i:])
		if id < 2 || id >= s.meta.pages || s.used[id] {
			return damaged("the list of free pages")
		}
		s.used[id] = true
	}
	return nil
}

// page walks a page of the current bucket. min, if not nil, is the least key
// that may stand on it.
func (s *state) page(id uint64, min []byte, depth int) error {
	b, err := s.take(id)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return damaged("pages lead to each other")
	}
	switch order.Uint16(b[8:]) {
	case branchPage:
		return s.branch(id, b, min, depth)
	case leafPage:
		return s.leaf(id, b, min, depth)
	}
	return damaged("page %d is of no known type", id)
}

func (s *state) branch(id uint64, b, min []byte, depth int) error {
	count := int(order.Uint16(b[10:]))
	if count == 0 || pageHeader+count*branchElement > len(b) {
		return damaged("page %d has %d elements", id, count)
	}
	for i := range count {
		element := b[pageHeader+i*branchElement:]
		key, ok := cut(element, order.Uint32(element), order.Uint32(element[4:]))
		if !ok || !s.follows(key, min) {
			return damaged("key %d of page %d", i, id)
		}
		if err := s.page(order.Uint64(element[8:]), key, depth+1); err != nil {
			return err
		}
		min = nil // the keys that were walked are a stricter bound
	}
	return nil
}

func (s *state) leaf(id uint64, b, min []byte, depth int) error {
	count := int(order.Uint16(b[10:]))
	if pageHeader+count*leafElement > len(b) {
		return damaged("page %d has %d elements", id, count)
	}
	for i := range count {
		element := b[pageHeader+i*leafElement:]
		flags, pos, size := order.Uint32(element), order.Uint32(element[4:]), order.Uint32(element[8:])
		key, ok := cut(element, pos, size)
		value, fits := cut(element, pos+size, order.Uint32(element[12:]))
		if !ok || !fits || flags > 1 || !s.follows(key, min) {
			return damaged("element %d of page %d", i, id)
		}
		min, s.last = nil, key
		if flags == 1 {
			if err := s.bucket(id, value, depth); err != nil {
				return err
			}
			continue
		}
		// Each segment is a bucket whose "p" is the name of its file.
		if name := string(value); string(key) == "p" {
			if filepath.Base(name) != name || filepath.Ext(name) != ".zap" {
				return damaged("a segment with the name %q", name)
			}
			s.segments[name] = true
		}
	}
	return nil
}

// bucket walks a bucket within another one: a page of its own, or one that
// stands in the value.
func (s *state) bucket(id uint64, value []byte, depth int) error {
	if len(value) < bucketHeader {
		return damaged("a bucket of page %d", id)
	}
	last := s.last
	s.last = nil
	defer func() { s.last = last }()
	if root := order.Uint64(value); root != 0 {
		return s.page(root, nil, depth+1)
	}
	inline := value[bucketHeader:]
	if len(inline) < pageHeader || order.Uint16(inline[8:]) != leafPage || depth > maxDepth {
		return damaged("a bucket of page %d", id)
	}
	return s.leaf(id, inline, nil, depth+1)
}

// follows says whether a key may stand where the walk is.
func (s *state) follows(key, min []byte) bool {
	return len(key) > 0 && bytes.Compare(key, min) >= 0 && (s.last == nil || bytes.Compare(key, s.last) > 0)
}

// cut takes size bytes at pos, which counts from the element's beginning.
func cut(element []byte, pos, size uint32) ([]byte, bool) {
	end := uint64(pos) + uint64(size)
	if pos < branchElement || end > uint64(len(element)) {
		return nil, false
	}
	return element[pos:end:end], true
}
