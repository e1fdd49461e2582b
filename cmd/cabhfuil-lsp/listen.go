package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/daemon"
)

// tokenVariable may hold the token of serve --listen.
const tokenVariable = "CABHFUIL_TOKEN"

// minToken is what nobody guesses.
const minToken = 16

func serveCommand(stdio stdio, g *global) *cobra.Command {
	var address string
	var remote bool
	c := &cobra.Command{
		Use: "serve --listen ADDRESS", Short: "Speak LSP over TCP, for editors in containers and elsewhere", Args: cobra.NoArgs,
		Long: `Speak LSP over TCP. A client sends a token as its first line, then LSP as over standard input and output; who says
nothing or something else is closed. The token is that of the environment variable ` + tokenVariable + `, or one that is made
and written to a file that you alone may read; its name is printed.

Nothing is encrypted, so ADDRESS has to be one of this machine alone, such as 127.0.0.1:7000, unless --allow-remote says
that you know. Port 0 takes a free one, which is printed. docs/background.md has an example.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listen(cmd.Context(), stdio, g, address, remote)
		},
	}
	c.Flags().StringVar(&address, "listen", "", "the `ADDRESS` to listen on, as host:port")
	c.Flags().BoolVar(&remote, "allow-remote", false, "listen on an address that other machines reach, without encryption")
	if err := c.MarkFlagRequired("listen"); err != nil {
		panic(err) // the flag is there
	}
	return c
}

// listening is where clients connect, and where their token is.
type listening struct {
	Address   string `json:"address"`
	TokenFile string `json:"tokenFile"` // "" where the environment has it
}

func listen(ctx context.Context, stdio stdio, g *global, address string, remote bool) (err error) {
	near, err := daemon.Loopback(ctx, address)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", address, err)
	}
	if !near && !remote {
		return fmt.Errorf("--listen %s: other machines reach it, and nothing is encrypted; take 127.0.0.1 and a tunnel of ssh, or say --allow-remote", address)
	}
	said := listening{}
	token := os.Getenv(tokenVariable)
	if err := os.Unsetenv(tokenVariable); err != nil { // it is nobody's business that we start
		return err
	}
	if token != "" && len(token) < minToken {
		return fmt.Errorf("%s has %d characters: expected at least %d", tokenVariable, len(token), minToken)
	}
	var network net.ListenConfig
	l, err := network.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // it may be closed
	said.Address = l.Addr().String()
	if token == "" {
		_, port, err := net.SplitHostPort(said.Address)
		if err != nil {
			return err
		}
		said.TokenFile = filepath.Join(config.FindDirs().State, "token-"+port)
		if token, err = daemon.NewToken(said.TokenFile); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.Remove(said.TokenFile)) }()
	}
	err = printed(stdio, g, said, func() error {
		text := "Listening on " + said.Address + "."
		if said.TokenFile != "" {
			text += " The token is in " + said.TokenFile + "."
		}
		_, err := fmt.Fprintln(stdio.out, text)
		return err
	})
	if err != nil {
		return err
	}
	log := newLog(g.verbose, slog.LevelWarn)
	house := &shared{verbose: g.verbose, private: g.private}
	daemon.ServeToken(ctx, l, token, log, func(ctx context.Context, conn io.ReadWriteCloser) {
		w := window{editor: conn, remote: true, log: log, house: house}
		if err := w.serve(ctx); err != nil {
			log.Debug("a client left", "error", err)
		}
	})
	return house.close()
}

// shared is the app of a process that does without the background process, made
// when it is needed.
type shared struct {
	verbose bool
	private bool // the background process is not tried

	mu       sync.Mutex
	app      *app
	closeLog func() error
}

func (s *shared) open() *app {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.app == nil {
		log, closeLog := stayingLog(s.verbose)
		s.app, s.closeLog = newApp(appOptions{words: true, paths: true, watch: true, log: log}), closeLog
		s.app.tell(nil)
	}
	return s.app
}

func (s *shared) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.app == nil {
		return nil
	}
	return errors.Join(s.app.close(), s.closeLog())
}
