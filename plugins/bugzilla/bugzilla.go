// Package bugzilla knows the addresses of bugs in Bugzilla: of those that a name
// in front of the number tells (bsc#1, rhbz#1), of plain ones (bug 1) in the
// repositories of projects that use a public site, and of sites that the settings
// name. It asks no network.
package bugzilla

import (
	"context"
	"regexp"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

const page = "/show_bug.cgi?id={number}"

// plain is how repositories of a project name its own bugs.
var plain = regexp.MustCompile(`^(bug|bz)$`)

// public are the sites that everybody can read.
var public = plugins.Tracker{
	{Page: "https://bugzilla.suse.com" + page, Names: []string{"bsc", "bnc"}, Own: plain, Remotes: []string{"github.com/SUSE"}},
	{Page: "https://bugzilla.opensuse.org" + page, Names: []string{"boo"}, Own: plain, Remotes: []string{"github.com/openSUSE", "src.opensuse.org", "code.opensuse.org"}},
	{Page: "https://bugzilla.redhat.com" + page, Names: []string{"rhbz"}, Own: plain, Remotes: []string{"src.fedoraproject.org", "pkgs.fedoraproject.org", "gitlab.com/redhat"}},
	{Page: "https://bugzilla.kernel.org" + page, Own: plain, Remotes: []string{"git.kernel.org", "gitolite.kernel.org", "kernel.googlesource.com/pub/scm", "github.com/torvalds", "github.com/gregkh"}},
	{Page: "https://sourceware.org/bugzilla" + page, Own: plain, Remotes: []string{"sourceware.org/git"}},
	{Page: "https://gcc.gnu.org/bugzilla" + page, Own: plain, Remotes: []string{"gcc.gnu.org", "github.com/gcc-mirror"}},
	{Page: "https://bugzilla.mozilla.org" + page, Own: plain, Remotes: []string{"github.com/mozilla-firefox", "github.com/mozilla", "github.com/bugzilla"}},
	{Page: "https://bugzilla.yoctoproject.org" + page, Own: plain, Remotes: []string{"git.yoctoproject.org", "git.openembedded.org", "github.com/openembedded", "github.com/yoctoproject"}},
	{Page: "https://bugzilla.samba.org" + page, Own: plain, Remotes: []string{"git.samba.org", "gitlab.com/samba-team", "github.com/samba-team"}},
}

// Forge is Bugzilla.
type Forge struct{ bugs plugins.Tracker }

var _ plugins.Forge = Forge{}

// New makes the forge. The remotes of a setting are repositories whose plain bugs
// it has.
func New(settings ...plugins.Setting) Forge {
	all := plugins.Tracker{}
	for _, s := range settings {
		if base, ok := plugins.Base(s.URL); ok {
			all = append(all, plugins.Place{Page: base + page, Own: plain, Remotes: s.Remotes})
		}
	}
	return Forge{append(all, public...)}
}

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "bugzilla", Title: "Bugzilla", Version: "1", Kinds: []plugins.Kind{plugins.Bug},
		Remotes: f.bugs.Remotes(), Keys: f.bugs.Keys(),
	}, nil
}

// Links makes Bugzilla's addresses.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	urls, known := f.bugs.Links(remote, items)
	return urls, known, nil
}
