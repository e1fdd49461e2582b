// Command paths holds the operator file: against git log, for random paths,
// directories and globs of a large repository, and explains each difference.
// `make paths REPO=…` calls it. The repository itself is only read.
//
// Three lists are compared: ours, that of `git log -- PATH`, which leaves out
// sides of merges that made no difference in the end (history simplification),
// and that of `git log --full-history -- PATH`, which also shows merges that
// equal one of their parents. Without merges ours has to be the full one; of the
// merges, those that differ from every parent.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

func main() {
	bin := flag.String("bin", "bin/cabhfuil-lsp", "the program")
	repo := flag.String("repo", ".", "a full clone")
	n := flag.Int("n", 50, "how many paths; directories are a fifth of that")
	globs := flag.Int("globs", -1, "how many globs, which take git long; -1 for a fifth of n, too")
	seed := flag.Uint64("seed", 1, "of the random paths")
	flag.Parse()
	c := &comparison{random: rand.New(rand.NewPCG(*seed, 0))}
	if err := c.run(*bin, *repo, *n, *globs); err != nil {
		fmt.Fprintln(os.Stderr, "falls short:", err)
		os.Exit(1)
	}
}

type comparison struct {
	random  *rand.Rand
	dir     string // a copy, with a commit-graph so that git takes seconds
	c       *client.Client
	parents map[string][]string
	checked int // merges that were held against each parent
}

func (c *comparison) git(args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"-C", c.dir}, args...)...).Output()
	if err != nil {
		err = fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return string(out), err
}

// tally is how many commits the lists of one kind of question have.
type tally struct {
	questions, alike, ours, git     int
	simplified, combined, fullMerge int
}

func (c *comparison) run(bin, repo string, n, globs int) (err error) {
	top, err := os.MkdirTemp("", "paths-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(top) //nolint:errcheck // a temporary directory
	if bin, err = filepath.Abs(bin); err != nil {
		return err
	}
	c.dir = filepath.Join(top, "copy.git")
	if out, err := exec.Command("git", "clone", "--quiet", "--mirror", "--local", repo, c.dir).CombinedOutput(); err != nil {
		return fmt.Errorf("cloning: %w: %s", err, out)
	}
	if err := c.serve(bin, top); err != nil {
		return err
	}
	if _, err := c.git("commit-graph", "write", "--reachable", "--changed-paths"); err != nil { // or git takes minutes
		return err
	}
	files, err := c.list()
	if err != nil {
		return err
	}
	kinds := []string{"path", "directory", "glob"}
	tallies := map[string]*tally{}
	for i, kind := range kinds {
		t := &tally{}
		tallies[kind] = t
		count := n
		switch {
		case kind == "glob" && globs >= 0:
			count = globs
		case i > 0:
			count = max(1, n/5)
		}
		seen := map[string]bool{}
		for tries := 0; t.questions < count && tries < 100*count; tries++ {
			pattern, specs := question(kind, files[c.random.IntN(len(files))])
			if pattern == "" || seen[pattern] {
				continue
			}
			seen[pattern] = true
			if err := c.compare(t, pattern, specs); err != nil {
				return fmt.Errorf("file:%s: %w", pattern, err)
			}
		}
	}
	if err := c.c.Close(context.Background()); err != nil {
		return err
	}
	fmt.Println("\n| asked for | questions | same list as `git log` | commits ours · git's | simplified away by git | merges that only all files together make | more merges in `--full-history` |\n| --- | --- | --- | --- | --- | --- | --- |")
	for _, kind := range kinds {
		t := tallies[kind]
		fmt.Printf("| %s | %d | %d | %d · %d | %d | %d | %d |\n", kind, t.questions, t.alike, t.ours, t.git, t.simplified, t.combined, t.fullMerge)
	}
	fmt.Printf("holds: every difference is explained; %d merges were held against each of their parents\n", c.checked)
	return nil
}

// serve starts the program on the copy and waits for its index.
func (c *comparison) serve(bin, top string) error {
	ctx := context.Background()
	cmd := exec.CommandContext(ctx, bin, "--stdio", "--private")
	cmd.Env = append(os.Environ(), "HOME="+top, "XDG_CACHE_HOME="+top, "XDG_CONFIG_HOME="+top, "XDG_STATE_HOME="+top)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if c.c, err = client.New(ctx, pipe{out, in}, client.Options{Folders: []string{c.dir}}); err != nil {
		return err
	}
	if _, err := c.search("deadlock"); err != nil {
		return err
	}
	start := time.Now()
	if _, err := c.search("file:no/such/path"); err != nil {
		return err
	}
	took := time.Since(start)
	var size int64
	err = filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(p, ".paths") {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		return err
	}
	list, err := c.git("rev-list", "--branches", "--tags", "--remotes", "--parents")
	if err != nil {
		return err
	}
	c.parents = map[string][]string{}
	for line := range strings.Lines(list) {
		names := strings.Fields(line)
		c.parents[names[0]] = names[1:]
	}
	fmt.Printf("%d commits: the paths took %s after the words, and %.1f bytes a commit\n", len(c.parents), took.Round(100*time.Millisecond), float64(size)/float64(len(c.parents)))
	return nil
}

// list is every path that any commit changed, in git's words.
func (c *comparison) list() ([]string, error) {
	out, err := c.git("log", "--branches", "--tags", "--remotes", "--no-renames", "--no-merges", "--name-only", "--format=", "-z")
	if err != nil {
		return nil, err
	}
	all := strings.Split(out, "\x00")
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(p string) bool { return strings.TrimSpace(p) == "" || strings.ContainsAny(p, "*?[\\") }), nil
}

// question is a pattern of the kind that has to do with a file, and the same in
// git's pathspecs; "" where there is none.
func question(kind, file string) (pattern string, specs []string) {
	dir, base := path.Split(file)
	switch kind {
	case "path":
		if dir == "" { // a name alone is looked for everywhere, which takes git a minute
			return "./" + file, []string{":(literal)" + file}
		}
		return file, []string{":(literal)" + file}
	case "directory":
		if dir == "" {
			return "", nil
		}
		return strings.TrimSuffix(dir, "/"), []string{":(literal)" + strings.TrimSuffix(dir, "/")}
	}
	ext := path.Ext(base)
	if dir == "" || ext == "" || len(base) < 6 {
		return "", nil
	}
	if len(dir)%2 == 0 {
		return dir + "*" + ext, []string{dir + "*" + ext}
	}
	pattern = "*/" + base[:2] + "?" + base[3:4] + "*"
	return pattern, []string{pattern}
}

func (c *comparison) compare(t *tally, pattern string, specs []string) error {
	ours, err := c.search(`file:"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(pattern) + `"`)
	if err != nil {
		return err
	}
	log, err := c.log(specs)
	if err != nil {
		return err
	}
	full, err := c.log(specs, "--full-history")
	if err != nil {
		return err
	}
	t.questions++
	t.ours += len(ours)
	t.git += len(log)
	var simplified, combined, fullMerge int
	for sha := range ours {
		if log[sha] {
			continue
		}
		if !full[sha] {
			return fmt.Errorf("%s is ours, and git knows nothing of it", sha)
		}
		simplified++
		if err := c.hold(sha, specs, true); err != nil {
			return err
		}
	}
	for sha := range log {
		if ours[sha] {
			continue
		}
		// Of several files each may equal one of the parents, and all together none.
		if len(c.parents[sha]) < 2 || !strings.ContainsAny(pattern, "*?") {
			return fmt.Errorf("%s is git's, and not ours", sha)
		}
		combined++
		if err := c.hold(sha, specs, true); err != nil {
			return err
		}
	}
	for sha := range full {
		if ours[sha] || log[sha] {
			continue
		}
		if len(c.parents[sha]) < 2 {
			return fmt.Errorf("%s is in git's full history, and not ours", sha)
		}
		fullMerge++
		if !strings.ContainsAny(pattern, "*?") {
			if err := c.hold(sha, specs, false); err != nil {
				return err
			}
		}
	}
	if simplified+combined == 0 {
		t.alike++
	}
	t.simplified, t.combined, t.fullMerge = t.simplified+simplified, t.combined+combined, t.fullMerge+fullMerge
	fmt.Printf("file:%s  ours %d, git %d, full history %d: %d simplified away, %d merges of all files together\n", pattern, len(ours), len(log), len(full), simplified, combined)
	return nil
}

// maxChecks bounds the merges that are held against their parents.
const maxChecks = 400

// hold checks that a merge differs from every parent, or that it does not.
func (c *comparison) hold(sha string, specs []string, fromAll bool) error {
	parents := c.parents[sha]
	if len(parents) < 2 || c.checked >= maxChecks {
		return nil
	}
	c.checked++
	differs := true
	for _, p := range parents {
		out, err := c.git(append([]string{"diff-tree", "-r", "--name-only", p, sha, "--"}, specs...)...)
		if err != nil {
			return err
		}
		differs = differs && out != ""
	}
	if differs != fromAll {
		return fmt.Errorf("the merge %s differs from every parent: %v", sha, differs)
	}
	return nil
}

func (c *comparison) log(specs []string, options ...string) (map[string]bool, error) {
	args := append([]string{"log", "--branches", "--tags", "--remotes", "--format=%H"}, options...)
	out, err := c.git(append(append(args, "--"), specs...)...)
	set := map[string]bool{}
	for _, sha := range strings.Fields(out) {
		set[sha] = true
	}
	return set, err
}

func (c *comparison) search(text string) (map[string]bool, error) {
	uri := (&url.URL{Scheme: "file", Path: filepath.ToSlash(c.dir)}).String()
	var found history.SearchResult
	if err := c.c.Execute(context.Background(), "cabhfuil.search", map[string]any{"query": text, "uri": uri, "wait": true, "limit": 10_000_000}, &found); err != nil {
		return nil, err
	}
	if len(found.Errors) > 0 {
		return nil, fmt.Errorf("%s", cmp.Or(found.Errors[0].Message, "it failed"))
	}
	set := map[string]bool{}
	for _, h := range found.Hits {
		set[h.SHA.String()] = true
	}
	return set, nil
}

type pipe struct {
	io.Reader
	io.WriteCloser
}
