package history

// Patch is what a commit changed.
type Patch struct {
	// Against has a comparison with each parent, in their order, and for a root
	// one with nothing.
	Against []Comparison
	// Note is a sentence that says why nothing is compared; "" otherwise.
	Note string
}

// Comparison is how a commit's tree differs from one parent's.
type Comparison struct {
	Parent Hash // zero for nothing
	Files  []FileChange
	// Counted says that Files have their numbers of lines. It is false where
	// contents are missing or comparing them takes too long: Note says which.
	Counted bool
	Note    string
}

// FileChange is one file of a comparison.
type FileChange struct {
	// Status is git's letter: A added, D deleted, M modified, R renamed, T of
	// another type.
	Status byte
	// OldName and NewName are bytes as the tree has them, equal but for a rename.
	OldName, NewName string
	// Modes and objects are the tree's; zero where there is no such file.
	OldMode, NewMode     uint32
	OldObject, NewObject Hash

	Added, Deleted int // lines
	// Binary says that contents are not compared by lines, since they are no text
	// or, beyond LargeFile, too much of it. Sizes are known of such files alone.
	Binary           bool
	OldSize, NewSize int64

	// Diff is git's unified diff of the file, in whole lines, without a sentence on
	// binary contents. Of what it has not got, LeftOut is the number of added and
	// deleted lines.
	Diff      string
	Truncated bool
	LeftOut   int
}

// LargeFile is the size in bytes beyond which contents are not compared.
const LargeFile = 16 << 20

// ModeSubmodule is the mode of a commit of another repository in a tree.
const ModeSubmodule = 0o160000
