package server

import (
	"context"
	"encoding/json"
	"slices"
	"sync/atomic"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
)

// clientCan is what a client said that it can do, as far as it matters.
type clientCan struct {
	markdown        bool
	linkSupport     bool
	lensRefresh     bool
	progress        bool
	showDocument    bool
	contentProvider bool
	resolveSymbols  bool

	configuration          bool // it can be asked for settings
	registersConfiguration bool // it tells of changes when it is asked to

	markdownItems      bool // of completions
	codeActions        bool
	pullDiagnostics    bool // it asks; the others are told
	diagnosticVersions bool
	diagnosticRefresh  bool
	inlayHints         bool
	hintRefresh        bool
}

var requests map[string]request

func init() { // a literal would refer to itself through executeCommand
	requests = map[string]request{
		"initialize":                    method((*session).initialize),
		"shutdown":                      method((*session).shutdown),
		"textDocument/hover":            method((*session).hover),
		"textDocument/codeLens":         method((*session).codeLens),
		"codeLens/resolve":              method((*session).resolveLens),
		"textDocument/definition":       method((*session).definition),
		"textDocument/references":       method((*session).references),
		"textDocument/documentLink":     method((*session).documentLink),
		"textDocument/completion":       method((*session).completion),
		"completionItem/resolve":        method((*session).resolveCompletion),
		"textDocument/diagnostic":       method((*session).diagnostic),
		"textDocument/codeAction":       method((*session).codeAction),
		"textDocument/inlayHint":        method((*session).inlayHint),
		"workspace/symbol":              method((*session).symbols),
		"workspaceSymbol/resolve":       method((*session).resolveSymbol),
		"workspace/executeCommand":      method((*session).executeCommand),
		"workspace/textDocumentContent": method((*session).textDocumentContent),
	}
}

// notified handles a notification. Unknown ones are ignored, as LSP says of
// those that begin with "$/" and as is harmless for the rest.
func (s *session) notified(ctx context.Context, req *jsonrpc2.Request) (err error) {
	defer s.contain(req.Method(), &err)
	if req.Method() == "exit" {
		s.exit.Do(func() { close(s.exited) })
		return nil
	}
	if s.state() != running {
		return nil
	}
	switch req.Method() {
	case "$/cancelRequest":
		return s.cancelRequest(req.Params())
	case "initialized":
		s.initialized(jsonrpc2.DetachContext(ctx))
	case "textDocument/didOpen":
		return notification(req, s.didOpen)
	case "textDocument/didChange":
		return notification(req, s.didChange)
	case "textDocument/didClose":
		return notification(req, s.didClose)
	case "workspace/didChangeConfiguration":
		return s.didChangeConfiguration(jsonrpc2.DetachContext(ctx), json.RawMessage(slices.Clone(req.Params())))
	case "window/workDoneProgress/cancel":
		return notification(req, s.cancelProgress)
	case "workspace/didChangeWorkspaceFolders":
		return notification(req, s.didChangeFolders)
	}
	return nil
}

func notification[P any](req *jsonrpc2.Request, handle func(*P) error) error {
	p := new(P)
	if err := protocol.Unmarshal(req.Params(), p); err != nil {
		return err
	}
	return handle(p)
}

func ptr[T any](v T) *T { return &v }

func (s *session) initialize(p *protocol.InitializeParams) (run, error) {
	s.learn(p)
	encoding := protocol.PositionEncodingKind("utf-16")
	if !s.utf16 {
		encoding = "utf-8"
	}
	commands := slices.Clone(ownCommands)
	for id := range s.server.opt.Commands {
		commands = append(commands, id)
	}
	slices.Sort(commands)
	caps := protocol.ServerCapabilities{
		PositionEncoding:        encoding,
		TextDocumentSync:        &protocol.TextDocumentSyncOptions{OpenClose: ptr(true), Change: ptr(protocol.TextDocumentSyncKind(2))},
		HoverProvider:           protocol.Boolean(true),
		DefinitionProvider:      protocol.Boolean(true),
		ReferencesProvider:      protocol.Boolean(true),
		CompletionProvider:      &protocol.CompletionOptions{TriggerCharacters: completionTriggers, ResolveProvider: ptr(true)},
		CodeLensProvider:        &protocol.CodeLensOptions{ResolveProvider: ptr(true)},
		DocumentLinkProvider:    &protocol.DocumentLinkOptions{ResolveProvider: ptr(false)},
		WorkspaceSymbolProvider: &protocol.WorkspaceSymbolOptions{ResolveProvider: ptr(s.client.resolveSymbols)},
		ExecuteCommandProvider:  protocol.ExecuteCommandOptions{Commands: commands},
		Workspace:               &protocol.WorkspaceOptions{WorkspaceFolders: &protocol.WorkspaceFoldersServerCapabilities{Supported: ptr(true), ChangeNotifications: protocol.Boolean(true)}},
	}
	if s.client.contentProvider {
		caps.Workspace.TextDocumentContent = &protocol.TextDocumentContentOptions{Schemes: []string{"cabhfuil"}}
	}
	if s.client.codeActions {
		caps.CodeActionProvider = &protocol.CodeActionOptions{CodeActionKinds: []protocol.CodeActionKind{protocol.CodeActionKindQuickFix}}
	}
	if s.client.pullDiagnostics {
		caps.DiagnosticProvider = &protocol.DiagnosticOptions{Identifier: ptr(source)}
	}
	if s.client.inlayHints {
		caps.InlayHintProvider = protocol.Boolean(true)
	}
	return func(context.Context) (any, error) {
		s.mu.Lock()
		s.at = running
		s.mu.Unlock()
		return &protocol.InitializeResult{Capabilities: caps, ServerInfo: protocol.ServerInfo{Name: "cabhfuil-lsp", Version: protocol.NewOptional(s.server.opt.Version)}}, nil
	}, nil
}

// countsUTF16 says how the client's positions count.
func countsUTF16(p *protocol.InitializeParams) bool {
	general := p.Capabilities.General
	return general == nil || !slices.Contains(general.PositionEncodings, "utf-8")
}

// learn takes what matters from a client's capabilities, options and folders.
func (s *session) learn(p *protocol.InitializeParams) {
	s.utf16 = countsUTF16(p)
	c := p.Capabilities
	if t := c.TextDocument; t != nil {
		s.client.markdown = t.Hover != nil && slices.Contains(t.Hover.ContentFormat, "markdown")
		s.client.linkSupport = t.Definition != nil && isTrue(t.Definition.LinkSupport)
		s.client.markdownItems = t.Completion != nil && t.Completion.CompletionItem != nil && slices.Contains(t.Completion.CompletionItem.DocumentationFormat, "markdown")
		s.client.codeActions = t.CodeAction != nil && t.CodeAction.CodeActionLiteralSupport.CodeActionKind.ValueSet != nil
		s.client.pullDiagnostics = t.Diagnostic != nil
		s.client.diagnosticVersions = t.PublishDiagnostics != nil && isTrue(t.PublishDiagnostics.VersionSupport)
		s.client.inlayHints = t.InlayHint != nil
	}
	if w := c.Workspace; w != nil {
		s.client.lensRefresh = w.CodeLens != nil && isTrue(w.CodeLens.RefreshSupport)
		s.client.diagnosticRefresh = w.Diagnostics != nil && isTrue(w.Diagnostics.RefreshSupport)
		s.client.hintRefresh = w.InlayHint != nil && isTrue(w.InlayHint.RefreshSupport)
		s.client.contentProvider = w.TextDocumentContent != nil
		s.client.configuration = isTrue(w.Configuration)
		s.client.registersConfiguration = w.DidChangeConfiguration != nil && isTrue(w.DidChangeConfiguration.DynamicRegistration)
		s.client.resolveSymbols = w.Symbol != nil && len(w.Symbol.ResolveSupport.Properties) > 0
	}
	if w := c.Window; w != nil {
		s.client.progress = isTrue(w.WorkDoneProgress)
		s.client.showDocument = w.ShowDocument != nil
	}
	s.began = settings{}
	var options map[string]json.RawMessage
	if json.Unmarshal(p.InitializationOptions, &options) == nil {
		// It reads cabhfuil: documents by itself.
		s.client.contentProvider = s.client.contentProvider || string(options["commitDocuments"]) == "true"
		delete(options, "commitDocuments")
		if own, err := json.Marshal(options); err == nil {
			var faults []string
			s.began, faults = readSettings(own)
			for _, fault := range faults {
				s.server.opt.Log.Warn("initializationOptions", "fault", fault)
			}
		}
	}
	s.settings.Store(&s.began)
	var folders []protocol.WorkspaceFolder
	if list, ok := p.WorkspaceFolders.Get(); ok {
		folders = list
	}
	//lint:ignore SA1019 older clients send nothing else
	if root := p.RootURI; len(folders) == 0 && root != nil {
		folders = []protocol.WorkspaceFolder{{URI: *root}}
	}
	s.openFolders(folders)
	if p.ProcessID != nil && *p.ProcessID > 0 {
		s.watchParent(int(*p.ProcessID))
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

func (s *session) openFolders(folders []protocol.WorkspaceFolder) {
	for _, f := range folders {
		path := filePath(uri.URI(f.URI))
		if path == "" {
			continue
		}
		if s.root == "" {
			s.root = path
		}
		if s.server.opt.Opened != nil {
			s.server.opt.Opened(path)
		}
	}
}

func (s *session) didChangeFolders(p *protocol.DidChangeWorkspaceFoldersParams) error {
	s.openFolders(p.Event.Added)
	return nil
}

// parentCheck is how often a client's process is looked for.
const parentCheck = 5 * time.Second

// watchParent ends the session when the client's process is gone: an editor that
// was killed sends no exit, and its pipe may live on in another process.
func (s *session) watchParent(pid int) {
	ctx, cancel := context.WithCancel(context.Background())
	s.work.Go(func() {
		defer cancel()
		select {
		case <-s.conn.Done():
		case <-s.exited:
		}
	})
	s.work.Go(func() {
		if processEnds(ctx, pid, parentCheck) {
			s.server.opt.Log.Info("the client's process is gone", "pid", pid)
			s.exit.Do(func() { close(s.exited) })
		}
	})
}

func (s *session) initialized(ctx context.Context) {
	// What moved until now is in each answer to come. An editor that is asked to ask
	// again waits anew for its user to rest.
	select {
	case <-s.refresh:
	default:
	}
	s.work.Go(func() { s.refreshViews(ctx) })
	if s.server.opt.Complaints != nil {
		s.work.Go(func() { s.tell(ctx, s.server.opt.Complaints()) })
	}
	if s.client.configuration || s.client.registersConfiguration {
		s.work.Go(func() { s.pullSettings(ctx) })
	}
	if !s.client.pullDiagnostics {
		s.work.Go(func() { s.pushDiagnostics(ctx) })
	}
	s.work.Go(func() { s.prefetch(ctx) })
	if s.client.progress && s.server.opt.Tracker != nil {
		s.work.Go(func() { s.reportTasks(ctx) })
	}
}

// refreshPatience is how long a client that did not ask for something since it was
// last asked to is left to do so by itself.
const refreshPatience = 2 * time.Second

// refreshViews passes refreshes on, one at a time: what comes while the client
// answers is one more. An editor that is about to ask would begin its wait for its
// user to rest anew, so it is asked later, if it has not asked by then: it may have
// given up, or show what a server before this one said.
func (s *session) refreshViews(ctx context.Context) {
	views := []*view{
		{asked: &s.asked.lenses, method: "workspace/codeLens/refresh", can: s.client.lensRefresh},
		{asked: &s.asked.diagnostics, method: "workspace/diagnostic/refresh", can: s.client.diagnosticRefresh && s.client.pullDiagnostics},
		{asked: &s.asked.hints, method: "workspace/inlayHint/refresh", can: s.client.hintRefresh && s.client.inlayHints},
	}
	var late <-chan time.Time // while a view is owed
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.conn.Done():
			return
		case <-s.exited:
			return
		case <-late:
			late = nil
			for _, v := range views {
				if v.owed && !v.asked.Load() {
					s.refreshView(ctx, v)
				}
				v.owed = false
			}
			continue
		case <-s.refresh:
		}
		for _, u := range s.documents.uris() {
			s.due(u, diagnosticDelay, false)
		}
		for _, v := range views {
			switch {
			case !v.can:
			case v.asked.Load():
				s.refreshView(ctx, v)
			default:
				v.owed = true
				if late == nil {
					late = time.After(refreshPatience)
				}
			}
		}
	}
}

// view is what a client shows until it asks again.
type view struct {
	asked  *atomic.Bool // for, since the client was last asked to
	method string
	can    bool
	owed   bool // there is more to show than the client asked for
}

// refreshView asks the client to ask again. What it asked for until now, it asks for
// anew; whoever does not answer so is asked the next time, too.
func (s *session) refreshView(ctx context.Context, v *view) {
	v.owed = false
	v.asked.Store(false)
	if _, err := s.conn.Call(ctx, v.method, nil, nil); err != nil {
		v.asked.Store(true)
		if ctx.Err() == nil {
			s.server.opt.Log.Debug("refreshing", "method", v.method, "error", err)
		}
	}
}

func (s *session) shutdown(*struct{}) (run, error) {
	return func(context.Context) (any, error) {
		s.mu.Lock()
		s.at = shutDown
		s.mu.Unlock()
		return nil, nil
	}, nil
}
