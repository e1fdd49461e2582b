package gitrepo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

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
}

func (s *gitSource) startObjects(ctx context.Context, args ...string) (*objects, error) {
	ctx, stop := context.WithCancel(ctx)
	cmd, said := command(ctx, s.viewDir, s.viewEnv(), append([]string{"cat-file"}, args...)...)
	in, err := cmd.StdinPipe()
	if err == nil {
		var out io.ReadCloser
		if out, err = cmd.StdoutPipe(); err == nil {
			if err = cmd.Start(); err == nil {
				return &objects{cmd: cmd, said: said, in: in, out: bufio.NewReaderSize(out, 1<<18), stop: stop, size: s.hashSize}, nil
			}
		}
	}
	stop()
	return nil, fmt.Errorf("starting git cat-file: %w", err)
}

// next reads one answer. The commit is nil for an object that is missing or no
// commit. header is the answer's first line.
func (o *objects) next() (c *history.Commit, header string, err error) {
	line, err := o.out.ReadSlice('\n')
	if err != nil {
		return nil, "", err
	}
	header = string(line[:len(line)-1])
	name, rest, _ := strings.Cut(header, " ")
	kind, digits, ok := strings.Cut(rest, " ")
	if !ok { // "<name> missing", "<name> ambiguous"
		return nil, header, nil
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > maxCommit {
		return nil, header, fmt.Errorf("git cat-file answered %q", header)
	}
	if cap(o.buf) < n+1 {
		o.buf = make([]byte, n+1+n/2)
	}
	o.buf = o.buf[:n+1] // and the newline after the object
	if _, err := io.ReadFull(o.out, o.buf); err != nil {
		return nil, header, err
	}
	if kind != "commit" {
		return nil, header, nil
	}
	h, err := history.ParseHash(name)
	if err != nil {
		return nil, header, fmt.Errorf("git cat-file answered %q", header)
	}
	return parseCommit(h, o.buf[:n]), header, nil
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
		return s.fewCommits(ctx, hashes, fn)
	}
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	o, err := s.startObjects(ctx, "--batch", "--buffer")
	if err != nil {
		return err
	}
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
	err = s.receive(o, len(hashes), fn)
	if err != nil {
		o.kill()
		<-wrote
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("reading commits: %w", err)
	}
	<-wrote
	o.stop()
	_ = o.cmd.Wait() //nolint:errcheck // all answers were read
	return nil
}

func (s *gitSource) receive(o *objects, n int, fn func(*history.Commit) error) error {
	for range n {
		c, _, err := o.next()
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		if err := fn(s.cut(c)); err != nil {
			return err
		}
	}
	return nil
}

// fewCommits asks the process that is kept for single reads. A read that is
// cancelled, or that finds the process dead, ends the process; the next one
// starts another.
func (s *gitSource) fewCommits(ctx context.Context, hashes []history.Hash, fn func(*history.Commit) error) error {
	found := make([]*history.Commit, 0, len(hashes))
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
		return s.receive(o, len(hashes), func(c *history.Commit) error { found = append(found, c); return nil })
	}
	if err := s.withReader(ctx, ask); err != nil {
		return fmt.Errorf("reading commits: %w", err)
	}
	for _, c := range found {
		if err := fn(c); err != nil {
			return err
		}
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
