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

// Changes calls fn with each of the commits, in the order asked, and the paths
// that it changed: against its parent, all of a root's, and of a merge those
// that differ from every parent, which is what git log shows of a merge. A merge
// also names the directories that as a whole differ from every parent, with a
// slash at the end, since their files may each equal another parent's. A rename
// is two paths.
//
// Commits whose own or whose parents' objects are missing are left out. It needs
// an installed git: ErrNeedsGit.
func (r *Repository) Changes(ctx context.Context, hashes []history.Hash, fn func(h history.Hash, paths []string) error) error {
	if r.git == nil {
		return ErrNeedsGit
	}
	return r.git.changes(ctx, hashes, fn)
}

// maxGaps bounds how often one reading goes on behind an object that is missing:
// each time takes a new process. What is behind the last one is left out.
const maxGaps = 20

func (s *gitSource) changes(ctx context.Context, hashes []history.Hash, fn func(history.Hash, []string) error) error {
	if len(hashes) == 0 {
		return nil
	}
	select { // apart from the slots of acquire: questions never wait for this
	case s.changers <- struct{}{}:
		defer func() { <-s.changers }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for range maxGaps {
		n, err := s.diffTree(ctx, hashes, fn)
		if errors.Is(err, errUnread) && len(hashes) > 1 {
			// It is this commit or, where git had no more than named it, the next.
			_, err = s.diffTree(ctx, hashes[n:n+1], fn)
		}
		if err != nil && !errors.Is(err, errUnread) {
			return err
		}
		if hashes = hashes[min(n+1, len(hashes)):]; len(hashes) == 0 {
			return nil
		}
	}
	return nil
}

// errUnread says that git ended at a commit whose trees are not all there.
var errUnread = errors.New("objects are missing")

// diffTree runs one git diff-tree over the commits. n is the place of the first
// that was neither handed on nor left out; where it ends with errUnread, git could
// not read that one or, if that one is whole, the one after it.
func (s *gitSource) diffTree(ctx context.Context, hashes []history.Hash, fn func(history.Hash, []string) error) (n int, err error) {
	asked := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// --raw tells trees from files, and a commit's name from a path that looks
	// like one; -t is for the directories of merges; --always names the commits
	// that changed nothing.
	cmd, said := command(ctx, s.viewDir, s.viewEnv(), "diff-tree", "--stdin", "--raw", "-z", "-r", "-t", "-c", "--root", "--always", "--no-renames")
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
		return 0, fmt.Errorf("starting git diff-tree: %w", err)
	}
	stalled := time.AfterFunc(processTimeout, func() { cancel(context.DeadlineExceeded) })
	defer stalled.Stop()
	var last func() error // hands on the last commit, which is whole if git ends well
	readErr := readChanges(bufio.NewReaderSize(out, 1<<16), func(h history.Hash, paths []string, end bool) error {
		stalled.Reset(processTimeout)
		for n < len(hashes) && hashes[n] != h {
			n++
		}
		if n == len(hashes) {
			return fmt.Errorf("git diff-tree: %s was not asked for", h)
		}
		if end {
			last = func() error { return fn(h, paths) }
			return nil
		}
		n++
		return fn(h, paths)
	})
	stuck := context.Cause(ctx)
	if readErr != nil {
		cancel(nil)
	}
	waitErr := cmd.Wait()
	switch {
	case asked.Err() != nil:
		return n, asked.Err()
	case stuck != nil:
		return n, fmt.Errorf("git diff-tree: %w", stuck)
	case readErr != nil && !errors.Is(readErr, io.ErrUnexpectedEOF):
		return n, readErr
	case waitErr != nil && missingObject(said.String()):
		return n, errUnread
	case waitErr != nil:
		return n, &gitError{cmd.Args[1:], said.String(), waitErr}
	case readErr != nil:
		return n, fmt.Errorf("git diff-tree: %w", readErr)
	case last != nil:
		return len(hashes), last()
	}
	return len(hashes), nil
}

// missingObject says whether git complained of an object that is not there.
func missingObject(said string) bool {
	for _, text := range []string{"unable to read", "bad object", "missing", "could not"} {
		if strings.Contains(said, text) {
			return true
		}
	}
	return false
}

// readChanges reads what diff-tree prints with -z: a commit's name, and then for
// each path ":<modes> <names> <status>", a NUL, the path; as many colons as there
// are parents (git-diff-tree(1), "RAW OUTPUT FORMAT"). last says that nothing
// follows. A commit that is cut short is not handed on.
func readChanges(in *bufio.Reader, fn func(h history.Hash, paths []string, last bool) error) error {
	var (
		at    history.Hash
		named bool
		paths []string
	)
	hand := func(last bool) error {
		if !named {
			return nil
		}
		named = false
		return fn(at, paths, last)
	}
	for {
		field, err := readField(in)
		if errors.Is(err, io.EOF) {
			return hand(true)
		}
		if err != nil {
			return err
		}
		if field[0] != ':' {
			if err := hand(false); err != nil {
				return err
			}
			if at, err = history.ParseHash(string(field)); err != nil {
				return fmt.Errorf("git diff-tree printed %q", field)
			}
			named, paths = true, nil
			continue
		}
		parents, dir := rawEntry(field)
		path, err := readField(in)
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		switch {
		case parents == 0 || !named:
			return fmt.Errorf("git diff-tree printed %q", path)
		case !dir:
			paths = append(paths, string(path))
		case parents > 1:
			paths = append(paths, string(path)+"/")
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

// rawEntry reads how many parents an entry compares, and whether it is about a
// directory: as it is now, or as it was where it is gone. parents is 0 for what
// is no entry.
func rawEntry(field []byte) (parents int, dir bool) {
	colons := 0
	for colons < len(field) && field[colons] == ':' {
		colons++
	}
	modes := bytes.SplitN(field[colons:], []byte(" "), colons+2)
	if len(modes) != colons+2 {
		return 0, false
	}
	const tree, none = "040000", "000000"
	mode := string(modes[colons])
	for i := 0; i < colons && mode == none; i++ {
		mode = string(modes[i])
	}
	return colons, mode == tree
}
