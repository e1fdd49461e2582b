package lookup_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

const engine = `
commit one "Start the engine" engine.py=@start .gitignore=*.log
branch stable/1
commit two "Stop the engine" engine.py=@stop
commit three "Drain the valves" engine.py=@drain
-- start --
import valves

def start():
    valves.open()
-- stop --
import valves

def start():
    valves.open()

def stop():
    valves.close()
-- drain --
import valves

def start():
    valves.open()

def stop():
    valves.close(drain=True)
`

const drained = "import valves\n\ndef start():\n    valves.open()\n\ndef stop():\n    valves.close(drain=True)\n"

// file is a source file's text in an editor.
func file(r *gittest.Repo, name, text string) lookup.Document {
	path := filepath.Join(r.Dir, name)
	return lookup.Document{URI: "file://" + path, Path: path, Text: text}
}

// lensesOf waits for n lenses: declarations may come after the first reply.
func lensesOf(ctx context.Context, t *testing.T, l *lookup.Lookup, doc lookup.Document, n int) []lookup.Lens {
	t.Helper()
	ready := make(chan struct{}, 100)
	l.Ready = func() { ready <- struct{}{} }
	for {
		lenses, err := l.Lenses(ctx, doc)
		if err != nil {
			t.Fatal(err)
		}
		if len(lenses) >= n {
			return lenses
		}
		select {
		case <-ready:
		case <-ctx.Done():
			t.Fatalf("%d lenses, want %d", len(lenses), n)
		}
	}
}

// resolved are the lenses as "line: title commit".
func resolved(ctx context.Context, t *testing.T, r *gittest.Repo, l *lookup.Lookup, doc lookup.Document, n int) []string {
	t.Helper()
	lenses := lensesOf(ctx, t, l, doc, n)
	texts := []string{}
	for _, lens := range lenses {
		if lens.Data.Lines == nil {
			continue
		}
		title, data, err := l.ResolveLens(ctx, doc, lens.Data)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%d: %s", strings.Count(doc.Text[:lens.Start], "\n")+1, age.ReplaceAllString(title, "long ago"))
		for _, label := range r.Labels(data.Keys...) {
			text += " " + label
		}
		texts = append(texts, text)
	}
	return texts
}

func TestSourceLenses(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, engine)
	l, ctx := house(t, r)
	for _, check := range []struct {
		name, text string
		want       []string
	}{
		{"engine.py", drained, []string{
			"1: A U Thor, long ago · ✓ main three",
			"3: A U Thor, long ago · ✓ main ✓ stable/1 one",
			"6: A U Thor, long ago · ✓ main three",
		}},
		{"engine.py", strings.Replace(drained, "    valves.open()", "    valves.open(slowly=True)", 1), []string{
			"1: edited · A U Thor, long ago · ✓ main three",
			"3: edited · A U Thor, long ago · ✓ main ✓ stable/1 one",
			"6: A U Thor, long ago · ✓ main three",
		}},
		{"engine.py", "def new():\n    pass\n\n" + drained[len("import valves\n\n"):], []string{
			"1: edited · A U Thor, long ago · ✓ main three",
			"1: not committed yet",
			"4: A U Thor, long ago · ✓ main ✓ stable/1 one",
			"7: A U Thor, long ago · ✓ main three",
		}},
		{"engine.py", "", []string{}},
		{"notes.txt", drained, []string{}},
		{"engine.log", drained, []string{}},
	} {
		if diff := cmp.Diff(check.want, resolved(ctx, t, r, l, file(r, check.name, check.text), len(check.want))); diff != "" {
			t.Errorf("%s\n%s\nlenses (-want +got):\n%s", check.name, check.text, diff)
		}
	}
}

// age is how the lenses call the age of the test's commits.
var age = regexp.MustCompile(`\d+ years ago`)

// TestUntracked holds that a file which no commit has loses its lenses once that
// is known, and gets them when it is committed.
func TestUntracked(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, engine)
	l, ctx := house(t, r)
	doc := file(r, "new.py", drained)
	lenses := lensesOf(ctx, t, l, doc, 3)
	refreshed := make(chan struct{}, 100)
	l.Ready = func() { refreshed <- struct{}{} }
	if title, _, err := l.ResolveLens(ctx, doc, lenses[0].Data); err != nil || title != "not committed yet" {
		t.Errorf("at first: %q %v", title, err)
	}
	select {
	case <-refreshed:
	case <-ctx.Done():
		t.Fatal("no refresh")
	}
	if got := resolved(ctx, t, r, l, doc, 0); len(got) > 0 {
		t.Errorf("a file that no commit has: %q", got)
	}
}

// counting counts blames.
type counting struct {
	lookup.Repository
	blames, heads *atomic.Int32
}

func (c counting) Blame(ctx context.Context, path, text string) (*history.Blame, error) {
	c.blames.Add(1)
	return c.Repository.Blame(ctx, path, text)
}

func (c counting) HeadOf(ctx context.Context, path string) (history.Hash, error) {
	c.heads.Add(1)
	return c.Repository.HeadOf(ctx, path)
}

// countingAll counts in all repositories.
type countingAll struct {
	lookup.Repositories
	blames, heads atomic.Int32
}

func (c *countingAll) For(path string) (lookup.Repository, bool) {
	r, ok := c.Repositories.For(path)
	return counting{r, &c.blames, &c.heads}, ok
}

// TestOneBlame holds that lenses cost no blame until one is resolved, and then
// one for all.
func TestOneBlame(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, engine)
	repos, ctx := registry(t, r)
	c := &countingAll{Repositories: repos}
	l := lookup.New(c, nil)
	t.Cleanup(l.Close)
	doc := file(r, "engine.py", drained)
	lenses := lensesOf(ctx, t, l, doc, 3)
	if n := c.blames.Load() + c.heads.Load(); n != 0 {
		t.Fatalf("the lenses cost %d processes", n)
	}
	done := make(chan error)
	for _, lens := range lenses {
		go func() {
			_, _, err := l.ResolveLens(ctx, doc, lens.Data)
			done <- err
		}()
	}
	for range lenses {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := c.blames.Load(); n != 1 {
		t.Errorf("%d blames for one text", n)
	}
}

func TestBlameHover(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, engine)
	l, ctx := house(t, r)
	doc := file(r, "engine.py", drained+"new\n")
	at := strings.Index(drained, "drain=")
	if _, _, err := l.ResolveLens(ctx, doc, lensOf(ctx, t, l, doc)); err != nil { // so that the blame is known
		t.Fatal(err)
	}
	h, err := l.BlameHover(ctx, doc, at)
	if err != nil || h == nil || !strings.Contains(h.Markdown, "**Drain the valves**") {
		t.Fatalf("hover: %+v %v", h, err)
	}
	if got := doc.Text[h.Start:h.End]; got != "    valves.close(drain=True)" {
		t.Errorf("span: %q", got)
	}
	if h, err := l.BlameHover(ctx, doc, len(doc.Text)-1); h != nil || err != nil {
		t.Errorf("a line that is not committed: %+v %v", h, err)
	}
}

// TestDeclared holds that lenses stand where a client knows declarations, in files of
// any language, and that what is not in the text has none.
func TestDeclared(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, engine)
	l, ctx := house(t, r)
	doc := file(r, ".gitignore", "*.log\n")
	doc.Declared = []lookup.Range{{First: 0, Last: 0}, {First: -1, Last: 0}, {First: 0, Last: 1}, {First: 1, Last: 0}}
	want := []string{"1: A U Thor, long ago · ✓ main ✓ stable/1 one", "1: A U Thor, long ago · ✓ main ✓ stable/1 one"}
	if diff := cmp.Diff(want, resolved(ctx, t, r, l, doc, 2)); diff != "" {
		t.Error(diff)
	}
	doc = file(r, "engine.py", drained)
	doc.Declared = []lookup.Range{}
	if diff := cmp.Diff([]string{"1: A U Thor, long ago · ✓ main three"}, resolved(ctx, t, r, l, doc, 1)); diff != "" {
		t.Errorf("a client that knows of none: %s", diff)
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, engine)
	l, ctx := house(t, r)
	doc := file(r, "engine.py", drained+"new\n")
	for _, check := range []struct {
		first, last int
		want        string
	}{
		{0, 6, "three"},
		{2, 3, "one"},
		{5, 5, "two"},
		{6, 7, "three edited"},
		{7, 7, "none"},
		{3, 2, "none"},
		{-1, 2, "none"},
	} {
		change, err := l.Newest(ctx, doc, lookup.Range{First: check.first, Last: check.last})
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		if change != nil {
			got = r.Labels(change.SHA)[0]
			if change.Edited {
				got += " edited"
			}
		}
		if got != check.want {
			t.Errorf("lines %d to %d: %s, want %s", check.first, check.last, got, check.want)
		}
	}
}

func lensOf(ctx context.Context, t *testing.T, l *lookup.Lookup, doc lookup.Document) lookup.LensData {
	t.Helper()
	return lensesOf(ctx, t, l, doc, 1)[0].Data
}

// TestCancelledBlame holds that who stops asking gets an answer at once, and
// that nothing of it outlives the Lookup.
func TestCancelledBlame(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, engine)
	l, ctx := house(t, r)
	doc := file(r, "engine.py", drained)
	data := lensOf(ctx, t, l, doc)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := l.ResolveLens(cancelled, doc, data); err == nil {
		t.Error("a cancelled resolve has an answer that it did not wait for")
	}
	if title, _, err := l.ResolveLens(ctx, doc, data); err != nil || !strings.Contains(title, "main") {
		t.Errorf("and then: %q %v", title, err)
	}
	doc.Text += "changed"
	if title, _, err := l.ResolveLens(ctx, doc, data); err != nil || title != "…" {
		t.Errorf("of a text that changed meanwhile: %q %v", title, err)
	}
}
