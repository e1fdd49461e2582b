package server

import (
	"context"
	"sync"
	"time"

	"go.lsp.dev/uri"
)

// due says which documents some work in the background is due for. Notifications
// mark documents; one goroutine works.
type due struct {
	wake chan struct{} // capacity 1

	mu     sync.Mutex
	at     map[uri.URI]time.Time
	doing  uri.URI            // what is being looked at now
	cancel context.CancelFunc // ends that
}

func newDue() *due {
	return &due{wake: make(chan struct{}, 1), at: map[uri.URI]time.Time{}}
}

// mark makes a document due after a delay. What is being done about an older
// version of it ends. later says that a document that is due stays so.
func (d *due) mark(u uri.URI, delay time.Duration, later bool) {
	d.mu.Lock()
	if _, ok := d.at[u]; !ok || later {
		d.at[u] = time.Now().Add(delay)
	}
	if d.doing == u && d.cancel != nil {
		d.cancel()
	}
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// due marks a document for all work in the background that it needs.
func (s *session) due(u uri.URI, delay time.Duration, later bool) {
	if !s.client.pullDiagnostics {
		s.diagnosing.mark(u, delay, later)
	}
	s.prefetching.mark(u, delay, later)
}

// next takes a document that is due; else it tells how long there is none, or
// less than 0 for ever.
func (d *due) next(ctx context.Context) (u uri.URI, look context.Context, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel != nil {
		d.cancel()
	}
	d.doing, d.cancel, wait = "", nil, -1
	now := time.Now()
	for u, at := range d.at {
		if left := at.Sub(now); left > 0 {
			if wait < 0 || left < wait {
				wait = left
			}
			continue
		}
		delete(d.at, u)
		d.doing = u
		look, d.cancel = context.WithCancel(ctx)
		return u, look, 0
	}
	return "", nil, wait
}

// whenDue does work for each document that is due, one after the other, until the
// session ends. look ends when the document changes.
func (s *session) whenDue(ctx context.Context, d *due, do func(look context.Context, u uri.URI)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		u, look, wait := d.next(ctx)
		if u != "" {
			do(look, u)
			continue
		}
		var rested <-chan time.Time
		if wait >= 0 {
			timer.Reset(wait)
			rested = timer.C
		}
		select {
		case <-ctx.Done():
			return
		case <-s.conn.Done():
			return
		case <-s.exited:
			return
		case <-d.wake:
		case <-rested:
		}
	}
}

// prefetch reads what hovers over documents will show, until the session ends.
func (s *session) prefetch(ctx context.Context) {
	s.whenDue(ctx, s.prefetching, func(look context.Context, u uri.URI) {
		doc, err := s.documents.get(u)
		if err != nil {
			return // it was closed
		}
		if err := s.prefetchSafely(look, doc); err != nil && look.Err() == nil {
			s.server.opt.Log.Debug("reading ahead", "document", string(u), "error", err)
		}
	})
}

func (s *session) prefetchSafely(ctx context.Context, doc *document) (err error) {
	defer s.contain("prefetch", &err)
	return s.server.opt.Answers.Prefetch(ctx, doc.Document)
}
