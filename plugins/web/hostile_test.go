package web

import (
	"compress/gzip"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestPool asks a real server with TLS, and counts its connections.
func TestPool(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%v", http2), func(t *testing.T) {
			var connections, now, most atomic.Int32
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				n := now.Add(1)
				defer now.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				for range 1000 { // so that others come meanwhile
					runtime.Gosched()
				}
				if r.ProtoMajor == 2 != http2 {
					t.Errorf("asked in %s", r.Proto)
				}
				fmt.Fprint(rw, "ok")
			}))
			s.EnableHTTP2 = http2
			s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			s.StartTLS()
			defer s.Close()
			c, err := New(Options{CAFile: caOf(t, s.Certificate()), InFlight: 3})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for range 50 {
				get(t, c, s.URL, "ok")
			}
			if n := connections.Load(); n != 1 {
				t.Errorf("50 requests in turn took %d connections", n)
			}
			var all sync.WaitGroup
			for range 200 {
				all.Go(func() { get(t, c, s.URL, "ok") })
			}
			all.Wait()
			if n := connections.Load(); n > 3 {
				t.Errorf("200 requests, 3 at once, took %d connections", n)
			}
			if n := most.Load(); n > 3 {
				t.Errorf("%d requests were in flight at once", n)
			}
		})
	}
}

func caOf(t *testing.T, cert *x509.Certificate) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCertificates(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "ok") }))
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	defer s.Close()
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Get(t.Context(), s.URL)
	if wantErr(t, err, ErrCertificate); !strings.Contains(err.Error(), caVariable) {
		t.Errorf("%v does not say what to do", err)
	}
	t.Setenv(caVariable, caOf(t, s.Certificate()))
	if c, err = New(Options{}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	get(t, c, s.URL, "ok")
}

func TestProxy(t *testing.T) {
	var asked atomic.Pointer[string]
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		u := r.URL.String()
		asked.Store(&u)
		if r.URL.Path == "/no" {
			rw.WriteHeader(http.StatusProxyAuthRequired)
		}
		fmt.Fprint(rw, r.Header.Get("Proxy-Authorization") != "")
	}))
	defer proxy.Close()
	at := "http://me:" + planted + "@" + strings.TrimPrefix(proxy.URL, "http://")
	t.Setenv("HTTP_PROXY", at)
	t.Setenv("HTTPS_PROXY", at)
	t.Setenv("NO_PROXY", "")
	c, err := New(Options{Insecure: []string{"forge.example"}, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	get(t, c, "http://forge.example/a", "true")
	if leaks(c.Scrub("the password is " + planted)) {
		t.Error("the proxy's password is not known for one")
	}
	if got := *asked.Load(); got != "http://forge.example/a" {
		t.Errorf("the proxy was asked for %s", got)
	}
	_, err = c.Get(t.Context(), "http://forge.example/no")
	wantErr(t, err, ErrStatus)
	_, err = c.Get(t.Context(), "https://forge.example/a") // it does not know CONNECT
	if err == nil || strings.Contains(err.Error(), planted) {
		t.Errorf("the error is %v", err)
	}
	proxy.Close()
	_, err = c.Get(t.Context(), "http://forge.example/a")
	if wantErr(t, err, ErrOffline); strings.Contains(err.Error(), planted) {
		t.Errorf("the error has the proxy's password: %v", err)
	}
}

func TestHostile(t *testing.T) {
	endless := func(w io.Writer) {
		block := make([]byte, 32<<10)
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		kind   error
	}{
		{"endless body", func(rw http.ResponseWriter, _ *http.Request) { endless(rw) }, ErrTooLarge},
		{"endless body of an error", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500); endless(rw) }, ErrTooLarge},
		{"a bomb", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(rw)
			defer z.Close()
			endless(z)
		}, ErrTooLarge},
		{"endless headers", func(rw http.ResponseWriter, _ *http.Request) {
			for i := range 100 {
				rw.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 10_000))
			}
		}, ErrOffline},
		{"it drips", func(rw http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = rw.Write([]byte("x"))
				rw.(http.Flusher).Flush()
				time.Sleep(time.Second)
			}
		}, ErrOffline},
		{"it says nothing", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, ErrOffline},
		{"not what it says to be", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(rw, "no gzip")
		}, ErrOffline},
		{"shorter than it says", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "100")
			fmt.Fprint(rw, "x")
			panic(http.ErrAbortHandler)
		}, ErrOffline},
		{"no HTTP", func(rw http.ResponseWriter, _ *http.Request) {
			conn, _, err := rw.(http.Hijacker).Hijack()
			if err == nil {
				fmt.Fprint(conn, "SSH-2.0-x\x1b[31m\r\n\r\n")
				conn.Close()
			}
		}, ErrOffline},
		{"a terminal's codes", func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(400)
			fmt.Fprintf(rw, `{"message":"\u001b[31m\r\n%s"}`, strings.Repeat("x", 10_000))
		}, ErrStatus},
		{"redirects for ever", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, r.URL.Path+"x", http.StatusFound)
		}, ErrStatus},
		{"redirects nowhere", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(302) }, ErrStatus},
		{"redirects to a file", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Location", "file:///etc/passwd")
			rw.WriteHeader(302)
		}, ErrStatus},
		{"redirects to an internal host", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		}, ErrAddress},
		{"a limit until the end of time", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "99999999999999999999")
			rw.Header().Set("X-RateLimit-Remaining", "0")
			rw.Header().Set("X-RateLimit-Reset", "9223372036854775807")
			rw.WriteHeader(429)
		}, ErrRateLimited},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.serve("forge.example", test.answer)
				dir := t.TempDir()
				c := w.client(Options{MaxBody: 1 << 20, CacheDir: dir, Attempts: 2})
				_, err := c.Get(t.Context(), "http://forge.example/")
				e := wantErr(t, err, test.kind)
				if len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\x1b\r\n") {
					t.Errorf("the error is %q", err)
				}
				if e.Until.After(time.Now().Add(longestPause)) {
					t.Errorf("nothing is asked until %s", e.Until)
				}
				if n := sizeOf(t, dir); n != 0 {
					t.Errorf("%d bytes are kept", n)
				}
			})
		})
	}
}

// TestTokenStays plants a token and looks everywhere that it may not be.
func TestTokenStays(t *testing.T) {
	for _, cred := range []Credential{
		{Host: "forge.example"},
		{Host: "FORGE.example", Header: "PRIVATE-TOKEN"},
		{Host: "forge.example", Scheme: "Basic"},
		{Host: "forge.example", Scheme: "token"},
	} {
		t.Run(cred.Header+cred.Scheme, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				cred.From = []Source{token(""), token(planted)}
				carries := func(r *http.Request) bool {
					_, basic, _ := r.BasicAuth()
					return strings.Contains(fmt.Sprint(r.Header, r.URL), planted) || basic == planted
				}
				var came atomic.Int32
				w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) {
					if !carries(r) {
						t.Errorf("%s came without the token", r.URL)
					}
					came.Add(1)
					rw.Header().Set("Cache-Control", "max-age=100")
					switch r.URL.Path {
					case "/to":
						http.Redirect(rw, r, r.URL.Query().Get("where"), http.StatusFound)
					case "/echo": // a host that repeats what it was sent
						fmt.Fprint(rw, r.Header, r.Header.Get("Authorization"), r.Header.Get("Private-Token"))
					case "/echo-header":
						rw.Header().Set("X-Echo", "a"+r.Header.Get("Authorization")+r.Header.Get("Private-Token"))
					case "/refuse":
						rw.WriteHeader(http.StatusForbidden)
						fmt.Fprintf(rw, `{"message":"the token %s may not"}`, planted)
					case "/garbage/" + planted:
						conn, _, _ := rw.(http.Hijacker).Hijack()
						fmt.Fprintf(conn, "%s\r\n\r\n", planted)
						conn.Close()
					default:
						fmt.Fprint(rw, "ok")
					}
				})
				stranger := func(rw http.ResponseWriter, r *http.Request) {
					if carries(r) {
						t.Errorf("%s got the token", r.Host)
					}
					if r.URL.Path == "/back" {
						http.Redirect(rw, r, "http://forge.example/echo", http.StatusFound)
					}
					fmt.Fprint(rw, "ok")
				}
				for _, host := range []string{"other.example", "sub.forge.example", "example", "forge.example:81", "forge.example.evil.example"} {
					w.serve(host, stranger)
				}
				dir := t.TempDir()
				// A host with a token of its own does not get even that by a redirect.
				c := w.client(Options{CacheDir: dir, FailuresToOpen: 100, Credentials: []Credential{cred, {Host: "other.example", From: []Source{token(planted)}}}})
				var said []string
				ask := func(address string) {
					a, err := c.Get(t.Context(), address)
					said = append(said, fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err))
					for e := err; e != nil; e = errors.Unwrap(e) {
						said = append(said, e.Error())
					}
					if a != nil && strings.HasPrefix(string(a.Body), "ok") && a.URL.Host == "" {
						t.Error("no URL")
					}
				}
				for _, to := range []string{
					"http://other.example/", "//sub.forge.example/", "http://example/", "http://forge.example:81/",
					"http://forge.example.evil.example/", "http://user:" + planted + "@sub.forge.example/", "https://forge.example/",
				} {
					ask("http://forge.example/to?where=" + url.QueryEscape(to))
				}
				get(t, c, "http://forge.example/to?where=/ok", "ok") // on the host it stays
				for _, path := range []string{"/echo", "/echo-header", "/refuse", "/garbage/" + planted, "/x?private_token=" + planted, "/" + planted} {
					ask("http://forge.example" + path)
				}
				ask("https://forge.example:x" + planted)
				_, err := c.Post(t.Context(), "http://forge.example/to?where=http://other.example/", 1, nil)
				wantErr(t, err, ErrStatus)
				w.setDown("forge.example", true)
				c.Close()
				ask("http://forge.example/down/" + planted + "?token=" + planted)
				c.log.Error("Bearer "+planted, "header", http.Header{"Authorization": {planted}}, "error", errors.New(planted))
				if came.Load() == 0 {
					t.Error("the host was not asked")
				}
				for _, text := range said {
					if leaks(text) {
						t.Errorf("an error has the token: %s", text)
					}
				}
				if text := w.log.String(); leaks(text) || !strings.Contains(text, hidden) {
					t.Errorf("the log has the token, or nothing of it: %s", text)
				}
				all, err := os.ReadDir(dir)
				if err != nil || len(all) == 0 {
					t.Fatalf("%d files, %v", len(all), err)
				}
				for _, file := range all {
					raw, err := os.ReadFile(filepath.Join(dir, file.Name()))
					if err != nil {
						t.Fatal(err)
					}
					if leaks(file.Name()) || leaks(string(raw)) {
						t.Errorf("a file has the token: %s", raw)
					}
					if info, err := file.Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
						t.Errorf("a file is for others: %v", info.Mode())
					}
				}
			})
		})
	}
}

// leaks looks for the token and its encodings.
func leaks(text string) bool {
	for _, s := range []string{planted, "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5", "OmNvcnJlY3QtaG9yc2UtYmF0dGVyeS1"} {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// TestNoTokenElsewhere: hosts without a credential get none, and back from a
// stranger the host gets none either.
func TestNoTokenElsewhere(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, r.Header.Get("Authorization")) })
		w.serve("other.example", func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				t.Error("another host got the token")
			}
			http.Redirect(rw, r, "http://forge.example/", http.StatusFound)
		})
		c := w.client(Options{Credentials: []Credential{{Host: "forge.example", From: []Source{token(planted)}}}})
		get(t, c, "http://other.example/", "")
		get(t, c, "http://forge.example/", "Bearer "+planted)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Get(ctx, "http://forge.example/")
		wantErr(t, err, context.Canceled)
	})
}
