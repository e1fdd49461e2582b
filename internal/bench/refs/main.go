// Command refs measures how the time to index a repository grows with the number
// of its refs: it makes copies of a large repository in which different numbers
// of tags lie at the same commits, and reads each from nothing in turn. Times are
// those of the processors, git's processes included: what else the machine does
// changes them less than the clock's.
// `make refs REPO=…` calls it. The repository itself is only read.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	bin := flag.String("bin", "bin/cabhfuil-lsp", "the program")
	repo := flag.String("repo", ".", "a full clone")
	few := flag.Int("few", 100, "a number of refs, and of the commits that they lie at")
	many := flag.Int("many", 60000, "the number of refs to compare with")
	n := flag.Int("n", 5, "how often each is read")
	flag.Parse()
	if err := run(*bin, *repo, *few, *many, *n); err != nil {
		fmt.Fprintln(os.Stderr, "refs:", err)
		os.Exit(1)
	}
}

func run(bin, repo string, few, many, n int) error {
	top, err := os.MkdirTemp("", "refs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(top) //nolint:errcheck // a temporary directory
	if bin, err = filepath.Abs(bin); err != nil {
		return err
	}
	out, err := exec.Command("git", "-C", repo, "rev-list", "--all").Output()
	if err != nil {
		return fmt.Errorf("git rev-list: %w", err)
	}
	all := strings.Fields(string(out))
	shapes := []struct {
		name     string
		at, refs int // refs lie at so many different commits
	}{
		{"few", few, few}, {"many, same commits", few, many}, {"many, commits of their own", many, many},
	}
	dirs := make([]string, len(shapes))
	for i, s := range shapes {
		dirs[i] = filepath.Join(top, fmt.Sprint(i)+".git")
		if err := copyWith(repo, dirs[i], all, min(s.at, len(all)), s.refs); err != nil {
			return err
		}
	}
	first := make([][]time.Duration, len(shapes)) // from nothing to an answer
	full := make([][]time.Duration, len(shapes))  // and to all words
	warm := make([][]time.Duration, len(shapes))
	for range n {
		for i, dir := range dirs {
			for verb, times := range map[string]*[]time.Duration{"where": &first[i], "search": &full[i]} {
				home := filepath.Join(top, "home")
				if err := os.RemoveAll(home); err != nil {
					return err
				}
				d, err := ask(bin, home, dir, verb, all[len(all)/2][:12])
				if err != nil {
					return err
				}
				*times = append(*times, d)
				if verb == "where" {
					if d, err = ask(bin, home, dir, verb, all[len(all)/2][:12]); err != nil {
						return err
					}
					warm[i] = append(warm[i], d)
				}
			}
		}
	}
	fmt.Printf("%s: %d commits\n\n| refs | first answer from nothing | ratio | with all words | ratio | warm |\n| --- | --- | --- | --- | --- | --- |\n", repo, len(all))
	for i, s := range shapes {
		fmt.Printf("| %d at %d commits | %s | %.2f | %s | %.2f | %s |\n", s.refs, min(s.at, len(all)), short(first[i]), ratio(first[i], first[0]), short(full[i]), ratio(full[i], full[0]), short(warm[i]))
	}
	return nil
}

// copyWith shares a repository's objects and has refs tags at as many commits,
// and main at the first one.
func copyWith(repo, dir string, all []string, at, refs int) (err error) {
	if out, err := exec.Command("git", "clone", "-q", "--bare", "--shared", repo, dir).CombinedOutput(); err != nil {
		return fmt.Errorf("git clone: %w: %s", err, out)
	}
	if err := os.RemoveAll(filepath.Join(dir, "refs", "tags")); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "packed-refs"))
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "# pack-refs with: peeled fully-peeled ")
	// main and HEAD reach all that the same tags reach in each copy.
	for i := range len(all) / 1000 {
		fmt.Fprintf(w, "%s refs/heads/all/%d\n", all[i*1000], i)
	}
	fmt.Fprintf(w, "%s refs/heads/main\n", all[0])
	for i := range refs {
		fmt.Fprintf(w, "%s refs/tags/many/%06d\n", all[(i%at)*(len(all)/at)], i)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/main\n"), 0o600)
}

func ask(bin, home, dir, verb, key string) (time.Duration, error) {
	cmd := exec.Command(bin, "--private", "-C", dir, "--format", "json", verb, key)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w", cmd, err)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

func median(all []time.Duration) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

func ratio(a, b []time.Duration) float64 { return float64(median(a)) / float64(median(b)) }

func short(all []time.Duration) string { return median(all).Round(time.Millisecond).String() }
