package plugins

import (
	"slices"
	"strings"
	"testing"
)

// FuzzParseRemote holds that no spelling of a remote yields a host or a project
// that an address made from them could be led astray by.
func FuzzParseRemote(f *testing.F) {
	for _, s := range []string{"https://u:p@github.com:443/a/b.git", "git@github.com:a/b", "ssh://x/y/z", "ext::sh -c x", "0:0..", "h:a/...git", "https://h/%2e%2e/b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := ParseRemote(s)
		if !ok {
			return
		}
		parts := strings.Split(r.Project, "/")
		if r.Host == "" || strings.ContainsAny(r.Host+r.Project, "@ <>\"'\\\x00\n?#%") || slices.Contains(parts, "") || slices.Contains(parts, ".") || slices.Contains(parts, "..") {
			t.Fatalf("%q is %+v", s, r)
		}
	})
}
