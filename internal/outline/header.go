package outline

import (
	"slices"
	"strings"
)

// declared is what a brace behind a header opens, and whether the block holds
// further declarations.
func (r rules) declared(header []word) (d Declaration, holds bool) {
	header = trim(header)
	if len(header) == 0 {
		return d, r.blocks
	}
	if r.blocks && (header[0].text == "package" || header[0].text == "BEGIN") {
		return d, true
	}
	if control[header[0].text] {
		return d, false
	}
	start := header[0].line
	header = behindTemplate(header)
	if len(header) == 0 {
		return d, false
	}
	call := callee(header)
	if i := index(header, "="); r.bare && i > 0 && !has(header, "operator") { // int a[] = {
		if n := len(header); n > 2 && header[n-2].text == "=" && header[n-1].text == ">" { // const f = (…) => {
			return Declaration{Name: nameBefore(header[:i]), Start: start}, false
		}
		if outside(header, i) && !slices.ContainsFunc(header[:i], func(w word) bool { return named[w.text] }) {
			return d, false
		}
	}
	for i, w := range header {
		if i == call {
			break // a list of parameters begins: what follows declares nothing
		}
		may, ok := declares[w.text]
		if !ok || i > 0 && strings.Contains(".=(,:<", header[i-1].text) {
			continue
		}
		if r.bare && call > i && w.text != "function" && w.text != "class" {
			break // struct list *new(…): what a function returns
		}
		if unnamed[w.text] {
			return d, true
		}
		return Declaration{Name: nameAfter(header[i+1:]), Start: start}, may
	}
	if first := header[0].text; first == "extern" || first == "export" || first == "companion" {
		if call < 0 && !has(header, "=") {
			return d, true
		}
	}
	if r.bare && call > 0 {
		return Declaration{Name: nameBefore(header[:call]), Start: start}, false
	}
	return d, false
}

// behindTemplate is a header without "template <…>".
func behindTemplate(header []word) []word {
	for len(header) > 1 && header[0].text == "template" && header[1].text == "<" {
		depth, i := 0, 1
		for ; i < len(header); i++ {
			if header[i].text == "<" {
				depth++
			} else if header[i].text == ">" {
				depth--
			}
			if depth == 0 {
				break
			}
		}
		header = header[min(i+1, len(header)):]
	}
	return header
}

// trim takes labels such as "public:" and macros of their own off the beginning.
func trim(header []word) []word {
	for len(header) > 1 && header[1].text == ":" && (len(header) == 2 || header[2].text != ":") {
		header = header[2:]
	}
	for len(header) > 0 && strings.Contains("#)>", header[0].text) {
		header = header[1:]
	}
	return header
}

// callee is where the list of parameters of a function begins: the first
// parenthesis behind a name, outside brackets; -1 where there is none.
func callee(header []word) int {
	depth := 0
	for i, w := range header {
		switch w.text {
		case "(":
			if depth == 0 && i > 0 && isName(header[i-1].text) && !control[header[i-1].text] && header[i-1].text != "func" && header[i-1].text[0] != '@' && !decorates(header, i) {
				return i
			}
			depth++
		case "[":
			depth++
		case ")", "]":
			depth = max(0, depth-1)
		}
	}
	return -1
}

// decorates says whether a parenthesis belongs to an attribute or a macro that
// stands before a declaration: __attribute__((…)) static void f(int n).
func decorates(header []word, at int) bool {
	name := header[at-1].text
	if name == "__attribute__" || name == "__declspec" || name == "alignas" {
		return true
	}
	if strings.ToUpper(name) != name || at > 1 {
		return false
	}
	depth := 0
	for i, w := range header[at:] {
		switch w.text {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 { // names and a further list of parameters follow
			rest := header[at+i+1:]
			return len(rest) > 2 && isName(rest[0].text) && isName(rest[1].text) && has(rest, "(")
		}
	}
	return false
}

func isName(s string) bool { return isNameByte(s[len(s)-1]) && (s[0] < '0' || s[0] > '9') }

// named are words behind which an equals sign is a default's: a type's or a
// parameter's.
var named = map[string]bool{"function": true, "class": true, "interface": true}

// doubled are words that follow another declaring one: enum class, fun interface.
var doubled = map[string]bool{"class": true, "struct": true, "interface": true}

// nameAfter is the first name of a header, behind a receiver.
func nameAfter(header []word) string {
	depth := 0
	for _, w := range header {
		switch {
		case w.text == "(" || w.text == "[" || w.text == "<":
			depth++
		case w.text == ")" || w.text == "]" || w.text == ">":
			depth--
		case depth == 0 && isName(w.text) && !doubled[w.text]:
			return w.text
		}
	}
	return ""
}

// nameBefore is the last name of a header; a control word is none.
func nameBefore(header []word) string {
	for i := len(header) - 1; i >= 0; i-- {
		if w := header[i].text; isName(w) {
			if control[w] {
				return ""
			}
			return w
		}
	}
	return ""
}

func index(header []word, text string) int {
	for i, w := range header {
		if w.text == text {
			return i
		}
	}
	return -1
}

func has(header []word, text string) bool { return index(header, text) >= 0 }

// outside says whether a word stands in no parentheses.
func outside(header []word, at int) bool {
	depth := 0
	for _, w := range header[:at] {
		switch w.text {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		}
	}
	return depth <= 0
}
