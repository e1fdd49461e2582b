// Package gitrepo reads repositories: where one is, what its refs say, which
// commits it has, and when that changes. It is the only importer of go-git and
// the only caller of git.
//
// Its main types: Location (where a repository was found) and Repository (an
// open one). Two sources stand behind one contract: git's own plumbing, which
// knows every format that the installed git knows, and go-git, for machines
// without git.
//
// What never happens here: nothing that a repository's configuration names is
// run. Objects are read through a private view, a git directory of our own that
// shares the repository's objects and nothing else; in the repository itself
// only rev-parse, for-each-ref and config run, which start no other program.
// Nothing is written into a repository, and nothing is fetched, but for the
// clones that are our own (Clone): there the user's configuration counts, for
// credentials and proxies, and the clone's is ours.
package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Errors that callers tell apart.
var (
	// ErrNotRepository says that a path lies in no repository.
	ErrNotRepository = errors.New("not a git repository")
	// ErrUnsafe says that git refuses the repository because somebody else owns it.
	ErrUnsafe = errors.New("the repository belongs to somebody else")
	// ErrNotFound says that a commit is not in the object store.
	ErrNotFound = errors.New("no such commit")
	// ErrFormat says that the repository is of a kind that this source cannot read.
	ErrFormat = errors.New("repository format not supported")
	// ErrNeedsGit says that only an installed git can do this.
	ErrNeedsGit = errors.New("this needs an installed git; install it and try again")
)

// Backend chooses what reads a repository.
type Backend int

// The backends.
const (
	Auto  Backend = iota // git where it is installed, else go-git
	Git                  // git's plumbing
	GoGit                // go-git
)

// Options configure Open.
type Options struct {
	Backend Backend
	// ViewDir is a directory of ours in which the private views are made.
	// Repositories share it.
	ViewDir string
}

// source is what a backend does. Its methods may be called from several
// goroutines, return soon after ctx ends, and leave no process behind.
type source interface {
	// refs reads what history.Refs documents. known tells commits that need no
	// look at their object.
	refs(ctx context.Context, known func(history.Hash) bool) (history.Refs, error)
	// walk calls fn with each commit reachable from want and not from have, once,
	// in any order. Hashes in have that are gone are ignored; commits that are
	// missing or damaged are left out, with what only they lead to.
	walk(ctx context.Context, want, have []history.Hash, fn func(*history.Commit) error) error
	// commits calls fn with the commits in the order asked, leaving out those that
	// are missing, damaged or no commits.
	commits(ctx context.Context, hashes []history.Hash, fn func(*history.Commit) error) error
	// abbreviated finds the commits in the object store whose name begins with the
	// hex digits, 4 at least.
	abbreviated(ctx context.Context, hex string) ([]history.Hash, error)
	// file reads a file of a commit's tree; "" where there is none.
	file(ctx context.Context, at history.Hash, path string) (string, error)
	close() error
}

// Repository is an open repository. It is safe for concurrent use.
type Repository struct {
	loc Location
	src source
	git *gitSource // nil without git
}

// Open opens the repository at a Location. It fails with ErrFormat where the
// backend cannot read it.
func Open(ctx context.Context, loc Location, opt Options) (*Repository, error) {
	backend := opt.Backend
	if backend == Auto {
		backend = Git
		if _, err := exec.LookPath("git"); err != nil {
			backend = GoGit
		}
	}
	r := &Repository{loc: loc}
	if backend == GoGit {
		src, err := newGoGit(loc)
		if err != nil {
			return nil, fmt.Errorf("opening %s: %w", loc.CommonDir, err)
		}
		r.src = src
		return r, nil
	}
	src, err := newGitSource(ctx, loc, opt.ViewDir)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", loc.CommonDir, err)
	}
	r.src, r.git = src, src
	return r, nil
}

// Location is where the repository is.
func (r *Repository) Location() Location { return r.loc }

// Refs reads the indexed refs. known, which may be nil, tells commits that the
// caller has already: refs to these need no look at the object.
func (r *Repository) Refs(ctx context.Context, known func(history.Hash) bool) (history.Refs, error) {
	if known == nil {
		known = func(history.Hash) bool { return false }
	}
	refs, err := r.src.refs(ctx, known)
	if err != nil {
		return refs, fmt.Errorf("reading the refs of %s: %w", r.loc.CommonDir, err)
	}
	return refs, nil
}

// Walk calls fn with each commit that is reachable from want and not from have,
// once, in any order. The commit is fn's to keep. Commits whose objects are
// missing or damaged are left out, with what only they lead to: who gets a
// commit and never its parent knows.
func (r *Repository) Walk(ctx context.Context, want, have []history.Hash, fn func(*history.Commit) error) error {
	if err := r.src.walk(ctx, want, have, fn); err != nil {
		return fmt.Errorf("reading the commits of %s: %w", r.loc.CommonDir, err)
	}
	return nil
}

// Commit reads one commit; ErrNotFound where the object store has it not.
func (r *Repository) Commit(ctx context.Context, h history.Hash) (*history.Commit, error) {
	var found *history.Commit
	err := r.src.commits(ctx, []history.Hash{h}, func(c *history.Commit) error { found = c; return nil })
	if err == nil && found == nil {
		err = fmt.Errorf("%s: %w", h, ErrNotFound)
	}
	return found, err
}

// Commits calls fn with the commits in the order asked, leaving out those whose
// objects are missing or damaged.
func (r *Repository) Commits(ctx context.Context, hashes []history.Hash, fn func(*history.Commit) error) error {
	return r.src.commits(ctx, hashes, fn)
}

// Abbreviated finds the commits of the object store whose name begins with the
// hex digits, whether a ref leads to them or not: none, one, or several where
// the abbreviation is ambiguous. Fewer than 4 digits find none.
func (r *Repository) Abbreviated(ctx context.Context, hex string) ([]history.Hash, error) {
	if len(hex) < 4 || len(hex) > 64 || !isHex(hex) {
		return nil, nil
	}
	return r.src.abbreviated(ctx, hex)
}

// Close ends the processes that the repository keeps.
func (r *Repository) Close() error { return r.src.close() }

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}
