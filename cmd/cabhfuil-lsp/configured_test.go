package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// TestReload holds that a change of the configuration takes effect in a program
// that runs, and that a file that is wrong keeps the last good state.
func TestReload(t *testing.T) {
	t.Parallel()
	list := gittest.New(t, `
commit base "Base"
branch stable/1
branch old/1
commit fix "Fix the parser" a=1
checkout stable/1
commit copy "parser: do not read past the end" message a=2
checkout main
-- message --
Ported-From: ${fix}
`)
	other := gittest.New(t, "commit one \"Another one\"\n")
	fix := list.Hash("fix").String()
	h := watchedHouse(t)
	repos := func(entries ...string) string { return "repos:\n" + strings.Join(entries, "") }
	entry := func(name, dir, more string) string {
		return fmt.Sprintf("  - name: %s\n    path: %s\n%s", name, dir, more)
	}

	h.configure(t, "repos.yaml", repos(entry("list", list.Dir, "")))
	h.becomes(t, "the repository appears", func() string { return h.lines(fix) }, "list main=contains stable/1=missing")

	h.configure(t, "repos.yaml", repos(entry("list", list.Dir, "    branches: {release_lines: [old/*]}\n"), entry("other", other.Dir, "")))
	h.becomes(t, "other lines", func() string { return h.lines(fix) }, "list main=contains old/1=missing")
	h.becomes(t, "a second repository", h.names, "list, other")

	h.configure(t, "repos.yaml", repos(entry("list", list.Dir, ""), entry("renamed", other.Dir, "")))
	h.becomes(t, "another name", h.names, "list, renamed")
	h.becomes(t, "the lines again", func() string { return h.lines(fix) }, "list main=contains stable/1=missing")

	h.configure(t, "global.yaml", "dialects:\n  - {name: acme-port, pattern: '^Ported-From: {sha}$'}\n")
	h.becomes(t, "a dialect", func() string { return h.lines(fix) }, "list main=contains stable/1=backported:user-dialect")

	h.configure(t, "global.yaml", "dialects:\n  - {name: acme-port, pattern: '^Ported-From: (?P<sha>['}\n")
	h.becomes(t, "a bad dialect is told", h.problems, "global.yaml:2:32")
	h.configure(t, "repos.yaml", repos(entry("list", list.Dir, ""))+" - bad\n")
	h.becomes(t, "a syntax error is told", h.problems, "repos.yaml:4:2 global.yaml:2:32")
	if got := h.lines(fix) + "; " + h.names(); got != "list main=contains stable/1=backported:user-dialect; list, renamed" {
		t.Errorf("the last good state is lost: %s", got)
	}
	if n := h.log.naming("global.yaml:2:32"); n != 1 {
		t.Errorf("the fault is logged %d times", n)
	}

	h.configure(t, "repos.yaml", repos(entry("list", list.Dir, "")))
	h.configure(t, "global.yaml", "features: {code_lens: off, diagnostics: off}\n")
	h.becomes(t, "nothing is wrong", h.problems, "")
	h.becomes(t, "it is gone", h.names, "list")
	h.becomes(t, "without the dialect", func() string { return h.lines(fix) }, "list main=contains stable/1=missing")
	if title, err := h.lens(list.Dir, fix); title != "" || err != nil {
		t.Errorf("lenses are off: %q %v", title, err)
	}

	// What somebody works in stays, whatever is configured.
	if _, err := h.app.registry.Visit().ForPath(h.ctx, list.Dir); err != nil {
		t.Fatal(err)
	}
	h.configure(t, "repos.yaml", "repos: []\n")
	h.configure(t, "global.yaml", "")
	h.becomes(t, "lenses are on again", func() string { title, _ := h.lens(list.Dir, fix); return title }, "✓ main   ✗ stable/1")
	if got := h.names(); got != "list" {
		t.Errorf("open repositories: %s", got)
	}
}

// watchedHouse is a house that follows its configuration.
func watchedHouse(t *testing.T) *house {
	t.Helper()
	return openHouse(t, func(opt *appOptions) { opt.watch = true })
}

// configure writes a file of the configuration as editors do, by a rename.
func (h *house) configure(t *testing.T, base, text string) {
	t.Helper()
	configure(t, h.app.dirs.Config, base, text)
}

func configure(t *testing.T, dir, base, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, base+".new"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, base+".new"), filepath.Join(dir, base)); err != nil {
		t.Fatal(err)
	}
}

// becomes waits until what is looked at is as it should be.
func (h *house) becomes(t *testing.T, what string, look func() string, want string) {
	t.Helper()
	var got string
	defer func() {
		if got != want {
			t.Logf("got %q, want %q", got, want)
		}
	}()
	eventually(t, what, func() bool {
		got = look()
		return got == want
	})
}

// lines tells how a commit stands, over all repositories.
func (h *house) lines(sha string) string {
	var answers []history.Answer
	if err := h.Execute(h.ctx, "cabhfuil.where", map[string]any{"keys": []string{sha}}, &answers); err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, m := range answers[0].Matches {
		b.WriteString(m.Repository)
		for _, l := range m.Branches {
			fmt.Fprintf(&b, " %s=%s", l.Name, l.Status)
			if l.Status == history.Backported {
				b.WriteString(":" + strings.Join(l.Evidence, "+"))
			}
		}
	}
	return b.String()
}

// names are those of the repositories that are open.
func (h *house) names() string {
	var names []string
	for _, r := range h.app.registry.All() {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}

// problems are where the configuration is wrong, as status tells it.
func (h *house) problems() string {
	status, err := h.status(h.app.dirs.Config)
	if err != nil {
		return err.Error()
	}
	var at []string
	for _, p := range status.Problems {
		p = strings.TrimPrefix(p, h.app.dirs.Config+string(filepath.Separator))
		at = append(at, strings.SplitN(p, ": ", 2)[0])
	}
	return strings.Join(at, " ")
}
