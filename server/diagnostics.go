package server

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

// source is what clients show diagnostics as being from.
const source = "cabhfuil"

// diagnostic answers a client that asks for diagnostics.
func (s *session) diagnostic(p *protocol.DocumentDiagnosticParams) (run, error) {
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

// diagnosing says which documents' diagnostics are due for a client that does
// not ask for them. Notifications mark documents; one goroutine pushes.
type diagnosing struct {
	wake chan struct{} // capacity 1

	mu     sync.Mutex
	due    map[uri.URI]time.Time
	doing  uri.URI            // what is being looked at now
	cancel context.CancelFunc // ends that
}

func newDiagnosing() *diagnosing {
	return &diagnosing{wake: make(chan struct{}, 1), due: map[uri.URI]time.Time{}}
}

// mark makes a document due after a delay. What is being found out about an older
// version of it ends. later says that a document that is due stays so.
func (d *diagnosing) mark(u uri.URI, delay time.Duration, later bool) {
	d.mu.Lock()
	if _, ok := d.due[u]; !ok || later {
		d.due[u] = time.Now().Add(delay)
	}
	if d.doing == u && d.cancel != nil {
		d.cancel()
	}
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// due marks a document for a client that does not ask.
func (s *session) due(u uri.URI, delay time.Duration, later bool) {
	if !s.client.pullDiagnostics {
		s.diagnosing.mark(u, delay, later)
	}
}

// next takes a document that is due; else it tells how long there is none, or
// less than 0 for ever.
func (d *diagnosing) next(ctx context.Context) (u uri.URI, look context.Context, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel != nil {
		d.cancel()
	}
	d.doing, d.cancel, wait = "", nil, -1
	now := time.Now()
	for u, at := range d.due {
		if left := at.Sub(now); left > 0 {
			if wait < 0 || left < wait {
				wait = left
			}
			continue
		}
		delete(d.due, u)
		d.doing = u
		look, d.cancel = context.WithCancel(ctx)
		return u, look, 0
	}
	return "", nil, wait
}

// pushDiagnostics publishes what is due until the session ends.
func (s *session) pushDiagnostics(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	shown := map[uri.URI]bool{} // documents that the client shows diagnostics of
	for {
		u, look, wait := s.diagnosing.next(ctx)
		if u != "" {
			s.push(ctx, look, u, shown)
			continue
		}
		var rested <-chan time.Time
		if wait >= 0 {
			timer.Reset(wait)
			rested = timer.C
		}
		select {
		case <-ctx.Done():
			return
		case <-s.conn.Done():
			return
		case <-s.exited:
			return
		case <-s.diagnosing.wake:
		case <-rested:
		}
	}
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
