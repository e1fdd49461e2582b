// Package github knows GitHub's addresses: github.com, and Enterprise hosts
// whose name begins with "github.". It asks no network.
package github

import (
	"context"
	"strconv"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// Forge is GitHub.
type Forge struct{}

var _ plugins.Forge = Forge{}

// New makes the forge.
func New() Forge { return Forge{} }

// Describe says what it is.
func (Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "github", Title: "GitHub", Version: "1",
		Kinds: []plugins.Kind{plugins.Commit, plugins.Pull, plugins.Issue, plugins.Branch, plugins.Tag, plugins.File},
	}, nil
}

// Links makes GitHub's addresses.
func (Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	r, ok := plugins.ParseRemote(remote)
	host := strings.TrimPrefix(r.Host, "www.")
	if !ok || strings.Count(r.Project, "/") != 1 || host != "github.com" && !strings.HasPrefix(host, "github.") {
		return nil, false, nil
	}
	urls := make([]string, len(items))
	for i, it := range items {
		project := r.Project
		if it.Project != "" {
			other, ok := plugins.ParseRemote("https://" + host + "/" + it.Project)
			if !ok || strings.Count(other.Project, "/") != 1 {
				continue
			}
			project = other.Project
		}
		if path := page(it); path != "" {
			urls[i] = "https://" + host + "/" + project + path
		}
	}
	return urls, true, nil
}

// page is the address of an item below its project, or "".
func page(it plugins.Item) string {
	id := plugins.PathEscape(it.ID)
	if id == "" {
		return ""
	}
	switch it.Kind {
	case plugins.Commit:
		return "/commit/" + id
	case plugins.Branch:
		return "/tree/" + id
	case plugins.Tag:
		return "/releases/tag/" + id
	case plugins.File:
		path := "/blob/" + id + "/" + plugins.PathEscape(strings.TrimPrefix(it.Path, "/"))
		if it.Line > 0 {
			path += "#L" + strconv.Itoa(it.Line)
		}
		return path
	case plugins.Pull, plugins.Issue:
		if n, err := strconv.ParseUint(it.ID, 10, 63); err != nil || n == 0 {
			return ""
		}
		if it.Kind == plugins.Pull {
			return "/pull/" + id
		}
		return "/issues/" + id // leads on to the pull request where it is one
	}
	return ""
}
