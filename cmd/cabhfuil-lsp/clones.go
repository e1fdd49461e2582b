package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cabhfuil/cabhfuil-lsp/index/line"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// cloneOptions are how clones are kept, as the configuration says at the start.
func (a *app) cloneOptions() repos.CloneOptions {
	c, _ := a.reader.Read()
	return repos.CloneOptions{
		Dir: filepath.Join(a.dirs.Cache, "clones"), StateDir: filepath.Join(a.dirs.State, "clones"), IndexDir: filepath.Join(a.dirs.Cache, "index"), CacheDir: a.dirs.Cache,
		Parallel: parallel(c), Retry: retry(c),
		Tracker: a.tracker, Log: a.log, OnSynced: a.synced, OnGone: a.gone,
	}
}

// parallel is how many clones are updated at once.
func parallel(c config.Config) int {
	return min(c.Settings.ParallelClones, c.Global.Sync.MaxParallelJobs)
}

// retry is how updates are tried again.
func retry(c config.Config) repos.Retry {
	return repos.Retry{Attempts: uint(c.Global.Sync.RetryAttempts) + 1, Pause: time.Second, Growth: repos.Growth(c.Global.Sync.RetryBackoff)} //nolint:gosec // config bounds it
}

// cloned are the repositories of the configuration that have an address and no
// path.
func cloned(c config.Config) []repos.Cloned {
	var all []repos.Cloned
	for _, r := range c.Repositories {
		if r.Path != "" || r.Source.URL == "" {
			continue
		}
		method, ok := c.Auth.AuthMethods[r.AuthKey]
		if !ok {
			method = c.Auth.Defaults[r.Source.Type]
		}
		auth := authOf(method)
		k := repos.Cloned{
			Name: r.Name, Remotes: []gitrepo.Followed{{Name: "origin", URL: r.Source.URL, Auth: auth}},
			Keep: !r.Sync.PruneDeleted, Select: selection(r.Branches), Manual: r.Sync.Strategy == config.FetchManual, Interval: r.Sync.Interval, Timeout: c.Settings.CloneTimeout,
			MaxSize: int64(min(r.Storage.MaxSize, math.MaxInt64)), Retention: time.Duration(r.Storage.RetentionDays) * 24 * time.Hour, //nolint:gosec // it is within
		}
		if r.Sync.Strategy == config.FetchRecent {
			k.Recent = time.Duration(r.Sync.RecentDays) * 24 * time.Hour
		}
		for _, more := range r.Remotes {
			followed := gitrepo.Followed{Name: more.Name, URL: more.URL, Auth: auth}
			if !slices.Equal(more.FetchRefs, []string{"refs/heads/*"}) { // which is the default
				for _, ref := range more.FetchRefs {
					followed.Refspecs = append(followed.Refspecs, refspec(more.Name, ref))
				}
			}
			k.Remotes = append(k.Remotes, followed)
		}
		all = append(all, k)
	}
	return all
}

// inPlace are the paths of the repositories that the configuration names in place.
func inPlace(c config.Config) []string {
	var all []string
	for _, r := range c.Repositories {
		if r.Path != "" {
			all = append(all, r.Path)
		}
	}
	return all
}

// selection says which branches of a clone are kept.
func selection(b config.Branches) gitrepo.Selection {
	s := gitrepo.Selection{Newest: b.MaxBranches, Upstream: b.Upstream}
	if len(b.ExcludePatterns) == 0 && (len(b.Patterns) == 0 || slices.Contains(b.Patterns, "*")) {
		return s
	}
	matches := func(patterns []string, branch string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return line.Match(p, branch) })
	}
	s.Wants = func(branch string) bool {
		return (len(b.Patterns) == 0 || matches(b.Patterns, branch)) && !matches(b.ExcludePatterns, branch)
	}
	return s
}

// refspec is what is fetched and where to: a whole refspec as the configuration
// has it, or one for a pattern of refs.
func refspec(remote, ref string) string {
	if strings.Contains(ref, ":") {
		return ref
	}
	ref = strings.TrimPrefix(ref, "+")
	return "+" + ref + ":refs/remotes/" + remote + "/" + strings.TrimPrefix(strings.TrimPrefix(ref, "refs/"), "heads/")
}

func authOf(m config.AuthMethod) gitrepo.Auth {
	switch m.Type {
	case config.SSHKey:
		return gitrepo.Auth{KeyFile: m.SSHKeyPath, PassphraseEnv: m.SSHPassphraseEnv}
	case config.Token:
		return gitrepo.Auth{UserEnv: m.UsernameEnv, TokenEnv: m.TokenEnv}
	case config.CredentialHelper:
		return gitrepo.Auth{Helper: m.CredentialHelper}
	}
	return gitrepo.Auth{}
}

// synced makes what was fetched known: a new clone is opened, and the index of
// each follows before whoever asked for the update is told.
func (a *app) synced(ctx context.Context, name, dir string) {
	a.reading.Lock()
	a.declare()
	a.reading.Unlock()
	a.cleanSoon()
	a.registry.OpenDeclared(ctx, dir)
	if r, ok := a.registry.Known(dir); ok {
		if err := r.Index.SettleGraph(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("indexing what was fetched", "repository", name, "error", err)
		}
	}
	a.changed()
}

// gone closes a clone that is about to go.
func (a *app) gone(string) {
	a.reading.Lock()
	defer a.reading.Unlock()
	a.declare()
}

// repositories answers cabhfuil.repositories: all that are known, open or not.
func (a *guest) repositories(ctx context.Context, argument json.RawMessage) (any, error) {
	var p scope
	if err := server.Decode(argument, &p); err != nil {
		return nil, err
	}
	if p.Wait {
		if _, err := a.resolve(ctx, scope{Wait: true}); err != nil {
			return nil, err
		}
		a.settle(ctx)
	}
	list := cli.Repositories{Repositories: []cli.Repository{}}
	for _, r := range a.known() {
		if p.Repository == "" || p.Repository == r.Name {
			list.Repositories = append(list.Repositories, r)
		}
	}
	if p.Repository != "" && len(list.Repositories) == 0 {
		return nil, fmt.Errorf("no repository is called %q; repo list shows all", p.Repository)
	}
	return list, nil
}

// known are all repositories: the open ones, those that cannot be read, and those
// that nothing was cloned of yet.
func (a *guest) known() []cli.Repository {
	clones := map[string]repos.CloneStatus{}
	for _, s := range a.clones.Status() {
		clones[s.Name] = s
	}
	var all []cli.Repository
	add := func(r cli.Repository) {
		if s, ok := clones[r.Name]; ok {
			delete(clones, r.Name)
			r.URL, r.Synced, r.Next, r.Size, r.Used, r.Attention = s.URL, s.Synced, s.Next, s.Size, s.Used, s.Over
			if s.State == repos.CloneCleaned {
				r.Cleaned, r.CleanedReason = s.Cleaned, s.Reason
			}
			if s.State != repos.CloneActive {
				r.State, r.Error = string(s.State), s.Error
			}
		}
		all = append(all, r)
	}
	for _, r := range a.visit.All() {
		add(stateOf(r))
	}
	for _, f := range a.visit.Failures() {
		add(cli.Repository{Name: f.Name, Path: f.Path, State: "error", Error: f.Err.Error()})
	}
	for _, s := range a.clones.Status() {
		if _, left := clones[s.Name]; left {
			add(cli.Repository{Name: s.Name, Path: s.Path, State: string(s.State)})
		}
	}
	return all
}

// syncParams are what cabhfuil.sync takes.
type syncParams struct {
	scope
	Repositories []string `json:"repositories"` // none for all that are not paused
}

// sync answers cabhfuil.sync: it fetches now, and tells how that went.
func (a *guest) sync(ctx context.Context, argument json.RawMessage) (any, error) {
	var p syncParams
	if err := server.Decode(argument, &p); err != nil {
		return nil, err
	}
	if p.Repository != "" {
		p.Repositories = append(p.Repositories, p.Repository)
	}
	results, err := a.clones.SyncAs(ctx, a.network, p.Repositories, true)
	if err != nil {
		return nil, err
	}
	all := cli.Synced{Results: []cli.SyncResult{}}
	for _, r := range results {
		one := cli.SyncResult{Repository: r.Name, DurationMS: r.Duration.Milliseconds()}
		if r.Err != nil {
			one.Error = r.Err.Error()
		}
		all.Results = append(all.Results, one)
	}
	return all, ctx.Err()
}

// repoCommand is about the repositories that are known, and their clones.
func repoCommand(io stdio, g *global) *cobra.Command {
	c := &cobra.Command{
		Use: "repo", Short: "Name, list, fetch, repair, clean up and remove repositories",
		Long: `Name, list, fetch, repair, clean up and remove repositories: an entry of repos.yaml with a source and no path is cloned into the
cache directory, and fetched as its sync says while an editor is open. A repository in place is never fetched.`,
	}
	list := &cobra.Command{
		Use: "list", Short: "List the repositories and how they are", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return listRepositories(cmd.Context(), io, g) },
	}
	info := &cobra.Command{
		Use: "info NAME", Short: "Show one repository", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			g.repo = args[0]
			return listRepositories(cmd.Context(), io, g)
		},
	}
	sync := &cobra.Command{
		Use: "sync [NAME…]", Aliases: []string{"update"}, Short: "Clone or fetch now: the named repositories, or all that are neither paused nor cleaned up",
		RunE: func(cmd *cobra.Command, names []string) error { return syncRepositories(cmd.Context(), io, g, names) },
	}
	c.AddCommand(list, info, addCommand(io, g), removeCommand(io, g), repairCommand(io, g), cleanCommand(io, g), sync, pauseCommand(io, g, "pause", "Fetch a repository only when asked to", true), pauseCommand(io, g, "resume", "Fetch a repository again when it is due", false))
	return c
}

func listRepositories(ctx context.Context, io stdio, g *global) error {
	raw, err := ask(ctx, g, "cabhfuil.repositories", map[string]any{})
	if err != nil {
		return err
	}
	var list cli.Repositories
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	return show(io, g, raw, func(t cli.Text) { t.Repositories(list) })
}

func syncRepositories(ctx context.Context, io stdio, g *global, names []string) error {
	raw, err := ask(ctx, g, "cabhfuil.sync", map[string]any{"repositories": names})
	if err != nil {
		return err
	}
	var all cli.Synced
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	if err := show(io, g, raw, func(t cli.Text) { t.Synced(all) }); err != nil {
		return err
	}
	failed := 0
	for _, r := range all.Results {
		failed += complainOf(r.Repository, r.Error)
	}
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %d repositories could not be fetched", failed, len(all.Results))
	case len(all.Results) == 0:
		return errors.New("nothing is cloned: no entry of repos.yaml has a source and no path, or all are paused")
	}
	return nil
}

// complainOf tells what is wrong with a repository, and counts it: 0 where nothing is.
func complainOf(repository, fault string) int {
	if fault == "" {
		return 0
	}
	cli.Complain(os.Stderr, fmt.Errorf("%s: %s", repository, fault))
	return 1
}

func addCommand(io stdio, g *global) *cobra.Command {
	var name, auth, kind string
	var manual bool
	c := &cobra.Command{
		Use: "add URL|PATH", Short: "Name a repository in repos.yaml", Args: cobra.ExactArgs(1),
		Long: `Name a repository in repos.yaml: one to clone by its address, or one in place by its path. The rest of the file stays as it is.
What is added is cloned at the next repo sync, or while an editor is open.`,
		Example: `  cabhfuil-lsp repo add https://opendev.org/openstack/nova
  cabhfuil-lsp repo add ~/src/linux --name linux`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r := config.NewRepository()
			if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
				if r.Path, err = filepath.Abs(args[0]); err != nil {
					return err
				}
			} else {
				r.Source.URL, r.Source.Type = args[0], kind
			}
			base := filepath.Base(strings.TrimRight(filepath.ToSlash(cmp.Or(r.Path, args[0])), "/"))
			r.Name, r.AuthKey = cmp.Or(name, strings.TrimSuffix(base[strings.LastIndexByte(base, ':')+1:], ".git")), auth
			if manual {
				r.Sync.Strategy = config.FetchManual
			}
			if err := config.Add(cmd.Context(), config.FindDirs(), r); err != nil {
				return err
			}
			return printed(io, g, map[string]any{"repository": r.Name, "path": r.Path, "url": r.Source.URL}, func() error {
				_, err := fmt.Fprintf(io.out, "%s is in repos.yaml.\n", r.Name)
				return err
			})
		},
	}
	c.Flags().StringVar(&name, "name", "", "what to call it, instead of the last part of the address")
	c.Flags().StringVar(&auth, "auth-key", "", "the `METHOD` of auth.yaml that it is fetched with")
	c.Flags().StringVar(&kind, "type", "", "the `KIND` of forge, such as github, gitlab or gerrit")
	c.Flags().BoolVar(&manual, "manual", false, "fetch it only when asked to")
	return c
}

func removeCommand(io stdio, g *global) *cobra.Command {
	var yes, dry bool
	c := &cobra.Command{
		Use: "remove NAME", Short: "Take a repository out of repos.yaml, and delete its clone", Args: cobra.ExactArgs(1),
		Long: `Take a repository out of repos.yaml, and delete its clone with the clone's index. Of a repository in place all stays as it is.`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			name := args[0]
			a := newApp(appOptions{alone: true, log: newLog(g.verbose, slog.LevelError)})
			defer func() { err = errors.Join(err, a.close()) }()
			clone, err := a.clones.Dir(name)
			isClone := err == nil
			index, what := "", "take "+name+" out of repos.yaml"
			if isClone {
				if index, err = a.clones.Index(name); err != nil {
					return err
				}
				what += " and delete " + clone + " and its index"
			}
			said := map[string]any{"repository": name, "clone": clone, "index": index, "removed": !dry}
			if dry {
				return printed(io, g, said, func() error { _, err := fmt.Fprintln(io.out, "would "+what); return err })
			}
			if !yes {
				if err := agree(io, strings.ToUpper(what[:1])+what[1:]+"?"); err != nil {
					return err
				}
			}
			if err := config.Remove(cmd.Context(), a.dirs, name); err != nil {
				return err
			}
			if isClone {
				if !g.private {
					refreshShared(cmd.Context(), a.dirs)
				}
				if err := a.clones.Delete(cmd.Context(), name); err != nil {
					return err
				}
			}
			return printed(io, g, said, func() error { return nil })
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would be removed, and remove nothing")
	return c
}

// pauseCommand changes a clone's record in this process: that is what all others
// read.
func pauseCommand(io stdio, g *global, verb, short string, pause bool) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			a := newApp(appOptions{alone: true, log: newLog(g.verbose, slog.LevelError)})
			defer func() { err = errors.Join(err, a.close()) }()
			if err := a.clones.Pause(args[0], pause); err != nil {
				return err
			}
			return printed(io, g, map[string]any{"repository": args[0], "paused": pause}, func() error { return nil })
		},
	}
}
