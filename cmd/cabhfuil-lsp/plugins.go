package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/host"
)

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
	list := &cobra.Command{
		Use: "list", Short: "List the forge plugins and how they are doing", Args: cobra.NoArgs,
		Long: `List the forge plugins: those of plugins[] in global.yaml, which are asked first, and the built-in ones.
One that runs, or failed, does so in the background process; it starts when a key or a remote needs it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := ask(cmd.Context(), g, "cabhfuil.plugins", map[string]any{})
			if err != nil {
				return err
			}
			return showPlugins(io, g, raw)
		},
	}
	verify := &cobra.Command{
		Use: "verify [NAME…]", Short: "Start each forge plugin and hold it against what it owes",
		Long: `Start each forge plugin, or those that are named, in this process: the file has the checksum of global.yaml, the program
shakes hands, says what it is, and answers when it is asked for links.

Exits 0 when all do, 1 when one does not, 2 on failure.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			return verifyPlugins(cmd.Context(), io, g, names)
		},
	}
	c.AddCommand(list, verify)
	return c
}

func showPlugins(io stdio, g *global, raw json.RawMessage) error {
	var all []cli.Plugin
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	return show(io, g, raw, func(t cli.Text) { t.Plugins(all) })
}

// plugins answers cabhfuil.plugins: all of them, and how they and their hosts are
// doing.
func (a *guest) plugins(ctx context.Context, _ json.RawMessage) (any, error) {
	return a.forges.list(ctx), nil
}

// list tells of all plugins of the current host.
func (f *forges) list(ctx context.Context) []cli.Plugin {
	f.mu.Lock()
	h, told := f.host, f.told
	f.mu.Unlock()
	all := listPlugins(h, told)
	for _, health := range h.Health(ctx) {
		at := slices.IndexFunc(all, func(p cli.Plugin) bool { return p.Name == health.Plugin })
		all[at].Silent = health.Error
		for _, host := range health.Hosts {
			all[at].Hosts = append(all[at].Hosts, hostOf(host))
		}
	}
	return all
}

// hosts are all that running plugins ask.
func (f *forges) hosts(ctx context.Context) []cli.ForgeHost {
	all := []cli.ForgeHost{}
	for _, health := range f.current().Health(ctx) {
		for _, host := range health.Hosts {
			all = append(all, cli.ForgeHost{Plugin: health.Plugin, PluginHost: hostOf(host)})
		}
	}
	return all
}

func hostOf(h plugins.Health) cli.PluginHost {
	out := cli.PluginHost{
		Host: h.Host, Problem: string(h.Problem), Detail: h.Detail, Retry: h.Retry, Since: h.Since, Said: h.Said, At: h.At,
		Requests: h.Requests, Cached: h.Cached, Reset: h.Reset, Token: h.Token,
	}
	if !h.Reset.IsZero() {
		out.Left = &h.Left
	}
	return out
}

// troubles are the plugins that failed and are left alone, and those of their hosts
// that somebody has to do something about.
func (f *forges) troubles(hosts []cli.ForgeHost) []string {
	var all []string
	for _, h := range hosts {
		if p := plugins.Problem(h.Problem); p == plugins.Untrusted || p == plugins.Refused {
			all = append(all, "plugin "+h.Plugin+": "+strings.TrimSuffix(lookup.ExplainForge(history.ForgeProblem{Forge: h.Plugin, Host: h.Host, Problem: h.Problem, Token: h.Token}, time.Now()), "."))
		}
	}
	for _, s := range f.current().Status() {
		if s.Error != "" && !s.Running {
			all = append(all, "plugin "+s.Name+": "+s.Error)
		}
	}
	return all
}

func listPlugins(h *host.Host, told forgeSettings) []cli.Plugin {
	all := []cli.Plugin{}
	for _, s := range h.Status() {
		p := cli.Plugin{
			Name: s.Name, Kinds: []string{}, Can: []string{}, BuiltIn: true,
			Running: s.Running, PID: s.PID, Memory: s.Memory, Starts: s.Starts, Restarts: max(s.Starts-1, 0), Error: s.Error, Retry: s.Retry, Troubles: s.Troubles,
		}
		for _, b := range builtin {
			if b.name == s.Name {
				forge := b.make(told.settings[b.name]...)
				if d, err := forge.Describe(context.Background()); err == nil { // ours never fail
					d.Can = append(plugins.Abilities(forge), d.Can...)
					describe(&p, d)
				}
			}
		}
		for _, own := range told.foreign {
			if own.Name != s.Name {
				continue
			}
			p.BuiltIn, p.Path, p.SHA256, p.Checksum = false, own.Path, own.SHA256, cli.ChecksumOK
			if err := own.Check(); err != nil {
				p.Checksum = err.Error()
			}
			if d, ok := h.Description(s.Name); ok {
				describe(&p, d)
				p.Wants = slices.DeleteFunc(slices.Clone(d.Environment), func(name string) bool { return slices.Contains(own.Env, name) })
			}
		}
		all = append(all, p)
	}
	return all
}

func describe(p *cli.Plugin, d plugins.Description) {
	p.Title, p.Version = d.Title, d.Version
	for _, k := range d.Kinds {
		p.Kinds = append(p.Kinds, string(k))
	}
	p.Can = append(p.Can, slices.Compact(slices.Sorted(slices.Values(d.Can)))...)
}

// verifyPlugins starts plugins in this process and tells how that went.
func verifyPlugins(ctx context.Context, io stdio, g *global, names []string) error {
	if g.format != "text" && g.format != "json" {
		return fmt.Errorf("--format %q: expected text or json", g.format)
	}
	dirs := config.FindDirs()
	c, files := config.Load(dirs)
	for _, f := range config.Faults(files) {
		cli.Complain(os.Stderr, f)
	}
	told := forgeSettingsOf(c)
	known := builtinNames()
	for _, own := range told.foreign {
		known = append(known, own.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("no plugin is called %q; there are %s, and plugins[] in global.yaml names more", name, strings.Join(known, ", "))
		}
	}
	told.limits = host.Limits{Start: 20 * time.Second, Call: 10 * time.Second} // somebody waits, and all start at once
	h := newHost(told, nil, forgeCache(dirs), newLog(g.verbose, slog.LevelError+1), func() {})
	defer h.Close() //nolint:errcheck // it never fails
	var work errgroup.Group
	work.SetLimit(4)
	errs := make([]error, len(known))
	for i, name := range known {
		if len(names) == 0 || slices.Contains(names, name) {
			work.Go(func() error {
				_, errs[i] = h.Check(ctx, name)
				return nil
			})
		}
	}
	_ = work.Wait() //nolint:errcheck // they are in errs
	if ctx.Err() != nil {
		return ctx.Err()
	}
	all, failed := []cli.Plugin{}, []string{}
	for _, p := range listPlugins(h, told) {
		if len(names) > 0 && !slices.Contains(names, p.Name) {
			continue
		}
		err := errs[slices.Index(known, p.Name)]
		good := err == nil
		p.Verified, p.Running, p.PID, p.Memory, p.Restarts, p.Retry = &good, false, 0, 0, 0, time.Time{} // its process ends with this one
		if err != nil {
			p.Error = strings.TrimPrefix(err.Error(), "plugin "+p.Name+": ")
			failed = append(failed, p.Name)
		}
		all = append(all, p)
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if err := showPlugins(io, g, raw); err != nil {
		return err
	}
	if len(failed) > 0 {
		cli.Complain(os.Stderr, fmt.Errorf("not as they should be: %s", strings.Join(failed, ", ")))
		return errNo
	}
	return nil
}

// forgeCache is the directory that has a directory for each plugin.
func forgeCache(dirs config.Dirs) string { return filepath.Join(dirs.Cache, "forges") }
