package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// diffTree runs one git diff-tree over the commits, and read on what it prints. It
// is errUnread where git ended at an object that is not there.
func (s *gitSource) diffTree(ctx context.Context, hashes []history.Hash, read func(io.Reader) error, options ...string) error {
	select { // apart from the slots of acquire: questions never wait for this
	case s.changers <- struct{}{}:
		defer func() { <-s.changers }()
	case <-ctx.Done():
		return ctx.Err()
	}
	asked := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	args := append([]string{"diff-tree", "--stdin", "--root", "--always", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"}, options...)
	cmd, said := command(ctx, s.viewDir, s.viewEnv(), args...)
	var names strings.Builder
	for _, h := range hashes {
		names.WriteString(h.String())
		names.WriteByte('\n')
	}
	cmd.Stdin = strings.NewReader(names.String())
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("starting git diff-tree: %w", err)
	}
	stalled := time.AfterFunc(processTimeout, func() { cancel(context.DeadlineExceeded) })
	defer stalled.Stop()
	readErr := read(&awaited{out, stalled})
	stuck := context.Cause(ctx)
	if readErr != nil {
		cancel(nil)
	}
	waitErr := cmd.Wait()
	switch {
	case asked.Err() != nil:
		return asked.Err()
	case stuck != nil:
		return fmt.Errorf("git diff-tree: %w", stuck)
	case readErr != nil && !errors.Is(readErr, io.ErrUnexpectedEOF):
		return readErr
	case waitErr != nil && missingObject(said.String()):
		return errUnread
	case waitErr != nil:
		return &gitError{args, said.String(), waitErr}
	case readErr != nil:
		return fmt.Errorf("git diff-tree: %w", readErr)
	}
	return nil
}

// errUnread says that git ended at a commit whose trees are not all there.
var errUnread = errors.New("objects are missing")

// missingObject says whether git complained of an object that is not there.
func missingObject(said string) bool {
	for _, text := range []string{"unable to read", "bad object", "missing", "could not"} {
		if strings.Contains(said, text) {
			return true
		}
	}
	return false
}

// awaited is what a process prints. While somebody waits for that, a timer runs
// which ends a process that prints nothing.
type awaited struct {
	io.Reader
	stalled *time.Timer
}

func (a *awaited) Read(p []byte) (int, error) {
	a.stalled.Reset(processTimeout)
	defer a.stalled.Stop()
	return a.Reader.Read(p)
}

// maxGaps bounds how often one reading goes on behind an object that is missing:
// each time takes a new process. What is behind the last one is left out.
const maxGaps = 20

// entries calls fn with each of the commits, in the order asked, and what entry
// makes of the files that diff-tree --raw -r tells of it. Commits that cannot be
// read are left out.
func entries[T any](ctx context.Context, s *gitSource, hashes []history.Hash, options []string, entry func(list []T, field, path []byte) ([]T, error), fn func(history.Hash, []T) error) error {
	if s == nil {
		return ErrNeedsGit
	}
	// n is the place of the first that was neither handed on nor left out; where
	// it ends with errUnread, git could not read that one or, if that one is whole,
	// the one after it.
	read := func(hashes []history.Hash) (n int, err error) {
		var last func() error // hands on the last commit, which is whole if git ends well
		err = s.diffTree(ctx, hashes, func(out io.Reader) error {
			return readEntries(bufio.NewReaderSize(out, 1<<16), entry, func(h history.Hash, list []T, end bool) error {
				for n < len(hashes) && hashes[n] != h {
					n++
				}
				if n == len(hashes) {
					return fmt.Errorf("git diff-tree: %s was not asked for", h)
				}
				if end {
					last = func() error { return fn(h, list) }
					return nil
				}
				n++
				return fn(h, list)
			})
		}, append([]string{"--raw", "-z", "-r"}, options...)...)
		if err == nil && last != nil {
			err = last()
		}
		if err == nil {
			n = len(hashes)
		}
		return n, err
	}
	for range maxGaps {
		if len(hashes) == 0 {
			return nil
		}
		n, err := read(hashes)
		if errors.Is(err, errUnread) && len(hashes) > 1 {
			// It is this commit or, where git had no more than named it, the next.
			_, err = read(hashes[n : n+1])
		}
		if err != nil && !errors.Is(err, errUnread) {
			return err
		}
		hashes = hashes[min(n+1, len(hashes)):]
	}
	return nil
}

// readEntries reads what diff-tree prints with --raw -z: a commit's name, and then for
// each path ":<modes> <names> <status>", a NUL, the path; as many colons as there
// are parents (git-diff-tree(1), "RAW OUTPUT FORMAT"). last says that nothing
// follows. A commit that is cut short is not handed on.
func readEntries[T any](in *bufio.Reader, entry func(list []T, field, path []byte) ([]T, error), fn func(h history.Hash, list []T, last bool) error) error {
	var (
		at    history.Hash
		named bool
		list  []T
		field []byte
	)
	hand := func(last bool) error {
		if !named {
			return nil
		}
		named = false
		return fn(at, list, last)
	}
	for {
		next, err := readField(in)
		if errors.Is(err, io.EOF) {
			return hand(true)
		}
		if err != nil {
			return err
		}
		if next[0] != ':' {
			if err := hand(false); err != nil {
				return err
			}
			if at, err = history.ParseHash(string(next)); err != nil {
				return fmt.Errorf("git diff-tree printed %q", next)
			}
			named, list = true, nil
			continue
		}
		field = append(field[:0], next...)
		path, err := readField(in)
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		if !named {
			return fmt.Errorf("git diff-tree printed %q", path)
		}
		if list, err = entry(list, field, path); err != nil {
			return err
		}
	}
}

// readField reads up to a NUL; never an empty one. The bytes hold until the next
// reading.
func readField(in *bufio.Reader) ([]byte, error) {
	b, err := in.ReadSlice(0)
	if errors.Is(err, bufio.ErrBufferFull) {
		b = bytes.Clone(b)
		var rest []byte
		rest, err = in.ReadBytes(0)
		b = append(b, rest...)
	}
	if err != nil {
		if len(b) > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if len(b) == 1 {
		return nil, errors.New("git diff-tree printed an empty field")
	}
	return b[:len(b)-1], nil
}
