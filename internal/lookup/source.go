package lookup

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/internal/outline"
)

// sources remembers what is known of the source files that people look at. All
// of it takes long compared with a reply: finding declarations some hundred
// milliseconds for long files, blame seconds.
type sources struct {
	seed     maphash.Seed
	outlines *memo[outlineKey, []outline.Declaration]
	heads    *memo[headKey, history.Hash]
	blames   *memo[blameKey, *history.Blame] // nil for an untracked file
}

type outlineKey struct{ path, language, text string }

// headKey is asked anew for each snapshot: it is another one when HEAD moved.
type headKey struct {
	path string
	snap *index.Snapshot
}

type blameKey struct {
	path, text string
	head       history.Hash
}

const (
	// outlineBudget is how long a reply waits for declarations; those of longer
	// files come with a refresh.
	outlineBudget = 60 * time.Millisecond
	// hoverBudget is how long a hover waits for a blame that nobody asked for yet.
	hoverBudget = 150 * time.Millisecond
	// lexLinger and blameLinger are how long these go on with nobody waiting: a
	// reply never waits for a long file's declarations.
	lexLinger   = time.Minute
	blameLinger = 2 * time.Second

	keptTexts = 64
)

func newSources() *sources {
	return &sources{
		seed:     maphash.MakeSeed(),
		outlines: newMemo[outlineKey, []outline.Declaration](keptTexts, lexLinger, func(k outlineKey) string { return k.path }),
		heads:    newMemo[headKey, history.Hash](2*keptTexts, blameLinger, func(k headKey) string { return k.path }),
		blames:   newMemo[blameKey, *history.Blame](keptTexts, blameLinger, func(k blameKey) string { return k.path }),
	}
}

func (s *sources) close() {
	s.outlines.close()
	s.heads.close()
	s.blames.close()
}

// id names a text within this process.
func (s *sources) id(text string) string {
	return fmt.Sprintf("%x-%x", len(text), maphash.String(s.seed, text))
}

// sourceLenses gives a lens for the file and one for each declaration, without
// titles. It costs no blame. What takes longer than a reply may comes later.
func (l *Lookup) sourceLenses(ctx context.Context, doc Document) ([]Lens, error) {
	repo, ok := l.repos.For(doc.Path)
	if !ok || doc.Declared == nil && !outline.Known(doc.Path, doc.Language) || doc.Text == "" {
		return nil, nil
	}
	id := l.sources.id(doc.Text)
	if l.untracked(repo, doc.Path, id) {
		return nil, nil
	}
	declared, err := l.declarations(ctx, doc, id)
	if err != nil {
		return nil, ctx.Err() // nil where only the budget is used up
	}
	starts := lineStarts(doc.Text)
	lens := func(at, first, last int) Lens {
		end := len(doc.Text)
		if at+1 < len(starts) {
			end = starts[at+1] - 1
		}
		return Lens{Span: Span{starts[at], end}, Data: LensData{URI: doc.URI, Path: doc.Path, Keys: []history.Hash{}, Lines: &Lines{first, last, id}}}
	}
	lenses := []Lens{lens(0, 0, len(starts)-1)}
	for _, d := range declared[:min(len(declared), maxLenses)] {
		if d.First >= 0 && d.First <= d.Last && d.Last < len(starts) { // a client may say anything
			lenses = append(lenses, lens(d.First, d.First, d.Last))
		}
	}
	return lenses, nil
}

// declarations are those that the client told, or else those that are found in the
// text, as far as that takes no longer than a reply may; else it is an error.
func (l *Lookup) declarations(ctx context.Context, doc Document, id string) ([]Range, error) {
	if doc.Declared != nil {
		return doc.Declared, nil
	}
	key := outlineKey{doc.Path, doc.Language, id}
	waiting, cancel := context.WithTimeout(ctx, outlineBudget)
	defer cancel()
	found, err := l.sources.outlines.get(waiting, key, func(ctx context.Context) ([]outline.Declaration, error) {
		found, err := outline.Of(ctx, doc.Path, doc.Language, doc.Text)
		if waiting.Err() != nil && err == nil {
			defer l.ready() // too late for the reply
		}
		return found, err
	})
	if err != nil {
		return nil, err
	}
	ranges := make([]Range, 0, len(found))
	for _, d := range found {
		ranges = append(ranges, Range{d.Start, d.End})
	}
	return ranges, nil
}

// Newest is the newest change of some lines of a document; nil where nothing of
// them is committed, or the document is no file of a repository. It waits for a
// blame.
func (l *Lookup) Newest(ctx context.Context, doc Document, lines Range) (*Change, error) {
	repo, ok := l.repos.For(doc.Path)
	if !ok || lines.First < 0 || lines.Last < lines.First {
		return nil, nil
	}
	b, err := l.blame(ctx, repo, doc)
	if err != nil || b == nil {
		return nil, err
	}
	c, edited := b.Newest(lines.First, lines.Last)
	if c == nil {
		return nil, nil
	}
	return &Change{Repository: repo.Name(), SHA: c.Hash, Edited: edited > 0}, nil
}

func lineStarts(text string) []int {
	starts := []int{0}
	for i := range len(text) {
		if text[i] == '\n' && i+1 < len(text) {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// untracked says whether it is known that HEAD has not got the file.
func (l *Lookup) untracked(repo Repository, path, text string) bool {
	head, ok := l.sources.heads.known(headKey{path, repo.Snapshot()})
	if !ok {
		return false
	}
	b, ok := l.sources.blames.known(blameKey{path, text, head})
	return ok && b == nil
}

// blame tells who last changed each line of the document; nil for an untracked
// file. It waits as long as ctx lets it.
func (l *Lookup) blame(ctx context.Context, repo Repository, doc Document) (*history.Blame, error) {
	head, err := l.sources.heads.get(ctx, headKey{doc.Path, repo.Snapshot()}, func(ctx context.Context) (history.Hash, error) {
		head, err := repo.HeadOf(ctx, doc.Path)
		if errors.Is(err, history.ErrUntracked) {
			err = nil
		}
		return head, err
	})
	if err != nil {
		return nil, err
	}
	return l.sources.blames.get(ctx, blameKey{doc.Path, l.sources.id(doc.Text), head}, func(ctx context.Context) (*history.Blame, error) {
		if head.IsZero() {
			return nil, nil
		}
		b, err := repo.Blame(ctx, doc.Path, doc.Text)
		if errors.Is(err, history.ErrUntracked) {
			return nil, nil
		}
		return b, err
	})
}

// resolveSource gives a lens in a source file its title, and the newest change
// as its key.
func (l *Lookup) resolveSource(ctx context.Context, doc Document, data LensData) (string, LensData, error) {
	repo, ok := l.repos.For(data.Path)
	if !ok || data.Lines.Text != l.sources.id(doc.Text) {
		return "…", data, nil // the client asks for lenses of the new text
	}
	b, err := l.blame(ctx, repo, doc)
	if err != nil {
		if ctx.Err() != nil {
			return "", data, ctx.Err()
		}
		return "no blame: " + oneLine(err.Error(), 80), data, nil
	}
	if b == nil {
		l.ready() // such a file has no lenses
		return "not committed yet", data, nil
	}
	c, edited := b.Newest(data.Lines.First, data.Lines.Last)
	if c == nil {
		return "not committed yet", data, nil
	}
	data.Keys = []history.Hash{c.Hash}
	return changeTitle(repo.Snapshot(), c, edited > 0, time.Now()), data, nil
}

// changeTitle is who changed something, when, and where that change is.
func changeTitle(snap *index.Snapshot, c *history.Blamed, edited bool, now time.Time) string {
	var b strings.Builder
	if edited {
		b.WriteString("edited · ")
	}
	fmt.Fprintf(&b, "%s, %s", oneLine(c.Author.Name, 40), humanize.RelTime(c.Author.Date, now, "ago", "from now"))
	if c.Boundary && len(snap.Refs.Shallow) > 0 {
		return b.String() + " or before, where this shallow clone ends"
	}
	p, ok := snap.Graph.Pos(c.Hash)
	if !ok {
		return b.String() + " · not indexed yet"
	}
	if where := summary(snap, p); where != "" {
		b.WriteString(" · " + where)
	}
	return b.String()
}

// summary is the landings in the fewest words: the upstream line by its name,
// the release lines that have the change by their number, or by name if it is one.
func summary(snap *index.Snapshot, p graph.Pos) string {
	names := map[history.Status][]string{}
	var parts []string
	lines := 0
	for _, landing := range snap.Landings(p) {
		name := shortLine(landing.Name)
		if landing.Ref != snap.Upstream() {
			lines++
			names[landing.Status] = append(names[landing.Status], name)
			continue
		}
		sign, ok := signs[landing.Status]
		if !ok {
			sign = signMissing
		}
		parts = append(parts, sign+" "+name)
	}
	for _, status := range []history.Status{history.Contains, history.Backported, history.Reverted} {
		switch n := len(names[status]); n {
		case 0:
		case 1:
			parts = append(parts, signs[status]+" "+names[status][0])
		case lines:
			parts = append(parts, fmt.Sprintf("%s all %d lines", signs[status], n))
		default:
			parts = append(parts, fmt.Sprintf("%s %d of %d lines", signs[status], n, lines))
		}
	}
	return strings.Join(parts, " ")
}

// BlameHover is the fix card of the change that an offset's line came with; nil
// where there is none, or while it is not known yet.
func (l *Lookup) BlameHover(ctx context.Context, doc Document, offset int) (*Hover, error) {
	repo, ok := l.repos.For(doc.Path)
	if !ok {
		return nil, nil
	}
	waiting, cancel := context.WithTimeout(ctx, hoverBudget)
	defer cancel()
	b, err := l.blame(waiting, repo, doc)
	if err != nil || b == nil {
		return nil, ctx.Err() // blame failed, or takes longer: there is no card
	}
	line := strings.Count(doc.Text[:offset], "\n")
	c, _ := b.Newest(line, line)
	if c == nil {
		return nil, nil
	}
	text, err := l.hoverCommit(ctx, doc, c.Hash.String())
	if err != nil || text == "" {
		return nil, err
	}
	start := strings.LastIndexByte(doc.Text[:offset], '\n') + 1
	end := len(doc.Text)
	if i := strings.IndexByte(doc.Text[offset:], '\n'); i >= 0 {
		end = offset + i
	}
	return &Hover{Span: Span{start, end}, Markdown: text, Plain: plainText(text)}, nil
}
