package index_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/index/query"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("INDEX_TEST_CHILD"); dir != "" {
		indexForever(dir, os.Getenv("INDEX_TEST_STORE"))
		return
	}
	goleak.VerifyTestMain(gittest.Isolate(m), goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

// opened is an index over a real repository.
type opened struct {
	*index.Index
	git *gitrepo.Repository
	dir string // of the index
}

func open(t *testing.T, dir, store string, words bool) opened {
	t.Helper()
	x, err := openIndex(dir, store, words)
	if err != nil {
		t.Fatal(err)
	}
	x.Start(context.Background())
	t.Cleanup(func() { x.close(t) })
	return x
}

func openIndex(dir, store string, words bool) (opened, error) {
	ctx := context.Background()
	loc, err := gitrepo.Discover(ctx, dir)
	if err != nil {
		return opened{}, err
	}
	git, err := gitrepo.Open(ctx, loc, gitrepo.Options{ViewDir: filepath.Join(store, "view")})
	if err != nil {
		return opened{}, err
	}
	x, err := index.Open(git, index.Options{Name: "test", Program: "test", Dir: filepath.Join(store, "index"), HashSize: 20, Words: words, Paths: words})
	return opened{x, git, filepath.Join(store, "index")}, err
}

func (x opened) close(t *testing.T) {
	t.Helper()
	if err := x.Index.Close(); err != nil {
		t.Error(err)
	}
	if err := x.git.Close(); err != nil {
		t.Error(err)
	}
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (x opened) wait(t *testing.T) *index.Snapshot {
	t.Helper()
	if err := x.WaitWords(deadline(t)); err != nil {
		t.Fatal(err)
	}
	return x.Snapshot()
}

func (x opened) search(t *testing.T, s *index.Snapshot, text string) ([]history.Hash, error) {
	t.Helper()
	q, err := query.Parse(text, query.Options{Now: time.Unix(gittest.Epoch, 0)})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	found, total, err := s.Search(deadline(t), index.Search{Query: q, Texts: x.git})
	if err == nil && total != len(found) {
		t.Errorf("%s: %d found, total %d", text, len(found), total)
	}
	var hashes []history.Hash
	for _, f := range found {
		hashes = append(hashes, s.Graph.Hash(f.Pos))
	}
	return hashes, err
}

const someHistory = `
commit engine "Add the engine"
tag v1.0
branch stable/1
commit conn "net: track nf_conntrack entries" conn-body
commit leak "Fix a memory leak in the engine's cache" leak-body
tag -a v2.0-rc1
tag -a v2.0
checkout stable/1
cherry-pick leak1 -x leak
tag v1.1
checkout main
commit docs "Describe the memory" docs-body
branch topic
merge merged stable/1
-- conn-body --
See foo.conntrack for the leak of memory.

CVE-2024-32002
Change-Id: I0123456789abcdef0123456789abcdef01234567
-- leak-body --
The cache's keys leaked, deadlock included.
-- docs-body --
A leak of memory,
well described.
`

func TestSearch(t *testing.T) {
	r := gittest.New(t, someHistory)
	x := open(t, r.Dir, t.TempDir(), true)
	s := x.wait(t)
	for _, c := range []struct{ query, want string }{
		{"deadlock", "leak1 leak"},
		{"conntrack", "conn"},
		{"nf_conntrack", "conn"},
		{"cache", "leak1 leak"}, // cache's
		{"memory leak", "leak1 leak docs conn"},
		{`"memory leak"`, "leak1 leak"},
		{`"leak of memory"`, "docs conn"}, // across a line end
		{"foo.conntrack", "conn"},
		{"leak -deadlock", "docs conn"},
		{"describe OR conntrack", "docs conn"},
		{"CVE-2024-32002", "conn"},
		{"cve:2024-32002", "conn"},
		{"changeid:I0123456789abcdef0123456789abcdef01234567", "conn"},
		{"author:thor leak since:2020-01-01T04:00:00Z", "leak1 leak docs"},
		{"author:nobody", ""},
		{"leak before:2020-01-01T04:00:00Z", "conn"},
		{"in:stable/1 leak", "leak1 leak"}, // under any name
		{"ref:stable/1 leak", "leak1"},
		{"ref:v2.0 leak", "leak conn"},
		{"type:merge", "merged"},
		{"repo:test deadlock -ref:stable/1", "leak"},
		{"repo:test deadlock -in:stable/1", ""},
		{r.Hash("leak").String()[:9], "leak"},
		{"commit:" + r.Hash("conn").String()[:7], "conn"},
		{"deadlok", "leak1 leak"}, // nothing matches exactly
		{"CVE-2024-32003", ""},    // a number is not misspelt
		{`"CVE-2024-32003"`, ""},
		{"message:2024-CVE-32002", ""},
		{"conntrak CVE-2024-32002", "conn"},
		{"conntrak CVE-2024-32003", ""},
		{"I0123456789abcdef0123456789abcdef01234567", "conn"},
		{"foo I0123456789abcdef0123456789abcdef01234567", "conn"},
		{`"change-id: i0123456789abcdef0123456789abcdef01234567"`, "conn"},
		{"i0123456789abcdef0123456789abcdef01234568", ""},
		{r.Hash("leak").String(), "leak leak1"}, // itself, and what names it
		{`"commit ` + r.Hash("leak").String() + `"`, "leak1"},
		{r.Hash("leak").String()[:10], "leak"},
		{r.Hash("leak").String()[:39] + "x", ""},
	} {
		got, err := x.search(t, s, c.query)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
		}
		labels := strings.Join(r.Labels(got...), " ")
		if labels != c.want {
			t.Errorf("%s finds %q, not %q", c.query, labels, c.want)
		}
	}
	for _, c := range []struct{ query, want string }{
		{"in:nowhere leak", "nowhere"},
		{"missing:nowhere", "nowhere"},
	} {
		if _, err := x.search(t, s, c.query); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not one about %q", c.query, err, c.want)
		}
	}
}

// TestSearchWhileTyping finds messages by the beginnings of words, and of what
// their keys name.
func TestSearchWhileTyping(t *testing.T) {
	r := gittest.New(t, someHistory)
	x := open(t, r.Dir, t.TempDir(), true)
	s := x.wait(t)
	for _, c := range []struct{ typed, want string }{
		{"conntr", "conn"},
		{"memory deadl", "leak1 leak"},
		{"I01234567", "conn"},
		{"i01234568", ""},
		{r.Hash("leak").String()[:7], "leak leak1"},
		{r.Hash("leak").String()[:20], "leak leak1"},
		{r.Hash("leak").String()[:20] + "0", ""},
	} {
		q, err := query.Parse(c.typed, query.Options{})
		if err != nil {
			t.Fatal(err)
		}
		found, _, err := s.Search(deadline(t), index.Search{Query: q, Prefix: true, Texts: x.git})
		if err != nil {
			t.Errorf("%s: %v", c.typed, err)
		}
		var hashes []history.Hash
		for _, f := range found {
			hashes = append(hashes, s.Graph.Hash(f.Pos))
		}
		if labels := strings.Join(r.Labels(hashes...), " "); labels != c.want {
			t.Errorf("%s finds %q, not %q", c.typed, labels, c.want)
		}
	}
}

// TestPeople finds authors and committers by the names that the mailmap gives
// them, and follows the mailmap when it changes.
func TestPeople(t *testing.T) {
	r := gittest.New(t, `
commit one "One" "--author=Jane Laptop <jane@laptop>"
commit two "Two" "--author=Jané O'Doe-Smith <jane@example.com>"
commit three "Three"
git config user.email JANE@laptop
`)
	x := open(t, r.Dir, t.TempDir(), false)
	check := func(text, want string) {
		t.Helper()
		if err := x.WaitGraph(deadline(t)); err != nil {
			t.Fatal(err)
		}
		got, err := x.search(t, x.Snapshot(), text)
		if labels := strings.Join(r.Labels(got...), " "); err != nil || labels != want {
			t.Errorf("%s finds %q (%v), not %q", text, labels, err, want)
		}
	}
	check("author:jane", "two one")
	check(`author:"jane laptop"`, "one")
	check("author:laptop", "one")
	check("author:jané", "two")
	check("author:smith", "two")
	check("author:@me", "one")
	check("committer:@me", "")
	check("committer:thor", "three two one")
	check("-committer:thor", "")
	r.Do(`
commit map "Map" .mailmap="Jane Doe <jane@example.com> <jane@laptop>"
`)
	check("author:laptop", "")
	check("author:jane@example.com", "two one")
	check("author:doe", "two one")
	check("author:@me", "two one")
}

// checkAgainstGit holds the landings and tags of all commits against git's own.
func checkAgainstGit(t *testing.T, r *gittest.Repo, s *index.Snapshot) {
	t.Helper()
	contains := map[string]map[string]bool{} // ref -> commits
	refs := strings.Fields(r.Git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags"))
	for _, ref := range refs {
		set := map[string]bool{}
		for _, h := range strings.Fields(r.Git("rev-list", ref)) {
			set[h] = true
		}
		contains[ref] = set
	}
	if len(refs) != len(s.Graph.Tips()) {
		t.Errorf("%d refs, git has %d", len(s.Graph.Tips()), len(refs))
	}
	for _, name := range strings.Fields(r.Git("rev-list", "--all")) {
		p, ok := s.Graph.Pos(history.MustHash(name))
		if !ok {
			t.Errorf("%s is not known", name)
			continue
		}
		var want, got []string
		for ref, set := range contains {
			if set[name] {
				want = append(want, ref)
			}
		}
		for _, id := range s.Graph.RefsOf(p, nil) {
			got = append(got, s.Graph.Tips()[id].Name)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-git +ours):\n%s", name, diff)
		}
		var tags []string
		for _, ref := range want {
			if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
				tags = append(tags, tag)
			}
		}
		all := slices.Sorted(slices.Values(s.Tags(p).All))
		if diff := cmp.Diff(tags, all); diff != "" && len(tags)+len(all) > 0 {
			t.Errorf("tags of %s (-git +ours):\n%s", name, diff)
		}
		for _, l := range s.Landings(p) {
			if (l.Status == history.Contains) != contains[l.Ref][name] {
				t.Errorf("%s on %s is %s", name, l.Name, l.Status)
			}
		}
	}
}

func TestLandings(t *testing.T) {
	r := gittest.New(t, someHistory)
	x := open(t, r.Dir, t.TempDir(), false)
	if err := x.WaitGraph(deadline(t)); err != nil {
		t.Fatal(err)
	}
	s := x.Snapshot()
	checkAgainstGit(t, r, s)
	landing := func(label, line string) history.Landing {
		p, _ := s.Graph.Pos(r.Hash(label))
		for _, l := range s.Landings(p) {
			if l.Name == line {
				return l
			}
		}
		t.Fatalf("no line %s", line)
		return history.Landing{}
	}
	for _, c := range []struct{ label, line, status, first string }{
		{"engine", "main", "contains", "v1.0"},
		{"engine", "stable/1", "contains", "v1.0"},
		{"leak", "main", "contains", "v2.0"}, // the candidate is no release
		{"leak", "stable/1", "backported", "v1.1"},
		{"leak1", "stable/1", "contains", "v1.1"},
		{"docs", "main", "contains", ""},
	} {
		l := landing(c.label, c.line)
		first := ""
		if l.FirstTag != nil {
			first = *l.FirstTag
		}
		if string(l.Status) != c.status || first != c.first {
			t.Errorf("%s on %s is %s since %q, not %s since %q", c.label, c.line, l.Status, first, c.status, c.first)
		}
	}
	if s.Lines[0].Name != "main" || !s.Lines[0].Upstream {
		t.Errorf("the first line is %+v", s.Lines[0])
	}
}

// TestSeries changes refs in all ways under a running index; after each, the
// answers are git's, and those of an index built from nothing.
func TestSeries(t *testing.T) {
	r := gittest.New(t, "commit one \"Begin\"\ntag v1\n")
	x := open(t, r.Dir, t.TempDir(), true)
	for i, step := range []string{
		"commit two \"Second\"",
		"branch topic/deep/er one",
		"checkout topic/deep/er\ncommit three \"On a topic\"\ncheckout main",
		"merge four topic/deep/er",
		"git branch -D topic/deep/er",
		"tag -a v2\ngit pack-refs --all",
		"git reset -q --hard ${one}\ncommit five \"Another second\"",
		"git tag -d v2",
		"git update-ref refs/remotes/origin/main ${two}\ngit update-ref -d refs/remotes/origin/main",
		"git checkout -q --detach\ngit checkout -q main",
		"git gc -q --prune=now",
		"commit six \"After the collection\"",
	} {
		r.Do(step)
		s := x.wait(t)
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			checkAgainstGit(t, r, s)
			fresh := open(t, r.Dir, t.TempDir(), true)
			all, err := x.search(t, s, "second OR topic OR begin OR after")
			if err != nil {
				t.Fatal(err)
			}
			anew, err := fresh.search(t, fresh.wait(t), "second OR topic OR begin OR after")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r.Labels(anew...), r.Labels(all...)); diff != "" {
				t.Errorf("an index from nothing finds (-) other commits (+):\n%s", diff)
			}
		})
	}
}

// eventually waits until a snapshot satisfies ok, without asking the index to
// look.
func eventually(t *testing.T, x opened, ok func(*index.Snapshot) bool) {
	t.Helper()
	ctx := deadline(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok(x.Snapshot()) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never came")
		}
	}
}

func TestChangesAreSeen(t *testing.T) {
	r := gittest.New(t, "commit one \"Begin\"\n")
	x := open(t, r.Dir, t.TempDir(), false)
	if err := x.WaitGraph(deadline(t)); err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"commit two \"More\"", "branch a/b/c", "git branch -D a/b/c", "git pack-refs --all", "tag v1 one"} {
		r.Do(step)
		refs := len(strings.Fields(r.Git("for-each-ref", "--format=%(refname)")))
		head := history.MustHash(strings.TrimSpace(r.Git("rev-parse", "HEAD")))
		eventually(t, x, func(s *index.Snapshot) bool {
			_, known := s.Graph.Pos(head)
			return known && len(s.Graph.Tips()) == refs && !s.Behind()
		})
	}
}

func TestReopen(t *testing.T) {
	r := gittest.New(t, someHistory)
	damage := map[string]func(dir string) error{
		"untouched":        func(string) error { return nil },
		"graph damaged":    func(d string) error { return flip(filepath.Join(d, "g1", "graph")) },
		"graph cut":        func(d string) error { return os.Truncate(filepath.Join(d, "g1", "graph"), 100) },
		"graph gone":       func(d string) error { return os.Remove(filepath.Join(d, "g1", "graph")) },
		"manifest gone":    func(d string) error { return os.Remove(filepath.Join(d, "manifest.json")) },
		"manifest damaged": func(d string) error { return os.WriteFile(filepath.Join(d, "manifest.json"), []byte("{"), 0o600) },
		"another format": func(d string) error {
			return os.WriteFile(filepath.Join(d, "manifest.json"), []byte(`{"format":99}`), 0o600)
		},
		"text gone":     func(d string) error { return os.RemoveAll(filepath.Join(d, "g1", "text")) },
		"text root cut": func(d string) error { return os.Truncate(filepath.Join(d, "g1", "text", "store", "root.bolt"), 0) },
		"text meta damaged": func(d string) error {
			return os.WriteFile(filepath.Join(d, "g1", "text", "index_meta.json"), nil, 0o600)
		},
		"leftovers of kills": func(d string) error { return os.MkdirAll(filepath.Join(d, "g7", "text"), 0o700) },
	}
	for name, harm := range damage {
		t.Run(name, func(t *testing.T) {
			store := t.TempDir()
			first := open(t, r.Dir, store, true)
			first.wait(t)
			first.close(t)
			if err := harm(first.dir); err != nil {
				t.Fatal(err)
			}
			second := open(t, r.Dir, store, true)
			if name == "untouched" && second.Snapshot().Graph.Len() == 0 {
				t.Error("nothing was mapped")
			}
			s := second.wait(t)
			checkAgainstGit(t, r, s)
			got, err := second.search(t, s, "deadlock")
			if err != nil || strings.Join(r.Labels(got...), " ") != "leak1 leak" {
				t.Errorf("deadlock finds %v, %v", r.Labels(got...), err)
			}
		})
	}
}

func flip(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for i := len(b) / 3; i < len(b); i += 97 {
		b[i] ^= 0x55
	}
	return os.WriteFile(file, b, 0o600)
}

func TestTwoProcesses(t *testing.T) {
	r := gittest.New(t, someHistory)
	store := t.TempDir()
	first := open(t, r.Dir, store, true)
	first.wait(t)
	second := open(t, r.Dir, store, true)
	if err := second.WaitGraph(deadline(t)); err != nil {
		t.Fatal(err)
	}
	checkAgainstGit(t, r, second.Snapshot())
	if err := second.Snapshot().StoreError(); err == nil || !strings.Contains(err.Error(), "another cabhfuil-lsp process") {
		t.Errorf("the second one is kept on disk: %v", err)
	}
	got, err := second.search(t, second.wait(t), "deadlock")
	if err != nil || strings.Join(r.Labels(got...), " ") != "leak1 leak" {
		t.Errorf("from memory, deadlock finds %v, %v", r.Labels(got...), err)
	}
	r.Do("commit more \"More of a deadlock\"")
	if err := second.WaitGraph(deadline(t)); err != nil {
		t.Fatal(err)
	}
	checkAgainstGit(t, r, second.Snapshot())
	first.close(t)
	eventually(t, second, func(s *index.Snapshot) bool { return s.StoreError() == nil && s.WordsPending() == 0 })
	got, err = second.search(t, second.wait(t), "deadlock")
	if err != nil || strings.Join(r.Labels(got...), " ") != "more leak1 leak" {
		t.Errorf("after taking over, deadlock finds %v, %v", r.Labels(got...), err)
	}
}

func TestReindex(t *testing.T) {
	r := gittest.New(t, someHistory)
	store := t.TempDir()
	x := open(t, r.Dir, store, true)
	x.wait(t)
	x.Reindex()
	ctx := deadline(t)
	for range 20 { // the old words answer while the new ones are made
		got, err := x.search(t, x.Snapshot(), "deadlock")
		if err != nil || len(got) != 2 {
			t.Errorf("meanwhile: %v, %v", r.Labels(got...), err)
		}
	}
	if err := x.WaitWords(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, x, func(*index.Snapshot) bool {
		_, err := os.Stat(filepath.Join(x.dir, "g1"))
		return os.IsNotExist(err)
	})
	x.close(t)
	again := open(t, r.Dir, store, true)
	got, err := again.search(t, again.wait(t), "deadlock")
	if err != nil || len(got) != 2 {
		t.Errorf("afterwards: %v, %v", r.Labels(got...), err)
	}
}

func TestShallow(t *testing.T) {
	r := gittest.New(t, someHistory)
	clone := r.Clone("--depth=1")
	x := open(t, clone.Dir, t.TempDir(), true)
	s := x.wait(t)
	if !slices.Contains(s.Limits(), history.LimitShallow) {
		t.Errorf("limits %v", s.Limits())
	}
	if l := s.Landings(index.Unlisted)[0]; l.Status != history.Unknown {
		t.Errorf("a commit before the boundary is %s on %s", l.Status, l.Name)
	}
	clone.Git("fetch", "-q", "--unshallow")
	s = x.wait(t)
	if slices.Contains(s.Limits(), history.LimitShallow) || s.Graph.Absent() > 0 {
		t.Errorf("deepened, limits %v, %d absent", s.Limits(), s.Graph.Absent())
	}
	if _, ok := s.Graph.Pos(r.Hash("engine")); !ok {
		t.Error("the first commit is not known")
	}
}

func TestUnwritable(t *testing.T) {
	r := gittest.New(t, someHistory)
	store := t.TempDir()
	if err := os.WriteFile(filepath.Join(store, "index"), nil, 0o600); err != nil { // in the directory's place
		t.Fatal(err)
	}
	x := open(t, r.Dir, store, true)
	if err := x.WaitGraph(deadline(t)); err != nil {
		t.Fatal(err)
	}
	s := x.wait(t)
	checkAgainstGit(t, r, s)
	if got, err := x.search(t, s, "deadlock"); err != nil || len(got) != 2 {
		t.Errorf("deadlock finds %v, %v", r.Labels(got...), err)
	}
	if err := s.StoreError(); err == nil || !strings.Contains(err.Error(), store) {
		t.Errorf("it is kept on disk: %v", err)
	}
}

func TestEmptyRepository(t *testing.T) {
	r := gittest.New(t, "init main\n")
	x := open(t, r.Dir, t.TempDir(), true)
	if err := x.WaitGraph(deadline(t)); err != nil {
		t.Fatal(err)
	}
	r.Do("commit one \"Begin\"")
	checkAgainstGit(t, r, x.wait(t))
}

// indexForever is the child of TestKill.
func indexForever(dir, store string) {
	for {
		// A git process that the last child was starting when it was killed may
		// hold the lock a moment longer.
		if err := indexOnce(dir, store); err != nil && !strings.Contains(err.Error(), "another cabhfuil-lsp process") {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func indexOnce(dir, store string) error {
	ctx := context.Background()
	x, err := openIndex(dir, store, true)
	if err != nil {
		return err
	}
	x.Start(ctx)
	err = x.WaitPaths(ctx)
	if err == nil {
		x.Reindex()
		err = x.WaitPaths(ctx)
	}
	return errors.Join(err, x.Index.Close(), x.git.Close())
}

// TestKill kills an indexing process at many moments; nothing is lost.
func TestKill(t *testing.T) {
	r := gittest.New(t, someHistory)
	store := t.TempDir()
	for i := range 15 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "INDEX_TEST_CHILD="+r.Dir, "INDEX_TEST_STORE="+store)
		var said strings.Builder
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(20+i*13) * time.Millisecond) // the moment is what is varied
		if err := cmd.Process.Kill(); err != nil {
			t.Fatalf("it ended by itself: %v %s", err, said.String())
		}
		_ = cmd.Wait() //nolint:errcheck // it was killed
	}
	x := open(t, r.Dir, store, true)
	eventually(t, x, func(s *index.Snapshot) bool { return s.WordsError() == nil })
	s := x.wait(t)
	checkAgainstGit(t, r, s)
	got, err := x.search(t, s, "deadlock OR conntrack OR describe")
	if err != nil || len(got) != 4 {
		t.Errorf("after the kills: %v, %v", r.Labels(got...), err)
	}
	checkPaths(t, r, x, x.waitPaths(t), "leak.txt", "engine.txt", "*.txt")
}
