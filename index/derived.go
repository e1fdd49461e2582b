package index

import (
	"context"
	"fmt"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage"
	"github.com/cabhfuil/cabhfuil-lsp/index/query"
	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
)

// The operators of searches that ask what derives from what: in: missing:
// fixes: backport-of:. While that is not known, in: and missing: answer from
// ancestry, and the others fail with ErrNoLineage.

// onLine matches by how changes stand on a line, under whatever name.
func (e *evaluation) onLine(name, operator string, keep func(history.Status) bool) (result, error) {
	ref, ok := e.snap.Ref(e.snap.lineRef(name))
	if !ok {
		return result{}, fmt.Errorf("%s%s: %w", operator, name, ErrNoRef)
	}
	id, _ := e.snap.Graph.RefByName(ref.Name)
	l := e.snap.lineage
	return e.filter(func(p graph.Pos) bool {
		if l == nil {
			return keep(lineage.ByAncestry(e.snap.Graph, p, id))
		}
		return keep(l.On(p, id))
	})
}

// positions are the commits that a key stands for: one by its name or ref, or
// those that name it.
func (s *Snapshot) positions(ctx context.Context, key string) ([]graph.Pos, error) {
	if ref, ok := s.Ref(key); ok {
		if p, ok := s.Graph.Pos(ref.Commit); ok {
			return []graph.Pos{p}, nil
		}
	}
	if len(key) >= 4 && strings.Trim(strings.ToLower(key), "0123456789abcdef") == "" {
		if found := s.Find(key, 0); len(found) > 0 {
			return found, nil
		}
	}
	if m, ok := scan.At(key, 0); ok && m.End == len(key) && m.Commit() == "" {
		return s.ByKey(ctx, m.Key.Kind, m.Canonical(), 0)
	}
	return nil, nil
}

// derived matches the commits that of gives for a key's commits.
func (e *evaluation) derived(key string, of func(*lineage.Lineage, graph.Pos) []graph.Pos) (result, error) {
	r := e.empty()
	if e.snap.lineage == nil {
		return r, ErrNoLineage
	}
	from, err := e.snap.positions(e.ctx, key)
	if err != nil {
		return r, err
	}
	for _, p := range from {
		for _, q := range of(e.snap.lineage, p) {
			r.all.add(q)
		}
	}
	r.subject, r.key = r.all.clone(), r.all.clone()
	return r, nil
}

// fixes matches what fixes a commit by its own word, and what names the key of a
// bug or an advisory.
func (e *evaluation) fixes(n *query.Fixes) (result, error) {
	if m, ok := scan.At(n.Key, 0); ok && m.End == len(n.Key) && m.Commit() == "" && m.Key.Kind != history.KeyChangeID {
		return e.key(m.Key.Kind, m.Canonical())
	}
	return e.derived(n.Key, (*lineage.Lineage).Fixers)
}
