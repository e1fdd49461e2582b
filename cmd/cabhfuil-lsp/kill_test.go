package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// busy is a repository whose refs move, with the program that follows it.
type busy struct {
	*gittest.Repo
	p      program
	random *rand.Rand
	made   int // commits, over all
	tags   int
}

const vocabulary = 400

func newBusy(t *testing.T, seed uint64, commits int) *busy {
	t.Helper()
	r := gittest.New(t, "init main\n")
	b := &busy{Repo: r, p: program{home: t.TempDir(), dir: r.Dir}, random: rand.New(rand.NewPCG(seed, 0))}
	b.grow("refs/heads/main", "", commits)
	b.Git("tag", "v1", fmt.Sprintf("main~%d", commits/2))
	b.Git("branch", "stable/1", "v1")
	b.grow("refs/heads/stable/1", "refs/heads/stable/1", commits/20)
	return b
}

// grow puts commits on a ref, which then begins at from, or at nothing.
func (b *busy) grow(ref, from string, commits int) {
	var s strings.Builder
	for i := range commits {
		b.made++
		message := fmt.Sprintf("Change %d word%04d\n\nword%04d and word%04d\n", b.made, b.made%vocabulary, b.random.IntN(vocabulary), b.random.IntN(vocabulary))
		fmt.Fprintf(&s, "commit %s\ncommitter %s <%s> %d +0000\ndata %d\n%s\n", ref, gittest.Name, gittest.Email, gittest.Epoch+b.made, len(message), message)
		if i == 0 && from != "" {
			fmt.Fprintf(&s, "from %s^0\n", from)
		}
		s.WriteByte('\n')
	}
	b.Import(s.String())
}

// move changes the refs in one of the ways that people do.
func (b *busy) move() string {
	switch what := b.random.IntN(5); what {
	case 0:
		b.grow("refs/heads/main", "refs/heads/main", 1+b.random.IntN(60))
		return "new commits"
	case 1:
		b.grow("refs/heads/stable/1", fmt.Sprintf("refs/heads/main~%d", 1+b.random.IntN(300)), 1+b.random.IntN(40))
		return "a force-push"
	case 2:
		b.grow("refs/heads/stable/2", "refs/heads/main~7", 20)
		return "a new branch"
	case 3:
		if b.Git("for-each-ref", "refs/heads/stable/2") != "" {
			b.Git("branch", "-q", "-D", "stable/2")
			return "a branch deleted"
		}
		fallthrough
	default:
		b.tags++
		b.Git("tag", fmt.Sprintf("v1.%d", b.tags), fmt.Sprintf("main~%d", b.random.IntN(100)))
		return "a tag"
	}
}

// ask runs a verb, which must succeed.
func (p program) ask(t *testing.T, into any, args ...string) (stderr string) {
	t.Helper()
	stdout, stderr, code, err := p.run("", append(args, "--format", "json")...)
	if err != nil || code != 0 {
		t.Fatalf("%v: %v, exit %d\n%s%s", args, err, code, stdout, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), into); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, stdout)
	}
	return stderr
}

// check holds where for sampled commits and search for a word against git.
func (b *busy) check(t *testing.T) {
	t.Helper()
	b.checkWhere(t)
	b.checkSearch(t)
}

func (b *busy) checkWhere(t *testing.T) {
	t.Helper()
	all := strings.Fields(b.Git("rev-list", "--all"))
	var keys []string
	for range 4 {
		keys = append(keys, all[b.random.IntN(len(all))])
	}
	var answers []history.Answer
	b.p.ask(t, &answers, append([]string{"where"}, keys...)...)
	for i, a := range answers {
		if len(a.Matches) != 1 {
			t.Errorf("%s has %d answers", keys[i], len(a.Matches))
			continue
		}
		got := map[string]bool{}
		for _, l := range a.Matches[0].Branches {
			if l.Status == history.Contains {
				got[l.Ref] = true
			}
		}
		want := map[string]bool{}
		for _, ref := range strings.Fields(b.Git("for-each-ref", "--format=%(refname)", "--contains", keys[i], "refs/heads")) {
			want[ref] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("branches of %s (-git +ours):\n%s", keys[i], diff)
		}
		tags := strings.Fields(b.Git("tag", "--contains", keys[i]))
		if diff := cmp.Diff(sorted(tags), sorted(a.Matches[0].Tags.All)); diff != "" {
			t.Errorf("tags of %s (-git +ours):\n%s", keys[i], diff)
		}
	}
}

func (b *busy) checkSearch(t *testing.T) {
	t.Helper()
	word := fmt.Sprintf("word%04d", b.random.IntN(vocabulary))
	var result history.SearchResult
	b.p.ask(t, &result, "search", "--limit", "100000", word)
	var got []string
	for _, h := range result.Hits {
		got = append(got, h.SHA.String())
	}
	want := strings.Fields(b.Git("log", "--all", "--format=%H", "--fixed-strings", "--grep="+word))
	if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
		t.Errorf("%s (-git +ours):\n%s", word, diff)
	}
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

// indexDir is the directory of the only index.
func (p program) indexDir(t *testing.T) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(p.home, ".cache", "ca-bhfuil", "index", "*"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("the indexes are %q, %v", dirs, err)
	}
	return dirs[0]
}

// phase is how far the index on disk is.
func (p program) phase() string {
	var got []string
	for _, part := range []string{"lock", "manifest.json", "g*/graph", "g*/graph-*", "manifest-*", "g*/text/store/root.bolt", "g*/text/store/*.zap"} {
		if files, err := filepath.Glob(filepath.Join(p.home, ".cache", "ca-bhfuil", "index", "*", part)); err == nil && len(files) > 0 {
			got = append(got, part)
		}
	}
	return strings.Join(got, " ")
}

// killed starts a verb and kills it after a while; ended says that it was over
// before. took is how long it ran.
func (p program) killed(t *testing.T, after time.Duration, args ...string) (took time.Duration, ended bool) {
	t.Helper()
	start := time.Now()
	cmd := p.command(args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("%v: %v\n%s", args, err, said.String())
		}
		return time.Since(start), true
	case <-time.After(after): // the moment is what is varied
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-done
	if strings.Contains(said.String(), "panic") {
		t.Error(said.String())
	}
	return time.Since(start), false
}

func (p program) command(args ...string) *exec.Cmd {
	if !p.shared {
		args = append([]string{"--private"}, args...)
	}
	exe := p.exe
	if exe == "" {
		exe = os.Args[0]
	}
	cmd := exec.Command(exe, args...)
	cmd.Dir, cmd.Env = p.dir, p.environment()
	return cmd
}

// TestKills kills the program 50 times while it indexes a repository for the
// first time and while it follows changes. It always opens again, and its answers
// are git's.
func TestKills(t *testing.T) {
	t.Parallel()
	const kills = 50
	b := newBusy(t, 1, 2500)
	cache := filepath.Join(b.p.home, ".cache")
	took := func(args ...string) time.Duration {
		start := time.Now()
		if _, stderr, code, err := b.p.run("", args...); err != nil || code != 0 {
			t.Fatalf("%v: %v, exit %d\n%s", args, err, code, stderr)
		}
		return time.Since(start)
	}
	first := took("search", "word0001")
	b.grow("refs/heads/main", "refs/heads/main", 50)
	update := took("search", "word0001")
	phases := map[string]int{}
	hit := 0
	for i := 0; hit < kills && i < 2*kills; i++ {
		full, what := &update, ""
		if i%3 == 0 {
			if i%2 == 0 { // else what the last kill left is gone on with
				if err := os.RemoveAll(cache); err != nil {
					t.Fatal(err)
				}
			}
			full, what = &first, "a first indexing"
		} else {
			what = b.move()
		}
		after := time.Duration(b.random.Int64N(int64(*full)))
		if took, ended := b.p.killed(t, after, "search", "word0001"); ended {
			*full = took // the machine has become faster, or less busy
		} else {
			hit++
			phases[b.p.phase()]++
			*full += *full / 16
		}
		switch {
		case t.Failed():
			t.Fatalf("after kill %d, %v into %s", i, after, what)
		case i%10 == 9:
			b.check(t)
		case i%3 == 1:
			b.checkWhere(t)
		}
		if t.Failed() {
			keepForLater(t, b.p.home)
			t.Fatalf("after kill %d, %v into %s", i, after, what)
		}
	}
	b.check(t)
	for _, half := range []string{"g*/graph-*", "manifest-*"} {
		if left, err := filepath.Glob(filepath.Join(b.p.indexDir(t), half)); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	}
	t.Logf("first %v, update %v, %d kills:", first, update, hit)
	for phase, n := range phases {
		t.Logf("%3d × %s", n, phase)
	}
	if hit < kills || len(phases) < 3 {
		t.Errorf("%d kills hit, in %d phases: they prove little", hit, len(phases))
	}
}

// keepForLater shows what a failed test leaves.
func keepForLater(t *testing.T, home string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(home, ".cache"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				t.Logf("%8d %s", info.Size(), path)
			}
		}
		return err
	})
	if err != nil {
		t.Log(err)
	}
}
