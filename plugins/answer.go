package plugins

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"
)

// State is where a Thing is in its life.
type State string

// The states. A forge maps its own to them, and keeps its own word in
// Thing.Status where that says more.
const (
	Open   State = "open"
	Merged State = "merged" // of pulls and changes: it is in its target
	Closed State = "closed" // not merged; of issues and bugs: done with, in whatever way
)

// Thing is what a forge says of one of its pull requests, changes, issues or bugs.
// Fields that the forge has nothing for are empty.
type Thing struct {
	Kind    Kind   // what it turned out to be: an issue that was asked for may be a pull
	ID      string // as in an Item of this kind
	Project string // owner/repo where it is not the remote's own
	URL     string // its page
	// Noun is what the forge calls it, such as "Merge request" or "Story"; "" for the
	// usual word of its kind.
	Noun string

	Title  string
	State  State
	Status string // the forge's own word, such as "Fix Released" or "WIP", where State is not all of it
	Draft  bool

	Labels    []string
	Author    string // a name for people, not an address
	Assignees []string
	Milestone string

	Target      string // the branch that a pull or change goes to, without refs/heads/
	Head        string // full SHA of what a pull or change would bring
	MergeCommit string // full SHA of what it brought

	Created, Updated, Merged, Closed time.Time

	// Backports are copies to other branches that are asked for (by a label such as
	// "backport stable/1.2") or under way (another pull or change).
	Backports []Backport
}

// Backport is a copy of a Thing's change for another branch.
type Backport struct {
	Target string // the branch
	Label  string // that asks for it; "" where Thing tells of it
	Kind   Kind   // of the pull or change that makes it; "" for none yet
	ID     string
	URL    string
	Title  string
	State  State
}

// Problem says why an Answer may lack something.
type Problem string

// The problems.
const (
	NoProblem Problem = ""
	Offline   Problem = "offline"   // the forge cannot be reached, or has a fault
	Untrusted Problem = "untrusted" // its certificate is not trusted
	Limited   Problem = "limited"   // it is not to be asked before Retry
	Refused   Problem = "refused"   // it wants other credentials than it got
	Forbidden Problem = "forbidden" // it does not show this to who asks
	Failed    Problem = "failed"    // it answered what cannot be understood
	// Broken is a plugin that crashed, hangs or answers what makes no sense. Whoever
	// asks plugins says so, and no plugin of itself.
	Broken Problem = "broken"
	// NotAsked is a place that is linked to and not asked: it was recognised by its
	// name alone, which a repository can make up, and no setting names it.
	NotAsked Problem = "not-asked"
)

// Answer is what a forge says to one question.
type Answer struct {
	// Things are none where the forge knows of none. A Change-Id has one on each of
	// its branches; a commit may be in several pulls.
	Things  []Thing
	Checked time.Time // when the forge said so; zero where it has not
	Problem Problem   // why it could not be asked again, or at all
	Detail  string    // the problem in a sentence, without secrets
	Retry   time.Time // when asking again may help, of Offline and Limited; else zero
	Host    string    // whose problem it is, as people know it; "" for the remote's
	// Token is where the token came from that was sent to it, such as the name of a
	// variable, of Refused, Forbidden and Limited; "" for none.
	Token string
}

// Lacking is the answer with the problem of another one, which was to tell a part of
// it.
func (a Answer) Lacking(part Answer) Answer {
	a.Problem, a.Detail, a.Retry, a.Host, a.Token = part.Problem, part.Detail, part.Retry, part.Host, part.Token
	return a
}

// ErrUnsupported says that a forge does not do what it was asked.
var ErrUnsupported = errors.New("the forge does not do this")

// Resolver is a Forge that says what items are. It may ask the network, in as few
// requests as the forge's interface allows, and ends soon after its context does.
type Resolver interface {
	// Resolve gives one answer for each item in order. An error is the plugin's own
	// failure; what goes wrong at the forge is in the answers.
	Resolve(ctx context.Context, remote string, items []Item) ([]Answer, error)
}

// Finder is a Forge that finds the pulls or changes that commits came with.
type Finder interface {
	// Changes gives one answer for each commit (a full SHA) in order.
	Changes(ctx context.Context, remote string, commits []string) ([]Answer, error)
}

// Lister is a Forge that lists what is open, for completion.
type Lister interface {
	// Open lists open issues, pulls, changes or bugs whose number begins with text
	// or whose title has it, the most recently changed first; all where text is "".
	Open(ctx context.Context, remote, text string, limit int) (Answer, error)
}

// Releaser is a Forge whose tags have names and dates of release.
type Releaser interface {
	// Releases gives what the forge calls a tag, one for each tag in order; the zero
	// Release for tags that are none.
	Releases(ctx context.Context, remote string, tags []string) ([]Release, error)
}

// Release is what a forge says of a tag.
type Release struct {
	Tag       string
	Name      string
	URL       string
	Draft     bool // or a prerelease
	Published time.Time
}

// Reporter is a Forge that says how the hosts which it asks are doing.
type Reporter interface {
	Health(ctx context.Context) ([]Health, error)
}

// Health is how a host that is asked is doing.
type Health struct {
	Host    string
	Problem Problem
	Detail  string    // the problem in a sentence, without secrets
	Retry   time.Time // when it is asked again; zero for at once
	Since   time.Time // when it was last left alone after failing repeatedly; zero while it is not

	Said     string    // how the last request ended, such as "200 OK"; "" for none yet
	At       time.Time // when
	Requests int       // since the plugin began to run
	Cached   int       // answers that cost no request
	Left     int       // requests that it answers before Reset
	Reset    time.Time // zero where it does not say how many are left
	Token    string    // as in Answer
}

// The names of what a forge can do beyond links, for Description.Can.
const (
	CanResolve  = "resolve"
	CanChanges  = "changes"
	CanOpen     = "open"
	CanReleases = "releases"
	CanHealth   = "health"
	// CanBatch says that many items cost few requests. A forge names it in its
	// Description, the others are found by Abilities.
	CanBatch = "batch"
	// CanBatchChanges says the same of commits.
	CanBatchChanges = "batch-changes"
)

// Abilities are what a forge can do, of the names above.
func Abilities(f Forge) []string {
	var can []string
	if _, ok := f.(Resolver); ok {
		can = append(can, CanResolve)
	}
	if _, ok := f.(Finder); ok {
		can = append(can, CanChanges)
	}
	if _, ok := f.(Lister); ok {
		can = append(can, CanOpen)
	}
	if _, ok := f.(Releaser); ok {
		can = append(can, CanReleases)
	}
	if _, ok := f.(Reporter); ok {
		can = append(can, CanHealth)
	}
	return can
}

// backportLabel is how communities write that a change is wanted on a line:
// backport-to-1.2, backport/stable-2, needs-backport-to-3.12, "needs backport to
// 3.12", "backport release-1.0", cherry-pick/1.4, "cherrypick-approved" is none.
var backportLabel = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(?:needs?[- ])?(?:auto[- ]?)?(?:backport|cherry[- ]?pick)(?:[-_ ]?to)?[-_/: ]+([A-Za-z0-9][A-Za-z0-9_./-]*)$`)
})

// notLines are words that follow "backport" in labels and name no line.
var notLines = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(done|needed|required|requested|candidate|candidates|approved|rejected|pending|complete|completed|conflict|conflicts|failed|skip|none|no|yes|nominated|potential|created|merged|it|me|bot|pr|prs)$`)
})

// BackportLabel reads a label that asks for a backport: the branch, or the part
// of its name, that it is wanted on.
func BackportLabel(label string) (line string, ok bool) {
	m := backportLabel().FindStringSubmatch(strings.TrimSpace(label))
	if m == nil || notLines().MatchString(m[1]) {
		return "", false
	}
	return m[1], true
}

// Requested are the backports that labels ask for.
func Requested(labels []string) []Backport {
	var all []Backport
	for _, label := range labels {
		if line, ok := BackportLabel(label); ok {
			all = append(all, Backport{Target: line, Label: label})
		}
	}
	return all
}
