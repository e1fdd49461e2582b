package github_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/github"
)

const (
	remote = "https://github.example.org/acme/engine.git"
	token  = "ghp_thisIsNoTokenOfAnybody"
	named  = "GITHUB_TEST_TOKEN"
)

var (
	head1, head2, merge1 = strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40)
	lone                 = strings.Repeat("d", 40) // a commit without a pull
)

// start starts a fake with entries of every kind.
func start(t *testing.T) (*fake, *forgetest.Fake) {
	t.Helper()
	for _, name := range []string{"GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("GH_CONFIG_DIR", t.TempDir()) // where gh would have a token of somebody's
	g := &fake{t: t, entries: []entry{
		{number: 1, title: "Crash when the disk is full", state: "open", author: "mara", labels: []string{"bug", "needs-backport-to-1.2"}, assignees: []string{"jo", "sam"}, milestone: "2.0", changed: 5},
		{number: 2, title: "Louder fans", state: "closed", reason: "not_planned", author: "", changed: 2},
		{number: 3, pull: true, title: "Fix the crash on a full disk", state: "merged", author: "jo", labels: []string{"backport release/1.2", "backport release/1.1"}, base: "main", head: head1, ref: "full-disk", merge: merge1, changed: 9, mentions: []int{4, 5, 6, 1}, commits: []string{merge1, head1}},
		{number: 4, pull: true, title: "[1.2] Fix the crash on a full disk", state: "open", author: "acme-bot[bot]", base: "release/1.2", head: head2, ref: "auto/3-1.2", changed: 12},
		{number: 5, pull: true, title: "Clean up after the crash", state: "open", author: "sam", draft: true, base: "main", head: strings.Repeat("e", 40), ref: "cleanup", changed: 7},
		{number: 6, pull: true, title: "Another thing", state: "closed", author: "sam", base: "release/1.0", head: strings.Repeat("f", 40), ref: "another", changed: 6},
		{project: "acme/fans", number: 3, title: "Quieter fans", state: "open", author: "mara", changed: 3},
		{project: "parent/engine", number: 70, pull: true, title: "From the fork", state: "open", author: "jo", base: "main", head: strings.Repeat("7", 40), ref: "fork", changed: 3, commits: []string{strings.Repeat("7", 40)}},
	}}
	f := forgetest.NewFake(t, g.handler())
	g.url = f.URL
	g.releases = []map[string]any{g.aRelease("v1.2/final", "The second", false, 3), g.aRelease("v1.2-rc1", "The second, nearly", true, 2), g.aRelease("v1.1", "", false, 1)}
	return g, f
}

// forge makes a forge for a fake, with what it keeps in dir.
func forge(t *testing.T, f *forgetest.Fake, dir, tokenName string) github.Forge {
	t.Helper()
	for _, v := range plugins.CacheEnvironment(dir) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	return github.New(plugins.Setting{Host: "github.example.org", URL: f.URL, Token: tokenName})
}

func at(n int) time.Time { return time.Date(2026, 1, 1+n, 8, 0, 0, 0, time.UTC) }

// things are what the fake's entries are, by project and number.
func things(url string, withLinks bool) map[string]plugins.Thing {
	fix := plugins.Thing{
		Kind: plugins.Pull, ID: "3", URL: url + "/acme/engine/pull/3", Title: "Fix the crash on a full disk", State: plugins.Merged, Labels: []string{"backport release/1.2", "backport release/1.1"}, Author: "jo",
		Target: "main", Head: head1, MergeCommit: merge1, Created: at(0), Updated: at(9), Closed: at(9), Merged: at(9),
		Backports: []plugins.Backport{{Target: "release/1.2", Label: "backport release/1.2"}, {Target: "release/1.1", Label: "backport release/1.1"}},
	}
	if withLinks {
		fix.Backports[0] = plugins.Backport{Target: "release/1.2", Label: "backport release/1.2", Kind: plugins.Pull, ID: "4", URL: url + "/acme/engine/pull/4", Title: "[1.2] Fix the crash on a full disk", State: plugins.Open}
	}
	return map[string]plugins.Thing{
		"1": {
			Kind: plugins.Issue, ID: "1", URL: url + "/acme/engine/issues/1", Title: "Crash when the disk is full", State: plugins.Open, Labels: []string{"bug", "needs-backport-to-1.2"}, Author: "mara", Assignees: []string{"jo", "sam"}, Milestone: "2.0",
			Created: at(0), Updated: at(5), Backports: []plugins.Backport{{Target: "1.2", Label: "needs-backport-to-1.2"}},
		},
		"2":       {Kind: plugins.Issue, ID: "2", URL: url + "/acme/engine/issues/2", Title: "Louder fans", State: plugins.Closed, Status: "not planned", Created: at(0), Updated: at(2), Closed: at(2)},
		"3":       fix,
		"4":       {Kind: plugins.Pull, ID: "4", URL: url + "/acme/engine/pull/4", Title: "[1.2] Fix the crash on a full disk", State: plugins.Open, Author: "acme-bot[bot]", Target: "release/1.2", Head: head2, Created: at(0), Updated: at(12)},
		"5":       {Kind: plugins.Pull, ID: "5", URL: url + "/acme/engine/pull/5", Title: "Clean up after the crash", State: plugins.Open, Draft: true, Author: "sam", Target: "main", Head: strings.Repeat("e", 40), Created: at(0), Updated: at(7)},
		"6":       {Kind: plugins.Pull, ID: "6", URL: url + "/acme/engine/pull/6", Title: "Another thing", State: plugins.Closed, Author: "sam", Target: "release/1.0", Head: strings.Repeat("f", 40), Created: at(0), Updated: at(6), Closed: at(6)},
		"fans/3":  {Kind: plugins.Issue, ID: "3", Project: "acme/fans", URL: url + "/acme/fans/issues/3", Title: "Quieter fans", State: plugins.Open, Author: "mara", Created: at(0), Updated: at(3)},
		"fork/70": {Kind: plugins.Pull, ID: "70", Project: "parent/engine", URL: url + "/parent/engine/pull/70", Title: "From the fork", State: plugins.Open, Author: "jo", Target: "main", Head: strings.Repeat("7", 40), Created: at(0), Updated: at(3)},
	}
}

// world is what the suite holds the forge to, with a token or without.
func world(f *forgetest.Fake, tokenName string) forgetest.World {
	all, plain := things(f.URL, tokenName != ""), things(f.URL, false)
	said := func(it plugins.Item, key string) forgetest.Said {
		return forgetest.Said{Item: it, Things: []plugins.Thing{all[key]}}
	}
	w := forgetest.World{
		New:    func(t *testing.T, dir string) plugins.Forge { return forge(t, f, dir, tokenName) },
		Fake:   f,
		Remote: remote, Unasked: "https://github.example.com/acme/engine",
		Resolve: []forgetest.Said{
			said(plugins.Item{Kind: plugins.Issue, ID: "1"}, "1"),
			said(plugins.Item{Kind: plugins.Issue, ID: "2"}, "2"),
			said(plugins.Item{Kind: plugins.Pull, ID: "3"}, "3"),
			said(plugins.Item{Kind: plugins.Issue, ID: "3"}, "3"), // leads on to the pull
			said(plugins.Item{Kind: plugins.Issue, ID: "3", Project: "acme/fans"}, "fans/3"),
			said(plugins.Item{Kind: plugins.Pull, ID: "4"}, "4"),
			said(plugins.Item{Kind: plugins.Issue, ID: "5"}, "5"),
			said(plugins.Item{Kind: plugins.Pull, ID: "6"}, "6"),
			said(plugins.Item{Kind: plugins.Pull, ID: "1"}, "1"), // an issue after all
		},
		Changes: []forgetest.Found{
			{Commit: merge1, Things: []plugins.Thing{plain["3"]}},
			{Commit: head1, Things: []plugins.Thing{plain["3"]}},
			{Commit: strings.Repeat("7", 40), Things: []plugins.Thing{plain["fork/70"]}},
			{Commit: lone},
		},
		Open: []forgetest.Listed{
			{Text: "", IDs: []string{"4", "5", "1"}},
			{Text: "CRASH", IDs: []string{"4", "5", "1"}},
			{Text: "full disk", IDs: []string{"4"}},
			{Text: "5", IDs: []string{"5"}},
			{Text: "Louder", IDs: nil},
		},
		Absent: []plugins.Item{{Kind: plugins.Issue, ID: "404"}, {Kind: plugins.Pull, ID: "404"}, {Kind: plugins.Issue, ID: "1", Project: "acme/nothing"}},
	}
	return w
}

// TestAnswersWithToken holds GraphQL's answers to the suite.
func TestAnswersWithToken(t *testing.T) {
	_, f := start(t)
	w := world(f, named)
	w.TokenName, w.Secret, w.Header, w.Value, w.Posts = named, token, "Authorization", "Bearer "+token, true
	w.Thousand = func(i int) plugins.Item { return plugins.Item{Kind: plugins.Issue, ID: strconv.Itoa(10000 + i)} }
	w.MaxRequests = 20
	forgetest.Answers(t, w)
}

// TestAnswersWithoutToken holds REST's answers to it.
func TestAnswersWithoutToken(t *testing.T) {
	_, f := start(t)
	forgetest.Answers(t, world(f, ""))
}

func resolve(t *testing.T, f plugins.Resolver, items ...plugins.Item) []plugins.Answer {
	t.Helper()
	answers, err := f.Resolve(t.Context(), remote, items)
	if err != nil || len(answers) != len(items) {
		t.Fatalf("%d answers to %d questions, %v", len(answers), len(items), err)
	}
	return answers
}

// TestPartial holds that one item which GraphQL cannot tell of spoils no other, and
// that refusals of different kinds are told apart.
func TestPartial(t *testing.T) {
	g, f := start(t)
	t.Setenv(named, token)
	items := []plugins.Item{{Kind: plugins.Issue, ID: "1"}, {Kind: plugins.Issue, ID: "2"}}
	reply := func(first, errs string) func(http.ResponseWriter, string) bool {
		return func(w http.ResponseWriter, _ string) bool {
			fmt.Fprintf(w, `{"data":{"p0":{"i0":%s,"i1":{"__typename":"Issue","number":2,"title":"Two","url":"https://x.example/acme/engine/issues/2","issueState":"OPEN"}}},"errors":[%s]}`, first, errs)
			return true
		}
	}
	for _, c := range []struct {
		name  string
		graph func(http.ResponseWriter, string) bool
		want  [2]plugins.Problem
	}{
		{"one may not be seen", reply("null", `{"type":"FORBIDDEN","path":["p0","i0"],"message":"Resource protected by organization SAML enforcement."}`), [2]plugins.Problem{plugins.Forbidden, ""}},
		{"one failed", reply("null", `{"path":["p0","i0","labels"],"message":"Something broke"}`), [2]plugins.Problem{plugins.Failed, ""}},
		{"a label is gone", reply(`{"__typename":"Issue","number":1,"title":"One","url":"https://x.example/acme/engine/issues/1","issueState":"OPEN"}`, `{"type":"NOT_FOUND","path":["p0","i0","labels",0],"message":"none"}`), [2]plugins.Problem{"", ""}},
		{"it took too long", func(w http.ResponseWriter, _ string) bool {
			fmt.Fprint(w, `{"data":null,"errors":[{"message":"Something went wrong while executing your query. This may be the result of a timeout, or it could be a GitHub bug."}]}`)
			return true
		}, [2]plugins.Problem{plugins.Offline, plugins.Offline}},
		{"the query is none", func(w http.ResponseWriter, _ string) bool {
			fmt.Fprint(w, `{"errors":[{"path":["query"],"extensions":{"code":"undefinedField"},"message":"Field 'x' doesn't exist on type 'Issue'"}]}`)
			return true
		}, [2]plugins.Problem{plugins.Failed, plugins.Failed}},
		{"neither data nor errors", func(w http.ResponseWriter, _ string) bool { fmt.Fprint(w, `{}`); return true }, [2]plugins.Problem{plugins.Failed, plugins.Failed}},
	} {
		g.graph = c.graph
		answers := resolve(t, forge(t, f, "", named), items...)
		for i, a := range answers {
			if a.Problem != c.want[i] || (a.Problem == "") != (len(a.Things) == 1) || (a.Problem != "") != (a.Detail != "") {
				t.Errorf("%s: answer %d is %+v", c.name, i, a)
			}
		}
	}
}

// TestPoints holds that GraphQL's refusals with status 200 count as what they are.
func TestPoints(t *testing.T) {
	t.Setenv(named, token)
	for name, c := range map[string]struct {
		header [2]string
		body   string
	}{
		"points":       {[2]string{"X-RateLimit-Remaining", "0"}, `{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for user ID 1."}]}`},
		"secondary":    {[2]string{"Retry-After", "1800"}, `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.","documentation_url":"https://docs.github.com"}`},
		"both at once": {[2]string{"Retry-After", "1800"}, `{"data":null,"errors":[{"message":"You have exceeded a secondary rate limit."}]}`},
	} {
		g, f := start(t)
		g.graph = func(w http.ResponseWriter, _ string) bool {
			w.Header().Set(c.header[0], c.header[1])
			w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(30*time.Minute).Unix(), 10))
			w.Header().Set("X-RateLimit-Resource", "graphql")
			fmt.Fprint(w, c.body)
			return true
		}
		forge := forge(t, f, "", named)
		for range 2 {
			for _, a := range resolve(t, forge, plugins.Item{Kind: plugins.Issue, ID: "1"}) {
				if a.Problem != plugins.Limited || time.Until(a.Retry) < 20*time.Minute {
					t.Errorf("%s: %+v", name, a)
				}
			}
		}
		if asked := len(f.Asked()); asked != 1 {
			t.Errorf("%s: it was asked %d times", name, asked)
		}
		if h, err := forge.Health(t.Context()); err != nil || len(h) != 1 || h[0].Problem != plugins.Limited {
			t.Errorf("%s: health is %+v, %v", name, h, err)
		}
	}
	// A title that says so is none.
	g, f := start(t)
	g.entries[0].title = `"RATE_LIMITED" and secondary rate limit`
	if a := resolve(t, forge(t, f, "", named), plugins.Item{Kind: plugins.Issue, ID: "1"})[0]; len(a.Things) != 1 {
		t.Errorf("%+v", a)
	}
}

// TestBatch holds that items of several projects go together, each once, and that
// a number which GraphQL has no room for spoils nothing.
func TestBatch(t *testing.T) {
	g, f := start(t)
	t.Setenv(named, token)
	items := []plugins.Item{{Kind: plugins.Issue, ID: "4294967296"}, {Kind: plugins.Issue, ID: "3", Project: "ACME/Fans"}}
	for range 100 {
		items = append(items, plugins.Item{Kind: plugins.Issue, ID: "1"}, plugins.Item{Kind: plugins.Pull, ID: "1"})
	}
	answers := resolve(t, forge(t, f, "", named), items...)
	if len(f.Asked()) != 1 || strings.Count(g.queries[0], ":issueOrPullRequest(") != 2 {
		t.Errorf("%d requests: %.300s", len(f.Asked()), g.queries)
	}
	if a := answers[0]; len(a.Things) > 0 || a.Problem != "" {
		t.Errorf("%+v", a)
	}
	for i, a := range answers[1:] {
		if len(a.Things) != 1 || a.Problem != "" {
			t.Errorf("answer %d is %+v", i+1, a)
		}
	}
	// A project's name is a variable: it can end no string.
	for _, q := range g.queries {
		if strings.Contains(q, "engine") || strings.Contains(strings.ToLower(q), "fans") {
			t.Errorf("a name stands in the query: %s", q)
		}
	}
}

// TestTooLong holds that a query which GitHub gives up on is asked in parts, and that
// this ends.
func TestTooLong(t *testing.T) {
	t.Setenv(named, token)
	var items []plugins.Item
	for i := range 64 {
		items = append(items, plugins.Item{Kind: plugins.Issue, ID: strconv.Itoa(10000 + i)})
	}
	for _, giveUp := range []func(http.ResponseWriter){
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		func(w http.ResponseWriter) {
			fmt.Fprint(w, `{"data":null,"errors":[{"message":"Something went wrong while executing your query."}]}`)
		},
	} {
		g, f := start(t)
		most := 20
		g.graph = func(w http.ResponseWriter, query string) bool {
			if strings.Count(query, ":issueOrPullRequest(") <= most {
				return false
			}
			giveUp(w)
			return true
		}
		for i, a := range resolve(t, forge(t, f, "", named), items...) {
			if len(a.Things) != 1 || a.Things[0].ID != items[i].ID || a.Problem != "" {
				t.Errorf("%+v: %+v", items[i], a)
			}
		}
		if asked := len(f.Asked()); asked != 7 {
			t.Errorf("it cost %d requests", asked)
		}
		most = 0
		for i, a := range resolve(t, forge(t, f, "", named), items...) {
			if len(a.Things) > 0 || a.Problem != plugins.Offline || a.Retry.IsZero() {
				t.Errorf("%+v: %+v", items[i], a)
			}
		}
		if asked := len(f.Asked()); asked > 7+15 {
			t.Errorf("it cost %d requests", asked)
		}
	}
}

// TestMoved holds that an issue which was moved is told with where it is now.
func TestMoved(t *testing.T) {
	g, f := start(t)
	t.Setenv(named, token)
	g.graph = func(w http.ResponseWriter, _ string) bool {
		n := g.node(entry{project: "acme/fans", number: 9, title: "Moved", state: "open"})
		g.json(w, map[string]any{"data": map[string]any{"p0": map[string]any{"i0": n}}})
		return true
	}
	a := resolve(t, forge(t, f, "", named), plugins.Item{Kind: plugins.Issue, ID: "8"})[0]
	if len(a.Things) != 1 || a.Things[0].ID != "9" || a.Things[0].Project != "acme/fans" {
		t.Errorf("%+v", a)
	}
}

// TestDisabled holds that pulls are found by number where a project has no issues.
func TestDisabled(t *testing.T) {
	g, f := start(t)
	g.disabled = true
	a := resolve(t, forge(t, f, "", ""), plugins.Item{Kind: plugins.Issue, ID: "5"}, plugins.Item{Kind: plugins.Issue, ID: "1"})
	if len(a[0].Things) != 1 || a[0].Things[0].Target != "main" || len(a[1].Things) > 0 || a[1].Problem != "" || a[1].Checked.IsZero() {
		t.Errorf("%+v", a)
	}
}

// TestLittle holds that what the interface for issues says of a pull is told where
// the limit ends before the interface for pulls could be asked.
func TestLittle(t *testing.T) {
	g, _ := start(t)
	inner := g.handler()
	f := forgetest.NewFake(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10))
		w.Header().Set("X-RateLimit-Resource", "core")
		inner.ServeHTTP(w, r)
	}))
	a := resolve(t, forge(t, f, "", ""), plugins.Item{Kind: plugins.Issue, ID: "3"})[0]
	if a.Problem != plugins.Limited || len(a.Things) != 1 || a.Things[0].Kind != plugins.Pull || a.Things[0].State != plugins.Merged || a.Things[0].Target != "" {
		t.Errorf("%+v", a)
	}
	if len(f.Asked()) != 1 {
		t.Errorf("it was asked %q", f.Asked())
	}
}

// TestLongList holds that a list ends, and that what lies beyond it is found by
// number and, with a token, by title.
func TestLongList(t *testing.T) {
	t.Setenv(named, token)
	for _, tokenName := range []string{"", named} {
		g, f := start(t)
		for i := range 450 {
			g.entries = append(g.entries, entry{number: 1000 + i, title: fmt.Sprintf("Number %d of many", i), state: "open", author: "jo", changed: 100 + i})
		}
		open := func(text string, limit int) []string {
			t.Helper()
			before := len(f.Asked())
			a, err := forge(t, f, "", tokenName).Open(t.Context(), remote, text, limit)
			if err != nil || a.Problem != "" || a.Checked.IsZero() {
				t.Errorf("%q: %+v, %v", text, a, err)
			}
			var ids []string
			for _, thing := range a.Things {
				ids = append(ids, thing.ID)
			}
			if asked := len(f.Asked()) - before; asked > 4 {
				t.Errorf("%q cost %d requests", text, asked)
			}
			return ids
		}
		if ids := open("", 120); len(ids) != 120 || ids[0] != "1449" || ids[119] != "1330" {
			t.Errorf("the latest are %q", ids)
		}
		if ids := open("1001", 50); !slices.Equal(ids, []string{"1001"}) {
			t.Errorf("1001 is %q", ids)
		}
		if ids, want := open("number 7 of", 50), map[string][]string{"": nil, named: {"1007"}}[tokenName]; !slices.Equal(ids, want) {
			t.Errorf("one far back is %q, not %q", ids, want)
		}
	}
}

func TestReleases(t *testing.T) {
	t.Setenv(named, token)
	g, f := start(t)
	for i := range 120 {
		g.releases = append(g.releases, g.aRelease(fmt.Sprintf("v0.%d", 120-i), "", false, 0))
	}
	want := map[string]plugins.Release{
		"v1.2/final": {Tag: "v1.2/final", Name: "The second", URL: f.URL + "/acme/engine/releases/tag/v1.2%2Ffinal", Published: at(3)},
		"v1.2-rc1":   {Tag: "v1.2-rc1", Name: "The second, nearly", URL: f.URL + "/acme/engine/releases/tag/v1.2-rc1", Draft: true, Published: at(2)},
		"v0.1":       {Tag: "v0.1", URL: f.URL + "/acme/engine/releases/tag/v0.1", Published: at(0)},
	}
	for _, tokenName := range []string{"", named} {
		for _, tags := range [][]string{{"v1.2/final", "v9", "v1.2-rc1"}, {"v9", "../../x", "", "v0.1", "v1.2-rc1", "v1.2/final"}, {}} {
			got, err := forge(t, f, "", tokenName).Releases(t.Context(), remote, tags)
			if err != nil || len(got) != len(tags) {
				t.Fatalf("%d of %d, %v", len(got), len(tags), err)
			}
			for i, tag := range tags {
				if got[i] != want[tag] {
					t.Errorf("%q with token %q is %+v", tag, tokenName, got[i])
				}
			}
		}
	}
	f.Down(http.StatusInternalServerError)
	if _, err := forge(t, f, "", named).Releases(t.Context(), remote, []string{"v1.1"}); err == nil {
		t.Error("a host with a fault has releases")
	}
	if got, err := github.New().Releases(t.Context(), "https://github.example.com/acme/engine", []string{"v1.1"}); err != nil || got[0].Tag != "" {
		t.Errorf("a host that is not asked: %+v, %v", got, err)
	}
}

// TestWhose holds which remotes are asked where, and which not.
func TestWhose(t *testing.T) {
	_, f := start(t)
	forge := forge(t, f, "", "")
	for remote, want := range map[string]plugins.Problem{
		"git@github.example.org:acme/engine.git": "", "https://github.example.com/acme/engine": plugins.NotAsked, "ssh://git@github.evil.example:22/acme/engine": plugins.NotAsked,
	} {
		a, err := forge.Resolve(t.Context(), remote, []plugins.Item{{Kind: plugins.Issue, ID: "1"}})
		if err != nil || a[0].Problem != want || (len(a[0].Things) == 1) != (want == "") {
			t.Errorf("%s: %+v, %v", remote, a, err)
		}
		l, err := forge.Open(t.Context(), remote, "", 10)
		if err != nil || l.Problem != want || (len(l.Things) > 0) != (want == "") {
			t.Errorf("%s: %+v, %v", remote, l, err)
		}
		c, err := forge.Changes(t.Context(), remote, []string{merge1})
		if err != nil || c[0].Problem != want {
			t.Errorf("%s: %+v, %v", remote, c, err)
		}
	}
	for _, remote := range []string{"https://github.com.evil.example/acme/engine", "https://gitlab.com/acme/engine", ""} {
		a, err := forge.Resolve(t.Context(), remote, []plugins.Item{{Kind: plugins.Issue, ID: "1"}})
		if err != nil || len(a) != 1 || len(a[0].Things) > 0 || a[0].Problem != "" {
			t.Errorf("%s: %+v, %v", remote, a, err)
		}
	}
}

// TestLive asks a host that exists: CABHFUIL_LIVE_GITHUB is what forgetest.LiveCode
// explains, such as "https://github.com/owner/repo #1 !2".
func TestLive(t *testing.T) { forgetest.LiveCode(t, "CABHFUIL_LIVE_GITHUB", github.New()) }
