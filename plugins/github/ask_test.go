package github

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// TestTokens holds that a token which no setting names goes to the host that it is
// for alone, and that gh is not asked for what it would give to any host.
func TestTokens(t *testing.T) {
	if _, err := exec.LookPath("/bin/sh"); err != nil {
		t.Skip(err)
	}
	bin := t.TempDir()
	// As gh does: what is in the variables first, then what it keeps by host.
	program := `#!/bin/sh
test "$1 $2 $3" = "auth token --hostname" || exit 1
case "$4" in
github.com) echo "${GH_TOKEN:-${GITHUB_TOKEN:-kept-for-github}}" ;;
kept.example.org) echo "${GH_ENTERPRISE_TOKEN:-kept-for-kept}" ;;
*) test -n "$GH_ENTERPRISE_TOKEN" && echo "$GH_ENTERPRISE_TOKEN" ;;
esac
`
	if err := os.WriteFile(filepath.Join(bin, "gh"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	kept, other := plugins.Setting{Host: "kept.example.org"}, plugins.Setting{Host: "other.example.org"}
	for _, c := range []struct {
		name     string
		env      map[string]string
		settings []plugins.Setting
		want     map[string]string
	}{
		{"what gh keeps", nil, []plugins.Setting{kept, other}, map[string]string{publicAPI: "kept-for-github", "https://kept.example.org/api/v3": "kept-for-kept", "https://other.example.org/api/v3": ""}},
		{"github.com's variable", map[string]string{"GITHUB_TOKEN": "variable-1"}, []plugins.Setting{other}, map[string]string{publicAPI: "variable-1", "https://other.example.org/api/v3": ""}},
		{"gh's variable first", map[string]string{"GITHUB_TOKEN": "variable-1", "GH_TOKEN": "variable-2"}, nil, map[string]string{publicAPI: "variable-2"}},
		{"the only Enterprise host", map[string]string{"GH_ENTERPRISE_TOKEN": "variable-3"}, []plugins.Setting{other}, map[string]string{publicAPI: "kept-for-github", "https://other.example.org/api/v3": "variable-3"}},
		{"one of two", map[string]string{"GH_ENTERPRISE_TOKEN": "variable-3"}, []plugins.Setting{kept, other}, map[string]string{"https://kept.example.org/api/v3": "", "https://other.example.org/api/v3": ""}},
		{"a setting's", map[string]string{"GH_TOKEN": "variable-2", "MINE": "variable-4"}, []plugins.Setting{{Host: "github.com", Token: "MINE"}}, map[string]string{publicAPI: "variable-4"}},
		{"data residency", map[string]string{"GH_TOKEN": "variable-2"}, []plugins.Setting{{Host: "acme.ghe.com"}}, map[string]string{"https://api.acme.ghe.com": ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range environment[:4] {
				t.Setenv(name, c.env[name])
			}
			t.Setenv("MINE", c.env["MINE"])
			f := New(c.settings...)
			client, err := f.client()
			if err != nil {
				t.Fatal(err)
			}
			for rest, token := range c.want {
				has, err := client.HasToken(t.Context(), rest)
				if err != nil || has != (token != "") {
					t.Errorf("%s has a token: %v, %v", rest, has, err)
				}
				if text := "a " + token; token != "" && client.Scrub(text) == text { // only what was read is scrubbed
					t.Errorf("%s has another token than %s", rest, token)
				}
			}
		})
	}
}

// TestWhere holds where the interfaces of sites are.
func TestWhere(t *testing.T) {
	f := New(plugins.Setting{Host: "code.example.org", URL: "https://code.example.org/hub"}, plugins.Setting{Host: "acme.ghe.com"})
	for remote, want := range map[string][2]string{
		"git@github.com:acme/engine.git":      {publicAPI, publicAPI + "/graphql"},
		"ssh://git@ssh.github.com:443/a/b":    {publicAPI, publicAPI + "/graphql"},
		"https://code.example.org/hub/a/b":    {"https://code.example.org/hub/api/v3", "https://code.example.org/hub/api/graphql"},
		"https://acme.ghe.com/acme/engine":    {"https://api.acme.ghe.com", "https://api.acme.ghe.com/graphql"},
		"https://github.example.com/a/b":      {"", ""},
		"https://github.com.evil.example/a/b": {"", ""},
	} {
		site, _, _ := f.locate(remote)
		if rest := api(site); rest != want[0] || rest != "" && graphqlOf(rest) != want[1] {
			t.Errorf("%s is asked at %q", remote, rest)
		}
	}
}

// TestNothingAsked holds that making the forge and its links asks nobody anything.
func TestNothingAsked(t *testing.T) {
	asked := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer s.Close()
	f := New(plugins.Setting{Host: "code.example.org", URL: s.URL})
	if urls, known, err := f.Links(t.Context(), "https://code.example.org/a/b", []plugins.Item{{Kind: plugins.Issue, ID: "1"}}); err != nil || !known || urls[0] != s.URL+"/a/b/issues/1" || asked {
		t.Errorf("%q, %v, %v", urls, known, err)
	}
}
