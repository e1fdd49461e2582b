package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// age makes the records of clones older: all their times.
func age(t *testing.T, state string, by time.Duration) {
	t.Helper()
	records, err := filepath.Glob(filepath.Join(state, "clones", "*-*.json"))
	if err != nil || len(records) == 0 {
		t.Fatal(records, err)
	}
	for _, path := range records {
		var r map[string]any
		b, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(b, &r)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"used", "cloned"} {
			if text, ok := r[key].(string); ok {
				at, err := time.Parse(time.RFC3339, text)
				if err != nil {
					t.Fatal(err)
				}
				r[key] = at.Add(-by)
			}
		}
		if b, err = json.Marshal(r); err == nil {
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestCleanByItself cleans up in a process that stays: what nobody used goes, what
// an answer came from stays, and status and list tell.
func TestCleanByItself(t *testing.T) {
	t.Parallel()
	list, rest := gittest.New(t, "commit base \"Base of the list\"\n"), gittest.New(t, "commit base \"Base of the rest\" x=1\n")
	h := openHouse(t, func(opt *appOptions) { opt.watch, opt.clean = true, 50*time.Millisecond })
	entry := func(name string, r *gittest.Repo, storage string) string {
		return fmt.Sprintf("  - {name: %s, source: {url: %q}, sync: {strategy: manual}, storage: %s}\n", name, r.URL(), storage)
	}
	both := func(storage string) {
		h.configure(t, "repos.yaml", "repos:\n"+entry("list", list, storage)+entry("rest", rest, storage))
	}
	states := func() string {
		var all cli.Repositories
		if err := h.Execute(h.ctx, "cabhfuil.repositories", map[string]any{}, &all); err != nil {
			return err.Error()
		}
		var said []string
		for _, r := range all.Repositories {
			said = append(said, r.Name+" "+r.State+" "+r.CleanedReason)
		}
		return strings.Join(said, ", ")
	}
	both("{max_size: 100B, retention_days: 3}")
	h.becomes(t, "both are configured", states, "list configured , rest configured ")
	sync := func(names ...string) {
		t.Helper()
		var synced cli.Synced
		if err := h.Execute(h.ctx, "cabhfuil.sync", map[string]any{"repositories": names}, &synced); err != nil || len(synced.Results) == 0 {
			t.Fatal(synced, err)
		}
	}
	sync("list", "rest")
	h.becomes(t, "both answer", func() string { return h.lines(list.Hash("base").String()) + h.lines(rest.Hash("base").String()) }, "list main=containsrest main=contains")

	if s, err := h.status(t.TempDir()); err != nil || s.Health.State != cli.HealthAttention || !strings.Contains(strings.Join(s.Health.Reasons, "; "), "list: it takes ") {
		t.Errorf("they are too large: %+v %v", s.Health, err)
	}
	both("{retention_days: 3}")
	h.becomes(t, "the limit is another", func() string {
		s, err := h.status(t.TempDir())
		if err != nil {
			return err.Error()
		}
		return s.Health.State
	}, cli.HealthOK)
	// Writing down who was used goes on in the background.
	used := func(name string) string {
		for _, s := range h.app.clones.Status() {
			if s.Name == name && !s.Used.IsZero() {
				return "since " + time.Since(s.Used).Truncate(time.Hour).String()
			}
		}
		return "never"
	}
	h.becomes(t, "they were used", func() string { return used("list") + used("rest") }, "since 0ssince 0s")
	if err := h.app.clones.Pause("rest", false); err != nil {
		t.Fatal(err)
	}
	age(t, h.app.dirs.State, 100*time.Hour)
	if err := h.app.clones.Used("list"); err != nil {
		t.Fatal(err)
	}
	sync("list") // after which it cleans up
	h.becomes(t, "what was not used goes", states, "list ready , rest cleaned it was not used for 4 days, and retention_days is 3")
	var answers any
	err := h.Execute(h.ctx, "cabhfuil.where", map[string]any{"keys": []string{"main"}, "repository": "rest"}, &answers)
	if err == nil || !strings.Contains(err.Error(), "repo sync rest clones it again") {
		t.Errorf("a question to it: %v", err)
	}
	h.becomes(t, "it was a task", func() string {
		var all cli.Tasks
		if err := h.Execute(h.ctx, "cabhfuil.tasks", map[string]any{}, &all); err != nil {
			return err.Error()
		}
		for _, k := range all.Tasks { // the newest first
			if k.Kind == "clean" {
				return string(k.State)
			}
		}
		return "none"
	}, "completed")
	sync("rest")
	h.becomes(t, "it is cloned again", func() string { return h.lines(rest.Hash("base").String()) }, "rest main=contains")
}

// TestCleanVerb lists what it would delete, asks, and deletes.
func TestCleanVerb(t *testing.T) {
	t.Parallel()
	list, here := gittest.New(t, "commit base \"Base\"\n"), gittest.New(t, "commit one \"One\"\n")
	p := configured(t, fmt.Sprintf("repos:\n  - {name: list, source: {url: %q}, storage: {retention_days: 3}}\n  - {name: here, path: %q}\n", list.URL(), here.Dir))
	run := p.exits(t)
	run(0, "repo", "sync")
	run(0, "where", list.Hash("base").String())
	found := func(pattern string) int {
		all, err := filepath.Glob(filepath.Join(p.home, ".cache", "ca-bhfuil", filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if said, _ := run(0, "repo", "clean"); !strings.HasPrefix(said, "nothing to delete\nclones take ") {
		t.Errorf("at first: %s", said)
	}
	if _, said := run(2, "repo", "clean", "here", "--yes"); !strings.Contains(said, "here is a repository in place") {
		t.Errorf("the one in place: %s", said)
	}
	if _, said := run(2, "repo", "clean", "lisp"); !strings.Contains(said, "lisp") {
		t.Errorf("an unknown name: %s", said)
	}
	age(t, filepath.Join(p.home, ".local", "state", "ca-bhfuil"), 100*time.Hour)
	said, _ := run(0, "repo", "clean", "--dry-run")
	if !strings.HasPrefix(said, "clone  ") || !strings.Contains(said, "\n  would delete ") || !strings.Contains(said, ": it was not used for 4 days, and retention_days is 3\n") || !strings.Contains(said, " would be free\n") {
		t.Errorf("a dry run: %s", said)
	}
	if _, said := run(2, "repo", "clean"); !strings.Contains(said, "would delete ") || !strings.Contains(said, "Delete that? There is no terminal to answer at: say --yes") {
		t.Errorf("without a terminal: %s", said)
	}
	if clones, indexes := found("clones/*.git"), found("index/*"); clones != 1 || indexes != 2 {
		t.Fatalf("so far: %d clones, %d indexes", clones, indexes)
	}
	said, _ = run(0, "repo", "clean", "--yes", "--format", "json")
	var all cli.Cleaned
	if err := json.Unmarshal([]byte(said), &all); err != nil || all.DryRun || len(all.Items) != 1 || all.Items[0].Kind != "clone" || all.Items[0].Repository != "list" || all.Freed <= 0 || all.Clones != 0 {
		t.Errorf("as JSON: %s %v", said, err)
	}
	if clones, indexes := found("clones/*.git"), found("index/*"); clones != 0 || indexes != 1 {
		t.Errorf("afterwards: %d clones, %d indexes", clones, indexes)
	}
	if said, _ := run(0, "repo", "list"); !strings.Contains(said, "\n  cleaned\n") || !strings.Contains(said, "to make room: it was not used for 4 days, and retention_days is 3; repo sync list clones it again") {
		t.Errorf("the list: %s", said)
	}
	if _, said := run(2, "where", "--repo", "list", list.Hash("base").String()); !strings.Contains(said, "repo sync list clones it again") {
		t.Errorf("a question to it: %s", said)
	}
	run(0, "repo", "sync", "list")
	run(0, "where", list.Hash("base").String())
	if said, _ := run(0, "repo", "clean", "list", "--yes"); !strings.HasPrefix(said, "clone  ") || found("clones/*.git") != 0 || found("index/*") != 1 {
		t.Errorf("by its name: %s", said)
	}
	if _, err := os.Stat(here.GitDir()); err != nil {
		t.Error(err)
	}
}

// TestCleanState removes old logs, and then old tasks, where the state directory is
// beyond its limit.
func TestCleanState(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	state := h.app.dirs.State
	write := func(path string, bytes int) {
		t.Helper()
		path = filepath.Join(state, filepath.FromSlash(path))
		line := strings.Repeat("x", 99) + "\n"
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat(line, bytes/100)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("log/cabhfuil-lsp.log", 1000)
	write("log/cabhfuil-lsp-2026-01-02T03-04-05.000-size.log", 1000)
	write("log/cabhfuil-lsp.2-2026-01-02T03-04-05.000-size.log", 1000)
	write("tasks/history.jsonl", 1000)
	if err := os.Chtimes(filepath.Join(state, "log", "cabhfuil-lsp.2-2026-01-02T03-04-05.000-size.log"), time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	clean := func(most int64, dry bool) string {
		var said []string
		for _, item := range h.app.cleanState(sizeOf(state), most, dry) {
			said = append(said, fmt.Sprintf("%s %s %d %s", item.Kind, filepath.Base(item.Path), item.Bytes, item.Error))
		}
		return strings.Join(said, "; ")
	}
	for _, step := range []struct {
		most int64
		dry  bool
		want string
	}{
		{4000, false, ""},
		{3500, true, "log cabhfuil-lsp.2-2026-01-02T03-04-05.000-size.log 1000 "},
		{3500, false, "log cabhfuil-lsp.2-2026-01-02T03-04-05.000-size.log 1000 "},
		{1850, true, "log cabhfuil-lsp-2026-01-02T03-04-05.000-size.log 1000 ; history tasks 200 "},
		{1850, false, "log cabhfuil-lsp-2026-01-02T03-04-05.000-size.log 1000 ; history tasks 200 "},
		{1850, false, ""},
	} {
		if got := clean(step.most, step.dry); got != step.want {
			t.Errorf("%d bytes, dry %t: %q, not %q", step.most, step.dry, got, step.want)
		}
	}
	if c, _ := config.Load(h.app.dirs); threshold(c.Global.Storage.MaxStateSize, c) != 18e9 {
		t.Errorf("the threshold of the state is %d", threshold(c.Global.Storage.MaxStateSize, c))
	}
}
