package github_test

import (
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/github"
)

func TestConformance(t *testing.T) { forgetest.Run(t, github.New(), forgetest.GitHub()) }

func FuzzParseRemote(f *testing.F) {
	for _, s := range []string{"https://u:p@github.com:443/a/b.git", "git@github.com:a/b", "ssh://x/y/z", "ext::sh -c x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := plugins.ParseRemote(s)
		if ok && (r.Host == "" || r.Project == "" || strings.ContainsAny(r.Host+r.Project, "@ <>\"'\\\x00\n") || strings.Contains(r.Project, "..")) {
			t.Fatalf("%q is %+v", s, r)
		}
	})
}
