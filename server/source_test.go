package server_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/server"
)

func (e *editor) execute(command string, argument map[string]any) map[string]any {
	return e.call("workspace/executeCommand", map[string]any{"command": command, "arguments": []any{argument}})
}

// declared are the lines of the declarations' lenses.
func (e *editor) declared() []string {
	lines := []string{}
	for _, l := range e.call("textDocument/codeLens", map[string]any{"textDocument": map[string]any{"uri": uri}})["result"].([]any) {
		data := l.(map[string]any)["data"].(map[string]any)
		if of, ok := data["lines"].(map[string]any); ok {
			lines = append(lines, fmt.Sprintf("%v-%v", of["first"], of["last"]))
		}
	}
	return lines
}

// TestDeclarations holds that a client's declarations count for the version of the
// document that it told them of, and for no other.
func TestDeclarations(t *testing.T) {
	e, _ := start(t, server.Options{})
	e.initialize(all)
	e.open("a\nb\nc\n")
	declarations := []map[string]int{{"first": 2, "last": 2}, {"first": 0, "last": 1}}
	declare := func(version int) any {
		return e.execute("cabhfuil.declarations", map[string]any{"uri": uri, "version": version, "declarations": declarations})["result"]
	}
	if got := declare(1); got != true {
		t.Errorf("the open version: %v", got)
	}
	if diff := cmp.Diff([]string{"0-1", "2-2"}, e.declared()); diff != "" {
		t.Error(diff)
	}
	if got := e.execute("cabhfuil.declarations", map[string]any{"uri": uri, "version": 1, "declarations": nil})["result"]; got != true {
		t.Errorf("taking it back: %v", got)
	}
	if got := e.declared(); len(got) > 0 {
		t.Errorf("what was taken back counts: %v", got)
	}
	declare(1)
	e.change(2, "x")
	if got := e.declared(); len(got) > 0 {
		t.Errorf("a new version has the old one's declarations: %v", got)
	}
	if got := declare(1); got != false {
		t.Errorf("an old version: %v", got)
	}
	if got := e.declared(); len(got) > 0 {
		t.Errorf("after an old version's: %v", got)
	}
	if e.execute("cabhfuil.declarations", map[string]any{"uri": uri, "version": 2, "declarations": "all"})["error"] == nil {
		t.Error("what is no list of declarations is no error")
	}
}

func TestNewest(t *testing.T) {
	e, _ := start(t, server.Options{})
	e.initialize(all)
	e.open("a\nb\n")
	want := map[string]any{"repository": "r", "sha": sha.String(), "edited": true}
	if diff := cmp.Diff(want, e.execute("cabhfuil.newest", map[string]any{"uri": uri, "first": 0, "last": 1})["result"]); diff != "" {
		t.Error(diff)
	}
	r := e.execute("cabhfuil.newest", map[string]any{"uri": uri, "first": 0, "last": 2})
	if result, ok := r["result"]; !ok || result != nil {
		t.Errorf("lines without a commit: %v", r)
	}
	if e.execute("cabhfuil.newest", map[string]any{"uri": "file:///closed"})["error"] == nil {
		t.Error("a document that is not open is no error")
	}
}
