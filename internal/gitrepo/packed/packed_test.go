package packed_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo/packed"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(gittest.Isolate(m)) }

// history is commits that are deltas of each other when packed.
func history() string {
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, "commit c%d \"Change %d\" body\n", i, i)
	}
	return b.String() + "-- body --\n" + strings.Repeat("a long line that all of them have\n", 40)
}

func open(t testing.TB, r *gittest.Repo, size int) *packed.Reader {
	t.Helper()
	s, err := packed.Open(filepath.Join(r.GitDir(), "objects"), size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.NewReader()
}

func TestCommit(t *testing.T) {
	for shape, build := range map[string]struct {
		script string
		size   int
	}{
		"loose":       {history(), 20},
		"packed":      {history(), 20},
		"SHA-256":     {"init --object-format=sha256 main\n" + history(), 32},
		"alternates":  {history(), 20},
		"both":        {history(), 20},
		"relative":    {history(), 20},
		"index of v1": {history(), 20},
	} {
		t.Run(shape, func(t *testing.T) {
			r := gittest.New(t, build.script)
			switch shape {
			case "packed", "SHA-256":
				r.Git("repack", "-adfq", "--depth=20", "--window=50")
			case "both":
				r.Do("git repack -adq\ncommit more \"More\"")
			case "alternates":
				r.Git("repack", "-adq")
				r = r.Clone("--shared")
			case "relative":
				r.Git("repack", "-adq")
				clone := r.Clone("--shared")
				info := filepath.Join(clone.GitDir(), "objects", "info")
				path, err := filepath.Rel(filepath.Dir(info), filepath.Join(r.GitDir(), "objects"))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(info, "alternates"), []byte("# comment\n\n"+path+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				r = clone
			case "index of v1":
				r.Git("-c", "pack.indexVersion=1", "repack", "-adq")
			}
			reader := open(t, r, build.size)
			for _, name := range strings.Fields(r.Git("rev-list", "--all")) {
				raw, err := hex.DecodeString(name)
				if err != nil {
					t.Fatal(err)
				}
				got, err := reader.Commit(raw)
				if shape == "index of v1" {
					if !errors.Is(err, packed.ErrElsewhere) {
						t.Errorf("an index that it does not know: %q, %v", got, err)
					}
					continue
				}
				if want := r.Git("cat-file", "commit", name); err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(want) {
					t.Errorf("%s: %v, %q, git has %q", name, err, got, want)
				}
			}
			for _, other := range []string{r.Git("rev-parse", "HEAD^{tree}"), strings.Repeat("1", 2*build.size), "11"} {
				raw, err := hex.DecodeString(strings.TrimSpace(other))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := reader.Commit(raw); !errors.Is(err, packed.ErrElsewhere) {
					t.Errorf("%s: %q, %v", other, got, err)
				}
			}
		})
	}
}

// TestShrinking reads from a pack that is cut short while it is mapped.
func TestShrinking(t *testing.T) {
	r := gittest.New(t, history())
	r.Git("repack", "-adfq", "--depth=0")
	reader := open(t, r, 20)
	for _, file := range glob(t, r, "*.pack") {
		if err := errors.Join(os.Chmod(file, 0o600), os.Truncate(file, 12)); err != nil {
			t.Fatal(err)
		}
	}
	h := r.Hash("c3")
	if _, err := reader.Commit(h.Bytes()); err != nil && !errors.Is(err, packed.ErrElsewhere) {
		t.Error(err)
	}
}

func glob(t testing.TB, r *gittest.Repo, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(r.GitDir(), "objects", "pack", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return files
}

// FuzzDamaged reads from packs and indexes with a byte that is another one: a
// commit is what it was, or it is elsewhere.
func FuzzDamaged(f *testing.F) {
	r := gittest.New(f, history())
	r.Git("repack", "-adfq", "--depth=20", "--window=50")
	content := map[string][]byte{}
	for _, pattern := range []string{"*.pack", "*.idx"} {
		file := glob(f, r, pattern)[0]
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		content[filepath.Base(file)] = b
	}
	want := map[string]string{}
	reader := open(f, r, 20)
	for _, name := range strings.Fields(r.Git("rev-list", "--all")) {
		raw, err := hex.DecodeString(name)
		if err != nil {
			f.Fatal(err)
		}
		b, err := reader.Commit(raw)
		if err != nil {
			f.Fatal(err)
		}
		want[string(raw)] = string(b)
	}
	f.Add(20, byte(0xff), false)
	f.Add(200, byte(1), true)
	f.Add(1200, byte(0x80), true)
	f.Fuzz(func(t *testing.T, at int, xor byte, index bool) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "pack"), 0o700); err != nil {
			t.Fatal(err)
		}
		for name, b := range content {
			if strings.HasSuffix(name, ".idx") == index && at >= 0 && at < len(b) {
				b = slices.Clone(b)
				b[at] ^= xor
			}
			if err := os.WriteFile(filepath.Join(dir, "pack", name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := packed.Open(dir, 20)
		if err != nil {
			t.Fatal(err)
		}
		reader := s.NewReader()
		for name, was := range want {
			got, err := reader.Commit([]byte(name))
			if err != nil && !errors.Is(err, packed.ErrElsewhere) {
				t.Fatal(err)
			}
			if err == nil && string(got) != was {
				t.Fatalf("%x became %q", name, got)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
