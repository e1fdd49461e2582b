package bitbucket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// The bounds of what is asked for. Bitbucket gives 50 pull requests a page at most.
const (
	perPage     = 50
	recentPages = 2 // of what changed last
)

// indexing is for how long nobody asks again while Bitbucket looks through a
// repository.
const indexing = time.Minute

// newClient makes the client of Cloud. Bitbucket forbids to keep its answers, as if
// each were a page for a browser. A token without a user is an access token; an API
// token goes as mail:token.
func newClient(settings []plugins.Setting, sites plugins.Sites, api string) (*web.Client, error) {
	var places []web.Place
	for _, s := range sites {
		if s.URL == cloud {
			places = append(places, web.Place{Site: s, API: api, Default: true})
		}
	}
	return web.ForForge(web.Options{UserAgent: "cabhfuil-lsp (bitbucket)", IgnoreCacheControl: true}, settings, places...)
}

// host is Cloud, asked about one repository, the remote's.
type host struct {
	client *web.Client
	api    string
	home   string
}

// notAsked is the answer of places that are linked to.
var notAsked = plugins.Answer{Problem: plugins.NotAsked, Detail: "Bitbucket Data Center is linked to and not asked"}

// ask finds who is asked about a remote's repository. It is the one place that
// decides: Cloud is, and nobody else. Where others are known, client is nil.
func (f Forge) ask(remote string) (h host, known bool, err error) {
	site, project, ok := f.locate(remote)
	if !ok || site.URL != cloud {
		return host{home: project}, ok, nil
	}
	client, err := f.client()
	return host{client, f.api, project}, true, err
}

// Resolve says what pull requests and issues are, 50 a request. Where a repository
// has no issue tracker, its issues' numbers are pull requests'.
func (f Forge) Resolve(ctx context.Context, remote string, items []plugins.Item) ([]plugins.Answer, error) {
	answers := make([]plugins.Answer, len(items))
	h, known, err := f.ask(remote)
	if err != nil || !known {
		return answers, err
	}
	type group struct {
		project string
		kind    plugins.Kind
	}
	wanted := map[group]map[string][]int{} // by number
	for i, it := range items {
		project, sensible := it.In(h.home)
		if !sensible || it.Kind != plugins.Issue && it.Kind != plugins.Pull || strings.Count(project, "/") != 1 {
			continue
		}
		if h.client == nil {
			answers[i] = notAsked
			continue
		}
		g := group{project, it.Kind}
		if wanted[g] == nil {
			wanted[g] = map[string][]int{}
		}
		wanted[g][it.ID] = append(wanted[g][it.ID], i)
	}
	var wait sync.WaitGroup
	for g, places := range wanted {
		var numbers []string
		for number := range places {
			numbers = append(numbers, number)
		}
		slices.SortFunc(numbers, byNumber) // the same addresses for the same numbers: answers are kept by them
		for chunk := range slices.Chunk(numbers, perPage) {
			wait.Go(func() {
				things, answer := h.things(ctx, g.project, g.kind, chunk)
				for _, number := range chunk {
					one := answer
					if t, ok := things[number]; ok {
						one.Things = []plugins.Thing{t}
					}
					for _, i := range places[number] {
						answers[i] = one
					}
				}
			})
		}
	}
	wait.Wait()
	return answers, nil
}

// byNumber is the order of numbers as text, without leading zeros.
func byNumber(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// every are all states of pull requests; without them only open ones are listed.
var every = []string{"OPEN", "MERGED", "DECLINED", "SUPERSEDED"}

// things asks for up to 50 pull requests or issues by number.
func (h host) things(ctx context.Context, project string, kind plugins.Kind, numbers []string) (map[string]plugins.Thing, plugins.Answer) {
	found := map[string]plugins.Thing{}
	query := url.Values{"q": {anyOf(numbers)}}
	if kind == plugins.Issue {
		all, _, answer, err := list[issue](ctx, h, project, "/issues", query, 1)
		if !errors.Is(err, web.ErrNotFound) {
			for _, it := range all {
				found[it.number()] = it.thing(project, h.home)
			}
			return found, answer
		}
	}
	query["state"] = every
	all, _, answer, _ := list[pull](ctx, h, project, "/pullrequests", query, 1)
	for _, it := range all {
		found[it.number()] = it.thing(project, h.home)
	}
	return found, answer
}

// listing is a page of a paginated list.
type listing[T any] struct {
	Next   string `json:"next"`
	Values []T    `json:"values"`
}

// list reads the first pages of a list; there may be more. The answer has no
// things; it and the error say how the asking went.
func list[T any](ctx context.Context, h host, project, path string, query url.Values, pages int) (all []T, more bool, answer plugins.Answer, err error) {
	query.Set("pagelen", strconv.Itoa(perPage))
	read, next := 0, ""
	err = h.client.PagesBy(ctx, h.address(project, path)+"?"+query.Encode(), func(*web.Response) (string, error) { return next, nil }, func(r *web.Response) error {
		if r.Status != http.StatusOK {
			return errIndexing
		}
		var p listing[T]
		if err := json.Unmarshal(r.Body, &p); err != nil {
			return fmt.Errorf("reading a list of %s: %w", project, err)
		}
		all, next = append(all, p.Values...), p.Next
		if this := web.Said(r, nil); read == 0 || this.Problem != plugins.NoProblem {
			answer = this
		}
		if read++; read == pages && next != "" {
			more = true
			return web.ErrStop
		}
		return nil
	})
	switch {
	case errors.Is(err, errIndexing):
		answer = plugins.Answer{Problem: plugins.Limited, Detail: err.Error(), Retry: time.Now().Add(indexing)}
	case err != nil:
		answer = web.Said(nil, err)
	}
	return all, more, answer, err
}

// errIndexing is the answer 202.
var errIndexing = errors.New("the host is still looking for the pull requests of this repository's commits")

// address is an address of a repository's interface.
func (h host) address(project, path string) string {
	return h.api + "/repositories/" + plugins.PathEscape(project) + path
}

// Changes finds the pull requests of commits. Bitbucket's index of them, which
// somebody has to switch on for a repository, gives their numbers; where it is off
// or not done, the pull requests that changed last are looked through.
func (f Forge) Changes(ctx context.Context, remote string, commits []string) ([]plugins.Answer, error) {
	answers := make([]plugins.Answer, len(commits))
	h, known, err := f.ask(remote)
	if err != nil || !known {
		return answers, err
	}
	wanted := map[string][]int{}
	for i, sha := range commits {
		if !plugins.IsHash(sha) || len(sha) != 40 {
			continue
		}
		if h.client == nil {
			answers[i] = notAsked
			continue
		}
		sha = strings.ToLower(sha)
		wanted[sha] = append(wanted[sha], i)
	}
	if len(wanted) == 0 || h.client == nil {
		return answers, nil
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	by := map[string]*came{}
	for sha := range wanted {
		wait.Go(func() {
			all, _, answer, err := list[pull](ctx, h, h.home, "/commit/"+sha+"/pullrequests", url.Values{}, recentPages)
			it := &came{answer: answer, unsure: errors.Is(err, web.ErrNotFound) || errors.Is(err, errIndexing)}
			for _, p := range all {
				it.numbers = append(it.numbers, p.number())
			}
			mu.Lock()
			defer mu.Unlock()
			by[sha] = it
		})
	}
	wait.Wait()
	h.complete(ctx, by)
	h.recent(ctx, by)
	for sha, places := range wanted {
		for _, i := range places {
			answers[i] = by[sha].answer
		}
	}
	return answers, nil
}

// came is what is known of a commit.
type came struct {
	numbers []string // of its pull requests
	answer  plugins.Answer
	unsure  bool // the index of the repository's commits is off or not done
}

// add adds a pull request. Bitbucket tells hashes by their first twelve digits;
// that of the commit is known.
func (c *came) add(sha string, p pull, home string) {
	t := p.thing(home, home)
	if t.Head == "" && isPrefix(p.Source.Commit.Hash, sha) {
		t.Head = sha
	}
	if t.MergeCommit == "" && isPrefix(p.MergeCommit.Hash, sha) {
		t.MergeCommit = sha
	}
	c.answer.Things = append(c.answer.Things, t)
}

// isPrefix says whether a hash, which may be abbreviated, is a commit's.
func isPrefix(hash, sha string) bool {
	return plugins.IsHash(hash) && strings.HasPrefix(sha, strings.ToLower(hash))
}

// complete asks for the pull requests of commits, of which their index has no more
// than numbers and titles.
func (h host) complete(ctx context.Context, commits map[string]*came) {
	var numbers []string
	for _, c := range commits {
		numbers = append(numbers, c.numbers...)
	}
	slices.SortFunc(numbers, byNumber)
	var mu sync.Mutex
	var wait sync.WaitGroup
	found := map[string]pull{}
	missed := map[string]plugins.Answer{}
	for chunk := range slices.Chunk(slices.Compact(numbers), perPage) {
		wait.Go(func() {
			all, _, answer, _ := list[pull](ctx, h, h.home, "/pullrequests", url.Values{"q": {anyOf(chunk)}, "state": every}, 1)
			mu.Lock()
			defer mu.Unlock()
			for _, p := range all {
				found[p.number()] = p
			}
			for _, number := range chunk {
				missed[number] = answer
			}
		})
	}
	wait.Wait()
	for sha, c := range commits {
		for _, number := range c.numbers {
			if p, ok := found[number]; ok {
				c.add(sha, p, h.home)
			} else if a := missed[number]; a.Problem != plugins.NoProblem {
				c.answer = c.answer.Lacking(a)
			}
		}
	}
}

// recent looks through the pull requests that changed last for commits of which
// the index does not tell.
func (h host) recent(ctx context.Context, commits map[string]*came) {
	unsure := false
	for _, c := range commits {
		unsure = unsure || c.unsure
	}
	if !unsure {
		return
	}
	all, _, answer, _ := list[pull](ctx, h, h.home, "/pullrequests", url.Values{"state": every, "sort": {"-updated_on"}}, recentPages)
	for sha, c := range commits {
		if !c.unsure {
			continue
		}
		indexing := c.answer
		c.answer = answer
		for _, p := range all {
			if isPrefix(p.Source.Commit.Hash, sha) || isPrefix(p.MergeCommit.Hash, sha) {
				c.add(sha, p, h.home)
			}
		}
		if len(c.answer.Things) == 0 && c.answer.Problem == plugins.NoProblem && indexing.Problem != plugins.NoProblem {
			c.answer = indexing
		}
	}
}

// anyOf is the filter for things by number.
func anyOf(numbers []string) string { return "id=" + strings.Join(numbers, " OR id=") }

// openIssues are the states of issues that are not done.
const openIssues = `(state="new" OR state="open" OR state="on hold")`

// Open lists open pull requests and issues. What is typed is looked for in those
// that changed last, which are the same requests whatever it is; where there are
// more, the host looks for it in titles and as a number.
func (f Forge) Open(ctx context.Context, remote, text string, limit int) (plugins.Answer, error) {
	h, known, err := f.ask(remote)
	if err != nil || !known {
		return plugins.Answer{}, err
	}
	if h.client == nil {
		return notAsked, nil
	}
	filter := "title ~ " + quoted(text)
	if plugins.IsNumber(text) {
		filter = "(" + filter + " OR id=" + text + ")"
	}
	var pulls []pull
	var issues []issue
	var ofPulls, ofIssues plugins.Answer
	var wait sync.WaitGroup
	wait.Go(func() {
		var more bool
		pulls, more, ofPulls, _ = list[pull](ctx, h, h.home, "/pullrequests", url.Values{"state": {"OPEN"}, "sort": {"-updated_on"}}, recentPages)
		if more && text != "" && ofPulls.Problem == plugins.NoProblem {
			found, _, answer, _ := list[pull](ctx, h, h.home, "/pullrequests", url.Values{"state": {"OPEN"}, "q": {filter}, "sort": {"-updated_on"}}, 1)
			pulls, ofPulls = append(pulls, found...), answer
		}
	})
	wait.Go(func() {
		var more bool
		issues, more, ofIssues, _ = list[issue](ctx, h, h.home, "/issues", url.Values{"q": {openIssues}, "sort": {"-updated_on"}}, recentPages)
		if more && text != "" && ofIssues.Problem == plugins.NoProblem {
			found, _, answer, _ := list[issue](ctx, h, h.home, "/issues", url.Values{"q": {openIssues + " AND " + filter}, "sort": {"-updated_on"}}, 1)
			issues, ofIssues = append(issues, found...), answer
		}
	})
	wait.Wait()
	answer := ofPulls
	if answer.Problem == plugins.NoProblem {
		answer = ofIssues
	}
	var all []plugins.Thing
	for _, p := range pulls {
		all = append(all, p.thing(h.home, h.home))
	}
	for _, i := range issues {
		all = append(all, i.thing(h.home, h.home))
	}
	slices.SortStableFunc(all, func(a, b plugins.Thing) int { return b.Updated.Compare(a.Updated) })
	type name struct {
		kind plugins.Kind
		id   string
	}
	seen := map[name]bool{}
	for _, t := range all {
		if len(answer.Things) >= limit {
			break
		}
		fits := strings.HasPrefix(t.ID, text) || strings.Contains(strings.ToLower(t.Title), strings.ToLower(text))
		if fits && t.State == plugins.Open && !seen[name{t.Kind, t.ID}] {
			seen[name{t.Kind, t.ID}] = true
			answer.Things = append(answer.Things, t)
		}
	}
	return answer, nil
}

// quoted is a text in a filter.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// Health says how the hosts are doing that were asked.
func (f Forge) Health(context.Context) ([]plugins.Health, error) {
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	return client.Health(), nil
}
