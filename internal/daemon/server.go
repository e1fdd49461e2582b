package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// Options are how a Server serves.
type Options struct {
	Place   Place
	Program Program
	Like    string // as Hello.Like
	// Idle is how long it stays when nobody is connected; 0 for ever. It is asked
	// again and again.
	Idle func() time.Duration
	// Busy says that something goes on that must not be cut off for idleness; nil for
	// never.
	Busy func() bool
	Log  *slog.Logger
}

// Session serves a connection after the greeting, until it closes or ctx ends.
type Session func(ctx context.Context, conn io.ReadWriteCloser, hello Hello)

// Server owns a place.
type Server struct {
	opt      Options
	lock     *flock.Flock
	listener *net.UnixListener
	started  time.Time

	mu     sync.Mutex
	ending bool
	end    chan struct{} // closed with ending
	counts map[Purpose]int
	left   time.Time      // when the last session ended
	greets sync.WaitGroup // and the sessions that follow them
}

// ErrRunning says that another process serves the place.
var ErrRunning = errors.New("a background process runs already")

const (
	// lockTime is how long a process waits for one that is ending.
	lockTime = 15 * time.Second
	// verbTime is how long an ending process lets questions go on. Windows are not
	// waited for: they ask the next one again.
	verbTime = 5 * time.Second
	// pollTime is how often a condition is looked at that nobody signals.
	pollTime = 10 * time.Millisecond
)

// Listen takes the place over: at once where nobody has it, or when the process
// that has it ends. ErrRunning says that it is taken, by one that answers.
func Listen(ctx context.Context, opt Options) (*Server, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	lock := flock.New(opt.Place.Lock, flock.SetPermissions(0o600))
	deadline := time.Now().Add(lockTime)
	for {
		held, err := lock.TryLock()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("locking the background process's place: %w", err), lock.Close())
		}
		if held {
			break
		}
		if conn, err := net.Dial("unix", opt.Place.Socket); err == nil {
			return nil, errors.Join(ErrRunning, conn.Close(), lock.Close())
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(ErrRunning, lock.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), lock.Close())
		case <-time.After(pollTime):
		}
	}
	// Whose socket this was is gone: it held the lock.
	if err := os.Remove(opt.Place.Socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("removing a stale socket: %w", err), lock.Close())
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: opt.Place.Socket, Net: "unix"})
	if err == nil {
		err = os.Chmod(opt.Place.Socket, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening: %w", err), lock.Close())
	}
	now := time.Now()
	return &Server{opt: opt, lock: lock, listener: listener, started: now, left: now, end: make(chan struct{}), counts: map[Purpose]int{}}, nil
}

// Info is the process as it stands.
func (s *Server) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info()
}

// info is the same for who holds s.mu.
func (s *Server) info() Info {
	return Info{
		Program: s.opt.Program, PID: os.Getpid(), Started: s.started, Windows: s.counts[Window], Verbs: s.counts[Verb],
		Socket: s.opt.Place.Socket, Protocol: Protocol,
	}
}

// Serve serves until nobody was connected for the idle time, somebody asks it to
// end, a newer program comes, or ctx ends. When it returns, no session runs and
// nobody can connect. The place stays locked until Close, so that what sessions
// share can be closed before another process opens it.
func (s *Server) Serve(ctx context.Context, session Session) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	windows, cut := context.WithCancel(ctx)
	defer cut()
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		for {
			conn, err := s.listener.AcceptUnix()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // such as too many open files
				s.opt.Log.Warn("accepting", "error", err)
				select {
				case <-s.end:
					return
				case <-time.After(pollTime):
				}
				continue
			}
			s.greets.Go(func() { s.receive(ctx, windows, conn, session) })
		}
	}()
	s.wait(ctx)
	s.finish("the process ends")
	<-accepted
	cut()
	done := make(chan struct{})
	go func() {
		s.greets.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	case <-time.After(verbTime):
	}
	cancel()
	<-done
}

// Close gives the place up.
func (s *Server) Close() error { return s.lock.Close() }

// idleCheck is how often idleness is looked for.
const idleCheck = 200 * time.Millisecond

// wait returns when it is time to end.
func (s *Server) wait(ctx context.Context) {
	tick := time.NewTicker(idleCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.end:
			return
		case <-tick.C:
		}
		if s.unreachable() {
			return
		}
		idle := s.opt.Idle()
		if idle <= 0 {
			continue
		}
		if s.opt.Busy != nil && s.opt.Busy() {
			s.touch()
			continue
		}
		s.mu.Lock()
		over := s.counts[Window]+s.counts[Verb] == 0 && time.Since(s.left) >= idle
		if over {
			s.stopAccepting("nobody has asked for " + idle.String())
		}
		s.mu.Unlock()
		if over {
			return
		}
	}
}

// unreachable ends a process that nobody uses and nobody can find any more: its
// socket was removed, perhaps with the whole home directory.
func (s *Server) unreachable() bool {
	if _, err := os.Lstat(s.opt.Place.Socket); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts[Window]+s.counts[Verb] > 0 {
		return false
	}
	s.stopAccepting("its socket was removed")
	return true
}

func (s *Server) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = time.Now()
}

func (s *Server) finish(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopAccepting(why)
}

// stopAccepting ends the listening, and with it the socket. s.mu is held: who is
// counted as a session is served.
func (s *Server) stopAccepting(why string) {
	if s.ending {
		return
	}
	s.ending = true
	close(s.end)
	s.opt.Log.Info("ending", "why", why)
	if err := s.listener.Close(); err != nil {
		s.opt.Log.Warn("ending", "error", err)
	}
}

// receive greets a client and serves it.
func (s *Server) receive(ctx, windows context.Context, conn *net.UnixConn, session Session) {
	defer conn.Close() //nolint:errcheck // the session may have closed it
	if err := sameUser(conn); err != nil {
		s.opt.Log.Warn("a client was refused", "error", err)
		return
	}
	p := newPeer(conn)
	_ = conn.SetDeadline(time.Now().Add(greetingTime)) //nolint:errcheck // it is a socket
	// A greeting is cut off when the process ends.
	stop := context.AfterFunc(windows, func() { _ = conn.SetDeadline(time.Now()) }) //nolint:errcheck // it is a socket
	var hello Hello
	err := p.greeting(&hello)
	stop()
	if err != nil {
		if errors.Is(err, errGreeting) {
			s.opt.Log.Warn("a client was refused", "error", err)
			s.refuse(p, answer{Info: s.Info(), Refused: malformed})
		}
		return
	}
	_ = conn.SetDeadline(time.Now().Add(greetingTime)) //nolint:errcheck // it is a socket
	said := s.admit(hello)
	if said.Refused != "" {
		s.refuse(p, said)
		return
	}
	defer s.leave(hello.Purpose)
	if err := p.greet(said); err != nil {
		s.opt.Log.Debug("greeting", "error", err)
		return
	}
	_ = conn.SetDeadline(time.Time{}) //nolint:errcheck // it is a socket
	if hello.Purpose == Window {
		ctx = windows
	}
	session(ctx, p, hello)
}

func (s *Server) refuse(p *peer, said answer) {
	if err := p.greet(said); err != nil {
		s.opt.Log.Debug("refusing", "error", err)
	}
}

// admit counts a client in, or says why not. The answer tells of the process as it
// stood then: one that was just told to end cuts its windows off at once.
func (s *Server) admit(h Hello) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := answer{Info: s.info()}
	switch {
	case h.Purpose == Stop:
		s.stopAccepting("somebody stops it")
		said.Refused = ending
	case s.ending:
		said.Refused = ending
	case h.Program.Newer(s.opt.Program):
		s.stopAccepting("a newer program takes over")
		said.Refused = ending
	case h.Purpose != Window && h.Purpose != Verb:
		said.Refused = malformed
	case h.Protocol != Protocol || !h.Program.Same(s.opt.Program) || h.Like != s.opt.Like:
		said.Refused = unlike
	default:
		s.counts[h.Purpose]++
		said.Info = s.info()
	}
	return said
}

func (s *Server) leave(p Purpose) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[p]--
	s.left = time.Now()
}
