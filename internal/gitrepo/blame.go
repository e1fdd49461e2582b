package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// blameTimeout ends a blame that takes too long: git needs some seconds for the
// longest files of the longest histories.
const blameTimeout = 5 * time.Minute

// HeadOf is the commit that HEAD of the file's work tree leads to; history.ErrUntracked
// where there is none yet, or the file lies in no work tree of the repository.
func (r *Repository) HeadOf(ctx context.Context, path string) (history.Hash, error) {
	_, head, err := r.headOf(ctx, path)
	return head, err
}

// headOf finds the work tree that a file lies in, which may be a linked one with
// a HEAD of its own.
func (r *Repository) headOf(ctx context.Context, path string) (Location, history.Hash, error) {
	loc := r.loc
	if r.git == nil {
		return loc, history.Hash{}, fmt.Errorf("blame of %s: %w", path, ErrNeedsGit)
	}
	if inside(path, filepath.Join(r.loc.CommonDir, "worktrees")) || loc.WorkTree == "" || !inside(path, loc.WorkTree) {
		var err error
		if loc, err = Discover(ctx, path); errors.Is(err, ErrNotRepository) {
			return loc, history.Hash{}, history.ErrUntracked
		} else if err != nil {
			return loc, history.Hash{}, err
		}
	}
	if loc.CommonDir != r.loc.CommonDir || loc.WorkTree == "" || !inside(path, loc.WorkTree) {
		return loc, history.Hash{}, history.ErrUntracked
	}
	out, err := run(ctx, r.git.viewDir, environment("GIT_DIR="+loc.GitDir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull),
		nil, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	if ctx.Err() != nil {
		return loc, history.Hash{}, ctx.Err()
	}
	head, parseErr := history.ParseHash(strings.TrimSpace(string(out)))
	if err != nil || parseErr != nil {
		return loc, history.Hash{}, history.ErrUntracked // an unborn branch
	}
	return loc, head, nil
}

func inside(path, root string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// Blame tells which commit last changed each line of a file's text as it stands
// in an editor. It is history.ErrUntracked for a file that HEAD has not got, also under
// the name that the index says it was moved from.
//
// git blame converts what it is given as `git add` would, and that can run a
// filter which the repository names. So it runs on a private git directory that
// has the repository's objects and nothing else, with HEAD at the commit, and
// in an empty work tree: no configuration and no attributes take part. So
// blame.ignoreRevsFile does not count either.
func (r *Repository) Blame(ctx context.Context, path, text string) (*history.Blame, error) {
	loc, head, err := r.headOf(ctx, path)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(loc.WorkTree, path)
	if err != nil || inside(path, loc.GitDir) {
		return nil, history.ErrUntracked
	}
	name := filepath.ToSlash(rel)
	release, err := r.git.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, blameTimeout)
	defer cancel()
	view, remove, err := r.git.blameView(head)
	if err != nil {
		return nil, err
	}
	b, err := r.git.blame(ctx, view, loc, name, text)
	if err := errors.Join(err, remove()); err != nil {
		return nil, fmt.Errorf("blame of %s: %w", path, err)
	}
	b.Head = head
	return b, nil
}

// staleView is how old a directory of blameView's is that a killed process left.
const staleView = time.Hour

// sweepViews removes what blames of killed processes left.
func sweepViews(viewDir string) {
	left, err := filepath.Glob(filepath.Join(viewDir, "blame-*"))
	if err != nil {
		return // the pattern is a good one
	}
	for _, dir := range left {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > staleView {
			_ = os.RemoveAll(dir) //nolint:errcheck // the next process tries again
		}
	}
}

// blameView makes a private git directory whose HEAD is a commit, with an empty
// work tree in it.
func (s *gitSource) blameView(head history.Hash) (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp(s.viewDir, "blame-")
	if err != nil {
		return "", nil, fmt.Errorf("making a view: %w", err)
	}
	remove = func() error { return os.RemoveAll(dir) }
	for _, sub := range []string{"objects", "refs", "tree"} {
		err = errors.Join(err, os.Mkdir(filepath.Join(dir, sub), 0o700))
	}
	config, readErr := os.ReadFile(filepath.Join(s.viewDir, "config"))
	config = bytes.Replace(config, []byte("bare = true"), []byte("bare = false"), 1)
	err = errors.Join(err, readErr, os.WriteFile(filepath.Join(dir, "config"), config, 0o600),
		os.WriteFile(filepath.Join(dir, "HEAD"), []byte(head.String()+"\n"), 0o600))
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("making a view: %w", err), remove())
	}
	return dir, remove, nil
}

// blameEnv is viewEnv with the directory that blameView made.
func (s *gitSource) blameEnv(view string) []string {
	return append(s.viewEnv(), "GIT_DIR="+view, "GIT_WORK_TREE="+filepath.Join(view, "tree"))
}

func (s *gitSource) blame(ctx context.Context, view string, loc Location, name, text string) (*history.Blame, error) {
	env, tree := s.blameEnv(view), filepath.Join(view, "tree")
	blob, err := run(ctx, tree, env, nil, "cat-file", "blob", "HEAD:"+name)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if name, err = s.movedFrom(ctx, env, tree, loc, name); err != nil {
			return nil, err
		}
		if blob, err = run(ctx, tree, env, nil, "cat-file", "blob", "HEAD:"+name); err != nil {
			return nil, errors.Join(history.ErrUntracked, ctx.Err())
		}
	}
	// A checkout that converts line ends is no change of every line.
	if !bytes.Contains(blob, []byte("\r\n")) {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	cmd, said := command(ctx, tree, env, "-c", "mailmap.blob=HEAD:.mailmap", "blame", "--porcelain", "--contents", "-", "--", name)
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("starting git blame: %w", err)
	}
	b, parseErr := parseBlame(out)
	_, drained := io.Copy(io.Discard, out)
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &gitError{[]string{"blame"}, said.String(), err}
	case parseErr != nil:
		return nil, parseErr
	}
	return b, drained
}

// movedFrom is the name in HEAD of a file that the index says was moved, and
// history.ErrUntracked where it says no such thing. diff-index --cached reads no file of
// the work tree.
func (s *gitSource) movedFrom(ctx context.Context, env []string, tree string, loc Location, name string) (string, error) {
	index := filepath.Join(loc.GitDir, "index")
	if _, err := os.Stat(index); err != nil {
		return "", history.ErrUntracked
	}
	out, err := run(ctx, tree, append(env, "GIT_INDEX_FILE="+index), nil, "diff-index", "--cached", "--find-renames", "--diff-filter=R", "--name-status", "-z", "HEAD")
	if err != nil {
		return "", errors.Join(history.ErrUntracked, ctx.Err())
	}
	fields := strings.Split(string(out), "\x00") // status, old name, new name
	for i := 0; i+2 < len(fields); i += 3 {
		if fields[i+2] == name {
			return fields[i+1], nil
		}
	}
	return "", history.ErrUntracked
}

// parseBlame reads the porcelain format (git-blame(1), "THE PORCELAIN FORMAT"):
// a header "<name> <line there> <line here> [<lines in the group>]" for each
// line, the commit's facts the first time that it is named, and the line behind
// a tab.
func parseBlame(r io.Reader) (*history.Blame, error) {
	b := &history.Blame{}
	seen := map[history.Hash]int32{}
	in := bufio.NewReaderSize(r, 1<<16)
	var current *history.Blamed
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return b, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading git blame: %w", err)
		}
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "\t") {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		if h, err := history.ParseHash(word); err == nil {
			at := int32(history.Uncommitted)
			current = nil
			if !h.IsZero() {
				known := false
				if at, known = seen[h]; !known {
					at = int32(len(b.Commits))
					seen[h] = at
					b.Commits = append(b.Commits, history.Blamed{Hash: h})
				}
				current = &b.Commits[at]
			}
			b.Lines = append(b.Lines, at)
			continue
		}
		if current != nil {
			takeFact(current, word, rest)
		}
	}
}

// takeFact takes a line of what blame says of a commit.
func takeFact(c *history.Blamed, word, rest string) {
	rest = strings.ToValidUTF8(rest, "\uFFFD")
	switch word {
	case "author":
		c.Author.Name = rest
	case "author-mail":
		c.Author.Email = strings.Trim(rest, "<>")
	case "author-time", "committer-time":
		seconds, err := strconv.ParseInt(rest, 10, 64)
		if err != nil {
			return // a time that git could not read either
		}
		if at := time.Unix(seconds, 0).UTC(); word == "author-time" {
			c.Author.Date = at
		} else {
			c.Committer.Date = at
		}
	case "author-tz":
		c.Author.Date = c.Author.Date.In(parseZone(rest))
	case "committer":
		c.Committer.Name = rest
	case "committer-mail":
		c.Committer.Email = strings.Trim(rest, "<>")
	case "committer-tz":
		c.Committer.Date = c.Committer.Date.In(parseZone(rest))
	case "summary":
		c.Subject = rest
	case "boundary":
		c.Boundary = true
	}
}
