package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// TestProgressRate holds that work which reports without a pause reaches a client ten
// times a second at most, and that the client's button ends it.
func TestProgressRate(t *testing.T) {
	tracker := task.New(task.Options{})
	e, _ := start(t, server.Options{Tracker: tracker})
	e.initialize(all)
	op, ctx := tracker.Start(context.Background(), "read", "reading commits", "r")
	began := time.Now()
	ended := make(chan error, 1)
	go func() {
		for i := int64(1); ctx.Err() == nil; i++ {
			op.Progress("", i, 0)
		}
		err := ctx.Err()
		op.End(err)
		ended <- err
	}()
	reports := func() (n int, token any) {
		for _, m := range e.asked {
			if m["method"] == "$/progress" {
				p := m["params"].(map[string]any)
				if p["value"].(map[string]any)["kind"] == "report" {
					n, token = n+1, p["token"]
				}
			}
		}
		return n, token
	}
	var token any
	n := 0
	e.until("five reports", func() bool { n, token = reports(); return n >= 5 })
	if most := int(time.Since(began)/task.Interval) + 1; n > most {
		t.Errorf("%d reports in %v", n, time.Since(began))
	}
	e.notify("window/workDoneProgress/cancel", map[string]any{"token": "another's"})
	e.notify("window/workDoneProgress/cancel", map[string]any{"token": token})
	e.until("an end", func() bool { return e.has("$/progress", "end") })
	if err := <-ended; !errors.Is(err, context.Canceled) || tracker.List()[0].State != task.Cancelled {
		t.Errorf("ended with %v: %+v", err, tracker.List())
	}
}

// TestMeasure holds what is told of requests, and under which names.
func TestMeasure(t *testing.T) {
	var mu sync.Mutex
	var told, asked, answered []string
	began := make(chan struct{})
	e, _ := start(t, server.Options{
		Commands: map[string]server.Command{
			"cabhfuil.where": func(context.Context, json.RawMessage) (any, error) { return 1, nil },
			"cabhfuil.sync":  func(context.Context, json.RawMessage) (any, error) { return nil, errors.New("no") },
			"cabhfuil.missing": func(ctx context.Context, _ json.RawMessage) (any, error) {
				close(began)
				<-ctx.Done()
				return nil, ctx.Err()
			},
		},
		Asked: func(operation string) func() {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, operation)
			return func() {
				mu.Lock()
				defer mu.Unlock()
				answered = append(answered, operation)
			}
		},
		Measure: func(operation string, took time.Duration, err error) {
			outcome := "ok"
			switch {
			case errors.Is(err, context.Canceled):
				outcome = "cancelled"
			case err != nil:
				outcome = "failed"
			}
			if took < 0 {
				outcome = "before it began"
			}
			mu.Lock()
			defer mu.Unlock()
			told = append(told, operation+" "+outcome)
		},
	})
	e.initialize(all)
	e.open("x")
	e.hover(0, 0)
	for _, command := range []string{"where", "sync"} {
		e.call("workspace/executeCommand", map[string]any{"command": "cabhfuil." + command})
	}
	id := e.send("workspace/executeCommand", map[string]any{"command": "cabhfuil.missing"})
	<-began
	e.notify("$/cancelRequest", map[string]any{"id": json.RawMessage(id)})
	e.reply(id)
	lens := e.call("textDocument/codeLens", map[string]any{"textDocument": map[string]any{"uri": uri}})["result"].([]any)[0]
	e.call("codeLens/resolve", lens)
	e.call("workspace/executeCommand", map[string]any{"command": "cabhfuil.where", "arguments": []any{map[string]any{"wait": true}}})
	e.call("workspace/executeCommand", map[string]any{"command": "other"})
	want := "hover ok, where ok, sync failed, missing cancelled, codeLens ok, codeLens/resolve ok, where ok"
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	want = "hover, where, sync, missing, codeLens, codeLens/resolve" // and not the one that waits
	for _, got := range []string{strings.Join(asked, ", "), strings.Join(answered, ", ")} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
