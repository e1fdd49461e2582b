package history

import "time"

// KeyKind says what kind of name a Key is.
type KeyKind string

// The kinds of keys. Their texts are part of the contract (where's "keys").
const (
	KeyCommit   KeyKind = "commit"    // a SHA, 7 to 64 hex digits
	KeyChangeID KeyKind = "change-id" // Gerrit: I and 40 hex digits
	KeyCVE      KeyKind = "cve"       // CVE-2024-32002
	KeyGHSA     KeyKind = "ghsa"      // GHSA-xxxx-xxxx-xxxx
	KeyIssue    KeyKind = "issue"     // #1, GH-1, owner/repo#1: an issue or a pull request
	KeyMerge    KeyKind = "merge"     // !1, group/project!1: a merge request
	KeyBug      KeyKind = "bug"       // LP: #1, bsc#1, PROJ-1: a tracker's issue
	KeyURL      KeyKind = "url"       // a forge's web address
)

// Key is a name that text uses for a change.
type Key struct {
	Kind KeyKind `json:"kind"`
	Text string  `json:"text"` // as it stands in the text
	URL  *string `json:"url"`  // where a forge shows it; nil where no forge says
}

// Status says how a change stands on a release line.
type Status string

// The statuses of a landing.
const (
	Contains    Status = "contains"     // the asked commit, or the original that it was copied from, is an ancestor
	Backported  Status = "backported"   // another copy is an ancestor
	Reverted    Status = "reverted"     // it was there and a revert took it out
	Missing     Status = "missing"      // it is not there
	NotAffected Status = "not-affected" // what it fixes never reached the line
	Unknown     Status = "unknown"      // history is truncated, so absence proves nothing
)

// Landing is a change seen from one release line.
type Landing struct {
	Name       string   `json:"name"` // without the remote, where the line is only remote-tracking
	Ref        string   `json:"ref"`  // full name; a tag for an ended line
	Status     Status   `json:"status"`
	Commit     *Hash    `json:"commit"`     // the commit on this line; nil where there is none
	Evidence   []string `json:"evidence"`   // how a copy is known to be one
	FirstTag   *string  `json:"firstTag"`   // the earliest release tag on the line that has it
	Incomplete []Hash   `json:"incomplete"` // later fixes of it that are upstream and not here
	RevertedBy *Hash    `json:"revertedBy"`
	Needed     bool     `json:"needed"` // it is missing, and the line has what it fixes
	// Requested is the pull, change or label that asks for the change on this line
	// while it is not there; nil where no forge says so.
	Requested *Request `json:"requested,omitempty"`
}

// Request asks for a backport.
type Request struct {
	Kind  string `json:"kind"` // pull or change; "" where a label alone asks
	ID    string `json:"id"`
	Title string `json:"title"`
	State string `json:"state"` // of the pull or change
	URL   string `json:"url"`   // its page, or that of what has the label
	Label string `json:"label,omitempty"`
	Noun  string `json:"noun,omitempty"` // as in ForgeItem
}

// Relation is another commit that has to do with the asked one.
type Relation struct {
	SHA      Hash     `json:"sha"`
	Subject  string   `json:"subject"`
	Relation string   `json:"relation"`
	Evidence []string `json:"evidence"`
}

// TagSet is the tags that contain a commit.
type TagSet struct {
	First *string  `json:"first"` // the earliest release tag
	All   []string `json:"all"`   // oldest first, all tags and not release tags alone
}

// ForgeItem is what a forge or tracker says of a change. Of a commit there is only
// its page.
type ForgeItem struct {
	Kind  string `json:"kind"` // commit, pull, issue, change, bug
	ID    string `json:"id"`
	Title string `json:"title"`
	State string `json:"state"` // open, merged, closed; "" where it is not known
	URL   string `json:"url"`

	Project     string    `json:"project,omitempty"` // where it is not the repository's own
	Noun        string    `json:"noun,omitempty"`    // what the forge calls it, such as "Merge request", where that is not the usual word of its kind
	Status      string    `json:"status,omitempty"`  // the forge's own word, such as "Fix Released"
	Draft       bool      `json:"draft,omitempty"`
	Labels      []string  `json:"labels,omitempty"`
	Author      string    `json:"author,omitempty"`
	Assignees   []string  `json:"assignees,omitempty"`
	Milestone   string    `json:"milestone,omitempty"`
	Target      string    `json:"target,omitempty"` // the branch that it goes to
	Head        string    `json:"head,omitempty"`
	MergeCommit string    `json:"mergeCommit,omitempty"`
	Created     time.Time `json:"created,omitzero"`
	Updated     time.Time `json:"updated,omitzero"`
	Merged      time.Time `json:"merged,omitzero"`
	Closed      time.Time `json:"closed,omitzero"`

	Backports []ForgeBackport `json:"backports,omitempty"`
	Forge     string          `json:"forge,omitempty"`   // the plugin that says so
	Checked   time.Time       `json:"checked,omitzero"`  // when the forge said so
	Problem   string          `json:"problem,omitempty"` // why it could not be asked again since
}

// ForgeBackport is a copy for another branch that a forge tells of.
type ForgeBackport struct {
	Target string `json:"target"` // the branch, or the part of its name that a label has
	Request
}

// Limit names a reason why an answer may fall short of the truth.
type Limit string

// The limits that answers carry.
const (
	LimitShallow        Limit = "shallow"         // the clone's history is truncated
	LimitPartial        Limit = "partial"         // objects are missing
	LimitUnindexed      Limit = "unindexed"       // the commit is in the object store, on no indexed ref
	LimitIndexBehind    Limit = "index-behind"    // refs moved, or indexing has not ended
	LimitTextPending    Limit = "text-pending"    // words are still being indexed
	LimitPathsPending   Limit = "paths-pending"   // which commits changed a path is still being indexed
	LimitLineagePending Limit = "lineage-pending" // copies are not known yet
	LimitRefsLeftOut    Limit = "refs-left-out"   // some refs could not be read
	LimitForgePending   Limit = "forge-pending"   // a forge has not answered yet
	LimitForgeOffline   Limit = "forge-offline"   // a forge could not be asked, or only too long ago
	LimitFormat         Limit = "format"          // read through git or not at all
)

// Match is one change in one repository: the fix card as data.
type Match struct {
	Repository string      `json:"repository"`
	Commit     Commit      `json:"commit"`
	Branches   []Landing   `json:"branches"` // upstream first, then the newest line first
	Tags       TagSet      `json:"tags"`
	Related    []Relation  `json:"related"`
	Keys       []Key       `json:"keys"` // what the message names
	Forge      []ForgeItem `json:"forge"`
	Limits     []Limit     `json:"limits"`
	// ForgeProblems are the reasons for LimitForgeOffline, each once.
	ForgeProblems []ForgeProblem `json:"forgeProblems,omitempty"`
}

// ForgeProblem is why what a forge says may be missing or old.
type ForgeProblem struct {
	Forge string `json:"forge"` // the plugin that asks it
	Host  string `json:"host"`  // that has the problem; "" where it is the plugin's own
	// Problem is offline, untrusted (its certificate), limited, refused (the token, or
	// that there is none), forbidden (to this token), failed (what it said makes no
	// sense), or broken (the plugin).
	Problem string    `json:"problem"`
	Token   string    `json:"token,omitempty"` // where the token came from that was sent, such as a variable's name
	Retry   time.Time `json:"retry,omitzero"`  // when asking again may help
}

// Answer is what where says to one query.
type Answer struct {
	Query   string  `json:"query"`
	Error   *string `json:"error"`
	Matches []Match `json:"matches"`
}

// Hit is a commit that a search found.
type Hit struct {
	Repository string    `json:"repository"`
	SHA        Hash      `json:"sha"`
	Subject    string    `json:"subject"`
	Author     Signature `json:"author"`
	Date       time.Time `json:"date"` // committer date
	// Score orders hits, best first: 3 and more for an exact key, 2 for the
	// subject, 1 for the body, below 1 for fuzzy ones; the fraction grows with
	// the commit's date.
	Score float64 `json:"score"`
	// Fuzzy says that the commit has words that are spelled like those of the query, in
	// a repository where nothing matches exactly.
	Fuzzy bool `json:"fuzzy,omitempty"`
}

// RepositoryError is a repository that could not take part in an answer.
type RepositoryError struct {
	Repository string `json:"repository"`
	Message    string `json:"message"`
}

// SearchResult is what search says.
type SearchResult struct {
	Query      string            `json:"query"`
	Total      int               `json:"total"` // all that match; Hits may hold fewer
	Hits       []Hit             `json:"hits"`
	Errors     []RepositoryError `json:"errors"`
	Limits     []Limit           `json:"limits"`
	DurationMs float64           `json:"durationMs"`
}

// MissingChange is a change that one line lacks.
type MissingChange struct {
	SHA     Hash      `json:"sha"`
	Subject string    `json:"subject"`
	Author  Signature `json:"author"`
	Date    time.Time `json:"date"`   // committer date
	Needed  bool      `json:"needed"` // the line has what this fixes
	Reason  string    `json:"reason"`
	Keys    []Key     `json:"keys"`
}

// ExcludedChange is a commit that a line has not got and that is no lack of it.
type ExcludedChange struct {
	SHA    Hash   `json:"sha"`
	Reason string `json:"reason"`
}

// MissingResult is what missing says: what the line From lacks of the line In.
type MissingResult struct {
	Repository string           `json:"repository"`
	From       string           `json:"from"`
	In         string           `json:"in"`
	Changes    []MissingChange  `json:"changes"`  // newest first
	Excluded   []ExcludedChange `json:"excluded"` // newest first
	URI        string           `json:"uri"`      // of the document that lists this, for editors
	Limits     []Limit          `json:"limits"`
}

// CheckedLanding is one change on one line as check sees it.
type CheckedLanding struct {
	Query      string  `json:"query"`
	Repository string  `json:"repository"`
	SHA        Hash    `json:"sha"`
	Line       string  `json:"line"`
	OK         bool    `json:"ok"`
	Landing    Landing `json:"landing"`
	Reason     string  `json:"reason"` // why it passes or fails
}

// CheckResult is what check says.
type CheckResult struct {
	OK      bool             `json:"ok"` // all of Results pass
	Results []CheckedLanding `json:"results"`
	Limits  []Limit          `json:"limits"`
}
