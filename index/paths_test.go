package index_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

const changingHistory = `
commit root "Begin" Makefile="all:" src/engine.c="1" src/net/conn.c="1" src/net/Makefile="all:" doc/a.txt="a"
tag v1.0
branch stable/1
branch topic
commit edit "Edit the engine" src/engine.c="2"
commit move "Move a file" src/net/conn.c= src/net/link.c="1"
commit drop "Drop the document" doc/a.txt=
checkout topic
commit theirs "On a topic" src/topic.c="1"
checkout main
merge clean topic
branch other edit
checkout other
commit otherwise "Otherwise" src/engine.c="3"
checkout main
commit again "Edit it again" src/engine.c="4"
git merge -q --no-commit -s ours other
commit evil "Merge both, with an edit" src/engine.c="5"
checkout stable/1
cherry-pick edit1 -x edit
checkout main
`

// waitPaths waits for paths and gives the snapshot that has them.
func (x opened) waitPaths(t *testing.T) *index.Snapshot {
	t.Helper()
	if err := x.WaitPaths(deadline(t)); err != nil {
		t.Fatal(err)
	}
	return x.Snapshot()
}

// checkPaths holds file: against git log, which is asked for the full history:
// what is left of it without the merges that equal a parent is what file: means.
// Merges are left out of globs, since git takes all files that match as one there.
func checkPaths(t *testing.T, r *gittest.Repo, x opened, s *index.Snapshot, paths ...string) {
	t.Helper()
	for _, path := range paths {
		found, err := x.search(t, s, `file:"`+path+`"`)
		if err != nil {
			t.Errorf("file:%s: %v", path, err)
			continue
		}
		var want, got []string
		list := []string{"log", "--branches", "--tags", "--full-history", "--format=%H"}
		glob := strings.ContainsAny(path, "*?")
		if glob {
			list = append(list, "--no-merges")
		}
		for _, sha := range strings.Fields(r.Git(append(list, "--", path)...)) {
			parents := strings.Fields(r.Git("rev-parse", sha+"^@"))
			equal := slices.ContainsFunc(parents, func(p string) bool {
				return r.Git("diff-tree", "-r", "--name-only", p, sha, "--", path) == ""
			})
			if !equal {
				want = append(want, sha)
			}
		}
		for _, h := range found {
			if p, _ := s.Graph.Pos(h); !glob || !s.Graph.Merge(p) {
				got = append(got, h.String())
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("file:%s finds %v, git log %v", path, got, want)
		}
	}
}

var somePaths = []string{"src/engine.c", "src", "src/", "src/net", "src/net/conn.c", "src/net/link.c", "doc/a.txt", "doc", "./Makefile", "src/*", "*.c", "src/t?pic.c", "no/such"}

func TestPaths(t *testing.T) {
	r := gittest.New(t, changingHistory)
	x := open(t, r.Dir, t.TempDir(), false)
	s := x.waitPaths(t)
	if limits := s.PathLimits(); len(limits) > 0 {
		t.Errorf("limits %v", limits)
	}
	for _, c := range []struct{ query, want string }{
		{"file:src/engine.c", "edit1 evil again otherwise edit root"},
		{"?:src/engine.c", "edit1 evil again otherwise edit root"},
		{"file:src/net/conn.c", "move root"},
		{"file:src/net/link.c", "move"},
		{"file:doc", "drop root"},
		{"file:topic.c", "theirs"}, // a name
		{"file:Makefile", "root"},
		{"file:makefile", ""},
		{"file:*/topic.c", "theirs"},
		{"file:SRC", ""},
		{"file:src -file:engine.c", "clean theirs move"},
		{"file:src/engine.c ref:stable/1", "edit1 root"},
		{"file:src/engine.c otherwise", "otherwise"},
		{"file:link.c OR file:./topic.c", "move"},
		{"type:merge file:src", "evil clean"},
	} {
		got, err := x.search(t, s, c.query)
		if labels := strings.Join(r.Labels(got...), " "); err != nil || labels != c.want {
			t.Errorf("%s finds %q (%v), not %q", c.query, labels, err, c.want)
		}
	}
	checkPaths(t, r, x, s, somePaths...)
	for _, bad := range []string{"file:.", "file:./", "file::/"} {
		if _, err := x.search(t, s, bad); err == nil {
			t.Errorf("%s finds something", bad)
		}
	}
}

// TestPathsFollow: pushes, force-pushes, a rebuild and another process find what
// an index from nothing finds.
func TestPathsFollow(t *testing.T) {
	r := gittest.New(t, changingHistory)
	store := t.TempDir()
	x := open(t, r.Dir, store, true)
	checkPaths(t, r, x, x.waitPaths(t), somePaths...)
	for _, step := range []string{
		"commit more \"More\" src/more.c=\"1\" src/engine.c=\"6\"",
		"checkout topic\ncommit side \"Aside\" src/topic.c=\"2\"\ncheckout main\nmerge both topic",
		"git reset -q --hard HEAD~3\ncommit forced \"Forced\" doc/b.txt=\"1\"",
		"git branch -D other",
	} {
		r.Do(step)
		checkPaths(t, r, x, x.waitPaths(t), append(somePaths, "src/more.c", "doc/b.txt")...)
	}
	x.Reindex()
	ctx := deadline(t)
	for range 20 { // what was known answers while it is made anew
		got, err := x.search(t, x.Snapshot(), "file:src/net/link.c")
		if err != nil || strings.Join(r.Labels(got...), " ") != "move" {
			t.Errorf("meanwhile: %v, %v", r.Labels(got...), err)
		}
	}
	if err := x.WaitPaths(ctx); err != nil {
		t.Fatal(err)
	}
	checkPaths(t, r, x, x.waitPaths(t), somePaths...)
	eventually(t, x, func(*index.Snapshot) bool {
		_, err := os.Stat(filepath.Join(x.dir, "g1"))
		return errors.Is(err, fs.ErrNotExist)
	})
	x.close(t)
	again := open(t, r.Dir, store, true)
	checkPaths(t, r, again, again.waitPaths(t), somePaths...)
}

// TestPathsDamaged: what is damaged, cut, gone or of a later version is built anew.
func TestPathsDamaged(t *testing.T) {
	r := gittest.New(t, changingHistory)
	segment := func(dir string) string {
		files, err := filepath.Glob(filepath.Join(dir, "g*", "paths", "*.paths"))
		if err != nil || len(files) != 1 {
			t.Fatalf("segments: %v, %v", files, err)
		}
		return files[0]
	}
	for name, harm := range map[string]func(file string) error{
		"flipped":      flip,
		"cut":          func(f string) error { return os.Truncate(f, 50) },
		"empty":        func(f string) error { return os.Truncate(f, 0) },
		"gone":         os.Remove,
		"all gone":     func(f string) error { return os.RemoveAll(filepath.Dir(f)) },
		"a file there": func(f string) error { return errors.Join(os.RemoveAll(f), os.MkdirAll(f, 0o700)) },
		"of a later version": func(f string) error {
			b, err := os.ReadFile(f)
			if err == nil {
				b[8]++
				err = os.WriteFile(f, b, 0o600)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := t.TempDir()
			first := open(t, r.Dir, store, true)
			first.waitPaths(t)
			first.close(t)
			if err := harm(segment(first.dir)); err != nil {
				t.Fatal(err)
			}
			second := open(t, r.Dir, store, true)
			checkPaths(t, r, second, second.waitPaths(t), "src/engine.c", "src", "*.c")
			segment(second.dir)
		})
	}
}

// noChanges is a repository that cannot say what commits changed.
type noChanges struct {
	*gitrepo.Repository
	err error
}

func (n noChanges) Changes(ctx context.Context, _ []history.Hash, _ func(history.Hash, []string) error) error {
	if n.err != nil {
		return n.err
	}
	<-ctx.Done()
	return ctx.Err()
}

// TestPathsPending: while paths are being read, words answer, and Close does not
// wait; without git the operator says what it needs.
func TestPathsPending(t *testing.T) {
	r := gittest.New(t, changingHistory)
	for name, failure := range map[string]error{"slow": nil, "no git": gitrepo.ErrNeedsGit} {
		t.Run(name, func(t *testing.T) {
			ctx := deadline(t)
			loc, err := gitrepo.Discover(ctx, r.Dir)
			if err != nil {
				t.Fatal(err)
			}
			git, err := gitrepo.Open(ctx, loc, gitrepo.Options{ViewDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			i, err := index.Open(noChanges{git, failure}, index.Options{Name: "test", Program: "test", Dir: t.TempDir(), HashSize: 20, Words: true, Paths: true})
			if err != nil {
				t.Fatal(err)
			}
			i.Start(context.Background())
			x := opened{Index: i, git: git}
			defer x.close(t)
			waited := make(chan error, 1)
			waiting, cancel := context.WithCancel(ctx)
			go func() { waited <- i.WaitPaths(waiting) }()
			s := x.wait(t)
			if got, err := x.search(t, s, "engine"); err != nil || len(got) != 2 {
				t.Errorf("words find %v, %v", r.Labels(got...), err)
			}
			if failure != nil {
				if err := <-waited; !errors.Is(err, failure) {
					t.Errorf("waiting for paths: %v", err)
				}
				cancel()
				if _, err := x.search(t, i.Snapshot(), "file:src"); !errors.Is(err, failure) {
					t.Errorf("file: %v", err)
				}
				return
			}
			if limits := s.PathLimits(); !slices.Equal(limits, []history.Limit{history.LimitPathsPending}) {
				t.Errorf("limits %v", limits)
			}
			cancel()
			if err := <-waited; !errors.Is(err, context.Canceled) {
				t.Errorf("waiting for paths: %v", err)
			}
		})
	}
}

// TestPathsPartial: trees that are missing take their commits out of the answer,
// which says so.
func TestPathsPartial(t *testing.T) {
	r := gittest.New(t, changingHistory)
	tree := strings.TrimSpace(r.Git("rev-parse", r.Hash("drop").String()+":src"))
	if err := os.Remove(filepath.Join(r.GitDir(), "objects", tree[:2], tree[2:])); err != nil {
		t.Fatal(err)
	}
	x := open(t, r.Dir, t.TempDir(), true)
	s := x.waitPaths(t)
	if limits := s.PathLimits(); !slices.Equal(limits, []history.Limit{history.LimitPartial}) {
		t.Errorf("limits %v", limits)
	}
	got, err := x.search(t, s, "file:src/engine.c")
	if labels := strings.Join(r.Labels(got...), " "); err != nil || labels != "edit1 evil again otherwise edit root" {
		t.Errorf("it finds %q, %v", labels, err)
	}
}

// TestPathsShallow: the boundary's commits count as the first, as in git log, and
// are read again when it moves.
func TestPathsShallow(t *testing.T) {
	r := gittest.New(t, changingHistory)
	clone := r.Clone("--depth=2", "--no-single-branch")
	x := open(t, clone.Dir, t.TempDir(), true)
	x.waitPaths(t)
	clone.Git("fetch", "-q", "--unshallow")
	s := x.waitPaths(t)
	got, err := x.search(t, s, "file:src/net/conn.c")
	if labels := strings.Join(r.Labels(got...), " "); err != nil || labels != "move root" {
		t.Errorf("deepened, it finds %q, %v", labels, err)
	}
}
