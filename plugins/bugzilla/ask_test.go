package bugzilla_test

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
	"github.com/cabhfuil/cabhfuil-lsp/plugins/bugzilla"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
)

// rest is a Bugzilla with invented bugs, in the shape of its documentation
// (docs/en/rst/api/core/v1/bug.rst).
type rest struct {
	bugs   []map[string]any
	secret map[int]bool // bugs that nobody may see
	strict bool         // a search fails for each bug that it does not have
}

func detail(id int, name, login string) map[string]any {
	return map[string]any{"id": id, "real_name": name, "nick": login, "name": login + "@example.org", "email": login + "@example.org"}
}

func (s *rest) add(id int, summary, status, resolution string, more map[string]any) {
	b := map[string]any{
		"id": id, "summary": summary, "status": status, "resolution": resolution, "is_open": resolution == "", "is_confirmed": true,
		"dupe_of": nil, "keywords": []string{}, "creator": "maeve@example.org", "creator_detail": detail(7, "Maeve Byrne", "maeve"),
		"assigned_to": "nobody@example.org", "assigned_to_detail": detail(1, "Nobody works on it", "nobody"), "target_milestone": "---", "version": "1.0",
		"product": "Engine", "component": "Pumps", "creation_time": "2024-03-01T10:20:30Z", "last_change_time": fmt.Sprintf("2024-05-06T07:08:%02dZ", id%60), "flags": []string{}, "whiteboard": "",
	}
	for name, v := range more {
		b[name] = v
	}
	s.bugs = append(s.bugs, b)
}

func (s *rest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/bz/rest/bug" {
		refuse(w, http.StatusNotFound, 32000, "The requested URL was not found")
		return
	}
	q := r.URL.Query()
	found := []map[string]any{}
	if ids := q.Get("id"); ids != "" {
		for id := range strings.SplitSeq(ids, ",") {
			n, _ := strconv.Atoi(id) //nolint:errcheck // 0 is no bug
			at := slices.IndexFunc(s.bugs, func(b map[string]any) bool { return b["id"] == n })
			switch {
			case s.strict && s.secret[n]:
				refuse(w, http.StatusUnauthorized, 102, "You are not authorized to access bug "+id)
				return
			case s.strict && at < 0:
				refuse(w, http.StatusNotFound, 101, "Bug #"+id+" does not exist.")
				return
			case at >= 0:
				found = append(found, s.bugs[at])
			}
		}
	} else {
		for _, b := range s.bugs {
			if q.Get("resolution") == "---" && b["resolution"] == "" && charted(q, b) {
				found = append(found, b)
			}
		}
	}
	found = found[:min(len(found), forgetest.Number(r, "limit", 20))]
	wanted := strings.Split(q.Get("include_fields"), ",")
	for i, b := range found {
		found[i] = map[string]any{}
		for name, v := range b {
			if slices.Contains(wanted, name) {
				found[i][name] = v
			}
		}
	}
	write(w, map[string]any{"bugs": found, "faults": []string{}})
}

// charted is a search by boolean charts, one of which has to hold.
func charted(q map[string][]string, b map[string]any) bool {
	get := func(name string, i int) string { return strings.Join(q[name+strconv.Itoa(i)], "") }
	if get("f", 1) == "" {
		return true
	}
	for i := 1; get("f", i) != ""; i++ {
		switch get("f", i) + " " + get("o", i) {
		case "short_desc substring":
			if strings.Contains(strings.ToLower(b["summary"].(string)), strings.ToLower(get("v", i))) {
				return true
			}
		case "bug_id regexp":
			if regexp.MustCompile(get("v", i)).MatchString(strconv.Itoa(b["id"].(int))) {
				return true
			}
		}
	}
	return false
}

func refuse(w http.ResponseWriter, status, code int, message string) {
	w.WriteHeader(status)
	write(w, map[string]any{"error": true, "code": code, "message": message, "documentation": "https://bugzilla.readthedocs.org/en/5.0/api/"})
}

func write(w http.ResponseWriter, v any) { json.NewEncoder(w).Encode(v) } //nolint:errcheck // the test sees it

const (
	remote = "https://git.example.org/acme/engine"
	secret = "a-key-of-forty-characters-as-they-are-xx"
)

// anew makes the forge as when its process starts.
func anew(t *testing.T, dir, base string) plugins.Resolver {
	for _, v := range plugins.CacheEnvironment(dir) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	return bugzilla.New(plugins.Setting{URL: base, Remotes: []string{"git.example.org"}, Token: "BUGZILLA_TEST_KEY"})
}

func bug(id string) plugins.Item { return plugins.Item{Kind: plugins.Bug, ID: id} }

func filled() *rest {
	s := &rest{secret: map[int]bool{}}
	s.add(1201, "The pump leaks", "RESOLVED", "FIXED", map[string]any{
		"keywords": []string{"regression", "backport-1.2"}, "assigned_to": "aoife@example.org", "assigned_to_detail": detail(8, "", "aoife"), "target_milestone": "1.3",
		"cf_last_resolved": "2024-04-01T00:00:00Z",
	})
	s.add(1202, "The leak is loud", "NEW", "", map[string]any{"assigned_to": "eoin@example.org", "assigned_to_detail": detail(9, "", "")})
	s.add(1203, "Another leak", "RESOLVED", "DUPLICATE", map[string]any{"dupe_of": 1201, "is_open": false})
	s.add(34, "A valve", "ASSIGNED", "", nil)
	for id := 10000; id < 11000; id++ {
		s.add(id, "One of many", "VERIFIED", "FIXED", nil)
	}
	return s
}

func TestAnswers(t *testing.T) {
	fake := forgetest.NewFake(t, filled())
	base := fake.URL + "/bz"
	thing := func(id, number, title string, state plugins.State, status string) plugins.Thing {
		seconds, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		return plugins.Thing{
			Kind: plugins.Bug, ID: id, URL: base + "/show_bug.cgi?id=" + number, Title: title, State: state, Status: status, Author: "Maeve Byrne",
			Created: time.Date(2024, 3, 1, 10, 20, 30, 0, time.UTC), Updated: time.Date(2024, 5, 6, 7, 8, seconds%60, 0, time.UTC),
		}
	}
	fixed := thing("bug#1201", "1201", "The pump leaks", plugins.Closed, "RESOLVED FIXED")
	fixed.Labels, fixed.Assignees, fixed.Milestone, fixed.Closed = []string{"regression", "backport-1.2"}, []string{"aoife"}, "1.3", time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC)
	fixed.Backports = []plugins.Backport{{Target: "1.2", Label: "backport-1.2"}}
	open := thing("bz#1202", "1202", "The leak is loud", plugins.Open, "NEW")
	open.Assignees = []string{"eoin"}
	twin := fixed
	twin.ID = "bz#1201"
	forgetest.Answers(t, forgetest.World{
		New: func(t *testing.T, dir string) plugins.Forge { return anew(t, dir, base).(plugins.Forge) }, Fake: fake, Remote: remote,
		Resolve: []forgetest.Said{
			{Item: bug("bug#1201"), Things: []plugins.Thing{fixed}},
			{Item: bug("bz#1202"), Things: []plugins.Thing{open}},
			{Item: bug("bz#1201"), Things: []plugins.Thing{twin}},
			{Item: bug("bug#1203"), Things: []plugins.Thing{thing("bug#1203", "1203", "Another leak", plugins.Closed, "RESOLVED DUPLICATE of 1201")}},
		},
		Absent: []plugins.Item{bug("bug#404"), bug("bug#999999999999999999")},
		Open: []forgetest.Listed{
			{Text: "", IDs: []string{"bug#34", "bug#1202"}},
			{Text: "LEAK", IDs: []string{"bug#1202"}},
			{Text: "12", IDs: []string{"bug#1202"}},
			{Text: "valve & more", IDs: nil},
		},
		Thousand: func(i int) plugins.Item { return bug("bug#" + strconv.Itoa(10000+i)) }, MaxRequests: 5,
		TokenName: "BUGZILLA_TEST_KEY", Secret: secret, Header: "X-BUGZILLA-API-KEY", Value: secret,
	})
}

// TestStrict holds that a site which fails for one bug spoils no other.
func TestStrict(t *testing.T) {
	s := filled()
	s.strict, s.secret[1203] = true, true
	fake := forgetest.NewFake(t, s)
	answers, err := anew(t, t.TempDir(), fake.URL+"/bz").Resolve(t.Context(), remote, []plugins.Item{bug("bug#1201"), bug("bug#5"), bug("bug#1202"), bug("bug#1203")})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		title   string
		problem plugins.Problem
	}{{"The pump leaks", ""}, {"", ""}, {"The leak is loud", ""}, {"", plugins.Refused}} {
		a := answers[i]
		title := ""
		if len(a.Things) == 1 {
			title = a.Things[0].Title
		}
		if title != want.title || a.Problem != want.problem || want.problem == "" && a.Checked.IsZero() {
			t.Errorf("%d: %+v", i, a)
		}
	}
}

// TestErrors holds what the errors that Bugzilla numbers mean, with their status
// and with 200, and that what is no Bugzilla has no bugs to miss.
func TestErrors(t *testing.T) {
	const said = `{"error":true,"code":%d,"message":"Not you."}`
	for _, c := range []struct {
		status int
		body   string
		want   plugins.Problem
	}{
		{http.StatusBadRequest, fmt.Sprintf(said, 306), plugins.Refused},
		{http.StatusOK, fmt.Sprintf(said, 306), plugins.Refused},
		{http.StatusUnauthorized, fmt.Sprintf(said, 410), plugins.Refused},
		{http.StatusOK, fmt.Sprintf(said, 410), plugins.Refused},
		{http.StatusBadRequest, fmt.Sprintf(said, 50), plugins.Failed},
		{http.StatusOK, fmt.Sprintf(said, 50), plugins.Failed},
		{http.StatusOK, `{}`, plugins.Failed},
		{http.StatusOK, `null`, plugins.Failed},
		{http.StatusNotFound, `<html>`, plugins.Failed},
		{http.StatusOK, `{"bugs":[{"id":"x"}]}`, plugins.Failed},
	} {
		fake := forgetest.NewFake(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			io.WriteString(w, c.body) //nolint:errcheck // the test sees it
		}))
		answers, err := anew(t, t.TempDir(), fake.URL+"/bz").Resolve(t.Context(), remote, []plugins.Item{bug("bug#1"), bug("bug#2")})
		for _, a := range answers {
			if a.Problem != c.want || a.Detail == "" || len(a.Things) > 0 {
				t.Errorf("%d %s: %+v", c.status, c.body, a)
			}
		}
		if err != nil || len(answers) != 2 {
			t.Errorf("%d %s: %+v, %v", c.status, c.body, answers, err)
		}
	}
}

// TestLive asks a site that is built in, where CABHFUIL_LIVE_BUGZILLA says which:
// "https://github.com/torvalds/linux bug#1".
func TestLive(t *testing.T) { forgetest.Live(t, "CABHFUIL_LIVE_BUGZILLA", bugzilla.New()) }
