package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// TestClones follows repositories that the configuration names by address: they
// are cloned while the program runs, answer under their names, and follow their
// remotes when asked; one that fails keeps no other from it.
func TestClones(t *testing.T) {
	t.Parallel()
	list := gittest.New(t, `
commit base "Base"
branch stable/1
commit fix "Fix the parser" a=1
`)
	base := list.Hash("base").String()
	h := watchedHouse(t)
	entry := func(name, url string) string {
		return fmt.Sprintf("  - name: %s\n    source: {url: %q, type: generic}\n", name, url)
	}
	h.configure(t, "repos.yaml", "repos:\n"+entry("list", list.URL())+entry("gone", list.URL()+"-gone"))
	h.becomes(t, "the clone answers", func() string { return h.lines(base) }, "list main=contains stable/1=contains")
	states := func() string {
		var list cli.Repositories
		if err := h.Execute(h.ctx, "cabhfuil.repositories", map[string]any{}, &list); err != nil {
			return err.Error()
		}
		var all []string
		for _, r := range list.Repositories {
			all = append(all, r.Name+" "+r.State)
			if r.State == "error" && !strings.Contains(r.Error, list.Repositories[0].URL[:7]) {
				return "the error says no address: " + r.Error
			}
		}
		return strings.Join(all, ", ")
	}
	h.becomes(t, "all states", states, "list ready, gone error")

	list.Do(`
checkout stable/1
cherry-pick copy -x fix
`)
	fix := list.Hash("fix").String()
	var synced cli.Synced
	if err := h.Execute(h.ctx, "cabhfuil.sync", map[string]any{"repositories": []string{"list"}}, &synced); err != nil {
		t.Fatal(err)
	}
	if len(synced.Results) != 1 || synced.Results[0].Error != "" {
		t.Fatalf("fetching again: %+v", synced)
	}
	if got := h.lines(fix); got != "list main=contains stable/1=backported:cherry-pick-trailer+subject-and-author-date" {
		t.Errorf("after the fetch: %s", got)
	}
	if err := h.Execute(h.ctx, "cabhfuil.sync", map[string]any{}, &synced); err != nil {
		t.Fatal(err)
	}
	for _, r := range synced.Results {
		if (r.Error != "") != (r.Repository == "gone") {
			t.Errorf("%s: %q", r.Repository, r.Error)
		}
	}
	if err := h.Execute(h.ctx, "cabhfuil.sync", map[string]any{"repositories": []string{"lisp"}}, &synced); err == nil || !strings.Contains(err.Error(), "lisp") {
		t.Errorf("a name that nobody configured: %v", err)
	}
	h.configure(t, "repos.yaml", "repos: []\n")
	h.becomes(t, "nothing is configured", func() string { return h.names() + states() }, "")
}

// TestClonesSelect holds that branches which the configuration leaves out answer
// no more after the next fetch.
func TestClonesSelect(t *testing.T) {
	t.Parallel()
	list := gittest.New(t, `
commit base "Base"
branch stable/1
branch stable/2
branch release/1
`)
	base := list.Hash("base").String()
	h := watchedHouse(t)
	entry := func(branches string) string {
		return fmt.Sprintf("repos:\n  - name: list\n    source: {url: %q}\n    branches: %s\n", list.URL(), branches)
	}
	for _, step := range []struct{ branches, want string }{
		{`{patterns: ["stable/*", main]}`, "list main=contains stable/2=contains stable/1=contains"},
		{`{exclude_patterns: ["!stable/*"]}`, "list main=contains release/1=contains"},
		{`{patterns: ["stable/*", main], exclude_patterns: ["*/2"]}`, "list main=contains stable/1=contains"},
		{`{max_branches: 1}`, "list main=contains"},
		{"{}\n    sync: {strategy: fetch_recent, recent_days: 30}", "list main=contains"},
		{`{}`, "list main=contains stable/2=contains release/1=contains stable/1=contains"},
	} {
		h.configure(t, "repos.yaml", entry(step.branches))
		h.becomes(t, step.branches, func() string {
			var synced cli.Synced // the configuration is read when its change was seen
			if err := h.Execute(h.ctx, "cabhfuil.sync", map[string]any{"repositories": []string{"list"}}, &synced); err != nil {
				return err.Error()
			}
			return h.lines(base)
		}, step.want)
	}
}
