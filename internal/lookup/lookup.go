// Package lookup turns questions into answers: what is this key, where is this
// commit, what matches this search. Its answers are plain data with byte
// offsets, and Markdown; internal/cli and server show them.
//
// Its main type is Lookup. It asks snapshots of indexes and the object store,
// and links of forges that are known already; it never waits for indexing
// unless the question says so, nor for the network or a plugin. Everything that
// comes from a repository is hostile text, and passes clean.go before it is
// Markdown.
package lookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/query"
	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
)

// Repository is one repository as answers need it. Its methods return soon.
type Repository interface {
	Name() string
	Snapshot() *index.Snapshot
	// WaitGraph, WaitWords and WaitPaths are index.Index's: for questions that ask
	// to wait.
	WaitGraph(ctx context.Context) error
	WaitWords(ctx context.Context) error
	WaitLineage(ctx context.Context) error
	WaitPaths(ctx context.Context) error
	// Commits, Mailmap and Me, for searches and cards.
	index.Texts
	// Abbreviated finds commits in the object store by the beginning of their name.
	Abbreviated(ctx context.Context, hex string) ([]history.Hash, error)
	// Head is the name that HEAD has among the refs, seen from the work tree that is
	// asked about: HEAD, or worktrees/<id>/HEAD for a linked one.
	Head() string
	// Resolve finds the commit of a revision in git's syntax, seen from there too.
	Resolve(ctx context.Context, rev string) (history.Hash, error)
	// Patch is what a commit changed, within limits.
	Patch(ctx context.Context, c *history.Commit) (*history.Patch, error)
	// Remotes are the URLs of the remotes, the most telling first.
	Remotes() []string
	// HeadOf is the commit that HEAD of the file's work tree leads to, and Blame
	// tells which commit last changed each line of a file's text. They are
	// history.ErrUntracked for files that HEAD has not got. Blame takes seconds.
	HeadOf(ctx context.Context, path string) (history.Hash, error)
	Blame(ctx context.Context, path, text string) (*history.Blame, error)
}

// Repositories is the set of those that are open.
type Repositories interface {
	All() []Repository
	// For is the repository that a file lies in, if it is open; it does no I/O.
	For(path string) (Repository, bool)
}

// Lookup answers questions. It is safe for concurrent use; Close it.
type Lookup struct {
	// Ready is called when more is known than a reply could say; it must not
	// block. Set it before the first question, or leave it nil.
	Ready func()

	repos   Repositories
	forge   Forge // nil for none
	sources *sources
}

// New makes a Lookup; forge may be nil.
func New(repos Repositories, forge Forge) *Lookup {
	return &Lookup{repos: repos, forge: forge, sources: newSources()}
}

// Close ends what goes on in the background, and waits for it.
func (l *Lookup) Close() { l.sources.close() }

func (l *Lookup) ready() {
	if l.Ready != nil {
		l.Ready()
	}
}

// Scope says which repositories a question is about.
type Scope struct {
	// Repository restricts the question to the repository of this name.
	Repository string
	// Path, a file or directory, makes its repository the current one, which is
	// asked first; so does URI, that of a commit's document.
	Path string
	URI  string
	// All asks all repositories, and not only the current one where it knows an
	// answer.
	All bool
}

// ErrNoRepository says that the scope names a repository that is not known.
var ErrNoRepository = errors.New("no such repository")

// scoped is the repositories of a scope in the order they are asked in. first
// is how many of them suffice if they know an answer.
func (l *Lookup) scoped(s Scope) (repos []Repository, first int, err error) {
	all := l.repos.All()
	if s.Repository != "" {
		if current, ok := l.repos.For(s.Path); ok && current.Name() == s.Repository {
			return []Repository{current}, 1, nil
		}
		for _, r := range all {
			if r.Name() == s.Repository {
				return []Repository{r}, 1, nil
			}
		}
		return nil, 0, fmt.Errorf("%s: %w; cabhfuil-lsp status lists the known ones", s.Repository, ErrNoRepository)
	}
	if current, ok := l.repository(Document{URI: s.URI, Path: s.Path}); ok {
		all, first = ownFirst(all, current), 1
	}
	if s.All {
		first = 0
	}
	return all, first, nil
}

// ownFirst puts one repository before the others.
func ownFirst(all []Repository, own Repository) []Repository {
	others := slices.DeleteFunc(all, func(r Repository) bool { return r.Name() == own.Name() })
	return slices.Insert(others, 0, own)
}

// found is a commit in a repository, at a position or, where the graph has it
// not, at index.Unlisted.
type found struct {
	repo   Repository
	snap   *index.Snapshot
	pos    graph.Pos
	hash   history.Hash
	commit *history.Commit // nil until read
	gone   bool            // the object cannot be read: commit is what the graph knows
}

// read reads the commits' objects. Of one that is gone the graph still knows
// where it is.
func read(ctx context.Context, fs []found) error {
	byRepo := map[Repository][]int{}
	for i, f := range fs {
		byRepo[f.repo] = append(byRepo[f.repo], i)
	}
	for repo, at := range byRepo {
		hashes := make([]history.Hash, len(at))
		for i, j := range at {
			hashes[i] = fs[j].hash
		}
		next := 0
		err := repo.Commits(ctx, hashes, func(c *history.Commit) error {
			for next < len(at) && fs[at[next]].hash != c.Hash {
				next++
			}
			if next < len(at) {
				fs[at[next]].commit = c
				next++
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("reading commits of %s: %w", repo.Name(), err)
		}
	}
	for i, f := range fs {
		if f.commit == nil && f.pos != index.Unlisted {
			fs[i].commit, fs[i].gone = f.snap.Commit(f.pos), true
		}
	}
	return nil
}

// maxCandidates bounds the commits that one key stands for in an answer.
const maxCandidates = 50

// fewer keeps that many of each repository, the newest.
func fewer(fs []found) []found {
	kept := map[Repository]int{}
	return slices.DeleteFunc(fs, func(f found) bool {
		kept[f.repo]++
		return kept[f.repo] > maxCandidates
	})
}

// bySHA finds commits by the beginning of their name: in the graph, and in the
// object store where the graph knows none.
func bySHA(ctx context.Context, repo Repository, hex string, store bool) ([]found, error) {
	if repo.Snapshot().Empty() {
		return nil, nil // nothing is known yet, not even that it lacks the commit
	}
	return anyBySHA(ctx, repo, hex, store)
}

// anyBySHA is bySHA also while nothing is indexed yet.
func anyBySHA(ctx context.Context, repo Repository, hex string, store bool) ([]found, error) {
	snap := repo.Snapshot()
	var fs []found
	for _, p := range snap.Find(hex, maxCandidates) {
		fs = append(fs, found{repo: repo, snap: snap, pos: p, hash: snap.Graph.Hash(p)})
	}
	if len(fs) > 0 || !store {
		return fs, nil
	}
	hashes, err := repo.Abbreviated(ctx, hex)
	for _, h := range hashes {
		fs = append(fs, found{repo: repo, snap: snap, pos: index.Unlisted, hash: h})
	}
	return fs, err
}

// byKey finds commits whose messages name a key.
func byKey(ctx context.Context, repo Repository, k history.Key, limit int) ([]found, error) {
	snap := repo.Snapshot()
	positions, err := snap.ByKey(ctx, k.Kind, scan.Canonical(k), limit)
	var fs []found
	for _, p := range positions {
		fs = append(fs, found{repo: repo, snap: snap, pos: p, hash: snap.Graph.Hash(p)})
	}
	return fs, err
}

// Where is what cabhfuil.where asks.
type Where struct {
	Scope
	Keys []string
	// Wait waits until the repositories' graphs are up to date, and for keys that
	// only words can find, until these are indexed.
	Wait bool
	// Forges says how the answer waits for forges.
	Forges Patience
}

// Where makes the fix card of each key.
func (l *Lookup) Where(ctx context.Context, w Where) ([]history.Answer, error) {
	repos, first, err := l.scoped(w.Scope)
	if err != nil {
		return nil, err
	}
	if w.Wait {
		if err := waitAll(ctx, repos, Repository.WaitGraph); err != nil {
			return nil, err
		}
	}
	answers := make([]history.Answer, 0, len(w.Keys))
	var shown []found
	for _, key := range w.Keys {
		a := history.Answer{Query: key, Matches: []history.Match{}}
		fs, err := l.whereOne(ctx, repos, first, key, w.Wait)
		if !isHex(key) { // else it is an ambiguous abbreviation
			fs = fewer(onePerChange(fs))
		}
		if err == nil {
			err = read(ctx, fs)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			text := err.Error()
			a.Error = &text
		}
		for _, f := range fs {
			if f.commit == nil {
				continue
			}
			m := l.match(f)
			if m.Related, err = related(ctx, f); err != nil {
				return nil, err
			}
			shown = append(shown, f)
			a.Matches = append(a.Matches, m)
		}
		answers = append(answers, a)
	}
	ms := make([]*history.Match, 0, len(shown))
	for i := range answers {
		for j := range answers[i].Matches {
			ms = append(ms, &answers[i].Matches[j])
		}
	}
	l.enrich(ctx, w.Forges, shown, ms)
	return answers, nil
}

func (l *Lookup) whereOne(ctx context.Context, repos []Repository, first int, key string, wait bool) ([]found, error) {
	var fs []found
	var errs []error
	for i, repo := range repos {
		if i == first && first > 0 && len(fs) > 0 {
			break
		}
		one, err := whereIn(ctx, repo, key, wait)
		fs = append(fs, one...)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", repo.Name(), err))
		}
	}
	if len(fs) > 0 {
		return fs, nil // one repository's failure does not hide another's answer
	}
	return nil, errors.Join(errs...)
}

func whereIn(ctx context.Context, repo Repository, key string, wait bool) ([]found, error) {
	snap := repo.Snapshot()
	hex := isHex(key)
	name := key
	if key == "HEAD" || key == "@" {
		name = repo.Head()
	}
	if ref, ok := snap.Ref(name); ok && (!hex || len(key) < 40) {
		if p, ok := snap.Graph.Pos(ref.Commit); ok {
			return []found{{repo: repo, snap: snap, pos: p, hash: ref.Commit}}, nil
		}
	}
	if hex && len(key) >= 4 && len(key) <= 64 {
		fs, err := bySHA(ctx, repo, strings.ToLower(key), true)
		if len(fs) > 0 || err != nil || len(key) >= 40 {
			return fs, err
		}
	}
	if m, ok := scan.At(key, 0); ok && m.End == len(key) {
		if sha := m.Commit(); sha != "" {
			return bySHA(ctx, repo, sha, true)
		}
		if wait {
			if err := repo.WaitWords(ctx); err != nil {
				return nil, err
			}
		}
		return byKey(ctx, repo, m.Key, 0) // check has to see each of them
	}
	h, err := repo.Resolve(ctx, key)
	if err != nil {
		return nil, nil //nolint:nilerr // an unknown key is no error
	}
	pos, ok := snap.Graph.Pos(h)
	if !ok {
		pos = index.Unlisted
	}
	return []found{{repo: repo, snap: snap, pos: pos, hash: h}}, nil
}

func isHex(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "0123456789abcdef") == ""
}

// waitAll waits for all repositories and fails only if none could be waited
// for: the others' answers are worth having.
func waitAll(ctx context.Context, repos []Repository, wait func(Repository, context.Context) error) error {
	errs := make([]error, 0, len(repos))
	for _, r := range repos {
		if err := wait(r, ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.Name(), err))
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(errs) < len(repos) || len(repos) == 0 {
		return nil
	}
	return errors.Join(errs...)
}

// related are the commits that have to do with one, with their subjects.
func related(ctx context.Context, f found) ([]history.Relation, error) {
	relations := f.snap.Related(f.pos)
	relations = relations[:min(len(relations), maxRelated)]
	if len(relations) == 0 {
		return []history.Relation{}, nil
	}
	subjects := map[history.Hash]string{}
	hashes := make([]history.Hash, len(relations))
	for i, r := range relations {
		hashes[i] = f.snap.Graph.Hash(r.Pos)
	}
	err := f.repo.Commits(ctx, hashes, func(c *history.Commit) error { subjects[c.Hash] = c.Subject(); return nil })
	if err != nil {
		return nil, fmt.Errorf("reading commits of %s: %w", f.repo.Name(), err)
	}
	all := make([]history.Relation, len(relations))
	for i, r := range relations {
		all[i] = history.Relation{SHA: hashes[i], Subject: subjects[hashes[i]], Relation: r.Relation, Evidence: r.Evidence}
	}
	return all, nil
}

// maxRelated bounds the related commits of an answer: some commits are fixed by
// thousands.
const maxRelated = 200

// match is the fix card as data.
func (l *Lookup) match(f found) history.Match {
	m := history.Match{
		Repository: f.repo.Name(), Commit: *f.commit, Branches: f.snap.Landings(f.pos), Tags: f.snap.Tags(f.pos),
		Related: []history.Relation{}, Keys: l.keys(f), Forge: []history.ForgeItem{}, Limits: f.snap.Limits(),
	}
	if !f.snap.Behind() && (f.pos == index.Unlisted || !f.snap.Graph.Reachable(f.pos)) {
		m.Limits = append(m.Limits, history.LimitUnindexed)
	}
	if f.snap.LineagePending() {
		// Missing says no more than that this very commit is not there.
		m.Limits = append(m.Limits, history.LimitLineagePending)
	}
	if f.gone && !slices.Contains(m.Limits, history.LimitPartial) {
		m.Limits = append(m.Limits, history.LimitPartial)
	}
	if l.forge != nil {
		if url := l.forge.URLs(f.repo.Remotes(), []history.Key{f.key()})[0]; url != "" {
			m.Forge = append(m.Forge, history.ForgeItem{Kind: "commit", ID: f.hash.String(), Title: f.commit.Subject(), URL: url})
		}
	}
	return m
}

// keys are what a message names, each once.
func (l *Lookup) keys(f found) []history.Key {
	keys := messageKeys(f.commit.Message)
	if l.forge != nil && len(keys) > 0 {
		for i, url := range l.forge.URLs(f.repo.Remotes(), keys) {
			if url != "" {
				keys[i].URL = &url
			}
		}
	}
	return keys
}

// Search is what cabhfuil.search asks.
type Search struct {
	Scope
	Query string
	Limit int  // 0 for DefaultLimit
	Wait  bool // until all words are indexed
	// Prefix lets the last word stand for all that it begins.
	Prefix bool
}

// DefaultLimit is how many hits a search returns that names no limit.
const DefaultLimit = 50

// Search searches repositories side by side. Those that fail are named in the
// result's errors. The error is a *query.SyntaxError, ErrNoRepository or ctx's.
func (l *Lookup) Search(ctx context.Context, s Search) (*history.SearchResult, error) {
	start := time.Now()
	hits, result, err := l.search(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := read(ctx, hits.fs); err != nil {
		return nil, err
	}
	for i, f := range hits.fs {
		if f.commit != nil {
			result.Hits = append(result.Hits, history.Hit{
				Repository: f.repo.Name(), SHA: f.hash, Subject: f.commit.Subject(), Author: f.commit.Author, Date: f.commit.Committer.Date, Score: hits.scores[i], Fuzzy: hits.scores[i] < index.LeastExact,
			})
		}
	}
	result.DurationMs = float64(time.Since(start).Microseconds()) / 1000
	return result, nil
}

type hits struct {
	fs     []found
	scores []float64
}

func (l *Lookup) search(ctx context.Context, s Search) (hits, *history.SearchResult, error) {
	result := &history.SearchResult{Query: s.Query, Hits: []history.Hit{}, Errors: []history.RepositoryError{}, Limits: []history.Limit{}}
	q, err := query.Parse(s.Query, query.Options{Now: time.Now()})
	if err != nil {
		return hits{}, nil, err
	}
	s.All = true
	repos, _, err := l.scoped(s.Scope)
	if err != nil {
		return hits{}, nil, err
	}
	limit := cmp.Or(s.Limit, DefaultLimit)
	type scored struct {
		found
		score float64
	}
	var all []scored
	limits := map[history.Limit]bool{}
	seek := func(exact bool) error {
		all, result.Total, result.Errors = nil, 0, []history.RepositoryError{}
		for _, repo := range repos {
			if names := q.Repos(); len(names) > 0 && !slices.Contains(names, repo.Name()) {
				continue
			}
			snap, matches, total, err := s.in(ctx, repo, index.Search{Query: q, Limit: limit, Prefix: s.Prefix, Exact: exact, Texts: repo})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				result.Errors = append(result.Errors, history.RepositoryError{Repository: repo.Name(), Message: err.Error()})
			}
			result.Total += total
			for _, f := range matches {
				all = append(all, scored{found{repo: repo, snap: snap, pos: f.Pos, hash: snap.Graph.Hash(f.Pos)}, f.Score})
			}
			for _, limit := range snap.Limits() {
				limits[limit] = true
			}
			if q.Lineage() && snap.LineagePending() {
				limits[history.LimitLineagePending] = true
			}
			if q.Paths() {
				for _, limit := range snap.PathLimits() {
					limits[limit] = true
				}
			}
			limits[history.LimitTextPending] = limits[history.LimitTextPending] || snap.WordsPending() > 0
		}
		return nil
	}
	// Similar words are looked for where no repository has the words themselves.
	if err := seek(true); err != nil {
		return hits{}, nil, err
	}
	if result.Total == 0 {
		if err := seek(false); err != nil {
			return hits{}, nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	var h hits
	for _, f := range all[:min(limit, len(all))] {
		h.fs, h.scores = append(h.fs, f.found), append(h.scores, f.score)
	}
	for limit, holds := range limits {
		if holds {
			result.Limits = append(result.Limits, limit)
		}
	}
	slices.Sort(result.Limits)
	return h, result, nil
}

// in searches one repository, as it stands in the snapshot.
func (s Search) in(ctx context.Context, repo Repository, q index.Search) (snap *index.Snapshot, found []index.Found, total int, err error) {
	switch {
	case s.Wait && q.Query.Paths():
		err = repo.WaitPaths(ctx)
	case s.Wait:
		err = repo.WaitWords(ctx)
	}
	snap = repo.Snapshot()
	if err != nil {
		return snap, nil, 0, err
	}
	found, total, err = snap.Search(ctx, q)
	if s.Wait && errors.Is(err, index.ErrDamaged) { // it is being built anew
		if err = repo.WaitWords(ctx); err == nil {
			snap = repo.Snapshot()
			found, total, err = snap.Search(ctx, q)
		}
	}
	return snap, found, total, err
}
