package server_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// TestProcessEnds: a client's process is missed once it has been there; one that
// never was, as an editor's is to a server in a container, is waited for.
func TestProcessEnds(t *testing.T) {
	const often = time.Millisecond
	editor := exec.CommandContext(t.Context(), "cat")
	pipe, err := editor.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := editor.Start(); err != nil {
		t.Fatal(err)
	}
	pid := editor.Process.Pid
	ended := make(chan bool)
	go func() { ended <- server.ProcessEnds(t.Context(), pid, often) }()
	select {
	case <-ended:
		t.Error("a process that runs counts as ended")
	case <-time.After(20 * often):
	}
	if err := pipe.Close(); err != nil {
		t.Fatal(err)
	}
	if err := editor.Wait(); err != nil {
		t.Fatal(err)
	}
	if !<-ended {
		t.Error("a process that ended does not")
	}

	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- server.ProcessEnds(ctx, pid, often) }()
	select {
	case <-ended:
		t.Error("a process that was never there counts as ended")
	case <-time.After(20 * often):
	}
	cancel()
	if <-ended {
		t.Error("so it does when nobody waits any more")
	}
}
