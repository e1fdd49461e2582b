package repos_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/index/line"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
)

const history = `
commit one "Add a list"
branch stable/1
branch topic
`

func registry(t *testing.T) *repos.Registry {
	t.Helper()
	home := t.TempDir()
	r := repos.New(repos.Options{IndexDir: filepath.Join(home, "index"), ViewDir: filepath.Join(home, "views")})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestOneIndex opens one repository from many places at once: it is one, with
// one index.
func TestOneIndex(t *testing.T) {
	g := gittest.New(t, history+"git worktree add -q ../linked topic\n")
	inside := filepath.Join(g.Dir, "deep", "inside")
	if err := os.MkdirAll(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	linked := filepath.Join(filepath.Dir(g.Dir), "linked")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(g.Dir, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	r := registry(t)
	paths := []string{g.Dir, inside, filepath.Join(g.Dir, "one.txt"), g.GitDir(), linked, link}
	found := make([]*repos.Repository, len(paths))
	var wg sync.WaitGroup
	for i, path := range paths {
		wg.Go(func() {
			var err error
			if found[i], err = r.Visit().ForPath(deadline(t), path); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		})
	}
	wg.Wait()
	for i, repo := range found {
		if repo != found[0] {
			t.Errorf("%s is another repository than %s", paths[i], paths[0])
		}
	}
	if all := r.All(); len(all) != 1 {
		t.Errorf("there are %d repositories, not one", len(all))
	}
	for path, head := range map[string]string{g.Dir: "HEAD", inside: "HEAD", linked: "worktrees/linked/HEAD"} {
		repo, at, ok := r.Place(path)
		if !ok || repo != found[0] || at.HeadRef() != head {
			t.Errorf("%s: found %t, its HEAD is %q, not %q", path, ok, at.HeadRef(), head)
		}
	}
	if _, ok := r.Known(filepath.Dir(g.Dir)); ok {
		t.Error("the directory above is in the repository")
	}
	if err := found[0].Index.WaitGraph(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if _, ok := found[0].Index.Snapshot().Graph.Pos(g.Hash("one")); !ok {
		t.Error("the index lacks the commit")
	}
}

// TestNames gives each repository a name that people know it by, and no two the
// same.
func TestNames(t *testing.T) {
	top := t.TempDir()
	r := registry(t)
	for _, c := range []struct{ dir, options, want string }{
		{"work/nova", "", "nova"},
		{"fork/nova", "", "fork/nova"},
		{"again/fork/nova", "", "fork/nova-2"},
		{"bare/nova.git", "--bare", "bare/nova"},
		{"bare/glance.git", "--bare", "glance"},
		{"mirrors/keystone/repo", "--bare", "keystone"},
	} {
		dir := filepath.Join(top, filepath.FromSlash(c.dir))
		if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		options := strings.Fields("-q " + c.options)
		gittest.New(t, history).Git(append(append([]string{"clone"}, options...), ".", dir)...)
		repo, err := r.Visit().ForPath(deadline(t), dir)
		if err != nil {
			t.Fatalf("%s: %v", c.dir, err)
		}
		if repo.Name != c.want {
			t.Errorf("%s is called %q, not %q", c.dir, repo.Name, c.want)
		}
	}
}

// TestDeclared opens what the configuration names, under its names and with its
// lines; what cannot be opened does not keep the others from it.
func TestDeclared(t *testing.T) {
	g := gittest.New(t, history)
	empty := t.TempDir()
	r := registry(t)
	err := r.Declare([]repos.Configured{
		{Name: "list", Path: g.Dir, Lines: line.Config{ReleaseLines: []string{"topic"}}},
		{Name: "gone", Path: filepath.Join(empty, "gone")},
		{Path: empty},
	}, repos.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if all := r.All(); len(all) != 0 {
		t.Fatalf("%d repositories are open before anybody asked", len(all))
	}
	r.OpenDeclared(deadline(t))
	all := r.All()
	if len(all) != 1 || all[0].Name != "list" {
		t.Fatalf("open are %v, not list alone", all)
	}
	if err := all[0].Index.WaitGraph(deadline(t)); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range all[0].Index.Snapshot().Lines {
		lines = append(lines, l.Name)
	}
	if got := strings.Join(lines, " "); got != "main topic" {
		t.Errorf("the lines are %q, not those of the configuration", got)
	}
	failures := map[string]error{}
	for _, f := range r.Failures() {
		failures[f.Name] = f.Err
	}
	if len(failures) != 2 || failures["gone"] == nil || !errors.Is(failures[filepath.Base(empty)], gitrepo.ErrNotRepository) {
		t.Errorf("the failures are %v", failures)
	}
}

// TestEnter tells once of a repository that cannot be read, and forgets that when
// it can.
func TestEnter(t *testing.T) {
	g := gittest.New(t, history)
	r := registry(t)
	head := filepath.Join(g.GitDir(), "HEAD")
	config := filepath.Join(g.GitDir(), "config")
	good, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("[core\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		repo, news, err := r.Visit().Enter(deadline(t), head)
		if err == nil || repo != nil {
			t.Fatal("a repository with a broken configuration was opened")
		}
		if news != (i == 0) {
			t.Errorf("entering it for the %d. time is news: %t", i+1, news)
		}
	}
	if got := r.Failures(); len(got) != 1 || got[0].Err == nil {
		t.Fatalf("the failures are %v", got)
	}
	if err := os.WriteFile(config, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Visit().Enter(deadline(t), head); err != nil {
		t.Fatal(err)
	}
	if got := r.Failures(); len(got) != 0 {
		t.Errorf("it was opened, and among the failures is %v", got)
	}
	if _, news, err := r.Visit().Enter(deadline(t), t.TempDir()); !errors.Is(err, gitrepo.ErrNotRepository) || news {
		t.Errorf("a directory without a repository: %v, news %t", err, news)
	}
}

// TestClosed opens nothing any more, and waits for what is being opened.
func TestClosed(t *testing.T) {
	g := gittest.New(t, history)
	r := repos.New(repos.Options{IndexDir: t.TempDir(), ViewDir: t.TempDir()})
	opened := make(chan error, 8)
	for range cap(opened) {
		go func() {
			_, err := r.Visit().ForPath(deadline(t), g.Dir)
			opened <- err
		}()
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for range cap(opened) {
		if err := <-opened; err != nil && !strings.Contains(err.Error(), "ending") && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if _, err := r.Visit().ForPath(deadline(t), g.Dir); err == nil {
		t.Error("a closed registry opened a repository")
	}
}

func TestIsPath(t *testing.T) {
	for remote, want := range map[string]bool{
		"/srv/nova.git": true, "../nova": true, "./nova": true, "file:///srv/nova.git": true,
		"https://github.com/git/git": false, "git@github.com:git/git.git": false, "ssh://host/nova": false, "git://host/nova": false,
	} {
		if runtime.GOOS == "windows" && strings.HasPrefix(remote, "/") {
			continue // no place there
		}
		if got := repos.IsPath(remote); got != want {
			t.Errorf("%s: %v", remote, got)
		}
	}
}
