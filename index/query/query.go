// Package query is the search language: GitLens's operators and ours, parsed
// into a tree that knows neither an index nor git. It also says what a word is
// (Tokens), for indexing and searching alike.
package query

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Query is a parsed search.
type Query struct {
	Text string // as it was given
	Root Node   // nil for an empty query, which matches everything
}

// Node is a part of a query: *And, *Or, *Not or one of the terms below.
type Node interface{ node() }

// And matches what all its nodes match; there are two at least.
type And struct{ Nodes []Node }

// Or matches what any of its nodes matches; there are two at least.
type Or struct{ Nodes []Node }

// Not matches what its node does not.
type Not struct{ Node Node }

// Word is a bare word: of the message, or the beginning of a SHA. It may hold
// punctuation, and then stands for its words together, in order.
type Word struct{ Text string }

// Phrase is quoted text that the message holds.
type Phrase struct{ Text string }

// Message is text that the message holds (message: or =:).
type Message struct{ Text string }

// Author is a name or address (author: or @:); Me stands for the user's own.
type Author struct {
	Text string
	Me   bool
}

// Committer is a name or address (committer:); Me stands for the user's own.
type Committer struct {
	Text string
	Me   bool
}

// Commit is the beginning of a SHA (commit: or #:), in lower case.
type Commit struct{ Prefix string }

// File is a path that the commit changed, a directory above it, a name or a glob
// (file: or ?:).
type File struct{ Path string }

// Type is a kind of commit; merge is the only one (type:merge).
type Type struct{}

// Since is a first committer date (after: or since:), inclusive.
type Since struct{ Time time.Time }

// Until is a committer date that is passed (before: or until:), exclusive.
type Until struct{ Time time.Time }

// Ref is a branch or tag that contains the commit (ref:).
type Ref struct{ Name string }

// In is a line that has the change (in:).
type In struct{ Line string }

// Missing is a line that lacks the change (missing:).
type Missing struct{ Line string }

// Fixes is a key that the commit says it fixes (fixes:).
type Fixes struct{ Key string }

// CVE is a CVE id that the message names (cve:), with its CVE-.
type CVE struct{ ID string }

// ChangeID is a Gerrit Change-Id that the message names (changeid:).
type ChangeID struct{ ID string }

// BackportOf is a commit that this one is a copy of (backport-of:).
type BackportOf struct{ Key string }

// Repo restricts the search to a repository (repo:).
type Repo struct{ Name string }

func (*And) node()        {}
func (*Or) node()         {}
func (*Not) node()        {}
func (*Word) node()       {}
func (*Phrase) node()     {}
func (*Message) node()    {}
func (*Author) node()     {}
func (*Committer) node()  {}
func (*Commit) node()     {}
func (*File) node()       {}
func (*Type) node()       {}
func (*Since) node()      {}
func (*Until) node()      {}
func (*Ref) node()        {}
func (*In) node()         {}
func (*Missing) node()    {}
func (*Fixes) node()      {}
func (*CVE) node()        {}
func (*ChangeID) node()   {}
func (*BackportOf) node() {}
func (*Repo) node()       {}

// SyntaxError says where a query is wrong and what would be right.
type SyntaxError struct {
	Column   int    // of the fault, in characters from 1
	Got      string // what stands there; "" for the end
	Expected string
}

func (e *SyntaxError) Error() string {
	if e.Got == "" {
		return fmt.Sprintf("column %d: expected %s", e.Column, e.Expected)
	}
	return fmt.Sprintf("column %d: %q: expected %s", e.Column, e.Got, e.Expected)
}

// Repos are the repositories that a query is restricted to by repo: terms that
// every match has to satisfy; nil for all.
func (q *Query) Repos() []string {
	nodes := []Node{q.Root}
	if and, ok := q.Root.(*And); ok {
		nodes = and.Nodes
	}
	var names []string
	for _, n := range nodes {
		if r, ok := n.(*Repo); ok {
			names = append(names, r.Name)
		}
	}
	return names
}

// Paths says whether the query asks which paths commits changed.
func (q *Query) Paths() bool {
	return has(q.Root, func(n Node) bool { _, ok := n.(*File); return ok })
}

// Lineage says whether the query asks what derives from what.
func (q *Query) Lineage() bool {
	return has(q.Root, func(n Node) bool {
		switch n.(type) {
		case *In, *Missing, *Fixes, *BackportOf:
			return true
		}
		return false
	})
}

// has says whether a term that fits stands anywhere below a node.
func has(n Node, fits func(Node) bool) bool {
	below := func(nodes []Node) bool {
		return slices.ContainsFunc(nodes, func(n Node) bool { return has(n, fits) })
	}
	switch n := n.(type) {
	case *Not:
		return has(n.Node, fits)
	case *And:
		return below(n.Nodes)
	case *Or:
		return below(n.Nodes)
	}
	return fits(n)
}

// String is the query in canonical form; parsed again, it is the same query.
func (q *Query) String() string {
	if q.Root == nil {
		return ""
	}
	return format(q.Root, 0)
}

// format writes a node; inside is 1 within an And and 2 within a Not, where an
// Or and an And need parentheses.
func format(n Node, inside int) string {
	join := func(nodes []Node, sep string, level int) string {
		parts := make([]string, len(nodes))
		for i, c := range nodes {
			parts[i] = format(c, level)
		}
		return strings.Join(parts, sep)
	}
	group := func(s string, needed bool) string {
		if needed {
			return "(" + s + ")"
		}
		return s
	}
	switch n := n.(type) {
	case *And:
		return group(join(n.Nodes, " ", 1), inside > 1)
	case *Or:
		return group(join(n.Nodes, " OR ", 1), inside > 0)
	case *Not:
		return "-" + format(n.Node, 2)
	case *Word:
		return n.Text
	case *Phrase:
		return quote(n.Text)
	case *Type:
		return "type:merge"
	case *Author:
		if n.Me {
			return "author:@me"
		}
		return "author:" + quote(n.Text)
	case *Committer:
		if n.Me {
			return "committer:@me"
		}
		return "committer:" + quote(n.Text)
	case *Since:
		return "since:" + n.Time.UTC().Format(time.RFC3339Nano)
	case *Until:
		return "until:" + n.Time.UTC().Format(time.RFC3339Nano)
	}
	name, value := operand(n)
	return name + ":" + quote(value)
}

func operand(n Node) (name, value string) {
	switch n := n.(type) {
	case *Message:
		return "message", n.Text
	case *Commit:
		return "commit", n.Prefix
	case *File:
		return "file", n.Path
	case *Ref:
		return "ref", n.Name
	case *In:
		return "in", n.Line
	case *Missing:
		return "missing", n.Line
	case *Fixes:
		return "fixes", n.Key
	case *CVE:
		return "cve", n.ID
	case *ChangeID:
		return "changeid", n.ID
	case *BackportOf:
		return "backport-of", n.Key
	case *Repo:
		return "repo", n.Name
	}
	return "", ""
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
