// Package line knows which refs people get releases from: which of a
// repository's branches are release lines, which one is upstream, in what order
// they are shown, and which tags are releases.
//
// Its main types: Line and Tags. It is pure logic over refs and a graph, and
// reads nothing.
package line

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// Config is what a repository's configuration says of its lines.
type Config struct {
	ReleaseLines []string // patterns instead of DefaultPatterns; nil for these
	Upstream     string   // a branch's name, short or full; "" to find it
}

// DefaultPatterns are the branches that count as release lines, as fnmatch
// patterns whose * also crosses a slash.
var DefaultPatterns = []string{
	"stable/*", "stable-*", "*-stable", "*-stable-*", "release/*", "release-*", "release[0-9]*", "release-branch.*",
	"releng/*", "unmaintained/*", "maint*", "linux-*.y", "REL_*_STABLE", "v[0-9]*.x", "[0-9]*.x", "[0-9]*-sec", "lts*",
	// A version alone: CPython, Redis, Qt, Mesa, MariaDB, Elasticsearch; MongoDB. No * here:
	// what follows the version makes a name somebody's own branch.
	"[0-9].[0-9]", "[0-9].[0-9][0-9]", "[0-9][0-9].[0-9]", "[0-9][0-9].[0-9][0-9]",
	"v[0-9].[0-9]", "v[0-9].[0-9][0-9]", "v[0-9][0-9].[0-9]",
	"openssl-[0-9].[0-9]", "PHP-[0-9].[0-9]", "ruby_[0-9]_[0-9]",
}

// Line is the upstream line or a release line.
type Line struct {
	Name     string // short; without the remote where it is only remote-tracking
	Ref      string // full name
	Upstream bool
	Ended    bool // the line is gone, and a tag stands for it
	Tip      history.Hash
}

// Lines picks the lines out of a repository's refs: upstream first, then the
// newest first, by version where names hold one. A branch that is both local
// and remote-tracking is one line, the newer of the two; where they diverged
// both stand, as X and origin/X. Bad patterns come back as an error, and the
// rest counts.
func Lines(refs history.Refs, cfg Config, g *graph.Graph) ([]Line, error) {
	patterns := cfg.ReleaseLines
	if patterns == nil {
		patterns = DefaultPatterns
	}
	var bad error
	for _, p := range patterns {
		if _, err := path.Match(crossing(p), ""); err != nil {
			bad = fmt.Errorf("the pattern %q of a release line: %w", p, err)
		}
	}
	c := chooser{refs: refs, patterns: patterns, g: g, byName: map[string]history.Ref{}}
	for _, r := range refs.List {
		if kind := r.Kind(); kind == history.Branch || kind == history.RemoteBranch { // there may be very many tags
			c.byName[r.Name] = r
		}
	}
	upstream := c.upstream(cfg.Upstream)
	groups := map[string][]history.Ref{}
	var names []string
	for _, r := range refs.List {
		name := branchName(r)
		if name == "" || r.Name != upstream && !c.isRelease(name) && (upstream == "" || name != branchName(c.byName[upstream])) {
			continue
		}
		if groups[name] == nil {
			names = append(names, name)
		}
		groups[name] = append(groups[name], r)
	}
	var lines []Line
	for _, name := range names {
		lines = append(lines, c.merge(name, groups[name], upstream)...)
	}
	lines = append(lines, c.ended()...)
	slices.SortStableFunc(lines, func(a, b Line) int {
		if a.Upstream != b.Upstream {
			if a.Upstream {
				return -1
			}
			return 1
		}
		return c.newer(a, b)
	})
	return lines, bad
}

type chooser struct {
	refs     history.Refs
	patterns []string
	g        *graph.Graph
	byName   map[string]history.Ref // branches
}

// branchName is the name of a branch without its remote, or "" for other refs.
func branchName(r history.Ref) string {
	switch r.Kind() {
	case history.Branch:
		return r.Short()
	case history.RemoteBranch:
		_, name, _ := strings.Cut(r.Short(), "/")
		return name
	}
	return ""
}

func (c *chooser) isRelease(name string) bool {
	return slices.ContainsFunc(c.patterns, func(p string) bool { return Match(p, name) })
}

// Match says whether a name matches an fnmatch pattern in which * and ? also
// match a slash.
func Match(pattern, name string) bool {
	ok, err := path.Match(crossing(pattern), crossing(name))
	return err == nil && ok
}

// crossing replaces the character that path.Match's wildcards stop at.
func crossing(s string) string { return strings.ReplaceAll(s, "/", "\x01") }

// upstream is the full name of the ref that fixes land on first, or "".
func (c *chooser) upstream(configured string) string {
	if configured != "" {
		for _, full := range []string{configured, "refs/heads/" + configured, "refs/remotes/origin/" + configured, "refs/remotes/" + configured} {
			if r, ok := c.byName[full]; ok {
				return r.Name
			}
		}
	}
	candidates := []string{c.refs.RemoteHeads["upstream"], c.refs.RemoteHeads["origin"]}
	if c.refs.Bare {
		candidates = append(candidates, c.refs.Head)
	}
	for _, name := range candidates {
		if r, ok := c.byName[name]; ok && !c.isRelease(branchName(r)) {
			return name
		}
	}
	for _, name := range []string{"main", "master", "devel", "trunk"} {
		for _, full := range []string{"refs/heads/" + name, "refs/remotes/upstream/" + name, "refs/remotes/origin/" + name} {
			if _, ok := c.byName[full]; ok {
				return full
			}
		}
	}
	// A clone of something small may know no other branch than its HEAD.
	if r, ok := c.byName[c.refs.Head]; ok && !c.isRelease(branchName(r)) {
		return c.refs.Head
	}
	return ""
}

// merge turns the refs of one branch name into lines: the newest one stands for
// those that it contains, and those that diverged stand for themselves.
func (c *chooser) merge(name string, refs []history.Ref, upstream string) []Line {
	// Of equal tips the first one stands for the line: the local branch, or else that
	// of the remote which people take for the project's.
	slices.SortStableFunc(refs, func(a, b history.Ref) int {
		return cmp.Or(cmp.Compare(a.Kind(), b.Kind()), cmp.Compare(remoteRank(a), remoteRank(b)))
	})
	isUpstream := slices.ContainsFunc(refs, func(r history.Ref) bool { return r.Name == upstream })
	var kept []history.Ref
	for i, r := range refs {
		covered := slices.ContainsFunc(refs[:i], func(o history.Ref) bool { return o.Commit == r.Commit })
		for j, o := range refs {
			covered = covered || i != j && o.Commit != r.Commit && c.contains(o, r)
		}
		if !covered {
			kept = append(kept, r)
		}
	}
	var lines []Line
	for _, r := range kept {
		l := Line{Name: name, Ref: r.Name, Tip: r.Commit}
		if len(kept) > 1 && r.Kind() == history.RemoteBranch {
			l.Name = r.Short()
		}
		l.Upstream = isUpstream && (len(kept) == 1 || r.Name == upstream || !hasRef(kept, upstream) && len(lines) == 0)
		lines = append(lines, l)
	}
	return lines
}

func remoteRank(r history.Ref) int {
	switch remote, _, _ := strings.Cut(r.Short(), "/"); remote {
	case "upstream":
		return 0
	case "origin":
		return 1
	}
	return 2
}

func hasRef(refs []history.Ref, name string) bool {
	return slices.ContainsFunc(refs, func(r history.Ref) bool { return r.Name == name })
}

// contains says whether ref o contains the tip of r.
func (c *chooser) contains(o, r history.Ref) bool {
	id, ok := c.g.RefByName(o.Name)
	p, known := c.g.Pos(r.Commit)
	return ok && known && c.g.Contains(id, p)
}

// ended finds the tags that stand for a line that was deleted.
func (c *chooser) ended() []Line {
	var lines []Line
	for _, r := range c.refs.List {
		if r.Kind() != history.Tag || !isEndMark(r.Short()) {
			continue
		}
		p, ok := c.g.Pos(r.Commit)
		if !ok || c.onBranch(p) {
			continue
		}
		lines = append(lines, Line{Name: r.Short(), Ref: r.Name, Ended: true, Tip: r.Commit})
	}
	return lines
}

func isEndMark(tag string) bool {
	return strings.HasSuffix(tag, "-eol") || strings.HasSuffix(tag, "-eom")
}

func (c *chooser) onBranch(p graph.Pos) bool {
	for _, id := range c.g.RefsOf(p, nil) {
		switch history.KindOf(c.g.Tips()[id].Name) {
		case history.Branch, history.RemoteBranch:
			return true
		}
	}
	return false
}

// newer orders lines as they are shown: by version, newest first, and lines
// whose names hold none by their tip's date.
func (c *chooser) newer(a, b Line) int {
	if a.Ended != b.Ended {
		if a.Ended {
			return 1
		}
		return -1
	}
	va, vb := hasDigit(a.Name), hasDigit(b.Name)
	switch {
	case va && vb:
		return cmp.Or(CompareVersions(versionPart(b.Name), versionPart(a.Name)), strings.Compare(a.Name, b.Name))
	case va:
		return -1
	case vb:
		return 1
	}
	return cmp.Or(cmp.Compare(c.date(b), c.date(a)), strings.Compare(b.Name, a.Name))
}

func (c *chooser) date(l Line) int64 {
	if p, ok := c.g.Pos(l.Tip); ok {
		return c.g.CommitTime(p)
	}
	return 0
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

// versionPart is the name from its first digit on: stable/2025.1 and
// unmaintained/2024.1 are of one series.
func versionPart(s string) string { return s[strings.IndexAny(s, "0123456789"):] }

// Tags answers which tags contain a commit, and which release came first. It
// belongs to one graph.
type Tags struct {
	g       *graph.Graph
	byAge   []graph.RefID // all tags, oldest first
	age     []int32       // by RefID: its place in byAge, or -1
	release []graph.RefID // release tags, oldest first
	pool    sync.Pool
}

// NewTags prepares the answers for a graph.
func NewTags(g *graph.Graph) *Tags {
	t := &Tags{g: g, age: make([]int32, len(g.Tips()))}
	type dated struct {
		date int64
		name string
		id   graph.RefID
	}
	var all []dated // with what decides beside it: there may be very many
	for i, tip := range g.Tips() {
		t.age[i] = -1
		if name, ok := strings.CutPrefix(tip.Name, "refs/tags/"); ok {
			all = append(all, dated{g.CommitTime(g.TipPos(graph.RefID(i))), name, graph.RefID(i)})
		}
	}
	slices.SortFunc(all, func(a, b dated) int {
		if a.date != b.date {
			return cmp.Compare(a.date, b.date)
		}
		return cmp.Or(CompareVersions(a.name, b.name), strings.Compare(a.name, b.name))
	})
	t.byAge = make([]graph.RefID, len(all))
	for i, d := range all {
		t.byAge[i] = d.id
	}
	for i, id := range t.byAge {
		t.age[id] = int32(i)
		if IsReleaseTag(t.name(id)) {
			t.release = append(t.release, id)
		}
	}
	t.pool.New = func() any { return new([]graph.RefID) }
	return t
}

func (t *Tags) name(id graph.RefID) string {
	return strings.TrimPrefix(t.g.Tips()[id].Name, "refs/tags/")
}

// All are the names of the tags that contain a commit, oldest first.
func (t *Tags) All(p graph.Pos) []string {
	buf := t.pool.Get().(*[]graph.RefID)
	defer t.pool.Put(buf)
	*buf = t.g.RefsOf(p, (*buf)[:0])
	tags := slices.DeleteFunc(*buf, func(id graph.RefID) bool { return t.age[id] < 0 })
	slices.SortFunc(tags, func(a, b graph.RefID) int { return cmp.Compare(t.age[a], t.age[b]) })
	names := make([]string, len(tags))
	for i, id := range tags {
		names[i] = t.name(id)
	}
	return names
}

// Earliest is the first release tag that contains a commit.
func (t *Tags) Earliest(p graph.Pos) (string, bool) {
	for _, id := range t.release {
		if t.g.Contains(id, p) {
			return t.name(id), true
		}
	}
	return "", false
}

// First is the first release tag that contains a commit and lies on a line.
func (t *Tags) First(ref graph.RefID, p graph.Pos) (string, bool) {
	for _, id := range t.release {
		if t.g.Contains(id, p) && t.g.Contains(ref, t.g.TipPos(id)) {
			return t.name(id), true
		}
	}
	return "", false
}

// Since is the first release tag that contains a commit, lies on a line and is as
// wanted, and behind which no such tag is otherwise.
func (t *Tags) Since(ref graph.RefID, p graph.Pos, wanted func(tag graph.RefID) bool) (string, bool) {
	var good, bad []graph.RefID
	for _, id := range t.release {
		switch {
		case !t.g.Contains(id, p) || !t.g.Contains(ref, t.g.TipPos(id)):
		case wanted(id):
			good = append(good, id)
		default:
			bad = append(bad, id)
		}
	}
	for _, id := range good {
		if !slices.ContainsFunc(bad, func(later graph.RefID) bool { return t.g.Contains(later, t.g.TipPos(id)) }) {
			return t.name(id), true
		}
	}
	return "", false
}
