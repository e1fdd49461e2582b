package server

import (
	"context"
	"encoding/json"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

// source is what clients show diagnostics as being from.
const source = "cabhfuil"

// diagnostic answers a client that asks for diagnostics.
func (s *session) diagnostic(p *protocol.DocumentDiagnosticParams) (run, error) {
	s.asked.diagnostics.Store(true)
	doc, err := s.documents.get(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (any, error) {
		items, err := s.diagnose(ctx, doc)
		if err != nil {
			return nil, err
		}
		return &protocol.RelatedFullDocumentDiagnosticReport{FullDocumentDiagnosticReport: protocol.FullDocumentDiagnosticReport{Kind: "full", Items: items}}, nil
	}, nil
}

func (s *session) diagnose(ctx context.Context, doc *document) ([]protocol.Diagnostic, error) {
	if !s.shows(showDiagnostics) {
		return []protocol.Diagnostic{}, nil
	}
	found, err := s.server.opt.Answers.Diagnostics(ctx, doc.Document)
	if err != nil {
		return nil, err
	}
	items := make([]protocol.Diagnostic, 0, len(found))
	for _, d := range found {
		data, err := json.Marshal(append([]lookup.Fix{}, d.Fixes...))
		if err != nil {
			return nil, err
		}
		items = append(items, protocol.Diagnostic{
			Range: doc.span(d.Span), Severity: protocol.DiagnosticSeverity(d.Severity), Code: protocol.String(d.Code),
			Source: protocol.NewOptional(source), Message: protocol.String(d.Message), Data: data,
		})
	}
	return items, nil
}

// diagnosticDelay is how long a document has to rest before its diagnostics are
// pushed.
const diagnosticDelay = 150 * time.Millisecond

// pushDiagnostics publishes what is due until the session ends, for a client that
// does not ask.
func (s *session) pushDiagnostics(ctx context.Context) {
	shown := map[uri.URI]bool{} // documents that the client shows diagnostics of
	s.whenDue(ctx, s.diagnosing, func(look context.Context, u uri.URI) { s.push(ctx, look, u, shown) })
}

// push publishes the diagnostics of a document as it is now. One that was closed
// has none, and one that changes meanwhile is due again by itself.
func (s *session) push(ctx, look context.Context, u uri.URI, shown map[uri.URI]bool) {
	p := &protocol.PublishDiagnosticsParams{URI: u, Diagnostics: []protocol.Diagnostic{}}
	doc, gone := s.documents.get(u)
	if gone == nil {
		var err error
		if p.Diagnostics, err = s.diagnoseSafely(look, doc); err != nil {
			if look.Err() == nil {
				s.server.opt.Log.Warn("diagnostics", "document", string(u), "error", err)
			}
			return
		}
		if now, err := s.documents.get(u); err != nil || now != doc {
			return
		}
		if s.client.diagnosticVersions {
			p.Version = protocol.NewOptional(doc.Version)
		}
	}
	if len(p.Diagnostics) == 0 && !shown[u] {
		return
	}
	if shown[u] = len(p.Diagnostics) > 0; !shown[u] {
		delete(shown, u)
	}
	if err := s.conn.Notify(ctx, "textDocument/publishDiagnostics", p); err != nil && ctx.Err() == nil {
		s.server.opt.Log.Debug("publishing diagnostics", "error", err)
	}
}

func (s *session) diagnoseSafely(ctx context.Context, doc *document) (items []protocol.Diagnostic, err error) {
	defer s.contain("textDocument/publishDiagnostics", &err)
	return s.diagnose(ctx, doc)
}
