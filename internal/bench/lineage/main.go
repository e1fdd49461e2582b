// Command lineage measures what lineage finds on a real repository: of the
// backports that trailers prove, how many are shown on their line; the same
// without looking at trailers; and, for people to judge, a sample of the copies
// that no trailer corroborates, each with git's range-diff.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

func main() {
	repo := flag.String("repo", ".", "a full clone")
	pairs := flag.Int("pairs", 200, "how many uncorroborated pairs to print")
	seed := flag.Uint64("seed", 1, "of the sample")
	flag.Parse()
	if err := run(context.Background(), *repo, *pairs, *seed); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, repo string, pairs int, seed uint64) (err error) {
	dir, err := os.MkdirTemp("", "lineage")
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, os.RemoveAll(dir)) }()
	loc, err := gitrepo.Discover(ctx, repo)
	if err != nil {
		return err
	}
	git, err := gitrepo.Open(ctx, loc, gitrepo.Options{ViewDir: filepath.Join(dir, "view")})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, git.Close()) }()
	for _, noTrailers := range []bool{false, true} {
		start := time.Now()
		x, err := index.Open(git, index.Options{Name: "measured", Dir: filepath.Join(dir, fmt.Sprint(noTrailers)), HashSize: 20, Tracker: task.New(task.Options{}), NoTrailers: noTrailers})
		if err != nil {
			return err
		}
		x.Start(ctx)
		err = x.WaitLineage(ctx)
		if err == nil {
			fmt.Printf("## %s\n\n", map[bool]string{false: "With trailers", true: "Without looking at trailers"}[noTrailers])
			fmt.Printf("Everything known after %.1f s.\n", time.Since(start).Seconds())
			err = found(ctx, git, x.Snapshot())
		}
		if err == nil && !noTrailers {
			err = sample(ctx, git, loc, x.Snapshot(), pairs, seed)
		}
		if err := cmp.Or(err, x.Close()); err != nil {
			return err
		}
	}
	return nil
}

var trailer = regexp.MustCompile(`(?i)\((?:cherry picked|backported) from commit ([0-9a-f]{40})\)`)

// found counts the backports that trailers prove.
func found(ctx context.Context, git *gitrepo.Repository, s *index.Snapshot) error {
	upstream, ok := s.Graph.RefByName(s.Upstream())
	if !ok {
		return fmt.Errorf("no upstream line")
	}
	named := map[history.Hash][]history.Hash{} // source -> copies
	var open []history.Hash
	for p := range graph.Pos(s.Graph.Len()) {
		if s.Graph.Reachable(p) && !s.Graph.Contains(upstream, p) {
			open = append(open, s.Graph.Hash(p))
		}
	}
	err := git.Commits(ctx, open, func(c *history.Commit) error {
		for _, m := range trailer.FindAllStringSubmatch(c.Message, -1) {
			source := history.MustHash(m[1])
			if p, ok := s.Graph.Pos(source); ok && s.Graph.Contains(upstream, p) {
				named[source] = append(named[source], c.Hash)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	want, hit, ended, endedHit := 0, 0, 0, 0
	var missed []string
	for source, copies := range named {
		p, _ := s.Graph.Pos(source)
		landings := map[string]history.Landing{}
		for _, l := range s.Landings(p) {
			landings[l.Ref] = l
		}
		for _, line := range s.Lines {
			l, listed := landings[line.Ref]
			if !listed { // an ended line that is thought to lack it
				l = history.Landing{Name: line.Name, Ref: line.Ref, Status: history.Missing}
			}
			ref, ok := s.Graph.RefByName(l.Ref)
			if !ok || l.Ref == s.Upstream() || s.Graph.Contains(ref, p) {
				continue
			}
			var here []history.Hash
			for _, c := range copies {
				if q, _ := s.Graph.Pos(c); s.Graph.Contains(ref, q) {
					here = append(here, c)
				}
			}
			if len(here) == 0 {
				continue
			}
			want++
			if line.Ended {
				ended++
			}
			if (l.Status == history.Backported && l.Commit != nil && slices.Contains(here, *l.Commit)) || l.Status == history.Reverted {
				hit++
				if line.Ended {
					endedHit++
				}
				continue
			}
			missed = append(missed, fmt.Sprintf("%s on %s: %s", source.Short(), l.Name, l.Status))
		}
	}
	share := func(hit, of int) string {
		return fmt.Sprintf("%d of %d (%.2f %%)", hit, of, 100*float64(hit)/float64(max(of, 1)))
	}
	fmt.Printf("Of the backports that a trailer proves, these are shown on their line under the right SHA: %s; on branches alone %s.\n\n", share(hit, want), share(hit-endedHit, want-ended))
	slices.Sort(missed)
	for _, m := range missed[:min(len(missed), 10)] {
		fmt.Println("- not:", m)
	}
	return nil
}

// sample prints pairs that no trailer corroborates.
func sample(ctx context.Context, git *gitrepo.Repository, loc gitrepo.Location, s *index.Snapshot, n int, seed uint64) error {
	type pair struct {
		copied, source history.Hash
		evidence       []string
	}
	byTier := map[string][]pair{}
	count := map[string]int{}
	s.EachCopy(func(copied, source graph.Pos, evidence []string) {
		if slices.Contains(evidence, "cherry-pick-trailer") {
			count["cherry-pick-trailer"]++
			return
		}
		tier := strings.Join(evidence, ", ")
		count[tier]++
		byTier[tier] = append(byTier[tier], pair{s.Graph.Hash(copied), s.Graph.Hash(source), evidence})
	})
	tiers := slices.Sorted(func(yield func(string) bool) {
		for t := range byTier {
			if !yield(t) {
				return
			}
		}
	})
	for _, t := range append([]string{"cherry-pick-trailer"}, tiers...) {
		fmt.Printf("- %s: %d pairs\n", t, count[t])
	}
	fmt.Printf("\n| copy | source | known by | range-diff | what is equal |\n| --- | --- | --- | --- | --- |\n")
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a sample
	slices.SortStableFunc(tiers, func(a, b string) int { return cmp.Compare(len(byTier[a]), len(byTier[b])) })
	for i, t := range tiers { // the small ones whole, the large ones share the rest
		list := byTier[t]
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		share := min(len(list), n/(len(tiers)-i))
		n -= share
		for _, p := range list[:share] {
			c, err := git.Commit(ctx, p.copied)
			if err != nil {
				return err
			}
			source, err := git.Commit(ctx, p.source)
			if err != nil {
				return err
			}
			sign := rangeDiff(ctx, loc.CommonDir, p.copied, p.source)
			fmt.Printf("| %s | %s | %s | %s | %s |\n", p.copied.Short(), p.source.Short(), t, sign, alike(c, source))
		}
	}
	fmt.Println()
	return nil
}

// alike says what of two commits' headers and messages is equal, and both
// subjects where they differ.
func alike(a, b *history.Commit) string {
	clean := func(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
	var equal []string
	if a.Author.Email == b.Author.Email || a.Author.Name == b.Author.Name {
		equal = append(equal, "author")
	}
	if a.Author.Date.Equal(b.Author.Date) {
		equal = append(equal, "date")
	}
	if a.Subject() == b.Subject() {
		equal = append(equal, "subject: "+clean(a.Subject()))
	} else {
		equal = append(equal, fmt.Sprintf("not subject: %s / %s", clean(a.Subject()), clean(b.Subject())))
	}
	return strings.Join(equal, ", ")
}

// rangeDiff is git's own view of two commits: "=" where the patches are equal,
// "!" with the share of lines that differ, "<>" where it finds no likeness.
func rangeDiff(ctx context.Context, dir string, a, b history.Hash) string {
	out, err := exec.CommandContext(ctx, "git", "--git-dir="+dir, "range-diff", "--no-color", a.String()+"^!", b.String()+"^!").Output()
	if err != nil {
		return "?"
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if len(lines) > 1 && strings.Contains(lines[0], " < ") {
		return "<>"
	}
	fields := strings.Fields(lines[0])
	if len(fields) > 2 && fields[2] == "!" {
		changed := 0
		for _, l := range lines[1:] {
			text := strings.TrimLeft(l, " ")
			if strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") {
				changed++
			}
		}
		return fmt.Sprintf("! (%d of %d lines)", changed, len(lines)-1)
	}
	if len(fields) > 2 {
		return fields[2]
	}
	return "?"
}
