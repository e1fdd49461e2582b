// Package forgetest is the conformance suite that every forge passes, in its own
// process or across one.
package forgetest

import (
	"context"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// Cases are what a forge is held to.
type Cases struct {
	Name   string // as Describe says
	Links  []Link
	Others []string // remotes that are not this forge's
}

// Link is an item of a remote and its address; "" for none.
type Link struct {
	Remote string
	Item   plugins.Item
	URL    string
}

// hostile are remotes that no forge may know.
var hostile = []string{"", "ext::sh -c id", "file:///etc/passwd", "/srv/git/x.git", "javascript:alert(1)", "https://", "https://github.com", "https://github.com/", "git@:x/y", "https://github.com/a b/c", "https://github.com/a/../b", "https://gith\x00ub.com/a/b", "https://github.com/<script>/x"}

// Run holds a forge to the cases and to what every forge owes.
func Run(t *testing.T, forge plugins.Forge, c Cases) {
	t.Helper()
	ctx := context.Background()
	d, err := forge.Describe(ctx)
	if err != nil || d.Name != c.Name || d.Title == "" || d.Version == "" || len(d.Kinds) == 0 {
		t.Errorf("it says of itself %+v, %v", d, err)
	}
	for _, l := range c.Links {
		// Together with an item that it cannot know, to see that order is kept.
		urls, known, err := forge.Links(ctx, l.Remote, []plugins.Item{{Kind: "no such kind", ID: "1"}, l.Item})
		if err != nil || !known || len(urls) != 2 {
			t.Errorf("%s: %q, known %v, %v", l.Remote, urls, known, err)
			continue
		}
		if urls[0] != "" || urls[1] != l.URL {
			t.Errorf("%s %+v: %q, not %q", l.Remote, l.Item, urls, l.URL)
		}
		if urls[1] != "" && !strings.HasPrefix(urls[1], "http") {
			t.Errorf("%q is no web address", urls[1])
		}
	}
	for _, remote := range append(c.Others, hostile...) {
		if urls, known, err := forge.Links(ctx, remote, []plugins.Item{{Kind: plugins.Issue, ID: "1"}}); known || err != nil {
			t.Errorf("%q is known: %q, %v", remote, urls, err)
		}
	}
}

// GitHub is what GitHub is held to.
func GitHub() Cases {
	const sha = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
	page := func(remote string, it plugins.Item, url string) Link { return Link{remote, it, url} }
	const base = "https://github.com/acme/engine"
	c := Cases{Name: "github", Others: []string{"https://gitlab.com/a/b", "git@example.com:a/b.git", "https://notgithub.com/a/b", "https://github.com/a/b/c"}}
	for _, remote := range []string{
		"https://github.com/acme/engine", "https://github.com/acme/engine.git", "https://github.com/acme/engine/", "http://GitHub.com/acme/engine", "https://user:secret@github.com/acme/engine.git",
		"git@github.com:acme/engine.git", "ssh://git@github.com/acme/engine.git", "ssh://git@github.com:22/acme/engine", "git://github.com/acme/engine.git", "github.com:acme/engine",
	} {
		c.Links = append(c.Links, page(remote, plugins.Item{Kind: plugins.Commit, ID: sha}, base+"/commit/"+sha))
	}
	const remote = "https://github.com/acme/engine"
	return Cases{Name: c.Name, Others: c.Others, Links: append(c.Links,
		page(remote, plugins.Item{Kind: plugins.Issue, ID: "12"}, base+"/issues/12"),
		page(remote, plugins.Item{Kind: plugins.Pull, ID: "12"}, base+"/pull/12"),
		page(remote, plugins.Item{Kind: plugins.Issue, ID: "12", Project: "other/one"}, "https://github.com/other/one/issues/12"),
		page(remote, plugins.Item{Kind: plugins.Issue, ID: "12", Project: "a/b/c"}, ""),
		page(remote, plugins.Item{Kind: plugins.Issue, ID: "12/../../x"}, ""),
		page(remote, plugins.Item{Kind: plugins.Issue, ID: "0"}, ""),
		page(remote, plugins.Item{Kind: plugins.Branch, ID: "stable/1 #?"}, base+"/tree/stable/1%20%23%3F"),
		page(remote, plugins.Item{Kind: plugins.Tag, ID: "v1.0"}, base+"/releases/tag/v1.0"),
		page(remote, plugins.Item{Kind: plugins.File, ID: sha, Path: "src/a b.c", Line: 7}, base+"/blob/"+sha+"/src/a%20b.c#L7"),
		page("https://github.example.com/acme/engine", plugins.Item{Kind: plugins.Issue, ID: "3"}, "https://github.example.com/acme/engine/issues/3"),
	)}
}
