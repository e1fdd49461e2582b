package gitea

import (
	"strconv"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// issue is an Issue of Gitea's interface (modules/structs/issue.go), as far as it
// is read, and what a PullRequest has in common with it.
type issue struct {
	Number    uint64   `json:"number"`
	User      *account `json:"user"`
	Original  string   `json:"original_author"` // of one that came from another forge
	Title     string   `json:"title"`
	Labels    []named  `json:"labels"`
	Milestone *struct {
		Title string `json:"title"`
	} `json:"milestone"`
	Assignee  *account  `json:"assignee"`
	Assignees []account `json:"assignees"`
	State     string    `json:"state"`
	Created   string    `json:"created_at"`
	Updated   string    `json:"updated_at"`
	Closed    string    `json:"closed_at"`
	// PullRequest is set where the issue is a pull request's.
	PullRequest *struct {
		Merged   bool   `json:"merged"`
		MergedAt string `json:"merged_at"`
		Draft    bool   `json:"draft"`
	} `json:"pull_request"`
}

// pull is a PullRequest (modules/structs/pull.go).
type pull struct {
	issue
	Merged      bool   `json:"merged"`
	MergedAt    string `json:"merged_at"`
	MergeCommit string `json:"merge_commit_sha"`
	Draft       *bool  `json:"draft"` // not before Gitea 1.22
	Base        branch `json:"base"`
	Head        branch `json:"head"`
}

// branch is one end of a pull request. The head's may be in a fork, or gone.
type branch struct {
	Ref string `json:"ref"`
	SHA string `json:"sha"`
}

type named struct {
	Name string `json:"name"`
}

// account is a User. Its email is not read.
type account struct {
	Login string `json:"login"`
}

func (i issue) number() string { return strconv.FormatUint(i.Number, 10) }

// thing is the issue, or as much of a pull request as its issue says.
func (i issue) thing(site plugins.Site, project, home string) plugins.Thing {
	t := plugins.Thing{
		Kind: plugins.Issue, ID: i.number(), Title: i.Title, State: plugins.Open, Author: i.author(), Assignees: i.assignees(),
		Created: plugins.Time(i.Created), Updated: plugins.Time(i.Updated), Closed: plugins.Time(i.Closed),
	}
	if project != home {
		t.Project = project
	}
	if i.State == "closed" {
		t.State = plugins.Closed
	}
	for _, label := range i.Labels {
		t.Labels = append(t.Labels, label.Name)
	}
	t.Backports = plugins.Requested(t.Labels)
	if i.Milestone != nil {
		t.Milestone = i.Milestone.Title
	}
	if p := i.PullRequest; p != nil {
		t.Kind, t.Draft, t.Merged = plugins.Pull, t.State == plugins.Open && (p.Draft || isWIP(i.Title)), plugins.Time(p.MergedAt)
		if p.Merged {
			t.State = plugins.Merged
		}
	}
	t.URL = site.URL + "/" + project + page(plugins.Item{Kind: t.Kind, ID: t.ID})
	return t.Bounded()
}

// thing is the pull request.
func (p pull) thing(site plugins.Site, project, home string) plugins.Thing {
	i := p.issue
	i.PullRequest = nil
	t := i.thing(site, project, home)
	t.Kind = plugins.Pull
	t.URL = site.URL + "/" + project + page(plugins.Item{Kind: t.Kind, ID: t.ID})
	t.Target, t.Head = strings.TrimPrefix(p.Base.Ref, "refs/heads/"), p.Head.SHA
	switch {
	case p.Merged:
		t.State, t.Merged, t.MergeCommit = plugins.Merged, plugins.Time(p.MergedAt), p.MergeCommit
	case t.State == plugins.Open && p.Draft != nil:
		t.Draft = *p.Draft
	case t.State == plugins.Open:
		t.Draft = isWIP(p.Title)
	}
	return t.Bounded()
}

// isWIP says whether a title tells of work in progress, as Gitea's own settings
// have it (WORK_IN_PROGRESS_PREFIXES).
func isWIP(title string) bool {
	title = strings.ToUpper(title)
	return strings.HasPrefix(title, "WIP:") || strings.HasPrefix(title, "[WIP]")
}

func (i issue) author() string {
	if i.User == nil {
		return plugins.Person(i.Original)
	}
	return plugins.Person(i.Original, i.User.Login)
}

// assignees are the logins; older hosts name one alone.
func (i issue) assignees() []string {
	all := i.Assignees
	if len(all) == 0 && i.Assignee != nil {
		all = []account{*i.Assignee}
	}
	var names []string
	for _, a := range all {
		if name := plugins.Person(a.Login); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// release is a Release (modules/structs/release.go).
type release struct {
	Tag        string `json:"tag_name"`
	Name       string `json:"name"`
	Draft      bool   `json:"draft"`
	Prerelease bool   `json:"prerelease"`
	Published  string `json:"published_at"`
}

func (r release) release(site plugins.Site, project string) plugins.Release {
	return plugins.Release{
		Tag: r.Tag, Name: plugins.Clip(r.Name), URL: site.URL + "/" + project + "/releases/tag/" + plugins.PathEscape(r.Tag),
		Draft: r.Draft || r.Prerelease, Published: plugins.Time(r.Published),
	}
}
