package web

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// TestHealth holds what is told of a host: what it said last, how many requests it
// cost, what is left of its limit, which token it got, and how it is left alone.
func TestHealth(t *testing.T) {
	t.Setenv("WEB_TEST_OTHER", "")
	t.Setenv("WEB_TEST_TOKEN", planted)
	inBubble(t, func(t *testing.T, w *world) {
		status, header := http.StatusOK, map[string]string{"X-RateLimit-Remaining": "41", "X-RateLimit-Reset": "600"}
		w.serve("api.forge.example", func(rw http.ResponseWriter, _ *http.Request) {
			for name, value := range header {
				rw.Header().Set(name, value)
			}
			rw.WriteHeader(status)
			io.WriteString(rw, `{"message":"so it is"}`) //nolint:errcheck // the test sees it
		})
		c := w.client(Options{CacheDir: t.TempDir(), TTL: time.Minute, Attempts: 1, FailuresToOpen: 2, OpenFor: time.Hour, Credentials: []Credential{{Host: "api.forge.example", From: []Source{Env("WEB_TEST_OTHER", "WEB_TEST_TOKEN")}}}})
		c.sites["api.forge.example"] = "forge.example"
		if all := c.Health(); len(all) != 0 {
			t.Errorf("before anybody asked: %+v", all)
		}
		begin := time.Now()
		check := func(when string, want plugins.Health) {
			t.Helper()
			all := c.Health()
			want.Host, want.Token = "api.forge.example", "WEB_TEST_TOKEN"
			if len(all) != 1 || all[0] != want {
				t.Errorf("%s:\n%+v, want\n%+v", when, all, want)
			}
		}
		ask := func(path string) error {
			_, err := c.Get(t.Context(), "http://api.forge.example/"+path)
			return err
		}
		for range 3 {
			if err := ask("a"); err != nil {
				t.Fatal(err)
			}
		}
		left := plugins.Health{Said: "200 OK", At: begin, Requests: 1, Cached: 2, Left: 41, Reset: begin.Add(10 * time.Minute)}
		check("well", left)

		status, header = http.StatusForbidden, nil
		err := ask("b")
		refused := left
		refused.Said, refused.Requests, refused.Problem, refused.Left = "403 Forbidden", 2, plugins.Forbidden, 40
		refused.Detail = err.Error()
		check("refused", refused)
		if a := Said(nil, err); a.Problem != plugins.Forbidden || a.Host != "forge.example" || a.Token != "WEB_TEST_TOKEN" {
			t.Errorf("the answer is %+v", a)
		}
		status = http.StatusUnauthorized
		if a := Said(nil, ask("b")); a.Problem != plugins.Refused || a.Host != "forge.example" || a.Token != "WEB_TEST_TOKEN" {
			t.Errorf("the answer is %+v", a)
		}

		time.Sleep(time.Hour)
		status = http.StatusTooManyRequests
		header = map[string]string{"Retry-After": "1200"}
		if a := Said(nil, ask("b")); a.Problem != plugins.Limited || !a.Retry.Equal(time.Now().Add(20*time.Minute)) || a.Token != "WEB_TEST_TOKEN" {
			t.Errorf("the answer is %+v", a)
		}
		check("limited", plugins.Health{Said: "429 Too Many Requests", At: time.Now(), Requests: 4, Cached: 2, Problem: plugins.Limited, Detail: ErrRateLimited.Error(), Retry: time.Now().Add(20 * time.Minute)})

		time.Sleep(time.Hour)
		w.setDown("api.forge.example", true)
		for range 3 {
			if err := ask("b"); !errors.Is(err, ErrOffline) && !errors.Is(err, ErrBreaker) {
				t.Fatal(err)
			}
		}
		down := c.Health()[0]
		if down.Problem != plugins.Offline || !down.Since.Equal(time.Now()) || !down.Retry.Equal(time.Now().Add(time.Hour)) || down.Said != ErrOffline.Error() || down.Requests != 6 || down.Detail == "" {
			t.Errorf("down: %+v", down)
		}
	})
}

// TestTokenFrom holds that a place is told by the name of what was found there.
func TestTokenFrom(t *testing.T) {
	t.Setenv("WEB_TEST_TOKEN", planted)
	c, err := New(Options{Credentials: []Credential{
		{Host: "with.example", From: []Source{Env("WEB_TEST_NONE", "WEB_TEST_TOKEN")}}, {Host: "without.example", From: []Source{Env("WEB_TEST_NONE")}},
		{Host: "kept.example", From: []Source{Command("echo", "a-token")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{"https://with.example/": "WEB_TEST_TOKEN", "https://without.example/": "", "https://kept.example/": "the command echo", "https://other.example/": ""} {
		if _, err := c.HasToken(t.Context(), address); err != nil {
			t.Fatal(err)
		}
		if got := c.TokenFrom(address); got != want {
			t.Errorf("%s has the token of %q, not %q", address, got, want)
		}
	}
}
