package server

import (
	"context"
	"encoding/json"
	"slices"

	"go.lsp.dev/uri"

	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

// Commands that a session itself answers: they are about its documents, or its
// client.
const (
	// showCommand is the command behind a lens. It is not cabhfuil.where: a client
	// that has no use for a command's result may show its JSON.
	showCommand = "cabhfuil.show"
	// declareCommand tells where the declarations of an open document are, for
	// clients that know better than the look of the text.
	declareCommand = "cabhfuil.declarations"
	// newestCommand asks for the newest change of lines of an open document.
	newestCommand = "cabhfuil.newest"
)

var ownCommands = []string{showCommand, declareCommand, newestCommand}

// command finds what answers a command's id.
func (s *session) command(id string) (Command, bool) {
	switch id {
	case showCommand:
		return s.show, true
	case declareCommand:
		return s.declare, true
	case newestCommand:
		return s.newest, true
	}
	command, ok := s.server.opt.Commands[id]
	return command, ok
}

// declare takes over where a client knows the declarations of a version of a
// document to be; null takes back what it said. Its result says whether that is the
// version that is open.
func (s *session) declare(_ context.Context, argument json.RawMessage) (any, error) {
	var p struct {
		URI          uri.URI        `json:"uri"`
		Version      int32          `json:"version"`
		Declarations []lookup.Range `json:"declarations"`
	}
	if err := Decode(argument, &p); err != nil {
		return nil, err
	}
	slices.SortStableFunc(p.Declarations, func(a, b lookup.Range) int { return a.First - b.First })
	return s.documents.declare(p.URI, p.Version, p.Declarations), nil
}

// newest answers with the newest change of some lines, or null.
func (s *session) newest(ctx context.Context, argument json.RawMessage) (any, error) {
	var p struct {
		URI uri.URI `json:"uri"`
		lookup.Range
	}
	if err := Decode(argument, &p); err != nil {
		return nil, err
	}
	doc, err := s.documents.get(p.URI)
	if err != nil {
		return nil, err
	}
	change, err := s.server.opt.Answers.Newest(ctx, doc.Document, p.Range)
	if change == nil {
		return nil, err
	}
	return change, err
}
