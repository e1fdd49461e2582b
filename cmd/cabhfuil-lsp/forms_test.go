package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

// lived is a history with two lines besides main. Each subject holds the word
// change.
const lived = `
commit one "First change" a=1
tag -a v1.0.0
branch stable/1.0
commit two "Second change" b=2
checkout stable/1.0
commit three "Third change" c=3
tag v1.0.1
checkout main
merge four "-mFourth change" stable/1.0
commit five "Fifth change" d=5
tag -a v2.0.0
branch release/2
commit six "Sixth change" e=6
`

// form is one form of a repository and what is to be known of it.
type form struct {
	*gittest.Repo
	// dir is where somebody asks; "" for the repository's Dir.
	dir string
	// oracle is the repository that git is asked in, where that is another one.
	oracle *gittest.Repo
	// commits are those to ask for; nil for some of all that git has.
	commits []string
	limits  []history.Limit
	// also is what else is to hold.
	also func(t *testing.T, h *house)
}

// git asks the oracle, objects as they are.
func (f *form) git(args ...string) string {
	return f.oracle.Git(append([]string{"--no-replace-objects"}, args...)...)
}

// names are the words of what git printed, as a set.
func names(text string) map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(text) {
		set[name] = true
	}
	return set
}

var forms = map[string]func(t *testing.T) *form{
	"SHA-1, loose": func(t *testing.T) *form { return &form{Repo: gittest.New(t, lived)} },
	"SHA-256": func(t *testing.T) *form {
		return &form{Repo: gittest.New(t, "init --object-format=sha256 main\n"+lived)}
	},
	"SHA-256, packed": func(t *testing.T) *form {
		r := gittest.New(t, "init --object-format=sha256 main\n"+lived)
		r.Do("git repack -adq\ngit pack-refs --all")
		return &form{Repo: r}
	},
	"packed": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do("git repack -adq\ngit pack-refs --all")
		return &form{Repo: r}
	},
	"packed and loose": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do("git repack -adq\ngit pack-refs --all\ncommit seven \"Seventh change\"\nbranch stable/3")
		return &form{Repo: r}
	},
	"multi-pack-index": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do("git repack -dq\ncommit seven \"Seventh change\"\ngit repack -dq\ngit multi-pack-index write --bitmap")
		return &form{Repo: r}
	},
	"alternates": func(t *testing.T) *form {
		r := gittest.New(t, lived).Clone("--shared")
		r.Do("commit seven \"Seventh change\"")
		return &form{Repo: r}
	},
	"relative alternates, in a chain": func(t *testing.T) *form {
		base := gittest.New(t, lived)
		base.Do("git repack -adq")
		middle := base.Clone("--shared")
		middle.Do("commit seven \"Seventh change\"")
		r := middle.Clone("--shared")
		r.Do("commit eight \"Eighth change\"")
		for _, pair := range [][2]*gittest.Repo{{middle, base}, {r, middle}} {
			objects := filepath.Join(pair[0].GitDir(), "objects")
			path, err := filepath.Rel(objects, filepath.Join(pair[1].GitDir(), "objects"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(objects, "info", "alternates"), path+"\n")
		}
		return &form{Repo: r}
	},
	"commit-graph": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do("git commit-graph write --reachable --changed-paths")
		return &form{Repo: r}
	},
	"chain of commit-graphs": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do("git commit-graph write --reachable --split\ncommit seven \"Seventh change\"\ngit commit-graph write --reachable --split=no-merge\ncommit eight \"Eighth change\"")
		return &form{Repo: r}
	},
	"reftable": func(t *testing.T) *form {
		if out, err := exec.Command("git", "init", "-q", "--ref-format=reftable", t.TempDir()).CombinedOutput(); err != nil {
			t.Skipf("this git cannot: %s", bytes.TrimSpace(out))
		}
		return &form{Repo: gittest.New(t, "init --ref-format=reftable main\n"+lived)}
	},
	"linked work tree on a branch": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do("git worktree add -q ../linked stable/1.0")
		dir := r.At("../linked").Dir
		return &form{Repo: r, dir: dir, also: func(t *testing.T, h *house) {
			head(t, h, dir, r.Git("rev-parse", "stable/1.0"))
			head(t, h, r.Dir, r.Git("rev-parse", "main"))
		}}
	},
	"linked work tree, detached": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do("git worktree add -q --detach ../linked v1.0.0")
		linked := r.At("../linked")
		linked.Do("commit alone \"Lonely change\"")
		return &form{Repo: r, dir: linked.Dir, oracle: linked, also: func(t *testing.T, h *house) {
			head(t, h, linked.Dir, r.Hash("alone").String())
			head(t, h, r.Dir, r.Hash("six").String())
			linked.Do("commit further \"Further change\"")
			head(t, h, linked.Dir, r.Hash("further").String())
		}}
	},
	"linked work tree of a bare repository": func(t *testing.T) *form {
		r := gittest.New(t, lived).Clone("--bare")
		r.Do("git worktree add -q ../linked stable/1.0")
		return &form{Repo: r, dir: r.At("../linked").Dir}
	},
	"submodule": func(t *testing.T) *form {
		super := gittest.New(t, "commit super \"Another change\"")
		super.Git("submodule", "--quiet", "add", gittest.New(t, lived).URL(), "sub")
		r := super.At("sub")
		r.Do("checkout --detach HEAD~1")
		return &form{Repo: r, also: func(t *testing.T, h *house) {
			head(t, h, r.Dir, r.Git("rev-parse", "HEAD"))
			head(t, h, super.Dir, super.Git("rev-parse", "HEAD"))
			head(t, h, r.GitDir(), r.Git("rev-parse", "HEAD"))
		}}
	},
	"bare":                 func(t *testing.T) *form { return &form{Repo: gittest.New(t, lived).Clone("--bare")} },
	"mirror":               func(t *testing.T) *form { return &form{Repo: gittest.New(t, lived).Clone("--mirror")} },
	"bare by layout alone": func(t *testing.T) *form { return bareWith(t, "false") },
	"bare without saying":  func(t *testing.T) *form { return bareWith(t, "") },
	"shallow": func(t *testing.T) *form {
		r := gittest.New(t, lived).Clone("--depth=2", "--no-single-branch")
		return &form{Repo: r, limits: []history.Limit{history.LimitShallow}, also: func(t *testing.T, h *house) {
			m := one(t, h, r.Dir, r.Hash("six").String())
			for _, l := range m.Branches {
				if l.Name == "release/2" && l.Status != history.Unknown {
					t.Errorf("in a truncated history the absence on %s is %s", l.Name, l.Status)
				}
			}
		}}
	},
	"shallow, then deepened": func(t *testing.T) *form {
		r := gittest.New(t, lived).Clone("--depth=1", "--no-single-branch")
		return &form{Repo: r, limits: []history.Limit{history.LimitShallow}, also: func(t *testing.T, h *house) {
			r.Git("fetch", "-q", "--deepen=1")
			check(t, h, &form{Repo: r, limits: []history.Limit{history.LimitShallow}})
			r.Git("fetch", "-q", "--unshallow")
			check(t, h, &form{Repo: r})
		}}
	},
	"partial, without blobs": func(t *testing.T) *form { return partial(t, "--filter=blob:none") },
	"partial, without trees": func(t *testing.T) *form { return partial(t, "--filter=tree:0") },
	"replace refs": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do("git replace ${five} ${one}\ngit replace --graft ${six} ${one}")
		return &form{Repo: r, also: func(t *testing.T, h *house) {
			// HEAD~3 is asked of git, and must see the same history.
			if got := one(t, h, r.Dir, "HEAD~3").Commit.Hash; got != r.Hash("two") {
				t.Errorf("HEAD~3 is %v", r.Labels(got))
			}
			a, err := h.where(r.Dir, "replace/"+r.Hash("five").String())
			if err != nil || len(a.Matches) != 0 && a.Matches[0].Commit.Hash != r.Hash("one") {
				t.Errorf("a replace ref: %v, %v", a, err)
			}
		}}
	},
	"grafts": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		oracle := r.Clone("--mirror")
		write(t, filepath.Join(r.GitDir(), "info", "grafts"), r.Hash("six").String()+" "+r.Hash("one").String()+"\n")
		return &form{Repo: r, oracle: oracle, also: func(t *testing.T, h *house) {
			if got := one(t, h, r.Dir, "HEAD~3").Commit.Hash; got != r.Hash("two") {
				t.Errorf("HEAD~3 is %v", r.Labels(got))
			}
		}}
	},
	"detached": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do("checkout --detach v1.0.1\ncommit alone \"Lonely change\"")
		return &form{Repo: r, also: func(t *testing.T, h *house) { head(t, h, r.Dir, r.Hash("alone").String()) }}
	},
	"unborn": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do("git symbolic-ref HEAD refs/heads/unborn")
		return &form{Repo: r, oracle: r.Clone("--mirror"), also: func(t *testing.T, h *house) { nothing(t, h, r.Dir, "HEAD") }}
	},
	"empty": func(t *testing.T) *form {
		r := gittest.New(t, "init main")
		return &form{Repo: r, commits: []string{}, also: func(t *testing.T, h *house) {
			nothing(t, h, r.Dir, "HEAD")
			nothing(t, h, r.Dir, strings.Repeat("1", 40))
			s, err := h.search(r.Dir, "change")
			if err != nil || s.Total != 0 || len(s.Errors) != 0 {
				t.Errorf("a search: %+v, %v", s, err)
			}
			r.Do("commit first \"First change\"\ntag v1")
			check(t, h, &form{Repo: r})
		}}
	},
	"a missing commit": func(t *testing.T) *form {
		return damaged(t, func(t *testing.T, file string) { remove(t, file) })
	},
	"a commit cut short": func(t *testing.T) *form {
		return damaged(t, func(t *testing.T, file string) { writable(t, file); truncate(t, file, 30) })
	},
	"a commit that is no object": func(t *testing.T) *form {
		return damaged(t, func(t *testing.T, file string) { writable(t, file); write(t, file, "garbage") })
	},
	"a commit with another's content": func(t *testing.T) *form {
		r := gittest.New(t, "commit other \"Another change\"")
		other := object(r, "other")
		return damaged(t, func(t *testing.T, file string) { writable(t, file); copyFile(t, other, file) })
	},
	"a missing commit, after it was read": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		return &form{Repo: r, also: func(t *testing.T, h *house) {
			remove(t, object(r, "two"))
			m := one(t, h, r.Dir, r.Hash("two").String())
			if m.Branches[0].Status != history.Contains || m.Commit.Author.Name != gittest.Name {
				t.Errorf("of a commit that is gone, which may be remembered: %+v", m)
			}
			// Another process has the graph alone, and remembers nothing.
			h = openHouse(t, func(opt *appOptions) { opt.dirs = h.app.dirs })
			m = one(t, h, r.Dir, r.Hash("two").String())
			if !slices.Contains(m.Limits, history.LimitPartial) || m.Branches[0].Status != history.Contains || m.Commit.Author.Name != gittest.Name {
				t.Errorf("of a commit that is gone: %+v", m)
			}
			card, err := h.hover(r.Dir, r.Hash("two").String())
			if err != nil || !strings.Contains(card, "✓ **main**") || !strings.Contains(card, lookup.Explain(history.LimitPartial)) {
				t.Errorf("its card: %q, %v", card, err)
			}
			if d, err := h.document(r.Dir, r.Hash("two").String()); err != nil || !strings.Contains(d.Text, "missing here") {
				t.Errorf("its document: %q, %v", d.Text, err)
			}
			r.Do("commit seven \"Seventh change\"") // and things go on
			one(t, h, r.Dir, r.Hash("seven").String())
		}}
	},
	"a tip that cannot be read": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do("checkout -b topic\ncommit seven \"Seventh change\"\ncheckout main\nbranch other topic")
		oracle := gittest.New(t, lived)
		writable(t, object(r, "seven"))
		truncate(t, object(r, "seven"), 30)
		return &form{Repo: r, oracle: oracle, limits: []history.Limit{history.LimitRefsLeftOut}}
	},
	"under repack, gc and fetch": func(t *testing.T) *form {
		origin := gittest.New(t, lived)
		r := origin.Clone()
		return &form{Repo: r, also: func(t *testing.T, h *house) { meanwhile(t, h, origin, r) }}
	},
	"five thousand refs": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Git("pack-refs", "--all")
		manyRefs(t, r, 5000)
		return &form{Repo: r, commits: []string{r.Hash("one").String(), r.Hash("three").String(), r.Hash("six").String()}}
	},
	"nested names": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do("branch a/b two\ntag t/u/v two")
		return &form{Repo: r, also: func(t *testing.T, h *house) {
			r.Do("git branch -D a/b\nbranch a five\ngit tag -d t/u/v\ntag t/u six")
			check(t, h, &form{Repo: r})
			r.Do("git pack-refs --all\ngit branch -D a\nbranch a/b/c/d one\ngit tag -d t/u\ntag t/u/v/w three")
			check(t, h, &form{Repo: r})
		}}
	},
	"refs that come and go": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		return &form{Repo: r, also: func(t *testing.T, h *house) {
			for i := range 4 {
				r.Do(fmt.Sprintf("commit n%d \"New change\"\nbranch stable/9.%d\ntag v9.%d\ngit update-ref refs/remotes/origin/stable/1.0 ${n%d}", i, i, i, i))
				check(t, h, &form{Repo: r, commits: []string{r.Hash(fmt.Sprintf("n%d", i)).String(), r.Hash("one").String()}})
				if i > 0 {
					r.Do(fmt.Sprintf("git branch -D stable/9.%d\ngit tag -d v9.%d\ngit update-ref -d refs/remotes/origin/stable/1.0", i-1, i-1))
					check(t, h, &form{Repo: r, commits: []string{r.Hash("six").String()}})
				}
			}
			r.Do("git reset -q --hard ${five}\ngit branch -D stable/9.3\ngit tag -d v9.3\ngit update-ref -d refs/remotes/origin/stable/1.0")
			check(t, h, &form{Repo: r})
			if m := one(t, h, r.Dir, r.Hash("n1").String()); !slices.Contains(m.Limits, history.LimitUnindexed) {
				t.Errorf("a commit that no ref has any more: %v", m.Limits)
			}
		}}
	},
	"odd names": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		for i, name := range []string{
			"stable/ünï—ćøde", "stable/'quo\"ted'", "stable/" + strings.Repeat("long/", 20) + strings.Repeat("x", 200), "-dash", "stable/-dash",
			"@", "stable/@", "stable/<b>&amp;", "stable/`tick`", "stable/$(touch${IFS}x);|", "stable/%41%n", "stable/\u202Eback", "HEAD", "stable/\xff\xfe", "refs/heads/main", "ﬀ",
		} {
			at := r.Hash([]string{"one", "two", "five"}[i%3]).String()
			r.Git("update-ref", "refs/heads/"+name, at)
			r.Git("update-ref", "refs/tags/"+name, at)
			r.Git("update-ref", "refs/remotes/origin/"+name, at)
		}
		return &form{Repo: r, also: func(t *testing.T, h *house) {
			head(t, h, r.Dir, r.Hash("six").String())
			for _, key := range []string{"-dash", "stable/-dash", "stable/ünï—ćøde", "stable/$(touch${IFS}x);|", "@", "refs/heads/@"} {
				want := strings.TrimSpace(r.Git("rev-parse", "--verify", "--end-of-options", key+"^{commit}"))
				if got := one(t, h, r.Dir, key).Commit.Hash.String(); got != want {
					t.Errorf("%s is %s, for git %s", key, got, want)
				}
			}
		}}
	},
	"symbolic refs": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do(`
git update-ref refs/remotes/origin/main ${five}
git update-ref refs/remotes/origin/stable/1.0 ${three}
git update-ref refs/remotes/fork/release/2 ${two}
git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/main
git symbolic-ref refs/remotes/fork/HEAD refs/remotes/fork/gone
git symbolic-ref refs/heads/stable/alias refs/heads/stable/1.0
git symbolic-ref refs/tags/newest refs/tags/v2.0.0
git symbolic-ref refs/heads/stable/dangling refs/heads/nowhere`)
		return &form{Repo: r}
	},
	"broken refs": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		oracle := r.Clone("--mirror")
		heads := filepath.Join(r.GitDir(), "refs", "heads", "stable")
		write(t, filepath.Join(heads, "garbage"), "garbage\n")
		write(t, filepath.Join(heads, "empty"), "")
		write(t, filepath.Join(heads, "zero"), strings.Repeat("0", 40)+"\n")
		write(t, filepath.Join(heads, "gone"), strings.Repeat("1", 40)+"\n")
		write(t, filepath.Join(heads, "short"), r.Hash("one").String()[:20]+"\n")
		return &form{Repo: r, oracle: oracle, limits: []history.Limit{history.LimitRefsLeftOut}, also: func(t *testing.T, h *house) {
			for _, name := range []string{"garbage", "empty", "zero", "gone", "short"} {
				remove(t, filepath.Join(heads, name))
			}
			check(t, h, &form{Repo: r})
		}}
	},
	"tags of all kinds": func(t *testing.T) *form {
		r := gittest.New(t, lived)
		r.Do(`
git tag -a -m x v3.0.0 ${two}
git tag -a -m x v3.0.0-again v3.0.0
git tag -a -m x v3.0.0-thrice v3.0.0-again
git tag -a -m x of-a-tree ${one:tree}
git tag -a -m x of-a-blob ${one}:a
git tag light-tree ${one:tree}
git tag light-blob ${one}:a
git tag -a -m x of-of-a-blob of-a-blob`)
		return &form{Repo: r, also: func(t *testing.T, h *house) {
			if got := one(t, h, r.Dir, "v3.0.0-thrice").Commit.Hash; got != r.Hash("two") {
				t.Errorf("a tag of a tag of a tag is %v", r.Labels(got))
			}
			nothing(t, h, r.Dir, "of-a-blob")
			nothing(t, h, r.Dir, "light-tree")
			r.Do("git pack-refs --all\ngit gc -q --prune=now")
			check(t, h, &form{Repo: r})
		}}
	},
}

// TestForms asks the whole program about every form of repository, and git too.
//
// It is not parallel to the other tests, whose goldens show progress when the
// machine is busy; the forms are to each other.
func TestForms(t *testing.T) {
	h := newHouse(t)
	t.Run("all", func(t *testing.T) {
		for name, build := range forms {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check(t, h, build(t))
			})
		}
	})
}

// check asks where, search, hover and a lens, and compares with git.
func check(t *testing.T, h *house, f *form) {
	t.Helper()
	if f.oracle == nil {
		f.oracle = f.Repo
	}
	if f.dir == "" {
		f.dir = f.Dir
	}
	if f.commits == nil || len(f.commits) > 0 {
		all := strings.Fields(f.git("rev-list", "--branches", "--tags", "--remotes", "--ignore-missing", "HEAD", "--"))
		if f.commits == nil {
			f.commits = all
		}
		for i, sha := range f.commits {
			if n := len(f.commits); i%((n+3)/4) == 0 || i == n-1 { // first, last, some between
				checkWhere(t, h, f, sha)
			}
		}
		found, err := h.search(f.dir, "change")
		var got []string
		for _, hit := range found.Hits {
			got = append(got, hit.SHA.String())
		}
		slices.Sort(got)
		slices.Sort(all)
		if diff := cmp.Diff(all, got); diff != "" || err != nil || len(found.Errors) > 0 {
			t.Errorf("search: %v %v (-git +ours):\n%s", err, found.Errors, diff)
		}
		if diff := cmp.Diff(limits(f.limits), limits(found.Limits)); diff != "" {
			t.Errorf("the limits of the search (-want +got):\n%s", diff)
		}
	}
	if f.also != nil {
		f.also(t, h)
	}
}

func limits(all []history.Limit) []history.Limit {
	all = slices.DeleteFunc(slices.Clone(all), func(l history.Limit) bool { return l == history.LimitLineagePending })
	slices.Sort(all)
	return append([]history.Limit{}, all...)
}

// one is the one match of a key.
func one(t *testing.T, h *house, dir, key string) history.Match {
	t.Helper()
	a, err := h.where(dir, key)
	if err != nil || a.Error != nil || len(a.Matches) != 1 {
		b, _ := json.Marshal(a) //nolint:errcheck // for a person
		t.Fatalf("where %s: %v, %s", key, err, b)
	}
	return a.Matches[0]
}

func nothing(t *testing.T, h *house, dir, key string) {
	t.Helper()
	if a, err := h.where(dir, key); err != nil || a.Error != nil || len(a.Matches) > 0 {
		t.Errorf("where %s: %+v, %v", key, a, err)
	}
}

func head(t *testing.T, h *house, dir, want string) {
	t.Helper()
	for _, key := range []string{"HEAD", "HEAD~0"} {
		m := one(t, h, dir, key)
		if got := m.Commit.Hash.String(); got != want || slices.Contains(m.Limits, history.LimitUnindexed) {
			t.Errorf("%s in %s is %s, want %s; limits %v", key, dir, got, want, m.Limits)
		}
	}
}

func checkWhere(t *testing.T, h *house, f *form, sha string) {
	t.Helper()
	m := one(t, h, f.dir, sha)
	theirs := f.git("log", "-1", "--no-show-signature", "--format=%H|%P|%an|%ae|%s", sha)
	var parents []string
	for _, p := range m.Commit.Parents {
		parents = append(parents, p.String())
	}
	ours := strings.Join([]string{m.Commit.Hash.String(), strings.Join(parents, " "), m.Commit.Author.Name, m.Commit.Author.Email, m.Commit.Subject()}, "|")
	if ours != theirs {
		t.Errorf("the commit is\n%s\nfor git\n%s", ours, theirs)
	}
	valid := func(s string) string { return string([]rune(s)) } // as JSON has it
	tags := names(valid(f.git("for-each-ref", "--format=%(refname:lstrip=2)", "--contains", sha, "refs/tags")))
	for _, tag := range m.Tags.All {
		if !tags[tag] {
			t.Errorf("%s is not in the tag %s", sha, tag)
		}
		delete(tags, tag)
	}
	if len(tags) > 0 {
		t.Errorf("%s is in the tags %v too", sha, tags)
	}
	refs := names(valid(f.git("for-each-ref", "--format=%(refname)", "--contains", sha, "refs/heads", "refs/remotes")))
	card, err := h.hover(f.dir, sha)
	if err != nil || card == "" {
		t.Errorf("hover: %q, %v", card, err)
	}
	title, err := h.lens(f.dir, sha)
	if err != nil || title == "" || title == "on no release line" && len(m.Branches) > 0 {
		t.Errorf("lens: %q, %v", title, err)
	}
	if len(m.Branches) == 0 {
		t.Errorf("%s has no lines", sha)
	}
	cut := f.shallow()
	for i, l := range m.Branches {
		want, sign := history.Missing, "✗"
		if refs[l.Ref] {
			want, sign = history.Contains, "✓"
		} else if cut[l.Ref] {
			want, sign = history.Unknown, "?"
		}
		if l.Status != want {
			t.Errorf("%s is %s on %s, want %s", sha, l.Status, l.Ref, want)
		}
		if !strings.Contains(title, sign+" ") || !strings.Contains(card, sign+" ") {
			t.Errorf("%s is not in the lens %q or the card\n%s", sign, title, card)
		}
		if i == 0 && !strings.Contains(card, "**"+l.Name+"**") && !strings.ContainsAny(l.Name, "\\`*_{}[]()#+!|<>~&:@$^=\"") {
			t.Errorf("%s is not in the card\n%s", l.Name, card)
		}
	}
	if diff := cmp.Diff(limits(f.limits), limits(m.Limits)); diff != "" {
		t.Errorf("the limits of %s (-want +got):\n%s", sha, diff)
	}
	for _, limit := range f.limits {
		if !strings.Contains(card, lookup.Explain(limit)) {
			t.Errorf("the card does not tell the limit %s", limit)
		}
	}
}

// shallow are the refs whose history is cut, as git has it.
func (f *form) shallow() map[string]bool {
	cut := map[string]bool{}
	b, err := os.ReadFile(filepath.Join(f.GitDir(), "shallow"))
	if err != nil {
		return cut
	}
	for _, boundary := range strings.Fields(string(b)) {
		for ref := range names(f.git("for-each-ref", "--format=%(refname)", "--contains", boundary)) {
			cut[ref] = true
		}
	}
	return cut
}

// bareWith is a bare repository whose configuration says something else of
// core.bare, or nothing. Its HEAD is main's name.
func bareWith(t *testing.T, bare string) *form {
	from := gittest.New(t, lived)
	from.Do("git branch -m main primary")
	r := from.Clone("--bare")
	oracle := from.Clone("--bare")
	r.Git("config", "--unset", "core.bare")
	if bare != "" {
		r.Git("config", "core.bare", bare)
	}
	return &form{Repo: r, oracle: oracle, also: func(t *testing.T, h *house) {
		if m := one(t, h, r.Dir, "HEAD"); m.Branches[0].Name != "primary" {
			t.Errorf("upstream is %s, and HEAD is primary", m.Branches[0].Name)
		}
	}}
}

// partial is a clone that lacks objects, whose origin is gone: nobody can fetch.
func partial(t *testing.T, filter string) *form {
	origin := gittest.New(t, lived)
	origin.Git("config", "uploadpack.allowFilter", "true")
	r := origin.Clone("--no-checkout", filter)
	mark := filepath.Join(t.TempDir(), "asked")
	r.Git("config", "remote.origin.url", "ext::sh -c 'touch "+mark+"'")
	r.Git("config", "protocol.ext.allow", "always")
	return &form{Repo: r, also: func(t *testing.T, h *house) {
		d, err := h.document(r.Dir, r.Hash("two").String())
		if err != nil || !strings.Contains(d.Text, "Second change") || !strings.Contains(d.Text, "a partial clone") {
			t.Errorf("the document: %q, %v", d.Text, err)
		}
		if _, err := os.Stat(mark); err == nil {
			t.Error("the origin was asked for missing objects")
		}
	}}
}

// damaged is a repository in which harm was done to the file of the commit two,
// before and after an index is there.
func damaged(t *testing.T, harm func(t *testing.T, file string)) *form {
	whole := gittest.New(t, lived)
	r := gittest.New(t, lived)
	file := object(r, "two")
	saved, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	harm(t, file)
	ends := func(t *testing.T, h *house) {
		t.Helper()
		for label, want := range map[string]map[string]history.Status{
			"six":   {"main": history.Contains, "release/2": history.Unknown, "stable/1.0": history.Missing},
			"three": {"main": history.Contains, "release/2": history.Contains, "stable/1.0": history.Contains},
			"one":   {"main": history.Contains, "release/2": history.Contains, "stable/1.0": history.Contains},
		} {
			sha := r.Hash(label).String()
			m := one(t, h, r.Dir, sha)
			got := map[string]history.Status{}
			for _, l := range m.Branches {
				got[l.Name] = l.Status
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", label, diff)
			}
			if diff := cmp.Diff([]history.Limit{history.LimitPartial}, limits(m.Limits)); diff != "" {
				t.Errorf("%s, limits (-want +got):\n%s", label, diff)
			}
			card, err := h.hover(r.Dir, sha)
			if err != nil || !strings.Contains(card, "✓ **main**") || !strings.Contains(card, lookup.Explain(history.LimitPartial)) {
				t.Errorf("%s, card: %q, %v", label, card, err)
			}
			if title, err := h.lens(r.Dir, sha); err != nil || !strings.Contains(title, "✓ main") {
				t.Errorf("%s, lens: %q, %v", label, title, err)
			}
		}
		found, err := h.search(r.Dir, "change")
		if err != nil || found.Total != 5 || len(found.Errors) > 0 || !slices.Contains(found.Limits, history.LimitPartial) {
			t.Errorf("search: %+v, %v", found, err)
		}
		nothing(t, h, r.Dir, r.Hash("two").String())
	}
	return &form{Repo: r, commits: []string{}, also: func(t *testing.T, h *house) {
		ends(t, h)
		r.Git("update-ref", "refs/heads/topic", r.Hash("five").String()) // a further look changes nothing
		ends(t, h)
		// And when it comes back, all is well.
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		write(t, file, string(saved))
		r.Git("update-ref", "-d", "refs/heads/topic")
		check(t, h, &form{Repo: r, oracle: whole})
	}}
}

// meanwhile asks while a repository is repacked, pruned and fetched into.
func meanwhile(t *testing.T, h *house, origin, r *gittest.Repo) {
	stop := make(chan struct{})
	var askers sync.WaitGroup
	asked := make(chan error, 2)
	sha := r.Hash("one").String()
	asking := func(question func() error) {
		askers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := question(); err != nil {
					select {
					case asked <- err:
					default:
					}
					return
				}
			}
		})
	}
	asking(func() error {
		a, err := h.where(r.Dir, sha)
		if err == nil && (a.Error != nil || len(a.Matches) != 1 || a.Matches[0].Branches[0].Status != history.Contains || len(limits(a.Matches[0].Limits)) > 0) {
			err = fmt.Errorf("where: %+v", a)
		}
		return err
	})
	asking(func() error {
		card, err := h.hover(r.Dir, sha)
		if err == nil && !strings.Contains(card, "main** since `v1.0.0`") {
			err = fmt.Errorf("card: %q", card)
		}
		return err
	})
	for i := range 4 {
		origin.Do(fmt.Sprintf("commit o%d \"Origin change\"\nbranch stable/8.%d", i, i))
		r.Git("fetch", "-q", "--prune")
		r.Do(fmt.Sprintf("commit r%d \"Own change\"\ngit repack -adq\ngit pack-refs --all\ngit gc -q --prune=now", i))
	}
	close(stop)
	askers.Wait()
	select {
	case err := <-asked:
		t.Error(err)
	default:
	}
	check(t, h, &form{Repo: r})
}

// manyRefs adds tags straight to packed-refs, at the commits that there are.
func manyRefs(t *testing.T, r *gittest.Repo, n int) {
	file := filepath.Join(r.GitDir(), "packed-refs")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Fields(r.Git("rev-list", "--all"))
	var refs strings.Builder
	refs.WriteString(strings.Replace(string(b), " sorted", "", 1))
	for i := range n {
		fmt.Fprintf(&refs, "%s refs/tags/many/%06d\n", at[i%len(at)], i)
	}
	write(t, file, refs.String())
}

// object is the file of a loose object.
func object(r *gittest.Repo, label string) string {
	h := r.Hash(label).String()
	return filepath.Join(r.GitDir(), "objects", h[:2], h[2:])
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

func writable(t *testing.T, file string) {
	t.Helper()
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, file string, n int64) {
	t.Helper()
	if err := os.Truncate(file, n); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(b))
}

// TestUnreadable holds that a repository which cannot be read is one clear
// error, and that the others go on.
func TestUnreadable(t *testing.T) {
	h := newHouse(t)
	good := gittest.New(t, lived)
	sha := good.Hash("one").String()
	one(t, h, good.Dir, sha)
	for name, c := range map[string]struct {
		breakIt func(r *gittest.Repo)
		reason  string
	}{
		"reftable": {func(r *gittest.Repo) {
			r.Git("config", "core.repositoryFormatVersion", "1")
			r.Git("config", "extensions.refStorage", "reftable")
		}, "refstorage"},
		"an unknown extension": {func(r *gittest.Repo) {
			r.Git("config", "core.repositoryFormatVersion", "1")
			r.Git("config", "extensions.fromTheFuture", "true")
		}, "fromthefuture"},
		"an unknown version": {func(r *gittest.Repo) { r.Git("config", "core.repositoryFormatVersion", "9") }, "repo version"},
		"a broken configuration": {func(r *gittest.Repo) {
			write(t, filepath.Join(r.GitDir(), "config"), "[core\n")
		}, "bad config"},
	} {
		t.Run(name, func(t *testing.T) {
			r := gittest.New(t, lived)
			c.breakIt(r)
			if out, err := exec.Command("git", "-C", r.Dir, "rev-parse", "--git-dir").CombinedOutput(); err == nil {
				t.Skipf("this git can: %s", out)
			}
			_, err := h.where(r.Dir, sha)
			if err == nil || !strings.Contains(err.Error(), r.Dir) || !strings.Contains(err.Error(), c.reason) || strings.Contains(err.Error(), "\n") {
				t.Errorf("where: %v", err)
			}
			// From an editor: no answer from there, one line in the log, one in the status.
			for range 3 {
				if _, err := h.hover(r.Dir, "0123456789ab"); err != nil {
					t.Error(err)
				}
			}
			h.eventually(t, func() bool { return h.log.naming(r.Dir) > 0 || h.failed(r.Dir) == 1 })
			if n := h.log.naming("path=" + r.Dir); n > 1 {
				t.Errorf("%d lines in the log", n)
			}
			if n := h.failed(r.Dir); n != 1 {
				t.Errorf("%d lines in the status", n)
			}
			// Others: all of them are searched, and the error stands beside the hits.
			var all history.SearchResult
			if err := h.Execute(h.ctx, "cabhfuil.search", map[string]any{"query": "first", "uri": fileURI(r.Dir), "wait": true}, &all); err != nil || len(all.Hits) == 0 {
				t.Errorf("search in all: %+v, %v", all, err)
			}
			if !slices.ContainsFunc(all.Errors, func(e history.RepositoryError) bool { return strings.Contains(e.Message, r.Dir) }) {
				t.Errorf("the search does not say what it could not read: %+v", all.Errors)
			}
			var answers []history.Answer
			if err := h.Execute(h.ctx, "cabhfuil.where", map[string]any{"keys": []string{sha, "0123456789ab"}, "uri": fileURI(r.Dir), "wait": true}, &answers); err != nil ||
				len(answers[0].Matches) != 1 || answers[1].Error == nil {
				t.Errorf("where in all: %+v, %v", answers, err)
			}
			one(t, h, good.Dir, sha)
		})
	}
}

// failed counts the lines of the status that say why a path cannot be read.
func (h *house) failed(path string) (n int) {
	s, err := h.status("/")
	if err != nil {
		return -1
	}
	for _, r := range s.Repositories {
		if r.Path == path && r.Error != "" {
			n++
		}
	}
	return n
}

// eventually waits for a state.
func (h *house) eventually(t *testing.T, state func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !state() {
		select {
		case <-tick.C:
		case <-h.ctx.Done():
			t.Fatal("it never came")
		}
	}
}

// nasty are texts that git takes as names of refs (check-ref-format allows), and
// as names and messages in commit objects.
var nasty = []string{
	"[x](command:y)", "<b>&lt;<img/src=x>", "`tick`$(id)", "\u202Eback\u200b", "\u009b31mred", "\xff\xfe", "www.e.example", "a@e.example/**b**",
	"../../etc/passwd", "%2e%2e%2fetc", "-rf", "x\"y'z", "\u2028line", strings.Repeat("long", 50),
}

// inert is what is not live in a Markdown: escaped marks, and code.
var inert = regexp.MustCompile("\\\\[!-/:-@\\[-`{-~]|`[^`\n]+`")

// TestHostileText puts nasty names and messages through real git and the whole
// program.
func TestHostileText(t *testing.T) {
	r := gittest.New(t, "commit one \"First change\"\n")
	tree := r.Git("rev-parse", "HEAD^{tree}")
	for i, text := range nasty {
		inName := strings.NewReplacer("<", "", ">", "").Replace(text)
		r.Do(fmt.Sprintf("object n%d commit raw\n-- raw --\ntree %s\nauthor %s <%s> 1577836800 +0000\ncommitter C <c> 1577836800 +0000\n\n%s change \x1b]8;;http://e\x07 \r\n\n%s\n",
			i, tree, inName, inName, text, text))
		for _, ref := range []string{"refs/heads/stable/" + text, "refs/tags/v" + text, "refs/remotes/origin/maint-" + text} {
			if exec.CommandContext(t.Context(), "git", "check-ref-format", ref).Run() == nil {
				r.Git("update-ref", ref, r.Hash(fmt.Sprintf("n%d", i)).String())
			}
		}
	}
	h := newHouse(t)
	for i := range nasty {
		sha := r.Hash(fmt.Sprintf("n%d", i)).String()
		m := one(t, h, r.Dir, sha)
		if m.Commit.Hash.String() != sha {
			t.Errorf("where %s: %+v", sha, m)
		}
		card, err := h.hover(r.Dir, sha)
		if err != nil || card == "" {
			t.Errorf("hover: %q, %v", card, err)
		}
		title, lensErr := h.lens(r.Dir, sha)
		d, docErr := h.document(r.Dir, sha)
		if lensErr != nil || docErr != nil {
			t.Error(lensErr, docErr)
		}
		for _, text := range []string{card, title, d.Text, d.URI} {
			if bad := strings.IndexFunc(text, func(c rune) bool {
				return c != '\n' && c != '\t' && unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
			}); bad >= 0 || !utf8.ValidString(text) {
				t.Errorf("control characters pass: %q", text)
			}
		}
		for _, live := range []string{"](", "<b", "<img", "`tick", "www.e", " http://", "&lt", "a@e"} {
			if strings.Contains(inert.ReplaceAllString(card, " "), live) {
				t.Errorf("%q is live in\n%s", live, card)
			}
		}
	}
	found, err := h.search(r.Dir, "change")
	if err != nil || found.Total != len(nasty)+1 && found.Total != reachable(r) {
		t.Errorf("search: %d of %d, %v", found.Total, reachable(r), err)
	}
	for _, format := range []string{"text", "json"} {
		p := program{home: t.TempDir(), dir: r.Dir}
		stdout, stderr, _, err := p.run("", "search", "change", "-v", "--format", format)
		if err != nil || stdout == "" || !utf8.ValidString(stdout) || strings.ContainsAny(stdout, "\x1b\x07\u009b\u202e\u200b\r") {
			t.Errorf("%s: %v %q %q", format, err, stdout, stderr)
		}
	}
}

func reachable(r *gittest.Repo) int {
	return len(strings.Fields(r.Git("rev-list", "--branches", "--tags", "--remotes")))
}
