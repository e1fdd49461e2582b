//go:build unix

package host

import (
	"os/exec"
	"syscall"
)

// detach gives the plugin a process group of its own, so that an interrupt in a
// terminal reaches us first and we end the plugin.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
