// Package host starts forge plugins, keeps them alive and asks them. Its main
// type is Host. What plugins say is cached; nobody who asks waits for one: an
// answer that is not known yet comes by Options.OnUpdate.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/cenkalti/backoff/v5"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// Options configure a Host.
type Options struct {
	// Builtin are the names of the forges that ship with the program, in the order
	// in which they are asked.
	Builtin []string
	// Claims are what forges say that they may know, by name: who claims nothing of
	// a question is not started for it. One that is not here is asked everything.
	Claims map[string]func(remote string, it plugins.Item) bool
	// Settings are handed to the plugins when they start, by name.
	Settings map[string][]plugins.Setting
	// Command makes the process of a built-in plugin; nil for this program itself,
	// as "<program> plugin NAME".
	Command func(name string) *exec.Cmd
	// Can are the abilities of the plugins (plugins.Abilities), by name. One that is
	// not here may have all of them, and is told by its errors.
	Can map[string][]string
	// Local are plugins that this process can ask for links as well, by name, so that
	// no process is started for them.
	Local map[string]plugins.Forge
	// Kept is the file in which what forges said outlives the process; "" for none.
	Kept string
	Log  *slog.Logger
	// OnUpdate is called when an answer arrived that was not known before. It must
	// not block.
	OnUpdate func()
}

// The bounds on plugins.
const (
	startTimeout = 5 * time.Second
	callTimeout  = 2 * time.Second
	maxCached    = 100_000 // links; beyond, the cache starts anew
)

// Host is the set of plugins. It is safe for concurrent use.
type Host struct {
	opt    Options
	ctx    context.Context
	stop   context.CancelFunc
	work   sync.WaitGroup
	forges []*supervised

	mu      sync.Mutex
	closed  bool
	cache   map[question]string
	pending map[question]bool

	answers *answers
}

// question is one link that was asked for.
type question struct {
	remote string
	item   plugins.Item
}

// New makes a host. No plugin is started before somebody asks.
func New(opt Options) *Host {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Command == nil {
		opt.Command = selfCommand
	}
	if opt.OnUpdate == nil {
		opt.OnUpdate = func() {}
	}
	ctx, stop := context.WithCancel(context.Background())
	h := &Host{opt: opt, ctx: ctx, stop: stop, cache: map[question]string{}, pending: map[question]bool{}}
	for _, name := range opt.Builtin {
		claims := opt.Claims[name]
		if claims == nil {
			claims = func(string, plugins.Item) bool { return true }
		}
		h.forges = append(h.forges, &supervised{name: name, host: h, claims: claims, lock: make(chan struct{}, 1)})
	}
	h.answers = newAnswers(h)
	return h
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

// Links answers what is known of the items of a repository with these remotes:
// "" where no forge has a page. pending says that some are being asked for;
// OnUpdate tells when they are known. What no forge claims is known at once. A
// remote of "" asks for bugs whose ID alone says which tracker has them.
func (h *Host) Links(remotes []string, items []plugins.Item) (urls []string, pending bool) {
	urls = make([]string, len(items))
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, remote := range remotes {
		var ask []plugins.Item
		for i, it := range items {
			q := question{remote, it}
			url, known := h.cache[q]
			switch {
			case known && urls[i] == "":
				urls[i] = url
			case !known && urls[i] == "" && !h.pending[q] && h.local(q, &urls[i]):
				h.remember(q, urls[i])
			case known || urls[i] != "":
			case !h.pending[q] && !h.claimed(q): // not worth remembering
			case !h.pending[q]:
				ask = append(ask, it)
				fallthrough
			default:
				pending = true
			}
		}
		if len(ask) > 0 && !h.closed {
			for _, it := range ask {
				h.pending[question{remote, it}] = true
			}
			h.work.Go(func() { h.ask(remote, ask) })
		}
	}
	return urls, pending
}

// local answers a question without any process, if only plugins that this one can
// ask itself may know the answer.
func (h *Host) local(q question, url *string) bool {
	asked := false
	for _, f := range h.forges {
		if !f.claims(q.remote, q.item) {
			continue
		}
		forge, ok := h.opt.Local[f.name]
		if !ok {
			return false
		}
		asked = true
		urls, known, err := forge.Links(h.ctx, q.remote, []plugins.Item{q.item})
		if err == nil && known && len(urls) == 1 && webOnly(urls[0]) != "" {
			*url = urls[0]
			return true
		}
	}
	return asked // else it is not worth remembering
}

// claimed says whether any forge may know the answer.
func (h *Host) claimed(q question) bool {
	return slices.ContainsFunc(h.forges, func(f *supervised) bool { return f.claims(q.remote, q.item) })
}

// remember keeps an answer. mu is held.
func (h *Host) remember(q question, url string) {
	if len(h.cache) > maxCached {
		clear(h.cache)
	}
	h.cache[q] = url
}

// ask asks the forges in turn, each for what it claims and nobody before it has a
// page of, and remembers the answers. Where a forge failed whose page it might
// have been, nothing is remembered, so that it is asked again.
func (h *Host) ask(remote string, items []plugins.Item) {
	answer, unsure := make([]string, len(items)), make([]bool, len(items))
	var failed error
	for _, f := range h.forges {
		var mine []plugins.Item
		var at []int
		for i, it := range items {
			if answer[i] == "" && f.claims(remote, it) {
				mine, at = append(mine, it), append(at, i)
			}
		}
		if len(mine) == 0 {
			continue
		}
		urls, known, err := f.links(h.ctx, remote, mine)
		if err != nil {
			failed = errors.Join(failed, err)
		}
		for j, i := range at {
			switch {
			case err != nil:
				unsure[i] = true
			case known:
				answer[i] = webOnly(urls[j])
			}
		}
	}
	news := false
	h.mu.Lock()
	for i, it := range items {
		q := question{remote, it}
		delete(h.pending, q)
		if answer[i] != "" || !unsure[i] {
			h.remember(q, answer[i])
			news = true
		}
	}
	closed := h.closed
	h.mu.Unlock()
	if failed != nil && !closed {
		h.opt.Log.Warn("plugin", "error", failed)
	}
	if news && !closed {
		h.opt.OnUpdate()
	}
}

// webOnly drops what is no web address: plugins are programs of others.
func webOnly(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.ContainsFunc(address, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return ""
	}
	return address
}

// Status is how a plugin is doing.
type Status struct {
	Name    string `json:"name"`
	Running bool   `json:"running"`
	Starts  int    `json:"starts"`
	Error   string `json:"error"` // why it is not running, when it should
}

// Status tells how the plugins are doing.
func (h *Host) Status() []Status {
	var all []Status
	for _, f := range h.forges {
		all = append(all, f.status())
	}
	return all
}

// Verify starts each plugin and asks it what it is.
func (h *Host) Verify(ctx context.Context) (map[string]plugins.Description, error) {
	found := map[string]plugins.Description{}
	var errs []error
	for _, f := range h.forges {
		d, err := f.describe(ctx)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found[f.name] = d
	}
	return found, errors.Join(errs...)
}

// Forge is a plugin by name, to be asked directly; nil where there is none.
func (h *Host) Forge(name string) plugins.Forge {
	for _, f := range h.forges {
		if f.name == name {
			return direct{f}
		}
	}
	return nil
}

// direct asks a supervised plugin as a Forge.
type direct struct{ s *supervised }

func (d direct) Describe(ctx context.Context) (plugins.Description, error) { return d.s.describe(ctx) }

func (d direct) Links(ctx context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	return d.s.links(ctx, remote, items)
}

// Close ends all plugins and waits for them.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.stop()
	h.work.Wait()
	for _, f := range h.forges {
		f.kill()
	}
	return nil
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
	return s.callWithin(ctx, callTimeout, fn)
}

// callWithin is call with a deadline of its own.
func (s *supervised) callWithin(ctx context.Context, deadline time.Duration, fn func(context.Context, plugins.Forge) error) error {
	f, err := s.running(ctx)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, deadline)
		defer cancel()
		if err = fn(ctx, f); err == nil || errors.Is(err, plugins.ErrUnsupported) {
			return err
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
