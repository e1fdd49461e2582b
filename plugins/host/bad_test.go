package host_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/github"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/host"
)

// The plugins of this file are processes that do what they should not. Each is as
// good as new once the file that healName names is there.
const healName = "HOST_TEST_HEAL"

// onLinks is a forge that does something else when it is asked for links.
type onLinks struct {
	plugins.Forge
	do func(ctx context.Context, items []plugins.Item) []string
}

func (f onLinks) Links(ctx context.Context, _ string, items []plugins.Item) ([]string, bool, error) {
	return f.do(ctx, items), true, nil
}

// misbehave is the process of a bad plugin.
func misbehave(how string) {
	if path := os.Getenv(healName); path != "" {
		if _, err := os.Stat(path); err == nil {
			how = "good"
		}
	}
	onLinks := func(do func(context.Context, []plugins.Item) []string) { plugins.Serve(onLinks{github.New(), do}) }
	forever := func(context.Context, []plugins.Item) []string { select {} }
	output := os.Stdout // before Serve takes it
	switch how {
	case "harbour":
		plugins.Serve(harbour{})
	case "good":
		plugins.Serve(github.New())
	case "crashes at start":
		fmt.Fprintln(os.Stderr, "panic: the harbour is closed, says hunter2-token")
		os.Exit(7)
	case "hangs at start":
		select {}
	case "crashes on a call":
		onLinks(func(context.Context, []plugins.Item) []string { panic("out of sea") })
	case "hangs on a call":
		onLinks(forever)
	case "stops on a call": // not even its end can be asked for
		onLinks(func(context.Context, []plugins.Item) []string { stopSelf(); select {} })
	case "says something else":
		fmt.Println("this is no \x1b[31mhandshake")
		select {}
	case "writes rubbish":
		_, _ = os.Stdout.Write(bytes.Repeat([]byte{0xff, 0x00, 'x'}, 100_000)) //nolint:errcheck // it may be ended meanwhile
		select {}
	case "is no plugin of ours":
		plugin.Serve(&plugin.ServeConfig{HandshakeConfig: plugin.HandshakeConfig{MagicCookieKey: "OTHER", MagicCookieValue: "x"}, VersionedPlugins: plugins.Protocols(github.New()), GRPCServer: plugin.DefaultGRPCServer})
	case "answers too little":
		onLinks(func(_ context.Context, items []plugins.Item) []string { return make([]string, len(items)+1) })
	case "answers too much":
		long := []string{strings.Repeat("x", 17<<20)}
		onLinks(func(context.Context, []plugins.Item) []string { return long })
	case "eats memory":
		onLinks(func(context.Context, []plugins.Item) []string {
			for all := [][]byte{}; ; all = append(all, bytes.Repeat([]byte{1}, 16<<20)) {
				time.Sleep(time.Millisecond) // else the machine is short of it before anybody looks
			}
		})
	case "floods its log":
		onLinks(func(_ context.Context, items []plugins.Item) []string {
			for i := range 200_000 {
				fmt.Fprintln(output, "and the handshake's pipe")
				fmt.Fprintln(os.Stderr, "[WARN] wave", i)
			}
			return make([]string, len(items))
		})
	case "tells its token":
		plugins.Serve(tattler{github.New()})
	case "speaks version 2":
		serveVersions(2)
	case "speaks version 0":
		serveVersions(0)
	case "speaks versions 1 and 2":
		serveVersions(1, 2)
	default:
		fmt.Println("no such plugin")
		os.Exit(9)
	}
}

// serveVersions serves other versions of the protocol, as far as it is ours.
func serveVersions(versions ...int) {
	sets := map[int]plugin.PluginSet{}
	for _, v := range versions {
		sets[v] = plugins.Protocols(github.New())[plugins.Protocol]
	}
	plugin.Serve(&plugin.ServeConfig{HandshakeConfig: plugins.Handshake, VersionedPlugins: sets, GRPCServer: plugin.DefaultGRPCServer})
}

// children are the processes that a process has started and that are there still.
func children(pid int) []int {
	out, err := exec.Command("ps", "-o", "pid=,comm=,stat=", "--ppid", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil // it has none
	}
	var all []int
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] == "ps" || strings.HasPrefix(fields[2], "Z") {
			continue
		}
		if n, err := strconv.Atoi(fields[0]); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// logged is a log that can be looked at.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// until waits for a state.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	limit := time.After(time.Minute)
	for !reached() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-limit:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func numbered(n int) []plugins.Item {
	return []plugins.Item{{Kind: plugins.Issue, ID: strconv.Itoa(n)}}
}

// TestBad holds what every bad plugin meets: nobody waits for it, its failure is
// told, it is left alone for longer and longer however much it is asked, and it is
// asked again when it is well.
func TestBad(t *testing.T) {
	for _, c := range []struct {
		how    string
		told   string // what the status says
		limits host.Limits
	}{
		{"crashes at start", "it ended before it was ready (exit status 7), and said: panic: the harbour is closed, says ***", host.Limits{}},
		{"hangs at start", "it did not start within 2s", host.Limits{Start: 2 * time.Second}},
		{"crashes on a call", "it ended (exit status 2), and said: panic: out of sea", host.Limits{}},
		{"hangs on a call", "it did not answer within 300ms", host.Limits{Call: 300 * time.Millisecond}},
		{"stops on a call", "it did not answer within 300ms", host.Limits{Call: 300 * time.Millisecond}},
		{"says something else", `it is no plugin of this program: it said "this is no [31mhandshake" instead of its handshake`, host.Limits{}},
		{"writes rubbish", "it ended before it was ready", host.Limits{}},
		{"is no plugin of ours", "it ended before it was ready (exit status 1)", host.Limits{}},
		{"answers too little", "the plugin made 2 links of 1", host.Limits{}},
		{"answers too much", "ResourceExhausted", host.Limits{Memory: 4 << 30, Call: time.Minute}},
		{"eats memory", "MiB of memory, more than the 256 MiB that it may, and was ended", host.Limits{Memory: 256 << 20, Call: 30 * time.Second}},
		{"speaks version 2", "it speaks version 2 of the protocol, and this program only version 1; take a newer release of this program", host.Limits{}},
		{"speaks version 0", "it speaks version 0 of the protocol, which this program does not speak any more, but version 1; take a newer release of the plugin", host.Limits{}},
	} {
		t.Run(c.how, func(t *testing.T) {
			const least, most = 100 * time.Millisecond, time.Second
			var log logged
			heal := filepath.Join(t.TempDir(), "heal")
			t.Setenv("HARBOUR_TOKEN", "hunter2-token") // which it is given, and tells
			opt := host.Options{Builtin: []string{"github"}, Environment: map[string][]string{"github": {"HARBOUR_TOKEN"}}, Log: log.logger(), Limits: c.limits, Command: func(string) *exec.Cmd {
				cmd := command(c.how)
				cmd.Env = append(cmd.Env, healName+"="+heal)
				return cmd
			}}
			opt.Limits.MinPause, opt.Limits.MaxPause = least, most
			h := host.New(opt)
			defer h.Close() //nolint:errcheck // it never fails
			began := time.Now()
			asked := 0
			ask := func() string {
				asked++
				urls, _ := h.Links([]string{remote}, numbered(asked))
				return urls[0]
			}
			until(t, "its failure is told", func() bool {
				ask()
				s := h.Status()[0]
				return s.Failures > 0 && s.Error != "" && !s.Running
			})
			if s := h.Status()[0]; !strings.Contains(s.Error, c.told) {
				t.Errorf("status: %q, without %q", s.Error, c.told)
			}
			for range 10_000 {
				ask()
			}
			s, probes := h.Status()[0], 1
			for at, pause := time.Duration(0), least; at < time.Since(began); pause = min(2*pause, most) {
				at += pause * 8 / 10 // jitter makes some shorter
				probes++
			}
			if s.Starts > probes {
				t.Errorf("it was started %d times in %s, more than %d", s.Starts, time.Since(began), probes)
			}
			if text := log.String(); !strings.Contains(text, "level=WARN msg=plugin name=github error=") || strings.Count(text, "\n") > 60+3*s.Starts {
				t.Errorf("the log of %d starts:\n%s", s.Starts, text)
			}
			if strings.Contains(log.String()+s.Error, "hunter2") {
				t.Errorf("a secret is told: %s\n%s", s.Error, log.String())
			}
			if err := os.WriteFile(heal, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			until(t, "it answers again", func() bool {
				asked++
				var url string
				until(t, "an answer", func() bool {
					urls, pending := h.Links([]string{remote}, numbered(asked))
					url = urls[0]
					return url != "" || !pending
				})
				return url == fmt.Sprintf("https://github.com/acme/engine/issues/%d", asked)
			})
			if s := h.Status()[0]; !s.Running || s.Error != "" {
				t.Errorf("healed: %+v", s)
			}
		})
	}
}

// TestNobodyWaits asks plugins that have an hour to hang, and closes the host
// meanwhile.
func TestNobodyWaits(t *testing.T) {
	for _, how := range []string{"hangs at start", "hangs on a call", "stops on a call"} {
		h := host.New(host.Options{Builtin: []string{how}, Command: command, Limits: host.Limits{Start: time.Hour, Call: time.Hour}})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for n := range 1000 {
				h.Links([]string{remote}, numbered(n+1))
				h.Status()
			}
			for how != "hangs at start" && !h.Status()[0].Running {
				time.Sleep(10 * time.Millisecond)
			}
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		}()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatalf("who asks one that %s waits", how)
		}
	}
}

// TestPauses holds that pauses grow, up to the longest.
func TestPauses(t *testing.T) {
	const least, most = 50 * time.Millisecond, 400 * time.Millisecond
	h := host.New(host.Options{Builtin: []string{"crashes at start"}, Command: command, Limits: host.Limits{MinPause: least, MaxPause: most}})
	defer h.Close() //nolint:errcheck // it never fails
	var pauses []time.Duration
	for failures := 1; failures <= 6; failures++ {
		until(t, "it fails again", func() bool {
			h.Links([]string{remote}, numbered(failures))
			s := h.Status()[0]
			if s.Failures < failures || s.Retry.IsZero() {
				return false
			}
			pauses = append(pauses, time.Until(s.Retry))
			return true
		})
	}
	if first, last := pauses[0], pauses[5]; first > least*13/10 || last < most/2 || last > most*13/10 {
		t.Errorf("pauses: %v", pauses)
	}
}

// TestFlood holds that a plugin which talks without end answers all the same, and
// does not fill the log.
func TestFlood(t *testing.T) {
	var log logged
	h := host.New(host.Options{Builtin: []string{"floods its log"}, Command: command, Log: log.logger(), Limits: host.Limits{Call: 30 * time.Second}})
	defer h.Close() //nolint:errcheck // it never fails
	until(t, "it answers", func() bool {
		_, pending := h.Links([]string{remote}, numbered(1))
		return !pending && h.Status()[0].Error == ""
	})
	if text := log.String(); !strings.Contains(text, "wave 1") || len(text) > 64<<10 {
		t.Errorf("%d bytes of log:\n%.2000s", len(text), text)
	}
}

// TestProtocols holds that host and plugin find the version that both speak.
func TestProtocols(t *testing.T) {
	h := host.New(host.Options{Builtin: []string{"speaks versions 1 and 2"}, Command: command})
	defer h.Close() //nolint:errcheck // it never fails
	if _, err := h.Check(t.Context(), "speaks versions 1 and 2"); err != nil {
		t.Error(err)
	}
}

// TestIdle holds that a plugin which nobody asks ends, which is no failure, and is
// started again when somebody does.
func TestIdle(t *testing.T) {
	opt := options("github")
	opt.Limits.Idle = 200 * time.Millisecond
	h := host.New(opt)
	defer h.Close() //nolint:errcheck // it never fails
	for n := 1; n <= 2; n++ {
		if _, err := h.Check(t.Context(), "github"); err != nil {
			t.Fatal(err)
		}
		until(t, "it rests", func() bool { return !h.Status()[0].Running })
		if s := h.Status()[0]; s.Starts != n || s.Failures != 0 || s.Error != "" || !s.Retry.IsZero() {
			t.Errorf("%d: %+v", n, s)
		}
	}
}

// foreign writes a program, which is another plugin of this file, with its checksum.
func foreign(t *testing.T, name, how string, more ...string) host.Foreign {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	script := "#!/bin/sh\nexport HOST_TEST_PLUGIN='" + how + "' " + strings.Join(more, " ") + "\nexec '" + self + "'\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(script))
	return host.Foreign{Name: name, Path: path, SHA256: hex.EncodeToString(sum[:])}
}

// TestForeign holds that a foreign plugin is asked before the built-in ones, for
// what it says that it may know.
func TestForeign(t *testing.T) {
	opt := options("github")
	opt.Foreign = []host.Foreign{foreign(t, "harbour", "harbour")}
	opt.Claims = map[string]func(string, plugins.Item) bool{"github": func(_ string, it plugins.Item) bool { return it.Kind == plugins.Issue }}
	h := host.New(opt)
	defer h.Close() //nolint:errcheck // it never fails
	if _, ok := h.Description("harbour"); ok {
		t.Error("it was asked before anybody asked us")
	}
	if got := settled(t, h, []string{"https://harbour.example/a/b"}, item)[0]; got != "https://harbour.example/of/12" {
		t.Errorf("the link is %q", got)
	}
	if d, ok := h.Description("harbour"); !ok || d.Title != "Harbour" {
		t.Errorf("it says that it is %+v, %v", d, ok)
	}
	if got := settled(t, h, []string{remote}, item)[0]; got != "https://github.com/acme/engine/issues/12" {
		t.Errorf("what it does not claim: %q", got)
	}
	if s := h.Status(); s[0].Name != "harbour" || s[0].Starts != 1 || s[1].Starts != 1 {
		t.Errorf("status %+v", s)
	}
}

// harbour is a forge of which nobody else knows.
type harbour struct{}

func (harbour) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{Name: "harbour", Title: "Harbour", Version: "1", Kinds: []plugins.Kind{plugins.Issue}, Remotes: []string{"harbour.example"}}, nil
}

func (harbour) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	urls := make([]string, len(items))
	for i, it := range items {
		urls[i] = "https://harbour.example/of/" + it.ID
	}
	return urls, strings.Contains(remote, "harbour.example"), nil
}

// TestChecksum holds that no other program is started than the one that was agreed
// to, and what is said of another.
func TestChecksum(t *testing.T) {
	opt := options()
	mark := filepath.Join(t.TempDir(), "started")
	f := foreign(t, "harbour", "harbour", "\n: > '"+mark+"'")
	agreed, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Replace(agreed, []byte("exec"), []byte("exec  "), 1)
	if err := os.WriteFile(f.Path, other, 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	opt.Foreign = []host.Foreign{f}
	opt.Limits.MaxPause = time.Second
	h := host.New(opt)
	defer h.Close() //nolint:errcheck // it never fails
	_, err = h.Check(t.Context(), "harbour")
	found := sha256.Sum256(other)
	for _, want := range []string{f.Path, "expected SHA-256 " + f.SHA256, "found " + hex.EncodeToString(found[:]), "put the new checksum into plugins[].sha256 of global.yaml"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, without %q", err, want)
		}
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("it was started")
	}
	if err := os.WriteFile(f.Path, agreed, 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	until(t, "the right one is started", func() bool { _, err := h.Check(t.Context(), "harbour"); return err == nil })
	for _, c := range []struct{ path, sum, want string }{
		{filepath.Join(t.TempDir(), "nothing"), f.SHA256, "cannot be read"},
		{t.TempDir(), f.SHA256, "is no file"},
		{f.Path, "", "is no SHA-256"},
		{f.Path, strings.ToUpper(f.SHA256), ""},
	} {
		err := host.Foreign{Name: "x", Path: c.path, SHA256: c.sum}.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %s: %v, want %q", c.path, c.sum, err, c.want)
		}
	}
}
