// Package gitlab knows GitLab: gitlab.com, public sites that many projects live on,
// and those that the settings name. It makes addresses of all of them and asks them
// by REST: of issues and merge requests a hundred at once (resolve.go), and lists of
// what is open (open.go).
package gitlab

import (
	"context"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

const public = "https://gitlab.com"

// publicSites are those that everybody can use or read.
var publicSites = append(plugins.At(
	"gitlab.com", "gitlab.freedesktop.org", "gitlab.gnome.org", "salsa.debian.org", "invent.kde.org", "gitlab.kitware.com", "gitlab.alpinelinux.org",
	"gitlab.archlinux.org", "gitlab.haskell.org", "gitlab.torproject.org", "gitlab.xfce.org", "gitlab.eclipse.org", "gitlab.isc.org", "gitlab.nic.cz",
	"code.videolan.org", "framagit.org",
),
	plugins.Site{Match: "altssh.gitlab.com", URL: public},
	plugins.Site{Match: "ssh.gitlab.freedesktop.org", URL: "https://gitlab.freedesktop.org"},
	plugins.Site{Match: "ssh.gitlab.gnome.org", URL: "https://gitlab.gnome.org"},
)

// Forge is GitLab.
type Forge struct {
	sites  plugins.Sites
	client func() (*web.Client, error) // made when the first question is asked
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
	sites := plugins.NewSites(settings, publicSites...)
	for i := range sites {
		sites[i].API = sites[i].URL + "/api/v4" // of all: each is known by its whole name
	}
	return Forge{sites, sync.OnceValues(func() (*web.Client, error) { return newClient(sites, settings) })}
}

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "gitlab", Title: "GitLab", Version: "1",
		Kinds:       []plugins.Kind{plugins.Commit, plugins.Pull, plugins.Issue, plugins.Branch, plugins.Tag, plugins.File},
		Remotes:     f.sites.Remotes(),
		Environment: environment,
		Can:         []string{plugins.CanBatch},
	}, nil
}

// locate finds the site of a remote and the project there, which lies in groups.
func (f Forge) locate(remote string) (site plugins.Site, project string, ok bool) {
	site, project, ok = f.sites.Locate(remote)
	return site, project, ok && strings.Contains(project, "/")
}

// Links makes GitLab's addresses. Projects lie in groups, which nest.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	site, project, ok := f.locate(remote)
	if !ok {
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
