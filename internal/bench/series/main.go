// Command series changes the refs of a copy of a large repository at random,
// by pushes, force-pushes, and branches and tags that are made and deleted, while
// one server runs, and holds the server's answers against git after each step.
// `make series REPO=…` calls it. The repository itself is only read.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

func main() {
	bin := flag.String("bin", "bin/cabhfuil-lsp", "the program")
	repo := flag.String("repo", ".", "a full clone")
	steps := flag.Int("steps", 60, "how many changes")
	seed := flag.Uint64("seed", 1, "of the random changes")
	flag.Parse()
	s := &series{random: rand.New(rand.NewPCG(*seed, 0))}
	if err := s.run(*bin, *repo, *steps); err != nil {
		fmt.Fprintln(os.Stderr, "falls short:", err)
		os.Exit(1)
	}
}

type series struct {
	random *rand.Rand
	dir    string // the copy
	c      *client.Client
	all    []string // commits of the beginning
	made   []string // branches
	tags   []string
	n      int           // commits made
	slow   time.Duration // the longest time until a ref that moved was seen
}

func (s *series) git(args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-C", s.dir, "-c", "user.name=Series", "-c", "user.email=series@example.com"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), err
}

func (s *series) run(bin, repo string, steps int) (err error) {
	top, err := os.MkdirTemp("", "series-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(top) //nolint:errcheck // a temporary directory
	if bin, err = filepath.Abs(bin); err != nil {
		return err
	}
	s.dir = filepath.Join(top, "copy.git")
	if out, err := exec.Command("git", "clone", "--quiet", "--mirror", "--local", repo, s.dir).CombinedOutput(); err != nil {
		return fmt.Errorf("cloning: %w: %s", err, out)
	}
	if _, err := s.git("commit-graph", "write", "--reachable"); err != nil { // or git takes minutes
		return err
	}
	list, err := s.git("rev-list", "--branches", "--tags")
	if err != nil {
		return err
	}
	s.all = strings.Fields(list)
	ctx := context.Background()
	cmd := exec.CommandContext(ctx, bin, "--stdio", "--private")
	cmd.Env = append(os.Environ(), "HOME="+top, "XDG_CACHE_HOME="+top, "XDG_CONFIG_HOME="+top, "XDG_STATE_HOME="+top)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if s.c, err = client.New(ctx, pipe{out, in}, client.Options{Folders: []string{s.dir}}); err != nil {
		return err
	}
	for i := range steps {
		what, err := s.step(i)
		if err != nil {
			return err
		}
		if err := s.check(ctx); err != nil {
			return fmt.Errorf("after step %d, %s: %w", i, what, err)
		}
	}
	if err := s.c.Close(ctx); err != nil {
		return err
	}
	fmt.Printf("holds: %d changes of %s (%d commits) without a restart; a moved ref was seen after %s at most\n", steps, repo, len(s.all), s.slow.Round(time.Millisecond))
	return cmd.Wait()
}

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

// step changes refs and says how.
func (s *series) step(i int) (string, error) {
	kind := s.random.IntN(6)
	if i < 4 || len(s.made) == 0 {
		kind = 0
	}
	switch kind {
	case 0: // a new release line somewhere in history
		name := fmt.Sprintf("stable/series-%d", i)
		s.made = append(s.made, name)
		_, err := s.git("branch", name, pick(s.random, s.all))
		return "new branch " + name, err
	case 1, 2: // a push of a few commits
		name := pick(s.random, s.made)
		for range 1 + s.random.IntN(5) {
			s.n++
			commit, err := s.git("commit-tree", "-p", name, "-m", fmt.Sprintf("Series\n\nseriesword%d\n", s.n), name+"^{tree}")
			if err != nil {
				return "", err
			}
			if _, err := s.git("update-ref", "refs/heads/"+name, commit); err != nil {
				return "", err
			}
		}
		return "push to " + name, nil
	case 3: // a force-push
		name := pick(s.random, s.made)
		_, err := s.git("update-ref", "refs/heads/"+name, pick(s.random, s.all))
		return "force-push of " + name, err
	case 4: // a branch goes
		j := s.random.IntN(len(s.made))
		name := s.made[j]
		s.made = slices.Delete(s.made, j, j+1)
		_, err := s.git("branch", "-D", name)
		return "deleted " + name, err
	}
	if len(s.tags) > 3 && s.random.IntN(2) == 0 {
		j := s.random.IntN(len(s.tags))
		name := s.tags[j]
		s.tags = slices.Delete(s.tags, j, j+1)
		_, err := s.git("tag", "-d", name)
		return "deleted tag " + name, err
	}
	name := fmt.Sprintf("series-v1.%d", i)
	s.tags = append(s.tags, name)
	_, err := s.git("tag", "-a", "-m", name, name, pick(s.random, s.made))
	return "new tag " + name, err
}

// check asks about old commits and the tips, and searches for what was made.
func (s *series) check(ctx context.Context) error {
	keys := []string{pick(s.random, s.all), pick(s.random, s.all)}
	for _, name := range s.made {
		tip, err := s.git("rev-parse", name)
		if err != nil {
			return err
		}
		keys = append(keys, tip)
	}
	uri := (&url.URL{Scheme: "file", Path: filepath.ToSlash(s.dir)}).String()
	start := time.Now()
	var answers []history.Answer
	if err := s.c.Execute(ctx, "cabhfuil.where", map[string]any{"keys": keys, "uri": uri, "wait": true}, &answers); err != nil {
		return err
	}
	if len(s.made) > 1 || s.n > 0 { // the first one waits for the index
		s.slow = max(s.slow, time.Since(start))
	}
	for i, a := range answers {
		if len(a.Matches) != 1 {
			return fmt.Errorf("%s: %d matches", keys[i], len(a.Matches))
		}
		if err := s.hold(a.Matches[0]); err != nil {
			return fmt.Errorf("%s: %w", keys[i], err)
		}
	}
	if s.n == 0 {
		return nil
	}
	word := fmt.Sprintf("seriesword%d", 1+s.random.IntN(s.n))
	want, err := s.git("log", "--branches", "--tags", "--format=%H", "-F", "-w", "--perl-regexp", "--grep=\\b"+word+"\\b")
	if err != nil {
		return err
	}
	var found history.SearchResult
	if err := s.c.Execute(ctx, "cabhfuil.search", map[string]any{"query": word, "uri": uri, "wait": true}, &found); err != nil {
		return err
	}
	var got []string
	for _, h := range found.Hits {
		got = append(got, h.SHA.String())
	}
	if expected := strings.Fields(want); !slices.Equal(expected, got) {
		return fmt.Errorf("%s is in %v, git says %v", word, got, expected)
	}
	return nil
}

// hold compares a card with git's own answer.
func (s *series) hold(m history.Match) error {
	sha := m.Commit.Hash.String()
	tags, err := s.git("for-each-ref", "--contains", sha, "--format=%(refname:strip=2)", "refs/tags")
	if err != nil {
		return err
	}
	all := slices.Sorted(slices.Values(m.Tags.All))
	want := strings.Fields(tags)
	slices.Sort(want)
	if !slices.Equal(all, want) {
		return fmt.Errorf("in %d tags, git says %d", len(all), len(want))
	}
	heads, err := s.git("for-each-ref", "--contains", sha, "--format=%(refname)", "refs/heads")
	if err != nil {
		return err
	}
	on := strings.Fields(heads)
	listed := map[string]bool{}
	for _, l := range m.Branches {
		listed[l.Ref] = true
		if !strings.HasPrefix(l.Ref, "refs/heads/") {
			continue
		}
		has, says := slices.Contains(on, l.Ref), l.Status == history.Contains
		if has && l.Status == history.Reverted && l.RevertedBy != nil { // git says that it is there, and so is a revert
			if says, err = s.isRevert(l.RevertedBy.String(), l.Ref); err != nil {
				return err
			}
		}
		if says && !has && l.Commit != nil && l.Commit.String() != sha { // its original is what the line contains
			if has, err = s.isOn(l.Commit.String(), l.Ref); err != nil {
				return err
			}
		}
		if has != says {
			return fmt.Errorf("on %s it is %s, git says %v", l.Name, l.Status, has)
		}
	}
	for _, name := range s.made {
		if !listed["refs/heads/"+name] {
			return fmt.Errorf("the line %s is not listed", name)
		}
	}
	return nil
}

// isRevert says whether a ref has a commit, which calls itself a revert.
func (s *series) isRevert(sha, ref string) (bool, error) {
	found, err := s.git("log", "--no-walk", "--format=%H", "-i", "--grep=revert", sha)
	if err != nil || found == "" {
		return false, err
	}
	return s.isOn(sha, ref)
}

// isOn says whether a ref contains a commit.
func (s *series) isOn(sha, ref string) (bool, error) {
	on, err := s.git("for-each-ref", "--contains", sha, "--format=%(refname)", ref)
	return on != "", err
}

type pipe struct {
	io.Reader
	io.WriteCloser
}
