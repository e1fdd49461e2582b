package github

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// record is an issue or a pull request as REST has it. Of a pull, the interface for
// issues tells less.
type record struct {
	Number      int       `json:"number"`
	Title       string    `json:"title"`
	HTMLURL     string    `json:"html_url"`
	State       string    `json:"state"`        // open or closed
	StateReason string    `json:"state_reason"` // of issues: completed, not_planned, duplicate, reopened
	Draft       bool      `json:"draft"`
	User        *person   `json:"user"` // nil where the account is gone
	Assignees   []person  `json:"assignees"`
	Labels      []named   `json:"labels"`
	Milestone   *titled   `json:"milestone"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	ClosedAt    time.Time `json:"closed_at"`

	// Of pulls that are listed among issues.
	PullRequest *struct {
		MergedAt time.Time `json:"merged_at"`
	} `json:"pull_request"`

	// Of pulls.
	MergedAt       time.Time `json:"merged_at"`
	MergeCommitSHA string    `json:"merge_commit_sha"` // of a trial before it is merged
	Head           *struct {
		SHA string `json:"sha"`
	} `json:"head"`
	Base *struct {
		Ref  string `json:"ref"`
		Repo *struct {
			FullName string `json:"full_name"`
		} `json:"repo"`
	} `json:"base"`
}

type (
	person struct {
		Login string `json:"login"`
	}
	named struct {
		Name string `json:"name"`
	}
	titled struct {
		Title string `json:"title"`
	}
)

// thing maps what REST has.
func (r record) thing() plugins.Thing {
	t := plugins.Thing{
		Kind: plugins.Issue, ID: strconv.Itoa(r.Number), URL: r.HTMLURL, Title: r.Title, Draft: r.Draft,
		Created: r.CreatedAt.UTC(), Updated: r.UpdatedAt.UTC(), Closed: r.ClosedAt.UTC(), Merged: r.MergedAt.UTC(),
	}
	if r.User != nil {
		t.Author = r.User.Login
	}
	for _, a := range r.Assignees {
		t.Assignees = append(t.Assignees, a.Login)
	}
	for _, l := range r.Labels {
		t.Labels = append(t.Labels, l.Name)
	}
	if r.Milestone != nil {
		t.Milestone = r.Milestone.Title
	}
	if r.PullRequest != nil {
		t.Kind, t.Merged = plugins.Pull, r.PullRequest.MergedAt.UTC()
	}
	if r.Head != nil && r.Base != nil {
		t.Kind, t.Head, t.Target = plugins.Pull, r.Head.SHA, r.Base.Ref
	}
	switch {
	case strings.EqualFold(r.State, "open"):
		t.State = plugins.Open
	case !t.Merged.IsZero():
		t.State, t.MergeCommit = plugins.Merged, r.MergeCommitSHA
	default:
		t.State, t.Status = plugins.Closed, reason(r.StateReason)
	}
	t.Backports = plugins.Requested(t.Labels)
	return t.Bounded()
}

// reason is why an issue was closed, in words.
func reason(word string) string { return strings.ReplaceAll(strings.ToLower(word), "_", " ") }

// valid says whether a record is one: an answer may be JSON and still be none.
func (r record) valid() bool { return r.Number > 0 && r.HTMLURL != "" && r.State != "" }

// get asks for one issue ("issues") or pull ("pulls").
func (h host) get(ctx context.Context, ref reference, as string) (*web.Response, record, error) {
	var r record
	answer, err := h.client.Read(ctx, h.rest+"/repos/"+plugins.PathEscape(ref.project)+"/"+as+"/"+strconv.Itoa(ref.number), decode(&r, func() bool { return r.valid() }))
	return answer, r, err
}

// restResolve asks what a number is. pull says that it is likely to be a pull: the
// interface for issues knows all of them, and too little of pulls.
func (h host) restResolve(ctx context.Context, ref reference, pull bool) plugins.Answer {
	if pull {
		answer, r, err := h.get(ctx, ref, "pulls")
		if !errors.Is(err, web.ErrNotFound) {
			return h.said(ref, answer, err, r)
		}
		answer, r, err = h.get(ctx, ref, "issues")
		return h.said(ref, answer, err, r)
	}
	answer, r, err := h.get(ctx, ref, "issues")
	var e *web.Error
	disabled := errors.As(err, &e) && e.Status == http.StatusGone // no issues in this project, or one that was deleted
	if err != nil && !disabled || err == nil && r.PullRequest == nil {
		return h.said(ref, answer, err, r)
	}
	whole, p, pullErr := h.get(ctx, ref, "pulls")
	if pullErr == nil || disabled {
		return h.said(ref, whole, pullErr, p)
	}
	a := h.said(ref, answer, err, r) // less is better than nothing
	if !errors.Is(pullErr, web.ErrNotFound) {
		t := web.Said(nil, pullErr)
		a = a.Lacking(t)
	}
	return a
}

// said makes the answer about a number.
func (h host) said(ref reference, answer *web.Response, err error, r record) plugins.Answer {
	if err != nil {
		return web.Said(answer, err)
	}
	t := r.thing()
	t.Project = h.where(ref, r.Number, projectOf(t.URL))
	return web.Said(answer, nil, t)
}

// where is the project of a thing that was asked for as ref, "" for the remote's.
// It has another number where it was moved; a project alone may have been renamed.
func (h host) where(ref reference, number int, project string) string {
	if _, ok := (plugins.Item{Kind: plugins.Issue, ID: "1", Project: project}).In(""); !ok || number == ref.number || project == "" {
		project = ref.project
	}
	if strings.EqualFold(project, h.project) {
		return ""
	}
	return project
}

// projectOf is the project of a page: owner/repo of …/owner/repo/issues/1.
func projectOf(page string) string {
	u, err := url.Parse(page)
	if err != nil {
		return ""
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 4 {
		return ""
	}
	parts = parts[len(parts)-4:]
	return parts[0] + "/" + parts[1]
}

// restChanges asks for the pulls of a commit.
func (h host) restChanges(ctx context.Context, commit string) plugins.Answer {
	var pulls []record
	answer, err := h.client.Read(ctx, h.rest+"/repos/"+plugins.PathEscape(h.project)+"/commits/"+commit+"/pulls?per_page="+strconv.Itoa(maxPulls), decode(&pulls, func() bool { return all(pulls) }))
	var e *web.Error
	if errors.As(err, &e) && (e.Status == http.StatusUnprocessableEntity || e.Status == http.StatusConflict) { // no such commit, or no commit at all
		return plugins.Answer{Checked: time.Now()}
	}
	if err != nil {
		return web.Said(answer, err)
	}
	var things []plugins.Thing
	for _, r := range pulls {
		t := r.thing()
		if r.Base != nil && r.Base.Repo != nil && !strings.EqualFold(r.Base.Repo.FullName, h.project) {
			t.Project = r.Base.Repo.FullName
		}
		things = append(things, t)
	}
	return web.Said(answer, nil, things...)
}

// maxPulls bounds how many pulls of one commit are told.
const maxPulls = 10

func all(list []record) bool {
	for _, r := range list {
		if !r.valid() {
			return false
		}
	}
	return true
}
