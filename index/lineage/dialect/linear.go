package dialect

import (
	"regexp/syntax"
	"strings"
)

// linear matches the patterns that need no search: one part after the other,
// each of which takes all that it can. Most lines that claim something are
// written by programs and match such patterns, at a twentieth of what package
// regexp needs for them. It finds what regexp finds, or linearOf refuses the
// pattern.
type linear struct {
	steps  []step
	groups int
}

type step struct {
	kind     stepKind
	literal  string // stepLiteral: in lower case where fold is set
	fold     bool
	class    *[256]bool // stepClass
	min, max int        // stepClass: how many bytes; max < 0 is any number
	tail     int        // stepClass: bytes at the end of the text that it leaves
	group    int        // stepGroup: which end of which group, as FindSubmatchIndex counts
}

type stepKind uint8

const (
	stepLiteral stepKind = iota
	stepClass
	stepGroup
	stepEnd
)

// linearOf is the matcher of a pattern, or nil where it needs regexp.
func linearOf(pattern string) *linear {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	l := &linear{groups: re.MaxCap() + 1}
	if re.Op != syntax.OpConcat || re.Sub[0].Op != syntax.OpBeginText {
		return nil
	}
	for _, sub := range re.Sub[1:] {
		if !l.add(sub) {
			return nil
		}
	}
	return l.decided()
}

// add appends the steps of re, and says whether there are some for it.
func (l *linear) add(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral:
		s := step{kind: stepLiteral, literal: string(re.Rune), fold: re.Flags&syntax.FoldCase != 0}
		for i := range len(s.literal) {
			if s.literal[i] >= 0x80 {
				return false
			}
		}
		if s.fold {
			s.literal = strings.ToLower(s.literal)
		}
		l.steps = append(l.steps, s)
	case syntax.OpCapture:
		l.steps = append(l.steps, step{kind: stepGroup, group: 2 * re.Cap})
		if !l.add(re.Sub[0]) {
			return false
		}
		l.steps = append(l.steps, step{kind: stepGroup, group: 2*re.Cap + 1})
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if !l.add(sub) {
				return false
			}
		}
	case syntax.OpEndText:
		l.steps = append(l.steps, step{kind: stepEnd})
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		if re.Flags&syntax.NonGreedy != 0 {
			return false
		}
		class := classOf(re.Sub[0])
		s := step{kind: stepClass, class: class, min: 0, max: -1}
		switch re.Op {
		case syntax.OpPlus:
			s.min = 1
		case syntax.OpQuest:
			s.max = 1
		case syntax.OpRepeat:
			s.min, s.max = re.Min, re.Max
		}
		l.steps = append(l.steps, s)
		return class != nil && (!class[0x80] || s.min <= 1 && s.max < 0) // bytes are no characters to count
	default:
		class := classOf(re)
		l.steps = append(l.steps, step{kind: stepClass, class: class, min: 1, max: 1})
		return class != nil && !class[0x80]
	}
	return true
}

// classOf is the bytes of a class, or nil where it has others than ASCII. What
// "." and negated classes have beyond ASCII counts byte by byte, which is the
// same as long as all of it is in the class.
func classOf(re *syntax.Regexp) *[256]bool {
	var t [256]bool
	switch re.Op {
	case syntax.OpAnyCharNotNL:
		for c := range t {
			t[c] = c != '\n'
		}
	case syntax.OpLiteral:
		if len(re.Rune) != 1 || re.Rune[0] >= 0x80 {
			return nil
		}
		t[re.Rune[0]] = true
		if re.Flags&syntax.FoldCase != 0 {
			c := lowered[byte(re.Rune[0])]
			t[c], t[upperOf(c)] = true, true
		}
	case syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1] && r < 0x80; r++ {
				t[r] = true
			}
		}
		switch last := re.Rune[len(re.Rune)-1]; {
		case last >= 0x10ffff && re.Rune[len(re.Rune)-2] <= 0x80:
			for c := 0x80; c < 0x100; c++ {
				t[c] = true
			}
		case last >= 0x80 && last != 'ſ' && last != '\u212a':
			return nil
		}
	default:
		return nil
	}
	return &t
}

// decided is l, where each class may take all that it can without a later step
// wanting a part of that back; else nil. A class before steps of known length
// and the end leaves so much.
func (l *linear) decided() *linear {
	for i := range l.steps {
		s := &l.steps[i]
		if s.kind != stepClass || s.min == s.max {
			continue
		}
		if tail, ok := fixedTail(l.steps[i+1:]); ok {
			s.tail = tail
			continue
		}
		for _, next := range l.steps[i+1:] {
			if next.kind == stepGroup {
				continue
			}
			first := next.class
			if next.kind == stepLiteral {
				first = new([256]bool)
				first[next.literal[0]] = true
				if next.fold {
					first[upperOf(next.literal[0])] = true
				}
			}
			if first != nil && overlap(s.class, first) {
				return nil
			}
			if next.kind != stepClass || next.min > 0 {
				break
			}
		}
		// A class with a limit may stop where more of it follows; the step
		// behind it does not match there, and nothing shorter would either.
	}
	return l
}

func overlap(a, b *[256]bool) bool {
	for c := range a {
		if a[c] && b[c] {
			return true
		}
	}
	return false
}

// fixedTail is how many bytes steps match, where that is fixed and the last of
// them is the end.
func fixedTail(steps []step) (n int, ok bool) {
	for _, s := range steps {
		switch s.kind {
		case stepLiteral:
			n += len(s.literal)
		case stepClass:
			if s.min != s.max {
				return 0, false
			}
			n += s.min
		case stepEnd:
			return n, true
		}
	}
	return 0, false
}

// match fills at, which has two ints a group, and says whether text matches.
func (l *linear) match(text string, at []int) bool {
	i := 0
	for k := range l.steps {
		s := &l.steps[k]
		switch s.kind {
		case stepGroup:
			at[s.group] = i
		case stepLiteral:
			if s.fold {
				if !beginsFold(text[i:], s.literal) {
					return false
				}
			} else if !strings.HasPrefix(text[i:], s.literal) {
				return false
			}
			i += len(s.literal)
		case stepClass:
			end := len(text) - s.tail
			if s.max >= 0 && end > i+s.max {
				end = i + s.max
			}
			from := i
			for i < end && s.class[text[i]] {
				i++
			}
			if i-from < s.min {
				return false
			}
		case stepEnd:
			if i != len(text) {
				return false
			}
		}
	}
	at[0], at[1] = 0, i
	return true
}
