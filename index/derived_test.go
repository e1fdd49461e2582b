package index_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

const derivedHistory = `
commit base "Add the engine"
commit leak "Fix leak in the engine" leak-body
branch stable/2
commit again "Fix double free in the engine" again-body
commit cache "Add the cache"
branch stable/1 base
checkout stable/1
cherry-pick leak1 -x leak
revert unleak1 leak1
checkout stable/2
cherry-pick cache2 -x cache
-- leak-body --
CVE-2025-1111
-- again-body --
Fixes: ${leak:12} ("Fix leak in the engine")
`

// TestDerivedSearch asks searches for what derives from what.
func TestDerivedSearch(t *testing.T) {
	r := gittest.New(t, derivedHistory)
	x := open(t, r.Dir, t.TempDir(), true)
	s := x.wait(t)
	for text, want := range map[string]string{
		"in:stable/2":                           "base leak leak1 cache cache2",
		"in:stable/1":                           "base unleak1",
		"missing:stable/2":                      "again unleak1",
		"missing:stable/1 -ref:stable/1":        "again cache cache2",
		"engine missing:stable/2 ref:main":      "again",
		"backport-of:" + r.Hash("leak").Short(): "leak1",
		"backport-of:stable/1":                  "",
		"fixes:" + r.Hash("leak1").Short():      "again",
		"fixes:CVE-2025-1111":                   "leak leak1",
		"fixes:no-such-key":                     "",
	} {
		found, err := x.search(t, s, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		got := r.Labels(found...)
		slices.Sort(got)
		wanted := strings.Fields(want)
		slices.Sort(wanted)
		if diff := cmp.Diff(wanted, got); diff != "" && len(wanted)+len(got) > 0 {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	if _, err := x.search(t, s, "missing:stable/9"); err == nil {
		t.Error("a line that is not there lacks nothing")
	}
}

// TestMergesInSearch holds that searches count the merge of a request as being on
// a line that has copies of all that it brought, as its landings do.
func TestMergesInSearch(t *testing.T) {
	r := gittest.New(t, `
commit base "Add the engine"
branch stable/1
branch stable/2
git checkout -q -b topic
commit t1 "Prepare the topic"
commit t2 "Finish the topic"
checkout main
git merge -q --no-ff -m "Merge pull request #4711 from someone/topic" topic
label request
git branch -D topic
checkout stable/1
cherry-pick p1 -x t1
cherry-pick p2 -x t2
checkout stable/2
cherry-pick q2 -x t2
`)
	x := open(t, r.Dir, t.TempDir(), true)
	s := x.wait(t)
	for text, want := range map[string]string{
		"type:merge in:stable/1":      "request",
		"type:merge missing:stable/1": "",
		"type:merge in:stable/2":      "",
		"type:merge missing:stable/2": "request",
	} {
		found, err := x.search(t, s, text)
		if got := strings.Join(r.Labels(found...), " "); err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}
