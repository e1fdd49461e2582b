// Package launchpad knows Launchpad's addresses: of bugs, LP: #1 wherever it
// stands and Closes-Bug: #1 in the repositories of projects that have their bugs
// there, and of the code that it hosts. Of bugs it asks Launchpad (ask.go), as
// anybody may: of the code it hosts, nothing.
package launchpad

import (
	"context"
	"net/url"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// code is where Launchpad shows repositories, by cgit.
const code = "https://git.launchpad.net"

var (
	hosts = plugins.Sites{{Match: "git.launchpad.net", URL: code}, {Match: "code.launchpad.net", URL: code}}
	bugs  = plugins.Tracker{{
		Page: "https://bugs.launchpad.net/bugs/{number}", Names: []string{"lp"}, Own: plugins.PlainBug,
		Site:    plugins.Site{URL: "https://bugs.launchpad.net", API: "https://api.launchpad.net/devel"},
		Remotes: append([]string{"opendev.org", "review.opendev.org", "git.openstack.org", "review.openstack.org", "github.com/openstack", "github.com/canonical"}, hosts.Remotes()...),
	}}
)

// Forge is Launchpad.
type Forge struct {
	bugs   plugins.Tracker
	client func() (*web.Client, error)
}

var (
	_ plugins.Forge    = Forge{}
	_ plugins.Resolver = Forge{}
	_ plugins.Lister   = Forge{}
	_ plugins.Reporter = Forge{}
)

// New makes the forge. The remotes of the settings are repositories whose plain
// bugs are Launchpad's.
func New(settings ...plugins.Setting) Forge { return at(bugs[0].Site, settings) }

// at makes the forge of a Launchpad elsewhere, which tests have.
func at(site plugins.Site, settings []plugins.Setting) Forge {
	all := plugins.Tracker{}
	for _, s := range settings {
		if len(s.Remotes) > 0 {
			all = append(all, plugins.Place{Page: bugs[0].Page, Own: plugins.PlainBug, Remotes: s.Remotes})
		}
	}
	all = append(all, bugs...)
	for i := range all {
		all[i].Site = site
	}
	return Forge{all, sync.OnceValues(func() (*web.Client, error) {
		return web.ForForge(web.Options{UserAgent: "cabhfuil-launchpad/1"}, nil, web.Place{Site: site, API: site.API})
	})}
}

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "launchpad", Title: "Launchpad", Version: "1",
		Kinds:   []plugins.Kind{plugins.Bug, plugins.Commit, plugins.Branch, plugins.Tag, plugins.File},
		Remotes: f.bugs.Remotes(), Keys: f.bugs.Keys(),
	}, nil
}

// Links makes Launchpad's addresses.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	urls, known := f.bugs.Links(remote, items)
	if site, project, ok := hosts.Locate(remote); ok {
		pages := plugins.Pages(project, items, func(project string, it plugins.Item) string { return page(site.URL+"/"+project, it) })
		for i := range urls {
			if urls[i] == "" {
				urls[i] = pages[i]
			}
		}
		known = true
	}
	return urls, known, nil
}

// page is the address of an item of a project that Launchpad hosts, or "".
func page(base string, it plugins.Item) string {
	switch it.Kind {
	case plugins.Commit:
		return base + "/commit/?id=" + it.ID
	case plugins.Branch:
		return base + "/log/?h=" + url.QueryEscape(it.ID)
	case plugins.Tag:
		return base + "/tag/?h=" + url.QueryEscape(it.ID)
	case plugins.File:
		ref := "h="
		if plugins.IsHash(it.ID) {
			ref = "id="
		}
		return base + "/tree/" + plugins.PathEscape(strings.TrimPrefix(it.Path, "/")) + "?" + ref + url.QueryEscape(it.ID) + plugins.Fragment("n", it.Line)
	}
	return ""
}
