package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// TestTelemetry holds what a collector that the configuration names is sent: spans
// of requests, clones, fetches and indexing, and nothing of what they were about.
func TestTelemetry(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var sent bytes.Buffer
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := io.Copy(&sent, r.Body); err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
	}))
	defer collector.Close()
	// So many commits that reading them is a task.
	r, fix := large(t)
	gone := gittest.New(t, "commit secret \"Secret subject\"\n").URL() + "-gone"
	h := watchedHouse(t)
	h.configure(t, "global.yaml", fmt.Sprintf("telemetry: {endpoint: %q}\n", collector.URL))
	h.configure(t, "repos.yaml", fmt.Sprintf("repos:\n  - {name: list, source: {url: %q}}\n  - {name: gone, source: {url: %q}}\n", r.URL(), gone))
	h.becomes(t, "the clone answers", func() string { return h.lines(fix) }, "list main=contains stable/1=contains")
	if _, err := h.hover(r.Dir, fix); err != nil {
		t.Fatal(err)
	}
	if _, err := h.search(r.Dir, "word0077"); err != nil {
		t.Fatal(err)
	}
	var synced cli.Synced
	if err := h.Execute(h.ctx, "cabhfuil.sync", map[string]any{}, &synced); err != nil {
		t.Fatal(err)
	}
	h.configure(t, "global.yaml", "") // which sends what is left
	has := func(text string) bool {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Contains(sent.Bytes(), []byte(text))
	}
	for _, name := range []string{"clone", "fetch", "read", "words", "hover", "where", "search", "sync", "cabhfuil-lsp", "list"} {
		eventually(t, "a span says "+name, func() bool { return has(name) })
	}
	for _, secret := range []string{fix, fix[:12], "Change 2979", "word0077", "Secret", r.Dir, gone, "file://", "not found", h.app.dirs.Cache} {
		if has(secret) {
			t.Errorf("a span says %q", secret)
		}
	}
}
