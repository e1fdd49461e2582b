// Package monitor counts what the program does: how often each operation ran, how
// it ended, and how long it took. It keeps a fixed number of bytes an operation,
// and recording is a few atomic additions.
//
// Its main types: Monitor and Operation, which is what Operations returns. What is
// counted, and under which names, is for those who record.
package monitor

import (
	"cmp"
	"context"
	"errors"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Operation is how an operation went so far. Percentiles are in milliseconds, of
// all that ended without being cancelled, and up to an eighth above the truth;
// the longest is exact.
type Operation struct {
	Name        string  `json:"name"`
	Kind        string  `json:"kind"` // request or task
	Count       int64   `json:"count"`
	Failed      int64   `json:"failed"`
	Cancelled   int64   `json:"cancelled"`
	SuccessRate float64 `json:"successRate"` // of those that were not cancelled; 1 while there are none
	P50         float64 `json:"p50Ms"`
	P95         float64 `json:"p95Ms"`
	P99         float64 `json:"p99Ms"`
	Max         float64 `json:"maxMs"`
}

// The kinds of operations.
const (
	Request = "request"
	Task    = "task"
)

// maxOperations bounds the names: whoever records under names that others choose
// fills no memory.
const maxOperations = 256

// Monitor is the set of counters. Its zero value counts; it is safe for concurrent use.
type Monitor struct {
	mu  sync.RWMutex
	all map[name]*counter
}

type name struct{ kind, name string }

// Buckets are eight to each power of two of microseconds: log-linear, as in HDR
// histograms. The last one is beyond a day.
const (
	perOctave = 8
	octaves   = 37
)

type counter struct {
	count, failed, cancelled atomic.Int64
	longest                  atomic.Int64 // microseconds
	buckets                  [octaves * perOctave]atomic.Int64
}

// Record counts one operation that ended: well, or with err.
func (m *Monitor) Record(kind, operation string, took time.Duration, err error) {
	c := m.counter(name{kind, operation})
	if c == nil {
		return
	}
	c.count.Add(1)
	switch {
	case errors.Is(err, context.Canceled):
		c.cancelled.Add(1)
		return
	case err != nil:
		c.failed.Add(1)
	}
	us := max(took.Microseconds(), 0)
	c.buckets[bucket(us)].Add(1)
	for old := c.longest.Load(); us > old && !c.longest.CompareAndSwap(old, us); old = c.longest.Load() {
	}
}

func (m *Monitor) counter(n name) *counter {
	m.mu.RLock()
	c := m.all[n]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[name]*counter{}
	}
	if c := m.all[n]; c != nil || len(m.all) >= maxOperations {
		return c
	}
	c = &counter{}
	m.all[n] = c
	return c
}

// bucket is where a time stands: below perOctave each microsecond has its own.
func bucket(us int64) int {
	if us < perOctave {
		return int(us)
	}
	octave := bits.Len64(uint64(us)) - 1 // 3 or more
	within := int(us>>(octave-3)) & (perOctave - 1)
	return min((octave-2)*perOctave+within, octaves*perOctave-1)
}

// upper is the longest time of a bucket, in microseconds.
func upper(bucket int) int64 {
	if bucket < perOctave {
		return int64(bucket)
	}
	octave, within := bucket/perOctave+2, int64(bucket%perOctave)
	return (perOctave+within+1)<<(octave-3) - 1
}

// Operations are all that were recorded, by kind and name.
func (m *Monitor) Operations() []Operation {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := make([]Operation, 0, len(m.all))
	for n, c := range m.all {
		all = append(all, c.operation(n))
	}
	slices.SortFunc(all, func(a, b Operation) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return all
}

func (c *counter) operation(n name) Operation {
	o := Operation{Name: n.name, Kind: n.kind, Count: c.count.Load(), Failed: c.failed.Load(), Cancelled: c.cancelled.Load(), SuccessRate: 1}
	var counts [octaves * perOctave]int64
	var ended int64
	for i := range counts {
		counts[i] = c.buckets[i].Load()
		ended += counts[i]
	}
	if ended == 0 {
		return o
	}
	o.SuccessRate = float64(max(ended-o.Failed, 0)) / float64(ended)
	longest := c.longest.Load()
	percentile := func(p float64) float64 {
		left := int64(p*float64(ended) + 0.999999)
		for i, n := range counts {
			if left -= n; left <= 0 {
				return float64(min(upper(i), longest)) / 1000
			}
		}
		return float64(longest) / 1000
	}
	o.P50, o.P95, o.P99, o.Max = percentile(0.5), percentile(0.95), percentile(0.99), float64(longest)/1000
	return o
}
