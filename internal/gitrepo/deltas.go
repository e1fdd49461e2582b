package gitrepo

import (
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
// so are commits whose own or whose parents' objects are missing. A rename is two
// deltas. It needs an installed git: ErrNeedsGit.
func (r *Repository) Deltas(ctx context.Context, hashes []history.Hash, fn func(history.Hash, []history.Delta) error) error {
	return entries(ctx, r.git, hashes, nil, delta, fn)
}

func delta(deltas []history.Delta, field, path []byte) ([]history.Delta, error) {
	words := strings.Fields(string(field[1:])) // mode, mode, name, name, status
	if len(words) < 5 {
		return nil, fmt.Errorf("git diff-tree printed %q", field)
	}
	const gitlink = "160000"
	if words[0] == gitlink || words[1] == gitlink {
		return deltas, nil // a submodule's commit is no content of ours
	}
	from, err := history.ParseHash(words[2])
	to, toErr := history.ParseHash(words[3])
	if err != nil || toErr != nil {
		return nil, fmt.Errorf("git diff-tree printed %q", field)
	}
	return append(deltas, history.Delta{Path: string(path), Old: from, New: to}), nil
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
	if len(hashes) == 0 {
		return nil, nil
	}
	var text bytes.Buffer
	err := r.git.diffTree(ctx, hashes, func(out io.Reader) error {
		_, err := io.Copy(&text, io.LimitReader(out, maxPatches))
		if err == nil && text.Len() == maxPatches {
			err = fmt.Errorf("the patches of %d commits are larger than %d bytes", len(hashes), maxPatches)
		}
		return err
	}, "--patch", "--full-index")
	if err != nil && !errors.Is(err, errUnread) {
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
