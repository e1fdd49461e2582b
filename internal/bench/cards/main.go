// Command cards measures how long the server takes for a fix card (the command
// cabhfuil.where): on a repository that it makes, with many release lines, of
// changes that have copies, reverts, re-applies and follow-ups on most of them;
// and on a real one, of changes that trailers name. `make cards REPO=…` calls it.
// The repository itself is only read.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

func main() {
	bin := flag.String("bin", "bin/cabhfuil-lsp", "the program")
	repo := flag.String("repo", "", "a full clone; none for the made repository alone")
	lines := flag.Int("lines", 30, "release lines of the made repository")
	n := flag.Int("n", 2000, "how many cards are asked for")
	seed := flag.Uint64("seed", 1, "of the commits that are asked for")
	flag.Parse()
	if err := run(*bin, *repo, *lines, *n, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "cards:", err)
		os.Exit(1)
	}
}

func run(bin, repo string, lines, n int, seed uint64) (err error) {
	if bin, err = filepath.Abs(bin); err != nil {
		return err
	}
	top, err := os.MkdirTemp("", "cards-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(top)) }()
	fmt.Print("| repository | changes | lines | of these with the change, most | related commits, most | median · p99 · most | the server's CPU |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	dir := filepath.Join(top, "made.git")
	changes, err := makeRepository(dir, lines)
	if err != nil {
		return err
	}
	if err := measure(bin, filepath.Join(top, "home"), dir, "made", changes, n); err != nil || repo == "" {
		return err
	}
	if repo, err = filepath.Abs(repo); err != nil {
		return err
	}
	if changes, err = named(repo, seed); err != nil {
		return err
	}
	return measure(bin, filepath.Join(top, "home"), repo, filepath.Base(repo), changes, n)
}

var trailer = regexp.MustCompile(`cherry picked from commit ([0-9a-f]{40})`)

// named are up to 300 changes of a repository that trailers name.
func named(repo string, seed uint64) ([]string, error) {
	out, err := exec.Command("git", "-C", repo, "log", "--branches", "--remotes", "--tags", "--format=%B").Output()
	if err != nil {
		return nil, fmt.Errorf("git log: %w", err)
	}
	var all []string
	for _, m := range trailer.FindAllStringSubmatch(string(out), -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	all = slices.Compact(all)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a sample
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if len(all) == 0 {
		return nil, errors.New("no trailer names a commit")
	}
	return all[:min(len(all), 300)], nil
}

// measure asks a server for the cards of changes in turn, n times in all.
func measure(bin, home, dir, name string, changes []string, n int) error {
	ctx := context.Background()
	cmd := exec.Command(bin, "--stdio", "--private")
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home)
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
	c, err := client.New(ctx, pipe{out, in}, client.Options{Folders: []string{dir}})
	if err != nil {
		return err
	}
	uri := (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String()
	// A check waits for all that is found out in the background.
	for _, warm := range []struct {
		command  string
		argument map[string]any
	}{
		{"cabhfuil.search", map[string]any{"query": "card", "uri": uri, "wait": true}},
		{"cabhfuil.check", map[string]any{"keys": changes[:1], "on": []string{"HEAD"}, "uri": uri}},
	} {
		if err := c.Execute(ctx, warm.command, warm.argument, nil); err != nil {
			return err
		}
	}
	var times []time.Duration
	known, lines, there, related := map[string]bool{}, 0, 0, 0
	before := ticks(cmd.Process.Pid)
	for i := range n {
		var answers []history.Answer
		start := time.Now()
		err := c.Execute(ctx, "cabhfuil.where", map[string]any{"keys": changes[i%len(changes) : i%len(changes)+1], "uri": uri}, &answers)
		took := time.Since(start)
		if err != nil {
			return err
		}
		if len(answers) != 1 || len(answers[0].Matches) != 1 {
			continue // it is not in this repository
		}
		m := answers[0].Matches[0]
		if slices.Contains(m.Limits, history.LimitLineagePending) {
			return fmt.Errorf("not all is known: %v", m.Limits)
		}
		present := 0
		for _, l := range m.Branches {
			if l.Status == history.Contains || l.Status == history.Backported {
				present++
			}
		}
		times, known[answers[0].Query] = append(times, took), true
		lines, there, related = max(lines, len(m.Branches)), max(there, present), max(related, len(m.Related))
	}
	if len(times) == 0 {
		return errors.New("no card was answered")
	}
	cpu := time.Duration(ticks(cmd.Process.Pid)-before) * 10 * time.Millisecond / time.Duration(n)
	slices.Sort(times)
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000) }
	fmt.Printf("| %s | %d | %d | %d | %d | %s · %s · %s ms | %s ms |\n", name, len(known), lines, there, related, ms(times[len(times)/2]), ms(times[len(times)*99/100]), ms(times[len(times)-1]), ms(cpu))
	if err := c.Close(ctx); err != nil {
		return err
	}
	return cmd.Wait()
}

// ticks are how many hundredths of a second a process has run, without those that
// it started, by Linux's /proc; elsewhere 0.
func ticks(pid int) (n int64) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, field := range fields[min(11, len(fields)):min(13, len(fields))] { // in user mode, in the kernel
		var t int64
		if _, err := fmt.Sscan(field, &t); err == nil {
			n += t
		}
	}
	return n
}

type pipe struct {
	io.Reader
	io.WriteCloser
}

// maker writes a history by git fast-import, which tells names as it goes on.
type maker struct {
	in     io.Writer
	out    io.Reader
	marks  int
	failed error // the first that went wrong; nothing is done after it
}

// made is a commit's name, and what fast-import calls it.
type made struct{ sha, mark string }

// commit adds one to a branch. from is where a branch begins, nil for one that is there.
func (m *maker) commit(branch string, from *made, message string) made {
	m.marks++
	c := made{mark: fmt.Sprintf(":%d", m.marks)}
	text := fmt.Sprintf("commit refs/heads/%s\nmark %s\ncommitter C <c@example.com> %d +0000\ndata %d\n%s\n", branch, c.mark, 1_500_000_000+60*m.marks, len(message), message)
	if from != nil {
		text += "from " + from.mark + "\n"
	}
	m.write(text + fmt.Sprintf("M 644 inline file%d\ndata 4\n%04d\n\nget-mark %s\n", m.marks%100, m.marks%10_000, c.mark))
	sha := make([]byte, 41)
	if m.failed == nil {
		_, m.failed = io.ReadFull(m.out, sha)
	}
	c.sha = string(sha[:40])
	return c
}

func (m *maker) tag(name string, at made) {
	m.write(fmt.Sprintf("reset refs/tags/%s\nfrom %s\n\n", name, at.mark))
}

func (m *maker) write(text string) {
	if m.failed == nil {
		_, m.failed = io.WriteString(m.in, text)
	}
}

// makeRepository makes a history with so many release lines, and returns the
// changes whose cards are to be asked for. Of each change, of ten lines six have a
// copy, each made of the one on the next newer line; two of these reverted it, one
// of which applied it again; two have a copy of its follow-up. Each line has tags.
func makeRepository(dir string, lines int) (changes []string, err error) {
	if out, err := exec.Command("git", "init", "-q", "--bare", "--initial-branch=main", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("git init: %w: %s", err, out)
	}
	cmd := exec.Command("git", "-C", dir, "fast-import", "--quiet")
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	m := &maker{in: in, out: out}
	at := make([]made, lines)
	for i := range at {
		for j := range 100 {
			at[i] = m.commit("main", nil, fmt.Sprintf("Work %d on what becomes %d\n", j, i))
		}
	}
	for i := range at {
		at[i] = m.commit(line(i), &at[i], "Open the line\n")
		m.tag(fmt.Sprintf("v%d.0", i), at[i])
	}
	for n := range 20 {
		subject := fmt.Sprintf("Fix the engine, number %d", n)
		change := m.commit("main", nil, subject+"\n")
		changes = append(changes, change.sha)
		fixes := fmt.Sprintf("\n\nFixes: %s (%q)\n", change.sha[:12], subject)
		followed := m.commit("main", nil, fmt.Sprintf("Follow up on number %d", n)+fixes)
		m.commit("main", nil, fmt.Sprintf("And once more on number %d", n)+fixes)
		source, follow := change, followed
		for i := lines - 1; i >= 0; i-- {
			kind := i % 10
			if kind >= 6 {
				continue
			}
			source = m.commit(line(i), nil, fmt.Sprintf("%s\n\n(cherry picked from commit %s)\n", subject, source.sha))
			if kind < 2 {
				revert := m.commit(line(i), nil, fmt.Sprintf("Revert %q\n\nThis reverts commit %s.\n", subject, source.sha))
				if kind == 1 {
					m.commit(line(i), nil, fmt.Sprintf("Reapply %q\n\nThis reverts commit %s.\n", subject, revert.sha))
				}
			}
			if kind == 2 || kind == 3 {
				follow = m.commit(line(i), nil, fmt.Sprintf("Follow up on number %d%s(cherry picked from commit %s)\n", n, fixes, follow.sha))
			}
			m.tag(fmt.Sprintf("v%d.%d", i, n+1), source)
		}
	}
	err = errors.Join(m.failed, in.Close(), cmd.Wait())
	if err != nil {
		return nil, fmt.Errorf("git fast-import: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return changes, nil
}

func line(i int) string { return fmt.Sprintf("stable/%d", i) }
