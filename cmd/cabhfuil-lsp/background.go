package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/internal/daemon"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/server"
	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

// executable is this program as it can be started again: an update or go run may
// have removed the file that it came from.
func executable() (string, error) {
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); err == nil {
		return self, nil
	}
	return os.Executable()
}

// thisProgram tells this build from others; zero where it cannot be found.
func thisProgram() daemon.Program {
	path, err := executable()
	if err != nil {
		return daemon.Program{}
	}
	info, err := os.Stat(path)
	if err != nil {
		return daemon.Program{}
	}
	return daemon.Program{Version: version, Size: info.Size(), Modified: info.ModTime().UTC()}
}

// placeOf is where the background process of the directories is met. The home
// directory counts too: git has its configuration there, and ssh its keys.
func placeOf(dirs config.Dirs) (daemon.Place, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return daemon.Place{}, err
	}
	return daemon.Find(dirs.Config, dirs.Cache, dirs.State, home)
}

// alike are the variables that change what git reads and who @me is: clients whose
// values differ do not share a process.
var alike = []string{
	"XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
	"GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_AUTHOR_EMAIL",
}

func likeness() string {
	sum := sha256.New()
	for _, name := range alike {
		value, set := os.LookupEnv(name)
		fmt.Fprintf(sum, "%s %t %d %s\n", name, set, len(value), value)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// join joins the background process, which is started where start is wanted and
// none runs.
func join(ctx context.Context, dirs config.Dirs, purpose daemon.Purpose, start bool) (*daemon.Conn, error) {
	place, err := placeOf(dirs)
	if err != nil {
		return nil, err
	}
	hello := daemon.Hello{Program: thisProgram(), Purpose: purpose, Like: likeness(), Env: gitrepo.NetworkOf(os.LookupEnv, secretNames(dirs)...)}
	if !start {
		return daemon.Join(ctx, place, hello, nil)
	}
	return daemon.Join(ctx, place, hello, func() (*exec.Cmd, error) { return startDaemon(dirs) })
}

// secretNames are the variables that the configuration names: for authentication, and
// for plugins, with those that the built-in ones know.
func secretNames(dirs config.Dirs) []string {
	c, _ := config.Load(dirs) // its faults are the background process's to tell
	return append(namesOf(c.Auth), forgeSettingsOf(c).variables()...)
}

func namesOf(auth config.Auth) []string {
	var names []string
	for _, methods := range []map[string]config.AuthMethod{auth.Defaults, auth.AuthMethods} {
		for _, m := range methods {
			names = append(names, m.TokenEnv, m.UsernameEnv, m.SSHPassphraseEnv)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// networkOf takes from a client's greeting what it may say.
func (a *app) networkOf(hello daemon.Hello) gitrepo.Network {
	a.reading.Lock()
	names := namesOf(a.config.Auth)
	a.reading.Unlock()
	return gitrepo.NetworkOf(func(name string) (string, bool) {
		value, set := hello.Env[name]
		return value, set
	}, names...)
}

// maxLog is the size from which on the background process begins a new log.
const maxLog = 1 << 20

// logOf is where the background process logs to.
func logOf(dirs config.Dirs) string { return filepath.Join(dirs.State, "log") }

// openStderr is the standard error of the background process: a file beside its log,
// which has what only the runtime says, such as a panic.
func openStderr(dirs config.Dirs) (*os.File, error) {
	path := filepath.Join(logOf(dirs), "daemon.log")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

func startDaemon(dirs config.Dirs) (*exec.Cmd, error) {
	path, err := executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path)
	cmd.Args = []string{"cabhfuil-lsp", "daemon"} // as people see it
	daemon.Detach(cmd)
	if log, err := openStderr(dirs); err == nil { // else it says nothing
		defer log.Close() //nolint:errcheck // the process has its own
		cmd.Stderr = log
	}
	return cmd, cmd.Start()
}

func daemonCommand() *cobra.Command {
	return &cobra.Command{
		Use: "daemon", Short: "Be the background process", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDaemon(cmd.Context()) },
	}
}

// runDaemon is the background process.
func runDaemon(ctx context.Context) error {
	dirs := config.FindDirs()
	place, err := placeOf(dirs)
	if err != nil {
		return err
	}
	log, closeLog := stayingLog(false)
	var a *app
	d, err := daemon.Listen(ctx, daemon.Options{
		Place: place, Program: thisProgram(), Like: likeness(), Log: log,
		Idle: func() time.Duration { return a.idleTimeout() },
		Busy: func() bool { return a.busy() },
	})
	if errors.Is(err, daemon.ErrRunning) {
		return closeLog()
	}
	if err != nil {
		return errors.Join(err, closeLog())
	}
	info := d.Info()
	log.Info("the background process serves", "pid", info.PID, "version", version, "socket", place.Socket)
	a = newApp(appOptions{dirs: dirs, words: true, paths: true, watch: true, log: log, background: d.Info})
	a.tell(nil)
	a.begin(a.closeUnvisited)
	d.Serve(ctx, func(ctx context.Context, conn io.ReadWriteCloser, hello daemon.Hello) {
		if hello.Purpose == daemon.Verb {
			a.freshen(ctx)
		}
		network := a.networkOf(hello)
		a.forges.give(func(name string) (string, bool) { value, set := hello.Env[name]; return value, set })
		if _, agent := network["SSH_AUTH_SOCK"]; agent || hello.Purpose == daemon.Window { // a timer's verb has none
			a.clones.SetNetwork(network)
		}
		if err := a.serveAs(ctx, conn, network); err != nil {
			log.Debug("a client left", "purpose", hello.Purpose, "error", err)
		}
	})
	return errors.Join(a.close(), closeLog(), d.Close())
}

func (a *app) idleTimeout() time.Duration { return time.Duration(a.idle.Load()) }

// busy says whether something goes on that nobody may be waiting for.
func (a *app) busy() bool {
	for _, t := range a.tracker.List() {
		if !t.State.Ended() {
			return true
		}
	}
	return false
}

// closeUnvisited closes what nobody has asked about for the idle time.
func (a *app) closeUnvisited() {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-a.ctx.Done():
			return
		case <-tick.C:
		}
		if idle := a.idleTimeout(); idle > 0 {
			if err := a.registry.CloseUnvisited(time.Now().Add(-idle)); err != nil {
				a.log.Warn("closing what nobody asks about", "error", err)
			}
		}
	}
}

// freshen takes over what has just been written to the configuration: a terminal's
// next command must not be faster than the watching of the files.
func (a *app) freshen(ctx context.Context) {
	a.reading.Lock()
	changed := a.seen != config.Fingerprint(a.dirs)
	a.reading.Unlock()
	if !changed {
		return
	}
	before := a.problems()
	a.configure()
	a.tell(before)
	a.registry.OpenDeclared(ctx)
	a.changed()
}

// patience is how long a terminal shows nothing of what the background process does:
// most of it is not for this question.
const patience = 500 * time.Millisecond

// askShared asks the background process. Its error is errUnshared where there is
// none to ask, or it was lost; nothing was shown then.
func askShared(ctx context.Context, command string, talk func(execute func(argument map[string]any, result any) error) error) error {
	conn, err := join(ctx, config.FindDirs(), daemon.Verb, true)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnshared, err)
	}
	err = askOver(ctx, conn, command, talk, patience)
	if errors.Is(err, client.ErrLost) && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", errUnshared, err)
	}
	return err
}

// refreshShared returns when the background process, if one runs, has read the
// configuration as it is now.
func refreshShared(ctx context.Context, dirs config.Dirs) {
	conn, err := join(ctx, dirs, daemon.Verb, false)
	if err != nil {
		return
	}
	c, err := client.New(ctx, conn, client.Options{})
	if err != nil {
		return
	}
	_ = c.Close(ctx) //nolint:errcheck // it has read it
}

// errUnshared says that a verb has to do its work itself.
var errUnshared = errors.New("the background process cannot be used")

// maxRejoins is how often within rejoinTime a window joins background processes
// anew. If they do not last longer, it is better off alone.
const (
	maxRejoins = 3
	rejoinTime = time.Minute
)

// window is an editor and how it is served.
type window struct {
	editor io.ReadWriteCloser
	remote bool // the editor is perhaps on another machine
	log    *slog.Logger
	house  *shared // what serves it where there is no background process

	joined []time.Time
	alone  bool
	served sync.WaitGroup
}

// serve serves the editor by the background process, or in this one where that
// cannot be. It returns as server.Serve does.
func (w *window) serve(ctx context.Context) error {
	var conn io.ReadWriteCloser
	var err error
	if !w.house.private {
		conn, err = w.join(ctx)
	}
	if conn == nil {
		if err != nil {
			w.log.Warn("going on in this process", "error", err)
		}
		if !w.remote {
			return w.house.open().serve(ctx, w.editor)
		}
		conn = w.here(ctx)
	}
	err = server.Relay(ctx, server.RelayOptions{Editor: w.editor, Server: conn, Join: w.rejoin, Remote: w.remote})
	w.served.Wait()
	return err
}

func (w *window) join(ctx context.Context) (io.ReadWriteCloser, error) {
	conn, err := join(ctx, config.FindDirs(), daemon.Window, true)
	if err != nil {
		return nil, err
	}
	w.log.Debug("joined the background process", "pid", conn.Info.PID, "socket", conn.Info.Socket)
	return conn, nil
}

// here is a connection to this process's own app.
func (w *window) here(ctx context.Context) io.ReadWriteCloser {
	w.alone = true
	near, far := net.Pipe()
	w.served.Go(func() {
		if err := w.house.open().serve(ctx, far); err != nil {
			w.log.Debug("a connection ended", "error", err)
		}
	})
	return near
}

// rejoin is for a window that lost its server.
func (w *window) rejoin(ctx context.Context) (io.ReadWriteCloser, error) {
	if w.alone {
		return nil, errors.New("the connection broke")
	}
	now := time.Now()
	w.joined = append(w.joined, now)
	if len(w.joined) > maxRejoins && now.Sub(w.joined[len(w.joined)-1-maxRejoins]) < rejoinTime {
		w.log.Warn("the background process was lost too often; going on in this process")
		return w.here(ctx), nil
	}
	conn, err := w.join(ctx)
	if err != nil {
		w.log.Warn("the background process was lost; going on in this process", "error", err)
		return w.here(ctx), nil
	}
	w.log.Warn("the background process was lost; joined another one")
	return conn, nil
}

// stopped is what stop did.
type stopped struct {
	Stopped bool `json:"stopped"`
	PID     int  `json:"pid"`
	Windows int  `json:"windows"` // that were open; they start it again when they need it
}

func stopCommand(io stdio, g *global) *cobra.Command {
	return &cobra.Command{
		Use: "stop", Short: "Stop the background process", Args: cobra.NoArgs,
		Long: `Stop the background process of this user and wait until it is gone. Questions that it is answering are finished first.
Editors that are open start it again when they need it.

Exits 0 when it was stopped, 1 when none runs, 2 on failure.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			place, err := placeOf(config.FindDirs())
			if err != nil {
				return err
			}
			info, err := daemon.End(cmd.Context(), place, daemon.Hello{Program: thisProgram()})
			none := errors.Is(err, fs.ErrNotExist)
			if err != nil && !none {
				return err
			}
			said := stopped{Stopped: !none, PID: info.PID, Windows: info.Windows}
			text := "No background process runs."
			if !none {
				text = fmt.Sprintf("Stopped the background process, %d.", info.PID)
			}
			if said.Windows > 0 {
				text += fmt.Sprintf(" Open in editors: %s; they start it again when they need it.", cli.Count(said.Windows, "window"))
			}
			if err := printed(io, g, said, func() error { _, err := fmt.Fprintln(io.out, text); return err }); err != nil {
				return err
			}
			if none {
				return errNo
			}
			return nil
		},
	}
}

// process tells of the background process, nil where this is none.
func (a *app) process() *cli.Process {
	if a.background == nil {
		return nil
	}
	i := a.background()
	return &cli.Process{PID: i.PID, Version: cmp.Or(i.Program.Version, version), Started: i.Started, Windows: i.Windows, Verbs: i.Verbs, Socket: i.Socket, Log: logOf(a.dirs)}
}
