// Command contents measures what it costs to compare contents, the last tier of
// lineage, against `git patch-id` of the same commits, and what the tiers before
// add to the time of a full index. `make contents REPO=…` calls it. The
// repository itself is only read.
//
// Each figure is that of a process of its own with all that it starts, the median
// of several. What is compared runs by turns, so that a busy machine slows both.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

func main() {
	repo := flag.String("repo", ".", "a full clone")
	n := flag.Int("n", 5, "how often each process runs")
	commits := flag.Int("commits", 2000, "how many commits have their fingerprints made")
	job := flag.String("job", "", "what this process does, being one of those that are measured")
	dir := flag.String("dir", "", "the directory of the job's index")
	flag.Parse()
	ctx := context.Background()
	var err error
	if *job != "" {
		err = work(ctx, *job, *repo, *dir)
	} else {
		err = run(ctx, *repo, *n, *commits)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "contents:", err)
		os.Exit(1)
	}
}

// bench measures one repository.
type bench struct {
	repo, top, self string
	n               int
}

func run(ctx context.Context, repo string, n, commits int) (err error) {
	b := bench{n: n}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.repo, err = filepath.Abs(repo); err != nil {
		return err
	}
	if b.top, err = os.MkdirTemp("", "contents-"); err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, os.RemoveAll(b.top)) }()
	fmt.Printf("%s, %d cores\n\n", b.repo, runtime.NumCPU())
	if err := b.fingerprints(ctx, commits); err != nil {
		return err
	}
	if err := b.tier(ctx); err != nil {
		return err
	}
	return b.tiers(ctx)
}

// fingerprints measures those of some commits in a row that are no merges.
func (b bench) fingerprints(ctx context.Context, n int) error {
	out, err := exec.CommandContext(ctx, "git", "-C", b.repo, "rev-list", "--no-merges", "--skip=2000", fmt.Sprintf("--max-count=%d", n), "HEAD").Output()
	if err != nil {
		return fmt.Errorf("git rev-list: %w", err)
	}
	list := string(out)
	costs, err := b.byTurns(list, b.n, b.job("fingerprints", ""), b.git(diffTree), b.git(log))
	if err != nil {
		return err
	}
	fmt.Printf("Fingerprints of %d commits:\n\n", strings.Count(list, "\n"))
	table([]string{"ours", "`git diff-tree -p \\| git patch-id`", "`git log -p \\| git patch-id`"}, costs)
	return nil
}

// What git runs: names come in, ids go nowhere.
const (
	diffTree = "git diff-tree --stdin -p | git patch-id --stable >/dev/null"
	log      = "git log --no-walk=unsorted --stdin --no-merges -p | git patch-id --stable >/dev/null"
)

// tier measures the comparison as it runs in the background, and what git takes
// for the commits that it looks at.
func (b bench) tier(ctx context.Context) error {
	ready := filepath.Join(b.top, "ready")
	if _, err := measure(b.job("words", ready)(), ""); err != nil {
		return err
	}
	var looked strings.Builder
	cmd := b.job("looked", ready)()
	cmd.Stdout = &looked
	if _, err := measure(cmd, ""); err != nil {
		return err
	}
	list := looked.String()
	n := strings.Count(list, "\n")
	if n == 0 {
		fmt.Print("No commit has to be compared by content.\n\n")
		return nil
	}
	compare := func() *exec.Cmd {
		dir := filepath.Join(b.top, "compared")
		err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(ready)), os.RemoveAll(filepath.Join(dir, "lock")))
		cmd := b.job("compare", dir)()
		cmd.Err = cmp.Or(err, cmd.Err)
		return cmd
	}
	times := b.n
	if n > 5000 {
		times = 1 // git takes minutes
	}
	costs, err := b.byTurns(list, times, compare, b.job("fingerprints", ""), b.git(diffTree))
	if err != nil {
		return err
	}
	fmt.Printf("The whole comparison, which looked at %d commits, and the fingerprints of all of these:\n\n", n)
	table([]string{"the comparison", "all fingerprints", "`git diff-tree -p \\| git patch-id`"}, costs)
	return nil
}

// tiers measures what the tiers before contents add to a full index.
func (b bench) tiers(context.Context) error {
	fresh := func(job string) func() *exec.Cmd {
		return func() *exec.Cmd {
			dir := filepath.Join(b.top, "fresh")
			cmd := b.job(job, dir)()
			cmd.Err = cmp.Or(os.RemoveAll(dir), cmd.Err)
			return cmd
		}
	}
	costs, err := b.byTurns("", b.n, fresh("words-alone"), fresh("words"))
	if err != nil {
		return err
	}
	fmt.Print("A full index from nothing, that is the graph and all words:\n\n")
	table([]string{"without lineage", "with all tiers but contents"}, costs)
	return nil
}

// job makes a process of this program.
func (b bench) job(name, dir string) func() *exec.Cmd {
	return func() *exec.Cmd {
		cmd := exec.Command(b.self, "-job", name, "-repo", b.repo, "-dir", dir)
		cmd.Stdout = io.Discard
		return cmd
	}
}

// git makes a pipeline of git's.
func (b bench) git(script string) func() *exec.Cmd {
	return func() *exec.Cmd {
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir = b.repo
		return cmd
	}
}

// cost is what a process took, with all that it started.
type cost struct {
	wall, cpu      time.Duration
	memory, mapped int64 // the most at once, in bytes, without and with files that are mapped
}

// byTurns runs processes by turns, each with the same input, and returns the
// median costs of each.
func (b bench) byTurns(input string, times int, processes ...func() *exec.Cmd) ([]cost, error) {
	all := make([][]cost, len(processes))
	for range times {
		for i, process := range processes {
			c, err := measure(process(), input)
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], c)
		}
	}
	medians := make([]cost, len(processes))
	for i, costs := range all {
		medians[i] = cost{
			median(costs, func(c cost) time.Duration { return c.wall }), median(costs, func(c cost) time.Duration { return c.cpu }),
			median(costs, func(c cost) int64 { return c.memory }), median(costs, func(c cost) int64 { return c.mapped }),
		}
	}
	return medians, nil
}

func median[T cmp.Ordered](all []cost, of func(cost) T) T {
	var values []T
	for _, c := range all {
		values = append(values, of(c))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// table prints costs, and how many times as long as the first each takes.
func table(names []string, costs []cost) {
	fmt.Println("| | wall | CPU | peak memory | with mapped files | wall, CPU ÷ the first |\n| --- | --- | --- | --- | --- | --- |")
	ratio := func(a, b time.Duration) float64 { return float64(a) / float64(b) }
	for i, c := range costs {
		fmt.Printf("| %s | %.2f s | %.2f s | %d MB | %d MB | %.2f, %.2f |\n", names[i], c.wall.Seconds(), c.cpu.Seconds(), c.memory>>20, c.mapped>>20, ratio(c.wall, costs[0].wall), ratio(c.cpu, costs[0].cpu))
	}
	fmt.Println()
}

// measure runs a process to its end.
func measure(cmd *exec.Cmd, input string) (c cost, err error) {
	if cmd.Err != nil {
		return c, cmd.Err
	}
	cmd.Stdin, cmd.Stderr = strings.NewReader(input), os.Stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return c, err
	}
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		watch := time.NewTicker(10 * time.Millisecond)
		defer watch.Stop()
		for {
			select {
			case <-ended:
				return
			case <-watch.C:
				all, own := memory(cmd.Process.Pid)
				c.mapped, c.memory = max(c.mapped, all), max(c.memory, own)
			}
		}
	}()
	err = cmd.Wait()
	c.wall = time.Since(start)
	close(ended)
	<-watched
	if err != nil {
		return c, fmt.Errorf("%s: %w", cmd, err)
	}
	c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return c, nil
}

// memory is what a process and those that it started have in memory, with and
// without files that are mapped, by Linux's /proc; elsewhere 0.
func memory(pid int) (all, own int64) {
	dir := fmt.Sprintf("/proc/%d", pid)
	statm, err := os.ReadFile(filepath.Join(dir, "statm"))
	if err != nil {
		return 0, 0
	}
	var size, resident, shared int64
	if _, err := fmt.Sscan(string(statm), &size, &resident, &shared); err != nil {
		return 0, 0
	}
	page := int64(os.Getpagesize())
	all, own = resident*page, (resident-shared)*page
	tasks, err := filepath.Glob(filepath.Join(dir, "task", "*", "children"))
	if err != nil {
		return all, own
	}
	for _, task := range tasks {
		list, err := os.ReadFile(task)
		if err != nil {
			continue // the thread ended
		}
		for _, child := range strings.Fields(string(list)) {
			var pid int
			if _, err := fmt.Sscan(child, &pid); err != nil {
				continue
			}
			more, theirs := memory(pid)
			all, own = all+more, own+theirs
		}
	}
	return all, own
}

// hashes reads names, one a line.
func hashes(in io.Reader) ([]history.Hash, error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	var all []history.Hash
	for _, name := range strings.Fields(string(text)) {
		h, err := history.ParseHash(name)
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}
