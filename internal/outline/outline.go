// Package outline finds where declarations begin and end in source text, for
// lenses above them, until an editor says so itself. It lexes with chroma, of
// which it is the only importer, and understands two families of languages:
// those whose blocks are braces, and those whose declarations begin a line with
// a keyword and end by indentation.
//
// It is a guess that reads well, not a parser: what it does not find has no
// lens, and what it finds is right or nearly so.
package outline

import (
	"context"
	"strings"

	"github.com/alecthomas/chroma/v2"
)

// Declaration is a function, method, class or type. Lines count from 0.
type Declaration struct {
	Name  string
	Start int // its first line
	End   int // its last line
}

// Limit is the size of text in bytes above which Of finds nothing.
const Limit = 4 << 20

// Of finds the declarations of a text in order. language is LSP's id, path a
// file's name; either may be empty. Text in no language that is known has none.
// The error is ctx's.
func Of(ctx context.Context, path, language, text string) ([]Declaration, error) {
	lexer := lexerFor(path, language)
	if lexer == nil || len(text) > Limit {
		return nil, nil
	}
	rules, known := languages[lexer.Config().Name]
	if !known {
		return nil, nil
	}
	next, err := lexer.Tokenise(nil, text)
	if err != nil {
		return nil, nil //nolint:nilerr // a lexer that fails finds nothing
	}
	f := &finder{rules: rules, lines: strings.Split(text, "\n"), apart: map[int]int{}}
	for n := 0; ; n++ {
		token := next()
		if token == chroma.EOF {
			break
		}
		if n%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		f.take(token)
	}
	f.endLine()
	for len(f.open) > 0 {
		f.close(len(f.lines) - 1)
	}
	if !rules.braces {
		for i, d := range f.found {
			f.found[i].End = f.blockEnd(d.Start)
		}
	}
	return f.found, nil
}

// Known says whether declarations are looked for in such a file.
func Known(path, language string) bool {
	lexer := lexerFor(path, language)
	if lexer == nil {
		return false
	}
	_, known := languages[lexer.Config().Name]
	return known
}

// word is a name, keyword or character of the text, outside comments and strings.
type word struct {
	text string
	line int
}

// block is an open brace.
type block struct {
	holds bool // further declarations
	index int  // of the declaration that it is of, or -1
}

type finder struct {
	rules rules
	lines []string
	line  int
	// column is how far into the line the tokens came.
	column int
	found  []Declaration
	apart  map[int]int // lines whose indentation means nothing, and why
	// literal says that the last token was of a string.
	literal bool

	header []word // since the last statement or line ended
	parens int    // that are open in it
	over   bool   // the statement is over unless a brace comes next
	open   []block
	body   int // braces that are open within the body of a declaration
}

// maxHeader bounds what is kept of a statement: no declaration is longer.
const maxHeader = 400

func (f *finder) take(t chroma.Token) {
	comment, literal := t.Type.InCategory(chroma.Comment), t.Type.InSubCategory(chroma.LiteralString)
	for i, part := range strings.Split(t.Value, "\n") {
		if i > 0 {
			f.endLine()
			f.line, f.column = f.line+1, 0
		}
		switch {
		case !comment && !literal:
			f.words(part)
		case part == "" || f.rules.braces:
		case literal && f.column == 0 && (i > 0 || f.literal):
			f.apart[f.line] = inString
		case comment && strings.TrimSpace(f.lines[f.line][:min(f.column, len(f.lines[f.line]))]) == "":
			f.apart[f.line] = inComment
		}
		f.column += len(part)
	}
	f.literal = literal
}

// Why the indentation of a line means nothing.
const (
	inString  = 1 // it goes on with one
	inComment = 2
)

// words takes the words of a part of a line.
func (f *finder) words(text string) {
	start := -1
	for i := 0; i <= len(text); i++ {
		if i < len(text) && isNameByte(text[i]) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			f.add(text[start:i])
			start = -1
		}
		if i < len(text) && text[i] > ' ' {
			f.punctuation(text[i], f.column+i)
		}
	}
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c == '@' || c == '~' || c >= 0x80
}

func (f *finder) punctuation(c byte, column int) {
	switch {
	case f.rules.braces && c == '{':
		f.openBrace()
	case f.rules.braces && c == '}':
		f.closeBrace(column == 0)
	case f.rules.braces && c == ';' && f.parens == 0:
		f.reset()
	case c == '(' || c == '[':
		f.add(string(c))
		f.parens++
	case c == ')' || c == ']':
		f.parens = max(0, f.parens-1)
		f.add(string(c))
	default:
		f.add(string(c))
	}
}

func (f *finder) add(text string) {
	if f.over {
		f.reset()
	}
	if f.body > 0 || len(f.header) == maxHeader {
		return
	}
	f.header = append(f.header, word{text, f.line})
}

func (f *finder) reset() { f.header, f.parens, f.over = f.header[:0], 0, false }

func (f *finder) openBrace() {
	if f.body > 0 {
		f.body++
		return
	}
	b := block{index: -1}
	if f.parens == 0 {
		var d Declaration
		if d, b.holds = f.rules.declared(f.header); d.Name != "" {
			b.index = len(f.found)
			f.found = append(f.found, d)
		}
	}
	f.open = append(f.open, b)
	f.reset()
	if !b.holds {
		f.body = 1
	}
}

func (f *finder) closeBrace(column0 bool) {
	if f.rules.column0 && column0 {
		for len(f.open) > 1 {
			f.close(f.line)
		}
		f.body = min(f.body, 1)
	}
	if f.body > 1 {
		f.body--
		return
	}
	f.body = 0
	f.close(f.line)
	f.reset()
}

// close ends the innermost block at a line.
func (f *finder) close(line int) {
	if len(f.open) == 0 {
		return
	}
	b := f.open[len(f.open)-1]
	f.open = f.open[:len(f.open)-1]
	if b.index >= 0 {
		f.found[b.index].End = max(line, f.found[b.index].Start)
	}
}
