package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// TestTooMuch holds that a refusal with status 200 is waited for as any other.
func TestTooMuch(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		refuse, asked := true, 0
		w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) {
			asked++
			if refuse {
				rw.Header().Set("Retry-After", "600")
				io.WriteString(rw, `{"errors":[{"type":"RATE_LIMITED"}]}`) //nolint:errcheck // the test sees it
				return
			}
			io.WriteString(rw, `{"data":1}`) //nolint:errcheck // the test sees it
		})
		c := w.client(Options{TooMuch: func(body []byte) bool { return bytes.Contains(body, []byte("RATE_LIMITED")) }})
		start := time.Now()
		for range 2 {
			var e *Error
			_, err := c.Post(t.Context(), "http://forge.example/graphql", "?", nil)
			if !errors.Is(err, ErrRateLimited) || !errors.As(err, &e) || !e.Until.Equal(start.Add(10*time.Minute)) {
				t.Errorf("%v", err)
			}
		}
		if asked != 1 {
			t.Errorf("it was asked %d times", asked)
		}
		refuse = false
		time.Sleep(10 * time.Minute)
		if r, err := c.Post(t.Context(), "http://forge.example/graphql", "?", nil); err != nil || string(r.Body) != `{"data":1}` {
			t.Error(err)
		}
	})
}

func TestHasToken(t *testing.T) {
	c, err := New(Options{Credentials: []Credential{
		{Host: "with.example", From: []Source{Env("WEB_TEST_TOKEN")}},
		{Host: "without.example", From: []Source{Env("WEB_TEST_NONE")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("WEB_TEST_TOKEN", planted)
	for address, want := range map[string]bool{"https://with.example/api": true, "https://without.example/": false, "https://other.example/": false} {
		if got, err := c.HasToken(t.Context(), address); got != want || err != nil {
			t.Errorf("%s has a token: %v, %v", address, got, err)
		}
	}
	if _, err := c.HasToken(t.Context(), "http://with.example/"); !errors.Is(err, ErrAddress) {
		t.Errorf("http: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.HasToken(ended, "https://with.example/"); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestHelperOf holds that git's helpers are asked for the host that git knows and
// not for that of the interface.
func TestHelperOf(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	home := t.TempDir()
	helper := filepath.Join(home, "helper")
	if err := os.WriteFile(helper, []byte("#!/bin/sh\ngrep -q '^host=forge.example$' && echo username=me && echo password="+planted+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "config"), []byte("[credential]\n\thelper = \""+helper+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(home, "config"))
	t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
	site := plugins.Site{Match: "forge.example", URL: "https://forge.example"}
	c, err := ForForge(Options{}, []plugins.Setting{{Host: "forge.example", Helper: true}}, Place{Site: site, API: "https://api.forge.example"})
	if err != nil {
		t.Fatal(err)
	}
	if has, err := c.HasToken(t.Context(), "https://api.forge.example/x"); !has || err != nil {
		t.Errorf("the helper's token was not found: %v", err)
	}
}

// TestDefaultToken holds that a token which a setting gives for no place in
// particular goes to the main place and the user's own, and to nobody else's that a
// repository may name.
func TestDefaultToken(t *testing.T) {
	t.Setenv("WEB_TEST_TOKEN", planted)
	var places []Place
	for _, p := range []Place{{Site: plugins.Site{Match: "main.example"}, Default: true}, {Site: plugins.Site{Match: "own.example", Own: true}}, {Site: plugins.Site{Match: "other.example"}}, {Site: plugins.Site{Match: "named.example"}}} {
		p.API = "https://" + p.Site.Match
		places = append(places, p)
	}
	c, err := ForForge(Options{}, []plugins.Setting{{Token: "WEB_TEST_TOKEN"}, {Host: "named.example", Token: "WEB_TEST_TOKEN"}}, places...)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{"main.example": true, "own.example": true, "other.example": false, "named.example": true} {
		if has, err := c.HasToken(t.Context(), "https://"+host+"/x"); has != want || err != nil {
			t.Errorf("%s has a token: %v, %v", host, has, err)
		}
	}
}
