package server

import (
	"context"
	"encoding/json"
	"fmt"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

func (s *session) hover(p *protocol.HoverParams) (run, error) {
	doc, err := s.documents.get(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (any, error) {
		h, err := s.server.opt.Answers.Hover(ctx, doc.Document, doc.offset(p.Position))
		if err == nil && h == nil && s.shows(showBlame) {
			h, err = s.server.opt.Answers.BlameHover(ctx, doc.Document, doc.offset(p.Position))
		}
		if err != nil || h == nil {
			return nil, err
		}
		content := &protocol.MarkupContent{Kind: "plaintext", Value: h.Plain}
		if s.client.markdown {
			content = &protocol.MarkupContent{Kind: "markdown", Value: h.Markdown}
		}
		return &protocol.Hover{Contents: content, Range: ptr(doc.span(h.Span))}, nil
	}, nil
}

func (s *session) codeLens(p *protocol.CodeLensParams) (run, error) {
	s.asked.lenses.Store(true)
	doc, err := s.documents.get(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (any, error) {
		if !s.shows(showLenses) {
			return nil, nil
		}
		lenses, err := s.server.opt.Answers.Lenses(ctx, doc.Document)
		if err != nil {
			return nil, err
		}
		all := make([]protocol.CodeLens, 0, len(lenses))
		for _, l := range lenses {
			lens, err := titled(protocol.CodeLens{Range: doc.span(l.Span)}, l.Title, l.Data)
			if err != nil {
				return nil, err
			}
			all = append(all, lens)
		}
		return all, nil
	}, nil
}

func (s *session) resolveLens(p *protocol.CodeLens) (run, error) {
	s.asked.lenses.Store(true)
	var data lookup.LensData
	if err := json.Unmarshal(p.Data, &data); err != nil || len(data.Keys) == 0 && data.Lines == nil {
		return nil, invalidParams("the lens has no data of ours")
	}
	doc := lookup.Document{URI: data.URI, Path: data.Path}
	if open, err := s.documents.get(uri.URI(data.URI)); err == nil { // it may be closed by now
		doc = open.Document
	}
	return func(ctx context.Context) (any, error) {
		title, data, err := s.server.opt.Answers.ResolveLens(ctx, doc, data)
		if err != nil {
			return nil, err
		}
		return titled(*p, title, data)
	}, nil
}

// titled gives a lens its data, and the command that a click runs where it has a
// title already.
func titled(lens protocol.CodeLens, title string, data lookup.LensData) (protocol.CodeLens, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return lens, err
	}
	if lens.Data == nil {
		lens.Data = raw
	}
	if title != "" {
		lens.Command = protocol.Command{Title: title, Command: showCommand, Arguments: []protocol.LSPAny{protocol.LSPAny(raw)}}
	}
	return lens, nil
}

func (s *session) documentLink(p *protocol.DocumentLinkParams) (run, error) {
	doc, err := s.documents.get(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (any, error) {
		links, err := s.server.opt.Answers.Links(ctx, doc.Document)
		if err != nil {
			return nil, err
		}
		all := make([]protocol.DocumentLink, 0, len(links))
		for _, l := range links {
			all = append(all, protocol.DocumentLink{Range: doc.span(l.Span), Target: ptr(uri.URI(l.URL)), Tooltip: ptr(l.Tooltip)})
		}
		return all, nil
	}, nil
}

func (s *session) definition(p *protocol.DefinitionParams) (run, error) {
	doc, err := s.documents.get(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (any, error) {
		targets, err := s.server.opt.Answers.Definition(ctx, doc.Document, doc.offset(p.Position))
		if err != nil || len(targets) == 0 {
			return nil, err
		}
		var links protocol.DefinitionLinkSlice
		var locations protocol.LocationSlice
		for _, t := range targets {
			u, err := s.commitURI(ctx, t.Repository, t.SHA.String())
			if err != nil {
				return nil, err
			}
			links = append(links, protocol.DefinitionLink{OriginSelectionRange: ptr(doc.span(t.Origin)), TargetURI: u})
			locations = append(locations, protocol.Location{URI: u})
		}
		if s.client.linkSupport {
			return links, nil
		}
		return locations, nil
	}, nil
}

// symbolLimit is how many commits a symbol search returns.
const symbolLimit = 100

type symbolData struct {
	Repository string `json:"repository"`
	SHA        string `json:"sha"`
}

func (s *session) symbols(p *protocol.WorkspaceSymbolParams) (run, error) {
	return func(ctx context.Context) (any, error) {
		found, err := s.server.opt.Answers.Symbols(ctx, p.Query, symbolLimit)
		if err != nil {
			return nil, err
		}
		all := make(protocol.WorkspaceSymbolSlice, 0, len(found))
		for _, f := range found {
			data, err := json.Marshal(symbolData{f.Repository, f.SHA.String()})
			if err != nil {
				return nil, err
			}
			u, err := s.symbolURI(ctx, f)
			if err != nil {
				return nil, err
			}
			y := protocol.WorkspaceSymbol{Data: data, Location: &protocol.Location{URI: u}}
			if s.client.resolveSymbols {
				y.Location = &protocol.LocationUriOnly{URI: u}
			}
			y.Name, y.Kind, y.ContainerName = f.Name, protocol.SymbolKind(24), ptr(f.Container) // an event
			all = append(all, y)
		}
		return all, nil
	}, nil
}

// symbolURI is where a symbol leads. Clients that read files alone get the
// file's name now and its content when the symbol is resolved, or at once where
// they cannot resolve.
func (s *session) symbolURI(ctx context.Context, f lookup.Symbol) (uri.URI, error) {
	if s.client.contentProvider {
		return uri.URI(lookup.CommitURI(f.Repository, f.SHA)), nil
	}
	if s.client.resolveSymbols {
		return uri.File(lookup.CommitFile(s.server.opt.CacheDir, f.Repository, f.SHA)), nil
	}
	return s.commitURI(ctx, f.Repository, f.SHA.String())
}

func (s *session) resolveSymbol(p *protocol.WorkspaceSymbol) (run, error) {
	var data symbolData
	if err := json.Unmarshal(p.Data, &data); err != nil {
		return nil, invalidParams("the symbol has no data of ours")
	}
	return func(ctx context.Context) (any, error) {
		u, err := s.commitURI(ctx, data.Repository, data.SHA)
		if err != nil {
			return nil, err
		}
		p.Location = &protocol.Location{URI: u}
		return p, nil
	}, nil
}

func (s *session) executeCommand(p *protocol.ExecuteCommandParams) (run, error) {
	command, ok := s.command(p.Command)
	if !ok {
		return nil, invalidParams(fmt.Sprintf("unknown command %.100q", p.Command))
	}
	var argument json.RawMessage
	switch len(p.Arguments) {
	case 0:
	case 1:
		argument = json.RawMessage(p.Arguments[0])
	default:
		return nil, invalidParams("a command takes one object")
	}
	return func(ctx context.Context) (any, error) {
		result, err := command(ctx, argument)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(result)
		return json.RawMessage(b), err
	}, nil
}

// Decode reads a command's argument. Fields that are unknown are ignored: a client
// may be newer.
func Decode(argument json.RawMessage, into any) error {
	if len(argument) == 0 || string(argument) == "null" {
		return nil
	}
	if err := json.Unmarshal(argument, into); err != nil {
		return invalidParams(err.Error())
	}
	return nil
}
