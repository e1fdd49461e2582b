package gitlab_test

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
	"github.com/cabhfuil/cabhfuil-lsp/plugins/gitlab"
)

const (
	remote = "https://git.example.org/gitlab/acme/deep/engine.git"
	token  = "glpat-thisIsNoTokenOfAnybody"
	named  = "GITLAB_TEST_TOKEN"
)

var (
	head, merged, squashed = strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40)
	lone                   = strings.Repeat("d", 40) // a commit without a request
	long                   = strings.Repeat("e", 64) // of a repository of SHA-256
)

// quiet keeps this machine's tokens out.
func quiet(t *testing.T) {
	for _, name := range []string{"GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN", "OAUTH_TOKEN", "GITLAB_HOST", "GL_HOST"} {
		t.Setenv(name, "")
	}
	t.Setenv("GLAB_CONFIG_DIR", t.TempDir()) // where glab would have a token of somebody's
}

// start starts a fake with entries of every kind.
func start(t *testing.T) (*fake, *forgetest.Fake) {
	t.Helper()
	quiet(t)
	g := &fake{t: t, perPage: 100, entries: []entry{
		{iid: 1, title: "Crash when the disk is full", state: "opened", author: "mara", labels: []string{"bug", "backport::1.2", "needs-backport-to-1.2"}, assignees: []string{"jo", "sam"}, milestone: "2.0", changed: 5},
		{iid: 2, title: "Louder fans", state: "closed", changed: 2},
		{iid: 1, request: true, title: "Fix the crash on a full disk", state: "merged", author: "jo", labels: []string{"backport release/1.2"}, target: "main", sha: head, merge: merged, squash: squashed, status: "not_open", changed: 9, commits: []string{merged, squashed}},
		{iid: 2, request: true, title: "Squashed and moved on", state: "merged", author: "jo", target: "main", sha: strings.Repeat("2", 40), squash: strings.Repeat("3", 40), changed: 4},
		{iid: 3, request: true, title: "Moved on", state: "merged", author: "jo", target: "main", sha: strings.Repeat("4", 40), changed: 3},
		{iid: 4, request: true, title: "Draft: Clean up after the crash", state: "opened", status: "draft_status", draft: true, author: "sam", target: "release/1.2", sha: strings.Repeat("5", 40), changed: 7},
		{iid: 5, request: true, title: "Another thing", state: "opened", status: "discussions_not_resolved", author: "sam", target: "main", sha: strings.Repeat("6", 40), changed: 6},
		{iid: 6, request: true, title: "Not wanted", state: "closed", status: "not_open", author: "sam", target: "main", changed: 1},
		{project: "acme/fans", iid: 1, title: "Quieter fans", state: "opened", author: "mara", changed: 3},
		{project: "parent/engine", iid: 70, request: true, title: "From the fork", state: "opened", status: "mergeable", author: "jo", target: "main", sha: long, changed: 3, commits: []string{long}},
	}}
	f := forgetest.NewFake(t, g.handler())
	g.url = f.URL + "/gitlab"
	g.releases = []map[string]any{g.release("v1.2/final", "The second", false, 3), g.release("v1.3", "To come", true, 400), g.release("v1.1", "", false, 1)}
	return g, f
}

// forge makes a forge for a fake, with what it keeps in dir.
func forge(t *testing.T, f *forgetest.Fake, dir, tokenName string) gitlab.Forge {
	t.Helper()
	for _, v := range plugins.CacheEnvironment(dir) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	return gitlab.New(plugins.Setting{Host: "git.example.org", URL: f.URL + "/gitlab", Token: tokenName})
}

func at(n int) time.Time { return time.Date(2026, 1, 1+n, 8, 0, 0, 250_000_000, time.UTC) }

// world is what the suite holds the forge to.
func world(f *forgetest.Fake, tokenName string) forgetest.World {
	page := f.URL + "/gitlab/acme/deep/engine/-"
	fix := plugins.Thing{
		Kind: plugins.Pull, Noun: "Merge request", ID: "1", URL: page + "/merge_requests/1", Title: "Fix the crash on a full disk", State: plugins.Merged, Labels: []string{"backport release/1.2"}, Author: "jo", Target: "main", Head: head, MergeCommit: merged,
		Created: at(0), Updated: at(9), Merged: at(9), Backports: []plugins.Backport{{Target: "release/1.2", Label: "backport release/1.2"}},
	}
	fork := plugins.Thing{Kind: plugins.Pull, Noun: "Merge request", ID: "70", Project: "parent/engine", URL: f.URL + "/gitlab/parent/engine/-/merge_requests/70", Title: "From the fork", State: plugins.Open, Author: "jo", Target: "main", Head: long, Created: at(0), Updated: at(3)}
	said := func(kind plugins.Kind, id string, thing plugins.Thing) forgetest.Said {
		thing.Kind, thing.ID, thing.Created = kind, id, at(0)
		if kind == plugins.Pull {
			thing.Noun = "Merge request"
		}
		return forgetest.Said{Item: plugins.Item{Kind: kind, ID: id, Project: thing.Project}, Things: []plugins.Thing{thing}}
	}
	return forgetest.World{
		New:  func(t *testing.T, dir string) plugins.Forge { return forge(t, f, dir, tokenName) },
		Fake: f, Remote: remote,
		Resolve: []forgetest.Said{
			said(plugins.Issue, "1", plugins.Thing{
				URL: page + "/issues/1", Title: "Crash when the disk is full", State: plugins.Open, Labels: []string{"bug", "backport::1.2", "needs-backport-to-1.2"}, Author: "mara", Assignees: []string{"jo", "sam"}, Milestone: "2.0", Updated: at(5),
				Backports: []plugins.Backport{{Target: "1.2", Label: "backport::1.2"}, {Target: "1.2", Label: "needs-backport-to-1.2"}},
			}),
			said(plugins.Issue, "2", plugins.Thing{URL: page + "/issues/2", Noun: "Test case", Title: "Louder fans", State: plugins.Closed, Updated: at(2), Closed: at(2)}),
			said(plugins.Pull, "1", fix),
			said(plugins.Pull, "2", plugins.Thing{URL: page + "/merge_requests/2", Title: "Squashed and moved on", State: plugins.Merged, Author: "jo", Target: "main", Head: strings.Repeat("2", 40), MergeCommit: strings.Repeat("3", 40), Updated: at(4), Merged: at(4)}),
			said(plugins.Pull, "3", plugins.Thing{URL: page + "/merge_requests/3", Title: "Moved on", State: plugins.Merged, Author: "jo", Target: "main", Head: strings.Repeat("4", 40), MergeCommit: strings.Repeat("4", 40), Updated: at(3), Merged: at(3)}),
			said(plugins.Pull, "4", plugins.Thing{URL: page + "/merge_requests/4", Title: "Draft: Clean up after the crash", State: plugins.Open, Draft: true, Author: "sam", Target: "release/1.2", Head: strings.Repeat("5", 40), Updated: at(7)}),
			said(plugins.Pull, "5", plugins.Thing{URL: page + "/merge_requests/5", Title: "Another thing", State: plugins.Open, Status: "discussions not resolved", Author: "sam", Target: "main", Head: strings.Repeat("6", 40), Updated: at(6)}),
			said(plugins.Pull, "6", plugins.Thing{URL: page + "/merge_requests/6", Title: "Not wanted", State: plugins.Closed, Author: "sam", Target: "main", Updated: at(1), Closed: at(1)}),
			said(plugins.Issue, "1", plugins.Thing{Project: "acme/fans", URL: f.URL + "/gitlab/acme/fans/-/issues/1", Title: "Quieter fans", State: plugins.Open, Author: "mara", Updated: at(3)}),
		},
		Changes: []forgetest.Found{{Commit: merged, Things: []plugins.Thing{fix}}, {Commit: squashed, Things: []plugins.Thing{fix}}, {Commit: long, Things: []plugins.Thing{fork}}, {Commit: lone}},
		Open: []forgetest.Listed{
			{Text: "", IDs: []string{"4", "5", "1"}},
			{Text: "CRASH", IDs: []string{"4", "1"}},
			{Text: "5", IDs: []string{"5"}},
			{Text: "Louder"},
		},
		Absent:      []plugins.Item{{Kind: plugins.Issue, ID: "404"}, {Kind: plugins.Pull, ID: "404"}, {Kind: plugins.Issue, ID: "1", Project: "acme/nothing"}},
		Thousand:    func(i int) plugins.Item { return plugins.Item{Kind: plugins.Issue, ID: strconv.Itoa(10000 + i)} },
		MaxRequests: 10,
	}
}

func TestAnswers(t *testing.T) {
	_, f := start(t)
	w := world(f, named)
	w.TokenName, w.Secret, w.Header, w.Value = named, token, "Authorization", "Bearer "+token
	forgetest.Answers(t, w)
}

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

// TestShortPages holds that an instance which gives shorter pages than it is asked
// for is read on.
func TestShortPages(t *testing.T) {
	g, f := start(t)
	g.perPage = 2
	var items []plugins.Item
	for i := range 6 {
		items = append(items, plugins.Item{Kind: plugins.Pull, ID: strconv.Itoa(i + 1)})
	}
	for i, a := range resolve(t, forge(t, f, t.TempDir(), ""), items...) {
		if len(a.Things) != 1 || a.Things[0].ID != items[i].ID || a.Checked.IsZero() {
			t.Errorf("%+v: %+v", items[i], a)
		}
	}
	if asked := len(f.Asked()); asked != 3 {
		t.Errorf("it cost %d requests: %q", asked, f.Asked())
	}
}

// TestBatches holds that issues and requests, and projects, are asked for apart, each
// number once, and that one project that is refused spoils no other.
func TestBatches(t *testing.T) {
	g, f := start(t)
	g.noIssues = true
	items := []plugins.Item{
		{Kind: plugins.Issue, ID: "1"}, {Kind: plugins.Pull, ID: "1"}, {Kind: plugins.Pull, ID: "1"}, {Kind: plugins.Pull, ID: "70", Project: "parent/engine"}, {Kind: plugins.Pull, ID: "2147483648"}, {Kind: plugins.Pull, ID: "1", Project: "alone"},
	}
	answers := resolve(t, forge(t, f, "", ""), items...)
	if answers[0].Problem != plugins.Forbidden || len(answers[1].Things) != 1 || len(answers[2].Things) != 1 || len(answers[3].Things) != 1 || answers[3].Things[0].Project != "parent/engine" {
		t.Errorf("%+v", answers)
	}
	for _, a := range answers[4:] {
		if len(a.Things) > 0 || a.Problem != "" || !a.Checked.IsZero() {
			t.Errorf("what can be no number is %+v", a)
		}
	}
	if asked := f.Asked(); len(asked) != 3 || !slices.Contains(asked, "GET /gitlab/api/v4/projects/acme%2Fdeep%2Fengine/merge_requests?iids%5B%5D=1&per_page=100") {
		t.Errorf("it was asked %q", asked)
	}
	// A project without issues still lists its merge requests.
	a, err := forge(t, f, "", "").Open(t.Context(), remote, "", 10)
	if err != nil || a.Problem != "" || len(a.Things) != 2 {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestStrange holds that JSON which is not GitLab's is told as such, and asked for
// anew.
func TestStrange(t *testing.T) {
	for _, body := range []string{`{}`, `[{}]`, `[{"iid":1}]`, `[null]`, `{"message":"hello"}`, ``} {
		quiet(t)
		f := forgetest.NewFake(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		dir := t.TempDir()
		for n := range 2 {
			a := resolve(t, forge(t, f, dir, ""), plugins.Item{Kind: plugins.Issue, ID: "1"})[0]
			if a.Problem != plugins.Failed || a.Detail == "" || len(a.Things) > 0 || len(f.Asked()) != n+1 {
				t.Errorf("%q is %+v after %d requests", body, a, len(f.Asked()))
			}
		}
	}
}

// TestLongList holds that a list ends, and that what lies beyond it is found by
// number and by title.
func TestLongList(t *testing.T) {
	g, f := start(t)
	for i := range 450 {
		g.entries = append(g.entries, entry{iid: 1000 + i, request: i%2 == 0, title: fmt.Sprintf("Number %d of many", i), state: "opened", status: "mergeable", author: "jo", changed: 100 + i})
	}
	open := func(text string, limit int) []string {
		t.Helper()
		before := len(f.Asked())
		a, err := forge(t, f, "", "").Open(t.Context(), remote, text, limit)
		if err != nil || a.Problem != "" || a.Checked.IsZero() {
			t.Errorf("%q: %+v, %v", text, a, err)
		}
		var ids []string
		for _, thing := range a.Things {
			ids = append(ids, thing.ID)
		}
		if asked := len(f.Asked()) - before; asked > 6 {
			t.Errorf("%q cost %d requests", text, asked)
		}
		return ids
	}
	if ids := open("", 100); len(ids) != 100 || ids[0] != "1449" || ids[99] != "1350" {
		t.Errorf("the latest are %q", ids)
	}
	if ids := open("1001", 50); !slices.Equal(ids, []string{"1001"}) {
		t.Errorf("1001 is %q", ids)
	}
	if ids := open("number 7 of", 50); !slices.Equal(ids, []string{"1007"}) {
		t.Errorf("one far back is %q", ids)
	}
}

func TestReleases(t *testing.T) {
	g, f := start(t)
	for i := range 120 {
		g.releases = append(g.releases, g.release(fmt.Sprintf("v0.%d", 120-i), "", false, 0))
	}
	want := map[string]plugins.Release{
		"v1.2/final": {Tag: "v1.2/final", Name: "The second", URL: g.url + "/acme/deep/engine/-/releases/v1.2%2Ffinal", Published: at(3)},
		"v1.3":       {Tag: "v1.3", Name: "To come", URL: g.url + "/acme/deep/engine/-/releases/v1.3", Draft: true, Published: at(400)},
		"v0.1":       {Tag: "v0.1", URL: g.url + "/acme/deep/engine/-/releases/v0.1", Published: at(0)},
	}
	for _, tags := range [][]string{{"v1.2/final", "v9", "v1.3"}, {"v9", "../../x", "", "v0.1", "v1.3", "v1.2/final"}, {}} {
		got, err := forge(t, f, "", "").Releases(t.Context(), remote, tags)
		if err != nil || len(got) != len(tags) {
			t.Fatalf("%d of %d, %v", len(got), len(tags), err)
		}
		for i, tag := range tags {
			if got[i] != want[tag] {
				t.Errorf("%q is %+v", tag, got[i])
			}
		}
	}
	f.Down(http.StatusForbidden)
	for _, tags := range [][]string{{"v1.1"}, {"1", "2", "3", "4"}} {
		if _, err := forge(t, f, "", "").Releases(t.Context(), remote, tags); err == nil {
			t.Error("a host that refuses has releases")
		}
	}
}

// TestStale holds that what was said is told while the host is away, though GitLab
// forbids browsers to keep it.
func TestStale(t *testing.T) {
	g, _ := start(t)
	inner, away := g.handler(), false
	f := forgetest.NewFake(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Age", "86400") // as of yesterday
		inner.ServeHTTP(w, r)
	}))
	dir, it := t.TempDir(), plugins.Item{Kind: plugins.Pull, ID: "1"}
	if a := resolve(t, forge(t, f, dir, ""), it)[0]; len(a.Things) != 1 || a.Problem != "" {
		t.Fatalf("%+v", a)
	}
	away = true
	if a := resolve(t, forge(t, f, dir, ""), it)[0]; len(a.Things) != 1 || a.Problem != plugins.Offline || a.Checked.IsZero() || a.Retry.IsZero() {
		t.Errorf("%+v", a)
	}
}

// TestWhose holds that only GitLab's own places are asked.
func TestWhose(t *testing.T) {
	_, f := start(t)
	forge := forge(t, f, "", "")
	for remote, known := range map[string]bool{"git@git.example.org:acme/deep/engine.git": true, "https://gitlab.example.com/acme/engine": false, "https://gitlab.com.evil.example/a/b": false, "": false} {
		a, err := forge.Resolve(t.Context(), remote, []plugins.Item{{Kind: plugins.Issue, ID: "1"}})
		if err != nil || len(a) != 1 || (len(a[0].Things) == 1) != known || a[0].Problem != "" {
			t.Errorf("%s: %+v, %v", remote, a, err)
		}
	}
	if h, err := forge.Health(t.Context()); err != nil || len(h) != 1 || h[0].Problem != "" || !strings.HasSuffix(f.URL, h[0].Host) {
		t.Errorf("health is %+v, %v", h, err)
	}
}

// TestLive asks a host that exists: CABHFUIL_LIVE_GITLAB is what forgetest.LiveCode
// explains, such as "https://gitlab.com/group/project #1 !2".
func TestLive(t *testing.T) { forgetest.LiveCode(t, "CABHFUIL_LIVE_GITLAB", gitlab.New()) }
