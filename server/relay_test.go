package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// lost is a server whose connections break as a killed process's do.
type lost struct {
	t      *testing.T
	server *server.Server

	mu     sync.Mutex
	conns  []net.Conn
	refuse error // what joining fails with, if it does
	wg     sync.WaitGroup
}

func (l *lost) relay(ctx context.Context, editor io.ReadWriteCloser) error {
	first, err := l.join(ctx)
	if err != nil {
		return err
	}
	err = server.Relay(ctx, server.RelayOptions{Editor: editor, Server: first, Join: l.join})
	l.wg.Wait()
	return err
}

func (l *lost) join(context.Context) (io.ReadWriteCloser, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse != nil {
		return nil, l.refuse
	}
	near, far := net.Pipe()
	l.conns = append(l.conns, near)
	l.wg.Go(func() { _ = l.server.Serve(context.Background(), far) }) //nolint:errcheck // it is cut off
	return near, nil
}

// kill breaks the connection to the server.
func (l *lost) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.conns[len(l.conns)-1].Close() //nolint:errcheck // it may be closed
}

func (l *lost) joined() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

func startRelay(t *testing.T, opt server.Options) (*editor, *lost) {
	t.Helper()
	opt.Answers, opt.CacheDir = answers{}, t.TempDir()
	l := &lost{t: t, server: server.New(opt)}
	return connect(t, l.relay), l
}

// TestRelayLost loses the server again and again: the editor has its documents as
// they are, its settings, and its answers.
func TestRelayLost(t *testing.T) {
	e, l := startRelay(t, server.Options{})
	e.configuration = json.RawMessage(`[{"codeLens":false}]`)
	e.initialize(`{"textDocument":{"hover":{"contentFormat":["markdown"]}},"workspace":{"configuration":true}}`)
	e.open("𝄞")
	want := "𝄞"
	for i := range 20 {
		switch i % 4 {
		case 0:
			l.kill()
		case 2: // while it is being told
			go l.kill()
		}
		letter := string(rune('a' + i))
		e.notify("textDocument/didChange", map[string]any{
			"textDocument":   map[string]any{"uri": uri, "version": i + 2},
			"contentChanges": []any{map[string]any{"range": map[string]any{"start": map[string]any{"line": 0, "character": 2}, "end": map[string]any{"line": 0, "character": 2}}, "text": letter}},
		})
		want = "𝄞" + letter + strings.TrimPrefix(want, "𝄞")
		if got := e.hover(0, 0); got != "**"+want+"**" {
			t.Fatalf("after %d changes the server has %s, not %s", i+1, got, want)
		}
	}
	if n := l.joined(); n < 6 {
		t.Errorf("%d servers: this proves little", n)
	}
	// The last server asks for the settings side by side with this.
	for limit := time.Now().Add(10 * time.Second); e.call("textDocument/codeLens", map[string]any{"textDocument": map[string]any{"uri": uri}})["result"] != nil; {
		if time.Now().After(limit) {
			t.Fatal("never: no lenses")
		}
	}
	e.call("shutdown", nil)
	e.notify("exit", nil)
	if err := <-e.ended; err != nil {
		t.Error(err)
	}
	e.ended <- nil
}

// TestRelayPending asks again what a lost server did not answer.
func TestRelayPending(t *testing.T) {
	e, l := startRelay(t, server.Options{})
	e.initialize(all)
	e.open("wait")
	ids := []string{e.send("textDocument/hover", position(0, 0)), e.send("textDocument/hover", position(0, 1))}
	// A reply to what comes after says that both were read.
	e.call("workspace/symbol", map[string]any{"query": ""})
	e.notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": uri, "version": 2}, "contentChanges": []any{map[string]any{"text": "now"}}})
	e.call("workspace/symbol", map[string]any{"query": ""})
	l.kill()
	for _, id := range ids {
		if r := e.reply(id); r["result"] == nil {
			t.Errorf("%s is answered with %v", id, r)
		}
	}
}

// TestRelayUnneeded starts no server for an editor that only closes things.
func TestRelayUnneeded(t *testing.T) {
	for _, shut := range []bool{true, false} {
		t.Run(fmt.Sprint(shut), func(t *testing.T) {
			e, l := startRelay(t, server.Options{})
			e.initialize(all)
			e.open("text")
			e.hover(0, 0)
			l.kill()
			e.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": uri}})
			if shut {
				if r := e.call("shutdown", nil); r["error"] != nil {
					t.Error(r)
				}
			}
			e.notify("exit", nil)
			err := <-e.ended
			if shut != (err == nil) || !shut && !errors.Is(err, server.ErrNotShutDown) {
				t.Errorf("it ends with %v", err)
			}
			if n := l.joined(); n != 1 {
				t.Errorf("%d servers", n)
			}
			e.ended <- nil
		})
	}
}

// TestRelayExit passes a shutdown and an exit that are sent in one.
func TestRelayExit(t *testing.T) {
	e, _ := startRelay(t, server.Options{})
	e.initialize(all)
	id := e.send("shutdown", nil)
	e.notify("exit", nil)
	if err := <-e.ended; err != nil {
		t.Error(err)
	}
	if r := e.reply(id); r["error"] != nil {
		t.Error(r)
	}
	e.ended <- nil
}

// TestRelayNowhere ends when there is no other server.
func TestRelayNowhere(t *testing.T) {
	e, l := startRelay(t, server.Options{})
	e.initialize(all)
	l.mu.Lock()
	l.refuse = errors.New("as asked")
	l.mu.Unlock()
	l.kill()
	e.send("workspace/symbol", map[string]any{"query": ""})
	if err := <-e.ended; !errors.Is(err, server.ErrNotShutDown) || !errors.Is(err, l.refuse) {
		t.Errorf("it ends with %v", err)
	}
	e.ended <- nil
}

// TestRelayProgress ends the progress that a lost server showed, and answers
// requests of the next one, which has the same ids.
func TestRelayProgress(t *testing.T) {
	tracker := task.New(task.Options{})
	e, l := startRelay(t, server.Options{Tracker: tracker})
	e.initialize(all)
	work, _ := tracker.Start(context.Background(), "index", "reading", "r")
	kinds := func() (begins, ends int) {
		for _, m := range e.asked {
			if m["method"] == "$/progress" {
				switch m["params"].(map[string]any)["value"].(map[string]any)["kind"] {
				case "begin":
					begins++
				case "end":
					ends++
				}
			}
		}
		return begins, ends
	}
	e.until("progress begins", func() bool { b, _ := kinds(); return b == 1 })
	l.kill()
	e.until("progress ends", func() bool { _, n := kinds(); return n == 1 })
	e.open("again")
	e.until("progress begins again", func() bool { b, _ := kinds(); return b == 2 })
	work.End(nil)
	e.until("progress ends again", func() bool { _, n := kinds(); return n == 2 })
}

// TestRelayRemote passes no process's id of another machine on.
func TestRelayRemote(t *testing.T) {
	near, far := net.Pipe()
	e := connect(t, func(ctx context.Context, editor io.ReadWriteCloser) error {
		return server.Relay(ctx, server.RelayOptions{Editor: editor, Server: far, Remote: true})
	})
	e.send("initialize", map[string]any{"processId": 1 << 30, "capabilities": map[string]any{}, "rootUri": nil})
	got := make([]byte, 4096)
	n, err := near.Read(got)
	if err != nil || !strings.Contains(string(got[:n]), `"processId":null`) {
		t.Errorf("the server gets %q, %v", got[:n], err)
	}
}
