//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

// TestListen serves clients over TCP that have the token, by the background process
// and without.
func TestListen(t *testing.T) {
	t.Parallel()
	b := newShared(t, 28, 100)
	private := b.p
	private.shared = false
	for name, p := range map[string]program{"shared": b.p, "private": private} {
		t.Run(name, func(t *testing.T) {
			cmd := p.command("serve", "--listen", "127.0.0.1:0", "--format", "json")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var at listening
			if err := json.NewDecoder(bufio.NewReader(out)).Decode(&at); err != nil {
				t.Fatal(err)
			}
			token, err := os.ReadFile(at.TokenFile)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				conn, err := net.Dial("tcp", at.Address)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Write(token); err != nil {
					t.Fatal(err)
				}
				c, err := client.New(t.Context(), conn, client.Options{Folders: []string{p.dir}})
				if err != nil {
					t.Fatal(err)
				}
				var status cli.Status
				if err := c.Execute(t.Context(), "cabhfuil.status", nil, &status); err != nil || status.Background != p.shared {
					t.Errorf("%+v, %v", status, err)
				}
				if err := c.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(at.TokenFile); err == nil {
				t.Error("the token is left")
			}
		})
	}
	for _, c := range []struct{ address, env, want string }{
		{"0.0.0.0:0", "", "other machines reach it"}, {"nothing", "", "missing port"}, {"127.0.0.1:0", "CABHFUIL_TOKEN=short", "has 5 characters"},
	} {
		p := private
		p.env = append([]string{c.env}, p.env...)
		if _, stderr, code, err := p.run("", "serve", "--listen", c.address); err != nil || code != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: %v, exit %d, %s", c.address, err, code, fmt.Sprint(stderr))
		}
	}
}
