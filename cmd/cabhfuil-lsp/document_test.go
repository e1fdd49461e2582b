package main

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

type pipe struct {
	io.Reader
	io.WriteCloser
}

// server starts the program as an editor does, in a folder.
func (p program) server(t *testing.T) *client.Client {
	t.Helper()
	cmd := p.command("--stdio")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(t.Context(), pipe{out, in}, client.Options{Folders: []string{p.dir}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestCommitDocument holds that a commit's document, as an editor gets it, can be
// hovered over in it, and that its lenses open what they are about.
func TestCommitDocument(t *testing.T) {
	r := gittest.New(t, "commit one \"One\"\ncommit two \"Two ${one}\"\n")
	c := program{home: t.TempDir(), dir: r.Dir}.server(t)
	ctx := t.Context()
	var doc lookup.CommitDocument
	if err := c.Execute(ctx, "cabhfuil.where", map[string]any{"keys": []string{"HEAD"}, "uri": r.URL(), "wait": true}, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Execute(ctx, "cabhfuil.commit", map[string]any{"sha": r.Hash("two").String(), "uri": r.URL()}, &doc); err != nil {
		t.Fatal(err)
	}
	var content struct {
		Text string `json:"text"`
	}
	if err := c.Call(ctx, "workspace/textDocumentContent", map[string]string{"uri": doc.URI}, &content); err != nil || content.Text != doc.Text {
		t.Errorf("the content under its address: %v\n%s", err, content.Text)
	}
	if err := c.Notify(ctx, "textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": doc.URI, "languageId": "cabhfuil-commit", "version": 1, "text": doc.Text}}); err != nil {
		t.Fatal(err)
	}
	document := map[string]string{"uri": doc.URI}
	var hover struct {
		Contents struct {
			Value string `json:"value"`
		} `json:"contents"`
	}
	if err := c.Call(ctx, "textDocument/hover", map[string]any{"textDocument": document, "position": map[string]int{"line": 1, "character": 14}}, &hover); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hover.Contents.Value, "One") {
		t.Errorf("the hover on the parent: %q", hover.Contents.Value)
	}
	var lenses []map[string]any
	if err := c.Call(ctx, "textDocument/codeLens", map[string]any{"textDocument": document}, &lenses); err != nil || len(lenses) != 1 { // above the message: the head tells its own and the parent's
		t.Fatalf("lenses %v, %v", lenses, err)
	}
	var lens struct {
		Command struct {
			Title string `json:"title"`
		} `json:"command"`
	}
	if err := c.Call(ctx, "codeLens/resolve", lenses[0], &lens); err != nil || lens.Command.Title != "✓ main" {
		t.Errorf("the lens of the parent: %+v, %v", lens, err)
	}
}
