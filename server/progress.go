package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// reportTasks shows the tracker's tasks as $/progress. The tracker calls at most
// ten times a second, with the newest state of each; a slow client misses states
// and delays nobody.
func (s *session) reportTasks(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.work.Go(func() {
		select {
		case <-s.conn.Done():
		case <-s.exited:
		case <-ctx.Done():
		}
		cancel()
	})
	shown := map[string]bool{}
	s.server.opt.Tracker.Watch(ctx, func(tasks []task.Info) {
		for _, t := range tasks {
			if err := s.reportTask(ctx, t, shown); err != nil && ctx.Err() == nil {
				s.server.opt.Log.Debug("reporting progress", "error", err)
			}
		}
	})
}

func (s *session) reportTask(ctx context.Context, t task.Info, shown map[string]bool) error {
	token := protocol.String(tokenPrefix + t.ID)
	title := t.Title
	if t.Repository != "" {
		title = t.Repository + ": " + t.Title
	}
	if !shown[t.ID] {
		if t.State != task.Running || s.server.opt.Concerns != nil && !s.server.opt.Concerns(t) {
			return nil // it began and ended between two looks, or is none of the client's business
		}
		if _, err := s.conn.Call(ctx, "window/workDoneProgress/create", &protocol.WorkDoneProgressCreateParams{Token: token}, nil); err != nil {
			return err
		}
		shown[t.ID] = true
		return s.progress(ctx, token, map[string]any{"kind": "begin", "title": title, "cancellable": true})
	}
	if t.State != task.Running {
		delete(shown, t.ID)
		return s.progress(ctx, token, map[string]any{"kind": "end", "message": string(t.State)})
	}
	value := map[string]any{"kind": "report", "message": countOf(t)}
	if t.Total > 0 {
		value["percentage"] = 100 * t.Done / t.Total
	}
	return s.progress(ctx, token, value)
}

// tokenPrefix begins the tokens of tasks' progress.
const tokenPrefix = "cabhfuil/"

// cancelProgress cancels the task whose progress a client shows. It may have ended.
func (s *session) cancelProgress(p *protocol.WorkDoneProgressCancelParams) error {
	token, _ := p.Token.(protocol.String)
	if id, ok := strings.CutPrefix(string(token), tokenPrefix); ok && s.server.opt.Tracker != nil {
		s.server.opt.Tracker.Cancel(id)
	}
	return nil
}

func countOf(t task.Info) string {
	switch {
	case t.Message != "":
		return t.Message
	case t.Total > 0:
		return fmt.Sprintf("%d of %d", t.Done, t.Total)
	}
	return fmt.Sprint(t.Done)
}

func (s *session) progress(ctx context.Context, token protocol.ProgressToken, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return s.conn.Notify(ctx, "$/progress", &protocol.ProgressParams{Token: token, Value: b})
}
