package bitbucket_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/bitbucket"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
)

// hash is a commit's name of which the first digits tell it from others.
func hash(n int) string { return fmt.Sprintf("%010x%030x", n, n) }

func at(minute int) time.Time { return time.Date(2026, 3, 4, 5, minute, 6, 789000000, time.UTC) }

func told(minute int) string { return at(minute).Format("2006-01-02T15:04:05.000000-07:00") }

// engine is what acme has there.
func engine() *fake {
	return &fake{perPage: 50, repositories: map[string]repository{
		"acme/engine": {
			pulls: []object{
				pullrequest(1, "Fix the overflow", "MERGED", 11, object{"source": side("jane/engine", "overflow", hash(0x101)), "merge_commit": object{"type": "commit", "hash": hash(0x100)[:12], "links": object{}}, "closed_by": user("John Smith", "john")}),
				pullrequest(2, "Fix the overflow", "OPEN", 12, object{"draft": true, "source": side("acme/engine", "overflow-1", hash(0x201)), "destination": side("acme/engine", "stable/1", hash(0xb))}),
				pullrequest(3, "Another way", "DECLINED", 13, object{"source": side("", "gone", hash(0x301)), "author": user("someone@example.org", "")}),
			},
			issues: []object{
				ticket(1, "The overflow", "resolved", 14, object{"assignee": user("Jane Doe", "jane"), "component": object{"type": "component", "name": "core"}, "milestone": object{"type": "milestone", "name": "2.0"}}),
				ticket(2, "Say more of overflows", "new", 15, nil),
				ticket(3, "A question", "open", 16, nil),
			},
			byCommit: map[string][]int{hash(0x100): {1}, hash(0x101): {1}, hash(0x201): {2, 3}},
		},
		"acme/plain": {pulls: []object{
			pullrequest(7, "Elsewhere", "MERGED", 7, object{"source": side("acme/plain", "x", hash(0x701)), "merge_commit": object{"type": "commit", "hash": hash(0x700)[:12]}}),
			pullrequest(8, "Elsewhere, too", "OPEN", 8, object{"source": side("acme/plain", "y", hash(0x801))}),
		}},
	}}
}

// wants are the things that pull requests and issues are, by kind and number.
func wants() (pulls, issues map[int]plugins.Thing) {
	pulls = map[int]plugins.Thing{
		1: {Title: "Fix the overflow", State: plugins.Merged, Author: "Jane Doe", Target: "main", Updated: at(11)},
		2: {Title: "Fix the overflow", State: plugins.Open, Draft: true, Author: "Jane Doe", Target: "stable/1", Updated: at(12)},
		3: {Title: "Another way", State: plugins.Closed, Status: "Declined", Author: "someone", Target: "main", Updated: at(13)},
		7: {Title: "Elsewhere", State: plugins.Merged, Author: "Jane Doe", Target: "main", Updated: at(7), Project: "acme/plain"},
		8: {Title: "Elsewhere, too", State: plugins.Open, Author: "Jane Doe", Target: "main", Updated: at(8), Project: "acme/plain"},
	}
	issues = map[int]plugins.Thing{
		1: {Title: "The overflow", State: plugins.Closed, Status: "Resolved", Author: "John Smith", Labels: []string{"bug", "major", "core"}, Assignees: []string{"Jane Doe"}, Milestone: "2.0", Updated: at(14)},
		2: {Title: "Say more of overflows", State: plugins.Open, Status: "New", Author: "John Smith", Labels: []string{"bug", "major"}, Updated: at(15)},
		3: {Title: "A question", State: plugins.Open, Author: "John Smith", Labels: []string{"bug", "major"}, Updated: at(16)},
	}
	for n, t := range pulls {
		t.Kind, t.ID, t.Created, t.URL = plugins.Pull, fmt.Sprint(n), at(0), fmt.Sprintf("https://bitbucket.org/acme/%s/pull-requests/%d", map[bool]string{true: "engine", false: "plain"}[t.Project == ""], n)
		pulls[n] = t
	}
	for n, t := range issues {
		t.Kind, t.ID, t.Created, t.URL = plugins.Issue, fmt.Sprint(n), at(0), fmt.Sprintf("https://bitbucket.org/acme/engine/issues/%d", n)
		issues[n] = t
	}
	return pulls, issues
}

// hosted is a fake, and the world that a forge sees there.
func hosted(t *testing.T) (*fake, forgetest.World) {
	g := engine()
	f := forgetest.NewFake(t, g)
	pulls, issues := wants()
	item := func(kind plugins.Kind, n int, project string) plugins.Item {
		return plugins.Item{Kind: kind, ID: fmt.Sprint(n), Project: project}
	}
	pull := func(n int, head, merge string) []plugins.Thing {
		t := pulls[n]
		t.Head, t.MergeCommit = head, merge
		return []plugins.Thing{t}
	}
	return g, forgetest.World{
		New: func(t *testing.T, dir string) plugins.Forge {
			name, value, _ := strings.Cut(plugins.CacheEnvironment(dir)[0], "=")
			t.Setenv(name, value)
			return bitbucket.NewAt(f.URL+"/2.0", plugins.Setting{Host: "bitbucket.org", Token: "BITBUCKET_TEST_TOKEN"}, plugins.Setting{Host: "git.example.org"})
		},
		Fake: f, Remote: "git@bitbucket.org:acme/engine.git",
		Resolve: []forgetest.Said{
			{Item: item(plugins.Pull, 1, ""), Things: pull(1, "", "")}, {Item: item(plugins.Pull, 2, "acme/engine"), Things: pull(2, "", "")}, {Item: item(plugins.Pull, 3, ""), Things: pull(3, "", "")},
			{Item: item(plugins.Issue, 1, ""), Things: []plugins.Thing{issues[1]}}, {Item: item(plugins.Issue, 2, ""), Things: []plugins.Thing{issues[2]}}, {Item: item(plugins.Issue, 3, ""), Things: []plugins.Thing{issues[3]}},
			{Item: item(plugins.Pull, 7, "acme/plain"), Things: pull(7, "", "")},
			{Item: item(plugins.Issue, 8, "acme/plain"), Things: pull(8, "", "")}, // which has no issue tracker
		},
		Changes: []forgetest.Found{
			{Commit: hash(0x100), Things: pull(1, "", hash(0x100))},
			{Commit: hash(0x101), Things: pull(1, hash(0x101), "")},
			{Commit: hash(0x201), Things: append(pull(2, hash(0x201), ""), pull(3, "", "")...)},
			{Commit: hash(0xfff), Things: nil},
		},
		Open: []forgetest.Listed{
			{Text: "", IDs: []string{"3", "2", "2"}}, // an issue and a pull request have the number 2
			{Text: "OVERflow", IDs: []string{"2", "2"}},
			{Text: "3", IDs: []string{"3"}},
			{Text: "no such thing", IDs: nil},
		},
		Absent:  []plugins.Item{item(plugins.Pull, 99, ""), item(plugins.Issue, 99, ""), item(plugins.Issue, 7, "acme/gone")},
		Unasked: "https://git.example.org/scm/acme/engine.git",
	}
}

func TestAnswers(t *testing.T) {
	_, w := hosted(t)
	forgetest.Answers(t, w)
}

// TestTokens holds that an access token goes as Bearer, and an API token, which
// has a user, as Basic.
func TestTokens(t *testing.T) {
	for secret, value := range map[string]string{
		"ATCTT-secret-of-a-repository": "Bearer ATCTT-secret-of-a-repository",
		"me@example.org:ATATT-secret":  "Basic " + base64.StdEncoding.EncodeToString([]byte("me@example.org:ATATT-secret")),
	} {
		t.Run(value[:6], func(t *testing.T) {
			_, w := hosted(t)
			w.TokenName, w.Secret, w.Header, w.Value = "BITBUCKET_TEST_TOKEN", secret, "Authorization", value
			forgetest.Answers(t, w)
		})
	}
}

// TestThousand holds the forge to 50 a request.
func TestThousand(t *testing.T) {
	g, w := hosted(t)
	repo := g.repositories["acme/engine"]
	for i := range 1000 {
		repo.pulls = append(repo.pulls, pullrequest(1000+i, "One of many", "MERGED", 1, object{"source": side("acme/engine", "x", hash(1))}))
	}
	g.repositories["acme/engine"] = repo
	w.Thousand = func(i int) plugins.Item { return plugins.Item{Kind: plugins.Pull, ID: fmt.Sprint(1000 + i)} }
	w.MaxRequests = 20
	forgetest.Answers(t, w)
}

// TestUnindexed holds that commits are found among the pull requests that changed
// last where their index is off or not done, and that the latter is told.
func TestUnindexed(t *testing.T) {
	g, w := hosted(t)
	pulls, _ := wants()
	const remote = "https://bitbucket.org/acme/plain"
	commits := []string{hash(0x700), hash(0x801), hash(0xfff)}
	for _, indexing := range []bool{false, true} {
		repo := g.repositories["acme/plain"]
		repo.indexing = indexing
		g.repositories["acme/plain"] = repo
		answers, err := w.New(t, t.TempDir()).(plugins.Finder).Changes(t.Context(), remote, commits)
		if err != nil || len(answers) != 3 {
			t.Fatalf("%+v, %v", answers, err)
		}
		for i, n := range []int{7, 8} {
			want := pulls[n]
			want.Project = ""
			if n == 7 {
				want.MergeCommit = commits[0]
			} else {
				want.Head = commits[1]
			}
			if a := answers[i]; len(a.Things) != 1 || fmt.Sprint(a.Things[0]) != fmt.Sprint(want) || a.Problem != plugins.NoProblem || a.Checked.IsZero() {
				t.Errorf("indexing %v, %s: %+v", indexing, commits[i], a)
			}
		}
		want := map[bool]plugins.Problem{true: plugins.Limited}[indexing]
		if a := answers[2]; len(a.Things) != 0 || a.Problem != want || a.Checked.IsZero() == (want == "") || time.Until(a.Retry) > 0 != indexing {
			t.Errorf("indexing %v, no pull request's: %+v", indexing, a)
		}
	}
}

// TestPartly holds that a request which fails spoils only what it was for.
func TestPartly(t *testing.T) {
	g, w := hosted(t)
	g.broken = "/issues"
	f := w.New(t, t.TempDir()).(bitbucket.Forge)
	answers, err := f.Resolve(t.Context(), w.Remote, []plugins.Item{w.Resolve[0].Item, w.Resolve[3].Item})
	if err != nil || len(answers[0].Things) != 1 || answers[0].Problem != plugins.NoProblem || answers[1].Problem != plugins.Offline {
		t.Errorf("%+v, %v", answers, err)
	}
	f = w.New(t, t.TempDir()).(bitbucket.Forge) // whose breaker has seen no failure
	if a, err := f.Open(t.Context(), w.Remote, "", 10); err != nil || len(a.Things) != 1 || a.Problem != plugins.Offline {
		t.Errorf("%+v, %v", a, err)
	}
	g.broken = "/pullrequests"
	found, err := w.New(t, t.TempDir()).(plugins.Finder).Changes(t.Context(), w.Remote, []string{hash(0x100)})
	if err != nil || len(found[0].Things) != 0 || found[0].Problem != plugins.Offline {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestOpenOfMany holds that what is older than the pages that are read is found by
// its title and its number, whatever quotes are typed.
func TestOpenOfMany(t *testing.T) {
	g, w := hosted(t)
	repo := g.repositories["acme/engine"]
	for i := range 10 {
		repo.pulls = append(repo.pulls, pullrequest(100+i, "Noise", "OPEN", 30, object{"source": side("acme/engine", "x", hash(1))}))
		repo.issues = append(repo.issues, ticket(200+i, "Noise", "open", 30, nil))
	}
	repo.pulls = append(repo.pulls, pullrequest(50, `Say "\no" once`, "OPEN", 1, object{"source": side("acme/engine", "x", hash(1))}))
	g.repositories["acme/engine"] = repo
	g.perPage = 2
	f := w.New(t, t.TempDir()).(plugins.Lister)
	for text, want := range map[string]string{"overflow": "2 2 ", "50": "50 ", `"\no"`: "50 ", "nothing": "", `" OR id=100`: ""} {
		a, err := f.Open(t.Context(), w.Remote, text, 10)
		got := ""
		for _, thing := range a.Things {
			got += thing.ID + " "
		}
		if err != nil || a.Problem != plugins.NoProblem || got != want {
			t.Errorf("%q offers %q, %v, %v", text, got, a.Problem, err)
		}
	}
}

// TestPublic holds which remotes are asked, without asking: a context that has
// ended sends nothing.
func TestPublic(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	f := bitbucket.New(plugins.Setting{Host: "git.example.org"})
	for remote, want := range map[string]plugins.Problem{
		"https://bitbucket.org/acme/engine": plugins.Offline, "ssh://git@altssh.bitbucket.org:443/acme/engine.git": plugins.Offline,
		"ssh://git@git.example.org:7999/acme/engine.git": plugins.NotAsked, "https://bitbucket.org.evil.example/acme/engine": plugins.NoProblem,
	} {
		answers, err := f.Resolve(ended, remote, []plugins.Item{{Kind: plugins.Pull, ID: "1"}})
		if err != nil || len(answers) != 1 || answers[0].Problem != want {
			t.Errorf("%s: %+v, %v", remote, answers, err)
		}
		found, err := f.Changes(ended, remote, []string{hash(1)})
		if err != nil || len(found) != 1 || found[0].Problem != want {
			t.Errorf("%s: %+v, %v", remote, found, err)
		}
	}
}

// TestLive asks Bitbucket itself, where CABHFUIL_LIVE_BITBUCKET says what for.
func TestLive(t *testing.T) { forgetest.LiveCode(t, "CABHFUIL_LIVE_BITBUCKET", bitbucket.New()) }
