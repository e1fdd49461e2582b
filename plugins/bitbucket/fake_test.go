package bitbucket_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
)

// object is an entity in JSON.
type object = map[string]any

// repository is what the fake holds of one.
type repository struct {
	pulls  []object
	issues []object // nil without an issue tracker
	// byCommit are the pull requests of commits; nil where they are not indexed.
	byCommit map[string][]int
	indexing bool // it is not done
}

// fake answers as api.bitbucket.org does, at /2.0.
type fake struct {
	repositories map[string]repository
	perPage      int    // the most that a page has
	broken       string // a path whose questions end with a fault
}

var route = regexp.MustCompile(`^/2\.0/repositories/([^/]+/[^/]+)/(.*)$`)

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache, no-store, must-revalidate, max-age=0")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Frame-Options", "SAMEORIGIN")
	m := route.FindStringSubmatch(r.URL.Path)
	if m == nil {
		fault(w, http.StatusNotFound, "Resource not found")
		return
	}
	if f.broken != "" && strings.HasSuffix(r.URL.Path, f.broken) {
		fault(w, http.StatusInternalServerError, "Something went wrong")
		return
	}
	repo, known := f.repositories[m[1]]
	q := r.URL.Query()
	switch what := m[2]; {
	case !known:
		fault(w, http.StatusNotFound, "You may not have access to this repository or it no longer exists in this workspace.")
	case what == "pullrequests":
		states := q["state"]
		if len(states) == 0 {
			states = []string{"OPEN"}
		}
		f.list(w, r, keep(repo.pulls, func(o object) bool { return slices.Contains(states, o["state"].(string)) }))
	case what == "issues" && repo.issues == nil:
		fault(w, http.StatusNotFound, "Repository has no issue tracker.")
	case what == "issues":
		f.list(w, r, repo.issues)
	case strings.HasPrefix(what, "commit/") && repo.indexing:
		w.WriteHeader(http.StatusAccepted)
		w.Write([]byte(`{"type": "error", "error": {"message": "Pull requests are being indexed"}}`)) //nolint:errcheck // the test sees it
	case strings.HasPrefix(what, "commit/") && repo.byCommit == nil:
		fault(w, http.StatusNotFound, "Pull requests are not indexed. Please make sure Pull Request Commit Links app is installed.")
	case strings.HasPrefix(what, "commit/"):
		sha := strings.TrimSuffix(strings.TrimPrefix(what, "commit/"), "/pullrequests")
		short := []object{} // which tells no more than this
		for _, o := range repo.pulls {
			if slices.Contains(repo.byCommit[sha], o["id"].(int)) {
				short = append(short, object{"type": "pullrequest", "id": o["id"], "title": o["title"], "links": o["links"]})
			}
		}
		f.list(w, r, short)
	default:
		fault(w, http.StatusNotFound, "Resource not found")
	}
}

func keep(all []object, fits func(object) bool) []object {
	var kept []object
	for _, o := range all {
		if fits(o) {
			kept = append(kept, o)
		}
	}
	return kept
}

// list filters, sorts and sends a page.
func (f *fake) list(w http.ResponseWriter, r *http.Request, all []object) {
	q := r.URL.Query()
	fits, ok := filter(q.Get("q"))
	if !ok {
		fault(w, http.StatusBadRequest, "Invalid query string: "+q.Get("q"))
		return
	}
	all = keep(all, fits)
	if q.Get("sort") == "-updated_on" {
		slices.SortStableFunc(all, func(a, b object) int {
			return strings.Compare(b["updated_on"].(string), a["updated_on"].(string))
		})
	}
	if size := forgetest.Number(r, "pagelen", 10); size > 50 {
		fault(w, http.StatusBadRequest, "Invalid pagelen")
		return
	}
	page, size := forgetest.Number(r, "page", 1), min(forgetest.Number(r, "pagelen", 10), f.perPage)
	part, more := forgetest.Paged(all, page, size)
	if part == nil {
		part = []object{}
	}
	o := object{"values": part, "pagelen": size, "size": len(all), "page": page}
	at := func(page int) string {
		next := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path}
		q.Set("page", strconv.Itoa(page))
		next.RawQuery = q.Encode()
		return next.String()
	}
	if more {
		o["next"] = at(page + 1)
	}
	if page > 1 {
		o["previous"] = at(page - 1)
	}
	b, _ := json.Marshal(o)
	w.Write(b) //nolint:errcheck // the test sees it
}

var (
	term  = regexp.MustCompile(`id=\d+|title ~ "(?:\\.|[^"\\])*"|state="[^"]*"`)
	parts = regexp.MustCompile(`^(id=|title ~ "|state=")(.*?)"?$`)
)

// filter reads Bitbucket's filters, as far as they are used: AND of groups of OR.
func filter(q string) (fits func(object) bool, ok bool) {
	if q == "" {
		return func(object) bool { return true }, true
	}
	terms := term.FindAllString(q, -1)
	var groups [][]func(object) bool
	for _, group := range strings.Split(term.ReplaceAllString(q, "T"), " AND ") {
		n := strings.Count(group, "T")
		if or := strings.Repeat("T OR ", n-min(n, 1)) + "T"; n == 0 || group != or && group != "("+or+")" {
			return nil, false
		}
		var any []func(object) bool
		for _, text := range terms[:n] {
			any = append(any, one(text))
		}
		groups, terms = append(groups, any), terms[n:]
	}
	return func(o object) bool {
		return !slices.ContainsFunc(groups, func(any []func(object) bool) bool {
			return !slices.ContainsFunc(any, func(fits func(object) bool) bool { return fits(o) })
		})
	}, true
}

// one reads a term.
func one(term string) func(object) bool {
	m := parts.FindStringSubmatch(term)
	switch m[1] {
	case "id=":
		id, _ := strconv.Atoi(m[2])
		return func(o object) bool { return o["id"] == id }
	case `state="`:
		return func(o object) bool { return o["state"] == m[2] }
	}
	text := strings.ToLower(strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[2]))
	return func(o object) bool { return strings.Contains(strings.ToLower(o["title"].(string)), text) }
}

// fault is an error as Bitbucket sends it.
func fault(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	b, _ := json.Marshal(object{"type": "error", "error": object{"message": message}})
	w.Write(b) //nolint:errcheck // the test sees it
}

// user is an account.
func user(name, nickname string) object {
	return object{"display_name": name, "nickname": nickname, "type": "user", "uuid": "{d301aafa-d676-4ee0-88be-962be7417567}", "account_id": "557058:ba8948b2", "links": object{"self": object{"href": "https://api.bitbucket.org/2.0/users/x"}, "html": object{"href": "https://bitbucket.org/x/"}, "avatar": object{"href": "https://avatar.example.org/x"}}}
}

// side is one end of a pull request; Bitbucket tells twelve digits of a hash.
func side(repo, branch, sha string) object {
	var in any = object{"type": "repository", "full_name": repo, "name": repo, "uuid": "{x}", "links": object{}}
	if repo == "" { // a fork that is gone
		in = nil
	}
	return object{"branch": object{"name": branch, "links": object{}}, "commit": object{"type": "commit", "hash": sha[:12], "links": object{}}, "repository": in}
}

// pullrequest is one as lists have it.
func pullrequest(id int, title, state string, minute int, more object) object {
	o := object{
		"type": "pullrequest", "id": id, "title": title, "description": "", "state": state, "draft": false, "queued": false, "comment_count": 0, "task_count": 0, "close_source_branch": false, "closed_by": nil, "reason": "", "merge_commit": nil,
		"author": user("Jane Doe", "jane"), "created_on": told(0), "updated_on": told(minute), "summary": object{"type": "rendered", "raw": "", "markup": "markdown", "html": ""}, "links": object{"html": object{"href": "https://bitbucket.org/acme/engine/pull-requests/" + strconv.Itoa(id)}},
		"destination": side("acme/engine", "main", hash(0xb)),
	}
	for name, value := range more {
		o[name] = value
	}
	return o
}

// ticket is an issue.
func ticket(id int, title, state string, minute int, more object) object {
	o := object{
		"type": "issue", "id": id, "title": title, "state": state, "kind": "bug", "priority": "major", "reporter": user("John Smith", "john"), "assignee": nil, "component": nil, "milestone": nil, "version": nil, "votes": 0, "watches": 1, "edited_on": nil,
		"created_on": told(0), "updated_on": told(minute), "content": object{"type": "rendered", "raw": "", "markup": "markdown", "html": ""}, "links": object{}, "repository": object{"type": "repository", "full_name": "acme/engine"},
	}
	for name, value := range more {
		o[name] = value
	}
	return o
}
