package server

import (
	"context"
	"time"
)

// processEnds waits until a process has ended, and looks for it every so often;
// false when ctx is done before. One that is not there to begin with is waited for
// until then: it is a container's or a machine's that this one does not see into.
func processEnds(ctx context.Context, pid int, every time.Duration) bool {
	if !processLives(pid) {
		<-ctx.Done()
		return false
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
			if !processLives(pid) {
				return true
			}
		}
	}
}
