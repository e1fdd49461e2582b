package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // git's object names
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// maxCommit bounds the size of a commit object that is read: git makes them of
// any size, and a hostile one must not take all memory.
const maxCommit = 64 << 20

// objects is one `git cat-file --batch` process: names go in, objects come out
// in the same order (git-cat-file(1), "BATCH OUTPUT").
type objects struct {
	cmd  *exec.Cmd
	said *tail
	in   io.WriteCloser
	out  *bufio.Reader
	stop context.CancelFunc
	size int // bytes of an object name
	buf  []byte
	// broken is why no more answers come; nil while they do.
	broken error
}

// baseCache bounds what a git process keeps of the objects that others are deltas
// of. git's own bound of 96 MB is no faster where they are asked for in some order.
const baseCache = "core.deltaBaseCacheLimit=16m"

func (s *gitSource) startObjects(ctx context.Context, args ...string) (*objects, error) {
	ctx, stop := context.WithCancel(ctx)
	cmd, said := command(ctx, s.viewDir, s.viewEnv(), append([]string{"-c", baseCache, "cat-file"}, args...)...)
	in, err := cmd.StdinPipe()
	if err == nil {
		var out io.ReadCloser
		if out, err = cmd.StdoutPipe(); err == nil {
			if slices.Contains(args, "--buffer") {
				widen(out)
			}
			if err = cmd.Start(); err == nil {
				return &objects{cmd: cmd, said: said, in: in, out: bufio.NewReaderSize(out, 1<<18), stop: stop, size: s.hashSize}, nil
			}
		}
	}
	stop()
	return nil, fmt.Errorf("starting git cat-file: %w", err)
}

// nextRaw reads one answer: the object's kind and content, which hold until the
// next reading. kind is "" for an object that is missing, and for one of more
// than most bytes, which is passed over. header is the answer's first line.
func (o *objects) nextRaw(most int) (kind string, content []byte, header string, err error) {
	line, err := o.out.ReadSlice('\n')
	if err != nil {
		return "", nil, "", err
	}
	header = string(line[:len(line)-1])
	_, rest, _ := strings.Cut(header, " ")
	kind, digits, ok := strings.Cut(rest, " ")
	if !ok { // "<name> missing", "<name> ambiguous"
		return "", nil, header, nil
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return "", nil, header, fmt.Errorf("git cat-file answered %q", header)
	}
	if n > most {
		_, err := io.CopyN(io.Discard, o.out, int64(n)+1)
		return "", nil, header, err
	}
	if cap(o.buf) < n+1 {
		o.buf = make([]byte, n+1+n/2)
	}
	o.buf = o.buf[:n+1] // and the newline after the object
	if _, err := io.ReadFull(o.out, o.buf); err != nil {
		return "", nil, header, err
	}
	return kind, o.buf[:n], header, nil
}

// next reads one answer. The commit is nil for an object that is missing or no
// commit. header is the answer's first line.
func (o *objects) next() (c *history.Commit, header string, err error) {
	kind, content, header, err := o.nextRaw(maxCommit)
	if err != nil || kind != "commit" {
		return nil, header, err
	}
	name, _, _ := strings.Cut(header, " ")
	h, err := history.ParseHash(name)
	if err != nil {
		return nil, header, fmt.Errorf("git cat-file answered %q", header)
	}
	if !named(h, content) { // git does not look
		return nil, header + ", which has another content", nil
	}
	return parseCommit(h, content), header, nil
}

// named says whether a commit with this content has this name.
func named(h history.Hash, content []byte) bool {
	sum := sha1.New() //nolint:gosec // git's object names
	if h.Size() == sha256.Size {
		sum = sha256.New()
	}
	fmt.Fprintf(sum, "commit %d\x00", len(content))
	_, _ = sum.Write(content) //nolint:errcheck // hashes do not fail
	var buf [sha256.Size]byte
	return bytes.Equal(sum.Sum(buf[:0]), h.Bytes())
}

// isDamage says whether git failed since it came upon an object that it could
// not read, and not for a reason of this machine.
func isDamage(err error) bool {
	var failed *gitError
	if !errors.As(err, &failed) {
		return false
	}
	for _, sign := range []string{"corrupt", "bad object", "unable to unpack", "inflate", "disappeared", "changed type", "changed size", "could not get object info", "bad packed object", "bad offset", "unable to read", "could not parse"} {
		if strings.Contains(failed.said, sign) {
			return true
		}
	}
	return false
}

// ask writes names in the background and ends the input. The channel gets one
// value, when all is written or the process is gone.
func (o *objects) ask(hashes []history.Hash) <-chan error {
	wrote := make(chan error, 1)
	go func() {
		w := bufio.NewWriterSize(o.in, 1<<16)
		var err error
		for _, h := range hashes {
			if _, err = w.WriteString(h.String() + "\n"); err != nil {
				break
			}
		}
		wrote <- errors.Join(err, w.Flush(), o.in.Close())
	}()
	return wrote
}

// kill ends the process without waiting for its answers.
func (o *objects) kill() {
	o.stop()
	_ = o.in.Close() //nolint:errcheck // it is being killed
	_ = o.cmd.Wait() //nolint:errcheck // it is being killed
}

// bulk is how many commits are worth a process of their own, which reads ahead.
const bulk = 64

func (s *gitSource) commits(ctx context.Context, hashes []history.Hash, fn func(*history.Commit) error) error {
	if len(hashes) == 0 {
		return nil
	}
	if len(hashes) < bulk {
		return s.recentCommits(ctx, hashes, fn)
	}
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	release = sync.OnceFunc(release)
	defer release()
	o, err := s.startObjects(ctx, "--batch", "--buffer")
	if err != nil {
		return err
	}
	wrote := o.ask(hashes)
	n, err := s.receive(o, len(hashes), func(c *history.Commit) error { return fn(s.cut(c)) })
	if err == nil {
		<-wrote
		o.stop()
		_ = o.cmd.Wait() //nolint:errcheck // all answers were read
		return nil
	}
	o.kill()
	<-wrote
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if o.broken == nil { // fn's own error
		return fmt.Errorf("reading commits: %w", err)
	}
	// git dies of a damaged object: this one alone, and then the rest.
	release()
	few := hashes[n:min(n+bulk-1, len(hashes))]
	if err := s.fewCommits(ctx, few, func(c *history.Commit) error { return fn(s.cut(c)) }); err != nil {
		return err
	}
	return s.commits(ctx, hashes[n+len(few):], fn)
}

// What is remembered of single reads: commits never change, and who hovers over one
// comes back to it. Messages beyond some size are read again.
const (
	maxRecent        = 2048
	maxRecentMessage = 16 << 10
)

// recentCommits is fewCommits for who asks for the same ones again and again.
func (s *gitSource) recentCommits(ctx context.Context, hashes []history.Hash, fn func(*history.Commit) error) error {
	found := make(map[history.Hash]*history.Commit, len(hashes))
	var absent []history.Hash
	for _, h := range hashes {
		if c, ok := s.recent.Get(h); ok {
			found[h] = c
		} else {
			absent = append(absent, h)
		}
	}
	if len(absent) > 0 {
		err := s.fewCommits(ctx, absent, func(c *history.Commit) error {
			found[c.Hash] = c
			if len(c.Message) <= maxRecentMessage {
				s.recent.Add(c.Hash, c)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, h := range hashes {
		if c := found[h]; c != nil {
			mine := *c // what is remembered is nobody's to change
			if err := fn(s.cut(&mine)); err != nil {
				return err
			}
		}
	}
	return nil
}

// receive hands n answers on, and says how many it got.
func (s *gitSource) receive(o *objects, n int, fn func(*history.Commit) error) (got int, err error) {
	for got = range n {
		c, _, err := o.next()
		if err != nil {
			o.broken = err
			return got, err
		}
		if c == nil {
			continue
		}
		if err := fn(c); err != nil {
			return got, err
		}
	}
	return n, nil
}

// fewCommits asks the process that is kept for single reads. A read that is
// cancelled, or that finds the process dead, ends the process; the next one
// starts another. Where git dies of a damaged object, the others are asked for
// without it.
func (s *gitSource) fewCommits(ctx context.Context, hashes []history.Hash, fn func(*history.Commit) error) error {
	found, got := make([]*history.Commit, 0, len(hashes)), 0
	ask := func(o *objects) error {
		var b strings.Builder
		for _, h := range hashes {
			b.WriteString(h.String())
			b.WriteByte('\n')
		}
		if _, err := io.WriteString(o.in, b.String()); err != nil {
			return err
		}
		found = found[:0]
		var err error
		got, err = s.receive(o, len(hashes), func(c *history.Commit) error { found = append(found, c); return nil })
		return err
	}
	err := s.withReader(ctx, ask)
	if err != nil && !isDamage(err) {
		return fmt.Errorf("reading commits: %w", err)
	}
	for _, c := range found {
		if err := fn(c); err != nil {
			return err
		}
	}
	if err != nil && got+1 < len(hashes) {
		return s.fewCommits(ctx, hashes[got+1:], fn)
	}
	return nil
}

// withReader runs ask on the kept process, and once more on a new one where the
// old one had died.
func (s *gitSource) withReader(ctx context.Context, ask func(*objects) error) error {
	select {
	case s.reader <- struct{}{}:
		defer func() { <-s.reader }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for attempt := 0; ; attempt++ {
		if s.kept == nil {
			o, err := s.startObjects(s.ctx, "--batch")
			if err != nil {
				return err
			}
			s.kept = o
		}
		o := s.kept
		unhook := context.AfterFunc(ctx, o.stop)
		err := ask(o)
		if unhook() && err == nil {
			return nil
		}
		o.kill()
		s.kept = nil
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case s.ctx.Err() != nil:
			return s.ctx.Err()
		case attempt > 0:
			return &gitError{[]string{"cat-file"}, o.said.String(), err}
		}
	}
}
