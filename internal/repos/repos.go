// Package repos keeps the repositories that the program knows: the configured
// ones, the current one, and those of open documents. It finds and opens each
// once, gives it a name, and owns its index from Start to Close.
//
// Its main types: Registry, Visit, which is the registry as one client sees it,
// and Repository. It fills indexes and asks them
// nothing: answers are internal/lookup's. A repository that cannot be opened
// stays in the registry with its error; the others go on.
package repos

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/index/line"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// Options configure a Registry.
type Options struct {
	IndexDir string // where indexes live, one directory a repository
	ViewDir  string // where gitrepo keeps what it reads objects through
	Program  string // as index.Options.Program
	Tracker  *task.Tracker
	Turns    *index.Turns // as index.Options.Turns
	Log      *slog.Logger
	// Hold, where there is one, keeps a repository from being removed while it is
	// open, or says why it cannot be opened; see Clones.Hold.
	Hold func(dir string) (release func(), err error)
	// OnChange is called after any index changed; it must not block.
	OnChange func()
}

// Settings are for all repositories.
type Settings struct {
	Dialects *lineage.Dialects // nil for the built-in ones
	Words    bool              // index words at once and not when first asked for
	Paths    bool              // the same of paths, after words
}

// Configured is a repository that the configuration names.
type Configured struct {
	Name  string // "" for the directory's name
	Path  string
	Lines line.Config
}

// Repository is one repository with its index.
type Repository struct {
	Name     string
	Path     string // as it was found: the work tree, or the repository's directory
	Location gitrepo.Location
	Git      *gitrepo.Repository
	Index    *index.Index

	remotes []string
	release func()
}

// Remotes are the remotes' URLs as they were when the repository was opened,
// upstream first, then origin.
func (r *Repository) Remotes() []string { return r.remotes }

// Failure is a repository that could not be opened.
type Failure struct {
	Name, Path string
	Err        error
}

// Registry is the set of known repositories. It is safe for concurrent use.
type Registry struct {
	opt  Options
	ctx  context.Context
	stop context.CancelFunc

	mu       sync.Mutex
	closed   bool
	settings Settings
	declares int                   // how often Declare was called
	byDir    map[string]*entry     // by common directory
	declared map[string]Configured // by path
	failures map[string]Failure    // by path
	visits   map[string]int        // by common directory: how many visits have it
	left     map[string]time.Time  // by common directory: when the last one ended
}

// entry is a repository that is open, or being opened: ready is closed then.
type entry struct {
	ready chan struct{}
	repo  *Repository
	err   error
	// places are where the repository was found: its own work tree, linked ones.
	places []gitrepo.Location
	// as is how it was declared when it was opened, or since.
	as Configured
}

// New makes an empty registry; Close ends all that it starts.
func New(opt Options) *Registry {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Registry{opt: opt, ctx: ctx, stop: stop, byDir: map[string]*entry{}, declared: map[string]Configured{}, failures: map[string]Failure{}, visits: map[string]int{}, left: map[string]time.Time{}}
}

// Declare takes note of the repositories that the configuration names, so that
// they have their names and lines whoever opens them. It opens none. Those that
// are open already take other lines and dialects over; those that are declared no
// longer, or under another name, are closed, unless somebody visits them.
func (r *Registry) Declare(configured []Configured, s Settings) error {
	declared := make(map[string]Configured, len(configured))
	for _, c := range configured {
		declared[real(c.Path)] = c
	}
	r.mu.Lock()
	for path := range r.declared {
		if _, still := declared[path]; !still {
			maps.DeleteFunc(r.failures, func(_ string, f Failure) bool { return real(f.Path) == path })
		}
	}
	before := r.settings.Dialects
	r.declared, r.settings = declared, s
	r.declares++
	var gone []*entry
	for dir, e := range r.byDir {
		if e.repo == nil {
			continue // whoever opens it looks again
		}
		as := r.declaration(e.repo.Location)
		stays := as.Name == e.as.Name
		if as.Path == "" {
			stays = e.as.Path == "" || r.visited(dir)
		}
		if stays {
			dialects := e.repo.dialects(s.Dialects)
			if !reflect.DeepEqual(as.Lines, e.as.Lines) || !dialects.Same(e.repo.dialects(before)) {
				e.repo.Index.Configure(index.Settings{Lines: as.Lines, Dialects: dialects})
			}
			e.as = as
			continue
		}
		delete(r.byDir, dir)
		gone = append(gone, e)
	}
	r.mu.Unlock()
	var errs []error
	for _, e := range gone {
		errs = append(errs, e.repo.close())
	}
	return errors.Join(errs...)
}

// real is a path without symbolic links, as git gives paths.
func real(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return filepath.Clean(path)
}

// OpenDeclared opens the repositories that were declared, or of them those at the
// given paths, side by side. What cannot be opened is found under Failures.
func (r *Registry) OpenDeclared(ctx context.Context, paths ...string) {
	r.mu.Lock()
	declared := maps.Clone(r.declared)
	r.mu.Unlock()
	if len(paths) > 0 {
		maps.DeleteFunc(declared, func(_ string, c Configured) bool { return !slices.Contains(paths, c.Path) })
	}
	var wg sync.WaitGroup
	for _, c := range declared {
		wg.Go(func() {
			loc, err := gitrepo.Discover(ctx, c.Path)
			if err == nil {
				_, err = r.open(ctx, c.Path, loc)
			}
			if err != nil && ctx.Err() == nil && r.isDeclared(c.Path) {
				r.failed(c.Path, cmp.Or(c.Name, filepath.Base(c.Path)), err)
			}
		})
	}
	wg.Wait()
}

func (r *Registry) isDeclared(path string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.declared[real(path)]
	return ok
}

// failed takes note of a repository that cannot be read, and says whether that
// is news.
func (r *Registry) failed(path, name string, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, known := r.failures[path]
	if known && name == "" {
		name = old.Name // it was declared
	}
	r.failures[path] = Failure{Name: cmp.Or(name, filepath.Base(path)), Path: path, Err: err}
	return !known || old.Err.Error() != err.Error()
}

// declaration is what was declared of a repository; zero if nothing was. r.mu is
// held.
func (r *Registry) declaration(loc gitrepo.Location) Configured {
	for _, path := range []string{loc.WorkTree, loc.CommonDir, loc.GitDir} {
		if c, ok := r.declared[path]; ok && path != "" {
			return c
		}
	}
	return Configured{}
}

// Known is the repository that the path lies in, if it is open already.
// It touches no file.
func (r *Registry) Known(path string) (*Repository, bool) {
	repo, _, ok := r.Place(path)
	return repo, ok
}

// Place is Known, and where in the repository the path lies: linked work trees
// have a git directory and a HEAD of their own.
func (r *Registry) Place(path string) (best *Repository, at gitrepo.Location, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var depth int
	for _, e := range r.byDir {
		if e.repo == nil {
			continue
		}
		for _, place := range e.places {
			for _, root := range []string{place.WorkTree, place.GitDir, place.CommonDir, e.repo.Path} {
				if root != "" && within(path, root) && len(root) > depth {
					best, at, depth = e.repo, place, len(root)
				}
			}
		}
	}
	return best, at, best != nil
}

func within(path, root string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || os.IsPathSeparator(rest[0]) || os.IsPathSeparator(root[len(root)-1]))
}

// All are the open repositories, by name, whoever entered them.
func (r *Registry) All() []*Repository {
	return r.where(func(string, *entry) bool { return true })
}

// where are the open repositories of which wanted says so; it is called with r.mu
// held.
func (r *Registry) where(wanted func(dir string, e *entry) bool) []*Repository {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*Repository
	for dir, e := range r.byDir {
		if e.repo != nil && wanted(dir, e) {
			all = append(all, e.repo)
		}
	}
	slices.SortFunc(all, func(a, b *Repository) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// visited says whether a visit has the repository. r.mu is held.
func (r *Registry) visited(dir string) bool { return r.visits[dir] > 0 }

// Failures are the repositories that could not be opened, by path: configured
// ones, and those that somebody entered.
func (r *Registry) Failures() []Failure {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Failure
	for _, f := range r.failures {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b Failure) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

func (r *Registry) open(ctx context.Context, path string, loc gitrepo.Location) (*Repository, error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, errors.New("the program is ending")
	}
	e, ok := r.byDir[loc.CommonDir]
	if !ok {
		e = &entry{ready: make(chan struct{}), as: r.declaration(loc)}
		r.byDir[loc.CommonDir] = e
	}
	settings, declares := r.settings, r.declares
	if !ok || !slices.Contains(e.places, loc) {
		e.places = append(e.places, loc)
	}
	r.mu.Unlock()
	if ok {
		select {
		case <-e.ready:
			return e.repo, e.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	// Opening belongs to the registry and not to who asked first: others wait for it.
	declared := e.as.Path != ""
	repo, err := r.start(loc, path, e.as, settings)
	r.mu.Lock()
	if err == nil && declares != r.declares { // meanwhile
		e.as = r.declaration(loc)
		repo.Index.Configure(index.Settings{Lines: e.as.Lines, Dialects: repo.dialects(r.settings.Dialects)})
	}
	unwanted := declared && e.as.Path == "" && !r.visited(loc.CommonDir)
	switch {
	case err == nil && r.closed:
		err = errors.Join(errors.New("the program is ending"), repo.close())
	case err == nil && unwanted:
		err = errors.Join(errors.New("it is configured no longer"), repo.close())
	}
	if err != nil {
		delete(r.byDir, loc.CommonDir)
		e.err = err
	} else {
		repo.Name = r.unique(cmp.Or(e.as.Name, nameOf(loc)), loc)
		repo.Index.Start(r.ctx) // from here on Declare may close it
		e.repo = repo
	}
	r.mu.Unlock()
	close(e.ready)
	return e.repo, err
}

func (r *Registry) start(loc gitrepo.Location, path string, c Configured, s Settings) (*Repository, error) {
	release := func() {}
	if r.opt.Hold != nil {
		var err error
		if release, err = r.opt.Hold(loc.CommonDir); err != nil {
			return nil, err
		}
	}
	git, err := gitrepo.Open(r.ctx, loc, gitrepo.Options{ViewDir: r.opt.ViewDir})
	if err != nil {
		release()
		return nil, err
	}
	repo := &Repository{Name: cmp.Or(c.Name, nameOf(loc)), Path: cmp.Or(loc.WorkTree, loc.GitDir, path), Location: loc, Git: git, release: release}
	remotes, err := git.Remotes(r.ctx)
	if err != nil {
		r.opt.Log.Warn("reading the remotes", "repository", repo.Name, "error", err)
	}
	for _, remote := range remotes {
		repo.remotes = append(repo.remotes, remote.URL)
	}
	size := 20
	if loc.ObjectFormat == "sha256" {
		size = 32
	}
	repo.Index, err = index.Open(git, index.Options{
		Name: repo.Name, Dir: filepath.Join(r.opt.IndexDir, indexName(nameOf(loc), loc.CommonDir)), Location: loc.CommonDir,
		Program: r.opt.Program, HashSize: size, Lines: c.Lines, Tracker: r.opt.Tracker, Turns: r.opt.Turns, Log: r.opt.Log, Words: s.Words, Paths: s.Paths, Dialects: repo.dialects(s.Dialects), OnChange: r.opt.OnChange,
	})
	if err != nil {
		err = errors.Join(err, git.Close())
		release()
		return nil, err
	}
	return repo, nil
}

// IsPath says whether a remote's URL is a place on this machine, of which no forge
// knows anything.
func IsPath(remote string) bool {
	return filepath.IsAbs(remote) || strings.HasPrefix(remote, ".") || strings.HasPrefix(remote, "file:")
}

// dialects are how messages of the repository are read: what its remotes call it
// tells its own requests from those of other projects. A path on this machine
// tells nothing.
func (r *Repository) dialects(d *lineage.Dialects) *lineage.Dialects {
	if d == nil {
		d = lineage.BuiltinDialects()
	}
	var projects []string
	for _, remote := range r.remotes {
		if !IsPath(remote) {
			projects = append(projects, remote)
		}
	}
	return d.Of(projects...)
}

func (r *Repository) close() error {
	defer r.release()
	return errors.Join(r.Index.Close(), r.Git.Close())
}

// nameOf is what people call the repository: its directory's name, without the
// .git of bare ones. Mirrors keep it in a directory of its own, whose name says
// nothing.
func nameOf(loc gitrepo.Location) string {
	dir := loc.WorkTree
	if dir == "" || loc.GitDir != loc.CommonDir || filepath.Base(loc.CommonDir) == ".git" {
		dir = strings.TrimSuffix(loc.CommonDir, string(filepath.Separator)+".git")
	}
	name := strings.TrimSuffix(filepath.Base(dir), ".git")
	if name == "" || name == "repo" || name == "." || name == string(filepath.Separator) {
		name = filepath.Base(filepath.Dir(dir))
	}
	return name
}

// unique keeps names apart that several repositories would have. r.mu is held.
func (r *Registry) unique(name string, loc gitrepo.Location) string {
	taken := map[string]bool{}
	for _, e := range r.byDir {
		if e.repo != nil {
			taken[e.repo.Name] = true
		}
	}
	if !taken[name] {
		return name
	}
	parent := filepath.Base(filepath.Dir(strings.TrimSuffix(loc.CommonDir, string(filepath.Separator)+".git")))
	for n := 1; ; n++ {
		candidate := parent + "/" + name
		if n > 1 {
			candidate += "-" + strconv.Itoa(n)
		}
		if !taken[candidate] {
			return candidate
		}
	}
}

// indexName is a directory name that people can recognise and that no two
// repositories share.
func indexName(name, commonDir string) string {
	sum := sha256.Sum256([]byte(commonDir))
	clean := strings.Map(func(c rune) rune {
		if c < 128 && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return c
		}
		return '-'
	}, name)
	return fmt.Sprintf("%.40s-%s", clean, hex.EncodeToString(sum[:8]))
}

// Close closes all repositories and waits for their goroutines.
func (r *Registry) Close() error {
	r.mu.Lock()
	r.closed = true
	entries := r.byDir
	r.byDir = map[string]*entry{}
	r.mu.Unlock()
	r.stop()
	var errs []error
	for _, e := range entries {
		<-e.ready
		if e.repo != nil {
			errs = append(errs, e.repo.close())
		}
	}
	return errors.Join(errs...)
}
