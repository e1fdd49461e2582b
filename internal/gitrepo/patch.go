package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// PatchLimits bound how much of a diff is kept, in bytes.
type PatchLimits struct {
	File  int // of one file
	Total int // of all files against all parents
}

// patchTimeout bounds the time for all comparisons of one commit: what is known
// by then is the answer.
const patchTimeout = 20 * time.Second

// Patch compares a commit with each of its parents, and a root with nothing.
// Diffs end where the limits say, the first parent's being read first. Objects
// that a partial clone has not got make a note and no error. No attributes,
// filters, text conversions or external programs take part; renames are looked
// for as git show does, copies are not.
func (r *Repository) Patch(ctx context.Context, c *history.Commit, limits PatchLimits) (*history.Patch, error) {
	if r.git == nil {
		return &history.Patch{Note: "Diffs need an installed git."}, nil
	}
	if r.git.isCut(c.Hash) {
		return &history.Patch{Note: "This shallow clone ends here: what this commit changed is not known."}, nil
	}
	release, err := r.git.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	deadline := time.Now().Add(patchTimeout)
	parents := c.Parents
	if len(parents) == 0 {
		parents = []history.Hash{{}}
	}
	p := &history.Patch{}
	for _, parent := range parents {
		against, err := r.git.compare(ctx, parent, c.Hash, &limits, deadline)
		if err != nil {
			return nil, err
		}
		p.Against = append(p.Against, against)
	}
	return p, nil
}

// isCut says whether a shallow clone ends at a commit.
func (s *gitSource) isCut(h history.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shallow[h]
}

// compare compares with one parent and takes what it keeps off the limits.
func (s *gitSource) compare(ctx context.Context, parent, h history.Hash, limits *PatchLimits, deadline time.Time) (history.Comparison, error) {
	against := history.Comparison{Parent: parent}
	known, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	files, err := s.compareTrees(known, parent, h, limits)
	if err == nil {
		err = s.sizes(known, files)
	}
	switch {
	case ctx.Err() != nil:
		return against, ctx.Err()
	case err == nil:
		against.Files, against.Counted = files, true
		return against, nil
	case known.Err() != nil:
		against.Note = "Comparing takes too long here, so lines are not counted and there is no diff."
	case missesObjects(err):
		against.Note = "Contents are missing here (a partial clone), so lines are not counted and there is no diff."
	default:
		return against, err
	}
	// The names of the files need trees alone.
	out, err := run(ctx, s.viewDir, s.diffEnv(), nil, diffArgs(parent, h, "--no-renames")...)
	if ctx.Err() != nil {
		return against, ctx.Err()
	}
	if err == nil {
		against.Files, err = readRaw(bufio.NewReader(bytes.NewReader(out)))
	}
	if err != nil && missesObjects(err) {
		against.Note, err = "Objects of this commit are missing here (a partial clone), so it is not known what it changed.", nil
	}
	return against, err
}

// missesObjects says whether git failed for want of an object.
func missesObjects(err error) bool {
	var failed *gitError
	if !errors.As(err, &failed) {
		return false
	}
	for _, sign := range []string{"unable to read", "bad object", "missing", "could not", "bad tree", "invalid object"} {
		if strings.Contains(failed.said, sign) {
			return true
		}
	}
	return false
}

// diffArgs make git compare; the names of its objects are whole in the list of
// files, and in diffs do not depend on what else the repository holds.
func diffArgs(parent, h history.Hash, more ...string) []string {
	args := []string{
		"-c", "core.abbrev=12", "-c", "core.quotePath=false", "-c", "core.attributesFile=", "-c", "core.bigFileThreshold=" + strconv.Itoa(history.LargeFile),
		"diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--no-color",
	}
	args = append(args, more...)
	if parent.IsZero() {
		return append(args, "--root", "--no-commit-id", h.String())
	}
	return append(args, parent.String(), h.String())
}

// diffEnv is viewEnv without what a user's environment says of diffs.
func (s *gitSource) diffEnv() []string { return append(s.viewEnv(), "GIT_DIFF_OPTS=") }

// compareTrees asks one git for files, counts and diffs, and ends it when the rest
// of the diffs is not kept.
func (s *gitSource) compareTrees(ctx context.Context, parent, h history.Hash, limits *PatchLimits) ([]history.FileChange, error) {
	more := []string{"--numstat", "--find-renames"}
	if limits.Total > 0 {
		more = append(more, "--patch")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd, said := command(ctx, s.viewDir, s.diffEnv(), diffArgs(parent, h, more...)...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("starting git diff-tree: %w", err)
	}
	in := bufio.NewReaderSize(out, 1<<16)
	files, readErr := readRaw(in)
	if readErr == nil {
		readErr = readCounts(in, files)
	}
	enough := false
	if readErr == nil {
		enough, readErr = readDiffs(in, files, limits)
	}
	if enough || readErr != nil {
		cancel()
	}
	waitErr := cmd.Wait()
	switch {
	case enough:
		return files, nil
	case said.String() != "" && (waitErr != nil || readErr != nil):
		return files, &gitError{[]string{"diff-tree"}, said.String(), errors.Join(waitErr, readErr)}
	case readErr != nil:
		return files, fmt.Errorf("reading git diff-tree: %w", readErr)
	case waitErr != nil:
		return files, fmt.Errorf("git diff-tree: %w", waitErr)
	}
	return files, nil
}

// readRaw reads git's raw format with -z (git-diff-tree(1), "RAW OUTPUT FORMAT"):
// ":<mode> <mode> <object> <object> <status>", the name, and for renames the new one.
func readRaw(in *bufio.Reader) ([]history.FileChange, error) {
	var files []history.FileChange
	for {
		b, err := in.Peek(1)
		if errors.Is(err, io.EOF) || err == nil && b[0] != ':' {
			return files, nil
		}
		head, err := field(in, err)
		name, err := field(in, err)
		words := strings.Fields(strings.TrimPrefix(head, ":"))
		if err != nil || len(words) != 5 {
			return nil, errors.Join(fmt.Errorf("the entry %.200q", head), err)
		}
		f := history.FileChange{Status: words[4][0], OldName: name, NewName: name}
		if f.Status == 'R' || f.Status == 'C' {
			if f.NewName, err = field(in, nil); err != nil {
				return nil, err
			}
		}
		var errs [4]error
		f.OldMode, errs[0] = parseMode(words[0])
		f.NewMode, errs[1] = parseMode(words[1])
		f.OldObject, errs[2] = history.ParseHash(words[2])
		f.NewObject, errs[3] = history.ParseHash(words[3])
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("the entry %.200q: %w", head, err)
		}
		files = append(files, f)
	}
}

func parseMode(octal string) (uint32, error) {
	n, err := strconv.ParseUint(octal, 8, 32)
	return uint32(n), err
}

// field reads up to a NUL, unless something failed before.
func field(in *bufio.Reader, err error) (string, error) {
	if err != nil {
		return "", err
	}
	s, err := in.ReadString(0)
	return strings.TrimSuffix(s, "\x00"), err
}

// readCounts reads git's --numstat with -z: "<added>\t<deleted>\t<name>", where
// for renames the name is empty and both follow. An empty field, or the end,
// stands behind the last one.
func readCounts(in *bufio.Reader, files []history.FileChange) error {
	at := map[string]int{}
	for i, f := range files {
		at[f.NewName] = i
	}
	for {
		head, err := field(in, nil)
		if errors.Is(err, io.EOF) || head == "" {
			return nil
		}
		counts := strings.SplitN(head, "\t", 3)
		if err != nil || len(counts) != 3 {
			return errors.Join(fmt.Errorf("the count %.200q", head), err)
		}
		name := counts[2]
		if name == "" {
			_, err = field(in, nil)
			if name, err = field(in, err); err != nil {
				return err
			}
		}
		i, ok := at[name]
		if !ok {
			return fmt.Errorf("the count of %.200q, which is no file of the list", name)
		}
		f := &files[i]
		if f.Binary = counts[0] == "-"; f.Binary {
			continue
		}
		var errs [2]error
		f.Added, errs[0] = strconv.Atoi(counts[0])
		f.Deleted, errs[1] = strconv.Atoi(counts[1])
		if err := errors.Join(errs[0], errs[1]); err != nil {
			return fmt.Errorf("the count %.200q: %w", head, err)
		}
	}
}

// diffReader reads the files' diffs, which come in the order of the list.
type diffReader struct {
	files  []history.FileChange
	limits *PatchLimits

	at       int // whose diff is read; -1 before the first
	sections int // of it that are still to come
	text     []byte
	room     int  // how long text may be
	full     bool // the diff is longer
}

// readDiffs reads diffs as far as the limits let it. enough says that the rest
// was not read.
func readDiffs(in *bufio.Reader, files []history.FileChange, limits *PatchLimits) (enough bool, err error) {
	r := &diffReader{files: files, limits: limits, at: -1}
	begins := true // a line
	for {
		chunk, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return false, err
		}
		if begins && bytes.HasPrefix(chunk, []byte("diff --git ")) && !r.next() {
			r.leaveOut()
			return true, nil
		}
		r.take(chunk)
		if errors.Is(err, io.EOF) {
			r.finish()
			r.leaveOut()
			return false, nil
		}
		begins = err == nil
	}
}

// next begins a section, and says whether there is room for it.
func (r *diffReader) next() bool {
	if r.sections > 0 || r.at+1 == len(r.files) {
		r.sections--
		return true
	}
	r.finish()
	if r.full && r.room < r.limits.File {
		return false
	}
	r.at++
	if r.files[r.at].Status == 'T' { // the old file goes, the new one comes
		r.sections = 1
	}
	r.text, r.room, r.full = r.text[:0], min(r.limits.File, r.limits.Total), false
	return true
}

func (r *diffReader) take(chunk []byte) {
	switch {
	case r.at < 0 || r.full:
	case len(r.text)+len(chunk) > r.room:
		r.full = true
		r.text = r.text[:bytes.LastIndexByte(r.text, '\n')+1]
	default:
		r.text = append(r.text, chunk...)
	}
}

func (r *diffReader) finish() {
	if r.at < 0 {
		return
	}
	f := &r.files[r.at]
	r.limits.Total -= len(r.text)
	f.Diff, f.Truncated = string(r.text), r.full
	if f.Truncated {
		f.LeftOut = f.Added + f.Deleted - changedLines(f.Diff)
	}
	if i := strings.LastIndex(f.Diff, "\nBinary files "); f.Binary && i >= 0 {
		f.Diff = f.Diff[:i+1]
	}
}

// leaveOut marks the files behind the current one.
func (r *diffReader) leaveOut() {
	for i := r.at + 1; i < len(r.files); i++ {
		f := &r.files[i]
		f.Truncated, f.LeftOut = true, f.Added+f.Deleted
	}
}

// changedLines counts the added and deleted lines of a diff.
func changedLines(diff string) int {
	n := 0
	hunk := false
	for line := range strings.Lines(diff) {
		switch {
		case strings.HasPrefix(line, "@@ "):
			hunk = true
		case line[0] == 'd':
			hunk = false
		case hunk && (line[0] == '+' || line[0] == '-'):
			n++
		}
	}
	return n
}

// sizes finds the sizes of binary files.
func (s *gitSource) sizes(ctx context.Context, files []history.FileChange) error {
	var in strings.Builder
	for _, f := range files {
		for _, h := range []history.Hash{f.OldObject, f.NewObject} {
			if f.Binary && !h.IsZero() {
				fmt.Fprintf(&in, "%s\n", h)
			}
		}
	}
	if in.Len() == 0 {
		return nil
	}
	out, err := run(ctx, s.viewDir, s.viewEnv(), strings.NewReader(in.String()), "cat-file", "--buffer", "--batch-check=%(objectname) %(objectsize)")
	if err != nil {
		return err
	}
	known := map[string]int64{}
	for line := range strings.Lines(string(out)) { // "<name> missing" for those that are not there
		name, size, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if n, err := strconv.ParseInt(size, 10, 64); err == nil {
			known[name] = n
		}
	}
	for i := range files {
		files[i].OldSize, files[i].NewSize = known[files[i].OldObject.String()], known[files[i].NewObject.String()]
	}
	return nil
}
