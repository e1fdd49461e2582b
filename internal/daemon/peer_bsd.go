//go:build darwin || freebsd

package daemon

import "golang.org/x/sys/unix"

// peerUser is the user of the process that connected, or that listens.
func peerUser(fd int) (int, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}
