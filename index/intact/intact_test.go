package intact

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"os"
	"path/filepath"
	"testing"
)

const size = 4096

// database is a small one: meta pages, a list of free pages, and a leaf with a
// bucket of one segment, written as bbolt writes them.
func database() []byte {
	b := make([]byte, 5*size)
	header := func(page, kind, count int) []byte {
		p := b[page*size:][:size]
		order.PutUint64(p, uint64(page))
		order.PutUint16(p[8:], uint16(kind))
		order.PutUint16(p[10:], uint16(count))
		return p[pageHeader:]
	}
	for page := range 2 {
		m := header(page, metaPage, 0)
		order.PutUint32(m, boltMagic)
		order.PutUint32(m[4:], boltVersion)
		order.PutUint32(m[8:], size)
		order.PutUint64(m[16:], 3) // the root
		order.PutUint64(m[32:], 2) // the list of free pages
		order.PutUint64(m[40:], 5) // how many there are
		order.PutUint64(m[48:], uint64(page))
		sum := fnv.New64a()
		_, _ = sum.Write(m[:metaSummed]) //nolint:errcheck // a hash never fails
		order.PutUint64(m[metaSummed:], sum.Sum64())
	}
	order.PutUint64(header(2, freelistPage, 1), 4)
	leaf(header(3, leafPage, 1), 1, "s", bucket(1, "p", "000000000001.zap"))
	return b
}

func bucket(count int, key, value string) string {
	b := make([]byte, bucketHeader+pageHeader+leafElement+len(key)+len(value))
	order.PutUint16(b[bucketHeader+8:], leafPage)
	order.PutUint16(b[bucketHeader+10:], uint16(count))
	leaf(b[bucketHeader+pageHeader:], 0, key, value)
	return string(b)
}

func leaf(element []byte, flags uint32, key, value string) {
	order.PutUint32(element, flags)
	order.PutUint32(element[4:], leafElement)
	order.PutUint32(element[8:], uint32(len(key)))
	order.PutUint32(element[12:], uint32(len(value)))
	copy(element[leafElement:], key+value)
}

func TestState(t *testing.T) {
	segments, err := readState(database())
	if err != nil || len(segments) != 1 || !segments["000000000001.zap"] {
		t.Fatalf("a sound database: %v, %v", segments, err)
	}
	for name, at := range map[string]int{
		"meta page": 16 + 20, "the other meta page": size + 16 + 20, "type of a free list": 2*size + 8, "a free page": 2*size + 16,
		"number of a page": 3 * size, "type of a page": 3*size + 8, "elements": 3*size + 11, "overflow": 3*size + 12,
		"position of a key": 3*size + pageHeader + 7, "size of a key": 3*size + pageHeader + 11, "size of a value": 3*size + pageHeader + 15,
		"type of a bucket":  3*size + pageHeader + leafElement + 1 + bucketHeader + 8,
		"name of a segment": 3*size + pageHeader + leafElement + 1 + bucketHeader + pageHeader + leafElement + 1 + 14,
	} {
		b := database()
		b[at] ^= 0x41
		if _, err := readState(b); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzState(f *testing.F) {
	whole := database()
	f.Add(uint16(3*size+pageHeader), []byte{1})
	f.Add(uint16(2*size+10), []byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, at uint16, with []byte) {
		b := append([]byte(nil), whole...)
		if int(at) < len(b) {
			copy(b[at:], with)
		}
		_, err := readState(b)
		_, short := readState(b[:max(0, len(b)-len(with))])
		if err != nil && !errors.Is(err, ErrDamaged) || short != nil && !errors.Is(short, ErrDamaged) {
			t.Error(err, short)
		}
	})
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	check := func(what string, sound bool) {
		t.Helper()
		if err := Check(dir); (err == nil) != sound || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	write := func(name string, b []byte) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "store"), 0o700), os.WriteFile(filepath.Join(dir, "store", name), b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	check("nothing", false)
	write("root.bolt", database())
	check("without its segment", false)
	b := []byte(fmt.Sprintf("%040d", 1))
	write("000000000001.zap", binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
	check("all", true)
	write("000000000002.zap", []byte("half of a segm"))
	check("a leftover", true)
	write("000000000001.zap", b)
	check("a segment with another sum", false)
}
