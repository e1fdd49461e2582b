package server

import (
	"path/filepath"
	"strings"
	"testing"
)

// FuzzCommitFile holds that a repository's name never leads out of the directory
// of commits' documents.
func FuzzCommitFile(f *testing.F) {
	for _, name := range []string{"nova", "a/b", "..", ".", "", "../../etc", "...", "a\\b", "\x00", "/"} {
		f.Add(name)
	}
	s := &session{server: New(Options{CacheDir: "/cache"})}
	f.Fuzz(func(t *testing.T, name string) {
		sha := strings.Repeat("1a", 20)
		file := s.commitFile(name, sha)
		rel, err := filepath.Rel("/cache/commits", file)
		dir, base := filepath.Split(rel)
		if err != nil || !filepath.IsLocal(rel) || base != sha+".commit" || strings.Count(dir, "/") > 1 {
			t.Errorf("%q makes %s", name, file)
		}
	})
}
