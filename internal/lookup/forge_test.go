package lookup_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

// slowForge is a forge that says what it is told to, when it is told to.
type slowForge struct {
	addresses
	budget time.Duration
	mu     sync.Mutex
	items  map[string][]history.ForgeItem // by a key's text; nil while it has not answered
	away   []history.ForgeProblem
	ahead  []string // the texts of keys that were asked for when nobody waited
	news   chan struct{}
	open   func(ctx context.Context, kind history.KeyKind, text string) []history.ForgeItem
}

func newSlowForge() *slowForge { return &slowForge{news: make(chan struct{})} }

func (f *slowForge) Said(_ []string, keys []history.Key, ask lookup.Asking) lookup.Said {
	f.mu.Lock()
	defer f.mu.Unlock()
	said := lookup.Said{Items: make([][]history.ForgeItem, len(keys)), Pending: f.items == nil, Problems: f.away}
	for i, k := range keys {
		said.Items[i] = f.items[k.Text]
		if ask == lookup.AskAhead {
			f.ahead = append(f.ahead, k.Text)
		}
	}
	return said
}

func (f *slowForge) Budget() time.Duration { return f.budget }

func (f *slowForge) News() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.news
}

func (f *slowForge) Open(ctx context.Context, _ []string, kind history.KeyKind, text string, _ int) []history.ForgeItem {
	return f.open(ctx, kind, text)
}

// say lets the forge answer.
func (f *slowForge) say(items map[string][]history.ForgeItem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.items = items
	close(f.news)
	f.news = make(chan struct{})
}

// forged is a lookup over a small history with a forge, and a document that names
// its first commit.
func forged(t *testing.T, f lookup.Forge) (*lookup.Lookup, context.Context, *gittest.Repo, lookup.Document) {
	t.Helper()
	r := gittest.New(t, "commit base Base\nbranch stable/1\ncommit one \"Fix it\" body\nbranch stable/2\n-- body --\nFixes #12, see LP: #7.\n")
	repos, ctx := registry(t, r)
	l := lookup.New(repos, f)
	t.Cleanup(l.Close)
	return l, ctx, r, lookup.Document{URI: r.URL() + "/NEWS.txt", Path: r.Dir + "/NEWS.txt", Language: "plaintext", Text: r.Hash("one").String() + "\nsee #12\n"}
}

func hovered(t *testing.T, ctx context.Context, l *lookup.Lookup, doc lookup.Document, offset int) string {
	t.Helper()
	h, err := l.Hover(ctx, doc, offset)
	if err != nil || h == nil {
		t.Fatalf("no hover at %d: %v", offset, err)
	}
	return h.Markdown
}

func holds(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("it lacks %q:\n%s", part, text)
		}
	}
}

var (
	pull = history.ForgeItem{Kind: "pull", ID: "12", Title: "Fix *it*", State: "merged", URL: "https://forge.example/pull/12", Target: "main", Labels: []string{"backport stable/1"}, Checked: time.Now(),
		Backports: []history.ForgeBackport{{Target: "stable/1", Request: history.Request{Label: "backport stable/1"}}}}
	bug = history.ForgeItem{Kind: "bug", ID: "lp#7", Title: "It breaks", State: "closed", Status: "Fix Released", URL: "https://bugs.example/7", Checked: time.Now().Add(-3 * time.Hour)}
)

// TestForgeHover holds that a card comes at once without what a forge has not said,
// says so, and has it when it came.
func TestForgeHover(t *testing.T) {
	f := newSlowForge()
	l, ctx, _, doc := forged(t, f)
	f.budget = time.Millisecond
	holds(t, hovered(t, ctx, l, doc, 3), "**Fix it**", "✗ **stable/1**", "*The forge has not answered yet.*")
	holds(t, hovered(t, ctx, l, doc, len(doc.Text)-2), "[Open \\#12](https://forge.example/#12)", "*The forge has not answered yet.*")

	f.say(map[string][]history.ForgeItem{"#12": {pull}, "LP: #7": {bug}})
	text := hovered(t, ctx, l, doc, 3)
	holds(t, text, "[Pull request \\#12](https://forge.example/pull/12) merged → main: Fix \\*it\\*", "[LP\\: \\#7](https://bugs.example/7) Fix Released: It breaks (as of 3 hours ago)",
		"… **stable/1**: requested by [the label backport stable/1](https://forge.example/pull/12)")
	if strings.Contains(text, "not answered") || strings.Contains(text, "[#12]") {
		t.Errorf("it still says what it said before:\n%s", text)
	}
	holds(t, hovered(t, ctx, l, doc, len(doc.Text)-2), "**Fix \\*it\\***", "merged → main", "backport stable/1")

	f.away = []history.ForgeProblem{{Forge: "github", Host: "github.com", Problem: "offline"}}
	holds(t, hovered(t, ctx, l, doc, 3), "*github.com does not answer; what it said may be missing or old.*", "merged → main")
	holds(t, hovered(t, ctx, l, doc, len(doc.Text)-2), "*github.com does not answer; what it said may be missing or old.*", "merged → main")

	f.away = []history.ForgeProblem{{Forge: "github", Host: "github.com", Problem: "refused", Token: "OUR_TOKEN"}}
	holds(t, hovered(t, ctx, l, doc, 3), "*github.com refuses the token of OUR\\_TOKEN; it may be wrong, or have expired.*")
	answers, err := l.Where(ctx, lookup.Where{Keys: []string{"#12"}})
	if err != nil || len(answers[0].Matches) == 0 {
		t.Fatalf("%+v, %v", answers, err)
	}
	m := answers[0].Matches[0]
	if !slices.Contains(m.Limits, history.LimitForgeOffline) || len(m.ForgeProblems) != 1 || m.ForgeProblems[0].Token != "OUR_TOKEN" {
		t.Errorf("%v, %+v", m.Limits, m.ForgeProblems)
	}
	if lines := lookup.Limits(m); !slices.Equal(lines, []string{"github.com refuses the token of OUR_TOKEN; it may be wrong, or have expired."}) {
		t.Errorf("%q", lines)
	}
}

// TestForgeProblems holds that each kind of problem has words of its own, with the
// host, and what to do where somebody can do something.
func TestForgeProblems(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.Local)
	for _, c := range []struct {
		problem history.ForgeProblem
		want    string
	}{
		{history.ForgeProblem{Host: "git.example", Problem: "offline"}, "git.example does not answer; what it said may be missing or old."},
		{history.ForgeProblem{Host: "git.example", Problem: "untrusted"}, "git.example has a certificate that is not trusted; GIT_SSL_CAINFO names a file of your own CAs."},
		{history.ForgeProblem{Host: "git.example", Problem: "limited", Token: "A_TOKEN", Retry: now.Add(125 * time.Minute)}, "git.example answers no more questions until 14:05."},
		{history.ForgeProblem{Host: "git.example", Problem: "limited", Retry: now.Add(30 * time.Hour)}, "git.example answers no more questions until 5 Mar 18:00; who has a token may ask more."},
		{history.ForgeProblem{Host: "git.example", Problem: "limited", Token: "A_TOKEN", Retry: now.Add(-time.Hour)}, "git.example answers no more questions for a while."},
		{history.ForgeProblem{Host: "git.example", Problem: "refused", Token: "A_TOKEN"}, "git.example refuses the token of A_TOKEN; it may be wrong, or have expired."},
		{history.ForgeProblem{Host: "git.example", Problem: "refused"}, "git.example wants a token, and none is set for it."},
		{history.ForgeProblem{Host: "git.example", Problem: "forbidden", Token: "git's credential helper"}, "git.example does not show this to the token of git's credential helper."},
		{history.ForgeProblem{Host: "git.example", Problem: "forbidden"}, "git.example does not show this without a token."},
		{history.ForgeProblem{Host: "git.example", Problem: "failed"}, "git.example said what cannot be understood; what is shown may be missing or old."},
		{history.ForgeProblem{Forge: "harbour", Problem: "broken"}, "The plugin harbour does not work; plugin list says why."},
		{history.ForgeProblem{Forge: "harbour", Problem: "offline"}, "The forge of the plugin harbour does not answer; what it said may be missing or old."},
		{history.ForgeProblem{Host: "git.example", Problem: "something new"}, "git.example could not be asked; what it said may be missing or old."},
		{history.ForgeProblem{Host: "git.example\n\x1b[31m", Problem: "failed"}, "git.example �[31m said what cannot be understood; what is shown may be missing or old."},
	} {
		if got := lookup.ExplainForge(c.problem, now); got != c.want {
			t.Errorf("%+v: %q, want %q", c.problem, got, c.want)
		}
	}
	m := history.Match{Limits: []history.Limit{history.LimitShallow, history.LimitForgeOffline}}
	if lines := lookup.Limits(m); len(lines) != 2 || lines[1] != lookup.Explain(history.LimitForgeOffline) {
		t.Errorf("a problem of which nothing is known: %q", lines)
	}
	for _, host := range []string{"a.example", "a.example", "b.example", "c.example", "d.example", "e.example"} {
		m.ForgeProblems = append(m.ForgeProblems, history.ForgeProblem{Host: host, Problem: "offline"})
	}
	if lines := lookup.Limits(m); len(lines) != 5 || lines[4] != "… and 2 more forges could not be asked." {
		t.Errorf("many problems: %q", lines)
	}
}

// TestItemName holds that things are called what their forge calls them.
func TestItemName(t *testing.T) {
	for _, c := range []struct {
		item history.ForgeItem
		want string
	}{
		{history.ForgeItem{Kind: "pull", ID: "12"}, "Pull request #12"},
		{history.ForgeItem{Kind: "pull", ID: "12", Project: "a/b", Noun: "Merge request"}, "Merge request a/b!12"},
		{history.ForgeItem{Kind: "issue", ID: "1"}, "Issue #1"},
		{history.ForgeItem{Kind: "issue", ID: "1", Noun: "Incident"}, "Incident #1"},
		{history.ForgeItem{Kind: "change", ID: "941234"}, "Change 941234"},
		{history.ForgeItem{Kind: "change", ID: "I0123456789"}, "Change I0123456"},
		{history.ForgeItem{Kind: "bug", ID: "bug#7"}, "Bug 7"},
		{history.ForgeItem{Kind: "bug", ID: "bug#7", Noun: "Ticket"}, "Ticket 7"},
		{history.ForgeItem{Kind: "bug", ID: "lp#7"}, "LP: #7"},
		{history.ForgeItem{Kind: "bug", ID: "PROJ-1"}, "PROJ-1"},
		{history.ForgeItem{Kind: "bug", ID: "PROJ-1", Noun: "Story"}, "Story PROJ-1"},
	} {
		if got := lookup.ItemName(c.item); got != c.want {
			t.Errorf("%+v is %q, want %q", c.item, got, c.want)
		}
	}
}

// TestMergeRequest holds that a merge request is called one wherever it is named: as
// the subject of a hover, in a card, and where it is what brings a change to a line.
func TestMergeRequest(t *testing.T) {
	f := newSlowForge()
	l, ctx, r, doc := forged(t, f)
	open := history.ForgeItem{Kind: "pull", Noun: "Merge request", ID: "12", Title: "Fix it there", State: "open", Target: "stable/1", URL: "https://forge.example/12",
		Backports: []history.ForgeBackport{{Target: "stable/0", Request: history.Request{Kind: "pull", ID: "13", State: "open", URL: "https://forge.example/13"}}}}
	f.say(map[string][]history.ForgeItem{"#12": {open}, r.Hash("one").String(): {open}})
	holds(t, hovered(t, ctx, l, doc, 3), "[Merge request \\!12](https://forge.example/12) open → stable/1", "… **stable/1**: requested, [Merge request \\!12](https://forge.example/12) is open")
	holds(t, hovered(t, ctx, l, doc, len(doc.Text)-2), "[Merge request \\!12]", "Backport to **stable/0**: [Merge request \\!13](https://forge.example/13) open")
}

// TestForgeBudget holds that an answer which comes within the budget is waited for,
// and that nobody waits longer.
func TestForgeBudget(t *testing.T) {
	f := newSlowForge()
	l, ctx, r, _ := forged(t, f)
	f.budget = time.Minute
	go f.say(map[string][]history.ForgeItem{r.Hash("one").String(): {pull}})
	answers, err := l.Where(ctx, lookup.Where{Keys: []string{r.Hash("one").String()}})
	if err != nil {
		t.Fatal(err)
	}
	m := answers[0].Matches[0]
	if len(m.Forge) != 2 || m.Forge[1].ID != "12" || len(m.Limits) != 0 {
		t.Errorf("%+v, %v", m.Forge, m.Limits)
	}
	for _, landing := range m.Branches {
		if want := landing.Name == "stable/1"; (landing.Requested != nil) != want || want && (landing.Requested.Label != "backport stable/1" || landing.Requested.URL != pull.URL) {
			t.Errorf("%s: %+v", landing.Name, landing.Requested)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	f.items = nil
	cancel()
	if _, err := l.Where(cancelled, lookup.Where{Keys: []string{r.Hash("one").String()}}); err == nil {
		t.Error("who gave up got an answer")
	}
}

// TestForgeAhead holds that forges are asked about an opened document's keys before
// anybody hovers.
func TestForgeAhead(t *testing.T) {
	f := newSlowForge()
	l, ctx, r, doc := forged(t, f)
	if err := l.Prefetch(ctx, doc); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.ahead, " "); got != "#12 "+r.Hash("one").String() {
		t.Errorf("asked for %q", got)
	}
}

// TestForgeCompletion holds what is offered behind # and !, and where.
func TestForgeCompletion(t *testing.T) {
	f := newSlowForge()
	f.open = func(ctx context.Context, kind history.KeyKind, text string) []history.ForgeItem {
		if text == "slow" {
			<-ctx.Done()
			return nil
		}
		return []history.ForgeItem{{Kind: "issue", ID: "12", Title: map[history.KeyKind]string{history.KeyIssue: "#", history.KeyMerge: "!", history.KeyBug: "bug "}[kind] + text, State: "open"}}
	}
	l, ctx, _, doc := forged(t, f)
	f.budget = time.Millisecond
	for _, c := range []struct{ language, line, want string }{
		{"plaintext", "see #", "#12 #"}, {"plaintext", "see #1", "#12 #1"}, {"plaintext", "(!fix", "!12 !fix"}, {"plaintext", "#", "none"}, {"plaintext", "#1", "#12 #1"}, {"plaintext", "see #slow", ""},
		{"plaintext", "Closes-Bug: #1", "#12 bug 1"}, {"plaintext", "LP: #1", "#12 bug 1"}, {"plaintext", "a#1", "none"}, {"plaintext", "x #1 y", "none"}, {"go", "\t// see #1", "#12 #1"}, {"go", "if !", "none"}, {"c", "#", "none"}, {"git-commit", "# see #", "none"}, {"git-commit", "Fix #", "#12 #"},
	} {
		doc.Language, doc.Text, doc.Path, doc.URI = c.language, c.line+"\n", strings.TrimSuffix(doc.Path, ".txt"), strings.TrimSuffix(doc.URI, ".txt")
		all, err := l.Completions(ctx, doc, len(c.line))
		got := "none"
		if all != nil {
			got = ""
		}
		for _, item := range all {
			got += item.Label
			if item.Documentation == nil || doc.Text[item.Start:item.End] != c.line[strings.LastIndexAny(c.line, "#!"):] {
				t.Errorf("%q: %+v", c.line, item)
			}
		}
		if err != nil || got != c.want {
			t.Errorf("%s %q: %q, not %q, %v", c.language, c.line, got, c.want, err)
		}
	}
}

// TestForgeSymbols holds that a pull request's or an issue's number finds the
// commits that name it.
func TestForgeSymbols(t *testing.T) {
	r := gittest.New(t, "commit one \"Fix it (#12)\"\ncommit two \"Grow\" body\ncommit three \"Numbers 12 and 34\"\n-- body --\nSee merge request acme/engine!34\nSee !34\nPR-URL: https://github.com/acme/engine/pull/56\n")
	repos, ctx := registry(t, r)
	l := lookup.New(repos, nil)
	t.Cleanup(l.Close)
	for text, want := range map[string]string{"#12": "one", "acme/engine#12": "", "!34": "two", "acme/engine!34": "two", "#56": "two", "GH-12": "one"} {
		symbols, err := l.Symbols(ctx, text, 10)
		if err != nil {
			t.Fatal(err)
		}
		first := ""
		if len(symbols) > 0 {
			for _, label := range []string{"one", "two", "three"} {
				if symbols[0].SHA == r.Hash(label) {
					first = label
				}
			}
		}
		if first != want {
			t.Errorf("%q finds %q, not %q: %+v", text, first, want, symbols)
		}
	}
}

// together is a forge that answers when it was asked about all of some keys.
type together struct {
	*slowForge
	missing map[string]bool // the texts of keys that it was not asked about yet
	most    int             // keys of one question
}

func (f *together) Said(remotes []string, keys []history.Key, ask lookup.Asking) lookup.Said {
	f.mu.Lock()
	f.most = max(f.most, len(keys))
	waited := len(f.missing) > 0
	for _, k := range keys {
		delete(f.missing, k.Text)
	}
	done := waited && len(f.missing) == 0
	f.mu.Unlock()
	if done {
		f.say(map[string][]history.ForgeItem{})
	}
	return f.slowForge.Said(remotes, keys, ask)
}

// TestForgeTogether holds that one question waits for forges once, for all of its
// keys, and that a message which names thousands asks about a few.
func TestForgeTogether(t *testing.T) {
	var names strings.Builder
	for n := range 3000 {
		fmt.Fprintf(&names, "#%d\n", n+1)
	}
	r := gittest.New(t, "commit one One body\ncommit two Two\ncommit three Three\n-- body --\n"+names.String())
	repos, ctx := registry(t, r)
	f := &together{newSlowForge(), map[string]bool{}, 0}
	f.budget = time.Hour
	l := lookup.New(repos, f)
	t.Cleanup(l.Close)
	var keys []string
	for _, label := range []string{"one", "two", "three"} {
		keys = append(keys, r.Hash(label).String())
		f.missing[r.Hash(label).String()] = true
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	answers, err := l.Where(ctx, lookup.Where{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		if len(a.Matches) != 1 || len(a.Matches[0].Limits) != 0 {
			t.Errorf("%+v", a)
		}
	}
	if f.most > 60 {
		t.Errorf("one card asks about %d keys", f.most)
	}
}

// TestForgeRequests holds on which lines a change counts as requested: by its own
// pulls and changes, by wishes for copies of what it came with or mends, and by
// nothing that its message merely mentions.
func TestForgeRequests(t *testing.T) {
	const id = "I0123456789abcdef0123456789abcdef01234567"
	open := func(kind, id, target string) history.ForgeItem {
		return history.ForgeItem{Kind: kind, ID: id, State: "open", Target: target}
	}
	wished := func(kind, id, target string) history.ForgeItem {
		return history.ForgeItem{Kind: kind, ID: id, State: "closed", Backports: []history.ForgeBackport{{Target: target, Request: history.Request{Label: "backport " + target}}}}
	}
	for _, c := range []struct {
		message string
		key     string // of which the forge says something; "" for the commit
		item    history.ForgeItem
		want    string // the lines on which it is requested
	}{
		{"Fix it", "", open("pull", "3", "stable/1-2"), "stable/1-2"},
		{"Fix it", "", open("pull", "3", "main"), ""},
		{"Fix it", "", wished("pull", "3", "1-2"), "stable/1-2"},
		{"Fix it", "", wished("pull", "3", "2"), "stable/2"},
		{"Fix it", "", wished("pull", "3", "stable/1-2"), "stable/1-2"},
		{"Fix it (#12)", "#12", wished("pull", "12", "2"), "stable/2"},
		{"Fix it (#12)", "#12", open("pull", "12", "stable/2"), ""},
		{"Fix it\n\nSee #12.", "#12", wished("issue", "12", "2"), ""},
		{"Fix it\n\nThis fixes #12.", "#12", wished("issue", "12", "2"), "stable/2"},
		{"Fix it\n\nFixes: #11, #12", "#12", wished("issue", "12", "2"), "stable/2"},
		{"Fix it\n\nFixes: 1a2b3c4d5e6f (\"Grow (#12)\")", "#12", wished("pull", "12", "2"), ""},
		{"Revert \"Grow (#12)\"", "#12", wished("pull", "12", "2"), ""},
		{"Fix it\n\nSee #12. It fixes a leak.", "#12", wished("issue", "12", "2"), ""},
		{"Fix it\n\nCloses-Bug: #7", "Bug: #7", wished("bug", "bug#7", "2"), "stable/2"},
		{"Fix it\n\nRelated-Bug: #7", "Bug: #7", wished("bug", "bug#7", "2"), ""},
		{"Fix it\n\nChange-Id: " + id, id, open("change", "9", "stable/2"), "stable/2"},
		{"Fix it\n\nDepends-On: " + id, id, open("change", "9", "stable/2"), ""},
	} {
		r := gittest.New(t, "commit base Base\nbranch stable/1-2\nbranch stable/2\ncommit one It body\n-- body --\nbody\n")
		r.Git("commit", "--amend", "-q", "-m", c.message)
		repos, ctx := registry(t, r)
		f := newSlowForge()
		l := lookup.New(repos, f)
		key := c.key
		sha := strings.TrimSpace(r.Git("rev-parse", "HEAD"))
		if key == "" {
			key = sha
		}
		f.say(map[string][]history.ForgeItem{key: {c.item}})
		answers, err := l.Where(ctx, lookup.Where{Keys: []string{sha}})
		l.Close()
		if err != nil || len(answers[0].Matches) != 1 {
			t.Fatalf("%q: %+v, %v", c.message, answers, err)
		}
		var got []string
		for _, landing := range answers[0].Matches[0].Branches {
			if landing.Requested != nil {
				got = append(got, landing.Name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q with %+v is requested on %q, not %q", c.message, c.item, got, c.want)
		}
	}
}

// TestHoverAnywhere holds what is shown in a document that lies in no repository: the
// page of an id that means the same everywhere, with the commits that name it, and what
// a forge says of its own address; nothing of what means something in a repository alone.
func TestHoverAnywhere(t *testing.T) {
	r := gittest.New(t, "commit one \"Mend it (CVE-2024-1234)\"\n")
	repos, ctx := registry(t, r)
	f := newSlowForge()
	l := lookup.New(repos, f)
	t.Cleanup(l.Close)
	const address, gone, commit = "https://forge.example/acme/engine/pull/12", "https://forge.example/acme/engine/pull/13", "https://forge.example/acme/engine/commit/1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d"
	const bug, other = "https://bugs.example/browse/PROJ-1", "https://elsewhere.example/browse/PROJ-1"
	f.say(map[string][]history.ForgeItem{
		address: {pull}, commit: {pull}, "#12": {pull},
		bug: {{Kind: "bug", ID: "PROJ-1", Title: "It leaks", URL: bug}}, other: {{Kind: "bug", ID: "PROJ-1", Title: "It leaks", URL: bug}},
	})
	dir := t.TempDir()
	over := func(text string) string {
		h, err := l.Hover(ctx, lookup.Document{URI: "file://" + dir + "/mail.txt", Path: dir + "/mail.txt", Language: "plaintext", Text: text + "\n"}, 3)
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			return ""
		}
		return h.Markdown
	}
	holds(t, over("CVE-2024-1234"), "[Open CVE-2024-1234](https://forge.example/CVE-2024-1234)", "**Commits that name CVE-2024-1234**", "Mend it")
	holds(t, over("CVE-2024-9999"), "[Open CVE-2024-9999](https://forge.example/CVE-2024-9999)")
	holds(t, over(address), "**Fix \\*it\\***", "[Pull request acme/engine\\#12](https://forge.example/pull/12) merged → main")
	holds(t, over(commit), "[Pull request acme/engine\\#12]")
	holds(t, over(bug), "**It leaks**")
	for _, text := range []string{gone, other, "https://forge.example/acme/engine"} {
		if got := over(text); got != "" {
			t.Errorf("%s: %q", text, got)
		}
	}
	f.away = []history.ForgeProblem{{Forge: "github", Host: "forge.example", Problem: "forbidden"}}
	holds(t, over(gone), "*forge.example does not show this without a token.*")

	// In a repository, an address of another one says the same.
	doc := lookup.Document{URI: r.URL() + "/NEWS.txt", Path: r.Dir + "/NEWS.txt", Language: "plaintext", Text: address + "\n"}
	holds(t, hovered(t, ctx, l, doc, 3), "[Pull request acme/engine\\#12]")
}
