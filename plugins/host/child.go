package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// child is the process of a plugin. go-plugin drives it; what it leaves to be
// wished is here: what the process started ends with it, output that somebody
// else holds open keeps nobody waiting, and who killed it and why is known.
type child struct {
	cmd     *exec.Cmd
	starter *starter

	stdout, stderr *os.File // our ends

	mu      sync.Mutex
	started bool
	ended   bool
	doomed  bool          // it was to be ended before it began
	gone    chan struct{} // closed when it ended
	err     error         // how; to be read then
}

var _ runner.Runner = (*child)(nil)

func newChild(cmd *exec.Cmd, s *starter) *child {
	return &child{cmd: cmd, starter: s, gone: make(chan struct{})}
}

// adopt takes over what go-plugin adds to the environment.
func (c *child) adopt(spec *exec.Cmd) { c.cmd.Env = append(c.cmd.Env, spec.Env...) }

// lastWords is how long output counts that comes after the end of the process.
const lastWords = 200 * time.Millisecond

// Start starts the process.
func (c *child) Start(context.Context) error {
	out, childOut, err := os.Pipe()
	if err != nil {
		return err
	}
	defer childOut.Close() //nolint:errcheck // the process has its own
	errs, childErr, err := os.Pipe()
	if err != nil {
		_ = out.Close() //nolint:errcheck // nothing was written
		return err
	}
	defer childErr.Close() //nolint:errcheck // the process has its own
	c.stdout, c.stderr = out, errs
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = nil, childOut, childErr
	if c.cmd.Dir == "" {
		c.cmd.Dir = root() // and in no repository, whose files it could mistake for its own
	}
	bind(c.cmd)
	c.mu.Lock()
	defer c.mu.Unlock()
	err = errors.New("nobody waits for it any more")
	if !c.doomed {
		err = c.starter.start(c.cmd)
	}
	if err != nil {
		c.ended, c.err = true, err
		close(c.gone)
		c.close()
		return err
	}
	c.started = true
	go c.watch() // ends with the process
	return nil
}

func root() string {
	if runtime.GOOS == "windows" {
		return os.Getenv("SystemRoot")
	}
	return "/"
}

// watch waits for the end.
func (c *child) watch() {
	err := c.cmd.Wait()
	c.mu.Lock()
	c.ended, c.err = true, err
	c.mu.Unlock()
	killGroup(c.cmd.Process) // what it started
	for _, f := range []*os.File{c.stdout, c.stderr} {
		_ = f.SetReadDeadline(time.Now().Add(lastWords)) //nolint:errcheck // without one, only who left its group can hold it open
	}
	close(c.gone)
}

// kill ends the process, and what it started, without asking. One that has not
// begun never will.
func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doomed = true
	if !c.started || c.ended { // its number may be another's
		return
	}
	killGroup(c.cmd.Process)
	_ = c.cmd.Process.Kill() //nolint:errcheck // it has ended
}

// alive says whether the process runs.
func (c *child) alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.started && !c.ended
}

// pid is the number of the process; 0 where none was started.
func (c *child) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started {
		return 0
	}
	return c.cmd.Process.Pid
}

// fate is how the process ended, which it has or is about to; "" where it never
// began.
func (c *child) fate() string {
	<-c.gone
	if c.cmd.ProcessState == nil {
		return ""
	}
	return c.cmd.ProcessState.String()
}

func (c *child) close() {
	_, _ = c.stdout.Close(), c.stderr.Close() //nolint:errcheck // they were only read
}

// Wait is called when all output was read.
func (c *child) Wait(context.Context) error {
	<-c.gone
	c.close()
	return c.err
}

// Kill ends the process.
func (c *child) Kill(context.Context) error {
	c.kill()
	return nil
}

// Diagnose has nothing to add.
func (c *child) Diagnose(context.Context) string { return "" }

// Stdout is what the process says to go-plugin.
func (c *child) Stdout() io.ReadCloser { return c.stdout }

// Stderr is what the process says to people.
func (c *child) Stderr() io.ReadCloser { return c.stderr }

// Name is the program.
func (c *child) Name() string { return c.cmd.Path }

// ID is the number of the process, "" where none was started.
func (c *child) ID() string {
	if pid := c.pid(); pid != 0 {
		return strconv.Itoa(pid)
	}
	return ""
}

// PluginToHost lets pass sockets of this machine alone.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" && runtime.GOOS != "windows" {
		return "", "", fmt.Errorf("it listens on %s and not on a socket of its own", clean(network, maxLine))
	}
	return network, address, nil
}

// HostToPlugin changes nothing.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// starter starts processes, all from one thread, which lives as long as the
// starter: Linux ends a process (bind) when the thread that started it ends.
type starter struct {
	once sync.Once
	jobs chan func()
	done chan struct{}
}

func newStarter() *starter { return &starter{jobs: make(chan func()), done: make(chan struct{})} }

func (s *starter) start(cmd *exec.Cmd) error {
	s.once.Do(func() { go s.run() })
	result := make(chan error, 1)
	s.jobs <- func() { result <- cmd.Start() }
	return <-result
}

func (s *starter) run() {
	runtime.LockOSThread()
	defer close(s.done)
	for job := range s.jobs {
		job()
	}
}

// close ends the thread. No process may run any more, and none may be started.
func (s *starter) close() {
	close(s.jobs)
	s.once.Do(func() { close(s.done) })
	<-s.done
}
