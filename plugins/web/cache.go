package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/cachecontrol/cacheobject"
)

// notKept are headers that say nothing of a kept answer, or should not be kept.
var notKept = map[string]bool{
	"Set-Cookie": true, "Set-Cookie2": true, "Authorization": true, "Www-Authenticate": true,
	"Proxy-Authenticate": true, "Proxy-Authorization": true, "Connection": true, "Keep-Alive": true,
	"Transfer-Encoding": true, "Content-Length": true, "Retry-After": true, "Date": true, "Age": true,
}

// longestFresh bounds how long a host may keep us from asking again.
const longestFresh = 30 * 24 * time.Hour

// cached answers a GET from the cache, or asks and keeps what is said.
func (c *Client) cached(ctx context.Context, r *request) (*Response, error) {
	if c.store == nil {
		answer, err := c.ask(ctx, r)
		return finish(r, answer, err)
	}
	auth, err := r.credential.value(ctx, "")
	if err != nil {
		return nil, c.failed(ctx, r, err)
	}
	key := c.key(r, auth)
	kept := c.store.get(key)
	now := time.Now()
	if kept != nil && kept.fresh(now) {
		c.host(r.url.Host).cached.Add(1)
		return kept.response(r)
	}
	conditional := *r
	if kept != nil {
		conditional.etag = http.Header(kept.Header).Get("Etag")
		conditional.modified = http.Header(kept.Header).Get("Last-Modified")
	}
	answer, err := c.ask(ctx, &conditional)
	if err != nil {
		if kept != nil && !kept.Strict && goneAway(err) && now.Sub(kept.Checked) <= c.options.StaleFor {
			old, absent := kept.response(r)
			if absent != nil {
				return nil, absent
			}
			old.Stale = err
			return old, nil
		}
		return nil, err
	}
	if answer.auth != auth {
		key = c.key(r, answer.auth) // the token was refreshed meanwhile
	}
	switch {
	case answer.Status == http.StatusNotModified: // which once lets pass only if it was asked for
		for name, values := range answer.Header {
			if !notKept[name] {
				kept.Header[name] = values
			}
		}
		c.keep(key, kept, answer.Header)
		return kept.response(r)
	case answer.Status == http.StatusOK || negative(answer.Status):
		kept = &entry{Status: answer.Status, Header: map[string][]string{}, body: answer.Body}
		for name, values := range answer.Header {
			if !notKept[name] {
				kept.Header[name] = values
			}
		}
		c.keep(key, kept, answer.Header)
	}
	return finish(r, answer, nil)
}

// Forget removes what is kept of an address: what somebody could not understand
// need not count until its time is over. JSON does so by itself.
func (c *Client) Forget(ctx context.Context, address string) {
	if c.store == nil {
		return
	}
	r, err := c.request(http.MethodGet, address, nil)
	if err != nil {
		return
	}
	if auth, err := r.credential.value(ctx, ""); err == nil {
		c.store.remove(c.key(r, auth))
	}
}

// goneAway says whether an error is of the kind for which an old answer is better
// than none: the host cannot answer, or not in the time that there is, and did not
// say something else. Who was cancelled wants no answer.
func goneAway(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	for _, kind := range []error{context.DeadlineExceeded, ErrOffline, ErrBreaker, ErrRateLimited, ErrServer} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// key names what is asked for. The token is a part of it, so that who has another
// one sees nothing that this one could; it is hashed with the rest.
func (c *Client) key(r *request, auth string) string {
	return storeKey(http.MethodGet, r.url.String(), auth, flat(c.options.Header))
}

// negative statuses say that something is not there.
func negative(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }

// keep writes an entry that the host has just given or confirmed, with what its
// headers say of its life, or removes what there was.
func (c *Client) keep(key string, e *entry, live http.Header) {
	e.Checked = time.Now()
	var ok bool
	e.Fresh, e.Strict, ok = c.lifetime(e.Status, e.Header, live, e.Checked)
	if !ok || c.secrets.in(string(e.body)) || c.secrets.in(flat(e.Header)) {
		c.store.remove(key) // a host that repeats a token would have it lie on the disk
		return
	}
	if err := c.store.put(key, e); err != nil {
		c.log.Warn("an answer could not be kept", "error", err)
	}
}

// flat is a header as one text.
func flat(header map[string][]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(header)) {
		b.WriteString(name + ": " + strings.Join(header[name], "\n") + "\n")
	}
	return b.String()
}

// lifetime is for how long an answer counts (RFC 9111, as a private cache):
// max-age, else Expires, else the client's TTL; of an absence NegativeTTL. ok is
// false where it may not be kept, or keeping it would gain nothing.
func (c *Client) lifetime(status int, header map[string][]string, live http.Header, now time.Time) (fresh time.Duration, strict, ok bool) {
	h := http.Header(header)
	if c.options.IgnoreCacheControl {
		h = h.Clone()
		h.Del("Cache-Control")
		h.Del("Expires")
	}
	if len(flat(header)) > maxHeader || strings.Contains(h.Get("Vary"), "*") {
		return 0, false, false
	}
	d, err := cacheobject.ParseResponseCacheControl(strings.Join(h.Values("Cache-Control"), ", "))
	if err != nil {
		d = &cacheobject.ResponseCacheDirectives{MaxAge: -1, NoCachePresent: true} // look at it each time
	}
	if d.NoStore {
		return 0, false, false
	}
	strict = d.MustRevalidate || d.NoCachePresent && len(d.NoCache) == 0
	date := now
	if sent, err := http.ParseTime(live.Get("Date")); err == nil {
		date = sent
	}
	expires, expiresErr := http.ParseTime(h.Get("Expires"))
	switch {
	case negative(status):
		return min(c.options.NegativeTTL, longestFresh), strict, c.options.NegativeTTL > 0
	case d.NoCachePresent:
	case d.MaxAge >= 0:
		fresh = time.Duration(d.MaxAge) * time.Second
	case h.Get("Expires") != "":
		if expiresErr == nil {
			fresh = expires.Sub(date)
		}
	default:
		fresh = c.options.TTL
	}
	if age, err := strconv.ParseUint(live.Get("Age"), 10, 31); err == nil {
		fresh -= time.Duration(age) * time.Second
	}
	fresh = min(max(fresh, 0), longestFresh)
	validator := h.Get("Etag") != "" || h.Get("Last-Modified") != ""
	return fresh, strict, fresh > 0 || validator || c.options.StaleFor > 0
}

// fresh says whether an entry counts without asking. One from the future does
// not: the clock was set back.
func (e *entry) fresh(now time.Time) bool {
	age := now.Sub(e.Checked)
	return age >= 0 && age < e.Fresh
}

// response makes of an entry what the host had said, an error for an absence.
func (e *entry) response(r *request) (*Response, error) {
	if negative(e.Status) {
		return nil, r.absent(e.Status, e.body)
	}
	return &Response{Status: e.Status, Header: http.Header(e.Header).Clone(), Body: e.body, URL: r.url, Checked: e.Checked, Cached: true}, nil
}
