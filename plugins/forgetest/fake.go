package forgetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Fake is a forge's HTTP interface on this machine: what a handler answers, with
// ETags, and with the faults and limits that a test asks for.
type Fake struct {
	URL string // without a slash at its end

	handler http.Handler
	server  *httptest.Server

	mu        sync.Mutex
	asked     []string // method and path with its query, in order
	unchanged int
	status    int // of the fault that answers everything, 0 for none
	garbage   bool
	hang      chan struct{} // requests wait for its end; nil while there is none
	limitedBy func(http.Header)
	header    string // that carries the token, and what it has to be; "" for anybody
	secret    string
}

// NewFake starts a forge that answers as handler does.
func NewFake(t testing.TB, handler http.Handler) *Fake {
	f := &Fake{handler: handler}
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	f.URL = f.server.URL
	t.Cleanup(func() { f.Hang(false); f.server.Close() })
	return f
}

func (f *Fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked = append(f.asked, r.Method+" "+r.URL.RequestURI())
	status, garbage, hang, limited, header, secret := f.status, f.garbage, f.hang, f.limitedBy, f.header, f.secret
	f.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case header != "" && r.Header.Get(header) != secret:
		w.WriteHeader(http.StatusUnauthorized)
	case limited != nil:
		limited(w.Header())
		w.WriteHeader(http.StatusTooManyRequests)
	case status != 0:
		w.WriteHeader(status)
	case garbage:
		w.Write([]byte("<html>{]\x00 not what you asked for")) //nolint:errcheck // the test sees it
	default:
		f.answer(w, r)
	}
}

// answer serves what the handler does, and answers 304 to who has it already.
func (f *Fake) answer(w http.ResponseWriter, r *http.Request) {
	kept := httptest.NewRecorder()
	f.handler.ServeHTTP(kept, r)
	for name, values := range kept.Header() {
		w.Header()[name] = values
	}
	if r.Method == http.MethodGet && kept.Code == http.StatusOK {
		sum := sha256.Sum256(kept.Body.Bytes())
		tag := `"` + hex.EncodeToString(sum[:8]) + `"`
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			f.mu.Lock()
			f.unchanged++
			f.mu.Unlock()
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.WriteHeader(kept.Code)
	w.Write(kept.Body.Bytes()) //nolint:errcheck // the test sees it
}

// Asked are the requests so far, as method and path with query.
func (f *Fake) Asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

// Unchanged is how many requests were answered with 304 so far.
func (f *Fake) Unchanged() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.unchanged
}

// Down lets every request end with a status; 0 ends that.
func (f *Fake) Down(status int) { f.set(func() { f.status = status }) }

// Garbage lets every answer be none.
func (f *Fake) Garbage(on bool) { f.set(func() { f.garbage = on }) }

// Limit answers 429 with Retry-After to everything; 0 ends that.
func (f *Fake) Limit(retryAfter time.Duration) {
	f.set(func() {
		f.limitedBy = nil
		if retryAfter > 0 {
			f.limitedBy = func(h http.Header) { h.Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds()))) }
		}
	})
}

// Private answers 401 to requests without this header and value; "" ends that.
func (f *Fake) Private(header, value string) { f.set(func() { f.header, f.secret = header, value }) }

// Hang lets requests wait until it is called with false, or their sender gives up.
func (f *Fake) Hang(on bool) {
	f.set(func() {
		switch {
		case on && f.hang == nil:
			f.hang = make(chan struct{})
		case !on && f.hang != nil:
			close(f.hang)
			f.hang = nil
		}
	})
}

func (f *Fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// Paged cuts a JSON list into a page and says whether more follow: for handlers.
// page counts from 1.
func Paged[T any](all []T, page, perPage int) (part []T, more bool) {
	from := min(max(page-1, 0)*perPage, len(all))
	to := min(from+perPage, len(all))
	return all[from:to], to < len(all)
}

// Number reads a query's number, or what it is otherwise.
func Number(r *http.Request, name string, otherwise int) int {
	if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil {
		return n
	}
	return otherwise
}

// contains says whether any file's content or a text has the secret in it.
func contains(text []byte, secret string) bool { return bytes.Contains(text, []byte(secret)) }
