// Package server speaks LSP: the connection, its lifecycle, the documents, and
// one file for each group of methods. It is the only importer of go.lsp.dev.
//
// Its main type is Server, which serves any number of connections; each is a
// session. Notifications are handled inline, in the order of the wire; requests
// run side by side and can be cancelled. Handlers ask Answers and Commands and
// convert between byte offsets and positions; they touch neither git nor the
// network. A handler's panic is an error reply and a line in the log.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// Answers is what handlers ask. Its methods answer from what is known, and end
// soon after their context does.
type Answers interface {
	Hover(ctx context.Context, doc lookup.Document, offset int) (*lookup.Hover, error)
	Lenses(ctx context.Context, doc lookup.Document) ([]lookup.Lens, error)
	BlameHover(ctx context.Context, doc lookup.Document, offset int) (*lookup.Hover, error)
	Newest(ctx context.Context, doc lookup.Document, lines lookup.Range) (*lookup.Change, error)
	ResolveLens(ctx context.Context, doc lookup.Document, data lookup.LensData) (string, lookup.LensData, error)
	Symbols(ctx context.Context, query string, limit int) ([]lookup.Symbol, error)
	Definition(ctx context.Context, doc lookup.Document, offset int) ([]lookup.Target, error)
	References(ctx context.Context, doc lookup.Document, offset int, declaration bool) ([]lookup.Target, error)
	Links(ctx context.Context, doc lookup.Document) ([]lookup.Link, error)
	Prefetch(ctx context.Context, doc lookup.Document) error
	Completions(ctx context.Context, doc lookup.Document, offset int) ([]lookup.Completion, error)
	Card(ctx context.Context, data lookup.CompletionData) (*lookup.Hover, error)
	Diagnostics(ctx context.Context, doc lookup.Document) ([]lookup.Diagnostic, error)
	Hints(ctx context.Context, doc lookup.Document, within lookup.Span) ([]lookup.InlayHint, error)
	CommitDocument(ctx context.Context, scope lookup.Scope, sha string) (*lookup.CommitDocument, error)
	MissingDocument(ctx context.Context, m lookup.Missing) (string, error)
}

var _ Answers = (*lookup.Lookup)(nil)

// Command answers a workspace/executeCommand: its one argument, an object or
// nil, makes a value that is sent as JSON. An error is the reply's message.
type Command func(ctx context.Context, argument json.RawMessage) (any, error)

// Options are what a Server serves.
type Options struct {
	Answers  Answers
	Commands map[string]Command // by id, such as cabhfuil.where
	Tracker  *task.Tracker      // whose tasks clients see as progress
	// Concerns says which of them; nil for all.
	Concerns func(task.Info) bool
	// Measure is told each request that was answered, by the last word of its method
	// or command, such as hover or where, and a context.Canceled where the client
	// gave it up; nil for nobody. It must not block.
	Measure func(operation string, took time.Duration, err error)
	// Asked is told each request when it begins, by the same word, but for commands that
	// ask to wait until more is known; what it returns is called when the request is
	// answered. Nil for nobody. It must not block.
	Asked    func(operation string) (answered func())
	Version  string
	CacheDir string // for commit documents of clients that read only files
	Log      *slog.Logger
	// Defaults say what is shown where a window does not choose; nil for everything but
	// inlay hints and hovers on blame.
	Defaults func() Defaults
	// Complaints are what clients are told (window/logMessage) when they begin; nil for
	// none. See Tell.
	Complaints func() []string
	// Opened is told the path of each document and workspace folder that a client
	// opens. It must not block.
	Opened func(path string)
}

// Server serves LSP connections.
type Server struct {
	opt Options

	mu       sync.Mutex
	sessions map[*session]bool
}

// New makes a server.
func New(opt Options) *Server {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{opt: opt, sessions: map[*session]bool{}}
}

// Refresh asks the clients to ask for code lenses, diagnostics and hints again,
// and pushes diagnostics anew to those that do not ask. It returns at once;
// several calls make one request.
func (s *Server) Refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sess := range s.sessions {
		select {
		case sess.refresh <- struct{}{}:
		default:
		}
	}
}

// Tell logs lines to the clients, as far as they are initialized. It returns at once.
func (s *Server) Tell(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sess := range s.sessions {
		if sess.state() == running {
			sess.work.Go(func() { sess.tell(context.Background(), lines) })
		}
	}
}

// ErrNotShutDown is returned by Serve for a client that left without the
// shutdown request: the process's exit code is 1 then.
var ErrNotShutDown = errors.New("the client left without shutdown")

// Serve serves one connection until the client exits, the connection breaks, or
// ctx ends. It returns nil after a proper shutdown.
func (s *Server) Serve(ctx context.Context, rwc io.ReadWriteCloser) error {
	over := ctx.Done()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	sess := &session{server: s, refresh: make(chan struct{}, 1), pull: make(chan struct{}, 1), exited: make(chan struct{}), diagnosing: newDue(), prefetching: newDue(), cancels: map[jsonrpc2.ID]*context.CancelFunc{}}
	wire := newStream(rwc)
	sess.conn = jsonrpc2.NewConn(jsonrpc2.NewStream(wire), jsonrpc2.WithCodec(codec{}))
	s.mu.Lock()
	s.sessions[sess] = true
	s.mu.Unlock()
	sess.conn.Go(ctx, sess.handle)
	select {
	case <-sess.conn.Done():
	case <-wire.gone: // requests may still be running, for nobody
	case <-sess.exited:
	case <-over:
	}
	s.mu.Lock()
	delete(s.sessions, sess)
	s.mu.Unlock()
	// In this order, so that nobody is told that a request was cancelled who did not
	// cancel it: whoever sees the connection break may ask somewhere else.
	closeErr := closeSoon(rwc)
	cancel()
	// A read of a terminal or of an inherited pipe is not woken by Close; such a
	// reader ends with the process.
	select {
	case <-sess.conn.Done():
	case <-time.After(readerGrace):
	}
	sess.work.Wait()
	if sess.state() == shutDown {
		return nil
	}
	return errors.Join(ErrNotShutDown, sess.conn.Err(), ignoreClosed(closeErr))
}

// readerGrace is how long Serve waits for the reading goroutine.
const readerGrace = 100 * time.Millisecond

// closeSoon closes a connection, and waits no longer than readerGrace for that. Where
// a read cannot be cancelled, as that of a console on Windows, Close waits for it, and
// so for input that the peer no longer sends; both then end with the process.
func closeSoon(c io.Closer) error {
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	select {
	case err := <-closed:
		return err
	case <-time.After(readerGrace):
		return nil
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

// codec is protocol's own, which knows its union types.
type codec struct{}

func (codec) Marshal(v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok {
		return raw, nil
	}
	return protocol.Marshal(v)
}

func (codec) Unmarshal(b []byte, v any) error {
	if raw, ok := v.(*json.RawMessage); ok {
		*raw = append((*raw)[:0], b...)
		return nil
	}
	return protocol.Unmarshal(b, v)
}

// session is one connection.
type session struct {
	server  *Server
	conn    jsonrpc2.Conn
	refresh chan struct{} // capacity 1
	pull    chan struct{} // capacity 1: settings are to be asked for
	exited  chan struct{}
	work    sync.WaitGroup // goroutines that initialized started

	documents   documents
	diagnosing  *due
	prefetching *due
	utf16       bool // set by initialize, before any document is opened
	client      clientCan
	root        string // the first workspace folder; it scopes questions without a file
	began       settings
	settings    atomic.Pointer[settings] // as they are now
	asked       struct {                 // for since the client was last asked to ask again
		lenses, diagnostics, hints atomic.Bool
	}

	mu      sync.Mutex
	at      lifecycle
	exit    sync.Once
	cancels map[jsonrpc2.ID]*context.CancelFunc
}

// lifecycle is where a session is in its life (LSP, "Server lifecycle").
type lifecycle int

const (
	fresh lifecycle = iota
	running
	shutDown
)

func (s *session) state() lifecycle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// The error codes of LSP that jsonrpc2 does not name.
const (
	codeNotInitialized = -32002
	codeCancelled      = -32800
	codeFailed         = -32803
)

func invalidParams(text string) error { return jsonrpc2.NewError(jsonrpc2.InvalidParams, text) }

// handle is the one entry of all messages. It runs on the reading goroutine, so
// notifications are done before the next message is read; requests leave it
// with Async, those that are refused too, since their replies may have to wait
// for a client that writes before it reads on. The first and the last request
// are replied to before anything else is read: what follows depends on them.
func (s *session) handle(ctx context.Context, req *jsonrpc2.Request) (any, error) {
	if !req.IsCall() {
		if err := s.notified(ctx, req); err != nil {
			s.server.opt.Log.Warn("notification", "method", req.Method(), "error", err)
		}
		return nil, nil
	}
	method, ok := requests[req.Method()]
	if err := s.admit(req.Method(), ok); err != nil {
		jsonrpc2.Async(ctx)
		return nil, err
	}
	if req.Method() == "initialize" || req.Method() == "shutdown" {
		return s.call(ctx, method, req)
	}
	began := time.Now()
	// Documents as they are now: a change that comes next must not be seen.
	run, err := s.prepare(method, req)
	if err != nil {
		jsonrpc2.Async(ctx)
		return nil, err
	}
	ctx, done := s.cancellable(ctx, req.ID())
	defer done()
	jsonrpc2.Async(ctx) // from here on the request's words are our own
	if asked := s.server.opt.Asked; asked != nil && !waits(req) {
		answered := asked(s.operation(req))
		defer answered()
	}
	result, err := s.finish(ctx, req.Method(), run)
	s.measure(ctx, req, time.Since(began), err)
	return result, err
}

func (s *session) measure(ctx context.Context, req *jsonrpc2.Request, took time.Duration, err error) {
	if s.server.opt.Measure == nil {
		return
	}
	if err != nil && ctx.Err() != nil {
		err = context.Canceled
	}
	s.server.opt.Measure(s.operation(req), took, err)
}

// waits says whether a request is a command that asks to wait until more is known.
func waits(req *jsonrpc2.Request) bool {
	var p struct {
		Arguments []struct {
			Wait bool `json:"wait"`
		} `json:"arguments"`
	}
	return req.Method() == "workspace/executeCommand" && json.Unmarshal(req.Params(), &p) == nil && len(p.Arguments) > 0 && p.Arguments[0].Wait
}

// operation is what a request is called among the measured ones.
func (s *session) operation(req *jsonrpc2.Request) string {
	_, word, _ := strings.Cut(req.Method(), "/")
	if word == "executeCommand" {
		var p struct {
			Command string `json:"command"`
		}
		if json.Unmarshal(req.Params(), &p) == nil {
			if _, ok := s.command(p.Command); ok {
				return strings.TrimPrefix(p.Command, "cabhfuil.")
			}
		}
	}
	if word == "" || word == "resolve" { // of what?
		return req.Method()
	}
	return word
}

// admit refuses requests that come at the wrong time.
func (s *session) admit(method string, known bool) error {
	switch at := s.state(); {
	case at == fresh && method != "initialize":
		return jsonrpc2.NewError(codeNotInitialized, "the first request is initialize")
	case at == shutDown:
		return jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the server is shut down")
	case !known:
		return jsonrpc2.Errorf(jsonrpc2.MethodNotFound, "unknown method %.100q", method)
	case at == running && method == "initialize":
		return jsonrpc2.NewError(jsonrpc2.InvalidRequest, "initialize comes once")
	}
	return nil
}

// run is a request that has its parameters and documents.
type run func(ctx context.Context) (any, error)

// request decodes a method's parameters and takes what they name, so that the
// answer belongs to the moment of the question.
type request func(s *session, params []byte) (run, error)

// method makes a request of a function of decoded parameters.
func method[P any](prepare func(s *session, p *P) (run, error)) request {
	return func(s *session, params []byte) (run, error) {
		p := new(P)
		if len(params) > 0 {
			if err := protocol.Unmarshal(params, p); err != nil {
				return nil, invalidParams(err.Error())
			}
		}
		return prepare(s, p)
	}
}

func (s *session) prepare(m request, req *jsonrpc2.Request) (r run, err error) {
	defer s.contain(req.Method(), &err)
	return m(s, req.Params())
}

func (s *session) call(ctx context.Context, m request, req *jsonrpc2.Request) (any, error) {
	r, err := s.prepare(m, req)
	if err != nil {
		return nil, err
	}
	return s.finish(ctx, req.Method(), r)
}

// finish runs a request and turns its error into LSP's.
func (s *session) finish(ctx context.Context, method string, r run) (result any, err error) {
	defer s.contain(method, &err)
	result, err = r(ctx)
	var wire *jsonrpc2.Error
	switch {
	case err == nil:
		return result, nil
	case ctx.Err() != nil:
		return nil, jsonrpc2.NewError(codeCancelled, "cancelled")
	case errors.As(err, &wire):
		return nil, wire
	}
	return nil, jsonrpc2.NewError(codeFailed, err.Error())
}

// contain turns a panic into an error.
func (s *session) contain(method string, err *error) {
	if p := recover(); p != nil {
		s.server.opt.Log.Error("panic", "method", method, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*err = jsonrpc2.Errorf(jsonrpc2.InternalError, "an internal error in %s; it is in the log", method)
	}
}

// cancellable lets $/cancelRequest end the request of this id. Of two requests
// with one id, which the protocol forbids, the later one can be cancelled.
func (s *session) cancellable(ctx context.Context, id jsonrpc2.ID) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.cancels[id] = &cancel
	s.mu.Unlock()
	return ctx, func() {
		s.mu.Lock()
		if s.cancels[id] == &cancel {
			delete(s.cancels, id)
		}
		s.mu.Unlock()
		cancel()
	}
}

func (s *session) cancelRequest(params []byte) error {
	var p struct {
		ID json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return err
	}
	var id jsonrpc2.ID
	var text string
	var number int64
	switch {
	case json.Unmarshal(p.ID, &number) == nil:
		id = jsonrpc2.NewNumberID(number)
	case json.Unmarshal(p.ID, &text) == nil:
		id = jsonrpc2.NewStringID(text)
	default:
		return fmt.Errorf("the id %.40s", p.ID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.cancels[id]; cancel != nil {
		(*cancel)()
	}
	return nil
}
