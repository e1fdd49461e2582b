//go:build unix

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// stranger is a program that is no built-in plugin: a script that marks its start
// and goes on as the built-in one for Gitea.
type stranger struct{ path, mark, sum string }

func newStranger(t *testing.T) stranger {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := stranger{path: filepath.Join(dir, "stranger"), mark: filepath.Join(dir, "started")}
	script := "#!/bin/sh\n: > '" + s.mark + "'\nexec '" + self + "' plugin gitea\n"
	if err := os.WriteFile(s.path, []byte(script), 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(script))
	s.sum = hex.EncodeToString(sum[:])
	return s
}

func (s stranger) started() bool {
	_, err := os.Stat(s.mark)
	return err == nil
}

// entry is the configuration that names it.
func (s stranger) entry(sum string) string {
	return fmt.Sprintf("plugins:\n  - {name: harbour, path: %s, sha256: %s}\n", s.path, sum)
}

// pluginsOf are the plugins as cabhfuil.plugins tells of them.
func pluginsOf(t *testing.T, h *house) []cli.Plugin {
	t.Helper()
	var all []cli.Plugin
	if err := h.Execute(h.ctx, "cabhfuil.plugins", map[string]any{}, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBuiltinNames holds that the configuration refuses the names of all built-in
// plugins, and no others.
func TestBuiltinNames(t *testing.T) {
	reserved, names := config.BuiltinPlugins(), builtinNames()
	slices.Sort(reserved)
	slices.Sort(names)
	if diff := cmp.Diff(names, reserved); diff != "" {
		t.Errorf("(-built in +reserved):\n%s", diff)
	}
}

// TestForgeTokens holds which tokens the configuration gives to which plugins.
func TestForgeTokens(t *testing.T) {
	c := config.Config{
		Global: config.Global{Forges: []config.Forge{
			{Type: "gitlab", Host: "a.example", AuthKey: "work"}, {Type: "gitlab", Host: "b.example", URL: "https://b.example/git", AuthKey: "keeper"},
			{Type: "gitea", Host: "c.example"}, {Type: "gitea", Host: "d.example", AuthKey: "key"},
		}},
		Auth: config.Auth{
			Defaults:    map[string]config.AuthMethod{"github": {Type: config.Token, TokenEnv: "OUR_GITHUB"}, "gitea": {Type: config.SSHKey}, "generic": {Type: config.Token, TokenEnv: "OTHER"}},
			AuthMethods: map[string]config.AuthMethod{"work": {Type: config.Token, TokenEnv: "WORK_TOKEN"}, "keeper": {Type: config.CredentialHelper, CredentialHelper: "store"}, "key": {Type: config.SSHKey}},
		},
	}
	told := forgeSettingsOf(c)
	want := map[string][]plugins.Setting{
		"github": {{Token: "OUR_GITHUB"}},
		"gitlab": {{Host: "a.example", Token: "WORK_TOKEN"}, {Host: "b.example", URL: "https://b.example/git", Helper: true}},
		"gitea":  {{Host: "c.example"}, {Host: "d.example"}},
	}
	if diff := cmp.Diff(want, told.settings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	t.Setenv("OUR_GITHUB", "of-github")
	t.Setenv("WORK_TOKEN", "of-gitlab")
	cache := t.TempDir()
	h := newHost(told, nil, cache, slog.New(slog.DiscardHandler), func() {})
	defer h.Close() //nolint:errcheck // it never fails
	for name, token := range map[string]string{"github": "OUR_GITHUB=of-github", "gitlab": "WORK_TOKEN=of-gitlab", "gitea": ""} {
		if _, err := h.Check(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		for _, s := range h.Status() {
			if s.Name != name {
				continue
			}
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.PID))
			if err != nil {
				t.Skip("the environment of a process cannot be read here")
			}
			var got []string
			for _, kv := range strings.Split(string(b), "\x00") {
				if strings.HasSuffix(kv, "=of-github") || strings.HasSuffix(kv, "=of-gitlab") {
					got = append(got, kv)
				}
			}
			if strings.Join(got, " ") != token {
				t.Errorf("%s is given %q, not %q", name, got, token)
			}
		}
	}
}

// TestPluginEnvironment holds that each built-in plugin is given the variables that it
// names, the common ones and ours, and nothing else of the environment.
func TestPluginEnvironment(t *testing.T) {
	const secret = "planted-5e3c-"
	for _, name := range []string{
		"GH_TOKEN", "GITHUB_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN", "CODEBERG_TOKEN", "GITEA_TOKEN", "BITBUCKET_TOKEN", "JIRA_API_TOKEN", "BUGZILLA_API_KEY",
		"GERRIT_PASSWORD", "LAUNCHPAD_TOKEN", "AWS_SECRET_ACCESS_KEY", "NPM_TOKEN", "SSH_AUTH_SOCK", "GIT_ASKPASS", "DATABASE_URL", "OUR_TOKEN", "PASSWORD", "GOMEMLIMIT", "CABHFUIL_SECRET",
	} {
		t.Setenv(name, secret+name)
	}
	told := forgeSettingsOf(config.Config{
		Global: config.Global{Forges: []config.Forge{{Type: "gitea", Host: "git.example", AuthKey: "ours"}}},
		Auth:   config.Auth{AuthMethods: map[string]config.AuthMethod{"ours": {Type: config.Token, TokenEnv: "OUR_TOKEN"}}},
	})
	h := newHost(told, nil, t.TempDir(), slog.New(slog.DiscardHandler), func() {})
	defer h.Close() //nolint:errcheck // it never fails
	want := map[string][]string{
		"github": {"GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GITHUB_TOKEN"}, "gitlab": {"GITLAB_ACCESS_TOKEN", "GITLAB_TOKEN"}, "gitea": {"CODEBERG_TOKEN", "OUR_TOKEN"},
	}
	// What go-plugin, the host and the shell's own starting say.
	harmless := regexp.MustCompile(`^(CABHFUIL_PLUGIN.*|PLUGIN_.*|GOMEMLIMIT|PATH|HOME|TMPDIR|TEMP|TMP|LANG|SystemRoot|USERPROFILE|[a-zA-Z]+_(proxy|PROXY)|GIT_SSL_CAINFO|SSL_CERT_(FILE|DIR))$`)
	for _, name := range builtinNames() {
		if _, err := h.Check(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		status := h.Status()[slices.Index(builtinNames(), name)]
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", status.PID))
		switch {
		case err != nil && runtime.GOOS == "linux":
			t.Fatal(err)
		case err != nil:
			t.Skip("only Linux shows the environment of a process")
		}
		named := h.Variables(name)
		var planted []string
		for kv := range strings.SplitSeq(strings.TrimRight(string(b), "\x00"), "\x00") {
			variable, value, _ := strings.Cut(kv, "=")
			if strings.Contains(value, secret) {
				planted = append(planted, variable)
			}
			if !slices.Contains(named, variable) && !harmless.MatchString(variable) {
				t.Errorf("%s is given %s", name, variable)
			}
		}
		slices.Sort(planted)
		if diff := cmp.Diff(want[name], planted); diff != "" {
			t.Errorf("secrets of %s (-want +got):\n%s", name, diff)
		}
		if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", status.PID)); err != nil || strings.Contains(string(line), secret) {
			t.Errorf("%s was started by %q, %v", name, line, err)
		}
	}
}

// TestForeignReload holds that plugins of the user's come, go and are refused as the
// configuration changes, while the program runs.
func TestForeignReload(t *testing.T) {
	h := watchedHouse(t)
	s := newStranger(t)
	state := func() string {
		all := pluginsOf(t, h)
		if all[0].Name != "harbour" {
			return fmt.Sprintf("%d plugins", len(all))
		}
		text := fmt.Sprintf("%d plugins, %s runs: %v", len(all), all[0].Name, all[0].Running)
		if all[0].Checksum != cli.ChecksumOK {
			text += ", another program"
		}
		return text
	}
	link := func() string {
		return h.app.forges.URLs([]string{"https://codeberg.org/acme/engine"}, keysOf("#7"))[0]
	}
	const address = "https://codeberg.org/acme/engine/issues/7"
	h.becomes(t, "only the built-in ones", state, "9 plugins")

	h.configure(t, "global.yaml", s.entry(s.sum))
	h.becomes(t, "one more", state, "10 plugins, harbour runs: false")
	if s.started() {
		t.Error("it was started before anybody asked")
	}
	h.becomes(t, "a link", link, address)
	h.becomes(t, "which is its own", state, "10 plugins, harbour runs: true")
	if d := pluginsOf(t, h)[0]; d.Title != "Gitea, Forgejo" || d.BuiltIn || d.Path != s.path || d.SHA256 != s.sum || d.Restarts != 0 {
		t.Errorf("it is listed as %+v", d)
	}

	h.configure(t, "global.yaml", s.entry(strings.Repeat("0", 64)))
	h.becomes(t, "it is another program now", state, "10 plugins, harbour runs: false, another program")
	h.becomes(t, "the built-in one answers", link, address)
	h.becomes(t, "the status tells", func() string {
		var status cli.Status
		if err := h.Execute(h.ctx, "cabhfuil.status", map[string]any{}, &status); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s %v", status.Health.State, strings.Contains(strings.Join(status.Health.Reasons, "\n"), "plugin harbour: "+s.path+" is another program"))
	}, "attention true")

	h.configure(t, "global.yaml", strings.Replace(s.entry(s.sum), "harbour", "github", 1))
	h.becomes(t, "a name that is taken is a fault", h.problems, "global.yaml:2:12")
	h.configure(t, "global.yaml", "")
	h.becomes(t, "nothing is wrong", h.problems, "")
	h.becomes(t, "it is gone", state, "9 plugins")
}

// TestForeignOfWorkspace holds that nothing but the user's own configuration names a
// plugin: no file of a repository, and no setting of an editor's window.
func TestForeignOfWorkspace(t *testing.T) {
	h := watchedHouse(t)
	s := newStranger(t)
	r := gittest.New(t, "commit one \"One (#7)\"\ngit remote add origin https://nobody.example/acme/engine\n")
	for _, dir := range []string{".", ".ca-bhfuil", ".config/ca-bhfuil", ".git/ca-bhfuil", ".vscode"} {
		for _, name := range []string{"global.yaml", "cabhfuil.yaml", "global-settings.yaml"} {
			path := filepath.Join(r.Dir, filepath.FromSlash(dir), name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(s.entry(s.sum)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	entry := map[string]any{"plugins": []map[string]any{{"name": "harbour", "path": s.path, "sha256": s.sum}}}
	for _, settings := range []map[string]any{entry, {"cabhfuil": entry}, {"ca-bhfuil": entry}, {"cabhfuil": map[string]any{"global": entry}}} {
		if err := h.Notify(h.ctx, "workspace/didChangeConfiguration", map[string]any{"settings": settings}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Execute(h.ctx, "cabhfuil.where", map[string]any{"keys": []string{"HEAD"}, "uri": r.URL(), "wait": true}, nil); err != nil {
		t.Fatal(err)
	}
	h.becomes(t, "the key has its link", func() string {
		return h.app.forges.URLs([]string{"https://codeberg.org/acme/engine"}, keysOf("#7"))[0]
	}, "https://codeberg.org/acme/engine/issues/7")
	for _, p := range pluginsOf(t, h) {
		if !p.BuiltIn {
			t.Errorf("%+v", p)
		}
	}
	if s.started() {
		t.Error("a program that a workspace names was started")
	}
}

// TestPluginVerify holds what plugin verify prints and how it ends.
func TestPluginVerify(t *testing.T) {
	s := newStranger(t)
	home := t.TempDir()
	p := program{home: home, dir: t.TempDir()}
	configure := func(text string) {
		dir := filepath.Join(home, ".config", "ca-bhfuil")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "global.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, config string
		args         []string
		code         int
		out, errs    string
	}{
		{"the right program", s.entry(s.sum), []string{"harbour"}, 0, "✓ harbour  Gitea, Forgejo 1", ""},
		{"all", s.entry(s.sum), nil, 0, "✓ jira", ""},
		{"another one", s.entry(strings.Repeat("0", 64)), []string{"harbour", "gitea"}, 1, "found " + s.sum, "not as they should be: harbour\n"},
		{"no plugin", strings.Replace(s.entry(s.sum), s.path, "/bin/true", 1), []string{"harbour"}, 1, "✗ harbour", "not as they should be: harbour\n"},
		{"nobody", s.entry(s.sum), []string{"nobody"}, 2, "", `no plugin is called "nobody"`},
		{"faulty", "plugins: [{name: harbour}]\n", []string{"gitea"}, 0, "✓ gitea", "plugins[0].path: is not there"},
	} {
		configure(c.config)
		out, errs, code, err := p.run("", append([]string{"plugin", "verify"}, c.args...)...)
		if err != nil || code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.errs) || c.errs == "" && errs != "" {
			t.Errorf("%s: %v, exit %d, %s\n%s", c.name, err, code, out, errs)
		}
	}
	configure(s.entry(s.sum))
	out, errs, code, err := p.run("", "plugin", "list", "--private", "--format", "json")
	var all []cli.Plugin
	if err != nil || code != 0 || json.Unmarshal([]byte(out), &all) != nil || len(all) != 10 || all[0].Checksum != cli.ChecksumOK || all[1].Title == "" {
		t.Errorf("list: %v, exit %d, %s\n%s", err, code, out, errs)
	}
}
