// Package gitlab knows GitLab's addresses: of gitlab.com, of public sites that
// many projects live on, and of those that the settings name. It asks no network.
package gitlab

import (
	"context"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// public are the sites that everybody can use or read.
var public = append(plugins.At(
	"gitlab.com", "gitlab.freedesktop.org", "gitlab.gnome.org", "salsa.debian.org", "invent.kde.org", "gitlab.kitware.com", "gitlab.alpinelinux.org",
	"gitlab.archlinux.org", "gitlab.haskell.org", "gitlab.torproject.org", "gitlab.xfce.org", "gitlab.eclipse.org", "gitlab.isc.org", "gitlab.nic.cz",
	"code.videolan.org", "framagit.org",
),
	plugins.Site{Match: "altssh.gitlab.com", URL: "https://gitlab.com"},
	plugins.Site{Match: "ssh.gitlab.freedesktop.org", URL: "https://gitlab.freedesktop.org"},
	plugins.Site{Match: "ssh.gitlab.gnome.org", URL: "https://gitlab.gnome.org"},
)

// Forge is GitLab.
type Forge struct{ sites plugins.Sites }

var _ plugins.Forge = Forge{}

// New makes the forge.
func New(settings ...plugins.Setting) Forge { return Forge{plugins.NewSites(settings, public...)} }

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "gitlab", Title: "GitLab", Version: "1",
		Kinds:   []plugins.Kind{plugins.Commit, plugins.Pull, plugins.Issue, plugins.Branch, plugins.Tag, plugins.File},
		Remotes: f.sites.Remotes(),
	}, nil
}

// Links makes GitLab's addresses. Projects lie in groups, which nest.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	site, project, ok := f.sites.Locate(remote)
	if !ok || !strings.Contains(project, "/") {
		return nil, false, nil
	}
	return plugins.Pages(project, items, func(project string, it plugins.Item) string {
		path := page(it)
		if !strings.Contains(project, "/") || path == "" {
			return ""
		}
		return site.URL + "/" + project + "/-" + path
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
		return "/tags/" + id
	case plugins.File:
		return "/blob/" + id + "/" + plugins.PathEscape(strings.TrimPrefix(it.Path, "/")) + plugins.Fragment("L", it.Line)
	case plugins.Pull:
		return "/merge_requests/" + id
	case plugins.Issue:
		return "/issues/" + id
	}
	return ""
}
