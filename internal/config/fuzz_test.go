package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
)

// FuzzEdit holds that an edit of any file either fails and changes nothing, or does
// what it should and leaves the lines of the others alone.
func FuzzEdit(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range seeds {
		a, err := txtar.ParseFile(seed)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range a.Files {
			if part.Name == "before" || part.Name == "repos.yaml" {
				f.Add(part.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		home := t.TempDir()
		dirs := config.Dirs{Config: home, State: home}
		path := filepath.Join(home, "repos.yaml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		before, _ := config.Load(dirs)
		r := config.NewRepository()
		r.Name, r.Path = "added", "/src/added"
		added := config.Add(t.Context(), dirs, r)
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		now, _ := config.Load(dirs)
		if added != nil && string(after) != string(text) {
			t.Errorf("it failed and wrote: %v\n%q\n%q", added, text, after)
		}
		if added == nil && len(now.Repositories) != len(before.Repositories)+1 {
			t.Errorf("%d repositories, then %d\n%q\n%q", len(before.Repositories), len(now.Repositories), text, after)
		}
		if added != nil {
			return
		}
		// An edit may be refused, as where another entry has an alias of what it
		// would remove; then it changes nothing.
		names := []string{"added"}
		for _, b := range before.Repositories {
			names = append(names, b.Name)
		}
		for _, name := range names {
			was, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			removed := config.Remove(t.Context(), dirs, name)
			is, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if removed != nil && string(was) != string(is) {
				t.Errorf("%q does not go, and the file changed: %v\n%q\n%q", name, removed, was, is)
			}
		}
	})
}

// FuzzLoad holds that no file ends the program, and that each fault is one line
// at a place within its file.
func FuzzLoad(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range append(seeds, "testdata/whole.txtar") {
		a, err := txtar.ParseFile(seed)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range a.Files {
			f.Add(part.Data)
		}
	}
	for _, text := range []string{"a: &a [*a, *a]\nrepos: *a\n", "repos: &r\n  - <<: *r\n", "<<: [*x]", "? [a]\n: b\n", "\ufeffrepos: []\r\n", "repos: !!binary x", "---\n...\n---\n", "a: |\n  b\n\x00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dirs := config.Dirs{Config: t.TempDir()}
		for _, base := range []string{"repos.yaml", "global.yaml", "auth.yaml"} {
			if err := os.WriteFile(filepath.Join(dirs.Config, base), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		lines := strings.Split(string(text), "\n")
		began := time.Now()
		_, files := config.Load(dirs)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		for _, fault := range config.Faults(files) {
			if told := fault.Error(); strings.ContainsAny(told, "\n\r") {
				t.Errorf("more than one line: %q", told)
			}
			if fault.Line == 0 {
				continue
			}
			if fault.Line > len(lines) || fault.Column < 1 || fault.Column > utf8.RuneCountInString(lines[fault.Line-1])+1 {
				t.Errorf("%v is not within %q", fault, text)
			}
		}
	})
}
