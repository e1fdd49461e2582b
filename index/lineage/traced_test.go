package lineage

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// found are the parts of a lineage that are traced.
func found(l *Lineage) []any {
	all := []any{l.complete, l.absent, l.vague, l.requested, l.upstream, l.evidence, l.lines}
	for _, e := range l.kinds() {
		all = append(all, e.out, e.in)
	}
	return all
}

// TestTraced holds that a lineage which was kept is what would be traced again,
// and that it is taken for nothing else.
func TestTraced(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		m := randomGraph(t, seed, 5+int(seed)*4)
		f := m.facts()
		built, err := Build(t.Context(), m.Graph, f, m.lines, Options{})
		if err != nil {
			t.Fatal(err)
		}
		kept := Traced{Path: filepath.Join(t.TempDir(), "traced"), Key: Key(m.Graph, f, 7, m.lines, Options{}, "this one")}
		if kept.IsKept() {
			t.Error("it is kept before it is saved")
		}
		if _, err := kept.Load(m.Graph, f, m.lines); !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
		if err := kept.Save(built); err != nil {
			t.Fatal(err)
		}
		loaded, err := kept.Load(m.Graph, f, m.lines)
		if err != nil || !kept.IsKept() {
			t.Fatal(err, kept.IsKept())
		}
		if diff := cmp.Diff(found(built), found(loaded), cmp.AllowUnexported(edge{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("seed %d (-traced +loaded):\n%s", seed, diff)
		}
		other := kept
		for name, key := range map[string]uint64{
			"other facts":     Key(m.Graph, f, 8, m.lines, Options{}, "this one"),
			"other lines":     Key(m.Graph, f, 7, m.lines[1:], Options{}, "this one"),
			"other options":   Key(m.Graph, f, 7, m.lines, Options{NoTrailers: true}, "this one"),
			"another program": Key(m.Graph, f, 7, m.lines, Options{}, "another one"),
		} {
			other.Key = key
			if _, err := other.Load(m.Graph, f, m.lines); !errors.Is(err, ErrUntraced) || other.IsKept() {
				t.Errorf("with %s: %v", name, err)
			}
		}
		m.tips[0].Commit = m.Hash(0) // a force-push
		m.grow(t, m.Graph, nil)
		if Key(m.Graph, f, 7, m.lines, Options{}, "this one") == kept.Key {
			t.Error("refs do not count")
		}
	}
	if Key(randomGraph(t, 1, 12).Graph, NewFacts(BuiltinDialects()), 7, nil, Options{}, "this one") != 0 {
		t.Error("there is a key without facts")
	}
}

// FuzzTraced holds that no file makes Load panic, and that its edges stay within
// the graph.
func FuzzTraced(f *testing.F) {
	m := randomGraph(f, 3, 30)
	facts := m.facts()
	built, err := Build(f.Context(), m.Graph, facts, m.lines, Options{})
	if err != nil {
		f.Fatal(err)
	}
	kept := Traced{Path: filepath.Join(f.TempDir(), "traced"), Key: 1}
	if err := kept.Save(built); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(kept.Path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= headLen+8 {
			binary.LittleEndian.PutUint64(b[headLen:], kept.Key)
			binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[headLen:], castagnoli))
		}
		l, err := kept.decode(b, m.Graph, facts, m.lines)
		if err != nil {
			return
		}
		for p := range m.Len() {
			l.Landings(pos(p))
			l.Related(pos(p))
		}
	})
}
