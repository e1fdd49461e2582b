package plugins_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		remote, pattern string
		want            bool
	}{
		{"https://opendev.org/openstack/nova", "opendev.org", true},
		{"https://OpenDev.org/openstack/nova", "opendev.org", true},
		{"https://opendev.org.evil.example/a/b", "opendev.org", false},
		{"https://xopendev.org/a/b", "opendev.org", false},
		{"https://sub.opendev.org/a/b", "opendev.org", false},
		{"git@github.com:openstack/nova.git", "github.com/openstack", true},
		{"git@github.com:OpenStack/nova.git", "github.com/openstack/", true},
		{"git@github.com:openstack-x/nova.git", "github.com/openstack", false},
		{"git@github.com:other/nova.git", "github.com/openstack", false},
		{"https://go.googlesource.com/go", "*.googlesource.com", true},
		{"https://googlesource.com/go", "*.googlesource.com", false},
		{"https://xgooglesource.com/go", "*.googlesource.com", false},
		{"https://github.example.org/a/b", "github.*", true},
		{"https://githubx.example.org/a/b", "github.*", false},
		{"https://git.example.org:8443/a/b", "git.example.org:8443", true},
		{"ssh://git@git.example.org:2222/a/b", "git.example.org:8443", true},
		{"https://git.example.org:8443/a/b", "git.example.org", false},
		{"https://git.example.org:443/a/b", "git.example.org", true},
		{"https://any.example/a", "*", true},
		{"https://any.example/a/b", "*/a", true},
	} {
		r, ok := plugins.ParseRemote(c.remote)
		if !ok || r.Matches(c.pattern) != c.want {
			t.Errorf("%s and %s: %v, %+v", c.remote, c.pattern, !c.want, r)
		}
	}
}

// TestClaimsOfOld holds that a plugin that names no remotes and keys, as those of
// before did, is asked about every remote.
func TestClaimsOfOld(t *testing.T) {
	claims := plugins.Description{Kinds: []plugins.Kind{plugins.Issue}}.Claims()
	issue := plugins.Item{Kind: plugins.Issue, ID: "1"}
	if !claims("https://any.example/a/b", issue) || claims("https://any.example/a/b", plugins.Item{Kind: plugins.Bug, ID: "lp#1"}) || claims("", issue) {
		t.Error("it claims something else")
	}
}

// TestClaimsKeys holds that keys match as a whole, also beside one that is no
// expression and two that name a group alike.
func TestClaimsKeys(t *testing.T) {
	for _, keys := range [][]string{{"A-[0-9]+", "lp#[0-9]+|bug#1"}, {"(", "A-(?P<n>[0-9]+)", "(?:lp#(?P<n>[0-9]+)|bug#1)"}} {
		claims := plugins.Description{Kinds: []plugins.Kind{plugins.Bug}, Keys: keys}.Claims()
		for id, want := range map[string]bool{"A-1": true, "lp#12": true, "bug#1": true, "XA-1": false, "A-1x": false, "bug#12": false, "": false} {
			if got := claims("", plugins.Item{Kind: plugins.Bug, ID: id}); got != want {
				t.Errorf("%q claims %q: %v", keys, id, got)
			}
		}
	}
}

func TestSettings(t *testing.T) {
	want := plugins.Setting{Host: "git.example.org", URL: "https://git.example.org", Projects: []string{"A"}, Remotes: []string{"*"}, Key: `A-(\d+)`}
	env, err := plugins.Environment([]plugins.Setting{want})
	if err != nil || len(env) != 1 {
		t.Fatal(env, err)
	}
	name, value, _ := strings.Cut(env[0], "=")
	for _, text := range []string{"", "{", `[{"host":1}]`} {
		t.Setenv(name, text)
		if got := plugins.Settings(); got != nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
	t.Setenv(name, strings.Replace(value, "{", `{"later":true,`, 1))
	if got := plugins.Settings(); len(got) != 1 || got[0].Host != want.Host || got[0].Key != want.Key {
		t.Errorf("%+v", got)
	}
	if env, err := plugins.Environment(nil); err != nil || env != nil {
		t.Errorf("nothing is %q, %v", env, err)
	}
}

func FuzzBase(f *testing.F) {
	for _, s := range []string{"https://git.example.org/x/", "http://a:80", "https://u@h", "https://h?x", "javascript:x", "https://h/%2e%2e/(x)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		base, ok := plugins.Base(s)
		if !ok {
			return
		}
		u, err := url.Parse(base + "/x")
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(base, " \x00\n<>\"") {
			t.Fatalf("%q is %q", s, base)
		}
	})
}
