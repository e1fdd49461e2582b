package gerrit

import (
	"cmp"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// isChangeID is what a Change-Id may be.
var isChangeID = regexp.MustCompile(`^I[0-9a-f]{40}$`)

// change is a ChangeInfo (rest-api-changes, "ChangeInfo"), as far as it is read.
type change struct {
	Project   string    `json:"project"`
	Branch    string    `json:"branch"`
	Topic     string    `json:"topic"`
	Hashtags  []string  `json:"hashtags"`
	ChangeID  string    `json:"change_id"`
	Subject   string    `json:"subject"`
	Status    string    `json:"status"`
	Created   moment    `json:"created"`
	Updated   moment    `json:"updated"`
	Submitted moment    `json:"submitted"`
	Number    uint64    `json:"_number"`
	Owner     account   `json:"owner"`
	Assignee  account   `json:"assignee"` // until Gerrit 3.8
	WIP       bool      `json:"work_in_progress"`
	Private   bool      `json:"is_private"`
	Votes     votes     `json:"labels"`
	Picked    uint64    `json:"cherry_pick_of_change"`
	Revision  string    `json:"current_revision"`
	Revisions revisions `json:"revisions"`
	More      bool      `json:"_more_changes"`
}

// revisions are the SHAs of patch sets.
type revisions map[string]json.RawMessage

// votes are what LABELS says of each label that a change needs.
type votes map[string]struct {
	Approved *account `json:"approved"`
	Rejected *account `json:"rejected"`
}

// account is an AccountInfo. Its email is not read.
type account struct {
	Name     string `json:"name"`
	Username string `json:"username"`
}

func (a account) person() string { return plugins.Person(a.Name, a.Username) }

// moment is a time as Gerrit writes it, in UTC.
type moment struct{ time.Time }

// UnmarshalJSON reads it; what is no time is none.
func (m *moment) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	if at, err := time.Parse("2006-01-02 15:04:05.999999999", text); err == nil {
		m.Time = at
	}
	return nil
}

func (c change) number() string { return strconv.FormatUint(c.Number, 10) }

func (c change) branch() string { return strings.TrimPrefix(c.Branch, "refs/heads/") }

// state maps NEW, MERGED and ABANDONED, and what older Gerrits have besides:
// DRAFT and SUBMITTED.
func (c change) state() plugins.State {
	switch c.Status {
	case "MERGED":
		return plugins.Merged
	case "ABANDONED":
		return plugins.Closed
	}
	return plugins.Open
}

// status is what state does not say: who keeps it from being merged.
func (c change) status() string {
	switch {
	case c.state() == plugins.Closed:
		return "Abandoned"
	case c.state() == plugins.Merged:
		return ""
	case c.WIP:
		return "WIP"
	case c.Private:
		return "Private"
	}
	var no, yes []string
	for _, label := range slices.Sorted(maps.Keys(c.Votes)) {
		switch v := c.Votes[label]; {
		case v.Rejected != nil:
			no = append(no, label+" rejected")
		case v.Approved != nil:
			yes = append(yes, label+" approved")
		}
	}
	return strings.Join(append(no, yes...), ", ")
}

// thing is the change as plugins say it. copies are those with its Change-Id; the
// later ones on other branches are its backports.
func (c change) thing(at site, home string, copies []change) plugins.Thing {
	t := plugins.Thing{
		Kind: plugins.Change, ID: c.number(), URL: at.change(c.Project, c.number()),
		Title: c.Subject, State: c.state(), Status: c.status(), Draft: c.state() == plugins.Open && (c.WIP || c.Status == "DRAFT"),
		Labels: slices.Clone(c.Hashtags), Author: c.Owner.person(), Target: c.branch(), Head: c.Revision,
		Created: c.Created.Time, Updated: c.Updated.Time, Merged: c.Submitted.Time,
		Backports: plugins.Requested(c.Hashtags),
	}
	if c.Project != home {
		t.Project = c.Project
	}
	if c.Topic != "" {
		t.Labels = append(t.Labels, "topic:"+c.Topic) // as Gerrit's search has it
	}
	if name := c.Assignee.person(); name != "" {
		t.Assignees = []string{name}
	}
	if t.State == plugins.Merged {
		t.MergeCommit = c.Revision // the patch set that was submitted
	}
	byNumber := func(a, b change) int { return cmp.Compare(a.Number, b.Number) }
	for _, other := range slices.SortedFunc(slices.Values(copies), byNumber) {
		if other.ChangeID == c.ChangeID && other.Branch != c.Branch && (other.Number > c.Number || other.Picked == c.Number) {
			t.Backports = append(t.Backports, plugins.Backport{
				Target: other.branch(), Kind: plugins.Change, ID: other.number(),
				URL: at.change(other.Project, other.number()), Title: other.Subject, State: other.state(),
			})
		}
	}
	return t.Bounded()
}
