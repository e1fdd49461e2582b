package gitrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// goGitSource reads through go-git, for machines without git. go-git is not
// safe for concurrent use, so one mutex guards all of it; its own log iterators
// lose commits, so the walk is ours.
type goGitSource struct {
	loc     Location
	storage *filesystem.Storage
	repo    *git.Repository

	mu      chan struct{} // a mutex that a context can give up waiting for
	packs   string        // the packs that storage knows
	shallow map[history.Hash]bool
	once    sync.Once
}

var _ source = (*goGitSource)(nil)

func newGoGit(loc Location) (*goGitSource, error) {
	if loc.ObjectFormat != "sha1" {
		return nil, fmt.Errorf("object format %q without git: %w", loc.ObjectFormat, ErrFormat)
	}
	if _, err := os.Stat(filepath.Join(loc.CommonDir, "reftable")); err == nil {
		return nil, fmt.Errorf("reftable without git: %w", ErrFormat)
	}
	s := &goGitSource{loc: loc, mu: make(chan struct{}, 1)}
	return s, s.open()
}

func (s *goGitSource) open() error {
	packs := packsIn(s.loc.ObjectsDir, 0)
	storage := filesystem.NewStorageWithOptions(osfs.New(s.loc.CommonDir), cache.NewObjectLRU(16<<20), filesystem.Options{KeepDescriptors: true})
	repo, err := git.Open(storage, nil)
	if err != nil {
		return errors.Join(fmt.Errorf("%w: %w", ErrFormat, err), storage.Close())
	}
	if s.storage != nil {
		err = s.storage.Close()
	}
	s.packs, s.storage, s.repo = packs, storage, repo
	return err
}

// packsIn names the packs of an object directory and its alternates.
func packsIn(dir string, depth int) string {
	found, _ := filepath.Glob(filepath.Join(dir, "pack", "*.idx")) //nolint:errcheck // the pattern is good
	all := strings.Join(found, "\n")
	b, err := os.ReadFile(filepath.Join(dir, "info", "alternates"))
	if err != nil || depth > 5 {
		return all
	}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if !filepath.IsAbs(line) {
			line = filepath.Join(dir, line)
		}
		all += "\n" + packsIn(line, depth+1)
	}
	return all
}

// object reads an object. go-git lists the packs once, so what is not found may
// be in a new one.
func (s *goGitSource) object(kind plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	o, err := s.storage.EncodedObject(kind, h)
	if err == nil || s.packs == packsIn(s.loc.ObjectsDir, 0) {
		return o, err
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	return s.storage.EncodedObject(kind, h)
}

func (s *goGitSource) lock(ctx context.Context) error {
	select {
	case s.mu <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *goGitSource) unlock() { <-s.mu }

func (s *goGitSource) close() error {
	var err error
	s.once.Do(func() {
		s.mu <- struct{}{}
		err = s.storage.Close()
		<-s.mu
	})
	return err
}

func fromPlumbing(h plumbing.Hash) history.Hash {
	converted, _ := history.HashFromBytes(h[:]) //nolint:errcheck // 20 bytes always fit
	return converted
}

func toPlumbing(h history.Hash) (p plumbing.Hash) {
	copy(p[:], h.Bytes())
	return p
}

func (s *goGitSource) refs(ctx context.Context, known func(history.Hash) bool) (history.Refs, error) {
	refs := history.Refs{Bare: s.loc.Bare, RemoteHeads: map[string]string{}}
	if err := s.lock(ctx); err != nil {
		return refs, err
	}
	defer s.unlock()
	var err error
	if refs.Shallow, err = readShallow(s.loc); err != nil {
		return refs, err
	}
	s.shallow = map[history.Hash]bool{}
	for _, h := range refs.Shallow {
		s.shallow[h] = true
	}
	iter, err := s.repo.References()
	if err != nil {
		return refs, err
	}
	err = iter.ForEach(func(r *plumbing.Reference) error {
		name := r.Name().String()
		if remote, ok := remoteHead(name); ok {
			if r.Type() == plumbing.SymbolicReference {
				refs.RemoteHeads[remote] = r.Target().String()
			}
			return ctx.Err()
		}
		if name == "HEAD" && r.Type() == plumbing.SymbolicReference {
			refs.Head = r.Target().String()
			return nil
		}
		if kind := history.KindOf(name); kind == history.OtherRef {
			return ctx.Err()
		}
		if r.Type() == plumbing.SymbolicReference {
			resolved, err := storer.ResolveReference(s.storage, r.Name())
			if err != nil {
				return ctx.Err() // a dangling symref is no ref, as for git
			}
			r = plumbing.NewHashReference(r.Name(), resolved.Hash())
		}
		if err := s.add(&refs, history.Ref{Name: name, Object: fromPlumbing(r.Hash())}, known); err != nil {
			return err
		}
		return ctx.Err()
	})
	for _, ref := range linkedHeads(s.loc, &refs) {
		if err == nil {
			err = s.add(&refs, ref, known)
		}
	}
	slices.SortFunc(refs.List, func(a, b history.Ref) int { return strings.Compare(a.Name, b.Name) })
	return refs, err
}

// add adds a ref that leads to a commit, and counts one that leads to nothing
// which can be read.
func (s *goGitSource) add(refs *history.Refs, ref history.Ref, known func(history.Hash) bool) error {
	commit, err := s.peel(toPlumbing(ref.Object), known)
	var system *fs.PathError
	switch {
	case errors.As(err, &system) && !errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil:
		refs.LeftOut++
	case !commit.IsZero():
		ref.Commit = commit
		refs.List = append(refs.List, ref)
	}
	return nil
}

// peel follows tags to a commit; the zero Hash is for what leads to none.
func (s *goGitSource) peel(h plumbing.Hash, known func(history.Hash) bool) (history.Hash, error) {
	for range 32 {
		if c := fromPlumbing(h); known(c) {
			return c, nil
		}
		o, err := s.object(plumbing.AnyObject, h)
		if err != nil {
			return history.Hash{}, err
		}
		switch o.Type() {
		case plumbing.CommitObject:
			return fromPlumbing(h), nil
		case plumbing.TagObject:
			tag, err := object.DecodeTag(s.storage, o)
			if err != nil {
				return history.Hash{}, nil //nolint:nilerr // a broken tag leads nowhere
			}
			h = tag.Target
		default:
			return history.Hash{}, nil
		}
	}
	return history.Hash{}, nil
}

// read reads one commit: ErrNotFound where it is missing or damaged.
func (s *goGitSource) read(h history.Hash) (*history.Commit, error) {
	o, err := s.object(plumbing.CommitObject, toPlumbing(h))
	if err != nil {
		return nil, unreadable(h, err)
	}
	if o.Size() > maxCommit {
		return nil, fmt.Errorf("reading %s: %d bytes", h, o.Size())
	}
	r, err := o.Reader()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", h, err)
	}
	raw, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, unreadable(h, err)
	}
	if !named(h, raw) {
		return nil, fmt.Errorf("%s has another content: %w", h, ErrNotFound)
	}
	c := parseCommit(h, raw)
	if s.shallow[h] {
		c.Parents = nil
	}
	return c, nil
}

// unreadable is ErrNotFound, unless it was this machine that failed.
func unreadable(h history.Hash, err error) error {
	var system *fs.PathError
	if errors.As(err, &system) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading %s: %w", h, err)
	}
	return fmt.Errorf("reading %s: %w: %w", h, ErrNotFound, err)
}

func (s *goGitSource) walk(ctx context.Context, want, have []history.Hash, fn func(*history.Commit) error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	seen := map[history.Hash]bool{}
	// Everything behind have is old: without generation numbers there is no
	// cheaper way to know where to stop that is also right.
	// What is missing or damaged is left out, with what only it leads to.
	old := slices.Clone(have)
	for len(old) > 0 {
		h := old[len(old)-1]
		old = old[:len(old)-1]
		if seen[h] {
			continue
		}
		seen[h] = true
		c, err := s.read(h)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return err
		}
		old = append(old, c.Parents...)
	}
	todo := slices.Clone(want)
	for len(todo) > 0 {
		h := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[h] {
			continue
		}
		seen[h] = true
		c, err := s.read(h)
		if errors.Is(err, ErrNotFound) && ctx.Err() == nil {
			continue
		}
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return err
		}
		if err := fn(c); err != nil {
			return err
		}
		todo = append(todo, c.Parents...)
	}
	return nil
}

func (s *goGitSource) commits(ctx context.Context, hashes []history.Hash, fn func(*history.Commit) error) error {
	for _, h := range hashes {
		if err := s.lock(ctx); err != nil {
			return err
		}
		c, err := s.read(h)
		s.unlock()
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := fn(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *goGitSource) abbreviated(ctx context.Context, hex string) ([]history.Hash, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	even := hex[:len(hex)&^1]
	prefix := make([]byte, len(even)/2)
	if _, err := fmt.Sscanf(even, "%x", &prefix); err != nil {
		return nil, nil //nolint:nilerr // no hex, no commit
	}
	all, err := s.storage.HashesWithPrefix(prefix)
	if err != nil {
		return nil, err
	}
	var found []history.Hash
	for _, p := range all {
		h := fromPlumbing(p)
		if !strings.HasPrefix(h.String(), strings.ToLower(hex)) {
			continue
		}
		if _, err := s.read(h); err == nil {
			found = append(found, h)
		}
	}
	return found, nil
}

func (s *goGitSource) resolve(ctx context.Context, gitDir, rev string) (history.Hash, error) {
	if err := s.lock(ctx); err != nil {
		return history.Hash{}, err
	}
	defer s.unlock()
	if rest, ok := strings.CutPrefix(rev, "HEAD"); ok && gitDir != "" && gitDir != s.loc.CommonDir {
		// go-git knows the repository's own HEAD alone.
		b, err := os.ReadFile(filepath.Join(gitDir, "HEAD"))
		if err != nil {
			return history.Hash{}, fmt.Errorf("reading HEAD: %w", err)
		}
		rev = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(b)), "ref:")) + rest
	}
	h, err := s.repo.ResolveRevision(plumbing.Revision(rev))
	if err != nil {
		return history.Hash{}, fmt.Errorf("%q: %w", rev, ErrNotFound)
	}
	return fromPlumbing(*h), nil
}
