package index_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// logged is a log that can be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(strings.Lines(l.b.String()))
}

// openLogged opens and starts an index, and keeps what it warns of.
func openLogged(t *testing.T, dir, store string) (opened, *logged) {
	t.Helper()
	ctx := context.Background()
	loc, err := gitrepo.Discover(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	git, err := gitrepo.Open(ctx, loc, gitrepo.Options{ViewDir: filepath.Join(store, "view")})
	if err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	x, err := index.Open(git, index.Options{Name: "test", Program: "test", Dir: filepath.Join(store, "index"), HashSize: 20, Words: true,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	x.Start(ctx)
	return opened{x, git, filepath.Join(store, "index")}, log
}

// answers is all that an index says, as text.
func answers(t *testing.T, x opened, r *gittest.Repo) string {
	t.Helper()
	s := x.wait(t)
	var lines []string
	for p := range graph.Pos(s.Graph.Len()) {
		if !s.Graph.Reachable(p) {
			continue
		}
		var refs []string
		for _, id := range s.Graph.RefsOf(p, nil) {
			refs = append(refs, s.Graph.Tips()[id].Name)
		}
		slices.Sort(refs)
		lines = append(lines, fmt.Sprint(s.Graph.Hash(p), refs, s.Tags(p).All))
	}
	slices.Sort(lines)
	for _, text := range []string{"deadlock", "leak", "conntrack", "describe OR add", `"memory leak"`, "cve:2024-32002", "-memory"} {
		found, err := x.search(t, s, text)
		lines = append(lines, fmt.Sprint(text, r.Labels(found...), err))
	}
	return strings.Join(lines, "\n")
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// flipped flips one bit in each of the seeded places.
func flipped(t *testing.T, file string, seed uint64, places int) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for range places {
		if len(b) > 0 {
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		}
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamage harms each file of an index in many ways. Whatever it is, the index
// opens, its answers are right in the end, it says in one line what happened,
// and the next process finds a sound index.
func TestDamage(t *testing.T) {
	r := gittest.New(t, someHistory)
	whole := t.TempDir()
	first := open(t, r.Dir, whole, true)
	checkAgainstGit(t, r, first.wait(t))
	r.Do("commit later \"Fix the deadlock for good\"") // a second segment
	checkAgainstGit(t, r, first.wait(t))
	want := answers(t, first, r)
	first.close(t)
	stranger := gittest.New(t, "commit x \"Not ours, leak and deadlock\"\n"+"git commit -q --allow-empty -m leak\ngit commit -q --allow-empty -m deadlock\n")
	strange := t.TempDir()
	other := open(t, stranger.Dir, strange, true)
	other.wait(t)
	other.close(t)

	type harm struct {
		name string
		told bool // it has to be said
		do   func(t *testing.T, dir string)
	}
	var harms []harm
	var files []string
	err := filepath.WalkDir(filepath.Join(whole, "index"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(filepath.Join(whole, "index"), path) //nolint:errcheck // it is below
			if !strings.Contains(filepath.ToSlash(name), "/paths/") {    // they are opened when asked for: TestPaths damages them
				files = append(files, name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		info, err := os.Stat(filepath.Join(whole, "index", file))
		if err != nil {
			t.Fatal(err)
		}
		size := info.Size()
		matters := file != "lock"
		for _, length := range []int64{0, 1, size / 2, size - 1} {
			if length >= 0 && length < size {
				harms = append(harms, harm{fmt.Sprintf("%s cut to %d", file, length), matters && length < size-1, func(t *testing.T, dir string) {
					if err := os.Truncate(filepath.Join(dir, file), length); err != nil {
						t.Fatal(err)
					}
				}})
			}
		}
		flips := uint64(3)
		if filepath.Base(file) == "root.bolt" {
			flips = 20
		}
		for seed := range flips {
			if size > 0 {
				harms = append(harms, harm{fmt.Sprintf("%s flipped %d", file, seed), false, func(t *testing.T, dir string) {
					flipped(t, filepath.Join(dir, file), seed, 1<<(seed%5))
				}})
			}
		}
		harms = append(harms,
			harm{file + " gone", matters && file != "manifest.json" && filepath.Base(file) != "traced", func(t *testing.T, dir string) {
				if err := os.Remove(filepath.Join(dir, file)); err != nil {
					t.Fatal(err)
				}
			}},
			harm{file + " a directory", matters, func(t *testing.T, dir string) {
				path := filepath.Join(dir, file)
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				inside := path
				if matters { // a lock that is no empty directory is left alone
					inside = filepath.Join(path, "inside")
				}
				if err := os.MkdirAll(inside, 0o700); err != nil {
					t.Fatal(err)
				}
			}},
			harm{file + " unreadable", true, func(t *testing.T, dir string) { // a link to itself, since root reads all
				path := filepath.Join(dir, file)
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(filepath.Base(path), path); err != nil {
					t.Skip(err)
				}
			}})
	}
	write := func(file, content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	from := func(file string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
			source := filepath.Join(strange, "index", file)
			if info, err := os.Stat(source); err == nil && info.IsDir() {
				copyTree(t, source, filepath.Join(dir, file))
				return
			}
			b, err := os.ReadFile(source)
			if err != nil {
				t.Fatal(err)
			}
			write(file, string(b))(t, dir)
		}
	}
	harms = append(harms,
		harm{"nothing", false, func(*testing.T, string) {}},
		harm{"an older format", true, write("manifest.json", `{"format":0,"generation":1}`)},
		harm{"a newer format", true, write("manifest.json", `{"format":99,"generation":1}`)},
		harm{"an empty manifest", true, write("manifest.json", "{}")},
		harm{"an absent generation", true, write("manifest.json", `{"format":1,"generation":7}`)},
		harm{"an older version of the graph", true, graphVersion(1)},
		harm{"a newer version of the graph", true, graphVersion(99)},
		harm{"an older schema of the words", true, wordsSchema(2)},
		harm{"a newer schema of the words", true, wordsSchema(99)},
		harm{"another's graph", true, from("g1/graph")},
		harm{"another's text", true, from("g1/text")},
		harm{"another's generation", false, from("g1")},
		harm{"an older graph", false, func(t *testing.T, dir string) {
			before := t.TempDir()
			x := open(t, gittest.New(t, someHistory).Dir, before, false)
			if err := x.WaitGraph(deadline(t)); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(filepath.Join(x.dir, "g1", "graph"))
			if err != nil {
				t.Fatal(err)
			}
			write("g1/graph", string(b))(t, dir)
		}},
		harm{"a generation that is a file", true, func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "g1")); err != nil {
				t.Fatal(err)
			}
			write("g1", "no directory")(t, dir)
		}},
		harm{"the directory is gone", false, func(t *testing.T, dir string) {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}},
	)
	for _, h := range harms {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			store := t.TempDir()
			dir := filepath.Join(store, "index")
			copyTree(t, filepath.Join(whole, "index"), dir)
			h.do(t, dir)
			x, log := openLogged(t, r.Dir, store)
			if diff := cmp.Diff(want, answers(t, x, r)); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			unkept := x.Snapshot().StoreError()
			x.close(t)
			said := log.lines()
			if len(said) > 1 || h.told && len(said) == 0 {
				t.Errorf("it said %q", said)
			}
			if unkept != nil {
				if !strings.Contains(h.name, "lock") {
					t.Errorf("it is not kept: %v", unkept)
				}
				return
			}
			again, log := openLogged(t, r.Dir, store)
			if again.Snapshot().Graph.Len() == 0 {
				t.Error("the next process finds nothing")
			}
			if diff := cmp.Diff(want, answers(t, again, r)); diff != "" {
				t.Errorf("the next process's answers (-want +got):\n%s", diff)
			}
			again.close(t)
			if said := log.lines(); len(said) > 0 {
				t.Errorf("the next process said %q", said)
			}
		})
	}
}

func graphVersion(v uint32) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		file := filepath.Join(dir, "g1", "graph")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		binary.LittleEndian.PutUint32(b[8:], v)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func wordsSchema(v byte) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		words, err := bleve.Open(filepath.Join(dir, "g1", "text"))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(words.SetInternal([]byte("schema"), []byte{v}), words.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamageWhileOpen harms files that are mapped. Searches fail, not the
// process, until the words are made anew.
func TestDamageWhileOpen(t *testing.T) {
	for name, harm := range map[string]func(file string, size int64) error{
		"cut": func(file string, _ int64) error { return os.Truncate(file, 0) },
		"overwritten": func(file string, size int64) error {
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt(bytes.Repeat([]byte{0xff}, int(size)), 0)
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := gittest.New(t, someHistory)
			x, log := openLogged(t, r.Dir, t.TempDir())
			want := answers(t, x, r)
			files, err := filepath.Glob(filepath.Join(x.dir, "g1", "text", "store", "*.zap"))
			if err != nil || len(files) == 0 {
				t.Fatal(files, err)
			}
			for _, file := range files {
				info, err := os.Stat(file)
				if err == nil {
					err = harm(file, info.Size())
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if _, err := x.search(t, x.Snapshot(), "memory"); !errors.Is(err, index.ErrDamaged) {
				t.Errorf("a search says %v", err)
			}
			if diff := cmp.Diff(want, answers(t, x, r)); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			x.close(t)
			if said := log.lines(); len(said) != 1 || !strings.Contains(said[0], "built anew") {
				t.Errorf("it said %q", said)
			}
		})
	}
}

// breakDown is a panic in one of Bleve's own goroutines, as the index hears of it.
func breakDown(t *testing.T, x opened) {
	t.Helper()
	words, err := filepath.Glob(filepath.Join(x.dir, "g*", "text", "store"))
	if err != nil || len(words) != 1 {
		t.Fatal(words, err)
	}
	scorch.RegistryAsyncErrorCallbacks["cabhfuil"](fmt.Errorf("a test: %w", scorch.ErrAsyncPanic), words[0])
}

// TestBreakDown rebuilds when Bleve breaks down, but not for ever.
func TestBreakDown(t *testing.T) {
	r := gittest.New(t, someHistory)
	x, _ := openLogged(t, r.Dir, t.TempDir())
	defer x.close(t)
	want := answers(t, x, r)
	for i := range 3 {
		breakDown(t, x)
		if diff := cmp.Diff(want, answers(t, x, r)); diff != "" {
			t.Errorf("after %d (-want +got):\n%s", i+1, diff)
		}
		eventually(t, x, func(*index.Snapshot) bool { // the old one is swept
			dirs, err := filepath.Glob(filepath.Join(x.dir, "g*"))
			return err == nil && len(dirs) == 1
		})
	}
	breakDown(t, x)
	if err := x.WaitWords(deadline(t)); err == nil || !strings.Contains(err.Error(), "again and again") {
		t.Errorf("after all, it says %v", err)
	}
	checkAgainstGit(t, r, x.Snapshot())
}

// TestRemovedWhileOpen removes the index of a running process, as cleaners of
// caches do. It gives up the lock that nobody else can see, and makes the index
// anew; answers go on.
func TestRemovedWhileOpen(t *testing.T) {
	r := gittest.New(t, someHistory)
	store := t.TempDir()
	x, log := openLogged(t, r.Dir, store)
	want := answers(t, x, r)
	if err := os.RemoveAll(x.dir); err != nil {
		t.Fatal(err)
	}
	other, _ := openLogged(t, r.Dir, store) // it is the writer now
	defer other.close(t)
	if diff := cmp.Diff(want, answers(t, other, r)); diff != "" {
		t.Errorf("the other one's answers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, answers(t, x, r)); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if err := x.Snapshot().StoreError(); !errors.Is(err, index.ErrHeld) {
		t.Errorf("it still writes: %v", err)
	}
	x.close(t)
	if said := log.lines(); len(said) != 1 || !strings.Contains(said[0], "was removed") {
		t.Errorf("it said %q", said)
	}
}

// TestRebuildInBackground holds that the graph answers while words of another
// schema are built anew, and all answers while the index is.
func TestRebuildInBackground(t *testing.T) {
	r := gittest.New(t, someHistory)
	store := t.TempDir()
	x := open(t, r.Dir, store, true)
	want := answers(t, x, r)
	x.Reindex()
	eventually(t, x, func(s *index.Snapshot) bool {
		if len(s.Landings(0)) != 2 {
			t.Error("the graph does not answer")
		}
		if got, err := x.search(t, s, "deadlock"); err != nil || len(got) != 2 {
			t.Errorf("the words do not answer: %v, %v", r.Labels(got...), err)
		}
		_, err := os.Stat(filepath.Join(x.dir, "g1"))
		return errors.Is(err, os.ErrNotExist)
	})
	if diff := cmp.Diff(want, answers(t, x, r)); diff != "" {
		t.Errorf("rebuilt (-want +got):\n%s", diff)
	}
	x.close(t)
	words, err := filepath.Glob(filepath.Join(x.dir, "g*", "text"))
	if err != nil || len(words) != 1 {
		t.Fatal(words, err)
	}
	old, err := bleve.Open(words[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(old.SetInternal([]byte("schema"), []byte{2}), old.Close()); err != nil {
		t.Fatal(err)
	}
	again, log := openLogged(t, r.Dir, store)
	defer again.close(t)
	if s := again.Snapshot(); len(s.Landings(0)) != 2 || s.WordsPending() == 0 {
		t.Errorf("before anything is read, %d lines are known and %d words are to come", len(s.Landings(0)), s.WordsPending())
	}
	if diff := cmp.Diff(want, answers(t, again, r)); diff != "" {
		t.Errorf("with another schema (-want +got):\n%s", diff)
	}
	if said := log.lines(); len(said) != 1 || !strings.Contains(said[0], "schema") {
		t.Errorf("it said %q", said)
	}
}

// failing is a source whose commits cannot be read while failure is set.
type failing struct {
	index.Source
	failure atomic.Bool
}

func (s *failing) Walk(ctx context.Context, want, have []history.Hash, fn func(*history.Commit) error) error {
	if s.failure.Load() {
		return errors.New("the commits cannot be read")
	}
	return s.Source.Walk(ctx, want, have, fn)
}

// TestRebuildTriesAgain holds that a rebuild which failed is made when the
// repository can be read again.
func TestRebuildTriesAgain(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, someHistory)
	loc, err := gitrepo.Discover(t.Context(), r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	store := t.TempDir()
	git, err := gitrepo.Open(t.Context(), loc, gitrepo.Options{ViewDir: filepath.Join(store, "view")})
	if err != nil {
		t.Fatal(err)
	}
	source := &failing{Source: git}
	i, err := index.Open(source, index.Options{Name: "test", Dir: filepath.Join(store, "index"), HashSize: 20, Words: true})
	if err != nil {
		t.Fatal(err)
	}
	i.Start(context.Background())
	x := opened{i, git, filepath.Join(store, "index")}
	defer x.close(t)
	want := answers(t, x, r)
	source.failure.Store(true)
	x.Reindex()
	if err := x.WaitGraph(deadline(t)); err == nil {
		t.Fatal("it rebuilds what it cannot read")
	}
	source.failure.Store(false)
	if diff := cmp.Diff(want, answers(t, x, r)); diff != "" {
		t.Errorf("rebuilt (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(x.dir, "g2")); err != nil {
		t.Errorf("there is no new generation: %v", err)
	}
}
