package lookup

import (
	"cmp"
	"context"
	"slices"

	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
)

// source is where a definition leads from a commit: a copy's upstream original,
// else the commit itself.
func source(f found) found {
	if p, ok := f.snap.Original(f.pos); ok {
		f.pos, f.hash = p, f.snap.Graph.Hash(p)
	}
	return f
}

// relationOrder is how the relatives of a commit are listed; what is not here
// comes last.
var relationOrder = []string{"equivalent", "reverted-by", "reverts", "reapplied-by", "reapplies", "fixed-by", "fixes", "depends-on"}

func relationRank(relation string) int {
	if i := slices.Index(relationOrder, relation); i >= 0 {
		return i
	}
	return len(relationOrder)
}

// References are the commits that have to do with the commit at an offset:
// copies and sources first, then reverts, then fixes. declaration adds the
// commit itself, before them. A key that several commits share, such as a
// Change-Id, has these first.
func (l *Lookup) References(ctx context.Context, doc Document, offset int, declaration bool) ([]Target, error) {
	m, ok := scan.At(doc.Text, offset)
	if !ok {
		return nil, nil
	}
	asked, err := l.meant(ctx, doc, m)
	if err != nil {
		return nil, err
	}
	type ranked struct {
		Target
		rank int
	}
	var all []ranked
	// Of several commits of one key each is a relative of the others.
	declaration = declaration || m.Commit() == ""
	add := func(f found, rank int) {
		t := Target{Origin: Span{m.Start, m.End}, Repository: f.repo.Name(), SHA: f.hash}
		if !slices.ContainsFunc(all, func(r ranked) bool { return r.Target == t }) {
			all = append(all, ranked{t, rank})
		}
	}
	isAsked := func(f found) bool {
		return slices.ContainsFunc(asked, func(a found) bool { return a.hash == f.hash && a.repo.Name() == f.repo.Name() })
	}
	for _, f := range asked {
		if declaration {
			add(f, -1)
		}
	}
	for _, f := range asked {
		for i, r := range f.snap.Related(f.pos) {
			if i == maxRelated || ctx.Err() != nil {
				break
			}
			if relative := (found{repo: f.repo, hash: f.snap.Graph.Hash(r.Pos)}); !isAsked(relative) {
				add(relative, relationRank(r.Relation))
			}
		}
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	targets := make([]Target, 0, min(len(all), maxRelated))
	for _, r := range all[:min(len(all), maxRelated)] {
		targets = append(targets, r.Target)
	}
	return targets, ctx.Err()
}

// meant are the commits that a key in a document stands for.
func (l *Lookup) meant(ctx context.Context, doc Document, m scan.Match) ([]found, error) {
	if sha := m.Commit(); sha != "" {
		return l.inDocument(ctx, doc, sha, true)
	}
	repos := l.repos.All()
	if own, ok := l.repository(doc); ok {
		repos = ownFirst(repos, own)
	}
	for _, repo := range repos {
		fs, err := byKey(ctx, repo, m.Key, maxCandidates)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil && len(fs) > 0 { // one without words does not hide another's answer
			return fs, nil
		}
	}
	return nil, nil
}
