package index

import (
	"context"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/mailmap"
	"github.com/cabhfuil/cabhfuil-lsp/index/query"
)

// people finds the persons of a graph by name and address, as the mailmap at
// HEAD gives them. It is made when first asked for and shared by snapshots with
// the same persons and the same HEAD.
type people struct {
	graph *graph.Graph
	head  history.Hash // zero for none

	mu    sync.Mutex
	made  bool
	words [][]string // of each person's name and address, in lower case
	email []string   // each person's address, in lower case
	names *mailmap.Map
}

func (s *Snapshot) peopleOf(g *graph.Graph, refs history.Refs) *people {
	p := &people{graph: g}
	for _, r := range refs.List {
		if r.Name == "HEAD" || r.Name == refs.Head {
			p.head = r.Commit
		}
	}
	if s != nil && s.people.head == p.head && s.people.graph.SamePeople(g) {
		return s.people
	}
	return p
}

// make reads the mailmap and splits the names into words, once.
func (p *people) make(ctx context.Context, texts Texts) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made {
		return nil
	}
	if p.head != (history.Hash{}) {
		text, err := texts.Mailmap(ctx, p.head)
		if err != nil {
			return err
		}
		if text != "" {
			p.names = mailmap.Parse(text)
		}
	}
	n := p.graph.People()
	p.words, p.email = make([][]string, n), make([]string, n)
	var tokens []query.Token
	for id := range n {
		raw := p.graph.Person(graph.PersonID(id))
		name, email := p.names.Resolve(raw.Name, raw.Email)
		tokens = query.Tokens(tokens[:0], name+" "+email)
		p.words[id] = make([]string, len(tokens))
		for i, t := range tokens {
			p.words[id][i] = t.Text
		}
		p.email[id] = strings.ToLower(email)
	}
	p.made = true
	return nil
}

// named says of each person whether all words of the text begin a word of the
// name or address.
func (p *people) named(ctx context.Context, texts Texts, text string) ([]bool, error) {
	if err := p.make(ctx, texts); err != nil {
		return nil, err
	}
	wanted := query.Tokens(nil, text)
	who := make([]bool, len(p.words))
	for id, words := range p.words {
		who[id] = true
		for _, w := range wanted {
			if !begins(words, w.Text) {
				who[id] = false
				break
			}
		}
	}
	return who, nil
}

func begins(words []string, prefix string) bool {
	for _, w := range words {
		if strings.HasPrefix(w, prefix) {
			return true
		}
	}
	return false
}

// me says of each person whether it is the one with this address.
func (p *people) me(ctx context.Context, texts Texts, email string) ([]bool, error) {
	if err := p.make(ctx, texts); err != nil {
		return nil, err
	}
	_, email = p.names.Resolve("", email)
	email = strings.ToLower(email)
	who := make([]bool, len(p.email))
	for id, e := range p.email {
		who[id] = e == email
	}
	return who, nil
}
