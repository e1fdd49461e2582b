package lineage

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestLineSums: a text's sum does not depend on the text before it.
func TestLineSums(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	words := []string{"a", "b", "\n", "\n", "\r\n", " ", "\t", "aa", strings.Repeat("long ", 200), strings.Repeat("x\n", 600)}
	text := func() []byte {
		var b strings.Builder
		for range r.IntN(12) {
			b.WriteString(words[r.IntN(len(words))])
		}
		return []byte(b.String())
	}
	seed := newPrints().seed
	series := lineSums{seed: seed}
	last := text()
	for range 2_000 {
		next := text()
		if r.IntN(4) > 0 { // mostly something like the one before
			i, j := r.IntN(len(last)+1), r.IntN(len(last)+1)
			next = append(append(append([]byte{}, last[:min(i, j)]...), text()...), last[max(i, j):]...)
		}
		if len(next) > 8000 {
			next = next[:100]
		}
		alone := lineSums{seed: seed}
		want := alone.lines(next)
		if got := series.next(next); got != want {
			t.Fatalf("%q after %q: %d, want %d", next, last, got, want)
		}
		last = next
	}
}

// TestLineSumsOrder: the sum is that of the lines, whatever their order and white
// space.
func TestLineSumsOrder(t *testing.T) {
	t.Parallel()
	s := lineSums{seed: newPrints().seed}
	if a, b := s.next([]byte("one two\nthree\n\n")), s.next([]byte("three\r\n\tonetwo")); a != b {
		t.Errorf("the same lines sum to %d and %d", a, b)
	}
	if a, b := s.next([]byte("one\n")), s.next([]byte("one\none\n")); a == b {
		t.Errorf("a line that stands twice counts once")
	}
}

// TestRunsOfFiles: runs are about equal, in order, and no path is in two.
func TestRunsOfFiles(t *testing.T) {
	t.Parallel()
	for paths, want := range map[string][readers]string{
		"":       {},
		"a":      {"", "a"},
		"ab":     {"a", "b"},
		"aab":    {"aa", "b"},
		"abbb":   {"abbb", ""},
		"aaaaab": {"aaaaa", "b"},
		"aaaa":   {"aaaa", ""},
		"abcdef": {"abc", "def"},
	} {
		var files []file
		for _, path := range strings.Split(paths, "") {
			files = append(files, file{path: path})
		}
		var got [readers]string
		for i, run := range inRuns(files) {
			for _, f := range run {
				got[i] += f.path
			}
		}
		if got != want {
			t.Errorf("%q is read as %q, want %q", paths, got, want)
		}
	}
}
