//go:build unix && !linux

package host

import (
	"os/exec"
	"syscall"
)

// bind gives the plugin a process group of its own, so that an interrupt in a
// terminal reaches us first and we end the plugin. Where we are killed, the plugin
// finds out by itself (plugins.Serve).
func bind(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// resident is not looked at here.
func resident(int) int64 { return 0 }
