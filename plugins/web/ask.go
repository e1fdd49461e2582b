package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"
)

// maxRedirects is how many are followed for one question.
const maxRedirects = 5

// ask asks the host, retries and follows redirects. It returns what the host
// said where that is an answer, one that there is nothing, or that nothing has
// changed; all else is an error.
func (c *Client) ask(ctx context.Context, r *request) (*Response, error) {
	var auth string // of the first request, which the cache knows
	for hop := 0; ; hop++ {
		answer, err := c.retry(ctx, r)
		if err != nil {
			return nil, err
		}
		if hop == 0 {
			auth = answer.auth
		}
		answer.auth = auth
		if !isRedirect(answer.Status) {
			return answer, nil
		}
		if hop == maxRedirects {
			e := r.fail(ErrStatus)
			e.Status, e.Detail = answer.Status, "it redirects again and again"
			return nil, e
		}
		if r, err = c.follow(r, answer); err != nil {
			return nil, err
		}
	}
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follow makes the request that a redirect asks for. Who leaves the host leaves
// the token and the conditions behind, also where the other host has a token of
// its own: what is asked there is not our choice.
func (c *Client) follow(r *request, answer *Response) (*request, error) {
	e := r.fail(ErrStatus)
	e.Status = answer.Status
	to := resolve(r.url, answer.Header.Get("Location"))
	if to == nil {
		e.Detail = "it redirects to no address"
		return nil, e
	}
	to.Host = strings.ToLower(to.Host)
	next := &request{method: r.method, url: to, body: r.body}
	stays := to.Host == r.url.Host && to.Scheme == r.url.Scheme
	switch {
	case r.url.Scheme == "https" && to.Scheme != "https":
		e.Kind, e.Detail = ErrAddress, "it redirects away from https"
		return nil, e
	case r.method != http.MethodGet && !(stays && answer.Status >= http.StatusTemporaryRedirect):
		e.Detail = "it redirects what was sent, which is not sent elsewhere"
		return nil, e
	}
	if err := c.place(next); err != nil {
		return nil, err
	}
	if stays {
		next.credential, next.site, next.etag, next.modified = r.credential, r.site, r.etag, r.modified
	}
	return next, nil
}

// retry asks until there is an answer or no hope.
func (c *Client) retry(ctx context.Context, r *request) (*Response, error) {
	auth, err := r.credential.value(ctx, "")
	if err != nil {
		return nil, c.failed(ctx, r, err)
	}
	h := c.host(r.url.Host)
	refreshed := false
	var last error
	answer, err := backoff.Retry(ctx, func() (*Response, error) {
		answer, err := c.once(ctx, h, r, auth)
		var e *Error
		if errors.As(err, &e) && e.Status == http.StatusUnauthorized && auth != "" && !refreshed {
			refreshed = true
			renewed, readErr := r.credential.value(ctx, auth)
			if readErr == nil && renewed != "" && renewed != auth {
				auth = renewed
				answer, err = c.once(ctx, h, r, auth)
			}
		}
		if err == nil {
			return answer, nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		if !r.mayRepeat(err) {
			return nil, backoff.Permanent(err)
		}
		c.log.Debug("a request is repeated", "error", err)
		return nil, err
	}, backoff.WithBackOff(intervals()), backoff.WithMaxTries(uint(c.options.Attempts)), backoff.WithMaxElapsedTime(0))
	if err == nil {
		return answer, nil
	}
	var e *Error
	if errors.As(last, &e) {
		if ctx.Err() != nil { // say both why it ended and what stood in the way
			ended := *e
			ended.cause = ctx.Err()
			return nil, &ended
		}
		return nil, e
	}
	return nil, c.failed(ctx, r, err)
}

// intervals are the pauses between attempts: half a second, then half as much
// again each time, each 50 % more or less by chance.
func intervals() backoff.BackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 500*time.Millisecond, 10*time.Second
	return b
}

// mayRepeat says whether the same may be asked again, and could end otherwise.
func (r *request) mayRepeat(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Kind {
	case ErrRateLimited:
		return e.Status != 0 // the host said so; else the wait is too long already
	case ErrOffline:
		return r.method == http.MethodGet || e.unsent
	case ErrServer:
		return r.method == http.MethodGet && e.Status != http.StatusNotImplemented && e.Status != http.StatusHTTPVersionNotSupported
	}
	return false
}

// once asks one time, when the host may be asked.
func (c *Client) once(ctx context.Context, h *host, r *request, auth string) (*Response, error) {
	if err := h.open(c, r); err != nil {
		return nil, err
	}
	leave, err := h.enter(ctx, c, r)
	if err != nil {
		return nil, err
	}
	defer leave()
	answer, err := h.breaker.Execute(func() (*Response, error) {
		answer, e := c.send(ctx, h, r, auth)
		if e != nil {
			if isFailure(e) {
				h.failed(e)
			}
			return nil, e
		}
		return answer, nil
	})
	h.logBreaker(c)
	h.heard(answer, err)
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, h.alone(c, r)
	}
	return answer, err
}

// send sends a request and reads the whole answer.
func (c *Client) send(ctx context.Context, h *host, r *request, auth string) (*Response, *Error) {
	attempt, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	q, err := r.wire(attempt, c.options, auth)
	if err != nil {
		return nil, c.wrong(r, "it cannot be asked for")
	}
	h.requests.Add(1)
	a, err := c.transport.RoundTrip(q)
	if err != nil {
		e := c.failed(ctx, r, err)
		e.unsent = unsent(err)
		if e.Kind != nil && attempt.Err() != nil {
			e.Detail = "no answer within " + c.options.Timeout.String()
		}
		return nil, e
	}
	defer a.Body.Close()
	body, err := io.ReadAll(io.LimitReader(a.Body, c.options.MaxBody+1))
	if int64(len(body)) > c.options.MaxBody {
		e := r.fail(ErrTooLarge)
		e.Status = a.StatusCode
		return nil, e
	}
	if err != nil {
		e := c.failed(ctx, r, err)
		if e.Kind != nil && attempt.Err() != nil {
			e.Detail = "no whole answer within " + c.options.Timeout.String()
		}
		return nil, e
	}
	text, code := message(body)
	detail := c.Scrub(oneLine(text))
	counts := a.StatusCode
	if counts == http.StatusOK && c.options.TooMuch != nil && c.options.TooMuch(body) {
		counts = http.StatusTooManyRequests
	}
	l := readLimit(counts, a.Header, time.Now())
	if a.StatusCode == http.StatusForbidden && !l.refused && strings.Contains(strings.ToLower(detail), "rate limit") {
		l = limit{wait: defaultPause, refused: true} // GitHub's secondary limits may come without a header
	}
	until := h.obey(r, a.Header, l)
	answer := &Response{Status: a.StatusCode, Header: a.Header, Body: body, URL: r.url, Checked: time.Now(), auth: auth}
	e := r.fail(nil)
	e.Status, e.Code = a.StatusCode, code
	switch s := a.StatusCode; {
	case l.refused:
		e.Kind, e.Until = ErrRateLimited, until
	case s >= 200 && s < 300, isRedirect(s), negative(s):
		return answer, nil
	case s == http.StatusNotModified && (r.etag != "" || r.modified != ""):
		return answer, nil
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		e.Kind = ErrUnauthorized
	case s >= 500, s == http.StatusRequestTimeout:
		e.Kind = ErrServer
	default:
		e.Kind = ErrStatus
	}
	e.Detail = detail
	return nil, e
}

// unsent says whether a request failed before the host had any of it.
func unsent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

// message is what GitHub, GitLab, Gitea, Bugzilla and Jira say of a refusal, "" where
// they do not, and the number that Bugzilla gives it.
func message(body []byte) (text string, code int) {
	var said struct {
		Message any   `json:"message"`
		Error   any   `json:"error"`
		All     []any `json:"errorMessages"` // Jira's
		Code    any   `json:"code"`
	}
	if len(body) > 64<<10 || json.Unmarshal(body, &said) != nil {
		return "", 0
	}
	if n, ok := said.Code.(float64); ok && n == float64(int32(n)) {
		code = int(n)
	}
	for _, v := range append([]any{said.Message, said.Error}, said.All...) {
		if text, ok := v.(string); ok && text != "" {
			return text, code
		}
	}
	return "", code
}

// finish makes an error of the answer that there is nothing.
func finish(r *request, answer *Response, err error) (*Response, error) {
	if err != nil {
		return nil, err
	}
	if negative(answer.Status) {
		return nil, r.absent(answer.Status, answer.Body)
	}
	return answer, nil
}

// absent is the error of what is not there.
func (r *request) absent(status int, body []byte) *Error {
	e := r.fail(ErrNotFound)
	_, e.Code = message(body)
	e.Status = status
	return e
}
