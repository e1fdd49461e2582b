//go:build unix

package daemon_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cabhfuil/cabhfuil-lsp/internal/daemon"
)

// TestMain is also a background process that says what it is told, and one that
// ends at once.
func TestMain(m *testing.M) {
	switch os.Getenv("DAEMON_TEST") {
	case "serve":
		place := daemon.Place{Socket: os.Getenv("DAEMON_TEST_SOCKET"), Lock: os.Getenv("DAEMON_TEST_LOCK")}
		s, err := daemon.Listen(context.Background(), daemon.Options{Place: place, Program: program, Idle: func() time.Duration { return time.Minute }})
		if errors.Is(err, daemon.ErrRunning) {
			os.Exit(0)
		}
		if err != nil {
			panic(err)
		}
		s.Serve(context.Background(), echo)
		os.Exit(0)
	case "fail":
		os.Exit(3)
	case "other": // another user, who does not look whom it talks to
		c, err := net.Dial("unix", os.Getenv("DAEMON_TEST_SOCKET"))
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(c, `{"cabhfuil":1,"purpose":"stop"}`+"\n") //nolint:errcheck // it may be refused by then
		_, _ = io.Copy(os.Stdout, c)                                     //nolint:errcheck // the same
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

var program = daemon.Program{Version: "1.2.0", Size: 7, Modified: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}

// echo says what it is told.
func echo(ctx context.Context, conn io.ReadWriteCloser, _ daemon.Hello) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) //nolint:errcheck // it is to end
	defer stop()
	_, _ = io.Copy(conn, conn) //nolint:errcheck // until the client leaves
}

// place is a new one, with a path that is short enough.
func place(t *testing.T) daemon.Place {
	t.Helper()
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("XDG_RUNTIME_DIR", dir)
	p, err := daemon.Find("a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(p.Socket, dir) {
		t.Fatalf("the socket is %s", p.Socket)
	}
	return p
}

// serving is a process that serves; done is closed when it has ended.
type serving struct {
	*daemon.Server
	done chan struct{}
	stop context.CancelFunc
}

func serve(t *testing.T, p daemon.Place, change func(*daemon.Options)) *serving {
	t.Helper()
	opt := daemon.Options{Place: p, Program: program, Idle: func() time.Duration { return 0 }}
	if change != nil {
		change(&opt)
	}
	s, err := daemon.Listen(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	v := &serving{s, make(chan struct{}), cancel}
	go func() {
		defer close(v.done)
		s.Serve(ctx, echo)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-v.done
	})
	return v
}

func join(t *testing.T, p daemon.Place, h daemon.Hello) (*daemon.Conn, error) {
	t.Helper()
	if h.Program == (daemon.Program{}) {
		h.Program = program
	}
	if h.Purpose == "" {
		h.Purpose = daemon.Verb
	}
	c, err := daemon.Join(t.Context(), p, h, nil)
	if c != nil {
		t.Cleanup(func() { _ = c.Close() }) //nolint:errcheck // the test may have closed it
	}
	return c, err
}

// says holds that a connection works.
func says(t *testing.T, c io.ReadWriter) {
	t.Helper()
	if _, err := io.WriteString(c, "is it there?\n"); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || line != "is it there?\n" {
		t.Fatalf("it says %q, %v", line, err)
	}
}

func ended(t *testing.T, s *serving) {
	t.Helper()
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}

func TestJoin(t *testing.T) {
	p := place(t)
	if _, err := join(t, p, daemon.Hello{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nobody there: %v", err)
	}
	s := serve(t, p, nil)
	for path, mode := range map[string]fs.FileMode{filepath.Dir(p.Socket): fs.ModeDir | 0o700, p.Socket: fs.ModeSocket | 0o600, p.Lock: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	w, err := join(t, p, daemon.Hello{Purpose: daemon.Window})
	if err != nil {
		t.Fatal(err)
	}
	says(t, w)
	c, err := join(t, p, daemon.Hello{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Info.PID != os.Getpid() || c.Info.Windows != 1 || c.Info.Verbs != 1 || !c.Info.Program.Same(program) {
		t.Errorf("it is %+v", c.Info)
	}
	says(t, c)
	// What was said is not cut off; the window is, since it asks again elsewhere.
	stopped := make(chan error, 1)
	go func() {
		_, err := daemon.End(context.Background(), p, daemon.Hello{})
		stopped <- err
	}()
	if _, err := io.ReadAll(w); err != nil {
		t.Errorf("the window ends with %v", err)
	}
	if _, err := join(t, p, daemon.Hello{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it ends, and takes another client: %v", err)
	}
	says(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	ended(t, s)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(p.Socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	if _, err := daemon.End(t.Context(), p, daemon.Hello{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nobody to stop: %v", err)
	}
}

// TestStopTold holds that who stops a process hears of the windows that this cut off,
// however fast they are gone.
func TestStopTold(t *testing.T) {
	for range 200 {
		p := place(t)
		s := serve(t, p, nil)
		c, err := join(t, p, daemon.Hello{Purpose: daemon.Window})
		if err != nil {
			t.Fatal(err)
		}
		says(t, c)
		told, err := daemon.End(t.Context(), p, daemon.Hello{})
		if err != nil || told.Windows != 1 {
			t.Fatalf("%d windows were cut off, %v", told.Windows, err)
		}
		ended(t, s)
	}
}

func TestIdle(t *testing.T) {
	p := place(t)
	var busy atomic.Bool
	busy.Store(true)
	s := serve(t, p, func(o *daemon.Options) {
		o.Idle, o.Busy = func() time.Duration { return 300 * time.Millisecond }, busy.Load
	})
	c, err := join(t, p, daemon.Hello{})
	if err != nil {
		t.Fatal(err)
	}
	busy.Store(false)
	select {
	case <-s.done:
		t.Fatal("it ended while somebody was connected")
	case <-time.After(time.Second): // three times as long as it would stay
	}
	says(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	ended(t, s)
}

// TestRemoved ends the process whose socket is gone, when nobody uses it.
func TestRemoved(t *testing.T) {
	p := place(t)
	s := serve(t, p, nil)
	c, err := join(t, p, daemon.Hello{Purpose: daemon.Window})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(p.Socket); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.done:
		t.Fatal("it ended while somebody was connected")
	case <-time.After(time.Second): // several looks long
	}
	says(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	ended(t, s)
}

// TestStale takes over from a process that was killed.
func TestStale(t *testing.T) {
	p := place(t)
	cmd := start(t, p, "serve")
	c := eventually(t, p)
	says(t, c)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() //nolint:errcheck // it was killed
	if _, err := os.Stat(p.Socket); err != nil {
		t.Fatal("the kill left no socket, and this proves nothing")
	}
	if _, err := daemon.End(t.Context(), p, daemon.Hello{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stopping what was killed: %v", err)
	}
	serve(t, p, nil)
	c, err := join(t, p, daemon.Hello{})
	if err != nil {
		t.Fatal(err)
	}
	says(t, c)
}

func start(t *testing.T, p daemon.Place, as string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "DAEMON_TEST="+as, "DAEMON_TEST_SOCKET="+p.Socket, "DAEMON_TEST_LOCK="+p.Lock)
	daemon.Detach(cmd)
	cmd.Dir = ""
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) //nolint:errcheck // it may have ended
	return cmd
}

func eventually(t *testing.T, p daemon.Place) *daemon.Conn {
	t.Helper()
	for late := time.Now().Add(20 * time.Second); ; {
		c, err := join(t, p, daemon.Hello{})
		if err == nil {
			return c
		}
		if time.Now().After(late) {
			t.Fatal(err)
		}
	}
}

// TestTogether lets eight clients start the process at once: all get the same one.
func TestTogether(t *testing.T) {
	p := place(t)
	pids := make([]int, 8)
	var mu sync.Mutex
	var started []*exec.Cmd
	var wg sync.WaitGroup
	for i := range pids {
		wg.Go(func() {
			c, err := daemon.Join(t.Context(), p, daemon.Hello{Program: program, Purpose: daemon.Verb}, func() (*exec.Cmd, error) {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), "DAEMON_TEST=serve", "DAEMON_TEST_SOCKET="+p.Socket, "DAEMON_TEST_LOCK="+p.Lock)
				daemon.Detach(cmd)
				mu.Lock()
				defer mu.Unlock()
				started = append(started, cmd)
				return cmd, cmd.Start()
			})
			if err != nil {
				t.Error(err)
				return
			}
			pids[i] = c.Info.PID
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, pid := range pids {
		if pid != pids[0] || pid == 0 {
			t.Fatalf("they joined %v", pids)
		}
	}
	t.Logf("%d were started", len(started))
	if _, err := daemon.End(t.Context(), p, daemon.Hello{}); err != nil {
		t.Error(err)
	}
}

// TestNoStart tells a client at once when the process cannot be started.
func TestNoStart(t *testing.T) {
	p := place(t)
	began := time.Now()
	_, err := daemon.Join(t.Context(), p, daemon.Hello{Program: program, Purpose: daemon.Verb}, func() (*exec.Cmd, error) {
		return start(t, p, "fail"), nil
	})
	if err == nil || time.Since(began) >= daemon.JoinTime {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if _, err := daemon.Join(t.Context(), p, daemon.Hello{}, func() (*exec.Cmd, error) { return nil, syscall.ENOMEM }); !errors.Is(err, syscall.ENOMEM) {
		t.Errorf("no process: %v", err)
	}
}

// TestSilent gives up on a process that does not answer, in time.
func TestSilent(t *testing.T) {
	p := place(t)
	l, err := net.Listen("unix", p.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // the test is over
	began := time.Now()
	if _, err := join(t, p, daemon.Hello{}); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a silent process: %v", err)
	}
	if took := time.Since(began); took > 2*daemon.JoinTime {
		t.Errorf("it took %v", took)
	}
}

func TestVersions(t *testing.T) {
	with := func(change func(*daemon.Program)) daemon.Program {
		p := program
		change(&p)
		return p
	}
	older := with(func(p *daemon.Program) { p.Version = "1.1.9" })
	before := with(func(p *daemon.Program) { p.Modified = p.Modified.Add(-time.Second) })
	other := with(func(p *daemon.Program) { p.Size++ })
	newer := with(func(p *daemon.Program) { p.Version = "1.10.0-dev"; p.Modified = time.Time{} })
	after := with(func(p *daemon.Program) { p.Modified = p.Modified.Add(time.Nanosecond) })
	for _, unlike := range []daemon.Hello{{Program: older}, {Program: before}, {Program: other}, {Like: "else"}} {
		t.Run("refused", func(t *testing.T) {
			p := place(t)
			serve(t, p, nil)
			if _, err := join(t, p, unlike); !errors.Is(err, daemon.ErrUnlike) {
				t.Errorf("%+v: %v", unlike, err)
			}
			if _, err := join(t, p, daemon.Hello{}); err != nil {
				t.Errorf("it no longer serves its own: %v", err)
			}
		})
	}
	for _, next := range []daemon.Program{newer, after} {
		t.Run("takes over", func(t *testing.T) {
			p := place(t)
			old := serve(t, p, nil)
			c, err := join(t, p, daemon.Hello{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := join(t, p, daemon.Hello{Program: next}); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a newer client: %v", err)
			}
			says(t, c) // what was asked is finished
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			serve(t, p, func(o *daemon.Options) { o.Program = next }) // which waits for it
			ended(t, old)
			if c, err := join(t, p, daemon.Hello{Program: next}); err != nil || !c.Info.Program.Same(next) {
				t.Errorf("the newer client: %v", err)
			}
			if _, err := join(t, p, daemon.Hello{}); !errors.Is(err, daemon.ErrUnlike) {
				t.Errorf("the older client: %v", err)
			}
		})
	}
}

// TestNewer holds that programs never take over from each other in turn.
func TestNewer(t *testing.T) {
	var all []daemon.Program
	for _, v := range []string{"", "0.1.0-dev", "0.1.0", "0.1.0-rc.1", "v0.2", "1", "x"} {
		for _, size := range []int64{1, 2} {
			for _, at := range []int64{0, 5} {
				all = append(all, daemon.Program{Version: v, Size: size, Modified: time.Unix(at, 0)})
			}
		}
	}
	for _, a := range all {
		for _, b := range all {
			if a.Newer(b) && b.Newer(a) || a.Same(b) && a.Newer(b) {
				t.Errorf("%+v and %+v", a, b)
			}
		}
	}
	if a, b := (daemon.Program{Version: "0.10.0-dev"}), (daemon.Program{Version: "0.9.1"}); !a.Newer(b) || b.Newer(a) {
		t.Error("0.10.0-dev is not newer than 0.9.1")
	}
	if a, b := (daemon.Program{Version: "0.1.0"}), (daemon.Program{Version: "0.1.0-dev"}); !a.Newer(b) {
		t.Error("0.1.0 is not newer than 0.1.0-dev")
	}
}

// TestHostile sends what no client sends: the process answers the next one.
func TestHostile(t *testing.T) {
	p := place(t)
	serve(t, p, nil)
	for what, bytes := range map[string]string{
		"nothing": "", "no JSON": "hello\n", "LSP": "Content-Length: 2\r\n\r\n{}", "no end": `{"cabhfuil":1`, "an array": "[1]\n",
		"zeros": strings.Repeat("\x00", 5000) + "\n", "an endless line": strings.Repeat("x", 1<<20), "no purpose": "{}\n",
		"strange types": `{"cabhfuil":"1","purpose":{}}` + "\n", "another protocol": `{"cabhfuil":99,"purpose":"window"}` + "\n",
	} {
		c, err := net.Dial("unix", p.Socket)
		if err != nil {
			t.Fatal(what, err)
		}
		_, _ = io.WriteString(c, bytes) //nolint:errcheck // it may be refused by then
		if what == "nothing" || what == "no end" {
			_ = c.Close() //nolint:errcheck // that is the test
			continue
		}
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second)) //nolint:errcheck // it is a socket
		answer, err := io.ReadAll(c)
		var said struct {
			Refused string `json:"refused"`
		}
		reset := errors.Is(err, syscall.ECONNRESET)
		if !reset && (err != nil || len(answer) > 0 && (json.Unmarshal(answer, &said) != nil || said.Refused == "")) {
			t.Errorf("%s: %q, %v", what, answer, err)
		}
		_ = c.Close() //nolint:errcheck // nothing is to be lost
		if c, err := join(t, p, daemon.Hello{}); err != nil {
			t.Errorf("after %s: %v", what, err)
		} else if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFind holds where the place is, and which places are refused.
func TestFind(t *testing.T) {
	run, tmp := t.TempDir(), t.TempDir()
	short := func(name string, mode fs.FileMode) string {
		dir, err := os.MkdirTemp("", name)
		if err == nil {
			err = os.Chmod(dir, mode)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) }) //nolint:errcheck // a temporary file
		return dir
	}
	ours, theirs, other, taken := short("o", 0o700), short("t", 0o755), short("d", 0o700), short("s", 0o700)
	own := fmt.Sprintf("cabhfuil-%d", os.Getuid())
	if err := os.Symlink(ours, filepath.Join(taken, own)); err != nil { // somebody was first to make our directory
		t.Fatal(err)
	}
	for _, c := range []struct{ what, runtime, temp, want string }{
		{"a runtime directory", ours, other, filepath.Join(ours, "cabhfuil")},
		{"none", "", other, filepath.Join(other, own)},
		{"one that is not there", filepath.Join(run, "none"), other, filepath.Join(other, own)},
		{"one that others may read", theirs, other, filepath.Join(other, own)},
		{"one that is too long", filepath.Join(run, strings.Repeat("r", 100)), other, filepath.Join(other, own)},
		{"none, and our directory is a link", "", taken, ""},
		{"none, and no room for a name", "", filepath.Join(tmp, strings.Repeat("t", 100)), ""},
	} {
		t.Setenv("XDG_RUNTIME_DIR", c.runtime)
		t.Setenv("TMPDIR", c.temp)
		if strings.Contains(c.runtime, "rrr") {
			if err := os.MkdirAll(c.runtime, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		p, err := daemon.Find("x")
		if c.want == "" && err == nil || c.want != "" && (err != nil || filepath.Dir(p.Socket) != c.want) {
			t.Errorf("%s: %s, %v", c.what, p.Socket, err)
		}
	}
	t.Setenv("XDG_RUNTIME_DIR", ours)
	a, errA := daemon.Find("x", "y")
	b, errB := daemon.Find("xy", "")
	if errA != nil || errB != nil || a == b {
		t.Errorf("other directories, the same place: %v, %v, %v", a, errA, errB)
	}
}

// TestOtherUser refuses another user, whatever the modes of the files say.
func TestOtherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be another user")
	}
	p := place(t)
	serve(t, p, nil)
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(p.Socket)
	for path, mode := range map[string]fs.FileMode{filepath.Dir(dir): 0o755, dir: 0o755, p.Socket: 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	exe := filepath.Join(dir, "other")
	if err := os.WriteFile(exe, program, 0o755); err != nil { //nolint:gosec // another user runs it
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Dir, cmd.Env = "/", []string{"DAEMON_TEST=other", "DAEMON_TEST_SOCKET=" + p.Socket}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "" {
		t.Errorf("another user gets %q, %v", out, err)
	}
	if _, err := join(t, p, daemon.Hello{}); err != nil {
		t.Errorf("the user itself: %v", err)
	}
}
