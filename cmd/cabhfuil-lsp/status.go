package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/monitor"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// ended remembers and counts a task. The tracker calls it, so it must not block.
func (a *app) ended(info task.Info) {
	if info.Worth {
		a.history.Add(info)
	}
	if info.Started.IsZero() { // its turn never came
		return
	}
	var err error
	switch info.State {
	case task.Failed:
		err = errors.New(info.Error)
	case task.Cancelled:
		err = context.Canceled
	}
	a.monitor.Record(monitor.Task, info.Kind, info.Ended.Sub(info.Started), err)
	a.spans.Record(monitor.Task, info.Kind, info.Repository, info.Ended.Sub(info.Started), err)
}

// status answers cabhfuil.status: what is known, how it is, and what it took.
func (a *guest) status(ctx context.Context, argument json.RawMessage) (any, error) {
	var p scope
	if err := server.Decode(argument, &p); err != nil {
		return nil, err
	}
	if _, err := a.resolve(ctx, p); err != nil {
		return nil, err
	}
	if p.Wait {
		a.settle(ctx)
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	st := cli.Status{
		Version: version, Began: a.began, Repositories: []cli.Repository{}, Problems: []string{}, Operations: a.monitor.Operations(),
		Goroutines: runtime.NumGoroutine(), MemoryBytes: mem.Sys, HeapBytes: mem.HeapAlloc, OpenFiles: openFiles(), Background: a.background != nil, Process: a.process(),
	}
	a.reading.Lock()
	most := a.config.Global.Storage.MaxStateSize
	a.reading.Unlock()
	st.State = cli.Taken{Bytes: sizeOf(a.dirs.State), Limit: int64(min(most, math.MaxInt64))} //nolint:gosec // it is within
	for _, r := range a.known() {
		if p.Repository == "" || p.Repository == r.Name {
			st.Repositories = append(st.Repositories, r)
		}
	}
	for _, f := range a.problems() {
		st.Problems = append(st.Problems, f.Error())
	}
	st.Forges = a.forges.hosts(ctx)
	for _, info := range a.tracker.List() {
		if !info.State.Ended() {
			st.Tasks++
		}
	}
	st.Health = healthOf(st, append(a.clones.Over(), a.forges.troubles(st.Forges)...)...)
	return st, nil
}

// openFiles is how many files and connections the process has open, 0 where that
// cannot be told.
func openFiles() int {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	names, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return 0
	}
	return len(names) - 1 // the directory itself is one of them
}

// healthOf sums a status up: failing where a repository gives no answers, attention
// where somebody should look, with all reasons.
func healthOf(st cli.Status, over ...string) cli.Health {
	h := cli.Health{State: cli.HealthOK, Reasons: []string{}}
	worse := func(state, format string, args ...any) {
		if h.State != cli.HealthFailing {
			h.State = state
		}
		h.Reasons = append(h.Reasons, fmt.Sprintf(format, args...))
	}
	for _, r := range st.Repositories {
		if r.Attention != "" {
			worse(cli.HealthAttention, "%s: %s", r.Name, r.Attention)
		}
		switch {
		case r.Error == "":
		case r.State == "error" && r.Commits == 0:
			worse(cli.HealthFailing, "%s: %s", r.Name, r.Error)
		default:
			worse(cli.HealthAttention, "%s: %s", r.Name, r.Error)
		}
	}
	if st.State.Bytes > st.State.Limit {
		worse(cli.HealthAttention, "history and logs take %s, more than storage.max_state_size, %s", humanize.IBytes(uint64(st.State.Bytes)), humanize.IBytes(uint64(st.State.Limit))) //nolint:gosec // not negative
	}
	for _, limit := range over {
		worse(cli.HealthAttention, "%s", limit)
	}
	for _, problem := range st.Problems {
		worse(cli.HealthAttention, "%s", problem)
	}
	return h
}

// settleTime is how long a status waits for indexes to say how far they are.
const settleTime = 300 * time.Millisecond

// settle lets indexes that are up to date find that out.
func (a *guest) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for _, r := range a.visit.All() {
		if err := r.Index.Settle(ctx); err != nil {
			a.log.Debug("status", "repository", r.Name, "error", err)
		}
	}
}

func stateOf(r *repos.Repository) cli.Repository {
	s := r.Index.Snapshot()
	c := cli.Repository{Name: r.Name, Path: r.Path, State: "ready", Commits: s.Graph.Len() - s.Graph.Garbage(), Refs: len(s.Graph.Tips()), Lines: len(s.Lines), Pending: s.WordsPending()}
	switch {
	case s.Behind():
		c.State = "reading"
	case c.Pending > 0:
		c.State = "indexing"
	}
	if err := cmp.Or(s.Err(), s.WordsError(), unkept(s)); err != nil {
		c.Error = err.Error()
		switch {
		case errors.Is(err, task.ErrCancelled):
			c.State = "stopped"
		case s.Err() != nil:
			c.State = "error"
		}
	}
	return c
}
