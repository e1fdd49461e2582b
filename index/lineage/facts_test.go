package lineage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage/dialect"
)

var messages = []string{
	"Fix leak\n\nChange-Id: I0123456789abcdef0123456789abcdef01234567\n",
	"Fix leak (#4711)\n\n(cherry picked from commit 1b4e28ba9d5f4c0e8a7163f2d0c95ae47b6e1f02)\n",
	"Revert \"Fix leak\"\n\nThis reverts commit 1b4e28ba9d5f4c0e8a7163f2d0c95ae47b6e1f02.\n",
	"Say nothing\n",
	"",
	"net: close\n\nFixes: 1b4e28ba9d5f (\"net: open\")\nFixes: 2b4e28ba9d ('net: read')\nStable-dep-of: 3b4e28ba9d5f (\"net: write\")\n",
	"[3.9] gh-4711: Close (GH-4712) (#4713)\n",
	"Merge pull request #4714 from someone/close\n\nAutomated cherry pick of #4711 #4712\n\nReverts acme/engine#1\n",
	"Keep order.\n\nBackpatch-through: 14\n",
	"x\n\nPR-URL: https://github.com/acme/engine/pull/4294967295\nMerged-In: I1123456789abcdef0123456789abcdef01234567\nChange-Id: I2123456789abcdef0123456789abcdef01234567\nPatch-mainline: Never, for us\n",
}

func facts(t testing.TB, messages ...string) *Facts {
	t.Helper()
	f := NewFacts(BuiltinDialects())
	fresh := make([]Fact, len(messages))
	for i, m := range messages {
		fresh[i] = f.Read(m)
	}
	return f.Append(fresh)
}

// content is all that facts hold, for comparisons.
func content(f *Facts) string {
	return fmt.Sprint(f.subjects, f.changes, f.requests, f.owners, f.claims, f.names(), f.compared)
}

// otherGraph has as many commits as the random ones, and none of theirs.
func otherGraph(t *testing.T) *graph.Graph {
	t.Helper()
	nodes := make([]graph.Node, 12)
	for i := range nodes {
		nodes[i].Hash = history.MustHash(fmt.Sprintf("%040x", 0xabcd0000+i))
	}
	g, err := graph.New(20).Update(t.Context(), nodes, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestFactsRoundTrip(t *testing.T) {
	t.Parallel()
	for n := range len(messages) + 1 {
		f := facts(t, messages[:n]...)
		path := filepath.Join(t.TempDir(), "facts")
		if _, err := f.Save(path, randomGraph(t, 1, 12).Graph); err != nil {
			t.Fatal(err)
		}
		got, _, err := Open(path, BuiltinDialects(), randomGraph(t, 1, 12).Graph)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(path, BuiltinDialects(), otherGraph(t)); n > 0 && !errors.Is(err, ErrOther) {
			t.Errorf("facts of %d commits of another graph: %v", n, err)
		}
		if diff := cmp.Diff(content(f), content(got)); diff != "" {
			t.Errorf("%d commits (-saved +opened):\n%s", n, diff)
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.tmp"))
		if err != nil || len(left) > 0 {
			t.Error(left, err)
		}
	}
}

// TestFactsGrow holds that facts that were read step by step, or cut, are those
// that were read at once.
func TestFactsGrow(t *testing.T) {
	t.Parallel()
	all := facts(t, messages...)
	for n := range len(messages) + 1 {
		want := content(facts(t, messages[:n]...))
		if got := content(all.Cut(n)); got != want {
			t.Errorf("cut to %d:\n%s\nwant\n%s", n, got, want)
		}
		grown := all.Cut(n)
		for _, m := range messages[n:] {
			grown = grown.Append([]Fact{grown.Read(m)})
		}
		if got, want := content(grown), content(all); got != want {
			t.Errorf("grown from %d:\n%s\nwant\n%s", n, got, want)
		}
	}
	// Two that grow from one do not write into each other.
	half := all.Cut(2)
	one := half.Append([]Fact{half.Read(messages[5])})
	want := content(one)
	half.Append([]Fact{half.Read(messages[7])})
	if got := content(one); got != want {
		t.Errorf("facts changed:\n%s\nwere\n%s", got, want)
	}
}

func TestFactsOfOtherDialects(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "facts")
	if _, err := facts(t, messages...).Save(path, randomGraph(t, 1, 12).Graph); err != nil {
		t.Fatal(err)
	}
	user := []dialect.Spec{{Name: "acme-port", Pattern: `^Ported-From: {sha}$`, Means: dialect.Copy, On: dialect.OnLine, Example: "Ported-From: 1b4e28ba9d5f"}}
	set, err := dialect.Builtin().With(user)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(path, UserDialects(set), randomGraph(t, 1, 12).Graph); !errors.Is(err, ErrFormat) {
		t.Errorf("facts of other dialects: %v", err)
	}
	user[0].Pattern = `^Ported-From:\s+{sha}$`
	other, err := dialect.Builtin().With(user)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := UserDialects(set).signature, UserDialects(other).signature; a == b {
		t.Error("two sets of dialects have one signature")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint32(b[8:], factsVersion+1)
	if _, _, err := decode(b, BuiltinDialects()); !errors.Is(err, ErrFormat) {
		t.Errorf("facts of another version: %v", err)
	}
}

// TestFactsDamaged flips each byte and cuts at each length: that is refused.
func TestFactsDamaged(t *testing.T) {
	t.Parallel()
	good := saved(t)
	for i := range good {
		b := append([]byte(nil), good...)
		b[i] ^= 0x20
		if _, _, err := decode(b, BuiltinDialects()); err == nil {
			t.Errorf("a flip at %d was not seen", i)
		}
		if _, _, err := decode(good[:i], BuiltinDialects()); err == nil {
			t.Errorf("a cut at %d was not seen", i)
		}
	}
	if _, _, err := Open(filepath.Join(t.TempDir(), "none"), BuiltinDialects(), randomGraph(t, 1, 12).Graph); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func saved(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "facts")
	if _, err := facts(t, messages...).Save(path, randomGraph(t, 1, 12).Graph); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzDecode holds that no file makes Open panic, and that what it takes can be
// built and saved. The checksum is made right, so that what is behind it is read.
func FuzzDecode(f *testing.F) {
	f.Add(saved(f))
	d := BuiltinDialects()
	g := randomGraph(f, 1, 12)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 24 {
			binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[16:], castagnoli))
			binary.LittleEndian.PutUint64(b[16:], d.signature)
			binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[16:], castagnoli))
		}
		facts, _, err := decode(b, d)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrFormat) {
				t.Error(err)
			}
			return
		}
		l, err := Build(t.Context(), g.Graph, facts, g.lines, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for p := range g.Len() {
			l.Landings(pos(p), g.lines...)
			l.Related(pos(p))
		}
	})
}

// TestRequestsOfOthers holds that the number of another project's request is not
// one of this repository's.
func TestRequestsOfOthers(t *testing.T) {
	t.Parallel()
	builtin := BuiltinDialects()
	known := builtin.Of("acme/Engine.git", "me/engine", "")
	for _, c := range []struct {
		dialects *Dialects
		message  string
		own      bool
	}{
		{known, "Reverts acme/engine#12", true},
		{known, "Reverts fork/engine#12", true},
		{known, "Reverts acme/library#12", false},
		{known, "Reverts #12", true},
		{builtin, "Reverts acme/library#12", true}, // nothing tells that it is another one
	} {
		fact := NewFacts(c.dialects).Read("Take it out\n\n" + c.message + "\n")
		own := slices.ContainsFunc(fact.claims, func(c claim) bool { return c.means == revertsRequest })
		if own != c.own {
			t.Errorf("%s: a request of ours: %t", c.message, own)
		}
	}
	if known.signature == builtin.signature || builtin.Of().signature != builtin.signature || builtin.Of("x/engine").signature != known.signature {
		t.Error("the signature does not tell what is read otherwise")
	}
}
