package gerrit_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
)

// object is an entity in JSON.
type object = map[string]any

// change is what the fake holds of one; revisions are its patch sets, the last of
// which is current.
type change struct {
	number    int
	project   string
	id        string
	revisions []string
	info      object // the fields of ChangeInfo that are this change's own
}

// fake answers as Gerrit 3.9 does: /changes/ with its search, options, pages,
// limits and prefix, for everybody and below /a/ for who is logged in.
type fake struct {
	changes []change
	perPage int    // the limit of queries that everybody has
	broken  string // a project whose questions end with a fault
	private string // a project that only who is logged in sees
	user    string // whose Authorization counts

	mu      sync.Mutex
	longest int // bytes of an address
}

var (
	search  = regexp.MustCompile(`^project:"([^"]+)" (?:\((.*)\)|(status:open))$`)
	options = []string{"CURRENT_REVISION", "DETAILED_ACCOUNTS", "LABELS", "ALL_REVISIONS"}
)

func (g *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.longest = max(g.longest, len(r.URL.RequestURI()))
	g.mu.Unlock()
	// RestApiServlet and CacheHeaders.setNotCacheable.
	for name, value := range map[string]string{
		"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate", "Pragma": "no-cache", "Expires": "Mon, 01 Jan 1990 00:00:00 GMT",
		"Content-Type": "application/json; charset=utf-8", "Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff",
	} {
		w.Header().Set(name, value)
	}
	path, in := strings.CutPrefix(r.URL.Path, "/r")
	if !in {
		http.NotFound(w, r)
		return
	}
	path, login := strings.CutPrefix(path, "/a")
	if login && r.Header.Get("Authorization") != g.user || login && g.user == "" {
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	}
	q := r.URL.Query()
	for _, o := range q["o"] {
		if !slices.Contains(options, o) {
			http.Error(w, fmt.Sprintf("%q is not a valid value for \"-o\"", o), http.StatusBadRequest)
			return
		}
	}
	switch {
	case path != "/changes/":
		http.Error(w, "Not Found", http.StatusNotFound)
	case g.broken != "" && strings.Contains(q.Get("q"), g.broken):
		http.Error(w, "Internal server error", http.StatusInternalServerError)
	case len(q["q"]) != 1: // ours asks with one; more than ten are refused (QueryChanges)
		http.Error(w, "limit of 10 queries", http.StatusBadRequest)
	default:
		found, err := g.find(q.Get("q"), login)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		limit := min(forgetest.Number(r, "n", g.perPage), g.perPage)
		from := min(forgetest.Number(r, "S", 0), len(found))
		to := min(from+limit, len(found))
		list := []object{}
		for i, c := range found[from:to] {
			info := c.json(q["o"])
			if from+i == to-1 && to < len(found) {
				info["_more_changes"] = true
			}
			list = append(list, info)
		}
		b, _ := json.Marshal(list)
		w.Write(append([]byte(")]}'\n"), b...)) //nolint:errcheck // the test sees it
	}
}

// find is the search: one project, and terms of which one is enough.
func (g *fake) find(q string, login bool) ([]change, error) {
	m := search.FindStringSubmatch(q)
	if m == nil {
		return nil, fmt.Errorf("line 1:1 no viable alternative at %q", q)
	}
	terms := map[string]bool{}
	for _, term := range strings.Split(m[2], " OR ") {
		terms[term] = true
	}
	var found []change
	for _, c := range g.changes {
		if c.project != m[1] || c.project == g.private && !login {
			continue
		}
		ok := m[3] != "" && c.info["status"] == "NEW"
		ok = ok || terms["change:"+strconv.Itoa(c.number)] || terms["change:"+c.id]
		for _, sha := range c.revisions {
			ok = ok || terms["commit:"+sha]
		}
		if ok {
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b change) int { // the latest first
		return strings.Compare(b.info["updated"].(string), a.info["updated"].(string))
	})
	return found, nil
}

// json is the ChangeInfo with these options.
func (c change) json(options []string) object {
	branch := c.info["branch"].(string)
	o := object{
		"id": strings.ReplaceAll(c.project, "/", "%2F") + "~" + strconv.Itoa(c.number), "triplet_id": strings.ReplaceAll(c.project, "/", "%2F") + "~" + branch + "~" + c.id,
		"project": c.project, "change_id": c.id, "_number": c.number, "virtual_id_number": c.number,
		"hashtags": []string{}, "attention_set": object{}, "removed_from_attention_set": object{}, "custom_keyed_values": object{}, "submit_type": "MERGE_IF_NECESSARY",
		"insertions": 7, "deletions": 3, "total_comment_count": 0, "unresolved_comment_count": 0, "has_review_started": true,
		"meta_rev_id": strings.Repeat("e", 40), "requirements": []object{}, "submit_records": []object{},
		"created": "2026-01-02 03:04:05.000000000", "owner": object{"_account_id": 1000096},
	}
	for name, value := range c.info {
		o[name] = value
	}
	if slices.Contains(options, "DETAILED_ACCOUNTS") {
		for _, who := range []string{"owner", "assignee", "submitter"} {
			if name, ok := c.info[who].(string); ok {
				o[who] = object{"_account_id": 1000096, "name": name, "email": "someone@example.org", "username": "someone"}
			}
		}
	} else {
		for _, who := range []string{"owner", "assignee", "submitter"} {
			if _, ok := c.info[who].(string); ok {
				o[who] = object{"_account_id": 1000096}
			}
		}
	}
	if !slices.Contains(options, "LABELS") {
		delete(o, "labels")
	}
	all, current := slices.Contains(options, "ALL_REVISIONS"), slices.Contains(options, "CURRENT_REVISION")
	if len(c.revisions) > 0 && (all || current) {
		last := len(c.revisions) - 1
		revisions := object{}
		for i, sha := range c.revisions {
			if all || i == last {
				ref := fmt.Sprintf("refs/changes/%02d/%d/%d", c.number%100, c.number, i+1)
				revisions[sha] = object{"kind": "REWORK", "_number": i + 1, "created": "2026-01-02 03:04:05.000000000", "uploader": object{"_account_id": 1000096}, "ref": ref, "branch": "refs/heads/" + branch, "fetch": object{"anonymous http": object{"url": "https://review.example.org/r/" + c.project, "ref": ref}}}
			}
		}
		o["current_revision"], o["revisions"], o["current_revision_number"] = c.revisions[last], revisions, last+1
	}
	return o
}
