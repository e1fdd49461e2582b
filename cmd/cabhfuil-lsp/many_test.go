package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
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
// not there, "huge" is a repository of its own, and any other name is the repository
// that stands behind all.
type gitHost struct {
	*httptest.Server
	backend, huge http.Handler
	release       chan struct{}   // closed when the slow ones may go on
	free          func()          // closes it
	moment        func(of string) // called with each request, and with each megabyte that is sent

	mu    sync.Mutex
	busy  map[string]int // requests that are being answered, by name
	most  int            // repositories at once
	asked map[string]int // how often for the refs
}

// serveGit serves a repository; huge may be nil.
func serveGit(t *testing.T, r, huge *gittest.Repo, moment func(of string)) *gitHost {
	t.Helper()
	h := &gitHost{moment: moment, release: make(chan struct{}), busy: map[string]int{}, asked: map[string]int{}}
	h.backend = backend(t, r)
	if huge != nil {
		h.huge = backend(t, huge)
	}
	h.free = sync.OnceFunc(func() { close(h.release) })
	h.Server = httptest.NewServer(h)
	t.Cleanup(func() { h.free(); h.Close() })
	return h
}

// backend is git http-backend for one repository, at /.git/.
func backend(t *testing.T, r *gittest.Repo) http.Handler {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	return &cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:    []string{"GIT_PROJECT_ROOT=" + filepath.Dir(r.GitDir()), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + t.TempDir()},
		Logger: log.New(io.Discard, "", 0), // clients are killed
	}
}

// counted tells of each megabyte that is written to it.
type counted struct {
	http.ResponseWriter
	moment func()
	bytes  int
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	for c.bytes += n; c.bytes >= 1<<20; c.bytes -= 1 << 20 {
		c.moment()
	}
	return n, err
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
	h.moment(name)
	answer := h.backend
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
	case kind == "huge":
		answer = h.huge
	}
	r.URL.Path = "/.git/" + path
	answer.ServeHTTP(&counted{ResponseWriter: w, moment: func() { h.moment(name) }}, r)
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

// huge is a repository of many thousand commits, fifty with CABHFUIL_LONG_TESTS, each
// with a message of some length and a file.
func huge(t *testing.T) *gittest.Repo {
	t.Helper()
	commits := 10_000
	switch {
	case testing.Short():
		commits = 3_000
	case os.Getenv("CABHFUIL_LONG_TESTS") != "":
		commits = 50_000
	}
	r, random := gittest.New(t, "init main\n"), rand.New(rand.NewPCG(20, 0))
	var s bytes.Buffer
	for i := range commits {
		message := fmt.Sprintf("Huge change %d\n", i)
		for range 5 {
			message += "\n"
			for range 12 {
				message += fmt.Sprintf("word%04d ", random.IntN(vocabulary))
			}
		}
		file := fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())
		fmt.Fprintf(&s, "commit refs/heads/main\ncommitter %s <%s> %d +0000\ndata %d\n%s\n", gittest.Name, gittest.Email, gittest.Epoch+i, len(message), message)
		fmt.Fprintf(&s, "M 100644 inline d%02d/f%02d\ndata %d\n%s\n", i%37, i%11, len(file), file)
	}
	r.Import(s.String())
	r.Git("branch", "stable/1", "main~1000")
	return r
}

// TestTwentyClones clones twenty repositories from real servers, three at a time: one
// waits, one is huge, some fail at first, some for good, two come by ssh. Each has its
// own state and error, nobody waits for another to be answered, and the program, a
// process of its own, takes no more memory than it may.
func TestTwentyClones(t *testing.T) {
	t.Parallel()
	r, fix := large(t)
	far := huge(t)
	server := serveGit(t, r, far, func(string) {})
	good := append(numbered("flaky", 3), numbered("good", 11)...)
	bad := []string{"slow-01", "locked-01", "gone-01", "huge-01"}
	p := program{home: t.TempDir(), dir: r.Dir}
	configuration := server.configuration(append(slices.Clone(bad), good...)...)
	if secured, ok := startSSH(t); ok {
		p.env = append(p.env, "GIT_CONFIG_GLOBAL="+secured.configure(t, secured.key))
		url := secured.url(r) // one repository twice needs two addresses
		configuration += fmt.Sprintf("  - {name: ssh-01, source: {url: %q}}\n  - {name: ssh-02, source: {url: %q}}\n", url, strings.TrimSuffix(url, "/.git"))
		good = append(good, "ssh-01", "ssh-02")
	} else {
		more := []string{"good-12", "good-13"}
		configuration += strings.TrimPrefix(server.configuration(more...), "repos:\n")
		good = append(good, more...)
	}
	c := p.server(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*hangs)
	defer cancel()
	h := &house{ctx: ctx, Client: c}
	found, err := h.search(r.Dir, "word0001")
	if err != nil || found.Total < 8 {
		t.Fatalf("the repository here: %+v, %v", found, err)
	}
	here := found.Hits[0].Repository
	config := filepath.Join(p.home, ".config", "ca-bhfuil")
	const memory = 128 << 20
	configure(t, config, "global.yaml", fmt.Sprintf("sync: {retry_attempts: 3}\nlimits: {memory: %dMiB}\n", memory>>20))
	configure(t, config, "repos.yaml", configuration)
	states := func() (all map[string]string, failed map[string]string) {
		var list cli.Repositories
		if err := h.Execute(ctx, "cabhfuil.repositories", map[string]any{}, &list); err != nil {
			t.Error(err)
		}
		all, failed = map[string]string{}, map[string]string{}
		for _, r := range list.Repositories {
			all[r.Name], failed[r.Name] = r.State, r.Error
		}
		return all, failed
	}
	// Everything answers all the while, and memory is looked at.
	questions, peak := 0, uint64(0)
	asks := func() {
		questions++
		if card, err := h.hover(r.Dir, fix); err != nil || !strings.Contains(card, "Change 2979") {
			t.Fatalf("hover: %v\n%s", err, card)
		}
		var found history.SearchResult
		if err := h.Execute(ctx, "cabhfuil.search", map[string]any{"query": "word0001"}, &found); err != nil || found.Total < 8 {
			t.Fatalf("search: %+v, %v", found, err)
		}
		for _, e := range found.Errors { // those that are new
			if !strings.Contains(e.Message, "not indexed yet") {
				t.Errorf("search: %s: %s", e.Repository, e.Message)
			}
		}
		var status cli.Status
		if err := h.Execute(ctx, "cabhfuil.status", map[string]any{}, &status); err != nil {
			t.Fatal(err)
		}
		if len(status.Problems) > 0 {
			t.Fatal(status.Problems)
		}
		peak = max(peak, status.MemoryBytes)
	}
	open := func(done ...string) func() string {
		return func() string {
			asks()
			all, _ := states()
			var open []string
			for name, state := range all {
				if !slices.Contains(done, state) {
					open = append(open, name+" "+state)
				}
			}
			return fmt.Sprint(len(all)-1, open) // without the one that is open here
		}
	}
	h.becomes(t, "half of them are done", func() string {
		asks()
		all, _ := states()
		done := 0
		for _, state := range all {
			if state == "ready" || state == "error" {
				done++
			}
		}
		return fmt.Sprint(done > 10)
	}, "true")
	h.becomes(t, "all but the slow one are cloned", open("reading", "indexing", "ready", "error"), "20 [slow-01 cloning]")
	h.becomes(t, "all but the slow one are done", open("ready", "error"), "20 [slow-01 cloning]")
	var answers []history.Answer
	newest := far.Git("rev-parse", "main")
	if err := h.Execute(ctx, "cabhfuil.where", map[string]any{"keys": []string{fix, newest}}, &answers); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{good, {"huge-01"}} {
		var matched []string
		for _, m := range answers[i].Matches {
			if m.Repository != here {
				matched = append(matched, m.Repository)
			}
		}
		slices.Sort(matched)
		if slices.Sort(want); !slices.Equal(matched, want) {
			t.Errorf("where answers from %q, want %q", matched, want)
		}
	}
	all, failed := states()
	for name, said := range map[string]string{"locked-01": "refuses access", "gone-01": "not found"} {
		if all[name] != "error" || !strings.Contains(failed[name], server.URL+"/"+name) || !strings.Contains(failed[name], said) {
			t.Errorf("%s is %s: %s", name, all[name], failed[name])
		}
	}
	for _, name := range append(good, "huge-01") {
		if all[name] != "ready" || failed[name] != "" {
			t.Errorf("%s is %s: %s", name, all[name], failed[name])
		}
	}
	server.free()
	h.becomes(t, "the slow one is done", func() string { asks(); all, _ := states(); return all["slow-01"] }, "ready")
	// The soft limit is one of the live heap and what the runtime keeps beside it; what
	// was once taken from the system counts for ever in this number.
	t.Logf("%d questions, %d MB of memory at most", questions, peak>>20)
	if peak > memory+memory/2 {
		t.Errorf("%d MB of memory, with a limit of %d", peak>>20, memory>>20)
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	if server.most > 3 {
		t.Errorf("%d were cloned at once, want 3 at most", server.most)
	}
}

// TestClonesKilled kills the program at many of the requests that it makes while it
// clones and fetches, and amidst a large pack; who starts it again gets all that is
// missing.
func TestClonesKilled(t *testing.T) {
	t.Parallel()
	r, fix := large(t)
	far := huge(t)
	requests := make(chan struct{}, 1000)
	server := serveGit(t, r, far, func(string) {
		select {
		case requests <- struct{}{}:
		default: // nobody counts them
		}
	})
	good := numbered("good", 5)
	p := configured(t, server.configuration(append([]string{"huge-01"}, good...)...))
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
	p.ask(t, &answers, "where", "--private", fix, newest, far.Git("rev-parse", "stable/1"))
	if last := answers[2]; len(last.Matches) != 1 || last.Matches[0].Repository != "huge-01" {
		t.Errorf("the huge one answers %+v", last)
	}
	for _, a := range answers[:2] {
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
