package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/monitor"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// TestTasksVerb asks processes of their own for what earlier ones did.
func TestTasksVerb(t *testing.T) {
	t.Parallel()
	list := gittest.New(t, "commit base \"Base\"\nbranch stable/1\n")
	gone := list.URL() + "-gone"
	p := configured(t, fmt.Sprintf("repos:\n  - {name: list, source: {url: %q}}\n  - {name: gone, source: {url: %q}}\n", list.URL(), gone))
	run := p.exits(t)
	if said, _ := run(0, "tasks"); said != "no tasks\n" {
		t.Errorf("at first: %s", said)
	}
	run(2, "repo", "sync")
	run(0, "where", "--repo", "list", list.Hash("base").String()) // a short reading, which is not remembered
	tasks := func(args ...string) []task.Info {
		t.Helper()
		said, _ := run(0, append([]string{"tasks", "--format", "json"}, args...)...)
		var all cli.Tasks
		if err := json.Unmarshal([]byte(said), &all); err != nil || all.Tasks == nil {
			t.Fatal(said, err)
		}
		return all.Tasks
	}
	if all := tasks(); len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	if all := tasks("--limit", "1"); len(all) != 1 {
		t.Errorf("one: %+v", all)
	}
	if all := tasks("--repo", "gone"); len(all) != 1 || all[0].State != task.Failed || all[0].Error == "" {
		t.Errorf("what failed: %+v", all)
	}
	all := tasks("list", "--state", "completed")
	if len(all) != 1 || all[0].Kind != "clone" || all[0].Repository != "list" || !strings.Contains(string(all[0].Result), `"added":`) {
		t.Fatalf("what went well: %+v", all)
	}
	if said, _ := run(0, "tasks", "show", all[0].ID); !strings.Contains(said, "cloning · list\n  completed, ") || !strings.Contains(said, `result {"added":`) {
		t.Errorf("one of them: %s", said)
	}
	if said, _ := run(0, "tasks"); !strings.Contains(said, all[0].ID) || strings.Count(said, "\n") != 3 {
		t.Errorf("as a table: %s", said)
	}
	for _, wrong := range []struct{ says, args string }{
		{"pending running completed failed cancelled", "--state over"},
		{`no task "x-1"`, "show x-1"},
		{"There is no terminal", "cancel " + all[0].ID},
		{"has ended already: it is completed", "cancel --yes " + all[0].ID},
	} {
		if _, said := run(2, append([]string{"tasks"}, strings.Fields(wrong.args)...)...); !strings.Contains(said, wrong.says) {
			t.Errorf("%s: %s", wrong.args, said)
		}
	}
	config := filepath.Join(p.home, ".config", "ca-bhfuil", "global.yaml")
	if err := os.WriteFile(config, []byte("limits: {task_history: 0}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if all := tasks(); len(all) != 0 {
		t.Errorf("nothing is to be remembered: %+v", all)
	}
}

// TestTasksCancel cancels a clone that hangs, as an editor does while another
// request waits for it, and finds it in a later process's list.
func TestTasksCancel(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 16)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	h := openHouse(t, func(*appOptions) {})
	h.configure(t, "repos.yaml", fmt.Sprintf("repos:\n  - {name: slow, source: {url: %q}, sync: {strategy: manual}}\n", server.URL+"/slow"))
	h.app.configure()
	synced := make(chan cli.Synced, 1)
	go func() {
		var s cli.Synced
		if err := h.Execute(h.ctx, "cabhfuil.sync", map[string]any{}, &s); err != nil {
			t.Error(err)
		}
		synced <- s
	}()
	<-asked
	tasks := func(argument map[string]any) (all cli.Tasks) {
		t.Helper()
		if err := h.Execute(h.ctx, "cabhfuil.tasks", argument, &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	all := tasks(map[string]any{"state": "running"})
	if len(all.Tasks) != 1 || all.Tasks[0].Kind != "clone" || all.Tasks[0].Started.IsZero() {
		t.Fatalf("what runs: %+v", all)
	}
	watched := tasks(map[string]any{"action": "watch"})
	var cancelled task.Info
	if err := h.Execute(h.ctx, "cabhfuil.tasks", map[string]any{"action": "cancel", "id": all.Tasks[0].ID}, &cancelled); err != nil || cancelled.State != task.Cancelled {
		t.Fatalf("%+v %v", cancelled, err)
	}
	if s := <-synced; len(s.Results) != 1 || !strings.Contains(s.Results[0].Error, "cancelled") {
		t.Errorf("who waited is told %+v", s)
	}
	if watched = tasks(map[string]any{"action": "watch", "revision": watched.Revision}); len(watched.Tasks) != 1 || watched.Tasks[0].State != task.Cancelled {
		t.Errorf("who watches is told %+v", watched)
	}
	var none any
	if err := h.Execute(h.ctx, "cabhfuil.tasks", map[string]any{"action": "rest"}, &none); err == nil || !strings.Contains(err.Error(), "expected list") {
		t.Errorf("another action: %v", err)
	}
	status, err := h.status(h.app.dirs.Config)
	if err != nil {
		t.Fatal(err)
	}
	operations := map[string]monitor.Operation{}
	for _, o := range status.Operations {
		operations[o.Kind+" "+o.Name] = o
	}
	if o := operations["request tasks"]; o.Count < 5 || o.Failed != 1 || o.P50 <= 0 || o.Max < o.P99 || o.P99 < o.P50 {
		t.Errorf("requests: %+v", status.Operations)
	}
	if o := operations["task clone"]; o.Cancelled != 1 || o.Failed != 0 {
		t.Errorf("tasks: %+v", status.Operations)
	}
	if status.Health.State != cli.HealthOK || status.HeapBytes == 0 || status.State.Limit != 20e9 || status.State.Bytes == 0 || status.Goroutines == 0 || status.Began.IsZero() {
		t.Errorf("%+v", status)
	}

	later := openHouse(t, func(opt *appOptions) { opt.dirs = h.app.dirs })
	eventually(t, "a later process knows it", func() bool {
		var info task.Info
		err := later.Execute(h.ctx, "cabhfuil.tasks", map[string]any{"action": "show", "id": cancelled.ID}, &info)
		return err == nil && info.State == task.Cancelled
	})
}

// TestHealth holds what an editor's status item shows.
func TestHealth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		st   cli.Status
		want string
	}{
		{cli.Status{}, "ok []"},
		{cli.Status{Repositories: []cli.Repository{{Name: "a", State: "indexing"}}}, "ok []"},
		{cli.Status{State: cli.Taken{Bytes: 2 << 20, Limit: 2 << 20}}, "ok []"},
		{cli.Status{State: cli.Taken{Bytes: 3 << 20, Limit: 2 << 20}}, "attention [history and logs take 3.0 MiB, more than storage.max_state_size, 2.0 MiB]"},
		{cli.Status{Problems: []string{"repos.yaml:1:1: no"}}, "attention [repos.yaml:1:1: no]"},
		{cli.Status{Repositories: []cli.Repository{{Name: "a", State: "error", Error: "the remote does not answer", Commits: 5}}}, "attention [a: the remote does not answer]"},
		{cli.Status{Repositories: []cli.Repository{{Name: "a", State: "ready", Error: "the index is not kept", Commits: 5}}}, "attention [a: the index is not kept]"},
		{cli.Status{Repositories: []cli.Repository{{Name: "a", State: "stopped", Error: "cancelled"}}}, "attention [a: cancelled]"},
		{cli.Status{Repositories: []cli.Repository{{Name: "a", State: "error", Error: "gone"}, {Name: "b", Error: "no room", Commits: 1}}}, "failing [a: gone b: no room]"},
	} {
		if h := healthOf(c.st); fmt.Sprint(h.State, " ", h.Reasons) != c.want {
			t.Errorf("%v, want %s", h, c.want)
		}
	}
}

// TestLog writes two logs side by side, and a part of one into an older file.
func TestLog(t *testing.T) {
	t.Parallel()
	dirs := config.Dirs{State: t.TempDir()}
	c := config.Log{Level: config.LogInfo, MaxSize: 1_000_000, Files: 2}
	first, closeFirst, err := openLog(dirs, c, slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	second, closeSecond, err := openLog(dirs, c, slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	ctx, log := context.Background(), slog.New(first)
	slog.New(second).Info("the second")
	log.Debug("not this")
	for i := range 40 {
		log.InfoContext(ctx, "long", "number", i, "text", strings.Repeat("x", 100_000))
	}
	log.Info("the last")
	if err := closeFirst.Close(); err != nil {
		t.Error(err)
	}
	if err := closeSecond.Close(); err != nil {
		t.Error(err)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dirs.State, "log", name))
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	if text := read("cabhfuil-lsp.log"); !strings.Contains(text, `"msg":"the last"`) || len(text) > 1_100_000 {
		t.Errorf("the first has %d bytes", len(text))
	}
	if text := read("cabhfuil-lsp.2.log"); !strings.Contains(text, "the second") || strings.Contains(text, "long") {
		t.Errorf("the second: %.200s", text)
	}
	older, err := filepath.Glob(filepath.Join(dirs.State, "log", "cabhfuil-lsp-*.log"))
	if err != nil || len(older) == 0 || len(older) > c.Files {
		t.Errorf("older ones: %v", older)
	}
	for _, file := range older {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", file, info.Mode())
		}
	}
	again, closeAgain, err := openLog(dirs, c, levelOf("debug"))
	if err != nil {
		t.Fatal(err)
	}
	slog.New(again).Debug("again")
	if err := closeAgain.Close(); err != nil || !bytes.Contains([]byte(read("cabhfuil-lsp.log")), []byte("again")) {
		t.Errorf("opened again: %v", err)
	}
}
