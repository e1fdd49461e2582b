package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What a request can end with, for errors.Is. The error itself is an *Error.
var (
	ErrOffline      = errors.New("the host cannot be reached")
	ErrCertificate  = errors.New("the host's certificate is not trusted")
	ErrBreaker      = errors.New("the host failed repeatedly and is left alone")
	ErrRateLimited  = errors.New("the host's rate limit is reached")
	ErrUnauthorized = errors.New("the host refuses the credentials")
	ErrNotFound     = errors.New("there is no such thing on the host, or none that the credentials may see")
	ErrServer       = errors.New("the host has a fault")
	ErrStatus       = errors.New("the host refuses the request")
	ErrTooLarge     = errors.New("the answer is too large")
	ErrMalformed    = errors.New("the answer cannot be understood")
	ErrAddress      = errors.New("the address is not asked")
)

// Error is how a request ended. Its text says host, path and what to do, and has
// neither a token nor the address's query.
type Error struct {
	Method string
	Host   string
	Path   string
	Kind   error     // one of the Err… above, or nil where the context ended
	Status int       // of the host's answer; 0 where there was none
	Code   int       // the number that the answer's body gives the refusal besides; 0 for none
	Until  time.Time // when to ask again, of ErrRateLimited and ErrBreaker; else zero
	Detail string    // what was found; scrubbed
	Site   string    // what people call the host, where that is another name; else ""
	Token  string    // where the token came from that was sent, such as a variable's name; "" for none
	unsent bool      // nothing of it reached the host
	behind error     // of ErrBreaker, the kind of the last failure
	cause  error     // the context's error, or nil: others would carry whole addresses
}

// Error makes one line of it.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s%s: ", e.Method, e.Host, e.Path)
	switch {
	case e.Kind != nil:
		b.WriteString(e.Kind.Error())
	case e.cause != nil:
		b.WriteString("gave up: " + e.cause.Error())
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (%d %s)", e.Status, http.StatusText(e.Status))
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if advice := e.advice(); advice != "" {
		b.WriteString("; " + advice)
	}
	return b.String()
}

// Unwrap has the kind, that of the failures for which a host is left alone, and the
// context's error where it ended the request.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.Kind, e.behind, e.cause} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// advice is what somebody can do about it.
func (e *Error) advice() string {
	switch e.Kind {
	case ErrOffline:
		return "look at the connection, the host's name and HTTPS_PROXY"
	case ErrCertificate:
		return "name the file of your CA in " + caVariable
	case ErrBreaker, ErrRateLimited:
		return "ask again after " + e.Until.UTC().Format(time.RFC3339)
	case ErrUnauthorized:
		if e.Token != "" {
			return "look at the token of " + e.Token + ": whether it has expired, and may read this"
		}
		return "look at the token for this host: whether it is set, has expired, and may read this"
	case ErrServer:
		return "ask again later"
	}
	return ""
}

// failed makes an error of what a transport returned.
func (c *Client) failed(ctx context.Context, r *request, err error) *Error {
	e := r.fail(ErrOffline)
	if cause := ctx.Err(); cause != nil {
		e.Kind, e.cause = nil, cause
		return e
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		e.Kind = ErrCertificate
	}
	e.Detail = c.Scrub(oneLine(err.Error()))
	return e
}

// oneLine keeps what a host wrote from filling a log or a terminal.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}
