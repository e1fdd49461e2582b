package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// Health says how the hosts are doing that were asked. It asks nobody.
func (c *Client) Health() []plugins.Health {
	var all []plugins.Health
	for _, name := range c.hosts.Keys() {
		if h, ok := c.hosts.Peek(name); ok {
			all = append(all, h.health(c))
		}
	}
	slices.SortFunc(all, func(a, b plugins.Health) int { return strings.Compare(a.Host, b.Host) })
	return all
}

func (h *host) health(c *Client) plugins.Health {
	open := h.breaker.State() == gobreaker.StateOpen // which may lock mu
	now := time.Now()
	health := plugins.Health{Host: h.name, Requests: int(h.requests.Load()), Cached: int(h.cached.Load()), Token: c.credentials[strings.TrimSuffix(h.name, ":443")].source()}
	h.mu.Lock()
	defer h.mu.Unlock()
	health.Said, health.At = h.said, h.at
	if h.last != nil {
		a := trouble(h.last)
		health.Problem, health.Detail = a.Problem, a.Detail
	}
	for _, until := range h.until {
		if until.After(now) && until.After(health.Retry) {
			health.Problem, health.Retry, health.Detail = plugins.Limited, until, ErrRateLimited.Error()
		}
	}
	if open {
		if health.Problem != plugins.Untrusted {
			health.Problem = plugins.Offline
		}
		health.Retry, health.Since, health.Detail = h.opened.Add(c.options.OpenFor), h.opened, h.failure
	}
	for _, b := range h.budgets {
		if b.reset.After(now) && (health.Reset.IsZero() || b.left < health.Left) {
			health.Left, health.Reset = max(b.left, 0), b.reset
		}
	}
	return health
}

// heard notes how a request ended that was sent, or was to be: what was not sent says
// nothing, nor does who gave up.
func (h *host) heard(answer *Response, err error) {
	var e *Error
	said := ""
	switch {
	case err == nil:
		said = fmt.Sprintf("%d %s", answer.Status, http.StatusText(answer.Status))
	case !errors.As(err, &e) || e.Kind == nil:
		return
	case e.Status != 0:
		said = fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
	default:
		said = e.Kind.Error()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last, h.said, h.at = e, said, time.Now()
}
