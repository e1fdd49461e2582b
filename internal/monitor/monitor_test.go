package monitor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestBuckets holds that each time is within its bucket, which is no wider than an
// eighth of it.
func TestBuckets(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		us := random.Int64N(1 << (1 + random.IntN(37)))
		b := bucket(us)
		if up := upper(b); up < us || b > 0 && upper(b-1) >= us || up-us > max(us/8, 0) {
			t.Fatalf("%d is in bucket %d, which ends at %d", us, b, up)
		}
	}
	if b := bucket(1 << 62); b != octaves*perOctave-1 {
		t.Errorf("what takes for ever is in bucket %d", b)
	}
}

// TestOperations holds counts and percentiles against those of a sorted list.
func TestOperations(t *testing.T) {
	t.Parallel()
	var m Monitor
	if got := m.Operations(); len(got) != 0 {
		t.Errorf("at first: %v", got)
	}
	random := rand.New(rand.NewPCG(2, 2))
	var took []time.Duration
	for range 5_000 {
		took = append(took, time.Duration(random.ExpFloat64()*float64(3*time.Millisecond)))
	}
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := worker; i < len(took); i += 4 {
				var err error
				if i%10 == 0 {
					err = errors.New("no")
				}
				m.Record(Request, "hover", took[i], err)
				m.Operations()
			}
		})
	}
	m.Record(Request, "hover", time.Hour, fmt.Errorf("gone: %w", context.Canceled))
	m.Record(Task, "fetch", time.Second, nil)
	m.Record(Task, "words", time.Second, context.Canceled)
	all.Wait()
	slices.Sort(took)
	got := m.Operations()
	if len(got) != 3 || got[0].Name != "hover" || got[1].Name != "fetch" || got[2].SuccessRate != 1 || got[2].Cancelled != 1 {
		t.Fatalf("%+v", got)
	}
	h := got[0]
	if h.Count != 5_001 || h.Failed != 500 || h.Cancelled != 1 || h.SuccessRate != 0.9 {
		t.Errorf("%+v", h)
	}
	for p, got := range map[int]float64{50: h.P50, 95: h.P95, 99: h.P99, 100: h.Max} {
		want := float64(took[len(took)*p/100-1].Microseconds()) / 1000
		if got < want || got > want*1.13+0.001 {
			t.Errorf("p%d is %v, want %v", p, got, want)
		}
	}
}

// TestBounded holds that names fill no memory.
func TestBounded(t *testing.T) {
	t.Parallel()
	var m Monitor
	for i := range 10_000 {
		m.Record(Request, fmt.Sprint(i), time.Millisecond, nil)
	}
	if n := len(m.Operations()); n != maxOperations {
		t.Errorf("%d operations", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	var m Monitor
	for b.Loop() {
		m.Record(Request, "hover", 300*time.Microsecond, nil)
	}
}
