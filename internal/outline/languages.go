package outline

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
	"C": cLike, "C++": cLike, "Objective-C": cLike, "GLSL": cLike, "HLSL": cLike, "Arduino": cLike,
	"Java": javaLike, "C#": javaLike, "Dart": javaLike, "Vala": javaLike, "D": javaLike,
	"JavaScript": scriptLike, "TypeScript": scriptLike, "react": scriptLike, "Groovy": scriptLike,
	"Rust": keywords, "PHP": keywords, "Perl": perlLike, "Raku": perlLike, "Zig": keywords,
	"Go": goLike, "Kotlin": goLike, "Scala": goLike, "Swift": goLike, "Awk": goLike,
	"Bash":   shellRules,
	"Python": indented, "Python 2": indented, "Cython": indented, "Ruby": indented, "Lua": indented, "Elixir": indented, "Crystal": indented, "Julia": indented, "Nim": indented, "Fish": indented, "VimL": indented, "GDScript": indented, "CoffeeScript": indented, "Tcl": indented,
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
