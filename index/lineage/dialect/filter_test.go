package dialect

import (
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
)

// exotic are letters that (?i) takes for s and k, and that filters do not know.
const exotic = "ſ\u212a"

// TestFilter holds the filters of all patterns here against texts that the
// patterns match: a filter that leaves one out would lose claims silently.
func TestFilter(t *testing.T) {
	patterns := []string{
		`^Port: {sha}`, `^\s*Port: {sha}`, `port of {sha}`, `(?i)^port of {sha}`, `^(?:a|b)?c {sha}`, `^[ab]+c {sha}`, `^\[?\s*x {sha}`,
		`^é {sha}`, `(?i)^k{2}s {sha}`, `^(?:foo|foobar|){sha}`, `^.* {sha}`, `^(?:x ?)*{sha}`, `(?m)^x {sha}`, `^x$|^y {sha}`, `\bz {sha}`,
		`^x{2}a*b+c?[^d]+d$`, `^a{0,2}ab`, `^(?i)x: (?P<subject>.+)\)"$`, `^x?y{sha}z?$`, `^(?P<key>[^ ]*) b`, `^a?a$`, `^a{1,3}b`, `^.+b?$`, `^é?b`, `^[^x]x$`, `^.{2}x`, `^.?x`, `^a+?b`,
	}
	for _, spec := range Builtin().Dialects() {
		patterns = append(patterns, spec.Pattern)
	}
	if d := Builtin().dialects[0]; d.linear == nil {
		t.Errorf("%s is not linear", d.spec.Name)
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
			if text == "" || strings.ContainsAny(text, exotic) || d.re.FindStringIndex(text) == nil {
				continue
			}
			checkLinear(t, d, text)
			checkLinear(t, d, mutate(random, text))
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

// checkLinear holds the matcher of a simple pattern against regexp.
func checkLinear(t *testing.T, d *dialect, text string) {
	t.Helper()
	if d.linear == nil || strings.Contains(text, "\n") || strings.ContainsAny(text, exotic) {
		return
	}
	at := make([]int, 2*d.linear.groups)
	if !d.linear.match(text, at) {
		at = nil
	}
	if want := d.re.FindStringSubmatchIndex(text); !slices.Equal(at, want) {
		t.Errorf("%s: %v in %q, not %v", d.spec.Pattern, at, text, want)
	}
}

// mutate changes a byte of a text, or takes one out or in.
func mutate(random *rand.Rand, text string) string {
	i, c := random.IntN(len(text)), string(rune(' '+random.IntN(90)))
	switch random.IntN(3) {
	case 0:
		return text[:i] + text[i+1:]
	case 1:
		return text[:i] + c + text[i:]
	}
	return text[:i] + c + text[i+1:]
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
		all.filter, all.linear = filter{}, nil
		naive.dialects = append(naive.dialects, &all)
	}
	naive = newSet(naive.dialects)
	f.Add("Revert \"x\"\n\nThis reverts commit 1a2b3c4d.\nfixes: 1a2b3c4\n[ Upstream commit 1a2b3c4 ]")
	f.Fuzz(func(t *testing.T, message string) {
		if strings.ContainsAny(message, exotic) {
			t.Skip()
		}
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
