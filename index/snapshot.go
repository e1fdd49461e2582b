package index

import (
	"errors"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/line"
)

// Snapshot is one consistent state of a repository: the graph, the refs that it
// was built for, and the words as far as they are indexed. It is immutable and
// safe for concurrent use; hold it for one answer and take the next one for the
// next.
type Snapshot struct {
	Graph *graph.Graph
	Refs  history.Refs
	Lines []line.Line // upstream first, then as shown

	index  *Index
	tags   *line.Tags
	view   *view // nil while there is no text index
	people *people
	behind bool
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
	for _, full := range [...]string{name, "refs/" + name, "refs/tags/" + name, "refs/heads/" + name, "refs/remotes/" + name} {
		if id, ok := s.Graph.RefByName(full); ok {
			return history.Ref{Name: full, Commit: s.Graph.Tips()[id].Commit}, true
		}
	}
	return history.Ref{}, false
}

// Unlisted is the position to ask about for a commit that the graph has not got.
const Unlisted graph.Pos = -1

// Landings tells how the commit stands on each release line; an ended line that
// has it not is left out.
func (s *Snapshot) Landings(p graph.Pos) []history.Landing {
	landings := make([]history.Landing, 0, len(s.Lines))
	for _, l := range s.Lines {
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
