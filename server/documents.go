package server

import (
	"fmt"
	"sync"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

// document is one version of an open document. It is immutable.
type document struct {
	lookup.Document
	*mapper
}

// documents are the open documents of a session. Notifications change them in
// wire order; requests take the version that was current when they came.
type documents struct {
	mu   sync.Mutex
	open map[string]*document
}

func (d *documents) put(doc lookup.Document, utf16 bool) *document {
	v := &document{doc, newMapper(doc.Text, utf16)}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == nil {
		d.open = map[string]*document{}
	}
	d.open[doc.URI] = v
	return v
}

func (d *documents) get(u uri.URI) (*document, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if doc, ok := d.open[string(u)]; ok {
		return doc, nil
	}
	return nil, invalidParams(fmt.Sprintf("%s is not open", u))
}

// declare notes where declarations are in a version of a document, unless another
// version is open by now.
func (d *documents) declare(u uri.URI, version int32, declared []lookup.Range) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	doc, ok := d.open[string(u)]
	if !ok || doc.Version != version {
		return false
	}
	next := *doc
	next.Declared = declared
	d.open[string(u)] = &next
	return true
}

func (d *documents) drop(u uri.URI) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, string(u))
}

// uris are the open documents.
func (d *documents) uris() []uri.URI {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]uri.URI, 0, len(d.open))
	for u := range d.open {
		all = append(all, uri.URI(u))
	}
	return all
}

// filePath is the path of a file URI, or "".
func filePath(u uri.URI) string {
	if u.Scheme() != "file" {
		return ""
	}
	return u.FsPath()
}

func (s *session) didOpen(p *protocol.DidOpenTextDocumentParams) error {
	doc := opened(p)
	s.documents.put(doc, s.utf16)
	s.due(p.TextDocument.URI, 0, true)
	if doc.Path != "" && s.server.opt.Opened != nil {
		s.server.opt.Opened(doc.Path)
	}
	return nil
}

func (s *session) didChange(p *protocol.DidChangeTextDocumentParams) error {
	if err := s.documents.change(p, s.utf16); err != nil {
		return err
	}
	s.due(p.TextDocument.URI, diagnosticDelay, true)
	return nil
}

// change makes the next version of an open document.
func (d *documents) change(p *protocol.DidChangeTextDocumentParams, utf16 bool) error {
	doc, err := d.get(p.TextDocument.URI)
	if err != nil {
		return err
	}
	text, m := doc.Text, doc.mapper
	for _, c := range p.ContentChanges {
		switch c := c.(type) {
		case *protocol.TextDocumentContentChangeWholeDocument:
			text = c.Text
		case *protocol.TextDocumentContentChangePartial:
			if m == nil {
				m = newMapper(text, utf16)
			}
			start, end := m.offset(c.Range.Start), m.offset(c.Range.End)
			text = text[:start] + c.Text + text[max(start, end):]
		}
		m = nil
	}
	next := doc.Document
	next.Text, next.Version, next.Declared = text, p.TextDocument.Version, nil
	d.put(next, utf16)
	return nil
}

func (s *session) didClose(p *protocol.DidCloseTextDocumentParams) error {
	s.documents.drop(p.TextDocument.URI)
	s.due(p.TextDocument.URI, 0, true)
	return nil
}
