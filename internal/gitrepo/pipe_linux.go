package gitrepo

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// widen lets a pipe hold more than the usual 64 kB, so that who writes and who
// reads wait for each other less often.
func widen(pipe io.Reader) {
	file, ok := pipe.(*os.File)
	if !ok {
		return
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20) }) //nolint:errcheck // then it holds less
}
