package outline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/cabhfuil/cabhfuil-lsp/internal/outline"
)

var mark = regexp.MustCompile(`<([\w.$]+):(\d+)>`)

func TestLanguages(t *testing.T) {
	a, err := txtar.ParseFile("testdata/languages.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		t.Run(f.Name, func(t *testing.T) {
			text := string(f.Data)
			var want, got []string
			for i, line := range strings.Split(text, "\n") {
				if m := mark.FindStringSubmatch(line); m != nil {
					want = append(want, fmt.Sprintf("%s %d-%s", m[1], i+1, m[2]))
				}
			}
			found, err := outline.Of(t.Context(), f.Name, "", text)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found {
				got = append(got, fmt.Sprintf("%s %d-%d", d.Name, d.Start+1, d.End+1))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("declarations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	if found, err := outline.Of(t.Context(), "x.py", "", strings.Repeat("def a(): pass\n", outline.Limit/14+1)); len(found) > 0 || err != nil {
		t.Errorf("a text beyond the limit: %d, %v", len(found), err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := outline.Of(cancelled, "x.py", "", "def a(): pass\n"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if found, err := outline.Of(t.Context(), "", "python", "def a(): pass\n"); len(found) != 1 || err != nil {
		t.Errorf("by language: %v, %v", found, err)
	}
	if !outline.Known("x.c", "") || outline.Known("x.md", "") || outline.Known("x.md", "markdown") || !outline.Known("", "shellscript") {
		t.Error("the wrong files are known")
	}
}

// TestChoice: a file is taken for the language that chroma, with all its lexers,
// takes it for; what is of another language has no declarations.
func TestChoice(t *testing.T) {
	// Known with us alone, and why.
	better := map[string]bool{
		"x.gd": true, // GDScript 3 and 4, which are read alike
	}
	for _, lexer := range lexers.GlobalLexerRegistry.Lexers {
		c := lexer.Config()
		for _, pattern := range slices.Concat(c.Filenames, c.AliasFilenames) {
			if strings.ContainsAny(pattern, "[") {
				continue
			}
			path := strings.ReplaceAll(pattern, "*", "x")
			got := outline.Language(path, "")
			if better[path] || got == "" && !outline.Looks(c.Name) {
				continue
			}
			if want := lexers.Match(path).Config().Name; got != want && (got != "" || outline.Looks(want)) {
				t.Errorf("%s is read as %q, and %s to chroma", path, got, want)
			}
		}
	}
	for _, c := range []struct{ path, language, want string }{
		{"x.m", "", ""}, {"x.m", "objective-c", "Objective-C"}, {"x.m", "matlab", ""}, {"x.pl", "prolog", ""}, {"x.pl", "perl", "Perl"}, {"x.inc", "bitbake", ""},
		{"kernel.cu", "", "C++"}, {"kernel.cuh", "cuda-cpp", "C++"}, {"x.raku", "", "Raku"}, {"", "typescriptreact", "TypeScript"}, {"x", "zsh", "Bash"},
		{"Jenkinsfile.groovy", "jenkinsfile", "Groovy"}, {"", "", ""}, {"x.c", "plaintext", "C"},
	} {
		if got := outline.Language(c.path, c.language); got != c.want {
			t.Errorf("%q in %q is read as %q, want %q", c.path, c.language, got, c.want)
		}
	}
}

// TestCopies: the lexers are those of the chroma that go.mod names. Where they are
// not, go generate ./internal/outline brings them.
func TestCopies(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/alecthomas/chroma/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	copies, err := filepath.Glob("lexers/*.xml")
	if err != nil || len(copies) == 0 {
		t.Fatalf("%d copies, %v", len(copies), err)
	}
	for _, path := range copies {
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "lexers/embedded", filepath.Base(path)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not chroma's: %v", path, err)
		}
	}
}

// FuzzOf finds declarations within the text, whatever it is.
func FuzzOf(f *testing.F) {
	a, err := txtar.ParseFile("testdata/languages.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range a.Files {
		f.Add(file.Name, string(file.Data))
	}
	f.Fuzz(func(t *testing.T, path, text string) {
		found, err := outline.Of(t.Context(), path, "", text)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Count(text, "\n") + 1
		for _, d := range found {
			if d.Start < 0 || d.End < d.Start || d.End >= lines || d.Name == "" {
				t.Fatalf("%+v in %d lines", d, lines)
			}
		}
	})
}
