package bitbucket

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// pull is a pullrequest of Cloud's interface, as far as it is read.
type pull struct {
	ID          uint64   `json:"id"`
	Title       string   `json:"title"`
	State       string   `json:"state"` // OPEN, MERGED, DECLINED or SUPERSEDED
	Draft       bool     `json:"draft"`
	Author      *account `json:"author"`
	Source      end      `json:"source"`
	Destination end      `json:"destination"`
	MergeCommit commit   `json:"merge_commit"`
	Created     string   `json:"created_on"`
	Updated     string   `json:"updated_on"`
}

// end is one end of a pull request.
type end struct {
	Branch named  `json:"branch"`
	Commit commit `json:"commit"`
}

// commit is named by the first twelve digits of its hash.
type commit struct {
	Hash string `json:"hash"`
}

type named struct {
	Name string `json:"name"`
}

// account is a user, or a team or an app.
type account struct {
	Name     string `json:"display_name"`
	Nickname string `json:"nickname"`
}

func (a *account) person() string {
	if a == nil {
		return ""
	}
	return plugins.Person(a.Name, a.Nickname)
}

// issue is an issue of Cloud's interface, as far as it is read.
type issue struct {
	ID        uint64   `json:"id"`
	Title     string   `json:"title"`
	State     string   `json:"state"`
	Kind      string   `json:"kind"`     // bug, enhancement, proposal or task
	Priority  string   `json:"priority"` // from trivial to blocker
	Reporter  *account `json:"reporter"`
	Assignee  *account `json:"assignee"`
	Component *named   `json:"component"`
	Milestone *named   `json:"milestone"`
	Created   string   `json:"created_on"`
	Updated   string   `json:"updated_on"`
}

func (p pull) number() string  { return strconv.FormatUint(p.ID, 10) }
func (i issue) number() string { return strconv.FormatUint(i.ID, 10) }

// full is a hash where it is not abbreviated.
func full(hash string) string {
	if plugins.IsHash(hash) && len(hash) == 40 {
		return strings.ToLower(hash)
	}
	return ""
}

// word is a state with a capital, such as Declined.
func word(state string) string {
	first, rest := utf8.DecodeRuneInString(strings.ToLower(state))
	if rest == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + strings.ToLower(state)[rest:]
}

// thing is the pull request as plugins say it. When it was merged is not told.
func (p pull) thing(project, home string) plugins.Thing {
	t := plugins.Thing{
		Kind: plugins.Pull, ID: p.number(), Title: p.Title, State: plugins.Open, Author: p.Author.person(),
		Target: strings.TrimPrefix(p.Destination.Branch.Name, "refs/heads/"), Head: full(p.Source.Commit.Hash),
		Created: plugins.Time(p.Created), Updated: plugins.Time(p.Updated),
	}
	switch p.State {
	case "OPEN":
		t.Draft = p.Draft
	case "MERGED":
		t.State, t.MergeCommit = plugins.Merged, full(p.MergeCommit.Hash)
	default:
		t.State, t.Status = plugins.Closed, word(p.State)
	}
	return placed(t, project, home)
}

// thing is the issue as plugins say it.
func (i issue) thing(project, home string) plugins.Thing {
	t := plugins.Thing{
		Kind: plugins.Issue, ID: i.number(), Title: i.Title, State: plugins.Closed, Status: word(i.State), Author: i.Reporter.person(),
		Created: plugins.Time(i.Created), Updated: plugins.Time(i.Updated),
	}
	switch i.State {
	case "new", "on hold":
		t.State = plugins.Open
	case "open":
		t.State, t.Status = plugins.Open, ""
	case "closed":
		t.Status = ""
	}
	if name := i.Assignee.person(); name != "" {
		t.Assignees = []string{name}
	}
	for _, label := range []string{i.Kind, i.Priority} {
		if label != "" {
			t.Labels = append(t.Labels, label)
		}
	}
	if i.Component != nil {
		t.Labels = append(t.Labels, i.Component.Name)
	}
	if i.Milestone != nil {
		t.Milestone = i.Milestone.Name
	}
	return placed(t, project, home)
}

// placed is a thing with its page.
func placed(t plugins.Thing, project, home string) plugins.Thing {
	if project != home {
		t.Project = project
	}
	t.URL = cloud + "/" + project + page(plugins.Item{Kind: t.Kind, ID: t.ID})
	return t.Bounded()
}
