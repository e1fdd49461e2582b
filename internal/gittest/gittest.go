// Package gittest builds repositories for tests: real ones, made by the
// installed git, with the same object names in every run on every machine. It
// owns the script format below, the clock, the identity, and the seclusion from
// the host's git configuration. What reads repositories is not tested here and
// never called from here.
//
// A script is a txtar archive. Its comment holds commands, one a line; its files
// hold what does not fit into a line:
//
//	r := gittest.New(t, `
//	commit one "Add a list" list.c=@list.c
//	commit two "Fix the list" body list.c="int list;"
//	branch stable/1.0 one
//	checkout stable/1.0
//	cherry-pick two-1.0 -x two
//	tag -a v1.0.1
//	-- body --
//	Fixes: ${one:12} ("Add a list")
//	-- list.c --
//	int list
//	`)
//	r.Hash("two-1.0")
//
// # Words
//
// Words are separated by blanks. Within "double quotes" the escapes \n, \t, \"
// and \\ hold; 'single quotes' take everything literally. Empty lines and lines
// that begin with # are skipped. In words and in files that a command names,
// ${label} stands for the object name of a label, ${label:N} for its first N hex
// digits, ${label:tree} for the commit's tree; an unknown label fails the test.
//
// # Commands
//
// LABEL is a new name for the commit that a command makes. REV is a label,
// a label with a suffix such as one~2 or one^{tree}, or anything that git
// understands; a label goes before a ref of the same name. Words that begin with
// a dash are handed to the git command, wherever they stand, so values of options
// must stick to them: --strategy=ours, -m1.
//
//	init [OPTION…] [BRANCH]         only as the first command, which otherwise is "init main"
//	commit LABEL SUBJECT [FILE] [PATH=CONTENT…]
//	                                commits everything that changed; FILE is the message's body
//	branch [OPTION…] NAME [REV]     git branch
//	checkout [OPTION…] REV…         git checkout
//	merge LABEL [OPTION…] REV…      a merge commit, also where a fast-forward would do
//	cherry-pick LABEL [OPTION…] REV
//	revert LABEL [OPTION…] REV
//	tag [OPTION…] NAME [REV]        with -a an annotated tag
//	object LABEL TYPE FILE          an object with exactly these bytes, however malformed
//	label LABEL [REV]               names a commit that another command made
//	tick DURATION                   moves the clock: 90m, 24h
//	git WORD…                       any git command
//
// PATH=CONTENT writes a file and ends it with a newline, PATH=@FILE takes the
// content from the script's file, PATH= deletes. A commit without any PATH
// writes LABEL.txt, so that it can be picked and reverted without conflicts.
//
// # Clock and identity
//
// The first command after init happens at Epoch, every further one an hour later,
// in UTC; tick alone takes no time but its own. The author and committer is Name;
// commit takes --author= and --date=.
package gittest

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Name and Email are the author and committer of everything that a script makes.
const (
	Name  = "A U Thor"
	Email = "author@example.com"
)

// Epoch is the time of the first command, in seconds since 1970: 1 January 2020,
// 00:00 UTC.
const Epoch = 1577836800

// Repo is a repository in a temporary directory, which ends with its test. Its
// methods fail the test where git fails. They are not safe across goroutines.
type Repo struct {
	// Dir is the work tree, or the git directory of a bare repository, without
	// symbolic links. Its parent directory belongs to the test too, so a
	// script may use ../name.
	Dir string

	tb      testing.TB
	env     []string
	history *record
}

// record is what all views of one history share: clones and work trees know the
// labels of their origin and go on from the same time, so that commits made in
// different places never coincide.
type record struct {
	now    time.Time
	labels map[string]history.Hash
}

// New runs a script in a new repository.
func New(tb testing.TB, script string) *Repo {
	tb.Helper()
	top := tempDir(tb)
	r := &Repo{
		Dir:     filepath.Join(top, "repo"),
		tb:      tb,
		env:     environment(tb),
		history: &record{now: time.Unix(Epoch, 0).UTC(), labels: map[string]history.Hash{}},
	}
	if err := os.Mkdir(r.Dir, 0o700); err != nil {
		tb.Fatalf("making a repository: %v", err)
	}
	r.run(script, true)
	return r
}

// Do runs the commands of a further script. Labels stay; the files of earlier
// scripts do not.
func (r *Repo) Do(script string) {
	r.tb.Helper()
	r.run(script, false)
}

// Git runs a git command in Dir and returns what it printed, without the last
// newlines. The arguments are taken as they are: no labels, no ${…}.
func (r *Repo) Git(args ...string) string {
	r.tb.Helper()
	out, err := r.git(nil, args...)
	if err != nil {
		r.tb.Fatal(err)
	}
	return out
}

// Import feeds a stream to git fast-import, which makes thousands of commits in
// the time of one command. Refs move as the stream says, whatever they were.
func (r *Repo) Import(stream string) {
	r.tb.Helper()
	if _, err := r.git([]byte(stream), "fast-import", "--quiet", "--force"); err != nil {
		r.tb.Fatal(err)
	}
}

// Hash is the object that a label names. An unknown label fails the test.
func (r *Repo) Hash(label string) history.Hash {
	r.tb.Helper()
	h, ok := r.history.labels[label]
	if !ok {
		r.tb.Fatalf("no label %q; there are %q", label, slices.Sorted(maps.Keys(r.history.labels)))
	}
	return h
}

// Labels names objects by their labels, in the order given, so that a test can
// compare words instead of object names. Where several labels name one object
// the first in alphabetical order counts; an object without a label keeps its
// object name.
func (r *Repo) Labels(hashes ...history.Hash) []string {
	names := make(map[history.Hash]string, len(r.history.labels))
	for _, label := range slices.Sorted(maps.Keys(r.history.labels)) {
		if h := r.history.labels[label]; names[h] == "" {
			names[h] = label
		}
	}
	out := make([]string, len(hashes))
	for i, h := range hashes {
		if out[i] = names[h]; out[i] == "" {
			out[i] = h.String()
		}
	}
	return out
}

// Clone clones the repository over the file protocol, which honours --depth and
// --filter: Clone("--bare"), Clone("--mirror"), Clone("--depth=2"),
// Clone("--filter=blob:none"). The clone knows the labels of r, and what either
// makes from now on is known to both.
func (r *Repo) Clone(options ...string) *Repo {
	r.tb.Helper()
	clone := r.At(filepath.Join(tempDir(r.tb), "clone"))
	args := append([]string{"clone", "--quiet"}, options...)
	r.Git(append(args, "--", r.URL(), clone.Dir)...)
	return clone
}

// URL is the repository's file:// URL.
func (r *Repo) URL() string {
	p := filepath.ToSlash(r.Dir)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // a drive letter
	}
	return "file://" + p
}

// At is the same history seen from another directory: a linked work tree, a
// submodule, a copy. A relative path starts at Dir.
func (r *Repo) At(dir string) *Repo {
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(r.Dir, dir)
	}
	at := *r
	at.Dir = filepath.Clean(dir)
	return &at
}

// GitDir is the absolute path of the git directory of this work tree.
func (r *Repo) GitDir() string {
	r.tb.Helper()
	return filepath.FromSlash(r.Git("rev-parse", "--absolute-git-dir"))
}

// EquateHashes lets go-cmp compare values that hold a history.Hash, whose fields
// are private.
func EquateHashes() cmp.Option {
	return cmp.Comparer(func(a, b history.Hash) bool { return a == b })
}

// gitError is a git command that failed, with what it said.
type gitError struct {
	args []string
	said string
	err  error
}

func (e *gitError) Error() string {
	return "git " + strings.Join(e.args, " ") + ": " + e.err.Error() + "\n" + e.said
}

func (e *gitError) Unwrap() error { return e.err }

// git runs git in Dir at the clock's time.
func (r *Repo) git(stdin []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(r.tb.Context(), "git", args...)
	cmd.Dir = r.Dir
	now := r.history.now.Format("2006-01-02T15:04:05Z")
	cmd.Env = append(slices.Clip(r.env), "GIT_AUTHOR_DATE="+now, "GIT_COMMITTER_DATE="+now)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", &gitError{args, said.String() + out.String(), err}
	}
	return strings.TrimRight(out.String(), "\n"), nil
}
