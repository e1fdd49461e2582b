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
