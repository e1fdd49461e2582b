//go:build !unix

package daemon

import (
	"context"
	"errors"
	"net"
	"os/exec"
)

// Windows has Unix sockets, but nothing that tells whose the other side is: every
// process serves itself there.
const supported = false

var errUnsupported = errors.New("there is no background process on this platform")

func private(string) error { return errUnsupported }

func sameUser(net.Conn) error { return errUnsupported }

// Detach does nothing here.
func Detach(*exec.Cmd) {}

func waitFree(context.Context, Place) error { return errUnsupported }
