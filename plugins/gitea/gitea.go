// Package gitea knows the issues, pull requests and releases of Gitea and of
// Forgejo, which has the same interface: at public sites, and at those that the
// settings name.
//
// It asks these sites and no others: there is no host that it knows by its name
// alone. Links and Describe ask nobody.
package gitea

import (
	"context"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// public are the sites that everybody can use or read. opendev.org is Gerrit's.
var public = plugins.At("codeberg.org", "gitea.com", "code.forgejo.org", "src.opensuse.org", "git.disroot.org")

// codebergToken is the variable that has a token for Codeberg, and for nobody else.
const codebergToken = "CODEBERG_TOKEN"

// Forge is Gitea.
type Forge struct {
	sites  plugins.Sites
	client func() (*web.Client, error) // made by the first question
}

var (
	_ plugins.Forge    = Forge{}
	_ plugins.Resolver = Forge{}
	_ plugins.Finder   = Forge{}
	_ plugins.Lister   = Forge{}
	_ plugins.Releaser = Forge{}
	_ plugins.Reporter = Forge{}
)

// New makes the forge.
func New(settings ...plugins.Setting) Forge {
	f := Forge{sites: plugins.NewSites(settings, public...)}
	f.client = sync.OnceValues(func() (*web.Client, error) { return newClient(settings, f.sites) })
	return f
}

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "gitea", Title: "Gitea, Forgejo", Version: "1",
		Kinds:   []plugins.Kind{plugins.Commit, plugins.Pull, plugins.Issue, plugins.Branch, plugins.Tag, plugins.File},
		Remotes: f.sites.Remotes(), Environment: []string{codebergToken},
	}, nil
}

// Links makes Gitea's addresses.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	site, project, ok := f.sites.Locate(remote)
	if !ok || strings.Count(project, "/") != 1 {
		return nil, false, nil
	}
	return plugins.Pages(project, items, func(project string, it plugins.Item) string {
		path := page(it)
		if strings.Count(project, "/") != 1 || path == "" {
			return ""
		}
		return site.URL + "/" + project + path
	}), true, nil
}

// page is the address of an item below its project, or "".
func page(it plugins.Item) string {
	id := plugins.PathEscape(it.ID)
	switch it.Kind {
	case plugins.Commit:
		return "/commit/" + id
	case plugins.Branch:
		return "/src/branch/" + id
	case plugins.Tag:
		return "/src/tag/" + id
	case plugins.File:
		kind := "/src/branch/"
		if plugins.IsHash(it.ID) {
			kind = "/src/commit/"
		}
		return kind + id + "/" + plugins.PathEscape(strings.TrimPrefix(it.Path, "/")) + plugins.Fragment("L", it.Line)
	case plugins.Pull:
		return "/pulls/" + id
	case plugins.Issue:
		return "/issues/" + id // leads on to the pull request where it is one
	}
	return ""
}
