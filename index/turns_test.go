package index

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns holds that work pauses while somebody asks, not longer than it may, and
// not for questions that take too long.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns()
		time.Sleep(time.Second) // of the bubble's clock
		paused := func() time.Duration {
			start := time.Now()
			turns.pause()
			return time.Since(start)
		}
		if d := paused(); d != 0 {
			t.Errorf("nobody asks, and it pauses for %v", d)
		}
		answered := turns.Asked()
		time.AfterFunc(5*time.Millisecond, answered)
		if d := paused(); d != 5*time.Millisecond {
			t.Errorf("a question of 5 ms stops it for %v", d)
		}
		first, second := turns.Asked(), turns.Asked()
		first()
		first() // which changes nothing
		if d := paused(); d != maxPause {
			t.Errorf("a long question stops it for %v, want %v", d, maxPause)
		}
		if d := paused(); d != 0 {
			t.Errorf("it went on for no time and pauses again, for %v", d)
		}
		time.Sleep(maxPause)
		if d := paused(); d != maxPause {
			t.Errorf("after it went on it pauses for %v, want %v", d, maxPause)
		}
		time.Sleep(maxQuestion)
		if d := paused(); d != 0 {
			t.Errorf("a question that waits itself stops it for %v", d)
		}
		second()
		var none *Turns
		none.Asked()()
		none.pause()
	})
}

// TestTurnsShare holds that no more batches are made at once than there are cores.
func TestTurnsShare(t *testing.T) {
	turns := NewTurns()
	for range cap(turns.slots) {
		if _, err := turns.take(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.take(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("one more: %v", err)
	}
}
