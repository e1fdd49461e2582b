package server_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

const writes = `{"general":{"positionEncodings":["ENCODING"]},
 "textDocument":{"completion":{"completionItem":{"documentationFormat":["markdown"]}},"codeAction":{"codeActionLiteralSupport":{"codeActionKind":{"valueSet":["quickfix"]}}},
  "publishDiagnostics":{"versionSupport":true,"dataSupport":true},"inlayHint":{}},
 "workspace":{"inlayHint":{"refreshSupport":true},"diagnostics":{"refreshSupport":true},"textDocumentContent":{}}}`

const pulls = `{"textDocument":{"diagnostic":{}},"workspace":{"diagnostics":{"refreshSupport":true}}}`

func at(line, character int) map[string]any {
	return map[string]any{"line": float64(line), "character": float64(character)}
}

func span(line, from, to int) map[string]any {
	return map[string]any{"start": at(line, from), "end": at(line, to)}
}

func (e *editor) change(version int, text string) {
	e.notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": uri, "version": version}, "contentChanges": []any{map[string]any{"text": text}}})
}

// published are the diagnostics that were pushed, oldest first. e.mu is held.
func (e *editor) published() []map[string]any {
	var all []map[string]any
	for _, m := range e.asked {
		if m["method"] == "textDocument/publishDiagnostics" {
			all = append(all, m["params"].(map[string]any))
		}
	}
	return all
}

// shown waits until the client shows n diagnostics, and returns the last params.
func (e *editor) shown(n int) map[string]any {
	e.t.Helper()
	var last map[string]any
	e.until(fmt.Sprintf("%d diagnostics", n), func() bool {
		all := e.published()
		if len(all) == 0 {
			return false
		}
		last = all[len(all)-1]
		return len(last["diagnostics"].([]any)) == n
	})
	return last
}

// TestWritingCapabilities: what a client cannot use is not offered to it.
func TestWritingCapabilities(t *testing.T) {
	for _, c := range []struct {
		capabilities, options string
		want                  map[string]bool
	}{
		{`{}`, `null`, map[string]bool{"referencesProvider": true, "completionProvider": true}},
		{writes, `null`, map[string]bool{"referencesProvider": true, "completionProvider": true, "codeActionProvider": true, "inlayHintProvider": true}},
		{`{}`, `{"inlayHints":true}`, map[string]bool{"referencesProvider": true, "completionProvider": true}},
		{pulls, `null`, map[string]bool{"referencesProvider": true, "completionProvider": true, "diagnosticProvider": true}},
	} {
		e, _ := start(t, server.Options{})
		e.frame(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":` + c.capabilities + `,"initializationOptions":` + c.options + `}}`)
		has := e.reply("1")["result"].(map[string]any)["capabilities"].(map[string]any)
		for _, name := range []string{"referencesProvider", "completionProvider", "codeActionProvider", "inlayHintProvider", "diagnosticProvider"} {
			if _, ok := has[name]; ok != c.want[name] {
				t.Errorf("%s with %s has %s: %v", c.capabilities, c.options, name, ok)
			}
		}
	}
}

func TestCompletion(t *testing.T) {
	for encoding, units := range map[string]int{"utf-16": 2, "utf-8": 4} {
		e, _ := start(t, server.Options{})
		e.initialize(strings.Replace(writes, "ENCODING", encoding, 1))
		e.open("\n𝄞: de")
		r := e.call("textDocument/completion", position(1, units+4))["result"].(map[string]any)
		item := r["items"].([]any)[0].(map[string]any)
		want := map[string]any{
			"label": sha.Short() + " Fix", "kind": 18.0, "detail": "✓ main", "sortText": "000", "filterText": "typed Fix",
			"textEdit": map[string]any{"range": span(1, units+2, units+4), "newText": sha.String()},
			"data":     map[string]any{"repository": "r", "sha": sha.String()},
		}
		if diff := cmp.Diff(want, item); diff != "" || r["isIncomplete"] != true {
			t.Errorf("%s: isIncomplete %v, item (-want +got):\n%s", encoding, r["isIncomplete"], diff)
		}
		r = e.call("completionItem/resolve", item)["result"].(map[string]any)
		if diff := cmp.Diff(map[string]any{"kind": "markdown", "value": "**card**"}, r["documentation"]); diff != "" {
			t.Errorf("resolved (-want +got):\n%s", diff)
		}
		if r := e.call("completionItem/resolve", map[string]any{"label": "of somebody else"}); code(r) != -32602 {
			t.Errorf("without data: %v", r)
		}
		e.open("")
		if r, ok := e.call("textDocument/completion", position(0, 0))["result"]; !ok || r != nil {
			t.Errorf("nothing to offer: %v", r)
		}
		e.open("wait")
		id := e.send("textDocument/completion", position(0, 0))
		e.frame(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":` + id + `}}`)
		if r := e.reply(id); code(r) != -32800 {
			t.Errorf("cancelled: %v", r)
		}
	}
}

func TestPushedDiagnostics(t *testing.T) {
	for encoding, units := range map[string]int{"utf-16": 2, "utf-8": 4} {
		e, s := start(t, server.Options{})
		e.initialize(strings.Replace(writes, "ENCODING", encoding, 1))
		e.open("𝄞 bad")
		p := e.shown(1)
		d := p["diagnostics"].([]any)[0].(map[string]any)
		want := map[string]any{
			"range": span(0, units+1, units+4), "severity": 2.0, "code": "fixes-subject", "source": "cabhfuil", "message": "version 1",
			"data": []any{map[string]any{"title": "Make it good", "text": "good"}},
		}
		if diff := cmp.Diff(want, d); diff != "" || p["version"] != 1.0 {
			t.Errorf("%s: version %v, diagnostic (-want +got):\n%s", encoding, p["version"], diff)
		}
		e.change(2, "panic")
		for i := range 50 {
			e.change(3+i, strings.Repeat("bad ", 1+i))
		}
		if p := e.shown(50); p["version"] != 52.0 {
			t.Errorf("the last version: %v", p["version"])
		}
		e.mu.Lock()
		if n := len(e.published()); n > 10 {
			t.Errorf("%d times for 51 changes", n)
		}
		before := len(e.published())
		e.mu.Unlock()
		s.Refresh()
		e.until("the same anew", func() bool { return len(e.published()) > before })
		e.change(60, "fine")
		e.shown(0)
		e.change(61, "bad")
		e.shown(1)
		e.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": uri}})
		if p := e.shown(0); p["version"] != nil {
			t.Errorf("a closed document has a version: %v", p)
		}
	}
}

// TestNoPushAfterClose closes documents whose diagnostics are being found.
func TestNoPushAfterClose(t *testing.T) {
	e, s := start(t, server.Options{})
	e.initialize(`{}`)
	for _, text := range []string{"wait", "bad"} {
		e.open(text)
		e.change(2, text+" bad")
		e.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": uri}})
		s.Refresh()
	}
	const other = "file:///tmp/other"
	e.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": other, "languageId": "markdown", "version": 1, "text": "bad"}})
	e.until("the next one's", func() bool {
		return slices.ContainsFunc(e.published(), func(p map[string]any) bool { return p["uri"] == other })
	})
	// What was shown before the close is taken back, before the next one's or after.
	e.until("a closed document shows nothing", func() bool {
		shown := map[any]int{}
		for _, p := range e.published() {
			shown[p["uri"]] = len(p["diagnostics"].([]any))
		}
		return shown[uri] == 0
	})
}

// TestPulledDiagnostics: who asks is not told, but asked to ask again.
func TestPulledDiagnostics(t *testing.T) {
	e, s := start(t, server.Options{})
	e.initialize(pulls)
	e.open("bad bad")
	r := e.call("textDocument/diagnostic", map[string]any{"textDocument": map[string]any{"uri": uri}})["result"].(map[string]any)
	if items := r["items"].([]any); r["kind"] != "full" || len(items) != 2 {
		t.Errorf("the report: %v", r)
	}
	e.open("fine")
	r = e.call("textDocument/diagnostic", map[string]any{"textDocument": map[string]any{"uri": uri}})["result"].(map[string]any)
	if items, ok := r["items"].([]any); !ok || len(items) != 0 {
		t.Errorf("a report of nothing: %v", r)
	}
	s.Refresh()
	e.until("a refresh", func() bool { return e.has("workspace/diagnostic/refresh", "") })
	e.open("wait")
	id := e.send("textDocument/diagnostic", map[string]any{"textDocument": map[string]any{"uri": uri}})
	e.frame(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":` + id + `}}`)
	if r := e.reply(id); code(r) != -32800 {
		t.Errorf("cancelled: %v", r)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if all := e.published(); len(all) > 0 {
		t.Errorf("pushed all the same: %v", all)
	}
}

// TestRefreshOfAsked: an editor is asked at once to ask again for what it asked for.
// What it did not ask for waits: to be asked for lenses while it opens a document would
// make its first ones late. But it may have given up, so it is asked in the end.
func TestRefreshOfAsked(t *testing.T) {
	t.Parallel()
	e, s := start(t, server.Options{})
	e.frame(`{"jsonrpc":"2.0","id":90,"method":"initialize","params":{"initializationOptions":{"inlayHints":true},"capabilities":{"textDocument":{"diagnostic":{},"inlayHint":{}},
	 "workspace":{"codeLens":{"refreshSupport":true},"diagnostics":{"refreshSupport":true},"inlayHint":{"refreshSupport":true}}}}}`)
	e.reply("90")
	e.notify("initialized", map[string]any{})
	e.open("bad")
	asked := map[string]any{"textDocument": map[string]any{"uri": uri}}
	refreshes := func() string {
		var all []string
		for _, m := range e.asked {
			if of, ok := strings.CutSuffix(m["method"].(string), "/refresh"); ok {
				all = append(all, strings.TrimPrefix(of, "workspace/"))
			}
		}
		return strings.Join(all, " ")
	}
	step := func(what, want string) {
		t.Helper()
		e.until(what+": "+want, func() bool { return refreshes() == want })
	}
	began := time.Now()
	e.call("textDocument/diagnostic", asked)
	s.Refresh()
	step("what was asked for is first", "diagnostic")
	step("the rest comes after a while", "diagnostic codeLens inlayHint")
	if waited := time.Since(began); waited < server.RefreshPatience {
		t.Errorf("lenses that nobody asked for are refreshed after %v", waited)
	}
	e.call("textDocument/diagnostic", asked)
	s.Refresh()
	step("as before", "diagnostic codeLens inlayHint diagnostic")
	e.call("textDocument/codeLens", asked)
	step("lenses were asked for meanwhile", "diagnostic codeLens inlayHint diagnostic inlayHint")
	s.Refresh()
	step("and are again", "diagnostic codeLens inlayHint diagnostic inlayHint codeLens")
}

func TestCodeAction(t *testing.T) {
	e, _ := start(t, server.Options{})
	e.initialize(writes)
	e.open("a bad one")
	ours := e.shown(1)["diagnostics"].([]any)[0]
	theirs := map[string]any{"range": span(0, 0, 1), "source": "other", "message": "x", "data": []any{map[string]any{"title": "x", "text": "y"}}}
	ask := func(only ...string) []any {
		context := map[string]any{"diagnostics": []any{ours, theirs, map[string]any{"range": span(0, 0, 1), "source": "cabhfuil", "message": "no data"}}}
		if only != nil {
			context["only"] = only
		}
		return e.call("textDocument/codeAction", map[string]any{"textDocument": map[string]any{"uri": uri}, "range": span(0, 3, 3), "context": context})["result"].([]any)
	}
	want := []any{map[string]any{
		"title": "Make it good", "kind": "quickfix", "isPreferred": true, "diagnostics": []any{ours},
		"edit": map[string]any{"changes": map[string]any{uri: []any{map[string]any{"range": span(0, 2, 5), "newText": "good"}}}},
	}}
	for _, only := range [][]string{nil, {"quickfix"}, {""}} {
		if diff := cmp.Diff(want, ask(only...)); diff != "" {
			t.Errorf("only %q (-want +got):\n%s", only, diff)
		}
	}
	if got := ask("refactor"); len(got) > 0 {
		t.Errorf("refactorings: %v", got)
	}
}

func TestInlayHint(t *testing.T) {
	e, s := start(t, server.Options{})
	e.frame(`{"jsonrpc":"2.0","id":90,"method":"initialize","params":{"capabilities":` + strings.Replace(writes, "ENCODING", "utf-16", 1) + `,"initializationOptions":{"inlayHints":true}}}`)
	e.reply("90")
	e.notify("initialized", map[string]any{})
	e.open("one\n𝄞 two")
	hint := func() any {
		return e.call("textDocument/inlayHint", map[string]any{"textDocument": map[string]any{"uri": uri}, "range": map[string]any{"start": at(0, 0), "end": at(1, 3)}})["result"]
	}
	if diff := cmp.Diff([]any{map[string]any{"position": at(1, 3), "label": "Fix", "paddingLeft": true}}, hint()); diff != "" {
		t.Errorf("hints (-want +got):\n%s", diff)
	}
	s.Refresh()
	e.until("a refresh", func() bool { return e.has("workspace/inlayHint/refresh", "") })
	e, _ = start(t, server.Options{})
	e.initialize(writes)
	e.open("one")
	if got := e.call("textDocument/inlayHint", map[string]any{"textDocument": map[string]any{"uri": uri}, "range": span(0, 0, 1)})["result"]; got != nil {
		t.Errorf("hints that nobody asked for: %v", got)
	}
}

func TestReferences(t *testing.T) {
	e, _ := start(t, server.Options{})
	e.initialize(writes)
	e.open(strings.Repeat("x", 120))
	ask := func(declaration bool) []any {
		p := position(0, 0)
		p["context"] = map[string]any{"includeDeclaration": declaration}
		return e.call("textDocument/references", p)["result"].([]any)
	}
	if got := ask(false); len(got) != 120 {
		t.Errorf("%d references, want 120", len(got))
	}
	got := ask(true)
	if last := got[len(got)-1].(map[string]any)["uri"]; len(got) != 121 || last != lookup.CommitURI("r", sha) {
		t.Errorf("with the declaration: %d, the last one %v", len(got), last)
	}
	e.open("")
	if got := ask(false); len(got) != 0 {
		t.Errorf("references of nothing: %v", got)
	}

	cache := t.TempDir()
	e, _ = start(t, server.Options{CacheDir: cache})
	e.initialize(`{}`)
	e.open(strings.Repeat("x", 120))
	if got = ask(false); len(got) != 50 {
		t.Errorf("%d files, want 50", len(got))
	}
	for _, l := range got {
		if _, err := os.Stat(fileOf(l.(map[string]any)["uri"])); err != nil {
			t.Error(err)
		}
	}
}
