package gitea

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// The bounds of what is read to find something in lists. Gitea gives 50 a page,
// unless its owner says otherwise.
const (
	perPage      = 50
	pullPages    = 4 // of recent pull requests, for commits
	openPages    = 4 // of open issues and pull requests, for completion
	releasePages = 10
	fewTags      = 8 // so many are asked for one by one
)

// newClient makes the client of the sites. Gitea wants answers in JSON to be asked
// for anew each time and has nothing to confirm them by; they are kept for a while
// all the same.
func newClient(settings []plugins.Setting, sites plugins.Sites) (*web.Client, error) {
	var places []web.Place
	for _, s := range sites {
		place := web.Place{Site: s, API: s.URL + "/api/v1", Scheme: "token"}
		if s.URL == "https://codeberg.org" {
			place.From = []web.Source{web.Env(codebergToken)}
		}
		places = append(places, place)
	}
	return web.ForForge(web.Options{UserAgent: "cabhfuil-lsp (gitea)", IgnoreCacheControl: true}, settings, places...)
}

// host is one Gitea that is asked about one repository, the remote's.
type host struct {
	client *web.Client
	site   plugins.Site
	home   string
}

// locate finds who is asked about a remote's repository.
func (f Forge) locate(remote string) (h host, ok bool, err error) {
	site, project, ok := f.sites.Locate(remote)
	if !ok || strings.Count(project, "/") != 1 {
		return host{}, false, nil
	}
	client, err := f.client()
	return host{client, site, project}, err == nil, err
}

// api is an address of a repository's interface.
func (h host) api(project, path string) string {
	return h.site.URL + "/api/v1/repos/" + plugins.PathEscape(project) + path
}

// key is one thing of one repository.
type key struct {
	project string
	kind    plugins.Kind
	number  string
}

// Resolve says what issues and pull requests are: one request for each of them,
// since there is no way to ask for several, and one more where an issue turns out
// to be a pull request or the other way about.
func (f Forge) Resolve(ctx context.Context, remote string, items []plugins.Item) ([]plugins.Answer, error) {
	answers := make([]plugins.Answer, len(items))
	h, ok, err := f.locate(remote)
	if !ok {
		return answers, err
	}
	wanted := map[key][]int{}
	for i, it := range items {
		project, sensible := it.In(h.home)
		if sensible && (it.Kind == plugins.Issue || it.Kind == plugins.Pull) && strings.Count(project, "/") == 1 {
			k := key{project, it.Kind, it.ID}
			wanted[k] = append(wanted[k], i)
		}
	}
	var wait sync.WaitGroup
	for k, places := range wanted {
		wait.Go(func() {
			answer := h.one(ctx, k)
			for _, i := range places {
				answers[i] = answer
			}
		})
	}
	wait.Wait()
	return answers, nil
}

// one asks for one thing.
func (h host) one(ctx context.Context, k key) plugins.Answer {
	if k.kind == plugins.Pull {
		answer := h.pull(ctx, k.project, k.number)
		if answer.Problem != plugins.NoProblem || len(answer.Things) > 0 {
			return answer
		}
	}
	issue, answer := h.issue(ctx, k.project, k.number)
	if issue.PullRequest == nil || len(answer.Things) == 0 || k.kind == plugins.Pull {
		return answer
	}
	if pull := h.pull(ctx, k.project, k.number); len(pull.Things) > 0 {
		return pull
	}
	return answer // a pull request of which the issue's side is all there is
}

// issue asks for an issue, which may be the issue's side of a pull request.
func (h host) issue(ctx context.Context, project, number string) (issue, plugins.Answer) {
	var it issue
	r, err := h.client.JSON(ctx, h.api(project, "/issues/"+number), &it)
	return it, said(r, err, it, number, func() plugins.Thing { return it.thing(h.site, project, h.home) })
}

// pull asks for a pull request.
func (h host) pull(ctx context.Context, project, number string) plugins.Answer {
	var it pull
	r, err := h.client.JSON(ctx, h.api(project, "/pulls/"+number), &it)
	return said(r, err, it.issue, number, func() plugins.Thing { return it.thing(h.site, project, h.home) })
}

// said is web.Said for one thing, which has to be the one that was asked for; any
// number will do where that is "".
func said(r *web.Response, err error, it issue, number string, thing func() plugins.Thing) plugins.Answer {
	switch {
	case err != nil:
		return web.Said(r, err)
	case it.Number == 0 || number != "" && it.number() != number:
		return web.Said(nil, fmt.Errorf("the host answered with something else than #%s", number))
	}
	return web.Said(r, nil, thing())
}

// Changes finds the pull requests of commits: by the host's own answer, which
// knows those that a merge made, and among the heads of the recent ones.
func (f Forge) Changes(ctx context.Context, remote string, commits []string) ([]plugins.Answer, error) {
	answers := make([]plugins.Answer, len(commits))
	h, ok, err := f.locate(remote)
	if !ok {
		return answers, err
	}
	wanted := map[string][]int{}
	for i, sha := range commits {
		if plugins.IsHash(sha) && (len(sha) == 40 || len(sha) == 64) {
			sha = strings.ToLower(sha)
			wanted[sha] = append(wanted[sha], i)
		}
	}
	if len(wanted) == 0 {
		return answers, nil
	}
	var recent []pull
	var listed plugins.Answer
	var wait sync.WaitGroup
	wait.Go(func() {
		recent, _, listed = list[pull](ctx, h, "/pulls", url.Values{"state": {"all"}, "sort": {"recentupdate"}}, pullPages)
	})
	for sha, places := range wanted {
		wait.Go(func() {
			var it pull
			r, err := h.client.JSON(ctx, h.api(h.home, "/commits/"+sha+"/pull"), &it)
			answer := said(r, err, it.issue, "", func() plugins.Thing { return it.thing(h.site, h.home, h.home) })
			for _, i := range places {
				answers[i] = answer
			}
		})
	}
	wait.Wait()
	for sha, places := range wanted {
		answer := answers[places[0]]
		for _, p := range recent {
			if thing := p.thing(h.site, h.home, h.home); (thing.Head == sha || thing.MergeCommit == sha) && !slices.ContainsFunc(answer.Things, func(t plugins.Thing) bool { return t.ID == thing.ID }) {
				answer.Things = append(slices.Clip(answer.Things), thing)
			}
		}
		if answer.Problem == plugins.NoProblem && listed.Problem != plugins.NoProblem && len(answer.Things) == 0 {
			answer = listed // it may be in the list that could not be had
		}
		for _, i := range places {
			answers[i] = answer
		}
	}
	return answers, nil
}

// list reads the first pages of a list; there may be more. The answer has no
// things; it says how the asking went.
func list[T any](ctx context.Context, h host, path string, query url.Values, pages int) (all []T, more bool, answer plugins.Answer) {
	read := 0
	query.Set("limit", strconv.Itoa(perPage))
	err := h.client.Pages(ctx, h.api(h.home, path)+"?"+query.Encode(), func(page *web.Response) error {
		var some []T
		if err := json.Unmarshal(page.Body, &some); err != nil {
			return fmt.Errorf("reading a list of %s: %w", h.home, err)
		}
		all = append(all, some...)
		if this := web.Said(page, nil); read == 0 || this.Problem != plugins.NoProblem {
			answer = this
		}
		if read++; read == pages {
			more = true
			return web.ErrStop
		}
		return nil
	})
	if err != nil {
		answer = web.Said(nil, err)
	}
	return all, more, answer
}

// Open lists open issues and pull requests. What is typed is looked for in the
// recent ones, which are the same requests whatever it is; in what the host finds
// by its words; and as a number.
func (f Forge) Open(ctx context.Context, remote, text string, limit int) (plugins.Answer, error) {
	h, ok, err := f.locate(remote)
	if !ok {
		return plugins.Answer{}, err
	}
	pages := openPages
	if text == "" {
		pages = min(openPages, (limit+perPage-1)/perPage)
	}
	all, more, answer := list[issue](ctx, h, "/issues", url.Values{"state": {"open"}}, pages)
	if answer.Problem == plugins.NoProblem && more && text != "" {
		found, _, also := list[issue](ctx, h, "/issues", url.Values{"state": {"open"}, "q": {text}}, 1)
		all, answer = append(all, found...), worse(answer, also)
		if plugins.IsNumber(text) {
			one, _ := h.issue(ctx, h.home, text)
			all = append(all, one)
		}
	}
	slices.SortStableFunc(all, func(a, b issue) int { return plugins.Time(b.Updated).Compare(plugins.Time(a.Updated)) })
	seen := map[uint64]bool{}
	for _, it := range all {
		if len(answer.Things) >= limit {
			break
		}
		if it.Number == 0 || seen[it.Number] || !strings.HasPrefix(it.number(), text) && !strings.Contains(strings.ToLower(it.Title), strings.ToLower(text)) {
			continue
		}
		seen[it.Number] = true
		if thing := it.thing(h.site, h.home, h.home); thing.State == plugins.Open {
			answer.Things = append(answer.Things, thing)
		}
	}
	return answer, nil
}

// worse is the answer that tells of a problem.
func worse(a, b plugins.Answer) plugins.Answer {
	if a.Problem == plugins.NoProblem && b.Problem != plugins.NoProblem {
		b.Checked = a.Checked
		return b
	}
	return a
}

// Releases gives what tags are called: one request each for a few, the list of
// releases for more.
func (f Forge) Releases(ctx context.Context, remote string, tags []string) ([]plugins.Release, error) {
	releases := make([]plugins.Release, len(tags))
	h, ok, err := f.locate(remote)
	if !ok {
		return releases, err
	}
	if len(tags) > fewTags {
		all, _, answer := list[release](ctx, h, "/releases", url.Values{}, releasePages)
		if answer.Problem != plugins.NoProblem && len(all) == 0 {
			return releases, errors.New(answer.Detail)
		}
		byTag := map[string]release{}
		for _, r := range all {
			byTag[r.Tag] = r
		}
		for i, tag := range tags {
			if r, ok := byTag[tag]; ok {
				releases[i] = r.release(h.site, h.home)
			}
		}
		return releases, nil
	}
	failed := make([]error, len(tags))
	var wait sync.WaitGroup
	for i, tag := range tags {
		if _, sensible := (plugins.Item{Kind: plugins.Tag, ID: tag}).In(h.home); !sensible {
			continue
		}
		wait.Go(func() {
			var r release
			_, err := h.client.JSON(ctx, h.api(h.home, "/releases/tags/"+url.PathEscape(tag)), &r)
			if err == nil && r.Tag == tag {
				releases[i] = r.release(h.site, h.home)
			} else if err != nil && !errors.Is(err, web.ErrNotFound) {
				failed[i] = err
			}
		})
	}
	wait.Wait()
	return releases, errors.Join(failed...)
}

// Health says how the hosts are doing that were asked.
func (f Forge) Health(context.Context) ([]plugins.Health, error) {
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	return client.Health(), nil
}
