package repos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
)

// What this file removes is no clone: a clean-up looks for it before it looks at
// the limits.

// leftovers removes what killed processes left.
func (r *cleaning) leftovers(ctx context.Context) {
	old := func(path string, age time.Duration) bool {
		info, err := os.Lstat(path)
		return err == nil && r.now.Sub(info.ModTime()) > age
	}
	for _, k := range r.everyClone() {
		if !isDir(k.dir) && !isDir(k.dir+asideSuffix) && !isDir(k.dir+goneSuffix) {
			continue
		}
		unlock, err := k.tryLock()
		if err != nil {
			continue // it is being fetched
		}
		for _, left := range []string{k.dir + asideSuffix, k.dir + goneSuffix} {
			if isDir(left) {
				r.do(ctx, Waste{Kind: WasteLeftover, Name: k.Name, Path: left, Bytes: treeSize(left), Reason: "a killed process left it", do: r.removal(left)})
			}
		}
		git := gitrepo.Clone{Dir: k.dir}
		if left, err := git.Leftovers(); err == nil && isDir(k.dir) {
			for _, path := range left {
				path = filepath.Join(k.dir, path)
				if info, err := os.Lstat(path); err == nil {
					r.do(ctx, Waste{Kind: WasteLeftover, Name: k.Name, Path: path, Bytes: info.Size(), Reason: "a killed git left it", do: r.removal(path)})
				}
			}
		}
		unlock()
	}
	for _, pattern := range []string{
		filepath.Join(r.c.opt.StateDir, "*.tmp"),
		filepath.Join(r.c.opt.CacheDir, "view", "*", "blame-*"), filepath.Join(r.c.opt.CacheDir, "view", "*", "tmp-*"),
		filepath.Join(r.c.opt.CacheDir, "commits", "*", ".tmp-*"),
	} {
		all, _ := filepath.Glob(pattern) //nolint:errcheck // the patterns are good ones
		for _, path := range all {
			if old(path, staleTemp) {
				r.do(ctx, Waste{Kind: WasteLeftover, Path: path, Bytes: treeSize(path), Reason: "a killed process left it", do: r.removal(path)})
			}
		}
	}
}

// documents removes those of commits that were written long ago: they are written
// again when somebody asks.
func (r *cleaning) documents(ctx context.Context) {
	dirs, _ := filepath.Glob(filepath.Join(r.c.opt.CacheDir, "commits", "*")) //nolint:errcheck // the pattern is a good one
	for _, dir := range dirs {
		var old []string
		var bytes int64
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() && strings.HasSuffix(e.Name(), ".commit") && r.now.Sub(info.ModTime()) > oldText {
				old, bytes = append(old, filepath.Join(dir, e.Name())), bytes+info.Size()
			}
		}
		if len(old) == 0 {
			continue
		}
		r.do(ctx, Waste{Kind: WasteDocument, Name: filepath.Base(dir), Path: dir, Bytes: bytes, Reason: fmt.Sprintf("%d documents of commits, older than %s", len(old), days(oldText)), do: func(context.Context) error {
			var errs []error
			for _, path := range old {
				if !r.opt.DryRun {
					errs = append(errs, os.Remove(path))
				}
			}
			return errors.Join(errs...)
		}})
	}
}

func days(d time.Duration) string { return fmt.Sprintf("%d days", d/(24*time.Hour)) }

// indexes removes those of repositories that are gone or that nobody opens, and
// takes note of the others. ours are those of clones.
func (r *cleaning) indexes(ctx context.Context, ours map[string]bool) {
	entries, err := os.ReadDir(r.c.opt.IndexDir)
	if err != nil {
		return
	}
	clonesDir := real(r.c.opt.Dir)
	for _, e := range entries {
		dir := filepath.Join(r.c.opt.IndexDir, e.Name())
		if !e.IsDir() || ours[dir] {
			continue
		}
		kept, err := index.Look(dir)
		if err != nil || kept.Held || ctx.Err() != nil {
			continue
		}
		idle := r.now.Sub(kept.Used)
		_, gone := os.Stat(kept.Repository)
		missing := kept.Repository != "" && errors.Is(gone, fs.ErrNotExist)
		ofClone := kept.Repository != "" && filepath.Dir(kept.Repository) == clonesDir
		reason := ""
		switch {
		case missing && ofClone:
			reason = "its clone is gone"
		case missing && idle > staleIndex:
			reason = "its repository is gone"
		case kept.Repository == "" && idle > staleIndex:
			reason = "it was never finished"
		case idle > idleIndex && !r.configured(kept.Repository):
			reason = fmt.Sprintf("nobody opened it for %s", days(idle))
		}
		w := Waste{Kind: WasteIndex, Name: cmp.Or(kept.Repository, e.Name()), Path: dir, Bytes: treeSize(dir), Reason: reason, do: func(context.Context) error {
			if r.opt.DryRun {
				return nil
			}
			soon, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return index.Remove(soon, dir)
		}}
		if reason != "" {
			r.do(ctx, w)
			continue
		}
		found := &candidate{waste: w, used: kept.Used, first: kept.Made}
		if idle <= cleanGrace {
			found.fixed = "it was used within a day"
		}
		r.kept = append(r.kept, found)
	}
}

// configured says whether the configuration names a repository in place.
func (r *cleaning) configured(commonDir string) bool {
	r.c.mu.Lock()
	inPlace := r.c.inPlace
	r.c.mu.Unlock()
	return slices.ContainsFunc(inPlace, func(path string) bool { return within(commonDir, real(path)) })
}
