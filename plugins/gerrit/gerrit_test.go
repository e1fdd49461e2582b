package gerrit_test

import (
	"slices"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/gerrit"
)

const sha = forgetest.SHA

var page = forgetest.Page

func TestConformance(t *testing.T) {
	commit := plugins.Item{Kind: plugins.Commit, ID: sha}
	number := plugins.Item{Kind: plugins.Change, ID: "941234"}
	change := plugins.Item{Kind: plugins.Change, ID: "I0123456789abcdef0123456789abcdef01234567"}
	const nova, review = "https://opendev.org/openstack/nova", "https://review.opendev.org"
	forgetest.Run(t, gerrit.New(plugins.Setting{Host: "git.example.org", URL: "https://review.example.org/r"}), forgetest.Cases{
		Name:   "gerrit",
		Others: []string{"https://github.com/a/b", "https://github.com/openstack-attic/x", "https://review.example.net/a", "https://googlesource.com/a", "https://example.org/r/a/b"},
		Links: slices.Concat(
			forgetest.Everywhere("opendev.org", "openstack/nova", change, review+"/q/"+change.ID),
			forgetest.Everywhere("review.opendev.org", "openstack/nova", number, review+"/c/openstack/nova/+/941234"),
			forgetest.Everywhere("git.example.org", "x/b/c", number, "https://review.example.org/r/c/x/b/c/+/941234"),
			[]forgetest.Link{
				page(nova, commit, nova+"/commit/"+sha),
				page("ssh://me@review.opendev.org:29418/openstack/nova", commit, nova+"/commit/"+sha),
				page("https://review.opendev.org/a/openstack/nova", number, review+"/c/openstack/nova/+/941234"),
				page(nova, plugins.Item{Kind: plugins.Branch, ID: "stable/2025.1"}, nova+"/src/branch/stable/2025.1"),
				page(nova, plugins.Item{Kind: plugins.Tag, ID: "32.0.0"}, nova+"/src/tag/32.0.0"),
				page(nova, plugins.Item{Kind: plugins.File, ID: sha, Path: "nova/a b.py", Line: 7}, nova+"/src/commit/"+sha+"/nova/a%20b.py#L7"),
				page(nova, plugins.Item{Kind: plugins.Issue, ID: "1"}, ""),
				page("https://github.com/openstack/nova.git", change, review+"/q/"+change.ID),
				page("https://github.com/openstack/nova.git", commit, ""), // GitHub's
				page("https://github.com/golang/tools", number, "https://go-review.googlesource.com/c/tools/+/941234"),
				page("https://go.googlesource.com/tools", number, "https://go-review.googlesource.com/c/tools/+/941234"),
				page("https://android.googlesource.com/platform/build", number, "https://android-review.googlesource.com/c/platform/build/+/941234"),
				page("https://android-review.googlesource.com/platform/build", commit, "https://android.googlesource.com/platform/build/+/"+sha),
				page("https://chromium.googlesource.com/a/chromium/src.git", commit, "https://chromium.googlesource.com/chromium/src/+/"+sha),
				page("https://chromium.googlesource.com/chromium/src", plugins.Item{Kind: plugins.Branch, ID: "main"}, "https://chromium.googlesource.com/chromium/src/+/refs/heads/main"),
				page("https://chromium.googlesource.com/chromium/src", plugins.Item{Kind: plugins.Tag, ID: "1.0"}, "https://chromium.googlesource.com/chromium/src/+/refs/tags/1.0"),
				page("https://chromium.googlesource.com/chromium/src", plugins.Item{Kind: plugins.File, ID: sha, Path: "a/b.cc", Line: 7}, "https://chromium.googlesource.com/chromium/src/+/"+sha+"/a/b.cc#7"),
				page("https://gerrit.wikimedia.org/r/a/mediawiki/core", number, "https://gerrit.wikimedia.org/r/c/mediawiki/core/+/941234"),
				page("ssh://me@gerrit.wikimedia.org:29418/mediawiki/core", commit, "https://gerrit.wikimedia.org/r/plugins/gitiles/mediawiki/core/+/"+sha),
				page("https://git.example.org/a/b", commit, "https://review.example.org/r/q/"+sha),
			},
		),
	})
}
