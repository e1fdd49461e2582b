// Package forgetest is the conformance suite that every forge passes, in its own
// process or across one.
package forgetest

import (
	"context"
	"net/url"
	"slices"
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

// Link is an item of a remote and its address; "" for none. A tracker's remote may
// be "" too.
type Link struct {
	Remote string
	Item   plugins.Item
	URL    string
}

// hostile are remotes that no forge may know.
var hostile = []string{"", "ext::sh -c id", "file:///etc/passwd", "/srv/git/x.git", "javascript:alert(1)", "https://", "https://github.com", "https://github.com/", "git@:x/y", "https://github.com/a b/c", "https://github.com/a/../b", "https://gith\x00ub.com/a/b", "https://github.com/<script>/x",
	"https://github.com.evil.example/a/b", "https://gitlab.com.evil.example/a/b", "https://gitlab.com@evil.example/a/b", "https://evil.example/gitlab.com/a/b", "git@codeberg.org.evil.example:a/b", "https://bitbucket.org.evil.example/a/b", "https://opendev.org.evil.example/a/b",
	"https://xgooglesource.com/a", "https://googlesource.com.evil.example/a", "https://evil.example/https://gitlab.com/a/b", "https://gitlab.com:x@evil.example/a/b", "https://gitlab.com\\@evil.example/a/b", "https://gitlab.com%2eevil.example/a/b",
}

// hostileItems holds that whatever an item says, its address is one of the web's,
// on the forge's own host.
func hostileItems(t *testing.T, forge plugins.Forge, l Link, at string) {
	t.Helper()
	var items []plugins.Item
	for _, kind := range []plugins.Kind{plugins.Commit, plugins.Pull, plugins.Issue, plugins.Change, plugins.Bug, plugins.Branch, plugins.Tag, plugins.File} {
		for _, text := range []string{"", "..", "../../x", "a/../../b", "//evil.example", "@evil.example", "javascript:alert(1)", "1\n2", "a b", "a\x00b", "\x1b[31m", "\"><img src=x>", "a?b#c", "%2e%2e/x", "-1", "0", "bug#0x1", "lp#1?x", "PROJ-1/../../x", "PROJ-1@evil.example", "\u202e1", "1234567#x"} {
			items = append(items, plugins.Item{Kind: kind, ID: text}, plugins.Item{Kind: kind, ID: "1234567", Path: text, Line: -1}, plugins.Item{Kind: kind, ID: "1234567", Path: text, Line: 1}, plugins.Item{Kind: kind, ID: l.Item.ID, Project: text})
		}
	}
	urls, known, err := forge.Links(context.Background(), l.Remote, items)
	if err != nil || !known && len(urls) > 0 && strings.Join(urls, "") != "" || known && len(urls) != len(items) {
		t.Fatalf("%s: %d addresses of %d, known %v, %v", l.Remote, len(urls), len(items), known, err)
	}
	for i, address := range urls {
		if address == "" {
			continue
		}
		u, err := url.Parse(address)
		switch {
		case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil:
			t.Errorf("%q of %+v is no address", address, items[i])
		case strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("<>\"'`()\\", r) }):
			t.Errorf("%q of %+v is not escaped", address, items[i])
		case slices.Contains(strings.Split(u.EscapedPath(), "/"), ".."):
			t.Errorf("%q of %+v leads upwards", address, items[i])
		case items[i].Kind == l.Item.Kind && at != "" && u.Host != at:
			t.Errorf("%q of %+v leads to another host than %s", address, items[i], at)
		}
	}
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

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
		if err != nil || !known && l.URL != "" || len(urls) != 2 && known {
			t.Errorf("%s: %q, known %v, %v", l.Remote, urls, known, err)
			continue
		}
		if !known {
			continue
		}
		if urls[0] != "" || urls[1] != l.URL {
			t.Errorf("%s %+v: %q, not %q", l.Remote, l.Item, urls, l.URL)
		}
		hostileItems(t, forge, l, host(urls[1]))
		claims := d.Claims()
		if urls[1] != "" && !claims(l.Remote, l.Item) {
			t.Errorf("%s %+v: it has a page of what it does not claim", l.Remote, l.Item)
		}
	}
	for _, remote := range append(c.Others, hostile...) {
		if slices.Contains(hostile, remote) && d.Claims()(remote, plugins.Item{Kind: d.Kinds[0], ID: "1"}) && !strings.HasPrefix(remote, "https://github.com") { // of Enterprise's hosts only the beginning is claimed
			t.Errorf("%q is claimed", remote)
		}
		if urls, known, err := forge.Links(ctx, remote, []plugins.Item{{Kind: plugins.Issue, ID: "1"}}); known || err != nil {
			t.Errorf("%q is known: %q, %v", remote, urls, err)
		}
	}
}

// Spellings are git's ways to write a remote.
func Spellings(host, project string) []string {
	return []string{
		"https://" + host + "/" + project, "https://" + host + "/" + project + ".git", "https://" + host + "/" + project + "/", "https://" + host + ":443/" + project, "http://" + host + ":80/" + project,
		"https://user:secret@" + host + "/" + project + ".git", "git@" + host + ":" + project + ".git", host + ":" + project, "git@" + host + ":/" + project,
		"ssh://git@" + host + "/" + project + ".git", "ssh://git@" + host + ":2222/" + project, "git://" + host + "/" + project + ".git", "git+ssh://git@" + host + "/" + project,
		"https://" + strings.ToUpper(host) + "/" + project,
	}
}

// SHA is a commit's name for cases.
const SHA = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"

// Page is a Link.
func Page(remote string, it plugins.Item, url string) Link { return Link{remote, it, url} }

// Everywhere are links of one item, with all spellings of its remote.
func Everywhere(host, project string, it plugins.Item, url string) []Link {
	var all []Link
	for _, remote := range Spellings(host, project) {
		all = append(all, Link{remote, it, url})
	}
	return all
}

// GitHub is what GitHub is held to.
func GitHub() Cases {
	const sha = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
	page := Page
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
