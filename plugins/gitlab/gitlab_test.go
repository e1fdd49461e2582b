package gitlab_test

import (
	"slices"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/gitlab"
)

const sha = forgetest.SHA

var page = forgetest.Page

func TestConformance(t *testing.T) {
	commit := plugins.Item{Kind: plugins.Commit, ID: sha}
	const remote, base = "https://gitlab.com/acme/engine", "https://gitlab.com/acme/engine/-"
	forgetest.Run(t, gitlab.New(plugins.Setting{Host: "git.example.org"}, plugins.Setting{Host: "code.example.org:8443", URL: "http://code.example.org:8443/gitlab"}), forgetest.Cases{
		Name:   "gitlab",
		Others: []string{"https://github.com/a/b", "https://gitlab.example.org/a/b", "https://notgitlab.com/a/b", "https://gitlab.com/alone", "git@gitlab.com:alone", "https://gitlab.com:8443/a/b"},
		Links: slices.Concat(
			forgetest.Everywhere("gitlab.com", "acme/engine", commit, base+"/commit/"+sha),
			forgetest.Everywhere("gitlab.freedesktop.org", "a/b/c/d", commit, "https://gitlab.freedesktop.org/a/b/c/d/-/commit/"+sha),
			forgetest.Everywhere("git.example.org", "a/b", commit, "https://git.example.org/a/b/-/commit/"+sha),
			[]forgetest.Link{
				page(remote, plugins.Item{Kind: plugins.Pull, ID: "1"}, base+"/merge_requests/1"),
				page(remote, plugins.Item{Kind: plugins.Issue, ID: "1"}, base+"/issues/1"),
				page(remote, plugins.Item{Kind: plugins.Pull, ID: "1", Project: "a/b/c"}, "https://gitlab.com/a/b/c/-/merge_requests/1"),
				page(remote, plugins.Item{Kind: plugins.Issue, ID: "01"}, ""),
				page(remote, plugins.Item{Kind: plugins.Change, ID: "1"}, ""),
				page(remote, plugins.Item{Kind: plugins.Branch, ID: "stable/1 #?"}, base+"/tree/stable/1%20%23%3F"),
				page(remote, plugins.Item{Kind: plugins.Tag, ID: "v1.0"}, base+"/tags/v1.0"),
				page(remote, plugins.Item{Kind: plugins.File, ID: sha, Path: "src/a b.c", Line: 7}, base+"/blob/"+sha+"/src/a%20b.c#L7"),
				page("git@ssh.gitlab.gnome.org:GNOME/gtk.git", plugins.Item{Kind: plugins.Issue, ID: "2"}, "https://gitlab.gnome.org/GNOME/gtk/-/issues/2"),
				page("git@salsa.debian.org:debian/hello.git", plugins.Item{Kind: plugins.Pull, ID: "2"}, "https://salsa.debian.org/debian/hello/-/merge_requests/2"),
				page("http://code.example.org:8443/gitlab/a/b.git", plugins.Item{Kind: plugins.Issue, ID: "3"}, "http://code.example.org:8443/gitlab/a/b/-/issues/3"),
				page("git@code.example.org:a/b.git", plugins.Item{Kind: plugins.Issue, ID: "3"}, "http://code.example.org:8443/gitlab/a/b/-/issues/3"),
			},
		),
	})
}
