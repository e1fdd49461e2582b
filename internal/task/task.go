// Package task keeps the long operations: what each is, how far it is, how it
// ended, and how to stop it. Indexing, cloning and plugins report here; the
// server and the command line watch.
//
// Its main types: Tracker and Task, and History, which remembers tasks that
// ended beyond the process. Reporting progress is a few atomic stores and never
// waits for those who watch, nor for the disk.
package task

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// State is where a task is in its life.
type State string

// The states of a task.
const (
	Pending   State = "pending" // it waits for its turn
	Running   State = "running"
	Completed State = "completed"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// States are all of them.
var States = []State{Pending, Running, Completed, Failed, Cancelled}

// Ended says that nothing changes any more.
func (s State) Ended() bool { return s == Completed || s == Failed || s == Cancelled }

// Info is a task as it stands.
type Info struct {
	ID         string          `json:"id"` // no other task of any process has it
	Kind       string          `json:"kind"`
	Title      string          `json:"title"`
	Repository string          `json:"repository"`
	State      State           `json:"state"`
	Message    string          `json:"message"`
	Done       int64           `json:"done"`
	Total      int64           `json:"total"` // 0 while it is not known
	Created    time.Time       `json:"created"`
	Started    time.Time       `json:"started,omitzero"` // zero while it is pending
	Ended      time.Time       `json:"ended,omitzero"`
	Result     json.RawMessage `json:"result"` // null where there is none
	Error      string          `json:"error"`

	// Revision grows with each change of any task of a Tracker.
	Revision uint64 `json:"-"`
	// Worth says that an ended task is worth remembering; see Task.Remember.
	Worth bool `json:"-"`
}

// Interval is the least time between two looks of a watcher: 10 Hz.
const Interval = 100 * time.Millisecond

// keep is how many ended tasks are remembered in memory.
const keep = 100

// long is how long a task takes at least to be worth remembering for that alone.
const long = time.Second

// ErrCancelled is the cause of a task's context, and what the work may return,
// when somebody cancelled the task. It is a context.Canceled, but the program goes
// on: who keeps doing such work must not begin it again at once.
var ErrCancelled error = cancelled{}

type cancelled struct{}

func (cancelled) Error() string        { return "the task was cancelled" }
func (cancelled) Is(target error) bool { return target == context.Canceled }

// Cause is what the work of a task failed with: err, or ErrCancelled where ctx, the
// task's, ended since somebody cancelled it.
func Cause(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), ErrCancelled) {
		return ErrCancelled
	}
	return err
}

// Options configure a Tracker.
type Options struct {
	// OnEnd is told each task that ended, by the goroutine that ended it. It must not
	// block. What waited for its turn and had none, and what nobody saw, is told too.
	OnEnd func(Info)
	// Scrub takes secrets out of errors and messages; nil where there are none.
	Scrub func(string) string
}

// Tracker is the set of tasks. Its zero value is not usable; see New.
type Tracker struct {
	opt      Options
	process  string // begins the ids, so that they differ between processes
	revision atomic.Uint64
	watchers atomic.Pointer[[]chan struct{}] // replaced under mu

	mu    sync.Mutex
	next  int
	tasks []*Task
}

// New makes an empty tracker.
func New(opt Options) *Tracker {
	t := &Tracker{opt: opt, process: strings.ToLower(rand.Text()[:6])}
	t.revision.Store(1) // 0 is before all
	return t
}

// Task is one operation. Its methods may be called from any goroutine, and on
// nil, where they do nothing.
type Task struct {
	tracker  *Tracker
	ctx      context.Context
	cancel   context.CancelCauseFunc
	seen     atomic.Bool // it is among the tracker's
	progress atomic.Pointer[progress]

	info Info // guarded by tracker.mu
}

type progress struct {
	message     string
	done, total int64
	revision    uint64
}

// Prepare makes a task that nobody sees until Wait or Begin is called: for work
// of which it turns out late whether it is long. The context that it returns ends
// with ctx, when the task is cancelled, and when it ends. A nil tracker makes
// nothing.
func (t *Tracker) Prepare(ctx context.Context, kind, title, repository string) (*Task, context.Context) {
	if t == nil {
		return nil, ctx
	}
	ctx, cancel := context.WithCancelCause(ctx)
	return &Task{tracker: t, ctx: ctx, cancel: cancel, info: Info{Kind: kind, Title: title, Repository: repository}}, ctx
}

// Start is Prepare and Begin.
func (t *Tracker) Start(ctx context.Context, kind, title, repository string) (*Task, context.Context) {
	k, ctx := t.Prepare(ctx, kind, title, repository)
	k.Begin()
	return k, ctx
}

// Wait makes the task pending: it waits for its turn.
func (k *Task) Wait() { k.become(Pending) }

// Begin makes the task a running one, also after Wait. Further calls do nothing.
func (k *Task) Begin() { k.become(Running) }

func (k *Task) become(state State) {
	if k == nil {
		return
	}
	t := k.tracker
	t.mu.Lock()
	if k.info.State == state || k.info.State != "" && k.info.State != Pending {
		t.mu.Unlock()
		return
	}
	now := time.Now()
	if k.info.State == "" {
		t.next++
		k.info.ID, k.info.Created = t.process+"-"+strconv.Itoa(t.next), now
		t.tasks = append(t.tasks, k)
		t.forget()
	}
	k.info.State = state
	if state == Running {
		k.info.Started = now
	}
	k.info.Revision = t.revision.Add(1)
	k.seen.Store(true)
	t.mu.Unlock()
	t.wake()
}

// forget drops the oldest ended tasks beyond keep. t.mu is held.
func (t *Tracker) forget() {
	ended := 0
	for _, task := range t.tasks {
		if task.info.State.Ended() {
			ended++
		}
	}
	t.tasks = slices.DeleteFunc(t.tasks, func(task *Task) bool {
		if ended > keep && task.info.State.Ended() {
			ended--
			return true
		}
		return false
	})
}

// Progress says how far the task is; total is 0 while it is not known.
func (k *Task) Progress(message string, done, total int64) {
	if k == nil {
		return
	}
	k.progress.Store(&progress{message, done, total, k.tracker.revision.Add(1)})
	if k.seen.Load() {
		k.tracker.wake()
	}
}

// Result keeps what the task came to, as JSON: small, and nothing secret.
func (k *Task) Result(v any) {
	if k == nil {
		return
	}
	b, err := json.Marshal(v)
	if err != nil {
		return // a value of ours
	}
	k.tracker.mu.Lock()
	defer k.tracker.mu.Unlock()
	if !k.info.State.Ended() {
		k.info.Result = b
	}
}

// Remember makes the task worth remembering however short it is: somebody asked
// for it, or it changed something. Without it the history keeps what failed, what
// somebody cancelled, and what took a second and was not cut short by the end of
// the program.
func (k *Task) Remember() {
	if k == nil {
		return
	}
	k.tracker.mu.Lock()
	defer k.tracker.mu.Unlock()
	k.info.Worth = true
}

// End ends the task: completed, or cancelled for a cancelled context's error,
// or failed. Only the first call counts.
func (k *Task) End(err error) {
	if k == nil {
		return
	}
	t := k.tracker
	asked := errors.Is(context.Cause(k.ctx), ErrCancelled)
	t.mu.Lock()
	if k.info.State == "" || k.info.State.Ended() {
		t.mu.Unlock()
		k.cancel(nil)
		return
	}
	k.fill()
	k.info.Ended = time.Now()
	switch {
	case err == nil:
		k.info.State = Completed
		k.info.Worth = k.info.Worth || !k.info.Started.IsZero() && k.info.Ended.Sub(k.info.Started) >= long
	case asked || errors.Is(err, context.Canceled):
		k.info.State = Cancelled
		k.info.Worth = k.info.Worth || asked
	default:
		k.info.State, k.info.Error = Failed, t.scrub(err.Error())
		k.info.Worth = true
	}
	k.info.Revision = t.revision.Add(1)
	ended := k.info
	t.mu.Unlock()
	k.cancel(nil)
	if t.opt.OnEnd != nil {
		t.opt.OnEnd(ended)
	}
	t.wake()
}

func (t *Tracker) scrub(text string) string {
	if t.opt.Scrub == nil {
		return text
	}
	return t.opt.Scrub(text)
}

// fill copies the progress into the info. tracker.mu is held.
func (k *Task) fill() {
	if p := k.progress.Load(); p != nil {
		k.info.Message, k.info.Done, k.info.Total = k.tracker.scrub(p.message), p.done, p.total
		k.info.Revision = max(k.info.Revision, p.revision)
	}
}

// current is the task as it stands. tracker.mu is held.
func (k *Task) current() Info {
	if !k.info.State.Ended() {
		k.fill()
	}
	return k.info
}

// List returns the tasks as they stand, oldest first.
func (t *Tracker) List() []Info {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Info, len(t.tasks))
	for i, task := range t.tasks {
		all[i] = task.current()
	}
	return all
}

// Cancel asks a task that has not ended to stop, and says whether there was one.
func (t *Tracker) Cancel(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, task := range t.tasks {
		if task.info.ID == id && !task.info.State.Ended() {
			task.cancel(ErrCancelled)
			return true
		}
	}
	return false
}

func (t *Tracker) wake() {
	watchers := t.watchers.Load()
	if watchers == nil {
		return
	}
	for _, w := range *watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// listen makes a channel that wake signals, until stop is called.
func (t *Tracker) listen() (changed chan struct{}, stop func()) {
	changed = make(chan struct{}, 1)
	t.alter(func(all []chan struct{}) []chan struct{} { return append(all, changed) })
	return changed, func() {
		t.alter(func(all []chan struct{}) []chan struct{} {
			return slices.DeleteFunc(all, func(w chan struct{}) bool { return w == changed })
		})
	}
}

func (t *Tracker) alter(change func([]chan struct{}) []chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []chan struct{}
	if old := t.watchers.Load(); old != nil {
		all = slices.Clone(*old)
	}
	all = change(all)
	t.watchers.Store(&all)
}

// news are the tasks that changed since they were told, which is brought up to
// date. Those that were forgotten meanwhile are among them once more: their end
// has to be told.
func (t *Tracker) news(told map[*Task]uint64) []Info {
	t.mu.Lock()
	defer t.mu.Unlock()
	var news []Info
	listed := make(map[*Task]bool, len(t.tasks))
	for _, task := range t.tasks {
		listed[task] = true
		if info := task.current(); told[task] != info.Revision {
			told[task] = info.Revision
			news = append(news, info)
		}
	}
	for task, revision := range told {
		if !listed[task] {
			delete(told, task)
			if task.info.Revision != revision {
				news = append(news, task.info)
			}
		}
	}
	return news
}

// Watch calls fn with the tasks that changed since its last call, at most every
// Interval, until ctx ends. Each task's end is told, and its states in between
// as far as there is time for. A slow fn delays nobody but itself.
func (t *Tracker) Watch(ctx context.Context, fn func([]Info)) {
	changed, stop := t.listen()
	defer stop()
	told := map[*Task]uint64{}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		if news := t.news(told); len(news) > 0 {
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

// Changes returns the tasks that changed after a revision, and the revision to ask
// with next. It waits until there are some, and then for Interval, unless the
// revision is 0: that is a watcher's first look.
func (t *Tracker) Changes(ctx context.Context, after uint64) ([]Info, uint64, error) {
	changed, stop := t.listen()
	defer stop()
	for first := true; ; first = false {
		revision := t.revision.Load() // before the list, which may be newer
		all := slices.DeleteFunc(t.List(), func(i Info) bool { return i.Revision <= after })
		if len(all) > 0 && !first || after == 0 {
			return all, revision, nil
		}
		if len(all) == 0 {
			select {
			case <-changed:
			case <-ctx.Done():
				return nil, after, ctx.Err()
			}
		}
		select {
		case <-time.After(Interval):
		case <-ctx.Done():
			return nil, after, ctx.Err()
		}
	}
}
