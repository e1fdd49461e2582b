package lookup

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestMemo holds the life of a call: found once for all who wait, going on for a
// while when nobody does, ended by a newer one of its group.
func TestMemo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemo[string, int](2, time.Second, func(k string) string { return k[:1] })
		defer m.close()
		finds := map[string]int{}
		find := func(key string, takes time.Duration) func(context.Context) (int, error) {
			return func(ctx context.Context) (int, error) {
				finds[key]++
				select {
				case <-time.After(takes):
					return len(key), nil
				case <-ctx.Done():
					return 0, ctx.Err()
				}
			}
		}
		// patience asks for a key and gives up after ten milliseconds.
		patience := func(key string, takes time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			_, err := m.get(ctx, key, find(key, takes))
			return err
		}
		if v, err := m.get(t.Context(), "a", find("a", time.Minute)); v != 1 || err != nil {
			t.Errorf("a: %d %v", v, err)
		}
		if v, err := m.get(t.Context(), "a", nil); v != 1 || err != nil {
			t.Errorf("a again: %d %v", v, err)
		}
		if err := patience("bb", 500*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("out of patience: %v", err)
		}
		time.Sleep(600 * time.Millisecond)
		if v, ok := m.known("bb"); v != 2 || !ok {
			t.Error("it did not go on while nobody waited")
		}
		if patience("c", time.Minute) == nil {
			t.Error("c is there already")
		}
		time.Sleep(2 * time.Second)
		if v, err := m.get(t.Context(), "c", find("c", 0)); v != 1 || err != nil || finds["c"] != 2 {
			t.Errorf("c after it was given up: %d %v, looked for %d times", v, err, finds["c"])
		}
		if patience("d1", 500*time.Millisecond) == nil {
			t.Error("d1 is there already")
		}
		if _, err := m.get(t.Context(), "d2", find("d2", 600*time.Millisecond)); err != nil {
			t.Error(err)
		}
		if _, ok := m.known("d1"); ok {
			t.Error("d1 went on though d2 took its place")
		}
		if _, ok := m.known("a"); ok {
			t.Error("a is kept, though two others were used since")
		}
		slow := func(ctx context.Context) (int, error) { // to end, too
			<-ctx.Done()
			time.Sleep(time.Minute)
			return 0, ctx.Err()
		}
		waiting, giveUp := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if _, err := m.get(waiting, "f1", slow); err == nil {
			t.Error("f1 is there already")
		}
		giveUp()
		for _, key := range []string{"f2", "f1"} { // a change, and its undoing
			if v, err := m.get(t.Context(), key, find(key, 0)); v != 2 || err != nil {
				t.Errorf("%s: %d %v", key, v, err)
			}
		}
		want := errors.New("as asked")
		fail := func(context.Context) (int, error) { finds["e"]++; return 0, want }
		for range 2 {
			if _, err := m.get(t.Context(), "e", fail); !errors.Is(err, want) {
				t.Errorf("e: %v", err)
			}
		}
		if finds["e"] != 2 {
			t.Error("a failure is remembered")
		}
	})
}
