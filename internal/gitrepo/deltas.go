package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Deltas calls fn with each of the commits, in the order asked, and the files
// that it changed against its parent, or all of a root's; merges are left out, and
// so is what lies behind a commit whose trees are missing. A rename is two
// deltas. It needs an installed git: ErrNeedsGit.
func (r *Repository) Deltas(ctx context.Context, hashes []history.Hash, fn func(history.Hash, []history.Delta) error) error {
	if r.git == nil {
		return ErrNeedsGit
	}
	out, wait, err := r.git.diffs(ctx, hashes, "--raw", "-z", "-r", "--no-renames")
	if err != nil || out == nil {
		return err
	}
	readErr := readDeltas(bufio.NewReaderSize(out, 1<<16), fn)
	return wait(readErr)
}

// diffs starts one git diff-tree over the commits; wait ends it, with what
// reading said. out is nil where there is nothing to ask.
func (s *gitSource) diffs(ctx context.Context, hashes []history.Hash, options ...string) (out io.Reader, wait func(error) error, err error) {
	if len(hashes) == 0 {
		return nil, nil, nil
	}
	select { // apart from the slots of acquire: questions never wait for this
	case s.changers <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	asked := ctx
	ctx, cancel := context.WithCancel(ctx)
	cmd, said := command(ctx, s.viewDir, s.viewEnv(), append([]string{"diff-tree", "--stdin", "--root", "--always", "--no-ext-diff", "--no-textconv", "--no-color"}, options...)...)
	var names strings.Builder
	for _, h := range hashes {
		names.WriteString(h.String())
		names.WriteByte('\n')
	}
	cmd.Stdin = strings.NewReader(names.String())
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		<-s.changers
		return nil, nil, fmt.Errorf("starting git diff-tree: %w", err)
	}
	return pipe, func(readErr error) error {
		defer func() { <-s.changers }()
		defer cancel()
		if readErr != nil {
			cancel()
		}
		waitErr := cmd.Wait()
		switch {
		case asked.Err() != nil:
			return asked.Err()
		case readErr != nil && !errors.Is(readErr, io.ErrUnexpectedEOF):
			return readErr
		case waitErr != nil && !missingObject(said.String()):
			return &gitError{cmd.Args[1:], said.String(), waitErr}
		}
		return nil
	}, nil
}

// readDeltas reads what diff-tree prints with --raw -z: a commit's name, and for
// each file ":<mode> <mode> <name> <name> <status>", a NUL, the path.
func readDeltas(in *bufio.Reader, fn func(history.Hash, []history.Delta) error) error {
	var at history.Hash
	var deltas []history.Delta
	hand := func() error {
		if at.IsZero() {
			return nil
		}
		return fn(at, deltas)
	}
	for {
		field, err := readField(in)
		if errors.Is(err, io.EOF) {
			return hand()
		}
		if err != nil {
			return err
		}
		if field[0] != ':' {
			if err := hand(); err != nil {
				return err
			}
			if at, err = history.ParseHash(string(field)); err != nil {
				return fmt.Errorf("git diff-tree printed %q", field)
			}
			deltas = nil
			continue
		}
		words := strings.Fields(string(field[1:]))
		path, err := readField(in)
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		if len(words) < 5 {
			return fmt.Errorf("git diff-tree printed %q", field)
		}
		const gitlink = "160000"
		if words[0] == gitlink || words[1] == gitlink {
			continue // a submodule's commit is no content of ours
		}
		d := history.Delta{Path: string(path)}
		if d.Old, err = history.ParseHash(words[2]); err == nil {
			d.New, err = history.ParseHash(words[3])
		}
		if err != nil {
			return fmt.Errorf("git diff-tree printed %q", field)
		}
		deltas = append(deltas, d)
	}
}

// maxBlob bounds the files that are compared: larger ones are hardly patched.
const maxBlob = 4 << 20

// Blobs calls fn with the contents of blobs in the order asked, leaving out those
// that are missing or larger than some megabytes. The bytes are fn's during the
// call alone. It needs an installed git: ErrNeedsGit.
func (r *Repository) Blobs(ctx context.Context, hashes []history.Hash, fn func(history.Hash, []byte) error) error {
	if r.git == nil {
		return ErrNeedsGit
	}
	if len(hashes) == 0 {
		return nil
	}
	s := r.git
	select {
	case s.changers <- struct{}{}:
		defer func() { <-s.changers }()
	case <-ctx.Done():
		return ctx.Err()
	}
	o, err := s.startObjects(ctx, "--batch", "--buffer")
	if err != nil {
		return err
	}
	wrote := o.ask(hashes)
	for i := range hashes {
		var kind string
		var content []byte
		if kind, content, _, err = o.nextRaw(maxBlob); err != nil {
			break
		}
		if kind == "blob" {
			if err = fn(hashes[i], content); err != nil {
				break
			}
		}
	}
	if err != nil {
		o.kill()
		<-wrote
		return errors.Join(ctx.Err(), fmt.Errorf("reading files: %w", err))
	}
	<-wrote
	o.stop()
	_ = o.cmd.Wait() //nolint:errcheck // all answers were read
	return nil
}

// PatchIDs is what git patch-id says of commits. Merges, empty commits and those
// whose objects are missing are not in it. It needs an installed git: ErrNeedsGit.
func (r *Repository) PatchIDs(ctx context.Context, hashes []history.Hash) (map[history.Hash]history.PatchID, error) {
	if r.git == nil {
		return nil, ErrNeedsGit
	}
	out, wait, err := r.git.diffs(ctx, hashes, "--patch", "--no-renames", "--full-index")
	if err != nil || out == nil {
		return nil, err
	}
	var text bytes.Buffer
	_, readErr := io.Copy(&text, io.LimitReader(out, maxPatches))
	if readErr == nil && text.Len() == maxPatches {
		readErr = fmt.Errorf("the patches of %d commits are larger than %d bytes", len(hashes), maxPatches)
	}
	if err := wait(readErr); err != nil {
		return nil, err
	}
	lines := countLines(text.Bytes())
	ids, err := run(ctx, r.git.viewDir, r.git.viewEnv(), &text, "patch-id", "--stable")
	if err != nil {
		return nil, err
	}
	patches := map[history.Hash]history.PatchID{}
	for line := range strings.Lines(string(ids)) {
		id, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if h, err := history.ParseHash(name); err == nil {
			patches[h] = history.PatchID{ID: id, Lines: lines[h]}
		}
	}
	return patches, nil
}

// maxPatches bounds the diffs that are held at once.
const maxPatches = 128 << 20

// countLines counts the added and removed lines of each commit in what diff-tree
// printed with --patch.
func countLines(text []byte) map[history.Hash]int {
	counts := map[history.Hash]int{}
	var at history.Hash
	for line := range bytes.Lines(text) {
		switch {
		case bytes.HasPrefix(line, []byte("+++ ")), bytes.HasPrefix(line, []byte("--- ")):
		case line[0] == '+' || line[0] == '-':
			counts[at]++
		case len(line) == 41 || len(line) == 65:
			if h, err := history.ParseHash(string(bytes.TrimSpace(line))); err == nil {
				at = h
			}
		}
	}
	return counts
}
