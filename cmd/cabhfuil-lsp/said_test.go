package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

// tracker is a Bugzilla on this machine, and a repository whose bugs it has.
type tracker struct {
	*forgetest.Fake
	repo *gittest.Repo
	home string
}

const trackerSecret = "tracker-secret-7c1f"

func newTracker(t *testing.T) tracker {
	t.Helper()
	t.Setenv("TRACKER_TOKEN", trackerSecret)
	return trackerFor(t, t.TempDir())
}

// trackerFor is newTracker for a home; whoever asks gives the token.
func trackerFor(t *testing.T, home string) tracker {
	t.Helper()
	fake := forgetest.NewFake(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var bugs []map[string]any
		for id := range strings.SplitSeq(r.URL.Query().Get("id"), ",") {
			bugs = append(bugs, map[string]any{"id": json.Number(id), "summary": "Bug number " + id, "status": "RESOLVED", "resolution": "FIXED", "is_open": false, "creator": "ann@example.org"})
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(map[string]any{"bugs": bugs}); err != nil {
			t.Error(err)
		}
	}))
	fake.Private("X-Bugzilla-Api-Key", trackerSecret)
	tr := tracker{fake, gittest.New(t, "commit one \"Mend it\" body\ngit remote add origin https://git.example.org/acme/engine.git\n-- body --\nFixes bug 1007\n"), home}
	config := filepath.Join(tr.home, ".config", "ca-bhfuil")
	write(t, filepath.Join(config, "global.yaml"), fmt.Sprintf("trackers:\n  - {type: bugzilla, url: %q, remotes: [git.example.org], auth_key: tracker}\n", fake.URL))
	write(t, filepath.Join(config, "auth.yaml"), "auth_methods:\n  tracker: {type: token, token_env: TRACKER_TOKEN}\n")
	return tr
}

// thousand opens a document that names 1,000 bugs.
func (tr tracker) thousand(t *testing.T, c *client.Client) {
	t.Helper()
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "bug %d\n", i+1001)
	}
	if err := c.Notify(t.Context(), "textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": tr.document(), "languageId": "plaintext", "version": 1, "text": text.String()}}); err != nil {
		t.Fatal(err)
	}
}

// bugs are those that were asked about.
func (tr tracker) bugs(t *testing.T) map[string]bool {
	t.Helper()
	bugs := map[string]bool{}
	for _, asked := range tr.Asked() {
		_, address, _ := strings.Cut(asked, " ")
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		for id := range strings.SplitSeq(u.Query().Get("id"), ",") {
			bugs[id] = true
		}
	}
	delete(bugs, "")
	return bugs
}

func (tr tracker) document() string { return tr.repo.URL() + "/notes.txt" }

// hover is the hover over a line of the document.
func (tr tracker) hover(t *testing.T, c *client.Client, line int) string {
	t.Helper()
	var hover struct {
		Contents struct {
			Value string `json:"value"`
		} `json:"contents"`
	}
	if err := c.Call(t.Context(), "textDocument/hover", map[string]any{"textDocument": map[string]string{"uri": tr.document()}, "position": map[string]int{"line": line, "character": 4}}, &hover); err != nil {
		t.Fatal(err)
	}
	return hover.Contents.Value
}

// TestThousandKeys goes through the whole program: what a tracker says of the 1,000
// bugs of a document costs few requests, none when it is opened again or by the next
// process, is there while the tracker is away, and leaves no secret anywhere.
func TestThousandKeys(t *testing.T) {
	tr := newTracker(t)
	p := program{home: tr.home, dir: tr.repo.Dir}
	t.Run("first process", func(t *testing.T) {
		c := p.server(t)
		tr.thousand(t, c)
		// Who hovers before a bug is asked about ahead has a request of their own.
		eventually(t, "all bugs are asked about", func() bool { return len(tr.bugs(t)) == 1000 })
		for line := 0; line < 1000; line += 20 { // some of each batch
			eventually(t, "a bug is known", func() bool {
				text := tr.hover(t, c, line)
				return strings.Contains(text, fmt.Sprintf("Bug number %d", line+1001)) && strings.Contains(text, "RESOLVED FIXED")
			})
		}
		asked := len(tr.Asked())
		if asked == 0 || asked > 20 {
			t.Errorf("1,000 bugs cost %d requests", asked)
		}
		if err := c.Notify(t.Context(), "textDocument/didClose", map[string]any{"textDocument": map[string]string{"uri": tr.document()}}); err != nil {
			t.Fatal(err)
		}
		tr.thousand(t, c)
		tr.hover(t, c, 700)
		var answers []history.Answer
		if err := c.Execute(t.Context(), "cabhfuil.where", map[string]any{"keys": []string{tr.repo.Hash("one").String()}, "uri": tr.repo.URL(), "wait": true}, &answers); err != nil {
			t.Fatal(err)
		}
		var bug history.ForgeItem
		for _, item := range answers[0].Matches[0].Forge {
			if item.Kind == "bug" {
				bug = item
			}
		}
		if bug.ID != "bug#1007" || bug.Title != "Bug number 1007" || bug.State != "closed" || bug.Status != "RESOLVED FIXED" || bug.Forge != "bugzilla" || bug.Checked.IsZero() || strings.Contains(bug.Author, "@example.org") {
			t.Errorf("where says %+v", bug)
		}
		if n := len(tr.Asked()); n != asked {
			t.Errorf("opening it again cost %d requests", n-asked)
		}
	})
	asked := len(tr.Asked())
	tr.Down(http.StatusServiceUnavailable)
	c := p.server(t)
	tr.thousand(t, c)
	eventually(t, "the next process knows it", func() bool { return strings.Contains(tr.hover(t, c, 499), "Bug number 1500") })
	if n := len(tr.Asked()); n != asked {
		t.Errorf("the next process asked %d times", n-asked)
	}
	if err := c.Notify(t.Context(), "textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": tr.document(), "version": 2}, "contentChanges": []map[string]string{{"text": "bug 5555\n"}}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the list of plugins says that the tracker is away", func() bool {
		tr.hover(t, c, 0)
		var all []cli.Plugin
		if err := c.Execute(t.Context(), "cabhfuil.plugins", map[string]any{}, &all); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		cli.Text{Out: &out}.Plugins(all)
		return strings.Contains(out.String(), strings.TrimPrefix(tr.URL, "http://")+": ") && strings.Contains(out.String(), "503")
	})
	tr.noSecret(t)
}

// TestForgeTroubles goes through the whole program: a card and where say which host
// has which problem, in JSON and in text, with the variable of the token and without
// what is in it.
func TestForgeTroubles(t *testing.T) {
	tr := newTracker(t)
	t.Setenv("TRACKER_TOKEN", "wrong-"+trackerSecret)
	p := program{home: tr.home, dir: tr.repo.Dir}
	c := p.server(t)
	if err := c.Notify(t.Context(), "textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": tr.document(), "languageId": "plaintext", "version": 1, "text": "bug 1007\n"}}); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(tr.URL, "http://")
	eventually(t, "the card tells of the token", func() bool {
		return strings.Contains(tr.hover(t, c, 0), host+" refuses the token of TRACKER_TOKEN; it may be wrong, or have expired.")
	})
	var answers []history.Answer
	eventually(t, "so does where", func() bool {
		if err := c.Execute(t.Context(), "cabhfuil.where", map[string]any{"keys": []string{tr.repo.Hash("one").String()}, "uri": tr.repo.URL(), "wait": true}, &answers); err != nil {
			t.Fatal(err)
		}
		return len(answers[0].Matches[0].ForgeProblems) > 0
	})
	m := answers[0].Matches[0]
	got := m.ForgeProblems[0]
	got.Retry = time.Time{}
	if want := (history.ForgeProblem{Forge: "bugzilla", Host: host, Problem: "refused", Token: "TRACKER_TOKEN"}); got != want || !slices.Contains(m.Limits, history.LimitForgeOffline) {
		t.Errorf("%+v, %v", m.ForgeProblems, m.Limits)
	}
	var out bytes.Buffer
	cli.Text{Out: &out, Width: 100}.Answers(answers)
	if want := "  " + host + " refuses the token of TRACKER_TOKEN; it may be wrong, or have expired.\n"; !strings.Contains(out.String(), want) || strings.Contains(out.String(), trackerSecret) {
		t.Errorf("the text is\n%s", out.String())
	}
	tr.noSecret(t)
}

// TestHoverOutside goes through the whole program: in a file that lies in no repository,
// a CVE id has its page, and a forge's address has what the forge says, where the forge
// is one that may be asked.
func TestHoverOutside(t *testing.T) {
	fake := forgetest.NewFake(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/repos/acme/engine/issues/7" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"number": 7, "title": "The pump leaks", "state": "open", "html_url": "http://` + r.Host + `/acme/engine/issues/7", "user": {"login": "ann"}, "updated_at": "2026-01-02T03:04:05Z"}`)) //nolint:errcheck // the test sees it
	}))
	p := program{home: t.TempDir(), dir: t.TempDir()}
	write(t, filepath.Join(p.home, ".config", "ca-bhfuil", "global.yaml"), fmt.Sprintf("forges:\n  - {type: gitea, host: %q, url: %q}\n", strings.TrimPrefix(fake.URL, "http://"), fake.URL))
	c := p.server(t)
	uri := "file://" + p.dir + "/mail.txt"
	text := "CVE-2024-1234\n" + fake.URL + "/acme/engine/issues/7\nhttp://127.0.0.2:1/acme/engine/issues/7\n"
	if err := c.Notify(t.Context(), "textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "plaintext", "version": 1, "text": text}}); err != nil {
		t.Fatal(err)
	}
	hover := func(line int) string {
		var hover struct {
			Contents struct {
				Value string `json:"value"`
			} `json:"contents"`
		}
		if err := c.Call(t.Context(), "textDocument/hover", map[string]any{"textDocument": map[string]string{"uri": uri}, "position": map[string]int{"line": line, "character": 4}}, &hover); err != nil {
			t.Fatal(err)
		}
		return hover.Contents.Value
	}
	eventually(t, "the forge has answered", func() bool { return strings.Contains(hover(1), "The pump leaks") })
	if got := hover(1); !strings.Contains(got, "Issue acme/engine#7") {
		t.Errorf("the issue is %q", got)
	}
	if got := hover(0); !strings.Contains(got, "https://nvd.nist.gov/vuln/detail/CVE-2024-1234") {
		t.Errorf("the id is %q", got)
	}
	if got := hover(2); got != "" {
		t.Errorf("somebody's address: %q", got)
	}
}

// noSecret looks for the token in all files below the home, and in how each process
// was started.
func (tr tracker) noSecret(t *testing.T) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(tr.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(trackerSecret)) {
			t.Errorf("the token is in %s", path)
		}
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("%d files, %v", files, err)
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range lines {
		if b, err := os.ReadFile(file); err == nil && bytes.Contains(b, []byte(trackerSecret)) {
			t.Errorf("the token is in %s: %q", file, b)
		}
	}
}

// TestItemOf holds what keys are to a forge.
func TestItemOf(t *testing.T) {
	for text, want := range map[string]plugins.Item{
		"#12":               {Kind: plugins.Issue, ID: "12"},
		"GH-12":             {Kind: plugins.Issue, ID: "12"},
		"!12":               {Kind: plugins.Pull, ID: "12"},
		"acme/engine#12":    {Kind: plugins.Issue, ID: "12", Project: "acme/engine"},
		"acme/GH-engine#12": {Kind: plugins.Issue, ID: "12", Project: "acme/GH-engine"},
		"a/b/c!12":          {Kind: plugins.Pull, ID: "12", Project: "a/b/c"},
		"PROJ-12":           {Kind: plugins.Bug, ID: "PROJ-12"},
		"LP: #12":           {Kind: plugins.Bug, ID: "lp#12"},
	} {
		keys := keysOf(text)
		if len(keys) != 1 {
			t.Fatalf("%q has the keys %+v", text, keys)
		}
		if got, ok := itemOf(keys[0]); !ok || got != want {
			t.Errorf("%q is %+v, %v", text, got, ok)
		}
	}
}

// TestAsked holds by which remotes forges are asked: by few, and by each project
// once, whatever way leads to it.
func TestAsked(t *testing.T) {
	remotes := []string{"git@github.com:acme/engine.git", "/srv/git/engine", "https://github.com/Acme/engine", "ssh://git@github.com/acme/other.git"}
	if got, want := asked(remotes, maxRemotes), []string{"", remotes[0], remotes[3]}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	for n := range 100 {
		remotes = append(remotes, fmt.Sprintf("https://github.com/someone%d/engine", n))
	}
	if got := asked(remotes, maxRemotes); len(got) > 10 || got[1] != remotes[0] {
		t.Errorf("asked by %d: %q", len(got), got[:3])
	}
}

// TestHoverForms goes through the whole program: each form of a key shows what its
// forge or tracker says of it, and an id of a vulnerability its page.
func TestHoverForms(t *testing.T) {
	fake := forgetest.NewFake(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var said any
		path := r.URL.EscapedPath()
		project, kind := filepath.Split(strings.TrimPrefix(path, "/api/v4/projects/"))
		switch {
		case strings.HasPrefix(path, "/api/v4/projects/") && (kind == "issues" || kind == "merge_requests"):
			all := []map[string]any{}
			for _, n := range r.URL.Query()["iids[]"] {
				all = append(all, map[string]any{"iid": json.Number(n), "title": fmt.Sprintf("%s %s of %s", kind, n, project), "web_url": "https://git.example.org/x/" + n, "state": "opened", "target_branch": "main"})
			}
			said = all
		case path == "/jira/rest/api/2/search":
			said = map[string]any{"issues": []map[string]any{{"key": "PROJ-12", "fields": map[string]any{"summary": "A task", "status": map[string]any{"name": "Testing"}}}}}
		default:
			w.WriteHeader(http.StatusNotFound)
			said = map[string]string{"message": "404 Not Found"}
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(said); err != nil {
			t.Error(err)
		}
	}))
	repo := gittest.New(t, "commit one \"Mend it\"\ngit remote add origin https://git.example.org/acme/engine.git\n")
	tr := tracker{fake, repo, t.TempDir()}
	write(t, filepath.Join(tr.home, ".config", "ca-bhfuil", "global.yaml"), fmt.Sprintf("forges:\n  - {type: gitlab, host: git.example.org, url: %q}\ntrackers:\n  - {type: jira, url: %q, projects: [PROJ]}\n", fake.URL, fake.URL+"/jira"))
	c := program{home: tr.home, dir: tr.repo.Dir}.server(t)
	text := "see #12\nsee !12\nsee other/hull#12\nsee other/hull!12\nsee PROJ-12\nsee CVE-2024-32002\n"
	if err := c.Notify(t.Context(), "textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": tr.document(), "languageId": "plaintext", "version": 1, "text": text}}); err != nil {
		t.Fatal(err)
	}
	for line, want := range []string{"issues 12 of acme%2Fengine", "merge_requests 12 of acme%2Fengine", "issues 12 of other%2Fhull", "merge_requests 12 of other%2Fhull", "A task", "https://nvd.nist.gov/vuln/detail/CVE-2024-32002"} {
		eventually(t, "the hover in line "+fmt.Sprint(line)+" says "+want, func() bool {
			return strings.Contains(tr.hover(t, c, line), want)
		})
	}
}
