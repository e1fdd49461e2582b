package gitlab

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// record is an issue or a merge request as REST lists it.
type record struct {
	IID       int      `json:"iid"`
	IssueType string   `json:"issue_type"` // issue, incident, test_case, task; "" of merge requests
	Title     string   `json:"title"`
	WebURL    string   `json:"web_url"`
	State     string   `json:"state"` // opened, closed, locked, merged
	Author    *user    `json:"author"`
	Assignees []user   `json:"assignees"`
	Labels    []string `json:"labels"`
	Milestone *struct {
		Title string `json:"title"`
	} `json:"milestone"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	ClosedAt   time.Time `json:"closed_at"`
	References struct {
		Full string `json:"full"` // group/project#1, group/project!1
	} `json:"references"`

	// Of merge requests.
	TargetBranch        string    `json:"target_branch"`
	Draft               bool      `json:"draft"`
	WorkInProgress      bool      `json:"work_in_progress"` // its name before 13.2
	SHA                 string    `json:"sha"`
	MergeCommitSHA      string    `json:"merge_commit_sha"`  // of a merge
	SquashCommitSHA     string    `json:"squash_commit_sha"` // of what was squashed, maybe merged then
	MergedAt            time.Time `json:"merged_at"`
	DetailedMergeStatus string    `json:"detailed_merge_status"`
}

type user struct {
	Username string `json:"username"`
}

// valid says whether a record is one: an answer may be JSON and still be none.
func (r record) valid() bool { return r.IID > 0 && r.WebURL != "" && r.State != "" }

// thing maps what REST has.
func (r record) thing(kind plugins.Kind) plugins.Thing {
	t := plugins.Thing{
		Kind: kind, ID: strconv.Itoa(r.IID), URL: r.WebURL, Title: r.Title, Labels: r.Labels,
		Created: r.CreatedAt.UTC(), Updated: r.UpdatedAt.UTC(), Closed: r.ClosedAt.UTC(), Merged: r.MergedAt.UTC(),
		Target: r.TargetBranch, Head: r.SHA, Draft: r.Draft || r.WorkInProgress,
	}
	switch {
	case kind == plugins.Pull:
		t.Noun = "Merge request"
	case r.IssueType != "" && r.IssueType != "issue":
		t.Noun = strings.ToUpper(r.IssueType[:1]) + strings.ReplaceAll(r.IssueType[1:], "_", " ")
	}
	if len(t.Labels) == 0 {
		t.Labels = nil
	}
	if r.Author != nil {
		t.Author = r.Author.Username
	}
	for _, a := range r.Assignees {
		t.Assignees = append(t.Assignees, a.Username)
	}
	if r.Milestone != nil {
		t.Milestone = r.Milestone.Title
	}
	switch r.State {
	case "merged":
		t.State = plugins.Merged
		// Without a merge and without a squash the branch was moved on to the head.
		for _, sha := range []string{r.MergeCommitSHA, r.SquashCommitSHA, r.SHA} {
			if t.MergeCommit == "" {
				t.MergeCommit = sha
			}
		}
	case "closed":
		t.State = plugins.Closed
	case "locked": // while it is merged
		t.State, t.Status = plugins.Open, r.State
	default: // opened, and reopened of old
		t.State, t.Status = plugins.Open, obstacle(r.DetailedMergeStatus)
	}
	t.Backports = plugins.Requested(t.Labels)
	return t.Bounded()
}

// obstacle is what keeps an open request from being merged, in words; "" for
// nothing, and for what its other fields say.
func obstacle(status string) string {
	switch status {
	case "mergeable", "unchecked", "checking", "preparing", "approvals_syncing", "draft_status", "not_open", "broken_status":
		return ""
	}
	return strings.ReplaceAll(status, "_", " ")
}

// reference is an issue or a merge request, which are counted apart. The zero value
// is none.
type reference struct {
	kind    plugins.Kind
	project string
	number  string
}

// listed are the parts of the addresses of lists.
var listed = map[plugins.Kind]string{plugins.Issue: "/issues", plugins.Pull: "/merge_requests"}

// references says what items are, in order.
func references(project string, items []plugins.Item) []reference {
	refs := make([]reference, len(items))
	for i, it := range items {
		at, ok := it.In(project)
		if _, err := strconv.ParseInt(it.ID, 10, 32); ok && listed[it.Kind] != "" && strings.Contains(at, "/") && err == nil { // GitLab's numbers have 32 bits
			refs[i] = reference{it.Kind, at, it.ID}
		}
	}
	return refs
}

// batch are numbers that one request asks for.
type batch struct {
	kind    plugins.Kind
	project string
	numbers []string
}

// Resolve says what issues and merge requests are.
func (f Forge) Resolve(ctx context.Context, remote string, items []plugins.Item) ([]plugins.Answer, error) {
	answers := make([]plugins.Answer, len(items))
	h, known, err := f.ask(remote)
	if err != nil || !known {
		return answers, err
	}
	refs := references(h.project, items)
	var batches []batch
	found := map[reference]plugins.Answer{}
	for _, ref := range refs {
		if _, seen := found[ref]; seen || ref.number == "" {
			continue
		}
		found[ref] = plugins.Answer{}
		i := slices.IndexFunc(batches, func(b batch) bool {
			return b.kind == ref.kind && b.project == ref.project && len(b.numbers) < perPage
		})
		if i < 0 {
			batches = append(batches, batch{kind: ref.kind, project: ref.project})
			i = len(batches) - 1
		}
		batches[i].numbers = append(batches[i].numbers, ref.number)
	}
	said := make([]map[string]plugins.Answer, len(batches))
	each(len(batches), func(i int) { said[i] = h.resolve(ctx, batches[i]) })
	for i, b := range batches {
		for _, n := range b.numbers {
			found[reference{b.kind, b.project, n}] = said[i][n]
		}
	}
	for i, ref := range refs {
		answers[i] = found[ref]
	}
	return answers, nil
}

// resolve asks for the numbers of one project.
func (h host) resolve(ctx context.Context, b batch) map[string]plugins.Answer {
	things := map[string][]plugins.Thing{}
	query := url.Values{"iids[]": b.numbers, "per_page": {strconv.Itoa(perPage)}}
	response, err := h.list(ctx, b.kind, b.project, query, perPage, func(t plugins.Thing) {
		if !strings.EqualFold(b.project, h.project) {
			t.Project = b.project
		}
		things[t.ID] = []plugins.Thing{t}
	})
	answers := map[string]plugins.Answer{}
	for _, n := range b.numbers {
		answers[n] = web.Said(response, err, things[n]...)
	}
	return answers
}

// list reads a list of issues or merge requests, and tells each.
func (h host) list(ctx context.Context, kind plugins.Kind, project string, query url.Values, maxPages int, tell func(plugins.Thing)) (*web.Response, error) {
	response, _, err := pages(ctx, h, h.address(project, listed[kind], query), maxPages, func(list []record) bool {
		for _, r := range list {
			tell(r.thing(kind))
		}
		return false
	})
	return response, err
}

// Changes finds the merge requests that commits came with.
func (f Forge) Changes(ctx context.Context, remote string, commits []string) ([]plugins.Answer, error) {
	answers := make([]plugins.Answer, len(commits))
	h, known, err := f.ask(remote)
	if err != nil || !known {
		return answers, err
	}
	at := map[string]int{}
	var distinct []string
	for _, c := range commits {
		if _, seen := at[c]; !seen && plugins.IsHash(c) && (len(c) == 40 || len(c) == 64) {
			at[c] = len(distinct)
			distinct = append(distinct, c)
		}
	}
	said := make([]plugins.Answer, len(distinct))
	each(len(distinct), func(i int) { said[i] = h.changes(ctx, distinct[i]) })
	for i, c := range commits {
		if k, ok := at[c]; ok {
			answers[i] = said[k]
		}
	}
	return answers, nil
}

// maxRequests bounds how many requests of one commit are told.
const maxRequests = 20

// changes asks for the merge requests of a commit. They may be another project's,
// such as that of which this is a fork.
func (h host) changes(ctx context.Context, commit string) plugins.Answer {
	var things []plugins.Thing
	response, _, err := pages(ctx, h, h.address(h.project, "/repository/commits/"+commit+"/merge_requests", url.Values{"per_page": {strconv.Itoa(perPage)}}), 1, func(list []record) bool {
		for _, r := range list[:min(len(list), maxRequests)] {
			t := r.thing(plugins.Pull)
			if project, _, ok := strings.Cut(r.References.Full, "!"); ok && !strings.EqualFold(project, h.project) {
				if other, ok := (plugins.Item{Kind: plugins.Pull, ID: "1", Project: project}).In(h.project); ok {
					t.Project = other
				}
			}
			things = append(things, t)
		}
		return true
	})
	return web.Said(response, err, things...)
}
