package gitrepo_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// serve is a repository behind git's own http-backend (git-http-backend), for who
// has the password; "" for everybody.
func serve(t *testing.T, dir, password string) string {
	t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Dir(dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, given, _ := r.BasicAuth(); password != "" && given != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/" + filepath.Base(dir)
}

func update(t *testing.T, c gitrepo.Clone) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return c.Update(ctx)
}

const transferred = `
init main
commit one "Add a list"
tag v1
branch stable/1
commit two "Fix the list"
tag -a v2
`

func cloneRefs(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command("git", "--git-dir="+dir, "for-each-ref", "--format=%(refname) %(symref)%(subject)").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestCloneFollows clones over HTTP and follows pushes, forced ones, new and
// deleted branches.
func TestCloneFollows(t *testing.T) {
	g := gittest.New(t, transferred)
	address := serve(t, g.GitDir(), "")
	phases := map[string]bool{}
	c := gitrepo.Clone{Dir: filepath.Join(t.TempDir(), "clone.git"), Remotes: []gitrepo.Followed{{Name: "origin", URL: address}},
		Progress: func(p gitrepo.Transfer) { phases[p.Remote+": "+p.Phase] = true }}
	if err := update(t, c); err != nil {
		t.Fatal(err)
	}
	want := `refs/remotes/origin/HEAD refs/remotes/origin/mainFix the list
refs/remotes/origin/main Fix the list
refs/remotes/origin/stable/1 Add a list
refs/tags/v1 Add a list
refs/tags/v2 v2
`
	if got := cloneRefs(t, c.Dir); got != want {
		t.Errorf("the clone has\n%snot\n%s", got, want)
	}
	if !phases["origin: Counting objects"] {
		t.Errorf("the progress had the phases %v alone", phases)
	}
	g.Do(`
commit three "Add a queue"
checkout stable/1
git commit --amend -q -m "Add a longer list"
git branch -q topic
git checkout -q main
`)
	if err := update(t, c); err != nil {
		t.Fatal(err)
	}
	g.Git("branch", "-q", "-D", "topic")
	keeps := c
	keeps.KeepDeleted = true
	if err := update(t, keeps); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"origin/main Add a queue\n", "origin/stable/1 Add a longer list\n", "origin/topic Add a longer list\n"} {
		if got := cloneRefs(t, c.Dir); !strings.Contains(got, want) {
			t.Errorf("the clone lacks %q:\n%s", want, got)
		}
	}
	if err := update(t, c); err != nil {
		t.Fatal(err)
	}
	if got := cloneRefs(t, c.Dir); strings.Contains(got, "topic") {
		t.Errorf("the deleted branch is still there:\n%s", got)
	}
}

// TestCloneOfSeveral follows two remotes, of which one fails.
func TestCloneOfSeveral(t *testing.T) {
	g, fork := gittest.New(t, transferred), gittest.New(t, "commit other \"Fork it\"")
	c := gitrepo.Clone{Dir: filepath.Join(t.TempDir(), "clone.git"), Remotes: []gitrepo.Followed{
		{Name: "gone", URL: serve(t, filepath.Join(t.TempDir(), "none.git"), "")},
		{Name: "origin", URL: serve(t, g.GitDir(), "")},
		{Name: "fork", URL: serve(t, fork.GitDir(), ""), Refspecs: []string{"+refs/heads/main:refs/remotes/fork/ours"}},
	}}
	err := update(t, c)
	if !errors.Is(err, gitrepo.ErrNoRemote) || !strings.Contains(err.Error(), "remote gone (http://") {
		t.Errorf("the remote that is not there: %v", err)
	}
	for _, want := range []string{"origin/main Fix the list\n", "fork/ours Fork it\n"} {
		if got := cloneRefs(t, c.Dir); !strings.Contains(got, want) {
			t.Errorf("the clone lacks %q:\n%s", want, got)
		}
	}
}

// TestCloneSecret authenticates with a token that stands in the environment and
// nowhere else.
func TestCloneSecret(t *testing.T) {
	const secret = "s3cret-t0ken"
	g := gittest.New(t, transferred)
	address := serve(t, g.GitDir(), secret)
	c := gitrepo.Clone{Dir: filepath.Join(t.TempDir(), "clone.git"), Remotes: []gitrepo.Followed{{Name: "origin", URL: address}}}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	if err := update(t, c); !errors.Is(err, gitrepo.ErrDenied) {
		t.Errorf("without a token: %v", err)
	}
	c.Remotes[0].Auth = gitrepo.Auth{TokenEnv: "CLONE_TEST_TOKEN"}
	if err := update(t, c); err == nil || !strings.Contains(err.Error(), "CLONE_TEST_TOKEN") {
		t.Errorf("without the variable: %v", err)
	}
	t.Setenv("CLONE_TEST_TOKEN", "wr0ng-"+secret)
	err := update(t, c)
	if !errors.Is(err, gitrepo.ErrDenied) || strings.Contains(err.Error(), secret) {
		t.Errorf("with a wrong token: %v", err)
	}
	t.Setenv("CLONE_TEST_TOKEN", secret)
	if err := update(t, c); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(c.Dir, "config"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(config), secret) || !strings.Contains(string(config), address) {
		t.Errorf("the clone's configuration is\n%s", config)
	}
	c.Remotes[0].URL = strings.Replace(address, "http://", "http://me:"+secret+"@", 1)
	c.Remotes[0].Auth = gitrepo.Auth{}
	c.Remotes[0].URL += "-gone"
	if err := update(t, c); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("with a password in the address: %v", err)
	}
}

// TestCloneFails tells the reasons apart, and gives up at once when asked to.
func TestCloneFails(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	closed.Close() //nolint:errcheck // nobody listens there, which is the point
	clone := func(address string) gitrepo.Clone {
		return gitrepo.Clone{Dir: filepath.Join(t.TempDir(), "clone.git"), Remotes: []gitrepo.Followed{{Name: "origin", URL: address}}}
	}
	if err := update(t, clone("http://"+address+"/list.git")); !errors.Is(err, gitrepo.ErrUnreachable) {
		t.Errorf("nobody listens: %v", err)
	}
	if err := update(t, clone("file:///nowhere/at/all")); !errors.Is(err, gitrepo.ErrNoRemote) {
		t.Errorf("no such directory: %v", err)
	}
	marker := filepath.Join(t.TempDir(), "ran")
	if err := update(t, clone("ext::touch "+marker)); err == nil {
		t.Error("an address that is a program was followed")
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("the program of an address was run")
	}
	asked, stuck := make(chan struct{}, 8), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(stuck)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-asked; cancel() }()
	c := clone(server.URL + "/list.git")
	if err := c.Update(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestCloneAfterKill goes on with what a killed process left.
func TestCloneAfterKill(t *testing.T) {
	g := gittest.New(t, transferred)
	c := gitrepo.Clone{Dir: filepath.Join(t.TempDir(), "clone.git"), Remotes: []gitrepo.Followed{{Name: "origin", URL: g.URL()}}}
	if err := os.MkdirAll(filepath.Join(c.Dir, "objects"), 0o700); err != nil { // killed in git init
		t.Fatal(err)
	}
	if err := update(t, c); err != nil {
		t.Fatal(err)
	}
	left := []string{"config.lock", "packed-refs.lock", "refs/remotes/origin/main.lock", "objects/pack/tmp_pack_Xy12"}
	for _, file := range left {
		if err := os.WriteFile(filepath.Join(c.Dir, filepath.FromSlash(file)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g.Do(`commit three "Add a queue"`)
	if err := update(t, c); err != nil {
		t.Fatal(err)
	}
	if got := cloneRefs(t, c.Dir); !strings.Contains(got, "origin/main Add a queue\n") {
		t.Errorf("the clone has\n%s", got)
	}
	for _, file := range left {
		if _, err := os.Stat(filepath.Join(c.Dir, filepath.FromSlash(file))); err == nil {
			t.Errorf("%s is still there", file)
		}
	}
}
