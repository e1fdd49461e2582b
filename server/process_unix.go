//go:build unix

package server

import (
	"errors"
	"syscall"
)

// processLives says whether a process exists; one of somebody else's does.
func processLives(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
