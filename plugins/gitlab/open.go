package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// The bounds of a list: what changed last is kept here and searched here, so that
// typing on costs nothing.
const (
	maxPages = 2 // of issues, and of merge requests
	shortest = 3 // text that GitLab is asked to search for
)

// Open lists open issues and merge requests: of what changed last, and, where that
// is not all, those whose number the text is, or that GitLab's search finds.
func (f Forge) Open(ctx context.Context, remote, text string, limit int) (plugins.Answer, error) {
	h, known, err := f.ask(remote)
	if err != nil || !known {
		return plugins.Answer{}, err
	}
	kinds := []plugins.Kind{plugins.Issue, plugins.Pull}
	parts := make([]plugins.Answer, len(kinds))
	each(len(kinds), func(i int) { parts[i] = h.open(ctx, kinds[i], text, limit) })
	return together(parts, limit), nil
}

// together makes one answer of those about issues and about merge requests. A
// project may have one of them alone: a refusal of the other is none.
func together(parts []plugins.Answer, limit int) (a plugins.Answer) {
	answered := slices.ContainsFunc(parts, func(p plugins.Answer) bool { return p.Problem == plugins.NoProblem })
	for _, p := range parts {
		if answered && (p.Problem == plugins.Refused || p.Problem == plugins.Forbidden) {
			continue
		}
		a.Things = append(a.Things, p.Things...)
		if a.Checked.IsZero() || !p.Checked.IsZero() && p.Checked.Before(a.Checked) {
			a.Checked = p.Checked
		}
		if p.Problem != plugins.NoProblem {
			a = a.Lacking(p)
		}
	}
	slices.SortStableFunc(a.Things, func(x, y plugins.Thing) int { return y.Updated.Compare(x.Updated) })
	a.Things = a.Things[:min(len(a.Things), limit)]
	return a
}

// open lists one kind.
func (h host) open(ctx context.Context, kind plugins.Kind, text string, limit int) plugins.Answer {
	var things []plugins.Thing
	tell := func(t plugins.Thing) {
		if t.State == plugins.Open && plugins.Offers(text, t.ID, t.Title) && !slices.ContainsFunc(things, func(o plugins.Thing) bool { return o.ID == t.ID }) {
			things = append(things, t)
		}
	}
	query := func(more url.Values) url.Values {
		q := url.Values{"state": {"opened"}, "order_by": {"updated_at"}, "sort": {"desc"}, "per_page": {strconv.Itoa(perPage)}}
		for name, values := range more {
			q[name] = values
		}
		return q
	}
	response, beyond, err := pages(ctx, h, h.address(h.project, listed[kind], query(nil)), maxPages, func(list []record) bool {
		for _, r := range list {
			tell(r.thing(kind))
		}
		return len(things) >= limit
	})
	if err == nil && beyond && text != "" && len(things) < limit {
		number, convErr := strconv.ParseInt(text, 10, 32)
		switch {
		case convErr == nil && number > 0:
			_, err = h.list(ctx, kind, h.project, query(url.Values{"iids[]": {strconv.FormatInt(number, 10)}}), 1, tell)
		case len(text) >= shortest:
			_, err = h.list(ctx, kind, h.project, query(url.Values{"search": {text}, "in": {"title"}}), 1, tell)
		}
	}
	if err == nil {
		return web.Said(response, nil, things...)
	}
	a := web.Said(nil, err) // which tells of an absence as well
	if a.Things = things; response != nil {
		a.Checked = response.Checked
	}
	return a
}

// release is one as REST has it.
type release struct {
	TagName    string    `json:"tag_name"`
	Name       string    `json:"name"`
	ReleasedAt time.Time `json:"released_at"`
	Upcoming   bool      `json:"upcoming_release"`
	Links      struct {
		Self string `json:"self"`
	} `json:"_links"`
}

func (r release) valid() bool { return r.TagName != "" }

func (r release) told() plugins.Release {
	return plugins.Release{Tag: r.TagName, Name: plugins.Clip(r.Name), URL: r.Links.Self, Draft: r.Upcoming, Published: r.ReleasedAt.UTC()}
}

// few is how many tags are asked for one by one; of more the list is read.
const few = 3

// Releases says what tags are called.
func (f Forge) Releases(ctx context.Context, remote string, tags []string) ([]plugins.Release, error) {
	found := make([]plugins.Release, len(tags))
	h, known, err := f.ask(remote)
	if err != nil || !known || len(tags) == 0 {
		return found, err
	}
	if len(tags) <= few {
		errs := make([]error, len(tags))
		each(len(tags), func(i int) { found[i], errs[i] = h.release(ctx, tags[i]) })
		return found, errors.Join(errs...)
	}
	wanted := map[string]bool{}
	for _, tag := range tags {
		wanted[tag] = true
	}
	said := map[string]plugins.Release{}
	_, _, err = pages(ctx, h, h.address(h.project, "/releases", url.Values{"per_page": {strconv.Itoa(perPage)}}), few, func(list []release) bool {
		for _, r := range list {
			if wanted[r.TagName] {
				said[r.TagName] = r.told()
			}
		}
		return len(said) == len(wanted)
	})
	for i, tag := range tags {
		found[i] = said[tag]
	}
	if errors.Is(err, web.ErrNotFound) {
		err = nil
	}
	return found, err
}

// release asks for the one of a tag.
func (h host) release(ctx context.Context, tag string) (plugins.Release, error) {
	if _, ok := (plugins.Item{Kind: plugins.Tag, ID: tag}).In(h.project); !ok {
		return plugins.Release{}, nil
	}
	var r release
	_, err := h.client.Read(ctx, h.address(h.project, "/releases/"+url.PathEscape(tag), nil), func(body []byte) error {
		if err := json.Unmarshal(body, &r); err != nil || r.TagName == tag {
			return err
		}
		return errors.New("it is another release")
	})
	if err == nil {
		return r.told(), nil
	}
	if errors.Is(err, web.ErrNotFound) {
		err = nil
	}
	return plugins.Release{}, err
}
