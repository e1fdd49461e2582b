package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// lose takes an object out of a repository, as a disk does.
func lose(t *testing.T, dir, object string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "objects", object[:2], object[2:])); err != nil {
		t.Fatal(err)
	}
}

// TestClonesRepair clones a damaged clone anew while it is open, and goes on
// answering from the new one.
func TestClonesRepair(t *testing.T) {
	t.Parallel()
	list := gittest.New(t, "commit base \"Base\"\ncommit fix \"Fix the parser\"\nbranch stable/1 base\n")
	h := watchedHouse(t)
	h.configure(t, "repos.yaml", fmt.Sprintf("repos:\n  - {name: list, source: {url: %q}, sync: {strategy: manual}}\n", list.URL()))
	h.becomes(t, "it is configured", func() string {
		var synced cli.Synced
		if err := h.Execute(h.ctx, "cabhfuil.sync", map[string]any{"repositories": []string{"list"}}, &synced); err != nil {
			return err.Error()
		}
		return h.lines(list.Hash("fix").String())
	}, "list main=contains stable/1=missing")
	dir, err := h.app.clones.Dir("list")
	if err != nil {
		t.Fatal(err)
	}
	repair := func(argument map[string]any) string {
		var all cli.Repairs
		if err := h.Execute(h.ctx, "cabhfuil.repair", argument, &all); err != nil {
			return err.Error()
		}
		var said []string
		for _, r := range all.Results {
			said = append(said, fmt.Sprintf("%s: %d problems, %s, beyond %t %s", r.Repository, len(r.Problems), strings.Join(r.Done, "+"), r.Beyond, r.Error))
		}
		return strings.Join(said, "; ")
	}
	if got := repair(map[string]any{}); got != "list: 0 problems, rebuilt the index, beyond false " {
		t.Errorf("a good clone: %s", got)
	}
	base := list.Hash("base").String()
	list.Do("checkout stable/1\ncherry-pick copy -x fix") // which the new clone brings
	lose(t, dir, base)
	if got := repair(map[string]any{"repositories": []string{"list"}}); !strings.HasSuffix(got, " problems, , beyond true ") {
		t.Errorf("a damaged clone: %s", got)
	}
	if got := repair(map[string]any{"repositories": []string{"list"}, "anew": true}); !strings.HasSuffix(got, "cloned anew+rebuilt the index, beyond false ") {
		t.Errorf("cloning anew: %s", got)
	}
	if got := h.lines(list.Hash("fix").String()); got != "list main=contains stable/1=backported:cherry-pick-trailer+subject-and-author-date" {
		t.Errorf("afterwards: %s", got)
	}
	if got := repair(map[string]any{"repositories": []string{"lisp"}}); !strings.Contains(got, `"lisp"`) {
		t.Errorf("an unknown name: %s", got)
	}
}

// TestClonesRepairVerb asks before it clones anew, and says what a dry run would
// do.
func TestClonesRepairVerb(t *testing.T) {
	t.Parallel()
	list := gittest.New(t, "commit base \"Base\"\n")
	p := configured(t, fmt.Sprintf("repos:\n  - {name: list, source: {url: %q}}\n", list.URL()))
	run := p.exits(t)
	run(0, "repo", "sync")
	clones, err := filepath.Glob(filepath.Join(p.home, ".cache", "ca-bhfuil", "clones", "*.git"))
	if err != nil || len(clones) != 1 {
		t.Fatal(clones, err)
	}
	base := list.Hash("base").String()
	if said, _ := run(0, "repo", "repair", "list"); !strings.Contains(said, "nothing is wrong\n  rebuilt the index\n") {
		t.Errorf("a good clone: %s", said)
	}
	lose(t, clones[0], base)
	if said, _ := run(0, "repo", "repair", "--dry-run"); !strings.Contains(said, base) || !strings.Contains(said, "would clone it anew") {
		t.Errorf("a dry run: %s", said)
	}
	if _, said := run(2, "repo", "repair"); !strings.Contains(said, "list is damaged: ") || !strings.Contains(said, "Clone list anew? There is no terminal") {
		t.Errorf("without a terminal: %s", said)
	}
	said, _ := run(0, "repo", "repair", "--yes", "--format", "json")
	var all cli.Repairs
	if err := json.Unmarshal([]byte(said), &all); err != nil || len(all.Results) != 1 || strings.Join(all.Results[0].Done, ", ") != "cloned anew, rebuilt the index" {
		t.Errorf("as JSON: %s %v", said, err)
	}
	if said, _ := run(0, "where", base); !strings.Contains(said, "Base") {
		t.Errorf("afterwards: %s", said)
	}
}

// configured is a program with this repos.yaml.
func configured(t *testing.T, repos string) program {
	t.Helper()
	home := t.TempDir()
	config := filepath.Join(home, ".config", "ca-bhfuil")
	if err := os.MkdirAll(config, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "repos.yaml"), []byte(repos), 0o600); err != nil {
		t.Fatal(err)
	}
	return program{home: home, dir: home}
}

// exits runs verbs, each of which is to exit with a code.
func (p program) exits(t *testing.T) func(want int, args ...string) (stdout, stderr string) {
	return func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, code, err := p.run("", args...)
		if err != nil || code != want {
			t.Fatalf("%v exits %d: %v\n%s%s", args, code, err, stdout, stderr)
		}
		return stdout, stderr
	}
}

// TestClonesRemoveVerb deletes a clone with its index, and nothing of a repository
// in place.
func TestClonesRemoveVerb(t *testing.T) {
	t.Parallel()
	list, here := gittest.New(t, "commit base \"Base\"\n"), gittest.New(t, "commit one \"One\"\n")
	p := configured(t, fmt.Sprintf("repos:\n  - {name: list, source: {url: %q}}\n  - {name: here, path: %q}\n", list.URL(), here.Dir))
	run := p.exits(t)
	run(0, "repo", "sync")
	run(0, "where", list.Hash("base").String(), here.Hash("one").String())
	found := func(pattern string) int {
		all, err := filepath.Glob(filepath.Join(p.home, ".cache", "ca-bhfuil", filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if clones, indexes := found("clones/*.git"), found("index/*"); clones != 1 || indexes != 2 {
		t.Fatalf("at first: %d clones, %d indexes", clones, indexes)
	}
	if said, _ := run(0, "repo", "remove", "list", "--dry-run"); !strings.Contains(said, "would take list out of repos.yaml and delete ") || !strings.Contains(said, " and its index") {
		t.Errorf("a dry run: %s", said)
	}
	run(0, "repo", "remove", "list", "--yes")
	if clones, indexes := found("clones/*.git"), found("index/*"); clones != 0 || indexes != 1 {
		t.Errorf("the clone is removed: %d clones, %d indexes", clones, indexes)
	}
	run(0, "repo", "remove", "here", "--yes")
	if _, err := os.Stat(here.GitDir()); err != nil || found("index/*") != 1 {
		t.Errorf("the one in place is removed: %v, %d indexes", err, found("index/*"))
	}
}
