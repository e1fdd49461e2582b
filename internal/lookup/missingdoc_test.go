package lookup_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

func TestMissingDocument(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, `
commit base "Add the engine"
branch stable/1
commit fix "Fix the engine" fix-body
commit paint "Paint the engine"
commit cool "Cool the engine"
commit warm "Warm the engine"
revert unwarm warm
checkout stable/1
cherry-pick cool1 -x cool
checkout main
-- fix-body --
Fixes: ${base:12} ("Add the engine")
`)
	l, ctx := house(t, r)
	uri := lookup.MissingURI(lookup.Missing{Scope: lookup.Scope{Repository: "demo"}, From: "stable/1"})
	m, ok := lookup.ParseMissingURI(uri)
	if !ok || lookup.MissingURI(m) != uri {
		t.Fatalf("%s is read as %+v %v", uri, m, ok)
	}
	m.Wait = true
	text, err := l.MissingDocument(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	short := func(label string) string { return r.Hash(label).Short() }
	want := `What stable/1 lacks of main, in demo

Needed: it has what these fix (1)

  ` + short("fix") + `  2020-01-01  Fix the engine
      fixes ` + short("base") + `, which is on stable/1

Other changes (1)

  ` + short("paint") + `  2020-01-01  Paint the engine

Left out (3)

`
	if !strings.HasPrefix(text, want) {
		t.Errorf("document (-want +got):\n%s", cmp.Diff(want, text))
	}
	doc := lookup.Document{URI: uri, Text: text}
	h, err := l.Hover(ctx, doc, strings.Index(text, short("fix"))+3)
	if err != nil || h == nil || !strings.Contains(h.Markdown, "Fix the engine") {
		t.Errorf("hover in the document: %+v %v", h, err)
	}
	for _, uri := range []string{"cabhfuil:/demo/lines.missing", "cabhfuil:/lines.missing?from=x", "file:///demo/lines.missing?from=x", "cabhfuil:/demo/x?from=x", "%"} {
		if m, ok := lookup.ParseMissingURI(uri); ok {
			t.Errorf("%s is read as %+v", uri, m)
		}
	}
}

// TestMissingURIOfVSCode: VS Code decodes an address and encodes it in its own way.
func TestMissingURIOfVSCode(t *testing.T) {
	t.Parallel()
	for _, asked := range []lookup.Missing{
		{From: "stable/1.0", Needed: true},
		{From: "c++-stable", In: "100%", Since: "2025-01-31", Security: true},
	} {
		asked.Repository = "demo"
		address, query, _ := strings.Cut(lookup.MissingURI(asked), "?")
		decoded, err := url.PathUnescape(query)
		if err != nil {
			t.Fatal(err)
		}
		uri := address + "?" + strings.ReplaceAll(url.QueryEscape(decoded), "+", "%20")
		if got, ok := lookup.ParseMissingURI(uri); !ok || got != asked {
			t.Errorf("%s is read as %+v %v, want %+v", uri, got, ok, asked)
		}
	}
}

// TestMissingUnread holds that a commit whose object is gone since it was indexed
// is still listed, in its place.
func TestMissingUnread(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, `
commit base "Add the engine"
branch stable/1
commit first "Paint the engine"
commit fix "Fix the engine" fix-body
commit cool "Cool the engine"
commit last "Warm the engine"
-- fix-body --
Fixes: ${base:12} ("Add the engine")
`)
	l, ctx := house(t, r)
	for _, label := range []string{"first", "fix", "last"} {
		h := r.Hash(label).String()
		if err := os.Remove(filepath.Join(r.GitDir(), "objects", h[:2], h[2:])); err != nil {
			t.Fatal(err)
		}
	}
	result, err := l.Missing(ctx, lookup.Missing{From: "stable/1", Wait: true})
	if err != nil {
		t.Fatal(err)
	}
	base := r.Hash("base").Short()
	var got []string
	for _, c := range result.Changes {
		got = append(got, fmt.Sprintf("%s %q %v %s", r.Labels(c.SHA)[0], c.Subject, c.Needed, c.Reason))
	}
	want := []string{
		`last "" false not on stable/1; its message cannot be read`,
		`cool "Cool the engine" false not on stable/1`,
		`fix "" true fixes ` + base + `, which is on stable/1; its message cannot be read`,
		`first "" false not on stable/1; its message cannot be read`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.Contains(result.Limits, history.LimitPartial) {
		t.Errorf("limits: %v", result.Limits)
	}
	text, err := l.MissingDocument(ctx, lookup.Missing{From: "stable/1", Wait: true})
	if want := r.Hash("first").Short() + "  2020-01-01  \n      not on stable/1; its message cannot be read\n"; err != nil || !strings.Contains(text, want) {
		t.Errorf("%v: no %q in\n%s", err, want, text)
	}
}
