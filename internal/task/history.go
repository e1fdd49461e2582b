package task

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
)

// History remembers ended tasks in a file, one JSON object a line, oldest first.
// Several processes may add to one file: each holds a lock for the moment of its
// write. Adding never waits; a goroutine writes. A kill loses what was not written
// yet and may leave half a line, which readers skip, as they do damaged ones.
type History struct {
	file  string
	log   *slog.Logger
	queue chan Info
	done  sync.WaitGroup
	count atomic.Int64
	age   atomic.Int64 // nanoseconds
	lost  atomic.Int64 // that the queue had no room for

	mu     sync.RWMutex // closed is set while nobody sends
	closed bool

	appended int // lines since the last trim; the goroutine's alone
	refused  bool
}

const (
	// queued is how many tasks wait to be written at most; more are dropped, and the
	// log tells.
	queued = 256
	// maxResult bounds a task's result on disk; a larger one is left out.
	maxResult = 16 << 10
	// trimEvery is after how many lines a process looks whether the file is to be
	// trimmed, besides the first that it writes.
	trimEvery = 50
	// lockTime is how long a look at the file or a write waits for other processes.
	lockTime = 2 * time.Second
)

// OpenHistory keeps the history in file, whose directory is made with the first
// task. SetLimits bounds it; Close ends it.
func OpenHistory(file string, log *slog.Logger) *History {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	h := &History{file: file, log: log, queue: make(chan Info, queued)}
	h.SetLimits(1000, 30*24*time.Hour)
	h.done.Go(h.write)
	return h
}

// SetLimits says how many tasks are remembered, and how long.
func (h *History) SetLimits(count int, age time.Duration) {
	h.count.Store(int64(count))
	h.age.Store(int64(age))
}

// Add remembers an ended task, soon.
func (h *History) Add(info Info) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.closed || h.count.Load() == 0 {
		return
	}
	select {
	case h.queue <- info:
	default:
		h.lost.Add(1)
	}
}

// Close writes what was added and ends.
func (h *History) Close() {
	h.mu.Lock()
	closed := h.closed
	h.closed = true
	h.mu.Unlock()
	if !closed {
		close(h.queue)
	}
	h.done.Wait()
}

// write writes what is added, what has gathered meanwhile at once.
func (h *History) write() {
	for info := range h.queue {
		lines := line(nil, info)
		n := 1
		for more := len(h.queue); more > 0; more-- {
			lines = line(lines, <-h.queue)
			n++
		}
		err := h.locked(func() error { return h.append(lines, n) })
		if err != nil && !h.refused { // once, and not for each task on a full disk
			h.log.Warn("the history of tasks is not written", "error", err)
		}
		h.refused = err != nil
		if lost := h.lost.Swap(0); lost > 0 {
			h.log.Warn("tasks are left out of the history", "tasks", lost)
		}
	}
}

func line(lines []byte, info Info) []byte {
	if len(info.Result) > maxResult {
		info.Result = nil
	}
	b, err := json.Marshal(info)
	if err != nil {
		return lines // a value of ours
	}
	return append(append(lines, b...), '\n')
}

// locked does something while no other process writes.
func (h *History) locked(do func() error) error {
	if err := os.MkdirAll(filepath.Dir(h.file), 0o700); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockTime)
	defer cancel()
	lock := flock.New(h.file+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 5*time.Millisecond); err != nil {
		return errors.Join(err, lock.Close())
	}
	return errors.Join(do(), lock.Close())
}

// append adds n lines. The lock is held.
func (h *History) append(lines []byte, n int) (err error) {
	f, err := os.OpenFile(h.file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if size := info.Size(); size > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, size-1); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if last[0] != '\n' { // a kill left half a line
			lines = append([]byte{'\n'}, lines...)
		}
	}
	if _, err := f.Write(lines); err != nil {
		return err
	}
	first := h.appended == 0
	if h.appended += n; first || h.appended > trimEvery {
		h.appended = 1
		return h.trim()
	}
	return nil
}

// trim writes the file anew where it has a tenth more than it should. The lock is held.
func (h *History) trim() error {
	all, lines, err := h.read()
	if err != nil {
		return err
	}
	kept := h.within(all)
	if lines-len(kept) <= len(kept)/10 {
		return nil
	}
	var b []byte
	for _, info := range kept {
		b = line(b, info)
	}
	return h.replace(b)
}

// replace writes the file anew. The lock is held.
func (h *History) replace(b []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(h.file), "history-*.tmp")
	if err != nil {
		return err
	}
	_, err = tmp.Write(b)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), h.file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// Shrink forgets the oldest tasks until the file is smaller by some bytes, or, in a
// dry run, says how much that would free.
func (h *History) Shrink(by int64, dry bool) (freed int64, err error) {
	if _, err := os.Stat(h.file); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	err = h.locked(func() error {
		b, err := os.ReadFile(h.file)
		if err != nil {
			return err
		}
		rest := b
		for freed < by && len(rest) > 0 {
			n := int64(bytes.IndexByte(rest, '\n') + 1)
			if n == 0 {
				n = int64(len(rest))
			}
			rest, freed = rest[n:], freed+n
		}
		if dry || freed == 0 {
			return nil
		}
		return h.replace(rest)
	})
	if err != nil {
		return 0, fmt.Errorf("shrinking the history of tasks: %w", err)
	}
	return freed, nil
}

// within are those of the tasks that the limits leave.
func (h *History) within(all []Info) []Info {
	since := time.Now().Add(-time.Duration(h.age.Load()))
	all = slices.DeleteFunc(all, func(i Info) bool { return i.Ended.Before(since) })
	return all[max(0, len(all)-int(h.count.Load())):]
}

// read reads the file, which need not be there, and counts its lines, the damaged ones too.
func (h *History) read() (all []Info, lines int, err error) {
	b, err := os.ReadFile(h.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	for text := range bytes.Lines(b) {
		lines++
		var info Info
		if json.Unmarshal(text, &info) == nil && info.ID != "" && info.State.Ended() {
			if string(info.Result) == "null" {
				info.Result = nil
			}
			all = append(all, info)
		}
	}
	return all, lines, err
}

// List are the tasks that are remembered, oldest first, by whatever process.
func (h *History) List() ([]Info, error) {
	if _, err := os.Stat(h.file); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Info
	err := h.locked(func() (err error) {
		all, _, err = h.read()
		return err
	})
	if err != nil {
		// A directory that cannot be written has no lock, and can be read.
		var unlocked error
		if all, _, unlocked = h.read(); unlocked != nil {
			return nil, fmt.Errorf("reading the history of tasks: %w", err)
		}
	}
	return h.within(all), nil
}
