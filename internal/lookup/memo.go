package lookup

import (
	"context"
	"sync"
	"time"
)

// memo remembers what takes long to find out, and finds it out once however
// many ask meanwhile. Who stops asking does not stop it at once: an editor that
// scrolls cancels and asks again. The zero value is not usable.
type memo[K comparable, V any] struct {
	most int // results that are kept
	// A call goes on with nobody waiting for as long as linger, and no longer than
	// until another one begins in the same group.
	linger time.Duration
	group  func(K) string

	ctx  context.Context // ends all
	stop context.CancelFunc
	work sync.WaitGroup

	mu     sync.Mutex
	closed bool
	calls  map[K]*call[V]
	recent []K // the one used last at the end
}

// call is a result that is there or on its way.
type call[V any] struct {
	group   string
	done    chan struct{}
	value   V
	err     error
	waiting int
	cancel  context.CancelFunc
}

func newMemo[K comparable, V any](most int, linger time.Duration, group func(K) string) *memo[K, V] {
	m := &memo[K, V]{most: most, linger: linger, group: group, calls: map[K]*call[V]{}}
	m.ctx, m.stop = context.WithCancel(context.Background())
	return m
}

// get returns what find finds for the key, or ctx's error as soon as ctx ends.
// Errors are not remembered.
func (m *memo[K, V]) get(ctx context.Context, key K, find func(context.Context) (V, error)) (V, error) {
	m.mu.Lock()
	c, known := m.calls[key]
	if !known && !m.closed {
		c = m.begin(key, find)
	}
	if c == nil {
		m.mu.Unlock()
		var none V
		return none, context.Canceled
	}
	m.use(key)
	c.waiting++
	m.mu.Unlock()
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.waiting--; c.waiting == 0 {
		m.leave(key, c)
	}
	select {
	case <-c.done:
		return c.value, c.err
	default:
		var none V
		return none, ctx.Err()
	}
}

// known is the key's result, if it is there.
func (m *memo[K, V]) known(key K) (value V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.calls[key]
	if c == nil {
		return value, false
	}
	select {
	case <-c.done:
		return c.value, c.err == nil
	default:
		return value, false
	}
}

// begin starts to find a key's result. m.mu is held.
func (m *memo[K, V]) begin(key K, find func(context.Context) (V, error)) *call[V] {
	ctx, cancel := context.WithCancel(m.ctx)
	c := &call[V]{group: m.group(key), done: make(chan struct{}), cancel: cancel}
	for k, other := range m.calls {
		if other.group == c.group && other.waiting == 0 {
			m.giveUp(k, other) // of a text that was changed since
		}
	}
	m.calls[key] = c
	m.work.Go(func() {
		defer cancel()
		value, err := find(ctx)
		m.mu.Lock()
		defer m.mu.Unlock()
		c.value, c.err = value, err
		if err != nil && m.calls[key] == c {
			delete(m.calls, key)
		}
		close(c.done)
	})
	return c
}

// leave ends a call that nobody waits for any more, after a while. m.mu is held.
func (m *memo[K, V]) leave(key K, c *call[V]) {
	select {
	case <-c.done:
		return
	default:
	}
	time.AfterFunc(m.linger, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if c.waiting == 0 {
			m.giveUp(key, c)
		}
	})
}

// giveUp ends a call that has no result yet. Who asks for the key while it ends,
// since a change was undone, begins anew. m.mu is held.
func (m *memo[K, V]) giveUp(key K, c *call[V]) {
	select {
	case <-c.done:
		return
	default:
	}
	c.cancel()
	if m.calls[key] == c {
		delete(m.calls, key)
	}
}

// use makes a key the one used last, and forgets the oldest results. m.mu is held.
func (m *memo[K, V]) use(key K) {
	kept := m.recent[:0]
	for _, k := range m.recent {
		if _, there := m.calls[k]; there && k != key {
			kept = append(kept, k)
		}
	}
	m.recent = append(kept, key)
	for i := 0; len(m.recent) > m.most && i < len(m.recent)-1; {
		c := m.calls[m.recent[i]]
		select {
		case <-c.done:
			delete(m.calls, m.recent[i])
			m.recent = append(m.recent[:i], m.recent[i+1:]...)
		default:
			i++ // somebody waits for it
		}
	}
}

// close ends all calls and waits for them.
func (m *memo[K, V]) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.stop()
	m.work.Wait()
}
