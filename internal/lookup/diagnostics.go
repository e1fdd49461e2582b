package lookup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage/dialect"
	"github.com/cabhfuil/cabhfuil-lsp/index/query"
)

// Severity is how bad a diagnostic is, as LSP numbers it.
type Severity int

// The severities.
const (
	Error Severity = iota + 1
	Warning
	Information
	Hint
)

// The codes of diagnostics. They stay as they are: people filter by them.
const (
	CodeFixesUnknown   = "fixes-unknown"            // a Fixes: line names no commit here
	CodeFixesSubject   = "fixes-subject"            // it quotes another subject than the commit has
	CodeAmbiguous      = "sha-ambiguous"            // several commits begin so
	CodeShort          = "sha-short"                // a Fixes: line has less than 12 digits
	CodePickAbsent     = "cherry-pick-absent"       // the source of a copy is not here
	CodePickDownstream = "cherry-pick-not-upstream" // the source of a copy is on no upstream line
	CodeRevertUnknown  = "revert-unknown"           // what is reverted, or brought back, is not here
	CodeTodoUnknown    = "pick-unknown"             // a rebase todo names no commit here
)

// Diagnostic is what is wrong with a span of a message.
type Diagnostic struct {
	Span
	Severity Severity
	Code     string
	Message  string // plain text
	Fixes    []Fix  // the best first
}

// Fix replaces a diagnostic's span. It travels through the client as JSON.
type Fix struct {
	Title string `json:"title"`
	Text  string `json:"text"`
}

// maxDiagnostics and maxFixes bound what one document and one diagnostic show.
const (
	maxDiagnostics = 100
	maxFixes       = 10
)

// mention is a commit's name in a message, and what is said of it.
type mention struct {
	Span
	sha     string
	means   dialect.Meaning // "" in a rebase todo
	subject string          // what the message quotes in double quotes as its subject
	quoted  Span            // where
	message int             // mentions of one message have one number
	fs      []found
}

// mentions are the commits that a document's messages, or a rebase todo, name.
func mentions(doc Document) []mention {
	var all []mention
	f := formOf(doc)
	if f == formTodo {
		for _, s := range picked(doc.Text) {
			if all = append(all, mention{Span: s, sha: strings.ToLower(doc.Text[s.Start:s.End])}); len(all) == maxLenses {
				break
			}
		}
		return all
	}
	for i, part := range messages(doc) {
		if f == formMessage {
			i = 0 // comments cut it
		}
		text := doc.Text[part.Start:part.End]
		dialect.Builtin().Read(text, func(c dialect.Claim) bool {
			if c.SHA == "" || !judged(c) {
				return true
			}
			m := mention{Span: Span{part.Start + c.Start, part.Start + c.End}, sha: c.SHA, means: c.Means, message: i}
			if at, ok := quotedAt(text, c); ok {
				m.subject, m.quoted = c.Subject, Span{part.Start + at, part.Start + at + len(c.Subject)}
			}
			all = append(all, m)
			return len(all) < maxLenses
		})
	}
	slices.SortStableFunc(all, func(a, b mention) int { return a.Start - b.Start })
	return all
}

// judged says whether a claim is one that diagnostics are about. Short words of
// digits alone are bug numbers.
func judged(c dialect.Claim) bool {
	if len(c.SHA) < 12 && strings.Trim(c.SHA, "0123456789") == "" {
		return false
	}
	switch c.Means {
	case dialect.Fix, dialect.DependsOn, dialect.Needs, dialect.Copy, dialect.PartialCopy, dialect.Revert, dialect.Reapply:
		return true
	}
	return false
}

// quotedAt is where a claim's subject stands in double quotes behind its SHA. A
// remark in parentheses is none, and one that wraps has no place of its own.
func quotedAt(text string, c dialect.Claim) (int, bool) {
	if c.Subject == "" {
		return 0, false
	}
	i := strings.Index(text[c.End:], c.Subject)
	if i < 1 || strings.Trim(text[c.End:c.End+i], " \t\r\n(\"") != "" || text[c.End+i-1] != '"' {
		return 0, false
	}
	return c.End + i, true
}

// Diagnostics are what is wrong with the commits that somebody names in a commit
// message, a rebase todo, a patch or a mail; none in other documents. What an
// index that is not whole cannot tell is not claimed. It does not wait for it.
func (l *Lookup) Diagnostics(ctx context.Context, doc Document) ([]Diagnostic, error) {
	all := mentions(doc)
	known := map[string][]found{}
	for _, m := range all {
		if _, ok := known[m.sha]; ok {
			continue
		}
		fs, err := l.inDocument(ctx, doc, m.sha, true)
		if err != nil {
			return nil, err
		}
		known[m.sha] = fs
	}
	if err := readEach(ctx, known); err != nil {
		return nil, err
	}
	upstream := map[int]bool{} // messages that name a source on an upstream line
	for i, m := range all {
		all[i].fs = known[m.sha]
		upstream[m.message] = upstream[m.message] || m.copies() && len(known[m.sha]) == 1 && isUpstream(known[m.sha][0])
	}
	var diagnostics []Diagnostic
	for _, m := range all {
		found, err := l.judge(ctx, doc, m, upstream[m.message])
		if err != nil {
			return nil, err
		}
		if diagnostics = append(diagnostics, found...); len(diagnostics) >= maxDiagnostics {
			return diagnostics[:maxDiagnostics], nil
		}
	}
	return diagnostics, nil
}

// readEach reads the commits that names stand for, as many as are shown, each
// once.
func readEach(ctx context.Context, known map[string][]found) error {
	type object struct {
		repository string
		hash       history.Hash
	}
	var fs []found
	place := map[object]int{}
	for _, some := range known {
		for _, f := range some[:min(len(some), maxFixes)] {
			if _, ok := place[object{f.repo.Name(), f.hash}]; !ok {
				place[object{f.repo.Name(), f.hash}] = len(fs)
				fs = append(fs, f)
			}
		}
	}
	if err := read(ctx, fs); err != nil {
		return err
	}
	for _, some := range known {
		for i, f := range some[:min(len(some), maxFixes)] {
			some[i] = fs[place[object{f.repo.Name(), f.hash}]]
		}
	}
	return nil
}

func (m mention) copies() bool { return m.means == dialect.Copy || m.means == dialect.PartialCopy }

func (m mention) fixes() bool {
	return m.means == dialect.Fix || m.means == dialect.DependsOn || m.means == dialect.Needs
}

// isUpstream says whether a commit is on the upstream line.
func isUpstream(f found) bool {
	id, ok := f.snap.Graph.RefByName(f.snap.Upstream())
	return ok && f.pos != index.Unlisted && f.snap.Graph.Contains(id, f.pos)
}

// whole says whether a state of a repository lacks nothing.
func whole(snap *index.Snapshot) bool { return !snap.Empty() && len(snap.Limits()) == 0 }

// judge is what is wrong with one mention. upstream says that its message names
// a source on an upstream line: then the others are steps on the way here.
func (l *Lookup) judge(ctx context.Context, doc Document, m mention, upstream bool) ([]Diagnostic, error) {
	switch n := len(m.fs); {
	case n == 0:
		return l.unknown(ctx, doc, m)
	case n > 1:
		return []Diagnostic{ambiguous(m)}, nil
	}
	f := m.fs[0]
	var all []Diagnostic
	if m.fixes() && len(m.sha) < 12 {
		long := abbreviated(f)
		all = append(all, Diagnostic{m.Span, Hint, CodeShort, fmt.Sprintf("%s has %d digits; 12 stay unique for longer.", m.sha, len(m.sha)), []Fix{{"Extend to " + long, long}}})
	}
	if m.fixes() && m.subject != "" && f.commit != nil && !f.gone && !sameText(m.subject, f.commit.Subject()) {
		subject := oneLine(f.commit.Subject(), 1000)
		all = append(all, Diagnostic{m.quoted, Warning, CodeFixesSubject, fmt.Sprintf("The subject of %s is “%s”.", f.hash.Short(), subject), []Fix{{"Quote its subject", subject}}})
	}
	if m.copies() && !upstream && whole(f.snap) && f.snap.Upstream() != "" && !isUpstream(f) {
		if id, _ := f.snap.Graph.RefByName(f.snap.Upstream()); !f.snap.Graph.Truncated(id) {
			all = append(all, downstream(m, f))
		}
	}
	return all, nil
}

// sameText compares subjects, white space aside.
func sameText(a, b string) bool { return oneLine(a, len(a)+1) == oneLine(b, len(b)+1) }

// abbreviated is a commit's name in 12 digits, or in as many as it takes.
func abbreviated(f found) string {
	text := f.hash.String()
	for n := 12; n < len(text); n++ {
		if len(f.snap.Find(text[:n], 2)) < 2 {
			return text[:n]
		}
	}
	return text
}

// unknown is about a name that no repository here knows. Only the index of the
// document's own repository can tell, and only if it is whole.
func (l *Lookup) unknown(ctx context.Context, doc Document, m mention) ([]Diagnostic, error) {
	repo, ok := l.repository(doc)
	if !ok || !whole(repo.Snapshot()) {
		return nil, nil
	}
	name := oneLine(repo.Name(), 60)
	d := Diagnostic{m.Span, Error, CodeTodoUnknown, fmt.Sprintf("No commit of %s begins with %s.", name, m.sha), nil}
	switch {
	case m.fixes():
		var err error
		d.Code = CodeFixesUnknown
		if d.Fixes, err = l.bySubject(ctx, repo, m.subject); err != nil {
			return nil, err
		}
	case m.copies():
		d.Severity, d.Code, d.Message = Information, CodePickAbsent, fmt.Sprintf("%s, the source of this copy, is not in %s.", m.sha, name)
	case m.means == dialect.Revert, m.means == dialect.Reapply:
		d.Code = CodeRevertUnknown
	default:
		if _, isRef := repo.Snapshot().Ref(doc.Text[m.Start:m.End]); isRef {
			return nil, nil // a branch whose name is hex
		}
	}
	return []Diagnostic{d}, nil
}

// bySubject offers the commits that have a subject: a rebase gave them another
// name.
func (l *Lookup) bySubject(ctx context.Context, repo Repository, subject string) ([]Fix, error) {
	words := justWords(subject)
	if words == "" {
		return nil, nil
	}
	q, err := query.Parse(words, query.Options{})
	if err != nil {
		return nil, nil //nolint:nilerr // words alone, which nobody typed as a query
	}
	snap := repo.Snapshot()
	hits, _, err := snap.Search(ctx, index.Search{Query: q, Limit: maxFixes, Texts: repo})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, nil //nolint:nilerr // without words there is no offer
	}
	fs := make([]found, 0, len(hits))
	for _, h := range hits {
		fs = append(fs, found{repo: repo, snap: snap, pos: h.Pos, hash: snap.Graph.Hash(h.Pos)})
	}
	if err := read(ctx, fs); err != nil {
		return nil, err
	}
	var fixes []Fix
	for _, f := range fs {
		if f.commit != nil && sameText(f.commit.Subject(), subject) {
			fixes = append(fixes, Fix{fmt.Sprintf("Name %s, which has this subject", abbreviated(f)), abbreviated(f)})
		}
	}
	return fixes, nil
}

// ambiguous offers each commit that may be meant; the one whose subject is
// quoted is the first.
func ambiguous(m mention) Diagnostic {
	d := Diagnostic{Span: m.Span, Severity: Warning, Code: CodeAmbiguous, Message: fmt.Sprintf("%s is ambiguous: %d commits begin so.", m.sha, len(m.fs))}
	for _, f := range m.fs[:min(len(m.fs), maxFixes)] {
		text := abbreviated(f)
		fix := Fix{"Name " + text, text}
		if f.commit != nil && !f.gone {
			fix.Title += " “" + oneLine(f.commit.Subject(), 60) + "”"
			if m.subject != "" && sameText(m.subject, f.commit.Subject()) {
				d.Fixes = slices.Insert(d.Fixes, 0, fix)
				continue
			}
		}
		d.Fixes = append(d.Fixes, fix)
	}
	return d
}

// downstream is about a source that is on no upstream line.
func downstream(m mention, f found) Diagnostic {
	upstream := oneLine(f.snap.Lines[0].Name, 60)
	d := Diagnostic{m.Span, Warning, CodePickDownstream, fmt.Sprintf("%s is not on %s.", f.hash.Short(), upstream), nil}
	original, ok := f.snap.Original(f.pos)
	if !ok || !onUpstream(f.snap, original) {
		return d
	}
	h := f.snap.Graph.Hash(original)
	d.Message = fmt.Sprintf("%s is not on %s; it is a copy of %s, which is.", f.hash.Short(), upstream, h.Short())
	d.Fixes = []Fix{{"Name its original " + h.Short(), sameLength(m.sha, h)}}
	return d
}

func onUpstream(snap *index.Snapshot, p graph.Pos) bool {
	return isUpstream(found{snap: snap, pos: p})
}

// sameLength is a commit's whole name where the old one was whole, else 12 digits.
func sameLength(old string, h history.Hash) string {
	if len(old) >= 40 {
		return h.String()
	}
	return h.Short()
}
