// Package template makes addresses of trackers that no other plugin knows: of
// keys that match an expression, by a URL with {1} for its first group. The
// settings name them; Python's old tracker (bpo#1) is built in. It asks no network:
// an address says nothing of what a program could ask there.
package template

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// entry is one kind of key.
type entry struct {
	key     *regexp.Regexp
	text    string // of the expression
	page    string
	remotes []string // whose repositories it is for; none for all
}

// Forge makes addresses by templates.
type Forge struct{ entries []entry }

var _ plugins.Forge = Forge{}

// New makes the forge. Settings that cannot be used are left out.
func New(settings ...plugins.Setting) Forge {
	var f Forge
	for _, s := range append(settings, plugins.Setting{Key: `bpo#([0-9]+)`, URL: "https://bugs.python.org/issue{1}"}) {
		re, err := regexp.Compile(`^(?:` + s.Key + `)$`)
		if err != nil || s.Key == "" || !web(s.URL) {
			continue
		}
		f.entries = append(f.entries, entry{re, s.Key, s.URL, s.Remotes})
	}
	return f
}

// group is the place of a group in an address.
var group = regexp.MustCompile(`\{[0-9]\}`)

// web says whether an address is one of the web, and its host does not depend on
// the key.
func web(page string) bool {
	scheme, rest, _ := strings.Cut(page, "://")
	host, path, _ := strings.Cut(rest, "/")
	_, ok := plugins.Base(scheme + "://" + host)
	u, err := url.Parse(group.ReplaceAllString(path, "1"))
	return ok && err == nil && u.Scheme == ""
}

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	d := plugins.Description{Name: "template", Title: "Addresses by template", Version: "1", Kinds: []plugins.Kind{plugins.Bug}}
	for _, e := range f.entries {
		d.Remotes = append(d.Remotes, e.remotes...)
		if len(e.remotes) == 0 {
			d.Keys = append(d.Keys, e.text)
		}
	}
	return d, nil
}

// Links makes the addresses of keys.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) (urls []string, known bool, err error) {
	r, ok := plugins.ParseRemote(remote)
	urls = make([]string, len(items))
	for i, it := range items {
		if _, _, isBug := plugins.BugID(it.ID); it.Kind != plugins.Bug || !isBug {
			continue
		}
		for _, e := range f.entries {
			here := remote == "" && len(e.remotes) == 0
			for _, pattern := range e.remotes {
				here = here || ok && r.Matches(pattern)
			}
			if m := e.key.FindStringSubmatch(it.ID); here && m != nil {
				urls[i], known = e.fill(m), true
				break
			}
		}
	}
	return urls, known, nil
}

// fill puts the groups where the address names them.
func (e entry) fill(groups []string) string {
	return group.ReplaceAllStringFunc(e.page, func(place string) string {
		if n := int(place[1] - '0'); n < len(groups) {
			return url.QueryEscape(groups[n])
		}
		return ""
	})
}
