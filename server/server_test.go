package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	uris "go.lsp.dev/uri"
	"go.uber.org/goleak"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
	"github.com/cabhfuil/cabhfuil-lsp/server"
	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

var sha = history.MustHash("1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d")

// answers is an Answers whose hovers say what the document holds.
type answers struct{}

func (answers) Hover(ctx context.Context, doc lookup.Document, offset int) (*lookup.Hover, error) {
	switch {
	case strings.HasPrefix(doc.Text, "panic"):
		panic("as asked")
	case strings.HasPrefix(doc.Text, "wait"):
		<-ctx.Done()
		return nil, ctx.Err()
	case strings.HasPrefix(doc.Text, "fail"):
		return nil, errors.New("as asked")
	}
	return &lookup.Hover{Span: lookup.Span{Start: offset, End: offset}, Markdown: "**" + doc.Text + "**", Plain: doc.Text}, nil
}

func (answers) Lenses(_ context.Context, doc lookup.Document) ([]lookup.Lens, error) {
	lenses := []lookup.Lens{{Data: lookup.LensData{URI: doc.URI, Path: doc.Path, Keys: []history.Hash{sha}}}}
	if doc.Text == "known" {
		lenses[0].Title = "✓ main"
	}
	for _, d := range doc.Declared {
		lenses = append(lenses, lookup.Lens{Data: lookup.LensData{URI: doc.URI, Lines: &lookup.Lines{First: d.First, Last: d.Last}}})
	}
	return lenses, nil
}
func (answers) Newest(_ context.Context, doc lookup.Document, lines lookup.Range) (*lookup.Change, error) {
	if lines.Last >= strings.Count(doc.Text, "\n") {
		return nil, nil
	}
	return &lookup.Change{Repository: "r", SHA: sha, Edited: true}, nil
}
func (answers) BlameHover(_ context.Context, doc lookup.Document, _ int) (*lookup.Hover, error) {
	return &lookup.Hover{Markdown: "blame"}, nil
}
func (answers) ResolveLens(_ context.Context, _ lookup.Document, data lookup.LensData) (string, lookup.LensData, error) {
	return "✓ main", data, nil
}
func (answers) Symbols(context.Context, string, int) ([]lookup.Symbol, error) {
	return []lookup.Symbol{{Name: sha.Short() + " Fix", Container: "r", Repository: "r", SHA: sha}}, nil
}
func (answers) Definition(context.Context, lookup.Document, int) ([]lookup.Target, error) {
	return []lookup.Target{{Repository: "r", SHA: sha}}, nil
}
func (answers) Links(context.Context, lookup.Document) ([]lookup.Link, error) {
	return []lookup.Link{{URL: "https://example.com/"}}, nil
}
func (answers) CommitDocument(_ context.Context, s lookup.Scope, key string) (*lookup.CommitDocument, error) {
	return &lookup.CommitDocument{Repository: "r", SHA: sha, URI: lookup.CommitURI("r", sha), Text: "commit " + key}, nil
}

func (answers) References(_ context.Context, doc lookup.Document, _ int, declaration bool) ([]lookup.Target, error) {
	var targets []lookup.Target
	for i := range len(doc.Text) {
		targets = append(targets, lookup.Target{Repository: "r", SHA: history.MustHash(fmt.Sprintf("%040x", i))})
	}
	if declaration {
		targets = append(targets, lookup.Target{Repository: "r", SHA: sha})
	}
	return targets, nil
}
func (answers) Completions(ctx context.Context, doc lookup.Document, offset int) ([]lookup.Completion, error) {
	switch doc.Text {
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case "":
		return nil, nil
	}
	return []lookup.Completion{{
		Span: lookup.Span{Start: strings.LastIndexByte(doc.Text, ' ') + 1, End: offset}, Label: sha.Short() + " Fix", Detail: "✓ main", Text: sha.String(), Filter: "typed Fix",
		Data: lookup.CompletionData{Repository: "r", SHA: sha.String()},
	}}, nil
}
func (answers) Card(_ context.Context, data lookup.CompletionData) (*lookup.Hover, error) {
	return &lookup.Hover{Markdown: "**card**", Plain: "card of " + data.SHA}, nil
}

// Diagnostics finds each "bad" in a document.
func (answers) Diagnostics(ctx context.Context, doc lookup.Document) ([]lookup.Diagnostic, error) {
	switch {
	case strings.HasPrefix(doc.Text, "panic"):
		panic("as asked")
	case strings.HasPrefix(doc.Text, "wait"):
		<-ctx.Done()
		return nil, ctx.Err()
	}
	var all []lookup.Diagnostic
	for at := 0; ; at += len("bad") {
		i := strings.Index(doc.Text[at:], "bad")
		if i < 0 {
			return all, nil
		}
		at += i
		all = append(all, lookup.Diagnostic{
			Span: lookup.Span{Start: at, End: at + len("bad")}, Severity: lookup.Warning, Code: lookup.CodeFixesSubject, Message: fmt.Sprintf("version %d", doc.Version),
			Fixes: []lookup.Fix{{Title: "Make it good", Text: "good"}},
		})
	}
}
func (answers) Prefetch(context.Context, lookup.Document) error { return nil }

func (answers) Hints(_ context.Context, _ lookup.Document, within lookup.Span) ([]lookup.InlayHint, error) {
	return []lookup.InlayHint{{Offset: within.End, Label: "Fix"}}, nil
}

func (answers) MissingDocument(_ context.Context, m lookup.Missing) (string, error) {
	return "lacked by " + m.From, nil
}

// editor is a client that can send any bytes and waits for states.
type editor struct {
	t     *testing.T
	conn  net.Conn
	ended chan error // what Serve returned

	mu      sync.Mutex
	changed chan struct{}
	replies map[string]map[string]any // by id as JSON
	asked   []map[string]any          // requests and notifications of the server
	next    int

	configuration json.RawMessage // what workspace/configuration is answered with; nil for an object that says nothing
}

func start(t *testing.T, opt server.Options) (*editor, *server.Server) {
	t.Helper()
	opt.Answers = answers{}
	if opt.CacheDir == "" {
		opt.CacheDir = t.TempDir()
	}
	s := server.New(opt)
	if os.Getenv("SERVER_TEST_RELAY") != "" { // what a relay changes is to be found out
		l := &lost{t: t, server: s}
		return connect(t, l.relay), s
	}
	return connect(t, s.Serve), s
}

// connect makes an editor that is served in some way.
func connect(t *testing.T, serve func(context.Context, io.ReadWriteCloser) error) *editor {
	t.Helper()
	near, far := net.Pipe()
	e := &editor{t: t, conn: near, ended: make(chan error, 1), changed: make(chan struct{}), replies: map[string]map[string]any{}}
	go func() { e.ended <- serve(context.Background(), far) }()
	var read sync.WaitGroup
	read.Go(e.read)
	t.Cleanup(func() {
		_ = near.Close() //nolint:errcheck // it may be closed
		select {
		case <-e.ended:
		case <-time.After(10 * time.Second):
			t.Error("Serve does not end")
		}
		read.Wait()
	})
	return e
}

func (e *editor) read() {
	in := bufio.NewReader(e.conn)
	for {
		length := 0
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
			if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				length, _ = strconv.Atoi(strings.TrimSpace(v)) //nolint:errcheck // a bad one fails below
			}
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		var m map[string]any
		if err := json.Unmarshal(body, &m); err != nil {
			e.t.Errorf("the server sent %q", body)
			return
		}
		e.mu.Lock()
		if _, isRequest := m["method"]; isRequest {
			e.asked = append(e.asked, m)
		} else {
			id, _ := json.Marshal(m["id"]) //nolint:errcheck // it was JSON
			e.replies[string(id)] = m
		}
		close(e.changed)
		e.changed = make(chan struct{})
		e.mu.Unlock()
		if id, ok := m["id"]; ok && m["method"] != nil {
			var result any = map[string]any{"success": true}
			e.mu.Lock()
			if m["method"] == "workspace/configuration" && e.configuration != nil {
				result = e.configuration
			}
			e.mu.Unlock()
			go e.message(map[string]any{"jsonrpc": "2.0", "id": id, "result": result})
		}
	}
}

func (e *editor) raw(s string) {
	if _, err := io.WriteString(e.conn, s); err != nil {
		e.t.Logf("sending: %v", err)
	}
}

func (e *editor) frame(body string) {
	e.raw(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
}

func (e *editor) message(m any) {
	b, err := json.Marshal(m)
	if err != nil {
		e.t.Error(err)
	}
	e.frame(string(b))
}

// until waits until ok says so.
func (e *editor) until(what string, ok func() bool) {
	e.t.Helper()
	limit := time.After(10 * time.Second)
	for {
		e.mu.Lock()
		done, changed := ok(), e.changed
		e.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-limit:
			e.t.Fatalf("never: %s", what)
		}
	}
}

func (e *editor) reply(id string) map[string]any {
	e.t.Helper()
	var r map[string]any
	e.until("a reply to "+id, func() bool {
		r = e.replies[id]
		delete(e.replies, id)
		return r != nil
	})
	return r
}

func (e *editor) send(method string, params any) string {
	e.next++
	e.message(map[string]any{"jsonrpc": "2.0", "id": e.next, "method": method, "params": params})
	return strconv.Itoa(e.next)
}

func (e *editor) call(method string, params any) map[string]any {
	e.t.Helper()
	return e.reply(e.send(method, params))
}

func (e *editor) notify(method string, params any) {
	e.message(map[string]any{"jsonrpc": "2.0", "method": method, "params": params})
}

func code(r map[string]any) int {
	if err, ok := r["error"].(map[string]any); ok {
		return int(err["code"].(float64))
	}
	return 0
}

func (e *editor) initialize(capabilities string) map[string]any {
	e.t.Helper()
	r := e.call("initialize", map[string]any{"processId": os.Getpid(), "rootUri": nil, "capabilities": json.RawMessage(capabilities)})
	e.notify("initialized", map[string]any{})
	return r["result"].(map[string]any)
}

const all = `{"textDocument":{"hover":{"contentFormat":["markdown"]},"definition":{"linkSupport":true}},
 "workspace":{"codeLens":{"refreshSupport":true},"symbol":{"resolveSupport":{"properties":["location.range"]}},"textDocumentContent":{}},
 "window":{"workDoneProgress":true,"showDocument":{"support":true}}}`

const uri = "file:///tmp/notes.md"

func (e *editor) open(text string) {
	e.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "markdown", "version": 1, "text": text}})
}

func position(line, character int) map[string]any {
	return map[string]any{"textDocument": map[string]any{"uri": uri}, "position": map[string]any{"line": line, "character": character}}
}

func (e *editor) hover(line, character int) string {
	e.t.Helper()
	r := e.call("textDocument/hover", position(line, character))
	h, ok := r["result"].(map[string]any)
	if !ok {
		e.t.Fatalf("hover: %v", r)
	}
	return h["contents"].(map[string]any)["value"].(string)
}

func TestOrder(t *testing.T) {
	for name, capabilities := range map[string]string{"utf-16": `{}`, "utf-8": `{"general":{"positionEncodings":["utf-16","utf-8"]}}`} {
		t.Run(name, func(t *testing.T) {
			e, _ := start(t, server.Options{})
			r := e.initialize(capabilities)
			if got := r["capabilities"].(map[string]any)["positionEncoding"]; got != name {
				t.Errorf("the encoding is %v", got)
			}
			units := map[string]int{"utf-16": 2, "utf-8": 4}[name]
			e.open("")
			for i := range 10_000 { // each puts 𝄞 before, and every hundredth is looked at
				e.notify("textDocument/didChange", map[string]any{
					"textDocument": map[string]any{"uri": uri, "version": i + 2},
					"contentChanges": []any{map[string]any{
						"range": map[string]any{"start": map[string]any{"line": 0, "character": 0}, "end": map[string]any{"line": 0, "character": min(i%7, 1) * units}}, "text": "𝄞" + strconv.Itoa(i % 10)[:min(i%7, 1)],
					}},
				})
				if i%1000 == 999 {
					id := e.send("textDocument/hover", position(0, 0))
					defer func(want int) {
						got := e.reply(id)["result"].(map[string]any)["contents"].(map[string]any)["value"].(string)
						if n := strings.Count(got, "𝄞"); n != want {
							t.Errorf("after %d changes there are %d", i+1, n)
						}
					}(1 + (i)/7)
				}
			}
		})
	}
}

func TestCancel(t *testing.T) {
	e, _ := start(t, server.Options{})
	e.initialize(all)
	e.open("wait")
	for _, id := range []string{`7`, `"seven"`, `9007199254740993`} {
		e.frame(`{"jsonrpc":"2.0","id":` + id + `,"method":"textDocument/hover","params":{"textDocument":{"uri":"` + uri + `"},"position":{"line":0,"character":0}}}`)
		e.frame(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":` + id + `}}`)
		want := id
		if id == `9007199254740993` {
			want = "9007199254740992" // as a double reads it
		}
		if r := e.reply(want); code(r) != -32800 {
			t.Errorf("%s: %v", id, r)
		}
	}
	e.frame(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":{}}}`)
	e.open("fine")
	if got := e.hover(0, 0); got != "**fine**" {
		t.Errorf("afterwards: %s", got)
	}
}

func TestWrongMessages(t *testing.T) {
	e, _ := start(t, server.Options{Commands: map[string]server.Command{"cabhfuil.where": func(context.Context, json.RawMessage) (any, error) { return nil, errors.New("as asked") }}})
	if r := e.call("textDocument/hover", position(0, 0)); code(r) != -32002 {
		t.Errorf("before initialize: %v", r)
	}
	e.initialize(all)
	e.open("text")
	for body, want := range map[string]int{
		`{"jsonrpc":"2.0","id":"a","method":"no/such"}`:                                                                                                 -32601,
		`{"jsonrpc":"2.0","id":"b","method":"textDocument/hover","params":{"position":"x"}}`:                                                            -32602,
		`{"jsonrpc":"2.0","id":"c","method":"textDocument/hover","params":7}`:                                                                           -32602,
		`{"jsonrpc":"2.0","id":"d","method":"textDocument/hover"}`:                                                                                      -32602,
		`{"jsonrpc":"2.0","id":"e","method":7}`:                                                                                                         -32600,
		`{"id":"f","method":"shutdown"}`:                                                                                                                -32600,
		`{"jsonrpc":"2.0","id":"g","method":"initialize","params":{"capabilities":{}}}`:                                                                 -32600,
		`{"jsonrpc":"2.0","id":"h","method":"workspace/executeCommand","params":{"command":"rm"}}`:                                                      -32602,
		`{"jsonrpc":"2.0","id":"i","method":"workspace/executeCommand","params":{"command":"cabhfuil.where"}}`:                                          -32803,
		`{"jsonrpc":"2.0","id":"j","method":"workspace/executeCommand","params":{"command":"cabhfuil.where","arguments":[1,2]}}`:                        -32602,
		`{"jsonrpc":"2.0","id":"k","method":"codeLens/resolve","params":{"range":{"start":{"line":0,"character":0},"end":{"line":0,"character":0}}}}`:   -32602,
		`{"jsonrpc":"2.0","id":"l","method":"workspace/textDocumentContent","params":{"uri":"cabhfuil:/x"}}`:                                            -32602,
		`{"jsonrpc":"2.0","id":"m","method":"textDocument/hover","params":{"textDocument":{"uri":"file:///none"},"position":{"line":0,"character":0}}}`: -32602,
	} {
		e.frame(body)
		id := `"` + strings.Split(body, `"id":"`)[1][:1] + `"`
		if r := e.reply(id); code(r) != want {
			t.Errorf("%s: %v", body, r)
		}
	}
	for _, body := range []string{`{`, ``, `[]`, `[{"jsonrpc":"2.0","id":1,"method":"x"}]`, `7`, `null`, `{"jsonrpc":"2.0"}`, `{"jsonrpc":"2.0","id":null,"method":"x"}`, `{"jsonrpc":"2.0","id":{},"method":"x"}`} {
		e.frame(body)
		if r := e.reply("null"); code(r) > -32600 || code(r) == 0 {
			t.Errorf("%s: %v", body, r)
		}
	}
	e.frame(`{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"shutdown"}`)
	if r := e.reply("1.2345678901234568e+29"); code(r) != -32600 {
		t.Errorf("a huge id: %v", r)
	}
	e.frame(`{"jsonrpc":"2.0","id":1.5,"method":"shutdown"}`)
	if r := e.reply("1.5"); code(r) != -32600 {
		t.Errorf("a broken id: %v", r)
	}
	e.frame(`{"jsonrpc":"2.0","id":99,"result":{}}`) // a reply to nothing
	e.notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": "file:///none", "version": 1}, "contentChanges": []any{}})
	e.notify("no/such", 7)
	if got := e.hover(0, 0); got != "**text**" {
		t.Errorf("afterwards: %s", got)
	}
}

func TestDuplicateIDs(t *testing.T) {
	e, _ := start(t, server.Options{})
	e.initialize(all)
	e.open("wait")
	hover := `{"jsonrpc":"2.0","id":5000,"method":"textDocument/hover","params":{"textDocument":{"uri":"` + uri + `"},"position":{"line":0,"character":0}}}`
	e.frame(hover)
	e.open("now")
	e.frame(hover)
	if r := e.reply("5000"); r["error"] != nil {
		t.Errorf("the second one: %v", r)
	}
	if got := e.hover(0, 0); got != "**now**" {
		t.Errorf("afterwards: %s", got)
	}
}

func TestPanic(t *testing.T) {
	e, _ := start(t, server.Options{})
	e.initialize(all)
	e.open("panic")
	if r := e.call("textDocument/hover", position(0, 0)); code(r) != -32603 {
		t.Errorf("a panic: %v", r)
	}
	e.open("fail")
	if r := e.call("textDocument/hover", position(0, 0)); code(r) != -32803 {
		t.Errorf("a failure: %v", r)
	}
	e.open("fine")
	e.hover(0, 0)
}

func TestFraming(t *testing.T) {
	for name, bytes := range map[string]string{
		"no length": "Header: x\r\n\r\n", "not a header": "hello\r\n\r\n", "a huge length": "Content-Length: 99999999999999999999\r\n\r\n", "a negative length": "Content-Length: -1\r\n\r\n",
	} {
		e, _ := start(t, server.Options{})
		e.initialize(all)
		e.raw(bytes)
		if err := <-e.ended; !errors.Is(err, server.ErrNotShutDown) {
			t.Errorf("%s: %v", name, err)
		}
		e.ended <- nil
	}
	e, _ := start(t, server.Options{})
	e.initialize(all)
	e.open("text")
	e.raw("\r\nContent-Type: x\r\ncontent-length:  45\r\n\r\n" + `{"jsonrpc":"2.0","id":77,"method":"no/such" }`)
	if r := e.reply("77"); code(r) != -32601 {
		t.Errorf("odd headers: %v", r)
	}
	e.hover(0, 0)
}

func TestLifecycle(t *testing.T) {
	e, _ := start(t, server.Options{})
	e.initialize(all)
	e.call("shutdown", nil)
	if r := e.call("textDocument/hover", position(0, 0)); code(r) != -32600 {
		t.Errorf("after shutdown: %v", r)
	}
	e.notify("exit", nil)
	if err := <-e.ended; err != nil {
		t.Errorf("a proper end: %v", err)
	}
	e.ended <- nil
	e, _ = start(t, server.Options{})
	e.initialize(all)
	e.notify("exit", nil)
	if err := <-e.ended; !errors.Is(err, server.ErrNotShutDown) {
		t.Errorf("exit without shutdown: %v", err)
	}
	e.ended <- nil
}

// TestLifecycleUnclosed ends where the input cannot be closed while it is read, as
// that of a console on Windows: directly, and by a relay.
func TestLifecycleUnclosed(t *testing.T) {
	s := server.New(server.Options{Answers: answers{}, CacheDir: t.TempDir()})
	l := &lost{t: t, server: s}
	for name, serve := range map[string]func(context.Context, io.ReadWriteCloser) error{"served": s.Serve, "relayed": l.relay} {
		var input *unclosed
		e := connect(t, func(ctx context.Context, rwc io.ReadWriteCloser) error {
			input = &unclosed{rwc, make(chan struct{})}
			t.Cleanup(func() { close(input.over) })
			return serve(ctx, input)
		})
		e.initialize(all)
		e.call("shutdown", nil)
		e.notify("exit", nil)
		select {
		case err := <-e.ended:
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			e.ended <- nil
		case <-time.After(10 * time.Second):
			t.Errorf("%s: it waits for the input", name)
		}
	}
}

// unclosed is a connection whose Close waits.
type unclosed struct {
	io.ReadWriteCloser
	over chan struct{}
}

func (u *unclosed) Close() error {
	<-u.over
	return u.ReadWriteCloser.Close()
}

func (e *editor) has(method, kind string) bool {
	for _, m := range e.asked {
		if m["method"] != method {
			continue
		}
		if kind == "" || m["params"].(map[string]any)["value"].(map[string]any)["kind"] == kind {
			return true
		}
	}
	return false
}

func TestRefreshAndProgress(t *testing.T) {
	tracker := task.New(task.Options{})
	e, s := start(t, server.Options{Tracker: tracker})
	e.initialize(all)
	e.open("x")
	e.call("textDocument/codeLens", map[string]any{"textDocument": map[string]any{"uri": uri}})
	for range 100 {
		s.Refresh()
	}
	e.until("a refresh", func() bool { return e.has("workspace/codeLens/refresh", "") })
	op, _ := tracker.Start(context.Background(), "read", "reading commits", "r")
	op.Progress("", 1, 10)
	e.until("a beginning", func() bool { return e.has("$/progress", "begin") })
	op.Progress("", 5, 10)
	e.until("a report", func() bool { return e.has("$/progress", "report") })
	op.End(nil)
	e.until("an end", func() bool { return e.has("$/progress", "end") })
}

func TestCommits(t *testing.T) {
	e, _ := start(t, server.Options{})
	e.initialize(all)
	e.open("x")
	def := e.call("textDocument/definition", position(0, 0))["result"].([]any)[0].(map[string]any)
	if def["targetUri"] != lookup.CommitURI("r", sha) {
		t.Errorf("definition: %v", def)
	}
	content := e.call("workspace/textDocumentContent", map[string]any{"uri": lookup.CommitURI("r", sha)})["result"].(map[string]any)
	if content["text"] != "commit "+sha.String() {
		t.Errorf("content: %v", content)
	}
	lens := e.call("textDocument/codeLens", map[string]any{"textDocument": map[string]any{"uri": uri}})["result"].([]any)[0].(map[string]any)
	if lens["command"] != nil {
		t.Errorf("a lens that has no title has a command: %v", lens)
	}
	lens = e.call("codeLens/resolve", lens)["result"].(map[string]any)
	e.notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": uri, "version": 2}, "contentChanges": []any{map[string]any{"text": "known"}}})
	known := e.call("textDocument/codeLens", map[string]any{"textDocument": map[string]any{"uri": uri}})["result"].([]any)[0]
	if diff := cmp.Diff(any(lens), known); diff != "" {
		t.Errorf("a lens whose title is known (-resolved +at once):\n%s", diff)
	}
	command := lens["command"].(map[string]any)
	if command["title"] != "✓ main" {
		t.Errorf("lens: %v", lens)
	}
	r := e.call("workspace/executeCommand", map[string]any{"command": command["command"], "arguments": command["arguments"]})
	if result, ok := r["result"]; !ok || result != nil {
		t.Errorf("a click shows %v", r)
	}
	e.until("the document", func() bool { return e.has("window/showDocument", "") })
	symbol := e.call("workspace/symbol", map[string]any{"query": "fix"})["result"].([]any)[0].(map[string]any)
	symbol = e.call("workspaceSymbol/resolve", symbol)["result"].(map[string]any)
	if symbol["location"].(map[string]any)["uri"] != lookup.CommitURI("r", sha) {
		t.Errorf("symbol: %v", symbol)
	}
	if l := e.call("textDocument/documentLink", map[string]any{"textDocument": map[string]any{"uri": uri}})["result"].([]any); len(l) != 1 {
		t.Errorf("links: %v", l)
	}
}

// TestFilesOnly is a client that knows none of the newer features.
func TestFilesOnly(t *testing.T) {
	cache := t.TempDir()
	e, _ := start(t, server.Options{CacheDir: cache})
	e.initialize(`{}`)
	e.open("x")
	if got := e.hover(0, 0); got != "x" {
		t.Errorf("no plain text: %s", got)
	}
	for range 2 {
		def := e.call("textDocument/definition", position(0, 0))["result"].([]any)[0].(map[string]any)
		file := fileOf(def["uri"])
		b, err := os.ReadFile(file)
		if err != nil || string(b) != "commit "+sha.String() || !strings.HasPrefix(strings.ToLower(file), strings.ToLower(cache)) {
			t.Errorf("%s: %q, %v", file, b, err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o222 != 0 {
			t.Errorf("%s can be written to", filepath.Base(file))
		}
	}
}

// fileOf is the file of an address.
func fileOf(address any) string { return uris.URI(address.(string)).FsPath() }

func TestClient(t *testing.T) {
	near, far := net.Pipe()
	s := server.New(server.Options{Answers: answers{}, Commands: map[string]server.Command{
		"echo": func(_ context.Context, argument json.RawMessage) (any, error) { return argument, nil },
		"hang": func(ctx context.Context, _ json.RawMessage) (any, error) { <-ctx.Done(); return nil, ctx.Err() },
	}})
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(context.Background(), far) }()
	ctx := context.Background()
	c, err := client.New(ctx, near, client.Options{Folders: []string{"/tmp/a b%é"}})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]int
	if err := c.Execute(ctx, "echo", map[string]int{"a": 1}, &got); err != nil || got["a"] != 1 {
		t.Errorf("echo: %v, %v", got, err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := c.Execute(short, "hang", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hang: %v", err)
	}
	if err := c.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// ahead is an Answers that says which documents it was to read ahead for.
type ahead struct {
	answers
	asked chan string
}

func (a ahead) Prefetch(ctx context.Context, doc lookup.Document) error {
	if doc.Text == "wait" {
		a.asked <- doc.Text
		<-ctx.Done()
		return ctx.Err()
	}
	if doc.Text == "panic" {
		a.asked <- doc.Text
		panic("as asked")
	}
	a.asked <- fmt.Sprint(doc.Text, doc.Version)
	return nil
}

// TestPrefetch: a document is read ahead for when it is opened, when it changed and
// rests, and when more is known; a change ends what is being read for the version
// before, and a failure ends nothing else.
func TestPrefetch(t *testing.T) {
	a := ahead{asked: make(chan string)}
	s := server.New(server.Options{Answers: a, CacheDir: t.TempDir()})
	e := connect(t, s.Serve)
	e.initialize(`{}`)
	next := func(want string) {
		t.Helper()
		select {
		case got := <-a.asked:
			if got != want {
				t.Errorf("read ahead for %q, want %q", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing is read ahead for %q", want)
		}
	}
	change := func(version int, text string) {
		e.notify("textDocument/didChange", map[string]any{
			"textDocument": map[string]any{"uri": "file:///a", "version": version}, "contentChanges": []any{map[string]any{"text": text}},
		})
	}
	e.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": "file:///a", "languageId": "plaintext", "version": 1, "text": "one"}})
	next("one1")
	change(2, "panic")
	next("panic")
	change(3, "wait")
	next("wait")
	change(4, "four")
	next("four4")
	s.Refresh()
	next("four4")
	e.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": "file:///a"}})
}
