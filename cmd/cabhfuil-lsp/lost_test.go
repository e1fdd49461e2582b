package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
)

// unkeptOnce holds that a message says once that the index is not kept, where,
// why, and what to do.
func unkeptOnce(t *testing.T, stderr, where, why string) {
	t.Helper()
	if strings.Count(stderr, "the index is not kept") != 1 || !strings.Contains(stderr, where) || !strings.Contains(stderr, why) || !strings.Contains(stderr, "XDG_CACHE_HOME") {
		t.Errorf("it said %q, and not once that the index in %s is not kept: %s", stderr, where, why)
	}
}

// TestNowhereToWrite answers without a place for the index, and says so.
func TestNowhereToWrite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	type place struct{ env, where, why string }
	places := map[string]place{"on a file": {"XDG_CACHE_HOME=" + file, file, "not a directory"}}
	if runtime.GOOS == "linux" { // where even root may not write
		places["a read-only directory"] = place{"XDG_CACHE_HOME=/proc/cabhfuil", "/proc/cabhfuil", "no such file"}
		places["no home"] = place{"HOME=/proc/nobody", "/proc/nobody", "no such file"}
	}
	for name, c := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBusy(t, 2, 100)
			b.p.env = []string{c.env}
			b.check(t)
			var answers []history.Answer
			unkeptOnce(t, b.p.ask(t, &answers, "where", "v1"), c.where, c.why)
			var result history.SearchResult
			unkeptOnce(t, b.p.ask(t, &result, "search", "word0001"), c.where, c.why)
			var status cli.Status
			b.p.ask(t, &status, "status")
			unkeptOnce(t, status.Repositories[0].Error, c.where, c.why)
		})
	}
}

// TestReadOnly answers from an index on a file system that was made read-only,
// and from memory what is newer.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	dir := mountTemp(t, "64m")
	b := newBusy(t, 3, 300)
	b.p.env = []string{"XDG_CACHE_HOME=" + dir}
	b.check(t)
	remount(t, dir, "ro")
	b.check(t)
	b.grow("refs/heads/main", "refs/heads/main", 30)
	b.check(t)
	var answers []history.Answer
	unkeptOnce(t, b.p.ask(t, &answers, "where", "main"), dir, "read-only file system")
	remount(t, dir, "rw")
	b.check(t)
	if stderr := b.p.ask(t, &answers, "where", "main"); stderr != "" {
		t.Errorf("it said %q", stderr)
	}
}

// TestFullDisk fills the file system of the index at several moments. Answers
// stay git's, and what could not be saved is saved when there is room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"64k", "300k", "500k", "700k"} {
		t.Run(size, func(t *testing.T) {
			t.Parallel()
			dir := mountTemp(t, size)
			b := newBusy(t, 4, 3000)
			b.p.env = []string{"XDG_CACHE_HOME=" + dir}
			b.check(t)
			b.grow("refs/heads/main", "refs/heads/main", 500)
			b.check(t)
			var result history.SearchResult
			unkeptOnce(t, b.p.ask(t, &result, "search", "word0001"), dir, "no space left on device")
			remount(t, dir, "size=64m")
			b.check(t)
			if stderr := b.p.ask(t, &result, "search", "word0001"); stderr != "" {
				t.Errorf("it said %q", stderr)
			}
			b.p.warm(t)
		})
	}
}

// TestFullDiskWhileRunning fills the disk under a server, and makes room again:
// the next update saves.
func TestFullDiskWhileRunning(t *testing.T) {
	t.Parallel()
	dir := mountTemp(t, "300k")
	b := newBusy(t, 8, 3000)
	b.p.env = []string{"XDG_CACHE_HOME=" + dir}
	s := b.p.serve(t)
	eventually(t, "it says that the disk is full, and has indexed all the same", func() bool {
		r := s.status(t)
		return r.State == "ready" && strings.Contains(r.Error, "no space left on device")
	})
	eventually(t, "it rests, and does not try the full disk for ever", resting(t, s.pid))
	b.grow("refs/heads/main", "refs/heads/main", 20)
	commits := len(strings.Fields(b.Git("rev-list", "--all")))
	defer func() {
		if t.Failed() {
			t.Logf("%+v, of %d commits", s.status(t), commits)
		}
	}()
	eventually(t, "it follows from memory", func() bool {
		r := s.status(t)
		return r.Commits == commits && r.State == "ready"
	})
	remount(t, dir, "size=64m")
	b.grow("refs/heads/main", "refs/heads/main", 20)
	eventually(t, "it saves", func() bool {
		r := s.status(t)
		return r.Commits == commits+20 && r.State == "ready" && r.Error == ""
	})
	s.kill()
	b.p.warm(t)
	b.check(t)
}

// resting says whether a process took next to no processor time over the last
// fifty times that it was asked.
func resting(t *testing.T, pid int) func() bool {
	var took []int // ticks of 10 ms
	return func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		field := strings.Fields(after) // from the third one on (proc_pid_stat(5))
		user, userErr := strconv.Atoi(field[14-3])
		system, systemErr := strconv.Atoi(field[15-3])
		if err := errors.Join(userErr, systemErr); err != nil {
			t.Fatal(err)
		}
		took = append(took, user+system)
		return len(took) > 50 && took[len(took)-1]-took[len(took)-51] <= 5
	}
}

// TestFileSizeLimit is a disk that is full for any user: files may not grow.
func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("set on Linux alone")
	}
	b := newBusy(t, 5, 3000)
	b.p.env = []string{"CABHFUIL_TEST_FILE_SIZE=60000"}
	b.check(t)
	var result history.SearchResult
	unkeptOnce(t, b.p.ask(t, &result, "search", "word0001"), b.p.home, "file too large")
	b.p.env = nil
	b.check(t)
	b.p.warm(t)
}

// warm holds that the index is on disk, whole.
func (p program) warm(t *testing.T) {
	t.Helper()
	for args, what := range map[string]string{"where main": "graph", "search word0001": "words"} {
		_, stderr, code, err := p.run("", append(strings.Fields(args), "-v")...)
		if err != nil || code != 0 {
			t.Errorf("%v, exit %d", err, code)
		}
		for _, line := range []string{"reading commits", "indexing words", "anew"} {
			if strings.Contains(stderr, line) {
				t.Errorf("the %s were not kept: %s", what, stderr)
			}
		}
	}
}

// editor is a server of the program as an editor starts it.
type editor struct {
	pid  int
	in   io.WriteCloser
	out  *bufio.Reader
	kill func()
	wait func() int // until it ends; its exit code
}

// serve starts a server for the program's directory and returns when it answers.
func (p program) serve(t *testing.T) *editor {
	t.Helper()
	cmd := p.command("--stdio")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	s := &editor{pid: cmd.Process.Pid, in: in, out: bufio.NewReader(out), kill: func() {
		once.Do(func() {
			_ = cmd.Process.Kill() //nolint:errcheck // it may have ended
			_ = cmd.Wait()         //nolint:errcheck // it was killed
		})
	}, wait: func() int {
		once.Do(func() { _ = cmd.Wait() }) //nolint:errcheck // the code says it
		return cmd.ProcessState.ExitCode()
	}}
	t.Cleanup(s.kill)
	if _, err := s.call("initialize", map[string]any{"processId": nil, "rootUri": nil, "capabilities": map[string]any{},
		"workspaceFolders": []any{map[string]string{"uri": "file://" + filepath.ToSlash(p.dir), "name": "it"}}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// call sends a request and returns its result.
func (s *editor) call(method string, params any) (json.RawMessage, error) {
	if err := s.send(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params}); err != nil {
		return nil, err
	}
	for {
		length := 0
		for {
			line, err := s.out.ReadString('\n')
			if err != nil {
				return nil, err
			}
			if line == "\r\n" {
				break
			}
			_, _ = fmt.Sscanf(line, "Content-Length: %d", &length) //nolint:errcheck // or another header
		}
		answer := make([]byte, length)
		if _, err := io.ReadFull(s.out, answer); err != nil {
			return nil, err
		}
		var m struct {
			ID            *int
			Result, Error json.RawMessage
		}
		if err := json.Unmarshal(answer, &m); err != nil {
			return nil, err
		}
		if m.ID != nil && m.Error != nil {
			return nil, fmt.Errorf("%s: %s", method, m.Error)
		}
		if m.ID != nil {
			return m.Result, nil
		}
	}
}

func (s *editor) send(message any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.in, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return err
}

// status is what the server says of its only repository; its zero value until
// that is open.
func (s *editor) status(t *testing.T) cli.Repository {
	t.Helper()
	raw, err := s.call("workspace/executeCommand", map[string]any{"command": "cabhfuil.status", "arguments": []any{map[string]any{}}})
	if err != nil {
		t.Fatal(err)
	}
	var status cli.Status
	if err := json.Unmarshal(raw, &status); err != nil {
		t.Fatal(err)
	}
	if len(status.Repositories) == 0 {
		return cli.Repository{}
	}
	return status.Repositories[0]
}

// eventually waits for a state that other processes bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(90 * time.Second) // the machine may be busy
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("it never came that %s", what)
		}
	}
}

// TestFiveProcesses starts five servers at once on an empty index: one of them
// keeps it, all answer; when that one is killed, another one takes over.
func TestFiveProcesses(t *testing.T) {
	t.Parallel()
	b := newBusy(t, 6, 1000)
	editors := make([]*editor, 5)
	var wg sync.WaitGroup
	for i := range editors {
		wg.Go(func() { editors[i] = b.p.serve(t) })
	}
	wg.Wait()
	for len(editors) > 0 {
		var writers, others []*editor
		eventually(t, "one server writes", func() bool {
			writers, others = nil, nil
			for _, s := range editors {
				switch r := s.status(t); {
				case r.State == "ready" && r.Error == "":
					writers = append(writers, s)
				case (r.State == "ready" || r.State == "indexing") && strings.Contains(r.Error, "another cabhfuil-lsp process"):
					others = append(others, s)
				}
			}
			return len(writers) > 0 && len(writers)+len(others) == len(editors)
		})
		if len(writers) > 1 {
			t.Fatalf("%d processes write", len(writers))
		}
		b.check(t) // by verbs, which are processes of their own
		b.move()
		b.check(t)
		writers[0].kill()
		editors = others
	}
	b.check(t)
}

// TestVerbsAtOnce runs five verbs at once on an empty index.
func TestVerbsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBusy(t, 7, 1500)
	want := len(strings.Fields(b.Git("log", "--all", "--format=%H", "--fixed-strings", "--grep=word0001")))
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			args := []string{"search", "word0001", "--format", "json"}
			if i%2 == 1 {
				args = []string{"where", "v1", "--format", "json"}
			}
			stdout, stderr, code, err := b.p.run("", args...)
			if err != nil || code != 0 || strings.Contains(stderr, "not kept") {
				t.Errorf("%v: %v, exit %d, %s", args, err, code, stderr)
				return
			}
			var result history.SearchResult
			if i%2 == 0 {
				if err := json.Unmarshal([]byte(stdout), &result); err != nil || result.Total != want {
					t.Errorf("%d hits, git has %d (%v)", result.Total, want, err)
				}
			}
		})
	}
	wg.Wait()
	b.check(t)
}
