package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

// The leak check runs in a process of its own: other tests start goroutines too.
const leakVariable = "CABHFUIL_TEST_LEAKS"

// TestLeaks asks one server thousands of questions over many connections, and holds
// that neither goroutines nor open files are left by them. CABHFUIL_LONG_TESTS asks
// for ten thousand.
func TestLeaks(t *testing.T) {
	if os.Getenv(leakVariable) == "" {
		t.Parallel()
		cmd := exec.Command(os.Args[0], "-test.run=^TestLeaks$", "-test.count=1")
		cmd.Env = append(os.Environ(), leakVariable+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	requests, connections := 2_000, 20
	if os.Getenv("CABHFUIL_LONG_TESTS") != "" {
		requests, connections = 10_000, 100
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	r := gittest.New(t, "commit base \"Base\"\nbranch stable/1\ncommit fix \"Fix the parser\"\n")
	fix, base := r.Hash("fix").String(), r.Hash("base").String()
	home := t.TempDir()
	a := newApp(appOptions{
		dirs:  config.Dirs{Config: filepath.Join(home, "config"), Cache: filepath.Join(home, "cache"), State: filepath.Join(home, "state")},
		words: true, paths: true, watch: true, log: newLog(false, 100),
	})
	defer func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	}()
	session := func(requests int) {
		t.Helper()
		near, far := net.Pipe()
		served := make(chan error, 1)
		go func() { served <- a.serve(ctx, far) }()
		c, err := client.New(ctx, near, client.Options{Progress: func(client.Progress) {}, Refresh: func() {}})
		if err != nil {
			t.Fatal(err)
		}
		h := &house{app: a, ctx: ctx, Client: c}
		for i := range requests {
			var got any
			switch i % 40 { // the first four ask git
			case 1:
				_, err = h.where(r.Dir, fix)
			case 2:
				_, err = h.search(r.Dir, "parser")
			case 3:
				_, err = h.search(r.Dir, "file:a")
			case 4:
				_, err = h.document(r.Dir, fix)
			case 5, 15, 25, 35:
				_, err = h.lens(r.Dir, base)
			case 6, 16, 26, 36:
				err = h.Execute(ctx, "cabhfuil.tasks", map[string]any{}, &got)
			case 7, 17, 27, 37:
				err = h.Execute(ctx, "cabhfuil.search", map[string]any{"query": "parser"}, &got)
			case 8, 18, 28, 38:
				err = h.Execute(ctx, "cabhfuil.where", map[string]any{"keys": []string{fix}}, &got)
			case 9, 19, 29, 39: // given up at once
				gone, giveUp := context.WithCancel(ctx)
				giveUp()
				var raw json.RawMessage
				_ = h.Execute(gone, "cabhfuil.tasks", map[string]any{"action": "watch", "revision": 1 << 60}, &raw) //nolint:errcheck // it was given up
			default:
				_, err = h.hover(r.Dir, fix)
			}
			if err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
		}
		if err := h.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if err := <-served; err != nil {
			t.Fatal(err)
		}
	}
	session(requests / connections) // what is started once is started now
	goroutines, files := runtime.NumGoroutine(), openFiles()
	for range connections {
		session(requests / connections)
	}
	// A git process for each of two readings, and the like, come and go by themselves.
	defer func() {
		if t.Failed() {
			_ = pprof.Lookup("goroutine").WriteTo(os.Stdout, 1) //nolint:errcheck // it is a help
		}
	}()
	eventually(t, fmt.Sprintf("there are %d goroutines and %d files again", goroutines, files), func() bool {
		return runtime.NumGoroutine() <= goroutines+2 && openFiles() <= files+2
	})
	fmt.Printf("%d requests: %d goroutines, then %d; %d files, then %d\n", requests, goroutines, runtime.NumGoroutine(), files, openFiles())
}
