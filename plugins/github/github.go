// Package github knows GitHub: github.com, Enterprise hosts whose name begins with
// "github.", and those that the settings name. It makes addresses of all of them.
// Hosts that it knows by their name alone are never asked anything (ask.go). With a
// token, questions are put together in GraphQL (graphql.go); without one each thing
// is asked for by REST (rest.go), as are lists of what is open (open.go).
package github

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// Forge is GitHub.
type Forge struct {
	sites  plugins.Sites
	tokens []string                    // the variables that may have a token
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

const (
	public    = "https://github.com"
	publicAPI = "https://api.github.com"
)

// New makes the forge.
func New(settings ...plugins.Setting) Forge {
	sites := plugins.NewSites(settings,
		plugins.Site{Match: "github.com", URL: public, API: publicAPI},
		plugins.Site{Match: "www.github.com", URL: public, API: publicAPI},
		plugins.Site{Match: "ssh.github.com", URL: public, API: publicAPI},
		plugins.Site{Match: "github.*"})
	tokens := slices.Clone(environment[:4])
	for _, s := range settings {
		if s.Token != "" {
			tokens = append(tokens, s.Token)
		}
	}
	return Forge{sites, tokens, sync.OnceValues(func() (*web.Client, error) { return newClient(sites, settings) })}
}

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "github", Title: "GitHub", Version: "1",
		Kinds:       []plugins.Kind{plugins.Commit, plugins.Pull, plugins.Issue, plugins.Branch, plugins.Tag, plugins.File},
		Remotes:     f.sites.Remotes(),
		Environment: environment,
		Can:         f.batches(),
	}, nil
}

// batches says that many things cost few requests where a variable has a token: with
// it they are asked by GraphQL. What gh has is known only when it was asked.
func (f Forge) batches() []string {
	if slices.ContainsFunc(f.tokens, func(name string) bool { return os.Getenv(name) != "" }) {
		return []string{plugins.CanBatch, plugins.CanBatchChanges}
	}
	return nil
}

// locate finds the site of a remote, with its address, and the project there.
func (f Forge) locate(remote string) (site plugins.Site, project string, ok bool) {
	site, project, ok = f.sites.Locate(remote)
	if !ok || strings.Count(project, "/") != 1 {
		return plugins.Site{}, "", false
	}
	if site.URL == "" { // an Enterprise host
		r, _ := plugins.ParseRemote(remote) // which Locate has read
		if strings.HasPrefix(r.Host, "github.com.") || strings.HasPrefix(r.Host, "github.com:") {
			return plugins.Site{}, "", false // somebody who wants to be taken for GitHub
		}
		site.URL = "https://" + r.Host
	}
	return site, project, true
}

// Links makes GitHub's addresses.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	site, project, ok := f.locate(remote)
	if !ok {
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
