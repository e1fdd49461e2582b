package gitrepo

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
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
	out, broken, err := s.forEachRef(ctx)
	if err != nil {
		return refs, err
	}
	refs.LeftOut = broken
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
	all = append(all, linkedHeads(s.loc, &refs)...)
	err = s.peel(ctx, &refs, all, known)
	return refs, err
}

// forEachRef lists the indexed namespaces, and counts the refs that git leaves
// out since it cannot read them. A symbolic ref that leads nowhere is not one of
// these: that is what origin/HEAD becomes when its branch is renamed.
func (s *gitSource) forEachRef(ctx context.Context) (out []byte, broken int, err error) {
	ctx, cancel := context.WithTimeout(ctx, processTimeout)
	defer cancel()
	args := []string{"for-each-ref", "--format=%(objectname) %(refname) %(symref)", "refs/heads", "refs/remotes", "refs/tags"}
	cmd, said := command(ctx, s.loc.CommonDir, s.repoEnv(s.loc.CommonDir), args...)
	warnings := &counter{of: []byte("warning: ignoring broken ref ")}
	cmd.Stderr = io.MultiWriter(said, warnings)
	out, err = cmd.Output()
	if ctx.Err() != nil {
		return nil, 0, ctx.Err()
	}
	if err != nil {
		return nil, 0, &gitError{args, said.String(), err}
	}
	return out, warnings.n, nil
}

// counter counts the lines written to it that begin with some text.
type counter struct {
	of   []byte
	line []byte // what came of the line so far, no longer than of
	skip bool   // the line is counted, or is another one
	n    int
}

func (c *counter) Write(p []byte) (int, error) {
	for _, b := range p {
		switch {
		case b == '\n':
			c.line, c.skip = c.line[:0], false
		case c.skip:
		case b != c.of[len(c.line)]:
			c.skip = true
		default:
			if c.line = append(c.line, b); len(c.line) == len(c.of) {
				c.n, c.skip = c.n+1, true
			}
		}
	}
	return len(p), nil
}

// linkedHeads reads the HEADs of the linked work trees, which only these know:
// worktrees/<id>/HEAD (git-worktree, "Refs"). The detached ones are returned,
// the others noted in refs.Linked. It counts those that say nothing as left out.
func linkedHeads(loc Location, refs *history.Refs) []history.Ref {
	entries, err := os.ReadDir(filepath.Join(loc.CommonDir, "worktrees"))
	if err != nil {
		return nil // mostly there are none
	}
	var detached []history.Ref
	for _, e := range entries {
		name := "worktrees/" + e.Name() + "/HEAD"
		b, err := os.ReadFile(filepath.Join(loc.CommonDir, "worktrees", e.Name(), "HEAD"))
		if errors.Is(err, os.ErrNotExist) {
			continue // being made, or removed
		}
		text := strings.TrimSpace(string(b))
		if target, ok := strings.CutPrefix(text, "ref:"); ok && err == nil {
			if refs.Linked == nil {
				refs.Linked = map[string]string{}
			}
			refs.Linked[name] = strings.TrimSpace(target)
			continue
		}
		h, err := history.ParseHash(text)
		if err != nil {
			refs.LeftOut++
			continue
		}
		detached = append(detached, history.Ref{Name: name, Object: h})
	}
	return detached
}

// HeadRef is the name that HEAD of this work tree has among the refs: HEAD, or
// worktrees/<id>/HEAD for a linked one.
func (l Location) HeadRef() string {
	if rel, err := filepath.Rel(l.CommonDir, l.GitDir); err == nil && strings.HasPrefix(rel, "worktrees"+string(filepath.Separator)) {
		return filepath.ToSlash(rel) + "/HEAD"
	}
	return "HEAD"
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
		out, err := run(ctx, s.loc.CommonDir, s.repoEnv(s.loc.CommonDir), nil, "symbolic-ref", "-q", "HEAD")
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
// and no tags of commits stay zero; absent holds those that are not there, or
// lead to what is not there.
func (s *gitSource) askPeeled(ctx context.Context, ask []history.Hash, peeled map[history.Hash]history.Hash) (absent map[history.Hash]bool, err error) {
	absent = map[history.Hash]bool{}
	// What an object is, git tells of a header; what a tag leads to, it has to read.
	// With tens of thousands of refs that is most of the time.
	var tags []history.Hash
	err = s.kinds(ctx, ask, "", func(asked, _ history.Hash, kind string) {
		switch kind {
		case "commit":
			peeled[asked] = asked
		case "tag":
			tags = append(tags, asked)
		case "":
			absent[asked] = true
		}
	})
	if err != nil {
		return nil, err
	}
	err = s.kinds(ctx, tags, "^{}", func(asked, found history.Hash, kind string) {
		switch kind {
		case "commit":
			peeled[asked] = found
		case "":
			absent[asked] = true
		}
	})
	return absent, err
}

// kinds tells fn the kind of each object with a suffix of git's syntax, and the
// name of what the suffix leads to; "" is the kind of what cannot be read.
func (s *gitSource) kinds(ctx context.Context, ask []history.Hash, suffix string, fn func(asked, found history.Hash, kind string)) error {
	for len(ask) > 0 {
		var in strings.Builder
		for _, h := range ask {
			in.WriteString(h.String() + suffix + "\n")
		}
		out, err := run(ctx, s.viewDir, s.viewEnv(), strings.NewReader(in.String()), "cat-file", "--buffer", "--batch-check=%(objectname) %(objecttype)")
		if err != nil && !isDamage(err) {
			return err
		}
		n := 0
		for line := range bytes.Lines(out) {
			name, kind, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
			found, parseErr := history.ParseHash(name)
			if kind == "missing" || parseErr != nil { // "<what was asked> missing"
				kind = ""
			}
			if n == len(ask) {
				return fmt.Errorf("git cat-file answered more than %d questions", n)
			}
			fn(ask[n], found, kind)
			n++
		}
		if err == nil {
			if n < len(ask) {
				return fmt.Errorf("git cat-file answered %d of %d questions", n, len(ask))
			}
			return nil
		}
		// git died of an object, and answered those before it.
		if n < len(ask) {
			fn(ask[n], history.Hash{}, "")
			n++
		}
		ask = ask[n:]
	}
	return nil
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
// such as HEAD~3, v1.0^ or main@{yesterday}, as it is understood in a work tree
// with this git directory; "" is the repository's own. Abbreviations are
// Abbreviated's. It is ErrNotFound where git knows none.
func (r *Repository) Resolve(ctx context.Context, gitDir, rev string) (history.Hash, error) {
	var none history.Hash
	// These would search through all messages.
	if rev == "" || strings.HasPrefix(rev, ":") || strings.Contains(rev, "^{/") || strings.ContainsAny(rev, "\x00\n") {
		return none, fmt.Errorf("%q: %w", rev, ErrNotFound)
	}
	if r.git == nil {
		return r.src.(*goGitSource).resolve(ctx, gitDir, rev)
	}
	out, err := run(ctx, r.loc.CommonDir, r.git.repoEnv(cmp.Or(gitDir, r.loc.CommonDir)), nil, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err != nil {
		var failed *gitError
		if errors.As(err, &failed) && ctx.Err() == nil {
			return none, fmt.Errorf("%q: %w", rev, ErrNotFound)
		}
		return none, err
	}
	return history.ParseHash(strings.TrimSpace(string(out)))
}
