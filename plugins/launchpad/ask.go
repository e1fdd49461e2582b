package launchpad

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// bug is a bug as Launchpad's web service describes it
// (https://api.launchpad.net/devel.html#bug).
type bug struct {
	ID          int64    `json:"id"`
	Title       string   `json:"title"`
	Tags        []string `json:"tags"`
	Owner       string   `json:"owner_link"`
	DuplicateOf string   `json:"duplicate_of_link"`
	Created     string   `json:"date_created"`
	Updated     string   `json:"date_last_updated"`
}

// task is what one project, or one series of it, has to do about a bug.
type task struct {
	Target     string `json:"target_link"`
	TargetName string `json:"bug_target_name"`
	Status     string `json:"status"`
	Complete   bool   `json:"is_complete"` // nothing is left to do
	Assignee   string `json:"assignee_link"`
	Milestone  string `json:"milestone_link"`
	Closed     string `json:"date_closed"`
	Page       string `json:"web_link"`
	Title      string `json:"title"` // Bug #1 in a project: "title"
	Bug        string `json:"bug_link"`
	Created    string `json:"date_created"`

	project, series string // parts of Target
}

// maxTaskPages bounds how many pages of one bug's tasks are read.
const maxTaskPages = 4

// Resolve says what bugs are, with two requests for each: Launchpad has no batches.
func (f Forge) Resolve(ctx context.Context, remote string, items []plugins.Item) ([]plugins.Answer, error) {
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	here := target(remote)
	return f.bugs.Ask(remote, items, 1, func(p plugins.Place, bugs []plugins.Named) []plugins.Answer {
		return []plugins.Answer{resolve(ctx, client, p, here, bugs[0])}
	}), nil
}

func resolve(ctx context.Context, client *web.Client, p plugins.Place, here string, n plugins.Named) plugins.Answer {
	address := p.Site.API + "/bugs/" + n.Number
	var tasks []task
	var listed *web.Response
	var tasksErr error
	var asking sync.WaitGroup
	asking.Go(func() { tasks, listed, tasksErr = readTasks(ctx, client, address+"/bug_tasks?ws.size=75") })
	var b bug
	r, err := client.JSON(ctx, address, &b)
	asking.Wait()
	switch {
	case err != nil:
		return web.Said(nil, err)
	case strconv.FormatInt(b.ID, 10) != n.Number:
		return web.Said(nil, misread(ctx, client, r, "it is no bug, or another one"))
	case tasksErr != nil:
		return web.Said(nil, tasksErr)
	case listed.Stale != nil || r.Stale == nil && listed.Checked.Before(r.Checked):
		r = listed // the older of the two counts
	}
	return web.Said(r, nil, thing(n.ID, p.Link(n.Name, n.Number), here, b, tasks).Bounded())
}

// misread is the error of an answer that is JSON and makes no sense.
func misread(ctx context.Context, client *web.Client, r *web.Response, detail string) error {
	client.Forget(ctx, r.URL.String())
	return &web.Error{Method: "GET", Host: r.URL.Host, Path: r.URL.EscapedPath(), Kind: web.ErrMalformed, Detail: detail}
}

// readTasks reads the tasks of a collection, in its order.
func readTasks(ctx context.Context, client *web.Client, address string) (all []task, last *web.Response, err error) {
	pages := 0
	var next string
	err = client.PagesBy(ctx, address, func(*web.Response) (string, error) { return next, nil }, func(r *web.Response) error {
		var page struct {
			Entries *[]task `json:"entries"`
			Next    string  `json:"next_collection_link"`
		}
		if err := json.Unmarshal(r.Body, &page); err != nil || page.Entries == nil {
			return misread(ctx, client, r, "it is no collection")
		}
		for _, t := range *page.Entries {
			t.project, t.series = split(t.Target)
			all = append(all, t)
		}
		if last == nil || last.Stale == nil && (r.Stale != nil || r.Checked.Before(last.Checked)) {
			last = r
		}
		if next, pages = page.Next, pages+1; pages == maxTaskPages {
			return web.ErrStop
		}
		return nil
	})
	return all, last, err
}

// thing makes one of a bug and its tasks. The tasks of the remote's own project
// count; where there is none, those of all projects do.
func thing(id, page, here string, b bug, tasks []task) plugins.Thing {
	t := plugins.Thing{
		Kind: plugins.Bug, ID: id, URL: page, Title: b.Title, State: plugins.Open,
		Labels: b.Tags, Author: person(b.Owner), Created: plugins.Time(b.Created), Updated: plugins.Time(b.Updated),
		Backports: plugins.Requested(b.Tags),
	}
	own := here != "" && slices.ContainsFunc(tasks, func(k task) bool { return k.project == here })
	var whole []task
	for _, k := range tasks {
		switch {
		case own && k.project != here:
		case k.series != "":
			page, _ := plugins.Base(k.Page)
			t.Backports = append(t.Backports, plugins.Backport{Target: k.series, URL: page, Title: k.TargetName + ": " + k.Status, State: backportState(k)})
		default:
			whole = append(whole, k)
		}
	}
	t.Status = status(whole)
	for _, k := range whole {
		if name := person(k.Assignee); name != "" && !slices.Contains(t.Assignees, name) {
			t.Assignees = append(t.Assignees, name)
		}
		if t.Milestone == "" {
			t.Milestone = last(k.Milestone)
		}
	}
	if len(whole) > 0 && !slices.ContainsFunc(whole, func(k task) bool { return !k.Complete }) {
		t.State = plugins.Closed
		for _, k := range whole {
			if at := plugins.Time(k.Closed); at.After(t.Closed) {
				t.Closed = at
			}
		}
	}
	if other := last(b.DuplicateOf); other != "" {
		t.Status = strings.TrimPrefix(t.Status+", duplicate of "+other, ", ")
	}
	return t
}

// status is what all tasks say, or what each says where they differ.
func status(tasks []task) string {
	var each []string
	same := true
	for _, k := range tasks {
		same = same && k.Status == tasks[0].Status
		each = append(each, k.TargetName+": "+k.Status)
	}
	if same && len(tasks) > 0 {
		return tasks[0].Status
	}
	return strings.Join(each, ", ")
}

// backportState is where the fix for a series is: that it is committed means that
// it is on the branch, though not released.
func backportState(k task) plugins.State {
	switch k.Status {
	case "Fix Committed", "Fix Released":
		return plugins.Merged
	}
	if k.Complete {
		return plugins.Closed
	}
	return plugins.Open
}

// split finds the project and the series of a task's target: nova, nova/2024.1,
// ubuntu/+source/nova, ubuntu/noble/+source/nova.
func split(link string) (project, series string) {
	_, path, _ := strings.Cut(link, "://")
	parts := strings.Split(path, "/")
	if len(parts) < 3 { // host and version of the interface
		return "", ""
	}
	parts = parts[2:]
	if i := slices.Index(parts, "+source"); i > 0 && i+1 < len(parts) {
		if project = parts[0] + "/+source/" + parts[i+1]; i == 2 {
			series = parts[1]
		}
		return project, series
	}
	if len(parts) > 1 {
		series = parts[1]
	}
	return parts[0], series
}

// projectName is what Launchpad calls a project.
var projectName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*$`)

// target is what the bugs of a remote's repository are filed against: a project, or
// a package of a distribution; "" for none.
func target(remote string) string {
	r, ok := plugins.ParseRemote(remote)
	if !ok {
		return ""
	}
	parts := strings.Split(strings.ToLower(r.Project), "/")
	if i := slices.Index(parts, "+git"); i >= 0 {
		parts = parts[:i]
	}
	if len(parts) == 0 || !projectName.MatchString(parts[len(parts)-1]) {
		return ""
	}
	if n := len(parts); n >= 3 && parts[n-2] == "+source" && projectName.MatchString(parts[n-3]) {
		return strings.Join(parts[n-3:], "/")
	}
	return parts[len(parts)-1]
}

// person is the name of somebody's account, of a link to it.
func person(link string) string { return plugins.Person(strings.TrimPrefix(last(link), "~")) }

// last is the last part of a link's path.
func last(link string) string {
	name, err := url.PathUnescape(link[strings.LastIndex(link, "/")+1:])
	if err != nil {
		return ""
	}
	return name
}

// What of a search is looked through: its bugs that changed last, more of them for
// the beginning of a number, which Launchpad does not search for.
const (
	window       = 75
	numberWindow = 300 // what Launchpad gives at most
)

// taskTitle is how a task's title has the bug's.
var taskTitle = regexp.MustCompile(`(?s)^Bug #[0-9]+ in .*?: "(.*)"$`)

// Open lists open bugs of the remote's project: by Launchpad's search, or, for a
// number's beginning, of the ones that changed last.
func (f Forge) Open(ctx context.Context, remote, text string, limit int) (plugins.Answer, error) {
	client, err := f.client()
	if err != nil {
		return plugins.Answer{}, err
	}
	p, ok := f.bugs.Here(remote)
	here := target(remote)
	if !ok || here == "" || limit <= 0 {
		return plugins.Answer{}, nil
	}
	query := url.Values{"ws.op": {"searchTasks"}, "order_by": {"-date_last_updated"}, "ws.size": {strconv.Itoa(window)}}
	if plugins.IsNumber(text) {
		query.Set("ws.size", strconv.Itoa(numberWindow))
	} else if text != "" {
		query.Set("search_text", text)
	}
	var page struct {
		Entries *[]task `json:"entries"`
	}
	r, err := client.JSON(ctx, p.Site.API+"/"+here+"?"+query.Encode(), &page)
	if err == nil && page.Entries == nil {
		err = misread(ctx, client, r, "it is no collection")
	}
	if err != nil {
		return web.Said(nil, err), nil
	}
	var things []plugins.Thing
	seen := map[string]bool{}
	for _, k := range *page.Entries {
		number, title := last(k.Bug), k.Title
		if m := taskTitle.FindStringSubmatch(title); m != nil {
			title = m[1]
		}
		id := "lp#" + number
		if _, _, ok := plugins.BugID(id); !ok || seen[number] || len(things) == limit || !offers(text, number, title) {
			continue
		}
		seen[number] = true
		things = append(things, plugins.Thing{
			Kind: plugins.Bug, ID: id, URL: p.Link("lp", number), Title: title, State: plugins.Open, Status: k.Status,
			Assignees: names(k.Assignee), Milestone: last(k.Milestone), Created: plugins.Time(k.Created),
		}.Bounded())
	}
	return web.Said(r, nil, things...), nil
}

// offers is plugins.Offers for each word: Launchpad's search takes words, and looks
// into descriptions too.
func offers(text, number, title string) bool {
	for _, word := range strings.Fields(text) {
		if !plugins.Offers(word, number, title) {
			return false
		}
	}
	return true
}

func names(link string) []string {
	if name := person(link); name != "" {
		return []string{name}
	}
	return nil
}

// Health says how Launchpad is doing.
func (f Forge) Health(context.Context) ([]plugins.Health, error) {
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	return client.Health(), nil
}
