package gitrepo_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// The tests of this file have a PATH without git, but for the servers and for what
// makes the repositories; see withGit.

// withGit runs f with the PATH of before.
func withGit(t *testing.T, f func()) {
	t.Helper()
	without := os.Getenv("PATH")
	defer t.Setenv("PATH", without)
	t.Setenv("PATH", whole)
	f()
}

var whole = os.Getenv("PATH")

// noGit is what a test without git begins with.
func noGit(t *testing.T) {
	t.Helper()
	t.Setenv("PATH", t.TempDir())
}

// refsIn are the refs of a clone by name, as git sees them.
func refsIn(t *testing.T, r *gittest.Repo, dir string) map[string]string {
	t.Helper()
	refs := map[string]string{}
	withGit(t, func() {
		for line := range strings.Lines(r.At(dir).Git("for-each-ref", "--format=%(refname) %(objectname)")) {
			name, object, _ := strings.Cut(strings.TrimSpace(line), " ")
			refs[name] = object
		}
	})
	return refs
}

// TestUpdateWithoutGit clones and fetches by go-git from a real server: the refs, the
// pruning, the default branch and the progress are those of git.
func TestUpdateWithoutGit(t *testing.T) {
	r := gittest.New(t, transferred)
	url := serve(t, r.GitDir(), "")
	dir := filepath.Join(t.TempDir(), "clone.git")
	var phases []string
	c := gitrepo.Clone{Dir: dir, Remotes: []gitrepo.Followed{{Name: "origin", URL: url}}, Progress: func(p gitrepo.Transfer) { phases = append(phases, p.Phase) }}
	noGit(t)
	if err := update(t, c); err != nil {
		t.Fatal(err)
	}
	same := func() {
		t.Helper()
		got := refsIn(t, r, dir)
		said, err := c.Refs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		delete(got, "refs/remotes/origin/HEAD")
		for name, object := range got {
			if said[name] != object {
				t.Errorf("%s is %s, and Refs says %s", name, object, said[name])
			}
		}
		withGit(t, func() {
			for line := range strings.Lines(r.Git("for-each-ref", "--format=%(refname) %(objectname)")) {
				name, object, _ := strings.Cut(strings.TrimSpace(line), " ")
				name = strings.Replace(name, "refs/heads/", "refs/remotes/origin/", 1)
				if got[name] != object {
					t.Errorf("%s is %q, want %q", name, got[name], object)
				}
				delete(got, name)
			}
			if head := r.At(dir).Git("rev-parse", "--symbolic-full-name", "HEAD"); head != "refs/remotes/origin/main" {
				t.Errorf("HEAD is %s", head)
			}
			if damage, err := c.Check(t.Context()); err != nil || len(damage) > 0 {
				t.Errorf("git fsck: %q, %v", damage, err)
			}
		})
		if len(got) > 0 {
			t.Errorf("what the remote has not: %v", got)
		}
	}
	same()
	if !slices.Contains(phases, "Counting objects") {
		t.Errorf("progress told %q", phases)
	}
	withGit(t, func() {
		r.Do("checkout stable/1\ncommit three \"Fix it there\"\ncheckout main\nbranch stable/2\ngit branch -D stable/1\ngit tag -d v1\ngit update-ref refs/heads/forced main~1")
	})
	if err := update(t, c); err != nil {
		t.Fatal(err)
	}
	same()
	if err := update(t, c); err != nil { // nothing new
		t.Fatal(err)
	}
	withGit(t, func() { r.Git("branch", "-f", "forced", "stable/2") })
	withGit(t, func() { // git goes on where go-git ended
		if err := update(t, c); err != nil {
			t.Fatal(err)
		}
	})
	same()
	c.Select = gitrepo.Selection{Wants: func(branch string) bool { return branch != "forced" }}
	if err := update(t, c); err != nil {
		t.Fatal(err)
	}
	if refs := refsIn(t, r, dir); refs["refs/remotes/origin/forced"] != "" || refs["refs/remotes/origin/stable/2"] == "" {
		t.Errorf("chosen by name: %v", refs)
	}
	c.Select = gitrepo.Selection{Newest: 1}
	if err := update(t, c); !errors.Is(err, gitrepo.ErrNeedsGit) {
		t.Errorf("chosen by age: %v", err)
	}
}

// TestUpdateWithoutGitFails holds that failures without git are those of git, in one
// error, and that what go-git cannot do says so.
func TestUpdateWithoutGitFails(t *testing.T) {
	r := gittest.New(t, transferred)
	sha256 := gittest.New(t, "init --object-format=sha256 main\ncommit one \"One\"\n")
	locked, open, long := serve(t, r.GitDir(), "hunter2"), serve(t, r.GitDir(), ""), serve(t, sha256.GitDir(), "")
	mute := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer mute.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	noGit(t)
	t.Setenv("TOKEN", "hunter2")
	t.Setenv("WRONG", "hunter3")
	t.Setenv("SSH_AUTH_SOCK", "")
	for _, c := range []struct {
		what, url string
		auth      gitrepo.Auth
		want      error
	}{
		{"a password that is missing", locked, gitrepo.Auth{}, gitrepo.ErrDenied},
		{"a wrong one", locked, gitrepo.Auth{TokenEnv: "WRONG"}, gitrepo.ErrDenied},
		{"the right one", locked, gitrepo.Auth{TokenEnv: "TOKEN"}, nil},
		{"no repository", strings.TrimSuffix(open, ".git") + "gone", gitrepo.Auth{}, gitrepo.ErrNoRemote},
		{"a server that fails", mute.URL + "/repo", gitrepo.Auth{}, gitrepo.ErrUnreachable},
		{"no server", "http://" + closed.Addr().String() + "/repo", gitrepo.Auth{}, gitrepo.ErrUnreachable},
		{"SHA-256", long, gitrepo.Auth{}, gitrepo.ErrNeedsGit},
		{"a helper", open, gitrepo.Auth{Helper: "store"}, gitrepo.ErrNeedsGit},
		{"a directory", r.URL(), gitrepo.Auth{}, gitrepo.ErrNeedsGit},
		{"ssh without an agent", "ssh://127.0.0.1/repo", gitrepo.Auth{}, gitrepo.ErrDenied},
	} {
		err := update(t, gitrepo.Clone{Dir: filepath.Join(t.TempDir(), "clone.git"), Remotes: []gitrepo.Followed{{Name: "origin", URL: c.url, Auth: c.auth}}})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter") || !strings.Contains(err.Error(), "remote origin")) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestUpdateWithoutGitCancel ends a fetch from a server that never answers.
func TestUpdateWithoutGitCancel(t *testing.T) {
	asked := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	noGit(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		c := gitrepo.Clone{Dir: filepath.Join(t.TempDir(), "clone.git"), Remotes: []gitrepo.Followed{{Name: "origin", URL: server.URL + "/repo"}}}
		ended <- c.Update(ctx)
	}()
	<-asked
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
