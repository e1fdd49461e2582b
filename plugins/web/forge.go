package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// Place is one API that a forge asks.
type Place struct {
	Site plugins.Site
	API  string   // where the interface begins; http only where the user's settings say so
	From []Source // where its token may be, after what the settings name
	// Header and Scheme are as in Credential.
	Header, Scheme string
	// Default says that a token which a setting gives without saying where it is for
	// is this place's. It is never another's, but for those that are the user's own:
	// a repository names its remotes, and must not choose who gets a token.
	Default bool
}

// The bounds of a client that ForForge makes: somebody waits for its answers.
const (
	forgeTimeout = 20 * time.Second
	forgeWait    = 15 * time.Second
	forgeTTL     = 5 * time.Minute
	forgeStale   = 90 * 24 * time.Hour
)

// ForForge makes the client of a forge with these places: its tokens are where the
// settings or the places say, its cache is the plugin's, and only places of the
// user's own may be asked over http. The rest of the options stays as it is, where
// it is not zero.
func ForForge(o Options, settings []plugins.Setting, places ...Place) (*Client, error) {
	for _, p := range places {
		u, err := url.Parse(p.API)
		if err != nil || u.Host == "" || slices.ContainsFunc(o.Credentials, func(c Credential) bool { return c.Host == strings.ToLower(u.Host) }) {
			continue // the first place of a host counts
		}
		if u.Scheme == "http" && p.Site.Own {
			o.Insecure = append(o.Insecure, u.Host)
		}
		if from := append(sources(settings, p), p.From...); len(from) > 0 {
			o.Credentials = append(o.Credentials, Credential{Host: strings.ToLower(u.Host), From: from, Header: p.Header, Scheme: p.Scheme})
		}
	}
	if o.CacheDir == "" {
		o.CacheDir = plugins.CacheDir()
	}
	if o.Header == nil {
		o.Header = http.Header{"Accept": {"application/json"}}
	}
	for _, d := range []struct {
		to *time.Duration
		by time.Duration
	}{{&o.Timeout, forgeTimeout}, {&o.MaxWait, forgeWait}, {&o.TTL, forgeTTL}, {&o.NegativeTTL, forgeTTL}, {&o.StaleFor, forgeStale}} {
		if *d.to == 0 {
			*d.to = d.by
		}
	}
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		api, errAPI := url.Parse(p.API)
		page, errPage := url.Parse(p.Site.URL)
		if errAPI != nil || errPage != nil || page.Host == "" {
			continue
		}
		if name := strings.ToLower(api.Host); c.sites[name] == "" {
			c.sites[name] = strings.ToLower(page.Host)
		}
	}
	return c, nil
}

// sources are where the settings say that a place's token is.
func sources(settings []plugins.Setting, p Place) []Source {
	var own, all []Source
	site := p.Site
	for _, s := range settings {
		into := &all
		switch {
		case s.Host != "" && s.Host == site.Match || s.Host == "" && s.URL != "" && strings.TrimRight(s.URL, "/") == site.URL:
			into = &own
		case s.Host != "" || s.URL != "":
			continue
		}
		if s.Token != "" && (into == &own || p.Default || site.Own) {
			*into = append(*into, Env(s.Token))
		}
		if s.Helper {
			*into = append(*into, helperOf(site))
		}
	}
	return append(own, all...)
}

// helperOf asks git's helpers for what git itself would use at a site: its
// interface may be on another host.
func helperOf(site plugins.Site) Source {
	git := GitCredential()
	return Source{Name: git.Name, Read: func(ctx context.Context, host string) (user, token string, err error) {
		if u, err := url.Parse(site.URL); err == nil && u.Host != "" {
			host = u.Host
		}
		return git.Read(ctx, host)
	}}
}

// HasToken says whether requests to an address carry a token. It reads the token's
// sources where that was not done yet.
func (c *Client) HasToken(ctx context.Context, address string) (bool, error) {
	r, err := c.request(http.MethodGet, address, nil)
	if err != nil {
		return false, err
	}
	auth, err := r.credential.value(ctx, "")
	if err != nil {
		return false, c.failed(ctx, r, err)
	}
	return auth != "", nil
}

// TokenFrom is where the token came from that requests to an address carry, such as
// the name of a variable; "" for none, or none that was needed yet.
func (c *Client) TokenFrom(address string) string {
	r, err := c.request(http.MethodGet, address, nil)
	if err != nil {
		return ""
	}
	return r.credential.source()
}

// Said makes the answer to a question from how its request ended: what the forge
// has, as of when, and what was wrong, if anything. That there is nothing is an
// answer without things.
func Said(r *Response, err error, things ...plugins.Thing) plugins.Answer {
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			return plugins.Answer{Checked: time.Now()}
		}
		return trouble(err)
	}
	a := plugins.Answer{}
	if r.Stale != nil {
		a = trouble(r.Stale)
	}
	a.Things, a.Checked = things, r.Checked
	return a
}

// askAgain is when a host is worth asking again that did not say so.
const askAgain = 30 * time.Second

// trouble is what an error means to who asked.
func trouble(err error) plugins.Answer {
	a := plugins.Answer{Problem: plugins.Failed, Detail: err.Error()}
	var e *Error
	if errors.As(err, &e) {
		a.Retry, a.Host, a.Token = e.Until, cmp.Or(e.Site, e.Host), e.Token
	}
	switch {
	case errors.Is(err, ErrRateLimited):
		a.Problem = plugins.Limited
	case errors.Is(err, ErrUnauthorized) && e != nil && e.Status == http.StatusForbidden:
		a.Problem = plugins.Forbidden
	case errors.Is(err, ErrUnauthorized):
		a.Problem = plugins.Refused
	case errors.Is(err, ErrCertificate):
		a.Problem = plugins.Untrusted
	case errors.Is(err, ErrOffline), errors.Is(err, ErrServer), errors.Is(err, ErrBreaker), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		a.Problem = plugins.Offline
	}
	if a.Retry.IsZero() {
		a.Retry = time.Now().Add(askAgain)
	}
	return a
}
