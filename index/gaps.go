package index

import (
	"context"
	"fmt"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
)

// gaps are the commits that a graph lacks since their objects could not be read.
// They may come: somebody fetches, or mends the object store.
type gaps struct {
	of      *graph.Graph // whose they are
	missing []history.Hash
}

// maxGaps bounds what is looked for again; one that came is enough.
const maxGaps = 256

// filled says whether a commit that the graph lacks is there now. The graph does
// not keep the names of absent parents, so these are read of their children.
func (m *gaps) filled(ctx context.Context, src Source, g *graph.Graph) (bool, error) {
	if m.of != g {
		cut := g.Cut(maxGaps)
		children := make([]history.Hash, len(cut))
		for i, p := range cut {
			children[i] = g.Hash(p)
		}
		var missing []history.Hash
		err := src.Commits(ctx, children, func(c *history.Commit) error { // at a shallow boundary without parents
			for _, p := range c.Parents {
				if _, known := g.Pos(p); !known && len(missing) < maxGaps {
					missing = append(missing, p)
				}
			}
			return nil
		})
		if err != nil {
			return false, fmt.Errorf("looking for missing commits: %w", err)
		}
		m.of, m.missing = g, missing
	}
	came := false
	if len(m.missing) > 0 {
		err := src.Commits(ctx, m.missing, func(*history.Commit) error { came = true; return nil })
		if err != nil {
			return false, fmt.Errorf("looking for missing commits: %w", err)
		}
	}
	return came, nil
}
