package github

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// batch is how many things one query asks for. GitHub gives a query ten seconds.
const batch = 64

// The fields that are asked for. The states of issues and of pulls are of different
// types, which GraphQL does not let stand under one name.
const (
	common   = `__typename number title url createdAt updatedAt closedAt author{__typename login} assignees(first:20){nodes{login}} labels(first:50){nodes{name}} milestone{title} repository{nameWithOwner}`
	issue    = `fragment issue on Issue{` + common + ` issueState:state stateReason}`
	pull     = `fragment pull on PullRequest{` + common + ` pullState:state isDraft mergedAt baseRefName headRefOid mergeCommit{oid}}`
	mentions = `fragment mentions on PullRequest{timelineItems(last:25,itemTypes:[CROSS_REFERENCED_EVENT]){nodes{...on CrossReferencedEvent{source{...on PullRequest{number title url pullState:state baseRefName headRefName repository{nameWithOwner}}}}}}}`
)

// node is what GraphQL says of an issue, a pull, a commit or a release.
type node struct {
	Typename    string    `json:"__typename"`
	Number      int       `json:"number"`
	Title       string    `json:"title"`
	URL         string    `json:"url"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
	ClosedAt    time.Time `json:"closedAt"`
	Author      *author   `json:"author"`
	Assignees   nodes[person]
	Labels      nodes[named]
	Milestone   *titled
	Repository  struct{ NameWithOwner string }
	IssueState  string // OPEN, CLOSED
	StateReason string // COMPLETED, NOT_PLANNED, DUPLICATE, REOPENED

	PullState   string // OPEN, CLOSED, MERGED
	IsDraft     bool
	MergedAt    time.Time
	BaseRefName string
	HeadRefOid  string
	HeadRefName string
	MergeCommit *struct{ Oid string }

	TimelineItems nodes[struct{ Source node }]

	AssociatedPullRequests nodes[node] // of a commit

	TagName      string // of a release
	Name         string
	IsPrerelease bool
	PublishedAt  time.Time
}

type author struct {
	Typename string `json:"__typename"`
	Login    string
}

type nodes[T any] struct{ Nodes []T }

// thing maps what GraphQL has.
func (n *node) thing() plugins.Thing {
	t := plugins.Thing{
		Kind: plugins.Issue, ID: strconv.Itoa(n.Number), URL: n.URL, Title: n.Title, Draft: n.IsDraft,
		Created: n.CreatedAt.UTC(), Updated: n.UpdatedAt.UTC(), Closed: n.ClosedAt.UTC(), Merged: n.MergedAt.UTC(),
		Target: n.BaseRefName, Head: n.HeadRefOid,
	}
	if n.Author != nil {
		t.Author = n.Author.Login
		if n.Author.Typename == "Bot" {
			t.Author += "[bot]" // as REST has it, and pages
		}
	}
	for _, a := range n.Assignees.Nodes {
		t.Assignees = append(t.Assignees, a.Login)
	}
	for _, l := range n.Labels.Nodes {
		t.Labels = append(t.Labels, l.Name)
	}
	if n.Milestone != nil {
		t.Milestone = n.Milestone.Title
	}
	state := n.IssueState
	if n.Typename == "PullRequest" {
		t.Kind, state = plugins.Pull, n.PullState
	}
	t.State = stateOf(state)
	if t.State == plugins.Closed && t.Kind == plugins.Issue {
		t.Status = reason(n.StateReason)
	}
	if t.State == plugins.Merged && n.MergeCommit != nil {
		t.MergeCommit = n.MergeCommit.Oid
	}
	t.Backports = n.backports(plugins.Requested(t.Labels))
	return t.Bounded()
}

func stateOf(word string) plugins.State {
	switch word {
	case "OPEN":
		return plugins.Open
	case "MERGED":
		return plugins.Merged
	}
	return plugins.Closed
}

// copied is how titles and branches of backports say what they are.
var copied = regexp.MustCompile(`(?i)\b(back-?port|cherry-?pick)`)

// backports are those that are asked for, and pulls of the same project that
// mention this one, go to another branch, and have its title or call themselves
// backports. One that was asked for is filled in where its branch is known.
func (n *node) backports(asked []plugins.Backport) []plugins.Backport {
	for _, event := range n.TimelineItems.Nodes {
		s := event.Source
		if s.Number == 0 || s.Number == n.Number || s.Repository != n.Repository || s.BaseRefName == n.BaseRefName {
			continue
		}
		if !strings.Contains(strings.ToLower(s.Title), strings.ToLower(n.Title)) && !copied.MatchString(s.Title) && !copied.MatchString(s.HeadRefName) {
			continue
		}
		made := plugins.Backport{Target: s.BaseRefName, Kind: plugins.Pull, ID: strconv.Itoa(s.Number), URL: s.URL, Title: s.Title, State: stateOf(s.PullState)}
		i := slices.IndexFunc(asked, func(b plugins.Backport) bool {
			return b.ID == "" && (b.Target == made.Target || strings.HasSuffix(made.Target, "/"+b.Target) || strings.HasSuffix(made.Target, "-"+b.Target))
		})
		if i >= 0 {
			made.Label = asked[i].Label
			asked[i] = made
		} else if !slices.ContainsFunc(asked, func(b plugins.Backport) bool { return b.ID == made.ID }) {
			asked = append(asked, made)
		}
	}
	return asked
}

// failure is one of GraphQL's errors. Path says what it is about.
type failure struct {
	Type    string
	Message string
	Path    []any
}

// question is one thing that a query asks of a project.
type question struct {
	project string
	field   string         // of the repository, without its alias
	value   map[string]any // variables that the field names, with their types in declared
	types   map[string]string
}

// reply is what was said to one question.
type reply struct {
	node   *node          // nil where there is none
	answer plugins.Answer // when, and what was wrong
}

// graph asks the questions, as many at once as a query may have.
func (h host) graph(ctx context.Context, questions []question, fragments string) []reply {
	replies := make([]reply, len(questions))
	var from []int
	for i := 0; i < len(questions); i += batch {
		from = append(from, i)
	}
	each(len(from), func(k int) {
		part := questions[from[k]:min(from[k]+batch, len(questions))]
		h.query(ctx, part, fragments, replies[from[k]:])
	})
	return replies
}

// smallest is how many questions are not parted any more where they take too long.
const smallest = 8

// query asks questions in one request and writes what was said into replies. Where
// GitHub gives up on it, because it takes too long, it is asked in two parts.
func (h host) query(ctx context.Context, questions []question, fragments string, replies []reply) {
	projects := map[string]string{} // the alias by the name
	declared, variables, bodies := []string{}, map[string]any{}, map[string][]string{}
	for i, q := range questions {
		alias, seen := projects[q.project]
		if !seen {
			alias = "p" + strconv.Itoa(len(projects))
			projects[q.project] = alias
			owner, name, _ := strings.Cut(q.project, "/")
			declared = append(declared, "$"+alias+"o:String!,$"+alias+"n:String!")
			variables[alias+"o"], variables[alias+"n"] = owner, name
		}
		for _, name := range slices.Sorted(maps.Keys(q.types)) {
			declared = append(declared, "$"+name+":"+q.types[name])
			variables[name] = q.value[name]
		}
		bodies[alias] = append(bodies[alias], "i"+strconv.Itoa(i)+":"+q.field)
	}
	var text strings.Builder
	text.WriteString("query(" + strings.Join(declared, ",") + "){")
	for _, alias := range slices.Sorted(maps.Keys(bodies)) {
		fmt.Fprintf(&text, "%s:repository(owner:$%so,name:$%sn){%s}", alias, alias, alias, strings.Join(bodies[alias], " "))
	}
	text.WriteString("}" + fragments)

	var said struct {
		Data   map[string]map[string]*node
		Errors []failure
	}
	response, err := h.client.Post(ctx, graphqlOf(h.rest), map[string]any{"query": text.String(), "variables": variables}, &said)
	if half := len(questions) / 2; half >= smallest && tookTooLong(err, said.Errors) {
		h.query(ctx, questions[:half], fragments, replies[:half])
		h.query(ctx, questions[half:], fragments, replies[half:])
		return
	}
	base := web.Said(response, err)
	if err == nil && said.Data == nil && len(said.Errors) == 0 {
		base = plugins.Answer{Problem: plugins.Failed, Detail: "GraphQL answered with neither data nor errors"}
	}
	for i, q := range questions {
		alias, name := projects[q.project], "i"+strconv.Itoa(i)
		replies[i] = reply{said.Data[alias][name], base}
		for _, e := range said.Errors {
			if said.Data == nil || e.concerns(alias, name) { // without data the query itself was none
				replies[i].answer = h.failed(base, e, replies[i].node != nil)
			}
		}
	}
}

// tookTooLong says whether a query ended because GitHub gave up on it: by a status
// of the machine in front, or by an error without a type.
func tookTooLong(err error, failures []failure) bool {
	var e *web.Error
	if errors.As(err, &e) && (e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout) {
		return true
	}
	return slices.ContainsFunc(failures, failure.tooLong)
}

func (e failure) tooLong() bool {
	return e.Type == "" && len(e.Path) == 0 && strings.Contains(e.Message, "Something went wrong")
}

// concerns says whether an error is about a question: about itself or something in
// it, its project, or the whole query.
func (e failure) concerns(alias, name string) bool {
	return len(e.Path) == 0 || e.Path[0] == alias && (len(e.Path) == 1 || e.Path[1] == name)
}

// failed makes an answer of an error. That something is not there is none; that a
// part of what is there is not, is nothing to tell.
func (h host) failed(base plugins.Answer, e failure, there bool) plugins.Answer {
	a := plugins.Answer{Detail: "GraphQL: " + h.client.Scrub(strings.ToValidUTF8(e.Message[:min(len(e.Message), 300)], ""))}
	switch {
	case e.Type == "NOT_FOUND":
		return base
	case e.Type == "FORBIDDEN" || e.Type == "INSUFFICIENT_SCOPES":
		a.Problem, a.Token = plugins.Forbidden, h.client.TokenFrom(h.rest)
	case e.tooLong(), e.Type == "SERVICE_UNAVAILABLE":
		a.Problem, a.Retry = plugins.Offline, time.Now().Add(askAgain)
	default:
		a.Problem = plugins.Failed
	}
	if there {
		a.Checked = base.Checked
	}
	return a
}

// askAgain is when it is worth asking again after a query that went wrong.
const askAgain = 30 * time.Second

// graphResolve asks what numbers are.
func (h host) graphResolve(ctx context.Context, refs []reference) map[reference]plugins.Answer {
	questions := make([]question, len(refs))
	for i, ref := range refs {
		questions[i] = question{project: ref.project, field: "issueOrPullRequest(number:" + strconv.Itoa(ref.number) + "){...issue ...pull ...mentions}"}
	}
	found := map[reference]plugins.Answer{}
	for i, r := range h.graph(ctx, questions, issue+pull+mentions) {
		if r.node != nil && r.node.Number > 0 {
			t := r.node.thing()
			t.Project = h.where(refs[i], r.node.Number, r.node.Repository.NameWithOwner)
			r.answer.Things = []plugins.Thing{t}
		}
		found[refs[i]] = r.answer
	}
	return found
}

// graphChanges asks for the pulls of commits.
func (h host) graphChanges(ctx context.Context, commits []string) map[string]plugins.Answer {
	questions := make([]question, len(commits))
	for i, c := range commits {
		questions[i] = question{project: h.project, field: fmt.Sprintf("object(oid:%q){...on Commit{associatedPullRequests(first:%d){nodes{...pull}}}}", strings.ToLower(c), maxPulls)}
	}
	found := map[string]plugins.Answer{}
	for i, r := range h.graph(ctx, questions, pull) {
		if r.node != nil {
			for _, p := range r.node.AssociatedPullRequests.Nodes {
				t := p.thing()
				if name := p.Repository.NameWithOwner; !strings.EqualFold(name, h.project) { // of a fork's parent, say
					t.Project = name
				}
				r.answer.Things = append(r.answer.Things, t)
			}
		}
		found[commits[i]] = r.answer
	}
	return found
}
