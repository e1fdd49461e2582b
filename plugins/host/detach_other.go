//go:build !unix

package host

import "os/exec"

// detach has nothing to do here.
func detach(*exec.Cmd) {}
