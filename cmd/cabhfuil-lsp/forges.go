package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/bitbucket"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/bugzilla"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/gerrit"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/gitea"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/github"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/gitlab"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/host"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/jira"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/launchpad"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/template"
)

// builtin are the forges and trackers that ship with the program, in the order in
// which they are asked: what the user made a template for goes first, and who
// takes whatever nobody else knows goes last.
var builtin = []struct {
	name string
	make func(...plugins.Setting) plugins.Forge
}{
	{"template", func(s ...plugins.Setting) plugins.Forge { return template.New(s...) }},
	{"github", func(s ...plugins.Setting) plugins.Forge { return github.New(s...) }},
	{"gitlab", func(s ...plugins.Setting) plugins.Forge { return gitlab.New(s...) }},
	{"gitea", func(s ...plugins.Setting) plugins.Forge { return gitea.New(s...) }},
	{"bitbucket", func(s ...plugins.Setting) plugins.Forge { return bitbucket.New(s...) }},
	{"gerrit", func(s ...plugins.Setting) plugins.Forge { return gerrit.New(s...) }},
	{"launchpad", func(s ...plugins.Setting) plugins.Forge { return launchpad.New(s...) }},
	{"bugzilla", func(s ...plugins.Setting) plugins.Forge { return bugzilla.New(s...) }},
	{"jira", func(s ...plugins.Setting) plugins.Forge { return jira.New(s...) }},
}

func builtinNames() []string {
	var names []string
	for _, b := range builtin {
		names = append(names, b.name)
	}
	return names
}

// settingsOf are what the configuration tells each plugin, by its name.
func settingsOf(g config.Global) map[string][]plugins.Setting {
	all := map[string][]plugins.Setting{}
	for _, f := range g.Forges {
		all[string(f.Type)] = append(all[string(f.Type)], plugins.Setting{Host: f.Host, URL: f.URL})
	}
	for _, t := range g.Trackers {
		all[string(t.Type)] = append(all[string(t.Type)], plugins.Setting{URL: t.URL, Projects: t.Projects, Remotes: t.Remotes, Key: t.Key})
	}
	return all
}

// newHost makes a host of all built-in plugins. What they claim is asked of them
// here, in this process, so that none is started to be told that it has nothing to
// do. A host that the configuration gives to one kind of forge is no other kind's.
func newHost(settings map[string][]plugins.Setting, kept string, log *slog.Logger, changed func()) *host.Host {
	claims, can, local := map[string]func(string, plugins.Item) bool{}, map[string][]string{}, map[string]plugins.Forge{}
	for _, b := range builtin {
		forge := b.make(settings[b.name]...)
		if d, err := forge.Describe(context.Background()); err == nil { // ours never fail
			claims[b.name], can[b.name], local[b.name] = d.Claims(), append(plugins.Abilities(forge), d.Can...), forge
			if hosts := givenAway(b.name, settings); len(hosts) > 0 && slices.Contains(config.ForgeType("").Values(), b.name) {
				claims[b.name] = unless(hosts, claims[b.name])
			}
		}
	}
	return host.New(host.Options{Builtin: builtinNames(), Claims: claims, Can: can, Local: local, Settings: settings, Kept: kept, Log: log, OnUpdate: changed})
}

// givenAway are the hosts that settings give to forges of other kinds.
func givenAway(name string, settings map[string][]plugins.Setting) []string {
	var hosts []string
	for other, all := range settings {
		for _, s := range all {
			if other != name && s.Host != "" {
				hosts = append(hosts, s.Host)
			}
		}
	}
	return hosts
}

// unless claims nothing on these hosts.
func unless(hosts []string, claims func(string, plugins.Item) bool) func(string, plugins.Item) bool {
	return func(remote string, it plugins.Item) bool {
		if !claims(remote, it) {
			return false
		}
		r, ok := plugins.ParseRemote(remote)
		return !ok || !slices.ContainsFunc(hosts, r.Matches)
	}
}

// forges shows the plugins to lookup.
type forges struct {
	log     *slog.Logger
	changed func()
	kept    string // the file of what forges said
	listed  listed

	mu       sync.Mutex
	host     *host.Host
	settings map[string][]plugins.Setting
	ending   sync.WaitGroup // hosts with settings of before
}

func newForges(kept string, log *slog.Logger, changed func()) *forges {
	return &forges{log: log, changed: changed, kept: kept, host: newHost(nil, kept, log, changed)}
}

// configure takes over what the configuration says of forges. The plugins of
// before end, and those with the new settings start when they are asked.
func (f *forges) configure(g config.Global) {
	settings := settingsOf(g)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(settings) == 0 && len(f.settings) == 0 || reflect.DeepEqual(settings, f.settings) {
		return
	}
	old := f.host
	f.ending.Go(func() { _ = old.Close() }) //nolint:errcheck // it never fails
	f.host, f.settings = newHost(settings, f.kept, f.log, f.changed), settings
}

func (f *forges) current() *host.Host {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.host
}

// URLs answers what the plugins have said so far.
func (f *forges) URLs(remotes []string, keys []history.Key) []string {
	urls := make([]string, len(keys))
	var items []plugins.Item
	var at []int
	for i, k := range keys {
		if urls[i] = advisory(k); urls[i] != "" {
			continue
		}
		if item, ok := itemOf(k); ok {
			items, at = append(items, item), append(at, i)
		}
	}
	if len(items) == 0 {
		return urls
	}
	links, _ := f.current().Links(asked(remotes), items)
	for i, url := range links {
		urls[at[i]] = url
	}
	return urls
}

// advisory is the page of a CVE or GHSA id, which is the same for everybody.
func advisory(k history.Key) string {
	switch k.Kind {
	case history.KeyCVE:
		return "https://nvd.nist.gov/vuln/detail/" + url.PathEscape(k.Text)
	case history.KeyGHSA:
		return "https://github.com/advisories/" + url.PathEscape(scan.Canonical(k))
	}
	return ""
}

// itemOf is what a key is to a forge or tracker.
func itemOf(k history.Key) (plugins.Item, bool) {
	switch k.Kind {
	case history.KeyCommit:
		return plugins.Item{Kind: plugins.Commit, ID: strings.ToLower(k.Text)}, true
	case history.KeyChangeID:
		return plugins.Item{Kind: plugins.Change, ID: scan.Canonical(k)}, true
	case history.KeyBug:
		return plugins.Item{Kind: plugins.Bug, ID: scan.Canonical(k)}, true
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

func (f *forges) close() error {
	err := f.current().Close()
	f.ending.Wait()
	return err
}

// pluginCommand serves a built-in plugin, which the host starts, and shows the
// plugins to people.
func pluginCommand(io stdio, g *global) *cobra.Command {
	c := &cobra.Command{Use: "plugin", Short: "List and verify forge plugins"}
	for _, b := range builtin {
		c.AddCommand(&cobra.Command{Use: b.name, Hidden: true, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
			io.restore() // go-plugin's handshake goes to standard output
			plugins.Serve(b.make(plugins.Settings()...))
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
	for _, name := range slices.Sorted(slices.Values(builtinNames())) {
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
