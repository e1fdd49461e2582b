package lookup_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
)

// family is a fix with a copy of a copy, a revert, a follow-up, and a stranger.
const family = `
commit base "net: open the socket" a.txt=1
branch stable/1.0
commit fix "net: close the \"socket\" in time" body b.txt=1
commit follow "net: close it once" follow c.txt=1
checkout stable/1.0
commit own "stable: pin the linter" d.txt=1
cherry-pick -x copy fix
checkout -b stable/0.9 stable/1.0~2
cherry-pick -x copy2 copy
checkout main
revert undo fix
commit last "docs: words of the deadlock in sockets" e.txt=1
-- body --
It was left open.

Fixes: ${base:12} ("net: open the socket")
Change-Id: I0123456789abcdef0123456789abcdef01234567
-- follow --
Fixes: ${fix:12} ("net: close the "socket" in time")
`

// named is a document of a name in a repository's work tree, with ${label} and
// ${label:N} replaced.
func named(r *gittest.Repo, name, language, text string) lookup.Document {
	path := filepath.Join(r.Dir, name)
	for _, label := range []string{"base", "fix", "follow", "own", "copy", "copy2", "undo", "last"} {
		h := r.Hash(label).String()
		text = strings.ReplaceAll(text, "${"+label+"}", h)
		for _, n := range []int{7, 8, 11, 12} {
			text = strings.ReplaceAll(text, fmt.Sprintf("${%s:%d}", label, n), h[:n])
		}
	}
	return lookup.Document{URI: "file://" + path, Path: path, Language: language, Text: text}
}

// marked takes the cursor, |, out of a document.
func marked(t *testing.T, doc lookup.Document) (lookup.Document, int) {
	t.Helper()
	before, after, ok := strings.Cut(doc.Text, "|")
	if !ok {
		t.Fatalf("no | in %q", doc.Text)
	}
	doc.Text = before + after
	return doc, len(before)
}

func TestRelatives(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, family)
	l, ctx := house(t, r)
	labels := func(targets []lookup.Target, err error) string {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		var names []string
		for _, x := range targets {
			names = append(names, r.Labels(x.SHA)...)
		}
		return strings.Join(names, " ")
	}
	for text, want := range map[string][3]string{ // definition, references, and with the declaration
		"see |${fix:12}":   {"fix", "copy copy2 undo follow base", "fix copy copy2 undo follow base"},
		"see ${copy2:12}|": {"fix", "fix copy undo follow base", "copy2 fix copy undo follow base"},
		"|${copy}":         {"fix", "fix copy2 undo follow base", "copy fix copy2 undo follow base"},
		"|${last:12}":      {"last", "", "last"},
		"|${follow:12}":    {"follow", "fix", "follow fix"},
		"I0123456789abcdef0123456789abcdef0123456|7": {"", "copy2 copy fix undo follow base", "copy2 copy fix undo follow base"},
		"wo|rd":                       {},
		"CVE-2024-|12345":             {},
		"0123456789abcdef0123456789|": {},
	} {
		doc, at := marked(t, named(r, "notes.md", "markdown", text))
		got := [3]string{labels(l.Definition(ctx, doc, at)), labels(l.References(ctx, doc, at, false)), labels(l.References(ctx, doc, at, true))}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// TestCompletions types where the cursor is, and takes the first offer.
func TestCompletions(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, family)
	l, ctx := house(t, r)
	check := func(name, language, text, want string) {
		t.Helper()
		doc, at := marked(t, named(r, name, language, text))
		got, err := l.Completions(ctx, doc, at)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if want == "" {
			if len(got) > 0 {
				t.Errorf("%s offers %+v", text, got[0])
			}
			return
		}
		want = named(r, name, language, want).Text
		if len(got) == 0 {
			t.Errorf("%s offers nothing, want %s", text, want)
			return
		}
		c := got[0]
		if c.Start > at || c.End < at {
			t.Fatalf("%s: %v does not hold %d", text, c.Span, at)
		}
		if now := doc.Text[:c.Start] + c.Text + doc.Text[c.End:]; now != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", text, now, want)
		}
		if typed := doc.Text[c.Start:at]; !strings.HasPrefix(c.Filter, typed) {
			t.Errorf("%s: the filter %q does not begin with what was typed", text, c.Filter)
		}
	}
	const message, patch = "COMMIT_EDITMSG", "0001.patch"
	// Words of the subject and first digits, in the form that the dialect wants.
	check(message, "git-commit", "Subject\n\nFixes: open|\n", "Subject\n\nFixes: ${base:12} (\"net: open the socket\")\n")
	check(message, "git-commit", "Fixes: deadl|", "Fixes: ${last:12} (\"docs: words of the deadlock in sockets\")")
	check(message, "git-commit", "Fixes: ${base:8}|", "Fixes: ${base:12} (\"net: open the socket\")")
	check(message, "git-commit", "fixes:  OPEN THE|", "fixes:  ${base:12} (\"net: open the socket\")")
	check(message, "git-commit", "Fixes:open|", "Fixes: ${base:12} (\"net: open the socket\")")
	check(message, "git-commit", "Fixes: |", "Fixes: ${last:12} (\"docs: words of the deadlock in sockets\")")
	check(message, "git-commit", "Fixes:|", "Fixes: ${last:12} (\"docs: words of the deadlock in sockets\")")
	check(message, "git-commit", "Fixes: ${base:8}| (\"old subject\")\n", "Fixes: ${base:12} (\"net: open the socket\")\n")
	check(message, "git-commit", "Fixes: (\"open|\")", "Fixes: ${base:12} (\"net: open the socket\")")
	check(message, "git-commit", "Stable-dep-of: open|", "Stable-dep-of: ${base:12} (\"net: open the socket\")")
	check(message, "git-commit", "(cherry picked from commit open|", "(cherry picked from commit ${base})")
	check(message, "git-commit", "(cherry picked from commit open|)", "(cherry picked from commit ${base})")
	check(message, "git-commit", "(backported from commit once|", "(backported from commit ${follow})")
	check(message, "git-commit", "s\n\ncommit open| upstream.", "s\n\ncommit ${base} upstream.")
	check(message, "git-commit", "s\n\n[ Upstream commit open|", "s\n\n[ Upstream commit ${base} ]")
	check(message, "git-commit", "This reverts commit open|.", "This reverts commit ${base}.")
	check(patch, "", "Git-commit: open|", "Git-commit: ${base}")
	check(patch, "", "> Backport-of: open|", "> Backport-of: ${base}")
	check("CHANGELOG", "plaintext", "  * Fixes: open|", "  * Fixes: ${base:12} (\"net: open the socket\")")
	check("a.go", "go", "\t// Fixes: open|", "\t// Fixes: ${base:12} (\"net: open the socket\")")
	// Nothing elsewhere.
	check(message, "git-commit", "open the|", "")
	check(message, "git-commit", "# Fixes: open|", "")
	check(message, "git-commit", "s\n# ------------------------ >8 ------------------------\nFixes: open|", "")
	check(message, "git-commit", "text\ncommit open|", "")
	check("notes.md", "markdown", "\ncommit open|", "")
	check("a.go", "go", "Fixes: open|", "")
	check("git-rebase-todo", "git-rebase", "Fixes: open|", "")
	check(message, "git-commit", "Fixes: nothingofthiskind|", "")

	doc, at := marked(t, named(r, message, "git-commit", "Fixes: open|"))
	got, err := l.Completions(ctx, doc, at)
	if err != nil || len(got) == 0 {
		t.Fatal(got, err)
	}
	base := r.Hash("base")
	want := lookup.Completion{
		Span: lookup.Span{Start: 7, End: 11}, Label: base.Short() + " net: open the socket", Detail: "✓ main, stable/1.0, stable/0.9", Text: base.Short() + ` ("net: open the socket")`,
		Filter: "open net: open the socket " + base.String(), Data: lookup.CompletionData{Repository: "demo", SHA: base.String()},
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("item (-want +got):\n%s", diff)
	}
	card, err := l.Card(ctx, got[0].Data)
	if err != nil || card == nil || !strings.Contains(card.Markdown, "net\\: open the socket") {
		t.Errorf("card: %+v %v", card, err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := l.Completions(ended, doc, at); err == nil {
		t.Error("an ended question is answered")
	}
}

// TestCompletionOrder: HEAD's commits come first, and for copies those of the
// upstream line.
func TestCompletionOrder(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, strings.Replace(family, "-- body --", "checkout stable/1.0\n-- body --", 1))
	l, ctx := house(t, r)
	for text, want := range map[string]string{
		"Fixes: close time|":                           "copy undo copy2 fix",
		"(cherry picked from commit close time|":       "undo fix copy2 copy",
		"Fixes: |":                                     "copy own base",
		"Git-commit: |":                                "last undo follow fix base",
		"Fixes: " + r.Hash("copy2").String()[:4] + "|": "copy2",
	} {
		doc, at := marked(t, named(r, "COMMIT_EDITMSG", "", text))
		got, err := l.Completions(ctx, doc, at)
		if err != nil {
			t.Error(err)
		}
		var order []string
		for _, c := range got {
			order = append(order, r.Labels(history.MustHash(c.Data.SHA))...)
		}
		if got := strings.Join(order, " "); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// findings are diagnostics in a few words: code, what is marked, first fix.
func findings(doc lookup.Document, all []lookup.Diagnostic) []string {
	var lines []string
	for _, d := range all {
		line := d.Code + " " + doc.Text[d.Start:d.End]
		for _, f := range d.Fixes {
			line += " -> " + f.Text
		}
		lines = append(lines, line)
	}
	return lines
}

func TestDiagnostics(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, family)
	l, ctx := house(t, r)
	const absent = "0123456789abcdef0123456789abcdef01234567"
	check := func(name, text string, want ...string) {
		t.Helper()
		doc := named(r, name, "", text)
		got, err := l.Diagnostics(ctx, doc)
		if err != nil {
			t.Error(err)
		}
		for i := range want {
			want[i] = named(r, name, "", want[i]).Text
		}
		if diff := cmp.Diff(want, findings(doc, got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	const message, todo, patch = "COMMIT_EDITMSG", "git-rebase-todo", "0001-x.patch"
	// What is right says nothing.
	check(message, "s\n\nFixes: ${base:12} (\"net: open the socket\")\nFixes: ${base:12} (\"net:  open the\tsocket\")\nFixes: ${base:12}\n")
	check(message, "s\n\n(cherry picked from commit ${fix})\n")
	check(message, "s\n\n(cherry picked from commit ${fix})\n(cherry picked from commit ${copy})\n")
	check(message, "s\n\nThis reverts commit ${fix}.\n\nFixes: #12\nFixes: 1234567\n")
	// What is wrong.
	check(message, "s\n\nFixes: 0123456789ab (\"net: open the sockets\")\n", "fixes-unknown 0123456789ab")
	check(message, "s\n\nFixes: 0123456789ab (\"net: open the socket\")\n", "fixes-unknown 0123456789ab -> ${base:12}")
	check(message, "s\n\nFixes: ${base:12} (\"net: open a socket\")\n", "fixes-subject net: open a socket -> net: open the socket")
	check(message, "s\n\nFixes: ${base:12} (partly)\n")
	check(message, "s\n\nFixes: ${base:8} (\"net: open the socket\")\n", "sha-short ${base:8} -> ${base:12}")
	check(message, "s\n\nStable-dep-of: ${base:11} (\"x\")\n", "sha-short ${base:11} -> ${base:12}", "fixes-subject x -> net: open the socket")
	check(message, "s\n\n(cherry picked from commit "+absent+")\n", "cherry-pick-absent "+absent)
	check(message, "s\n\n(cherry picked from commit ${copy})\n", "cherry-pick-not-upstream ${copy} -> ${fix}")
	check(message, "s\n\n(cherry picked from commit ${own})\n", "cherry-pick-not-upstream ${own}")
	check(message, "s\n\nThis reverts commit "+absent+".\n", "revert-unknown "+absent)
	// Comments, and what lies below the scissors, do not count.
	check(message, "s\n\n# Fixes: 0123456789ab\nFixes: 0123456789ac\n# ------------------------ >8 ------------------------\nFixes: 0123456789ad\n", "fixes-unknown 0123456789ac")
	check(message, "s\n\n; Fixes: 0123456789ab\n; ------------------------ >8 ------------------------\nFixes: 0123456789ad\n")
	check(message, "s\n\n(cherry picked from commit ${fix})\n# between\n(cherry picked from commit ${copy})\n")
	// Patches: each message of a series, and no diff.
	check(patch, "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\nSubject: x\n\nFixes: 0123456789ab\n---\nFixes: 0123456789ac\n\ndiff --git a/x b/x\n+Fixes: 0123456789ad\n"+
		"From 1123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\nSubject: y\n\nFixes: 0123456789ae\n", "fixes-unknown 0123456789ab", "fixes-unknown 0123456789ae")
	check("mail.eml", "Subject: x\n\n> Fixes: 0123456789ab\nFixes: 0123456789ac\n", "fixes-unknown 0123456789ac")
	// Rebase todos.
	check(todo, "pick ${fix:7} net: close\nf -C 0123456 x\npick stable/1.0\nexec echo 0123456\n# pick 0123457 x\nmerge -C 0123458 topic\nlabel 0123459\n", "pick-unknown 0123456", "pick-unknown 0123458")
	// Other documents are not judged.
	check("notes.md", "Fixes: 0123456789ab\n")
	check("a.c", "/*\n * Fixes: 0123456789ab\n */\n")
}

func TestDiagnosticsAmbiguous(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "commit one start\n")
	a, b := twins(r.Git("rev-parse", "HEAD^{tree}"))
	r.Do("object a commit a\nobject b commit b\nbranch a a\nbranch b b\n-- a --\n" + a + "-- b --\n" + b)
	l, ctx := house(t, r)
	subject := strings.TrimSpace(r.Git("log", "-1", "--format=%s", r.Hash("b").String()))
	doc := in(r, "s\n\nFixes: "+r.Hash("a").String()[:7]+" (\""+subject+"\")\n")
	doc.Language = "git-commit"
	doc.Path = filepath.Join(r.Dir, "COMMIT_EDITMSG")
	all, err := l.Diagnostics(ctx, doc)
	want := []string{"sha-ambiguous " + r.Hash("a").String()[:7] + " -> " + r.Hash("b").Short() + " -> " + r.Hash("a").Short()}
	if diff := cmp.Diff(want, findings(doc, all)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestDiagnosticsShallow: what a truncated history lacks may be elsewhere.
func TestDiagnosticsShallow(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, family).Clone("--depth=1")
	l, ctx := house(t, r)
	doc := named(r, "COMMIT_EDITMSG", "", "s\n\nFixes: 0123456789ab\nThis reverts commit 0123456789ab.\n(cherry picked from commit ${copy})\n")
	if all, err := l.Diagnostics(ctx, doc); len(all) > 0 || err != nil {
		t.Errorf("%v %v, want nothing", findings(doc, all), err)
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, family)
	l, ctx := house(t, r)
	check := func(text string, want ...string) {
		t.Helper()
		doc := named(r, "notes.md", "markdown", text)
		within := lookup.Span{Start: strings.Index(doc.Text, "[") + 1, End: len(doc.Text)}
		if i := strings.Index(doc.Text, "]"); i >= 0 {
			within.End = i
		}
		hints, err := l.Hints(ctx, doc, within)
		if err != nil {
			t.Error(err)
		}
		var got []string
		for _, h := range hints {
			got = append(got, fmt.Sprintf("%s %s", doc.Text[h.Offset-7:h.Offset], h.Label))
		}
		for i := range want {
			want[i] = named(r, "", "", want[i]).Text
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	check("${base:7} and ${last:7}\nnone 0123456789ab", "${base:7} net: open the socket", "${last:7} docs: words of the deadlock in sockets")
	check("${base:7}\n[${last:7}\n]${fix:7}", "${last:7} docs: words of the deadlock in sockets")
	check("${base:7} net: open the socket")
	check(strings.Repeat("${base:7}\n", 300), slicesOf("${base:7} net: open the socket", 200)...)
}

func slicesOf(s string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = s
	}
	return all
}

// TestCompletionsWithoutWords: while no words are indexed, first digits are all
// that is offered.
func TestCompletionsWithoutWords(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, family)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	store := t.TempDir()
	registry := repos.New(repos.Options{IndexDir: filepath.Join(store, "index"), ViewDir: filepath.Join(store, "view")})
	t.Cleanup(func() {
		if err := registry.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := registry.Declare([]repos.Configured{{Name: "demo", Path: r.Dir}}, repos.Settings{}); err != nil {
		t.Fatal(err)
	}
	registry.OpenDeclared(ctx)
	if err := registry.All()[0].Index.WaitGraph(ctx); err != nil {
		t.Fatal(err)
	}
	l := lookup.New(known{registry}, nil)
	t.Cleanup(l.Close)
	for text, want := range map[string]int{"Fixes: |": 0, "Fixes: open|": 0, "Fixes: ${base:8}|": 1, "Fixes: ${base:7} (|": 1} {
		doc, at := marked(t, named(r, "COMMIT_EDITMSG", "", text))
		if got, err := l.Completions(ctx, doc, at); len(got) != want || err != nil {
			t.Errorf("%s: %v %v, want %d", text, got, err, want)
		}
	}
}

// TestWritingHostile: what a subject says comes clean into labels, messages and
// inserted text.
func TestWritingHostile(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, family)
	tree := r.Git("rev-parse", "HEAD^{tree}")
	who := "A <a@example.com> 1577836800 +0000"
	r.Do("object bad commit raw\nbranch bad bad\n-- raw --\ntree " + tree + "\nauthor " + who + "\ncommitter " + who + "\n\nquagmire " + hostile + "\x00\x9b\u2028\n")
	l, ctx := house(t, r)
	doc, at := marked(t, named(r, "COMMIT_EDITMSG", "", "s\n\nFixes: "+r.Hash("bad").String()[:12]+" (\"x\")\nFixes: quagm|"))
	var texts []string
	items, err := l.Completions(ctx, doc, at)
	for _, c := range items {
		texts = append(texts, c.Label, c.Detail, c.Text, c.Filter)
	}
	all, err2 := l.Diagnostics(ctx, doc)
	for _, d := range all {
		texts = append(texts, d.Message)
		for _, f := range d.Fixes {
			texts = append(texts, f.Title, f.Text)
		}
	}
	hints, err3 := l.Hints(ctx, doc, lookup.Span{End: len(doc.Text)})
	for _, h := range hints {
		texts = append(texts, h.Label)
	}
	if err := errors.Join(err, err2, err3); err != nil || len(items) != 1 || len(all) != 1 || len(hints) != 1 {
		t.Fatalf("%v: %v, %v, %v", err, items, all, hints)
	}
	for _, text := range texts {
		if strings.ContainsFunc(text, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }) || !utf8.ValidString(text) {
			t.Errorf("control characters pass: %q", text)
		}
	}
}
