//go:build unix

package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

const supported = true

// private says why a directory is not this user's alone.
func private(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is no directory", dir)
	case !ok || int(st.Uid) != os.Getuid():
		return fmt.Errorf("%s belongs to another user", dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s may be used by others: its mode is %04o", dir, info.Mode().Perm())
	}
	return nil
}

// errOtherUser refuses a peer.
var errOtherUser = errors.New("the other side is another user")

// sameUser says why a connection is not to this user.
func sameUser(conn net.Conn) error {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return errors.New("no Unix socket")
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var uid int
	var peerErr error
	if err := raw.Control(func(fd uintptr) { uid, peerErr = peerUser(int(fd)) }); err != nil {
		return err
	}
	if peerErr != nil {
		return fmt.Errorf("asking who the other side is: %w", peerErr)
	}
	if uid != os.Getuid() {
		return fmt.Errorf("%w: %d", errOtherUser, uid)
	}
	return nil
}

// Detach makes a process that outlives this one: a session of its own, nothing
// inherited but where it logs to, and / as its directory.
func Detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout = nil, nil
	// What a shell opened for us would be inherited too, and whoever reads the other
	// end of it would wait for the background process.
	for _, list := range []string{"/proc/self/fd", "/dev/fd"} {
		entries, err := os.ReadDir(list)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
				syscall.CloseOnExec(fd)
			}
		}
		return
	}
}

// waitFree waits until no process has the place.
func waitFree(ctx context.Context, place Place) error {
	lock := flock.New(place.Lock, flock.SetPermissions(0o600))
	_, err := lock.TryLockContext(ctx, 2*time.Millisecond)
	return errors.Join(err, lock.Close())
}
