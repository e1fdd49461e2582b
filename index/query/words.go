package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Token is a word of a text.
type Token struct {
	Text string // in lower case
}

// Tokens appends the words of a text: runs of letters, digits and '_', in lower
// case, and behind a run that holds '_' its parts, so that conntrack finds
// nf_conntrack.
func Tokens(dst []Token, s string) []Token {
	low := strings.ToLower(s)
	for i := 0; i < len(low); {
		if letters[low[i]] == none || letters[low[i]] == beyond && !isWordAt(low, i) {
			i += width(low, i)
			continue
		}
		start, parts := i, false
	run:
		for i < len(low) {
			switch letters[low[i]] {
			case none:
				break run
			case beyond:
				if !isWordAt(low, i) {
					break run
				}
				i += width(low, i)
				continue
			case underscore:
				parts = true
			}
			i++
		}
		run := low[start:i]
		if parts && strings.Trim(run, "_") == "" {
			continue
		}
		dst = append(dst, Token{run})
		if parts {
			for part := range strings.SplitSeq(run, "_") {
				if part != "" {
					dst = append(dst, Token{part})
				}
			}
		}
	}
	return dst
}

// What a byte of text in lower case is: of no word, of one, '_', or of a
// character that takes more than a byte.
const (
	none = iota
	alphanumeric
	underscore
	beyond
)

var letters = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= utf8.RuneSelf:
			t[c] = beyond
		case c == '_':
			t[c] = underscore
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			t[c] = alphanumeric
		}
	}
	return t
}()

func width(s string, i int) int {
	if s[i] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	return n
}

// isWordAt says whether a character that takes more than a byte belongs to a word.
func isWordAt(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return isWordRune(r)
}

func isWordRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// Normalize is a text as phrases are compared: in lower case, with runs of
// white space as one space.
func Normalize(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(s)), " ")
}

// ContainsPhrase says whether a message holds a phrase, whatever the case and
// the white space. Where the phrase begins or ends with a character of a word,
// a word begins or ends there in the message too; '_' separates words in it.
func ContainsPhrase(message, phrase string) bool {
	m, p := Normalize(message), Normalize(phrase)
	if p == "" {
		return true
	}
	first, _ := utf8.DecodeRuneInString(p)
	last, _ := utf8.DecodeLastRuneInString(p)
	for from := 0; ; {
		i := strings.Index(m[from:], p)
		if i < 0 {
			return false
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(m[:i])
		after, _ := utf8.DecodeRuneInString(m[i+len(p):])
		if !(inWord(before) && inWord(first)) && !(inWord(after) && inWord(last)) {
			return true
		}
		from = i + width(m, i)
	}
}

// inWord is isWordRune but for '_' and what is no character at all.
func inWord(r rune) bool { return r != '_' && r != utf8.RuneError && isWordRune(r) }
