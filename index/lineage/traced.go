package lineage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// A Traced is the file that a Lineage is kept in, so that a process which starts
// where the last one ended need not trace it again.
type Traced struct {
	// Path is the file's.
	Path string
	// Key tells what the lineage was traced from: see Key.
	Key uint64
}

// Key tells what a lineage is traced from: the graph and its refs, facts that are
// saved with the checksum sum, lines, options, and the program, since another
// version of it may find more. It is 0 for facts that are not saved.
func Key(g *graph.Graph, f *Facts, sum uint32, lines []Line, opt Options, program string) uint64 {
	if f.Len() == 0 || f.Len() != g.Len() {
		return 0
	}
	h := fnv.New64a()
	number := func(n uint64) { _, _ = h.Write(binary.LittleEndian.AppendUint64(nil, n)) } //nolint:errcheck // it returns none
	number(tracedVersion)
	number(uint64(len(program)))
	_, _ = h.Write([]byte(program)) //nolint:errcheck // it returns none
	number(uint64(g.Len()))
	number(stamp(g, g.Len()))
	number(f.dialects.signature)
	number(uint64(sum))
	for i, t := range g.Tips() {
		_, _ = h.Write([]byte(t.Name)) //nolint:errcheck // it returns none
		number(uint64(g.TipPos(graph.RefID(i))))
	}
	for _, l := range lines {
		number(uint64(l.Ref)<<2 | uint64(oneIf(l.Upstream))<<1 | uint64(oneIf(l.Ended)))
	}
	number(uint64(oneIf(opt.NoTrailers)))
	return max(h.Sum64(), 1)
}

func oneIf(yes bool) byte {
	if yes {
		return 1
	}
	return 0
}

// The file is, little-endian:
//
//	8 bytes  "cabhtrac"
//	uint32   version (tracedVersion)
//	uint32   CRC-32C of what follows
//	uint64   what it was traced from (Key)
//	byte     1 where the contents of all commits that need it were compared
//	uvarint  number of copies of commits that are not known
//	uvarint  number of vague commits, and for each a uvarint distance to the
//	         position of the one before; the same of merges of requests
//	uvarint  five times, for copies, reverts, re-applies, fixes and prerequisites:
//	         number of edges, and for each a uvarint distance to the position that
//	         the one before begins at, and uvarints of its end and evidence
const tracedVersion = 1

const tracedMagic = "cabhtrac"

// ErrUntraced is returned by Load for a file of what is not asked for. The lineage
// is to be traced.
var ErrUntraced = errors.New("the traced lineage is of another state")

// Save writes a lineage beside its file and renames it there.
func (t Traced) Save(l *Lineage) error {
	body := binary.LittleEndian.AppendUint64(nil, t.Key)
	body = append(body, oneIf(l.complete))
	body = binary.AppendUvarint(body, uint64(l.absent))
	for _, set := range []map[graph.Pos]bool{l.vague, l.requested} {
		body = binary.AppendUvarint(body, uint64(len(set)))
		last := graph.Pos(0)
		for _, p := range slices.Sorted(maps.Keys(set)) {
			body = binary.AppendUvarint(body, uint64(p-last))
			last = p
		}
	}
	for _, e := range l.kinds() {
		body = binary.AppendUvarint(body, uint64(len(e.out)))
		last := graph.Pos(0)
		for _, x := range e.out {
			body = binary.AppendUvarint(body, uint64(x.from-last))
			body = binary.AppendUvarint(binary.AppendUvarint(body, uint64(x.to)), uint64(x.evidence))
			last = x.from
		}
	}
	return saveFile(t.Path, tracedMagic, tracedVersion, body)
}

// IsKept says whether the file is of this key already.
func (t Traced) IsKept() bool {
	f, err := os.Open(t.Path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, headLen+8)
	if _, err := io.ReadFull(f, head); err != nil {
		return false
	}
	body, err := openFile(head, tracedMagic, tracedVersion)
	return err == nil && binary.LittleEndian.Uint64(body) == t.Key
}

// kinds are all edges, in the order of the file.
func (l *Lineage) kinds() []*edges {
	return []*edges{&l.copies, &l.reverts, &l.reapplies, &l.fixes, &l.serves}
}

// Load reads the lineage that Save wrote with this key: what Build would find.
// Other errors than ErrUntraced and os.ErrNotExist are of a file that is of no use.
func (t Traced) Load(g *graph.Graph, f *Facts, lines []Line) (*Lineage, error) {
	b, err := os.ReadFile(t.Path)
	if err != nil {
		return nil, fmt.Errorf("reading the traced lineage: %w", err)
	}
	l, err := t.decode(b, g, f, lines)
	if err != nil {
		return nil, fmt.Errorf("reading the traced lineage: %w", err)
	}
	return l, nil
}

func (t Traced) decode(b []byte, g *graph.Graph, f *Facts, lines []Line) (*Lineage, error) {
	body, err := openFile(b, tracedMagic, tracedVersion)
	if err != nil {
		return nil, err
	}
	in := &input{b: body}
	if key := in.uint64(); in.bad {
		return nil, ErrCorrupt
	} else if key != t.Key {
		return nil, ErrUntraced
	}
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[12:]) {
		return nil, ErrCorrupt
	}
	l := newLineage(g, f, lines)
	n := g.Len()
	l.complete = in.byte() == 1
	l.absent = in.count(0)
	for _, set := range []map[graph.Pos]bool{l.vague, l.requested} {
		last := uint64(0)
		for range in.count(1) {
			last += in.step(n)
			in.bad = in.bad || last >= uint64(n)
			set[graph.Pos(last)] = true
		}
	}
	for _, e := range l.kinds() {
		e.out = make([]edge, in.count(3))
		last := uint64(0)
		for i := range e.out {
			last += in.step(n)
			to, evidence := in.step(n), in.uvarint()
			in.bad = in.bad || last >= uint64(n) || to >= uint64(n) || evidence>>len(l.evidence) != 0
			e.out[i] = edge{graph.Pos(last), graph.Pos(to), Evidence(evidence)}
		}
	}
	if in.bad || len(in.b) > 0 {
		return nil, ErrCorrupt
	}
	for _, e := range l.kinds() {
		e.index(n)
	}
	return l, nil
}
