// Package github knows GitHub's addresses: github.com, Enterprise hosts whose name
// begins with "github.", and those that the settings name. It asks no network.
package github

import (
	"context"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// Forge is GitHub.
type Forge struct{ sites plugins.Sites }

var _ plugins.Forge = Forge{}

const web = "https://github.com"

// New makes the forge.
func New(settings ...plugins.Setting) Forge {
	return Forge{plugins.NewSites(settings, plugins.Site{Match: "github.com", URL: web}, plugins.Site{Match: "www.github.com", URL: web}, plugins.Site{Match: "ssh.github.com", URL: web}, plugins.Site{Match: "github.*"})}
}

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "github", Title: "GitHub", Version: "1",
		Kinds:   []plugins.Kind{plugins.Commit, plugins.Pull, plugins.Issue, plugins.Branch, plugins.Tag, plugins.File},
		Remotes: f.sites.Remotes(),
	}, nil
}

// Links makes GitHub's addresses.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	site, project, ok := f.sites.Locate(remote)
	if !ok || strings.Count(project, "/") != 1 {
		return nil, false, nil
	}
	base := site.URL
	if base == "" { // an Enterprise host
		r, _ := plugins.ParseRemote(remote) // which Locate has read
		if strings.HasPrefix(r.Host, "github.com.") || strings.HasPrefix(r.Host, "github.com:") {
			return nil, false, nil // somebody who wants to be taken for GitHub
		}
		base = "https://" + r.Host
	}
	return plugins.Pages(project, items, func(project string, it plugins.Item) string {
		path := page(it)
		if strings.Count(project, "/") != 1 || path == "" {
			return ""
		}
		return base + "/" + project + path
	}), true, nil
}

// page is the address of an item below its project, or "".
func page(it plugins.Item) string {
	id := plugins.PathEscape(it.ID)
	switch it.Kind {
	case plugins.Commit:
		return "/commit/" + id
	case plugins.Branch:
		return "/tree/" + id
	case plugins.Tag:
		return "/releases/tag/" + id
	case plugins.File:
		return "/blob/" + id + "/" + plugins.PathEscape(strings.TrimPrefix(it.Path, "/")) + plugins.Fragment("L", it.Line)
	case plugins.Pull:
		return "/pull/" + id
	case plugins.Issue:
		return "/issues/" + id // leads on to the pull request where it is one
	}
	return ""
}
