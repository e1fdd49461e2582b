package host_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/github"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/host"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/template"
)

// crasher is a forge that ends its process when it is asked for links.
type crasher struct{ plugins.Forge }

func (crasher) Links(context.Context, string, []plugins.Item) ([]string, bool, error) {
	os.Exit(3)
	return nil, false, nil
}

// hanger is a forge that never answers.
type hanger struct{ plugins.Forge }

func (hanger) Links(ctx context.Context, _ string, _ []plugins.Item) ([]string, bool, error) {
	<-ctx.Done()
	return nil, false, ctx.Err()
}

// liar is a forge whose addresses are none of the web's.
type liar struct{ plugins.Forge }

func (liar) Links(_ context.Context, _ string, items []plugins.Item) ([]string, bool, error) {
	urls := make([]string, len(items))
	for i := range urls {
		urls[i] = "command:workbench.action.terminal.new"
	}
	return urls, true, nil
}

// TestMain is also each of the plugins, in a process of its own.
func TestMain(m *testing.M) {
	switch os.Getenv("HOST_TEST_PLUGIN") {
	case "github":
		plugins.Serve(github.New())
	case "template":
		plugins.Serve(template.New(plugins.Settings()...))
	case "crasher":
		plugins.Serve(crasher{github.New()})
	case "hanger":
		plugins.Serve(hanger{github.New()})
	case "liar":
		plugins.Serve(liar{github.New()})
	case "teller":
		serveTeller()
	case "garbage":
		fmt.Println("this is no handshake")
	case "host": // for the tests that kill it
		beKilled()
	case "":
		code := m.Run()
		if left := children(os.Getpid()); len(left) > 0 && code == 0 {
			fmt.Println("processes are left:", left)
			code = 1
		}
		os.Exit(code)
	default:
		misbehave(os.Getenv("HOST_TEST_PLUGIN"))
	}
}

func command(name string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{"HOST_TEST_PLUGIN=" + name}
	return cmd
}

func options(names ...string) host.Options { return host.Options{Builtin: names, Command: command} }

const remote = "git@github.com:acme/engine.git"

var item = plugins.Item{Kind: plugins.Issue, ID: "12"}

// ask asks until nothing is pending.
func ask(t *testing.T, opt host.Options) (string, *host.Host) {
	t.Helper()
	news := make(chan struct{}, 1)
	opt.OnUpdate = func() {
		select {
		case news <- struct{}{}:
		default:
		}
	}
	h := host.New(opt)
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		for _, s := range h.Status() {
			if s.Running {
				t.Errorf("%s is left running", s.Name)
			}
		}
	})
	if h.Status()[0].Starts != 0 {
		t.Error("it was started before anybody asked")
	}
	if urls, pending := h.Links([]string{remote}, []plugins.Item{item}); urls[0] != "" || !pending {
		t.Errorf("at once: %q, pending %v", urls[0], pending)
	}
	select {
	case <-news:
	case <-time.After(10 * time.Second):
		t.Fatal("no news")
	}
	urls, pending := h.Links([]string{remote}, []plugins.Item{item})
	if pending {
		t.Error("still pending")
	}
	return urls[0], h
}

func TestLinks(t *testing.T) {
	url, h := ask(t, options("github"))
	if url != "https://github.com/acme/engine/issues/12" {
		t.Errorf("the link is %q", url)
	}
	if s := h.Status()[0]; !s.Running || s.Starts != 1 {
		t.Errorf("status %+v", s)
	}
}

// settled asks until nothing is pending.
func settled(t *testing.T, h *host.Host, remotes []string, items ...plugins.Item) []string {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		urls, pending := h.Links(remotes, items)
		if !pending {
			return urls
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-limit:
			t.Fatal("still pending")
		}
	}
}

// TestClaims holds that a plugin is started for what it claims alone, that each
// item is asked of those who claim it, and that settings reach their plugin.
func TestClaims(t *testing.T) {
	setting := plugins.Setting{Key: `ACME-(\d+)`, URL: "https://bugs.example.org/{1}"}
	claims := map[string]func(string, plugins.Item) bool{}
	for _, f := range []plugins.Forge{github.New(), template.New(setting)} {
		d, err := f.Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		claims[d.Name] = d.Claims()
	}
	h := host.New(host.Options{Builtin: []string{"template", "github"}, Command: command, Claims: claims, Settings: map[string][]plugins.Setting{"template": {setting}}})
	defer h.Close() //nolint:errcheck // it never fails
	starts := func() (all []int) {
		for _, s := range h.Status() {
			all = append(all, s.Starts)
		}
		return all
	}
	bug := plugins.Item{Kind: plugins.Bug, ID: "ACME-7"}
	if urls, pending := h.Links([]string{"", "https://nobody.example/a/b"}, []plugins.Item{item, {Kind: plugins.Bug, ID: "OTHER-1"}}); pending || urls[0] != "" || urls[1] != "" || !slices.Equal(starts(), []int{0, 0}) {
		t.Errorf("what nobody claims: %q, pending %v, starts %v", urls, pending, starts())
	}
	if urls := settled(t, h, []string{"", remote}, item); urls[0] == "" || !slices.Equal(starts(), []int{0, 1}) {
		t.Errorf("an issue: %q, starts %v", urls, starts())
	}
	if urls := settled(t, h, []string{"", remote}, bug, item); !slices.Equal(urls, []string{"https://bugs.example.org/7", "https://github.com/acme/engine/issues/12"}) || !slices.Equal(starts(), []int{1, 1}) {
		t.Errorf("a bug and an issue: %q, starts %v", urls, starts())
	}
}

func TestBadPlugins(t *testing.T) {
	if url, _ := ask(t, options("liar")); url != "" {
		t.Errorf("a liar's link is %q", url)
	}
	for _, name := range []string{"crasher", "garbage"} {
		// The next forge answers all the same.
		url, h := ask(t, options(name, "github"))
		if url != "https://github.com/acme/engine/issues/12" {
			t.Errorf("%s: the other forge's link is %q", name, url)
		}
		if s := h.Status()[0]; s.Running || s.Error == "" {
			t.Errorf("%s: status %+v", name, s)
		}
	}
}

func TestHang(t *testing.T) {
	h := host.New(options("hanger"))
	begin := time.Now()
	if _, pending := h.Links([]string{remote}, []plugins.Item{item}); !pending {
		t.Error("not pending")
	}
	// The plugin would have let it wait for the whole of a call's deadline.
	if took := time.Since(begin); took > time.Second {
		t.Errorf("asking took %s", took)
	}
	if err := h.Close(); err != nil { // while it hangs
		t.Error(err)
	}
}

func TestRestart(t *testing.T) {
	broken := true
	opt := options("github")
	opt.Command = func(name string) *exec.Cmd {
		if broken {
			return command("garbage")
		}
		return command(name)
	}
	h := host.New(opt)
	defer h.Close() //nolint:errcheck // it never fails
	if _, err := h.Verify(context.Background()); err == nil {
		t.Fatal("garbage is taken")
	}
	broken = false
	limit := time.After(10 * time.Second)
	for {
		_, err := h.Verify(context.Background())
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "left alone") {
			t.Fatal(err)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-limit:
			t.Fatal("it never came back")
		}
	}
}

// TestConformance runs the suite across a real process.
func TestConformance(t *testing.T) {
	h := host.New(options("github"))
	defer h.Close() //nolint:errcheck // it never fails
	if _, err := h.Verify(context.Background()); err != nil {
		t.Fatal(err)
	}
	forgetest.Run(t, h.Forge("github"), forgetest.GitHub())
}
