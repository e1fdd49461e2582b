package lookup

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean takes out of a text what would act on a terminal, an editor or a
// reader's eye: control characters, escape sequences, and characters that turn
// the direction of text or have no width. Line ends and tabs stay.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20 || r >= 0x7f && r <= 0x9f || r == unicode.ReplacementChar:
			return '\uFFFD'
		case unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			return -1
		}
		return r
	}, s)
}

// oneLine is a text cleaned and on one line, cut to a number of characters.
func oneLine(s string, most int) string {
	s = strings.Join(strings.Fields(Clean(s)), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// marks are the characters that begin a mark-up within a line, or a link that
// renderers make by themselves of an address.
const marks = "\\`*_{}[]()#+!|<>~&:@$^=\""

// escape makes text that Markdown shows as it stands: every character that could
// begin a mark-up is escaped, and so is what renderers turn into a link by
// themselves.
func escape(s string) string {
	var b strings.Builder
	for _, r := range oneLine(s, 300) {
		// Behind www a dot is enough for a link; elsewhere dots stay readable.
		if strings.ContainsRune(marks, r) || r == '.' && strings.HasSuffix(strings.ToLower(b.String()), "www") {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unseen stands for text of which nothing is left to see: marks around nothing
// would be text themselves.
const unseen = "\uFFFD"

// code is a code span; what comes from us alone is safe in it.
func code(s string) string {
	return "`" + cmp.Or(strings.ReplaceAll(oneLine(s, 120), "`", "'"), unseen) + "`"
}

// bold is a text in bold.
func bold(s string) string { return "**" + cmp.Or(escape(s), unseen) + "**" }

// visible is a diff in which everything can be seen that acts unseen: a change
// of line ends, an escape sequence, a character that turns the direction of
// text. Line ends and tabs stay.
func visible(diff string) string {
	diff = strings.ToValidUTF8(diff, "\uFFFD")
	if strings.IndexFunc(diff, acts) < 0 {
		return diff
	}
	var b strings.Builder
	for _, r := range diff {
		switch {
		case !acts(r):
			b.WriteRune(r)
		case r < 0x20:
			b.WriteRune(0x2400 + r) // Unicode's pictures of control characters
		case r == 0x7f:
			b.WriteRune(0x2421)
		default:
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
	}
	return b.String()
}

func acts(r rune) bool {
	return r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r <= 0x9f || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

// fileName is a file's name as it can be read: quoted, with escapes, where it
// holds what cannot be seen, as git does too.
func fileName(name string) string {
	for _, r := range name {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return strconv.Quote(name)
		}
	}
	if strings.TrimSpace(name) != name || strings.ContainsAny(name, "\"\\") {
		return strconv.Quote(name)
	}
	return name
}
