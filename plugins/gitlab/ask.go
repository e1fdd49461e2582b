package gitlab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// environment are the variables that glab has a token in, those that say of which
// host, and where it finds its own store.
var environment = []string{
	"GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN", "GITLAB_HOST", "GL_HOST",
	"GLAB_CONFIG_DIR", "XDG_CONFIG_HOME", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "APPDATA",
}

// glabTokens are the variables whose token glab gives for whatever host it is asked
// about.
var glabTokens = []string{"GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN", "OAUTH_TOKEN"}

// tokenHost is the host that the token in the environment is for.
func tokenHost() string {
	for _, name := range []string{"GITLAB_HOST", "GL_HOST"} {
		if v := strings.TrimSpace(os.Getenv(name)); v != "" {
			if _, host, ok := strings.Cut(v, "://"); ok {
				v = host
			}
			return strings.ToLower(strings.TrimRight(v, "/"))
		}
	}
	return "gitlab.com"
}

// defaults are where a site's token is that no setting tells of: in the environment
// for the host that this is for, and in what glab keeps by host.
func defaults(site plugins.Site) []web.Source {
	u, err := url.Parse(site.URL)
	if err != nil {
		return nil
	}
	variables := web.Env("GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN")
	stored := web.Command("glab", "config", "get", "token", "--host", u.Host)
	return []web.Source{
		{Name: variables.Name, Read: func(ctx context.Context, host string) (string, string, error) {
			if of := tokenHost(); of != u.Host && of != strings.TrimPrefix(site.URL, u.Scheme+"://") {
				return "", "", nil
			}
			return variables.Read(ctx, host)
		}},
		{Name: stored.Name, Read: func(ctx context.Context, host string) (string, string, error) {
			if slices.ContainsFunc(glabTokens, func(name string) bool { return os.Getenv(name) != "" }) {
				return "", "", nil // glab could give that instead
			}
			return stored.Read(ctx, host)
		}},
	}
}

// newClient makes the client for the sites. Tokens go as Bearer, which GitLab takes
// for personal, project, group and OAuth tokens alike.
func newClient(sites plugins.Sites, settings []plugins.Setting) (*web.Client, error) {
	var places []web.Place
	for _, s := range sites {
		places = append(places, web.Place{Site: s, API: s.API, From: defaults(s), Default: s.URL == public})
	}
	return web.ForForge(web.Options{
		UserAgent:          "cabhfuil-lsp",
		Header:             http.Header{"Accept": {"application/json"}},
		IgnoreCacheControl: true, // which forbids to keep anything
	}, settings, places...)
}

// host is where the questions about a remote go.
type host struct {
	client  *web.Client
	site    plugins.Site
	project string // of the remote
}

// ask finds who is asked about a remote. known is false where it is not GitLab's.
func (f Forge) ask(remote string) (h host, known bool, err error) {
	site, project, ok := f.locate(remote)
	if !ok {
		return host{}, false, nil
	}
	client, err := f.client()
	return host{client, site, project}, true, err
}

// address is one of the interface for a project.
func (h host) address(project, path string, query url.Values) string {
	a := h.site.API + "/projects/" + url.PathEscape(project) + path
	if len(query) > 0 {
		a += "?" + query.Encode()
	}
	return a
}

// perPage is the longest page that GitLab gives.
const perPage = 100

// pages reads a list page by page, maxPages at most, or until each says that it was
// enough. The response is the last page's, but as of when the oldest was told; more
// says that there is a page beyond.
func pages[T interface{ valid() bool }](ctx context.Context, h host, address string, maxPages int, each func(list []T) (enough bool)) (response *web.Response, more bool, err error) {
	n := 0
	err = h.client.Pages(ctx, address, func(page *web.Response) error {
		var list []T
		if err := json.Unmarshal(page.Body, &list); err != nil {
			return fmt.Errorf("%s: %w: %w", page.URL.Host, web.ErrMalformed, err)
		}
		if slices.ContainsFunc(list, func(t T) bool { return !t.valid() }) {
			return fmt.Errorf("%s: %w", page.URL.Host, web.ErrMalformed)
		}
		n++
		if response != nil {
			if response.Checked.Before(page.Checked) {
				page.Checked = response.Checked
			}
			if page.Stale == nil {
				page.Stale = response.Stale
			}
		}
		response = page
		next, err := web.LinkNext(page)
		more = next != ""
		if each(list) || n == maxPages {
			return web.ErrStop
		}
		return err
	})
	return response, more, err
}

// atOnce is how many questions wait for the client, which has a bound of its own.
const atOnce = 8

// each calls do with 0 to n-1, several at once.
func each(n int, do func(i int)) {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := range n {
		g.Go(func() error { do(i); return nil })
	}
	_ = g.Wait() // nothing fails
}

// Health says how the hosts are doing that were asked.
func (f Forge) Health(context.Context) ([]plugins.Health, error) {
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	return client.Health(), nil
}
