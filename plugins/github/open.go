package github

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// The bounds of a list: three hundred of what changed last are kept here and
// searched here, so that typing on costs nothing.
const (
	perPage  = 100
	maxPages = 3
)

// Open lists open issues and pulls: of what changed last, and, where that is not
// all, the one whose number the text is, and what GitHub's search finds for who
// has a token.
func (f Forge) Open(ctx context.Context, remote, text string, limit int) (plugins.Answer, error) {
	h, known, err := f.ask(remote)
	switch {
	case err != nil || !known:
		return plugins.Answer{}, err
	case h.client == nil:
		return notAsked, nil
	}
	a, whole := h.recent(ctx, text, limit)
	if whole || text == "" || len(a.Things) >= limit || a.Problem != plugins.NoProblem {
		return a, nil
	}
	var more plugins.Answer
	if plugins.IsNumber(text) {
		if refs := references(h.project, []plugins.Item{{Kind: plugins.Issue, ID: text}}); refs[0].number != 0 {
			var response *web.Response
			var r record
			if response, r, err = h.get(ctx, refs[0], "issues"); err != nil {
				more = web.Said(nil, err)
			} else {
				more = web.Said(response, nil, r.thing())
			}
		}
	} else if token, err := h.client.HasToken(ctx, h.rest); err == nil && token && len(text) >= shortest {
		more = h.search(ctx, text)
	}
	for _, t := range more.Things {
		if matches(t, text) && !slices.ContainsFunc(a.Things, func(o plugins.Thing) bool { return o.ID == t.ID }) {
			a.Things = append(a.Things, t)
		}
	}
	slices.SortStableFunc(a.Things, func(x, y plugins.Thing) int { return y.Updated.Compare(x.Updated) })
	a.Things = a.Things[:min(len(a.Things), limit)]
	a = a.Lacking(more)
	return a, nil
}

// shortest is the shortest text that GitHub is asked to search for.
const shortest = 3

// recent reads pages of what changed last, until there is enough of what matches.
// whole says that there is nothing beyond.
func (h host) recent(ctx context.Context, text string, limit int) (a plugins.Answer, whole bool) {
	for page := 1; page <= maxPages; page++ {
		var list []record
		response, err := h.client.Read(ctx, h.rest+"/repos/"+plugins.PathEscape(h.project)+"/issues?state=open&sort=updated&direction=desc&per_page="+strconv.Itoa(perPage)+"&page="+strconv.Itoa(page), decode(&list, func() bool { return all(list) }))
		said := web.Said(response, err)
		if a.Checked.IsZero() || said.Checked.Before(a.Checked) {
			a.Checked = said.Checked
		}
		if said.Problem != plugins.NoProblem {
			a = a.Lacking(said)
		}
		if err != nil {
			return a, false
		}
		for _, r := range list {
			// Something may move from one page to the next meanwhile.
			if t := r.thing(); matches(t, text) && !slices.ContainsFunc(a.Things, func(o plugins.Thing) bool { return o.ID == t.ID }) {
				a.Things = append(a.Things, t)
			}
		}
		if len(list) < perPage {
			whole = true
		}
		if whole || len(a.Things) >= limit {
			break
		}
	}
	a.Things = a.Things[:min(len(a.Things), limit)]
	return a, whole
}

// matches says whether a thing is open and meant by a text.
func matches(t plugins.Thing, text string) bool {
	return t.State == plugins.Open && plugins.Offers(text, t.ID, t.Title)
}

// search asks GitHub's search for a text in titles.
func (h host) search(ctx context.Context, text string) plugins.Answer {
	var found struct {
		Items []record `json:"items"`
	}
	quoted := `"` + strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' || r == '\\' {
			return ' '
		}
		return r
	}, text) + `"`
	q := url.Values{"q": {"repo:" + h.project + " state:open in:title " + quoted}, "sort": {"updated"}, "order": {"desc"}, "per_page": {strconv.Itoa(perPage)}}
	response, err := h.client.Read(ctx, h.rest+"/search/issues?"+q.Encode(), decode(&found, func() bool { return all(found.Items) }))
	if err != nil {
		return web.Said(response, err)
	}
	var things []plugins.Thing
	for _, r := range found.Items {
		things = append(things, r.thing())
	}
	return web.Said(response, nil, things...)
}
