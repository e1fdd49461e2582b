package task_test

import (
	"context"
	"errors"
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
		tracker := task.New()
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
	tracker := task.New()
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
	tracker := task.New()
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
	tracker := task.New()
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
