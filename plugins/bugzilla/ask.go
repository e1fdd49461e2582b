package bugzilla

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// batch is how many bugs one request asks for: a URL of 2 kB.
const batch = 200

// fields are what is asked for of each bug. A site ignores those that it has not:
// the last one is Mozilla's and Red Hat's.
const fields = "id,summary,status,resolution,is_open,dupe_of,keywords,creator,creator_detail,assigned_to,assigned_to_detail,target_milestone,creation_time,last_change_time,cf_last_resolved"

// bug is a bug as the REST interface describes it
// (https://bugzilla.readthedocs.io/en/latest/api/core/v1/bug.html).
type bug struct {
	ID          int64    `json:"id"`
	Summary     string   `json:"summary"`
	Status      string   `json:"status"`
	Resolution  string   `json:"resolution"` // "" while it is open
	Open        *bool    `json:"is_open"`
	DuplicateOf int64    `json:"dupe_of"`
	Keywords    []string `json:"keywords"`
	Creator     string   `json:"creator"`
	CreatorIs   person   `json:"creator_detail"`
	Assigned    string   `json:"assigned_to"`
	AssignedIs  person   `json:"assigned_to_detail"`
	Milestone   any      `json:"target_milestone"` // Red Hat's has several of some fields
	Created     string   `json:"creation_time"`
	Updated     string   `json:"last_change_time"`
	Resolved    string   `json:"cf_last_resolved"`
}

// person is somebody, whose login is an e-mail address as a rule.
type person struct {
	RealName string `json:"real_name"`
	Nick     string `json:"nick"`
	Name     string `json:"name"`
}

// found is what a search answers, or, on some sites with status 200, an error.
type found struct {
	Bugs    *[]bug `json:"bugs"`
	Error   bool   `json:"error"`
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Resolve says what bugs are, by one search for up to 200 of them. A search leaves
// out what is not there, and what may not be seen.
func (f Forge) Resolve(ctx context.Context, remote string, items []plugins.Item) ([]plugins.Answer, error) {
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	return f.bugs.Ask(remote, items, batch, func(p plugins.Place, bugs []plugins.Named) []plugins.Answer {
		return resolve(ctx, client, p, bugs)
	}), nil
}

func resolve(ctx context.Context, client *web.Client, p plugins.Place, bugs []plugins.Named) []plugins.Answer {
	var numbers []string
	for _, n := range bugs {
		numbers = append(numbers, n.Number)
	}
	slices.Sort(numbers) // the same question has the same address
	numbers = slices.Compact(numbers)
	all, r, err := search(ctx, client, p, url.Values{"id": {strings.Join(numbers, ",")}, "limit": {strconv.Itoa(len(numbers))}})
	var e *web.Error
	if errors.As(err, &e) && aboutOne(e.Code) {
		if len(bugs) > 1 { // a site whose search fails for one bug that it does not have
			half := len(bugs) / 2
			return append(resolve(ctx, client, p, bugs[:half]), resolve(ctx, client, p, bugs[half:])...)
		}
		if e.Code != accessDenied {
			return []plugins.Answer{web.Said(nil, refused(e, web.ErrNotFound))}
		}
	}
	answers := make([]plugins.Answer, len(bugs))
	for i, n := range bugs {
		if err != nil {
			answers[i] = web.Said(nil, err)
			continue
		}
		var things []plugins.Thing
		if at := slices.IndexFunc(all, func(b bug) bool { return strconv.FormatInt(b.ID, 10) == n.Number }); at >= 0 {
			things = append(things, all[at].thing(n.ID, p.Link(n.Name, n.Number)))
		}
		answers[i] = web.Said(r, nil, things...)
	}
	return answers
}

// search asks for bugs.
func search(ctx context.Context, client *web.Client, p plugins.Place, query url.Values) ([]bug, *web.Response, error) {
	query.Set("include_fields", fields)
	address := p.Site.API + "/bug?" + strings.ReplaceAll(query.Encode(), "%2C", ",")
	var said found
	r, err := client.JSON(ctx, address, &said)
	var e *web.Error
	switch {
	case errors.As(err, &e):
		switch {
		case isLogin(e.Code) || e.Code == accessDenied:
			return nil, nil, refused(e, web.ErrUnauthorized)
		case errors.Is(err, web.ErrNotFound) && !aboutOne(e.Code):
			return nil, nil, refused(e, web.ErrStatus) // no bug is missing, but the whole interface
		}
		return nil, nil, err
	case err != nil:
		return nil, nil, err
	case said.Error || said.Bugs == nil:
		client.Forget(ctx, address)
		e := &web.Error{Method: "GET", Host: r.URL.Host, Path: r.URL.EscapedPath(), Token: client.TokenFrom(address), Kind: web.ErrMalformed, Code: said.Code, Detail: plugins.Clip(client.Scrub(said.Message))}
		switch {
		case isLogin(said.Code) || said.Code == accessDenied:
			e.Kind = web.ErrUnauthorized
		case said.Error:
			e.Kind = web.ErrStatus
		default:
			e.Detail = "it is no list of bugs"
		}
		return nil, nil, e
	}
	return *said.Bugs, r, nil
}

// The errors that Bugzilla numbers (Bugzilla/WebService/Constants.pm).
const accessDenied = 102

// aboutOne says whether an error is about a bug and not about the question.
func aboutOne(code int) bool { return code >= 100 && code <= accessDenied }

// isLogin says whether an error is about who asks: an account, a key, or that there
// is none.
func isLogin(code int) bool { return code >= 300 && code < 310 || code == 410 }

// refused is an error as another kind.
func refused(e *web.Error, kind error) error {
	other := *e
	other.Kind = kind
	return &other
}

// thing makes one of a bug.
func (b bug) thing(id, page string) plugins.Thing {
	t := plugins.Thing{
		Kind: plugins.Bug, ID: id, URL: page, Title: b.Summary, State: plugins.Closed, Status: strings.TrimSpace(b.Status + " " + b.Resolution),
		Labels: b.Keywords, Author: b.CreatorIs.called(b.Creator), Milestone: milestone(b.Milestone),
		Created: plugins.Time(b.Created), Updated: plugins.Time(b.Updated),
		Backports: plugins.Requested(b.Keywords),
	}
	if b.DuplicateOf != 0 {
		t.Status += " of " + strconv.FormatInt(b.DuplicateOf, 10)
	}
	if b.Open != nil && *b.Open || b.Open == nil && b.Resolution == "" {
		t.State = plugins.Open
	} else {
		t.Closed = plugins.Time(b.Resolved)
	}
	if name := b.AssignedIs.called(b.Assigned); !nobody.MatchString(b.Assigned) && name != "" {
		t.Assignees = []string{name}
	}
	return t.Bounded()
}

// called is what somebody is called, whose login is known.
func (p person) called(login string) string {
	return plugins.Person(p.RealName, p.Nick, p.Name, login)
}

// nobody are the accounts that bugs are assigned to while nobody works on them.
var nobody = regexp.MustCompile(`^(nobody|unassigned)(@|$)`)

// milestone is a milestone, or the first of several; --- is none.
func milestone(v any) string {
	if all, ok := v.([]any); ok && len(all) > 0 {
		v = all[0]
	}
	if name, ok := v.(string); ok && name != "---" {
		return name
	}
	return ""
}

// Open lists open bugs of the site that the remote's plain bugs are in.
func (f Forge) Open(ctx context.Context, remote, text string, limit int) (plugins.Answer, error) {
	client, err := f.client()
	if err != nil {
		return plugins.Answer{}, err
	}
	p, ok := f.bugs.Here(remote)
	if !ok || limit <= 0 {
		return plugins.Answer{}, nil
	}
	query := url.Values{"resolution": {"---"}, "order": {"changeddate DESC"}, "limit": {strconv.Itoa(limit)}}
	if text != "" { // boolean charts, as the page of an advanced search makes them
		query.Set("j_top", "OR")
		query.Set("f1", "short_desc")
		query.Set("o1", "substring")
		query.Set("v1", text)
		if plugins.IsNumber(text) {
			query.Set("f2", "bug_id")
			query.Set("o2", "regexp")
			query.Set("v2", "^"+text)
		}
	}
	all, r, err := search(ctx, client, p, query)
	if err != nil {
		return web.Said(nil, err), nil
	}
	name := "bug"
	if len(p.Names) > 0 {
		name = p.Names[0]
	}
	slices.SortStableFunc(all, func(a, b bug) int { return plugins.Time(b.Updated).Compare(plugins.Time(a.Updated)) })
	var things []plugins.Thing
	for _, b := range all {
		number := strconv.FormatInt(b.ID, 10)
		if t := b.thing(name+"#"+number, p.Link(name, number)); t.State == plugins.Open && len(things) < limit {
			things = append(things, t)
		}
	}
	return web.Said(r, nil, things...), nil
}

// Health says how the sites are doing that were asked.
func (f Forge) Health(context.Context) ([]plugins.Health, error) {
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	return client.Health(), nil
}
