package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Progress shows long operations while somebody waits. Close takes it away.
type Progress interface {
	// Update tells the state of an operation; percent is 0 while it is not known.
	Update(id, title, message string, percent int, ended bool)
	Close()
}

// NewBars draws a bar an operation, ten times a second at most.
func NewBars(w io.Writer) Progress {
	return &bars{p: mpb.New(mpb.WithOutput(w), mpb.WithWidth(32), mpb.WithRefreshRate(100*time.Millisecond)), bars: map[string]*bar{}}
}

type bars struct {
	p    *mpb.Progress
	mu   sync.Mutex
	bars map[string]*bar
}

type bar struct {
	*mpb.Bar
	mu      sync.Mutex
	message string
}

func (b *bars) Update(id, title, message string, percent int, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.bars[id]
	if one == nil {
		one = &bar{}
		one.Bar = b.p.New(100, mpb.BarStyle().Rbound("").Lbound("").Filler("━").Tip("━").Padding("─"),
			mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(clean(title)+" ")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
				one.mu.Lock()
				defer one.mu.Unlock()
				return " " + one.message
			})))
		b.bars[id] = one
	}
	one.mu.Lock()
	one.message = clean(message)
	one.mu.Unlock()
	one.SetCurrent(int64(min(percent, 99)))
	if ended {
		one.Abort(true)
		delete(b.bars, id)
	}
}

func (b *bars) Close() {
	b.mu.Lock()
	for _, one := range b.bars {
		one.Abort(true)
	}
	b.mu.Unlock()
	b.p.Wait()
}

// NewLines writes a line when an operation begins and at most one in five
// seconds while it goes on: for logs and pipes.
func NewLines(w io.Writer) Progress { return &lines{w: w, last: map[string]time.Time{}} }

type lines struct {
	w    io.Writer
	mu   sync.Mutex
	last map[string]time.Time
}

const lineInterval = 5 * time.Second

func (l *lines) Update(id, title, message string, _ int, ended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, seen := l.last[id]
	switch {
	case !seen:
		fmt.Fprintf(l.w, "%s\n", clean(title))
	case !ended && time.Since(last) < lineInterval:
		return
	case !ended:
		fmt.Fprintf(l.w, "%s: %s\n", clean(title), clean(message))
	}
	l.last[id] = time.Now()
}

func (l *lines) Close() {}
