// Package client is the other side of the server's connection: what the command
// line speaks to the server, and tests do. It shows no go.lsp.dev type.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"sync"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/uri"
)

// Progress is a state of a long operation as the server reports it.
type Progress struct {
	Token   string
	Title   string // told by the first one alone
	Message string
	Percent int // 0 while it is not known
	Ended   bool
}

// Options configure a Client.
type Options struct {
	// Progress is called for each $/progress, one at a time; nil for none.
	Progress func(Progress)
	// Refresh is called when the server wants code lenses to be asked for again; nil
	// for a client that never does. It must not block.
	Refresh func()
	// Folders are the workspace folders' paths.
	Folders []string
	// Capabilities are what the client can do besides progress, as LSP spells it.
	Capabilities map[string]any
}

// Client is a connection to a server. It is safe for concurrent use.
type Client struct {
	conn jsonrpc2.Conn
	wire io.Closer

	mu     sync.Mutex
	titles map[string]string
	opt    Options
}

// New initializes a connection. The client owns rwc from then on.
func New(ctx context.Context, rwc io.ReadWriteCloser, opt Options) (*Client, error) {
	c := &Client{conn: jsonrpc2.NewConn(jsonrpc2.NewStream(rwc)), wire: rwc, titles: map[string]string{}, opt: opt}
	c.conn.Go(context.WithoutCancel(ctx), c.handle)
	type folder struct {
		URI  string `json:"uri"`
		Name string `json:"name"`
	}
	folders := []folder{}
	for _, f := range opt.Folders {
		folders = append(folders, folder{string(uri.File(f)), f})
	}
	capabilities := map[string]any{
		"window":    map[string]any{"workDoneProgress": opt.Progress != nil},
		"workspace": map[string]any{"codeLens": map[string]any{"refreshSupport": opt.Refresh != nil}},
	}
	maps.Copy(capabilities, opt.Capabilities)
	params := map[string]any{
		"processId": os.Getpid(), "rootUri": nil, "workspaceFolders": folders,
		"clientInfo": map[string]string{"name": "cabhfuil-lsp"}, "capabilities": capabilities,
	}
	if err := c.Call(ctx, "initialize", params, nil); err != nil {
		return nil, fmt.Errorf("initializing: %w", err)
	}
	return c, c.Notify(ctx, "initialized", struct{}{})
}

// handle does what the server asks before the next message is read, and lets the
// reply go out meanwhile: a server that is writing itself may not read it yet, and
// would wait for us as we for it.
func (c *Client) handle(ctx context.Context, req *jsonrpc2.Request) (any, error) {
	if req.IsCall() {
		defer jsonrpc2.Async(ctx)
	}
	switch req.Method() {
	case "$/progress":
		c.progress(req.Params())
	case "window/workDoneProgress/create":
	case "workspace/codeLens/refresh":
		if c.opt.Refresh != nil {
			c.opt.Refresh()
		}
	default:
		if req.IsCall() {
			return nil, jsonrpc2.ErrMethodNotFound
		}
	}
	return nil, nil
}

func (c *Client) progress(params []byte) {
	var p struct {
		Token any `json:"token"`
		Value struct {
			Kind, Title, Message string
			Percentage           int
		} `json:"value"`
	}
	if c.opt.Progress == nil || json.Unmarshal(params, &p) != nil {
		return
	}
	token := fmt.Sprint(p.Token)
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.Value.Kind == "begin" {
		c.titles[token] = p.Value.Title
	}
	c.opt.Progress(Progress{Token: token, Title: c.titles[token], Message: p.Value.Message, Percent: p.Value.Percentage, Ended: p.Value.Kind == "end"})
	if p.Value.Kind == "end" {
		delete(c.titles, token)
	}
}

// Call sends a request and reads its result into result, unless that is nil.
// When ctx ends, the request is cancelled at the server too.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	id, err := c.conn.Call(ctx, method, params, result)
	if ctx.Err() != nil {
		if number, ok := id.Number(); ok {
			_ = c.conn.Notify(context.WithoutCancel(ctx), "$/cancelRequest", map[string]int64{"id": number}) //nolint:errcheck // it was given up
		}
		return ctx.Err()
	}
	var answer *jsonrpc2.Error
	if err != nil && !errors.As(err, &answer) {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return err
}

// ErrLost says that the server is gone, and did not answer.
var ErrLost = errors.New("the connection broke")

// Notify sends a notification.
func (c *Client) Notify(ctx context.Context, method string, params any) error {
	err := c.conn.Notify(ctx, method, params)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return err
}

// Execute runs a command of the server with one argument.
func (c *Client) Execute(ctx context.Context, command string, argument, result any) error {
	return c.Call(ctx, "workspace/executeCommand", map[string]any{"command": command, "arguments": []any{argument}}, result)
}

// Close shuts the connection down as LSP asks.
func (c *Client) Close(ctx context.Context) error {
	err := c.Call(ctx, "shutdown", nil, nil)
	if err == nil {
		err = c.conn.Notify(ctx, "exit", nil)
	}
	_ = c.wire.Close() //nolint:errcheck // the server may have closed it first
	_ = c.conn.Close() //nolint:errcheck // which waits for replies that nobody reads, unless the wire is closed
	return err
}
