package gitrepo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cores"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo/packed"
)

// walk reads a whole history straight from the packs, and asks git where that
// does not do, and for what is new behind known commits. Where git fails too,
// since the history has gaps, the slow way is left.
func (s *gitSource) walk(ctx context.Context, want, have []history.Hash, fn func(*history.Commit) error) error {
	if len(want) == 0 {
		return nil
	}
	var given map[history.Hash]bool
	if len(have) == 0 && !s.plumbing {
		var err error
		if given, err = s.unpacked(ctx, want, fn); !errors.Is(err, packed.ErrElsewhere) {
			return err
		}
	}
	if given == nil {
		given = map[history.Hash]bool{}
	}
	var refused error
	once := func(c *history.Commit) error {
		if given[c.Hash] {
			return nil
		}
		given[c.Hash] = true
		refused = fn(c)
		return refused
	}
	err := s.listed(ctx, want, have, once)
	var failed *gitError
	if err == nil || refused != nil || ctx.Err() != nil || !errors.Is(err, errGap) && !errors.As(err, &failed) {
		return err
	}
	return s.around(ctx, want, have, once)
}

// errGap says that git listed a commit and could not read it.
var errGap = errors.New("a commit is missing")

// around walks a history with gaps: each commit is read by its name, and what
// cannot be read ends its branch of the walk. git itself refuses such a walk.
func (s *gitSource) around(ctx context.Context, want, have []history.Hash, fn func(*history.Commit) error) error {
	seen := map[history.Hash]bool{}
	if err := s.gather(ctx, have, seen, func(*history.Commit) error { return nil }); err != nil {
		return err
	}
	return s.gather(ctx, want, seen, fn)
}

// gather calls fn with the readable commits behind tips that are not seen.
func (s *gitSource) gather(ctx context.Context, tips []history.Hash, seen map[history.Hash]bool, fn func(*history.Commit) error) error {
	var todo, elsewhere []history.Hash
	push := func(hashes []history.Hash) {
		for _, h := range hashes {
			if !seen[h] {
				seen[h] = true
				todo = append(todo, h)
			}
		}
	}
	found := func(c *history.Commit) error {
		push(c.Parents)
		return fn(c)
	}
	read := func([]byte) ([]byte, error) { return nil, packed.ErrElsewhere }
	if store, err := packed.Open(s.loc.ObjectsDir, s.hashSize); err == nil {
		defer store.Close() //nolint:errcheck // mappings end
		read = store.NewReader().Commit
	}
	for push(tips); len(todo) > 0 || len(elsewhere) > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(todo) == 0 { // git knows more formats than we do
			ask := elsewhere
			elsewhere = nil
			if err := s.commits(ctx, ask, found); err != nil {
				return err
			}
			continue
		}
		h := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		content, err := read(h.Bytes())
		if err != nil {
			elsewhere = append(elsewhere, h)
			continue
		}
		if err := found(s.cut(parseCommit(h, content))); err != nil {
			return err
		}
	}
	return nil
}

// packWalk is a walk over packed and loose objects by several goroutines.
type packWalk struct {
	src *gitSource
	fn  func(*history.Commit) error

	mu    sync.Mutex
	more  *sync.Cond            // queue, busy or err changed
	seen  map[history.Hash]bool // true for those given to fn
	queue []history.Hash        // seen and not read
	busy  int                   // readers that may find more
	err   error
}

// share is how many commits a reader takes from the queue at once.
const share = 32

// unpacked walks until all is read, ctx ends, or a commit is not in the packs:
// packed.ErrElsewhere. given has true for the commits that fn got.
func (s *gitSource) unpacked(ctx context.Context, want []history.Hash, fn func(*history.Commit) error) (given map[history.Hash]bool, err error) {
	store, err := packed.Open(s.loc.ObjectsDir, s.hashSize)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", packed.ErrElsewhere, err)
	}
	w := &packWalk{src: s, fn: fn, seen: make(map[history.Hash]bool, 1<<16)}
	w.more = sync.NewCond(&w.mu)
	for _, h := range want {
		w.push(h)
	}
	unhook := context.AfterFunc(ctx, func() { w.fail(ctx.Err()) })
	var readers sync.WaitGroup
	for range min(cores.Count(), maxReaders) {
		readers.Go(func() { w.read(store.NewReader()) })
	}
	readers.Wait()
	if !unhook() {
		w.fail(ctx.Err()) // the hook may still be on its way
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen, errors.Join(w.err, store.Close())
}

// maxReaders bounds the goroutines of a walk; handing on what they read is
// one at a time.
const maxReaders = 8

func (w *packWalk) push(h history.Hash) {
	if _, known := w.seen[h]; !known {
		w.seen[h] = false
		w.queue = append(w.queue, h)
	}
}

func (w *packWalk) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	w.more.Broadcast()
}

func (w *packWalk) read(r *packed.Reader) {
	var batch []history.Hash
	var commits []*history.Commit
	var name []byte
	for {
		if batch = w.next(batch); len(batch) == 0 {
			return
		}
		commits = commits[:0]
		for _, h := range batch {
			name = h.AppendBytes(name[:0])
			content, err := r.Commit(name)
			if err != nil {
				w.fail(err)
				break
			}
			commits = append(commits, w.src.cut(parseCommit(h, content)))
		}
		w.hand(commits)
	}
}

// next takes a share of the queue; it is empty when the walk is over.
func (w *packWalk) next(batch []history.Hash) []history.Hash {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 && w.busy > 0 && w.err == nil {
		w.more.Wait()
	}
	if w.err != nil || len(w.queue) == 0 {
		w.more.Broadcast()
		return nil
	}
	n := min(share, (len(w.queue)+1)/2)
	rest := len(w.queue) - n
	batch = append(batch[:0], w.queue[rest:]...)
	w.queue = w.queue[:rest]
	w.busy++
	return batch
}

// hand gives what a reader read to fn and queues the parents.
func (w *packWalk) hand(commits []*history.Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy--
	for _, c := range commits {
		if w.err != nil {
			break
		}
		w.seen[c.Hash] = true
		w.err = w.fn(c)
		for _, p := range c.Parents {
			w.push(p)
		}
	}
	w.more.Broadcast()
}

// listed lets rev-list choose the commits and cat-file read them: that is faster
// than rev-list --header, since the two processes and the parser run side by side.
func (s *gitSource) listed(ctx context.Context, want, have []history.Hash, fn func(*history.Commit) error) error {
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// --ignore-missing would also hide a missing parent of a wanted commit, so
	// only those in have that exist are named.
	have, err = s.present(ctx, have)
	if err != nil {
		return err
	}
	var revs strings.Builder
	for _, h := range want {
		fmt.Fprintf(&revs, "%s\n", h)
	}
	for _, h := range have {
		fmt.Fprintf(&revs, "^%s\n", h)
	}
	list, listSaid := command(ctx, s.viewDir, s.viewEnv(), "rev-list", "--stdin")
	list.Env = append(list.Env, "GIT_FLUSH=0") // a write for each commit would cost a fifth
	list.Stdin = strings.NewReader(revs.String())
	read, readSaid := command(ctx, s.viewDir, s.viewEnv(), "cat-file", "--batch", "--buffer")
	pr, pw, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("starting git rev-list: %w", err)
	}
	list.Stdout, read.Stdin = pw, pr
	out, err := read.StdoutPipe()
	if err == nil {
		err = list.Start()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("starting git rev-list: %w", err), pr.Close(), pw.Close())
	}
	if err = read.Start(); err != nil {
		cancel()
		return errors.Join(fmt.Errorf("starting git cat-file: %w", err), pr.Close(), pw.Close(), list.Wait())
	}
	// Both ends belong to the processes now.
	if err := errors.Join(pr.Close(), pw.Close()); err != nil {
		return err
	}
	o := &objects{cmd: read, out: bufio.NewReaderSize(out, 1<<18), size: s.hashSize}
	var failed error
	for failed == nil {
		c, header, err := o.next()
		if errors.Is(err, io.EOF) {
			break
		}
		switch {
		case err != nil:
			failed = err
		case c == nil:
			failed = fmt.Errorf("%w: %s", errGap, header)
		default:
			failed = fn(s.cut(c))
		}
	}
	if failed != nil {
		cancel()
	}
	listErr, readErr := list.Wait(), read.Wait()
	if errors.Is(failed, io.ErrUnexpectedEOF) && readErr != nil { // git died of an object
		failed = nil
	}
	switch {
	case failed != nil:
		return failed
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case listErr != nil:
		return &gitError{list.Args[1:], listSaid.String(), listErr}
	case readErr != nil:
		return &gitError{read.Args[1:], readSaid.String(), readErr}
	}
	return nil
}
