package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	for _, v := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", caVariable} { // this machine's are nobody's business
		_ = os.Unsetenv(v)
		_ = os.Unsetenv(strings.ToLower(v))
	}
	goleak.VerifyTestMain(m)
}

// planted is a token that must turn up nowhere but on its host.
const planted = "correct-horse-battery-staple"

// world is a network of hosts inside a synctest bubble: connections are pipes,
// and time passes when all wait, so tests tell by the clock what happened when.
type world struct {
	t     *testing.T
	mu    sync.Mutex
	hosts map[string]*pipes
	dials map[string]int
	down  map[string]bool
	log   bytes.Buffer
}

// inBubble runs a test in a world.
func inBubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, &world{t: t, hosts: map[string]*pipes{}, dials: map[string]int{}, down: map[string]bool{}})
	})
}

// serve makes a host, reachable over http.
func (w *world) serve(host string, h http.HandlerFunc) {
	w.t.Helper()
	l := &pipes{addr: host, conns: make(chan net.Conn), closed: make(chan struct{})}
	w.hosts[host] = l
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}}
	s.Start()
	w.t.Cleanup(s.Close)
}

func (w *world) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	host := strings.TrimSuffix(addr, ":80")
	w.mu.Lock()
	w.dials[host]++
	l, down := w.hosts[host], w.down[host]
	w.mu.Unlock()
	if l == nil || down {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *world) dialed(host string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dials[host]
}

func (w *world) setDown(host string, down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down[host] = down
}

// client makes one for the world; all of its hosts may be asked over http.
func (w *world) client(o Options) *Client {
	w.t.Helper()
	o.dial = w.dial
	for host := range w.hosts {
		o.Insecure = append(o.Insecure, strings.ToUpper(host))
	}
	o.Insecure = append(o.Insecure, "gone.example")
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	c, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

// pipes is a listener whose connections are pipes.
type pipes struct {
	addr   string
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return pipeAddr(p.addr) }

type pipeAddr string

func (a pipeAddr) Network() string { return "pipe" }
func (a pipeAddr) String() string  { return string(a) }

// token is a source that says what it is told to.
func token(value string) Source {
	return Source{Name: "a test", Read: func(context.Context, string) (string, string, error) { return "", value, nil }}
}

func get(t *testing.T, c *Client, address, want string) *Response {
	t.Helper()
	a, err := c.Get(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if string(a.Body) != want {
		t.Fatalf("%s answered %q, want %q", address, a.Body, want)
	}
	return a
}

func wantErr(t *testing.T, err, kind error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	return e
}

func TestInFlight(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var now, most atomic.Int32
		w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Second) // of the bubble
			now.Add(-1)
			fmt.Fprint(rw, "ok")
		})
		c := w.client(Options{InFlight: 3})
		start := time.Now()
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() { get(t, c, fmt.Sprintf("http://forge.example/%d", i), "ok") })
		}
		all.Wait()
		if most.Load() != 3 {
			t.Errorf("%d were in flight at once, want 3", most.Load())
		}
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("12 requests of a second each, 3 at once, took %s", took)
		}
		if n := w.dialed("forge.example"); n > 3 {
			t.Errorf("%d connections for 3 at once", n)
		}
	})
}

func TestPerSecond(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.serve("forge.example", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "ok") })
		c := w.client(Options{PerSecond: 2})
		start := time.Now()
		for range 5 {
			get(t, c, "http://forge.example/", "ok")
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("5 requests at 2 a second took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := c.Get(ctx, "http://forge.example/")
		wantErr(t, err, ErrRateLimited)
	})
}

func TestCancelled(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.serve("forge.example", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		c := w.client(Options{InFlight: 1, FailuresToOpen: 1})
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			start := time.Now()
			_, err := c.Get(ctx, "http://forge.example/")
			cancel()
			if wantErr(t, err, context.DeadlineExceeded); time.Since(start) != time.Second {
				t.Errorf("it took %s to give up after a second", time.Since(start))
			}
		}
		// A host that does not answer in the client's own time is another matter.
		_, err := c.Get(t.Context(), "http://forge.example/")
		wantErr(t, err, ErrBreaker)
	})
}

func TestRetries(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(code) }
	}
	hangUp := func(rw http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	for _, test := range []struct {
		name      string
		answer    http.HandlerFunc
		kind      error
		get, post int32
	}{
		{"400", status(400), ErrStatus, 1, 1},
		{"401", status(401), ErrUnauthorized, 1, 1},
		{"403", status(403), ErrUnauthorized, 1, 1},
		{"404", status(404), ErrNotFound, 1, 1},
		{"408", status(408), ErrServer, 4, 1},
		{"410", status(410), ErrNotFound, 1, 1},
		{"422", status(422), ErrStatus, 1, 1},
		{"429", status(429), ErrRateLimited, 4, 4},
		{"500", status(500), ErrServer, 4, 1},
		{"501", status(501), ErrServer, 1, 1},
		{"502", status(502), ErrServer, 4, 1},
		{"503", status(503), ErrServer, 4, 1},
		{"504", status(504), ErrServer, 4, 1},
		{"304 unasked", status(304), ErrStatus, 1, 1},
		{"connection lost", hangUp, ErrOffline, 4, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				var n atomic.Int32
				w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) {
					n.Add(1)
					test.answer(rw, r)
				})
				c := w.client(Options{FailuresToOpen: 100, MaxWait: time.Hour})
				_, err := c.Get(t.Context(), "http://forge.example/a/b?token=x")
				e := wantErr(t, err, test.kind)
				if n.Load() != test.get {
					t.Errorf("GET was sent %d times, want %d", n.Load(), test.get)
				}
				if e.Host != "forge.example" || e.Path != "/a/b" || strings.Contains(err.Error(), "?") {
					t.Errorf("the error says %q", err)
				}
				n.Store(0)
				_, err = c.Post(t.Context(), "http://forge.example/", map[string]int{"a": 1}, nil)
				wantErr(t, err, test.kind)
				if n.Load() != test.post {
					t.Errorf("POST was sent %d times, want %d", n.Load(), test.post)
				}
			})
		})
	}
	t.Run("not reached", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			c := w.client(Options{FailuresToOpen: 100})
			_, err := c.Post(t.Context(), "http://gone.example/", 1, nil)
			if wantErr(t, err, ErrOffline); w.dialed("gone.example") != 4 {
				t.Errorf("POST was tried %d times where nothing had been sent", w.dialed("gone.example"))
			}
		})
	})
	t.Run("it comes back", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			var n atomic.Int32
			w.serve("forge.example", func(rw http.ResponseWriter, _ *http.Request) {
				if n.Add(1) < 3 {
					rw.WriteHeader(502)
				}
			})
			start := time.Now()
			get(t, w.client(Options{}), "http://forge.example/", "")
			if took := time.Since(start); took < 500*time.Millisecond || took > 3*time.Second {
				t.Errorf("two pauses took %s", took)
			}
		})
	})
}

func TestRateLimit(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		header map[string]string
		wait   time.Duration
	}{
		{"seconds", 429, map[string]string{"Retry-After": "30"}, 30 * time.Second},
		{"a date", 429, map[string]string{"Retry-After": "DATE+45"}, 45 * time.Second},
		{"unavailable", 503, map[string]string{"Retry-After": "7"}, 7 * time.Second},
		{"GitHub", 403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "EPOCH+50"}, 50 * time.Second},
		{"GitHub, the last one", 200, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "EPOCH+50"}, 50 * time.Second},
		{"GitHub, some left", 200, map[string]string{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "EPOCH+50"}, 0},
		{"GitHub, secondary", 403, map[string]string{"Retry-After": "60", "X-RateLimit-Remaining": "4000"}, time.Minute},
		{"GitHub, secondary without headers", 403, map[string]string{"BODY": `{"message":"You have exceeded a secondary rate limit."}`}, time.Minute},
		{"GitLab", 429, map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": "EPOCH+20", "Retry-After": "20"}, 20 * time.Second},
		{"as a duration", 429, map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": "15"}, 15 * time.Second},
		{"nothing said", 429, nil, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				var n atomic.Int32
				w.serve("forge.example", func(rw http.ResponseWriter, _ *http.Request) {
					if n.Add(1) > 1 {
						fmt.Fprint(rw, "ok")
						return
					}
					// The host's clock is a day ahead.
					date := time.Now().Add(24 * time.Hour)
					rw.Header().Set("Date", date.UTC().Format(http.TimeFormat))
					for name, v := range test.header {
						if after, ok := strings.CutPrefix(v, "EPOCH+"); ok {
							d, _ := seconds(after)
							v = fmt.Sprint(date.Add(d).Unix())
						} else if after, ok := strings.CutPrefix(v, "DATE+"); ok {
							d, _ := seconds(after)
							v = date.Add(d).UTC().Format(http.TimeFormat)
						}
						if name != "BODY" {
							rw.Header().Set(name, v)
						}
					}
					rw.WriteHeader(test.status)
					fmt.Fprint(rw, test.header["BODY"])
				})
				var told []time.Time
				c := w.client(Options{OnWait: func(host string, until time.Time) { told = append(told, until) }})
				start := time.Now()
				if _, err := c.Get(t.Context(), "http://forge.example/"); err != nil {
					t.Fatal(err)
				}
				if test.status == 200 {
					get(t, c, "http://forge.example/", "ok")
				}
				if took := time.Since(start); took != test.wait {
					t.Errorf("the next request came after %s, want %s", took, test.wait)
				}
				if n.Load() != 2 {
					t.Errorf("%d requests", n.Load())
				}
				if test.wait > 0 && (len(told) != 1 || !strings.Contains(w.log.String(), "rate limit")) {
					t.Errorf("the wait was told %d times; log: %s", len(told), &w.log)
				}
			})
		})
	}
}

// TestRateLimitOfAResource: GitHub counts searches apart, and where they are used
// up the rest goes on.
func TestRateLimitOfAResource(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) {
			of := "core"
			if strings.Contains(r.URL.Path, "/search/") {
				of = "search"
				rw.Header().Set("X-RateLimit-Remaining", "0")
				rw.Header().Set("X-RateLimit-Reset", "30")
			}
			rw.Header().Set("X-RateLimit-Resource", of)
		})
		c := w.client(Options{})
		start := time.Now()
		check := func(path string, want time.Duration) {
			t.Helper()
			if get(t, c, "http://forge.example/api/v3"+path, ""); time.Since(start) != want {
				t.Errorf("%s was asked after %s, want %s", path, time.Since(start), want)
			}
		}
		check("/repos/a", 0)
		check("/search/a", 0)
		check("/repos/b", 0)
		check("/search/b", 30*time.Second)
		check("/users/a", 60*time.Second) // of which nothing is known yet
		check("/search/c", 60*time.Second)
		check("/users/b", 60*time.Second)
	})
}

// TestNeverAboveTheLimit: who asks many things at once stops before the host has to
// say that it was too much, whatever order the answers come in, and uses nearly all
// that the host lets pass.
func TestNeverAboveTheLimit(t *testing.T) {
	for _, names := range []string{"core", ""} {
		inBubble(t, func(t *testing.T, w *world) {
			const limit, window = 40, time.Minute
			var mu sync.Mutex
			asked, refused, served := 0, 0, 0
			end := time.Now().Add(window)
			w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) {
				mu.Lock()
				if !time.Now().Before(end) {
					asked, end = 0, time.Now().Add(window)
				}
				asked++
				served++
				n, left, reset := served, limit-asked, end
				if left < 0 {
					refused++
				}
				mu.Unlock()
				rw.Header().Set("X-RateLimit-Remaining", fmt.Sprint(max(left, 0)))
				rw.Header().Set("X-RateLimit-Reset", fmt.Sprint(reset.Unix()))
				if names != "" {
					rw.Header().Set("X-RateLimit-Resource", names)
				}
				if left < 0 {
					rw.WriteHeader(http.StatusForbidden)
				}
				time.Sleep(time.Duration(n*7%5) * 100 * time.Millisecond)
			})
			c := w.client(Options{MaxWait: time.Hour})
			start := time.Now()
			var all sync.WaitGroup
			for i := range 100 {
				all.Go(func() {
					if _, err := c.Get(t.Context(), fmt.Sprintf("http://forge.example/repos/%d", i)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if took := time.Since(start); refused > 0 || served != 100 || took > 3*window {
				t.Errorf("%d requests in %s, %d of them too many", served, took, refused)
			}
		})
	}
}

func TestRateLimitTooLong(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var n atomic.Int32
		w.serve("forge.example", func(rw http.ResponseWriter, _ *http.Request) {
			if n.Add(1) == 1 {
				rw.Header().Set("Retry-After", "600")
				rw.WriteHeader(429)
			}
		})
		w.serve("other.example", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "ok") })
		c := w.client(Options{})
		start := time.Now()
		for range 100 {
			_, err := c.Get(t.Context(), "http://forge.example/")
			if e := wantErr(t, err, ErrRateLimited); !e.Until.Equal(start.Add(10 * time.Minute)) {
				t.Fatalf("until %s: %v", e.Until, err)
			}
		}
		if n.Load() != 1 || time.Since(start) > 3*time.Second {
			t.Errorf("%d requests in %s", n.Load(), time.Since(start))
		}
		get(t, c, "http://other.example/", "ok") // which the limit does not concern

		time.Sleep(9 * time.Minute) // a minute is left, which is short enough, but not for everybody
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := c.Get(ctx, "http://forge.example/")
		wantErr(t, err, ErrRateLimited)
		get(t, c, "http://forge.example/", "")
		if took := time.Since(start); took != 10*time.Minute {
			t.Errorf("it was asked after %s", took)
		}
	})
}

func TestBreaker(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.serve("forge.example", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "ok") })
		w.setDown("forge.example", true)
		c := w.client(Options{Logger: slog.New(slog.DiscardHandler)})
		start := time.Now()
		var all sync.WaitGroup
		var breaker atomic.Int32
		for i := range 10_000 {
			all.Go(func() {
				time.Sleep(time.Duration(i%100) * time.Second) // over 100 seconds
				_, err := c.Get(t.Context(), "http://forge.example/")
				if errors.Is(err, ErrBreaker) {
					breaker.Add(1)
				} else if !errors.Is(err, ErrOffline) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		// Five failures open it, and as many as are in flight may fail with them;
		// then one probe each half minute.
		if n := w.dialed("forge.example"); n < 5 || n > 5+3+3 {
			t.Errorf("10,000 requests in %s at a host that is down cost %d connections", time.Since(start), n)
		}
		if breaker.Load() < 9_900 {
			t.Errorf("only %d ended at the breaker", breaker.Load())
		}
		_, err := c.Get(t.Context(), "http://forge.example/")
		e := wantErr(t, err, ErrBreaker)
		if !strings.Contains(err.Error(), "connection refused") || time.Until(e.Until) > 30*time.Second || !e.Until.After(time.Now()) {
			t.Errorf("until %s: %v", e.Until, err)
		}
		w.setDown("forge.example", false)
		time.Sleep(time.Until(e.Until) + time.Millisecond)
		get(t, c, "http://forge.example/", "ok")
		get(t, c, "http://forge.example/", "ok")
	})
}

// TestBreakerAndCancelled: who gives up says nothing of the host, neither in a row
// of failures nor as the probe.
func TestBreakerAndCancelled(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var status atomic.Int32 // 0 for no answer
		w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) {
			if status.Load() == 0 {
				<-r.Context().Done()
				return
			}
			rw.WriteHeader(int(status.Load()))
		})
		c := w.client(Options{Attempts: 1, FailuresToOpen: 3})
		giveUp := func() {
			t.Helper()
			status.Store(0)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := c.Get(ctx, "http://forge.example/")
			wantErr(t, err, context.DeadlineExceeded)
		}
		fail := func(kind error) {
			t.Helper()
			status.Store(500)
			_, err := c.Get(t.Context(), "http://forge.example/")
			wantErr(t, err, kind)
		}
		fail(ErrServer)
		giveUp()
		fail(ErrServer)
		giveUp()
		fail(ErrServer)
		fail(ErrBreaker)
		time.Sleep(31 * time.Second)
		giveUp() // as the probe
		fail(ErrServer)
		fail(ErrBreaker)
		time.Sleep(31 * time.Second)
		status.Store(200)
		get(t, c, "http://forge.example/", "")
		fail(ErrServer)
		fail(ErrServer)
	})
}

// TestRateLimitWhileQueued holds back those who waited for their turn when the
// limit was reached.
func TestRateLimitWhileQueued(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		start := time.Now()
		var asked atomic.Int32
		w.serve("forge.example", func(rw http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) == 1 {
				time.Sleep(time.Second) // of the bubble: the others queue
				rw.Header().Set("Retry-After", "60")
				rw.WriteHeader(http.StatusTooManyRequests)
			} else if time.Since(start) < time.Minute {
				t.Errorf("asked after %s", time.Since(start))
			}
		})
		c := w.client(Options{InFlight: 1})
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { get(t, c, "http://forge.example/", "") })
		}
		all.Wait()
		if asked.Load() != 6 {
			t.Errorf("%d requests for 5 answers and a refusal", asked.Load())
		}
	})
}

func TestPages(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) {
			switch r.URL.RequestURI() {
			case "/list":
				rw.Header().Set("Link", `<http://forge.example/list?page=1>; rel="first", </list?page=2>; rel="next last"`)
			case "/circle":
				rw.Header().Set("Link", `</circle>; rel=next`)
			case "/away":
				rw.Header().Set("Link", `<http://other.example/list>; rel=next`)
			case "/redirect":
				http.Redirect(rw, r, "http://other.example/list", http.StatusFound)
			case "/body":
				fmt.Fprint(rw, "/list?page=2")
				return
			}
			fmt.Fprint(rw, r.URL.RequestURI())
		})
		w.serve("other.example", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Link", `</list?page=2>; rel=next`)
			if r.URL.RawQuery != "" {
				t.Error("a page was asked of another host")
			}
		})
		c := w.client(Options{})
		var got []string
		collect := func(r *Response) error { got = append(got, string(r.Body)); return nil }
		check := func(what string, err error, want ...string) {
			t.Helper()
			if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%s: %q, %v; want %q", what, got, err, want)
			}
			got = nil
		}
		check("Link", c.Pages(t.Context(), "http://forge.example/list", collect), "/list", "/list?page=2")
		check("stop", c.Pages(t.Context(), "http://forge.example/list", func(r *Response) error { _ = collect(r); return ErrStop }), "/list")
		byBody := func(r *Response) (string, error) {
			if s := string(r.Body); s != r.URL.RequestURI() {
				return s, nil
			}
			return "", nil
		}
		check("by body", c.PagesBy(t.Context(), "http://forge.example/body", byBody, collect), "/list?page=2", "/list?page=2")
		for _, path := range []string{"/circle", "/away", "/redirect"} {
			wantErr(t, c.Pages(t.Context(), "http://forge.example"+path, collect), ErrMalformed)
		}
		endless := func(r *Response) (string, error) { return fmt.Sprintf("/x?%d", len(got)), nil }
		wantErr(t, c.PagesBy(t.Context(), "http://forge.example/x", endless, collect), ErrTooLarge)
	})
}

func TestPost(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) {
			var b bytes.Buffer
			_, _ = b.ReadFrom(r.Body)
			fmt.Fprintf(rw, `{"type":%q,"body":%q}`, r.Header.Get("Content-Type"), b.String())
		})
		c := w.client(Options{})
		var said struct{ Type, Body string }
		if _, err := c.Post(t.Context(), "http://forge.example/graphql", map[string]string{"query": "{viewer}"}, &said); err != nil {
			t.Fatal(err)
		}
		if said.Type != "application/json" || said.Body != `{"query":"{viewer}"}` {
			t.Errorf("the host got %+v", said)
		}
		var wrong []int
		_, err := c.JSON(t.Context(), "http://forge.example/", &wrong)
		wantErr(t, err, ErrMalformed)
	})
}

func TestAddresses(t *testing.T) {
	c, err := New(Options{Insecure: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, address := range []string{
		"", "forge.example", "/a", "http://forge.example/", "http://127.0.0.1:2/", "ftp://forge.example/", "file:///etc/passwd",
		"https://user:" + planted + "@forge.example/", "https:opaque", "https://forge.example/%zz?token=" + planted, "https://[::1/" + planted,
	} {
		_, err := c.Get(t.Context(), address)
		if wantErr(t, err, ErrAddress); strings.Contains(err.Error(), planted) {
			t.Errorf("the error repeats what is secret: %v", err)
		}
	}
	for _, o := range []Options{
		{Credentials: []Credential{{Host: "https://forge.example"}}},
		{Credentials: []Credential{{Host: ""}}},
		{Credentials: []Credential{{Host: "a.example"}, {Host: "A.example"}}},
		{Header: http.Header{"Authorization": {"Bearer x"}}},
		{Header: http.Header{"x-key": {"x"}}, Credentials: []Credential{{Host: "a.example", Header: "X-Key"}}},
		{CAFile: "nowhere.pem"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v made a client", o)
		}
	}
}
