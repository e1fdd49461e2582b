package task_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

func ended(id string, ago time.Duration) task.Info {
	at := time.Now().Add(-ago).UTC().Truncate(time.Second)
	return task.Info{ID: id, Kind: "fetch", State: task.Completed, Created: at, Started: at, Ended: at, Result: json.RawMessage(`{"changed":1}`)}
}

// ids are those of the tasks that a history remembers.
func ids(t *testing.T, h *task.History) string {
	t.Helper()
	all, err := h.List()
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, i := range all {
		text = append(text, i.ID)
	}
	return strings.Join(text, " ")
}

// TestHistory holds that what was added is there for another process, within the
// limits.
func TestHistory(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state", "tasks", "history.jsonl")
	h := task.OpenHistory(file, nil)
	if got := ids(t, h); got != "" {
		t.Errorf("at first: %s", got)
	}
	if _, err := os.Stat(filepath.Dir(file)); err == nil {
		t.Error("a history that nobody adds to makes a directory")
	}
	for i, ago := range []time.Duration{72 * time.Hour, 3 * time.Hour, 2 * time.Hour, time.Hour} {
		h.Add(ended(fmt.Sprint("a-", i), ago))
	}
	h.Close()
	h.Close()
	h.Add(ended("late", 0)) // which does nothing
	other := task.OpenHistory(file, nil)
	defer other.Close()
	for _, c := range []struct {
		count int
		age   time.Duration
		want  string
	}{{1000, 30 * 24 * time.Hour, "a-0 a-1 a-2 a-3"}, {1000, 24 * time.Hour, "a-1 a-2 a-3"}, {2, 24 * time.Hour, "a-2 a-3"}, {0, time.Hour, ""}} {
		other.SetLimits(c.count, c.age)
		if got := ids(t, other); got != c.want {
			t.Errorf("%d of %v: %q", c.count, c.age, got)
		}
	}
	other.SetLimits(10, time.Hour*24)
	all, err := other.List()
	if err != nil || string(all[0].Result) != `{"changed":1}` || all[0].Ended.IsZero() {
		t.Errorf("%+v %v", all, err)
	}
}

// TestHistoryDamage holds that half a line, as a kill leaves it, and a damaged one
// cost themselves alone.
func TestHistoryDamage(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "history.jsonl")
	h := task.OpenHistory(file, nil)
	h.Add(ended("one", 0))
	h.Close()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("\x00\x00 no JSON\n{}\n{\"id\":\"running\",\"state\":\"running\"}\n{\"id\":\"ha"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	h = task.OpenHistory(file, nil)
	defer h.Close()
	if got := ids(t, h); got != "one" {
		t.Errorf("before: %s", got)
	}
	other := task.OpenHistory(file, nil)
	other.Add(ended("two", 0))
	other.Close()
	if got := ids(t, h); got != "one two" {
		t.Errorf("after: %s", got)
	}
}

// TestHistoryTrim holds that the file does not grow without end, while several add
// to it, and that nothing is lost that the limits leave.
func TestHistoryTrim(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "history.jsonl")
	var all sync.WaitGroup
	for p := range 3 {
		all.Go(func() {
			for round := range 12 { // processes that come and go
				h := task.OpenHistory(file, nil)
				h.SetLimits(100, time.Hour)
				for i := range 40 {
					h.Add(ended(fmt.Sprintf("%d-%d-%d", p, round, i), 0))
				}
				h.Close()
			}
		})
	}
	all.Wait()
	h := task.OpenHistory(file, nil)
	h.SetLimits(100, time.Hour)
	defer h.Close()
	list, err := h.List()
	if err != nil || len(list) != 100 {
		t.Errorf("%d are remembered: %v", len(list), err)
	}
	text, err := os.ReadFile(file)
	if n := bytes.Count(text, []byte("\n")); err != nil || n < 100 || n > 500 {
		t.Errorf("%d lines: %v", n, err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.tmp")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestHistoryRefused holds that a place that cannot be written costs one line in
// the log, and delays nobody.
func TestHistoryRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	h := task.OpenHistory(filepath.Join(dir, "history.jsonl"), slog.New(slog.NewTextHandler(&log, nil)))
	for i := range 10_000 { // more than the queue holds, maybe
		h.Add(ended(fmt.Sprint(i), 0))
	}
	h.Close()
	if n := strings.Count(log.String(), "is not written"); n != 1 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

// TestHistoryLarge leaves out a result that is too large, and keeps its task.
func TestHistoryLarge(t *testing.T) {
	t.Parallel()
	h := task.OpenHistory(filepath.Join(t.TempDir(), "history.jsonl"), nil)
	large := ended("large", 0)
	large.Result, _ = json.Marshal(strings.Repeat("x", 1<<20)) //nolint:errcheck // a string
	h.Add(large)
	h.Close()
	all, err := h.List()
	if err != nil || len(all) != 1 || all[0].Result != nil {
		t.Errorf("%+v %v", all, err)
	}
}
