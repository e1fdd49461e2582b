package lookup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/query"
)

// Completion is a commit that may be meant where somebody types.
type Completion struct {
	Span          // what it replaces
	Label  string // "<12 hex> <subject>"
	Detail string // its landings
	Text   string // what is put in place of the span
	// Filter begins with what was typed, and goes on with the subject and the
	// digits: clients that filter again keep it while somebody types on.
	Filter string
	// Data is zero where nothing more can be told than Documentation says.
	Data CompletionData
	// Documentation explains it, in Markdown, where that costs nothing.
	Documentation *Hover
}

// CompletionData is what a completion needs to be explained later. It travels
// through the client as JSON.
type CompletionData struct {
	Repository string `json:"repository"`
	SHA        string `json:"sha"`
}

// maxCompletions bounds the commits that are offered at once.
const maxCompletions = 50

// Completions are the commits that may be meant at an offset, the best first:
// by words of the subject, of which the last may be unfinished, or by the first
// digits. Outside of the contexts in which commits are named there are none, and
// the answer is nil; within one it may be empty until more is typed.
func (l *Lookup) Completions(ctx context.Context, doc Document, offset int) ([]Completion, error) {
	t, ok := typingAt(doc, offset)
	if !ok {
		return l.openItems(ctx, doc, offset)
	}
	repos := l.repos.All()
	if repo, ok := l.repository(doc); ok {
		repos = []Repository{repo}
	}
	var fs []found
	for _, repo := range repos {
		some, err := candidatesFor(ctx, repo, t)
		if err != nil {
			return nil, err
		}
		if fs = append(fs, some...); len(fs) >= maxCompletions {
			fs = fs[:maxCompletions]
			break
		}
	}
	if err := read(ctx, fs); err != nil {
		return nil, err
	}
	all := make([]Completion, 0, len(fs))
	for _, f := range fs {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if f.commit != nil && !f.gone {
			all = append(all, t.complete(f))
		}
	}
	return all, nil
}

// complete makes a completion of a commit.
func (t typing) complete(f found) Completion {
	subject := oneLine(f.commit.Subject(), 1000)
	text := f.hash.String() + t.after
	if t.insert == insertQuoted {
		text = fmt.Sprintf("%s (\"%s\")", abbreviated(f), subject)
	}
	if t.space {
		text = " " + text
	}
	return Completion{
		Span: t.Span, Label: f.hash.Short() + " " + oneLine(subject, 200), Detail: lensTitle(f.snap.Landings(f.pos)), Text: text,
		Filter: t.typed + " " + subject + " " + f.hash.String(), Data: CompletionData{f.repo.Name(), f.hash.String()},
	}
}

// candidatesFor are the commits of a repository that fit what is typed.
func candidatesFor(ctx context.Context, repo Repository, t typing) ([]found, error) {
	snap := repo.Snapshot()
	first := preferred(repo, snap, t.copies)
	words := justWords(t.typed)
	var positions []graph.Pos
	var err error
	switch {
	case words != "":
		positions, err = byWords(ctx, repo, snap, words, first)
	case snap.WordsPending() < snap.Graph.Len(): // else it is told by digits alone
		positions, err = newest(ctx, snap, first)
	}
	if err != nil {
		return nil, err
	}
	if len(words) >= 4 && isHex(words) {
		positions = withDigits(snap, words, positions)
	}
	var fs []found
	for _, p := range positions[:min(len(positions), maxCompletions)] {
		fs = append(fs, found{repo: repo, snap: snap, pos: p, hash: snap.Graph.Hash(p)})
	}
	return fs, nil
}

// withDigits adds the commits whose names begin with a word. They come first
// where it can hardly be one of a subject.
func withDigits(snap *index.Snapshot, hex string, positions []graph.Pos) []graph.Pos {
	named := slices.DeleteFunc(snap.Find(hex, maxCompletions), func(p graph.Pos) bool { return !snap.Graph.Reachable(p) })
	positions = slices.DeleteFunc(positions, func(p graph.Pos) bool { return slices.Contains(named, p) })
	if strings.ContainsAny(hex, "0123456789") {
		return append(named, positions...)
	}
	return append(positions[:min(len(positions), maxCompletions/2)], named...)
}

// preferred is the ref whose commits are offered first, or -1.
func preferred(repo Repository, snap *index.Snapshot, copies bool) graph.RefID {
	name := ""
	if ref, ok := snap.Ref(repo.Head()); ok {
		name = ref.Name
	}
	if copies && snap.Upstream() != "" {
		name = snap.Upstream()
	}
	if id, ok := snap.Graph.RefByName(name); ok {
		return id
	}
	return -1
}

// byWords finds commits by the words of their subjects: those of a ref first, and
// merges last; none where no words are indexed.
func byWords(ctx context.Context, repo Repository, snap *index.Snapshot, words string, first graph.RefID) ([]graph.Pos, error) {
	q, err := query.Parse(words, query.Options{})
	if err != nil {
		return nil, nil //nolint:nilerr // words alone, which nobody typed as a query
	}
	hits, _, err := snap.Search(ctx, index.Search{Query: q, Prefix: true, Subjects: true, Texts: repo})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil && !errors.Is(err, index.ErrNoWords) {
		return nil, fmt.Errorf("searching %s: %w", repo.Name(), err)
	}
	var ranks [4][]graph.Pos
	for _, h := range hits {
		rank := 0
		if snap.Graph.Merge(h.Pos) { // what somebody means is what it merged
			rank += 2
		}
		if first >= 0 && !snap.Graph.Contains(first, h.Pos) {
			rank++
		}
		if len(ranks[rank]) < maxCompletions {
			ranks[rank] = append(ranks[rank], h.Pos)
		}
	}
	return slices.Concat(ranks[:]...), nil
}

// newest are the commits that a ref had last, without merges.
func newest(ctx context.Context, snap *index.Snapshot, ref graph.RefID) ([]graph.Pos, error) {
	var positions []graph.Pos
	for p := graph.Pos(snap.Graph.Len() - 1); p >= 0 && len(positions) < maxCompletions; p-- {
		if p%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if ref >= 0 && snap.Graph.Contains(ref, p) && !snap.Graph.Merge(p) {
			positions = append(positions, p)
		}
	}
	slices.SortStableFunc(positions, func(a, b graph.Pos) int { return compareTimes(snap, b, a) })
	return positions, nil
}

func compareTimes(snap *index.Snapshot, a, b graph.Pos) int {
	return int(min(max(snap.Graph.CommitTime(a)-snap.Graph.CommitTime(b), -1), 1))
}

// Card is the fix card of one commit of a repository; nil where it is no longer
// known.
func (l *Lookup) Card(ctx context.Context, c CompletionData) (*Hover, error) {
	repos, _, err := l.scoped(Scope{Repository: c.Repository})
	if err != nil {
		return nil, err
	}
	fs, err := bySHA(ctx, repos[0], c.SHA, false)
	if err == nil {
		err = read(ctx, fs)
	}
	if err != nil || len(fs) != 1 || fs[0].commit == nil {
		return nil, err
	}
	text, err := l.card(ctx, fs[0])
	return &Hover{Markdown: text, Plain: plainText(text)}, err
}
