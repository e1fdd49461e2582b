package lookup_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestCommitDocuments holds each document of testdata/commit. A scenario is a
// script of gittest; "want LABEL" is the document of a commit. A file
// "NAME.repeat" is the script's file NAME: lines `COUNT "TEXT"`, where TEXT is a
// quoted Go string in which %d counts, without further newlines. A comment
// "# clone OPTION…" asks a clone.
func TestCommitDocuments(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/commit/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r := gittest.New(t, script(t, a))
			for line := range strings.Lines(string(a.Comment)) {
				if options, ok := strings.CutPrefix(strings.TrimSpace(line), "# clone "); ok {
					r = r.Clone(strings.Fields(options)...)
				}
			}
			l, ctx := house(t, r)
			for i, f := range a.Files {
				label, ok := strings.CutPrefix(f.Name, "want ")
				if !ok {
					continue
				}
				doc, err := l.CommitDocument(ctx, lookup.Scope{}, r.Hash(label).String())
				if err != nil {
					t.Fatalf("%s: %v", label, err)
				}
				if diff := cmp.Diff(string(f.Data), doc.Text); diff != "" && !*update {
					t.Errorf("%s (-want +got):\n%s", label, diff)
				}
				a.Files[i].Data = []byte(doc.Text)
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// script is a scenario without what is wanted of it.
func script(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	only := &txtar.Archive{Comment: a.Comment}
	for _, f := range a.Files {
		name, repeat := strings.CutSuffix(f.Name, ".repeat")
		switch {
		case repeat:
			only.Files = append(only.Files, txtar.File{Name: name, Data: []byte(repeated(t, string(f.Data)))})
		case !strings.HasPrefix(name, "want "):
			only.Files = append(only.Files, f)
		}
	}
	return string(txtar.Format(only))
}

func repeated(t *testing.T, lines string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(lines) {
		count, quoted, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(count)
		if err != nil {
			t.Fatal(err)
		}
		text, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", quoted, err)
		}
		for i := range n {
			b.WriteString(strings.ReplaceAll(text, "%d", fmt.Sprint(i+1)))
		}
	}
	return b.String()
}

// TestCommitDocumentIsLive holds that what a commit's document names can be
// hovered over and followed in it, under its own address and as a file.
func TestCommitDocumentIsLive(t *testing.T) {
	t.Parallel()
	a, err := txtar.ParseFile("testdata/commit/plain.txtar")
	if err != nil {
		t.Fatal(err)
	}
	r := gittest.New(t, script(t, a))
	other := gittest.New(t, "commit elsewhere \"Elsewhere\"\n")
	l, ctx := house(t, r, other)
	written, err := l.CommitDocument(ctx, lookup.Scope{Repository: "demo"}, r.Hash("two").String())
	if err != nil {
		t.Fatal(err)
	}
	text := written.Text + "Subproject commit " + other.Hash("elsewhere").String() + "\n"
	file := lookup.CommitFile("/cache", "demo", written.SHA)
	for _, doc := range []lookup.Document{{URI: written.URI, Text: text}, {URI: "file://" + file, Path: file, Text: text}} {
		for _, check := range []struct{ at, repository, label string }{
			{"commit ", "demo", "two"},
			{"Parents:    ", "demo", "one"},
			{"Fixes: ", "demo", "one"},
			{"Change-Id: ", "demo", "two"},
			{"Subproject commit ", "demo2", "elsewhere"},
			{"index ", "", ""},
			{"/list.c", "", ""},
		} {
			at := strings.Index(text, check.at) + len(check.at)
			h, err := l.Hover(ctx, doc, at)
			if err != nil {
				t.Fatal(err)
			}
			if check.label == "" {
				if h != nil {
					t.Errorf("%s: behind %q is a hover: %s", doc.URI, check.at, h.Markdown)
				}
				continue
			}
			want := r.Hash
			if check.repository == "demo2" {
				want = other.Hash
			}
			if h == nil || !strings.Contains(h.Markdown, want(check.label).Short()) || !strings.Contains(h.Markdown, "· "+check.repository) {
				t.Errorf("%s: behind %q: %+v, want the card of %s", doc.URI, check.at, h, check.label)
			}
			targets, err := l.Definition(ctx, doc, at)
			if err != nil || check.at != "Change-Id: " && (len(targets) != 1 || targets[0].SHA != want(check.label) || targets[0].Repository != check.repository) {
				t.Errorf("%s: behind %q leads to %+v, %v", doc.URI, check.at, targets, err)
			}
		}
		lenses, err := l.Lenses(ctx, doc)
		var above []string
		for _, lens := range lenses {
			start := strings.LastIndexByte(text[:lens.Start], '\n') + 1
			above = append(above, strings.Fields(text[start:])[0])
		}
		// The landings of the commit and of its copy stand there, and its parent's lead nowhere.
		if want := []string{"fixes", "Fixes:", "Subproject"}; err != nil || !slices.Equal(above, want) {
			t.Errorf("%s: lenses above %q, %v; want %q", doc.URI, above, err, want)
		}
	}
}

// TestCommitDocumentOfCopy: neither a copy's document nor its source's has lenses that
// repeat where they landed. A document that stayed open while that changed has.
func TestCommitDocumentOfCopy(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "commit one \"One\"\nbranch stable/1.0\ncommit fix \"Fix\" a=1\ncheckout stable/1.0\ncherry-pick -x copy fix\n")
	l, ctx := house(t, r)
	for label, other := range map[string]string{"fix": "copy", "copy": "fix"} {
		doc, err := l.CommitDocument(ctx, lookup.Scope{Repository: "demo"}, r.Hash(label).String())
		if err != nil {
			t.Fatal(err)
		}
		lenses, err := l.Lenses(ctx, lookup.Document{URI: doc.URI, Text: doc.Text})
		if err != nil || len(lenses) > 0 || !strings.Contains(doc.Text, " as "+r.Hash(other).Short()) {
			t.Errorf("%s: lenses %+v, %v in\n%s", label, lenses, err, doc.Text)
		}
		old := strings.Replace(doc.Text, " as "+r.Hash(other).Short(), "", 1)
		lenses, err = l.Lenses(ctx, lookup.Document{URI: doc.URI, Text: old})
		if err != nil || len(lenses) == 0 || lenses[0].Start != len("commit ") || lenses[0].Title == "" {
			t.Errorf("%s: lenses of an old text: %+v, %v", label, lenses, err)
		}
	}
}

// addresses is a forge that has a page of everything.
type addresses struct{}

func (addresses) URLs(_ []string, keys []history.Key) []string {
	urls := make([]string, len(keys))
	for i, k := range keys {
		urls[i] = "https://forge.example/" + k.Text
	}
	return urls
}

func (addresses) Said(_ []string, keys []history.Key, _ lookup.Asking) lookup.Said {
	return lookup.Said{Items: make([][]history.ForgeItem, len(keys))}
}

func (addresses) Budget() time.Duration { return 0 }

func (addresses) News() <-chan struct{} { return nil }

func (addresses) Open(context.Context, []string, history.KeyKind, string, int) []history.ForgeItem {
	return nil
}

func TestCommitDocumentLinks(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, plainHistory)
	repos, ctx := registry(t, r)
	l := lookup.New(repos, addresses{})
	t.Cleanup(l.Close)
	doc, err := l.CommitDocument(ctx, lookup.Scope{}, r.Hash("two").String())
	if err != nil {
		t.Fatal(err)
	}
	links, err := l.Links(ctx, lookup.Document{URI: doc.URI, Text: doc.Text})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, link := range links {
		got = append(got, link.URL)
	}
	want := []string{"https://forge.example/" + r.Hash("two").String(), "https://forge.example/" + r.Hash("one").String(), "https://forge.example/I0123456789abcdef0123456789abcdef01234567"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}
