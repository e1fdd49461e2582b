package index

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/blevesearch/bleve/v2/index/scorch"
)

// failure is why a text index is given up. The feeder mends it.
type failure struct {
	err     error
	damaged bool // its files, so that it is built anew
	stuck   bool // Bleve's goroutines ended in a panic: nobody can wait for them
}

// ErrDamaged is returned by searches that met a damage of the text index. It is
// built anew from then on.
var ErrDamaged = errors.New("the text index is damaged and is being built anew")

// mendable says that the text index may be built anew. Else there was no room.
func (f *failure) mendable() bool { return f != nil && (f.damaged || f.stuck) }

// fail gives the text index up, for the first reason that there is.
func (w *words) fail(f failure) {
	w.failing.Do(func() {
		w.failure = &f
		close(w.failed)
		// Who feeds a full disk learns of it, and would try again at once and for ever
		// if it were called for that.
		if w.onFail != nil && (f.mendable() || !w.feeding.Load()) {
			w.onFail()
		}
	})
}

// failedWith is why the text index is given up, or nil.
func (w *words) failedWith() *failure {
	select {
	case <-w.failed:
		return w.failure
	default:
		return nil
	}
}

// spoilt is for what Bleve says when a reading fails, which only damage explains.
func (w *words) spoilt(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if f := w.failedWith(); f != nil { // then Bleve closed what was being read
		return f.err
	}
	err = fmt.Errorf("%w: %w", ErrDamaged, err)
	w.fail(failure{err: err, damaged: true})
	return err
}

// contain, deferred, turns a panic or a fault in Bleve into an error. Files are
// checked before they are opened, so this is for what happens to them later.
func contain(w *words, err *error) {
	p := recover()
	if p == nil {
		return
	}
	*err = fmt.Errorf("panic: %v", p)
	if w != nil {
		*err = w.spoilt(context.Background(), *err)
	}
}

// contained runs fn, whose panics are no news.
func contained(fn func() error) (err error) {
	defer contain(nil, &err)
	return fn()
}

// faults lets faults in mapped files of this goroutine be panics, which contain
// catches: a file that was cut while it is mapped. Call and defer the result.
func faults() (restore func()) {
	before := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(before) }
}

// Bleve tells of errors in its own goroutines through a table of functions that
// it reads by name whenever an index is opened, and gives the index's path. The
// goroutine that failed calls.
const failureCallback = "cabhfuil"

var (
	registerOnce sync.Once
	watched      sync.Map // path of a text index's store -> *words
)

// registerFailures is called before each opening: the table may not change later.
func registerFailures() {
	registerOnce.Do(func() {
		scorch.RegistryAsyncErrorCallbacks[failureCallback] = func(err error, path string) {
			w, ok := watched.Load(path)
			if !ok || errors.Is(err, scorch.ErrCleanup) {
				return
			}
			stuck := errors.Is(err, scorch.ErrAsyncPanic)
			w.(*words).fail(failure{err: fmt.Errorf("writing the text index: %w", err), stuck: stuck})
			if !stuck {
				// It would try again at once and for ever, and merge segments in memory
				// that its Batch closes when writing fails, which ends the process.
				runtime.Goexit()
			}
		}
	})
}

func watchFailures(w *words)   { watched.Store(filepath.Join(w.dir, "store"), w) }
func unwatchFailures(w *words) { watched.CompareAndDelete(filepath.Join(w.dir, "store"), w) }
