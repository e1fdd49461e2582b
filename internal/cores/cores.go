// Package cores says how many cores there are for work, and lets a process keep more
// of its goroutines ready to run than these.
package cores

import (
	"os"
	"runtime"
)

// count is taken before anybody can call Spare.
var count = runtime.GOMAXPROCS(0)

// Count is how many goroutines that compute can run side by side: the cores that the
// process may use, or what GOMAXPROCS says in the environment.
func Count() int { return count }

// spare is how many goroutines may stand still inside the kernel before those that
// answer wait behind those that compute.
const spare = 2

// Spare gives the Go scheduler two processors more than Count, unless GOMAXPROCS is
// set in the environment. A goroutine that starts a process or touches a page of a
// mapped file that is still on the disk keeps its processor without using a core, for
// tens of milliseconds while the machine is busy (runtime: vfork and page faults are
// no system calls that hand it over). Whoever shares work among the cores asks Count.
func Spare() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(count + spare)
	}
}
