package gitea_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/gitea"
)

func hash(n int) string { return fmt.Sprintf("%040x", n) }

func at(minute int) time.Time { return time.Date(2026, 3, 4, 5, minute, 6, 0, time.UTC) }

// told is a time as the host writes it, in the zone of its place.
func told(minute int) string {
	return at(minute).In(time.FixedZone("", 2*60*60)).Format(time.RFC3339)
}

func common(title, state string, minute int, more object) object {
	o := object{"title": title, "state": state, "created_at": told(0), "updated_at": told(minute)}
	for name, value := range more {
		o[name] = value
	}
	return o
}

// engine is what acme's host has.
func engine() *fake {
	return &fake{perPage: 2, things: map[string][]thing{
		"acme/engine": {
			{1, common("The overflow", "closed", 11, object{"closed_at": told(11), "labels": labels("bug", "backport/v1"), "milestone": object{"id": 3, "title": "2.0", "description": "", "state": "open", "open_issues": 1, "closed_issues": 0, "created_at": told(0), "updated_at": told(0), "closed_at": nil, "due_on": nil}, "assignee": user("john"), "assignees": []object{user("john"), user("jane")}}), nil},
			{2, common("Fix the overflow", "closed", 12, object{"closed_at": told(12), "user": user("john")}), object{"merged": true, "merged_at": told(12), "merge_commit_sha": hash(0x2000), "merged_by": user("jane"), "base": end("acme/engine", "main", hash(0xb)), "head": end("john/engine", "overflow", hash(0x2001))}},
			{3, common("WIP: Fix the overflow", "open", 13, object{"labels": labels("backport-to-v2")}), object{"draft": true, "base": end("acme/engine", "v1", hash(0xb)), "head": end("", "refs/pull/3/head", hash(0x3001))}},
			{4, common("Another way", "closed", 3, object{"closed_at": told(3)}), object{"base": end("acme/engine", "main", hash(0xb)), "head": end("acme/engine", "another", hash(0x4001))}},
			{5, common("From elsewhere", "open", 15, object{"original_author": "walter", "original_author_id": 9, "user": user("ghost")}), nil},
			{6, common("Old but busy overflow", "open", 16, nil), nil},
		},
		"acme/other": {{7, common("Elsewhere", "open", 7, nil), nil}},
	}, releases: map[string][]object{"acme/engine": {
		release("v2.0-rc1", "Soon", false, true, 20), release("v1.0", "One", false, false, 10),
	}}}
}

func release(tag, name string, draft, pre bool, minute int) object {
	return object{"id": 1, "tag_name": tag, "target_commitish": "main", "name": name, "body": "", "url": "https://git.example.org/api/v1/repos/acme/engine/releases/1", "html_url": "https://git.example.org/acme/engine/releases/tag/" + tag, "tarball_url": "", "zipball_url": "", "upload_url": "", "draft": draft, "prerelease": pre, "created_at": told(minute), "published_at": told(minute), "author": user("jane"), "assets": []object{}}
}

// wants are the things that engine's are, by number.
func wants(base string) map[int]plugins.Thing {
	issue := func(n int) string { return fmt.Sprintf("%s/acme/engine/issues/%d", base, n) }
	pull := func(n int) string { return fmt.Sprintf("%s/acme/engine/pulls/%d", base, n) }
	all := map[int]plugins.Thing{
		1: {Kind: plugins.Issue, URL: issue(1), Title: "The overflow", State: plugins.Closed, Labels: []string{"bug", "backport/v1"}, Author: "jane", Assignees: []string{"john", "jane"}, Milestone: "2.0", Updated: at(11), Closed: at(11), Backports: []plugins.Backport{{Target: "v1", Label: "backport/v1"}}},
		2: {Kind: plugins.Pull, URL: pull(2), Title: "Fix the overflow", State: plugins.Merged, Author: "john", Target: "main", Head: hash(0x2001), MergeCommit: hash(0x2000), Updated: at(12), Merged: at(12), Closed: at(12)},
		3: {Kind: plugins.Pull, URL: pull(3), Title: "WIP: Fix the overflow", State: plugins.Open, Draft: true, Labels: []string{"backport-to-v2"}, Author: "jane", Target: "v1", Head: hash(0x3001), Updated: at(13), Backports: []plugins.Backport{{Target: "v2", Label: "backport-to-v2"}}},
		4: {Kind: plugins.Pull, URL: pull(4), Title: "Another way", State: plugins.Closed, Author: "jane", Target: "main", Head: hash(0x4001), Updated: at(3), Closed: at(3)},
		5: {Kind: plugins.Issue, URL: issue(5), Title: "From elsewhere", State: plugins.Open, Author: "walter", Updated: at(15)},
		6: {Kind: plugins.Issue, URL: issue(6), Title: "Old but busy overflow", State: plugins.Open, Author: "jane", Updated: at(16)},
		7: {Kind: plugins.Issue, Project: "acme/other", URL: base + "/acme/other/issues/7", Title: "Elsewhere", State: plugins.Open, Author: "jane", Updated: at(7)},
	}
	for n, t := range all {
		t.ID, t.Created = fmt.Sprint(n), at(0)
		all[n] = t
	}
	return all
}

// hosted is a fake, and the world that a forge sees there.
func hosted(t *testing.T) (*fake, forgetest.World) {
	g := engine()
	f := forgetest.NewFake(t, g)
	base := f.URL + "/git"
	w := wants(base)
	item := func(kind plugins.Kind, n int, project string) plugins.Item {
		return plugins.Item{Kind: kind, ID: fmt.Sprint(n), Project: project}
	}
	said := func(it plugins.Item, n int) forgetest.Said {
		return forgetest.Said{Item: it, Things: []plugins.Thing{w[n]}}
	}
	return g, forgetest.World{
		New: func(t *testing.T, dir string) plugins.Forge {
			name, value, _ := strings.Cut(plugins.CacheEnvironment(dir)[0], "=")
			t.Setenv(name, value)
			return gitea.New(plugins.Setting{Host: "git.example.org", URL: base, Token: "GITEA_TEST_TOKEN"})
		},
		Fake: f, Remote: "https://git.example.org/acme/engine.git",
		Resolve: []forgetest.Said{
			said(item(plugins.Issue, 1, ""), 1), said(item(plugins.Pull, 2, ""), 2), said(item(plugins.Issue, 3, ""), 3), said(item(plugins.Pull, 4, "acme/engine"), 4),
			said(item(plugins.Pull, 5, ""), 5), said(item(plugins.Issue, 7, "acme/other"), 7), said(item(plugins.Issue, 1, ""), 1),
		},
		Changes: []forgetest.Found{
			{Commit: hash(0x2000), Things: []plugins.Thing{w[2]}}, // what the merge made
			{Commit: hash(0x2001), Things: []plugins.Thing{w[2]}}, // a head in a fork
			{Commit: hash(0x3001), Things: []plugins.Thing{w[3]}},
			{Commit: hash(0x4001), Things: []plugins.Thing{w[4]}}, // on the second page of recent ones
			{Commit: hash(0xb), Things: nil},
		},
		Open: []forgetest.Listed{
			{Text: "", IDs: []string{"6", "5"}}, // one page holds two
			{Text: "over", IDs: []string{"6", "3"}},
			{Text: "OVERFLOW", IDs: []string{"6", "3"}},
			{Text: "5", IDs: []string{"5"}},
			{Text: "1", IDs: nil}, // which is closed
		},
		Absent: []plugins.Item{item(plugins.Issue, 99, ""), item(plugins.Pull, 99, ""), item(plugins.Pull, 1, "acme/gone")},
	}
}

func TestAnswers(t *testing.T) {
	_, w := hosted(t)
	forgetest.Answers(t, w)
}

func TestToken(t *testing.T) {
	_, w := hosted(t)
	w.TokenName, w.Secret = "GITEA_TEST_TOKEN", "0123456789abcdef0123456789abcdef01234567"
	w.Header, w.Value = "Authorization", "token "+w.Secret
	forgetest.Answers(t, w)
}

// TestCodeberg holds that Codeberg's token goes to nobody else.
func TestCodeberg(t *testing.T) {
	t.Setenv("CODEBERG_TOKEN", "secret-of-codeberg")
	g, w := hosted(t)
	g.carried = func(authorization string) {
		if authorization != "" {
			t.Errorf("another host got %q", authorization)
		}
	}
	answers, err := w.New(t, t.TempDir()).(plugins.Resolver).Resolve(t.Context(), w.Remote, []plugins.Item{w.Resolve[0].Item})
	if err != nil || len(answers[0].Things) != 1 {
		t.Errorf("%+v, %v", answers, err)
	}
}

// TestOpenOfMany holds that what is older than the pages that are read is found by
// its words and its number.
func TestOpenOfMany(t *testing.T) {
	g, w := hosted(t)
	for n := 100; n < 120; n++ {
		g.things["acme/engine"] = append(g.things["acme/engine"], thing{n, common("Noise", "open", 1, nil), nil})
	}
	f := w.New(t, t.TempDir()).(plugins.Lister)
	for text, want := range map[string]string{"busy": "6", "5": "5", "no such": "", "119": "119"} {
		a, err := f.Open(t.Context(), w.Remote, text, 10)
		got := ""
		for _, thing := range a.Things {
			got += thing.ID
		}
		if err != nil || a.Problem != plugins.NoProblem || got != want {
			t.Errorf("%q offers %q, %+v, %v", text, got, a.Problem, err)
		}
	}
	if a, _ := f.Open(t.Context(), w.Remote, "Noise", 3); len(a.Things) != 3 {
		t.Errorf("%d are offered", len(a.Things))
	}
}

// TestOld holds that hosts which say less are understood: Gitea before 1.22 tells
// no drafts, and the oldest name one assignee.
func TestOld(t *testing.T) {
	g, w := hosted(t)
	old := g.things["acme/engine"][2]
	old.common["assignee"] = user("john")
	old.pull["draft"] = nil
	answers, err := w.New(t, t.TempDir()).(plugins.Resolver).Resolve(t.Context(), w.Remote, []plugins.Item{{Kind: plugins.Pull, ID: "3"}})
	if err != nil || len(answers[0].Things) != 1 || !answers[0].Things[0].Draft || !reflect.DeepEqual(answers[0].Things[0].Assignees, []string{"john"}) {
		t.Errorf("%+v, %v", answers, err)
	}
}

// TestPartly holds that a request which fails spoils only what it was for.
func TestPartly(t *testing.T) {
	g, w := hosted(t)
	g.broken = "/issues/1"
	f := w.New(t, t.TempDir()).(gitea.Forge)
	answers, err := f.Resolve(t.Context(), w.Remote, []plugins.Item{w.Resolve[0].Item, w.Resolve[1].Item})
	if err != nil || answers[0].Problem != plugins.Offline || len(answers[1].Things) != 1 || answers[1].Problem != plugins.NoProblem {
		t.Errorf("%+v, %v", answers, err)
	}
	g.broken = "/pulls"
	found, err := f.Changes(t.Context(), w.Remote, []string{hash(0x2000), hash(0x2001)})
	if err != nil || len(found[0].Things) != 1 || len(found[1].Things) != 0 || found[1].Problem != plugins.Offline {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestReleases asks for a few tags, and for many by pages.
func TestReleases(t *testing.T) {
	g, w := hosted(t)
	for i := range 5 {
		g.releases["acme/engine"] = append(g.releases["acme/engine"], release(fmt.Sprint("old-", i), "", false, false, i))
	}
	f := w.New(t, t.TempDir()).(gitea.Forge)
	base := strings.TrimSuffix(w.Resolve[0].Things[0].URL, "/issues/1")
	want := map[string]plugins.Release{
		"v1.0":     {Tag: "v1.0", Name: "One", URL: base + "/releases/tag/v1.0", Published: at(10)},
		"v2.0-rc1": {Tag: "v2.0-rc1", Name: "Soon", URL: base + "/releases/tag/v2.0-rc1", Draft: true, Published: at(20)},
		"old-4":    {Tag: "old-4", URL: base + "/releases/tag/old-4", Published: at(4)},
	}
	few := []string{"v2.0-rc1", "v1.0", "none", "../x", "old-4"}
	for _, tags := range [][]string{few, append(few, "a", "b", "c", "d", "e", "f")} {
		before := len(w.Fake.Asked())
		got, err := f.Releases(t.Context(), w.Remote, tags)
		if err != nil || len(got) != len(tags) {
			t.Fatalf("%+v, %v", got, err)
		}
		for i, tag := range tags {
			if got[i] != want[tag] {
				t.Errorf("%s is %+v", tag, got[i])
			}
		}
		if asked := len(w.Fake.Asked()) - before; asked != 4 {
			t.Errorf("%d tags cost %d requests", len(tags), asked)
		}
	}
	w.Fake.Down(500)
	if _, err := w.New(t, t.TempDir()).(plugins.Releaser).Releases(t.Context(), w.Remote, few); err == nil {
		t.Error("a host with a fault has all releases")
	}
}

// TestPublic holds which remotes are asked, without asking: a context that has
// ended sends nothing.
func TestPublic(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for remote, known := range map[string]bool{
		"https://codeberg.org/acme/engine": true, "git@gitea.com:acme/engine.git": true,
		"https://gitea.example.org/acme/engine": false, "https://codeberg.org.evil.example/acme/engine": false, "https://codeberg.org/acme": false,
	} {
		answers, err := gitea.New().Resolve(ended, remote, []plugins.Item{{Kind: plugins.Issue, ID: "1"}})
		if err != nil || len(answers) != 1 || (answers[0].Problem == plugins.Offline) != known {
			t.Errorf("%s: %+v, %v", remote, answers, err)
		}
	}
}

// TestLive asks a Gitea or Forgejo that exists, where CABHFUIL_LIVE_GITEA says which.
func TestLive(t *testing.T) { forgetest.LiveCode(t, "CABHFUIL_LIVE_GITEA", gitea.New()) }
