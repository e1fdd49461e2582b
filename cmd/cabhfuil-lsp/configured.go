package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/line"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage/dialect"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// configure reads the configuration and lets what it says take effect. It opens
// no repository.
func (a *app) configure() {
	a.reading.Lock()
	defer a.reading.Unlock()
	a.seen = config.Fingerprint(a.dirs) // before it is read, so that no later change is missed
	c, files := a.reader.Read()
	a.config = c
	a.mu.Lock()
	a.faults = config.Faults(files)
	a.mu.Unlock()
	limitMemory(c.Global.Limits.Memory)
	a.history.SetLimits(c.Global.Limits.TaskHistory, c.Global.Limits.TaskAge)
	a.features.Store(&c.Global.Features)
	a.budget.Store(int64(c.Global.Limits.ForgeBudget))
	a.idle.Store(int64(c.Global.Daemon.IdleTimeout))
	a.forges.configure(c)
	if err := a.spans.Configure(c.Global.Telemetry.Endpoint); err != nil {
		a.log.Warn("sending spans", "error", err)
	}
	a.clones.SetParallel(parallel(c))
	a.clones.SetRetry(retry(c))
	a.clones.SetLimits(cloneLimits(c))
	a.clones.Set(cloned(c), inPlace(c)...)
	a.declare()
}

// declare tells the registry which repositories there are: those in place, and
// the clones that were made. reading is held.
func (a *app) declare() {
	c := a.config
	background := c.Global.Features.BackgroundIndex
	settings := repos.Settings{Words: a.words && background, Paths: a.paths && background}
	if len(c.Global.Dialects) > 0 {
		set, err := dialect.Builtin().With(c.Global.Dialects)
		if err != nil { // config checks them
			a.log.Error("the dialects of the configuration", "error", err)
		} else {
			settings.Dialects = lineage.UserDialects(set)
		}
	}
	var configured []repos.Configured
	ready := a.clones.Ready()
	for _, r := range c.Repositories {
		if path := cmp.Or(r.Path, ready[r.Name]); path != "" {
			configured = append(configured, repos.Configured{Name: r.Name, Path: path, Lines: line.Config{ReleaseLines: r.Branches.ReleaseLines, Upstream: r.Branches.Upstream}})
		}
	}
	if err := a.registry.Declare(configured, settings); err != nil {
		a.log.Warn("closing what is configured no longer", "error", err)
	}
}

// watch follows changes of the configuration until the app closes.
func (a *app) watch() {
	for range config.Watch(a.ctx, a.dirs) {
		before := a.problems()
		a.configure()
		a.tell(before)
		a.cleanSoon()
		a.begin(func() {
			a.registry.OpenDeclared(a.ctx)
			a.changed()
		})
	}
}

// problems are what is wrong in the configuration.
func (a *app) problems() []*config.Fault {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.faults
}

// tell logs what is wrong in the configuration and was not before, here and where
// clients in other processes log.
func (a *app) tell(before []*config.Fault) {
	var news []string
	for _, text := range texts(a.problems()) {
		if !slices.Contains(texts(before), text) {
			a.log.Error("configuration", "error", text)
			news = append(news, text)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for g := range a.guests {
		if g.elsewhere() {
			g.server.Tell(news)
		}
	}
}

func texts(faults []*config.Fault) []string {
	var all []string
	for _, f := range faults {
		all = append(all, f.Error())
	}
	return all
}

// defaults are what editors show unless a window chooses for itself.
func (a *app) defaults() server.Defaults {
	f := a.features.Load()
	return server.Defaults{CodeLens: f.CodeLens, Diagnostics: f.Diagnostics}
}

// optionalForges are the forges, unless the configuration switches them off.
type optionalForges struct{ a *app }

func (f optionalForges) URLs(remotes []string, keys []history.Key) []string {
	if !f.a.features.Load().Forges {
		return make([]string, len(keys))
	}
	return f.a.forges.URLs(remotes, keys)
}

// online says whether forges may be asked.
func (f optionalForges) online() bool {
	features := f.a.features.Load()
	return features.Forges && features.ForgesOnline
}

func (f optionalForges) Said(remotes []string, keys []history.Key, ask lookup.Asking) lookup.Said {
	if !f.online() {
		return lookup.Said{Items: make([][]history.ForgeItem, len(keys))}
	}
	return f.a.forges.Said(remotes, keys, ask)
}

func (f optionalForges) Budget() time.Duration { return time.Duration(f.a.budget.Load()) }

func (f optionalForges) News() <-chan struct{} { return f.a.forges.News() }

func (f optionalForges) Open(ctx context.Context, remotes []string, kind history.KeyKind, text string, limit int) []history.ForgeItem {
	if !f.online() {
		return nil
	}
	return f.a.forges.Open(ctx, remotes, kind, text, limit)
}
