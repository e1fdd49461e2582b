package gitea_test

import (
	"encoding/json"
	"fmt"
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

// thing is an issue or a pull request of the fake: what both have in common, and
// what a pull request has besides.
type thing struct {
	number int
	common object
	pull   object // nil of an issue
}

// fake answers as Forgejo 12 and Gitea 1.24 do, at /git/api/v1.
type fake struct {
	things   map[string][]thing // by owner/repo
	releases map[string][]object
	perPage  int
	broken   string // a path whose questions end with a fault
	carried  func(authorization string)
}

var route = regexp.MustCompile(`^/git/api/v1/repos/([^/]+/[^/]+)/(.*)$`)

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=0, private, must-revalidate, no-transform")
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if f.carried != nil {
		f.carried(r.Header.Get("Authorization"))
	}
	m := route.FindStringSubmatch(r.URL.Path)
	if m == nil {
		absent(w, "not found")
		return
	}
	if f.broken != "" && strings.Contains(r.URL.Path, f.broken) {
		w.WriteHeader(http.StatusInternalServerError)
		send(w, object{"message": "", "url": "https://git.example.org/api/swagger"})
		return
	}
	project, q := m[1], r.URL.Query()
	all, known := f.things[project]
	if !known {
		absent(w, "repository does not exist")
		return
	}
	what, id, one := strings.Cut(m[2], "/")
	base := "http://" + r.Host + "/git/" + project
	switch {
	case what == "issues" && one, what == "pulls" && one:
		for _, t := range all {
			if strconv.Itoa(t.number) == id && (what == "issues" || t.pull != nil) {
				send(w, t.json(base, what))
				return
			}
		}
		absent(w, what+" does not exist [id: 0, repo_id: 7, index: "+id+"]")
	case what == "issues", what == "pulls":
		var list []object
		for _, t := range sorted(all, what == "pulls" && q.Get("sort") == "recentupdate") {
			state, title := t.common["state"].(string), t.common["title"].(string)
			if (what == "issues" || t.pull != nil) && (q.Get("state") == "all" || state == q.Get("state")) && strings.Contains(strings.ToLower(title), strings.ToLower(q.Get("q"))) {
				list = append(list, t.json(base, what))
			}
		}
		f.page(w, r, list)
	case what == "commits":
		sha := strings.TrimSuffix(id, "/pull")
		for _, t := range all {
			if t.pull != nil && t.pull["merge_commit_sha"] == sha {
				send(w, t.json(base, "pulls"))
				return
			}
		}
		absent(w, fmt.Sprintf("pull request does not exist [id: 0, issue_id: 0, head_repo_id: 0, base_repo_id: 0, head_branch: , base_branch: , merged_commit: %s]", sha))
	case what == "releases" && strings.HasPrefix(id, "tags/"):
		for _, rel := range f.releases[project] {
			if rel["tag_name"] == strings.TrimPrefix(id, "tags/") {
				send(w, rel)
				return
			}
		}
		absent(w, "not found")
	case what == "releases":
		f.page(w, r, f.releases[project])
	default:
		absent(w, "not found")
	}
}

// sorted are the things as lists have them: the newest first, or what changed last.
func sorted(all []thing, recent bool) []thing {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b thing) int {
		if recent {
			return strings.Compare(b.common["updated_at"].(string), a.common["updated_at"].(string))
		}
		return b.number - a.number
	})
	return all
}

// page sends a part of a list with the headers of SetLinkHeader and
// SetTotalCountHeader.
func (f *fake) page(w http.ResponseWriter, r *http.Request, list []object) {
	page, size := forgetest.Number(r, "page", 1), min(forgetest.Number(r, "limit", 30), f.perPage)
	part, more := forgetest.Paged(list, page, size)
	at := func(page int) string {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(page))
		return "http://" + r.Host + r.URL.Path + "?" + q.Encode()
	}
	var links []string
	if more {
		links = append(links, fmt.Sprintf(`<%s>; rel="next"`, at(page+1)), fmt.Sprintf(`<%s>; rel="last"`, at((len(list)+size-1)/size)))
	}
	if page > 1 {
		links = append(links, fmt.Sprintf(`<%s>; rel="first"`, at(1)), fmt.Sprintf(`<%s>; rel="prev"`, at(page-1)))
	}
	if len(links) > 0 {
		w.Header().Set("Link", strings.Join(links, ","))
	}
	w.Header().Set("X-Total-Count", strconv.Itoa(len(list)))
	if part == nil {
		part = []object{}
	}
	send(w, part)
}

func send(w http.ResponseWriter, v any) {
	b, _ := json.Marshal(v)
	w.Write(b) //nolint:errcheck // the test sees it
}

// absent is APIContext.NotFound.
func absent(w http.ResponseWriter, message string) {
	w.WriteHeader(http.StatusNotFound)
	send(w, object{"errors": []string{message}, "message": "The target couldn't be found.", "url": "https://git.example.org/api/swagger"})
}

// user is a User.
func user(login string) object {
	return object{"id": 5, "login": login, "login_name": "", "source_id": 0, "full_name": "", "email": login + "@noreply.example.org", "avatar_url": "https://git.example.org/avatars/5", "html_url": "https://git.example.org/" + login, "language": "", "is_admin": false, "created": "2020-01-01T00:00:00Z", "restricted": false, "active": false, "prohibit_login": false, "location": "", "website": "", "description": "", "visibility": "public", "followers_count": 0, "following_count": 0, "starred_repos_count": 0, "username": login}
}

// labels are Labels.
func labels(names ...string) []object {
	all := []object{}
	for i, name := range names {
		all = append(all, object{"id": i + 1, "name": name, "exclusive": false, "is_archived": false, "color": "ee0701", "description": "", "url": "https://git.example.org/api/v1/repos/acme/engine/labels/1"})
	}
	return all
}

// json is the Issue or PullRequest.
func (t thing) json(base, what string) object {
	number := strconv.Itoa(t.number)
	o := object{
		"id": 1000 + t.number, "number": t.number, "url": base + "/api/" + number, "html_url": base + "/issues/" + number, "body": "Text that nobody reads.", "labels": labels(), "milestone": nil, "assignee": nil, "assignees": nil,
		"is_locked": false, "comments": 0, "closed_at": nil, "due_date": nil, "pin_order": 0, "user": user("jane"),
	}
	if what == "issues" {
		o["original_author"], o["original_author_id"], o["ref"], o["assets"], o["pull_request"] = "", 0, "", []object{}, nil
		o["repository"] = object{"id": 7, "name": "engine", "owner": "acme", "full_name": "acme/engine"}
	}
	for name, value := range t.common {
		o[name] = value
	}
	if t.pull == nil {
		return o
	}
	o["html_url"] = base + "/pulls/" + number
	if what == "issues" {
		o["pull_request"] = object{"merged": t.pull["merged"], "merged_at": t.pull["merged_at"], "draft": t.pull["draft"], "html_url": base + "/pulls/" + number}
		return o
	}
	for name, value := range (object{"mergeable": true, "merged": false, "merged_at": nil, "merge_commit_sha": nil, "merged_by": nil, "draft": false, "allow_maintainer_edit": false, "merge_base": strings.Repeat("b", 40), "diff_url": base + "/pulls/" + number + ".diff", "patch_url": base + "/pulls/" + number + ".patch", "requested_reviewers": nil, "review_comments": 0, "additions": 3, "deletions": 1, "changed_files": 1, "flow": 0}) {
		o[name] = value
	}
	for name, value := range t.pull {
		o[name] = value
	}
	return o
}

// end is a PRBranchInfo; repo is "" for a fork that is gone.
func end(repo, ref, sha string) object {
	if repo == "" {
		return object{"label": ref, "ref": ref, "sha": sha, "repo_id": 0, "repo": nil}
	}
	return object{"label": ref, "ref": ref, "sha": sha, "repo_id": 7, "repo": object{"id": 7, "full_name": repo, "owner": user(url.PathEscape(strings.Split(repo, "/")[0]))}}
}
