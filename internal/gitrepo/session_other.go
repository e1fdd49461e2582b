//go:build !unix

package gitrepo

import "os/exec"

// ownSession is for systems whose sessions can be ended as a whole.
func ownSession(*exec.Cmd) {}

// runSession runs a process of which nothing here can end the helpers when this one
// is killed.
func runSession(cmd *exec.Cmd) error { return cmd.Run() }
