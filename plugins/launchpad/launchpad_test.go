package launchpad_test

import (
	"slices"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/launchpad"
)

const sha = forgetest.SHA

var page = forgetest.Page

func TestConformance(t *testing.T) {
	bug := func(id string) plugins.Item { return plugins.Item{Kind: plugins.Bug, ID: id} }
	const address = "https://bugs.launchpad.net/bugs/"
	const code = "https://git.launchpad.net/ubuntu/+source/hello"
	forgetest.Run(t, launchpad.New(plugins.Setting{Remotes: []string{"git.example.org/acme"}}), forgetest.Cases{
		Name:   "launchpad",
		Others: []string{"https://github.com/a/b"},
		Links: slices.Concat(
			forgetest.Everywhere("opendev.org", "openstack/nova", bug("bug#2116852"), address+"2116852"),
			forgetest.Everywhere("git.launchpad.net", "ubuntu/+source/hello", plugins.Item{Kind: plugins.Commit, ID: sha}, code+"/commit/?id="+sha),
			[]forgetest.Link{
				page("", bug("lp#1"), address+"1"),
				page("", bug("bug#1"), ""),
				page("", bug("bsc#1"), ""),
				page("https://review.opendev.org/openstack/nova", bug("bug#1"), address+"1"),
				page("git@github.com:openstack/nova.git", bug("bug#1"), address+"1"),
				page("https://git.example.org/acme/engine", bug("bug#1"), address+"1"),
				page("https://git.example.org/other/engine", bug("bug#1"), ""),
				page(code, bug("bug#1"), address+"1"),
				page(code, plugins.Item{Kind: plugins.Branch, ID: "ubuntu/devel"}, code+"/log/?h=ubuntu%2Fdevel"),
				page(code, plugins.Item{Kind: plugins.Tag, ID: "v1"}, code+"/tag/?h=v1"),
				page(code, plugins.Item{Kind: plugins.File, ID: sha, Path: "src/a b.c", Line: 7}, code+"/tree/src/a%20b.c?id="+sha+"#n7"),
				page(code, plugins.Item{Kind: plugins.File, ID: "main", Path: "a.c"}, code+"/tree/a.c?h=main"),
			},
		),
	})
}
