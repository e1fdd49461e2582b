// Package bitbucket knows Bitbucket's two products: Cloud, which is bitbucket.org,
// and Data Center (once Server), which the settings name. Cloud is asked what pull
// requests and issues are; Data Center has another interface and is linked to
// alone. Links and Describe ask nobody.
package bitbucket

import (
	"context"
	"net/url"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

const (
	cloud    = "https://bitbucket.org"
	cloudAPI = "https://api.bitbucket.org/2.0"
)

// Forge is Bitbucket.
type Forge struct {
	sites  plugins.Sites
	api    string                      // Cloud's
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
func New(settings ...plugins.Setting) Forge { return newForge(cloudAPI, settings) }

func newForge(api string, settings []plugins.Setting) Forge {
	f := Forge{api: api, sites: plugins.NewSites(settings, plugins.Site{Match: "bitbucket.org", URL: cloud, API: api}, plugins.Site{Match: "altssh.bitbucket.org", URL: cloud, API: api})}
	f.client = sync.OnceValues(func() (*web.Client, error) { return newClient(settings, f.sites, api) })
	return f
}

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "bitbucket", Title: "Bitbucket", Version: "1",
		Kinds:   []plugins.Kind{plugins.Commit, plugins.Pull, plugins.Issue, plugins.Branch, plugins.Tag, plugins.File},
		Remotes: f.sites.Remotes(), Can: []string{plugins.CanBatch},
	}, nil
}

// Links makes Bitbucket's addresses.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	site, project, ok := f.locate(remote)
	if !ok {
		return nil, false, nil
	}
	inCloud := site.URL == cloud
	return plugins.Pages(project, items, func(project string, it plugins.Item) string {
		path := serverPage(it)
		if inCloud {
			path = page(it)
		}
		key, name, two := strings.Cut(project, "/")
		if !two || strings.Contains(name, "/") || path == "" {
			return ""
		}
		switch user, own := strings.CutPrefix(key, "~"); {
		case inCloud:
			return cloud + "/" + project + path
		case own:
			return site.URL + "/users/" + user + "/repos/" + name + path
		}
		return site.URL + "/projects/" + key + "/repos/" + name + path
	}), true, nil
}

// locate finds the site of a remote and the project on it: a workspace, or a
// project's key, and a repository.
func (f Forge) locate(remote string) (site plugins.Site, project string, ok bool) {
	site, project, ok = f.sites.Locate(remote)
	if site.URL != cloud {
		project = strings.TrimPrefix(project, "scm/") // as its remotes on the web have it
	}
	return site, project, ok && strings.Count(project, "/") == 1
}

// page is the address of an item below its project in Cloud, or "".
func page(it plugins.Item) string {
	id := plugins.PathEscape(it.ID)
	switch it.Kind {
	case plugins.Commit:
		return "/commits/" + id
	case plugins.Branch:
		return "/branch/" + id
	case plugins.Tag:
		return "/commits/tag/" + id
	case plugins.File:
		return "/src/" + id + "/" + plugins.PathEscape(strings.TrimPrefix(it.Path, "/")) + plugins.Fragment("lines-", it.Line)
	case plugins.Pull:
		return "/pull-requests/" + id
	case plugins.Issue:
		return "/issues/" + id
	}
	return ""
}

// serverPage is page for Data Center, which has no issues.
func serverPage(it plugins.Item) string {
	switch it.Kind {
	case plugins.Commit:
		return "/commits/" + it.ID
	case plugins.Branch:
		return "/browse?at=" + url.QueryEscape("refs/heads/"+it.ID)
	case plugins.Tag:
		return "/browse?at=" + url.QueryEscape("refs/tags/"+it.ID)
	case plugins.File:
		return "/browse/" + plugins.PathEscape(strings.TrimPrefix(it.Path, "/")) + "?at=" + url.QueryEscape(it.ID) + plugins.Fragment("", it.Line)
	case plugins.Pull:
		return "/pull-requests/" + it.ID
	}
	return ""
}
