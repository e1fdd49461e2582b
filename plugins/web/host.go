package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// host is what a client knows of one: who may ask it now.
type host struct {
	name    string
	slots   *semaphore.Weighted // requests in flight
	rate    *rate.Limiter
	breaker *gobreaker.CircuitBreaker[*Response]

	requests, cached atomic.Int64 // sent, and answers that were on the disk

	mu      sync.Mutex
	until   map[string]time.Time // nothing of a resource is asked before, nothing at all for ""
	counted map[string]string    // by family, the resource that its requests count for
	budgets map[string]*budget   // by resource
	flying  int                  // requests under way
	told    time.Time            // the latest until of which somebody was told
	opened  time.Time            // when the breaker last opened
	changed string               // what the breaker has become and nobody has logged yet
	failure string               // what the last failure was, scrubbed
	kind    error                // of which kind it was
	last    *Error               // how the last request ended; nil where that was an answer
	said    string               // the same in a few words
	at      time.Time            // when
}

// host finds or makes what is known of a host.
func (c *Client) host(name string) *host {
	if h, ok := c.hosts.Get(name); ok {
		return h
	}
	h := &host{name: name, slots: semaphore.NewWeighted(int64(c.options.InFlight)), rate: rate.NewLimiter(rate.Inf, 1), until: map[string]time.Time{}, counted: map[string]string{}, budgets: map[string]*budget{}}
	if c.options.PerSecond > 0 {
		h.rate = rate.NewLimiter(rate.Limit(c.options.PerSecond), 1)
	}
	h.breaker = gobreaker.NewCircuitBreaker[*Response](gobreaker.Settings{
		Name:         name,
		MaxRequests:  1,
		Timeout:      c.options.OpenFor,
		ReadyToTrip:  func(n gobreaker.Counts) bool { return int(n.ConsecutiveFailures) >= c.options.FailuresToOpen },
		IsSuccessful: func(err error) bool { return !isFailure(err) },
		IsExcluded:   isEnded,
		OnStateChange: func(_ string, _, to gobreaker.State) { // the breaker is locked: nothing that may block
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.changed = to.String(); to == gobreaker.StateOpen {
				h.opened = time.Now()
			}
		},
	})
	if before, ok, _ := c.hosts.PeekOrAdd(name, h); ok {
		return before
	}
	return h
}

// isFailure says whether an error means that the host does not work.
func isFailure(err error) bool {
	return errors.Is(err, ErrOffline) || errors.Is(err, ErrServer) || errors.Is(err, ErrCertificate)
}

// isEnded says whether the asker gave up, which says nothing of the host.
func isEnded(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == nil
}

// enter waits until the host may be asked, and returns how to leave.
func (h *host) enter(ctx context.Context, c *Client, r *request) (leave func(), err error) {
	for {
		if err := h.rest(ctx, c, r); err != nil {
			return nil, err
		}
		if err := h.rate.Wait(ctx); err != nil {
			if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil {
				e := r.fail(ErrRateLimited)
				e.Until, e.Detail = deadline, "Options.PerSecond"
				return nil, e
			}
			return nil, c.failed(ctx, r, err)
		}
		if err := h.slots.Acquire(ctx, 1); err != nil {
			return nil, c.failed(ctx, r, err)
		}
		if until, _ := h.paused(r, false); time.Until(until) <= 0 {
			if h.spend(r) {
				return func() { h.landed(); h.slots.Release(1) }, nil
			}
		}
		h.slots.Release(1) // somebody was told to wait meanwhile, or others have what is left
	}
}

// spend takes one request from what the host still answers. Where nothing is left
// the resource rests until there is more: whoever asks several things at once would
// else find out by asking too much.
func (h *host) spend(r *request) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	resource := h.counted[family(r.url.Path)]
	if b := h.budgets[resource]; b != nil {
		if time.Until(b.reset) > 0 && b.left <= 0 {
			if b.reset.After(h.until[resource]) {
				h.until[resource] = b.reset
			}
			return false
		}
		b.left--
	}
	h.flying++
	return true
}

// landed is called when a request that was spent has ended.
func (h *host) landed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.flying--
}

// rest waits for the end of the host's rate limit, or says that it is too far.
func (h *host) rest(ctx context.Context, c *Client, r *request) error {
	for {
		until, first := h.paused(r, true)
		wait := time.Until(until)
		if wait <= 0 {
			return nil
		}
		if deadline, ok := ctx.Deadline(); wait > c.options.MaxWait || ok && deadline.Before(until) {
			e := r.fail(ErrRateLimited)
			e.Until = until
			return e
		}
		if first {
			c.log.Info("waiting for the host's rate limit", "host", h.name, "until", until)
			if c.options.OnWait != nil {
				c.options.OnWait(h.name, until)
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return c.failed(ctx, r, ctx.Err())
		}
	}
}

// maxResources bounds what a host can make us remember.
const maxResources = 64

// paused says until when a request may not be sent, and whether nobody was told
// of that yet. What a request counts for is known from earlier ones of its
// family; one of an unknown family waits for all.
func (h *host) paused(r *request, tell bool) (until time.Time, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	resource, known := h.counted[family(r.url.Path)]
	for of, end := range h.until {
		if (of == "" || of == resource || !known) && end.After(until) {
			until = end
		}
	}
	if first = until.After(h.told) && until.After(time.Now()); first && tell {
		h.told = until
	}
	return until, first
}

// obey takes what an answer says of further requests. A shorter pause does not
// end a longer one, since answers arrive in any order.
func (h *host) obey(r *request, answered http.Header, l limit) (until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if counted, of := family(r.url.Path), answered.Get(resourceHeader); of != "" && len(of)+len(counted) < 200 {
		if _, known := h.counted[counted]; known || len(h.counted) < maxResources {
			h.counted[counted] = of
		}
	}
	h.count(answered.Get(resourceHeader), answered)
	if l.wait <= 0 {
		return time.Time{}
	}
	maps.DeleteFunc(h.until, func(_ string, end time.Time) bool { return time.Until(end) <= 0 })
	if len(l.resource) > 100 || len(h.until) >= maxResources {
		l.resource = ""
	}
	if at := time.Now().Add(l.wait); at.After(h.until[l.resource]) {
		h.until[l.resource] = at
	}
	return h.until[l.resource]
}

// nearlyNone is from how many requests on answers are not taken at their word: they
// arrive in any order, and an old one has more left than there is.
const nearlyNone = 16

// count takes what an answer says is left. Requests under way may not be counted in
// it yet. mu is held.
func (h *host) count(resource string, answered http.Header) {
	left, reset, ok := readBudget(answered, time.Now())
	if !ok || len(resource) > 100 {
		return
	}
	left -= max(h.flying-1, 0)
	b := h.budgets[resource]
	switch {
	case b == nil && len(h.budgets) < maxResources:
		h.budgets[resource] = &budget{left, reset}
	case b != nil && left < nearlyNone && !reset.After(b.reset.Add(2*time.Second)): // the same window
		b.left = min(left, b.left)
	case b != nil:
		b.left, b.reset = left, reset
	}
}

// logBreaker says what the breaker has become.
func (h *host) logBreaker(c *Client) {
	h.mu.Lock()
	changed := h.changed
	h.changed = ""
	h.mu.Unlock()
	if changed != "" {
		c.log.Info("circuit breaker: "+changed, "host", h.name)
	}
}

// open is the error of a host that is left alone, nil while it is not.
func (h *host) open(c *Client, r *request) error {
	if h.breaker.State() != gobreaker.StateOpen {
		return nil
	}
	return h.alone(c, r)
}

func (h *host) alone(c *Client, r *request) *Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := r.fail(ErrBreaker)
	e.Until, e.Detail, e.behind = h.opened.Add(c.options.OpenFor), h.failure, h.kind
	return e
}

func (h *host) failed(e *Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kind = e.Kind
	if h.failure = e.Detail; h.failure == "" {
		h.failure = e.Kind.Error()
	}
}
