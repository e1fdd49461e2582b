package gitlab_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
)

// entry is an issue or a merge request of the fake.
type entry struct {
	project           string // "" for acme/deep/engine
	iid               int
	request           bool
	title             string
	state             string // opened, closed, locked, merged
	status            string // detailed_merge_status
	draft             bool
	author            string
	labels, assignees []string
	milestone         string
	target, sha       string
	merge, squash     string
	changed           int // days after the start of 2026
	commits           []string
}

// fake is GitLab's REST interface below /gitlab/api/v4.
type fake struct {
	t        *testing.T
	url      string // where its pages are
	entries  []entry
	releases []map[string]any
	perPage  int  // the longest page that it gives
	noIssues bool // they are switched off
}

func day(n int) string {
	return time.Date(2026, 1, 1, 10, 0, 0, 250_000_000, time.FixedZone("", 2*60*60)).AddDate(0, 0, n).Format("2006-01-02T15:04:05.000Z07:00")
}

func (e entry) at() string {
	if e.project == "" {
		return "acme/deep/engine"
	}
	return e.project
}

func user(login string) any {
	if login == "" {
		return nil
	}
	return map[string]any{"id": 1, "username": login, "name": "Somebody, called " + login, "state": "active", "locked": false, "avatar_url": nil, "web_url": "https://git.example.org/" + login}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// rest is what a list has of an entry.
func (g *fake) rest(e entry) map[string]any {
	people, labels := []any{}, []string{}
	for _, a := range e.assignees {
		people = append(people, user(a))
	}
	labels = append(labels, e.labels...)
	when := func(states ...string) any {
		if slices.Contains(states, e.state) {
			return day(e.changed)
		}
		return nil
	}
	var milestone any
	if e.milestone != "" {
		milestone = map[string]any{"id": 1, "iid": 1, "title": e.milestone, "state": "active", "due_date": nil}
	}
	mark, path := "#", "/-/issues/"
	if e.request {
		mark, path = "!", "/-/merge_requests/"
	}
	n := strconv.Itoa(e.iid)
	r := map[string]any{
		"id": 1000 + e.iid, "iid": e.iid, "project_id": 7, "title": e.title, "description": "What it is about.", "state": e.state, "created_at": day(0), "updated_at": day(e.changed), "closed_at": when("closed"),
		"author": user(e.author), "assignee": nil, "assignees": people, "labels": labels, "milestone": milestone, "web_url": g.url + "/" + e.at() + path + n,
		"references": map[string]any{"short": mark + n, "relative": mark + n, "full": e.at() + mark + n}, "user_notes_count": 0, "upvotes": 0, "downvotes": 0,
	}
	if e.request {
		for name, v := range map[string]any{
			"source_branch": "work", "target_branch": e.target, "source_project_id": 9, "target_project_id": 7, "draft": e.draft, "work_in_progress": e.draft, "sha": orNull(e.sha), "merge_commit_sha": orNull(e.merge),
			"squash_commit_sha": orNull(e.squash), "squash": e.squash != "", "merged_at": when("merged"), "merge_status": "can_be_merged", "detailed_merge_status": e.status, "merge_user": nil, "has_conflicts": false,
		} {
			r[name] = v
		}
	} else {
		r["type"], r["issue_type"], r["confidential"], r["moved_to_id"], r["closed_by"] = "ISSUE", "issue", false, nil, nil
		if e.title == "Louder fans" {
			r["type"], r["issue_type"] = "TEST_CASE", "test_case"
		}
	}
	return r
}

func (g *fake) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "max-age=0, private, must-revalidate")
	w.Header().Set("RateLimit-Limit", "2000")
	w.Header().Set("RateLimit-Remaining", "1999")
	w.Header().Set("RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10))
	if err := json.NewEncoder(w).Encode(v); err != nil {
		g.t.Error(err)
	}
}

func (g *fake) missing(w http.ResponseWriter, what string) {
	w.WriteHeader(http.StatusNotFound)
	g.json(w, map[string]any{"message": "404 " + what + " Not Found"})
}

// page gives a part of a list, with the headers that lead on.
func (g *fake) page(w http.ResponseWriter, r *http.Request, all []map[string]any) {
	page, per := forgetest.Number(r, "page", 1), min(forgetest.Number(r, "per_page", 20), g.perPage)
	part, more := forgetest.Paged(all, page, per)
	w.Header().Set("X-Page", strconv.Itoa(page))
	w.Header().Set("X-Per-Page", strconv.Itoa(per))
	w.Header().Set("X-Next-Page", "")
	if more {
		next := *r.URL
		q := next.Query()
		q.Set("page", strconv.Itoa(page+1))
		next.RawQuery = q.Encode()
		w.Header().Set("X-Next-Page", strconv.Itoa(page+1))
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s>; rel="next", <http://%s%s>; rel="first"`, r.Host, next.RequestURI(), r.Host, r.URL.RequestURI()))
	}
	g.json(w, part)
}

// handler serves the interface.
func (g *fake) handler() http.Handler {
	mux := http.NewServeMux()
	const project = "GET /gitlab/api/v4/projects/{project}"
	list := func(request bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			q, name := r.URL.Query(), r.PathValue("project")
			if !slices.ContainsFunc(g.entries, func(e entry) bool { return strings.EqualFold(e.at(), name) }) {
				g.missing(w, "Project")
				return
			}
			if g.noIssues && !request {
				w.WriteHeader(http.StatusForbidden)
				g.json(w, map[string]any{"message": "403 Forbidden"})
				return
			}
			var found []entry
			for _, e := range g.entries {
				if e.request == request && strings.EqualFold(e.at(), name) && (q.Get("state") == "" || q.Get("state") == e.state) &&
					(len(q["iids[]"]) == 0 || slices.Contains(q["iids[]"], strconv.Itoa(e.iid))) && strings.Contains(strings.ToLower(e.title), strings.ToLower(q.Get("search"))) {
					found = append(found, e)
				}
			}
			for _, id := range q["iids[]"] {
				if n, err := strconv.Atoi(id); err == nil && n >= 10000 && n < 11000 && !request {
					found = append(found, entry{iid: n, title: "One of many", state: "closed", author: "somebody"})
				}
			}
			if q.Get("order_by") == "updated_at" {
				slices.SortStableFunc(found, func(a, b entry) int { return b.changed - a.changed })
			}
			all := []map[string]any{}
			for _, e := range found {
				all = append(all, g.rest(e))
			}
			g.page(w, r, all)
		}
	}
	mux.HandleFunc(project+"/issues", list(false))
	mux.HandleFunc(project+"/merge_requests", list(true))
	mux.HandleFunc(project+"/repository/commits/{sha}/merge_requests", func(w http.ResponseWriter, r *http.Request) {
		all := []map[string]any{}
		for _, e := range g.entries {
			if slices.Contains(e.commits, r.PathValue("sha")) {
				all = append(all, g.rest(e))
			}
		}
		if len(all) == 0 && !strings.HasPrefix(r.PathValue("sha"), "d") { // which is a commit without a request
			g.missing(w, "Commit")
			return
		}
		g.page(w, r, all)
	})
	mux.HandleFunc(project+"/releases", func(w http.ResponseWriter, r *http.Request) { g.page(w, r, g.releases) })
	mux.HandleFunc(project+"/releases/{tag}", func(w http.ResponseWriter, r *http.Request) {
		for _, rel := range g.releases {
			if rel["tag_name"] == r.PathValue("tag") {
				g.json(w, rel)
				return
			}
		}
		g.missing(w, "Release")
	})
	return mux
}

func (g *fake) release(tag, name string, upcoming bool, days int) map[string]any {
	return map[string]any{
		"tag_name": tag, "name": name, "description": "Notes.", "created_at": day(days), "released_at": day(days), "upcoming_release": upcoming, "author": user("somebody"), "milestones": []any{},
		"_links": map[string]any{"self": g.url + "/acme/deep/engine/-/releases/" + url.PathEscape(tag)},
	}
}
