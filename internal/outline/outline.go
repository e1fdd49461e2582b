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
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"
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

// aliases are LSP's ids that chroma does not have.
var aliases = map[string]string{
	"shellscript": "bash", "typescriptreact": "tsx", "javascriptreact": "react", "csharp": "c#", "fsharp": "f#", "objective-cpp": "objective-c", "cuda-cpp": "cuda",
}

func lexerFor(path, language string) chroma.Lexer {
	if id := aliases[language]; id != "" {
		language = id
	}
	if language != "" && language != "plaintext" {
		if l := lexers.Get(language); l != nil {
			return l
		}
	}
	if path == "" {
		return nil
	}
	return lexers.Match(filepath.Base(path))
}

// rules are how a language's declarations look.
type rules struct {
	// braces are its blocks; else a declaration is a line that begins with a
	// keyword, and ends by indentation.
	braces bool
	// bare functions have no keyword: "int main() {".
	bare bool
	// column0: a closing brace that begins a line closes all, since preprocessor
	// branches leave braces unbalanced.
	column0 bool
	// blocks that are nothing else may hold declarations.
	blocks bool
	// newline ends a statement, where it is not within parentheses.
	newline bool
	// shell: functions are lines "name() {" too.
	shell bool
}

var (
	cLike      = rules{braces: true, bare: true, column0: true}
	javaLike   = rules{braces: true, bare: true}
	scriptLike = rules{braces: true, bare: true, column0: true, newline: true}
	keywords   = rules{braces: true}
	perlLike   = rules{braces: true, column0: true, blocks: true}
	goLike     = rules{braces: true, newline: true}
	indented   = rules{}
	shellRules = rules{shell: true}
)

// languages are those in which declarations are looked for, by chroma's names.
var languages = map[string]rules{
	"C": cLike, "C++": cLike, "Objective-C": cLike, "CUDA": cLike, "GLSL": cLike, "HLSL": cLike, "Arduino": cLike,
	"Java": javaLike, "C#": javaLike, "Dart": javaLike, "Vala": javaLike, "D": javaLike,
	"JavaScript": scriptLike, "TypeScript": scriptLike, "TSX": scriptLike, "react": scriptLike, "Groovy": scriptLike,
	"Rust": keywords, "PHP": keywords, "Perl": perlLike, "Raku": perlLike, "Zig": keywords,
	"Go": goLike, "Kotlin": goLike, "Scala": goLike, "Swift": goLike, "Awk": goLike,
	"Bash": shellRules, "Zsh": shellRules,
	"Python": indented, "Python 2": indented, "Cython": indented, "Starlark": indented, "Ruby": indented, "Lua": indented, "Elixir": indented, "Crystal": indented, "Julia": indented, "Nim": indented, "Fish": indented, "VimL": indented, "GDScript": indented, "CoffeeScript": indented, "Tcl": indented,
}

// declares are the words that begin a declaration; true for those that may hold
// further ones.
var declares = map[string]bool{
	"def": false, "func": false, "fn": false, "function": false, "function!": false, "fun": false, "sub": false, "proc": false, "defp": false, "defmacro": false, "macro": false, "method": false, "iterator": false, "type": false, "struct": true,
	"class": true, "enum": true, "interface": true, "trait": true, "impl": true, "union": true, "namespace": true, "module": true, "mod": true, "object": true, "protocol": true, "extension": true, "record": true, "defmodule": true, "@interface": true, "@implementation": true,
}

// unnamed blocks are no declarations and hold some.
var unnamed = map[string]bool{"namespace": true, "mod": true}

// modifiers may stand before a declaring word at the beginning of a line.
var modifiers = map[string]bool{
	"async": true, "export": true, "default": true, "public": true, "private": true, "protected": true, "static": true, "local": true, "pub": true, "abstract": true, "final": true, "unsafe": true, "const": true, "extern": true, "inline": true, "cdef": true, "cpdef": true, "override": true, "sealed": true, "data": true, "open": true, "internal": true, "suspend": true, "partial": true,
}

// control are the words that open a block that declares nothing.
var control = map[string]bool{
	"if": true, "for": true, "while": true, "switch": true, "catch": true, "else": true, "do": true, "try": true, "return": true, "foreach": true, "until": true, "unless": true, "case": true, "match": true, "loop": true, "select": true, "synchronized": true, "using": true, "with": true, "new": true, "elif": true, "elseif": true, "finally": true, "defer": true, "go": true, "lock": true,
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
