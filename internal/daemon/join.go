package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os/exec"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// Conn is a client's connection to the background process.
type Conn struct {
	*peer
	Info Info // as the process told it
}

// ErrUnlike says that the background process is another program, or has another
// environment: the client has to do without it.
var ErrUnlike = errors.New("the background process is another build of this program, or has another configuration of git")

// JoinTime is how long a client tries to join the process, and starts it.
const JoinTime = 2 * time.Second

// Join connects to the background process of the place. Where none runs, start
// starts one; nil starts none, and the error is fs.ErrNotExist then. An error says
// that the client has to do without.
func Join(ctx context.Context, place Place, hello Hello, start func() (*exec.Cmd, error)) (*Conn, error) {
	hello.Protocol = Protocol
	deadline := time.Now().Add(JoinTime)
	var ended chan error // of the process that was started
	// One client at a time starts it: what comes late would stay when the first one
	// was stopped already.
	starting := flock.New(place.Start, flock.SetPermissions(0o600))
	defer starting.Close() //nolint:errcheck // the process's end unlocks it too
	tick := time.NewTicker(pollTime / 2)
	defer tick.Stop()
	for {
		conn, err := dial(place, hello, deadline)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return conn, err
		}
		if start == nil {
			return nil, err
		}
		first := false
		if ended == nil {
			if first, err = starting.TryLock(); err != nil {
				return nil, fmt.Errorf("starting the background process: %w", err)
			}
		}
		if first {
			// Somebody else may have started it just now.
			if conn, err := dial(place, hello, deadline); err == nil || !errors.Is(err, fs.ErrNotExist) {
				return conn, err
			}
			cmd, err := start()
			if err != nil {
				return nil, fmt.Errorf("starting the background process: %w", err)
			}
			ended = make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case err := <-ended:
			if err != nil {
				return nil, fmt.Errorf("the background process ended at once: %w", err)
			}
			ended = nil // another one was faster, or is ending already
		case <-tick.C:
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the background process did not come within %v", JoinTime)
		}
	}
}

// dial connects once. fs.ErrNotExist says that no process serves here, or none for
// long.
func dial(place Place, hello Hello, deadline time.Time) (*Conn, error) {
	d := net.Dialer{Deadline: deadline}
	c, err := d.Dial("unix", place.Socket)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EAGAIN):
		return nil, fmt.Errorf("%w: no background process", fs.ErrNotExist)
	case err != nil:
		return nil, err
	}
	p := newPeer(c)
	got, err := exchange(p, hello, deadline)
	switch {
	case err != nil:
	case got.Refused == "":
		return &Conn{p, got.Info}, nil
	case got.Refused == ending:
		err = fmt.Errorf("%w: the background process is ending", fs.ErrNotExist)
	default:
		err = ErrUnlike
	}
	return nil, errors.Join(err, c.Close())
}

func exchange(p *peer, hello Hello, deadline time.Time) (got answer, err error) {
	if err := sameUser(p.Conn); err != nil {
		return got, err
	}
	if err := p.SetDeadline(deadline); err != nil {
		return got, err
	}
	if err = p.greet(hello); err == nil {
		err = p.greeting(&got)
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return got, fmt.Errorf("%w: the background process ended", fs.ErrNotExist)
	case err != nil:
		return got, fmt.Errorf("greeting the background process: %w", err)
	}
	return got, p.SetDeadline(time.Time{})
}

// StopTime is how long End waits for the process to be gone.
const StopTime = 20 * time.Second

// End ends the background process of the place and waits until it is gone.
// fs.ErrNotExist says that there was none.
func End(ctx context.Context, place Place, hello Hello) (Info, error) {
	hello.Protocol, hello.Purpose = Protocol, Stop
	ctx, cancel := context.WithTimeout(ctx, StopTime)
	defer cancel()
	starting := flock.New(place.Start, flock.SetPermissions(0o600))
	defer starting.Close() //nolint:errcheck // the process's end unlocks it too
	if _, err := starting.TryLockContext(ctx, pollTime); err != nil {
		return Info{}, fmt.Errorf("somebody is starting the background process: %w", err)
	}
	c, err := net.Dial("unix", place.Socket)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return Info{}, fmt.Errorf("%w: no background process", fs.ErrNotExist)
	}
	if err != nil {
		return Info{}, err
	}
	defer c.Close() //nolint:errcheck // nothing is written any more
	got, err := exchange(newPeer(c), hello, time.Now().Add(JoinTime))
	if err != nil {
		return Info{}, err
	}
	if err := waitFree(ctx, place); err != nil {
		return got.Info, fmt.Errorf("process %d has not ended yet: %w", got.PID, err)
	}
	return got.Info, nil
}
