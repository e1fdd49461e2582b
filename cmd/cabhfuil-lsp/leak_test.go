package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

// The leak check runs in a process of its own: other tests start goroutines too.
const leakVariable = "CABHFUIL_TEST_LEAKS"

// TestLeaks asks one server thousands of questions over many connections, clones and
// fetches again and again, and holds that goroutines, open files, child processes and
// memory are afterwards what they were. CABHFUIL_LONG_TESTS asks for ten thousand
// questions, and a hundred connections, clones and fetches.
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
	requests, connections, clones := 2_000, 20, 5
	if os.Getenv("CABHFUIL_LONG_TESTS") != "" {
		requests, connections, clones = 10_000, 100, 100
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	r := gittest.New(t, "commit base \"Base\"\nbranch stable/1\ncommit fix \"Fix the parser\"\n")
	fix, base := r.Hash("fix").String(), r.Hash("base").String()
	home := t.TempDir()
	dirs := config.Dirs{Config: filepath.Join(home, "config"), Cache: filepath.Join(home, "cache"), State: filepath.Join(home, "state")}
	far := gittest.New(t, "commit far \"From far away\"\nbranch stable/1\n")
	if err := os.MkdirAll(dirs.Config, 0o700); err != nil {
		t.Fatal(err)
	}
	entry := fmt.Sprintf("repos:\n  - {name: far, source: {url: %q}, sync: {strategy: manual}}\n", far.URL())
	if err := os.WriteFile(filepath.Join(dirs.Config, "repos.yaml"), []byte(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	a := newApp(appOptions{
		dirs:  dirs,
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
	cycles := func(n int) {
		t.Helper()
		near, far := net.Pipe()
		served := make(chan error, 1)
		go func() { served <- a.serve(ctx, far) }()
		c, err := client.New(ctx, near, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			var synced cli.Synced
			if err := c.Execute(ctx, "cabhfuil.sync", map[string]any{"repositories": []string{"far"}}, &synced); err != nil || synced.Results[0].Error != "" {
				t.Fatalf("fetching: %v %+v", err, synced)
			}
			var repaired cli.Repairs
			if err := c.Execute(ctx, "cabhfuil.repair", map[string]any{"repositories": []string{"far"}, "anew": true}, &repaired); err != nil || repaired.Results[0].Error != "" {
				t.Fatalf("cloning anew: %v %+v", err, repaired)
			}
		}
		if err := errors.Join(c.Close(ctx), <-served); err != nil {
			t.Fatal(err)
		}
	}
	session(requests / connections) // what is started once is started now
	cycles(2)
	goroutines, files, children, memory := runtime.NumGoroutine(), openFiles(), childProcesses(), liveMemory()
	for range connections {
		session(requests / connections)
	}
	cycles(clones)
	// A git process for each of two readings, and the like, come and go by themselves.
	defer func() {
		if t.Failed() {
			_ = pprof.Lookup("goroutine").WriteTo(os.Stdout, 1) //nolint:errcheck // it is a help
		}
	}()
	eventually(t, fmt.Sprintf("there are %d goroutines, %d files and %d processes again", goroutines, files, children), func() bool {
		return runtime.NumGoroutine() <= goroutines+2 && openFiles() <= files+2 && childProcesses() <= children+2
	})
	eventually(t, fmt.Sprintf("%d bytes are in use again, and a few megabytes", memory), func() bool { return liveMemory() <= memory+8<<20 })
	fmt.Printf("%d requests, %d clones: %d goroutines, then %d; %d files, then %d; %d processes, then %d; %d kB, then %d\n",
		requests, clones, goroutines, runtime.NumGoroutine(), files, openFiles(), children, childProcesses(), memory>>10, liveMemory()>>10)
}

// liveMemory is how many bytes are in use.
func liveMemory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// childProcesses is how many this process has, where the system tells that in files.
func childProcesses() (n int) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, stat := range all {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		// The name, in parentheses, may hold blanks; state and parent come next.
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			n++
		}
	}
	return n
}
