package server_test

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// sees is what a window shows of a document that has something of everything.
func (e *editor) sees() map[string]bool {
	e.t.Helper()
	some := func(method string, params any) bool {
		list, ok := e.call(method, params)["result"].([]any)
		return ok && len(list) > 0
	}
	document := map[string]any{"uri": uri}
	return map[string]bool{
		"lenses":      some("textDocument/codeLens", map[string]any{"textDocument": document}),
		"hints":       some("textDocument/inlayHint", map[string]any{"textDocument": document, "range": span(0, 0, 3)}),
		"diagnostics": len(e.call("textDocument/diagnostic", map[string]any{"textDocument": document})["result"].(map[string]any)["items"].([]any)) > 0,
	}
}

const asks = `{"textDocument":{"diagnostic":{},"inlayHint":{}},"workspace":{"codeLens":{"refreshSupport":true},"configuration":true,"didChangeConfiguration":{"dynamicRegistration":true}}}`

// TestSettings: a window's settings count for it from the moment that it tells of
// them, over those that it began with, over the user's configuration.
func TestSettings(t *testing.T) {
	t.Parallel()
	everything := server.Defaults{CodeLens: true, Diagnostics: true}
	for _, c := range []struct {
		name              string
		defaults          server.Defaults
		began, sent       string
		lenses, hints, di bool
		faults            []string
	}{
		{name: "nothing is chosen", defaults: everything, sent: `null`, lenses: true, di: true},
		{name: "the configuration hides", sent: `{}`},
		{name: "a window shows what the configuration hides", sent: `{"codeLens":true,"diagnostics":true,"inlayHints":true}`, lenses: true, hints: true, di: true},
		{name: "a window hides", defaults: everything, sent: `{"codeLens":false,"diagnostics":false}`},
		{name: "what it began with", defaults: everything, began: `{"inlayHints":true,"codeLens":false}`, sent: `{"codeLens":null}`, hints: true, di: true},
		{name: "later ones count", defaults: everything, began: `{"inlayHints":true,"codeLens":false}`, sent: `{"inlayHints":false,"codeLens":true}`, lenses: true, di: true},
		{name: "faults", defaults: everything, sent: `{"codelens":false,"codeLens":"no","diagnostics":false,"server":{"path":"/x"},"trace":{"server":"off"}}`, lenses: true, faults: []string{
			`cabhfuil.codeLens: "no": expected true, false or null`,
			`cabhfuil.codelens: no such setting: expected one of blameHover, codeLens, diagnostics, inlayHints`,
		}},
		{name: "no object", defaults: everything, sent: `[1]`, lenses: true, di: true, faults: []string{`cabhfuil: [1]: expected an object of settings`}},
	} {
		for how, sentWith := range map[string]string{"asked for": "", "sent": `{"cabhfuil":SENT}`, "sent by themselves": `SENT`} {
			t.Run(c.name+", "+how, func(t *testing.T) {
				t.Parallel()
				e, _ := start(t, server.Options{Defaults: func() server.Defaults { return c.defaults }})
				capabilities := asks
				if how != "asked for" {
					capabilities = strings.Replace(asks, `"configuration":true,"didChangeConfiguration":{"dynamicRegistration":true}`, `"configuration":false`, 1)
				}
				e.configure(`[` + c.sent + `]`)
				e.frame(`{"jsonrpc":"2.0","id":"first","method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":` + capabilities + `,"initializationOptions":` + orNull(c.began) + `}}`)
				e.reply(`"first"`)
				e.notify("initialized", map[string]any{})
				if how == "asked for" {
					e.until("a registration", func() bool { return e.has("client/registerCapability", "") })
				} else {
					e.frame(`{"jsonrpc":"2.0","method":"workspace/didChangeConfiguration","params":{"settings":` + strings.Replace(sentWith, "SENT", c.sent, 1) + `}}`)
				}
				e.open("bad")
				want := map[string]bool{"lenses": c.lenses, "hints": c.hints, "diagnostics": c.di}
				var diff string
				e.eventually("the settings count", func() bool {
					diff = cmp.Diff(want, e.sees())
					return diff == ""
				})
				e.until("the faults are told", func() bool { return cmp.Diff(c.faults, e.told()) == "" })
			})
		}
	}
}

// TestSettingsChange: a client that can be asked is asked again when it says that
// something changed, and to ask for its lenses again.
func TestSettingsChange(t *testing.T) {
	t.Parallel()
	e, _ := start(t, server.Options{})
	e.configure(`[{"codeLens":false}]`)
	e.initialize(asks)
	e.open("bad")
	e.eventually("lenses are hidden", func() bool { return !e.sees()["lenses"] })
	e.configure(`[{"codeLens":true}]`)
	e.notify("workspace/didChangeConfiguration", map[string]any{"settings": nil})
	e.eventually("lenses are shown", func() bool { return e.sees()["lenses"] })
	e.until("they are asked for again", func() bool { return e.has("workspace/codeLens/refresh", "") })
	e.configure(`{"no":"list"}`)
	e.notify("workspace/didChangeConfiguration", map[string]any{"settings": nil})
	if !e.sees()["lenses"] {
		t.Error("an answer of another shape counts")
	}
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

// configure is what the editor answers when it is asked for settings.
func (e *editor) configure(answer string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.configuration = json.RawMessage(answer)
}

// eventually waits until ok, which asks the server, says so.
func (e *editor) eventually(what string, ok func() bool) {
	e.t.Helper()
	for range 1000 {
		if ok() {
			return
		}
	}
	e.t.Fatalf("never: %s", what)
}

// told are the warnings that the server sent; the editor's lock is held.
func (e *editor) told() []string {
	var all []string
	for _, m := range e.asked {
		if m["method"] == "window/logMessage" {
			all = append(all, m["params"].(map[string]any)["message"].(string))
		}
	}
	return all
}

// TestTell tells clients what is wrong when they begin, and when it comes up.
func TestTell(t *testing.T) {
	e, s := start(t, server.Options{Complaints: func() []string { return []string{"from the start"} }})
	s.Tell([]string{"too early"}) // nobody is initialized
	e.initialize(`{}`)
	said := func(text string) func() bool {
		return func() bool {
			return slices.ContainsFunc(e.asked, func(m map[string]any) bool {
				return m["method"] == "window/logMessage" && m["params"].(map[string]any)["message"] == text
			})
		}
	}
	e.until("what was wrong before is told", said("from the start"))
	s.Tell([]string{"now"})
	e.until("what comes up is told", said("now"))
	if said("too early")() {
		t.Error("a client was told something before it was initialized")
	}
}

var update = flag.Bool("update", false, "rewrite what is generated for editors")

// TestSettingsSchema holds what the extension for VS Code says of the settings against
// what the server does.
func TestSettingsSchema(t *testing.T) {
	const file = "../editors/vscode/schemas/settings.json"
	want, err := server.SettingsSchema()
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(file, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not the schema; go test ./server -update rewrites it, and node tools/generate.mjs the extension's manifest (-want +got):\n%s", file, diff)
	}
}
