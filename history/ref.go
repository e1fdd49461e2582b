package history

import "strings"

// RefKind says what a ref is.
type RefKind uint8

// The kinds of refs.
const (
	OtherRef     RefKind = iota
	Branch               // refs/heads/…
	RemoteBranch         // refs/remotes/…
	Tag                  // refs/tags/…
	HeadRef              // HEAD itself, or a linked work tree's, where it is detached
)

// Ref is a name and the commit that it leads to.
type Ref struct {
	Name   string // full name, such as refs/heads/main, or HEAD
	Object Hash   // what the ref points at; a tag object for an annotated tag
	Commit Hash   // Object peeled to a commit
}

// Kind tells branches, remote-tracking branches, tags and HEAD apart by name.
func (r Ref) Kind() RefKind { return KindOf(r.Name) }

// KindOf is the kind of the ref with this full name.
func KindOf(name string) RefKind {
	switch {
	case strings.HasPrefix(name, "refs/heads/"):
		return Branch
	case strings.HasPrefix(name, "refs/remotes/"):
		return RemoteBranch
	case strings.HasPrefix(name, "refs/tags/"):
		return Tag
	case name == "HEAD" || strings.HasPrefix(name, "worktrees/") && strings.HasSuffix(name, "/HEAD"):
		return HeadRef
	}
	return OtherRef
}

// Short is the name without refs/heads/, refs/remotes/, refs/tags/ or refs/.
func (r Ref) Short() string {
	for _, p := range [...]string{"refs/heads/", "refs/remotes/", "refs/tags/", "refs/"} {
		if s, ok := strings.CutPrefix(r.Name, p); ok {
			return s
		}
	}
	return r.Name
}

// Refs is what a repository's refs said at one moment.
type Refs struct {
	// List holds the indexed refs that lead to a commit, sorted by Name:
	// branches, remote-tracking branches (without the remotes' HEAD), tags, and
	// the HEADs that are detached: HEAD itself, and worktrees/<id>/HEAD of linked
	// work trees, as git calls these. Each Name stands once.
	List []Ref
	// Head is the full name of the branch that HEAD names, also when that branch
	// is unborn; "" when HEAD is detached.
	Head string
	// Linked maps worktrees/<id>/HEAD to the full name of the branch that this
	// linked work tree is on; nil where there is none.
	Linked map[string]string
	// RemoteHeads maps a remote's name to the full name of the remote-tracking
	// branch that refs/remotes/<remote>/HEAD names.
	RemoteHeads map[string]string
	// Bare is true for a repository that is bare by its layout, whatever its
	// configuration says.
	Bare bool
	// Shallow holds the boundary commits of a shallow clone; empty otherwise.
	Shallow []Hash
	// LeftOut counts refs that were not indexed because they could not be read
	// (a missing object, a broken ref). Refs that lead to no commit and refs
	// outside the indexed namespaces are not counted.
	LeftOut int
}
