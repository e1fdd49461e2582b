package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// gitHost serves repositories with git's own http-backend (git-http-backend(1)). How
// one behaves is in its name: "slow" waits until it may go on, "flaky" fails the
// first two times that it is asked for its refs, "locked" wants a password, "gone" is
// not there, and any other name is the repository that stands behind all.
type gitHost struct {
	*httptest.Server
	backend http.Handler
	release chan struct{}     // closed when the slow ones may go on
	free    func()            // closes it
	request func(name string) // called with each request

	mu    sync.Mutex
	busy  map[string]int // requests that are being answered, by name
	most  int            // repositories at once
	asked map[string]int // how often for the refs
}

func serveGit(t *testing.T, r *gittest.Repo, request func(name string)) *gitHost {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	h := &gitHost{request: request, release: make(chan struct{}), busy: map[string]int{}, asked: map[string]int{}}
	h.backend = &cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:    []string{"GIT_PROJECT_ROOT=" + filepath.Dir(r.GitDir()), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + t.TempDir()},
		Logger: log.New(io.Discard, "", 0), // clients are killed
	}
	h.free = sync.OnceFunc(func() { close(h.release) })
	h.Server = httptest.NewServer(h)
	t.Cleanup(func() { h.free(); h.Close() })
	return h
}

func (h *gitHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	refs := path == "info/refs"
	h.mu.Lock()
	h.busy[name]++
	h.most = max(h.most, len(h.busy))
	if refs {
		h.asked[name]++
	}
	early := h.asked[name] <= 2
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.busy[name]--; h.busy[name] == 0 {
			delete(h.busy, name)
		}
	}()
	h.request(name)
	switch kind, _, _ := strings.Cut(name, "-"); {
	case kind == "slow":
		select {
		case <-h.release:
		case <-r.Context().Done():
			return
		}
	case kind == "flaky" && refs && early:
		http.Error(w, "come again", http.StatusServiceUnavailable)
		return
	case kind == "locked":
		w.Header().Set("WWW-Authenticate", `Basic realm="host"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	case kind == "gone":
		http.NotFound(w, r)
		return
	}
	r.URL.Path = "/.git/" + path
	h.backend.ServeHTTP(w, r)
}

// configuration names repositories of the host.
func (h *gitHost) configuration(names ...string) string {
	var b strings.Builder
	b.WriteString("repos:\n")
	for _, name := range names {
		fmt.Fprintf(&b, "  - {name: %s, source: {url: %q}}\n", name, h.URL+"/"+name)
	}
	return b.String()
}

func numbered(kind string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s-%02d", kind, i+1))
	}
	return all
}

// large is a repository with some thousand commits and a fix on two lines.
func large(t *testing.T) (r *gittest.Repo, fix string) {
	t.Helper()
	r = gittest.New(t, "init main\n")
	var s bytes.Buffer
	for i := range 3000 {
		message := fmt.Sprintf("Change %d\n\nword%04d\n", i, i%vocabulary)
		fmt.Fprintf(&s, "commit refs/heads/main\ncommitter %s <%s> %d +0000\ndata %d\n%s\n", gittest.Name, gittest.Email, gittest.Epoch+i, len(message), message)
	}
	r.Import(s.String())
	r.Git("branch", "stable/1", "main~10")
	return r, r.Git("rev-parse", "main~20")
}

// TestTwentyClones clones twenty repositories from a real server, three at a time:
// one waits, some fail at first, some for good. Each has its own state and
// error, and nobody waits for another to be answered.
func TestTwentyClones(t *testing.T) {
	t.Parallel()
	r, fix := large(t)
	server := serveGit(t, r, func(string) {})
	h := watchedHouse(t)
	bad := []string{"slow-01", "locked-01", "gone-01"}
	good := append(numbered("flaky", 3), numbered("good", 14)...)
	h.configure(t, "global.yaml", "sync: {retry_attempts: 3}\n")
	h.configure(t, "repos.yaml", server.configuration(append(bad, good...)...))
	states := func() (all map[string]string, failed map[string]string) {
		var list cli.Repositories
		if err := h.Execute(h.ctx, "cabhfuil.repositories", map[string]any{}, &list); err != nil {
			t.Error(err)
		}
		all, failed = map[string]string{}, map[string]string{}
		for _, r := range list.Repositories {
			all[r.Name], failed[r.Name] = r.State, r.Error
		}
		return all, failed
	}
	h.becomes(t, "all but the slow one are done", func() string {
		all, _ := states()
		var open []string
		for name, state := range all {
			if state != "ready" && state != "error" {
				open = append(open, name+" "+state)
			}
		}
		return fmt.Sprint(len(all), open)
	}, "20 [slow-01 cloning]")

	// Everything answers while that one waits.
	if card, err := h.hover(r.Dir, fix); err != nil || !strings.Contains(card, "Change 2979") {
		t.Errorf("hover: %v\n%s", err, card)
	}
	var answers []history.Answer
	if err := h.Execute(h.ctx, "cabhfuil.where", map[string]any{"keys": []string{fix}}, &answers); err != nil {
		t.Fatal(err)
	}
	var matched []string
	for _, m := range answers[0].Matches {
		if m.Repository != filepath.Base(r.Dir) { // the one that hover opened
			matched = append(matched, m.Repository)
		}
	}
	slices.Sort(matched)
	if slices.Sort(good); !slices.Equal(matched, good) {
		t.Errorf("where answers from %q, want %q", matched, good)
	}
	all, failed := states()
	for name, said := range map[string]string{"locked-01": "refuses access", "gone-01": "not found"} {
		if all[name] != "error" || !strings.Contains(failed[name], server.URL+"/"+name) || !strings.Contains(failed[name], said) {
			t.Errorf("%s is %s: %s", name, all[name], failed[name])
		}
	}
	for _, name := range good {
		if all[name] != "ready" || failed[name] != "" {
			t.Errorf("%s is %s: %s", name, all[name], failed[name])
		}
	}
	server.free()
	h.becomes(t, "the slow one is done", func() string { all, _ := states(); return all["slow-01"] }, "ready")
	server.mu.Lock()
	defer server.mu.Unlock()
	if server.most > 3 {
		t.Errorf("%d were cloned at once, want 3 at most", server.most)
	}
}

// TestClonesKilled kills the program at each of many requests that it makes while
// it clones and fetches; who starts it again gets all that is missing.
func TestClonesKilled(t *testing.T) {
	t.Parallel()
	r, fix := large(t)
	requests := make(chan struct{}, 1000)
	server := serveGit(t, r, func(string) {
		select {
		case requests <- struct{}{}:
		default: // nobody counts them
		}
	})
	good := numbered("good", 5)
	p := configured(t, server.configuration(good...))
	killed := 0
	for at := 1; at < 40; at += 3 {
		if p.killedAt(t, requests, at, "repo", "sync", "--private") {
			killed++
		}
		r.Do(fmt.Sprintf("commit more%d \"More %d\" file=%d", at, at, at))
	}
	if killed < 3 {
		t.Errorf("it was killed %d times", killed)
	}
	p.exits(t)(0, "repo", "sync", "--private")
	newest := r.Git("rev-parse", "main")
	var answers []history.Answer
	p.ask(t, &answers, "where", "--private", fix, newest)
	for _, a := range answers {
		var in []string
		for _, m := range a.Matches {
			in = append(in, m.Repository)
		}
		if slices.Sort(in); !slices.Equal(in, good) {
			t.Errorf("%s is in %q, want %q", a.Query, in, good)
		}
	}
	var list cli.Repositories
	stdout, _ := p.exits(t)(0, "repo", "list", "--private", "--format", "json")
	if err := json.Unmarshal([]byte(stdout), &list); err != nil {
		t.Fatal(err)
	}
	for _, r := range list.Repositories {
		if r.State == "error" || r.Error != "" {
			t.Errorf("%s is %s: %s", r.Name, r.State, r.Error)
		}
	}
	left, err := filepath.Glob(filepath.Join(p.home, ".cache", "ca-bhfuil", "clones", "*.git", "objects", "pack", "tmp_*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// killedAt starts a verb and kills it at a request; false where it ended before.
func (p program) killedAt(t *testing.T, requests <-chan struct{}, at int, args ...string) bool {
	t.Helper()
	cmd := p.command(args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for range at {
		select {
		case <-requests:
		case <-done:
			return false
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-done
	return true
}
