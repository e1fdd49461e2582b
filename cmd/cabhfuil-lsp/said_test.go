package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
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
	t.Setenv("TRACKER_TOKEN", trackerSecret)
	tr := tracker{fake, gittest.New(t, "commit one \"Mend it\" body\ngit remote add origin https://git.example.org/acme/engine.git\n-- body --\nFixes bug 1007\n"), t.TempDir()}
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
		for _, line := range []int{0, 499, 999} {
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
	tr.noSecret(t)
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
