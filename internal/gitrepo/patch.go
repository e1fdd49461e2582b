package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Patch is what a commit changed, against its first parent.
type Patch struct {
	Stat      string // as git's --stat
	Diff      string // as git's unified diff, with renames
	Truncated bool   // Diff is longer than was asked for
	// Note says why there is no diff, or not all of it; "" when all is there.
	Note string
}

// Patch compares a commit with its first parent, or with nothing for a root. At
// most limit bytes of diff are read. Objects that a partial clone has not got
// make a Note and no error. No attributes, filters, text conversions or external
// programs take part.
func (r *Repository) Patch(ctx context.Context, h history.Hash, limit int) (Patch, error) {
	if r.git == nil {
		return Patch{Note: "Diffs need an installed git."}, nil
	}
	release, err := r.git.acquire(ctx)
	if err != nil {
		return Patch{}, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, processTimeout)
	defer cancel()
	var p Patch
	cmd, said := command(ctx, r.git.viewDir, r.git.viewEnv(), "diff-tree", "--root", "--no-commit-id", "-r",
		"--diff-merges=first-parent", "--stat=100", "--patch", "--find-renames", "--no-ext-diff", "--no-textconv", "--no-color", h.String())
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return p, fmt.Errorf("starting git diff-tree: %w", err)
	}
	b, readErr := io.ReadAll(io.LimitReader(out, int64(limit)+1))
	if len(b) > limit {
		p.Truncated = true
		b = b[:limit]
		cancel()
	}
	waitErr := cmd.Wait()
	p.Stat, p.Diff, _ = strings.Cut(strings.ToValidUTF8(string(b), "\uFFFD"), "\n\ndiff --git ")
	if p.Diff != "" {
		p.Diff = "diff --git " + p.Diff
	}
	p.Stat = strings.Trim(p.Stat, "\n")
	switch {
	case p.Truncated:
		p.Note = "The diff is longer than what is shown."
	case ctx.Err() != nil:
		return p, ctx.Err()
	case waitErr != nil || readErr != nil:
		if text := said.String(); !missingObject(text) {
			return p, &gitError{cmd.Args[1:], text, errors.Join(waitErr, readErr)}
		}
		p.Note = "Objects of this commit are missing here (a partial clone), so there is no diff."
	}
	return p, nil
}
