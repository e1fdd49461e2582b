package packed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/blevesearch/mmap-go"
)

// Kinds of objects in a pack that matter here.
const (
	commitObject = 1
	offsetDelta  = 6
	nameDelta    = 7
)

// maxDepth bounds chains of deltas; git makes them 50 long, 4095 at most.
const maxDepth = 4096

// pack is a mapped pack with its index of version 2:
//
//	4 bytes "\377tOc", uint32 2
//	256 × uint32: how many names begin with this byte or a smaller one
//	n × name, n × uint32 CRC, n × uint32 offset (with the highest bit: an index
//	into the table that follows), uint64 offsets, checksums
//
// all big-endian.
type pack struct {
	index, data mmap.MMap
	n, size     int
	fanout      []byte
	names       []byte
	offsets     []byte
	far         []byte
}

func openPack(path string, hashSize int) (p *pack, err error) {
	p = &pack{size: hashSize}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.index, err = mapFile(path + ".idx"); err != nil {
		return p, err
	}
	b := []byte(p.index)
	const head = 8 + 256*4
	if len(b) < head+2*hashSize || string(b[:4]) != "\377tOc" || binary.BigEndian.Uint32(b[4:]) != 2 {
		return p, fmt.Errorf("%w: index of another version", ErrElsewhere)
	}
	p.fanout = b[8:head]
	for i := 1; i < 256; i++ {
		if p.upTo(i) < p.upTo(i-1) {
			return p, fmt.Errorf("%w: index out of order", ErrElsewhere)
		}
	}
	p.n = p.upTo(255)
	names := head + p.n*hashSize
	offsets := names + p.n*4 // behind the CRCs
	far := offsets + p.n*4
	end := len(b) - 2*hashSize
	if far > end {
		return p, fmt.Errorf("%w: index too short", ErrElsewhere)
	}
	p.names, p.offsets, p.far = b[head:names], b[offsets:far], b[far:end]
	if p.data, err = mapFile(path + ".pack"); err != nil {
		return p, err
	}
	if len(p.data) < 12+hashSize || string(p.data[:4]) != "PACK" {
		return p, fmt.Errorf("%w: no pack", ErrElsewhere)
	}
	return p, nil
}

func mapFile(path string) (mmap.MMap, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read, and the mapping outlives it
	if info, err := f.Stat(); err != nil || info.Size() == 0 {
		return nil, errors.Join(err, fmt.Errorf("%w: empty file", ErrElsewhere))
	}
	return mmap.Map(f, mmap.RDONLY, 0)
}

func (p *pack) close() error {
	var errs []error
	for _, m := range []*mmap.MMap{&p.index, &p.data} {
		if *m != nil {
			errs = append(errs, m.Unmap())
		}
	}
	return errors.Join(errs...)
}

func (p *pack) upTo(first int) int {
	return int(binary.BigEndian.Uint32(p.fanout[first*4:]))
}

// find is where the object of a name begins in the pack. Names are hashes, so the
// next one to look at is guessed from the names looked at before; a file that has
// others is searched by halves.
func (p *pack) find(name []byte) (offset uint64, ok bool) {
	lo, hi := 0, p.upTo(int(name[0]))
	if name[0] > 0 {
		lo = p.upTo(int(name[0]) - 1)
	}
	want := prefix(name)
	first, last := uint64(name[0])<<24, uint64(name[0])<<24+1<<24
	for tries := 0; lo < hi; tries++ {
		mid := (lo + hi) / 2
		if tries < guesses && first < want && want < last {
			mid = lo + int((want-first)*uint64(hi-lo)/(last-first)) //nolint:gosec // less than hi-lo
		}
		at := p.names[mid*p.size : (mid+1)*p.size]
		switch c := bytes.Compare(at, name); {
		case c == 0:
			return p.offset(mid)
		case c < 0:
			lo, first = mid+1, prefix(at)
		default:
			hi, last = mid, prefix(at)
		}
	}
	return 0, false
}

// guesses is how often the next name is guessed; it is found after about three.
const guesses = 8

// prefix is the beginning of a name as a number.
func prefix(name []byte) uint64 { return uint64(binary.BigEndian.Uint32(name)) }

func (p *pack) offset(i int) (uint64, bool) {
	offset := uint64(binary.BigEndian.Uint32(p.offsets[i*4:]))
	if offset&(1<<31) == 0 {
		return offset, true
	}
	i = int(offset&^(1<<31)) * 8
	if i+8 > len(p.far) {
		return 0, false
	}
	return binary.BigEndian.Uint64(p.far[i:]), true
}

// object reads what lies at a place, deltas applied.
func (r *Reader) object(at place, depth int) (object, error) {
	damaged := func(what string) (object, error) {
		return object{}, fmt.Errorf("%w: %s at %d", ErrElsewhere, what, at.offset)
	}
	if depth > maxDepth {
		return damaged("a chain of deltas too long")
	}
	end := len(at.pack.data) - at.pack.size
	if at.offset < 12 || at.offset >= uint64(end) {
		return damaged("no object")
	}
	b := at.pack.data[at.offset:end:end]
	kind, n, b, ok := header(b)
	if !ok {
		return damaged("no object")
	}
	var base place
	switch kind {
	case commitObject:
		if err := r.inflate(b); err != nil {
			return object{}, err
		}
		content, err := r.rest(n, depth == 0)
		return object{kind, content}, err
	case offsetDelta:
		back, rest, ok := distance(b)
		if !ok || back == 0 || back > at.offset {
			return damaged("a delta without a base")
		}
		base, b = place{at.pack, at.offset - back}, rest
	case nameDelta:
		if len(b) < at.pack.size {
			return damaged("a delta without a base")
		}
		offset, ok := at.pack.find(b[:at.pack.size])
		if !ok {
			return damaged("a delta whose base is elsewhere")
		}
		base, b = place{at.pack, offset}, b[at.pack.size:]
	default: // trees, blobs and tags are nobody's here
		return object{kind: kind}, nil
	}
	if err := r.inflate(b); err != nil {
		return object{}, err
	}
	delta, err := r.rest(n, false)
	if err != nil {
		return object{}, err
	}
	from, kept := r.bases[base]
	if !kept {
		if from, err = r.object(base, depth+1); err != nil {
			return object{}, err
		}
		if len(r.bases) >= maxBases {
			clear(r.bases)
		}
		r.bases[base] = from
	}
	if from.kind != commitObject {
		return from, nil
	}
	content, ok := apply(from.content, delta)
	if !ok {
		return damaged("a delta that does not fit")
	}
	return object{commitObject, content}, nil
}

// header reads an object's kind and its size when inflated: three bits of kind
// and four of size, then seven bits of size a byte while the highest is set.
func header(b []byte) (kind byte, n int, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, 0, nil, false
	}
	kind, n = b[0]>>4&7, int(b[0]&15)
	shift, i := 4, 0
	for b[i]&0x80 != 0 {
		i++
		if i == len(b) || shift > 32 {
			return 0, 0, nil, false
		}
		n |= int(b[i]&0x7f) << shift
		shift += 7
	}
	return kind, n, b[i+1:], n <= maxObject
}

// distance reads how far back the base of a delta lies.
func distance(b []byte) (back uint64, rest []byte, ok bool) {
	for i, c := range b {
		back |= uint64(c & 0x7f)
		if c&0x80 == 0 {
			return back, b[i+1:], true
		}
		if i == 9 {
			break
		}
		back = (back + 1) << 7
	}
	return 0, nil, false
}

// apply makes an object from a base and a delta: the sizes of both, then
// instructions to copy from the base or to insert.
func apply(base, delta []byte) ([]byte, bool) {
	n, delta, ok := varint(delta)
	if !ok || n != uint64(len(base)) {
		return nil, false
	}
	n, delta, ok = varint(delta)
	if !ok || n > maxObject {
		return nil, false
	}
	out := make([]byte, 0, n)
	for len(delta) > 0 {
		op := delta[0]
		delta = delta[1:]
		if op == 0 {
			return nil, false
		}
		if op&0x80 == 0 {
			if int(op) > len(delta) || len(out)+int(op) > int(n) {
				return nil, false
			}
			out, delta = append(out, delta[:op]...), delta[op:]
			continue
		}
		var offset, size int
		for i := range 7 {
			if op&(1<<i) == 0 {
				continue
			}
			if len(delta) == 0 {
				return nil, false
			}
			if i < 4 {
				offset |= int(delta[0]) << (8 * i)
			} else {
				size |= int(delta[0]) << (8 * (i - 4))
			}
			delta = delta[1:]
		}
		if size == 0 {
			size = 1 << 16
		}
		if offset+size > len(base) || len(out)+size > int(n) {
			return nil, false
		}
		out = append(out, base[offset:offset+size]...)
	}
	return out, len(out) == int(n)
}

func varint(b []byte) (n uint64, rest []byte, ok bool) {
	for i, c := range b {
		if i == 9 {
			break
		}
		n |= uint64(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}
