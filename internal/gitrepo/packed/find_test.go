package packed

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFind finds each name of an index and no other, whether names are spread as
// hashes are or stand close together, as somebody may write them.
func TestFind(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for what, spread := range map[string]func() []byte{
		"hashes": func() []byte { return binary.BigEndian.AppendUint64(nil, r.Uint64()) },
		"close":  func() []byte { return binary.BigEndian.AppendUint64(nil, 7<<56|uint64(r.IntN(5000))) },
		"two heaps": func() []byte {
			return binary.BigEndian.AppendUint64(nil, 7<<56|uint64(r.IntN(2))<<55|uint64(r.IntN(3000)))
		},
		"few prefix": func() []byte { return binary.BigEndian.AppendUint64(nil, uint64(r.IntN(9))<<40|r.Uint64()&0xffff) },
	} {
		names := make([][]byte, 3000)
		for i := range names {
			names[i] = append(spread(), make([]byte, 12)...)
		}
		slices.SortFunc(names, bytes.Compare)
		names = slices.CompactFunc(names, bytes.Equal)
		p := &pack{size: 20, n: len(names), fanout: make([]byte, 1024), names: bytes.Join(names, nil), offsets: make([]byte, 4*len(names))}
		for i, name := range names {
			binary.BigEndian.PutUint32(p.offsets[4*i:], uint32(i))
			for first := int(name[0]); first < 256; first++ {
				binary.BigEndian.PutUint32(p.fanout[4*first:], uint32(i+1))
			}
		}
		for i, name := range names {
			if at, ok := p.find(name); !ok || at != uint64(i) {
				t.Fatalf("%s: %x is at %d, %t, want %d", what, name, at, ok, i)
			}
			other := slices.Clone(name)
			other[19] = 1
			if _, ok := p.find(other); ok {
				t.Fatalf("%s: %x is found", what, other)
			}
		}
	}
}
