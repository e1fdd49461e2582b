// Package dialect reads what a commit message says of other changes: that it is
// a copy of one, reverts one, fixes one.
//
// How communities write that is data: dialects.yaml holds the built-in dialects
// and With adds a user's. This package owns that data, what its patterns may
// say (Spec) and the reading of a message with it (Set.Read).
//
// A claim is what a message says and no more. Whether the named commit exists,
// whether it is the one that is meant, and which of several claims counts, is
// for whoever has the graph to decide. Nothing here does I/O, and a Set is
// immutable: many goroutines may read with one.
package dialect

import (
	_ "embed"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Meaning says what a claim means.
type Meaning string

// The meanings. "This" is the commit whose message is read.
const (
	Copy        Meaning = "copy"         // this is a copy of the named change
	PartialCopy Meaning = "partial-copy" // this has a part of the named change
	Same        Meaning = "same"         // all copies of a change carry this Key, and nothing else does (Change-Id)
	Request     Meaning = "request"      // this came by the request that Key names, or to the branch that Line names; its copies and its neighbours share that
	Revert      Meaning = "revert"       // this takes the named change out
	PartRevert  Meaning = "part-revert"  // this takes a part of the named change out
	Reapply     Meaning = "reapply"      // this brings the named change back, or takes the named revert out
	Fix         Meaning = "fix"          // this fixes what the named change broke
	DependsOn   Meaning = "depends-on"   // the named change depends on this, which is here for its sake (Stable-dep-of)
	Needs       Meaning = "needs"        // this needs the named change on the same line
	NotACopy    Meaning = "not-a-copy"   // this was made for where it is; no change on the upstream line is its source
	Wanted      Meaning = "wanted"       // this asks to be copied to Line and later, or to where it applies
	Released    Meaning = "released"     // upstream has this change since the release that Line names
	Concerns    Meaning = "concerns"     // this is about the issue that Key names
)

// meaning is a Meaning with what the documentation says of it.
type meaning struct {
	means Meaning
	text  string
}

var meanings = []meaning{
	{Copy, "is a copy of the named change"},
	{PartialCopy, "has a part of the named change"},
	{Same, "is one of the copies of a change, all of which carry this name"},
	{Request, "came by the named request, or by a merge to the named branch"},
	{Revert, "takes the named change out"},
	{PartRevert, "takes a part of the named change out, so that it still counts"},
	{Reapply, "brings the named change back"},
	{Fix, "fixes what the named change broke"},
	{DependsOn, "is there for the sake of the named change, which depends on it"},
	{Needs, "needs the named change on the same line"},
	{NotACopy, "was made for its line and has no source upstream"},
	{Wanted, "asks to be copied, to the named line and later ones or to where it applies"},
	{Released, "is upstream since the named release"},
	{Concerns, "is about the named issue"},
}

// Values are the meanings.
func (Meaning) Values() []string {
	all := make([]string, len(meanings))
	for i, m := range meanings {
		all[i] = string(m.means)
	}
	return all
}

// Claim is one thing that a message says of another change.
type Claim struct {
	Means    Meaning
	Dialect  string // its name
	Evidence string // "cherry-pick-trailer", "change-id", "user-dialect", …
	// SHA is 7 to 64 hex digits in lower case; "" where the claim names the
	// change otherwise.
	SHA string
	// Subject is the subject that the claim quotes, or the one that the change
	// has by itself: without a revert's Revert "…" and a copy's prefix and suffix.
	Subject string
	Key     history.Key // a Change-Id, issue, pull or merge request that names the change
	Line    string      // the release line that it says it is for ("5.0.x", "release-1.34")
	// Start and End span, in bytes of the message, the first of these that the
	// claim has: SHA, Key, Subject, Line; else all that the dialect matched.
	Start, End int
}

// UserEvidence is the evidence of claims that a user's dialect reads.
const UserEvidence = "user-dialect"

//go:embed dialects.yaml
var builtinYAML []byte

// Set is dialects that messages are read with. Its zero value reads nothing.
type Set struct {
	dialects []*dialect
	lines    table // those on a line or a paragraph
	subjects table // those on the subject
}

// Builtin is the set of the built-in dialects.
func Builtin() *Set { return builtin() }

// Signature is a number that changes when the built-in dialects do. It costs
// nothing, while Builtin parses and compiles them.
func Signature() uint64 {
	h := fnv.New64a()
	_, _ = h.Write(builtinYAML) //nolint:errcheck // it never fails
	return h.Sum64()
}

// builtin panics on dialects that do not compile, which a test excludes.
var builtin = sync.OnceValue(func() *Set {
	var specs []Spec
	if err := yaml.UnmarshalWithOptions(builtinYAML, &specs, yaml.DisallowUnknownField()); err != nil {
		panic("dialects.yaml: " + err.Error())
	}
	all := make([]*dialect, len(specs))
	for i, spec := range specs {
		d, err := compile(spec)
		if err != nil {
			panic(fmt.Sprintf("dialects.yaml: %d (%s): %v", i, spec.Name, err))
		}
		all[i] = d
	}
	return newSet(all)
})

func newSet(dialects []*dialect) *Set {
	s := &Set{dialects: dialects}
	for _, d := range dialects {
		if d.spec.On == OnSubject {
			s.subjects.add(d)
		} else {
			s.lines.add(d)
		}
	}
	return s
}

// With is s and a user's dialects. Where two match one line the user's count
// before the built-in ones, and the earlier before the later. One with the name
// of a dialect of s replaces it.
//
// Bad ones are told all at once: the error unwraps to a SpecError each.
func (s *Set) With(user []Spec) (*Set, error) {
	old := slices.Clone(s.dialects)
	var added []*dialect
	var bad []error
	seen := make(map[string]bool)
	for i, spec := range user {
		d, err := compileUser(spec)
		if err == nil && seen[spec.Name] {
			err = &SpecError{Field: "name", Err: errors.New("is taken by another dialect; expected one of its own")}
		}
		seen[spec.Name] = true
		if err != nil {
			err.Index, err.Name = i, spec.Name
			bad = append(bad, err)
			continue
		}
		if at := slices.IndexFunc(old, func(o *dialect) bool { return o.spec.Name == spec.Name }); at >= 0 {
			old = slices.Delete(old, at, at+1)
		}
		added = append(added, d)
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	return newSet(append(added, old...)), nil
}

// Dialects are the dialects of s in the order in which they count.
func (s *Set) Dialects() []Spec {
	specs := make([]Spec, len(s.dialects))
	for i, d := range s.dialects {
		specs[i] = d.spec
	}
	return specs
}
