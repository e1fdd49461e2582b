package gitrepo

import (
	"bytes"
	"context"
	"fmt"

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
	// -t is for the directories of merges.
	return entries(ctx, r.git, hashes, []string{"-t", "-c"}, changedPath, fn)
}

func changedPath(paths []string, field, path []byte) ([]string, error) {
	switch parents, dir := rawEntry(field); {
	case parents == 0:
		return nil, fmt.Errorf("git diff-tree printed %q", field)
	case !dir:
		return append(paths, string(path)), nil
	case parents > 1:
		return append(paths, string(path)+"/"), nil
	}
	return paths, nil
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
