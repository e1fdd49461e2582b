// Command lenses holds the lenses of source files against git: it opens random
// files of a work tree in one server, resolves every lens, and compares the
// commit with the newest one that git blame names for the same lines, for the
// text as it stands or, with -edit, as somebody changes it. With -large it
// measures one long file instead. `make lenses REPO=…` calls it. The repository
// itself is only read.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cabhfuil/cabhfuil-lsp/internal/outline"
)

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin/cabhfuil-lsp", "the program")
	flag.StringVar(&o.repo, "repo", ".", "a full clone")
	flag.IntVar(&o.n, "n", 50, "how many files")
	flag.BoolVar(&o.edit, "edit", false, "change the texts before lenses are asked for")
	flag.Uint64Var(&o.seed, "seed", 1, "of the random choice")
	flag.StringVar(&o.large, "large", "", "measure this file of HEAD instead")
	flag.Parse()
	text, err := o.run(context.Background())
	if err != nil {
		fmt.Println("falls short:", err)
		os.Exit(1)
	}
	fmt.Println("holds:", text)
}

type options struct {
	bin, repo string
	n         int
	edit      bool
	seed      uint64
	large     string
}

func (o options) run(ctx context.Context) (holds string, err error) {
	top, err := os.MkdirTemp("", "lenses-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(top)) }()
	if top, err = filepath.EvalSymlinks(top); err != nil {
		return "", err
	}
	if o.bin, err = filepath.Abs(o.bin); err != nil {
		return "", err
	}
	if o.repo, err = filepath.Abs(o.repo); err != nil {
		return "", err
	}
	t := tree{top: top, dir: filepath.Join(top, "tree")}
	if out, err := exec.Command("git", "clone", "--quiet", "--shared", o.repo, t.dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("cloning: %w: %s", err, out)
	}
	if o.large != "" {
		return o.measure(ctx, t)
	}
	return o.compare(ctx, t)
}

// tree is a work tree of its own.
type tree struct{ top, dir string }

// git runs git without anybody's configuration.
func (t tree) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", t.dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, said.String())
	}
	return string(out), err
}

// sources are the files of HEAD that lenses are for, in git's order.
func (t tree) sources(ctx context.Context) ([]string, error) {
	list, err := t.git(ctx, "ls-tree", "-r", "-z", "HEAD")
	var names []string
	for entry := range strings.SplitSeq(list, "\x00") {
		head, name, _ := strings.Cut(entry, "\t")
		if strings.HasPrefix(head, "100") && outline.Known(name, "") {
			names = append(names, name)
		}
	}
	return names, err
}

// read is a file's text; "" for one that no editor can show as text.
func (t tree) read(name string) (string, error) {
	b, err := os.ReadFile(filepath.Join(t.dir, name))
	if err != nil || !utf8.Valid(b) {
		return "", err
	}
	return string(b), nil
}

// compare opens random files and compares each lens with git.
func (o options) compare(ctx context.Context, t tree) (string, error) {
	names, err := t.sources(ctx)
	if err != nil {
		return "", err
	}
	random := rand.New(rand.NewPCG(o.seed, 0))
	random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	s, err := t.start(ctx, o.bin, nil)
	if err != nil {
		return "", err
	}
	var files, lenses, uncommitted int
	var wrong []string
	byKind := map[string]int{}
	for _, name := range names {
		if files == o.n {
			break
		}
		text, err := t.read(name)
		if err != nil {
			return "", err
		}
		if text == "" {
			continue
		}
		if o.edit {
			text = edited(random, text)
		}
		found, err := s.lenses(ctx, name, text)
		if err == nil {
			err = s.resolve(ctx, found)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		blamed, err := t.blame(ctx, name, text, o.edit)
		if err != nil {
			return "", err
		}
		files++
		byKind[filepath.Ext(name)]++
		for _, l := range found {
			lenses++
			want := blamed.newest(l.first, l.last)
			if want == "" {
				uncommitted++
			}
			if l.commit != want {
				wrong = append(wrong, fmt.Sprintf("%s, lines %d to %d: %s %q, git blame says %s", name, l.first+1, l.last+1, orNone(l.commit), l.title, orNone(want)))
			}
		}
	}
	if err := s.stop(ctx); err != nil {
		return "", err
	}
	how := "as they stand"
	if o.edit {
		how = fmt.Sprintf("while they are edited, %d of them without a commit", uncommitted)
	}
	text := fmt.Sprintf("%d lenses of %d files of %s, %s (%s)", lenses, files, o.repo, how, kinds(byKind))
	if len(wrong) > 0 {
		return "", fmt.Errorf("%d of %s:\n  %s", len(wrong), text, strings.Join(wrong[:min(len(wrong), 20)], "\n  "))
	}
	return text, nil
}

func orNone(s string) string {
	if s == "" {
		return "no commit"
	}
	return s
}

func kinds(n map[string]int) string {
	var parts []string
	for ext, count := range n {
		if ext == "" {
			ext = "no extension"
		}
		parts = append(parts, fmt.Sprintf("%s %d", ext, count))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// edited is a text with lines inserted, deleted and changed.
func edited(random *rand.Rand, text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i := range 1 + random.IntN(12) {
		at := random.IntN(len(lines))
		switch random.IntN(3) {
		case 0:
			lines = slices.Insert(lines, at, fmt.Sprintf("edited %d\n", i))
		case 1:
			if len(lines) > 2 {
				lines = slices.Delete(lines, at, at+1)
			}
		default:
			lines[at] = fmt.Sprintf("changed %d ", i) + lines[at]
		}
	}
	return strings.Join(lines, "")
}

// runs is how often a long file is measured.
const runs = 3

// ratio is how much longer than git blame all lenses of a long file may take.
const ratio = 1.2

// measure takes the time from the first resolve on until all lenses of a file
// are there, beside git blame's.
func (o options) measure(ctx context.Context, t tree) (string, error) {
	log := filepath.Join(t.top, "git.log")
	path, err := t.wrapGit(log)
	if err != nil {
		return "", err
	}
	text, err := t.read(o.large)
	if err != nil {
		return "", err
	}
	var first, all, git, ratios []time.Duration
	var count int
	for range runs {
		start := time.Now()
		blamed, err := t.blame(ctx, o.large, text, false)
		if err != nil {
			return "", err
		}
		git = append(git, time.Since(start))
		s, err := t.start(ctx, o.bin, []string{"PATH=" + path})
		if err != nil {
			return "", err
		}
		found, err := s.lenses(ctx, o.large, text)
		if err != nil {
			return "", err
		}
		if n, err := blames(log); n > 0 || err != nil {
			return "", errors.Join(fmt.Errorf("the list of lenses cost %d blames", n), err)
		}
		start = time.Now()
		if err := s.resolve(ctx, found); err != nil {
			return "", err
		}
		all = append(all, time.Since(start))
		first, count = append(first, s.firstReply), len(found)
		ratios = append(ratios, all[len(all)-1]*1000/git[len(git)-1])
		if n, err := blames(log); n != 1 || err != nil {
			return "", errors.Join(fmt.Errorf("%d lenses cost %d blames, not one", count, n), err)
		}
		if err := s.stop(ctx); err != nil {
			return "", err
		}
		for _, l := range found {
			if want := blamed.newest(l.first, l.last); l.commit != want {
				return "", fmt.Errorf("lines %d to %d: %s, git blame says %s", l.first+1, l.last+1, orNone(l.commit), orNone(want))
			}
		}
		if err := os.Truncate(log, 0); err != nil {
			return "", err
		}
	}
	r := float64(median(ratios)) / 1000
	said := fmt.Sprintf("%s (%d lines): all %d lenses in %s, %.2f × git blame's %s, with one blame; first reply in %s, with none (medians of %d)",
		o.large, strings.Count(text, "\n"), count, ms(median(all)), r, ms(median(git)), ms(median(first)), runs)
	if r > ratio {
		return "", errors.New(said)
	}
	return said, nil
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// wrapGit makes a directory with a git that logs how it is called, and returns a
// PATH that begins with it.
func (t tree) wrapGit(log string) (string, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(t.top, "bin")
	script := fmt.Sprintf("#!/bin/sh\necho \"$*\" >>'%s'\nexec '%s' \"$@\"\n", log, git)
	err = errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(log, nil, 0o600), os.WriteFile(filepath.Join(dir, "git"), []byte(script), 0o700)) //nolint:gosec // a program
	return dir + string(filepath.ListSeparator) + os.Getenv("PATH"), err
}

// blames counts the git blame processes in a log of wrapGit's.
func blames(log string) (int, error) {
	b, err := os.ReadFile(log)
	n := 0
	for line := range strings.Lines(string(b)) {
		if slices.Contains(strings.Fields(line), "blame") {
			n++
		}
	}
	return n, err
}

var _ io.ReadWriteCloser = pipe{}

type pipe struct {
	io.Reader
	io.WriteCloser
}
