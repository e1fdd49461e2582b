package index

import (
	"fmt"

	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// part is a kind of background work that somebody may cancel. It rests then, so
// that the next change of a ref does not begin it again, until it is asked for: by
// somebody who waits for it, by Reindex, or by another start of the program. What
// was done before the cancellation is kept and answers.
type part int

const (
	partGraph part = iota
	partWords
	partPaths
	partContents
	parts
)

// doing is what the parts do, for errors.
var doing = [parts]string{"reading commits", "indexing words", "indexing paths", "comparing contents"}

// stopped is the error of a part that rests.
func (p part) stopped() error {
	return fmt.Errorf("%s: %w; it goes on when a command waits for it, or with repo repair", doing[p], task.ErrCancelled)
}

// faultOf is where the error of a part stands. x.mu is held.
func (x *Index) faultOf(p part) *error {
	return [parts]*error{&x.err, &x.wordErr, &x.pathErr, &x.compareErr}[p]
}

// rest lets a part rest, and says so to those who wait for it.
func (x *Index) rest(p part) {
	x.log.Info("cancelled", "task", doing[p])
	x.notify(func() { x.rests[p], *x.faultOf(p) = true, p.stopped() })
}

// resume lets parts that rest go on.
func (x *Index) resume(parts ...part) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, p := range parts {
		if x.rests[p] {
			x.rests[p], *x.faultOf(p) = false, nil
		}
	}
}
