package index

import (
	"context"
	"errors"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/line"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage"
)

// Snapshot is one consistent state of a repository: the graph, the refs that it
// was built for, and the words as far as they are indexed. It is immutable and
// safe for concurrent use; hold it for one answer and take the next one for the
// next.
type Snapshot struct {
	Graph *graph.Graph
	Refs  history.Refs
	Lines []line.Line // upstream first, then as shown

	index   *Index
	lineage *lineage.Lineage // nil while it is not known
	facts   *lineage.Facts   // that it is made of
	tags    *line.Tags
	view    *view     // nil while there is no text index
	paths   *pathView // nil while there is no path index
	people  *people
	behind  bool
}

// Behind says that the refs may have moved since, or were not looked at yet.
func (s *Snapshot) Behind() bool { return s.behind }

// Empty says that nothing is known yet: the first commits are still being read.
func (s *Snapshot) Empty() bool { return s.behind && s.Graph.Len() == 0 }

// WordsPending is the number of commits whose words are not indexed yet.
func (s *Snapshot) WordsPending() int {
	if s.view == nil || s.view.words.generation != s.view.numbering || s.view.words.failedWith() != nil {
		return max(s.Graph.Len(), 1)
	}
	return max(0, s.Graph.Len()-int(s.view.words.covered.Load()))
}

// WordsError says why there is no text index or why it does not grow; nil when
// all is well.
func (s *Snapshot) WordsError() error {
	s.index.mu.Lock()
	defer s.index.mu.Unlock()
	return s.index.wordErr
}

// StoreError says why the index is not kept on disk, so that it answers from
// memory and the next process begins anew, or where it stands still; nil when
// all is well. ErrHeld is no fault: another process keeps it.
func (s *Snapshot) StoreError() error {
	s.index.mu.Lock()
	defer s.index.mu.Unlock()
	return s.index.notKept()
}

// Err says why the last look at the repository failed; nil when it did not.
func (s *Snapshot) Err() error {
	s.index.mu.Lock()
	defer s.index.mu.Unlock()
	return s.index.err
}

// Limits are the reasons why this state may fall short of the repository.
func (s *Snapshot) Limits() []history.Limit {
	limits := []history.Limit{}
	if len(s.Refs.Shallow) > 0 {
		limits = append(limits, history.LimitShallow)
	}
	if s.Graph.Absent() > 0 && len(s.Refs.Shallow) == 0 {
		limits = append(limits, history.LimitPartial)
	}
	if s.behind || s.Err() != nil {
		limits = append(limits, history.LimitIndexBehind)
	}
	if s.Refs.LeftOut > 0 {
		limits = append(limits, history.LimitRefsLeftOut)
	}
	return limits
}

// Upstream is the full name of the upstream line's ref, "" where there is none.
func (s *Snapshot) Upstream() string {
	if len(s.Lines) > 0 && s.Lines[0].Upstream {
		return s.Lines[0].Ref
	}
	return ""
}

// Find returns the commits whose object name begins with the hex digits, at
// most limit of them.
func (s *Snapshot) Find(hex string, limit int) []graph.Pos { return s.Graph.Prefix(hex, limit) }

// Ref finds the commit of a ref by its full name or by the short one that
// people use; where several fit, git's order of preference decides: HEAD, tags,
// branches, remote-tracking branches.
func (s *Snapshot) Ref(name string) (history.Ref, bool) {
	if name == "HEAD" && s.Refs.Head != "" {
		name = s.Refs.Head
	}
	if on := s.Refs.Linked[name]; on != "" {
		name = on
	}
	for _, full := range [...]string{name, "refs/" + name, "refs/tags/" + name, "refs/heads/" + name, "refs/remotes/" + name} {
		if id, ok := s.Graph.RefByName(full); ok {
			return history.Ref{Name: full, Commit: s.Graph.Tips()[id].Commit}, true
		}
	}
	if full := s.lineRef(name); full != name {
		return s.Ref(full)
	}
	return history.Ref{}, false
}

// Unlisted is the position to ask about for a commit that the graph has not got.
const Unlisted graph.Pos = -1

// Commit is what the graph itself knows of a commit: all but its message and its
// tree, and dates in UTC. It is for commits whose objects are gone.
func (s *Snapshot) Commit(p graph.Pos) *history.Commit {
	author, committer := s.Graph.Person(s.Graph.Author(p)), s.Graph.Person(s.Graph.Committer(p))
	c := &history.Commit{
		Hash:      s.Graph.Hash(p),
		Author:    history.Signature{Name: author.Name, Email: author.Email, Date: time.Unix(s.Graph.AuthorTime(p), 0).UTC()},
		Committer: history.Signature{Name: committer.Name, Email: committer.Email, Date: time.Unix(s.Graph.CommitTime(p), 0).UTC()},
	}
	for _, q := range s.Graph.Parents(p, nil) {
		c.Parents = append(c.Parents, s.Graph.Hash(q))
	}
	return c
}

// Landings tells how the commit stands on each release line; an ended line that
// has it not is left out. While the lineage is not known (see LineagePending),
// ancestry alone counts.
func (s *Snapshot) Landings(p graph.Pos) []history.Landing {
	if s.lineage == nil || p < 0 {
		return s.ancestry(p, s.Lines)
	}
	names := make(map[graph.RefID]line.Line, len(s.Lines))
	for _, l := range s.Lines {
		if ref, ok := s.Graph.RefByName(l.Ref); ok {
			names[ref] = l
		}
	}
	landings := make([]history.Landing, 0, len(s.Lines))
	for _, l := range s.lineage.Landings(p, s.lineage.Lines()...) {
		named := names[l.Line.Ref]
		landings = append(landings, s.landing(p, named.Name, named.Ref, l))
	}
	return landings
}

// landing is a commit's landing with the names that people use.
func (s *Snapshot) landing(p graph.Pos, name, ref string, l lineage.Landing) history.Landing {
	landing := history.Landing{Name: name, Ref: ref, Status: l.Status, Evidence: l.Evidence, Incomplete: []history.Hash{}, Needed: l.Needed}
	if landing.Evidence == nil {
		landing.Evidence = []string{}
	}
	if l.Commit >= 0 {
		h := s.Graph.Hash(l.Commit)
		landing.Commit = &h
		tag, ok := "", false
		switch {
		case l.Restored:
			tag, ok = s.tags.Since(l.Line.Ref, l.Commit, s.lineage.InForce(p))
		case l.Status != history.Reverted:
			tag, ok = s.tags.First(l.Line.Ref, l.Commit)
		}
		if ok {
			landing.FirstTag = &tag
		}
	}
	if l.RevertedBy >= 0 {
		h := s.Graph.Hash(l.RevertedBy)
		landing.RevertedBy = &h
	}
	for _, fix := range l.Incomplete {
		landing.Incomplete = append(landing.Incomplete, s.Graph.Hash(fix))
	}
	return landing
}

// ancestry tells the landings that need no lineage.
func (s *Snapshot) ancestry(p graph.Pos, lines []line.Line) []history.Landing {
	landings := make([]history.Landing, 0, len(lines))
	for _, l := range lines {
		ref, ok := s.Graph.RefByName(l.Ref)
		if !ok {
			continue
		}
		landing := history.Landing{Name: l.Name, Ref: l.Ref, Evidence: []string{}, Incomplete: []history.Hash{}}
		switch {
		case p >= 0 && s.Graph.Contains(ref, p):
			h := s.Graph.Hash(p)
			landing.Status, landing.Commit = history.Contains, &h
			if tag, ok := s.tags.First(ref, p); ok {
				landing.FirstTag = &tag
			}
		case l.Ended:
			continue
		case s.Graph.Truncated(ref):
			landing.Status = history.Unknown
		default:
			landing.Status = history.Missing
		}
		landings = append(landings, landing)
	}
	return landings
}

// LineagePending says that copies, reverts and fixes are not all known yet.
func (s *Snapshot) LineagePending() bool { return s.lineage == nil || !s.lineage.Complete() }

// Related are the commits that have to do with one; none while the lineage is
// not known.
func (s *Snapshot) Related(p graph.Pos) []lineage.Relation {
	if s.lineage == nil || p < 0 {
		return nil
	}
	return s.lineage.Related(p)
}

// EachCopy calls fn with each copy, its source, and how that is known; it calls
// nothing while the lineage is not known.
func (s *Snapshot) EachCopy(fn func(copied, source graph.Pos, evidence []string)) {
	if s.lineage != nil {
		s.lineage.Each(fn)
	}
}

// ErrNoLineage is returned while it is not known what derives from what.
var ErrNoLineage = errors.New("copies are not known yet")

// Missing compares two refs, as lineage.Missing.
func (s *Snapshot) Missing(ctx context.Context, from, in lineage.Side) ([]lineage.Lack, []lineage.Excluded, error) {
	if s.lineage == nil {
		return nil, nil, ErrNoLineage
	}
	return s.lineage.Missing(ctx, from, in)
}

// LandingOn tells how a commit stands on any ref.
func (s *Snapshot) LandingOn(p graph.Pos, on lineage.Side) history.Landing {
	name := s.Graph.Tips()[on.Ref].Name
	if s.lineage == nil || p < 0 {
		return s.ancestry(p, []line.Line{{Name: on.Name, Ref: name}})[0]
	}
	return s.landing(p, on.Name, name, s.lineage.Landings(p, lineage.Line{Ref: on.Ref})[0])
}

// Original is the commit that one was copied from, as lineage.Original.
func (s *Snapshot) Original(p graph.Pos) (graph.Pos, bool) {
	if s.lineage == nil || p < 0 {
		return 0, false
	}
	return s.lineage.Original(p)
}

// Tags are the tags that contain the commit, oldest first.
func (s *Snapshot) Tags(p graph.Pos) history.TagSet {
	set := history.TagSet{All: []string{}}
	if p < 0 {
		return set
	}
	set.All = append(set.All, s.tags.All(p)...)
	if tag, ok := s.tags.Earliest(p); ok {
		set.First = &tag
	}
	return set
}

// ErrNoWords is returned by searches while there is no text index at all.
var ErrNoWords = errors.New("words are not indexed yet")
