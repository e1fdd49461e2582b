package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fatih/color"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

func whereCommand(io stdio, g *global) *cobra.Command {
	return &cobra.Command{
		Use: "where KEY…", Short: "Show which branches and tags contain a change", Args: cobra.MinimumNArgs(1),
		Long: `Show the fix card of each key: a SHA or its beginning, a branch or tag, a Change-Id, a CVE, an issue such as #1.

Exits 0 when every key is known, 1 when one is not, 2 on failure.`,
		RunE: func(cmd *cobra.Command, keys []string) error {
			raw, err := ask(cmd.Context(), g, "cabhfuil.where", map[string]any{"keys": keys, "hurry": g.format == "json"})
			if err != nil {
				return err
			}
			var answers []history.Answer
			if err := json.Unmarshal(raw, &answers); err != nil {
				return err
			}
			if err := show(io, g, raw, func(t cli.Text) { t.Answers(answers) }); err != nil {
				return err
			}
			for _, a := range answers {
				if a.Error != nil {
					return errors.New(*a.Error)
				}
				if len(a.Matches) == 0 {
					return errNo
				}
			}
			return nil
		},
	}
}

func searchCommand(io stdio, g *global) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "search QUERY", Short: "Find commits by words, authors, dates, lines, paths", Args: cobra.MinimumNArgs(1),
		Long: `Find commits over all repositories.

Words and "phrases" match messages; author: committer: commit: file: after: before: ref: type:merge cve: changeid: repo:
restrict, and so do in:LINE and missing:LINE, which count copies, fixes:KEY and backport-of:KEY; - negates, OR joins. file: takes a path, a directory, a name such as manager.py, or a glob such as *.py,
and waits for the index of paths. docs/search.md has the whole syntax. Exits 0 when something was found, 1 when not, 2 on failure.`,
		Example: `  cabhfuil-lsp search 'deadlock author:torvalds after:2024-01-01'
  cabhfuil-lsp search -- '-in:stable/2025.1 "memory leak"'
  cabhfuil-lsp search 'file:nova/compute since:2025'`,
		RunE: func(cmd *cobra.Command, words []string) error {
			if limit < 1 {
				return fmt.Errorf("--limit %d: expected 1 or more", limit)
			}
			raw, err := ask(cmd.Context(), g, "cabhfuil.search", map[string]any{"query": strings.Join(words, " "), "limit": limit})
			if err != nil {
				return err
			}
			var result history.SearchResult
			if err := json.Unmarshal(raw, &result); err != nil {
				return err
			}
			if err := show(io, g, raw, func(t cli.Text) { t.Search(&result) }); err != nil {
				return err
			}
			for _, e := range result.Errors {
				cli.Complain(os.Stderr, fmt.Errorf("%s: %s", e.Repository, e.Message))
			}
			switch {
			case len(result.Hits) > 0:
				return nil
			case len(result.Errors) > 0:
				return errors.New("nothing was found, and not every repository could be searched")
			}
			return errNo
		},
	}
	c.Flags().IntVar(&limit, "limit", 50, "how many hits to show")
	return c
}

func missingCommand(io stdio, g *global) *cobra.Command {
	var from, in, since string
	var needed, security bool
	c := &cobra.Command{
		Use: "missing --from LINE", Short: "List what a release line lacks of the upstream line", Args: cobra.NoArgs,
		Long: `List the changes that the upstream line has and LINE lacks. What LINE has under another SHA counts as present.
Merges, changes that were reverted again, and fixes of what never reached LINE are left out; -v and JSON say why.
Exits 0 whatever it lists, 2 on failure.`,
		Example: `  cabhfuil-lsp missing --from stable/2.1 --needed
  cabhfuil-lsp missing --from stable/2.1 --in stable/2.2 --since 2025-01-01`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := ask(cmd.Context(), g, "cabhfuil.missing", map[string]any{"from": from, "in": in, "needed": needed, "security": security, "since": since})
			if err != nil {
				return err
			}
			var result history.MissingResult
			if err := json.Unmarshal(raw, &result); err != nil {
				return err
			}
			return show(io, g, raw, func(t cli.Text) { t.Missing(&result) })
		},
	}
	c.Flags().StringVar(&from, "from", "", "the `LINE` that lacks something")
	c.Flags().StringVar(&in, "in", "", "the `LINE` that has it, instead of the upstream line")
	c.Flags().BoolVar(&needed, "needed", false, "only what fixes something that the line has")
	c.Flags().BoolVar(&security, "security", false, "only what names a CVE or advisory, or says that it is about security")
	c.Flags().StringVar(&since, "since", "", "only what was committed since `DATE`: 2025-01-31, or 6months")
	if err := c.MarkFlagRequired("from"); err != nil {
		panic(err) // the flag is there
	}
	return c
}

func checkCommand(io stdio, g *global) *cobra.Command {
	var keys, on []string
	c := &cobra.Command{
		Use: "check --must-contain KEY --on LINE", Short: "Fail where a line lacks a change: a gate for CI", Args: cobra.NoArgs,
		Long: `Check that each KEY is on each LINE, under whatever SHA, neither reverted nor without its follow-up fixes.
A line that never had what the change fixes passes. Both flags repeat.
Exits 0 when all pass, 1 when one fails or a key is not known, 2 on failure.`,
		Example: `  cabhfuil-lsp check --must-contain CVE-2024-32002 --on stable/2.1 --on stable/2.2`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := ask(cmd.Context(), g, "cabhfuil.check", map[string]any{"keys": keys, "on": on})
			if err != nil {
				return err
			}
			var result history.CheckResult
			if err := json.Unmarshal(raw, &result); err != nil {
				return err
			}
			if err := show(io, g, raw, func(t cli.Text) { t.Check(&result) }); err != nil {
				return err
			}
			if !result.OK {
				return errNo
			}
			return nil
		},
	}
	c.Flags().StringArrayVar(&keys, "must-contain", nil, "the `KEY` of a change: a SHA, Change-Id, CVE, issue")
	c.Flags().StringArrayVar(&on, "on", nil, "the `LINE` that must have it")
	for _, name := range []string{"must-contain", "on"} {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is there
		}
	}
	return c
}

func statusCommand(io stdio, g *global) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the known repositories and their indexes", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := ask(cmd.Context(), g, "cabhfuil.status", map[string]any{})
			if err != nil {
				return err
			}
			var status cli.Status
			if err := json.Unmarshal(raw, &status); err != nil {
				return err
			}
			return show(io, g, raw, func(t cli.Text) { t.Status(status) })
		},
	}
}

// show prints an answer in the format that was asked for.
func show(io stdio, g *global, raw json.RawMessage, text func(cli.Text)) error {
	if g.format == "json" {
		return cli.JSON(io.out, raw)
	}
	t := cli.Text{Out: io.out, Verbose: g.verbose}
	if fd := int(io.out.Fd()); term.IsTerminal(fd) {
		t.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		if width, _, err := term.GetSize(fd); err == nil {
			t.Width = width
		}
	}
	color.NoColor = !t.Color
	text(t)
	return nil
}

// ask runs a command of a server of our own, as an editor would: over a
// connection, with the same methods and the same progress.
func ask(ctx context.Context, g *global, command string, argument map[string]any) (raw json.RawMessage, err error) {
	err = converse(ctx, g, command, func(execute func(map[string]any, any) error) error { return execute(argument, &raw) })
	return raw, err
}

// converse is ask for more than one question of one command: execute asks each.
func converse(ctx context.Context, g *global, command string, talk func(execute func(argument map[string]any, result any) error) error) (err error) {
	if g.format != "text" && g.format != "json" {
		return fmt.Errorf("--format %q: expected text or json", g.format)
	}
	if g.dir != "" && g.repo != "" {
		return errors.New("-C and --repo name two repositories: expected one")
	}
	dir, err := filepath.Abs(g.dir)
	if err != nil {
		return err
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("-C %s: no such directory", g.dir)
	}
	scoped := func(execute func(argument map[string]any, result any) error) error {
		return talk(func(argument map[string]any, result any) error {
			argument["uri"] = (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String()
			argument["wait"], argument["only"], argument["repository"] = true, g.dir != "", g.repo
			return execute(argument, result)
		})
	}
	if !g.private {
		err := askShared(ctx, command, scoped)
		if !errors.Is(err, errUnshared) {
			return err
		}
		newLog(g.verbose, slog.LevelError).Warn("going on in this process", "error", err)
	}
	history := command == "cabhfuil.tasks" || command == "cabhfuil.plugins" // which need no repository
	a := newApp(appOptions{words: command != "cabhfuil.where", alone: g.dir != "" || history, log: newLog(g.verbose, slog.LevelError)})
	defer func() { err = errors.Join(err, a.close()) }()
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- a.serve(context.WithoutCancel(ctx), far) }()
	err = askOver(ctx, near, command, scoped, 0)
	return errors.Join(err, <-served)
}

// askOver asks over a connection, which is closed then, and shows its progress, if
// it takes longer than patience, and what is to complain of. talk may be called
// again over another connection when this one is lost (client.ErrLost).
func askOver(ctx context.Context, conn io.ReadWriteCloser, command string, talk func(execute func(argument map[string]any, result any) error) error, patience time.Duration) (err error) {
	var progress cli.Progress
	if term.IsTerminal(int(os.Stderr.Fd())) {
		progress = cli.NewBars(os.Stderr)
	} else {
		progress = cli.NewLines(os.Stderr)
	}
	defer progress.Close()
	asked := time.Now()
	c, err := client.New(ctx, conn, client.Options{Progress: func(p client.Progress) {
		if time.Since(asked) < patience {
			return
		}
		progress.Update(p.Token, p.Title, p.Message, p.Percent, p.Ended)
	}})
	if err != nil {
		return err
	}
	complain := func(of func(complaints) []string) error {
		var all complaints
		if command == "cabhfuil.status" { // which lists them itself
			return nil
		}
		if err := c.Execute(ctx, "cabhfuil.complaints", nil, &all); err != nil {
			return err
		}
		for _, text := range of(all) {
			cli.Complain(os.Stderr, errors.New(text))
		}
		return nil
	}
	err = complain(func(c complaints) []string { return c.Configuration })
	if err == nil {
		err = talk(func(argument map[string]any, result any) error { return c.Execute(ctx, command, argument, result) })
		answered := err == nil
		if complaintErr := complain(func(c complaints) []string { return c.Indexes }); !answered {
			err = errors.Join(err, complaintErr)
		}
	}
	closeErr := c.Close(context.WithoutCancel(ctx))
	if err == nil {
		return nil // it was answered; how the other side ends is its business
	}
	return errors.Join(err, closeErr)
}
