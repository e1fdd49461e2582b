//go:build unix

package gitrepo

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// guard waits for this process to end, whatever ends it, and then ends a process
// group: it is told the group in a line, and in another one that nothing is left to
// do; what comes instead when a process is killed is the end of the file. A parent's
// death signal would do no such thing: git does not hand it on to its helpers, which
// wait for a server that may never answer.
const guard = `read -r group || exit
read -r done && exit
kill -s TERM -- -"$group"
sleep 2
kill -s KILL -- -"$group"`

// transferNice is how much less a transfer counts than other processes.
const transferNice = 5

// giveWay lets what else runs on the machine go before a session. Where Linux groups
// processes by sessions, niceness is told to the group (sched(7), "The autogroup
// feature"). What cannot be told leaves the session as fast as others.
func giveWay(session int) {
	_ = syscall.Setpriority(syscall.PRIO_PGRP, session, transferNice)                                                       //nolint:errcheck // as above
	_ = os.WriteFile(filepath.Join("/proc", strconv.Itoa(session), "autogroup"), []byte(strconv.Itoa(transferNice)), 0o600) //nolint:errcheck // as above
}

// runSession runs a process of ownSession, which gives way to others on the
// machine, and ends with its helpers also when this process is killed.
func runSession(cmd *exec.Cmd) error {
	watch := exec.Command("sh", "-c", guard) //nolint:noctx // it ends when it is told to
	watch.Dir, watch.SysProcAttr = "/", &syscall.SysProcAttr{Setsid: true}
	told, err := watch.StdinPipe()
	if err == nil {
		err = watch.Start()
	}
	watched := err == nil // without a shell a transfer still runs
	if err = cmd.Start(); err == nil {
		giveWay(cmd.Process.Pid)
		if watched {
			_, _ = fmt.Fprintln(told, cmd.Process.Pid) //nolint:errcheck // there is nobody to tell
		}
		err = cmd.Wait()
	}
	if watched {
		_, _ = io.WriteString(told, "done\ndone\n") //nolint:errcheck // as above
		_ = told.Close()                            //nolint:errcheck // as above
		_ = watch.Wait()                            //nolint:errcheck // it has nothing to say
	}
	return err
}
