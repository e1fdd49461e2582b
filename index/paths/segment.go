package paths

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"runtime"
	"slices"
	"sort"

	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// A segment is a file of little-endian numbers:
//
//	8 bytes   "cabhpath"
//	uint32    version (version)
//	uint32    CRC-32C of all that follows
//	uint32    start and
//	uint32    end of the positions that it covers
//	uint32    CRC-32C of the names of the commits there, in order
//	uint32    how many of them could not be read
//	uint32    number of blocks
//	uint32    × blocks: where each begins, from the end of this table
//
// and then the blocks: 16 paths each, fewer in the last one, in the order of
// their bytes. A path is
//
//	uvarint   how many bytes it shares with the one before in the block
//	uvarint   how many bytes follow, and those
//	uvarint   how many bytes its positions take, and those: uvarints, the first
//	          from start, each other from the one before less one
//
// which is front coding and delta coding as in Witten, Moffat and Bell, Managing
// Gigabytes, chapters 3 and 4. A merge's directories end with a slash.
//
// Versions:
//
//	1: as above
const version = 1

const (
	magic      = "cabhpath"
	headerSize = 36
	blockSize  = 16
)

// Errors of reading segments.
var (
	// ErrFormat says that a segment is of another version.
	ErrFormat = errors.New("the path index has another format")
	// ErrCorrupt says that a segment is damaged.
	ErrCorrupt = errors.New("the path index is damaged")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segment is what the commits of the positions [start, end) changed. It is
// immutable. Whoever reads its bytes keeps it alive meanwhile, since they may be
// a mapped file.
type segment struct {
	start, end graph.Pos
	commits    uint32 // checksum of their names
	unread     int
	file       []byte
	blocks     []byte // the table of blocks
	data       []byte
}

// parse checks a segment's header and its checksum. What is behind the checksum
// is checked while it is read.
func parse(b []byte) (*segment, error) {
	if len(b) < headerSize || string(b[:8]) != magic {
		return nil, fmt.Errorf("%w: no segment", ErrCorrupt)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != version {
		return nil, fmt.Errorf("%w: version %d, not %d", ErrFormat, v, version)
	}
	if crc32.Checksum(b[16:], castagnoli) != binary.LittleEndian.Uint32(b[12:]) {
		return nil, fmt.Errorf("%w: checksum", ErrCorrupt)
	}
	start, end := binary.LittleEndian.Uint32(b[16:]), binary.LittleEndian.Uint32(b[20:])
	unread, blocks := binary.LittleEndian.Uint32(b[28:]), binary.LittleEndian.Uint32(b[32:])
	if start >= end || end > 1<<31-1 || unread > end-start || uint64(blocks)*4 > uint64(len(b)-headerSize) {
		return nil, fmt.Errorf("%w: header", ErrCorrupt)
	}
	table := headerSize + 4*int(blocks)
	return &segment{
		start: graph.Pos(start), end: graph.Pos(end), commits: binary.LittleEndian.Uint32(b[24:]), unread: int(unread),
		file: b, blocks: b[headerSize:table], data: b[table:],
	}, nil
}

// entry is a path with its positions, encoded.
type entry struct {
	path     []byte // valid until the next one is read
	postings []byte
}

// cursor reads a segment's paths in order.
type cursor struct {
	seg  *segment
	at   int // in data
	left int // paths left in the block
	next int // the block after
	entry
	err error
}

func (s *segment) blockStart(i int) (int, error) {
	at := int(binary.LittleEndian.Uint32(s.blocks[4*i:]))
	if at < 0 || at >= len(s.data) {
		return 0, fmt.Errorf("%w: block %d", ErrCorrupt, i)
	}
	return at, nil
}

// step moves to the next path; false at the end, or on an error, which it keeps.
func (c *cursor) step() bool {
	if c.err != nil || c.at >= len(c.seg.data) {
		return false
	}
	if c.left == 0 {
		// Blocks lie one behind the other, so a reading never turns back.
		start, err := 0, error(nil)
		if c.next*4 >= len(c.seg.blocks) {
			err = fmt.Errorf("%w: blocks", ErrCorrupt)
		} else if start, err = c.seg.blockStart(c.next); err == nil && start != c.at {
			err = fmt.Errorf("%w: block %d", ErrCorrupt, c.next)
		}
		if err != nil {
			c.err = err
			return false
		}
		c.next, c.left, c.path = c.next+1, blockSize, c.path[:0]
	}
	c.left--
	shared, suffix := c.number(), c.bytes()
	c.postings = c.bytes()
	if c.err == nil && (shared > uint64(len(c.path)) || shared == 0 && len(suffix) == 0) {
		c.err = fmt.Errorf("%w: path", ErrCorrupt)
	}
	if c.err != nil {
		return false
	}
	c.path = append(c.path[:shared], suffix...)
	return true
}

func (c *cursor) number() uint64 {
	v, n := binary.Uvarint(c.seg.data[c.at:])
	if n <= 0 {
		c.err, c.at = fmt.Errorf("%w: number", ErrCorrupt), len(c.seg.data)
		return 0
	}
	c.at += n
	return v
}

func (c *cursor) bytes() []byte {
	n := c.number()
	if n > uint64(len(c.seg.data)-c.at) {
		c.err = fmt.Errorf("%w: length", ErrCorrupt)
		return nil
	}
	b := c.seg.data[c.at : c.at+int(n)]
	c.at += int(n)
	return b
}

// from yields the paths that are not less than low, in order. Its error is nil
// where the caller stopped.
func (s *segment) from(low string, yield func(entry) bool) error {
	defer runtime.KeepAlive(s)
	// The last block whose first path is less than low.
	var failed error
	first := sort.Search(len(s.blocks)/4, func(i int) bool {
		c, err := s.block(i)
		if err == nil && !c.step() {
			err = c.err
		}
		if err != nil {
			failed = err
			return true
		}
		return string(c.path) >= low
	})
	if failed != nil {
		return failed
	}
	if len(s.blocks) == 0 {
		return nil
	}
	c, err := s.block(max(0, first-1))
	if err != nil {
		return err
	}
	for c.step() {
		if string(c.path) >= low && !yield(c.entry) {
			return nil
		}
	}
	return c.err
}

func (s *segment) block(i int) (*cursor, error) {
	at, err := s.blockStart(i)
	return &cursor{seg: s, at: at, next: i}, err
}

// positions calls fn with the positions of a path.
func (s *segment) positions(postings []byte, fn func(graph.Pos)) error {
	defer runtime.KeepAlive(s)
	at := uint64(s.start)
	for first := true; len(postings) > 0; first = false {
		v, n := binary.Uvarint(postings)
		if n <= 0 || v > uint64(s.end) {
			return fmt.Errorf("%w: positions", ErrCorrupt)
		}
		if at += v; !first {
			at++
		}
		if at >= uint64(s.end) {
			return fmt.Errorf("%w: positions", ErrCorrupt)
		}
		postings = postings[n:]
		fn(graph.Pos(at))
	}
	return nil
}

// writer encodes a segment. Paths are added in order.
type writer struct {
	start  graph.Pos
	starts []uint32
	data   []byte
	paths  int
	last   []byte
	spare  []byte
}

func (w *writer) add(path string, positions iter.Seq[graph.Pos]) {
	shared := 0
	if w.paths%blockSize == 0 {
		w.starts = append(w.starts, uint32(len(w.data)))
	} else {
		for shared < len(path) && shared < len(w.last) && path[shared] == w.last[shared] {
			shared++
		}
	}
	w.paths++
	w.last = append(w.last[:shared], path[shared:]...)
	w.data = binary.AppendUvarint(w.data, uint64(shared))
	w.data = binary.AppendUvarint(w.data, uint64(len(path)-shared))
	w.data = append(w.data, path[shared:]...)
	w.spare = w.spare[:0]
	before := w.start
	for p := range positions {
		w.spare = binary.AppendUvarint(w.spare, uint64(p-before))
		before = p + 1
	}
	w.data = binary.AppendUvarint(w.data, uint64(len(w.spare)))
	w.data = append(w.data, w.spare...)
}

func (w *writer) segment(end graph.Pos, commits uint32, unread int) (*segment, error) {
	b := make([]byte, 0, headerSize+4*len(w.starts)+len(w.data))
	b = append(b, magic...)
	for _, v := range append([]uint32{version, 0, uint32(w.start), uint32(end), commits, uint32(unread), uint32(len(w.starts))}, w.starts...) {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	b = append(b, w.data...)
	binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[16:], castagnoli))
	return parse(b)
}

// join makes one segment of several whose ranges follow each other.
func join(segments []*segment, commits uint32) (*segment, error) {
	w := &writer{start: segments[0].start}
	cursors := make([]*cursor, 0, len(segments))
	unread := 0
	for _, s := range segments {
		unread += s.unread
		if len(s.blocks) == 0 {
			continue
		}
		c, err := s.block(0)
		if err != nil {
			return nil, err
		}
		if c.step() {
			cursors = append(cursors, c)
		} else if c.err != nil {
			return nil, c.err
		}
	}
	var positions []graph.Pos
	for len(cursors) > 0 {
		least := cursors[0].path
		for _, c := range cursors[1:] {
			if string(c.path) < string(least) {
				least = c.path
			}
		}
		path := string(least)
		positions = positions[:0]
		for _, c := range cursors {
			if string(c.path) != path {
				continue
			}
			if err := c.seg.positions(c.postings, func(p graph.Pos) { positions = append(positions, p) }); err != nil {
				return nil, err
			}
			if !c.step() {
				if c.err != nil {
					return nil, c.err
				}
				c.seg = nil // it is at its end
			}
		}
		cursors = slices.DeleteFunc(cursors, func(c *cursor) bool { return c.seg == nil })
		w.add(path, slices.Values(positions))
	}
	runtime.KeepAlive(segments)
	return w.segment(segments[len(segments)-1].end, commits, unread)
}
