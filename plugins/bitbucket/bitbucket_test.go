package bitbucket_test

import (
	"slices"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/bitbucket"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
)

const sha = forgetest.SHA

var page = forgetest.Page

func TestConformance(t *testing.T) {
	commit := plugins.Item{Kind: plugins.Commit, ID: sha}
	const remote, base = "https://bitbucket.org/acme/engine", "https://bitbucket.org/acme/engine"
	const server, below = "https://git.example.org/scm/acme/engine.git", "https://git.example.org/projects/acme/repos/engine"
	forgetest.Run(t, bitbucket.New(plugins.Setting{Host: "git.example.org"}, plugins.Setting{Host: "example.net", URL: "https://example.net/bitbucket"}), forgetest.Cases{
		Name:   "bitbucket",
		Others: []string{"https://github.com/a/b", "https://bitbucket.org/a", "https://bitbucket.org/a/b/c", "https://git.example.org/scm/a"},
		Links: slices.Concat(
			forgetest.Everywhere("bitbucket.org", "acme/engine", commit, base+"/commits/"+sha),
			forgetest.Everywhere("git.example.org", "scm/acme/engine", commit, below+"/commits/"+sha),
			[]forgetest.Link{
				page(remote, plugins.Item{Kind: plugins.Pull, ID: "1"}, base+"/pull-requests/1"),
				page(remote, plugins.Item{Kind: plugins.Issue, ID: "1"}, base+"/issues/1"),
				page(remote, plugins.Item{Kind: plugins.Branch, ID: "stable/1"}, base+"/branch/stable/1"),
				page(remote, plugins.Item{Kind: plugins.Tag, ID: "v1.0"}, base+"/commits/tag/v1.0"),
				page(remote, plugins.Item{Kind: plugins.File, ID: sha, Path: "src/a b.c", Line: 7}, base+"/src/"+sha+"/src/a%20b.c#lines-7"),
				page("ssh://git@git.example.org:7999/acme/engine.git", commit, below+"/commits/"+sha),
				page("ssh://git@git.example.org:7999/~me/engine.git", commit, "https://git.example.org/users/me/repos/engine/commits/"+sha),
				page(server, plugins.Item{Kind: plugins.Pull, ID: "1"}, below+"/pull-requests/1"),
				page(server, plugins.Item{Kind: plugins.Pull, ID: "1", Project: "other/one"}, "https://git.example.org/projects/other/repos/one/pull-requests/1"),
				page(server, plugins.Item{Kind: plugins.Issue, ID: "1"}, ""),
				page(server, plugins.Item{Kind: plugins.Branch, ID: "stable/1"}, below+"/browse?at=refs%2Fheads%2Fstable%2F1"),
				page(server, plugins.Item{Kind: plugins.Tag, ID: "v1.0"}, below+"/browse?at=refs%2Ftags%2Fv1.0"),
				page(server, plugins.Item{Kind: plugins.File, ID: sha, Path: "src/a b.c", Line: 7}, below+"/browse/src/a%20b.c?at="+sha+"#7"),
				page("https://example.net/bitbucket/scm/acme/engine.git", commit, "https://example.net/bitbucket/projects/acme/repos/engine/commits/"+sha),
			},
		),
	})
}
