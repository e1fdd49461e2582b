package gittest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// config is the whole configuration of the git that builds repositories. It is a
// file, not GIT_CONFIG_COUNT, because git drops the latter for the processes
// that it starts in another repository, such as a clone's upload-pack.
const config = `[core]
	autocrlf = false
[gc]
	auto = 0
[maintenance]
	auto = false
[protocol "file"]
	allow = always
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[advice]
	detachedHead = false
`

// environment is what git runs in: nothing of the host's git, home and language.
func environment(tb testing.TB) []string {
	tb.Helper()
	home := tempDir(tb)
	file := filepath.Join(home, "gitconfig")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		tb.Fatalf("writing git's configuration: %v", err)
	}
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return hostVariable(name)
	})
	env = append(env, secluded(home)...)
	return append(env,
		"GIT_CONFIG_GLOBAL="+file, // after the one of secluded: the last one counts
		"GIT_AUTHOR_NAME="+Name, "GIT_AUTHOR_EMAIL="+Email,
		"GIT_COMMITTER_NAME="+Name, "GIT_COMMITTER_EMAIL="+Email,
		"GIT_EDITOR=true", "GIT_MERGE_AUTOEDIT=no", "TZ=UTC", "LC_ALL=C",
	)
}

// hostVariable tells whether a variable of the host could change what git does.
func hostVariable(name string) bool {
	return strings.HasPrefix(name, "GIT_") || strings.HasPrefix(name, "LC_") ||
		name == "LANG" || name == "LANGUAGE" || name == "EMAIL"
}

// secluded keeps the configuration of the user and of the system away.
func secluded(home string) []string {
	return []string{
		"HOME=" + home, "USERPROFILE=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, ".config"),
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
	}
}

// tempDir is tb.TempDir without symbolic links, so that paths which git prints
// compare equal.
func tempDir(tb testing.TB) string {
	tb.Helper()
	dir, err := filepath.EvalSymlinks(tb.TempDir())
	if err != nil {
		tb.Fatalf("resolving the temporary directory: %v", err)
	}
	return dir
}

// A Runner runs a package's tests, as *testing.M does.
type Runner interface{ Run() int }

// Isolate keeps the host's git configuration away from the tested code too, for
// as long as m runs: an empty home, no system configuration, no GIT_ variables.
// It acts on the whole process, which New does not, so that tests stay parallel:
//
//	func TestMain(m *testing.M) { os.Exit(gittest.Isolate(m).Run()) }
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(gittest.Isolate(m)) }
func Isolate(m Runner) Runner { return isolated{m} }

type isolated struct{ m Runner }

func (i isolated) Run() (code int) {
	home, err := os.MkdirTemp("", "gittest-home-*")
	if err == nil {
		err = isolate(home)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "isolating the tests from the host: %v\n", err)
		return 2
	}
	code = i.m.Run()
	if err := os.RemoveAll(home); err != nil {
		fmt.Fprintf(os.Stderr, "removing the tests' home: %v\n", err)
		return max(code, 1)
	}
	return code
}

func isolate(home string) error {
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "GIT_") {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	for _, kv := range secluded(home) {
		name, value, _ := strings.Cut(kv, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}
