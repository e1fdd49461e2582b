package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/internal/monitor"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// app is the house put together: repositories, answers, server.
type app struct {
	dirs     config.Dirs
	log      *slog.Logger
	tracker  *task.Tracker
	history  *task.History
	monitor  monitor.Monitor
	began    time.Time
	registry *repos.Registry
	clones   *repos.Clones
	lookup   *lookup.Lookup
	server   *server.Server
	forges   *forges
	features atomic.Pointer[config.Features]

	reading sync.Mutex // one reading of the configuration at a time
	reader  *config.Reader
	config  config.Config // as it was read last

	ctx        context.Context // ends what documents' paths started
	stop       context.CancelFunc
	configured chan struct{} // closed when the configured repositories are open
	words      bool          // as appOptions has them
	paths      bool

	mu     sync.Mutex
	faults []*config.Fault // of the configuration
	closed bool
	work   sync.WaitGroup
}

type appOptions struct {
	dirs  config.Dirs // zero for the user's
	words bool        // index words at once
	paths bool        // and paths after them, for who stays longer than one answer
	alone bool        // open no configured repository before it is asked for
	watch bool        // follow changes of the configuration, for who stays
	log   *slog.Logger
}

// programID tells this executable from others; "" where it cannot be found.
func programID() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s, %d bytes of %s", version, info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
}

func newApp(opt appOptions) *app {
	a := &app{dirs: opt.dirs, log: opt.log, began: time.Now(), configured: make(chan struct{}), words: opt.words, paths: opt.paths}
	if a.dirs == (config.Dirs{}) {
		a.dirs = config.FindDirs()
	}
	a.history = task.OpenHistory(filepath.Join(a.dirs.State, "tasks", "history.jsonl"), opt.log)
	a.tracker = task.New(task.Options{OnEnd: a.ended, Scrub: gitrepo.Scrub})
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.registry = repos.New(repos.Options{
		IndexDir: filepath.Join(a.dirs.Cache, "index"), ViewDir: filepath.Join(a.dirs.Cache, "view"),
		Program: programID(), Tracker: a.tracker, Log: opt.log, OnChange: a.changed,
	})
	a.reader = config.NewReader(a.dirs)
	a.clones = repos.NewClones(a.cloneOptions())
	a.forges = newForges(opt.log, a.changed)
	a.lookup = lookup.New(known{a}, optionalForges{a})
	a.lookup.Ready = a.changed
	a.server = server.New(server.Options{
		Answers: a.lookup, Defaults: a.defaults, Tracker: a.tracker, Version: version, CacheDir: a.dirs.Cache, Log: opt.log, Opened: a.opened,
		Commands: map[string]server.Command{
			"cabhfuil.where": a.where, "cabhfuil.search": a.search, "cabhfuil.commit": a.commit,
			"cabhfuil.missing": a.missing, "cabhfuil.check": a.check, "cabhfuil.status": a.status, "cabhfuil.reindex": a.reindex,
			"cabhfuil.repositories": a.repositories, "cabhfuil.sync": a.sync, "cabhfuil.repair": a.repair, "cabhfuil.tasks": a.tasks,
		},
		Measure: func(operation string, took time.Duration, err error) {
			a.monitor.Record(monitor.Request, operation, took, err)
		},
	})
	a.configure()
	if opt.watch {
		a.begin(a.watch)
		a.begin(func() { a.clones.Run(a.ctx) })
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
	a.lookup.Close()
	err := errors.Join(a.registry.Close(), a.forges.close())
	a.history.Close() // last: closing ends tasks
	return err
}

// changed is called whenever an answer may have become another one.
func (a *app) changed() {
	if a.server != nil {
		a.server.Refresh()
	}
}

// opened makes the repository of a path known, in the background.
func (a *app) opened(path string) {
	a.begin(func() {
		if _, news, err := a.registry.Enter(a.ctx, path); news { // and not for each of its files
			a.log.Error("opening a repository", "path", path, "error", err)
		}
	})
}

// known shows the registry to lookup.
type known struct{ a *app }

func (k known) All() []lookup.Repository {
	var all []lookup.Repository
	for _, r := range k.a.registry.All() {
		all = append(all, repository{r, r.Git, r.Index, r.Location})
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
	return repository{r, r.Git, r.Index, at}, true
}

// repository shows a repository to lookup, as it is seen from one work tree.
type repository struct {
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
func (a *app) resolve(ctx context.Context, s scope) (lookup.Scope, error) {
	out := lookup.Scope{Repository: s.Repository, URI: s.URI}
	if s.URI != "" {
		u, err := url.Parse(s.URI)
		if err != nil || u.Scheme != "file" {
			return out, nil //nolint:nilerr // other documents lie in no repository
		}
		out.Path = filepath.FromSlash(u.Path)
	}
	if s.Wait && out.Path != "" {
		r, _, err := a.registry.Enter(ctx, out.Path)
		switch {
		case err == nil && s.Only:
			out.Repository = r.Name
		case err != nil && (s.Only || ctx.Err() != nil):
			return out, err
		}
	}
	if s.Wait {
		select {
		case <-a.configured:
		case <-a.ctx.Done():
			return out, a.ctx.Err()
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
	if s.Repository != "" {
		for _, f := range a.registry.Failures() {
			if f.Name == s.Repository {
				return out, f.Err
			}
		}
	}
	return out, nil
}

// unread is what to say of the repositories that a question was meant for too,
// and that cannot be read.
func (a *app) unread(s lookup.Scope) []history.RepositoryError {
	var errs []history.RepositoryError
	if s.Repository == "" {
		for _, f := range a.registry.Failures() {
			errs = append(errs, history.RepositoryError{Repository: f.Name, Message: f.Err.Error()})
		}
	}
	return errs
}

// question decodes a command's argument, and finds whom it asks.
func (a *app) question(ctx context.Context, argument json.RawMessage, into any, in *scope) (lookup.Scope, error) {
	if err := server.Decode(argument, into); err != nil {
		return lookup.Scope{}, err
	}
	s, err := a.resolve(ctx, *in)
	if err != nil {
		return s, err
	}
	return s, a.someRepository(*in)
}

func (a *app) where(ctx context.Context, argument json.RawMessage) (any, error) {
	var p struct {
		scope
		Keys []string `json:"keys"`
	}
	s, err := a.question(ctx, argument, &p, &p.scope)
	if err != nil {
		return nil, err
	}
	answers, err := a.lookup.Where(ctx, lookup.Where{Scope: s, Keys: p.Keys, Wait: p.Wait})
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
func (a *app) someRepository(s scope) error {
	if !s.Wait || len(a.registry.All()) > 0 {
		return nil
	}
	var failed []error
	for _, f := range a.registry.Failures() {
		failed = append(failed, fmt.Errorf("%s: %w", f.Name, f.Err))
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	return errors.New("no repository here, and none is configured; go to one, or name one with -C DIR")
}

func (a *app) search(ctx context.Context, argument json.RawMessage) (any, error) {
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

func (a *app) missing(ctx context.Context, argument json.RawMessage) (any, error) {
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

func (a *app) check(ctx context.Context, argument json.RawMessage) (any, error) {
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

func (a *app) commit(ctx context.Context, argument json.RawMessage) (any, error) {
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

// complain says which indexes are not kept; one that another process keeps is
// as it should be.
func (a *app) complain(w io.Writer) {
	for _, r := range a.registry.All() {
		if err := unkept(r.Index.Snapshot()); err != nil && !errors.Is(err, index.ErrHeld) {
			cli.Complain(w, fmt.Errorf("%s: %w", r.Name, err))
		}
	}
}

func (a *app) reindex(ctx context.Context, argument json.RawMessage) (any, error) {
	var p scope
	if err := server.Decode(argument, &p); err != nil {
		return nil, err
	}
	s, err := a.resolve(ctx, p)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, r := range a.registry.All() {
		current, ok := a.registry.Known(s.Path)
		if s.Repository == r.Name || s.Repository == "" && (s.Path == "" || ok && current == r) {
			r.Index.Reindex()
			names = append(names, r.Name)
		}
	}
	return map[string][]string{"repositories": names}, nil
}
