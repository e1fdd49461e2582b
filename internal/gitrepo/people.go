package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// ErrNoIdentity says that the user has told git no address.
var ErrNoIdentity = errors.New("git knows no address of yours: set user.email")

// maxMailmap bounds what is read of a .mailmap.
const maxMailmap = 8 << 20

// Mailmap is the content of .mailmap in a commit's tree, "" where there is none
// or its object is missing.
func (r *Repository) Mailmap(ctx context.Context, at history.Hash) (string, error) {
	text, err := r.src.file(ctx, at, ".mailmap")
	if err != nil {
		return "", fmt.Errorf("reading .mailmap of %s: %w", r.loc.CommonDir, err)
	}
	if len(text) > maxMailmap {
		text = text[:maxMailmap]
	}
	return strings.ToValidUTF8(text, "\uFFFD"), nil
}

// Me is the address that the user commits with in this repository. It is
// ErrNoIdentity where git was told none.
func (r *Repository) Me(ctx context.Context) (string, error) {
	if email := os.Getenv("GIT_AUTHOR_EMAIL"); email != "" {
		return email, nil
	}
	if r.git == nil {
		return "", fmt.Errorf("your address: %w", ErrNeedsGit)
	}
	// git config starts no program, whatever the configuration says.
	out, err := run(ctx, r.loc.CommonDir, environment("GIT_DIR="+r.loc.CommonDir), nil, "config", "--get", "user.email")
	if email := strings.TrimSpace(string(out)); email != "" && err == nil {
		return email, nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return "", ErrNoIdentity
}

// file reads a file of a commit's tree.
func (s *gitSource) file(ctx context.Context, at history.Hash, path string) (string, error) {
	out, err := run(ctx, s.viewDir, s.viewEnv(), nil, "cat-file", "blob", at.String()+":"+path)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", nil //nolint:nilerr // git's exit does not tell an absent file from a missing object
	}
	return string(out), nil
}

// file reads a file of a commit's tree.
func (s *goGitSource) file(ctx context.Context, at history.Hash, path string) (string, error) {
	if err := s.lock(ctx); err != nil {
		return "", err
	}
	defer s.unlock()
	c, err := s.repo.CommitObject(toPlumbing(at))
	if err != nil {
		return "", nil //nolint:nilerr // as git: what is missing has no files
	}
	f, err := c.File(path)
	if err != nil {
		return "", nil //nolint:nilerr // as git: what is missing has no files
	}
	return f.Contents()
}
