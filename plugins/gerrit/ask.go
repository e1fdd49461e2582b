package gerrit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// What one request asks for. Gerrit takes several q and no more than ten
// (QueryChanges.java), which would make a hundred requests of a thousand keys; so
// many are one query, joined by OR, and its answers say which they are for. 125
// terms of a Change-Id are 7 kB of address, less than the 8 kB that proxies take,
// and an eighth of the terms that Gerrit's index takes.
const (
	perQuery = 125
	perPage  = 500 // changes an answer; most hosts give everybody so many
	maxPages = 10  // of one query
)

// newClient makes the client of the sites. Gerrit forbids to keep any answer, so
// that no browser shows a change as it was; what a card shows is a few minutes old
// and says so.
func newClient(settings []plugins.Setting, sites []site) (*web.Client, error) {
	var places []web.Place
	for _, s := range sites {
		if s.URL != "" {
			places = append(places, web.Place{Site: s.Site, API: s.URL, Scheme: "Basic"})
		}
	}
	return web.ForForge(web.Options{UserAgent: "cabhfuil-lsp (gerrit)", IgnoreCacheControl: true}, settings, places...)
}

// host is one Gerrit that is asked.
type host struct {
	client *web.Client
	site
	api string // where /changes/ is
}

// host is the Gerrit of a site. Who has a password is asked below /a/; others get
// what everybody may see.
func (f Forge) host(ctx context.Context, at site) (host, error) {
	client, err := f.client()
	if err != nil {
		return host{}, err
	}
	api := at.URL
	known, err := client.HasToken(ctx, at.URL+"/")
	if known {
		api += "/a"
	}
	return host{client, at, api}, err
}

// magic begins each answer in JSON, so that no page can load it as a script.
var magic = []byte(")]}'")

// decode reads an answer.
func decode(body []byte, into any) error {
	rest, ok := bytes.CutPrefix(body, magic)
	if !ok {
		return errors.New("it does not begin as Gerrit's answers do")
	}
	return json.Unmarshal(rest, into)
}

// query asks for the changes of a project that a search finds, page by page. The
// answer has no things; it says how the asking went.
func (h host) query(ctx context.Context, project, search string, pages int, options ...string) ([]change, plugins.Answer) {
	var all []change
	seen := map[uint64]bool{}
	var said plugins.Answer
	for page := range pages {
		values := url.Values{"q": {"project:" + quoted(project) + " " + search}, "n": {strconv.Itoa(perPage)}, "o": options}
		if page > 0 {
			values.Set("S", strconv.Itoa(len(all)))
		}
		var some []change
		r, err := h.client.Read(ctx, h.api+"/changes/?"+values.Encode(), func(body []byte) error { return decode(body, &some) })
		this := web.Said(r, err)
		if page == 0 || this.Problem != plugins.NoProblem || this.Checked.Before(said.Checked) {
			said = this
		}
		if err != nil {
			return all, said
		}
		before := len(all)
		for _, c := range some {
			if c.Number > 0 && c.Project == project && !seen[c.Number] { // while we read pages, changes move between them
				seen[c.Number] = true
				all = append(all, c)
			}
		}
		if len(some) == 0 || !some[len(some)-1].More || len(all) == before {
			break
		}
	}
	return all, said
}

// details are what a thing needs besides what each answer has.
var details = []string{"CURRENT_REVISION", "DETAILED_ACCOUNTS", "LABELS"}

// changes asks for the changes of a project that match one of the terms, such as
// change:1, in groups of which each may fail alone. Each is given to found, one
// group after the other.
func (h host) changes(ctx context.Context, project string, terms []string, found func(group []string, all []change, said plugins.Answer), options ...string) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	for group := range slices.Chunk(terms, perQuery) {
		wait.Go(func() {
			all, said := h.query(ctx, project, "("+strings.Join(group, " OR ")+")", maxPages, options...)
			mu.Lock()
			defer mu.Unlock()
			found(group, all, said)
		})
	}
	wait.Wait()
}

// quoted is a value in the search syntax. Names of projects have neither quotes
// nor backslashes.
func quoted(value string) string { return `"` + value + `"` }

// wanted are the places in the answers that a key is for, by project and key.
type wanted map[string]map[string][]int

func (w wanted) add(project, key string, i int) {
	if w[project] == nil {
		w[project] = map[string][]int{}
	}
	w[project][key] = append(w[project][key], i)
}

// Resolve says what changes are, by number and Change-Id.
func (f Forge) Resolve(ctx context.Context, remote string, items []plugins.Item) ([]plugins.Answer, error) {
	answers := make([]plugins.Answer, len(items))
	at, home, ok := f.locate(remote)
	if !ok {
		return answers, nil
	}
	want := wanted{}
	for i, it := range items {
		if project, sensible := it.In(home); sensible && it.Kind == plugins.Change {
			want.add(project, strings.ToLower(it.ID), i)
		}
	}
	return answers, f.answer(ctx, at, home, want, answers, byID)
}

// Changes finds the changes that have a commit as one of their patch sets.
func (f Forge) Changes(ctx context.Context, remote string, commits []string) ([]plugins.Answer, error) {
	answers := make([]plugins.Answer, len(commits))
	at, home, ok := f.locate(remote)
	if !ok {
		return answers, nil
	}
	want := wanted{}
	for i, sha := range commits {
		if plugins.IsHash(sha) && (len(sha) == 40 || len(sha) == 64) {
			want.add(home, strings.ToLower(sha), i)
		}
	}
	return answers, f.answer(ctx, at, home, want, answers, byCommit)
}

// A lookup is how changes are found by a kind of key.
type lookup func(ctx context.Context, h host, project string, keys []string) map[string]finding

// finding is what is known by one key.
type finding struct {
	changes []change
	alone   bool // the changes have siblings that the key does not find
	said    plugins.Answer
}

// answer fills the answers with what a lookup finds.
func (f Forge) answer(ctx context.Context, at site, home string, want wanted, answers []plugins.Answer, find lookup) error {
	if len(want) == 0 {
		return nil
	}
	h, err := f.host(ctx, at)
	if err != nil && ctx.Err() == nil {
		return err
	}
	var wait sync.WaitGroup
	for project, keys := range want {
		wait.Go(func() {
			order := slices.Sorted(maps.Keys(keys)) // the same addresses for the same keys: answers are kept by them
			var found map[string]finding
			var family map[string][]change
			if err == nil {
				found = find(ctx, h, project, order)
				family = h.siblings(ctx, project, found)
			}
			for key, places := range keys {
				it := found[key]
				answer := it.said
				if err != nil {
					answer = web.Said(nil, err) // nobody waits any more
				}
				for _, c := range it.changes {
					var copies []change
					if it.alone {
						copies = family[c.ChangeID]
					}
					answer.Things = append(answer.Things, c.thing(at, home, copies))
				}
				for _, i := range places {
					answers[i] = answer
				}
			}
		})
	}
	wait.Wait()
	return nil
}

// byID is the search by numbers and Change-Ids.
func byID(ctx context.Context, h host, project string, keys []string) map[string]finding {
	found := map[string]finding{}
	var terms []string
	for _, key := range keys {
		if plugins.IsNumber(key) {
			terms = append(terms, "change:"+key)
		} else {
			terms = append(terms, "change:I"+key[1:])
		}
	}
	h.changes(ctx, project, terms, func(group []string, all []change, said plugins.Answer) {
		for _, term := range group {
			key := strings.ToLower(strings.TrimPrefix(term, "change:"))
			it := finding{said: said, alone: plugins.IsNumber(key)}
			for _, c := range all {
				if c.number() == key || strings.EqualFold(c.ChangeID, key) {
					it.changes = append(it.changes, c)
				}
			}
			found[key] = it.sorted()
		}
	}, details...)
	return found
}

// byCommit is the search by commits. An answer names the patch set of now; where
// that is none of those asked for, the older ones are asked for too.
func byCommit(ctx context.Context, h host, project string, keys []string) map[string]finding {
	found := map[string]finding{}
	for _, key := range keys {
		found[key] = finding{alone: true}
	}
	var terms, numbers []string
	for _, key := range keys {
		terms = append(terms, "commit:"+key)
	}
	moved := map[uint64]change{}
	h.changes(ctx, project, terms, func(group []string, all []change, said plugins.Answer) {
		for _, term := range group {
			it := found[strings.TrimPrefix(term, "commit:")]
			it.said = said
			found[strings.TrimPrefix(term, "commit:")] = it
		}
		for _, c := range all {
			if it, asked := found[c.Revision]; asked {
				it.changes = append(it.changes, c)
				found[c.Revision] = it
			} else {
				moved[c.Number] = c
				numbers = append(numbers, "change:"+c.number())
			}
		}
	}, details...)
	slices.Sort(numbers)
	h.changes(ctx, project, numbers, func(_ []string, all []change, said plugins.Answer) {
		for _, old := range all {
			for sha := range old.Revisions {
				if it, asked := found[sha]; asked {
					it.changes = append(it.changes, moved[old.Number])
					found[sha] = it
				}
			}
		}
		if said.Problem == plugins.NoProblem {
			return
		}
		for key, it := range found { // any of those without an answer may be one of them
			if len(it.changes) == 0 && it.said.Problem == plugins.NoProblem {
				it.said = said
				found[key] = it
			}
		}
	}, "ALL_REVISIONS")
	for key, it := range found {
		found[key] = it.sorted()
	}
	return found
}

// sorted puts the changes in the order of their numbers, the original first.
func (f finding) sorted() finding {
	slices.SortFunc(f.changes, func(a, b change) int { return cmp.Compare(a.Number, b.Number) })
	return f
}

// siblings asks for the changes with the Change-Ids of those that were found
// alone: their cherry-picks on other branches. What goes wrong leaves them out.
func (h host) siblings(ctx context.Context, project string, found map[string]finding) map[string][]change {
	ids := map[string]bool{}
	for _, it := range found {
		for _, c := range it.changes {
			if it.alone && isChangeID.MatchString(c.ChangeID) {
				ids[c.ChangeID] = true
			}
		}
	}
	var terms []string
	for id := range ids {
		terms = append(terms, "change:"+id)
	}
	slices.Sort(terms)
	family := map[string][]change{}
	h.changes(ctx, project, terms, func(_ []string, all []change, _ plugins.Answer) {
		for _, c := range all {
			family[c.ChangeID] = append(family[c.ChangeID], c)
		}
	})
	return family
}

// Open lists open changes. Gerrit finds no beginnings of numbers and only whole
// words of titles, so that the most recent ones are looked through here; they are
// the same request for whatever is typed, which is kept.
func (f Forge) Open(ctx context.Context, remote, text string, limit int) (plugins.Answer, error) {
	at, home, ok := f.locate(remote)
	if !ok {
		return plugins.Answer{}, nil
	}
	h, err := f.host(ctx, at)
	if err != nil {
		if ctx.Err() != nil {
			return web.Said(nil, ctx.Err()), nil
		}
		return plugins.Answer{}, err
	}
	all, answer := h.query(ctx, home, "status:open", 1, "DETAILED_ACCOUNTS")
	slices.SortStableFunc(all, func(a, b change) int { return b.Updated.Compare(a.Updated.Time) })
	for _, c := range all {
		if len(answer.Things) >= limit {
			break
		}
		if strings.HasPrefix(c.number(), text) || strings.Contains(strings.ToLower(c.Subject), strings.ToLower(text)) {
			if thing := c.thing(at, home, nil); thing.State == plugins.Open {
				answer.Things = append(answer.Things, thing)
			}
		}
	}
	return answer, nil
}

// Health says how the hosts are doing that were asked.
func (f Forge) Health(context.Context) ([]plugins.Health, error) {
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	return client.Health(), nil
}
