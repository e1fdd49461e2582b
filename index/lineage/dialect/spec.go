package dialect

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Spec is a dialect as data: one way to write a claim.
//
// A pattern is a regular expression (RE2). Its groups say what it found:
//
//	sha      SHAs; each hex word of 7 to 64 digits in it counts, but not what
//	         stands in parentheses behind one
//	key      names of issues and requests, or Change-Ids; each word that is one counts
//	subject  the change's own subject
//	line     a release line, or a release
//	partial  where it matches, a copy has a part of the change only, and a revert
//	         takes no more out
//
// {sha} stands for a group with one SHA and {shas} for one with a list of them
// ("a1b2c3d, b2c3d4e ("subject") and c3d4e5f").
//
// The tags are for internal/config, which lets users write dialects.
type Spec struct {
	Name     string   `yaml:"name" doc:"its name; one with the name of a built-in dialect replaces it"`
	UsedBy   []string `yaml:"used_by" doc:"communities, for people"`
	On       On       `yaml:"on" default:"line" doc:"what the pattern is held against"`
	Pattern  string   `yaml:"pattern" doc:"a regular expression (RE2) whose groups say what it found; {sha} is a group with one SHA, {shas} one with a list"`
	Means    Meaning  `yaml:"means" default:"copy" doc:"what a commit is whose message matches"`
	Evidence string   `yaml:"evidence" doc:"-"`
	Partial  bool     `yaml:"partial" doc:"all copies that it names have a part of the change only, and reverts take no more out"`
	Last     bool     `yaml:"last" doc:"only the last line that matches counts"`
	Example  string   `yaml:"example" doc:"a line that it matches, which is held against the pattern"`
	Note     string   `yaml:"note" doc:"for people"`
}

// On says which text a pattern is held against.
type On string

// What patterns are held against, always without the white space around it.
const (
	OnLine      On = "line"      // each line, the subject too
	OnSubject   On = "subject"   // the first line that is not blank, also without a copy's prefix
	OnOpening   On = "opening"   // the first line of each paragraph, and the next where that matched one of these too
	OnParagraph On = "paragraph" // from the beginning of each line to the end of its paragraph, for names that wrap
)

// Values are what patterns are held against.
func (On) Values() []string {
	return []string{string(OnLine), string(OnSubject), string(OnOpening), string(OnParagraph)}
}

// SpecError says what is wrong with a user's dialect.
type SpecError struct {
	Index int    // which one, counted from 0
	Name  string // "" where it has none
	Field string // the key in YAML that is wrong
	Err   error
}

func (e *SpecError) Error() string {
	name := ""
	if e.Name != "" {
		name = fmt.Sprintf(" (%s)", e.Name)
	}
	return fmt.Sprintf("dialects[%d]%s: %s: %v", e.Index, name, e.Field, e.Err)
}

func (e *SpecError) Unwrap() error { return e.Err }

// Path is where the wrong value stands, as a YAML path within the file.
func (e *SpecError) Path() string { return fmt.Sprintf("$.dialects[%d].%s", e.Index, e.Field) }

// dialect is a Spec that can read.
type dialect struct {
	spec                             Spec
	re                               *regexp.Regexp
	sha, key, subject, line, partial int // groups' numbers, or -1
	filter                           filter
	linear                           *linear // instead of re, where there is one
}

// The texts behind {sha} and {shas}. In a list a SHA may have its subject in
// parentheses behind it; commas, semicolons, bullets and "and" part them.
const (
	hexWord   = `[0-9A-Fa-f]{7,64}`
	inParens  = `(?:\s*\([^()]*(?:\([^()]*\)[^()]*)*\))?`
	oneSHA    = `(?P<sha>` + hexWord + `)`
	listOfSHA = `(?P<sha>` + hexWord + inParens + `(?:[\s,;*-]+(?:and\s+)?(?:commit\s+)?` + hexWord + inParens + `)*)`
)

// compileUser compiles what a user wrote, with its defaults.
func compileUser(spec Spec) (*dialect, *SpecError) {
	if spec.Means == "" {
		spec.Means = Copy
	}
	if spec.Evidence != "" && spec.Evidence != UserEvidence {
		return nil, &SpecError{Field: "evidence", Err: fmt.Errorf("%q is for built-in dialects; expected nothing or %q", spec.Evidence, UserEvidence)}
	}
	spec.Evidence = UserEvidence
	d, err := compile(spec)
	if err != nil || spec.Example == "" {
		return d, err
	}
	found := false
	newSet([]*dialect{d}).Read(spec.Example, func(Claim) bool { found = true; return false })
	if !found {
		return nil, &SpecError{Field: "example", Err: fmt.Errorf("%q is not what the pattern matches", spec.Example)}
	}
	return d, nil
}

// compile checks a Spec and readies it for reading.
func compile(spec Spec) (*dialect, *SpecError) {
	wrong := func(field, format string, args ...any) (*dialect, *SpecError) {
		return nil, &SpecError{Field: field, Err: fmt.Errorf(format, args...)}
	}
	if spec.Name == "" {
		return wrong("name", "is empty; expected the dialect's name")
	}
	if spec.On == "" {
		spec.On = OnLine
	}
	if known := spec.On.Values(); !slices.Contains(known, string(spec.On)) {
		return wrong("on", "%q is none of %s", spec.On, strings.Join(known, ", "))
	}
	if !slices.ContainsFunc(meanings, func(m meaning) bool { return m.means == spec.Means }) {
		var known []string
		for _, m := range meanings {
			known = append(known, string(m.means))
		}
		return wrong("means", "%q is none of %s", spec.Means, strings.Join(known, ", "))
	}
	if spec.Pattern == "" {
		return wrong("pattern", "is empty; expected a regular expression")
	}
	expanded := strings.ReplaceAll(strings.ReplaceAll(spec.Pattern, "{shas}", listOfSHA), "{sha}", oneSHA)
	re, err := regexp.Compile(expanded)
	if err != nil {
		return wrong("pattern", "%w", err)
	}
	if re.MatchString("") {
		return wrong("pattern", "matches the empty text, and so every line")
	}
	d := &dialect{spec: spec, re: re, sha: -1, key: -1, subject: -1, line: -1, partial: -1}
	seen := make(map[string]bool)
	for i, name := range re.SubexpNames() {
		if seen[name] && name != "" {
			return wrong("pattern", "has the group %q twice", name)
		}
		seen[name] = true
		switch name {
		case "":
		case "sha":
			d.sha = i
		case "key":
			d.key = i
		case "subject":
			d.subject = i
		case "line":
			d.line = i
		case "partial":
			d.partial = i
		default:
			return wrong("pattern", "has the unknown group %q; known are sha, key, subject, line, partial", name)
		}
	}
	if err := d.names(); err != nil {
		return nil, &SpecError{Field: "pattern", Err: err}
	}
	d.filter, d.linear = newFilter(expanded), linearOf(expanded)
	return d, nil
}

// names says whether the pattern names what its meaning speaks of.
func (d *dialect) names() error {
	change := d.sha >= 0 || d.key >= 0 || d.subject >= 0
	switch d.spec.Means {
	case NotACopy, Wanted:
		return nil // they speak of this commit
	case Released:
		if d.line < 0 {
			return errors.New("has no group line; expected (?P<line>…)")
		}
	case Same, Concerns:
		if d.key < 0 {
			return errors.New("has no group key; expected (?P<key>…)")
		}
	case Request:
		if d.key < 0 && d.line < 0 {
			return errors.New("has neither a group key nor a group line; expected (?P<key>…)")
		}
	default:
		if !change {
			return errors.New("has no group that names a change; expected {sha}, (?P<sha>…), (?P<key>…) or (?P<subject>…)")
		}
	}
	return nil
}
