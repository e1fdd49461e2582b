package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// The bounds on plugins.
const (
	startTimeout = 5 * time.Second
	callTimeout  = 2 * time.Second
)

// Status is how a plugin is doing.
type Status struct {
	Name    string `json:"name"`
	Running bool   `json:"running"`
	Starts  int    `json:"starts"`
	Error   string `json:"error"` // why it is not running, when it should
}

// supervised is one plugin: at most one process, restarted when it is asked
// again after it died, with a growing pause in between.
type supervised struct {
	name   string
	host   *Host
	claims func(remote string, it plugins.Item) bool

	lock   chan struct{} // guards client; a waiter can give up
	client *plugin.Client
	forge  plugins.Forge

	mu     sync.Mutex
	st     Status
	pause  *backoff.ExponentialBackOff
	resume time.Time
}

func (s *supervised) status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.st
	st.Name = s.name
	return st
}

func (s *supervised) links(ctx context.Context, remote string, items []plugins.Item) (urls []string, known bool, err error) {
	err = s.call(ctx, func(ctx context.Context, f plugins.Forge) error {
		urls, known, err = f.Links(ctx, remote, items)
		return err
	})
	return urls, known, err
}

func (s *supervised) describe(ctx context.Context) (d plugins.Description, err error) {
	err = s.call(ctx, func(ctx context.Context, f plugins.Forge) error {
		d, err = f.Describe(ctx)
		return err
	})
	return d, err
}

// call runs fn on the plugin, which is started where it does not run.
func (s *supervised) call(ctx context.Context, fn func(context.Context, plugins.Forge) error) error {
	f, err := s.running(ctx)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		if err = fn(ctx, f); err == nil {
			return nil
		}
		s.disconnect(err)
	}
	return fmt.Errorf("plugin %s: %w", s.name, err)
}

// running is the plugin's forge; it is started where it is not running and its
// pause after a failure is over.
func (s *supervised) running(ctx context.Context) (plugins.Forge, error) {
	select {
	case s.lock <- struct{}{}:
		defer func() { <-s.lock }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.client != nil && !s.client.Exited() {
		return s.forge, nil
	}
	s.mu.Lock()
	wait := time.Until(s.resume)
	s.mu.Unlock()
	if wait > 0 {
		return nil, fmt.Errorf("it failed and is left alone for %s", wait.Round(time.Millisecond))
	}
	if s.client != nil {
		s.client.Kill()
		s.client = nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	forge, err := s.start()
	s.mu.Lock()
	s.st.Starts++
	s.mu.Unlock()
	if err != nil {
		if s.client != nil {
			s.client.Kill()
			s.client = nil
		}
		s.failed(err)
		return nil, err
	}
	s.mu.Lock()
	s.st.Running, s.st.Error = true, ""
	s.mu.Unlock()
	s.forge = forge
	return forge, nil
}

func (s *supervised) start() (plugins.Forge, error) {
	settings, err := plugins.Environment(s.host.opt.Settings[s.name])
	if err != nil {
		return nil, err
	}
	cmd := s.host.opt.Command(s.name)
	cmd.Env = append(append(environment(), cmd.Env...), settings...)
	detach(cmd)
	s.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: plugins.Handshake, Plugins: plugin.PluginSet{plugins.Served: &plugins.Bridge{}},
		Cmd: cmd, AutoMTLS: true, SkipHostEnv: true, StartTimeout: startTimeout,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, Stderr: io.Discard,
		Logger: hclog.New(&hclog.LoggerOptions{Name: s.name, Level: hclog.Warn, Output: &logWriter{log: s.host.opt.Log, name: s.name}}),
	})
	conn, err := s.client.Client()
	if err != nil {
		return nil, fmt.Errorf("starting it: %w", err)
	}
	raw, err := conn.Dispense(plugins.Served)
	if err != nil {
		return nil, fmt.Errorf("starting it: %w", err)
	}
	forge, ok := raw.(plugins.Forge)
	if !ok {
		return nil, fmt.Errorf("starting it: it serves %T", raw)
	}
	return forge, nil
}

// disconnect notes the error of a call. A plugin that cannot be reached is done
// for; one that answers with an error, or too late, goes on.
func (s *supervised) disconnect(err error) {
	s.lock <- struct{}{}
	defer func() { <-s.lock }()
	if s.client != nil && (s.client.Exited() || status.Code(errors.Unwrap(err)) == codes.Unavailable) {
		s.client.Kill()
		s.client = nil
		s.failed(err)
		return
	}
	s.mu.Lock()
	s.st.Error = err.Error()
	s.mu.Unlock()
}

// failed notes why the plugin does not run, and leaves it alone for a while.
func (s *supervised) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.Error, s.st.Running = err.Error(), false
	if s.pause == nil {
		s.pause = backoff.NewExponentialBackOff()
		s.pause.MaxInterval = time.Minute
	}
	s.resume = time.Now().Add(s.pause.NextBackOff())
}

func (s *supervised) kill() {
	s.lock <- struct{}{}
	defer func() { <-s.lock }()
	if s.client != nil {
		s.client.Kill()
		s.client = nil
	}
	s.mu.Lock()
	s.st.Running = false
	s.mu.Unlock()
}

// selfCommand starts this very program, also where its file was replaced or
// removed meanwhile.
func selfCommand(name string) *exec.Cmd {
	self := "/proc/self/exe"
	if _, err := os.Stat(self); err != nil || runtime.GOOS != "linux" {
		if path, err := os.Executable(); err == nil {
			self = path
		}
	}
	return exec.Command(self, "plugin", name)
}

// environment is what a plugin is given: no token and no other secret.
func environment() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TEMP", "TMP", "LANG", "SystemRoot"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// logWriter passes what go-plugin and the plugin say to our log, line by line,
// and not without bound.
type logWriter struct {
	log   *slog.Logger
	name  string
	mu    sync.Mutex
	lines int
}

const maxLogLines = 1000

func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.lines++
	n := w.lines
	w.mu.Unlock()
	if n <= maxLogLines {
		w.log.Info("plugin", "name", w.name, "said", strings.TrimSpace(string(p[:min(len(p), 1024)])))
	}
	return len(p), nil
}
