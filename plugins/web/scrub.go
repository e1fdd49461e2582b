package web

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// hidden stands where a secret stood. It is none of what the shapes below look
// for, so that a text may be scrubbed twice.
const hidden = "***"

// shortest is the length from which a secret is looked for as it stands: shorter
// ones would be found in every other word.
const shortest = 6

// shape is what a token looks like, and what takes its place.
type shape struct {
	secret  *regexp.Regexp
	instead string
}

// shapes are what tokens look like where nobody said that they are one.
var shapes = sync.OnceValue(func() []shape {
	return []shape{
		// The prefixes that GitHub and GitLab give theirs.
		{regexp.MustCompile(`\b(?:gh[a-z]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|gl[a-z]{1,6}-[A-Za-z0-9_.-]{16,})`), hidden},
		{regexp.MustCompile(`(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9+/_.~=-]{6,}`), "${1}" + hidden},
		// Headers, also as Go prints them.
		{regexp.MustCompile(`(?i)((?:authorization|[a-z-]*-token|set-cookie|cookie)"?\s*[:=]\s*\[?"?)[^\s"\]][^\r\n"\]]*`), "${1}" + hidden},
		// The credentials of an address, and parameters with telling names.
		{regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://)[^/?#\s"@]+@`), "${1}" + hidden + "@"},
		{regexp.MustCompile(`(?i)((?:[?&;]|\b)(?:[a-z_]*token|[a-z_]*secret|password|passwd|api_?key|private_key|code|sig|signature)=)[^&\s"'#]+`), "${1}" + hidden},
	}
})

// Scrub takes what looks like a token out of a text. Client.Scrub takes out the
// client's own as well, whatever they look like.
func Scrub(text string) string {
	for _, s := range shapes() {
		text = s.secret.ReplaceAllString(text, s.instead)
	}
	return text
}

// secrets are those that a client has seen, with their spellings.
type secrets struct {
	mu  sync.RWMutex
	all []string // longest first
}

// add keeps a secret out of texts from now on.
func (s *secrets) add(user, secret string) {
	spellings := []string{secret, url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(user + ":" + secret))}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, spelling := range spellings {
		if len(spelling) >= shortest && !slices.Contains(s.all, spelling) {
			s.all = append(s.all, spelling)
		}
	}
	slices.SortFunc(s.all, func(a, b string) int { return len(b) - len(a) })
}

// in says whether a text has one of them.
func (s *secrets) in(text string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.ContainsFunc(s.all, func(secret string) bool { return strings.Contains(text, secret) })
}

func (s *secrets) scrub(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, secret := range s.all {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return text
}

// Scrub takes the client's secrets and what looks like one out of a text.
func (c *Client) Scrub(text string) string { return Scrub(c.secrets.scrub(text)) }

// ScrubHandler is a handler whose records pass scrub (nil for the package's
// Scrub) before they reach next: messages, and attributes of every kind.
func ScrubHandler(next slog.Handler, scrub func(string) string) slog.Handler {
	if scrub == nil {
		scrub = Scrub
	}
	return &scrubHandler{next, scrub}
}

type scrubHandler struct {
	next  slog.Handler
	scrub func(string) string
}

var _ slog.Handler = (*scrubHandler)(nil)

func (h *scrubHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *scrubHandler) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, h.scrub(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a))
		return true
	})
	return h.next.Handle(ctx, clean)
}

func (h *scrubHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.attr(a)
	}
	return &scrubHandler{h.next.WithAttrs(clean), h.scrub}
}

func (h *scrubHandler) WithGroup(name string) slog.Handler {
	return &scrubHandler{h.next.WithGroup(name), h.scrub}
}

func (h *scrubHandler) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		v = slog.StringValue(h.named(a.Key, v.String()))
	case slog.KindGroup:
		group := v.Group()
		clean := make([]slog.Attr, len(group))
		for i, inner := range group {
			clean[i] = h.attr(inner)
		}
		v = slog.GroupValue(clean...)
	case slog.KindAny:
		text := fmt.Sprintf("%+v", v.Any())
		if b, ok := v.Any().([]byte); ok {
			text = string(b)
		}
		v = slog.StringValue(h.named(a.Key, text)) // what a handler makes of the value itself, nobody knows
	}
	return slog.Attr{Key: h.scrub(a.Key), Value: v}
}

// telling are names of attributes whose value is a secret, whatever it looks like.
var telling = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(authorization|.*token|password|passwd|.*secret|cookie|set-cookie)$`)
})

func (h *scrubHandler) named(key, text string) string {
	if telling().MatchString(key) && text != "" {
		return hidden
	}
	return h.scrub(text)
}
