package repos_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// TestSyncResult holds that the task of a clone and of a fetch says which refs it
// changed, and which of them are worth remembering.
func TestSyncResult(t *testing.T) {
	g := gittest.New(t, history)
	tracker := task.New(task.Options{})
	c := clones(t.TempDir(), func(o *repos.CloneOptions) { o.Tracker = tracker })
	c.Set([]repos.Cloned{of("list", g.URL())})
	sync := func(force bool) (task.Info, repos.Changes) {
		t.Helper()
		if results, err := c.Sync(deadline(t), nil, force); err != nil || results[0].Err != nil {
			t.Fatal(results, err)
		}
		all := tracker.List()
		last := all[len(all)-1]
		var changes repos.Changes
		if err := json.Unmarshal(last.Result, &changes); err != nil || last.State != task.Completed {
			t.Fatalf("%+v %v", last, err)
		}
		return last, changes
	}
	if info, got := sync(false); info.Kind != "clone" || !info.Worth || got.Added < 2 || got.Moved+got.Deleted > 0 || !slices.Contains(got.Refs, "refs/remotes/origin/stable/1") {
		t.Errorf("a clone: %+v %+v", info, got)
	}
	if info, _ := sync(false); info.Worth || string(info.Result) != `{"skipped":true}` {
		t.Errorf("a fetch that was not due: %+v", info)
	}
	if info, got := sync(true); info.Kind != "fetch" || !info.Worth || got.Added+got.Moved+got.Deleted > 0 {
		t.Errorf("a fetch that brings nothing, and that somebody asked for: %+v %+v", info, got)
	}
	g.Do("commit two \"Fix the list\"\nbranch stable/2")
	g.Git("branch", "-D", "stable/1")
	if info, got := sync(true); !info.Worth || got.Added != 1 || got.Moved < 1 || got.Deleted != 1 || len(got.Refs) < 3 {
		t.Errorf("a fetch that brings something: %+v", got)
	}
}

// TestSyncCancel cancels a clone that hangs and one that waits for its turn. Neither
// is begun again before its time, and neither counts as a failure of its remote.
func TestSyncCancel(t *testing.T) {
	asked := make(chan string, 16)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		<-r.Context().Done() // git's helper is to go with git
	}))
	defer server.Close()
	tracker := task.New(task.Options{})
	c := clones(t.TempDir(), func(o *repos.CloneOptions) { o.Tracker, o.Parallel = tracker, 1 })
	c.Set([]repos.Cloned{of("a", server.URL+"/a"), of("b", server.URL+"/b")})
	ctx, cancel := context.WithCancel(deadline(t))
	ended := make(chan struct{})
	go func() { c.Run(ctx); close(ended) }()
	defer func() { cancel(); <-ended }()

	<-asked // one hangs, and the other waits for it
	tasks := func() (text string, byState map[task.State]task.Info) {
		byState = map[task.State]task.Info{}
		var all []string
		for _, info := range tracker.List() {
			byState[info.State] = info
			all = append(all, string(info.State))
		}
		slices.Sort(all)
		return strings.Join(all, " "), byState
	}
	await := func(want string) map[task.State]task.Info {
		t.Helper()
		for {
			text, byState := tasks()
			if text == want {
				return byState
			}
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				t.Fatalf("the tasks are %s, want %s", text, want)
			}
		}
	}
	before := await("pending running")
	tracker.Cancel(before[task.Pending].ID)
	await("cancelled running")
	tracker.Cancel(before[task.Running].ID)
	await("cancelled cancelled")
	for _, s := range c.Status() {
		for s.State != repos.CloneConfigured && ctx.Err() == nil { // it is about to be told
			s = c.Status()[slices.IndexFunc(c.Status(), func(other repos.CloneStatus) bool { return other.Name == s.Name })]
		}
		if s.Error != "" || time.Until(s.Next) < 30*time.Minute {
			t.Errorf("%s: %q, again at %v", s.Name, s.Error, s.Next)
		}
	}
	c.Set([]repos.Cloned{of("a", server.URL+"/a"), of("b", server.URL+"/b")}) // has Run look again
	if text, _ := tasks(); text != "cancelled cancelled" || len(asked) > 0 {
		t.Errorf("begun again: %s", text)
	}

	results := make(chan error, 1)
	go func() {
		r, err := c.Sync(ctx, []string{"a"}, true)
		results <- errors.Join(err, r[0].Err)
	}()
	<-asked // who asks has it done
	tracker.Cancel(await("cancelled cancelled running")[task.Running].ID)
	if err := <-results; !errors.Is(err, task.ErrCancelled) {
		t.Errorf("who asked is told %v", err)
	}
}
