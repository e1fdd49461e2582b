package repos

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
)

// Visit is the registry as one client sees it: the repositories that are
// declared, and those that this client entered itself. What another client has
// open is none of its business, but is shared with it as soon as it enters. It is
// safe for concurrent use; Close it.
type Visit struct {
	registry *Registry

	mu      sync.Mutex
	closed  bool
	entered map[string]bool // by common directory; it stays open as long as the visit
	failed  map[string]bool // by path, of those that could not be opened for it
}

// Visit begins a visit.
func (r *Registry) Visit() *Visit {
	return &Visit{registry: r, entered: map[string]bool{}, failed: map[string]bool{}}
}

// Close ends the visit. What it entered stays open until Registry.CloseUnvisited.
func (v *Visit) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	v.closed = true
	r := v.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	for dir := range v.entered {
		r.visits[dir]--
		r.left[dir] = time.Now()
	}
}

// enter takes note that the visit has a repository, which stays open whatever is
// declared.
func (v *Visit) enter(dir string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || v.entered[dir] {
		return
	}
	v.entered[dir] = true
	v.registry.mu.Lock()
	v.registry.visits[dir]++
	v.registry.mu.Unlock()
}

// ForPath is the repository that the file or directory lies in; it is opened
// where it is new. gitrepo.ErrNotRepository says that there is none.
func (v *Visit) ForPath(ctx context.Context, path string) (*Repository, error) {
	loc, err := v.find(ctx, path)
	if err != nil {
		return nil, err
	}
	return v.registry.open(ctx, path, loc)
}

func (v *Visit) find(ctx context.Context, path string) (gitrepo.Location, error) {
	loc, err := gitrepo.Discover(ctx, path)
	if err == nil {
		v.enter(loc.CommonDir)
	}
	return loc, err
}

// Enter is ForPath for somebody who goes on without the repository: one that
// cannot be read is found under Failures, and news says that it was not yet.
func (v *Visit) Enter(ctx context.Context, path string) (repo *Repository, news bool, err error) {
	r := v.registry
	loc, err := v.find(ctx, path)
	root := cmp.Or(loc.WorkTree, loc.GitDir, path)
	if err == nil {
		repo, err = r.open(ctx, path, loc)
	}
	switch {
	case err == nil:
		r.mu.Lock()
		delete(r.failures, root)
		r.mu.Unlock()
	case !errors.Is(err, gitrepo.ErrNotRepository) && ctx.Err() == nil:
		v.mu.Lock()
		v.failed[root] = true
		v.mu.Unlock()
		news = r.failed(root, "", err)
	}
	return repo, news, err
}

// All are the open repositories that the visit sees, by name.
func (v *Visit) All() []*Repository {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.registry.where(func(dir string, e *entry) bool { return e.as.Path != "" || v.entered[dir] })
}

// Failures are the repositories that could not be opened, by path: declared ones,
// and those that the visit entered.
func (v *Visit) Failures() []Failure {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.DeleteFunc(v.registry.Failures(), func(f Failure) bool {
		return !v.failed[f.Path] && !v.registry.isDeclared(f.Path)
	})
}

// CloseUnvisited closes the repositories that are not declared and that no visit
// has had since that time, so that what was asked about once does not stay in
// memory for ever.
func (r *Registry) CloseUnvisited(since time.Time) error {
	r.mu.Lock()
	var gone []*entry
	for dir, e := range r.byDir {
		if left, ok := r.left[dir]; e.repo != nil && e.as.Path == "" && r.visits[dir] == 0 && ok && left.Before(since) {
			delete(r.byDir, dir)
			delete(r.visits, dir)
			delete(r.left, dir)
			gone = append(gone, e)
		}
	}
	r.mu.Unlock()
	var errs []error
	for _, e := range gone {
		errs = append(errs, e.repo.close())
	}
	return errors.Join(errs...)
}
