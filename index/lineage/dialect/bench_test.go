package dialect_test

import (
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/index/lineage/dialect"
)

const prose = `net: close the socket in time

When the peer goes away while the engine still writes, the socket stays
open until the next round of the collector, which may be a minute later.
A busy server runs out of descriptors by then, and refuses new peers.

Close it as soon as the write fails. That is what the reader does since
long, and both share the same path now. The counter of open sockets is
taken down at the same place, so that it is right in both cases.

Reported-by: Aoife Byrne <aoife@example.org>
Reviewed-by: Cian Daly <cian@example.org>
Signed-off-by: Niamh Walsh <niamh@example.org>
`

// messages is a typical mixture of ten: half of them claim nothing, most of the
// others one thing.
var messages = []string{
	prose, prose, prose, prose, "Merge \"net: close the socket in time\"\n",
	prose + "Fixes: 1b4e28ba9d5f (\"net: open the socket late\")\n",
	prose + "\nChange-Id: I1b4e28ba9d5f4c0e8a7163f2d0c95ae47b6e1f02\n",
	prose + "\nChange-Id: I1b4e28ba9d5f4c0e8a7163f2d0c95ae47b6e1f02\n(cherry picked from commit 1b4e28ba9d5f4c0e8a7163f2d0c95ae47b6e1f02)\n",
	"Revert \"net: close the socket in time\"\n\nThis reverts commit 1b4e28ba9d5f4c0e8a7163f2d0c95ae47b6e1f02.\n\n" + prose[31:],
	prose[:30] + "\ncommit 1b4e28ba9d5f4c0e8a7163f2d0c95ae47b6e1f02 upstream.\n" + prose[31:],
}

func BenchmarkRead(b *testing.B) {
	run := func(name string, messages ...string) {
		b.Run(name, func(b *testing.B) {
			s := dialect.Builtin()
			b.ReportAllocs()
			b.SetBytes(int64(len(strings.Join(messages, ""))) / int64(len(messages)))
			n, i := 0, 0
			for b.Loop() {
				s.Read(messages[i], func(dialect.Claim) bool { n++; return true })
				if i++; i == len(messages) {
					i = 0
				}
			}
		})
	}
	run("mixture", messages...)
	run("nothing", prose)
	run("change-id", messages[6])
	run("cherry-pick", messages[7])
	run("fixes", messages[5])
	run("revert", messages[8])
}

func BenchmarkNormalSubject(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		dialect.NormalSubject("net: close the socket in time")
		dialect.NormalSubject("gh-4711: close the socket in time (#4712)")
	}
}

func TestNoClaimNoAllocation(t *testing.T) {
	s := dialect.Builtin()
	if n := testing.AllocsPerRun(100, func() { s.Read(prose, func(dialect.Claim) bool { return true }) }); n != 0 {
		t.Errorf("%v allocations for a message that claims nothing", n)
	}
}
