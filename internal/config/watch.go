package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// rest is how long the files have to rest before a change is told: editors
	// write in several steps.
	rest = 100 * time.Millisecond
	// poll backs the file events up: they can be lost, some file systems have
	// none, and files may be links to elsewhere.
	poll = 2 * time.Second
)

// Watch signals after one of the files changed, came or went, until ctx ends; then
// the channel is closed. Signals coalesce: one that was not received yet stands
// for all that follow.
func Watch(ctx context.Context, dirs Dirs) <-chan struct{} {
	w := &watcher{dirs: dirs, signals: make(chan struct{}, 1)}
	w.seen = Fingerprint(dirs)
	events, err := fsnotify.NewWatcher()
	if err == nil { // else polling has to do
		w.events = events
		w.attach()
	}
	go w.run(ctx)
	return w.signals
}

type watcher struct {
	dirs    Dirs
	events  *fsnotify.Watcher // nil where there are none
	signals chan struct{}
	seen    string
}

// attach watches the directory, which may not be there yet, or may be another one.
func (w *watcher) attach() {
	if w.events != nil && len(w.events.WatchList()) == 0 {
		_ = w.events.Add(w.dirs.Config) //nolint:errcheck // what cannot be watched is polled
	}
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.signals)
	var changes chan fsnotify.Event
	var lost chan error
	if w.events != nil {
		defer w.events.Close() //nolint:errcheck // nothing is to be lost
		changes, lost = w.events.Events, w.events.Errors
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	rested := time.NewTimer(rest)
	rested.Stop()
	defer rested.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e, open := <-changes:
			if !open {
				changes = nil
			} else if isOurs(filepath.Base(e.Name)) {
				rested.Reset(rest)
			}
		case _, open := <-lost: // such as an overflow: something was missed
			if !open {
				lost = nil
			}
			rested.Reset(rest)
		case <-rested.C:
			w.look()
		case <-ticker.C:
			w.attach()
			w.look()
		}
	}
}

// look signals where the files are others than the last time.
func (w *watcher) look() {
	now := Fingerprint(w.dirs)
	if now == w.seen {
		return
	}
	w.seen = now
	select {
	case w.signals <- struct{}{}:
	default:
	}
}

func allNames() []string { return slices.Concat(reposNames, globalNames, authNames) }

func isOurs(base string) bool { return slices.Contains(allNames(), base) }

// Fingerprint changes when one of the files does.
func Fingerprint(dirs Dirs) string {
	var b strings.Builder
	for _, base := range allNames() {
		if info, err := os.Stat(filepath.Join(dirs.Config, base)); err == nil {
			fmt.Fprintf(&b, "%s %d %d %v\n", base, info.ModTime().UnixNano(), info.Size(), info.Mode())
		}
	}
	return b.String()
}
