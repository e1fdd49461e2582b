package lookup_test

import (
	"context"
	"crypto/sha1" //nolint:gosec // git's object names
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(gittest.Isolate(m), goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"),
		goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock")) // ends by itself, some time after the last match
}

// repository and known show a registry to lookup, as the program does.
type repository struct {
	r *repos.Repository
	*gitrepo.Repository
	*index.Index
}

func (x repository) Name() string      { return x.r.Name }
func (x repository) Remotes() []string { return x.r.Remotes() }
func (x repository) Head() string      { return "HEAD" }

func (x repository) Resolve(ctx context.Context, rev string) (history.Hash, error) {
	return x.Repository.Resolve(ctx, "", rev)
}

// limits are small enough for tests to reach them.
var limits = gitrepo.PatchLimits{File: 600, Total: 2000}

func (x repository) Patch(ctx context.Context, c *history.Commit) (*history.Patch, error) {
	return x.Repository.Patch(ctx, c, limits)
}

type known struct{ *repos.Registry }

func (k known) All() []lookup.Repository {
	var all []lookup.Repository
	for _, r := range k.Registry.All() {
		all = append(all, repository{r, r.Git, r.Index})
	}
	return all
}

func (k known) For(path string) (lookup.Repository, bool) {
	r, ok := k.Known(path)
	if !ok {
		return nil, false
	}
	return repository{r, r.Git, r.Index}, true
}

// house is a Lookup over real repositories whose indexes are up to date. Their
// names are demo, demo2, demo3.
func house(t *testing.T, all ...*gittest.Repo) (*lookup.Lookup, context.Context) {
	t.Helper()
	repos, ctx := registry(t, all...)
	l := lookup.New(repos, nil)
	t.Cleanup(l.Close)
	return l, ctx
}

// registry is what house looks into.
func registry(t *testing.T, all ...*gittest.Repo) (lookup.Repositories, context.Context) {
	t.Helper()
	var configured []repos.Configured
	for i, r := range all {
		configured = append(configured, repos.Configured{Name: []string{"demo", "demo2", "demo3"}[i], Path: r.Dir})
	}
	return declared(t, configured, true)
}

// declared is a registry of repositories whose indexes are up to date, with or
// without the words of messages.
func declared(t *testing.T, configured []repos.Configured, words bool) (lookup.Repositories, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	store := t.TempDir()
	registry := repos.New(repos.Options{IndexDir: filepath.Join(store, "index"), ViewDir: filepath.Join(store, "view")})
	t.Cleanup(func() {
		if err := registry.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := registry.Declare(configured, repos.Settings{Words: words}); err != nil {
		t.Fatal(err)
	}
	registry.OpenDeclared(ctx)
	for _, r := range registry.All() {
		wait := r.Index.WaitLineage
		if words {
			wait = r.Index.WaitWords
		}
		if err := wait(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(registry.All()); n != len(configured) {
		t.Fatalf("%d of %d repositories are open: %v", n, len(configured), registry.Failures())
	}
	return known{registry}, ctx
}

// in is a text in the work tree of a repository.
func in(r *gittest.Repo, text string) lookup.Document {
	path := filepath.Join(r.Dir, "notes.txt")
	return lookup.Document{URI: "file://" + path, Path: path, Text: text}
}

const plainHistory = `
commit one "Add a list"
tag -a v1.0.0
branch stable/1.0
commit two 'net: fix "x" (y) OR -z' body
tag -a v2.0.0
-- body --
The list was empty.

Change-Id: I0123456789abcdef0123456789abcdef01234567
`

// escaped, spans: what of a Markdown is not live, as CommonMark has it.
var (
	escaped = regexp.MustCompile("\\\\[!-/:-@\\[-`{-~]")
	spans   = regexp.MustCompile("`[^`]*`")
)

func live(markdown string) string {
	return spans.ReplaceAllString(escaped.ReplaceAllString(markdown, ""), "")
}

const hostile = "[x](command:y) <img src=http://e.example/p> ![p](http://e.example/p) `tick` " +
	"**b** \x1b]8;;http://e.example\x07 \u202Eback http://e.example www.e.example a@e.example &lt;"

// TestHoverHostile holds that nothing a commit says is mark-up, a link or a
// control character in its card.
func TestHoverHostile(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "commit one start\n")
	tree := r.Git("rev-parse", "HEAD^{tree}")
	r.Do("object bad commit raw\nbranch bad bad\n-- raw --\ntree " + tree +
		"\nauthor " + strings.ReplaceAll(strings.ReplaceAll(hostile, "<", ""), ">", "") + " <a@example.com> 1577836800 +0000" +
		"\ncommitter C <c@example.com> 1577836800 +0000\n\n" + hostile + "\n")
	l, ctx := house(t, r)
	h, err := l.Hover(ctx, in(r, r.Hash("bad").String()), 3)
	if err != nil || h == nil {
		t.Fatal(h, err)
	}
	if strings.Count(h.Plain, "command:y") != 2 {
		t.Errorf("the card is to show subject and author as they are:\n%s", h.Plain)
	}
	for _, bad := range []string{"](", "<img", "![", "`", "http:", "www.", "@", "&lt"} {
		if strings.Contains(live(h.Markdown), bad) {
			t.Errorf("%q is live in\n%s", bad, h.Markdown)
		}
	}
	for _, text := range []string{h.Markdown, h.Plain} {
		if strings.ContainsAny(text, "\x1b\x07\u202E") {
			t.Errorf("control characters pass: %q", text)
		}
	}
}

func TestHover(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, plainHistory)
	l, ctx := house(t, r)
	one := r.Hash("one").String()
	h, err := l.Hover(ctx, in(r, "see "+one[:12]+" and deadbeef12 there"), 6)
	if err != nil || h == nil {
		t.Fatal(h, err)
	}
	want := "**Add a list**  \n`" + one[:12] + "` A U Thor, 1 Jan 2020 · demo\n\n" +
		"✓ **main** since `v1.0.0` · **stable/1.0** since `v1.0.0`  \n\n" +
		"In 2 tags"
	if diff := cmp.Diff(want, h.Markdown); diff != "" {
		t.Errorf("card (-want +got):\n%s", diff)
	}
	if want := (lookup.Span{Start: 4, End: 16}); h.Span != want {
		t.Errorf("span %v, want %v", h.Span, want)
	}
	for _, offset := range []int{1, 24} { // a word, and hex that is no commit
		if h, err := l.Hover(ctx, in(r, "see "+one[:12]+" and deadbeef12 there"), offset); h != nil || err != nil {
			t.Errorf("at %d: %v %v, want nothing", offset, h, err)
		}
	}
}

// twins are two commit objects whose names share their first seven digits.
func twins(tree string) (a, b string) {
	seen := map[string]string{}
	for n := 0; ; n++ {
		raw := fmt.Sprintf("tree %s\nauthor A <a@b> 1577836800 +0000\ncommitter A <a@b> 1577836800 +0000\n\ntwin %d\n", tree, n)
		name := fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "commit %d\x00%s", len(raw), raw)))[:7] //nolint:gosec // git's
		if other, ok := seen[name]; ok {
			return other, raw
		}
		seen[name] = raw
	}
}

func TestAmbiguous(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "commit one start\n")
	a, b := twins(r.Git("rev-parse", "HEAD^{tree}"))
	r.Do("object a commit a\nobject b commit b\nbranch a a\nbranch b b\n-- a --\n" + a + "-- b --\n" + b)
	l, ctx := house(t, r)
	short := r.Hash("a").String()[:7]
	text := "commit " + short
	h, err := l.Hover(ctx, in(r, text), 8)
	if err != nil || h == nil {
		t.Fatal(h, err)
	}
	for _, want := range []string{"**`" + short + "` is ambiguous**", r.Hash("a").Short(), r.Hash("b").Short()} {
		if !strings.Contains(h.Markdown, want) {
			t.Errorf("%q is missing in\n%s", want, h.Markdown)
		}
	}
	if lenses, err := l.Lenses(ctx, in(r, text)); len(lenses) > 0 || err != nil {
		t.Errorf("lenses of an ambiguous name: %v %v", lenses, err)
	}
	if targets, err := l.Definition(ctx, in(r, text), 8); len(targets) != 2 || err != nil {
		t.Errorf("definitions: %v %v, want both", targets, err)
	}
	if _, err := l.CommitDocument(ctx, lookup.Scope{}, short); err == nil || !strings.Contains(err.Error(), "ambiguous") {
		t.Errorf("document: %v, want ambiguous", err)
	}
}

func TestLenses(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, plainHistory)
	l, ctx := house(t, r)
	one, two := r.Hash("one"), r.Hash("two")
	doc := in(r, "- "+one.Short()+"\nnothing\n- "+two.Short()+" and "+one.Short()+"\ncommit 0123456789ab\n")
	lenses, err := l.Lenses(ctx, doc)
	if err != nil {
		t.Fatal(err)
	}
	data := func(keys ...history.Hash) lookup.LensData {
		return lookup.LensData{URI: doc.URI, Path: doc.Path, Keys: keys}
	}
	titles := []string{"✓ main, stable/1.0", two.String()[:7] + " ✓ main   ✗ stable/1.0  ·  " + one.String()[:7] + " ✓ main, stable/1.0"}
	want := []lookup.Lens{{Span: lookup.Span{Start: 2, End: 14}, Data: data(one), Title: titles[0]}, {Span: lookup.Span{Start: 25, End: 37}, Data: data(two, one), Title: titles[1]}}
	if diff := cmp.Diff(want, lenses, gittest.EquateHashes()); diff != "" {
		t.Fatalf("lenses (-want +got):\n%s", diff)
	}
	for i, lens := range lenses {
		title, _, err := l.ResolveLens(ctx, doc, lens.Data)
		if err != nil || title != titles[i] {
			t.Errorf("title %q %v, want %q", title, err, titles[i])
		}
	}
	targets, err := l.Definition(ctx, doc, 30)
	if diff := cmp.Diff([]lookup.Target{{Origin: lookup.Span{Start: 25, End: 37}, Repository: "demo", SHA: two}}, targets, gittest.EquateHashes()); diff != "" || err != nil {
		t.Errorf("definition (-want +got): %v\n%s", err, diff)
	}
	if targets, err := l.Definition(ctx, doc, 17); len(targets) > 0 || err != nil {
		t.Errorf("definition of a word: %v %v", targets, err)
	}
}

func TestSymbols(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, plainHistory)
	l, ctx := house(t, r)
	want := r.Hash("two").Short() + ` net: fix "x" (y) OR -z`
	for _, text := range []string{`net: fix "x" (y) OR -z`, `fix "x`, "net: fix"} {
		symbols, err := l.Symbols(ctx, text, 10)
		if err != nil || len(symbols) == 0 || !strings.HasPrefix(symbols[0].Name, want) || symbols[0].Container != "demo" {
			t.Errorf("%s: %+v %v, want %s first", text, symbols, err, want)
		}
	}
	if symbols, err := l.Symbols(ctx, " ", 10); len(symbols) > 0 || err != nil {
		t.Errorf("no text: %v %v", symbols, err)
	}
}
