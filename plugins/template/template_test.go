package template_test

import (
	"slices"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/template"
)

var page = forgetest.Page

func TestConformance(t *testing.T) {
	bug := func(id string) plugins.Item { return plugins.Item{Kind: plugins.Bug, ID: id} }
	forgetest.Run(t, template.New(
		plugins.Setting{Key: `ACME-(\d+)`, URL: "https://bugs.example.org/view?id={1}"},
		plugins.Setting{Key: `([A-Z]+)-(\d+)`, URL: "https://tracker.example.org/{1}/{2}/{9}", Remotes: []string{"git.example.org"}},
		plugins.Setting{Key: `(`, URL: "https://bugs.example.org/{1}"},
		plugins.Setting{Key: `lp#(.*)`, URL: "https://{1}.example.org/"},
		plugins.Setting{Key: `lp#(.*)`, URL: "javascript:alert({1})"},
		plugins.Setting{Key: `lp#(.*)`, URL: "https://me:pw@bugs.example.org/{1}"},
	), forgetest.Cases{
		Name:   "template",
		Others: []string{"https://github.com/a/b"},
		Links: slices.Concat(
			forgetest.Everywhere("git.example.org", "a/b", bug("PROJ-12"), "https://tracker.example.org/PROJ/12/"),
			[]forgetest.Link{
				page("", bug("ACME-12"), "https://bugs.example.org/view?id=12"),
				page("", bug("bpo#12"), "https://bugs.python.org/issue12"),
				page("", bug("XACME-12"), ""),
				page("", bug("PROJ-12"), ""),
				page("", bug("lp#1"), ""),
			},
		),
	})
}
