package server

import (
	"context"

	"go.lsp.dev/protocol"
)

// fileLimit is how many commits' documents one reply writes as files, for
// clients that read files alone: a place whose file is not there would be of no
// use.
const fileLimit = 50

func (s *session) references(p *protocol.ReferenceParams) (run, error) {
	doc, err := s.documents.get(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (any, error) {
		targets, err := s.server.opt.Answers.References(ctx, doc.Document, doc.offset(p.Position), p.Context.IncludeDeclaration)
		if err != nil {
			return nil, err
		}
		if !s.client.contentProvider {
			targets = targets[:min(len(targets), fileLimit)]
		}
		locations := make([]protocol.Location, 0, len(targets))
		for _, t := range targets {
			u, err := s.commitURI(ctx, t.Repository, t.SHA.String())
			if err != nil {
				return nil, err
			}
			locations = append(locations, protocol.Location{URI: u})
		}
		return locations, nil
	}, nil
}
