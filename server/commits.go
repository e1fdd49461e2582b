package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

func (s *session) textDocumentContent(p *protocol.TextDocumentContentParams) (run, error) {
	var read func(context.Context) (string, error)
	if repository, sha, ok := lookup.ParseCommitURI(string(p.URI)); ok {
		read = func(ctx context.Context) (string, error) {
			doc, err := s.server.opt.Answers.CommitDocument(ctx, lookup.Scope{Repository: repository}, sha.String())
			if err != nil {
				return "", err
			}
			return doc.Text, nil
		}
	} else if m, ok := lookup.ParseMissingURI(string(p.URI)); ok {
		read = func(ctx context.Context) (string, error) { return s.server.opt.Answers.MissingDocument(ctx, m) }
	} else {
		return nil, invalidParams(fmt.Sprintf("%.200q is no document of ours", string(p.URI)))
	}
	return func(ctx context.Context) (any, error) {
		text, err := read(ctx)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(map[string]string{"text": text})
		return json.RawMessage(b), err
	}, nil
}

// commitURI is where a client finds a commit's document: under our scheme, or
// for clients that read files alone in a file that is written now.
func (s *session) commitURI(ctx context.Context, repository, sha string) (uri.URI, error) {
	h, err := history.ParseHash(sha)
	if err != nil || s.client.contentProvider {
		return uri.URI(lookup.CommitURI(repository, h)), err
	}
	doc, err := s.server.opt.Answers.CommitDocument(ctx, lookup.Scope{Repository: repository}, sha)
	if err != nil {
		return "", err
	}
	file := lookup.CommitFile(s.server.opt.CacheDir, repository, h)
	if err := writeReadOnly(file, doc.Text); err != nil {
		return "", err
	}
	return uri.File(file), nil
}

// writeReadOnly replaces a file whole. It is read-only, so that nobody edits
// what is made anew each time.
func writeReadOnly(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing a commit's document: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return fmt.Errorf("writing a commit's document: %w", err)
	}
	_, err = tmp.WriteString(text)
	err = errors.Join(err, tmp.Chmod(0o400), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if errors.Is(err, fs.ErrPermission) && os.Chmod(path, 0o600) == nil { // Windows replaces no file that is read-only
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing a commit's document: %w", err), os.Remove(tmp.Name()))
	}
	return nil
}

// show opens the document of a lens's commit in the client; its result is empty.
func (s *session) show(ctx context.Context, argument json.RawMessage) (any, error) {
	var p struct {
		lookup.LensData
		Repository string `json:"repository"`
	}
	if err := Decode(argument, &p); err != nil {
		return nil, err
	}
	if len(p.Keys) == 0 && p.Lines != nil {
		return nil, nil // nothing is committed yet
	}
	if len(p.Keys) == 0 {
		return nil, invalidParams("keys: expected a commit")
	}
	doc, err := s.server.opt.Answers.CommitDocument(ctx, lookup.Scope{Repository: p.Repository, Path: p.Path, URI: p.URI}, p.Keys[0].String())
	if err != nil {
		return nil, err
	}
	u, err := s.commitURI(ctx, doc.Repository, doc.SHA.String())
	if err != nil || !s.client.showDocument {
		return nil, err
	}
	var shown protocol.ShowDocumentResult
	_, err = s.conn.Call(ctx, "window/showDocument", &protocol.ShowDocumentParams{URI: u, TakeFocus: ptr(true)}, &shown)
	return nil, err
}
