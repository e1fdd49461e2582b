package outline_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

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
