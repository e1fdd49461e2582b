package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// gitSource reads through git's plumbing.
type gitSource struct {
	loc      Location
	viewDir  string
	madeTemp string // the temporary directory that the view is in, if it is in one
	hashSize int
	plumbing bool // ask git for every walk, as the tests do

	ctx  context.Context // ends the kept process
	stop context.CancelFunc

	slots    chan struct{} // bounds the processes that work at once
	changers chan struct{} // bounds those of Changes, which run in the background
	reader   chan struct{} // guards kept
	kept     *objects
	recent   *lru.Cache[history.Hash, *history.Commit] // as they are stored, with all parents

	mu      sync.Mutex
	shallow map[history.Hash]bool
	peeled  map[history.Hash]history.Hash // object -> commit; the zero Hash for none
}

var _ source = (*gitSource)(nil)

// maxWorkers is how many bulk operations run git at once in one repository,
// besides the one process that answers single reads.
const maxWorkers = 2

func newGitSource(ctx context.Context, loc Location, viewDir string) (*gitSource, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &gitSource{loc: loc, slots: make(chan struct{}, maxWorkers), changers: make(chan struct{}, maxWorkers), reader: make(chan struct{}, 1), peeled: map[history.Hash]history.Hash{}}
	var err error
	if s.recent, err = lru.New[history.Hash, *history.Commit](maxRecent); err != nil {
		return nil, err
	}
	switch loc.ObjectFormat {
	case "sha1":
		s.hashSize = 20
	case "sha256":
		s.hashSize = 32
	default:
		return nil, fmt.Errorf("object format %q: %w", loc.ObjectFormat, ErrFormat)
	}
	if s.viewDir, err = makeView(viewDir, loc.ObjectFormat); err != nil {
		if s.madeTemp, s.viewDir, err = makeTempView(loc.ObjectFormat, err); err != nil {
			return nil, err
		}
	}
	sweepViews(s.viewDir)
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	if _, err = s.readShallow(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *gitSource) close() error {
	s.stop()
	s.reader <- struct{}{}
	defer func() { <-s.reader }()
	if s.kept != nil {
		s.kept.kill()
		s.kept = nil
	}
	if s.madeTemp != "" {
		return os.RemoveAll(s.madeTemp)
	}
	return nil
}

func (s *gitSource) acquire(ctx context.Context) (release func(), err error) {
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// viewEnv reads the repository's objects through our own git directory: the
// repository's configuration, hooks and attributes are not even looked at.
func (s *gitSource) viewEnv() []string {
	env := environment("GIT_DIR="+s.viewDir, "GIT_OBJECT_DIRECTORY="+s.loc.ObjectsDir,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
	if shallow := s.shallowFile(); shallow != "" {
		env = append(env, "GIT_SHALLOW_FILE="+shallow)
	}
	return env
}

// repoEnv is for the few commands that need the repository's own refs. gitDir is
// the repository's, or that of a linked work tree, whose HEAD is another one.
// Discover had git check the owner before.
func (s *gitSource) repoEnv(gitDir string) []string {
	return environment("GIT_DIR="+gitDir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
}

func (s *gitSource) shallowFile() string {
	file := filepath.Join(s.loc.CommonDir, "shallow")
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		return ""
	}
	return file
}

func (s *gitSource) readShallow() ([]history.Hash, error) {
	list, err := readShallow(s.loc)
	if err != nil {
		return nil, err
	}
	set := make(map[history.Hash]bool, len(list))
	for _, h := range list {
		set[h] = true
	}
	s.mu.Lock()
	s.shallow = set
	s.mu.Unlock()
	return list, nil
}

func readShallow(loc Location) ([]history.Hash, error) {
	b, err := os.ReadFile(filepath.Join(loc.CommonDir, "shallow"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the shallow boundary: %w", err)
	}
	list := parseMany(b)
	slices.SortFunc(list, history.Hash.Compare)
	return list, nil
}

// cut takes away the parents of a commit at the shallow boundary, as git shows it.
func (s *gitSource) cut(c *history.Commit) *history.Commit {
	s.mu.Lock()
	if s.shallow[c.Hash] {
		c.Parents = nil
	}
	s.mu.Unlock()
	return c
}

// present leaves out the hashes that the object store has not.
func (s *gitSource) present(ctx context.Context, hashes []history.Hash) ([]history.Hash, error) {
	if len(hashes) == 0 {
		return nil, nil
	}
	var in strings.Builder
	for _, h := range hashes {
		fmt.Fprintf(&in, "%s\n", h)
	}
	out, err := run(ctx, s.viewDir, s.viewEnv(), strings.NewReader(in.String()), "cat-file", "--buffer", "--batch-check=%(objectname)")
	if err != nil {
		return nil, err
	}
	var there []history.Hash
	for line := range bytes.Lines(out) { // "<name> missing" for the others
		if h, err := history.ParseHash(strings.TrimSpace(string(line))); err == nil {
			there = append(there, h)
		}
	}
	return there, nil
}

func (s *gitSource) abbreviated(ctx context.Context, hex string) ([]history.Hash, error) {
	out, err := run(ctx, s.viewDir, s.viewEnv(), nil, "rev-parse", "--disambiguate="+strings.ToLower(hex))
	if err != nil {
		return nil, err
	}
	var found []history.Hash
	err = s.commits(ctx, parseMany(out), func(c *history.Commit) error {
		found = append(found, c.Hash)
		return nil
	})
	return found, err
}
