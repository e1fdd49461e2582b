package gerrit_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/gerrit"
)

// hash is a commit's name, and id a Change-Id.
func hash(n int) string { return fmt.Sprintf("%040x", n) }

func id(n int) string { return "I" + hash(n) }

func at(minute int) time.Time { return time.Date(2026, 3, 4, 5, minute, 6, 789000000, time.UTC) }

func said(t time.Time) string { return t.Format("2006-01-02 15:04:05.000000000") }

// engine is what acme has under review.
func engine() []change {
	return []change{
		{101, "acme/engine", id(1), []string{hash(0x1010), hash(0x1011)}, object{
			"branch": "master", "topic": "fix-overflow", "hashtags": []string{"release-notes", "backport-to-1.2"}, "subject": "Fix the overflow", "status": "MERGED",
			"created": said(at(1)), "updated": said(at(11)), "submitted": said(at(10)), "submitter": "Merge Bot", "owner": "Jane Doe", "labels": object{"Code-Review": object{"approved": object{"_account_id": 7}}},
		}},
		{102, "acme/engine", id(1), []string{hash(0x1020), hash(0x1021)}, object{
			"branch": "stable/2", "subject": "Fix the overflow", "status": "NEW", "work_in_progress": true, "cherry_pick_of_change": 101, "cherry_pick_of_patch_set": 2,
			"created": said(at(2)), "updated": said(at(12)), "owner": "Jane Doe",
		}},
		{103, "acme/engine", id(1), []string{hash(0x1030)}, object{
			"branch": "stable/1", "subject": "Fix the overflow", "status": "NEW", "created": said(at(3)), "updated": said(at(13)), "owner": "John Smith", "assignee": "Jane Doe",
			"labels": object{"Code-Review": object{"approved": object{"_account_id": 7}}, "Verified": object{"rejected": object{"_account_id": 8}, "blocking": true}, "Workflow": object{"optional": true}},
		}},
		{104, "acme/engine", id(2), []string{hash(0x1040)}, object{"branch": "refs/heads/master", "subject": "Try something", "status": "ABANDONED", "created": said(at(4)), "updated": said(at(14)), "owner": "john@example.org"}},
		{105, "acme/engine", id(3), []string{hash(0x1050)}, object{"branch": "master", "subject": "Say more in the logs", "status": "NEW", "is_private": true, "created": said(at(5)), "updated": said(at(5)), "owner": "Jane Doe"}},
		{201, "acme/other", id(4), []string{hash(0x2010)}, object{"branch": "main", "subject": "Elsewhere", "status": "NEW", "created": said(at(6)), "updated": said(at(6)), "owner": "Jane Doe"}},
	}
}

// wants are the things that engine's changes are, by number.
func wants(base string) map[int]plugins.Thing {
	page := func(number int) string { return fmt.Sprintf("%s/c/acme/engine/+/%d", base, number) }
	all := map[int]plugins.Thing{
		101: {URL: page(101), Title: "Fix the overflow", State: plugins.Merged, Labels: []string{"release-notes", "backport-to-1.2", "topic:fix-overflow"}, Author: "Jane Doe", Target: "master", Head: hash(0x1011), MergeCommit: hash(0x1011), Created: at(1), Updated: at(11), Merged: at(10), Backports: []plugins.Backport{{Target: "1.2", Label: "backport-to-1.2"}}},
		102: {URL: page(102), Title: "Fix the overflow", State: plugins.Open, Status: "WIP", Draft: true, Author: "Jane Doe", Target: "stable/2", Head: hash(0x1021), Created: at(2), Updated: at(12)},
		103: {URL: page(103), Title: "Fix the overflow", State: plugins.Open, Status: "Verified rejected, Code-Review approved", Author: "John Smith", Assignees: []string{"Jane Doe"}, Target: "stable/1", Head: hash(0x1030), Created: at(3), Updated: at(13)},
		104: {URL: page(104), Title: "Try something", State: plugins.Closed, Status: "Abandoned", Author: "john", Target: "master", Head: hash(0x1040), Created: at(4), Updated: at(14)},
		105: {URL: page(105), Title: "Say more in the logs", State: plugins.Open, Status: "Private", Author: "Jane Doe", Target: "master", Head: hash(0x1050), Created: at(5), Updated: at(5)},
		201: {Project: "acme/other", URL: base + "/c/acme/other/+/201", Title: "Elsewhere", State: plugins.Open, Author: "Jane Doe", Target: "main", Head: hash(0x2010), Created: at(6), Updated: at(6)},
	}
	for number, t := range all {
		t.Kind, t.ID = plugins.Change, fmt.Sprint(number)
		all[number] = t
	}
	return all
}

// copies adds the later changes of the same Change-Id, which are asked for where
// the key does not find them.
func copies(t plugins.Thing, all ...plugins.Thing) plugins.Thing {
	t.Backports = slices.Clone(t.Backports)
	for _, c := range all {
		t.Backports = append(t.Backports, plugins.Backport{Target: c.Target, Kind: c.Kind, ID: c.ID, URL: c.URL, Title: c.Title, State: c.State})
	}
	return t
}

// cached lets the next client keep its answers in dir.
func cached(t *testing.T, dir string) {
	name, value, _ := strings.Cut(plugins.CacheEnvironment(dir)[0], "=")
	t.Setenv(name, value)
}

// hosted is a fake with its changes, and the world that a forge sees there.
func hosted(t *testing.T, more ...change) (*fake, forgetest.World) {
	g := &fake{changes: append(engine(), more...), perPage: 2}
	f := forgetest.NewFake(t, g)
	base := f.URL + "/r"
	w := wants(base)
	number := func(n int, project string) plugins.Item {
		return plugins.Item{Kind: plugins.Change, ID: fmt.Sprint(n), Project: project}
	}
	return g, forgetest.World{
		New: func(t *testing.T, dir string) plugins.Forge {
			cached(t, dir)
			return gerrit.New(plugins.Setting{Host: "git.example.org", URL: base, Token: "GERRIT_TEST_PASSWORD"})
		},
		Fake: f, Remote: "https://git.example.org/acme/engine",
		Resolve: []forgetest.Said{
			{Item: plugins.Item{Kind: plugins.Change, ID: id(1)}, Things: []plugins.Thing{w[101], w[102], w[103]}},
			{Item: plugins.Item{Kind: plugins.Change, ID: id(2)}, Things: []plugins.Thing{w[104]}},
			{Item: number(101, ""), Things: []plugins.Thing{copies(w[101], w[102], w[103])}},
			{Item: number(102, "acme/engine"), Things: []plugins.Thing{copies(w[102], w[103])}},
			{Item: number(105, ""), Things: []plugins.Thing{w[105]}},
			{Item: number(201, "acme/other"), Things: []plugins.Thing{w[201]}},
		},
		Changes: []forgetest.Found{
			{Commit: hash(0x1011), Things: []plugins.Thing{copies(w[101], w[102], w[103])}},
			{Commit: hash(0x1020), Things: []plugins.Thing{copies(w[102], w[103])}}, // an earlier patch set
			{Commit: hash(0x1040), Things: []plugins.Thing{w[104]}},
		},
		Open: []forgetest.Listed{
			{Text: "", IDs: []string{"103", "102"}}, // the first page, which holds two
			{Text: "103", IDs: []string{"103"}},
			{Text: "OVERflow", IDs: []string{"103", "102"}},
			{Text: "no such thing", IDs: nil},
		},
		Absent: []plugins.Item{number(999, ""), {Kind: plugins.Change, ID: id(0xfff)}, number(201, ""), number(1, "acme/gone")},
	}
}

func TestAnswers(t *testing.T) {
	_, w := hosted(t)
	forgetest.Answers(t, w)
}

// TestPassword holds that who has one is asked for below /a/, and sees more.
func TestPassword(t *testing.T) {
	g, w := hosted(t)
	g.private = "acme/engine"
	w.TokenName, w.Secret = "GERRIT_TEST_PASSWORD", "me:secret-of-the-gerrit"
	w.Header, w.Value = "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(w.Secret))
	g.user = w.Value
	forgetest.Answers(t, w)
	for _, address := range w.Fake.Asked() {
		if !strings.HasPrefix(address, "GET /r/a/changes/?") {
			t.Errorf("%s", address)
		}
	}
	t.Setenv("GERRIT_TEST_PASSWORD", "")
	w.Fake.Private("", "")
	answers, err := w.New(t, t.TempDir()).(plugins.Resolver).Resolve(t.Context(), w.Remote, []plugins.Item{w.Resolve[0].Item})
	if err != nil || len(answers[0].Things) != 0 || answers[0].Problem != plugins.NoProblem || answers[0].Checked.IsZero() {
		t.Errorf("without a password: %+v, %v", answers, err)
	}
}

// TestThousand holds the forge to few requests, by number and by Change-Id, and to
// addresses that a proxy takes.
func TestThousand(t *testing.T) {
	var more []change
	for i := range 1000 {
		for line, branch := range []string{"master", "stable/1"} {
			more = append(more, change{10000 + i*2 + line, "acme/engine", id(0x10000 + i), []string{hash(0x20000 + i*2 + line)}, object{
				"branch": branch, "subject": fmt.Sprint("Change ", i), "status": "MERGED", "created": said(at(1)), "updated": said(at(2)), "submitted": said(at(2)), "owner": "Jane Doe",
			}})
		}
	}
	g, w := hosted(t, more...)
	g.perPage = 500
	w.Resolve, w.Changes, w.Open, w.Absent = w.Resolve[2:3], nil, nil, nil
	f := w.New(t, t.TempDir()).(gerrit.Forge)

	var ids, numbers []plugins.Item
	var commits []string
	for i := range 1000 {
		ids = append(ids, plugins.Item{Kind: plugins.Change, ID: id(0x10000 + i)})
		numbers = append(numbers, plugins.Item{Kind: plugins.Change, ID: fmt.Sprint(10000 + i*2)})
		commits = append(commits, hash(0x20000+i*2))
	}
	for _, ask := range []struct {
		name   string
		ask    func() ([]plugins.Answer, error)
		things int
	}{
		{"Change-Ids", func() ([]plugins.Answer, error) { return f.Resolve(t.Context(), w.Remote, ids) }, 2},
		{"numbers", func() ([]plugins.Answer, error) { return f.Resolve(t.Context(), w.Remote, numbers) }, 1},
		{"commits", func() ([]plugins.Answer, error) { return f.Changes(t.Context(), w.Remote, commits) }, 1},
	} {
		before := len(w.Fake.Asked())
		answers, err := ask.ask()
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range answers {
			if a.Problem != plugins.NoProblem || len(a.Things) != ask.things || a.Things[0].ID != numbers[i].ID {
				t.Fatalf("%s: %d is %+v", ask.name, i, a)
			}
			if b := a.Things[0].Backports; ask.things == 1 && (len(b) != 1 || b[0].Target != "stable/1") {
				t.Fatalf("%s: %d has the backports %+v", ask.name, i, b)
			}
		}
		if n := len(w.Fake.Asked()) - before; n > 20 {
			t.Errorf("1,000 %s cost %d requests", ask.name, n)
		}
	}
	if g.longest > 8000 {
		t.Errorf("an address has %d bytes", g.longest)
	}
}

// TestPartly holds that a request which fails spoils only what it was for.
func TestPartly(t *testing.T) {
	g, w := hosted(t)
	g.broken = "acme/other"
	items := []plugins.Item{w.Resolve[0].Item, {Kind: plugins.Change, ID: "201", Project: "acme/other"}, w.Resolve[2].Item}
	answers, err := w.New(t, t.TempDir()).(plugins.Resolver).Resolve(t.Context(), w.Remote, items)
	if err != nil || len(answers) != 3 {
		t.Fatalf("%+v, %v", answers, err)
	}
	for i, want := range []plugins.Problem{plugins.NoProblem, plugins.Offline, plugins.NoProblem} {
		if a := answers[i]; a.Problem != want || (len(a.Things) > 0) != (want == plugins.NoProblem) {
			t.Errorf("%+v: %+v", items[i], a)
		}
	}
}

// TestKept holds that what was said counts for a while, although Gerrit forbids to keep anything.
func TestKept(t *testing.T) {
	_, w := hosted(t)
	dir := t.TempDir()
	items := []plugins.Item{w.Resolve[0].Item}
	ask := func() plugins.Answer {
		t.Helper()
		answers, err := w.New(t, dir).(plugins.Resolver).Resolve(t.Context(), w.Remote, items)
		if err != nil || len(answers) != 1 || len(answers[0].Things) != 3 {
			t.Fatalf("%+v, %v", answers, err)
		}
		return answers[0]
	}
	ask()
	gone := time.Now()
	w.Fake.Down(500)
	if again := ask(); !again.Checked.Before(gone) || again.Problem != plugins.NoProblem {
		t.Errorf("it is %+v", again)
	}
}

// TestPublic holds which remotes are asked where, without asking: a context that
// has ended sends nothing.
func TestPublic(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	item := []plugins.Item{{Kind: plugins.Change, ID: "1"}}
	for remote, known := range map[string]bool{
		"https://opendev.org/openstack/nova": true, "https://github.com/golang/go": true, "https://chromium.googlesource.com/chromium/src": true,
		"https://github.com/acme/engine": false, "https://gerrit.example.org/acme/engine": false, "https://googlesource.com.evil.example/a/b": false,
	} {
		answers, err := gerrit.New().Resolve(ended, remote, item)
		if err != nil || len(answers) != 1 || (answers[0].Problem == plugins.Offline) != known {
			t.Errorf("%s: %+v, %v", remote, answers, err)
		}
	}
}

// TestLive asks a Gerrit that exists, where CABHFUIL_LIVE_GERRIT says which.
func TestLive(t *testing.T) { forgetest.LiveCode(t, "CABHFUIL_LIVE_GERRIT", gerrit.New()) }
