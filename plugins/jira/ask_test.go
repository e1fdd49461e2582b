package jira_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/jira"
)

// server is a Jira with invented issues, in the shape of Atlassian's documentation:
// of Data Center (api/2/search), or of Cloud, which has given that search up.
type server struct {
	cloud  bool
	issues []map[string]any
	moved  map[string]string // old keys
	sick   string            // a key that Cloud cannot fetch
}

func user(cloud bool, name, login string) map[string]any {
	u := map[string]any{"displayName": name, "active": true, "timeZone": "Etc/UTC", "avatarUrls": map[string]string{}}
	if cloud {
		u["accountId"], u["accountType"] = "5b10ac8d82e05b22cc7d4ef5", "atlassian"
	} else {
		u["name"], u["key"], u["emailAddress"] = login, "JIRAUSER1", login+" at example dot org"
	}
	return u
}

func (s *server) add(key, summary, status, category string, more map[string]any) {
	f := map[string]any{
		"summary": summary, "issuetype": map[string]any{"id": "1", "name": "Story", "subtask": false}, "labels": []string{}, "fixVersions": []any{}, "resolution": nil, "resolutiondate": nil, "assignee": nil,
		"status":   map[string]any{"name": status, "id": "3", "description": "", "statusCategory": map[string]any{"id": 4, "key": category, "name": "In Progress", "colorName": "yellow"}},
		"reporter": user(s.cloud, "Maeve Byrne", "mbyrne"), "created": "2024-03-01T11:20:30.000+0100", "updated": "2024-05-06T07:08:09.123+0000",
	}
	for name, v := range more {
		f[name] = v
	}
	s.issues = append(s.issues, map[string]any{"expand": "", "id": strconv.Itoa(10000 + len(s.issues)), "key": key, "self": "https://jira.example.org/rest/api/2/issue/1", "fields": f})
}

func (s *server) get(key string) map[string]any {
	if to, ok := s.moved[key]; ok {
		key = to
	}
	for _, i := range s.issues {
		if i["key"] == key {
			return i
		}
	}
	return nil
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, _ := strings.CutPrefix(r.URL.Path, "/jira/rest/api")
	q := r.URL.Query()
	switch {
	case path == "/2/search" && !s.cloud:
		if q.Get("validateQuery") != "false" && strings.Contains(q.Get("jql"), "key in") {
			refuse(w, http.StatusBadRequest, "An issue with key 'X-1' does not exist for field 'key'.")
			return
		}
		found := s.query(q.Get("jql"))[:]
		size := min(forgetest.Number(r, "maxResults", 50), len(found))
		write(w, map[string]any{"startAt": 0, "maxResults": forgetest.Number(r, "maxResults", 50), "total": len(found), "issues": found[:size], "warningMessages": []string{}})
	case path == "/2/search":
		refuse(w, http.StatusGone, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.")
	case path == "/3/search/jql" && s.cloud:
		if !strings.Contains(q.Get("jql"), "AND") && !strings.Contains(q.Get("jql"), "!=") {
			refuse(w, http.StatusBadRequest, "Unbounded JQL queries are not allowed here.")
			return
		}
		found := s.query(q.Get("jql"))
		size := min(forgetest.Number(r, "maxResults", 50), len(found))
		write(w, map[string]any{"isLast": size == len(found), "issues": found[:size]})
	case path == "/3/issue/bulkfetch" && s.cloud && r.Method == http.MethodPost:
		s.bulk(w, r)
	case strings.HasPrefix(path, "/2/issue/") && s.get(strings.TrimPrefix(path, "/2/issue/")) != nil:
		write(w, s.get(strings.TrimPrefix(path, "/2/issue/")))
	default:
		refuse(w, http.StatusNotFound, "Issue Does Not Exist")
	}
}

func (s *server) bulk(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		IssueIDsOrKeys []string
		Fields         []string
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || len(asked.IssueIDsOrKeys) == 0 || len(asked.IssueIDsOrKeys) > 100 || !slices.Contains(asked.Fields, "summary") {
		refuse(w, http.StatusBadRequest, "Invalid request payload.")
		return
	}
	found, sick := []map[string]any{}, []map[string]any{}
	for _, key := range asked.IssueIDsOrKeys {
		if key == s.sick {
			sick = append(sick, map[string]any{"issueIdOrKey": key, "errorMessage": "Something went wrong. Retry."})
		} else if i := s.get(key); i != nil {
			found = append(found, i)
		}
	}
	write(w, map[string]any{"expand": "names,schema", "issues": found, "issueErrors": sick})
}

var (
	keys     = regexp.MustCompile(`key in \(([^)]*)\)`)
	projects = regexp.MustCompile(`project in \(([^)]*)\)`)
	summary  = regexp.MustCompile(`summary ~ "([^"*]*)\*"`)
)

// query is as much of JQL as is asked in.
func (s *server) query(jql string) []map[string]any {
	found := []map[string]any{}
	if m := keys.FindStringSubmatch(jql); m != nil {
		for key := range strings.SplitSeq(m[1], ",") {
			if i := s.get(strings.Trim(key, `"`)); i != nil {
				found = append(found, i)
			}
		}
		return found
	}
	for _, i := range s.issues {
		f := i["fields"].(map[string]any)
		fits := f["status"].(map[string]any)["statusCategory"].(map[string]any)["key"] != "done" && strings.Contains(jql, "ORDER BY updated DESC")
		if m := projects.FindStringSubmatch(jql); m != nil {
			name, _, _ := strings.Cut(i["key"].(string), "-")
			fits = fits && strings.Contains(m[1], `"`+name+`"`)
		}
		for _, m := range summary.FindAllStringSubmatch(jql, -1) {
			fits = fits && slices.ContainsFunc(strings.Fields(strings.ToLower(f["summary"].(string))), func(word string) bool { return strings.HasPrefix(word, strings.ToLower(m[1])) })
		}
		if fits {
			found = append(found, i)
		}
	}
	return found
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	write(w, map[string]any{"errorMessages": []string{message}, "errors": map[string]string{}})
}

func write(w http.ResponseWriter, v any) { json.NewEncoder(w).Encode(v) } //nolint:errcheck // the test sees it

const remote = "https://git.example.org/acme/engine"

func filled(cloud bool) *server {
	s := &server{cloud: cloud, moved: map[string]string{}}
	s.add("ENGINE-12", "The pump leaks", "Resolved", "done", map[string]any{
		"resolution": map[string]any{"name": "Fixed", "id": "1"}, "resolutiondate": "2024-04-01T00:00:00.000+0000", "labels": []string{"leak", "backport-1.2"},
		"assignee": user(cloud, "aoife@example.org", "aoife"), "fixVersions": []any{map[string]any{"name": "1.3.0", "released": true}, map[string]any{"name": "1.2.7", "released": false}},
	})
	s.add("ENGINE-13", "The leak is loud", "In Review", "indeterminate", nil)
	s.add("ENGINE-7", "A valve of 1/2 inch", "To Do", "new", nil)
	s.add("OTHER-130", "Another leak", "Open", "new", nil)
	s.add("ENGINE-14", "Done with", "Done", "done", map[string]any{"resolution": map[string]any{"name": "Done"}})
	for i := range 1000 {
		s.add(fmt.Sprintf("MANY-%d", i+1), "One of many", "Closed", "done", nil)
	}
	return s
}

// anew makes the forge as when its process starts.
func anew(t *testing.T, dir, base string) plugins.Resolver {
	for _, v := range plugins.CacheEnvironment(dir) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	return jira.New(plugins.Setting{URL: base, Projects: []string{"ENGINE"}, Remotes: []string{"git.example.org"}, Token: "JIRA_TEST_TOKEN"})
}

func bug(id string) plugins.Item { return plugins.Item{Kind: plugins.Bug, ID: id} }

func world(t *testing.T, cloud bool) forgetest.World {
	fake := forgetest.NewFake(t, filled(cloud))
	base := fake.URL + "/jira"
	thing := func(id, title string, state plugins.State, status string) plugins.Thing {
		return plugins.Thing{
			Kind: plugins.Bug, Noun: "Story", ID: id, URL: base + "/browse/" + id, Title: title, State: state, Status: status, Author: "Maeve Byrne",
			Created: time.Date(2024, 3, 1, 10, 20, 30, 0, time.UTC), Updated: time.Date(2024, 5, 6, 7, 8, 9, 123000000, time.UTC),
		}
	}
	fixed := thing("ENGINE-12", "The pump leaks", plugins.Closed, "Resolved (Fixed)")
	fixed.Labels, fixed.Assignees, fixed.Milestone, fixed.Closed = []string{"leak", "backport-1.2"}, []string{"aoife"}, "1.3.0, 1.2.7", time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC)
	fixed.Backports = []plugins.Backport{{Target: "1.2", Label: "backport-1.2"}}
	return forgetest.World{
		New: func(t *testing.T, dir string) plugins.Forge { return anew(t, dir, base).(plugins.Forge) }, Fake: fake, Remote: remote,
		Resolve: []forgetest.Said{
			{Item: bug("ENGINE-12"), Things: []plugins.Thing{fixed}},
			{Item: bug("ENGINE-13"), Things: []plugins.Thing{thing("ENGINE-13", "The leak is loud", plugins.Open, "In Review")}},
			{Item: bug("ENGINE-14"), Things: []plugins.Thing{thing("ENGINE-14", "Done with", plugins.Closed, "Done")}},
			{Item: bug("OTHER-130"), Things: []plugins.Thing{thing("OTHER-130", "Another leak", plugins.Open, "Open")}},
		},
		Absent: []plugins.Item{bug("ENGINE-404"), bug("OR-1"), bug("ENGINE-999999999999999999")},
		Open: []forgetest.Listed{
			{Text: "", IDs: []string{"ENGINE-13", "ENGINE-7"}},
			{Text: "lou LEA", IDs: []string{"ENGINE-13"}},
			{Text: "ENGINE", IDs: []string{"ENGINE-13", "ENGINE-7"}},
			{Text: "ENGINE-1", IDs: []string{"ENGINE-13"}},
			{Text: "OTHER-", IDs: []string{"OTHER-130"}},
			{Text: "7", IDs: []string{"ENGINE-7"}},
			{Text: "1", IDs: []string{"ENGINE-13", "ENGINE-7"}}, // the other has it in its title
			{Text: `") OR key = X-1`, IDs: nil},
		},
		Thousand: func(i int) plugins.Item { return bug(fmt.Sprintf("MANY-%d", i+1)) },
		// One batch finds out which interface there is.
		MaxRequests: map[bool]int{false: 10, true: 11}[cloud],
		TokenName:   "JIRA_TEST_TOKEN", Header: "Authorization", Posts: cloud,
	}
}

func TestServer(t *testing.T) {
	w := world(t, false)
	w.Secret, w.Value = "a-personal-access-token", "Bearer a-personal-access-token"
	forgetest.Answers(t, w)
}

func TestCloud(t *testing.T) {
	w := world(t, true)
	w.Secret, w.Value = "maeve@example.org:a-token", "Basic bWFldmVAZXhhbXBsZS5vcmc6YS10b2tlbg=="
	forgetest.Answers(t, w)
}

// TestMoved holds that an issue which was moved to another project is found by its
// old key, with either interface, and is told apart from one that there is not.
func TestMoved(t *testing.T) {
	for _, cloud := range []bool{false, true} {
		s := filled(cloud)
		s.moved["ENGINE-3"] = "OTHER-130"
		fake := forgetest.NewFake(t, s)
		items := []plugins.Item{bug("ENGINE-12"), bug("ENGINE-3"), bug("ENGINE-404")}
		for i := range 30 {
			items = append(items, bug(fmt.Sprintf("ENGINE-%d", 500+i)))
		}
		answers, err := anew(t, t.TempDir(), fake.URL+"/jira").Resolve(t.Context(), remote, items)
		if err != nil || len(answers) != len(items) {
			t.Fatal(answers, err)
		}
		if moved := answers[1].Things; len(moved) != 1 || moved[0].ID != "OTHER-130" || moved[0].URL != fake.URL+"/jira/browse/OTHER-130" {
			t.Errorf("%+v", answers[1])
		}
		if absent := answers[2]; len(absent.Things) > 0 || absent.Problem != "" || absent.Checked.IsZero() {
			t.Errorf("%+v", absent)
		}
		unsure := 0
		for _, a := range answers[3:] {
			if a.Problem == plugins.Failed && strings.Contains(a.Detail, "moved") {
				unsure++
			}
		}
		if unsure != 12 { // 32 did not come, 20 of which are asked for alone
			t.Errorf("%d issues may have been moved", unsure)
		}
	}
}

// TestSick holds that what Cloud could not give is not said to be absent.
func TestSick(t *testing.T) {
	s := filled(true)
	s.sick = "ENGINE-13"
	fake := forgetest.NewFake(t, s)
	answers, err := anew(t, t.TempDir(), fake.URL+"/jira").Resolve(t.Context(), remote, []plugins.Item{bug("ENGINE-12"), bug("ENGINE-13")})
	if err != nil || len(answers[0].Things) != 1 || answers[1].Problem != plugins.Failed || !strings.Contains(answers[1].Detail, "Retry") {
		t.Errorf("%+v, %v", answers, err)
	}
}

// TestErrors holds what answers mean that are none, and that where there is no
// Jira no issue is said to be missing.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   plugins.Problem
	}{
		{http.StatusNotFound, "<html>", plugins.Failed},
		{http.StatusGone, "", plugins.Failed},
		{http.StatusForbidden, `{"errorMessages":["You do not have permission."]}`, plugins.Forbidden},
		{http.StatusBadRequest, `{"errorMessages":["Field 'key' does not exist."]}`, plugins.Failed},
		{http.StatusOK, `{}`, plugins.Failed},
		{http.StatusOK, `null`, plugins.Failed},
		{http.StatusOK, `{"issues":[{"key":"../x"}]}`, plugins.Failed},
	} {
		fake := forgetest.NewFake(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			io.WriteString(w, c.body) //nolint:errcheck // the test sees it
		}))
		answers, err := anew(t, t.TempDir(), fake.URL+"/jira").Resolve(t.Context(), remote, []plugins.Item{bug("ENGINE-1"), bug("ENGINE-2")})
		if err != nil || len(answers) != 2 {
			t.Fatalf("%d %s: %+v, %v", c.status, c.body, answers, err)
		}
		for _, a := range answers {
			if a.Problem != c.want || a.Detail == "" || len(a.Things) > 0 {
				t.Errorf("%d %s: %+v", c.status, c.body, a)
			}
		}
	}
}

// TestLive asks a site that is built in, where CABHFUIL_LIVE_JIRA says which: "-
// KAFKA-1".
func TestLive(t *testing.T) { forgetest.Live(t, "CABHFUIL_LIVE_JIRA", jira.New()) }

// FuzzQuestion holds that whatever somebody types stays within the quotes that it
// is put into.
func FuzzQuestion(f *testing.F) {
	for _, text := range []string{"", "pump leak", "ENGINE-1", "12", `") OR key = X-1`, "a\\\"b", "ENGINE-\n"} {
		f.Add(text)
	}
	place := plugins.Place{Names: []string{"ENGINE"}, Site: plugins.Site{Own: true}}
	whole := regexp.MustCompile(`^statusCategory != Done( AND summary ~ "[\pL\p{Nd}]+\*")*( AND project in \("[A-Z0-9_]+"\))? ORDER BY updated DESC$`)
	f.Fuzz(func(t *testing.T, text string) {
		if jql, _, _ := jira.Question(place, remote, text, 10); !whole.MatchString(jql) {
			t.Errorf("%q becomes %s", text, jql)
		}
	})
}
