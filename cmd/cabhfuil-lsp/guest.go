package main

import (
	"context"
	"io"
	"path"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/internal/monitor"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// guest is one connection to the app: it knows the configured repositories and
// those that it came by itself, and no other guest's.
type guest struct {
	*app
	visit  *repos.Visit
	lookup *lookup.Lookup
	server *server.Server
	// network is the client's environment as far as fetching needs it; nil where the
	// client is this process.
	network gitrepo.Network
}

// serve serves one connection until it ends. It returns as server.Serve does.
func (a *app) serve(ctx context.Context, conn io.ReadWriteCloser) error {
	return a.serveAs(ctx, conn, nil)
}

// serveAs is serve for a client in another process.
func (a *app) serveAs(ctx context.Context, conn io.ReadWriteCloser, network gitrepo.Network) error {
	g := &guest{app: a, visit: a.registry.Visit(), network: network}
	g.lookup = lookup.New(known{a, g.visit}, optionalForges{a})
	g.lookup.Ready = func() { g.server.Refresh() }
	opt := server.Options{
		Answers: g.lookup, Defaults: a.defaults, Tracker: a.tracker, Concerns: g.concerns, Version: version, CacheDir: a.dirs.Cache, Log: a.log, Opened: g.opened,
		Commands: map[string]server.Command{
			"cabhfuil.where": g.where, "cabhfuil.search": g.search, "cabhfuil.commit": g.commit,
			"cabhfuil.missing": g.missing, "cabhfuil.check": g.check, "cabhfuil.status": g.status, "cabhfuil.reindex": g.reindex,
			"cabhfuil.repositories": g.repositories, "cabhfuil.sync": g.sync, "cabhfuil.repair": g.repair, "cabhfuil.clean": g.clean, "cabhfuil.tasks": g.tasks,
			"cabhfuil.plugins":    g.plugins,
			"cabhfuil.complaints": g.complaints,
		},
		Asked: a.asked,
		Measure: func(operation string, took time.Duration, err error) {
			a.monitor.Record(monitor.Request, operation, took, err)
			a.spans.Record(monitor.Request, operation, "", took, err)
		},
	}
	if g.elsewhere() { // else it reads our log
		opt.Complaints = func() []string { return texts(a.problems()) }
	}
	g.server = server.New(opt)
	a.mu.Lock()
	a.guests[g] = true
	a.mu.Unlock()
	err := g.server.Serve(ctx, conn)
	a.mu.Lock()
	delete(a.guests, g)
	a.mu.Unlock()
	g.lookup.Close()
	g.visit.Close()
	return err
}

// asked lets indexing give way to a request, but not to those that look on while
// something is done, or have it done, or wait for it.
func (a *app) asked(operation string) (answered func()) {
	switch operation {
	case "tasks", "sync", "reindex", "repair", "clean", "missing", "check":
		return func() {}
	}
	return a.turns.Asked()
}

// elsewhere says whether the client is another process.
func (g *guest) elsewhere() bool { return g.network != nil }

// opened makes the repository of a path known, in the background.
func (g *guest) opened(path string) {
	g.begin(func() {
		if _, news, err := g.visit.Enter(g.ctx, path); news { // and not for each of its files
			g.log.Error("opening a repository", "path", path, "error", err)
		}
	})
}

// concerns says whether a task is about a repository that the guest knows.
func (g *guest) concerns(t task.Info) bool {
	if t.Repository == "" {
		return true
	}
	for _, r := range g.visit.All() {
		if path.Base(r.Name) == path.Base(t.Repository) { // before it is told from others of its name
			return true
		}
	}
	_, err := g.clones.Dir(t.Repository)
	return err == nil
}
