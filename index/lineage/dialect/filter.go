package dialect

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// filter says cheaply which texts a pattern cannot match, so that a regular
// expression runs on hardly any line. It is derived from the pattern itself: a
// hint beside it could contradict it.
type filter struct {
	// heads are what matches begin with, in lower case; none where the pattern
	// may match anywhere or where no head is known.
	heads []string
	// literal is text that each match holds; "" where none is known. With fold
	// it is in lower case, and stands in any case in matches.
	literal string
	fold    bool
	// beyondHead is whether the literal tells more than the heads.
	beyondHead bool
}

// mayHold says whether a text holds the filter's literal.
func (f *filter) mayHold(text string) bool {
	if f.fold {
		return containsFold(text, f.literal)
	}
	return strings.Contains(text, f.literal)
}

const (
	maxHead  = 10 // longer ones tell no more
	maxHeads = 40
)

func newFilter(pattern string) filter {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return filter{}
	}
	re = re.Simplify()
	var f filter
	f.literal, f.fold = longestLiteral(re)
	rest, anchored := afterBegin(re)
	if !anchored {
		return f
	}
	for _, h := range headsOf(rest) {
		if h.text == "" {
			f.heads = nil
			return f
		}
		if !slices.Contains(f.heads, h.text) {
			f.heads = append(f.heads, h.text)
		}
	}
	// A head that begins with another one tells nothing more than that.
	slices.Sort(f.heads)
	short := f.heads[:0]
	for _, h := range f.heads {
		if n := len(short); n == 0 || !strings.HasPrefix(h, short[n-1]) {
			short = append(short, h)
		}
	}
	f.heads = short
	for _, h := range f.heads {
		f.beyondHead = f.beyondHead || !strings.Contains(h, strings.ToLower(f.literal)) && !strings.HasPrefix(strings.ToLower(f.literal), h)
	}
	return f
}

// afterBegin is what follows ^ and the white space that may follow it: texts
// have none there.
func afterBegin(re *syntax.Regexp) (*syntax.Regexp, bool) {
	if re.Op != syntax.OpConcat || re.Sub[0].Op != syntax.OpBeginText && re.Sub[0].Op != syntax.OpBeginLine {
		return nil, false
	}
	rest := re.Sub[1:]
	for len(rest) > 0 && rest[0].Op == syntax.OpStar && isSpaceClass(rest[0].Sub[0]) {
		rest = rest[1:]
	}
	return &syntax.Regexp{Op: syntax.OpConcat, Sub: rest}, len(rest) > 0
}

func isSpaceClass(re *syntax.Regexp) bool {
	if re.Op == syntax.OpLiteral {
		return strings.TrimSpace(string(re.Rune)) == ""
	}
	if re.Op != syntax.OpCharClass {
		return false
	}
	for i := 0; i < len(re.Rune); i += 2 {
		if !unicode.IsSpace(re.Rune[i]) || !unicode.IsSpace(re.Rune[i+1]) {
			return false
		}
	}
	return true
}

// head is what a match may begin with; open where more may follow that is
// unknown.
type head struct {
	text string
	open bool
}

var anything = []head{{"", true}}

// headsOf is all that a match of re may begin with.
func headsOf(re *syntax.Regexp) []head {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpBeginText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []head{{"", false}}
	case syntax.OpLiteral:
		text := strings.ToLower(string(re.Rune))
		for i := range len(text) {
			if text[i] >= 0x80 {
				return []head{{text[:i], true}}
			}
		}
		return []head{{text, false}}
	case syntax.OpCharClass:
		if isSpaceClass(re) {
			return anything // which space it is tells nothing
		}
		return headsOfClass(re.Rune)
	case syntax.OpCapture:
		return headsOf(re.Sub[0])
	case syntax.OpQuest, syntax.OpStar, syntax.OpPlus:
		if isSpaceClass(re.Sub[0]) && re.Op != syntax.OpPlus {
			return anything
		}
		inner := slices.Clone(headsOf(re.Sub[0]))
		if re.Op != syntax.OpQuest {
			for i := range inner {
				inner[i].open = true
			}
		}
		if re.Op != syntax.OpPlus {
			inner = append(inner, head{"", false})
		}
		return inner
	case syntax.OpAlternate:
		var all []head
		for _, sub := range re.Sub {
			all = append(all, headsOf(sub)...)
		}
		return limit(all)
	case syntax.OpConcat:
		all := []head{{"", false}}
		for _, sub := range re.Sub {
			next, grown := headsOf(sub), []head(nil)
			for _, h := range all {
				if h.open || len(h.text) >= maxHead {
					grown = append(grown, head{h.text, true})
					continue
				}
				for _, n := range next {
					grown = append(grown, head{h.text + n.text, n.open})
				}
			}
			if len(grown) > maxHeads {
				// What is known before this part is still true.
				for i := range all {
					all[i].open = true
				}
				return all
			}
			all = grown
		}
		return all
	}
	return anything
}

func headsOfClass(runes []rune) []head {
	var all []head
	for i := 0; i < len(runes); i += 2 {
		for r := runes[i]; r <= runes[i+1]; r++ {
			if r >= 0x80 {
				// ſ and the Kelvin sign are in (?i) classes; nobody writes them here.
				if r == 'ſ' || r == '\u212a' {
					continue
				}
				return anything
			}
			h := head{strings.ToLower(string(r)), false}
			if !slices.Contains(all, h) {
				all = append(all, h)
			}
			if len(all) > 12 {
				return anything
			}
		}
	}
	if len(all) == 0 {
		return anything
	}
	return all
}

func limit(all []head) []head {
	if len(all) > maxHeads {
		return anything
	}
	return all
}

// longestLiteral is the longest text that each match of re holds, and whether
// its case does not count.
func longestLiteral(re *syntax.Regexp) (literal string, fold bool) {
	switch re.Op {
	case syntax.OpLiteral:
		literal, fold = string(re.Rune), re.Flags&syntax.FoldCase != 0
		if !fold {
			return literal, false
		}
		for i := range len(literal) {
			if literal[i] >= 0x80 {
				return "", false
			}
		}
		return strings.ToLower(literal), true
	case syntax.OpCapture, syntax.OpPlus:
		return longestLiteral(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if l, f := longestLiteral(sub); len(l) > len(literal) {
				literal, fold = l, f
			}
		}
	}
	return literal, fold
}

// table finds the dialects that may match a text by how it begins.
type table struct {
	byHead [256][]headed // by the first byte, in both cases
	others []*dialect    // without a head, in order
	any    bool          // whether there are any at all
}

type headed struct {
	rest string // what follows the first byte, in lower case
	*dialect
}

func (t *table) add(d *dialect) {
	t.any = true
	if len(d.filter.heads) == 0 {
		t.others = append(t.others, d)
		return
	}
	for _, h := range d.filter.heads {
		t.byHead[h[0]] = append(t.byHead[h[0]], headed{h[1:], d})
		if upper := upperOf(h[0]); upper != h[0] {
			t.byHead[upper] = append(t.byHead[upper], headed{h[1:], d})
		}
	}
}

func upperOf(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

var lowered = func() (t [256]byte) {
	for c := range t {
		t[c] = byte(c)
		if c >= 'A' && c <= 'Z' {
			t[c] = byte(c) - 'A' + 'a'
		}
	}
	return t
}()

// beginsFold says whether s begins with a text that is in lower case.
func beginsFold(s, lower string) bool {
	if len(s) < len(lower) {
		return false
	}
	for i := range len(lower) {
		if lowered[s[i]] != lower[i] {
			return false
		}
	}
	return true
}

// containsFold says whether s holds a text that is in lower case.
func containsFold(s, lower string) bool {
	if lower == "" {
		return true
	}
	for i := 0; i+len(lower) <= len(s); i++ {
		if lowered[s[i]] == lower[0] && beginsFold(s[i+1:], lower[1:]) {
			return true
		}
	}
	return false
}
