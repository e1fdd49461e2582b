package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cores"
	"github.com/cabhfuil/cabhfuil-lsp/internal/daemon"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/internal/monitor"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
	"github.com/cabhfuil/cabhfuil-lsp/internal/telemetry"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// app is the house put together: what all connections share. What belongs to one
// of them is its guest's.
type app struct {
	dirs     config.Dirs
	log      *slog.Logger
	tracker  *task.Tracker
	history  *task.History
	monitor  monitor.Monitor
	turns    *index.Turns
	spans    *telemetry.Spans
	began    time.Time
	registry *repos.Registry
	clones   *repos.Clones
	forges   *forges
	features atomic.Pointer[config.Features]
	budget   atomic.Int64 // nanoseconds that an answer waits for forges
	idle     atomic.Int64 // how long the background process stays when nobody is connected
	// background tells of the background process that this is; nil where it is none.
	background func() daemon.Info

	reading sync.Mutex // one reading of the configuration at a time
	reader  *config.Reader
	config  config.Config // as it was read last
	seen    string        // its fingerprint then

	ctx        context.Context // ends what documents' paths started
	stop       context.CancelFunc
	configured chan struct{} // closed when the configured repositories are open
	words      bool          // as appOptions has them
	paths      bool
	crowded    chan struct{} // capacity 1; see cleanSoon

	mu     sync.Mutex
	faults []*config.Fault // of the configuration
	closed bool
	guests map[*guest]bool
	work   sync.WaitGroup
}

type appOptions struct {
	dirs  config.Dirs   // zero for the user's
	words bool          // index words at once
	paths bool          // and paths after them, for who stays longer than one answer
	alone bool          // open no configured repository before it is asked for
	watch bool          // follow changes of the configuration, fetch and clean up, for who stays
	clean time.Duration // how soon it is cleaned up; 0 for the usual
	log   *slog.Logger
	// background as in app
	background func() daemon.Info
}

// programID tells this executable from others; "" where it cannot be found.
func programID() string {
	p := thisProgram()
	if p.Modified.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s, %d bytes of %s", p.Version, p.Size, p.Modified.Format(time.RFC3339Nano))
}

func newApp(opt appOptions) *app {
	a := &app{dirs: opt.dirs, log: opt.log, began: time.Now(), configured: make(chan struct{}), crowded: make(chan struct{}, 1), words: opt.words, paths: opt.paths, guests: map[*guest]bool{}, background: opt.background, turns: index.NewTurns(), spans: telemetry.New(version, opt.log)}
	if a.dirs == (config.Dirs{}) {
		a.dirs = config.FindDirs()
	}
	a.history = task.OpenHistory(filepath.Join(a.dirs.State, "tasks", "history.jsonl"), opt.log)
	a.tracker = task.New(task.Options{OnEnd: a.ended, Scrub: gitrepo.Scrub})
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.registry = repos.New(repos.Options{
		IndexDir: filepath.Join(a.dirs.Cache, "index"), ViewDir: filepath.Join(a.dirs.Cache, "view"),
		Program: programID(), Tracker: a.tracker, Turns: a.turns, Log: opt.log, OnChange: a.changed,
		Hold: func(dir string) (func(), error) { return a.clones.Hold(dir) },
	})
	a.reader = config.NewReader(a.dirs)
	a.clones = repos.NewClones(a.cloneOptions())
	a.forges = newForges(forgeCache(a.dirs), opt.log, a.changed)
	a.configure()
	if opt.watch { // it stays, and answers while it works
		cores.Spare()
		a.begin(a.watch)
		a.begin(func() { a.clones.Run(a.ctx) })
		a.begin(func() { a.cleaning(cmp.Or(opt.clean, cleanPause), cleanOften) })
	}
	if opt.alone {
		close(a.configured)
		return a
	}
	a.begin(func() {
		a.registry.OpenDeclared(a.ctx)
		close(a.configured)
	})
	return a
}

// begin runs work that close waits for; after close it does nothing.
func (a *app) begin(work func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.work.Go(work)
	}
}

func (a *app) close() error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.stop()
	a.work.Wait()
	err := errors.Join(a.registry.Close(), a.forges.close())
	a.history.Close() // closing ends tasks
	return errors.Join(err, a.spans.Close())
}

// changed is called whenever an answer may have become another one.
func (a *app) changed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for g := range a.guests {
		g.server.Refresh()
	}
}

// known shows what a guest knows to lookup.
type known struct {
	a     *app
	visit *repos.Visit
}

func (k known) All() []lookup.Repository {
	var all []lookup.Repository
	for _, r := range k.visit.All() {
		all = append(all, repository{k.a, r, r.Git, r.Index, r.Location})
	}
	return all
}

func (k known) For(path string) (lookup.Repository, bool) {
	if path == "" {
		return nil, false
	}
	r, at, ok := k.a.registry.Place(path)
	if !ok {
		return nil, false
	}
	return repository{k.a, r, r.Git, r.Index, at}, true
}

// repository shows a repository to lookup, as it is seen from one work tree.
type repository struct {
	a *app
	r *repos.Repository
	*gitrepo.Repository
	*index.Index
	at gitrepo.Location
}

// patchLimits bound the diff of a commit's document.
var patchLimits = gitrepo.PatchLimits{File: 128 << 10, Total: 1 << 20}

func (x repository) Name() string      { return x.r.Name }
func (x repository) Remotes() []string { return x.r.Remotes() }
func (x repository) Head() string      { return x.at.HeadRef() }

// Commits reads what an answer tells of: the repository is used.
func (x repository) Commits(ctx context.Context, hashes []history.Hash, each func(*history.Commit) error) error {
	if len(hashes) > 0 {
		x.a.used(x.r.Name)
	}
	return x.Repository.Commits(ctx, hashes, each)
}

func (x repository) Resolve(ctx context.Context, rev string) (history.Hash, error) {
	return x.Repository.Resolve(ctx, x.at.GitDir, rev)
}

func (x repository) Patch(ctx context.Context, c *history.Commit) (*history.Patch, error) {
	return x.Repository.Patch(ctx, c, patchLimits)
}

// scope is the part of a command's argument that says whom to ask.
type scope struct {
	Repository string `json:"repository"`
	URI        string `json:"uri"`
	// Wait waits until what is asked is up to date; ours, for the command line.
	Wait bool `json:"wait"`
	// Only asks the uri's repository alone; ours, for -C.
	Only bool `json:"only"`
}

// resolve opens the repository of the scope's file where somebody waits for it.
func (a *guest) resolve(ctx context.Context, s scope) (lookup.Scope, error) {
	out := lookup.Scope{Repository: s.Repository, URI: s.URI}
	if s.URI != "" {
		u, err := url.Parse(s.URI)
		if err != nil || u.Scheme != "file" {
			return out, nil //nolint:nilerr // other documents lie in no repository
		}
		out.Path = filepath.FromSlash(u.Path)
	}
	if s.Wait && out.Path != "" {
		r, _, err := a.visit.Enter(ctx, out.Path)
		switch {
		case err == nil && s.Only:
			out.Repository = r.Name
		case err != nil && (s.Only || ctx.Err() != nil):
			return out, err
		}
	}
	if s.Wait && !s.Only {
		select {
		case <-a.configured:
		case <-a.ctx.Done():
			return out, a.ctx.Err()
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
	if s.Repository != "" {
		for _, f := range a.visit.Failures() {
			if f.Name == s.Repository {
				return out, f.Err
			}
		}
	}
	return out, a.cleanedUp(s.Repository)
}

// cleanedUp says that a repository that somebody asks for by name was cleaned up.
func (a *app) cleanedUp(name string) error {
	if _, err := a.clones.Dir(name); err != nil {
		return nil //nolint:nilerr // others tell
	}
	for _, s := range a.clones.Status() {
		if s.Name == name && s.State == repos.CloneCleaned {
			return fmt.Errorf("%s was deleted on %s to make room: %s; repo sync %s clones it again", name, s.Cleaned.Local().Format(time.DateOnly), s.Reason, name)
		}
	}
	return nil
}

// unread is what to say of the repositories that a question was meant for too,
// and that cannot be read.
func (a *guest) unread(s lookup.Scope) []history.RepositoryError {
	var errs []history.RepositoryError
	if s.Repository == "" {
		for _, f := range a.visit.Failures() {
			errs = append(errs, history.RepositoryError{Repository: f.Name, Message: f.Err.Error()})
		}
	}
	return errs
}

// question decodes a command's argument, and finds whom it asks.
func (a *guest) question(ctx context.Context, argument json.RawMessage, into any, in *scope) (lookup.Scope, error) {
	if err := server.Decode(argument, into); err != nil {
		return lookup.Scope{}, err
	}
	s, err := a.resolve(ctx, *in)
	if err != nil {
		return s, err
	}
	return s, a.someRepository(*in)
}

func (a *guest) where(ctx context.Context, argument json.RawMessage) (any, error) {
	var p struct {
		scope
		Keys []string `json:"keys"`
		// Hurry takes of forges what is known; ours, for scripts.
		Hurry bool `json:"hurry"`
	}
	s, err := a.question(ctx, argument, &p, &p.scope)
	if err != nil {
		return nil, err
	}
	var forges lookup.Patience
	switch {
	case p.Hurry && a.elsewhere():
		forges = lookup.PatienceNone
	case p.Hurry: // this process ends with the answer
		forges = lookup.PatienceKnown
	}
	answers, err := a.lookup.Where(ctx, lookup.Where{Scope: s, Keys: p.Keys, Wait: p.Wait, Forges: forges})
	for i := range answers {
		if answers[i].Error != nil || len(answers[i].Matches) > 0 {
			continue
		}
		for _, e := range a.unread(s) { // it may be there
			text := e.Repository + ": " + e.Message
			answers[i].Error = &text
		}
	}
	return answers, err
}

// someRepository fails where there is nobody to ask.
func (a *guest) someRepository(s scope) error {
	if !s.Wait || len(a.visit.All()) > 0 {
		return nil
	}
	var failed []error
	for _, f := range a.visit.Failures() {
		failed = append(failed, fmt.Errorf("%s: %w", f.Name, f.Err))
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	return errors.New("no repository here, and none is configured; go to one, or name one with -C DIR")
}

func (a *guest) search(ctx context.Context, argument json.RawMessage) (any, error) {
	var p struct {
		scope
		Query string `json:"query"`
		Limit int    `json:"limit"`
	}
	s, err := a.question(ctx, argument, &p, &p.scope)
	if err != nil {
		return nil, err
	}
	result, err := a.lookup.Search(ctx, lookup.Search{Scope: s, Query: p.Query, Limit: p.Limit, Wait: p.Wait})
	if err == nil {
		result.Errors = append(result.Errors, a.unread(s)...)
	}
	return result, err
}

func (a *guest) missing(ctx context.Context, argument json.RawMessage) (any, error) {
	var p struct {
		scope
		From     string `json:"from"`
		In       string `json:"in"`
		Needed   bool   `json:"needed"`
		Security bool   `json:"security"`
		Since    string `json:"since"`
	}
	s, err := a.question(ctx, argument, &p, &p.scope)
	if err != nil {
		return nil, err
	}
	return a.lookup.Missing(ctx, lookup.Missing{Scope: s, From: p.From, In: p.In, Needed: p.Needed, Security: p.Security, Since: p.Since, Wait: p.Wait})
}

func (a *guest) check(ctx context.Context, argument json.RawMessage) (any, error) {
	var p struct {
		scope
		Keys []string `json:"keys"`
		On   []string `json:"on"`
	}
	s, err := a.question(ctx, argument, &p, &p.scope)
	if err != nil {
		return nil, err
	}
	return a.lookup.Check(ctx, lookup.Check{Scope: s, Keys: p.Keys, On: p.On})
}

func (a *guest) commit(ctx context.Context, argument json.RawMessage) (any, error) {
	var p struct {
		scope
		SHA string `json:"sha"`
	}
	if err := server.Decode(argument, &p); err != nil {
		return nil, err
	}
	s, err := a.resolve(ctx, p.scope)
	if err != nil {
		return nil, err
	}
	return a.lookup.CommitDocument(ctx, s, p.SHA)
}

// unkept is why an index is not kept on disk, and what to do about it.
func unkept(s *index.Snapshot) error {
	err := s.StoreError()
	if err == nil || errors.Is(err, index.ErrHeld) {
		return err
	}
	return fmt.Errorf("the index is not kept, and answers come from memory: %w; make room there and let it be written, or set XDG_CACHE_HOME to another directory", err)
}

// complaints answers cabhfuil.complaints: what a person is told beside an answer.
// An index that another process keeps is as it should be.
func (a *guest) complaints(context.Context, json.RawMessage) (any, error) {
	c := complaints{Configuration: []string{}, Indexes: []string{}}
	for _, p := range a.problems() {
		c.Configuration = append(c.Configuration, p.Error())
	}
	for _, r := range a.visit.All() {
		if err := unkept(r.Index.Snapshot()); err != nil && !errors.Is(err, index.ErrHeld) {
			c.Indexes = append(c.Indexes, r.Name+": "+err.Error())
		}
	}
	return c, nil
}

type complaints struct {
	Configuration []string `json:"configuration"` // what is wrong in it
	Indexes       []string `json:"indexes"`       // which are not kept, and why
}

func (a *guest) reindex(ctx context.Context, argument json.RawMessage) (any, error) {
	var p scope
	if err := server.Decode(argument, &p); err != nil {
		return nil, err
	}
	s, err := a.resolve(ctx, p)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, r := range a.visit.All() {
		current, ok := a.registry.Known(s.Path)
		if s.Repository == r.Name || s.Repository == "" && (s.Path == "" || ok && current == r) {
			r.Index.Reindex()
			names = append(names, r.Name)
		}
	}
	return map[string][]string{"repositories": names}, nil
}
