package outline

import "strings"

// endLine looks at the line that has ended, in languages without braces. A
// list of parameters may go on behind it.
func (f *finder) endLine() {
	if f.rules.braces {
		f.over = f.rules.newline && f.parens == 0
		return
	}
	header := f.header
	f.reset()
	for len(header) > 1 && modifiers[header[0].text] {
		header = header[1:]
	}
	if len(header) < 2 {
		return
	}
	start := header[0].line
	if _, ok := declares[header[0].text]; ok {
		if name := lineName(header[1:]); name != "" {
			f.found = append(f.found, Declaration{Name: name, Start: start})
		}
		return
	}
	if f.rules.shell && len(header) > 2 && header[1].text == "(" && header[2].text == ")" && isName(header[0].text) {
		f.found = append(f.found, Declaration{Name: header[0].text, Start: start})
	}
}

// lineName is the name behind a keyword: of self.name and a::name the last part.
func lineName(header []word) string {
	name := ""
	for i, w := range header {
		switch {
		case isName(w.text) && (i == 0 || strings.Contains(".:", header[i-1].text)):
			name = w.text
		case w.text != "." && w.text != ":" || i+1 < len(header) && !isName(header[i+1].text) && header[i+1].text != ":":
			return name
		}
	}
	return name
}

// blockEnd is the last line that is indented further than a line, with the word
// that closes it.
func (f *finder) blockEnd(start int) int {
	depth, end := indent(f.lines[start]), start
	for i := start + 1; i < len(f.lines); i++ {
		text := strings.TrimSpace(f.lines[i])
		if f.apart[i] == inString {
			end = i
			continue
		}
		if text == "" || f.apart[i] == inComment {
			continue
		}
		if indent(f.lines[i]) > depth {
			end = i
			continue
		}
		switch {
		case text[0] == ')' || text == "{": // the end of a list of parameters, or a shell function's body
			end = i
			continue
		case text == "end" || text[0] == '}' || strings.HasPrefix(text, "endf") || strings.HasPrefix(text, "end "):
			end = i
		}
		break
	}
	return end
}

// tabWidth is how far a tab indents, as most languages that mix have it.
const tabWidth = 8

func indent(line string) int {
	n := 0
	for _, c := range line {
		switch c {
		case ' ':
			n++
		case '\t':
			n += tabWidth - n%tabWidth
		default:
			return n
		}
	}
	return n
}
