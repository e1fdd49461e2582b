package task_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLifecycle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err   error
		state task.State
		text  string
	}{
		{nil, task.Completed, ""},
		{context.Canceled, task.Cancelled, ""},
		{errors.New("disk full"), task.Failed, "disk full"},
	} {
		tracker := task.New(task.Options{})
		k, ctx := tracker.Start(t.Context(), "index", "Indexing demo", "demo")
		k.Progress("words", 3, 10)
		if got := tracker.List()[0]; got.State != task.Running || got.Message != "words" || got.Done != 3 || got.Total != 10 || got.Title != "Indexing demo" {
			t.Errorf("while it runs: %+v", got)
		}
		k.End(c.err)
		k.End(errors.New("a second end")) // does not count
		got := tracker.List()[0]
		if got.State != c.state || got.Error != c.text || got.Done != 3 || got.Ended.IsZero() {
			t.Errorf("ended with %v: %+v", c.err, got)
		}
		if ctx.Err() == nil {
			t.Error("the context outlives the task")
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	tracker := task.New(task.Options{})
	k, ctx := tracker.Start(t.Context(), "clone", "Cloning", "")
	id := tracker.List()[0].ID
	if tracker.Cancel("none") || ctx.Err() != nil || !tracker.Cancel(id) || ctx.Err() == nil {
		t.Error("Cancel is to stop the task that it names and no other")
	}
	k.End(ctx.Err())
	if tracker.Cancel(id) || tracker.List()[0].State != task.Cancelled {
		t.Errorf("after the end: %+v", tracker.List()[0])
	}
}

func TestNil(t *testing.T) {
	t.Parallel()
	var none *task.Tracker
	k, ctx := none.Start(t.Context(), "index", "", "")
	k.Progress("", 1, 2)
	k.End(nil)
	if k != nil || ctx != t.Context() {
		t.Error("a nil tracker is to start nothing")
	}
}

// TestForget holds that ended tasks do not pile up, and running ones stay.
func TestForget(t *testing.T) {
	t.Parallel()
	tracker := task.New(task.Options{})
	running, _ := tracker.Start(t.Context(), "index", "first", "")
	defer running.End(nil)
	for range 150 {
		k, _ := tracker.Start(t.Context(), "index", "", "")
		k.End(nil)
	}
	all := tracker.List()
	if len(all) > 102 || all[0].Title != "first" {
		t.Errorf("%d tasks, the first %+v", len(all), all[0])
	}
}

// TestWatch holds that a watcher is told the end, and not every step before it.
func TestWatch(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tracker := task.New(task.Options{})
	k, _ := tracker.Start(ctx, "index", "Indexing", "demo")
	var times []time.Time
	var last task.Info
	told, done := make(chan struct{}, 1000), make(chan struct{})
	go func() {
		defer close(done)
		tracker.Watch(ctx, func(news []task.Info) {
			times, last = append(times, time.Now()), news[0]
			told <- struct{}{}
			if last.State == task.Completed {
				cancel()
			}
		})
	}()
	<-told
	for i := int64(1); len(told) < 2 && ctx.Err() == nil; i++ {
		k.Progress("words", i, 0)
	}
	k.End(nil)
	<-done
	if last.State != task.Completed {
		t.Fatalf("the end was not told: %+v", last)
	}
	for i := 1; i < len(times); i++ {
		// A millisecond for the time between the timer's start and fn's.
		if d := times[i].Sub(times[i-1]); d < task.Interval-time.Millisecond {
			t.Errorf("call %d came %v after the one before", i, d)
		}
	}
}

// TestPending follows a task from nobody seeing it over its turn to its end.
func TestPending(t *testing.T) {
	t.Parallel()
	var ended []task.Info
	tracker := task.New(task.Options{
		OnEnd: func(i task.Info) { ended = append(ended, i) },
		Scrub: func(text string) string { return strings.ReplaceAll(text, "hunter2", "…") },
	})
	unseen, ctx := tracker.Prepare(t.Context(), "read", "", "")
	unseen.Progress("", 1, 0)
	if len(tracker.List()) != 0 {
		t.Errorf("a task that was not begun is seen: %+v", tracker.List())
	}
	unseen.End(errors.New("failed"))
	if len(tracker.List()) != 0 || len(ended) != 0 || ctx.Err() == nil {
		t.Errorf("its end is seen: %+v", ended)
	}

	k, _ := tracker.Prepare(t.Context(), "fetch", "fetching", "demo")
	k.Wait()
	if got := tracker.List()[0]; got.State != task.Pending || !got.Started.IsZero() || got.Created.IsZero() {
		t.Errorf("while it waits: %+v", got)
	}
	k.Begin()
	k.Wait()
	if got := tracker.List()[0]; got.State != task.Running || got.Started.IsZero() {
		t.Errorf("in its turn: %+v", got)
	}
	k.Result(map[string]int{"changed": 3})
	k.Progress("with hunter2", 1, 2)
	k.End(errors.New("hunter2 was refused"))
	got := tracker.List()[0]
	if got.State != task.Failed || got.Error != "… was refused" || got.Message != "with …" || string(got.Result) != `{"changed":3}` {
		t.Errorf("at its end: %+v", got)
	}
	if len(ended) != 1 || ended[0].ID != got.ID {
		t.Errorf("told ends: %+v", ended)
	}

	waits, ctx := tracker.Prepare(t.Context(), "fetch", "fetching", "demo")
	waits.Wait()
	if !tracker.Cancel(tracker.List()[1].ID) || !errors.Is(task.Cause(ctx, ctx.Err()), task.ErrCancelled) || !errors.Is(task.ErrCancelled, context.Canceled) {
		t.Error("a pending task is to be cancelled")
	}
	waits.End(errors.New("git was killed"))
	if got := tracker.List()[1]; got.State != task.Cancelled || got.Error != "" || !got.Worth {
		t.Errorf("cancelled while it waited: %+v", got)
	}
}

// TestWorth holds what is worth remembering.
func TestWorth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		remember, cancel bool
		err              error
		want             bool
	}{
		"a short one":                  {},
		"somebody asked":               {remember: true, want: true},
		"a failure":                    {err: errors.New("no"), want: true},
		"cut short by the end":         {err: context.Canceled},
		"cancelled by somebody":        {cancel: true, err: context.Canceled, want: true},
		"cancelled too late":           {cancel: true},
		"asked for, and cut short too": {remember: true, err: context.Canceled, want: true},
	} {
		tracker := task.New(task.Options{})
		k, _ := tracker.Start(t.Context(), "read", "", "")
		if c.remember {
			k.Remember()
		}
		if c.cancel {
			tracker.Cancel(tracker.List()[0].ID)
		}
		k.End(c.err)
		if got := tracker.List()[0]; got.Worth != c.want {
			t.Errorf("%s: %t", name, got.Worth)
		}
	}
}

// TestWatchForgotten holds that a watcher which was away is told the end of a task
// that is forgotten by then.
func TestWatchForgotten(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tracker := task.New(task.Options{})
	k, _ := tracker.Start(ctx, "index", "first", "")
	away, back, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var last task.State
	go func() {
		defer close(done)
		tracker.Watch(ctx, func(news []task.Info) {
			for _, info := range news {
				if info.Title == "first" {
					if last == "" {
						close(away)
						<-back
					}
					last = info.State
				}
			}
			if last == task.Completed {
				cancel()
			}
		})
	}()
	<-away
	k.End(nil)
	for range 300 {
		k, _ := tracker.Start(ctx, "index", "", "")
		k.End(nil)
	}
	close(back)
	<-done
	if last != task.Completed {
		t.Errorf("the last that was told is %q", last)
	}
}

// TestProgressNeverWaits reports while a watcher is stuck and another process of
// ours lists: it is to come to its end at all.
func TestProgressNeverWaits(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tracker := task.New(task.Options{})
	k, _ := tracker.Start(ctx, "index", "", "")
	stuck, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		first := true
		tracker.Watch(ctx, func([]task.Info) {
			if first {
				first = false
				close(stuck)
				<-release
				cancel()
			}
		})
	}()
	<-stuck
	for i := range int64(200_000) {
		k.Progress("", i, 0)
	}
	k.End(nil)
	if got := tracker.List()[0]; got.Done != 199_999 || got.State != task.Completed {
		t.Errorf("%+v", got)
	}
	close(release)
	<-done
}

// TestChanges follows a task as a client does that asks again and again.
func TestChanges(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tracker := task.New(task.Options{})
	all, at, err := tracker.Changes(ctx, 0)
	if err != nil || len(all) != 0 || at == 0 {
		t.Fatal(all, at, err)
	}
	k, _ := tracker.Start(ctx, "index", "", "")
	var states []task.State
	for len(states) == 0 || states[len(states)-1] != task.Completed {
		if all, at, err = tracker.Changes(ctx, at); err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		states = append(states, all[0].State)
		k.End(nil)
	}
	if len(states) != 2 || states[0] != task.Running {
		t.Errorf("%v", states)
	}
	gone, stop := context.WithCancel(ctx)
	stop()
	if _, _, err := tracker.Changes(gone, at); !errors.Is(err, context.Canceled) {
		t.Errorf("the client left: %v", err)
	}
}

func BenchmarkProgress(b *testing.B) {
	tracker := task.New(task.Options{})
	ctx, cancel := context.WithCancel(b.Context())
	k, _ := tracker.Start(ctx, "index", "", "")
	done := make(chan struct{})
	go func() {
		defer close(done)
		tracker.Watch(ctx, func([]task.Info) {})
	}()
	for i := range b.N {
		k.Progress("", int64(i), 0)
	}
	cancel()
	<-done
}
