package gittest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

func TestMain(m *testing.M) {
	// A host that is as unhelpful as it can be: Isolate is to hide all of it.
	for name, value := range hostile {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(gittest.Isolate(m).Run())
}

var hostile = map[string]string{
	"GIT_DIR": "/nonexistent", "GIT_INDEX_FILE": "/nonexistent", "GIT_AUTHOR_NAME": "Host",
	"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "commit.gpgSign", "GIT_CONFIG_VALUE_0": "true",
}

// TestIsolate holds that the tested code sees nothing of the host's git.
func TestIsolate(t *testing.T) {
	t.Parallel()
	for name := range hostile {
		if value, ok := os.LookupEnv(name); ok {
			t.Errorf("%s is still %q", name, value)
		}
	}
	cmd := exec.CommandContext(t.Context(), "git", "config", "--list", "--show-origin")
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("git's configuration outside of a repository: %v\n%s", err, out)
	}
}

// TestHost holds that New sees nothing of the host's git either, in a process
// that is not isolated.
func TestHost(t *testing.T) {
	for name, value := range hostile {
		t.Setenv(name, value)
	}
	r := gittest.New(t, releases)
	if diff := cmp.Diff(names["joined"], r.Hash("joined").String()); diff != "" {
		t.Errorf("the object name depends on the host (-want +got):\n%s", diff)
	}
}

const releases = `
# Two lines, the stable one with a backport.
init --object-format=sha1 main
commit one "Add a list" list.c=@list.c
commit two "Fix the \"list\"" body list.c="int list;"
branch stable/1.0 one
checkout stable/1.0
cherry-pick two-1.0 -x two
tag -a v1.0.1
tag v1.0.0 one
checkout main
revert un-two two
commit three 'Say "no"' dir/a=1 list.c= --author="Some One <one@example.com>"
checkout -b topic two
tick 24h
commit four "Go on"
checkout main
merge joined four
git branch --move topic done
label tip done
-- body --
Fixes: ${one:12} ("Add a list")
Whole: ${one}
-- list.c --
int list
`

// TestScript holds every command against what git says of the result.
func TestScript(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, releases)
	check := func(want string, args ...string) {
		t.Helper()
		if diff := cmp.Diff(want, r.Git(args...)); diff != "" {
			t.Errorf("git %s (-want +got):\n%s", strings.Join(args, " "), diff)
		}
	}
	one, two := r.Hash("one").String(), r.Hash("two").String()
	check("refs/heads/done\nrefs/heads/main\nrefs/heads/stable/1.0\nrefs/tags/v1.0.0\nrefs/tags/v1.0.1",
		"for-each-ref", "--format=%(refname)")
	check("Fix the \"list\"\n\nFixes: "+one[:12]+" (\"Add a list\")\nWhole: "+one, "log", "-1", "--format=%B", two)
	check("int list;", "show", two+":list.c")
	check("int list", "show", one+":list.c")
	check("dir/a\nfour.txt", "ls-tree", "-r", "--name-only", "main")
	check("tag", "cat-file", "-t", "v1.0.1")
	check(one, "rev-parse", "v1.0.0")
	check("Merge four", "log", "-1", "--format=%s", "main")
	check("Some One <one@example.com>|A U Thor <author@example.com>", "log", "-1", "--format=%an <%ae>|%cn <%ce>", "main^")
	if got := r.Git("log", "-1", "--format=%b", "stable/1.0"); !strings.Contains(got, "(cherry picked from commit "+two+")") {
		t.Errorf("the cherry-pick has no trailer: %q", got)
	}
	if got, want := r.Hash("tip"), r.Hash("four"); got != want {
		t.Errorf("label tip is %v, not %v", got, want)
	}

	var parents []history.Hash
	for _, p := range strings.Fields(r.Git("rev-parse", "main^@")) {
		parents = append(parents, history.MustHash(p))
	}
	if diff := cmp.Diff([]string{"three", "four"}, r.Labels(parents...)); diff != "" {
		t.Errorf("parents of the merge (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]history.Hash{r.Hash("three"), r.Hash("four")}, parents, gittest.EquateHashes()); diff != "" {
		t.Errorf("parents of the merge (-want +got):\n%s", diff)
	}
}

// names are constants, since a change of git, of the host or of this package that
// moves one would move every golden file.
var names = map[string]string{
	"one":     "cdbcb195edf3f7b7b2e28c7af1cf7fc499d00493",
	"two":     "d502f67a4029f37b9096db8027389ccc17cfc5bf",
	"two-1.0": "f2c3eee3522af222c2bd4c30b406df85255dd583",
	"un-two":  "58f9511e1f86c35a1ff383a2e8730595cef31b4a",
	"three":   "7a89f72c51272f3a284d4e455df5e2f3b7f08445",
	"four":    "ec758b89ebe7d462220ae5036e279ae2ca021415",
	"joined":  "035c92009faee894800ae30d0c4ffa2cf126443c",
}

func TestNames(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, releases)
	got := map[string]string{}
	for label := range names {
		got[label] = r.Hash(label).String()
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("object names (-want +got):\n%s", diff)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, `
commit a A
commit b B
tick 24h
commit c C --date=1000000000+0130
`)
	const hour = 3600
	want := fmt.Sprintf("1000000000 %d\n%d %d\n%d %d", gittest.Epoch+26*hour,
		gittest.Epoch+hour, gittest.Epoch+hour, gittest.Epoch, gittest.Epoch)
	if diff := cmp.Diff(want, r.Git("log", "--format=%at %ct")); diff != "" {
		t.Errorf("dates (-want +got):\n%s", diff)
	}
}

func TestPushes(t *testing.T) {
	t.Parallel()
	hub := gittest.New(t, "commit one One").Clone("--bare")
	work := hub.Clone()
	work.Do(`
commit two Two
git push --quiet origin HEAD:main HEAD:refs/heads/new/branch
`)
	if got := hub.Git("rev-parse", "main", "new/branch"); got != hub.Hash("two").String()+"\n"+hub.Hash("two").String() {
		t.Errorf("after the push: %s", got)
	}
	work.Do(`
git reset --quiet --hard ${one}
commit three Three
git push --quiet --force origin main :new/branch
`)
	if diff := cmp.Diff("refs/heads/main "+hub.Hash("three").String(), hub.Git("for-each-ref", "--format=%(refname) %(objectname)")); diff != "" {
		t.Errorf("after the forced push (-want +got):\n%s", diff)
	}
}

func TestClones(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "commit one One\ncommit two Two\ncommit three Three")
	shallow := r.Clone("--depth=2")
	if got := shallow.Labels(history.MustHash(shallow.Git("rev-list", "--max-parents=0", "HEAD"))); got[0] != "two" {
		t.Errorf("the shallow clone ends at %s, not at two", got)
	}
	partial := r.Clone("--filter=blob:none", "--no-checkout")
	if got := partial.Git("rev-list", "--objects", "--missing=print", "HEAD"); !strings.Contains(got, "?") {
		t.Errorf("the partial clone has everything:\n%s", got)
	}
	r.Do("git worktree add --quiet ../linked -b linked ${one}")
	linked := r.At("../linked")
	linked.Do("commit four Four")
	if got := r.Git("rev-parse", "linked"); got != r.Hash("four").String() {
		t.Errorf("the linked work tree's commit is %s, not four", got)
	}
	if want := filepath.Join(r.GitDir(), "worktrees", "linked"); linked.GitDir() != want {
		t.Errorf("the linked work tree's git directory is %s, not %s", linked.GitDir(), want)
	}
}

// TestObject makes a commit that git itself would not make.
func TestObject(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, `
commit one One
object odd commit odd
branch odd-branch odd
-- odd --
tree ${one:tree}
parent ${one}
author nobody at all
committer <> 99999999999999999999 +9999

Odd
`)
	want := "tree " + r.Git("rev-parse", r.Hash("one").String()+"^{tree}") + "\nparent " + r.Hash("one").String() +
		"\nauthor nobody at all\ncommitter <> 99999999999999999999 +9999\n\nOdd"
	if diff := cmp.Diff(want, r.Git("cat-file", "commit", "odd-branch")); diff != "" {
		t.Errorf("the object (-want +got):\n%s", diff)
	}
}

func TestSHA256(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "init --object-format=sha256 trunk\ncommit one One")
	if got := r.Hash("one").Size(); got != 32 {
		t.Errorf("the object name has %d bytes", got)
	}
	if got := r.Git("symbolic-ref", "HEAD"); got != "refs/heads/trunk" {
		t.Errorf("HEAD is %s", got)
	}
}

func TestEmpty(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "")
	if got := r.Git("symbolic-ref", "HEAD") + r.Git("for-each-ref"); got != "refs/heads/main" {
		t.Errorf("an empty script makes %q", got)
	}
}

// TestMistakes holds that a wrong script fails its test, and where.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"comit a A":                         "script line 1: comit a A: no such command",
		"commit a":                          "needs 2 words",
		"\n\ncommit a A nobody":             `script line 3: commit a A nobody: the script has no file "nobody"`,
		"commit a A f=${b}":                 `no label "b"`,
		"commit a A\ncommit b B f=${a:99}":  "has 40 digits",
		"commit a A\ncommit a B":            `label "a" names`,
		"commit a A ../f=1":                 "inside the repository",
		"commit a \"A":                      `" is not closed`,
		`commit a "\q"`:                     `unknown escape \q`,
		"commit a A\ncherry-pick b a a":     "takes one commit",
		"commit a A\ncherry-pick b missing": "bad revision",
		"init main\ninit main":              "no such command",
		"tick soon":                         "invalid duration",
		"commit ~a A":                       "is no label",
		"git frobnicate":                    "frobnicate",
	} {
		if got := failure(t, script); !strings.Contains(got, want) {
			t.Errorf("%q fails with %q, want %q", script, got, want)
		}
	}
}

// failure is what a script fails its test with.
func failure(t *testing.T, script string) string {
	t.Helper()
	f := &failing{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		gittest.New(f, script)
	}()
	<-done
	return f.text
}

// failing is a test that notes its failure instead of failing.
type failing struct {
	testing.TB
	text string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (f *failing) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }
