package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/host"
)

// keysOf are the keys of a text.
func keysOf(text string) []history.Key {
	var keys []history.Key
	for _, m := range scan.Text(text) {
		keys = append(keys, m.Key)
	}
	return keys
}

// settledURLs are the pages of the keys of a text, when all plugins have answered.
func settledURLs(t *testing.T, f *forges, remotes []string, text string) []string {
	t.Helper()
	keys := keysOf(text)
	limit := time.After(time.Minute)
	for {
		urls := f.URLs(remotes, keys)
		pending := false
		for _, k := range keys {
			if item, ok := itemOf(k); ok {
				_, p := f.current().Links(append([]string{""}, remotes...), []plugins.Item{item})
				pending = pending || p
			}
		}
		if !pending {
			return urls
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-limit:
			t.Fatalf("no answer: %q", urls)
		}
	}
}

// started are the plugins that were started.
func started(h *host.Host) []string {
	names := []string{}
	for _, s := range h.Status() {
		if s.Starts > 0 {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return names
}

// TestForgesByNeed holds what keys of texts lead to, by the remotes of their
// repository and by configuration, and that no process is started for them.
func TestForgesByNeed(t *testing.T) {
	const text = "#1 !2 bug 1234 LP: #5 bsc#6 PROJ-7 ACME-8 KAFKA-9 CVE-2024-32002 GHSA-abcd-EFGH-1234 I0123456789abcdef0123456789abcdef01234567"
	nvd, ghsa := "https://nvd.nist.gov/vuln/detail/CVE-2024-32002", "https://github.com/advisories/GHSA-abcd-efgh-1234"
	lp, bsc, kafka := "https://bugs.launchpad.net/bugs/5", "https://bugzilla.suse.com/show_bug.cgi?id=6", "https://issues.apache.org/jira/browse/KAFKA-9"
	configured := config.Global{
		Forges: []config.Forge{{Type: "gitlab", Host: "git.example.org"}, {Type: "gitea", Host: "github.example.org"}},
		Trackers: []config.Tracker{
			{Type: config.TrackerJira, URL: "https://jira.example.org", Projects: []string{"PROJ"}},
			{Type: config.TrackerTemplate, Key: `ACME-(\d+)`, URL: "https://bugs.example.org/{1}"},
			{Type: config.TrackerBugzilla, URL: "https://bz.example.org", Remotes: []string{"git.example.org"}},
		},
	}
	for _, c := range []struct {
		name   string
		remote string
		text   string
		config config.Global
		urls   []string
	}{
		{"a remote that nobody knows", "https://nobody.example/a/b", "#1 !2 bug 1234 PROJ-7 CVE-2024-32002", config.Global{}, []string{"", "", "", "", nvd}},
		{"a path", "/srv/git/a", "#1 LP: #5", config.Global{}, []string{"", lp}},
		{"GitHub", "git@github.com:a/b.git", "#1 !2", config.Global{}, []string{"https://github.com/a/b/issues/1", "https://github.com/a/b/pull/2"}},
		{
			"OpenDev", "https://opendev.org/openstack/nova", text, config.Global{},
			[]string{"", "", "https://bugs.launchpad.net/bugs/1234", lp, bsc, "", "", kafka, nvd, ghsa, "https://review.opendev.org/q/I0123456789abcdef0123456789abcdef01234567"},
		},
		{
			"what the configuration names", "ssh://git@git.example.org:2222/a/b/c.git", text, configured,
			[]string{"https://git.example.org/a/b/c/-/issues/1", "https://git.example.org/a/b/c/-/merge_requests/2", "https://bz.example.org/show_bug.cgi?id=1234", lp, bsc, "https://jira.example.org/browse/PROJ-7", "https://bugs.example.org/8", kafka, nvd, ghsa, ""},
		},
		{"a host that is given to another kind", "https://github.example.org/a/b", "!2", configured, []string{"https://github.example.org/a/b/pulls/2"}},
	} {
		f := newForges("", slog.New(slog.DiscardHandler), func() {})
		f.configure(config.Config{Global: c.config})
		if diff := cmp.Diff(c.urls, settledURLs(t, f, []string{c.remote}, c.text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if names := started(f.current()); len(names) > 0 {
			t.Errorf("%s: a link that needs no process started %q", c.name, names)
		}
		if err := f.close(); err != nil {
			t.Error(err)
		}
	}
}

// TestForgesReconfigured holds that other settings take the place of those of
// before, and that the same ones leave the plugins running.
func TestForgesReconfigured(t *testing.T) {
	f := newForges("", slog.New(slog.DiscardHandler), func() {})
	defer f.close() //nolint:errcheck // it never fails
	before := f.current()
	f.configure(config.Config{})
	if f.current() != before {
		t.Error("nothing changed, and the plugins of before are gone")
	}
	for _, host := range []string{"a.example", "b.example"} {
		g := config.Config{Global: config.Global{Forges: []config.Forge{{Type: "gitlab", Host: host}}}}
		f.configure(g)
		now := f.current()
		f.configure(g)
		if f.current() != now {
			t.Error("the same settings end the plugins")
		}
		got := settledURLs(t, f, []string{"https://a.example/x/y", "https://b.example/x/y"}, "!1")
		if want := []string{"https://" + host + "/x/y/-/merge_requests/1"}; !slices.Equal(got, want) {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// TestBuiltinConformance holds the built-in plugins to what every forge owes, each
// in its own process.
func TestBuiltinConformance(t *testing.T) {
	h := newHost(forgeSettings{}, nil, "", slog.New(slog.DiscardHandler), func() {})
	defer h.Close() //nolint:errcheck // it never fails
	for _, name := range builtinNames() {
		forgetest.Run(t, h.Forge(name), forgetest.Cases{Name: name})
	}
}

// TestOpenStack goes through the whole program: a repository as OpenStack's are,
// whose keys lead to Gerrit and Launchpad in cards, hovers, commit documents and
// links of a text.
func TestOpenStack(t *testing.T) {
	const change = "I10e53de27b06aabbccddeeff0011223344556677"
	r := gittest.New(t, "commit one \"Make limits configurable\" body\nbranch stable/2025.1\ngit remote add gerrit ssh://me@review.opendev.org:29418/openstack/nova.git\n"+
		"-- body --\nThey were fixed.\n\nCloses-Bug: #2116852\nChange-Id: "+change+"\n")
	home := t.TempDir()
	linksOnly(t, home)
	c := program{home: home, dir: r.Dir}.server(t)
	sha := r.Hash("one").String()
	commit, review, bug := "https://opendev.org/openstack/nova/commit/"+sha, "https://review.opendev.org/q/"+change, "https://bugs.launchpad.net/bugs/2116852"

	var answers []history.Answer
	eventually(t, "the card has its links", func() bool {
		answers = nil
		if err := c.Execute(t.Context(), "cabhfuil.where", map[string]any{"keys": []string{sha}, "uri": r.URL(), "wait": true}, &answers); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, m := range answers[0].Matches {
			for _, k := range m.Keys {
				if k.URL != nil {
					got[k.Text] = *k.URL
				}
			}
			for _, f := range m.Forge {
				got[f.Kind] = f.URL
			}
		}
		return cmp.Equal(got, map[string]string{change: review, "Bug: #2116852": bug, "commit": commit})
	})

	path := filepath.Join(r.Dir, "notes.txt")
	text := fmt.Sprintf("%s\n%s\nCloses-Bug: #2116852\nCVE-2024-32002\n", sha, change)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	document := map[string]string{"uri": r.URL() + "/notes.txt"}
	if err := c.Notify(t.Context(), "textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": document["uri"], "languageId": "plaintext", "version": 1, "text": text}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the document has its links", func() bool {
		var links []struct {
			Target string `json:"target"`
		}
		if err := c.Call(t.Context(), "textDocument/documentLink", map[string]any{"textDocument": document}, &links); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range links {
			got = append(got, l.Target)
		}
		return slices.Equal(got, []string{commit, review, bug, "https://nvd.nist.gov/vuln/detail/CVE-2024-32002"})
	})
	for line, want := range []string{commit, review, bug, "https://nvd.nist.gov/"} {
		var hover struct {
			Contents struct {
				Value string `json:"value"`
			} `json:"contents"`
		}
		position := map[string]int{"line": line, "character": 12}
		if err := c.Call(t.Context(), "textDocument/hover", map[string]any{"textDocument": document, "position": position}, &hover); err != nil || !strings.Contains(hover.Contents.Value, want) {
			t.Errorf("the hover in line %d lacks %s: %v\n%s", line, want, err, hover.Contents.Value)
		}
	}
}

// linksOnly configures that no forge is asked over the network.
func linksOnly(t *testing.T, home string) {
	t.Helper()
	write(t, filepath.Join(home, ".config", "ca-bhfuil", "global.yaml"), "features: {forges_online: false}\n")
}

// TestForgesDocumented holds that docs/plugins.md names each place that is built in.
func TestForgesDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range builtin {
		d, err := b.make().Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "| `"+b.name+"` |") {
			t.Errorf("docs/plugins.md does not have %s", b.name)
		}
		for _, place := range d.Remotes {
			name := strings.TrimPrefix(strings.TrimSuffix(place, "*"), "*.")
			for _, prefix := range []string{"www.", "ssh.", "altssh."} { // other names of a host that it has
				name = strings.TrimPrefix(name, prefix)
			}
			if !strings.Contains(string(text), "`"+name+"`") {
				t.Errorf("docs/plugins.md does not say that %s knows %s", b.name, place)
			}
		}
	}
}
