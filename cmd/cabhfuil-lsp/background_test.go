//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
)

// newShared is a program whose background process ends with the test, and a
// repository.
func newShared(t *testing.T, seed uint64, commits int) *busy {
	t.Helper()
	b := newBusy(t, seed, commits)
	run, err := os.MkdirTemp("", "run") // short: a socket's path has little room
	if err != nil {
		t.Fatal(err)
	}
	b.p.shared, b.p.env = true, []string{"XDG_RUNTIME_DIR=" + run}
	write(t, filepath.Join(b.p.home, ".config", "ca-bhfuil", "global.yaml"), "daemon: {idle_timeout: 1m}\n") // whatever a busy machine does between two questions
	t.Cleanup(func() {
		stdout, stderr, code, err := b.p.run("", "stop", "--format", "json")
		var said stopped
		if err != nil || code > 1 || json.Unmarshal([]byte(stdout), &said) != nil || said.Stopped != (code == 0) {
			t.Errorf("stop: %v, exit %d, %s%s", err, code, stdout, stderr)
		}
		if said.Stopped {
			eventually(t, "the background process is gone", func() bool { return !lives(said.PID) })
		}
		if left, err := filepath.Glob(filepath.Join(run, "cabhfuil", "*.sock")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
		if err := os.RemoveAll(run); err != nil {
			t.Error(err)
		}
		if strings.Contains(b.p.log(), "DATA RACE") || strings.Contains(b.p.log(), "panic") {
			t.Error("the background process failed")
		}
		if t.Failed() {
			t.Logf("the background process's log:\n%s", b.p.log())
		}
	})
	return b
}

// lives says whether a process runs; one that nobody has waited for does not.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) && syscall.Kill(pid, 0) == nil
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// process is the background process, zero where none runs. It starts none.
func (p program) process(t *testing.T) cli.Process {
	t.Helper()
	sockets, err := filepath.Glob(filepath.Join(p.runtime(), "cabhfuil", "*.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if len(sockets) == 0 {
		return cli.Process{}
	}
	return p.status(t)
}

// status is the background process, which is started where none runs. A terminal that
// waits too long for it, on a busy machine, answers by itself, and is asked again.
func (p program) status(t *testing.T) cli.Process {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Log(p.log())
		}
	}()
	var status cli.Status
	eventually(t, "status comes from the background process", func() bool {
		status = cli.Status{}
		p.ask(t, &status, "status")
		return status.Process != nil
	})
	return *status.Process
}

func (p program) runtime() string {
	for _, kv := range p.env {
		if dir, ok := strings.CutPrefix(kv, "XDG_RUNTIME_DIR="); ok {
			return dir
		}
	}
	return ""
}

// TestBackground starts the background process by the first verb, and asks the same
// one by the next and by a window, until it is stopped.
func TestBackground(t *testing.T) {
	t.Parallel()
	b := newShared(t, 21, 300)
	b.check(t)
	first := b.p.status(t)
	if first.PID == os.Getpid() || !lives(first.PID) {
		t.Fatalf("the background process is %d", first.PID)
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", first.PID)); err == nil && cwd != "/" {
		t.Errorf("it works in %s", cwd)
	}
	window := b.p.serve(t)
	eventually(t, "the window is connected", func() bool { return b.p.status(t).Windows == 1 })
	window.sees(t)
	b.move()
	b.check(t)
	if again := b.p.status(t); again.PID != first.PID {
		t.Errorf("another background process: %d and %d", first.PID, again.PID)
	}
	for _, c := range []struct {
		want string
		code int
	}{{fmt.Sprintf("Stopped the background process, %d. Open in editors: 1 window; they start it again when they need it.\n", first.PID), 0}, {"No background process runs.\n", 1}} {
		stdout, stderr, code, err := b.p.run("", "stop")
		if err != nil || code != c.code || stdout != c.want {
			t.Errorf("stop: %v, exit %d, %s%s", err, code, stdout, stderr)
		}
	}
	eventually(t, "it is gone", func() bool { return !lives(first.PID) })
	window.sees(t) // which starts another one
	if again := b.p.process(t); again.PID == 0 || again.PID == first.PID || again.Windows != 1 {
		t.Errorf("after a stop and a question: %+v", again)
	}
	window.leave(t)
}

// sees waits until a window knows its repository.
func (s *editor) sees(t *testing.T) {
	t.Helper()
	eventually(t, "a window knows its repository", func() bool { return s.status(t).Commits > 0 })
}

// leave ends an editor as LSP says.
func (s *editor) leave(t *testing.T) {
	t.Helper()
	if _, err := s.call("shutdown", nil); err != nil {
		t.Error(err)
	}
	if err := s.send(map[string]any{"jsonrpc": "2.0", "method": "exit"}); err != nil {
		t.Error(err)
	}
	if code := s.wait(); code != 0 {
		t.Errorf("a window that was shut down exits %d", code)
	}
}

// TestBackgroundGuests holds that a terminal is not told of what another one asked
// about.
func TestBackgroundGuests(t *testing.T) {
	t.Parallel()
	b := newShared(t, 22, 450)
	b.check(t)
	elsewhere := b.p
	elsewhere.dir = t.TempDir()
	_, stderr, code, err := elsewhere.run("", "search", "word0001")
	if err != nil || code != 2 || !strings.Contains(stderr, "no repository here") {
		t.Errorf("outside of repositories: %v, exit %d, %s", err, code, stderr)
	}
	config := filepath.Join(b.p.home, ".config", "ca-bhfuil", "repos.yaml")
	write(t, config, "repos:\n  - name: it\n    path: "+b.Dir+"\n")
	var result history.SearchResult
	elsewhere.ask(t, &result, "search", "word0001") // at once, also if the change was not noticed yet
	if result.Total == 0 || result.Hits[0].Repository != "it" {
		t.Errorf("a configured repository: %+v", result)
	}
}

// TestBackgroundIdle ends the process when nobody is connected, and not before.
func TestBackgroundIdle(t *testing.T) {
	t.Parallel()
	b := newShared(t, 23, 50)
	write(t, filepath.Join(b.p.home, ".config", "ca-bhfuil", "global.yaml"), "daemon: {idle_timeout: 1s}\n")
	window := b.p.serve(t)
	running := b.p.status(t)
	pid := running.PID
	eventually(t, "it lived for longer than it would stay without a window", func() bool { return time.Since(running.Started) > 2*time.Second })
	if again := b.p.status(t); again.PID != pid {
		t.Fatal("it ended while a window was open")
	}
	window.leave(t)
	eventually(t, "it ends", func() bool { return !lives(pid) })
}

// TestBackgroundOthers holds who does not share the process: another configuration
// of git, --private, and a place that others can write to.
func TestBackgroundOthers(t *testing.T) {
	t.Parallel()
	b := newShared(t, 24, 50)
	b.check(t)
	verbs := func() int { return strings.Count(b.p.log(), "serves") }
	before := verbs()
	for what, p := range map[string]program{
		"another configuration of git": {home: b.p.home, dir: b.p.dir, shared: true, env: append([]string{"GIT_CONFIG_GLOBAL=" + filepath.Join(t.TempDir(), "none")}, b.p.env...)},
		"--private":                    {home: b.p.home, dir: b.p.dir, env: b.p.env},
	} {
		var status cli.Status
		if stderr := p.ask(t, &status, "status"); status.Background || stderr != "" {
			t.Errorf("%s: answered by the background process, or said %q", what, stderr)
		}
	}
	if verbs() != before {
		t.Error("another background process was started")
	}
	// Nowhere to put a socket: the verb answers itself.
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	p := program{home: b.p.home, dir: b.p.dir, shared: true, env: []string{"XDG_RUNTIME_DIR=/nonexistent", "TMPDIR=" + long}}
	var answers []history.Answer
	if stderr := p.ask(t, &answers, "where", "v1"); stderr != "" || len(answers[0].Matches) != 1 {
		t.Errorf("without a place: %q, %d matches", stderr, len(answers[0].Matches))
	}
	if _, stderr, _, err := p.run("", "where", "v1", "-v"); err != nil || strings.Count(stderr, "going on in this process") != 1 {
		t.Errorf("-v says %v %q", err, stderr)
	}
}

// TestBackgroundNewer lets a newer program take over, once: what the older one began
// goes on, and its windows and terminals do without from then on.
func TestBackgroundNewer(t *testing.T) {
	t.Parallel()
	b := newShared(t, 27, 300)
	exe, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	newer := b.p
	newer.exe = filepath.Join(t.TempDir(), "newer")
	if err := os.WriteFile(newer.exe, exe, 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	info, err := os.Stat(os.Args[0])
	if err == nil {
		err = os.Chtimes(newer.exe, time.Time{}, info.ModTime().Add(time.Hour))
	}
	if err != nil {
		t.Fatal(err)
	}
	window := b.p.serve(t)
	window.sees(t)
	old := b.p.status(t)
	next := newer.status(t)
	if next.PID == old.PID {
		t.Fatal("the newer program joined the older one")
	}
	eventually(t, "the older process is gone", func() bool { return !lives(old.PID) })
	window.sees(t) // by itself
	for range 3 {
		var status cli.Status
		if stderr := b.p.ask(t, &status, "status"); status.Background || stderr != "" {
			t.Errorf("the older program is served by the newer one, or says %q", stderr)
		}
		b.check(t)
		if again := newer.status(t); again.PID != next.PID || again.Windows != 0 {
			t.Errorf("the newer process became %+v", again)
		}
	}
	window.leave(t)
}

// TestBackgroundNetwork fetches with the agent of the client that asks, and not of
// the one that started the process, and logs neither.
func TestBackgroundNetwork(t *testing.T) {
	t.Parallel()
	b := newShared(t, 26, 50)
	seen := filepath.Join(t.TempDir(), "seen")
	ssh := filepath.Join(t.TempDir(), "ssh")
	write(t, ssh, "#!/bin/sh\necho \"$SSH_AUTH_SOCK $SECRET\" >>"+seen+"\nfor last; do :; done\nexec sh -c \"$last\"\n")
	if err := os.Chmod(ssh, 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	config := filepath.Join(b.p.home, ".config", "ca-bhfuil")
	write(t, filepath.Join(config, "repos.yaml"), "repos:\n  - name: cloned\n    source: {url: 'ssh://host"+b.Dir+"'}\n    sync: {strategy: manual}\n")
	write(t, filepath.Join(config, "auth.yaml"), "auth_methods:\n  mine: {type: token, token_env: SECRET}\n")
	if err := os.Chmod(filepath.Join(config, "auth.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(agent string) program {
		p := b.p
		p.env = append([]string{"SSH_AUTH_SOCK=" + agent, "SECRET=of " + agent, "GIT_SSH_COMMAND=" + ssh, "GIT_SSH_VARIANT=ssh"}, p.env...)
		return p
	}
	with("first").status(t)
	var all cli.Synced
	with("second").ask(t, &all, "repo", "sync")
	text, err := os.ReadFile(seen)
	if err != nil || len(all.Results) != 1 || all.Results[0].Error != "" {
		t.Fatal(err, all)
	}
	for line := range strings.Lines(string(text)) {
		if line != "second of second\n" {
			t.Errorf("git had the agent %q", line)
		}
	}
	if log := b.p.log(); strings.Contains(log, "second") || strings.Contains(log, "of first") {
		t.Errorf("the log tells secrets:\n%s", log)
	}
}

// TestBackgroundTogether starts, asks and kills windows, terminals and the
// background process, which is also stopped, in random order: each question that was not killed is
// answered, one process writes, and nothing is left behind.
// CABHFUIL_TEST_KILLS says how many kills.
func TestBackgroundTogether(t *testing.T) {
	t.Parallel()
	kills := 20
	if n, err := strconv.Atoi(os.Getenv("CABHFUIL_TEST_KILLS")); err == nil {
		kills = n
	}
	b := newShared(t, 25, 1500)
	want := len(strings.Fields(b.Git("log", "--all", "--format=%H", "--fixed-strings", "--grep=word0001")))
	random := rand.New(rand.NewPCG(25, 0))
	const windows, terminals = 5, 10
	open := make([]*editor, windows)
	var mu sync.Mutex
	fail := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		t.Errorf(format, args...)
	}
	killed := map[string]int{}
	for done := 0; done < kills && !t.Failed(); {
		var wg sync.WaitGroup
		for i, w := range open {
			wg.Go(func() {
				if w == nil {
					open[i] = b.p.serve(t)
				} else {
					w.sees(t)
				}
			})
		}
		victims := make(chan int, terminals)
		for i := range terminals {
			die, after := random.IntN(5) == 0, time.Duration(random.IntN(300))*time.Millisecond
			wg.Go(func() {
				if die {
					if _, ended := b.p.killed(t, after, "search", "word0001"); !ended {
						victims <- i
					}
					return
				}
				stdout, stderr, code, err := b.p.run("", "search", "word0001", "--format", "json", "--limit", "100000")
				var result history.SearchResult
				if err != nil || code != 0 || json.Unmarshal([]byte(stdout), &result) != nil || result.Total != want {
					fail("a terminal: %v, exit %d, %d hits of %d, %s", err, code, result.Total, want, stderr)
				}
			})
		}
		// Meanwhile somebody is killed.
		switch n := random.IntN(4); n {
		case 0:
			if p := b.p.process(t); p.PID != 0 {
				_ = syscall.Kill(p.PID, syscall.SIGKILL) //nolint:errcheck // it may have ended
				killed["background process"]++
				done++
			}
			wg.Wait()
		case 1:
			if _, stderr, code, err := b.p.run("", "stop"); err != nil || code > 1 {
				fail("stop: %v, exit %d, %s", err, code, stderr)
			}
			wg.Wait()
		default:
			wg.Wait()
			at := random.IntN(windows)
			open[at].kill()
			open[at] = nil
			killed["window"]++
			done++
		}
		close(victims)
		for range victims {
			killed["terminal"]++
			done++
		}
	}
	for _, w := range open {
		if w != nil {
			w.leave(t)
		}
	}
	// A window that lost the process too often was alone, and had the index perhaps.
	eventually(t, "the background process writes the index", func() bool {
		var status cli.Status
		b.p.ask(t, &status, "status")
		return status.Background && len(status.Repositories) == 1 && status.Repositories[0].Error == ""
	})
	if t.Logf("killed: %v", killed); len(killed) < 3 {
		t.Errorf("killed were only %v", killed)
	}
}
