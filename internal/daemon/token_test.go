//go:build unix

package daemon_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/daemon"
)

func TestToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "token")
	token, err := daemon.NewToken(file)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := daemon.NewToken(file); err != nil || again == token || len(again) < 32 {
		t.Errorf("the next token is %q, %v", again, err)
	} else {
		token = again
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != token+"\n" {
		t.Errorf("the file says %q, %v", text, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	var log strings.Builder
	go func() {
		defer close(done)
		daemon.ServeToken(ctx, l, token, slog.New(slog.NewTextHandler(&log, nil)), func(ctx context.Context, conn io.ReadWriteCloser) { echo(ctx, conn, daemon.Hello{}) })
	}()
	dial := func(first string) net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second)) //nolint:errcheck // it is a socket
		_, _ = io.WriteString(c, first)                     //nolint:errcheck // it may be refused by then
		t.Cleanup(func() { _ = c.Close() })                 //nolint:errcheck // it may be closed
		return c
	}
	for what, first := range map[string]string{
		"a wrong one": strings.Repeat("0", len(token)) + "\n", "none": "\n", "a part": token[:10] + "\n", "more": token + "0\n",
		"LSP": "Content-Length: 2\r\n\r\n{}", "an endless one": strings.Repeat("x", 1<<16), "silence": "",
	} {
		c := dial(first)
		if got, err := io.ReadAll(c); len(got) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: it says %q, %v", what, got, err)
		}
	}
	c := dial(token + "\n")
	says(t, c)
	says(t, dial(token+"\r\n"))
	stop()
	<-done
	if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a session outlives the listener")
	}
	if strings.Contains(log.String(), token[:10]) || strings.Contains(log.String(), "0000000000") {
		t.Errorf("the log tells tokens: %s", log.String())
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:0": true, "localhost:70": true, "[::1]:7": true, "0.0.0.0:7": false, ":7": false, "[::]:7": false, "192.0.2.1:7": false} {
		if got, err := daemon.Loopback(t.Context(), address); err != nil || got != want {
			t.Errorf("%s: %t, %v", address, got, err)
		}
	}
	for _, address := range []string{"", "127.0.0.1", "nowhere.invalid:7"} {
		if near, err := daemon.Loopback(t.Context(), address); err == nil || near {
			t.Errorf("%q: %t, %v", address, near, err)
		}
	}
}
