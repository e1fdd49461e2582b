package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// tasksParams are what cabhfuil.tasks takes.
type tasksParams struct {
	Action     string     `json:"action"` // list, show, cancel or watch; "" for list
	ID         string     `json:"id"`     // of show and cancel
	State      task.State `json:"state"`
	Repository string     `json:"repository"`
	Limit      int        `json:"limit"`    // of list; 0 for all
	Revision   uint64     `json:"revision"` // of watch: what the last reply said, 0 at first
}

// tasks answers cabhfuil.tasks. list and watch are answered with Tasks, show and
// cancel with one task.
func (a *app) tasks(ctx context.Context, argument json.RawMessage) (any, error) {
	var p tasksParams
	if err := server.Decode(argument, &p); err != nil {
		return nil, err
	}
	if p.State != "" && !slices.Contains(task.States, p.State) {
		return nil, fmt.Errorf("state %q: expected one of %s", p.State, strings.Trim(fmt.Sprint(task.States), "[]"))
	}
	switch p.Action {
	case "", "list":
		all, err := a.allTasks()
		if err != nil {
			return nil, err
		}
		return cli.Tasks{Tasks: p.choose(all)}, nil
	case "watch":
		// A request that waits for the next change: clients need no notification of
		// ours for it, and one that is slow misses states alone.
		changed, revision, err := a.tracker.Changes(ctx, p.Revision)
		if err != nil {
			return nil, err
		}
		return cli.Tasks{Tasks: p.choose(changed), Revision: revision}, nil
	case "show", "cancel":
		return a.oneTask(ctx, p)
	}
	return nil, fmt.Errorf("action %q: expected list, show, cancel or watch", p.Action)
}

// choose is what p asks for of tasks that are oldest first, newest first.
func (p tasksParams) choose(all []task.Info) []task.Info {
	chosen := []task.Info{}
	for _, info := range slices.Backward(all) {
		if (p.State == "" || info.State == p.State) && (p.Repository == "" || info.Repository == p.Repository) && (p.Limit <= 0 || len(chosen) < p.Limit) {
			chosen = append(chosen, info)
		}
	}
	return chosen
}

// allTasks are those of this process and those that are remembered, by when they
// ended, and those that have not ended last.
func (a *app) allTasks() ([]task.Info, error) {
	own := a.tracker.List()
	here := make(map[string]bool, len(own))
	for _, info := range own {
		here[info.ID] = true
	}
	all, err := a.history.List()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(i task.Info) bool { return here[i.ID] })
	all = append(all, own...)
	slices.SortStableFunc(all, func(x, y task.Info) int {
		switch {
		case x.State.Ended() && y.State.Ended():
			return x.Ended.Compare(y.Ended)
		case x.State.Ended():
			return -1
		case y.State.Ended():
			return 1
		}
		return x.Created.Compare(y.Created)
	})
	return all, nil
}

func (a *app) find(id string) (task.Info, error) {
	all, err := a.allTasks()
	if err != nil {
		return task.Info{}, err
	}
	for _, info := range all {
		if info.ID == id {
			return info, nil
		}
	}
	return task.Info{}, fmt.Errorf("no task %q is known; tasks lists them", id)
}

// oneTask shows a task, or cancels it and waits for its end.
func (a *app) oneTask(ctx context.Context, p tasksParams) (any, error) {
	info, err := a.find(p.ID)
	if err != nil || p.Action == "show" {
		return info, err
	}
	if !a.tracker.Cancel(p.ID) {
		return nil, fmt.Errorf("task %s has ended already: it is %s", p.ID, info.State)
	}
	for revision := uint64(0); ; {
		changed, next, err := a.tracker.Changes(ctx, revision)
		if err != nil {
			return nil, err
		}
		for _, info := range changed {
			if info.ID == p.ID && info.State.Ended() {
				return info, nil
			}
		}
		revision = next
	}
}

func tasksCommand(io stdio, g *global) *cobra.Command {
	var state string
	var limit int
	list := func(cmd *cobra.Command, _ []string) error {
		raw, err := ask(cmd.Context(), g, "cabhfuil.tasks", map[string]any{"action": "list", "state": state, "limit": limit})
		if err != nil {
			return err
		}
		var all cli.Tasks
		if err := json.Unmarshal(raw, &all); err != nil {
			return err
		}
		return show(io, g, raw, func(t cli.Text) { t.Tasks(all) })
	}
	flags := func(c *cobra.Command) *cobra.Command {
		c.Flags().StringVar(&state, "state", "", "only those in this `STATE`: pending, running, completed, failed, cancelled")
		c.Flags().IntVar(&limit, "limit", 50, "how many to show, newest first; 0 for all")
		return c
	}
	c := flags(&cobra.Command{
		Use: "tasks", Short: "List, watch and cancel long operations", Args: cobra.NoArgs, RunE: list,
		Long: `List long operations, newest first: indexing, clones, fetches, repairs. Those that ended are remembered as
limits.task_history and limits.task_age of global.yaml say; those that took no time and changed nothing are not.
--repo restricts. Cancelled indexing rests until a command waits for it; a cancelled fetch until the next is due.`,
		Example: `  cabhfuil-lsp tasks --state failed
  cabhfuil-lsp tasks show k3x9qa-7 --format json`,
	})
	c.AddCommand(
		flags(&cobra.Command{Use: "list", Short: "List long operations", Args: cobra.NoArgs, RunE: list}),
		&cobra.Command{
			Use: "show ID", Short: "Show one with its result", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return askTask(cmd.Context(), io, g, "show", args[0]) },
		},
		cancelCommand(io, g),
		&cobra.Command{
			Use: "watch", Short: "Tell what begins and ends, until interrupted", Args: cobra.NoArgs,
			Long: `Tell what begins and ends in the background process, one line each, until interrupted. With --private it is this process.`,
			RunE: func(cmd *cobra.Command, _ []string) error { return watchTasks(cmd.Context(), io, g) },
		})
	return c
}

func cancelCommand(io stdio, g *global) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "cancel ID", Short: "Cancel one that runs or waits", Args: cobra.ExactArgs(1),
		Long: `Cancel a long operation that runs or waits, and wait until it has ended. What it did so far is kept.
Exits 0 when it was cancelled, 1 when you said no, 2 when there is none or it had ended.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				if err := agree(io, "Cancel task "+args[0]+"?"); err != nil {
					return err
				}
			}
			return askTask(cmd.Context(), io, g, "cancel", args[0])
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func askTask(ctx context.Context, io stdio, g *global, action, id string) error {
	raw, err := ask(ctx, g, "cabhfuil.tasks", map[string]any{"action": action, "id": id})
	if err != nil {
		return err
	}
	var info task.Info
	if err := json.Unmarshal(raw, &info); err != nil {
		return err
	}
	if string(info.Result) == "null" {
		info.Result = nil
	}
	return show(io, g, raw, func(t cli.Text) { t.Task(info) })
}

// watchTasks tells each task's states as they come, in JSON one object a line.
func watchTasks(ctx context.Context, io stdio, g *global) error {
	told := map[string]task.State{}
	return converse(ctx, g, "cabhfuil.tasks", func(execute func(argument map[string]any, result any) error) error {
		for revision := uint64(0); ; {
			var last cli.Tasks
			if err := execute(map[string]any{"action": "watch", "revision": revision}, &last); err != nil {
				return err
			}
			for _, info := range slices.Backward(last.Tasks) {
				if told[info.ID] == info.State {
					continue
				}
				told[info.ID] = info.State
				if string(info.Result) == "null" {
					info.Result = nil
				}
				if g.format == "json" {
					if err := json.NewEncoder(io.out).Encode(info); err != nil {
						return err
					}
					continue
				}
				cli.Text{Out: io.out}.TaskChanged(info)
			}
			if revision = last.Revision; revision == 0 {
				return errors.New("the server does not say how to go on")
			}
		}
	})
}
