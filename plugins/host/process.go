package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// Limits bound what a plugin may take. What is zero has the default.
type Limits struct {
	Start    time.Duration // until it must have said what it is; 5s
	Call     time.Duration // for an answer that needs no network; 2s
	Idle     time.Duration // after which one that nobody asks is ended, until it is asked again; 5m
	MinPause time.Duration // for which one that failed is left alone; it doubles with each failure in a row; 500ms
	MaxPause time.Duration // at most; 1m. One that ran as long without a failure is as good as new
	Memory   int64         // resident bytes, above which it is ended; 512 MiB. Only Linux tells
}

func (l Limits) orDefault() Limits {
	l.Start, l.Call = cmp.Or(l.Start, 5*time.Second), cmp.Or(l.Call, 2*time.Second)
	l.Idle = cmp.Or(l.Idle, 5*time.Minute)
	l.MinPause, l.MaxPause = cmp.Or(l.MinPause, 500*time.Millisecond), cmp.Or(l.MaxPause, time.Minute)
	l.Memory = cmp.Or(l.Memory, 512<<20)
	return l
}

const (
	maxCalls   = 32       // that one plugin works on at once; others wait for their turn
	maxWrong   = 3        // calls in a row that end with an error or not in time, before the process is given up
	maxMessage = 16 << 20 // bytes of one answer
	mindEvery  = 500 * time.Millisecond
	endGrace   = time.Second // for a plugin to end when it is told to
)

// Status is how a plugin is doing.
type Status struct {
	Name     string    `json:"name"`
	Running  bool      `json:"running"`
	PID      int       `json:"pid,omitempty"` // of the process, where it runs
	Starts   int       `json:"starts"`
	Failures int       `json:"failures"`        // in a row, for which it is left alone
	Error    string    `json:"error"`           // why it is not running, when it should, or what its last answer lacked
	Retry    time.Time `json:"retry,omitzero"`  // until when it is left alone
	Memory   int64     `json:"memory,omitzero"` // resident bytes, as last looked at; 0 where that cannot be told
	// Troubles are the places of which it could not say what it was asked, with what
	// was wrong there; the plugin itself may be well.
	Troubles []string `json:"troubles,omitempty"`
}

// errResting says that a plugin is not asked now. It is told once, when the pause
// begins, and not to everybody who asks meanwhile.
var errResting = errors.New("it is left alone")

// supervised is one plugin: at most one process, which is started when the plugin
// is asked and ended when nobody has asked for long. One that crashes, hangs or
// answers with errors is ended and left alone, longer each time (a circuit
// breaker); the first question after the pause tries again.
type supervised struct {
	name    string
	host    *Host
	foreign *Foreign // nil for one that is built in
	said    *said
	calls   chan struct{} // one for each call under way

	lock    chan struct{} // guards process; a waiter can give up
	process *process      // nil where none runs

	mu       sync.Mutex
	st       Status
	claim    func(remote string, it plugins.Item) bool // nil before what it is is known
	about    plugins.Description                       // of a foreign one
	pause    *backoff.ExponentialBackOff
	resume   time.Time          // when it may be started again
	starting bool               // it is being started
	renew    bool               // it runs with variables of before
	troubles map[string]trouble // by the host of the remote that was asked by
}

// trouble is what is wrong with a place that a forge asks.
type trouble struct {
	problem plugins.Problem
	host    string
	text    string
}

// maxTroubles bounds the places that are remembered for their troubles.
const maxTroubles = 20

// process is a running plugin.
type process struct {
	child  *child
	stderr *lines
	client *plugin.Client
	forge  plugins.Forge
	began  time.Time

	// The rest is guarded by the mu of its plugin.
	busy  int       // calls under way
	used  time.Time // when the last one ended
	wrong int       // calls in a row that went wrong
	over  bool      // it is being ended
}

// ended says how the process ended.
func (p *process) ended() error { return ended(p.child, p.stderr, "it ended") }

func ended(c *child, stderr *lines, what string) error {
	if fate := c.fate(); fate != "" {
		what += " (" + fate + ")"
	}
	if words := stderr.words(); words != "" {
		what += ", and said: " + words
	}
	return errors.New(what)
}

func newSupervised(h *Host, name string, foreign *Foreign, claim func(string, plugins.Item) bool) *supervised {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval, pause.Multiplier, pause.RandomizationFactor = h.opt.Limits.MinPause, h.opt.Limits.MaxPause, 2, 0.2
	pause.Reset()
	return &supervised{
		name: name, host: h, foreign: foreign, claim: claim, said: newSaid(name, h.opt.Log), pause: pause,
		calls: make(chan struct{}, maxCalls), lock: make(chan struct{}, 1),
	}
}

// claims says whether the plugin may know an item. One that has not said what it
// is may know everything.
func (s *supervised) claims(remote string, it plugins.Item) bool {
	s.mu.Lock()
	claim := s.claim
	s.mu.Unlock()
	return claim == nil || claim(remote, it)
}

// learned says whether it is known what the plugin may know.
func (s *supervised) learned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claim != nil
}

// learn asks a plugin what it is, where that is not known.
func (s *supervised) learn(ctx context.Context) error {
	if s.learned() {
		return nil
	}
	_, err := s.describe(ctx)
	return err
}

// description is what a foreign plugin said that it is; ok is false where it was
// not asked yet.
func (s *supervised) description() (d plugins.Description, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.about, s.foreign != nil && s.claim != nil
}

// heard notes whether the place behind a remote answers, and tells when that
// changes: whoever reads a card only sees that something is lacking.
func (s *supervised) heard(remote string, answers []plugins.Answer) {
	place := "a tracker"
	if r, ok := plugins.ParseRemote(remote); ok {
		place = clean(r.Host, maxName)
	}
	i := slices.IndexFunc(answers, func(a plugins.Answer) bool {
		return a.Problem != plugins.NoProblem && a.Problem != plugins.NotAsked
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	before, known := s.troubles[place]
	if i < 0 {
		if known {
			delete(s.troubles, place)
			s.host.opt.Log.Info("forge", "name", s.name, "at", place, "said", "it answers again")
		}
		return
	}
	now := trouble{plugins.Problem(clean(string(answers[i].Problem), maxLine)), cmp.Or(clean(answers[i].Host, maxName), place), s.said.scrub(cmp.Or(answers[i].Detail, string(answers[i].Problem)))}
	if s.troubles == nil || !known && len(s.troubles) >= maxTroubles {
		s.troubles = map[string]trouble{}
	}
	if s.troubles[place] = now; now.problem != before.problem {
		s.host.opt.Log.Warn("forge", "name", s.name, "at", now.host, "problem", now.problem, "error", now.text)
	}
}

func (s *supervised) status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.st
	st.Name = s.name
	if time.Until(s.resume) > 0 {
		st.Retry = s.resume
	}
	for _, place := range slices.Sorted(maps.Keys(s.troubles)) {
		st.Troubles = append(st.Troubles, s.troubles[place].host+": "+s.troubles[place].text)
	}
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
	if err == nil && s.foreign != nil {
		s.mu.Lock()
		s.about, s.claim = d, d.Claims()
		s.mu.Unlock()
	}
	return d, err
}

// call runs fn on the plugin, which is started where it does not run.
func (s *supervised) call(ctx context.Context, fn func(context.Context, plugins.Forge) error) error {
	return s.callWithin(ctx, s.host.opt.Limits.Call, fn)
}

// callWithin is call with a deadline of its own.
func (s *supervised) callWithin(ctx context.Context, deadline time.Duration, fn func(context.Context, plugins.Forge) error) error {
	err := s.resting()
	if err == nil {
		select {
		case s.calls <- struct{}{}:
			defer func() { <-s.calls }()
			err = s.callNow(ctx, deadline, fn)
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil && !errors.Is(err, plugins.ErrUnsupported) {
		return fmt.Errorf("plugin %s: %w", s.name, err)
	}
	return err
}

func (s *supervised) callNow(ctx context.Context, deadline time.Duration, fn func(context.Context, plugins.Forge) error) error {
	p, err := s.running(ctx)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	err = fn(within, p.forge)
	late := within.Err() != nil || status.Code(err) == codes.DeadlineExceeded // which the other side may see first
	s.mu.Lock()
	p.busy--
	p.used = time.Now()
	s.mu.Unlock()
	switch {
	case err == nil || errors.Is(err, plugins.ErrUnsupported):
		s.answered(p)
	case ctx.Err() != nil && p.child.alive():
		// Whoever asked gave up, which is nothing that the plugin can help.
	case late:
		err = fmt.Errorf("it did not answer within %s", deadline)
		s.faulted(p, err)
	default:
		s.faulted(p, err)
	}
	return err
}

// resting says that the plugin is left alone after a failure.
func (s *supervised) resting() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait := time.Until(s.resume); wait > 0 {
		return fmt.Errorf("%w for %s since it failed: %s", errResting, wait.Round(time.Millisecond), s.st.Error)
	}
	return nil
}

// take takes the lock. Where the plugin is being tried after a failure, only who
// tries waits for it.
func (s *supervised) take(ctx context.Context) error {
	select {
	case s.lock <- struct{}{}:
		return nil
	default:
	}
	s.mu.Lock()
	trying := s.starting && s.st.Failures > 0
	s.mu.Unlock()
	if trying {
		return fmt.Errorf("%w while it is tried again", errResting)
	}
	select {
	case s.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// running is the plugin's process, with one call more; it is started where none
// runs and the pause after a failure is over.
func (s *supervised) running(ctx context.Context) (*process, error) {
	for {
		if err := s.take(ctx); err != nil {
			return nil, err
		}
		if p := s.process; p != nil && p.child.alive() {
			s.mu.Lock()
			renew := s.renew && p.busy == 0
			if !renew {
				p.busy++
			}
			s.mu.Unlock()
			if !renew {
				<-s.lock
				return p, nil
			}
			s.end(nil)
		}
		err := cmp.Or(s.resting(), ctx.Err(), s.host.ctx.Err())
		if err == nil && s.process != nil { // its end is about to be noticed
			s.end(s.process.ended())
			err = s.resting()
		}
		if err != nil {
			<-s.lock
			return nil, err
		}
		started := make(chan error, 1)
		s.host.minding.Go(func() { // which has the lock, and goes on when whoever asked gives up
			started <- s.start()
			<-s.lock
		})
		select {
		case err = <-started:
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
}

// start starts the process. The lock is held.
func (s *supervised) start() error {
	s.mu.Lock()
	s.starting, s.renew = true, false
	s.mu.Unlock()
	p, err := s.launch(s.host.ctx)
	s.mu.Lock()
	s.starting = false
	s.st.Starts++
	s.mu.Unlock()
	if err != nil {
		s.failed(err)
		return err
	}
	s.mu.Lock()
	s.st.Running, s.st.PID = true, p.child.pid()
	s.mu.Unlock()
	s.process = p
	s.host.minding.Go(func() { s.mind(p) })
	return nil
}

// launch starts a process and waits until it has said that it is a plugin.
func (s *supervised) launch(ctx context.Context) (*process, error) {
	cmd, err := s.command()
	if err != nil {
		return nil, err
	}
	limit, stderr := s.host.opt.Limits.Start, &lines{said: s.said}
	child := newChild(cmd, s.host.starter)
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: plugins.Handshake, VersionedPlugins: plugins.Protocols(nil),
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, _ string) (runner.Runner, error) {
			child.adopt(spec)
			return child, nil
		},
		AutoMTLS: true, SkipHostEnv: true, StartTimeout: limit,
		Stderr: stderr, SyncStderr: &lines{said: s.said}, // the process's own, and what Serve has put in the place of os.Stderr
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		GRPCDialOptions:  []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage))},
		Logger:           hclog.NewNullLogger(), // what matters comes as an error
	})
	// go-plugin waits for some things without end.
	late := time.AfterFunc(limit+limit/10, child.kill)
	defer context.AfterFunc(ctx, child.kill)()
	forge, err := dispense(client)
	inTime := late.Stop()
	switch {
	case !inTime: // it was killed for it, whatever it said meanwhile
		err = errors.New(tooLate)
	case err == nil:
		err = ctx.Err()
	}
	if err != nil {
		child.kill()
		client.Kill()
		return nil, s.explain(err, child, stderr)
	}
	now := time.Now()
	return &process{child: child, stderr: stderr, client: client, forge: forge, began: now, used: now}, nil
}

// tooLate is how go-plugin says that a plugin took too long to start.
const tooLate = "timeout while waiting for plugin to start"

func dispense(client *plugin.Client) (plugins.Forge, error) {
	conn, err := client.Client()
	if err != nil {
		return nil, err
	}
	raw, err := conn.Dispense(plugins.Served)
	if err != nil {
		return nil, err
	}
	forge, ok := raw.(plugins.Forge)
	if !ok {
		return nil, fmt.Errorf("it serves %T", raw)
	}
	return forge, nil
}

// explain says in our words why a process is no plugin that can be asked. What
// go-plugin says is made for its own users.
func (s *supervised) explain(err error, c *child, stderr *lines) error {
	text := err.Error()
	var theirs int
	_, wrongVersion := fmt.Sscanf(text, "incompatible API version with plugin. Plugin version: %d", &theirs)
	said, garbage := strings.CutPrefix(text, "Unrecognized remote plugin message: ")
	said, _, _ = strings.Cut(said, "\n")
	switch {
	case wrongVersion == nil && theirs > plugins.Protocol:
		return fmt.Errorf("it speaks version %d of the protocol, and this program only version %d; take a newer release of this program, or an older one of the plugin", theirs, plugins.Protocol)
	case wrongVersion == nil:
		return fmt.Errorf("it speaks version %d of the protocol, which this program does not speak any more, but version %d; take a newer release of the plugin, or build it anew", theirs, plugins.Protocol)
	case garbage && said != "":
		return fmt.Errorf("it is no plugin of this program: it said %q instead of its handshake", s.said.scrub(said))
	case text == tooLate:
		return fmt.Errorf("it did not start within %s", s.host.opt.Limits.Start)
	case garbage || strings.HasPrefix(text, "plugin exited before"):
		return ended(c, stderr, "it ended before it was ready")
	}
	return fmt.Errorf("starting it: %s", s.said.scrub(text))
}

// mind watches over a process until it ends.
func (s *supervised) mind(p *process) {
	tick := time.NewTicker(min(mindEvery, s.host.opt.Limits.Idle/4+1))
	defer tick.Stop()
	for {
		select {
		case <-p.child.gone:
			s.drop(p, p.ended())
			return
		case <-tick.C:
		}
		memory := resident(p.child.pid())
		s.mu.Lock()
		s.st.Memory = memory
		s.mu.Unlock()
		if most := s.host.opt.Limits.Memory; memory > most {
			s.drop(p, fmt.Errorf("it took %d MiB of memory, more than the %d MiB that it may, and was ended", memory>>20, most>>20))
			return
		}
		if s.idle(p) {
			s.lock <- struct{}{}
			rests := s.process == p && s.idle(p)
			if rests {
				s.end(nil)
			}
			<-s.lock
			if rests {
				return
			}
		}
	}
}

func (s *supervised) idle(p *process) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.busy == 0 && time.Since(p.used) >= s.host.opt.Limits.Idle
}

// answered notes that the plugin does what it should.
func (s *supervised) answered(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.wrong, s.st.Error = 0, ""
	if time.Since(p.began) >= s.host.opt.Limits.MaxPause && s.st.Failures > 0 {
		s.st.Failures = 0
		s.pause.Reset()
	}
}

// faulted notes a call that went wrong. A process that cannot be reached is done
// for, and so is one that does it again and again.
func (s *supervised) faulted(p *process, err error) {
	text := s.said.scrub(err.Error())
	s.mu.Lock()
	if p.over { // which is why the call went wrong
		s.mu.Unlock()
		return
	}
	p.wrong++
	wrong := p.wrong
	s.st.Error = text
	s.mu.Unlock()
	var reached interface{ GRPCStatus() *status.Status }
	lost := errors.As(err, &reached) && reached.GRPCStatus().Code() == codes.Unavailable
	if lost && p.child.alive() {
		select { // it may be about to end, which says more
		case <-p.child.gone:
		case <-time.After(lastWords):
		}
	}
	if !p.child.alive() {
		err = p.ended()
	}
	if lost || wrong >= maxWrong || !p.child.alive() {
		s.drop(p, err)
		return
	}
	if wrong == 1 {
		s.host.opt.Log.Warn("plugin", "name", s.name, "error", text)
	}
}

// drop gives a process up, if that was not done yet.
func (s *supervised) drop(p *process, err error) {
	s.lock <- struct{}{}
	defer func() { <-s.lock }()
	if s.process == p {
		s.end(err)
	}
}

// end ends the process: because of an error, or because nobody asks any more. The
// lock is held.
func (s *supervised) end(err error) {
	p := s.process
	s.process = nil
	s.mu.Lock()
	p.over = true
	s.mu.Unlock()
	if err != nil {
		p.child.kill()
	}
	late := time.AfterFunc(endGrace, p.child.kill)
	defer late.Stop()
	p.client.Kill()
	s.mu.Lock()
	s.st.Running, s.st.PID, s.st.Memory = false, 0, 0
	s.mu.Unlock()
	if err != nil {
		s.failed(err)
	}
}

// failed notes why the plugin does not run, and leaves it alone for a while.
func (s *supervised) failed(err error) {
	s.mu.Lock()
	s.st.Error = s.said.scrub(err.Error())
	s.st.Failures++
	pause := s.pause.NextBackOff()
	s.resume = time.Now().Add(pause)
	st := s.st
	s.mu.Unlock()
	if s.host.ctx.Err() == nil { // else we ended it
		s.host.opt.Log.Warn("plugin", "name", s.name, "error", st.Error, "failures", st.Failures, "pause", pause.Round(time.Millisecond))
	}
}

// kill ends the process for good.
func (s *supervised) kill() {
	s.lock <- struct{}{}
	defer func() { <-s.lock }()
	if s.process != nil {
		s.end(nil)
	}
}

// check holds the plugin against what one owes.
func (s *supervised) check(ctx context.Context) (plugins.Description, error) {
	d, err := s.describe(ctx)
	if err != nil {
		return d, err
	}
	wrong := func(format string, args ...any) (plugins.Description, error) {
		return d, fmt.Errorf("plugin %s: %s", s.name, fmt.Sprintf(format, args...))
	}
	if len(d.Kinds) == 0 {
		return wrong("it names no kind of thing that it links to, so that it would never be asked; its Describe must name them in Kinds")
	}
	for _, key := range d.Keys {
		if _, err := regexp.Compile("^(?:" + key + ")$"); err != nil {
			return wrong("its key %q is no regular expression (RE2): %v", clean(key, maxLine), err)
		}
	}
	place := "forge.example"
	if len(d.Remotes) > 0 {
		place = strings.NewReplacer("*.", "forge.", ".*", ".example").Replace(d.Remotes[0])
		if place == "*" {
			place = "forge.example"
		}
	}
	sha := strings.Repeat("0123456789", 4)
	items := []plugins.Item{}
	for _, k := range d.Kinds {
		id := map[plugins.Kind]string{plugins.Commit: sha, plugins.Change: "I" + sha, plugins.Bug: "PROJ-1", plugins.Branch: "main", plugins.Tag: "v1", plugins.File: "main"}[k]
		items = append(items, plugins.Item{Kind: k, ID: cmp.Or(id, "1"), Path: map[bool]string{true: "README"}[k == plugins.File]})
	}
	urls, known, err := s.links(ctx, "https://"+strings.Trim(place, "/")+"/owner/project", items)
	if err != nil {
		return d, err
	}
	for i, url := range urls {
		if known && url != "" && webOnly(url) == "" {
			return wrong("its link of a %s is %q, which is no web address that can be shown", clean(string(items[i].Kind), maxLine), clean(url, maxLine))
		}
	}
	return d, nil
}

// command is the process to start, with all that it is told.
func (s *supervised) command() (*exec.Cmd, error) {
	opt := &s.host.opt
	settings, err := plugins.Environment(opt.Settings[s.name])
	if err != nil {
		return nil, err
	}
	var cmd *exec.Cmd
	if s.foreign != nil {
		if err := s.foreign.Check(); err != nil {
			return nil, err
		}
		cmd = exec.Command(s.foreign.Path) //nolint:gosec // the user's configuration names it, with its checksum
	} else {
		cmd = opt.Command(s.name)
	}
	env, secrets := environment(s.variables(), s.host.lookupEnv)
	s.said.keep(secrets)
	cmd.Env = append(append(env, cmd.Env...), settings...)
	cmd.Env = append(cmd.Env, fmt.Sprintf("GOMEMLIMIT=%d", opt.Limits.Memory*3/4))
	if opt.CacheDir != "" {
		dir := filepath.Join(opt.CacheDir, s.name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making its cache: %w", err)
		}
		cmd.Env = append(cmd.Env, plugins.CacheEnvironment(dir)...)
	}
	return cmd, nil
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

// common are the variables that every plugin is given: what programs need to run
// at all, and to reach the network where that takes a proxy or a CA of one's own.
var common = []string{
	"PATH", "HOME", "TMPDIR", "TEMP", "TMP", "LANG", "SystemRoot", "USERPROFILE",
	"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// variables are the names of those that the plugin is given besides the common ones.
func (s *supervised) variables() []string {
	if s.foreign != nil {
		return s.foreign.Env
	}
	return s.host.opt.Environment[s.name]
}

// environment is what a plugin is given: the common variables, which are ours, and
// the named ones, whose values are secrets.
func environment(names []string, lookup func(name string) (string, bool)) (env, secrets []string) {
	for _, name := range common {
		if v, ok := os.LookupEnv(name); ok && !slices.Contains(names, name) {
			env = append(env, name+"="+v)
		}
	}
	for _, name := range names {
		if v, ok := lookup(name); ok {
			env, secrets = append(env, name+"="+v), append(secrets, v)
		}
	}
	return env, secrets
}
