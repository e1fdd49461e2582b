// Package plugins is what the author of a forge imports: the Forge interface,
// its requests, and Serve, which makes a program of it. Plugins are processes of
// their own, spoken to over gRPC by hashicorp/go-plugin; an author sees neither.
//
// The types are the package's own, and it imports nothing else of this module,
// so that strangers can build on it.
package plugins

//go:generate protoc -I ../ --go_out=.. --go_opt=module=github.com/cabhfuil/cabhfuil-lsp --go-grpc_out=.. --go-grpc_opt=module=github.com/cabhfuil/cabhfuil-lsp ../plugins/internal/wire/forge.proto

import (
	"context"
)

// Kind is a kind of thing that a forge has a page for.
type Kind string

// The kinds. A forge ignores those that it does not know.
const (
	Commit Kind = "commit" // ID is the full SHA
	Pull   Kind = "pull"   // ID is the number of a pull or merge request
	Issue  Kind = "issue"  // ID is the number
	Change Kind = "change" // ID is a number, or a Change-Id: I and 40 hex digits
	Bug    Kind = "bug"    // ID is a tracker's name and a number, as text names it: bug#1, lp#1, bsc#1, PROJ-1
	Branch Kind = "branch" // ID is the name
	Tag    Kind = "tag"    // ID is the name
	File   Kind = "file"   // ID is a commit, branch or tag; Path and Line say where
)

// Item is one thing to link to.
type Item struct {
	Kind    Kind
	ID      string
	Project string // owner/repo where it is not the remote's own; "" otherwise
	Path    string // of a File, with slashes
	Line    int    // of a File, from 1; 0 for none
}

// Description is what a forge says of itself.
type Description struct {
	Name    string // short and stable, such as "github"
	Title   string // for people, such as "GitHub"
	Version string
	Kinds   []Kind // what it links to
	// Remotes are the places that it knows, as patterns of Claims. Keys are regular
	// expressions (RE2) that the IDs of bugs match as a whole which it knows without
	// any remote. Where both are empty, it is asked about everything.
	Remotes []string
	Keys    []string
	// Can is what it does beyond links, of the Can… names. Serve adds what Abilities
	// finds.
	Can []string
	// Environment are the names of the variables that it reads besides PATH, HOME
	// and those of proxies and CAs: where tokens are, and the configuration of
	// programs that have them. Only what the user's configuration allows is handed
	// to a plugin that does not ship with us.
	Environment []string
}

// Forge is what a plugin implements. Its methods may be called from several
// goroutines and end soon after their context does. One that says more of items
// than their addresses is also a Resolver, Finder, Lister, Releaser or Reporter.
type Forge interface {
	// Describe says what the forge is. It needs no network.
	Describe(ctx context.Context) (Description, error)
	// Links makes the addresses of items of the repository behind a remote's URL,
	// without asking the network: one for each item in order, "" where there is
	// none. known is false where the remote is not this forge's. The remote is ""
	// where a bug's ID alone says which tracker has it.
	Links(ctx context.Context, remote string, items []Item) (urls []string, known bool, err error)
}
