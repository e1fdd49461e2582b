package index

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cores"
)

// Turns lets the indexing of all repositories of a process give way to questions,
// and shares the cores among them: with many repositories that are indexed at once,
// each goroutine that answers would wait behind all that index, since Go takes one
// that computes off its core only after ten milliseconds.
//
// While somebody asks, who indexes pauses between two commits, at most maxPause at a
// time and at most half of the time, so that it goes on however much is asked. Nil
// neither pauses nor shares. Turns is safe for concurrent use.
type Turns struct {
	slots chan struct{} // capacity: batches that are made at once

	asking atomic.Int32

	mu      sync.Mutex
	idle    chan struct{} // closed when the last question is answered; nil while none is asked
	resumed time.Time     // when somebody last went on although somebody asked
}

// NewTurns shares the cores that there are.
func NewTurns() *Turns {
	return &Turns{slots: make(chan struct{}, cores.Count())}
}

const (
	maxPause = 20 * time.Millisecond
	// maxQuestion is how long a question counts: one that takes longer waits for
	// something, perhaps for an index.
	maxQuestion = 250 * time.Millisecond
)

// Asked says that somebody asks, until answered is called.
func (t *Turns) Asked() (answered func()) {
	if t == nil {
		return func() {}
	}
	t.mu.Lock()
	if t.asking.Add(1) == 1 {
		t.idle = make(chan struct{})
	}
	t.mu.Unlock()
	end := sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.asking.Add(-1) == 0 {
			close(t.idle)
			t.idle = nil
		}
	})
	late := time.AfterFunc(maxQuestion, end)
	return func() {
		late.Stop()
		end()
	}
}

// pause returns at once while nobody asks, and else when the answer is given, or it
// was waited for long enough.
func (t *Turns) pause() {
	if t == nil || t.asking.Load() == 0 {
		return
	}
	t.mu.Lock()
	idle, resumed := t.idle, t.resumed
	t.mu.Unlock()
	if idle == nil || time.Since(resumed) < maxPause {
		return
	}
	late := time.NewTimer(maxPause)
	defer late.Stop()
	select {
	case <-idle:
	case <-late.C:
		t.mu.Lock()
		t.resumed = time.Now()
		t.mu.Unlock()
	}
}

// take waits for a core, which release gives back.
func (t *Turns) take(ctx context.Context) (release func(), err error) {
	if t == nil {
		return func() {}, nil
	}
	select {
	case t.slots <- struct{}{}:
		return func() { <-t.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
