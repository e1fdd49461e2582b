package history

import "errors"

// ErrUntracked says that a file is in no commit that HEAD leads to: new, ignored,
// outside the work tree, or in a repository without commits.
var ErrUntracked = errors.New("the file is not in HEAD")

// Blame tells of each line of a text which commit last changed it.
type Blame struct {
	// Head is the commit that the text was compared with.
	Head Hash
	// Commits are those that Lines name, each once.
	Commits []Blamed
	// Lines has an index into Commits for each line, or Uncommitted.
	Lines []int32
}

// Uncommitted marks a line that no commit has.
const Uncommitted = -1

// Blamed is a commit as blame tells it.
type Blamed struct {
	Hash      Hash
	Author    Signature // as the mailmap gives it
	Committer Signature
	Subject   string
	// Boundary says that the history ends here, so that the line may be older.
	Boundary bool
}

// Newest is the commit among those of the lines [first, last], counted from 0,
// that was committed last, and how many of the lines no commit has. commit is
// nil where no line has one; lines beyond the text count for nothing.
func (b *Blame) Newest(first, last int) (commit *Blamed, uncommitted int) {
	for i := max(0, first); i <= last && i < len(b.Lines); i++ {
		at := b.Lines[i]
		if at == Uncommitted {
			uncommitted++
			continue
		}
		if c := &b.Commits[at]; commit == nil || newer(c, commit) {
			commit = c
		}
	}
	return commit, uncommitted
}

// newer orders by committer date, then author date; equal ones by name, so that
// the order of lines does not matter.
func newer(a, b *Blamed) bool {
	if d := a.Committer.Date.Compare(b.Committer.Date); d != 0 {
		return d > 0
	}
	if d := a.Author.Date.Compare(b.Author.Date); d != 0 {
		return d > 0
	}
	return a.Hash.Compare(b.Hash) > 0
}

// Delta is a file that a commit changed against its parent.
type Delta struct {
	Path     string
	Old, New Hash // the file's blobs; zero where there is none on that side
}

// PatchID is git's own word on what a commit changed.
type PatchID struct {
	ID    string // as git patch-id --stable: equal for equal changes in equal context
	Lines int    // that were added or taken away
}
