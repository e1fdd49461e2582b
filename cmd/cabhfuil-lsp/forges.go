package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/github"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/host"
)

// builtin are the forges that ship with the program, by name.
var builtin = map[string]func() plugins.Forge{
	"github": func() plugins.Forge { return github.New() },
}

func builtinNames() []string {
	var names []string
	for name := range builtin {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// forges shows the plugins to lookup.
type forges struct{ host *host.Host }

func newForges(log *slog.Logger, changed func()) *forges {
	return &forges{host.New(host.Options{Builtin: builtinNames(), Log: log, OnUpdate: changed})}
}

// URLs answers what the plugins have said so far.
func (f *forges) URLs(remotes []string, keys []history.Key) []string {
	urls := make([]string, len(keys))
	remotes = slices.DeleteFunc(slices.Clone(remotes), repos.IsPath) // else a plugin is started for nothing
	if len(remotes) == 0 {
		return urls
	}
	var items []plugins.Item
	var at []int
	for i, k := range keys {
		if item, ok := itemOf(k); ok {
			items, at = append(items, item), append(at, i)
		}
	}
	if len(items) == 0 {
		return urls
	}
	links, _ := f.host.Links(remotes, items)
	for i, url := range links {
		urls[at[i]] = url
	}
	return urls
}

// itemOf is what a key is to a forge; trackers come with their own plugins.
func itemOf(k history.Key) (plugins.Item, bool) {
	switch k.Kind {
	case history.KeyCommit:
		return plugins.Item{Kind: plugins.Commit, ID: strings.ToLower(k.Text)}, true
	case history.KeyIssue, history.KeyMerge:
		project, number, ok := strings.Cut(strings.ReplaceAll(strings.Replace(k.Text, "GH-", "#", 1), "!", "#"), "#")
		kind := plugins.Issue
		if k.Kind == history.KeyMerge {
			kind = plugins.Pull
		}
		return plugins.Item{Kind: kind, ID: number, Project: project}, ok
	}
	return plugins.Item{}, false
}

func (f *forges) close() error { return f.host.Close() }

// pluginCommand serves a built-in plugin, which the host starts, and shows the
// plugins to people.
func pluginCommand(io stdio, g *global) *cobra.Command {
	c := &cobra.Command{Use: "plugin", Short: "List and verify forge plugins"}
	for name, forge := range builtin {
		c.AddCommand(&cobra.Command{Use: name, Hidden: true, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
			io.restore() // go-plugin's handshake goes to standard output
			plugins.Serve(forge())
			return nil
		}})
	}
	list := &cobra.Command{Use: "list", Short: "List the forge plugins", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return listPlugins(io, g, nil)
	}}
	verify := &cobra.Command{Use: "verify", Short: "Start each forge plugin and ask what it is", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		h := host.New(host.Options{Builtin: builtinNames(), Log: newLog(g.verbose, slog.LevelError)})
		defer h.Close() //nolint:errcheck // it never fails
		found, err := h.Verify(cmd.Context())
		if err != nil {
			return err
		}
		return listPlugins(io, g, found)
	}}
	c.AddCommand(list, verify)
	return c
}

type pluginLine struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Version string   `json:"version"`
	Kinds   []string `json:"kinds"`
}

func listPlugins(io stdio, g *global, found map[string]plugins.Description) error {
	lines := []pluginLine{}
	for _, name := range builtinNames() {
		l := pluginLine{Name: name, Kinds: []string{}}
		if d, ok := found[name]; ok {
			l.Title, l.Version = d.Title, d.Version
			for _, k := range d.Kinds {
				l.Kinds = append(l.Kinds, string(k))
			}
		}
		lines = append(lines, l)
	}
	if g.format == "json" {
		b, err := json.Marshal(lines)
		if err != nil {
			return err
		}
		return cli.JSON(io.out, b)
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(io.out, strings.TrimSpace(l.Name+"  "+l.Title+"  "+strings.Join(l.Kinds, ", "))); err != nil {
			return err
		}
	}
	return nil
}
