package lookup_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
)

// TestPrefetch holds that what was read ahead is asked for no more: the objects
// can go, and the card with its relatives stays. Others were not read.
func TestPrefetch(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, `
commit base "Add a list"
commit fix "Fix the list" a=1
branch stable/1
commit later "Fix the fix" later a=2
commit other "Sort the list"
-- later --
Fixes: ${fix:12} ("Fix the list")
`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	store := t.TempDir()
	lookups := func() (*lookup.Lookup, func()) {
		registry := repos.New(repos.Options{IndexDir: filepath.Join(store, "index"), ViewDir: filepath.Join(store, "view")})
		if err := registry.Declare([]repos.Configured{{Name: "demo", Path: r.Dir}}, repos.Settings{}); err != nil {
			t.Fatal(err)
		}
		registry.OpenDeclared(ctx)
		if err := registry.All()[0].Index.WaitLineage(ctx); err != nil {
			t.Fatal(err)
		}
		l := lookup.New(known{registry}, nil)
		return l, func() {
			l.Close()
			if err := registry.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	_, done := lookups() // indexing reads all of them
	done()
	l, done := lookups()
	defer done()
	doc := in(r, "see "+r.Hash("fix").String()+"\n")
	if err := l.Prefetch(ctx, doc); err != nil {
		t.Fatal(err)
	}
	for _, label := range []string{"fix", "later", "other"} {
		sha := r.Hash(label).String()
		if err := os.Remove(filepath.Join(r.GitDir(), "objects", sha[:2], sha[2:])); err != nil {
			t.Fatal(err)
		}
	}
	card := func(h history.Hash) string {
		t.Helper()
		hover, err := l.Hover(ctx, in(r, "see "+h.String()+"\n"), 6)
		if err != nil || hover == nil {
			t.Fatalf("no card: %v", err)
		}
		return hover.Markdown
	}
	if got := card(r.Hash("fix")); !strings.Contains(got, "Fix the list") || !strings.Contains(got, "Fix the fix") {
		t.Errorf("the card of what was read ahead:\n%s", got)
	}
	if got := card(r.Hash("other")); strings.Contains(got, "Sort the list") {
		t.Errorf("the card of what was not:\n%s", got)
	}
}
