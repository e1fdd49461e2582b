//go:build !unix

package server

import "os"

// processLives says whether a process exists.
func processLives(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	return p.Release() == nil
}
