package lookup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/query"
	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
)

// inDocument finds the commits that a SHA in a document means: in the
// document's own repository, or else in the others, such as those of its
// submodules. store also looks into the object stores.
func (l *Lookup) inDocument(ctx context.Context, doc Document, sha string, store bool) ([]found, error) {
	repos := l.repos.All()
	if own, ok := l.repository(doc); ok {
		repos = ownFirst(repos, own)
	}
	for _, repo := range repos {
		fs, err := bySHA(ctx, repo, sha, store)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil && len(fs) > 0 {
			return fs, nil
		}
	}
	return nil, nil
}

// Hover is the fix card of the key at an offset; nil where there is none.
func (l *Lookup) Hover(ctx context.Context, doc Document, offset int) (*Hover, error) {
	m, ok := scan.At(doc.Text, offset)
	if !ok {
		return nil, nil
	}
	var text string
	var err error
	switch sha := m.Commit(); {
	case sha != "":
		text, err = l.hoverCommit(ctx, doc, sha)
	case m.Key.Kind != history.KeyURL:
		text, err = l.hoverKey(ctx, doc, m.Key)
	}
	if err == nil && text == "" && m.Key.Kind == history.KeyURL {
		text = strings.Join(l.hoverAddress(ctx, m.Key), "\n\n")
		err = ctx.Err()
	}
	if err != nil || text == "" {
		return nil, err
	}
	return &Hover{Span: Span{m.Start, m.End}, Markdown: text, Plain: plainText(text)}, nil
}

func (l *Lookup) hoverCommit(ctx context.Context, doc Document, sha string) (string, error) {
	fs, err := l.inDocument(ctx, doc, sha, true)
	if err != nil || len(fs) == 0 {
		return l.stillReading(doc), err
	}
	if err := read(ctx, fs); err != nil {
		return "", err
	}
	if len(fs) == 1 {
		if fs[0].commit == nil {
			return "", nil
		}
		return l.card(ctx, fs[0])
	}
	return candidates(fmt.Sprintf("%s is ambiguous", code(sha)), fs), nil
}

// card is the fix card of a commit that was read.
func (l *Lookup) card(ctx context.Context, f found) (string, error) {
	m := l.match(f)
	var err error
	if m.Related, err = related(ctx, f); err != nil {
		return "", err
	}
	l.enrich(ctx, PatienceBudget, []found{f}, []*history.Match{&m})
	return card(m), ctx.Err()
}

// stillReading tells somebody who hovers before anything is known that it is on
// its way.
func (l *Lookup) stillReading(doc Document) string {
	if repo, ok := l.repository(doc); ok && repo.Snapshot().Empty() && repo.Snapshot().Err() == nil {
		return fmt.Sprintf("*The commits of %s are still being read.*", escape(repo.Name()))
	}
	return ""
}

func candidates(title string, fs []found) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n", title)
	for i, f := range fs {
		if i == 10 {
			fmt.Fprintf(&b, "\n… and %d more", len(fs)-i)
			break
		}
		if f.commit != nil {
			fmt.Fprintf(&b, "\n- %s %s (%s, %s)", code(f.hash.Short()), escape(f.commit.Subject()), escape(f.repo.Name()), Date(f.commit.Committer.Date))
		}
	}
	return b.String()
}

// hoverKey lists the commits that name a key, and where a forge shows it.
func (l *Lookup) hoverKey(ctx context.Context, doc Document, k history.Key) (string, error) {
	repo, ok := l.repository(doc)
	if !ok {
		return l.hoverAnywhere(ctx, k)
	}
	var parts []string
	fs, err := byKey(ctx, repo, k, 11)
	if err == nil {
		err = read(ctx, fs)
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err == nil && len(fs) == 1 && k.Kind == history.KeyChangeID && fs[0].commit != nil {
		return l.card(ctx, fs[0])
	}
	if err == nil && len(fs) > 0 {
		parts = append(parts, candidates("Commits that name "+escape(k.Text), fs))
	}
	parts = append(l.hoverForge(ctx, repo.Remotes(), k), parts...)
	if len(parts) > 0 && repo.Snapshot().WordsPending() > 0 {
		parts = append(parts, "*"+Explain(history.LimitTextPending)+"*")
	}
	return strings.Join(parts, "\n\n"), nil
}

// hoverAnywhere is hoverKey for a document that lies in no repository: what a key
// means everywhere, and which commits of any repository name a CVE or GHSA id.
func (l *Lookup) hoverAnywhere(ctx context.Context, k history.Key) (string, error) {
	parts := l.hoverForge(ctx, nil, k)
	if k.Kind == history.KeyCVE || k.Kind == history.KeyGHSA {
		var all []found
		for _, repo := range l.repos.All() {
			if fs, err := byKey(ctx, repo, k, 11-len(all)); err == nil {
				all = append(all, fs...)
			}
			if ctx.Err() != nil || len(all) > 10 {
				break
			}
		}
		if len(all) > 0 && read(ctx, all) == nil {
			parts = append(parts, candidates("Commits that name "+escape(k.Text), all))
		}
	}
	return strings.Join(parts, "\n\n"), ctx.Err()
}

// maxLenses bounds the lenses of one document, and maxTitled those of them that have
// their titles at once.
const (
	maxLenses = 5000
	maxTitled = 200
)

// Lenses gives one lens for each line that holds a known commit, and in source
// files one for the file and for each declaration, in the order of the text. The
// first ones that name a commit have their titles, which are known: to be asked for
// them again would cost an editor's patience twice. Those in source files have none,
// since that takes a blame.
func (l *Lookup) Lenses(ctx context.Context, doc Document) ([]Lens, error) {
	lenses, err := l.sourceLenses(ctx, doc)
	if err != nil {
		return nil, err
	}
	named, err := l.commitLenses(ctx, doc)
	if err != nil {
		return nil, err
	}
	lenses = append(lenses, named...)
	slices.SortStableFunc(lenses, func(a, b Lens) int { return cmp.Compare(a.Start, b.Start) })
	return lenses, nil
}

// repeats says whether a lens would only repeat what stands in a commit's document:
// the landings of the commit and its copies, as long as they are what the document
// was written with. Those of its parents, in the head, say nothing of it.
func (l *Lookup) repeats(doc Document) func(at int, h history.Hash) bool {
	repo, sha, ok := l.shown(doc)
	if !ok || repo == nil {
		return func(int, history.Hash) bool { return false }
	}
	head, rest, _ := strings.Cut(doc.Text, "\n\n")
	landings, _, _ := strings.Cut(rest, "\n\n")
	told := map[history.Hash]bool{}
	snap := repo.Snapshot()
	for _, p := range snap.Find(sha.String(), 1) {
		if slices.ContainsFunc(landingLines(sha, snap.Landings(p)), func(line string) bool { return !strings.Contains("\n"+landings, "\n"+line) }) {
			break // it landed elsewhere since
		}
		told[sha] = true
		for _, r := range snap.Related(p) {
			if r.Relation == "equivalent" {
				told[snap.Graph.Hash(r.Pos)] = true
			}
		}
	}
	return func(at int, h history.Hash) bool { return told[h] || at < len(head) && h != sha }
}

// commitLenses gives one lens for each line that holds a known commit.
func (l *Lookup) commitLenses(ctx context.Context, doc Document) ([]Lens, error) {
	var lenses []Lens
	var failed error
	line := -1 // where the last lens's line ends
	repeats := l.repeats(doc)
	scan.Each(doc.Text, func(m scan.Match) bool {
		if ctx.Err() != nil {
			failed = ctx.Err()
			return false
		}
		sha := m.Commit()
		if sha == "" {
			return true
		}
		fs, err := l.inDocument(ctx, doc, sha, false)
		if err != nil {
			failed = err
			return false
		}
		if len(fs) != 1 || repeats(m.Start, fs[0].hash) {
			return true
		}
		if m.Start < line {
			last := &lenses[len(lenses)-1].Data
			last.Keys = append(last.Keys, fs[0].hash)
			return true
		}
		line = len(doc.Text)
		if i := strings.IndexByte(doc.Text[m.End:], '\n'); i >= 0 {
			line = m.End + i
		}
		lenses = append(lenses, Lens{Span: Span{m.Start, m.End}, Data: LensData{URI: doc.URI, Path: doc.Path, Keys: []history.Hash{fs[0].hash}}})
		return len(lenses) < maxLenses
	})
	for i := range min(len(lenses), maxTitled) {
		if failed == nil {
			lenses[i].Title, failed = l.commitTitle(ctx, lenses[i].Data)
		}
	}
	return lenses, failed
}

// maxPrefetch bounds the commits of a document that are read before they are asked
// for, and prefetchShare how many are read at once, so that who asks for one does
// not wait for all.
const (
	maxPrefetch   = 500
	prefetchShare = 16
)

// Prefetch reads what the cards of a document's commits will show, so that the
// first hover is as fast as the next one. What is not known yet is left out.
func (l *Lookup) Prefetch(ctx context.Context, doc Document) error {
	wanted := map[Repository][]history.Hash{}
	seen := map[history.Hash]bool{}
	want := func(repo Repository, h history.Hash) {
		if !seen[h] {
			seen[h] = true
			wanted[repo] = append(wanted[repo], h)
		}
	}
	var failed error
	var names []history.Key // for the forges of the document's repository
	scan.Each(doc.Text, func(m scan.Match) bool {
		sha := m.Commit()
		if sha == "" {
			if m.Key.Kind != history.KeyURL && len(names) < maxAhead {
				names = append(names, m.Key)
			}
			return ctx.Err() == nil
		}
		fs, err := l.inDocument(ctx, doc, sha, false)
		if err != nil {
			failed = err
			return false
		}
		for _, f := range fs {
			want(f.repo, f.hash)
			relations := f.snap.Related(f.pos)
			for _, r := range relations[:min(len(relations), maxRelated)] {
				want(f.repo, f.snap.Graph.Hash(r.Pos))
			}
		}
		return ctx.Err() == nil && len(seen) < maxPrefetch
	})
	if err := cmp.Or(failed, ctx.Err()); err != nil {
		return err
	}
	l.askAhead(doc, wanted, names)
	for repo, hashes := range wanted {
		for some := range slices.Chunk(hashes, prefetchShare) {
			if err := repo.Commits(ctx, some, func(*history.Commit) error { return nil }); err != nil {
				return fmt.Errorf("reading commits of %s: %w", repo.Name(), err)
			}
		}
	}
	return nil
}

// ResolveLens gives a lens its title: the landings of its commits. doc is the
// document as it is now; for a lens in a source file that takes a blame, and the
// data comes back with the commit.
func (l *Lookup) ResolveLens(ctx context.Context, doc Document, data LensData) (title string, resolved LensData, err error) {
	if data.Lines != nil {
		return l.resolveSource(ctx, doc, data)
	}
	title, err = l.commitTitle(ctx, data)
	return title, data, err
}

// commitTitle is the landings of the commits that a line names.
func (l *Lookup) commitTitle(ctx context.Context, data LensData) (string, error) {
	var titles []string
	for _, h := range data.Keys {
		fs, err := l.inDocument(ctx, Document{URI: data.URI, Path: data.Path}, h.String(), false)
		if err != nil {
			return "", err
		}
		if len(fs) != 1 {
			continue
		}
		title := lensTitle(fs[0].snap.Landings(fs[0].pos))
		if len(data.Keys) > 1 {
			title = h.String()[:7] + " " + title
		}
		if titles = append(titles, title); len(titles) == 3 {
			break
		}
	}
	if len(titles) == 0 {
		return "no longer known", nil
	}
	return strings.Join(titles, "  ·  "), nil
}

// Definition leads from a commit's name to its document, and from a copy's to
// that of its upstream original.
func (l *Lookup) Definition(ctx context.Context, doc Document, offset int) ([]Target, error) {
	m, ok := scan.At(doc.Text, offset)
	if !ok || m.Commit() == "" {
		return nil, nil
	}
	fs, err := l.inDocument(ctx, doc, m.Commit(), true)
	var targets []Target
	for _, f := range fs {
		f = source(f)
		targets = append(targets, Target{Origin: Span{m.Start, m.End}, Repository: f.repo.Name(), SHA: f.hash})
	}
	return targets, err
}

// Links are the pages of a document's keys on their forge, as far as they are
// known already.
func (l *Lookup) Links(ctx context.Context, doc Document) ([]Link, error) {
	repo, ok := l.repository(doc)
	if !ok || l.forge == nil {
		return nil, nil
	}
	snap := repo.Snapshot()
	var matches []scan.Match
	var keys []history.Key
	scan.Each(doc.Text, func(m scan.Match) bool {
		k := m.Key
		if k.Kind == history.KeyURL { // clients make links of addresses themselves
			return true
		}
		if k.Kind == history.KeyCommit {
			p := snap.Find(m.Commit(), 2)
			if len(p) != 1 {
				return true
			}
			k.Text = snap.Graph.Hash(p[0]).String()
		}
		matches, keys = append(matches, m), append(keys, k)
		return len(matches) < maxLenses && ctx.Err() == nil
	})
	if len(keys) == 0 || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var links []Link
	for i, u := range l.forge.URLs(repo.Remotes(), keys) {
		if isWeb(u) {
			links = append(links, Link{Span: Span{matches[i].Start, matches[i].End}, URL: u, Tooltip: "Open on the forge"})
		}
	}
	return links, nil
}

// Symbols finds commits for a client that searches while somebody types.
func (l *Lookup) Symbols(ctx context.Context, text string, limit int) ([]Symbol, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	hits, err := l.typed(ctx, text, limit)
	if err != nil {
		return nil, ctx.Err()
	}
	if err := read(ctx, hits.fs); err != nil {
		return nil, err
	}
	symbols := make([]Symbol, 0, len(hits.fs))
	for i, f := range hits.fs {
		if f.commit == nil {
			continue
		}
		name := f.hash.Short() + " " + oneLine(f.commit.Subject(), 200)
		if hits.scores[i] < 2 { // VS Code shows only names that hold what was typed
			name += " — " + oneLine(matchedLine(f.commit.Body(), text), 160)
		}
		symbols = append(symbols, Symbol{Name: name, Container: f.repo.Name(), Repository: f.repo.Name(), SHA: f.hash})
	}
	return symbols, nil
}

// typed finds what was typed or pasted. What is being typed is often not
// well-formed yet, and a subject that was pasted is no query, though an OR in it
// makes it look like one: then its words alone are looked for, too.
func (l *Lookup) typed(ctx context.Context, text string, limit int) (hits, error) {
	if named := l.naming(ctx, strings.TrimSpace(text), limit); len(named.fs) > 0 {
		return named, nil
	}
	asked, _, err := l.search(ctx, Search{Query: text, Limit: limit, Prefix: true})
	joined := strings.Contains(text, " OR ")
	if err == nil && len(asked.fs) > 0 && !joined {
		return asked, nil
	}
	words, _, wordsErr := l.search(ctx, Search{Query: justWords(text), Limit: limit, Prefix: true})
	if err != nil || wordsErr != nil {
		return words, wordsErr
	}
	for i, f := range asked.fs {
		if len(words.fs) < limit && !slices.ContainsFunc(words.fs, func(w found) bool { return w.hash == f.hash && w.repo == f.repo }) {
			words.fs, words.scores = append(words.fs, f), append(words.scores, asked.scores[i])
		}
	}
	return words, nil
}

// naming are the commits that name what was typed, if it is the name of an issue, a
// pull request or a bug.
func (l *Lookup) naming(ctx context.Context, text string, limit int) hits {
	var all hits
	m, ok := scan.At(text, 0)
	if !ok || m.End != len(text) || !slices.Contains([]history.KeyKind{history.KeyIssue, history.KeyMerge, history.KeyBug}, m.Key.Kind) {
		return all
	}
	for _, repo := range l.repos.All() {
		fs, err := byKey(ctx, repo, m.Key, limit-len(all.fs))
		if err != nil {
			continue // the search says why
		}
		for _, f := range fs[:min(len(fs), limit-len(all.fs))] {
			all.fs, all.scores = append(all.fs, f), append(all.scores, 1) // its name shows where
		}
		if len(all.fs) >= limit {
			break
		}
	}
	return all
}

// justWords are the words of a text as a query that has no operators.
func justWords(text string) string {
	var words []string
	for _, t := range query.Tokens(nil, text) {
		if t.Text != "_" {
			words = append(words, t.Text) // in lower case, so that or is no OR
		}
	}
	return strings.Join(words, " ")
}

// matchedLine is the line of a body that holds the most of what was searched.
func matchedLine(body, text string) string {
	words := strings.Fields(strings.ToLower(text))
	best, most := "", -1
	for line := range strings.Lines(body) {
		low, n := strings.ToLower(line), 0
		for _, w := range words {
			if strings.Contains(low, w) {
				n++
			}
		}
		if n > most {
			best, most = line, n
		}
	}
	return best
}
