package dialect

import (
	"math/rand/v2"
	"regexp/syntax"
	"strings"
	"testing"
)

// TestFilter holds the filters of all patterns here against texts that the
// patterns match: a filter that leaves one out would lose claims silently.
func TestFilter(t *testing.T) {
	patterns := []string{
		`^Port: {sha}`, `^\s*Port: {sha}`, `port of {sha}`, `(?i)^port of {sha}`, `^(?:a|b)?c {sha}`, `^[ab]+c {sha}`, `^\[?\s*x {sha}`,
		`^é {sha}`, `(?i)^k{2}s {sha}`, `^(?:foo|foobar|){sha}`, `^.* {sha}`, `^(?:x ?)*{sha}`, `(?m)^x {sha}`, `^x$|^y {sha}`, `\bz {sha}`,
	}
	for _, spec := range Builtin().Dialects() {
		patterns = append(patterns, spec.Pattern)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, p := range patterns {
		d, err := compile(Spec{Name: "x", Pattern: p, Means: NotACopy})
		if err != nil {
			t.Fatal(p, err)
		}
		re, perr := syntax.Parse(d.re.String(), syntax.Perl)
		if perr != nil {
			t.Fatal(perr)
		}
		for range 300 {
			var b strings.Builder
			generate(random, re.Simplify(), &b)
			text := strings.TrimLeft(b.String(), " \t\r\n\v\f")
			if text == "" || d.re.FindStringIndex(text) == nil {
				continue
			}
			if !d.filter.mayHold(text) {
				t.Errorf("%s: the literal %q leaves out %q", p, d.filter.literal, text)
			}
			heads := len(d.filter.heads) == 0
			for _, h := range d.filter.heads {
				heads = heads || beginsFold(text, h)
			}
			if !heads {
				t.Errorf("%s: the heads %q leave out %q", p, d.filter.heads, text)
			}
		}
	}
}

// generate writes a text that re matches, more or less.
func generate(random *rand.Rand, re *syntax.Regexp, b *strings.Builder) {
	switch re.Op {
	case syntax.OpLiteral:
		text := string(re.Rune)
		if re.Flags&syntax.FoldCase != 0 && random.IntN(2) == 0 {
			text = strings.ToUpper(text)
		}
		b.WriteString(text)
	case syntax.OpCharClass:
		i := 2 * random.IntN(len(re.Rune)/2)
		b.WriteRune(re.Rune[i] + rune(random.IntN(int(min(re.Rune[i+1]-re.Rune[i], 60))+1)))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteRune(rune('a' + random.IntN(26)))
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		n := random.IntN(3)
		switch re.Op {
		case syntax.OpPlus:
			n++
		case syntax.OpQuest:
			n = min(n, 1)
		}
		for range n {
			generate(random, re.Sub[0], b)
		}
	case syntax.OpAlternate:
		generate(random, re.Sub[random.IntN(len(re.Sub))], b)
	default:
		for _, sub := range re.Sub {
			generate(random, sub, b)
		}
	}
}

// FuzzFilter reads a message with the filters and without: both find the same.
func FuzzFilter(f *testing.F) {
	naive := &Set{}
	for _, d := range Builtin().dialects {
		all := *d
		all.filter = filter{}
		naive.dialects = append(naive.dialects, &all)
	}
	naive = newSet(naive.dialects)
	f.Add("Revert \"x\"\n\nThis reverts commit 1a2b3c4d.\nfixes: 1a2b3c4\n[ Upstream commit 1a2b3c4 ]")
	f.Fuzz(func(t *testing.T, message string) {
		count := func(s *Set) (n int, last string) {
			s.Read(message, func(c Claim) bool { n++; last = c.Dialect; return true })
			return n, last
		}
		n, a := count(Builtin())
		m, b := count(naive)
		if n != m {
			t.Errorf("%d claims (%s) with filters, %d (%s) without", n, a, m, b)
		}
	})
}
