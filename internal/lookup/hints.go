package lookup

import (
	"context"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
)

// InlayHint is a text behind an offset.
type InlayHint struct {
	Offset int
	Label  string
}

// maxHints bounds the hints of one answer.
const maxHints = 200

// Hints are the subjects of the commits that a part of a document names, each
// behind its name, but for those that stand on the line already.
func (l *Lookup) Hints(ctx context.Context, doc Document, within Span) ([]InlayHint, error) {
	var ends []int
	known := map[string][]found{}
	var names []string
	var failed error
	start := strings.LastIndexByte(doc.Text[:within.Start], '\n') + 1
	scan.Each(doc.Text[start:within.End+lineRest(doc.Text, within.End)], func(m scan.Match) bool {
		sha := m.Commit()
		if sha == "" || start+m.Start < within.Start || start+m.End > within.End {
			return true
		}
		if _, ok := known[sha]; !ok {
			if known[sha], failed = l.inDocument(ctx, doc, sha, false); failed != nil {
				return false
			}
		}
		if len(known[sha]) == 1 {
			names, ends = append(names, sha), append(ends, start+m.End)
		}
		return len(ends) < maxHints
	})
	if failed != nil {
		return nil, failed
	}
	if err := readEach(ctx, known); err != nil {
		return nil, err
	}
	hints := []InlayHint{}
	for i, sha := range names {
		f := known[sha][0]
		if f.commit == nil || f.gone {
			continue
		}
		lineStart := strings.LastIndexByte(doc.Text[:ends[i]], '\n') + 1
		line := doc.Text[lineStart : ends[i]+lineRest(doc.Text, ends[i])]
		subject := f.commit.Subject()
		if label := oneLine(subject, 72); label != "" && !strings.Contains(line, subject) {
			hints = append(hints, InlayHint{ends[i], label})
		}
	}
	return hints, nil
}

// lineRest is how many bytes follow an offset on its line.
func lineRest(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return i
	}
	return len(text) - at
}
