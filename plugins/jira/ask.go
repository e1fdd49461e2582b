package jira

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// batch is how many issues one request asks for: what Cloud takes.
const batch = 100

// fields are what is asked for of each issue.
const fields = "summary,issuetype,status,resolution,labels,reporter,assignee,fixVersions,created,updated,resolutiondate"

// issue is an issue as all of Jira's interfaces describe it
// (https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues).
type issue struct {
	Key    string `json:"key"`
	Fields struct {
		Summary string `json:"summary"`
		Type    named  `json:"issuetype"` // Bug, Story, Task, …
		Status  struct {
			Name     string `json:"name"`
			Category struct {
				Key string `json:"key"` // new, indeterminate, done
			} `json:"statusCategory"`
		} `json:"status"`
		Resolution  named    `json:"resolution"`
		Labels      []string `json:"labels"`
		Reporter    account  `json:"reporter"`
		Assignee    account  `json:"assignee"`
		FixVersions []named  `json:"fixVersions"`
		Created     string   `json:"created"`
		Updated     string   `json:"updated"`
		Resolved    string   `json:"resolutiondate"`
	} `json:"fields"`
}

type named struct {
	Name string `json:"name"`
}

// account is somebody; Cloud has no login of theirs.
type account struct {
	Display string `json:"displayName"`
	Name    string `json:"name"`
}

// found is what a question for several issues answers.
type found struct {
	Issues *[]issue `json:"issues"`
	Errors []struct {
		ID      string `json:"issueIdOrKey"`
		Message string `json:"errorMessage"`
	} `json:"issueErrors"` // of Cloud's: those that it could not fetch, though they may exist
}

// tongues remembers which of Jira's interfaces each site speaks: Cloud has given up
// the search of Server and Data Center, and those have none of Cloud's.
type tongues struct {
	mu    sync.Mutex
	cloud map[string]bool          // by API; absent while it is not known
	turn  map[string]chan struct{} // who has it finds out; by API
}

func newTongues() *tongues {
	return &tongues{cloud: map[string]bool{}, turn: map[string]chan struct{}{}}
}

// of says what a site speaks. Where nobody knows, the first caller is to find out:
// it has a function to call with what it found, and the others wait for that.
func (t *tongues) of(ctx context.Context, s plugins.Site) (cloud bool, tell func(cloud, known bool), err error) {
	if isCloud(s.URL) {
		return true, nil, nil
	}
	t.mu.Lock()
	turn := t.turn[s.API]
	if turn == nil {
		turn = make(chan struct{}, 1)
		t.turn[s.API] = turn
	}
	cloud, known := t.cloud[s.API]
	t.mu.Unlock()
	if known {
		return cloud, nil, nil
	}
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return false, nil, ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if cloud, known = t.cloud[s.API]; known { // found out meanwhile
		<-turn
		return cloud, nil, nil
	}
	return false, func(cloud, known bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if known {
			t.cloud[s.API] = cloud
		}
		<-turn
	}, nil
}

// asking asks one site.
type asking struct {
	client *web.Client
	place  plugins.Place
	tongue *tongues
}

// either asks by Server's interface, or by Cloud's where the site has not that one.
func (q asking) either(ctx context.Context, server, cloud func() (found, *web.Response, error)) (found, *web.Response, error) {
	isCloud, tell, err := q.tongue.of(ctx, q.place.Site)
	if err != nil {
		return found{}, nil, err
	}
	if tell == nil {
		if isCloud {
			return cloud()
		}
		return server()
	}
	said, r, err := server()
	if !errors.Is(err, web.ErrNotFound) {
		tell(false, err == nil)
		return said, r, err
	}
	said, r, err = cloud()
	tell(true, err == nil)
	return said, r, err
}

// Resolve says what issues are, up to 100 with one request.
func (f Forge) Resolve(ctx context.Context, remote string, items []plugins.Item) ([]plugins.Answer, error) {
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	return f.bugs.Ask(remote, items, batch, func(p plugins.Place, bugs []plugins.Named) []plugins.Answer {
		return asking{client, p, f.tongue}.resolve(ctx, bugs)
	}), nil
}

func (q asking) resolve(ctx context.Context, bugs []plugins.Named) []plugins.Answer {
	var keys []string
	for _, n := range bugs {
		keys = append(keys, n.ID)
	}
	slices.Sort(keys) // the same question has the same address
	said, r, err := q.either(ctx,
		func() (found, *web.Response, error) {
			return q.search(ctx, "/2/search", `key in ("`+strings.Join(keys, `","`)+`")`, len(keys)) // quoted, since a project may be called OR
		},
		func() (found, *web.Response, error) { return q.fetch(ctx, keys) })
	answers := make([]plugins.Answer, len(bugs))
	if err != nil {
		for i := range answers {
			answers[i] = web.Said(nil, unlessThere(err))
		}
		return answers
	}
	rest := *said.Issues
	var missing []int // indexes of those that have not come under their own key
	for i, n := range bugs {
		at := slices.IndexFunc(rest, func(found issue) bool { return found.Key == n.ID })
		if at < 0 {
			missing = append(missing, i)
			continue
		}
		answers[i] = web.Said(r, nil, rest[at].thing(q.place))
		rest = slices.Delete(rest, at, at+1)
	}
	for _, i := range missing {
		answers[i] = web.Said(r, nil)
		for _, e := range said.Errors {
			if e.ID == bugs[i].ID {
				answers[i] = plugins.Answer{Problem: plugins.Failed, Detail: plugins.Clip("Jira could not give it: " + q.client.Scrub(e.Message))}
			}
		}
	}
	if len(rest) > 0 {
		q.moved(ctx, bugs, missing, answers)
	}
	return answers
}

// maxMoved bounds how many issues are asked for one by one.
const maxMoved = 20

// moved asks for issues by themselves, of which some came under another key: they
// were moved to another project, and a search does not say which.
func (q asking) moved(ctx context.Context, bugs []plugins.Named, missing []int, answers []plugins.Answer) {
	var going sync.WaitGroup
	for n, i := range missing {
		if n >= maxMoved {
			answers[i] = plugins.Answer{Problem: plugins.Failed, Detail: "it may have been moved to another project, with others; ask for it alone"}
			continue
		}
		going.Go(func() {
			var one issue
			address := q.place.Site.API + "/2/issue/" + url.PathEscape(bugs[i].ID) + "?fields=" + fields
			r, err := q.client.JSON(ctx, address, &one)
			switch {
			case err != nil:
				answers[i] = web.Said(nil, err)
			case !isKey.MatchString(one.Key):
				q.client.Forget(ctx, address)
				answers[i] = web.Said(nil, malformed(r, "it is no issue"))
			default:
				answers[i] = web.Said(r, nil, one.thing(q.place))
			}
		})
	}
	going.Wait()
}

// search asks by JQL, without a check of what it names: keys and projects that
// there are none of are left out then, and are an error otherwise.
func (q asking) search(ctx context.Context, path, jql string, limit int) (found, *web.Response, error) {
	query := url.Values{"jql": {jql}, "fields": {fields}, "maxResults": {strconv.Itoa(limit)}}
	if path == "/2/search" { // Cloud's checks less, and has no such parameter
		query.Set("validateQuery", "false")
	}
	address := q.place.Site.API + path + "?" + query.Encode()
	var said found
	r, err := q.client.JSON(ctx, address, &said)
	if err == nil && !said.sensible() {
		q.client.Forget(ctx, address)
		err = malformed(r, "it is no list of issues")
	}
	return said, r, err
}

// fetch asks Cloud for issues by their keys.
func (q asking) fetch(ctx context.Context, keys []string) (found, *web.Response, error) {
	var said found
	r, err := q.client.Post(ctx, q.place.Site.API+"/3/issue/bulkfetch", map[string]any{"issueIdsOrKeys": keys, "fields": strings.Split(fields, ",")}, &said)
	if err == nil && !said.sensible() {
		err = malformed(r, "it is no list of issues")
	}
	return said, r, err
}

// isKey is what an issue's key looks like.
var isKey = regexp.MustCompile(`^[A-Z][A-Z0-9_]+-[1-9][0-9]{0,17}$`)

// sensible says whether it is a list of issues.
func (f found) sensible() bool {
	return f.Issues != nil && !slices.ContainsFunc(*f.Issues, func(i issue) bool { return !isKey.MatchString(i.Key) })
}

func malformed(r *web.Response, detail string) error {
	return &web.Error{Method: "GET", Host: r.URL.Host, Path: r.URL.EscapedPath(), Kind: web.ErrMalformed, Detail: detail}
}

// unlessThere makes an error that the interface is not there of one that something
// is not there: a search finds nothing, and is there.
func unlessThere(err error) error {
	var e *web.Error
	if errors.As(err, &e) && errors.Is(err, web.ErrNotFound) {
		other := *e
		other.Kind, other.Detail = web.ErrStatus, "there is no interface of Jira that we know"
		return &other
	}
	return err
}

// thing makes one of an issue. Its versions are releases and no branches, so they
// are its milestone and no backports.
func (i issue) thing(p plugins.Place) plugins.Thing {
	f := i.Fields
	name, number, _ := plugins.BugID(i.Key)
	t := plugins.Thing{
		Kind: plugins.Bug, Noun: f.Type.Name, ID: i.Key, URL: p.Link(name, number), Title: f.Summary, State: plugins.Open, Status: f.Status.Name,
		Labels: f.Labels, Author: plugins.Person(f.Reporter.Display, f.Reporter.Name), Created: plugins.Time(f.Created), Updated: plugins.Time(f.Updated),
		Backports: plugins.Requested(f.Labels),
	}
	if f.Status.Category.Key == "done" {
		t.State, t.Closed = plugins.Closed, plugins.Time(f.Resolved)
		if f.Resolution.Name != "" && f.Resolution.Name != t.Status {
			t.Status += " (" + f.Resolution.Name + ")"
		}
	}
	if name := plugins.Person(f.Assignee.Display, f.Assignee.Name); name != "" {
		t.Assignees = []string{name}
	}
	var versions []string
	for _, v := range f.FixVersions {
		versions = append(versions, v.Name)
	}
	t.Milestone = strings.Join(versions, ", ")
	return t.Bounded()
}

// beginning is how the key of an issue begins that somebody types.
var beginning = regexp.MustCompile(`^([A-Z][A-Z0-9_]+)-([1-9][0-9]*)?$`)

// window is how many of the issues that changed last are looked through for a
// number, which JQL cannot search for the beginning of.
const window = 100

// Open lists open issues of the projects that the remote's repository has.
func (f Forge) Open(ctx context.Context, remote, text string, limit int) (plugins.Answer, error) {
	client, err := f.client()
	if err != nil {
		return plugins.Answer{}, err
	}
	p, ok := f.bugs.Here(remote)
	if !ok || limit <= 0 {
		return plugins.Answer{}, nil
	}
	jql, numbers, most := question(p, remote, text, limit)
	q := asking{client, p, f.tongue}
	said, r, err := q.either(ctx,
		func() (found, *web.Response, error) { return q.search(ctx, "/2/search", jql, most) },
		func() (found, *web.Response, error) { return q.search(ctx, "/3/search/jql", jql, most) })
	if err != nil {
		return web.Said(nil, unlessThere(err)), nil
	}
	var things []plugins.Thing
	for _, i := range *said.Issues {
		_, number, _ := plugins.BugID(i.Key)
		if t := i.thing(p); t.State == plugins.Open && len(things) < limit && (strings.HasPrefix(number, numbers) || plugins.IsNumber(text) && plugins.Offers(text, number, t.Title)) {
			things = append(things, t)
		}
	}
	return web.Said(r, nil, things...), nil
}

// question is the JQL for open issues that text is about, how their numbers begin,
// and how many are to be looked through.
func question(p plugins.Place, remote, text string, limit int) (jql, numbers string, most int) {
	jql = "statusCategory != Done"
	projects := projectsOf(p, remote)
	most = limit
	switch m := beginning.FindStringSubmatch(text); {
	case slices.Contains(p.Names, text):
		projects = []string{text}
	case m != nil:
		projects, numbers, most = []string{m[1]}, m[2], max(limit, window)
	case plugins.IsNumber(text):
		numbers, most = text, max(limit, window)
	default:
		for _, word := range words(text) {
			jql += ` AND summary ~ "` + word + `*"`
		}
	}
	if len(projects) > 0 {
		jql += ` AND project in ("` + strings.Join(projects, `", "`) + `")`
	}
	return jql + " ORDER BY updated DESC", numbers, most
}

// maxWords bounds a question.
const maxWords = 10

// words are the first words of a text as JQL may quote them: letters and digits.
func words(text string) []string {
	all := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return all[:min(len(all), maxWords)]
}

// projectsOf are the projects that a repository's issues are in, as far as the
// names tell: the one that is called as the repository, or those that the place is
// known for where they are few or the user's. None for all.
func projectsOf(p plugins.Place, remote string) []string {
	if r, ok := plugins.ParseRemote(remote); ok {
		if name := strings.ToUpper(r.Project[strings.LastIndex(r.Project, "/")+1:]); slices.Contains(p.Names, name) {
			return []string{name}
		}
	}
	if p.Site.Own || len(p.Names) == 1 {
		return slices.DeleteFunc(slices.Clone(p.Names), func(name string) bool { return !project.MatchString(name) })
	}
	return nil
}

// Health says how the sites are doing that were asked.
func (f Forge) Health(context.Context) ([]plugins.Health, error) {
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	return client.Health(), nil
}
