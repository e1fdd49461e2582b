package graph

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"github.com/blevesearch/mmap-go"
)

// The file is little-endian:
//
//	8 bytes   "cabhgrph"
//	uint32    version (fileVersion)
//	uint32    bytes of an object name
//	uint64    number of commits
//	uint32    number of sections
//	uint32    CRC-32C of the header's first 28 bytes and of the section table
//	sections  × { 4 bytes name, uint32 CRC-32C of the content, uint64 offset, uint64 length }
//
// and then the sections' contents, each at a multiple of 8. They are Graph's
// slices as they stand in memory, so that a mapped file is used without reading
// it. A reader ignores sections that it does not know, and refuses a file that
// lacks one that it needs.
//
// Versions:
//
//	1: HASH KEYS ORDR STRT PRNT FLAG CTIM ATIM SETS REFS RANK LEAF LVL0 … LVLn
//	2: also PPLT PPLS WRTR CMTR, the persons and who wrote and committed what
const fileVersion = 2

const magic = "cabhgrph"

// Errors of Open.
var (
	// ErrFormat says that the file is of another version.
	ErrFormat = errors.New("the graph file has another format")
	// ErrCorrupt says that the file is damaged.
	ErrCorrupt = errors.New("the graph file is damaged")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	headerSize  = 32
	sectionSize = 24
)

type section struct {
	name string
	data []byte
}

// Save writes the graph beside path and renames it there, so that path holds
// the old graph or the new one, whatever happens.
func (g *Graph) Save(path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("saving the graph: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*.tmp")
	if err != nil {
		return fmt.Errorf("saving the graph: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("saving the graph: %w", err), os.Remove(f.Name()))
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	err = errors.Join(g.write(w), w.Flush(), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (g *Graph) write(w io.Writer) error {
	sections := g.sections()
	table := make([]byte, 0, headerSize+sectionSize*len(sections))
	table = append(table, magic...)
	table = binary.LittleEndian.AppendUint32(table, fileVersion)
	table = binary.LittleEndian.AppendUint32(table, uint32(g.hashSize))
	table = binary.LittleEndian.AppendUint64(table, uint64(g.Len()))
	table = binary.LittleEndian.AppendUint32(table, uint32(len(sections)))
	table = binary.LittleEndian.AppendUint32(table, 0)
	offset := align(headerSize + sectionSize*len(sections))
	for _, s := range sections {
		table = append(table, s.name...)
		table = binary.LittleEndian.AppendUint32(table, crc32.Checksum(s.data, castagnoli))
		table = binary.LittleEndian.AppendUint64(table, uint64(offset))
		table = binary.LittleEndian.AppendUint64(table, uint64(len(s.data)))
		offset = align(offset + len(s.data))
	}
	binary.LittleEndian.PutUint32(table[28:], headerSum(table))
	if err := writePadded(w, table); err != nil {
		return err
	}
	for _, s := range sections {
		if err := writePadded(w, s.data); err != nil {
			return err
		}
	}
	return nil
}

func headerSum(table []byte) uint32 {
	return crc32.Update(crc32.Checksum(table[:28], castagnoli), castagnoli, table[headerSize:])
}

func align(n int) int { return (n + 7) &^ 7 }

func writePadded(w io.Writer, b []byte) error {
	if _, err := w.Write(b); err != nil {
		return err
	}
	_, err := w.Write(make([]byte, align(len(b))-len(b)))
	return err
}

func (g *Graph) sections() []section {
	var refs []byte
	for i, t := range g.tips {
		refs = binary.LittleEndian.AppendUint32(refs, uint32(g.tipPos[i]))
		refs = binary.LittleEndian.AppendUint32(refs, uint32(len(t.Name)))
		refs = append(refs, t.Name...)
	}
	sections := []section{
		{"HASH", g.hashes}, {"KEYS", encode(g.keys)}, {"ORDR", encode(g.order)}, {"STRT", encode(g.starts)},
		{"PRNT", encode(g.parents)}, {"FLAG", g.flags}, {"CTIM", encode(g.commit)}, {"ATIM", encode(g.author)},
		{"PPLT", g.people.text}, {"PPLS", encode(g.people.starts)}, {"WRTR", encode(g.writer)}, {"CMTR", encode(g.committer)},
		{"SETS", encode(append(g.setOf[:len(g.setOf):len(g.setOf)], g.cutRefs))}, {"REFS", refs}, {"RANK", encode(g.sets.byRank)}, {"LEAF", encode(g.sets.leaves)},
	}
	for i, l := range g.sets.levels {
		sections = append(sections, section{fmt.Sprintf("LVL%d", i), encode(l)})
	}
	return sections
}

// fixed is what the sections' slices are made of.
type fixed interface{ int32 | int64 | uint64 | node }

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// encode is the little-endian form of a slice: its own memory, where the
// machine is little-endian.
func encode[T fixed](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	if littleEndian {
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
	}
	b, _ := binary.Append(nil, binary.LittleEndian, s) //nolint:errcheck // the types are of fixed size
	return b
}

// decode is the reverse of encode. b is aligned to 8, being a section.
func decode[T fixed](b []byte) ([]T, error) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if len(b)%size != 0 {
		return nil, fmt.Errorf("%w: a section of %d bytes", ErrCorrupt, len(b))
	}
	if len(b) == 0 {
		return nil, nil
	}
	if littleEndian && uintptr(unsafe.Pointer(unsafe.SliceData(b)))%8 == 0 {
		return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/size), nil
	}
	s := make([]T, len(b)/size)
	_, err := binary.Decode(b, binary.LittleEndian, s)
	return s, err
}

// Open maps a file that Save wrote. It checks everything that answers rely on,
// so that a damaged file is ErrCorrupt, or ErrFormat, and never a wrong answer
// or a panic. The mapping lives as long as the process: a graph may be held
// anywhere, and an old one costs nothing but address space.
func Open(path string) (*Graph, error) {
	b, err := load(path)
	if err != nil {
		return nil, err
	}
	return parse(b)
}

func load(path string) ([]byte, error) {
	if runtime.GOOS == "windows" { // a mapped file could not be replaced
		return os.ReadFile(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only, and the mapping outlives it
	if info, err := f.Stat(); err != nil || info.Size() < headerSize {
		return nil, errors.Join(err, fmt.Errorf("%w: too short", ErrCorrupt))
	}
	m, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("mapping the graph: %w", err)
	}
	return m, nil
}

func parse(b []byte) (*Graph, error) {
	if len(b) < headerSize || string(b[:8]) != magic {
		return nil, fmt.Errorf("%w: no graph", ErrCorrupt)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != fileVersion {
		return nil, fmt.Errorf("%w: version %d, not %d", ErrFormat, v, fileVersion)
	}
	count := binary.LittleEndian.Uint64(b[16:])
	n := int(binary.LittleEndian.Uint32(b[24:]))
	if n > 64 || len(b) < headerSize+n*sectionSize || headerSum(b[:headerSize+n*sectionSize]) != binary.LittleEndian.Uint32(b[28:]) {
		return nil, fmt.Errorf("%w: header", ErrCorrupt)
	}
	g := &Graph{hashSize: int(binary.LittleEndian.Uint32(b[12:]))}
	if g.hashSize != 20 && g.hashSize != 32 || count > 1<<31-2 {
		return nil, fmt.Errorf("%w: header", ErrCorrupt)
	}
	sections := map[string][]byte{}
	for i := range n {
		s := b[headerSize+i*sectionSize:][:sectionSize]
		offset, length := binary.LittleEndian.Uint64(s[8:]), binary.LittleEndian.Uint64(s[16:])
		if offset%8 != 0 || offset > uint64(len(b)) || length > uint64(len(b))-offset {
			return nil, fmt.Errorf("%w: section %q", ErrCorrupt, s[:4])
		}
		data := b[offset : offset+length : offset+length]
		if crc32.Checksum(data, castagnoli) != binary.LittleEndian.Uint32(s[4:]) {
			return nil, fmt.Errorf("%w: section %q", ErrCorrupt, s[:4])
		}
		sections[string(s[:4])] = data
	}
	if err := g.decode(sections); err != nil {
		return nil, err
	}
	return g, g.check(int(count))
}

func (g *Graph) decode(sections map[string][]byte) error {
	var errs []error
	keep := func(err error) { errs = append(errs, err) }
	var err error
	g.hashes, g.flags = sections["HASH"], sections["FLAG"]
	g.keys, err = decode[uint64](sections["KEYS"])
	keep(err)
	g.order, err = decode[int32](sections["ORDR"])
	keep(err)
	g.starts, err = decode[int32](sections["STRT"])
	keep(err)
	g.parents, err = decode[int32](sections["PRNT"])
	keep(err)
	g.commit, err = decode[int64](sections["CTIM"])
	keep(err)
	g.author, err = decode[int64](sections["ATIM"])
	keep(err)
	g.people = &people{text: sections["PPLT"]}
	g.people.starts, err = decode[int32](sections["PPLS"])
	keep(err)
	g.writer, err = decode[int32](sections["WRTR"])
	keep(err)
	g.committer, err = decode[int32](sections["CMTR"])
	keep(err)
	g.setOf, err = decode[int32](sections["SETS"])
	keep(err)
	keep(g.decodeRefs(sections["REFS"]))
	g.sets = newRefSets(len(g.tipPos))
	g.sets.byRank, err = decode[int32](sections["RANK"])
	keep(err)
	g.sets.leaves, err = decode[uint64](sections["LEAF"])
	keep(err)
	for i := range g.sets.levels {
		g.sets.levels[i], err = decode[node](sections[fmt.Sprintf("LVL%d", i)])
		keep(err)
	}
	return errors.Join(errs...)
}

func (g *Graph) decodeRefs(b []byte) error {
	for len(b) > 0 {
		if len(b) < 8 {
			return fmt.Errorf("%w: refs", ErrCorrupt)
		}
		pos, size := int32(binary.LittleEndian.Uint32(b)), binary.LittleEndian.Uint32(b[4:])
		if uint64(size) > uint64(len(b)-8) {
			return fmt.Errorf("%w: refs", ErrCorrupt)
		}
		g.tipPos = append(g.tipPos, pos)
		g.tips = append(g.tips, Tip{Name: string(b[8 : 8+size])})
		b = b[8+size:]
	}
	return nil
}

// check verifies all numbers that are used as an index.
func (g *Graph) check(n int) error {
	bad := func(what string) error { return fmt.Errorf("%w: %s", ErrCorrupt, what) }
	if len(g.hashes) != n*g.hashSize || len(g.keys) != n || len(g.order) != n || len(g.starts) != n+1 ||
		len(g.flags) != n || len(g.commit) != n || len(g.author) != n || len(g.setOf) != n+1 {
		return bad("lengths")
	}
	if g.starts[0] != 0 || int(g.starts[n]) != len(g.parents) {
		return bad("parents")
	}
	for p := range n {
		if g.starts[p] > g.starts[p+1] {
			return bad("parents")
		}
		for _, q := range g.parents[g.starts[p]:g.starts[p+1]] {
			if q < absent || int(q) >= p {
				return bad("parents")
			}
		}
		if o := g.order[p]; o < 0 || int(o) >= n || p > 0 && g.keys[p-1] > g.keys[p] {
			return bad("order")
		}
		if g.flags[p]&flagTruncated != 0 {
			g.cut++
		}
	}
	if err := errors.Join(g.checkPeople(n), g.checkSets()); err != nil {
		return err
	}
	for i, p := range g.tipPos {
		if p < 0 || int(p) >= n || i > 0 && g.tips[i-1].Name >= g.tips[i].Name {
			return bad("refs")
		}
		g.tips[i].Commit = g.Hash(Pos(p))
	}
	for _, s := range g.setOf[:n] {
		if s == 0 {
			g.garbage++
		}
	}
	g.cutRefs, g.setOf = g.setOf[n], g.setOf[:n]
	return nil
}

func (g *Graph) checkPeople(n int) error {
	bad := fmt.Errorf("%w: people", ErrCorrupt)
	starts := g.people.starts
	if len(g.writer) != n || len(g.committer) != n || len(starts) == 0 || starts[0] != 0 || int(starts[len(starts)-1]) != len(g.people.text) {
		return bad
	}
	for i := range g.people.len() {
		if starts[i] > starts[i+1] {
			return bad
		}
	}
	for p := range n {
		if id := g.writer[p]; id < 0 || int(id) >= g.people.len() {
			return bad
		}
		if id := g.committer[p]; id < 0 || int(id) >= g.people.len() {
			return bad
		}
	}
	return nil
}

func (g *Graph) checkSets() error {
	bad := fmt.Errorf("%w: ref sets", ErrCorrupt)
	s := &g.sets
	below := len(s.leaves)
	if below == 0 || s.leaves[0] != 0 || len(s.byRank) != len(g.tipPos) {
		return bad
	}
	for _, w := range s.leaves {
		if len(s.levels) == 0 && w>>len(s.byRank) != 0 && len(s.byRank) < 64 {
			return bad
		}
	}
	for _, level := range s.levels {
		if len(level) == 0 || level[0] != (node{}) {
			return bad
		}
		for _, nd := range level {
			for _, c := range nd {
				if c < 0 || int(c) >= below {
					return bad
				}
			}
		}
		below = len(level)
	}
	for _, id := range g.setOf {
		if id < 0 || int(id) >= below {
			return bad
		}
	}
	s.rank = make([]int32, len(s.byRank))
	seen := make([]bool, len(s.byRank))
	for bit, ref := range s.byRank {
		if ref < 0 || int(ref) >= len(seen) || seen[ref] {
			return bad
		}
		seen[ref], s.rank[ref] = true, int32(bit)
	}
	// Bits beyond the refs, in the padding of a larger table, would be refs that
	// are not there: the byRank table is extended so that they fall on none.
	if width := 1 << (leafBits + nodeBits*len(s.levels)); len(s.byRank) < width {
		var stray []RefID
		for id := range below {
			if stray = s.strays(int32(id), len(s.levels), 0, stray[:0]); len(stray) > 0 {
				return bad
			}
		}
	}
	return nil
}

// strays appends the bits of a set that belong to no ref.
func (s *refSets) strays(id int32, level, base int, dst []RefID) []RefID {
	width := 1 << (leafBits + nodeBits*level)
	if id == 0 || base+width <= len(s.byRank) {
		return dst
	}
	if level == 0 {
		w := s.leaves[id]
		if keep := len(s.byRank) - base; keep > 0 {
			w = w >> keep << keep
		}
		if w != 0 {
			dst = append(dst, RefID(base))
		}
		return dst
	}
	for i, c := range s.levels[level-1][id] {
		dst = s.strays(c, level-1, base+i*(width>>nodeBits), dst)
	}
	return dst
}
