package web

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestCode holds that the number and the words of a refusal arrive, also of one
// that is kept.
func TestCode(t *testing.T) {
	body := map[string]string{
		"/key":    `{"error":true,"code":306,"message":"The key is none.","documentation":"x"}`,
		"/absent": `{"error":true,"code":101,"message":"There is no bug 5."}`,
		"/jira":   `{"errorMessages":["The value 'X' does not exist for the field 'project'."],"warningMessages":[]}`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(map[bool]int{true: http.StatusNotFound, false: http.StatusBadRequest}[r.URL.Path == "/absent"])
		io.WriteString(w, body[r.URL.Path]) //nolint:errcheck // the test sees it
	}))
	defer s.Close()
	c, err := New(Options{Insecure: []string{strings.TrimPrefix(s.URL, "http://")}, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		path   string
		kind   error
		code   int
		detail string
	}{
		{"/key", ErrStatus, 306, "The key is none."},
		{"/absent", ErrNotFound, 101, ""}, {"/absent", ErrNotFound, 101, ""},
		{"/jira", ErrStatus, 0, "The value 'X' does not exist for the field 'project'."},
	} {
		var e *Error
		_, err := c.Get(t.Context(), s.URL+want.path)
		if !errors.As(err, &e) || !errors.Is(err, want.kind) || e.Code != want.code || e.Detail != want.detail {
			t.Errorf("%s: %v, code %d", want.path, err, e.Code)
		}
	}
}

// TestForget holds that what cannot be decoded is asked for anew.
func TestForget(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		if asked.Add(1) == 1 {
			io.WriteString(w, "<html>") //nolint:errcheck // the test sees it
			return
		}
		io.WriteString(w, `{"n":1}`) //nolint:errcheck // the test sees it
	}))
	defer s.Close()
	c, err := New(Options{Insecure: []string{strings.TrimPrefix(s.URL, "http://")}, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ N int }
	if _, err := c.JSON(t.Context(), s.URL, &got); !errors.Is(err, ErrMalformed) {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.JSON(t.Context(), s.URL, &got); err != nil || got.N != 1 {
			t.Fatal(err)
		}
	}
	if asked.Load() != 2 {
		t.Errorf("it was asked %d times", asked.Load())
	}
}

// TestBoth holds that a token which has its user in it is sent as Basic, and is in
// no text in any of its spellings.
func TestBoth(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	for _, want := range []struct{ token, scheme, header string }{
		{"me@example.org:" + planted, "", "Basic bWVAZXhhbXBsZS5vcmc6" + "*"},
		{"me@example.org:" + planted, "Basic", "Basic bWVAZXhhbXBsZS5vcmc6" + "*"},
		{"me:" + planted, "token", "token me:" + planted},
		{planted, "", "Bearer " + planted},
	} {
		t.Setenv("WEB_TEST_TOKEN", want.token)
		c, err := New(Options{Insecure: []string{host}, Credentials: []Credential{{Host: host, From: []Source{Env("WEB_TEST_TOKEN")}, Scheme: want.scheme}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(t.Context(), s.URL); err != nil {
			t.Fatal(err)
		}
		prefix, any := strings.CutSuffix(want.header, "*")
		if got != want.header && !(any && strings.HasPrefix(got, prefix)) {
			t.Errorf("%q with %q is sent as %q", want.token, want.scheme, got)
		}
		if text := c.Scrub("x " + got + " " + want.token + " " + planted); strings.Contains(text, want.token) || any && strings.Contains(text, planted) || any && strings.Contains(text, strings.TrimPrefix(got, "Basic ")) {
			t.Errorf("%q is in %q", want.token, text)
		}
	}
}
