package main

import (
	"context"
	"log/slog"
	"maps"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/history"
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

// forgeSettings are what the configuration says of forges and trackers.
type forgeSettings struct {
	settings map[string][]plugins.Setting // of each plugin, by its name
	foreign  []host.Foreign
	limits   host.Limits
}

// variables are the names of all variables that plugins may be given besides the
// common ones.
func (s forgeSettings) variables() []string {
	var names []string
	for _, b := range builtin {
		if d, err := b.make(s.settings[b.name]...).Describe(context.Background()); err == nil { // ours never fail
			names = append(names, d.Environment...)
		}
		for _, setting := range s.settings[b.name] {
			if setting.Token != "" {
				names = append(names, setting.Token)
			}
		}
	}
	for _, f := range s.foreign {
		names = append(names, f.Env...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// set are those of the variables that have a value.
func set(lookup func(name string) (string, bool), names []string) map[string]string {
	values := map[string]string{}
	for _, name := range names {
		if v, ok := lookup(name); ok && v != "" {
			values[name] = v
		}
	}
	return values
}

// forgeSettingsOf reads them. Only the user's files say anything of plugins: what a
// workspace or an editor's window sets never comes here.
func forgeSettingsOf(c config.Config) forgeSettings {
	all := map[string][]plugins.Setting{}
	for _, f := range c.Global.Forges {
		s := webAuth(c.Auth.AuthMethods[f.AuthKey])
		s.Host, s.URL = f.Host, f.URL
		all[string(f.Type)] = append(all[string(f.Type)], s)
	}
	for _, t := range c.Global.Trackers {
		s := webAuth(c.Auth.AuthMethods[t.AuthKey])
		s.URL, s.Projects, s.Remotes, s.Key = t.URL, t.Projects, t.Remotes, t.Key
		all[string(t.Type)] = append(all[string(t.Type)], s)
	}
	for name, m := range c.Auth.Defaults { // for places that have no setting of their own
		if s := webAuth(m); slices.Contains(builtinNames(), name) && (s.Token != "" || s.Helper) {
			all[name] = append(all[name], s)
		}
	}
	told := forgeSettings{settings: all}
	for _, p := range c.Global.Plugins {
		told.foreign = append(told.foreign, host.Foreign{Name: p.Name, Path: p.Path, SHA256: p.SHA256, Env: p.Env})
	}
	return told
}

// webAuth is how a method of auth.yaml gives a web interface its token.
func webAuth(m config.AuthMethod) plugins.Setting {
	switch m.Type {
	case config.Token:
		return plugins.Setting{Token: m.TokenEnv}
	case config.CredentialHelper:
		return plugins.Setting{Helper: true}
	}
	return plugins.Setting{}
}

// newHost makes a host of the user's plugins and all built-in ones. What the latter
// claim is asked of them here, in this process, so that none is started to be told
// that it has nothing to do. A host that the configuration gives to one kind of
// forge is no other kind's. given are variables that count before our own, and cache
// is the directory for what plugins keep, "" for none.
func newHost(told forgeSettings, given map[string]string, cache string, log *slog.Logger, changed func()) *host.Host {
	claims, environment := map[string]func(string, plugins.Item) bool{}, map[string][]string{}
	can, local := map[string][]string{}, map[string]plugins.Forge{}
	settings := told.settings
	for _, b := range builtin {
		forge := b.make(settings[b.name]...)
		if d, err := forge.Describe(context.Background()); err == nil { // ours never fail
			claims[b.name], environment[b.name] = d.Claims(), d.Environment
			can[b.name], local[b.name] = append(plugins.Abilities(forge), d.Can...), forge
			if hosts := givenAway(b.name, settings); len(hosts) > 0 && slices.Contains(config.ForgeType("").Values(), b.name) {
				claims[b.name] = unless(hosts, claims[b.name])
			}
		}
		for _, s := range settings[b.name] {
			if s.Token != "" {
				environment[b.name] = append(environment[b.name], s.Token)
			}
		}
	}
	kept := ""
	if cache != "" {
		kept = filepath.Join(cache, "said.json")
	}
	return host.New(host.Options{
		Builtin: builtinNames(), Foreign: told.foreign, Claims: claims, Can: can, Local: local, Settings: settings, Environment: environment, Given: given, CacheDir: cache, Limits: told.limits, Kept: kept, Log: log, OnUpdate: changed,
	})
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
	cache   string // as newHost has it
	listed  listed

	mu     sync.Mutex
	host   *host.Host
	told   forgeSettings
	given  map[string]string // variables of clients; never changed, but replaced
	ending sync.WaitGroup    // hosts with settings of before
}

func newForges(cache string, log *slog.Logger, changed func()) *forges {
	return &forges{log: log, changed: changed, cache: cache, host: newHost(forgeSettings{}, nil, cache, log, changed)}
}

// configure takes over what the configuration says of forges. The plugins of
// before end, and those with the new settings start when they are asked.
func (f *forges) configure(c config.Config) {
	told := forgeSettingsOf(c)
	if f.change(told) {
		f.listed.forget() // not within mu, which who lists takes later
	}
}

// change takes over settings, and says whether they are others.
func (f *forges) change(told forgeSettings) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(told.settings) == 0 && len(told.foreign) == 0 && len(f.told.settings) == 0 && len(f.told.foreign) == 0 || reflect.DeepEqual(told, f.told) {
		return false
	}
	old := f.host
	f.ending.Go(func() { _ = old.Close() }) //nolint:errcheck // it never fails
	f.host, f.told = newHost(told, f.given, f.cache, f.log, f.changed), told
	return true
}

// give takes over a client's variables, of those that plugins may be given. One that
// it has not set stays as the client before had it: a timer has none.
func (f *forges) give(lookup func(name string) (string, bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	values := set(lookup, f.told.variables())
	if len(values) == 0 {
		return
	}
	given := maps.Clone(f.given)
	if given == nil {
		given = map[string]string{}
	}
	maps.Copy(given, values)
	if !maps.Equal(given, f.given) {
		f.given = given
		f.host.Give(given)
	}
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
	links, _ := f.current().Links(asked(remotes, len(remotes)), items)
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
		project, number, ok := strings.Cut(strings.ReplaceAll(k.Text, "!", "#"), "#")
		if !ok {
			project = ""
			number, ok = strings.CutPrefix(k.Text, "GH-")
		}
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
