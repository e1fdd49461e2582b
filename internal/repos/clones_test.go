package repos_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
)

func clones(home string, change func(*repos.CloneOptions)) *repos.Clones {
	opt := repos.CloneOptions{Dir: filepath.Join(home, "clones"), StateDir: filepath.Join(home, "state"), Parallel: 3, Retry: repos.Retry{Attempts: 1}}
	if change != nil {
		change(&opt)
	}
	return repos.NewClones(opt)
}

func of(name, url string) repos.Cloned {
	return repos.Cloned{Name: name, Remotes: []gitrepo.Followed{{Name: "origin", URL: url}}, Interval: time.Hour}
}

func states(c *repos.Clones) string {
	var all []string
	for _, s := range c.Status() {
		all = append(all, s.Name+" "+string(s.State))
	}
	return strings.Join(all, ", ")
}

func has(t *testing.T, dir, ref string) bool {
	t.Helper()
	return exec.Command("git", "--git-dir="+dir, "rev-parse", "-q", "--verify", ref+"^{commit}").Run() == nil
}

// TestSync clones what is configured, keeps a failure to itself, and skips what
// was fetched recently, also by another process.
func TestSync(t *testing.T) {
	g := gittest.New(t, history)
	home := t.TempDir()
	configured := []repos.Cloned{of("list", g.URL()), of("gone", "file://"+filepath.ToSlash(filepath.Join(home, "nowhere")))}
	synced := 0
	c := clones(home, func(o *repos.CloneOptions) { o.OnSynced = func(context.Context, string, string) { synced++ } })
	c.Set(configured)
	if got := states(c); got != "gone configured, list configured" {
		t.Errorf("at first: %s", got)
	}
	results, err := c.Sync(deadline(t), nil, false)
	if err != nil || len(results) != 2 {
		t.Fatal(results, err)
	}
	for _, r := range results {
		if failed := errors.Is(r.Err, gitrepo.ErrNoRemote); failed != (r.Name == "gone") || r.Skipped {
			t.Errorf("%s: %v, skipped %t", r.Name, r.Err, r.Skipped)
		}
	}
	if got := states(c); got != "gone error, list active" || synced != 1 {
		t.Errorf("afterwards: %s, %d told", got, synced)
	}
	dir := c.Ready()["list"]
	if len(c.Ready()) != 1 || !has(t, dir, "refs/remotes/origin/stable/1") {
		t.Errorf("ready are %v", c.Ready())
	}
	g.Do(`commit two "Fix the list"`)
	two := g.Hash("two").String()
	other := clones(home, nil)
	other.Set(configured)
	if results, _ = other.Sync(deadline(t), []string{"list"}, false); !results[0].Skipped || has(t, dir, two) {
		t.Errorf("fetched again after a moment: %+v", results[0])
	}
	if results, _ = other.Sync(deadline(t), []string{"list"}, true); results[0].Err != nil || !has(t, dir, two) {
		t.Errorf("asked to fetch at once: %+v", results[0])
	}
	if _, err := other.Sync(deadline(t), []string{"list", "lisp"}, true); !errors.Is(err, repos.ErrNoClone) || !strings.Contains(err.Error(), "lisp") {
		t.Errorf("an unknown name: %v", err)
	}
	if err := os.RemoveAll(dir); err != nil { // somebody makes room
		t.Fatal(err)
	}
	if results, _ = other.Sync(deadline(t), []string{"list"}, false); results[0].Err != nil || results[0].Skipped || !has(t, dir, two) {
		t.Errorf("the clone was deleted: %+v", results[0])
	}
}

// TestSyncBounds updates three clones at once and no more, and can be stopped.
func TestSyncBounds(t *testing.T) {
	var now, most atomic.Int32
	three, stop := make(chan struct{}, 16), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if n == 3 {
			three <- struct{}{}
		}
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(stop)
	c := clones(t.TempDir(), nil)
	var all []repos.Cloned
	for _, name := range strings.Fields("a b c d e f g") {
		all = append(all, of(name, server.URL+"/"+name))
	}
	c.Set(all)
	ctx, cancel := context.WithCancel(deadline(t))
	ended := make(chan []repos.SyncResult)
	go func() {
		results, _ := c.Sync(ctx, nil, false) //nolint:errcheck // no name is unknown
		ended <- results
	}()
	<-three
	if got := states(c); strings.Count(got, "cloning") != 3 {
		t.Errorf("while three clone: %s", got)
	}
	cancel()
	for _, r := range <-ended {
		if !errors.Is(r.Err, context.Canceled) {
			t.Errorf("%s: %v", r.Name, r.Err)
		}
	}
	if most.Load() != 3 {
		t.Errorf("%d at once", most.Load())
	}
	if got := states(c); strings.Count(got, "configured") != len(all) {
		t.Errorf("after all were cancelled: %s", got)
	}
}

// TestSyncTriesAgain tries again what does not answer, and not what refuses.
func TestSyncTriesAgain(t *testing.T) {
	var asked atomic.Int32
	status := http.StatusServiceUnavailable
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(status)
	}))
	defer server.Close()
	c := clones(t.TempDir(), func(o *repos.CloneOptions) { o.Retry.Attempts = 3 })
	c.Set([]repos.Cloned{of("list", server.URL+"/list")})
	results, _ := c.Sync(deadline(t), nil, false) //nolint:errcheck // the results tell
	if !errors.Is(results[0].Err, gitrepo.ErrUnreachable) || asked.Load() != 3 {
		t.Errorf("asked %d times: %v", asked.Load(), results[0].Err)
	}
	c.SetRetry(repos.Retry{Attempts: 5, Growth: repos.GrowthConstant})
	asked.Store(0)
	results, _ = c.Sync(deadline(t), nil, false) //nolint:errcheck // the results tell
	if !errors.Is(results[0].Err, gitrepo.ErrUnreachable) || asked.Load() != 5 {
		t.Errorf("after the change asked %d times: %v", asked.Load(), results[0].Err)
	}
	status = http.StatusForbidden
	asked.Store(0)
	results, _ = c.Sync(deadline(t), nil, false) //nolint:errcheck // the results tell
	if !errors.Is(results[0].Err, gitrepo.ErrDenied) || asked.Load() != 1 {
		t.Errorf("asked %d times: %v", asked.Load(), results[0].Err)
	}
}

// TestRun fetches by itself what is due, unless it is paused, manual or no longer
// configured.
func TestRun(t *testing.T) {
	g, h := gittest.New(t, history), gittest.New(t, history)
	synced := make(chan string, 64)
	c := clones(t.TempDir(), func(o *repos.CloneOptions) {
		o.OnSynced = func(ctx context.Context, name, _ string) {
			select {
			case synced <- name:
			case <-ctx.Done():
			}
		}
	})
	often, byHand := of("often", g.URL()), of("by-hand", h.URL())
	often.Interval, byHand.Manual = 20*time.Millisecond, true
	ctx, cancel := context.WithCancel(deadline(t))
	ended := make(chan struct{})
	go func() { c.Run(ctx); close(ended) }()
	c.Set([]repos.Cloned{often, byHand})
	await := func(until func() bool) {
		t.Helper()
		for !until() {
			select {
			case name := <-synced:
				if name != "often" {
					t.Fatalf("%s was fetched", name)
				}
			case <-deadline(t).Done():
				t.Fatal("nothing was fetched")
			}
		}
	}
	await(func() bool { return len(c.Ready()) == 1 })
	g.Do(`commit two "Fix the list"`)
	await(func() bool { return has(t, c.Ready()["often"], g.Hash("two").String()) })
	if err := c.Pause("often", true); err != nil {
		t.Fatal(err)
	}
	for states(c) != "by-hand configured, often paused" { // what runs ends first
		select {
		case <-synced:
		case <-time.After(time.Millisecond):
		case <-deadline(t).Done():
			t.Fatal("it is still", states(c))
		}
	}
	g.Do(`commit three "Add a queue"`)
	if results, err := c.Sync(deadline(t), nil, true); err != nil || len(results) != 1 || results[0].Name != "by-hand" {
		t.Errorf("all but the paused: %v, %v", results, err)
	}
	if err := c.Pause("often", false); err != nil {
		t.Fatal(err)
	}
	for drained := false; !drained; {
		select {
		case <-synced:
		default:
			drained = true
		}
	}
	await(func() bool { return has(t, c.Ready()["often"], g.Hash("three").String()) })
	cancel()
	<-ended
}

// TestSyncRecent keeps branches by their age at each update.
func TestSyncRecent(t *testing.T) {
	g := gittest.New(t, history) // years ago
	k := of("list", g.URL())
	k.Recent = 30 * 24 * time.Hour
	c := clones(t.TempDir(), nil)
	c.Set([]repos.Cloned{k})
	sync := func() string {
		t.Helper()
		if results, err := c.Sync(deadline(t), nil, true); err != nil || results[0].Err != nil {
			t.Fatal(results, err)
		}
		return c.Ready()["list"]
	}
	if dir := sync(); has(t, dir, "refs/remotes/origin/stable/1") || !has(t, dir, "refs/remotes/origin/main") {
		t.Error("not the default branch alone is kept of an old repository")
	}
	g.Do("checkout stable/1\ntick " + time.Since(time.Unix(gittest.Epoch, 0)).Truncate(time.Hour).String() + "\ncommit new \"Fix it at last\"\ncheckout main")
	if dir := sync(); !has(t, dir, "refs/remotes/origin/stable/1") {
		t.Error("a branch that moved is not kept")
	}
}

// TestDelete removes a clone with its index, unless the configuration also names
// it by its path.
func TestDelete(t *testing.T) {
	g := gittest.New(t, history)
	home := t.TempDir()
	c := clones(home, func(o *repos.CloneOptions) { o.IndexDir = filepath.Join(home, "index") })
	configured := []repos.Cloned{of("list", g.URL())}
	c.Set(configured)
	if _, err := c.Sync(deadline(t), nil, true); err != nil {
		t.Fatal(err)
	}
	dir := c.Ready()["list"]
	r := repos.New(repos.Options{IndexDir: filepath.Join(home, "index"), ViewDir: filepath.Join(home, "view")})
	repo, err := r.Visit().ForPath(deadline(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(repo.Index.WaitGraph(deadline(t)), r.Close()); err != nil {
		t.Fatal(err)
	}
	index, err := c.Index("list")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(index, "manifest.json")); err != nil {
		t.Fatal(err)
	}
	c.Set(configured, filepath.Join(home, "clones"))
	if err := c.Delete(deadline(t), "list"); !errors.Is(err, repos.ErrInPlace) || len(c.Ready()) != 1 {
		t.Errorf("also named by its path: %v", err)
	}
	c.Set(configured)
	if err := c.Delete(deadline(t), "list"); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{dir, index} {
		if _, err := os.Stat(gone); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
}

// TestSetParallel updates as many clones at once as it says last: more at once,
// fewer as those under way end.
func TestSetParallel(t *testing.T) {
	var now atomic.Int32
	arrived, leave := make(chan int32, 64), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- now.Add(1)
		select {
		case <-leave:
		case <-r.Context().Done():
		}
		now.Add(-1) // before the client knows
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	c := clones(t.TempDir(), func(o *repos.CloneOptions) { o.Parallel = 1 })
	var all []repos.Cloned
	for _, name := range strings.Fields("a b c d e") {
		all = append(all, of(name, server.URL+"/"+name))
	}
	c.Set(all)
	ended := make(chan struct{})
	go func() {
		c.Sync(deadline(t), nil, false) //nolint:errcheck // no name is unknown
		close(ended)
	}()
	defer func() { close(leave); <-ended }()
	arrives := func(want int32) {
		t.Helper()
		select {
		case n := <-arrived:
			if n != want {
				t.Fatalf("%d at once, not %d", n, want)
			}
		case <-deadline(t).Done():
			t.Fatalf("it stays at %d at once", now.Load())
		}
	}
	arrives(1)
	c.SetParallel(3)
	arrives(2)
	arrives(3)
	c.SetParallel(1)
	for range 3 {
		leave <- struct{}{}
	}
	arrives(1)
}
