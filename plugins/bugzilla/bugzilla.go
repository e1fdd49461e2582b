// Package bugzilla knows the addresses of bugs in Bugzilla: of those that a name
// in front of the number tells (bsc#1, rhbz#1), of plain ones (bug 1) in the
// repositories of projects that use a public site, and of sites that the settings
// name. It asks those sites what the bugs are (ask.go), by Bugzilla's REST
// interface.
package bugzilla

import (
	"context"
	"regexp"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// plain is how repositories of a project name its own bugs.
var plain = regexp.MustCompile(`^(bug|bz)$`)

// public are the sites that everybody can read.
var public = plugins.Tracker{
	site("https://bugzilla.suse.com", false, []string{"bsc", "bnc"}, []string{"github.com/SUSE"}),
	site("https://bugzilla.opensuse.org", false, []string{"boo"}, []string{"github.com/openSUSE", "src.opensuse.org", "code.opensuse.org"}),
	site("https://bugzilla.redhat.com", false, []string{"rhbz"}, []string{"src.fedoraproject.org", "pkgs.fedoraproject.org", "gitlab.com/redhat"}),
	site("https://bugzilla.kernel.org", false, nil, []string{"git.kernel.org", "gitolite.kernel.org", "kernel.googlesource.com/pub/scm", "github.com/torvalds", "github.com/gregkh"}),
	site("https://sourceware.org/bugzilla", false, nil, []string{"sourceware.org/git"}),
	site("https://gcc.gnu.org/bugzilla", false, nil, []string{"gcc.gnu.org", "github.com/gcc-mirror"}),
	site("https://bugzilla.mozilla.org", false, nil, []string{"github.com/mozilla-firefox", "github.com/mozilla", "github.com/bugzilla"}),
	site("https://bugzilla.yoctoproject.org", false, nil, []string{"git.yoctoproject.org", "git.openembedded.org", "github.com/openembedded", "github.com/yoctoproject"}),
	site("https://bugzilla.samba.org", false, nil, []string{"git.samba.org", "gitlab.com/samba-team", "github.com/samba-team"}),
}

// site is a place at an address.
func site(base string, own bool, names, remotes []string) plugins.Place {
	return plugins.Place{
		Page: base + "/show_bug.cgi?id={number}", Names: names, Own: plain, Remotes: remotes,
		Site: plugins.Site{URL: base, API: base + "/rest", Own: own},
	}
}

// bearers are the sites that take a key as Authorization alone. All others have it
// in a header of Bugzilla's own.
var bearers = map[string]bool{"https://bugzilla.redhat.com": true}

// Forge is Bugzilla.
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

// New makes the forge. The remotes of a setting are repositories whose plain bugs
// it has.
func New(settings ...plugins.Setting) Forge {
	all := plugins.Tracker{}
	for _, s := range settings {
		if base, ok := plugins.Base(s.URL); ok {
			all = append(all, site(base, true, nil, s.Remotes))
		}
	}
	all = append(all, public...)
	return Forge{all, sync.OnceValues(func() (*web.Client, error) {
		var places []web.Place
		for _, p := range all {
			at := web.Place{Site: p.Site, API: p.Site.API}
			if !bearers[p.Site.URL] {
				at.Header = "X-BUGZILLA-API-KEY"
			}
			places = append(places, at)
		}
		return web.ForForge(web.Options{UserAgent: "cabhfuil-bugzilla/1"}, settings, places...)
	})}
}

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "bugzilla", Title: "Bugzilla", Version: "1", Kinds: []plugins.Kind{plugins.Bug},
		Remotes: f.bugs.Remotes(), Keys: f.bugs.Keys(), Can: []string{plugins.CanBatch},
	}, nil
}

// Links makes Bugzilla's addresses.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	urls, known := f.bugs.Links(remote, items)
	return urls, known, nil
}
