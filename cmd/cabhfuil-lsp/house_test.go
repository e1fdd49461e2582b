package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

// house is the whole program in this process, with a home of its own and an
// editor that is connected to it. It is safe for parallel tests.
type house struct {
	app  *app
	ctx  context.Context
	log  *lines
	tail atomic.Int64 // numbers documents
	*client.Client
}

// lines is a log that tests look into.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// naming counts the lines that hold a text.
func (l *lines) naming(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return openHouse(t, func(*appOptions) {})
}

// openHouse is a house with other options.
func openHouse(t *testing.T, change func(*appOptions)) *house {
	t.Helper()
	home := t.TempDir()
	h := &house{log: &lines{}}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	h.ctx = ctx
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log:\n%.4000s", h.log.buf.String())
		}
	})
	opt := appOptions{
		dirs:  config.Dirs{Config: filepath.Join(home, "config"), Cache: filepath.Join(home, "cache"), State: filepath.Join(home, "state")},
		words: true, log: slog.New(slog.NewTextHandler(h.log, nil)),
	}
	change(&opt)
	h.app = newApp(opt)
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- h.app.serve(ctx, far) }()
	var err error
	h.Client, err = client.New(ctx, near, client.Options{Capabilities: map[string]any{
		"textDocument": map[string]any{"hover": map[string]any{"contentFormat": []string{"markdown"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		for _, err := range []error{h.Close(ctx), <-served, h.app.close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return h
}

func fileURI(path string) string { return "file://" + filepath.ToSlash(path) }

// in is a command's argument for a question about the repository at dir alone,
// which waits until its index is up to date.
func in(dir string, argument map[string]any) map[string]any {
	argument["uri"], argument["wait"], argument["only"] = fileURI(dir), true, true
	return argument
}

func (h *house) where(dir, key string) (history.Answer, error) {
	var answers []history.Answer
	err := h.Execute(h.ctx, "cabhfuil.where", in(dir, map[string]any{"keys": []string{key}}), &answers)
	if err != nil {
		return history.Answer{}, err
	}
	return answers[0], nil
}

func (h *house) search(dir, query string) (r history.SearchResult, err error) {
	err = h.Execute(h.ctx, "cabhfuil.search", in(dir, map[string]any{"query": query, "limit": 1000}), &r)
	return r, err
}

func (h *house) document(dir, sha string) (d lookup.CommitDocument, err error) {
	err = h.Execute(h.ctx, "cabhfuil.commit", in(dir, map[string]any{"sha": sha}), &d)
	return d, err
}

func (h *house) status(dir string) (s cli.Status, err error) {
	err = h.Execute(h.ctx, "cabhfuil.status", map[string]any{"uri": fileURI(dir)}, &s)
	return s, err
}

// open opens a document of one line in dir that names a commit.
func (h *house) open(dir, sha string) (uri string, err error) {
	uri = fileURI(filepath.Join(dir, fmt.Sprintf("notes-%d.txt", h.tail.Add(1))))
	return uri, h.Notify(h.ctx, "textDocument/didOpen", map[string]any{
		"textDocument": map[string]any{"uri": uri, "languageId": "plaintext", "version": 1, "text": "Fixes: " + sha + "\n"},
	})
}

// hover is the card over a commit's name in a document in dir, "" for none.
func (h *house) hover(dir, sha string) (string, error) {
	uri, err := h.open(dir, sha)
	if err != nil {
		return "", err
	}
	var got *struct {
		Contents struct {
			Value string `json:"value"`
		} `json:"contents"`
	}
	err = h.Call(h.ctx, "textDocument/hover", map[string]any{
		"textDocument": map[string]any{"uri": uri}, "position": map[string]any{"line": 0, "character": 9},
	}, &got)
	if err != nil || got == nil {
		return "", err
	}
	return got.Contents.Value, nil
}

// lens is the resolved title of the lens above that line, "" for none.
func (h *house) lens(dir, sha string) (string, error) {
	uri, err := h.open(dir, sha)
	if err != nil {
		return "", err
	}
	var lenses []json.RawMessage
	if err := h.Call(h.ctx, "textDocument/codeLens", map[string]any{"textDocument": map[string]any{"uri": uri}}, &lenses); err != nil || len(lenses) == 0 {
		return "", err
	}
	var resolved struct {
		Command struct {
			Title string `json:"title"`
		} `json:"command"`
	}
	err = h.Call(h.ctx, "codeLens/resolve", lenses[0], &resolved)
	return resolved.Command.Title, err
}
