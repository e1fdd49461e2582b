//go:build !unix

package host

import (
	"os"
	"os/exec"
)

// bind has nothing to do here.
func bind(*exec.Cmd) {}

// killGroup has nothing to do here.
func killGroup(*os.Process) {}

// resident is not looked at here.
func resident(int) int64 { return 0 }
