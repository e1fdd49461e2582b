package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.lsp.dev/protocol"

	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

// RelayOptions are whom a Relay stands between.
type RelayOptions struct {
	Editor io.ReadWriteCloser
	Server io.ReadWriteCloser // the first one
	// Join connects to the next one. Its error ends the relay.
	Join func(context.Context) (io.ReadWriteCloser, error)
	// Remote says that the editor may be on another machine: the process that it says
	// it is means nothing here.
	Remote bool
}

// Relay stands between an editor and a server in another process, and passes
// messages on as they are. When that process is lost, Relay joins another one as
// soon as there is something to ask, brings it to the state of the lost one (the
// capabilities, settings, folders and open documents) and asks again what was not
// answered: the editor notices nothing.
//
// It ends as Serve does: when the editor exits, its connection breaks, or ctx ends.
func Relay(ctx context.Context, opt RelayOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	r := &relay{
		editor: newStream(opt.Editor), join: opt.Join, remote: opt.Remote, lost: make(chan struct{}, 1), parent: make(chan struct{}),
		out: outbox{more: make(chan struct{}, 1), sent: make(chan struct{})}, pending: map[string][]byte{}, asked: map[string]json.RawMessage{}, progress: map[string]json.RawMessage{},
	}
	frames, broken := make(chan []byte), make(chan error, 1)
	go func() { // a read of a terminal or of an inherited pipe ends with the process
		for {
			body, err := r.editor.frame()
			if err != nil {
				broken <- err
				return
			}
			select {
			case frames <- body:
			case <-ctx.Done():
				return
			}
		}
	}()
	go r.out.run(r.editor)
	r.attach(opt.Server)
	err := r.run(ctx, frames, broken)
	cancel()
	r.mu.Lock()
	r.drop()
	shut := r.isShutDown
	r.mu.Unlock()
	r.work.Wait()
	r.out.close()
	select {
	case <-r.out.sent:
	case <-time.After(readerGrace): // it does not read
	}
	_ = closeSoon(opt.Editor) //nolint:errcheck // nobody reads it any more
	if shut {
		return nil
	}
	return errors.Join(ErrNotShutDown, err)
}

// run passes messages on until the editor is done.
func (r *relay) run(ctx context.Context, frames <-chan []byte, broken <-chan error) error {
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-r.parent:
			return nil
		case err := <-broken:
			return ignoreEOF(err)
		case <-r.lost:
			if r.waits() {
				err = r.rejoin(ctx)
			}
		case body := <-frames:
			if r.remote && r.initialize == nil {
				body = withoutProcess(body)
			}
			what := r.note(ctx, body)
			if what == last {
				r.leave(body)
				return nil
			}
			err = r.pass(ctx, body, what)
		}
		if err != nil {
			return err
		}
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// outbox holds what goes to the editor, so that nobody waits for one that writes
// before it reads on.
type outbox struct {
	more chan struct{} // capacity 1
	sent chan struct{} // closed after close, when all is sent

	mu     sync.Mutex
	waits  [][]byte
	closed bool
}

func (o *outbox) put(body []byte) {
	o.mu.Lock()
	o.waits = append(o.waits, body)
	o.mu.Unlock()
	o.wake()
}

func (o *outbox) wake() {
	select {
	case o.more <- struct{}{}:
	default:
	}
}

func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.wake()
}

func (o *outbox) run(to io.Writer) {
	defer close(o.sent)
	for {
		o.mu.Lock()
		waits, closed := o.waits, o.closed
		o.waits = nil
		o.mu.Unlock()
		for _, body := range waits {
			_, _ = to.Write(framed(body)) //nolint:errcheck // an editor that is gone is noticed by reading
		}
		if closed {
			return
		}
		if len(waits) == 0 {
			<-o.more
		}
	}
}

// relay is a connection that outlives its servers.
type relay struct {
	editor *stream
	out    outbox
	join   func(context.Context) (io.ReadWriteCloser, error)
	remote bool
	work   sync.WaitGroup
	lost   chan struct{} // capacity 1: a server is gone
	parent chan struct{} // closed when the editor's process is gone

	mu         sync.Mutex
	conn       *stream       // nil while there is no server
	ended      chan struct{} // closed when nothing more comes from the server
	generation int           // of servers
	// initialize is the first request, and greeted is set when it was answered: a later
	// server's answer to it is swallowed.
	initialize  []byte
	initID      string
	greeted     bool
	swallow     bool
	initialized []byte
	settings    []byte   // the last workspace/didChangeConfiguration
	folders     [][]byte // all changes of them
	documents   documents
	utf16       bool
	isShutDown  bool
	shutdownID  string

	pending  map[string][]byte          // requests of the editor that are not answered, by id
	order    []string                   // of their ids
	asked    map[string]json.RawMessage // the server's requests: their ids as the editor has them, and as the server has them
	progress map[string]json.RawMessage // tokens that are shown
}

func framed(body []byte) []byte {
	return append(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", len(body)), body...)
}

// attach makes a server the one that is spoken to.
func (r *relay) attach(conn io.ReadWriteCloser) *stream {
	s, ended := newStream(conn), make(chan struct{})
	r.mu.Lock()
	r.hide()
	r.conn, r.ended = s, ended
	r.generation++
	generation := r.generation
	r.mu.Unlock()
	r.work.Go(func() {
		defer close(ended)
		for {
			body, err := s.frame()
			if err != nil {
				break
			}
			r.answer(generation, body)
		}
		r.mu.Lock()
		if r.generation == generation {
			r.drop()
			r.hide()
		}
		r.mu.Unlock()
		select {
		case r.lost <- struct{}{}:
		default:
		}
	})
	return s
}

// drop closes the connection to the server. r.mu is held.
func (r *relay) drop() {
	if r.conn != nil {
		_ = r.conn.Close() //nolint:errcheck // it is given up
		r.conn = nil
	}
}

// hide ends the progress that a lost server showed. r.mu is held.
func (r *relay) hide() {
	for _, token := range slices.Sorted(maps.Keys(r.progress)) {
		r.out.put(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"$/progress","params":{"token":%s,"value":{"kind":"end"}}}`, r.progress[token]))
	}
	clear(r.progress)
	clear(r.asked)
}

// waits says whether the editor waits for an answer that nobody will give.
func (r *relay) waits() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conn == nil && len(r.order) > 0
}

// pass sends a message to the server. Where there is none, what asks for something
// goes to the next one; the rest waits until then.
func (r *relay) pass(ctx context.Context, body []byte, what meaning) error {
	r.mu.Lock()
	conn := r.conn
	r.mu.Unlock()
	if body = r.reply(body); body == nil {
		return nil
	}
	if conn != nil {
		if _, err := conn.Write(framed(body)); err == nil {
			return nil
		}
		r.mu.Lock()
		if r.conn == conn {
			r.drop()
		}
		r.mu.Unlock()
	}
	if what != asks {
		return nil
	}
	return r.rejoin(ctx) // what note took is told to it
}

// rejoin joins servers until one has taken the state.
func (r *relay) rejoin(ctx context.Context) error {
	for {
		if r.ending() {
			return nil
		}
		conn, err := r.join(ctx)
		if err != nil {
			return fmt.Errorf("the background process is gone, and there is no other: %w", err)
		}
		// Its answers are read while it is told, or both sides could wait for each other.
		told := r.state()
		s := r.attach(conn)
		for _, body := range told {
			if _, err = s.Write(framed(body)); err != nil {
				break
			}
		}
		if err == nil {
			return nil
		}
		r.mu.Lock()
		r.drop()
		r.mu.Unlock()
	}
}

// ending says that no server is needed: there is one, or the editor is about to
// leave. Then it is let go.
func (r *relay) ending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil || r.isShutDown || r.initialize == nil {
		return true
	}
	if _, leaves := r.pending[r.shutdownID]; !leaves || !r.greeted {
		return false
	}
	for _, id := range r.order {
		result := `"error":{"code":-32800,"message":"cancelled"}`
		if id == r.shutdownID {
			result = `"result":null`
		}
		r.out.put(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,%s}`, id, result))
	}
	r.order, r.isShutDown = nil, true
	clear(r.pending)
	return true
}

// state is what a new server is told: what the lost one knew, and what it did not
// answer.
func (r *relay) state() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all [][]byte
	if r.greeted {
		all, r.swallow = append(all, r.initialize), true
	}
	var waiting [][]byte
	for _, id := range r.order {
		if id == r.initID {
			all = append(all, r.pending[id])
		} else {
			waiting = append(waiting, r.pending[id])
		}
	}
	if r.initialized != nil {
		all = append(all, r.initialized)
	}
	all = append(all, r.folders...)
	if r.settings != nil {
		all = append(all, r.settings)
	}
	for _, u := range r.documents.uris() {
		doc, err := r.documents.get(u)
		if err != nil {
			continue
		}
		body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": map[string]any{
			"textDocument": map[string]any{"uri": doc.URI, "languageId": doc.Language, "version": doc.Version, "text": doc.Text},
		}})
		if err == nil {
			all = append(all, body)
		}
	}
	return append(all, waiting...)
}

// meaning is what the relay has to know of an editor's message.
type meaning int

const (
	tells meaning = iota // the next server need not be there for it
	asks                 // it has to
	last                 // exit
)

// idOf is a request's id in one spelling.
func idOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	b, err := json.Marshal(text)
	if err != nil {
		return string(raw)
	}
	return string(b)
}

// note keeps what another server would have to know of an editor's message.
func (r *relay) note(ctx context.Context, body []byte) meaning {
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
	}
	if json.Unmarshal(body, &m) != nil {
		return tells // the server says what is wrong with it
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.ID != nil && m.Method != "" {
		id := idOf(m.ID)
		switch {
		case m.Method == "initialize" && r.initialize == nil:
			r.initialize, r.initID = body, id
			r.learn(ctx, m.Params)
		case m.Method == "shutdown":
			r.shutdownID = id
		}
		if _, twice := r.pending[id]; !twice {
			r.order = append(r.order, id)
		}
		r.pending[id] = body
		return asks
	}
	switch m.Method {
	case "exit":
		return last
	case "initialized":
		r.initialized = body
	case "workspace/didChangeConfiguration":
		r.settings = body
		return asks
	case "workspace/didChangeWorkspaceFolders":
		r.folders = append(r.folders, body)
		return asks
	case "textDocument/didOpen":
		var p protocol.DidOpenTextDocumentParams
		if protocol.Unmarshal(m.Params, &p) == nil {
			r.documents.put(opened(&p), r.utf16)
		}
		return asks
	case "textDocument/didChange":
		var p protocol.DidChangeTextDocumentParams
		if protocol.Unmarshal(m.Params, &p) == nil {
			_ = r.documents.change(&p, r.utf16) //nolint:errcheck // the server says what is wrong with it
		}
		return asks
	case "textDocument/didClose":
		var p protocol.DidCloseTextDocumentParams
		if protocol.Unmarshal(m.Params, &p) == nil {
			r.documents.drop(p.TextDocument.URI)
		}
	}
	return tells
}

// withoutProcess takes the process's id out of an initialize request.
func withoutProcess(body []byte) []byte {
	var m, params map[string]json.RawMessage
	if json.Unmarshal(body, &m) != nil || string(m["method"]) != `"initialize"` || json.Unmarshal(m["params"], &params) != nil {
		return body
	}
	params["processId"] = json.RawMessage("null")
	changed, err := json.Marshal(params)
	if err != nil {
		return body
	}
	m["params"] = changed
	if changed, err = json.Marshal(m); err != nil {
		return body
	}
	return changed
}

// learn takes from the initialize request what the relay itself has to know.
func (r *relay) learn(ctx context.Context, params []byte) {
	r.utf16 = true
	var p protocol.InitializeParams
	if protocol.Unmarshal(params, &p) != nil {
		return
	}
	r.utf16 = countsUTF16(&p)
	if p.ProcessID == nil || *p.ProcessID <= 0 {
		return
	}
	pid := int(*p.ProcessID)
	r.work.Go(func() {
		if processEnds(ctx, pid, parentCheck) {
			close(r.parent)
		}
	})
}

// reply gives an editor's reply the id that its server asked under; nil where that
// server is gone. Other messages stay as they are.
func (r *relay) reply(body []byte) []byte {
	var m map[string]json.RawMessage
	if json.Unmarshal(body, &m) != nil || m["method"] != nil || m["id"] == nil {
		return body
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	shown := idOf(m["id"])
	id, known := r.asked[shown]
	if !known {
		if r.generation > 1 {
			return nil
		}
		return body // the first server says what is wrong with it
	}
	delete(r.asked, shown)
	if string(id) == string(m["id"]) {
		return body
	}
	m["id"] = id
	if renamed, err := json.Marshal(m); err == nil {
		return renamed
	}
	return nil
}

// answer passes a server's message on to the editor.
func (r *relay) answer(generation int, body []byte) {
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Error  json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &m) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if generation != r.generation {
		return
	}
	switch id := idOf(m.ID); {
	case m.ID != nil && m.Method != "":
		body = r.ask(id, body)
	case m.ID != nil && id == r.initID && r.swallow:
		r.swallow = false
		return
	case m.ID != nil:
		if _, waits := r.pending[id]; !waits && generation > 1 && id != "null" {
			return // it was answered by another server
		}
		delete(r.pending, id)
		if at := slices.Index(r.order, id); at >= 0 {
			r.order = slices.Delete(r.order, at, at+1)
		}
		if m.Error == nil {
			r.greeted = r.greeted || id == r.initID
			r.isShutDown = r.isShutDown || id == r.shutdownID
		}
	case m.Method == "$/progress":
		r.show(body)
	}
	r.out.put(body)
}

// ask takes note of a server's request. Each server counts from one, so requests of
// later ones get ids of their own. r.mu is held.
func (r *relay) ask(id string, body []byte) []byte {
	shown := id
	if r.generation > 1 {
		var m map[string]json.RawMessage
		shown = strconv.Quote(fmt.Sprintf("%d/%s", r.generation, strings.Trim(id, `"`)))
		if json.Unmarshal(body, &m) == nil {
			m["id"] = json.RawMessage(shown)
			if renamed, err := json.Marshal(m); err == nil {
				body = renamed
			}
		}
	}
	r.asked[shown] = json.RawMessage(id)
	return body
}

// show takes note of which progress the editor shows. r.mu is held.
func (r *relay) show(body []byte) {
	var m struct {
		Params struct {
			Token json.RawMessage `json:"token"`
			Value struct {
				Kind string `json:"kind"`
			} `json:"value"`
		} `json:"params"`
	}
	if json.Unmarshal(body, &m) != nil {
		return
	}
	switch token := string(m.Params.Token); m.Params.Value.Kind {
	case "begin":
		r.progress[token] = m.Params.Token
	case "end":
		delete(r.progress, token)
	}
}

// leaveTime is how long a server may take to answer what was asked before the exit.
const leaveTime = 2 * time.Second

// leave passes the exit on, and what the server still answers.
func (r *relay) leave(body []byte) {
	r.mu.Lock()
	conn, ended := r.conn, r.ended
	r.mu.Unlock()
	if conn == nil {
		r.ending()
		return
	}
	if _, err := conn.Write(framed(body)); err == nil {
		select {
		case <-ended:
		case <-time.After(leaveTime):
		}
	}
	r.mu.Lock()
	r.drop()
	r.mu.Unlock()
	r.ending() // a shutdown that the server could not answer any more
}

// opened is a document as it was opened.
func opened(p *protocol.DidOpenTextDocumentParams) lookup.Document {
	d := p.TextDocument
	return lookup.Document{URI: string(d.URI), Path: filePath(d.URI), Language: string(d.LanguageID), Version: d.Version, Text: d.Text}
}
