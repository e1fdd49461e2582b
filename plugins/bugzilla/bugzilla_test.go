package bugzilla_test

import (
	"slices"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/bugzilla"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
)

var page = forgetest.Page

func TestConformance(t *testing.T) {
	bug := func(id string) plugins.Item { return plugins.Item{Kind: plugins.Bug, ID: id} }
	const address = "/show_bug.cgi?id="
	forgetest.Run(t, bugzilla.New(plugins.Setting{URL: "https://bugs.example.org/bz/", Remotes: []string{"git.example.org"}}, plugins.Setting{URL: "javascript:x", Remotes: []string{"*"}}), forgetest.Cases{
		Name:   "bugzilla",
		Others: []string{"https://github.com/a/b"},
		Links: slices.Concat(
			forgetest.Everywhere("git.kernel.org", "pub/scm/linux/kernel/git/torvalds/linux", bug("bug#1"), "https://bugzilla.kernel.org"+address+"1"),
			forgetest.Everywhere("git.example.org", "a/b", bug("bug#1"), "https://bugs.example.org/bz"+address+"1"),
			[]forgetest.Link{
				page("", bug("bsc#1182"), "https://bugzilla.suse.com"+address+"1182"),
				page("", bug("bnc#1"), "https://bugzilla.suse.com"+address+"1"),
				page("", bug("boo#1"), "https://bugzilla.opensuse.org"+address+"1"),
				page("", bug("rhbz#1"), "https://bugzilla.redhat.com"+address+"1"),
				page("", bug("bug#1"), ""),
				page("", bug("lp#1"), ""),
				page("", bug("bsc#01"), ""),
				page("https://github.com/torvalds/linux", bug("bz#1"), "https://bugzilla.kernel.org"+address+"1"),
				page("https://github.com/torvalds/linux", bug("bsc#1"), ""), // known without a remote
				page("git://sourceware.org/git/glibc.git", bug("bug#1"), "https://sourceware.org/bugzilla"+address+"1"),
				page("git://gcc.gnu.org/git/gcc.git", bug("bug#1"), "https://gcc.gnu.org/bugzilla"+address+"1"),
				page("https://github.com/mozilla-firefox/firefox", bug("bug#1"), "https://bugzilla.mozilla.org"+address+"1"),
			},
		),
	})
}
