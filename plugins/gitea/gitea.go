// Package gitea knows the addresses of Gitea and of Forgejo, which has the same:
// of public sites, and of those that the settings name. It asks no network.
package gitea

import (
	"context"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// public are the sites that everybody can use or read. opendev.org is Gerrit's.
var public = plugins.At("codeberg.org", "gitea.com", "code.forgejo.org", "src.opensuse.org", "git.disroot.org")

// Forge is Gitea.
type Forge struct{ sites plugins.Sites }

var _ plugins.Forge = Forge{}

// New makes the forge.
func New(settings ...plugins.Setting) Forge { return Forge{plugins.NewSites(settings, public...)} }

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "gitea", Title: "Gitea, Forgejo", Version: "1",
		Kinds:   []plugins.Kind{plugins.Commit, plugins.Pull, plugins.Issue, plugins.Branch, plugins.Tag, plugins.File},
		Remotes: f.sites.Remotes(),
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
