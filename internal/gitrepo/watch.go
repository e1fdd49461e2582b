package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// pollInterval backs the file events up: they can be lost, and some file
// systems have none.
const pollInterval = 2 * time.Second

// maxWatched bounds the directories that are watched; beyond, polling has to do.
const maxWatched = 2048

// Watch signals after refs may have changed, until ctx ends; then the channel is
// closed. Signals coalesce: one that was not received yet stands for all that
// follow. File events are not recursive, so each directory below refs is watched.
func (r *Repository) Watch(ctx context.Context) (<-chan struct{}, error) {
	w := &watcher{loc: r.loc, signals: make(chan struct{}, 1)}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", r.loc.CommonDir, err)
	}
	w.events = events
	if err := events.Add(r.loc.CommonDir); err != nil {
		return nil, errors.Join(fmt.Errorf("watching %s: %w", r.loc.CommonDir, err), events.Close())
	}
	w.addBelow(filepath.Join(r.loc.CommonDir, "refs"))
	w.addBelow(filepath.Join(r.loc.CommonDir, "reftable"))
	w.addBelow(filepath.Join(r.loc.CommonDir, "worktrees"))
	w.seen = w.fingerprint()
	go w.run(ctx)
	return w.signals, nil
}

type watcher struct {
	loc     Location
	events  *fsnotify.Watcher
	signals chan struct{}
	watched int
	seen    uint64
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.signals)
	defer w.events.Close() //nolint:errcheck // nothing is to be lost
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e, open := <-w.events.Events:
			if !open {
				return
			}
			if e.Has(fsnotify.Create) {
				if info, err := os.Stat(e.Name); err == nil && info.IsDir() && w.isRefDir(e.Name) {
					// Files may be in it already, from before it was watched.
					w.addBelow(e.Name)
					w.signal()
				}
			}
			if w.matters(e.Name) {
				w.signal()
			}
		case _, open := <-w.events.Errors: // such as an overflow: something was missed
			if !open {
				return
			}
			w.signal()
		case <-poll.C:
			if now := w.fingerprint(); now != w.seen {
				w.seen = now
				w.signal()
			}
		}
	}
}

func (w *watcher) signal() {
	select {
	case w.signals <- struct{}{}:
	default:
	}
}

// in is a path as the repository's directory has it, with slashes; "" elsewhere.
func (w *watcher) in(file string) string {
	rel, err := filepath.Rel(w.loc.CommonDir, file)
	if err != nil {
		return ""
	}
	return filepath.ToSlash(rel)
}

func (w *watcher) isRefDir(file string) bool {
	rel := w.in(file)
	return rel == "refs" || rel == "reftable" || strings.HasPrefix(rel, "refs/") || isLinked(rel)
}

// isLinked says whether it is worktrees, or the git directory of a linked work
// tree, in which HEAD alone matters.
func isLinked(rel string) bool { return rel == "worktrees" || path.Dir(rel) == "worktrees" }

// matters leaves out what git writes besides refs: objects, locks, the index.
func (w *watcher) matters(file string) bool {
	if strings.HasSuffix(file, ".lock") {
		return false
	}
	switch rel := w.in(file); {
	case rel == "HEAD" || rel == "packed-refs" || rel == "shallow":
		return true
	case isLinked(path.Dir(rel)):
		return path.Base(rel) == "HEAD"
	}
	return w.isRefDir(file)
}

func (w *watcher) addBelow(dir string) {
	//nolint:errcheck // what cannot be watched is polled
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // refs come and go
		}
		if w.watched >= maxWatched {
			return filepath.SkipAll
		}
		if !w.isRefDir(path) {
			return filepath.SkipDir // logs of a linked work tree
		}
		if w.events.Add(path) == nil {
			w.watched++
		}
		return nil
	})
}

// fingerprint changes when a ref's file or a directory of refs does.
func (w *watcher) fingerprint() uint64 {
	var h maphash.Hash
	h.SetSeed(fingerprintSeed)
	add := func(path string, info fs.FileInfo) {
		fmt.Fprintf(&h, "%s %d %d\n", path, info.ModTime().UnixNano(), info.Size())
	}
	for _, name := range []string{"HEAD", "packed-refs", "shallow"} {
		if info, err := os.Stat(filepath.Join(w.loc.CommonDir, name)); err == nil {
			add(name, info)
		}
	}
	//nolint:errcheck // the pattern is good
	linked, _ := filepath.Glob(filepath.Join(w.loc.CommonDir, "worktrees", "*", "HEAD"))
	for _, path := range linked {
		if info, err := os.Stat(path); err == nil {
			add(path, info)
		}
	}
	for _, name := range []string{"refs", "reftable"} {
		//nolint:errcheck // refs come and go
		_ = filepath.WalkDir(filepath.Join(w.loc.CommonDir, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil //nolint:nilerr // refs come and go
			}
			if info, err := d.Info(); err == nil {
				add(path, info)
			}
			return nil
		})
	}
	return h.Sum64()
}

var fingerprintSeed = maphash.MakeSeed()
