package github

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// api is where a site's REST interface begins, "" for one that is not asked: only
// github.com is, and what the user's settings name.
func api(site plugins.Site) string {
	u, err := url.Parse(site.URL)
	switch {
	case site.API != "":
		return site.API
	case !site.Own || err != nil:
		return ""
	case site.URL == public:
		return publicAPI
	case strings.HasSuffix(u.Host, ".ghe.com"): // Enterprise Cloud with data residency
		return u.Scheme + "://api." + u.Host
	}
	return site.URL + "/api/v3" // Enterprise Server
}

// graphqlOf is where GraphQL is asked beside a REST interface.
func graphqlOf(rest string) string { return strings.TrimSuffix(rest, "/v3") + "/graphql" }

// environment are the variables that gh has its tokens in, and where it finds its
// own store.
var environment = []string{
	"GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN",
	"GH_CONFIG_DIR", "XDG_CONFIG_HOME", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "APPDATA",
}

// defaults are where a site's token is that no setting tells of: where gh has it,
// for the site that gh has it for. For others than github.com gh gives what is in
// the variables to whatever host it is asked about. They count where the settings
// name one such site; where they name more, only what gh keeps by host does.
func defaults(rest string, site plugins.Site, alone bool) []web.Source {
	if rest == publicAPI {
		return []web.Source{web.Env("GH_TOKEN", "GITHUB_TOKEN"), web.Command("gh", "auth", "token", "--hostname", "github.com")}
	}
	u, err := url.Parse(site.URL)
	if err != nil {
		return nil
	}
	stored := web.Command("gh", "auth", "token", "--hostname", u.Host)
	kept := web.Source{Name: stored.Name, Read: func(ctx context.Context, host string) (string, string, error) {
		if slices.ContainsFunc(environment[:4], func(name string) bool { return os.Getenv(name) != "" }) {
			return "", "", nil // gh could give that instead
		}
		return stored.Read(ctx, host)
	}}
	if alone {
		return []web.Source{web.Env("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"), kept}
	}
	return []web.Source{kept}
}

// newClient makes the client for the sites that are asked.
func newClient(sites plugins.Sites, settings []plugins.Setting) (*web.Client, error) {
	var own []string
	for _, s := range sites {
		if rest := api(s); rest != "" && rest != publicAPI && !slices.Contains(own, rest) {
			own = append(own, rest)
		}
	}
	var places []web.Place
	for _, s := range sites {
		if rest := api(s); rest != "" {
			places = append(places, web.Place{Site: s, API: rest, From: defaults(rest, s, len(own) == 1), Default: rest == publicAPI})
		}
	}
	return web.ForForge(web.Options{
		UserAgent:          "cabhfuil-lsp",
		Header:             http.Header{"Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}},
		IgnoreCacheControl: true, // a minute, after which who has no token pays for each confirmation
		TooMuch:            tooMuch,
	}, settings, places...)
}

// host is where the questions about a remote go.
type host struct {
	client  *web.Client // nil for a host that is not asked
	rest    string
	project string // of the remote
}

// ask finds who is asked about a remote. known is false where it is not GitHub's.
func (f Forge) ask(remote string) (h host, known bool, err error) {
	site, project, ok := f.locate(remote)
	if !ok {
		return host{}, false, nil
	}
	h = host{rest: api(site), project: project}
	if h.rest == "" {
		return h, true, nil
	}
	h.client, err = f.client()
	return h, true, err
}

// notAsked is the answer of a host that is not asked.
var notAsked = plugins.Answer{Problem: plugins.NotAsked, Detail: "the host was recognised by its name alone; name it under forges in the configuration to have it asked"}

// reference is an issue or a pull request, which share one count. The zero value
// is none.
type reference struct {
	project string // owner/repo
	number  int
}

// references says what items are, in order.
func references(project string, items []plugins.Item) []reference {
	refs := make([]reference, len(items))
	for i, it := range items {
		at, ok := it.In(project)
		n, err := strconv.Atoi(it.ID)
		if ok && (it.Kind == plugins.Pull || it.Kind == plugins.Issue) && strings.Count(at, "/") == 1 && err == nil && n <= math.MaxInt32 { // which GraphQL's numbers end with
			refs[i] = reference{at, n}
		}
	}
	return refs
}

// Resolve says what issues and pull requests are.
func (f Forge) Resolve(ctx context.Context, remote string, items []plugins.Item) ([]plugins.Answer, error) {
	answers := make([]plugins.Answer, len(items))
	h, known, err := f.ask(remote)
	if err != nil || !known {
		return answers, err
	}
	refs := references(h.project, items)
	var distinct []reference
	pulls := map[reference]bool{} // what is said to be one
	for i, ref := range refs {
		if _, seen := pulls[ref]; !seen && ref.number != 0 {
			distinct = append(distinct, ref)
		}
		pulls[ref] = pulls[ref] || items[i].Kind == plugins.Pull
	}
	found := answered(ctx, h, distinct,
		func() map[reference]plugins.Answer { return h.graphResolve(ctx, distinct) },
		func(ref reference) plugins.Answer { return h.restResolve(ctx, ref, pulls[ref]) })
	for i, ref := range refs {
		answers[i] = found[ref]
	}
	return answers, nil
}

// Changes finds the pull requests that commits came with.
func (f Forge) Changes(ctx context.Context, remote string, commits []string) ([]plugins.Answer, error) {
	answers := make([]plugins.Answer, len(commits))
	h, known, err := f.ask(remote)
	if err != nil || !known {
		return answers, err
	}
	var distinct []string
	seen := map[string]bool{}
	for _, c := range commits {
		if len(c) == 40 && plugins.IsHash(c) && !seen[c] {
			distinct = append(distinct, c)
		}
		seen[c] = true
	}
	found := answered(ctx, h, distinct,
		func() map[string]plugins.Answer { return h.graphChanges(ctx, distinct) },
		func(commit string) plugins.Answer { return h.restChanges(ctx, commit) })
	for i, c := range commits {
		answers[i] = found[c]
	}
	return answers, nil
}

// answered asks for all of something: at once where there is a token, else one by one.
func answered[T comparable](ctx context.Context, h host, all []T, atOnce func() map[T]plugins.Answer, one func(T) plugins.Answer) map[T]plugins.Answer {
	same := func(a plugins.Answer) map[T]plugins.Answer {
		found := map[T]plugins.Answer{}
		for _, t := range all {
			found[t] = a
		}
		return found
	}
	switch {
	case len(all) == 0:
		return nil
	case h.client == nil:
		return same(notAsked)
	}
	token, err := h.client.HasToken(ctx, h.rest)
	switch {
	case err != nil:
		return same(web.Said(nil, err))
	case token:
		return atOnce()
	}
	answers := make([]plugins.Answer, len(all))
	each(len(all), func(i int) { answers[i] = one(all[i]) })
	found := map[T]plugins.Answer{}
	for i, t := range all {
		found[t] = answers[i]
	}
	return found
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
