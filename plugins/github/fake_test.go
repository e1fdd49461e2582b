package github_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
)

// entry is an issue or a pull request of the fake.
type entry struct {
	project           string // "" for acme/engine
	number            int
	pull, draft       bool
	title             string
	state             string // open, closed, merged
	reason            string
	author            string // with [bot] at its end for a bot; "" for an account that is gone
	labels, assignees []string
	milestone         string
	base, head, ref   string
	merge             string
	changed           int   // days after the start of 2026
	mentions          []int // pulls that mention it
	commits           []string
}

// fake is one of GitHub's REST and GraphQL interfaces below /api, as on an
// Enterprise host.
type fake struct {
	t        *testing.T
	url      string // where the fake is asked; set after it was started
	entries  []entry
	releases []map[string]any
	disabled bool // issues are switched off
	// graph answers a query in its place, where it is not nil.
	graph func(w http.ResponseWriter, query string) bool

	mu      sync.Mutex
	queries []string // of GraphQL
}

func day(n int) string {
	return time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC).AddDate(0, 0, n).Format(time.RFC3339)
}

func (g *fake) find(project string, number int) (entry, bool) {
	for _, e := range g.entries {
		if e.number == number && strings.EqualFold(e.at(), project) {
			return e, true
		}
	}
	if number >= 10000 && number < 11000 {
		return entry{number: number, title: "One of many", state: "closed", reason: "completed", author: "somebody"}, true
	}
	return entry{}, false
}

func (e entry) at() string {
	if e.project == "" {
		return "acme/engine"
	}
	return e.project
}

func (g *fake) page(e entry) string {
	return g.url + "/" + e.at() + map[bool]string{true: "/pull/", false: "/issues/"}[e.pull] + strconv.Itoa(e.number)
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func ended(e entry) any {
	if e.state == "open" {
		return nil
	}
	return day(e.changed)
}

func mergedAt(e entry) any {
	if e.state != "merged" {
		return nil
	}
	return day(e.changed)
}

func user(login string) any {
	if login == "" {
		return nil
	}
	kind := "User"
	if strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	}
	return map[string]any{"login": login, "id": 1, "node_id": "U_1", "type": kind, "site_admin": false, "avatar_url": "https://avatars.example/1"}
}

// rest is what /issues/N says, and with whole what /pulls/N says.
func (g *fake) rest(e entry, whole bool) map[string]any {
	state := e.state
	if state == "merged" {
		state = "closed"
	}
	people, labels := []any{}, []any{}
	for _, a := range e.assignees {
		people = append(people, user(a))
	}
	for _, l := range e.labels {
		labels = append(labels, map[string]any{"id": 1, "node_id": "LA_1", "url": g.url + "/labels/1", "name": l, "color": "ededed", "default": false, "description": nil})
	}
	var milestone any
	if e.milestone != "" {
		milestone = map[string]any{"title": e.milestone, "number": 1, "state": "open"}
	}
	of := g.url + "/api/v3/repos/" + e.at()
	r := map[string]any{
		"url": of + "/issues/" + strconv.Itoa(e.number), "repository_url": of, "id": 1, "node_id": "I_1", "number": e.number, "html_url": g.page(e),
		"title": e.title, "body": "What it is about.", "user": user(e.author), "labels": labels, "state": state, "state_reason": orNull(e.reason), "locked": false, "assignees": people, "milestone": milestone,
		"comments": 0, "created_at": day(0), "updated_at": day(e.changed), "closed_at": ended(e), "author_association": "MEMBER",
	}
	switch {
	case e.pull && whole:
		delete(r, "state_reason")
		delete(r, "repository_url")
		merge := e.merge
		if merge == "" {
			merge = strings.Repeat("9", 40) // of the trial
		}
		r["draft"], r["merged_at"], r["merge_commit_sha"] = e.draft, mergedAt(e), merge
		r["head"] = map[string]any{"label": "somebody:" + e.ref, "ref": e.ref, "sha": e.head, "repo": nil} // its fork may be gone
		r["base"] = map[string]any{"label": "acme:" + e.base, "ref": e.base, "sha": strings.Repeat("8", 40), "repo": map[string]any{"id": 1, "name": "engine", "full_name": e.at()}}
	case e.pull:
		r["draft"] = e.draft
		r["pull_request"] = map[string]any{"url": of + "/pulls/" + strconv.Itoa(e.number), "html_url": g.page(e), "merged_at": mergedAt(e)}
	}
	return r
}

// node is what GraphQL says of an entry.
func (g *fake) node(e entry) map[string]any {
	people, labels := []any{}, []any{}
	for _, a := range e.assignees {
		people = append(people, map[string]any{"login": a})
	}
	for _, l := range e.labels {
		labels = append(labels, map[string]any{"name": l})
	}
	n := map[string]any{
		"__typename": "Issue", "number": e.number, "title": e.title, "url": g.page(e), "createdAt": day(0), "updatedAt": day(e.changed), "closedAt": ended(e),
		"author": nil, "assignees": map[string]any{"nodes": people}, "labels": map[string]any{"nodes": labels}, "milestone": nil, "repository": map[string]any{"nameWithOwner": e.at()},
	}
	if login, bot := strings.CutSuffix(e.author, "[bot]"); login != "" {
		n["author"] = map[string]any{"__typename": map[bool]string{true: "Bot", false: "User"}[bot], "login": login}
	}
	if e.milestone != "" {
		n["milestone"] = map[string]any{"title": e.milestone}
	}
	if !e.pull {
		n["issueState"], n["stateReason"] = map[string]string{"open": "OPEN", "closed": "CLOSED"}[e.state], orNull(strings.ToUpper(e.reason))
		return n
	}
	n["__typename"], n["pullState"], n["isDraft"], n["mergedAt"] = "PullRequest", strings.ToUpper(e.state), e.draft, mergedAt(e)
	n["baseRefName"], n["headRefOid"], n["mergeCommit"] = e.base, e.head, nil
	if e.merge != "" {
		n["mergeCommit"] = map[string]any{"oid": e.merge}
	}
	events := []any{}
	for _, m := range e.mentions {
		if s, ok := g.find(e.at(), m); ok {
			events = append(events, map[string]any{"source": map[string]any{"number": s.number, "title": s.title, "url": g.page(s), "pullState": strings.ToUpper(s.state), "baseRefName": s.base, "headRefName": s.ref, "repository": map[string]any{"nameWithOwner": s.at()}}})
		}
	}
	events = append(events, map[string]any{"source": map[string]any{}}) // an issue that mentions it
	n["timelineItems"] = map[string]any{"nodes": events}
	return n
}

func (g *fake) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "private, max-age=60, s-maxage=60")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		g.t.Error(err)
	}
}

func (g *fake) refuse(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	g.json(w, map[string]any{"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status)})
}

// handler serves the interfaces.
func (g *fake) handler() http.Handler {
	mux := http.NewServeMux()
	const repo = "/api/v3/repos/{owner}/{name}"
	one := func(w http.ResponseWriter, r *http.Request, as string) {
		n, err := strconv.Atoi(r.PathValue("number"))
		e, ok := g.find(r.PathValue("owner")+"/"+r.PathValue("name"), n)
		switch {
		case as == "issues" && g.disabled:
			g.refuse(w, http.StatusGone, "Issues has been disabled in this repository.")
		case err != nil || !ok || as == "pulls" && !e.pull:
			g.refuse(w, http.StatusNotFound, "Not Found")
		default:
			g.json(w, g.rest(e, as == "pulls"))
		}
	}
	mux.HandleFunc("GET "+repo+"/issues/{number}", func(w http.ResponseWriter, r *http.Request) { one(w, r, "issues") })
	mux.HandleFunc("GET "+repo+"/pulls/{number}", func(w http.ResponseWriter, r *http.Request) { one(w, r, "pulls") })
	mux.HandleFunc("GET "+repo+"/commits/{sha}/pulls", func(w http.ResponseWriter, r *http.Request) {
		list := []any{}
		for _, e := range g.entries {
			if slices.Contains(e.commits, r.PathValue("sha")) {
				list = append(list, g.rest(e, true))
			}
		}
		if len(list) == 0 && !strings.HasPrefix(r.PathValue("sha"), "d") { // which is a commit without a pull
			g.refuse(w, http.StatusUnprocessableEntity, "No commit found for SHA: "+r.PathValue("sha"))
			return
		}
		g.json(w, list)
	})
	mux.HandleFunc("GET "+repo+"/issues", func(w http.ResponseWriter, r *http.Request) {
		g.list(w, r, g.open(r.PathValue("owner")+"/"+r.PathValue("name"), ""))
	})
	mux.HandleFunc("GET /api/v3/search/issues", func(w http.ResponseWriter, r *http.Request) {
		m := regexp.MustCompile(`^repo:(\S+) state:open in:title "(.*)"$`).FindStringSubmatch(r.URL.Query().Get("q"))
		if m == nil {
			g.refuse(w, http.StatusUnprocessableEntity, "Validation Failed")
			return
		}
		found := g.open(m[1], m[2])
		g.json(w, map[string]any{"total_count": len(found), "incomplete_results": false, "items": found})
	})
	mux.HandleFunc("GET "+repo+"/releases", func(w http.ResponseWriter, r *http.Request) { g.list(w, r, g.releases) })
	mux.HandleFunc("GET "+repo+"/releases/tags/{tag...}", func(w http.ResponseWriter, r *http.Request) {
		for _, rel := range g.releases {
			if rel["tag_name"] == r.PathValue("tag") {
				g.json(w, rel)
				return
			}
		}
		g.refuse(w, http.StatusNotFound, "Not Found")
	})
	mux.HandleFunc("POST /api/graphql", g.graphql)
	return mux
}

// open are the open entries of a project, the latest first, as /issues lists them.
func (g *fake) open(project, text string) []map[string]any {
	var open []entry
	for _, e := range g.entries {
		if e.state == "open" && strings.EqualFold(e.at(), project) && strings.Contains(strings.ToLower(e.title), strings.ToLower(text)) {
			open = append(open, e)
		}
	}
	slices.SortStableFunc(open, func(a, b entry) int { return b.changed - a.changed })
	list := []map[string]any{}
	for _, e := range open {
		list = append(list, g.rest(e, false))
	}
	return list
}

func (g *fake) list(w http.ResponseWriter, r *http.Request, all []map[string]any) {
	page, per := forgetest.Number(r, "page", 1), min(forgetest.Number(r, "per_page", 30), 100)
	part, more := forgetest.Paged(all, page, per)
	if more {
		next := *r.URL
		q := next.Query()
		q.Set("page", strconv.Itoa(page+1))
		next.RawQuery = q.Encode()
		w.Header().Set("Link", fmt.Sprintf(`<%s%s>; rel="next"`, g.url, next.RequestURI()))
	}
	g.json(w, part)
}

var (
	repository = regexp.MustCompile(`(p\d+):repository\(owner:\$(\w+),name:\$(\w+)\)\{`)
	asked      = regexp.MustCompile(`(i\d+):(issueOrPullRequest\(number:(\d+)\)|object\(oid:"([0-9a-f]{40})"\)|release\(tagName:\$(\w+)\))`)
)

// graphql answers the queries that the forge makes; what it cannot read is an
// error, as it is to GitHub.
func (g *fake) graphql(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Query     string
		Variables map[string]string
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &q) != nil {
		g.refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	g.mu.Lock()
	g.queries = append(g.queries, q.Query)
	g.mu.Unlock()
	if g.graph != nil && g.graph(w, q.Query) {
		return
	}
	data, errs := map[string]any{}, []any{}
	starts := repository.FindAllStringSubmatchIndex(q.Query, -1)
	for k, at := range starts {
		end := len(q.Query)
		if k+1 < len(starts) {
			end = starts[k+1][0]
		}
		m := repository.FindStringSubmatch(q.Query[at[0]:])
		project := q.Variables[m[2]] + "/" + q.Variables[m[3]]
		if !slices.ContainsFunc(g.entries, func(e entry) bool { return strings.EqualFold(e.at(), project) }) {
			data[m[1]] = nil
			errs = append(errs, map[string]any{"type": "NOT_FOUND", "path": []any{m[1]}, "locations": []any{}, "message": "Could not resolve to a Repository with the name '" + project + "'."})
			continue
		}
		fields := map[string]any{}
		data[m[1]] = fields
		for _, f := range asked.FindAllStringSubmatch(q.Query[at[1]:end], -1) {
			switch {
			case f[3] != "":
				n, _ := strconv.Atoi(f[3])
				if e, ok := g.find(project, n); ok {
					fields[f[1]] = g.node(e)
				} else {
					fields[f[1]] = nil
					errs = append(errs, map[string]any{"type": "NOT_FOUND", "path": []any{m[1], f[1]}, "locations": []any{}, "message": "Could not resolve to an issue or pull request with the number of " + f[3] + "."})
				}
			case f[4] != "":
				list := []any{}
				for _, e := range g.entries {
					if slices.Contains(e.commits, f[4]) {
						n := g.node(e)
						delete(n, "timelineItems")
						list = append(list, n)
					}
				}
				fields[f[1]] = nil
				if len(list) > 0 || strings.HasPrefix(f[4], "d") {
					fields[f[1]] = map[string]any{"associatedPullRequests": map[string]any{"nodes": list}}
				}
			default:
				fields[f[1]] = nil
				for _, rel := range g.releases {
					if rel["tag_name"] == q.Variables[f[5]] {
						fields[f[1]] = map[string]any{"tagName": rel["tag_name"], "name": rel["name"], "url": rel["html_url"], "isDraft": rel["draft"], "isPrerelease": rel["prerelease"], "publishedAt": rel["published_at"]}
					}
				}
			}
		}
	}
	answer := map[string]any{"data": data}
	if len(errs) > 0 {
		answer["errors"] = errs
	}
	g.json(w, answer)
}

// aRelease is one as REST has it.
func (g *fake) aRelease(tag, name string, prerelease bool, days int) map[string]any {
	return map[string]any{
		"url": g.url + "/api/v3/repos/acme/engine/releases/1", "html_url": g.url + "/acme/engine/releases/tag/" + url.PathEscape(tag), "id": 1, "tag_name": tag, "target_commitish": "main",
		"name": name, "draft": false, "prerelease": prerelease, "created_at": day(days), "published_at": day(days), "author": user("somebody"), "assets": []any{}, "body": "Notes.",
	}
}
