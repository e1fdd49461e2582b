// Package task keeps the long operations: what each is, how far it is, how it
// ended, and how to stop it. Indexing, cloning and plugins report here; the
// server and the command line watch.
//
// Its main types: Tracker and Task. Reporting progress is an atomic store and
// never waits for those who watch.
package task

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// State is where a task is in its life.
type State string

// The states of a task.
const (
	Running   State = "running"
	Completed State = "completed"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Info is a task as it stands.
type Info struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind"`
	Title      string    `json:"title"`
	Repository string    `json:"repository"`
	State      State     `json:"state"`
	Message    string    `json:"message"`
	Done       int64     `json:"done"`
	Total      int64     `json:"total"` // 0 while it is not known
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended,omitzero"`
	Error      string    `json:"error"`
}

// Interval is the least time between two looks of a watcher: 10 Hz.
const Interval = 100 * time.Millisecond

// keep is how many ended tasks are remembered.
const keep = 100

// Tracker is the set of tasks. Its zero value is not usable; see New.
type Tracker struct {
	mu       sync.Mutex
	next     int
	tasks    []*Task
	watchers map[chan struct{}]bool
}

// New makes an empty tracker.
func New() *Tracker { return &Tracker{watchers: map[chan struct{}]bool{}} }

// Task is one operation. Its methods may be called from any goroutine, and on
// nil, where they do nothing.
type Task struct {
	tracker  *Tracker
	cancel   context.CancelFunc
	progress atomic.Pointer[progress]

	info Info // guarded by tracker.mu
}

type progress struct {
	message     string
	done, total int64
}

// Start begins a task. The context that it returns ends with ctx, when the task
// is cancelled, and when it ends. A nil tracker starts nothing.
func (t *Tracker) Start(ctx context.Context, kind, title, repository string) (*Task, context.Context) {
	if t == nil {
		return nil, ctx
	}
	ctx, cancel := context.WithCancel(ctx)
	task := &Task{tracker: t, cancel: cancel}
	t.mu.Lock()
	t.next++
	task.info = Info{ID: strconv.Itoa(t.next), Kind: kind, Title: title, Repository: repository, State: Running, Started: time.Now()}
	t.tasks = append(t.tasks, task)
	t.forget()
	t.mu.Unlock()
	t.wake()
	return task, ctx
}

// forget drops the oldest ended tasks beyond keep. t.mu is held.
func (t *Tracker) forget() {
	ended := 0
	for _, task := range t.tasks {
		if task.info.State != Running {
			ended++
		}
	}
	t.tasks = slices.DeleteFunc(t.tasks, func(task *Task) bool {
		if ended > keep && task.info.State != Running {
			ended--
			return true
		}
		return false
	})
}

// Progress says how far the task is; total is 0 while it is not known.
func (k *Task) Progress(message string, done, total int64) {
	if k != nil {
		k.progress.Store(&progress{message, done, total})
		k.tracker.wake()
	}
}

// End ends the task: completed, or cancelled for a cancelled context's error,
// or failed. Only the first call counts.
func (k *Task) End(err error) {
	if k == nil {
		return
	}
	t := k.tracker
	t.mu.Lock()
	if k.info.State == Running {
		k.fill()
		k.info.Ended = time.Now()
		switch {
		case err == nil:
			k.info.State = Completed
		case errors.Is(err, context.Canceled):
			k.info.State = Cancelled
		default:
			k.info.State, k.info.Error = Failed, err.Error()
		}
	}
	t.mu.Unlock()
	k.cancel()
	t.wake()
}

// fill copies the progress into the info. tracker.mu is held.
func (k *Task) fill() {
	if p := k.progress.Load(); p != nil {
		k.info.Message, k.info.Done, k.info.Total = p.message, p.done, p.total
	}
}

// List returns the tasks as they stand, oldest first.
func (t *Tracker) List() []Info {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Info, len(t.tasks))
	for i, task := range t.tasks {
		if task.info.State == Running {
			task.fill()
		}
		all[i] = task.info
	}
	return all
}

// Cancel asks a running task to stop, and says whether there was one.
func (t *Tracker) Cancel(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, task := range t.tasks {
		if task.info.ID == id && task.info.State == Running {
			task.cancel()
			return true
		}
	}
	return false
}

func (t *Tracker) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for w := range t.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// Watch calls fn with the tasks that changed since its last call, at most every
// Interval, until ctx ends. Each task's end is told, and its states in between
// as far as there is time for. A slow fn delays nobody but itself.
func (t *Tracker) Watch(ctx context.Context, fn func([]Info)) {
	changed := make(chan struct{}, 1)
	t.mu.Lock()
	t.watchers[changed] = true
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		delete(t.watchers, changed)
		t.mu.Unlock()
	}()
	told := map[string]Info{}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		var news []Info
		for _, info := range t.List() {
			if told[info.ID] != info {
				told[info.ID] = info
				news = append(news, info)
			}
		}
		if len(news) > 0 {
			fn(news)
		}
		pause.Reset(Interval)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
