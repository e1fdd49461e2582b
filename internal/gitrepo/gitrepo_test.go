package gitrepo_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(gittest.Isolate(m)) }

// backends are what reads a repository; plumbing is git without our own reading
// of packs.
var backends = []string{"git", "plumbing", "go-git"}

func open(t *testing.T, dir, backend string) *gitrepo.Repository {
	t.Helper()
	r, err := tryOpen(t, dir, backend)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tryOpen(t *testing.T, dir, backend string) (*gitrepo.Repository, error) {
	t.Helper()
	ctx := context.Background()
	loc, err := gitrepo.Discover(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	opt := gitrepo.Options{Backend: gitrepo.Git, ViewDir: t.TempDir()}
	if backend == "go-git" {
		opt.Backend = gitrepo.GoGit
	}
	r, err := gitrepo.Open(ctx, loc, opt)
	if err != nil {
		return nil, err
	}
	if backend == "plumbing" {
		r.AskGit()
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, nil
}

const script = `
commit one "Begin" odd
tag light
tag -a annotated
git tag -a -m nested nested annotated
branch topic
commit two "Second"
checkout topic
commit three "On a topic"
checkout main
merge four topic
git tag -a -m tree tree ${one:tree}
git tag treeish ${one:tree}
git update-ref refs/remotes/origin/main ${two}
git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/main
git update-ref refs/pull/1/head ${two}
-- odd --
A body with é and trailing space.
`

// refsOf is what history.Refs documents, as git itself tells it.
func refsOf(r *gittest.Repo) []string {
	var want []string
	for line := range strings.Lines(r.Git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes", "refs/tags")) {
		name := strings.TrimSpace(line)
		if strings.HasSuffix(name, "/HEAD") || strings.HasPrefix(name, "refs/tags/tree") {
			continue
		}
		want = append(want, name+" "+strings.TrimSpace(r.Git("rev-parse", name+"^{commit}")))
	}
	return want
}

// alike is a history whose commits are deltas of each other in a pack.
func alike() string {
	long := strings.Repeat("a long line that all of them have, and that no commit changes\n", 30)
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "commit c%d \"Change %d\" body\n", i, i)
	}
	return b.String() + "-- body --\n" + long
}

// repacked is a repository with a history of deltas, which the test makes sure of.
func repacked(t *testing.T, options ...string) *gittest.Repo {
	r := gittest.New(t, alike())
	r.Git(append(options, "repack", "-adfq", "--depth=20", "--window=50")...)
	packs, err := filepath.Glob(filepath.Join(r.Dir, ".git", "objects", "pack", "*.idx"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("%d packs, %v", len(packs), err)
	}
	deltas := 0
	for line := range strings.Lines(r.Git("verify-pack", "-v", packs[0])) {
		if f := strings.Fields(line); len(f) == 7 && f[1] == "commit" {
			deltas++
		}
	}
	if deltas < 10 {
		t.Fatalf("%d commits are deltas", deltas)
	}
	return r
}

// TestConformance holds all backends to one contract, and to git.
func TestConformance(t *testing.T) {
	t.Parallel()
	var oracle *gittest.Repo // where git itself is asked, if not in the shape
	shapes := map[string]func(t *testing.T) *gittest.Repo{
		"loose": func(t *testing.T) *gittest.Repo { return gittest.New(t, script) },
		"packed": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			r.Do("git pack-refs --all\ngit repack -adq")
			return r
		},
		"deltas":       func(t *testing.T) *gittest.Repo { return repacked(t) },
		"named deltas": func(t *testing.T) *gittest.Repo { return repacked(t, "-c", "repack.useDeltaBaseOffset=false") },
		"many packs": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			r.Do("git repack -dq\ncommit five \"Five\"\ngit repack -dq\ncommit six \"Six\"\ngit repack -dq\ngit multi-pack-index write")
			return r
		},
		"commit-graph": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			r.Do("git commit-graph write --reachable --split\ncommit five \"Five\"\ngit commit-graph write --reachable --split=no-merge")
			return r
		},
		"nested names": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			r.Do("branch a/b/c/d one\nbranch a/b/c.d two\ngit pack-refs --all\nbranch a/b/e/f/g\ngit branch -D a/b/c/d\nbranch a/b/c/d three")
			return r
		},
		"worktree": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			dir := filepath.Join(t.TempDir(), "linked")
			r.Git("worktree", "add", "-q", dir, "topic")
			return r.At(dir)
		},
		"submodule": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, "commit super \"Super\"")
			r.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", gittest.New(t, script).URL(), "sub")
			return r.At(filepath.Join(r.Dir, "sub"))
		},
		"without blobs": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			r.Do("git config uploadpack.allowFilter true")
			return r.Clone("--bare", "--filter=blob:none")
		},
		"without trees": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, alike())
			r.Do("git config uploadpack.allowFilter true")
			return r.Clone("--bare", "--filter=tree:0")
		},
		"worktree, detached": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			r.Do("git worktree add -q --detach ../linked ${one}")
			linked := r.At("../linked")
			linked.Do("commit alone \"Alone\"")
			return linked
		},
		"multi-pack-index with bitmaps": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			r.Do("git repack -dq\ncommit five \"Five\"\ngit repack -dq\ngit multi-pack-index write --bitmap\ngit commit-graph write --reachable --changed-paths")
			return r
		},
		"relative alternates in a chain": func(t *testing.T) *gittest.Repo {
			base := gittest.New(t, script)
			base.Do("git repack -adq")
			middle := base.Clone("--shared")
			middle.Do("commit five \"Five\"")
			last := middle.Clone("--shared")
			last.Do("commit six \"Six\"")
			for _, pair := range [][2]*gittest.Repo{{middle, base}, {last, middle}} {
				objects := filepath.Join(pair[0].GitDir(), "objects")
				path, err := filepath.Rel(objects, filepath.Join(pair[1].GitDir(), "objects"))
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(objects, "info", "alternates"), path+"\n")
			}
			return last
		},
		"SHA-256": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, "init --object-format=sha256 main\n"+script)
			r.Do("git repack -adq\ncommit five \"Five\"")
			return r
		},
		"replaced": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			r.Do("git replace --graft ${four} ${one}\ngit replace ${two} ${three}")
			return r
		},
		"grafted": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			oracle = r.Clone("--mirror")
			write(t, filepath.Join(r.GitDir(), "info", "grafts"), r.Hash("two").String()+"\n")
			return r
		},
		"bare by layout": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script).Clone("--bare")
			r.Git("config", "core.bare", "false")
			return r
		},
		"deepened": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script).Clone("--depth=1", "--no-single-branch")
			r.Git("fetch", "-q", "--deepen=1")
			return r
		},
		"unborn": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			r.Do("git symbolic-ref HEAD refs/heads/unborn")
			return r
		},
		"gc": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			r.Do("git gc -q --prune=now")
			return r
		},
		"odd names": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			for _, name := range []string{"ünï", "'quo\"ted'", "-dash", "@", "<b>&amp;", "\xff\xfe", strings.Repeat("long/", 30), "HEAD", "refs/heads/main"} {
				for _, space := range []string{"heads", "tags", "remotes/origin"} {
					r.Git("update-ref", "refs/"+space+"/x"+name+"x", r.Hash("one").String())
				}
			}
			return r
		},
		"symbolic refs": func(t *testing.T) *gittest.Repo {
			r := gittest.New(t, script)
			r.Do("git symbolic-ref refs/heads/alias refs/heads/topic\ngit symbolic-ref refs/heads/dangling refs/heads/nowhere\ngit symbolic-ref refs/tags/newest refs/tags/annotated")
			return r
		},
		"bare":     func(t *testing.T) *gittest.Repo { return gittest.New(t, script).Clone("--bare") },
		"shallow":  func(t *testing.T) *gittest.Repo { return gittest.New(t, script).Clone("--depth=2") },
		"shared":   func(t *testing.T) *gittest.Repo { return gittest.New(t, script).Clone("--shared") },
		"detached": func(t *testing.T) *gittest.Repo { r := gittest.New(t, script); r.Do("checkout --detach two"); return r },
		"empty":    func(t *testing.T) *gittest.Repo { return gittest.New(t, "init main\n") },
	}
	ctx := context.Background()
	for name, build := range shapes {
		oracle = nil
		repo := build(t)
		if oracle == nil {
			oracle = repo
		}
		git := func(args ...string) string {
			return oracle.Git(append([]string{"--no-replace-objects"}, args...)...)
		}
		for _, backend := range backends {
			t.Run(name+"/"+backend, func(t *testing.T) {
				r, err := tryOpen(t, repo.Dir, backend)
				if goGitLacks[name] && backend == "go-git" {
					if !errors.Is(err, gitrepo.ErrFormat) || !strings.Contains(err.Error(), repo.Dir) {
						t.Errorf("opened: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				unborn := name == "empty" || name == "unborn"
				refs, err := r.Refs(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				var tips []history.Hash
				for _, ref := range refs.List {
					tips = append(tips, ref.Commit)
					if ref.Kind() != history.HeadRef {
						got = append(got, ref.Name+" "+ref.Commit.String())
					}
				}
				if refs.LeftOut != 0 || refs.Bare != strings.HasPrefix(name, "bare") && !strings.HasPrefix(name, "without") {
					t.Errorf("%d refs left out, bare: %v", refs.LeftOut, refs.Bare)
				}
				if diff := cmp.Diff(refsOf(repo), got); diff != "" {
					t.Errorf("refs (-git +ours):\n%s", diff)
				}
				if head := refs.Head; (name == "detached") != (head == "") {
					t.Errorf("HEAD is %q", head)
				}
				if len(tips) == 0 {
					return
				}
				seen := map[history.Hash]*history.Commit{}
				if err := r.Walk(ctx, tips, nil, func(c *history.Commit) error { seen[c.Hash] = c; return nil }); err != nil {
					t.Fatal(err)
				}
				want := []string{"rev-list", "--branches", "--tags", "--remotes"}
				if !unborn {
					want = append(want, "HEAD")
				}
				want = strings.Fields(git(want...))
				if len(seen) != len(want) {
					t.Errorf("%d commits, git has %d", len(seen), len(want))
				}
				for _, h := range want {
					c := seen[history.MustHash(h)]
					if c == nil {
						t.Errorf("%s is not walked", h)
						continue
					}
					theirs := git("log", "-1", "--no-show-signature", "--format=%H%n%P%n%an <%ae> %aI%n%cn <%ce> %cI%n%s%n%b", h)
					var parents []string
					for _, p := range c.Parents {
						parents = append(parents, p.String())
					}
					ours := strings.Join([]string{c.Hash.String(), strings.Join(parents, " "), person(c.Author), person(c.Committer), c.Subject(), c.Body()}, "\n")
					if diff := cmp.Diff(strings.TrimSpace(theirs), strings.TrimSpace(ours)); diff != "" {
						t.Errorf("%s (-git +ours):\n%s", h, diff)
					}
					if one, err := r.Commit(ctx, c.Hash); err != nil || cmp.Diff(c.Message, one.Message) != "" || !slices.Equal(c.Parents, one.Parents) {
						t.Errorf("%s read alone is another: %v", h, err)
					}
					if short, err := r.Abbreviated(ctx, strings.ToUpper(h[:9])); err != nil || !slices.Equal(short, []history.Hash{c.Hash}) {
						t.Errorf("%s abbreviated: %v, %v", h[:9], short, err)
					}
				}
				count := 0
				if err := r.Walk(ctx, tips, append(tips, history.MustHash(strings.Repeat("1", len(want[0])))), func(*history.Commit) error { count++; return nil }); err != nil || count != 0 {
					t.Errorf("%d new commits behind what is known, %v", count, err)
				}
				if _, err := r.Commit(ctx, history.MustHash(strings.Repeat("1", len(want[0])))); !errors.Is(err, gitrepo.ErrNotFound) {
					t.Errorf("a commit that is not there: %v", err)
				}
				for _, rev := range []string{"HEAD", "HEAD^", "HEAD~1"} {
					if unborn || rev != "HEAD" && name == "shallow" {
						continue
					}
					if h, err := r.Resolve(ctx, r.Location().GitDir, rev); err != nil || h.String() != git("rev-parse", rev) {
						t.Errorf("%s: %v, %v, for git %s", rev, h, err, git("rev-parse", rev))
					}
				}
				for _, rev := range []string{"", ":/Begin", "--all", "no-such"} {
					if _, err := r.Resolve(ctx, "", rev); !errors.Is(err, gitrepo.ErrNotFound) {
						t.Errorf("%q: %v", rev, err)
					}
				}
				cancelled, cancel := context.WithCancel(ctx)
				cancel()
				if err := r.Walk(cancelled, tips, nil, func(*history.Commit) error { return nil }); !errors.Is(err, context.Canceled) {
					t.Errorf("a cancelled walk: %v", err)
				}
			})
		}
	}
}

// goGitLacks are the shapes that only an installed git reads.
var goGitLacks = map[string]bool{"SHA-256": true, "reftable": true}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamage holds all backends to one answer about what is missing, damaged or
// broken.
func TestDamage(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, harm := range map[string]func(t *testing.T, file string) error{
		"missing": func(_ *testing.T, file string) error { return os.Remove(file) },
		"cut short": func(_ *testing.T, file string) error {
			return errors.Join(os.Chmod(file, 0o600), os.Truncate(file, 30))
		},
		"garbage": func(_ *testing.T, file string) error {
			return errors.Join(os.Chmod(file, 0o600), os.WriteFile(file, []byte("x"), 0o600))
		},
		"empty": func(_ *testing.T, file string) error { return errors.Join(os.Chmod(file, 0o600), os.Truncate(file, 0)) },
		"another": func(t *testing.T, file string) error {
			other := gittest.New(t, "commit zero \"Zero\"")
			b, err := os.ReadFile(object(other, other.Hash("zero")))
			return errors.Join(err, os.Chmod(file, 0o600), os.WriteFile(file, b, 0o600))
		},
	} {
		r := gittest.New(t, script)
		if err := errors.Join(harm(t, object(r, r.Hash("two"))), harm(t, object(r, r.Hash("four")))); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(r.GitDir(), "refs", "heads", "broken"), "garbage\n")
		write(t, filepath.Join(r.GitDir(), "refs", "heads", "gone"), strings.Repeat("1", 40)+"\n")
		for _, backend := range backends {
			t.Run(name+"/"+backend, func(t *testing.T) {
				repo := open(t, r.Dir, backend)
				refs, err := repo.Refs(ctx, nil)
				if err != nil || refs.LeftOut < 2 || refs.LeftOut > 4 {
					t.Errorf("%d refs left out, %v", refs.LeftOut, err)
				}
				seen := map[history.Hash]bool{}
				tips := []history.Hash{r.Hash("three"), r.Hash("two"), r.Hash("four")}
				for _, have := range [][]history.Hash{nil, {r.Hash("one")}} {
					clear(seen)
					if err := repo.Walk(ctx, tips, have, func(c *history.Commit) error {
						if seen[c.Hash] {
							t.Errorf("%s comes twice", c.Hash)
						}
						seen[c.Hash] = true
						return nil
					}); err != nil {
						t.Fatal(err)
					}
					if seen[r.Hash("one")] != (have == nil) || !seen[r.Hash("three")] || seen[r.Hash("two")] || seen[r.Hash("four")] {
						t.Errorf("behind %v: %v", have, r.Labels(slices.Collect(maps.Keys(seen))...))
					}
				}
				if _, err := repo.Commit(ctx, r.Hash("two")); !errors.Is(err, gitrepo.ErrNotFound) {
					t.Errorf("the damaged one: %v", err)
				}
				var ask []history.Hash
				for range 40 { // more than are asked for one by one
					ask = append(ask, r.Hash("one"), r.Hash("two"), r.Hash("three"), r.Hash("four"))
				}
				for _, n := range []int{4, len(ask)} {
					var got []history.Hash
					err := repo.Commits(ctx, ask[:n], func(c *history.Commit) error { got = append(got, c.Hash); return nil })
					if err != nil || len(got) != n/2 {
						t.Errorf("%d of %d commits, %v", len(got), n, err)
					}
				}
				if short, err := repo.Abbreviated(ctx, r.Hash("two").String()[:8]); err != nil || len(short) > 0 {
					t.Errorf("abbreviated: %v, %v", short, err)
				}
			})
		}
	}
}

// object is the file of a loose object.
func object(r *gittest.Repo, h history.Hash) string {
	return filepath.Join(r.GitDir(), "objects", h.String()[:2], h.String()[2:])
}

// TestMeanwhile reads what came, went and moved after a repository was opened.
func TestMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, backend := range backends {
		t.Run(backend, func(t *testing.T) {
			r := gittest.New(t, script)
			repo := open(t, r.Dir, backend)
			for i, change := range []string{"git repack -adq", "git gc -q --prune=now", "git pack-refs --all", "git repack -adfq --depth=1"} {
				label := fmt.Sprintf("new%d", i)
				r.Do(fmt.Sprintf("commit %s \"New\"\n%s\ncommit %s-loose \"New too\"", label, change, label))
				for _, want := range []history.Hash{r.Hash(label), r.Hash(label + "-loose"), r.Hash("one")} {
					if _, err := repo.Commit(ctx, want); err != nil {
						t.Errorf("after %s: %v", change, err)
					}
				}
				refs, err := repo.Refs(ctx, nil)
				if err != nil || len(refs.List) != 6 || refs.LeftOut > 0 {
					t.Errorf("after %s: %d refs, %v", change, len(refs.List), err)
				}
				n := 0
				if err := repo.Walk(ctx, []history.Hash{r.Hash(label + "-loose")}, nil, func(*history.Commit) error { n++; return nil }); err != nil || n != 4+2*(i+1) {
					t.Errorf("after %s: %d commits, %v", change, n, err)
				}
			}
		})
	}
}

// TestReftable holds that a format which the installed git does not know is one
// clear error.
func TestReftable(t *testing.T) {
	r := gittest.New(t, script)
	r.Git("config", "core.repositoryFormatVersion", "1")
	r.Git("config", "extensions.refStorage", "reftable")
	loc, err := gitrepo.Discover(context.Background(), r.Dir)
	if err == nil {
		t.Skip("this git knows reftable")
	}
	if !errors.Is(err, gitrepo.ErrFormat) || !strings.Contains(err.Error(), r.Dir) || !strings.Contains(err.Error(), "refstorage") || loc.WorkTree != r.Dir {
		t.Errorf("%+v, %v", loc, err)
	}
	// Without git, which then is not there to ask.
	if _, err := gitrepo.Open(context.Background(), loc, gitrepo.Options{Backend: gitrepo.GoGit}); !errors.Is(err, gitrepo.ErrFormat) {
		t.Errorf("go-git: %v", err)
	}
}

func person(s history.Signature) string {
	date := s.Date.Format("2006-01-02T15:04:05-07:00") // as git's %aI
	return s.Name + " <" + s.Email + "> " + date
}

func TestDiscover(t *testing.T) {
	r := gittest.New(t, script)
	r.Do("git worktree add -q ${one}-tree topic")
	ctx := context.Background()
	for path, want := range map[string]string{
		r.Dir: r.Dir, filepath.Join(r.Dir, "not", "yet.txt"): r.Dir, filepath.Join(r.Dir, ".git", "COMMIT_EDITMSG"): r.Dir,
	} {
		loc, err := gitrepo.Discover(ctx, path)
		if err != nil || loc.WorkTree != want || loc.Bare {
			t.Errorf("%s: %+v, %v", path, loc, err)
		}
	}
	linked := filepath.Join(r.Dir, r.Hash("one").String()+"-tree")
	loc, err := gitrepo.Discover(ctx, linked)
	if err != nil || loc.WorkTree != linked || loc.CommonDir != filepath.Join(r.Dir, ".git") {
		t.Errorf("a linked work tree: %+v, %v", loc, err)
	}
	bare := r.Clone("--bare")
	if err := os.Remove(filepath.Join(bare.Dir, "config")); err != nil {
		t.Fatal(err)
	}
	if loc, err := gitrepo.Discover(ctx, bare.Dir); err != nil || !loc.Bare || loc.WorkTree != "" {
		t.Errorf("bare by layout alone: %+v, %v", loc, err)
	}
	if _, err := gitrepo.Discover(ctx, t.TempDir()); !errors.Is(err, gitrepo.ErrNotRepository) {
		t.Errorf("no repository: %v", err)
	}
}

// TestHostile reads a repository whose configuration would run programs.
func TestHostile(t *testing.T) {
	r := gittest.New(t, "commit one \"Begin\" f.py=one .gitattributes=\"*.py diff=evil filter=evil\"\ncommit two \"More\" f.py=two\n")
	mark := filepath.Join(t.TempDir(), "it-ran")
	runIt := "touch " + mark + "; cat"
	for _, key := range []string{
		"core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.askPass", "core.alternateRefsCommand", "diff.external", "diff.evil.textconv", "diff.evil.command",
		"filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "gpg.program", "gpg.ssh.program", "credential.helper", "uploadpack.packObjectsHook", "sequence.editor", "interactive.diffFilter", "pager.rev-list", "pager.for-each-ref", "alias.rev-list",
	} {
		r.Git("config", key, "!"+runIt)
		r.Git("config", key, runIt)
	}
	r.Git("config", "log.showSignature", "true")
	r.Git("config", "protocol.ext.allow", "always")
	r.Git("config", "remote.origin.url", "ext::sh -c '"+runIt+"'")
	r.Git("config", "remote.origin.promisor", "true")
	r.Git("config", "extensions.partialClone", "origin")
	r.Git("config", "core.repositoryFormatVersion", "1")
	blob := strings.TrimSpace(r.Git("rev-parse", r.Hash("two").String()+":f.py"))
	if err := os.Remove(filepath.Join(r.Dir, ".git", "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(mark); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	repo := open(t, r.Dir, "git")
	if _, err := repo.Watch(ctx); err != nil {
		t.Error(err)
	}
	refs, err := repo.Refs(ctx, nil)
	if err != nil || len(refs.List) != 1 {
		t.Errorf("refs: %+v, %v", refs, err)
	}
	if err := repo.Walk(ctx, []history.Hash{r.Hash("two")}, nil, func(*history.Commit) error { return nil }); err != nil {
		t.Error(err)
	}
	if _, err := repo.Commit(ctx, r.Hash("one")); err != nil {
		t.Error(err)
	}
	limits := gitrepo.PatchLimits{File: 1 << 20, Total: 1 << 20}
	if p, err := repo.Patch(ctx, &history.Commit{Hash: r.Hash("one")}, limits); err != nil || !strings.Contains(p.Against[0].Files[1].Diff, "+one") {
		t.Errorf("the patch: %+v, %v", p, err)
	}
	if p, err := repo.Patch(ctx, &history.Commit{Hash: r.Hash("two"), Parents: []history.Hash{r.Hash("one")}}, limits); err != nil || p.Against[0].Note == "" || len(p.Against[0].Files) == 0 {
		t.Errorf("the patch of a missing blob: %+v, %v", p, err)
	}
	if _, err := repo.Resolve(ctx, "", "HEAD~1"); err != nil {
		t.Error(err)
	}
	if _, err := repo.Abbreviated(ctx, r.Hash("one").String()[:8]); err != nil {
		t.Error(err)
	}
	if _, err := repo.Remotes(ctx); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a program that the repository names was run")
	}
	cancel()
}

func TestSHA256(t *testing.T) {
	r := gittest.New(t, "init --object-format=sha256 main\ncommit one \"Begin\"\ncommit two \"More\"\n")
	repo := open(t, r.Dir, "git")
	n := 0
	if err := repo.Walk(context.Background(), []history.Hash{r.Hash("two")}, nil, func(*history.Commit) error { n++; return nil }); err != nil || n != 2 {
		t.Errorf("%d commits, %v", n, err)
	}
	loc := repo.Location()
	if _, err := gitrepo.Open(context.Background(), loc, gitrepo.Options{Backend: gitrepo.GoGit}); !errors.Is(err, gitrepo.ErrFormat) {
		t.Errorf("go-git: %v", err)
	}
}

func TestRemotes(t *testing.T) {
	r := gittest.New(t, "commit one \"Begin\"\n")
	r.Git("config", "remote.fork.url", "https://user:secret@example.com/a/b.git")
	r.Git("config", "remote.origin.url", "git@example.com:a/b.git")
	r.Git("config", "remote.upstream.url", "https://example.com/b/b.git")
	for _, backend := range backends {
		remotes, err := open(t, r.Dir, backend).Remotes(context.Background())
		want := []gitrepo.Remote{{Name: "upstream", URL: "https://example.com/b/b.git"}, {Name: "origin", URL: "git@example.com:a/b.git"}, {Name: "fork", URL: "https://example.com/a/b.git"}}
		if diff := cmp.Diff(want, remotes); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", backend, err, diff)
		}
	}
}
