package repos_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
)

const day = 24 * time.Hour

// pantry is a process with clones, a registry that opens them, and a clock.
type pantry struct {
	t    *testing.T
	home string
	now  time.Time
	*repos.Clones
	registry *repos.Registry
	inPlace  []repos.Configured
}

func newPantry(t *testing.T, home string) *pantry {
	t.Helper()
	p := &pantry{t: t, home: home, now: time.Now()}
	p.Clones = clones(home, func(o *repos.CloneOptions) {
		o.CacheDir = filepath.Join(home, "cache")
		o.Dir, o.IndexDir, o.StateDir = filepath.Join(o.CacheDir, "clones"), filepath.Join(o.CacheDir, "index"), filepath.Join(home, "state", "clones")
		o.Now = func() time.Time { return p.now }
		o.OnGone = func(string) { p.declare() }
	})
	p.registry = repos.New(repos.Options{IndexDir: filepath.Join(home, "cache", "index"), ViewDir: filepath.Join(home, "cache", "view"), Hold: p.Hold})
	t.Cleanup(p.close)
	return p
}

func (p *pantry) close() {
	if err := p.registry.Close(); err != nil {
		p.t.Error(err)
	}
}

func (p *pantry) declare() {
	all := p.inPlace
	for name, dir := range p.Ready() {
		all = append(all, repos.Configured{Name: name, Path: dir})
	}
	if err := p.registry.Declare(all, repos.Settings{}); err != nil {
		p.t.Error(err)
	}
}

// sync updates clones, all or those of some names.
func (p *pantry) sync(names ...string) {
	p.t.Helper()
	results, err := p.Sync(deadline(p.t), names, true)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			p.t.Fatal(r.Name, r.Err)
		}
	}
}

// use is an answer from a clone.
func (p *pantry) use(name string) {
	p.t.Helper()
	if p.Using(name) {
		if err := p.Used(name); err != nil {
			p.t.Fatal(err)
		}
	}
}

// clean cleans up and says what went, with why as far as why is not "".
func (p *pantry) clean(opt repos.CleanUp) string {
	p.t.Helper()
	result, err := p.CleanUp(deadline(p.t), opt)
	if err != nil {
		p.t.Fatal(err)
	}
	var said []string
	for _, w := range result.Items {
		does := "goes"
		switch {
		case w.Err != nil:
			does = "fails, " + w.Err.Error()
		case w.Kept != "":
			does = "stays, " + w.Kept
		}
		said = append(said, fmt.Sprintf("%s %s %s", w.Kind, w.Name, does))
	}
	return strings.Join(said, "; ")
}

func (p *pantry) want(what, got, want string) {
	p.t.Helper()
	if got != want {
		p.t.Errorf("%s: %q, not %q", what, got, want)
	}
}

// repository is a remote of about 100 kB.
func repository(t *testing.T) *gittest.Repo {
	t.Helper()
	g := gittest.New(t, history)
	noise := make([]byte, 100_000)
	seed := uint32(len(g.Dir)) + uint32(time.Now().Nanosecond()) //nolint:gosec // any will do
	for i := range noise {
		seed = seed*1664525 + 1013904223
		noise[i] = byte(seed >> 24)
	}
	if err := os.WriteFile(filepath.Join(g.Dir, "noise"), noise, 0o600); err != nil {
		t.Fatal(err)
	}
	g.Git("add", "noise")
	g.Git("commit", "-q", "-m", "Add noise")
	return g
}

// TestCleanRetention removes a clone that nobody used for long, with its index, says
// so, and clones it again only for who names it.
func TestCleanRetention(t *testing.T) {
	a, b := gittest.New(t, history), gittest.New(t, history)
	p := newPantry(t, t.TempDir())
	used, unused := of("used", a.URL()), of("unused", b.URL())
	used.Retention, unused.Retention = 30*day, 30*day
	p.Set([]repos.Cloned{used, unused})
	p.sync()
	p.declare()
	p.registry.OpenDeclared(deadline(t))
	dir := p.Ready()["unused"]
	p.want("at first", p.clean(repos.CleanUp{}), "")
	p.now = p.now.Add(20 * day)
	p.use("used")
	p.now = p.now.Add(11 * day)
	p.want("a dry run", p.clean(repos.CleanUp{DryRun: true}), "clone unused goes")
	p.want("after it", states(p.Clones), "unused active, used active")
	p.SetLimits(repos.Limits{Policy: repos.PolicyManual})
	p.want("by hand alone", p.clean(repos.CleanUp{}), "")
	p.SetLimits(repos.Limits{Policy: repos.PolicyLRU})
	index, err := p.Index("unused")
	if err != nil || !exists(index) {
		t.Fatalf("there is no index %s: %v", index, err)
	}
	p.want("a month later", p.clean(repos.CleanUp{}), "clone unused goes")
	p.want("afterwards", states(p.Clones), "unused cleaned, used active")
	if exists(dir) || exists(index) {
		t.Error("the clone or its index is still there")
	}
	for _, s := range p.Status() {
		if s.Name == "unused" && (!s.Next.IsZero() || !s.Cleaned.Equal(p.now.UTC().Truncate(time.Second)) || s.Reason != "it was not used for 31 days, and retention_days is 30") {
			t.Errorf("its status is %+v", s)
		}
	}
	if all := p.registry.All(); len(all) != 1 || all[0].Name != "used" {
		t.Errorf("open are %v", all)
	}
	p.sync()
	p.want("after all are fetched", states(p.Clones), "unused cleaned, used active")
	p.sync("unused")
	p.want("after it is named", states(p.Clones), "unused active, used active")
	p.now = p.now.Add(29 * day)
	p.use("used")
	p.want("it counts anew", p.clean(repos.CleanUp{}), "")
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// TestCleanPolicy makes room by last use or by age, and not for what was used
// within a day.
func TestCleanPolicy(t *testing.T) {
	a, b, c := repository(t), repository(t), repository(t)
	for _, step := range []struct {
		policy repos.Policy
		hand   bool
		want   string
	}{
		{repos.PolicyLRU, false, "clone b goes"},
		{repos.PolicyFIFO, false, "clone a goes"},
		{repos.PolicyManual, false, ""},
		{repos.PolicyManual, true, "clone b goes"},
	} {
		p := newPantry(t, t.TempDir())
		p.SetLimits(repos.Limits{Policy: step.policy, Clones: 290_000})
		all := map[string]string{"a": a.URL(), "b": b.URL(), "c": c.URL()}
		var configured []repos.Cloned
		for _, name := range []string{"a", "b", "c"} {
			configured = append(configured, of(name, all[name]))
			p.Set(configured)
			p.sync()
			p.now = p.now.Add(2 * day)
		}
		p.use("a")
		p.now = p.now.Add(time.Hour)
		if p.Using("a") {
			t.Error("that a is used is written down every hour")
		}
		if step.policy == repos.PolicyFIFO {
			p.now = p.now.Add(2 * day)
		}
		what := fmt.Sprintf("%s, by hand %t", step.policy, step.hand)
		p.want(what+", dry", p.clean(repos.CleanUp{DryRun: true, ByHand: step.hand}), step.want)
		p.want(what, p.clean(repos.CleanUp{ByHand: step.hand}), step.want)
		if step.want == "" {
			if over := p.Over(); len(over) != 1 {
				t.Errorf("%s: over is %q", what, over)
			}
			continue
		}
		p.want(what+", again", p.clean(repos.CleanUp{ByHand: step.hand}), "")
		p.SetLimits(repos.Limits{Policy: step.policy, Cache: 1000})
		for _, name := range []string{"a", "b", "c"} {
			p.use(name)
		}
		p.now = p.now.Add(time.Hour)
		p.want(what+", all are in use", p.clean(repos.CleanUp{ByHand: true}), "")
		if over := strings.Join(p.Over(), "; "); !strings.HasPrefix(over, "the cache takes ") || !strings.HasSuffix(over, "clean-up begins at 1.0 kB") {
			t.Errorf("%s: over is %q", what, over)
		}
	}
}

// TestCleanInUse leaves alone what another process has open or fetches, what
// somebody entered, and what is in place; a clone that is open because it is
// configured is closed first.
func TestCleanInUse(t *testing.T) {
	g := gittest.New(t, history)
	home := t.TempDir()
	p, other := newPantry(t, home), newPantry(t, home)
	for _, process := range []*pantry{p, other} {
		process.Set([]repos.Cloned{of("list", g.URL())})
	}
	p.sync()
	for _, process := range []*pantry{p, other} {
		process.declare()
		process.registry.OpenDeclared(deadline(t))
	}
	dir := p.Ready()["list"]
	named := repos.CleanUp{Names: []string{"list"}, ByHand: true}
	for _, dry := range []bool{true, false} {
		named.DryRun = dry
		p.want("another process has it open", p.clean(named), "clone list stays, it is in use: another process has it open")
	}
	p.want("then", states(p.Clones), "list active")
	if len(p.registry.All()) != 1 {
		t.Error("it was closed here")
	}
	other.close()
	if _, err := p.registry.Visit().ForPath(deadline(t), dir); err != nil {
		t.Fatal(err)
	}
	p.want("somebody entered it", p.clean(named), "clone list stays, it is in use: it is open")
	p.want("then", states(p.Clones), "list active")
	if release, err := newPantry(t, home).Hold(dir); err != nil {
		t.Errorf("it is held no longer: %v", err)
	} else {
		release()
	}

	third := newPantry(t, home)
	third.Set([]repos.Cloned{of("list", g.URL())}, dir)
	third.want("it is in place too", third.clean(named), "clone list stays, "+dir+": "+repos.ErrInPlace.Error())
	p.close()
	third.Set([]repos.Cloned{of("list", g.URL())})
	third.declare()
	third.registry.OpenDeclared(deadline(t))
	third.want("it is open because it is configured", third.clean(named), "clone list goes")
	if exists(dir) || len(third.registry.All()) > 0 {
		t.Error("it is still there, or open")
	}
	if _, err := third.CleanUp(deadline(t), repos.CleanUp{Names: []string{"lisp"}}); !errors.Is(err, repos.ErrNoClone) {
		t.Errorf("an unknown name: %v", err)
	}
}

// TestCleanFetching leaves a clone alone that is being fetched.
func TestCleanFetching(t *testing.T) {
	g := gittest.New(t, history)
	home := t.TempDir()
	p := newPantry(t, home)
	p.Set([]repos.Cloned{of("list", g.URL())})
	p.sync()
	asked := ""
	other := clones(home, func(o *repos.CloneOptions) {
		o.Dir, o.StateDir = filepath.Join(home, "cache", "clones"), filepath.Join(home, "state", "clones")
		o.OnSynced = func(context.Context, string, string) { // it still has the clone's lock
			asked = p.clean(repos.CleanUp{Names: []string{"list"}})
		}
	})
	other.Set([]repos.Cloned{of("list", g.URL())})
	if _, err := other.Sync(deadline(t), nil, true); err != nil {
		t.Fatal(err)
	}
	p.want("while it is fetched", asked, "clone list stays, it is in use: it is being fetched")
}

// TestCleanLinks removes nothing that lies behind a symbolic link.
func TestCleanLinks(t *testing.T) {
	g := gittest.New(t, history)
	p := newPantry(t, t.TempDir())
	p.Set([]repos.Cloned{of("list", g.URL())})
	p.sync()
	dir := p.Ready()["list"]
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Rename(filepath.Dir(dir), outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Dir(dir)); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	p.want("all clones lie behind a link", p.clean(repos.CleanUp{Names: []string{"list"}}), "clone list stays, "+filepath.Dir(dir)+": it lies behind a symbolic link")
	if !exists(filepath.Join(outside, filepath.Base(dir), "HEAD")) {
		t.Error("it is gone")
	}
	if err := errors.Join(os.Remove(filepath.Dir(dir)), os.Rename(outside, filepath.Dir(dir)), os.Rename(dir, outside), os.Symlink(outside, dir)); err != nil {
		t.Fatal(err)
	}
	p.want("the clone is a link", p.clean(repos.CleanUp{Names: []string{"list"}}), "")
	p.now = p.now.Add(400 * day)
	p.want("and old", p.clean(repos.CleanUp{}), "")
	if !exists(filepath.Join(outside, "HEAD")) {
		t.Error("it is gone")
	}
}

// TestCleanLeftovers removes what killed processes left, indexes of repositories
// that are gone or that nobody opens, and old documents.
func TestCleanLeftovers(t *testing.T) {
	g, gone, idle := gittest.New(t, history), gittest.New(t, history), gittest.New(t, history)
	home := t.TempDir()
	p := newPantry(t, home)
	p.Set([]repos.Cloned{of("list", g.URL())})
	p.sync()
	dir := p.Ready()["list"]
	for _, r := range []*gittest.Repo{gone, idle} {
		repo, err := p.registry.Visit().ForPath(deadline(t), r.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := repo.Index.WaitGraph(deadline(t)); err != nil {
			t.Fatal(err)
		}
	}
	p.close()
	if err := os.RemoveAll(gone.Dir); err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(home, "cache")
	write := func(path string, age time.Duration) {
		t.Helper()
		at := p.now.Add(-age)
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("left"), 0o600), os.Chtimes(path, at, at))
		if err != nil {
			t.Fatal(err)
		}
	}
	pack := filepath.Join(dir, "objects", "pack", "tmp_pack_x")
	document, young := filepath.Join(cache, "commits", "list", "old.commit"), filepath.Join(cache, "commits", "list", "young.commit")
	write(pack, 0)
	write(dir+".old/HEAD", 0)
	write(filepath.Join(cache, "clones", "other-0123.git.new", "HEAD"), 0)
	write(filepath.Join(home, "state", "clones", "record-1.tmp"), 2*day)
	write(filepath.Join(home, "state", "clones", "record-2.tmp"), 0)
	write(document, 40*day)
	write(young, day)
	want := "leftover list goes; leftover list goes; leftover other-0123 goes; leftover  goes; document list goes"
	p.want("dry", p.clean(repos.CleanUp{DryRun: true}), want)
	p.want("leftovers", p.clean(repos.CleanUp{}), want)
	for path, stays := range map[string]bool{pack: false, dir + ".old": false, document: false, young: true, dir: true, filepath.Join(home, "state", "clones", "record-2.tmp"): true} {
		if exists(path) != stays {
			t.Errorf("%s stays: %t", path, !stays)
		}
	}
	indexes := func() int {
		all, err := os.ReadDir(filepath.Join(cache, "index"))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	p.now = p.now.Add(8 * day)
	p.want("a repository is gone for a week", p.clean(repos.CleanUp{}), "leftover  goes; index "+filepath.Join(gone.Dir, ".git")+" goes")
	if indexes() != 1 {
		t.Errorf("%d indexes are left", indexes())
	}
	p.now = p.now.Add(83 * day)
	p.want("nobody opened the other for long", p.clean(repos.CleanUp{}), "document list goes; index "+idle.GitDir()+" goes")
	if indexes() != 0 || !exists(idle.GitDir()) {
		t.Errorf("%d indexes are left, or the repository went too", indexes())
	}
}

// TestCleanMaxSize packs a clone that is too large, and removes it where that does
// not help and it rests; one that is configured no longer goes before all others.
func TestCleanMaxSize(t *testing.T) {
	g := repository(t)
	p := newPantry(t, t.TempDir())
	k := of("list", g.URL())
	k.MaxSize = 150_000
	p.Set([]repos.Cloned{k})
	p.sync()
	g.Git("reset", "-q", "--hard", "HEAD~1") // what was fetched is still there, and more comes
	g.Do("commit two \"Fix the list\"\ncommit three \"Fix the list again\"")
	p.sync()
	p.want("small enough", p.clean(repos.CleanUp{}), "")
	k.MaxSize = 100_000
	p.Set([]repos.Cloned{k})
	over := func() string { return p.Status()[0].Over }
	if got := over(); !strings.HasPrefix(got, "it takes ") || !strings.HasSuffix(got, " more than its max_size of 100 kB") {
		t.Errorf("it is too large: %q", got)
	}
	p.want("dry", p.clean(repos.CleanUp{DryRun: true}), "pack list goes")
	p.want("packed", p.clean(repos.CleanUp{}), "pack list goes")
	p.want("it is small again", over()+states(p.Clones), "list active")
	if dir := p.Ready()["list"]; !has(t, dir, g.Hash("three").String()) {
		t.Error("it lost a commit")
	}
	k.MaxSize = 100
	p.Set([]repos.Cloned{k})
	p.want("packed a moment ago, and in use", p.clean(repos.CleanUp{}), "")
	p.now = p.now.Add(2 * day)
	p.want("it rests", p.clean(repos.CleanUp{}), "clone list goes")
	p.want("then", states(p.Clones), "list cleaned")

	k.MaxSize = 0
	p.Set([]repos.Cloned{k, of("more", repository(t).URL())})
	p.sync("list", "more")
	p.Set([]repos.Cloned{k})
	p.now = p.now.Add(8 * day)
	p.SetLimits(repos.Limits{Total: 100_000 + 50_000, Policy: repos.PolicyLRU})
	if got := p.clean(repos.CleanUp{Other: 50_000}); !strings.HasPrefix(got, "clone more-") || strings.Contains(got, ";") {
		t.Errorf("what is configured no longer goes first: %q", got)
	}
	p.Set([]repos.Cloned{k, of("more", g.URL())})
	p.want("its entry came back", states(p.Clones), "list active, more configured")
}

// TestCleanKilled ends what a killed clean-up began.
func TestCleanKilled(t *testing.T) {
	g := gittest.New(t, history)
	p := newPantry(t, t.TempDir())
	p.Set([]repos.Cloned{of("list", g.URL())})
	p.sync()
	dir := p.Ready()["list"]
	kept := dir + "-kept"
	if err := os.CopyFS(kept, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	p.want("cleaned", p.clean(repos.CleanUp{Names: []string{"list"}}), "clone list goes")
	if err := os.Rename(kept, dir); err != nil { // as before the kill
		t.Fatal(err)
	}
	p.want("a killed one", states(p.Clones), "list cleaned")
	p.want("the next one", p.clean(repos.CleanUp{}), "clone list goes")
	if exists(dir) {
		t.Error("it is still there")
	}
	p.want("then", states(p.Clones), "list cleaned")
}
