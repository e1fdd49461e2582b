package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

func (s *gitSource) refs(ctx context.Context, known func(history.Hash) bool) (history.Refs, error) {
	refs := history.Refs{Bare: s.loc.Bare, RemoteHeads: map[string]string{}}
	var err error
	if refs.Shallow, err = s.readShallow(); err != nil {
		return refs, err
	}
	release, err := s.acquire(ctx)
	if err != nil {
		return refs, err
	}
	defer release()
	// No field that would open the objects: that costs more than all the rest.
	out, err := run(ctx, s.loc.CommonDir, s.repoEnv(), nil, "for-each-ref",
		"--format=%(objectname) %(refname) %(symref)", "refs/heads", "refs/remotes", "refs/tags")
	if err != nil {
		return refs, err
	}
	var all []history.Ref
	for line := range bytes.Lines(out) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
		ref, target, _ := strings.Cut(rest, " ")
		if remote, ok := remoteHead(ref); ok {
			if target != "" {
				refs.RemoteHeads[remote] = target
			}
			continue
		}
		h, err := history.ParseHash(name)
		if err != nil {
			refs.LeftOut++
			continue
		}
		all = append(all, history.Ref{Name: ref, Object: h})
	}
	head, detached, err := s.readHead(ctx)
	if err != nil {
		return refs, err
	}
	refs.Head = head
	if !detached.IsZero() {
		all = append(all, history.Ref{Name: "HEAD", Object: detached})
	}
	err = s.peel(ctx, &refs, all, known)
	return refs, err
}

// remoteHead says whether a ref is refs/remotes/<remote>/HEAD.
func remoteHead(ref string) (remote string, ok bool) {
	rest, ok := strings.CutPrefix(ref, "refs/remotes/")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "/HEAD")
}

// readHead tells the branch that HEAD names, or the object where it is detached.
func (s *gitSource) readHead(ctx context.Context) (branch string, detached history.Hash, err error) {
	b, err := os.ReadFile(filepath.Join(s.loc.CommonDir, "HEAD"))
	if err != nil {
		return "", detached, fmt.Errorf("reading HEAD: %w", err)
	}
	text := strings.TrimSpace(string(b))
	if target, ok := strings.CutPrefix(text, "ref:"); ok {
		target = strings.TrimSpace(target)
		if target != "refs/heads/.invalid" { // reftable keeps the real one elsewhere
			return target, detached, nil
		}
		out, err := run(ctx, s.loc.CommonDir, s.repoEnv(), nil, "symbolic-ref", "-q", "HEAD")
		return strings.TrimSpace(string(out)), detached, err
	}
	detached, err = history.ParseHash(text)
	if err != nil {
		return "", detached, fmt.Errorf("reading HEAD: %w", err)
	}
	return "", detached, nil
}

// peel fills refs.List with the refs that lead to a commit.
func (s *gitSource) peel(ctx context.Context, refs *history.Refs, all []history.Ref, known func(history.Hash) bool) error {
	s.mu.Lock()
	peeled := s.peeled
	s.mu.Unlock()
	packed := packedPeels(s.loc)
	next := make(map[history.Hash]history.Hash, len(all))
	var ask []history.Hash
	for _, r := range all {
		if _, done := next[r.Object]; done {
			continue
		}
		if known(r.Object) {
			next[r.Object] = r.Object
		} else if c, ok := peeled[r.Object]; ok {
			next[r.Object] = c
		} else if c, ok := packed[r.Object]; ok && known(c) {
			next[r.Object] = c
		} else {
			next[r.Object] = history.Hash{}
			ask = append(ask, r.Object)
		}
	}
	absent, err := s.askPeeled(ctx, ask, next)
	if err != nil {
		return err
	}
	for _, r := range all {
		r.Commit = next[r.Object]
		if absent[r.Object] {
			refs.LeftOut++
		} else if !r.Commit.IsZero() {
			refs.List = append(refs.List, r)
		}
	}
	for h := range absent {
		delete(next, h) // it may arrive
	}
	slices.SortFunc(refs.List, func(a, b history.Ref) int { return strings.Compare(a.Name, b.Name) })
	s.mu.Lock()
	s.peeled = next
	s.mu.Unlock()
	return nil
}

// askPeeled asks git for the commits behind objects. Those that are no commits
// and no tags of commits stay zero; absent holds those that are not there.
func (s *gitSource) askPeeled(ctx context.Context, ask []history.Hash, peeled map[history.Hash]history.Hash) (absent map[history.Hash]bool, err error) {
	if len(ask) == 0 {
		return nil, nil
	}
	var in strings.Builder
	for _, h := range ask {
		fmt.Fprintf(&in, "%s^{commit}\n%s\n", h, h)
	}
	out, err := run(ctx, s.viewDir, s.viewEnv(), strings.NewReader(in.String()), "cat-file", "--buffer", "--batch-check=%(objectname) %(objecttype)")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != 2*len(ask) {
		return nil, fmt.Errorf("git cat-file answered %d lines to %d questions", len(lines), 2*len(ask))
	}
	absent = map[history.Hash]bool{}
	for i, h := range ask {
		name, kind, _ := strings.Cut(lines[2*i], " ")
		if c, err := history.ParseHash(name); err == nil && kind == "commit" {
			peeled[h] = c
			continue
		}
		// A tag whose commit is missing is absent; a tag of a tree is no commit.
		_, kind, _ = strings.Cut(lines[2*i+1], " ")
		if kind == "missing" {
			absent[h] = true
		}
	}
	return absent, nil
}

// packedPeels reads what packed-refs says of annotated tags: a line "^<object>"
// after a ref's line names what the tag leads to in the end (gitrepository-layout,
// and the header "# pack-refs with: peeled fully-peeled sorted"). They are hints:
// who uses them knows the commit.
func packedPeels(loc Location) map[history.Hash]history.Hash {
	f, err := os.Open(filepath.Join(loc.CommonDir, "packed-refs"))
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // read only
	peels := map[history.Hash]history.Hash{}
	var last history.Hash
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Bytes()
		if len(line) > 0 && line[0] == '^' {
			if c, err := history.ParseHash(string(line[1:])); err == nil && !last.IsZero() {
				peels[last] = c
			}
			continue
		}
		name, ref, _ := bytes.Cut(line, []byte{' '})
		last = history.Hash{}
		if bytes.HasPrefix(ref, []byte("refs/tags/")) {
			if h, err := history.ParseHash(string(name)); err == nil {
				last = h
			}
		}
	}
	return peels
}

// Resolve finds the commit of a revision that git itself has to understand,
// such as HEAD~3, v1.0^ or main@{yesterday}. Abbreviations are Abbreviated's.
// It is ErrNotFound where git knows none.
func (r *Repository) Resolve(ctx context.Context, rev string) (history.Hash, error) {
	var none history.Hash
	// These would search through all messages.
	if rev == "" || strings.HasPrefix(rev, ":") || strings.Contains(rev, "^{/") || strings.ContainsAny(rev, "\x00\n") {
		return none, fmt.Errorf("%q: %w", rev, ErrNotFound)
	}
	if r.git == nil {
		return r.src.(*goGitSource).resolve(ctx, rev)
	}
	out, err := run(ctx, r.loc.CommonDir, r.git.repoEnv(), nil, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err != nil {
		var failed *gitError
		if errors.As(err, &failed) && ctx.Err() == nil {
			return none, fmt.Errorf("%q: %w", rev, ErrNotFound)
		}
		return none, err
	}
	return history.ParseHash(strings.TrimSpace(string(out)))
}
