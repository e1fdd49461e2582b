package gitlab

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// TestTokens holds that a token which no setting names goes to the host that it is
// for alone, and that glab is not asked for what it would give to any host.
func TestTokens(t *testing.T) {
	if _, err := exec.LookPath("/bin/sh"); err != nil {
		t.Skip(err)
	}
	bin := t.TempDir()
	program := `#!/bin/sh
test "$1 $2 $3 $4" = "config get token --host" || exit 1
test -n "$GITLAB_TOKEN" && echo "$GITLAB_TOKEN" && exit
test "$5" = salsa.debian.org && echo kept-for-salsa || echo
`
	if err := os.WriteFile(filepath.Join(bin, "glab"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	const com, salsa, own = "https://gitlab.com/api/v4", "https://salsa.debian.org/api/v4", "https://code.example.org/gitlab/api/v4"
	for _, c := range []struct {
		name string
		env  map[string]string
		want map[string]string
	}{
		{"what glab keeps", nil, map[string]string{com: "", salsa: "kept-for-salsa", own: ""}},
		{"the variable", map[string]string{"GITLAB_TOKEN": "variable-1"}, map[string]string{com: "variable-1", salsa: "", own: ""}},
		{"another host's variable", map[string]string{"GITLAB_TOKEN": "variable-1", "GITLAB_HOST": "https://code.example.org/gitlab/"}, map[string]string{com: "", salsa: "", own: "variable-1"}},
		{"its host alone", map[string]string{"GITLAB_ACCESS_TOKEN": "variable-2", "GL_HOST": "code.example.org"}, map[string]string{com: "", salsa: "", own: "variable-2"}},
		{"a host that nobody names", map[string]string{"GITLAB_TOKEN": "variable-1", "GITLAB_HOST": "evil.example"}, map[string]string{com: "", salsa: "", own: ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range append([]string{"OAUTH_TOKEN"}, environment[:4]...) {
				t.Setenv(name, c.env[name])
			}
			client, err := New(plugins.Setting{Host: "code.example.org", URL: "https://code.example.org/gitlab"}).client()
			if err != nil {
				t.Fatal(err)
			}
			for api, token := range c.want {
				has, err := client.HasToken(t.Context(), api)
				if err != nil || has != (token != "") {
					t.Errorf("%s has a token: %v, %v", api, has, err)
				}
				if text := "a " + token; token != "" && client.Scrub(text) == text { // only what was read is scrubbed
					t.Errorf("%s has another token than %s", api, token)
				}
			}
		})
	}
}

// FuzzRecord holds that whatever JSON says, what is made of it is bounded and makes
// sense.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"iid":1,"web_url":"https://x/a/-/issues/1","state":"opened","labels":["backport 1.2"],"author":null,"closed_at":null}`), false)
	f.Add([]byte(`{"iid":2,"web_url":"x","state":"merged","sha":"a","merge_commit_sha":null,"assignees":[null],"detailed_merge_status":"need_rebase"}`), true)
	f.Fuzz(func(t *testing.T, body []byte, request bool) {
		var r record
		if json.Unmarshal(body, &r) != nil || !r.valid() {
			return
		}
		kind := map[bool]plugins.Kind{true: plugins.Pull, false: plugins.Issue}[request]
		thing := r.thing(kind)
		if !plugins.IsNumber(thing.ID) || thing.State == "" || thing.Kind != kind || len(thing.Labels) > 100 || len(thing.Title) > 2000 || thing.MergeCommit != "" && thing.State != plugins.Merged {
			t.Errorf("%q is %+v", body, thing)
		}
	})
}
