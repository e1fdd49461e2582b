package forgetest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// World is what a forge's host holds, and what the forge is to say of it.
type World struct {
	// New makes the forge anew, as when its process starts, with the settings that
	// lead to the fake; its cache is in dir. The test's environment holds Secret in
	// the variable TokenName.
	New func(t *testing.T, dir string) plugins.Forge
	// Fake is the host; nil where it is a live one, which is asked gently.
	Fake   *Fake
	Remote string

	Resolve []Said
	Changes []Found
	Open    []Listed
	// Absent are items that the host knows nothing of.
	Absent []plugins.Item
	// Unasked is a remote that the forge makes links for and never asks; "" for none.
	Unasked string

	// Thousand is the i-th of 1,000 items that the host knows, and MaxRequests what
	// asking for all of them at once may cost; nil where the host has no batches.
	Thousand    func(i int) plugins.Item
	MaxRequests int

	// TokenName is the variable that the settings name, Secret its value, and Header
	// and Value what the host wants to see; "" for a host that wants nothing.
	TokenName, Secret, Header, Value string
	// Posts says that answers come by POST, which have no ETag.
	Posts bool
}

// Said is an item and what the forge says of it.
type Said struct {
	Item   plugins.Item
	Things []plugins.Thing
}

// Found is a commit and what it came with.
type Found struct {
	Commit string
	Things []plugins.Thing
}

// Listed is what somebody typed, and the IDs that are offered.
type Listed struct {
	Text string
	IDs  []string
}

// patience is how long a question may take that nothing stands in the way of.
const patience = 30 * time.Second

// Answers holds a forge to what it says of things, and to how it behaves towards
// a host that is slow, gone, limited, private or mad.
func Answers(t *testing.T, w World) {
	if w.TokenName != "" {
		t.Setenv(w.TokenName, w.Secret)
	}
	if w.Header != "" && w.Fake != nil {
		w.Fake.Private(w.Header, w.Value)
	}
	t.Run("resolve", w.resolve)
	t.Run("changes", w.changes)
	t.Run("open", w.open)
	if w.Unasked != "" {
		t.Run("unasked", w.unasked)
	}
	if w.Fake == nil {
		return
	}
	t.Run("again", w.again)
	t.Run("faults", w.faults)
	t.Run("limited", w.limited)
	t.Run("cancelled", w.cancelled)
	if w.Secret != "" {
		t.Run("secret", w.secrets)
	}
	if w.Thousand != nil {
		t.Run("thousand", w.thousand)
	}
}

// asking is a context for one question.
func asking(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// items are those of Resolve, in order.
func (w World) items() []plugins.Item {
	var all []plugins.Item
	for _, s := range w.Resolve {
		all = append(all, s.Item)
	}
	return all
}

func (w World) resolver(t *testing.T, dir string) plugins.Resolver {
	t.Helper()
	f, ok := w.New(t, dir).(plugins.Resolver)
	if !ok {
		t.Fatal("the forge resolves nothing")
	}
	return f
}

// resolved asks for all items of Resolve.
func (w World) resolved(t *testing.T, f plugins.Resolver) []plugins.Answer {
	t.Helper()
	answers, err := f.Resolve(asking(t), w.Remote, w.items())
	if err != nil || len(answers) != len(w.Resolve) {
		t.Fatalf("%d answers to %d questions, %v", len(answers), len(w.Resolve), err)
	}
	return answers
}

func (w World) resolve(t *testing.T) {
	f := w.resolver(t, t.TempDir())
	// All at once, among some that make no sense and some that are not there.
	odd := append([]plugins.Item{{Kind: "no such kind", ID: "1"}, {Kind: plugins.Issue, ID: "1/../2"}, {Kind: plugins.Bug, ID: ""}, {Kind: plugins.Change, ID: "x\ny"}}, w.Absent...)
	answers, err := f.Resolve(asking(t), w.Remote, append(w.items(), odd...))
	if err != nil || len(answers) != len(w.Resolve)+len(odd) {
		t.Fatalf("%d answers to %d questions, %v", len(answers), len(w.Resolve)+len(odd), err)
	}
	for i, s := range w.Resolve {
		same(t, fmt.Sprintf("%+v", s.Item), answers[i], s.Things)
	}
	for i, it := range odd {
		a := answers[len(w.Resolve)+i]
		if len(a.Things) > 0 || a.Problem != plugins.NoProblem {
			t.Errorf("%+v is %+v", it, a)
		}
	}
	for i, it := range w.Absent {
		if a := answers[len(answers)-len(w.Absent)+i]; a.Checked.IsZero() {
			t.Errorf("that there is no %+v was not checked", it)
		}
	}
}

// same holds an answer to things.
func same(t *testing.T, what string, got plugins.Answer, want []plugins.Thing) {
	t.Helper()
	if got.Problem != plugins.NoProblem || got.Checked.IsZero() {
		t.Errorf("%s: %+v", what, got)
		return
	}
	if len(got.Things) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got.Things, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got.Things, want)
	}
}

func (w World) changes(t *testing.T) {
	f, ok := w.New(t, t.TempDir()).(plugins.Finder)
	if !ok || len(w.Changes) == 0 {
		if ok != (len(w.Changes) > 0) {
			t.Fatalf("it finds changes: %v, and %d are expected", ok, len(w.Changes))
		}
		t.Skip("it finds no changes")
	}
	commits := []string{strings.Repeat("0", 40), "no commit"}
	for _, c := range w.Changes {
		commits = append(commits, c.Commit)
	}
	answers, err := f.Changes(asking(t), w.Remote, commits)
	if err != nil || len(answers) != len(commits) {
		t.Fatalf("%d answers to %d questions, %v", len(answers), len(commits), err)
	}
	for _, a := range answers[:2] {
		if len(a.Things) > 0 || a.Problem != plugins.NoProblem {
			t.Errorf("a commit that is none came with %+v", a)
		}
	}
	for i, c := range w.Changes {
		same(t, c.Commit, answers[i+2], c.Things)
	}
}

func (w World) open(t *testing.T) {
	f, ok := w.New(t, t.TempDir()).(plugins.Lister)
	if !ok || len(w.Open) == 0 {
		if ok != (len(w.Open) > 0) {
			t.Fatalf("it lists what is open: %v, and %d lists are expected", ok, len(w.Open))
		}
		t.Skip("it lists nothing")
	}
	for _, l := range w.Open {
		a, err := f.Open(asking(t), w.Remote, l.Text, 50)
		var ids []string
		for _, thing := range a.Things {
			ids = append(ids, thing.ID)
			if thing.State != plugins.Open || thing.Title == "" || thing.URL == "" {
				t.Errorf("%q offers %+v", l.Text, thing)
			}
		}
		if err != nil || a.Problem != plugins.NoProblem || !reflect.DeepEqual(ids, l.IDs) {
			t.Errorf("%q offers %q (%v, %v), not %q", l.Text, ids, a.Problem, err, l.IDs)
		}
	}
}

func (w World) unasked(t *testing.T) {
	answers, err := w.resolver(t, t.TempDir()).Resolve(asking(t), w.Unasked, w.items())
	if err != nil || len(answers) != len(w.Resolve) {
		t.Fatalf("%d answers, %v", len(answers), err)
	}
	for _, a := range answers {
		if a.Problem != plugins.NotAsked || len(a.Things) > 0 {
			t.Errorf("a host that only a remote names was asked: %+v", a)
		}
	}
}

// again holds that a second question costs nothing, or only confirmations, also
// in another process.
func (w World) again(t *testing.T) {
	dir := t.TempDir()
	first := w.resolved(t, w.resolver(t, dir))
	before, unchanged := len(w.Fake.Asked()), w.Fake.Unchanged()
	second := w.resolved(t, w.resolver(t, dir))
	asked := len(w.Fake.Asked()) - before
	if confirmed := w.Fake.Unchanged() - unchanged; asked > confirmed && !w.Posts {
		t.Errorf("the second question cost %d requests, %d of them confirmations: %q", asked, confirmed, w.Fake.Asked()[before:])
	}
	for i := range first {
		if !reflect.DeepEqual(first[i].Things, second[i].Things) {
			t.Errorf("the second answer to %+v is another:\n%+v\n%+v", w.Resolve[i].Item, first[i].Things, second[i].Things)
		}
	}
}

// faults holds that a host which fails is told as such, and that the forge goes on
// when it works again.
func (w World) faults(t *testing.T) {
	for _, fault := range []struct {
		name string
		set  func(on bool)
		want []plugins.Problem
	}{
		{"a fault", func(on bool) { w.Fake.Down(map[bool]int{true: http.StatusInternalServerError}[on]) }, []plugins.Problem{plugins.Offline}},
		{"no permission", func(on bool) { w.Fake.Down(map[bool]int{true: http.StatusUnauthorized}[on]) }, []plugins.Problem{plugins.Refused}},
		{"garbage", w.Fake.Garbage, []plugins.Problem{plugins.Failed}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			dir := t.TempDir()
			fault.set(true)
			f := w.resolver(t, dir)
			for i, a := range w.resolved(t, f) {
				if len(a.Things) > 0 || !reflect.DeepEqual([]plugins.Problem{a.Problem}, fault.want) || a.Detail == "" {
					t.Errorf("%+v: %+v", w.Resolve[i].Item, a)
				}
			}
			fault.set(false)
			for i, a := range w.resolved(t, w.resolver(t, dir)) { // another process: no breaker waits
				same(t, fmt.Sprintf("afterwards %+v", w.Resolve[i].Item), a, w.Resolve[i].Things)
			}
		})
	}
}

// limited holds that a host which wants to be left alone is.
func (w World) limited(t *testing.T) {
	w.Fake.Limit(time.Hour)
	defer w.Fake.Limit(0)
	f := w.resolver(t, t.TempDir())
	first := w.resolved(t, f)
	before := len(w.Fake.Asked())
	for i, a := range append(first, w.resolved(t, f)...) {
		if a.Problem != plugins.Limited || time.Until(a.Retry) < 10*time.Minute || len(a.Things) > 0 {
			t.Errorf("answer %d: %+v", i, a)
		}
	}
	if asked := len(w.Fake.Asked()) - before; asked > 0 {
		t.Errorf("%d requests were sent to a host that had said to wait for an hour", asked)
	}
}

// cancelled holds that nobody waits for a host that hangs.
func (w World) cancelled(t *testing.T) {
	w.Fake.Hang(true)
	defer w.Fake.Hang(false)
	f := w.resolver(t, t.TempDir())
	before := len(w.Fake.Asked())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		answers, err := f.Resolve(ctx, w.Remote, w.items())
		for _, a := range answers {
			if len(a.Things) > 0 || a.Problem == plugins.NoProblem {
				err = fmt.Errorf("a host that says nothing said %+v", a)
			}
		}
		done <- err
	}()
	for len(w.Fake.Asked()) == before { // the request is there
		time.Sleep(time.Millisecond)
		if t.Context().Err() != nil {
			return
		}
	}
	cancel()
	select {
	case err := <-done:
		if err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("it goes on though nobody waits")
	}
}

// secrets holds that the token is in nothing that the forge says or keeps.
func (w World) secrets(t *testing.T) {
	dir := t.TempDir()
	var said []plugins.Answer
	for _, status := range []int{0, http.StatusInternalServerError, http.StatusUnauthorized, http.StatusForbidden, http.StatusTeapot} {
		w.Fake.Down(status)
		said = append(said, w.resolved(t, w.resolver(t, dir))...)
	}
	w.Fake.Down(0)
	if text := fmt.Sprintf("%+v", said); contains([]byte(text), w.Secret) {
		t.Errorf("the token is in an answer: %s", text)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if contains(content, w.Secret) || contains([]byte(path), w.Secret) {
			t.Errorf("the token is in %s", path)
		}
		return err
	})
	if err != nil || files == 0 && !w.Posts {
		t.Errorf("%d files are kept, %v", files, err)
	}
}

// thousand holds the forge to few requests for many items.
func (w World) thousand(t *testing.T) {
	var items []plugins.Item
	for i := range 1000 {
		items = append(items, w.Thousand(i))
	}
	before := len(w.Fake.Asked())
	answers, err := w.resolver(t, t.TempDir()).Resolve(asking(t), w.Remote, items)
	if err != nil || len(answers) != len(items) {
		t.Fatalf("%d answers, %v", len(answers), err)
	}
	for i, a := range answers {
		if len(a.Things) != 1 || a.Things[0].ID != items[i].ID || a.Problem != plugins.NoProblem {
			t.Fatalf("%+v: %+v", items[i], a)
		}
	}
	if asked := len(w.Fake.Asked()) - before; asked > w.MaxRequests {
		t.Errorf("1,000 items cost %d requests, not %d", asked, w.MaxRequests)
	}
}
