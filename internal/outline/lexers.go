package outline

import (
	"embed"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/alecthomas/chroma/v2"
)

// chroma's own registry reads the heads of all its lexers, some 280, when a
// process starts, which took a third of that time. So those that are needed are
// copied, and read when the first file is asked about.
//
//go:generate go run copylexers.go arduino awk bash c c# c++ coffeescript crystal cython d dart elixir fish gdscript glsl groovy hlsl java javascript julia kotlin lua nim objective-c perl php python python_2 react ruby rust scala swift tcl typescript vala viml zig

//go:embed lexers/*.xml
var embedded embed.FS

// registry holds the lexers of languages.
var registry = sync.OnceValue(func() *chroma.LexerRegistry {
	r := chroma.NewLexerRegistry()
	paths, err := fs.Glob(embedded, "lexers/*.xml")
	if err != nil {
		panic(err)
	}
	for _, path := range paths {
		r.Register(chroma.MustNewXMLLexer(embedded, path))
	}
	r.Register(chroma.MustNewLexer(&chroma.Config{Name: "Go", Aliases: []string{"go", "golang"}, Filenames: []string{"*.go"}}, goTokens))
	r.Register(chroma.MustNewLexer(&chroma.Config{
		Name: "Raku", Aliases: []string{"raku", "perl6", "pl6"}, DotAll: true,
		Filenames: []string{"*.raku", "*.rakumod", "*.rakutest", "*.rakudoc", "*.p6", "*.p6l", "*.p6m", "*.pl6", "*.pm6", "*.6pl", "*.6pm", "*.nqp"},
	}, rakuTokens))
	return r
})

// goTokens and rakuTokens tell comments and strings from the rest, which is all
// that finding declarations needs; chroma's own two are written in Go, within the
// package that reads everything.
func goTokens() chroma.Rules {
	return chroma.Rules{"root": {
		{Pattern: `//[^\n]*`, Type: chroma.CommentSingle},
		{Pattern: `/\*(.|\n)*?\*/`, Type: chroma.CommentMultiline},
		{Pattern: "`[^`]*`" + `|"(\\.|[^"\\\n])*"|'(\\.|[^'\\\n])*'`, Type: chroma.LiteralString},
		{Pattern: "[^/`\"']+|.", Type: chroma.Text},
	}}
}

func rakuTokens() chroma.Rules {
	return chroma.Rules{"root": {
		{Pattern: `(?m)^\s*=begin\s+(\w+).*?^\s*=end\s+\1|^=(head|item|for|comment)\b[^\n]*`, Type: chroma.CommentMultiline},
		{Pattern: "#`\\([^)]*\\)|#[^\n]*", Type: chroma.CommentSingle},
		// An apostrophe may stand within a name.
		{Pattern: `"(\\.|[^"\\])*"|(?<!\w)'(\\.|[^'\\])*'`, Type: chroma.LiteralString},
		{Pattern: `[^#"'=]+|.`, Type: chroma.Text},
	}}
}

// aliases are LSP's and editors' ids that chroma does not have.
var aliases = map[string]string{
	"shellscript": "bash", "typescriptreact": "tsx", "javascriptreact": "react", "javascript.jsx": "react", "typescript.tsx": "tsx",
	"objective-cpp": "objective-c", "objcpp": "objective-c", "cuda-cpp": "c++", "cuda": "c++", "cs": "c#", "bzl": "starlark", "cperl": "perl",
}

// patterns are names of files that chroma does not have.
var patterns = map[string]string{".cu": "c++", ".cuh": "c++"}

// others are ids of languages in which nothing is looked for and whose files have
// names like those of one that is known.
var others = map[string]bool{
	"matlab": true, "octave": true, "mathematica": true, "wolfram": true, "mma": true, "mason": true, "mercury": true,
	"prolog": true, "promela": true, "pascal": true, "objectpascal": true, "delphi": true, "pov": true, "povray": true,
	"sourcepawn": true, "typoscript": true, "holyc": true, "bitbake": true,
}

func lexerFor(path, language string) chroma.Lexer {
	if others[language] {
		return nil
	}
	if id := aliases[language]; id != "" {
		language = id
	}
	if language != "" && language != "plaintext" {
		if l := registry().Get(language); l != nil {
			return l
		}
	}
	extension := filepath.Ext(path)
	switch id := patterns[extension]; {
	case id != "":
		return registry().Get(id)
	case path == "", extension == ".m": // Objective-C's, MATLAB's and more
		return nil
	}
	return registry().Match(filepath.Base(path))
}
