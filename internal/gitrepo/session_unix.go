//go:build unix

package gitrepo

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// ownSession starts a process in a session of its own, and has the end of its
// context end the whole of it: git does not end the helpers that hold its
// connections (git-remote-http, ssh). Asked to end, git removes its locks and
// halves of packs. There is no terminal to ask at in such a session.
func ownSession(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}
