// Command cabhfuil-lsp answers "where is my fix?": a language server for
// editors, and a command line that is one more client of it.
package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// Exit codes, as grep's.
const (
	exitYes         = 0
	exitNo          = 1 // a negative answer
	exitFailed      = 2 // wrong usage, or failure
	exitInterrupted = 130
)

// errNo is a negative answer: it was printed already.
var errNo = errors.New("no")

func main() {
	os.Exit(run())
}

func run() int {
	if asked, err := gitrepo.Askpass(os.Args[1:], os.Stdout); asked { // ssh shows nobody what goes wrong
		if err != nil {
			return exitNo
		}
		return exitYes
	}
	if err := gitrepo.CleanEnvironment(); err != nil {
		cli.Complain(os.Stderr, err)
		return exitFailed
	}
	tuneMemory()
	stdio := takeStdio()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := rootCommand(stdio).ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitYes
	case errors.Is(err, errNo):
		return exitNo
	case errors.Is(err, server.ErrNotShutDown):
		return exitNo // LSP: exit without shutdown
	case ctx.Err() != nil:
		return exitInterrupted
	}
	cli.Complain(os.Stderr, err)
	return exitFailed
}

// stdio is the process's own input and output. Nothing else gets hold of them: a
// library that prints, or a child that inherits, must not break into the
// protocol.
type stdio struct {
	in  *os.File
	out *os.File
}

func (s stdio) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s stdio) Write(p []byte) (int, error) { return s.out.Write(p) }
func (s stdio) Close() error                { return s.in.Close() }

// restore gives the process its standard output back.
func (s stdio) restore() { os.Stdout = s.out }

var _ io.ReadWriteCloser = stdio{}

// tuneMemory lets the heap grow further between collections while it is small:
// indexing allocates fast, and a soft limit keeps its peak where it was. The
// usual variables override it, and the configuration's limit follows (limitMemory).
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	limitMemory(400 << 20)
}

func limitMemory(bytes config.Size) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(min(bytes, math.MaxInt64))) //nolint:gosec // it is within
	}
}

func takeStdio() stdio {
	s := stdio{os.Stdin, os.Stdout}
	if null, err := os.Open(os.DevNull); err == nil {
		os.Stdin = null
	}
	os.Stdout = os.Stderr
	return s
}

// global are the flags of all verbs.
type global struct {
	dir, repo, format string
	private           bool
	verbose           bool
}

func rootCommand(io stdio) *cobra.Command {
	var g global
	var useStdio bool
	root := &cobra.Command{
		Use:   "cabhfuil-lsp",
		Short: "Where is my fix? Which branches and tags contain a commit",
		Long: `Cá bhfuil mo phaiste? cabhfuil-lsp tells which branches and tags contain a commit.

Without a verb it speaks LSP over standard input and output, for editors.`,
		Version: version, SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !useStdio && term.IsTerminal(int(io.in.Fd())) {
				return cmd.Help()
			}
			return serveStdio(cmd.Context(), io, g)
		},
	}
	root.SetOut(io.out)
	root.SetErr(os.Stderr)
	root.Flags().BoolVar(&useStdio, "stdio", false, "speak LSP over standard input and output")
	f := root.PersistentFlags()
	f.StringVarP(&g.dir, "directory", "C", "", "answer for the repository at `DIR` alone, indexed on the spot when new")
	f.StringVar(&g.repo, "repo", "", "answer for the known repository of this `NAME` alone")
	f.StringVar(&g.format, "format", "text", "text or json")
	f.BoolVar(&g.private, "private", false, "neither use nor start the shared background process")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "list all, and log to standard error")
	root.AddCommand(whereCommand(io, &g), searchCommand(io, &g), missingCommand(io, &g), checkCommand(io, &g), statusCommand(io, &g), tasksCommand(io, &g), repoCommand(io, &g), stopCommand(io, &g), serveCommand(io, &g), daemonCommand(), versionCommand(io, &g), manCommand(), configCommand(io, &g), pluginCommand(io, &g))
	root.CompletionOptions.HiddenDefaultCmd = false
	return root
}

func newLog(verbose bool, level slog.Level) *slog.Logger {
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// serveStdio serves one editor.
func serveStdio(ctx context.Context, io stdio, g global) error {
	house := &shared{verbose: g.verbose, private: g.private}
	w := window{editor: io, log: newLog(g.verbose, slog.LevelWarn), house: house}
	err := w.serve(ctx)
	return errors.Join(err, house.close())
}
