package lookup

import "github.com/cabhfuil/cabhfuil-lsp/history"

// Document is a text that somebody looks at. Offsets into it are bytes.
type Document struct {
	URI      string // as the client spells it
	Path     string // the file's path; "" where the document is no file
	Language string // the client's language id
	Version  int32
	Text     string
	// Declared are the lines of the declarations as the client knows them, in the
	// order of their first lines; nil where it did not say, and they are looked for
	// here.
	Declared []Range
}

// Range is a range of lines, from 0, with its last one.
type Range struct {
	First int `json:"first"`
	Last  int `json:"last"`
}

// Span is a range of bytes in a document: [Start, End).
type Span struct{ Start, End int }

// Hover is what the editor shows for a span.
type Hover struct {
	Span
	Markdown string
	Plain    string // the same for clients that render no Markdown
}

// Lens is a code lens. Where Lenses leaves the Title out, ResolveLens gives it.
type Lens struct {
	Span
	Data  LensData
	Title string
}

// LensData is what a lens needs to be resolved later, by whoever holds it. It
// travels through the client as JSON.
type LensData struct {
	URI  string         `json:"uri"`
	Path string         `json:"path"`
	Keys []history.Hash `json:"keys"` // the known commits of the line, in order
	// Lines are what a lens in a source file is about; nil for one that stands at
	// commits' names. Its Keys come with its title: they are the newest change.
	Lines *Lines `json:"lines,omitempty"`
}

// Lines are lines of one version of a text.
type Lines struct {
	First int    `json:"first"` // from 0
	Last  int    `json:"last"`
	Text  string `json:"text"` // which text, as this process calls it
}

// Change is the commit that lines of a document came with.
type Change struct {
	Repository string       `json:"repository"`
	SHA        history.Hash `json:"sha"`
	Edited     bool         `json:"edited"` // some of the lines are not committed
}

// Symbol is a commit as a workspace symbol.
type Symbol struct {
	Name       string       `json:"name"`      // "<12 hex> <subject>", and the matched text after it where the match lies elsewhere
	Container  string       `json:"container"` // the repository
	Repository string       `json:"repository"`
	SHA        history.Hash `json:"sha"`
}

// Link is a document link.
type Link struct {
	Span
	URL     string
	Tooltip string
}

// Target is where a definition leads: the document of a commit.
type Target struct {
	Origin     Span // the key in the asking document
	Repository string
	SHA        history.Hash
}

// CommitDocument is the text that shows one commit.
type CommitDocument struct {
	Repository string       `json:"repository"`
	SHA        history.Hash `json:"sha"`
	URI        string       `json:"uri"`            // cabhfuil:/<repository>/<sha>.commit
	Path       string       `json:"path,omitempty"` // a read-only file, for clients that cannot read the URI
	Text       string       `json:"text"`
}
