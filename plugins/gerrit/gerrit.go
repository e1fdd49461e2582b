// Package gerrit knows Gerrit's changes, and the addresses of the commits beside it
// as far as it knows who shows them: at OpenDev, Google's hosts, other public
// sites, and those that the settings name.
//
// It asks these sites and no others: there is no host that it knows by its name
// alone. Links and Describe ask nobody.
package gerrit

import (
	"context"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// browser says who shows the code of a site.
type browser int

const (
	search  browser = iota // nobody known: Gerrit's search finds the commit's change
	gitiles                // Google's browser
	gitea                  // OpenDev's
	none                   // another forge, which speaks for itself
)

// site is a Gerrit, and who shows its code.
type site struct {
	plugins.Site        // URL is Gerrit's
	browse       string // the address below which projects are
	by           browser
}

const opendev, golang = "https://review.opendev.org", "https://go-review.googlesource.com"

// public are the sites that everybody can use or read. Names of projects are the
// same wherever a site is mirrored, except where mirror says otherwise.
var public = []site{
	{plugins.Site{Match: "opendev.org", URL: opendev}, "https://opendev.org", gitea},
	{plugins.Site{Match: "review.opendev.org", URL: opendev}, "https://opendev.org", gitea},
	{plugins.Site{Match: "review.openstack.org", URL: opendev}, "https://opendev.org", gitea},
	{plugins.Site{Match: "git.openstack.org", URL: opendev}, "https://opendev.org", gitea},
	{plugins.Site{Match: "github.com/openstack", URL: opendev}, "", none},
	{plugins.Site{Match: "github.com/golang", URL: golang}, "", none},
	{plugins.Site{Match: "*.googlesource.com"}, "", gitiles}, // each host has a Gerrit of its own
	{plugins.Site{Match: "gerrit.wikimedia.org", URL: "https://gerrit.wikimedia.org/r"}, "https://gerrit.wikimedia.org/r/plugins/gitiles", gitiles},
	{plugins.Site{Match: "gerrit.libreoffice.org", URL: "https://gerrit.libreoffice.org"}, "https://gerrit.libreoffice.org/plugins/gitiles", gitiles},
	{plugins.Site{Match: "review.coreboot.org", URL: "https://review.coreboot.org"}, "https://review.coreboot.org/plugins/gitiles", gitiles},
	{plugins.Site{Match: "codereview.qt-project.org", URL: "https://codereview.qt-project.org"}, "", search},
	{plugins.Site{Match: "review.gerrithub.io", URL: "https://review.gerrithub.io"}, "", search},
}

// Forge is Gerrit.
type Forge struct {
	sites  []site
	client func() (*web.Client, error) // made by the first question
}

var (
	_ plugins.Forge    = Forge{}
	_ plugins.Resolver = Forge{}
	_ plugins.Finder   = Forge{}
	_ plugins.Lister   = Forge{}
	_ plugins.Reporter = Forge{}
)

// New makes the forge.
func New(settings ...plugins.Setting) Forge {
	var sites []site
	for _, s := range plugins.NewSites(settings) {
		sites = append(sites, site{Site: s})
	}
	f := Forge{sites: append(sites, public...)}
	f.client = sync.OnceValues(func() (*web.Client, error) { return newClient(settings, f.sites) })
	return f
}

func (f Forge) places() plugins.Sites {
	var all plugins.Sites
	for _, s := range f.sites {
		all = append(all, s.Site)
	}
	return all
}

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "gerrit", Title: "Gerrit", Version: "1",
		Kinds:   []plugins.Kind{plugins.Commit, plugins.Change, plugins.Branch, plugins.Tag, plugins.File},
		Remotes: f.places().Remotes(), Can: []string{plugins.CanBatch, plugins.CanBatchChanges},
	}, nil
}

// Links makes the addresses of Gerrit and of who shows its code.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	at, project, ok := f.locate(remote)
	if !ok {
		return nil, false, nil
	}
	return plugins.Pages(project, items, at.page), true, nil
}

// locate finds the site of a remote and Gerrit's name of the project.
func (f Forge) locate(remote string) (at site, project string, ok bool) {
	place, project, ok := f.places().Locate(remote)
	if !ok {
		return site{}, "", false
	}
	for _, s := range f.sites {
		if s.Site == place {
			at = s
			break
		}
	}
	r, _ := plugins.ParseRemote(remote) // which Locate has read
	if at.URL == "" {
		name := strings.TrimSuffix(strings.TrimSuffix(r.Host, ".googlesource.com"), "-review")
		at.URL, at.browse = "https://"+name+"-review.googlesource.com", "https://"+name+".googlesource.com"
	}
	if r.Web {
		project = strings.TrimPrefix(project, "a/") // for who is logged in
	}
	if at.URL == golang { // the mirror's owner is no part of the name
		project = strings.TrimPrefix(project, "golang/")
	}
	return at, project, project != ""
}

// page is the address of an item, or "".
func (s site) page(project string, it plugins.Item) string {
	if it.Kind == plugins.Change {
		if plugins.IsNumber(it.ID) {
			return s.change(project, it.ID)
		}
		return s.URL + "/q/" + it.ID // the change and its cherry-picks
	}
	id, path, base := plugins.PathEscape(it.ID), plugins.PathEscape(strings.TrimPrefix(it.Path, "/")), s.browse+"/"+plugins.PathEscape(project)
	switch s.by {
	case search:
		if it.Kind == plugins.Commit {
			return s.URL + "/q/" + id
		}
	case gitea:
		switch it.Kind {
		case plugins.Commit:
			return base + "/commit/" + id
		case plugins.Branch:
			return base + "/src/branch/" + id
		case plugins.Tag:
			return base + "/src/tag/" + id
		case plugins.File:
			kind := "/src/branch/"
			if plugins.IsHash(it.ID) {
				kind = "/src/commit/"
			}
			return base + kind + id + "/" + path + plugins.Fragment("L", it.Line)
		}
	case gitiles:
		switch it.Kind {
		case plugins.Commit:
			return base + "/+/" + id
		case plugins.Branch:
			return base + "/+/refs/heads/" + id
		case plugins.Tag:
			return base + "/+/refs/tags/" + id
		case plugins.File:
			return base + "/+/" + id + "/" + path + plugins.Fragment("", it.Line)
		}
	}
	return ""
}

// change is the address of a change by its number.
func (s site) change(project, number string) string {
	return s.URL + "/c/" + plugins.PathEscape(project) + "/+/" + number
}
