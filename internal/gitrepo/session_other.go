//go:build !unix

package gitrepo

import "os/exec"

// ownSession is for systems whose sessions can be ended as a whole.
func ownSession(*exec.Cmd) {}
