package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage"
	"github.com/cabhfuil/cabhfuil-lsp/index/query"
)

// Found is one hit of a search.
type Found struct {
	Pos   graph.Pos
	Score float64 // as history.Hit.Score
}

// Search is what to look for in one repository.
type Search struct {
	Query *query.Query
	Limit int // hits that are wanted; 0 for all
	// Prefix lets the last bare word stand for all words that it begins, for
	// searches while somebody types.
	Prefix bool
	// Subjects lets bare words be looked for in subjects alone.
	Subjects bool
	// Exact leaves out similar words, also where nothing matches exactly.
	Exact bool
	Texts Texts
}

// Texts is what a search reads in the repository itself.
type Texts interface {
	// Commits is as in Source; phrases are held against what messages really say.
	Commits(ctx context.Context, hashes []history.Hash, fn func(*history.Commit) error) error
	// Mailmap is the content of .mailmap at a commit; "" where there is none.
	Mailmap(ctx context.Context, at history.Hash) (string, error)
	// Me is the address that the user commits with here.
	Me(ctx context.Context) (string, error)
}

// LeastExact is the least score of a hit that matches exactly; what is below was
// found by similar words.
const LeastExact = tierBody

// The tiers of hits; Found.Score adds a fraction that grows with the date.
const (
	tierFuzzy   = 0
	tierBody    = 1
	tierSubject = 2
	tierKey     = 3
)

// Search finds the commits that match, best first, and how many there are in
// all. What is not indexed yet is not found: see WordsPending. A query that
// cannot be answered is a *query.SyntaxError or an error that says why.
func (s *Snapshot) Search(ctx context.Context, q Search) (found []Found, total int, err error) {
	e := &evaluation{ctx: ctx, snap: s, q: q, n: s.Graph.Len()}
	if s.view != nil {
		if e.reading, err = s.view.read(ctx, s.Graph); err != nil {
			return nil, 0, err
		}
		defer func() { err = errors.Join(err, e.reading.close()) }()
	}
	if q.Prefix {
		e.prefix = lastWord(q.Query.Root)
	}
	hits, err := e.matches(q.Query.Root)
	if err != nil {
		return nil, 0, err
	}
	base := tierBody
	// While words are missing, the exact match may be among them.
	if hits.all.count() == 0 && e.words && !q.Exact && s.WordsPending() == 0 {
		e.fuzzy, base = true, tierFuzzy
		if hits, err = e.matches(q.Query.Root); err != nil {
			return nil, 0, err
		}
	}
	found = e.rank(hits, base)
	total = len(found)
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	return found, total, nil
}

// ByKey finds the commits whose message names the key, newest first.
func (s *Snapshot) ByKey(ctx context.Context, kind history.KeyKind, canonical string, limit int) (found []graph.Pos, err error) {
	if s.view == nil {
		return nil, ErrNoWords
	}
	r, err := s.view.read(ctx, s.Graph)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	hits := newSet(s.Graph.Len())
	if err := r.term(ctx, keyField, keyTerm(kind, canonical), hits); err != nil {
		return nil, err
	}
	hits.each(func(p graph.Pos) bool {
		if s.Graph.Reachable(p) {
			found = append(found, p)
		}
		return true
	})
	slices.SortFunc(found, func(a, b graph.Pos) int {
		return cmp.Or(cmp.Compare(s.Graph.CommitTime(b), s.Graph.CommitTime(a)), cmp.Compare(b, a))
	})
	if limit > 0 && len(found) > limit {
		found = found[:limit]
	}
	return found, nil
}

// Prime resolves the text index's documents, so that the first search need not.
func (s *Snapshot) Prime(ctx context.Context) error {
	if s.view == nil {
		return nil
	}
	r, err := s.view.read(ctx, s.Graph)
	if err != nil {
		return err
	}
	return r.close()
}

// result is the positions that match a node: all of them, those whose subject
// alone matches, and those that are named exactly.
type result struct{ all, subject, key set }

type evaluation struct {
	ctx     context.Context
	snap    *Snapshot
	q       Search
	n       int
	reading *reading
	prefix  *query.Word // the word that stands for all that it begins
	fuzzy   bool
	words   bool // the query has words, so that it can be fuzzy
	within  set  // what filters need to look at; nil for all
}

func (e *evaluation) empty() result {
	return result{all: newSet(e.n), subject: newSet(e.n), key: newSet(e.n)}
}

// filter is the result of a node that says nothing of words: what matches
// counts as matching the subject too, so that it does not lower a hit's rank.
func (e *evaluation) filter(keep func(graph.Pos) bool) (result, error) {
	r := e.empty()
	for p := range graph.Pos(e.n) {
		if p%4096 == 0 && e.ctx.Err() != nil {
			return r, e.ctx.Err()
		}
		if (e.within == nil || e.within.has(p)) && keep(p) {
			r.all.add(p)
		}
	}
	r.subject = r.all.clone()
	return r, nil
}

func (e *evaluation) matches(n query.Node) (result, error) {
	if err := e.ctx.Err(); err != nil {
		return result{}, err
	}
	g := e.snap.Graph
	switch n := n.(type) {
	case nil:
		return e.filter(func(graph.Pos) bool { return true })
	case *query.And:
		return e.and(n.Nodes)
	case *query.Or:
		return e.join(n.Nodes, set.or)
	case *query.Not:
		r, err := e.matches(n.Node)
		if err != nil {
			return r, err
		}
		r.all.not(e.n)
		r.subject, r.key = r.all.clone(), newSet(e.n)
		return r, nil
	case *query.Word:
		return e.word(n)
	case *query.Phrase:
		return e.text(n.Text, messageFields)
	case *query.Message:
		return e.text(n.Text, messageFields)
	case *query.Author:
		return e.person(n.Text, n.Me, g.Author)
	case *query.Committer:
		return e.person(n.Text, n.Me, g.Committer)
	case *query.Commit:
		return e.commit(n.Prefix), nil
	case *query.File:
		return e.file(n)
	case *query.Type:
		return e.filter(g.Merge)
	case *query.Since:
		return e.filter(func(p graph.Pos) bool { return g.CommitTime(p) >= n.Time.Unix() })
	case *query.Until:
		return e.filter(func(p graph.Pos) bool { return g.CommitTime(p) < n.Time.Unix() })
	case *query.Ref:
		return e.on(n.Name, "ref:")
	case *query.In:
		return e.onLine(n.Line, "in:", func(s history.Status) bool { return s == history.Contains || s == history.Backported })
	case *query.Missing:
		return e.onLine(n.Line, "missing:", func(s history.Status) bool { return s == history.Missing })
	case *query.Fixes:
		return e.fixes(n)
	case *query.BackportOf:
		return e.derived(n.Key, (*lineage.Lineage).Copies)
	case *query.CVE:
		return e.key(history.KeyCVE, n.ID)
	case *query.ChangeID:
		return e.key(history.KeyChangeID, n.ID)
	case *query.Repo: // whoever asks several repositories has chosen by it already
		return e.filter(func(graph.Pos) bool { return true })
	}
	return result{}, fmt.Errorf("a term of type %T is no operator of searches", n) // the parser makes none
}

// and joins what all nodes match. How changes stand on lines is asked last, and
// of those commits alone that match the rest.
func (e *evaluation) and(nodes []query.Node) (result, error) {
	asksLines := func(n query.Node) bool {
		if not, ok := n.(*query.Not); ok {
			n = not.Node
		}
		switch n.(type) {
		case *query.In, *query.Missing:
			return true
		}
		return false
	}
	var first, last []query.Node
	for _, n := range nodes {
		if asksLines(n) {
			last = append(last, n)
		} else {
			first = append(first, n)
		}
	}
	if len(first) == 0 || len(last) == 0 {
		return e.join(nodes, set.and)
	}
	joined, err := e.join(first, set.and)
	if err != nil {
		return joined, err
	}
	outer := e.within
	defer func() { e.within = outer }()
	for _, n := range last {
		e.within = joined.all
		r, err := e.matches(n)
		if err != nil {
			return r, err
		}
		joined.all.and(r.all)
		joined.subject.and(r.subject)
	}
	return joined, nil
}

func (e *evaluation) join(nodes []query.Node, with func(set, set)) (result, error) {
	var joined result
	for i, n := range nodes {
		r, err := e.matches(n)
		if err != nil {
			return r, err
		}
		if i == 0 {
			joined = r
			continue
		}
		with(joined.all, r.all)
		with(joined.subject, r.subject)
		joined.key.or(r.key)
	}
	return joined, nil
}

// word is a bare word: a word of the message, or the beginning of a SHA.
func (e *evaluation) word(w *query.Word) (result, error) {
	r, err := e.text(w.Text, e.wordFields())
	if w == e.prefix && err == nil {
		r, err = e.begins(w.Text)
	}
	if err != nil || !isAbbreviation(w.Text) {
		return r, err
	}
	c := e.commit(w.Text)
	r.all.or(c.all)
	r.subject.or(c.all)
	r.key.or(c.key)
	return r, nil
}

// wordFields are where bare words are looked for.
func (e *evaluation) wordFields() []string {
	if e.q.Subjects {
		return []string{subjectField}
	}
	return messageFields
}

func isAbbreviation(s string) bool {
	return len(s) >= 7 && len(s) <= 64 && isHex(strings.ToLower(s))
}

func (e *evaluation) commit(prefix string) result {
	r := e.empty()
	for _, p := range e.snap.Find(strings.ToLower(prefix), 0) {
		r.all.add(p)
		r.subject.add(p)
		r.key.add(p)
	}
	return r
}

// text matches words that stand together: one word is looked up; several, or
// one with punctuation, or one that keys may have, are looked up and then held
// against the messages.
func (e *evaluation) text(phrase string, fields []string) (result, error) {
	e.words = true
	r := e.empty()
	if e.reading == nil {
		return r, ErrNoWords
	}
	tokens := query.Tokens(nil, phrase)
	if len(tokens) == 0 {
		return r, fmt.Errorf("%q has no letter or digit to look for", phrase)
	}
	verify := query.Normalize(phrase) != tokens[0].Text
	for i, t := range tokens {
		one := e.empty()
		for _, field := range fields {
			if err := e.term(field, t.Text, one.all); err != nil {
				return r, err
			}
		}
		if err := e.term(subjectField, t.Text, one.subject); err != nil {
			return r, err
		}
		if kind, ok := named(t.Text); ok && !e.fuzzy {
			verify = true
			if err := e.reading.term(e.ctx, keyField, keyTerm(kind, t.Text), one.all); err != nil {
				return r, err
			}
			one.subject.or(one.all)
		}
		if i == 0 {
			r = one
			continue
		}
		r.all.and(one.all)
		r.subject.and(one.subject)
	}
	// What is spelt differently stands in no message; what is not is held against
	// the message all the same.
	if !verify || e.fuzzy && slices.ContainsFunc(tokens, func(t query.Token) bool { return spellings(t.Text) > 0 }) {
		return r, nil
	}
	err := e.verify(&r, func(text string) bool { return query.ContainsPhrase(text, phrase) })
	if !slices.Contains(fields, bodyField) {
		r.all = r.subject.clone()
	}
	return r, err
}

// term adds what has the term in the field; in a fuzzy evaluation, also what
// has one that is spelt nearly so.
func (e *evaluation) term(field, term string, dst set) error {
	distance := spellings(term)
	if !e.fuzzy || distance == 0 {
		return e.reading.term(e.ctx, field, term, dst)
	}
	return e.reading.similar(e.ctx, field, term, distance, func(t string) error {
		return e.reading.term(e.ctx, field, t, dst)
	})
}

// spellings is by how many characters a word that is meant may differ from one that
// was typed. A number is meant as it stands: another CVE, bug or release is no
// misspelling of this one.
func spellings(term string) int {
	switch {
	case len(term) < 4 || strings.ContainsAny(term, "0123456789"):
		return 0
	case len(term) > 7:
		return 2
	}
	return 1
}

// verify drops those of whose message, or whose subject, holds says no.
func (e *evaluation) verify(r *result, holds func(text string) bool) error {
	g := e.snap.Graph
	var hashes []history.Hash
	r.all.each(func(p graph.Pos) bool { hashes = append(hashes, g.Hash(p)); return true })
	if len(hashes) == 0 {
		return nil
	}
	all, subject := newSet(e.n), newSet(e.n)
	err := e.q.Texts.Commits(e.ctx, hashes, func(c *history.Commit) error {
		p, ok := g.Pos(c.Hash)
		if !ok || !holds(c.Message) {
			return nil
		}
		all.add(p)
		if holds(c.Subject()) {
			subject.add(p)
		}
		return nil
	})
	r.all, r.subject = all, subject
	return err
}

// begins matches all words that the text begins. Below three characters that
// would be half of the dictionary, so the word itself has to do.
func (e *evaluation) begins(text string) (result, error) {
	tokens := query.Tokens(nil, text)
	if e.fuzzy || len(tokens) != 1 || len(tokens[0].Text) < 3 {
		return e.text(text, e.wordFields())
	}
	r := e.empty()
	for _, field := range e.wordFields() {
		err := e.reading.withPrefix(e.ctx, field, tokens[0].Text, func(t string) error {
			if err := e.reading.term(e.ctx, field, t, r.all); err != nil || field != subjectField || e.q.Subjects {
				return err
			}
			return e.reading.term(e.ctx, field, t, r.subject)
		})
		if err != nil {
			return r, err
		}
	}
	if e.q.Subjects {
		r.subject = r.all.clone()
		return r, nil
	}
	named, err := e.beginsKey(tokens[0].Text)
	r.all.or(named.all)
	r.subject.or(named.subject)
	return r, err
}

// beginsKey matches the messages that name a commit or a Change-Id which the word
// begins.
func (e *evaluation) beginsKey(word string) (result, error) {
	r := e.empty()
	if isAbbreviation(word) {
		if err := e.reading.term(e.ctx, keyField, keyTerm(history.KeyCommit, word), r.all); err != nil {
			return r, err
		}
		return r, e.verify(&r, func(text string) bool { return strings.Contains(strings.ToLower(text), word) })
	}
	if digits, ok := strings.CutPrefix(word, "i"); !ok || len(digits) < 4 || !isHex(digits) {
		return r, nil
	}
	return r, e.reading.withPrefix(e.ctx, keyField, keyTerm(history.KeyChangeID, word), func(t string) error {
		return e.reading.term(e.ctx, keyField, t, r.all)
	})
}

// person matches names and addresses: every word of the text must be a word of
// the name or address, or begin one.
func (e *evaluation) person(text string, me bool, of func(graph.Pos) graph.PersonID) (result, error) {
	var who []bool
	var err error
	if me {
		if text, err = e.q.Texts.Me(e.ctx); err == nil {
			who, err = e.snap.people.me(e.ctx, e.q.Texts, text)
		}
	} else {
		who, err = e.snap.people.named(e.ctx, e.q.Texts, text)
	}
	if err != nil {
		return result{}, err
	}
	return e.filter(func(p graph.Pos) bool { return who[of(p)] })
}

func (e *evaluation) key(kind history.KeyKind, canonical string) (result, error) {
	r := e.empty()
	if e.reading == nil {
		return r, ErrNoWords
	}
	err := e.reading.term(e.ctx, keyField, keyTerm(kind, canonical), r.all)
	r.subject, r.key = r.all.clone(), r.all.clone()
	return r, err
}

// on matches what a ref contains.
func (e *evaluation) on(name, operator string) (result, error) {
	ref, ok := e.snap.Ref(name)
	if !ok {
		return result{}, fmt.Errorf("%s%s: %w", operator, name, ErrNoRef)
	}
	id, _ := e.snap.Graph.RefByName(ref.Name)
	return e.filter(func(p graph.Pos) bool { return e.snap.Graph.Contains(id, p) })
}

// ErrNoRef is returned by searches on a ref that the repository has not got.
var ErrNoRef = errors.New("no branch or tag has this name")

// lineRef is the ref of the line that people call name.
func (s *Snapshot) lineRef(name string) string {
	for _, l := range s.Lines {
		if l.Name == name {
			return l.Ref
		}
	}
	return name
}

// rank orders what is reachable: keys, subjects, bodies, and newer first in each.
func (e *evaluation) rank(r result, base int) []Found {
	g := e.snap.Graph
	found := make([]Found, 0, 64)
	r.all.each(func(p graph.Pos) bool {
		if !g.Reachable(p) {
			return true
		}
		tier := base
		switch {
		case r.key.has(p):
			tier = tierKey
		case base == tierBody && r.subject.has(p):
			tier = tierSubject
		}
		// Seconds of the first 136 years, so that the fraction stays below one.
		age := float64(max(0, g.CommitTime(p))) / (1 << 32)
		found = append(found, Found{Pos: p, Score: float64(tier) + min(age, 0.999999)})
		return true
	})
	slices.SortFunc(found, func(a, b Found) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Pos, a.Pos))
	})
	return found
}

// lastWord is the last bare word of a query, if its last term is one.
func lastWord(n query.Node) *query.Word {
	switch n := n.(type) {
	case *query.Word:
		return n
	case *query.And:
		return lastWord(n.Nodes[len(n.Nodes)-1])
	}
	return nil
}
