package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

// completionTriggers are what stands before a commit's name, or within what is
// typed of a subject; letters and digits trigger by themselves.
var completionTriggers = []string{" ", ":", "\"", "#", "!"}

func (s *session) completion(p *protocol.CompletionParams) (run, error) {
	doc, err := s.documents.get(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (any, error) {
		found, err := s.server.opt.Answers.Completions(ctx, doc.Document, doc.offset(p.Position))
		if err != nil || found == nil {
			return nil, err
		}
		list := &protocol.CompletionList{IsIncomplete: true, Items: make([]protocol.CompletionItem, 0, len(found))}
		for i, c := range found {
			data, err := json.Marshal(c.Data)
			if err != nil {
				return nil, err
			}
			item := protocol.CompletionItem{
				Label: c.Label, Kind: protocol.CompletionItemKindReference, Detail: protocol.NewOptional(c.Detail), Data: data,
				SortText: protocol.NewOptional(fmt.Sprintf("%03d", i)), FilterText: protocol.NewOptional(c.Filter),
				TextEdit: &protocol.TextEdit{Range: doc.span(c.Span), NewText: c.Text},
			}
			if c.Documentation != nil {
				item.Documentation = s.documentation(c.Documentation)
			}
			list.Items = append(list.Items, item)
		}
		return list, nil
	}, nil
}

func (s *session) resolveCompletion(p *protocol.CompletionItem) (run, error) {
	var data lookup.CompletionData
	if err := json.Unmarshal(p.Data, &data); err != nil {
		return nil, invalidParams("the completion has no data of ours")
	}
	return func(ctx context.Context) (any, error) {
		if data.SHA == "" {
			return p, nil // it said all that there is
		}
		card, err := s.server.opt.Answers.Card(ctx, data)
		if err != nil || card == nil {
			return p, err
		}
		p.Documentation = s.documentation(card)
		return p, nil
	}, nil
}

// documentation is a text behind a completion, as the client can show it.
func (s *session) documentation(h *lookup.Hover) *protocol.MarkupContent {
	if s.client.markdownItems {
		return &protocol.MarkupContent{Kind: "markdown", Value: h.Markdown}
	}
	return &protocol.MarkupContent{Kind: "plaintext", Value: h.Plain}
}

// codeAction offers the fixes that our diagnostics carry with them.
func (s *session) codeAction(p *protocol.CodeActionParams) (run, error) {
	return func(context.Context) (any, error) {
		actions := []protocol.CodeAction{}
		if !wants(p.Context.Only, protocol.CodeActionKindQuickFix) {
			return actions, nil
		}
		for _, d := range p.Context.Diagnostics {
			var fixes []lookup.Fix
			if from, _ := d.Source.Get(); from != source || json.Unmarshal(d.Data, &fixes) != nil {
				continue
			}
			for i, fix := range fixes {
				edit := protocol.TextEdit{Range: d.Range, NewText: fix.Text}
				actions = append(actions, protocol.CodeAction{
					Title: fix.Title, Kind: ptr(protocol.CodeActionKindQuickFix), Diagnostics: []protocol.Diagnostic{d}, IsPreferred: ptr(i == 0 && len(fixes) == 1),
					Edit: &protocol.WorkspaceEdit{Changes: map[uri.URI][]protocol.TextEdit{p.TextDocument.URI: {edit}}},
				})
			}
		}
		return actions, nil
	}, nil
}

// wants says whether a kind is one of those that are asked for; none asks for all.
func wants(only []protocol.CodeActionKind, kind protocol.CodeActionKind) bool {
	return len(only) == 0 || slices.ContainsFunc(only, func(k protocol.CodeActionKind) bool {
		return k == "" || k == kind || strings.HasPrefix(string(kind), string(k)+".")
	})
}

func (s *session) inlayHint(p *protocol.InlayHintParams) (run, error) {
	s.asked.hints.Store(true)
	doc, err := s.documents.get(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (any, error) {
		if !s.shows(showHints) {
			return nil, nil
		}
		start, end := doc.offset(p.Range.Start), doc.offset(p.Range.End)
		found, err := s.server.opt.Answers.Hints(ctx, doc.Document, lookup.Span{Start: min(start, end), End: end})
		if err != nil {
			return nil, err
		}
		hints := make([]protocol.InlayHint, 0, len(found))
		for _, h := range found {
			hints = append(hints, protocol.InlayHint{Position: doc.position(h.Offset), Label: protocol.String(h.Label), PaddingLeft: ptr(true)})
		}
		return hints, nil
	}, nil
}
