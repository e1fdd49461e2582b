package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// When a process that stays cleans up: a while after it began or something was
// fetched, and once in a while.
const (
	cleanPause = 2 * time.Minute
	cleanOften = 6 * time.Hour
)

// threshold is from how many bytes of a bound on room is made.
func threshold(bound config.Size, c config.Config) int64 {
	return int64(min(float64(bound)*c.Global.Storage.CleanupThreshold, math.MaxInt64/2))
}

// cloneLimits are how much is kept.
func cloneLimits(c config.Config) repos.Limits {
	return repos.Limits{
		Policy: repos.Policy(c.Global.Storage.CleanupPolicy), Clones: threshold(c.Settings.MaxTotalSize, c),
		Cache: threshold(c.Global.Storage.MaxCacheSize, c), Total: threshold(c.Global.Storage.MaxTotalSize, c),
	}
}

// used takes note that an answer came from a repository.
func (a *app) used(name string) {
	if !a.clones.Using(name) {
		return
	}
	a.begin(func() {
		if err := a.clones.Used(name); err != nil {
			a.log.Debug("writing down that a clone is used", "repository", name, "error", err)
		}
	})
}

// cleanSoon says that there may be less room, or that less of it is allowed.
func (a *app) cleanSoon() {
	select {
	case a.crowded <- struct{}{}:
	default:
	}
}

// cleaning cleans up until the app closes: soon after it began and cleanSoon was
// called, and once in a while.
func (a *app) cleaning(soon, often time.Duration) {
	next := time.Now().Add(soon)
	timer := time.NewTimer(soon)
	defer timer.Stop()
	for {
		select {
		case <-a.ctx.Done():
			return
		case <-a.crowded:
			if at := time.Now().Add(soon); at.Before(next) {
				next = at
				timer.Reset(soon)
			}
		case <-timer.C:
			if _, err := a.cleanUp(a.ctx, repos.CleanUp{}); err != nil && a.ctx.Err() == nil && !errors.Is(err, repos.ErrCleaning) {
				a.log.Warn("cleaning up", "error", err)
			}
			next = time.Now().Add(often)
			timer.Reset(often)
		}
	}
}

// cleanUp cleans up clones and indexes, and what of the state directory is beyond
// its limit.
func (a *app) cleanUp(ctx context.Context, opt repos.CleanUp) (all cli.Cleaned, err error) {
	all = cli.Cleaned{DryRun: opt.DryRun, Items: []cli.CleanedItem{}, Over: []string{}}
	a.reading.Lock()
	c := a.config
	a.reading.Unlock()
	state := sizeOf(a.dirs.State)
	if len(opt.Names) == 0 && (opt.ByHand || c.Global.Storage.CleanupPolicy != config.CleanupManual) {
		items := a.cleanState(state, threshold(c.Global.Storage.MaxStateSize, c), opt.DryRun)
		for _, item := range items {
			if item.Error == "" {
				state -= item.Bytes
			}
		}
		all.Items = append(all.Items, items...)
	}
	opt.Other = state
	done, err := a.clones.CleanUp(ctx, opt)
	for _, w := range done.Items {
		item := cli.CleanedItem{Kind: string(w.Kind), Repository: w.Name, Path: w.Path, Bytes: w.Bytes, Reason: w.Reason, Kept: w.Kept}
		if w.Err != nil {
			item.Error = w.Err.Error()
		}
		all.Items = append(all.Items, item)
	}
	for _, item := range all.Items {
		if item.Kept == "" && item.Error == "" {
			all.Freed += item.Bytes
			a.log.Info("cleaned up", "kind", item.Kind, "path", item.Path, "bytes", item.Bytes, "reason", item.Reason, "dryRun", opt.DryRun)
		} else if item.Error != "" {
			a.log.Warn("cleaning up", "kind", item.Kind, "path", item.Path, "error", item.Error)
		}
	}
	all.Clones, all.Cache, all.State, all.Over = done.Clones, done.Cache, state, append(all.Over, done.Over...)
	if !opt.DryRun && len(all.Items) > 0 {
		a.changed()
	}
	return all, err
}

// rotated are the names of log files that no process writes any more.
var rotated = regexp.MustCompile(`^cabhfuil-lsp(\.\d+)?-.*\.log(\.gz)?$`)

// cleanState removes logs, oldest first, and then the oldest tasks of the history,
// until the state directory is below its limit.
func (a *app) cleanState(takes, most int64, dry bool) []cli.CleanedItem {
	var all []cli.CleanedItem
	if takes <= most {
		return nil
	}
	dir := filepath.Join(a.dirs.State, "log")
	type old struct {
		path string
		info fs.FileInfo
	}
	var logs []old
	entries, _ := os.ReadDir(dir) //nolint:errcheck // there is none
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && rotated.MatchString(e.Name()) {
			logs = append(logs, old{filepath.Join(dir, e.Name()), info})
		}
	}
	slices.SortFunc(logs, func(x, y old) int {
		return cmp.Or(x.info.ModTime().Compare(y.info.ModTime()), cmp.Compare(x.path, y.path))
	})
	reason := fmt.Sprintf("the state directory takes %s, of %s", cli.Bytes(takes), cli.Bytes(most))
	for _, l := range logs {
		if takes <= most {
			return all
		}
		item := cli.CleanedItem{Kind: "log", Path: l.path, Bytes: l.info.Size(), Reason: reason}
		if !dry {
			if err := os.Remove(l.path); err != nil {
				item.Error = err.Error()
			}
		}
		if item.Error == "" {
			takes -= item.Bytes
		}
		all = append(all, item)
	}
	if takes > most {
		freed, err := a.history.Shrink(takes-most, dry)
		item := cli.CleanedItem{Kind: "history", Path: filepath.Join(a.dirs.State, "tasks"), Bytes: freed, Reason: reason}
		if err != nil {
			item.Error = err.Error()
		}
		if freed > 0 || err != nil {
			all = append(all, item)
		}
	}
	return all
}

// sizeOf is how many bytes the files below a directory have. It follows no link.
func sizeOf(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error { //nolint:errcheck // what cannot be read counts nothing
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes
}

// cleanParams are what cabhfuil.clean takes.
type cleanParams struct {
	scope
	Repositories []string `json:"repositories"` // these clones, whatever the limits
	DryRun       bool     `json:"dryRun"`
}

// clean answers cabhfuil.clean.
func (a *guest) clean(ctx context.Context, argument json.RawMessage) (any, error) {
	var p cleanParams
	if err := server.Decode(argument, &p); err != nil {
		return nil, err
	}
	if p.Wait {
		select {
		case <-a.configured:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if p.Repository != "" {
		p.Repositories = append(p.Repositories, p.Repository)
	}
	for _, name := range p.Repositories {
		if _, err := a.clones.Dir(name); err != nil && a.open(name) != nil {
			return nil, fmt.Errorf("%s is a repository in place, of which nothing is ever removed", name)
		} else if err != nil {
			return nil, err
		}
	}
	return a.cleanUp(ctx, repos.CleanUp{Names: p.Repositories, DryRun: p.DryRun, ByHand: true})
}

func cleanCommand(io stdio, g *global) *cobra.Command {
	var yes, dry bool
	c := &cobra.Command{
		Use: "clean [NAME…]", Short: "Make room: delete clones that are not used, and what killed processes left",
		Long: `Delete what the limits of repos.yaml and global.yaml say: clones that nobody used for long or that are too large, indexes
of repositories that are gone, and what killed processes left; with names, these clones, whatever the limits.
A repository in place, and a clone that another process has open, are never touched. What was deleted is cloned again by
repo sync NAME, and not by itself. At a terminal all is listed first, and deleted when you agree.

Exits 0 when that is done or there is nothing to do, 1 when you said no, 2 on failure.`,
		Example: `  cabhfuil-lsp repo clean --dry-run
  cabhfuil-lsp repo clean nova --yes`,
		RunE: func(cmd *cobra.Command, names []string) error {
			all, raw, err := askClean(cmd.Context(), g, names, dry || !yes)
			if err != nil {
				return err
			}
			if !dry && !yes && all.Removable() > 0 {
				cli.Text{Out: os.Stderr, Verbose: g.verbose}.Cleaned(all)
				if err := agree(io, "Delete that?"); err != nil {
					return err
				}
				if all, raw, err = askClean(cmd.Context(), g, names, false); err != nil {
					return err
				}
			} else if !dry && !yes { // there is nothing to do, which is done
				all.DryRun = false
				if raw, err = json.Marshal(all); err != nil {
					return err
				}
			}
			if err := show(io, g, raw, func(t cli.Text) { t.Cleaned(all) }); err != nil {
				return err
			}
			failed := 0
			for _, item := range all.Items {
				failed += complainOf(cmp.Or(item.Repository, item.Path), item.Error)
				if len(names) > 0 && item.Kept != "" {
					failed += complainOf(cmp.Or(item.Repository, item.Path), item.Kept)
				}
			}
			if failed > 0 {
				return fmt.Errorf("%d of %d could not be deleted", failed, len(all.Items))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would be deleted, and delete nothing")
	return c
}

func askClean(ctx context.Context, g *global, names []string, dry bool) (all cli.Cleaned, raw json.RawMessage, err error) {
	raw, err = ask(ctx, g, "cabhfuil.clean", map[string]any{"repositories": names, "dryRun": dry})
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	return all, raw, err
}
