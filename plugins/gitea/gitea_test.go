package gitea_test

import (
	"slices"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/gitea"
)

const sha = forgetest.SHA

var page = forgetest.Page

func TestConformance(t *testing.T) {
	commit := plugins.Item{Kind: plugins.Commit, ID: sha}
	const remote, base = "https://codeberg.org/forgejo/forgejo", "https://codeberg.org/forgejo/forgejo"
	forgetest.Run(t, gitea.New(plugins.Setting{Host: "git.example.org", URL: "https://git.example.org/gitea/"}), forgetest.Cases{
		Name:   "gitea",
		Others: []string{"https://github.com/a/b", "https://codeberg.org/a", "https://codeberg.org/a/b/c", "https://opendev.org/openstack/nova", "https://pages.codeberg.org/a/b"},
		Links: slices.Concat(
			forgetest.Everywhere("codeberg.org", "forgejo/forgejo", commit, base+"/commit/"+sha),
			forgetest.Everywhere("gitea.com", "gitea/tea", commit, "https://gitea.com/gitea/tea/commit/"+sha),
			forgetest.Everywhere("git.example.org", "a/b", commit, "https://git.example.org/gitea/a/b/commit/"+sha),
			[]forgetest.Link{
				page(remote, plugins.Item{Kind: plugins.Pull, ID: "1"}, base+"/pulls/1"),
				page(remote, plugins.Item{Kind: plugins.Issue, ID: "1"}, base+"/issues/1"),
				page(remote, plugins.Item{Kind: plugins.Issue, ID: "1", Project: "a/b"}, "https://codeberg.org/a/b/issues/1"),
				page(remote, plugins.Item{Kind: plugins.Issue, ID: "1", Project: "a/b/c"}, ""),
				page(remote, plugins.Item{Kind: plugins.Branch, ID: "v1/forgejo"}, base+"/src/branch/v1/forgejo"),
				page(remote, plugins.Item{Kind: plugins.Tag, ID: "v1.0"}, base+"/src/tag/v1.0"),
				page(remote, plugins.Item{Kind: plugins.File, ID: sha, Path: "src/a b.c", Line: 7}, base+"/src/commit/"+sha+"/src/a%20b.c#L7"),
				page(remote, plugins.Item{Kind: plugins.File, ID: "main", Path: "a.c"}, base+"/src/branch/main/a.c"),
				page("https://git.example.org/gitea/a/b.git", plugins.Item{Kind: plugins.Pull, ID: "3"}, "https://git.example.org/gitea/a/b/pulls/3"),
			},
		),
	})
}
