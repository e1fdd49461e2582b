// Command bench measures the program against git on one repository, in one run,
// and prints a table. `make bench REPO=…` calls it. Each figure is the median of
// several; times of whole processes are ratios to `git log` of the same refs.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

func main() {
	bin := flag.String("bin", "bin/cabhfuil-lsp", "the program")
	repo := flag.String("repo", ".", "a full clone")
	n := flag.Int("n", 3, "how often whole processes run")
	flag.Parse()
	b := &bench{bin: *bin, repo: *repo, n: *n}
	if err := b.run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	bin, repo string
	n         int
	home      string
	word      string        // a word of a message, so that a search for it finds something
	grep      time.Duration // git log with two --grep
}

func (b *bench) run() error {
	var err error
	if b.bin, err = filepath.Abs(b.bin); err != nil {
		return err
	}
	if b.repo, err = filepath.Abs(b.repo); err != nil {
		return err
	}
	if b.home, err = os.MkdirTemp("", "cabhfuil-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.home) //nolint:errcheck // a temporary directory
	commits, err := b.git("rev-list", "--count", "--branches", "--tags", "--remotes")
	if err != nil {
		return err
	}
	sha, err := b.git("rev-list", "-n1", "--skip=5000", "HEAD")
	if err != nil {
		return err
	}
	if sha == "" {
		if sha, err = b.git("rev-parse", "HEAD"); err != nil {
			return err
		}
	}
	subject, err := b.git("log", "-1", "--format=%s", sha)
	if err != nil {
		return err
	}
	b.word = longest(subject)
	fmt.Printf("%s: %s commits, %d cores\n\n| what | git | ours | ratio |\n| --- | --- | --- | --- |\n", b.repo, commits, runtime.NumCPU())
	if err := b.processes(sha); err != nil {
		return err
	}
	return b.requests(sha)
}

// longest returns the longest run of letters in text, or text where it holds none.
func longest(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
	if len(words) == 0 {
		return text
	}
	return slices.MaxFunc(words, func(a, b string) int { return len(a) - len(b) })
}

func (b *bench) git(args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"-C", b.repo}, args...)...).Output()
	return strings.TrimSpace(string(out)), err
}

// timed runs a command and returns its wall time and peak memory.
func timed(cmd *exec.Cmd) (time.Duration, int64, error) {
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", cmd, err)
	}
	return time.Since(start), peak(cmd.ProcessState), nil
}

func (b *bench) ours(args ...string) *exec.Cmd {
	cmd := exec.Command(b.bin, append([]string{"--private", "-C", b.repo, "--format", "json"}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+b.home, "XDG_CACHE_HOME="+b.home, "XDG_CONFIG_HOME="+b.home, "XDG_STATE_HOME="+b.home)
	return cmd
}

func (b *bench) fresh() error {
	if err := os.RemoveAll(b.home); err != nil {
		return err
	}
	return os.MkdirAll(b.home, 0o700)
}

func median[T int64 | time.Duration](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

func row(what string, git, ours time.Duration) {
	if git == 0 {
		fmt.Printf("| %s | | %s | |\n", what, short(ours))
		return
	}
	fmt.Printf("| %s | %s | %s | %.3g |\n", what, short(git), short(ours), float64(ours)/float64(git))
}

func short(d time.Duration) string {
	switch {
	case d > time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d > time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(100 * time.Nanosecond).String()
}

func (b *bench) processes(sha string) error {
	var log, first, full, warm, contains, grep []time.Duration
	var memory []int64
	add := func(all *[]time.Duration, cmd *exec.Cmd) error {
		d, mem, err := timed(cmd)
		*all = append(*all, d)
		if all == &full {
			memory = append(memory, mem)
		}
		return err
	}
	gitCommand := func(args ...string) *exec.Cmd { return exec.Command("git", append([]string{"-C", b.repo}, args...)...) }
	for range b.n {
		steps := []func() error{
			func() error {
				return add(&log, gitCommand("log", "--branches", "--tags", "--remotes", "--format=%H%n%an%n%B"))
			},
			b.fresh,
			func() error { return add(&first, b.ours("where", sha)) },
			b.fresh,
			func() error { return add(&full, b.ours("search", b.word)) },
			func() error { return add(&warm, b.ours("where", sha)) },
			func() error { return add(&contains, gitCommand("for-each-ref", "--contains", sha)) },
			func() error {
				return add(&grep, gitCommand("log", "--branches", "--tags", "-i", "--all-match", "--grep=memory", "--grep=leak", "--format=%H"))
			},
		}
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
		}
	}
	row("first answer from nothing / `git log` of the same refs", median(log), median(first))
	row("full index from nothing / the same", median(log), median(full))
	row("`where` as a warm process / `git for-each-ref --contains`", median(contains), median(warm))
	fmt.Printf("| peak memory of the full index | | %d MB | |\n", median(memory)>>20)
	var size int64
	err := filepath.WalkDir(b.home, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				size += info.Size()
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	count, err := b.git("rev-list", "--count", "--branches", "--tags", "--remotes")
	if err != nil {
		return err
	}
	var n int64
	if _, err := fmt.Sscan(count, &n); err != nil {
		return err
	}
	fmt.Printf("| disk | | %d B a commit | |\n", size/max(n, 1))
	b.grep = median(grep)
	return nil
}

// requests measures a running server through the protocol.
func (b *bench) requests(sha string) error {
	ctx := context.Background()
	start := time.Now()
	cmd := exec.Command(b.bin, "--stdio")
	cmd.Env = b.ours().Env
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
	c, err := client.New(ctx, pipe{out, in}, client.Options{Folders: []string{b.repo}})
	if err != nil {
		return err
	}
	uri := (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(b.repo, "bench.txt"))}).String()
	doc := map[string]any{"uri": uri}
	open := map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "plaintext", "version": 1, "text": "see " + sha[:12] + "\n"}}
	if err := c.Notify(ctx, "textDocument/didOpen", open); err != nil {
		return err
	}
	hover := func() (bool, error) {
		var h json.RawMessage
		err := c.Call(ctx, "textDocument/hover", map[string]any{"textDocument": doc, "position": map[string]any{"line": 0, "character": 6}}, &h)
		return strings.Contains(string(h), sha[:12]), err
	}
	for {
		ok, err := hover()
		if err != nil {
			return err
		}
		if ok {
			break
		}
	}
	row("server start to first hover, warm index", 0, time.Since(start))
	if err := c.Execute(ctx, "cabhfuil.search", map[string]any{"query": b.word, "uri": uri, "wait": true}, nil); err != nil {
		return err
	}
	measure := func(what string, git time.Duration, n int, do func() error) error {
		all := make([]time.Duration, n)
		for i := range all {
			at := time.Now()
			if err := do(); err != nil {
				return err
			}
			all[i] = time.Since(at)
		}
		slices.Sort(all)
		theirs, ratio := "", ""
		if git > 0 {
			theirs, ratio = short(git), fmt.Sprintf("%.2g", float64(all[n/2])/float64(git))
		}
		fmt.Printf("| %s, median · p99 | %s | %s · %s | %s |\n", what, theirs, short(all[n/2]), short(all[n*99/100]), ratio)
		return nil
	}
	search := func(q string) func() error {
		return func() error {
			return c.Execute(ctx, "cabhfuil.search", map[string]any{"query": q, "limit": 10, "uri": uri}, nil)
		}
	}
	symbols := func() error { return c.Call(ctx, "workspace/symbol", map[string]any{"query": "memory le"}, nil) }
	hovers := func() error { _, err := hover(); return err }
	if err := measure("hover, while paths are indexed and contents compared", 0, 2000, hovers); err != nil {
		return err
	}
	if err := c.Execute(ctx, "cabhfuil.search", map[string]any{"query": "file:none", "uri": uri, "wait": true}, nil); err != nil {
		return err
	}
	for _, m := range []struct {
		what string
		git  time.Duration
		n    int
		do   func() error
	}{
		{"hover", 0, 2000, hovers},
		{"`where` in the server", 0, 1000, func() error {
			return c.Execute(ctx, "cabhfuil.where", map[string]any{"keys": []string{sha}, "uri": uri}, nil)
		}},
		{"search, two words / `git log --grep` twice", b.grep, 300, search("memory leak")},
		{"search, a phrase", 0, 100, search(`"memory leak"`)},
		{"search, author and date", 0, 100, search("author:smith since:2020-01-01")},
		{"symbols, 100 hits by a prefix", 0, 100, symbols},
	} {
		if err := measure(m.what, m.git, m.n, m.do); err != nil {
			return err
		}
	}
	if err := c.Close(ctx); err != nil {
		return err
	}
	return cmd.Wait()
}

type pipe struct {
	io.Reader
	io.WriteCloser
}
