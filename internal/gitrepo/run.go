package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// localVariables is what `git rev-parse --local-env-vars` lists: variables that
// tie a git process to one repository. An editor that git started has them set.
var localVariables = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT",
	"GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE",
	"GIT_INDEX_FILE", "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX",
	"GIT_SHALLOW_FILE", "GIT_COMMON_DIR", "GIT_INTERNAL_SUPER_PREFIX", "GIT_REF_STORAGE_FORMAT", "GIT_NAMESPACE",
}

// CleanEnvironment unsets the variables that tie this process to one
// repository. Call it once, before anything else runs.
func CleanEnvironment() error {
	var errs []error
	for _, v := range localVariables {
		errs = append(errs, os.Unsetenv(v))
	}
	return errors.Join(errs...)
}

// environment is what each git process gets: no repository of somebody else's,
// no prompt, no lock, no fetch of missing objects, no transport, plain English.
func environment(extra ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(localVariables, name) || strings.HasPrefix(name, "GIT_TRACE")
	})
	return append(append(env,
		"GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1",
		"GIT_PAGER=cat", "GIT_ATTR_NOSYSTEM=1", "LC_ALL=C",
		// Histories are shown as their objects are, to everybody the same, whatever
		// this clone replaces or grafts.
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_GRAFT_FILE="+filepath.Join(os.DevNull, "none")), extra...)
}

// processTimeout ends a git process that ought to answer at once and does not.
const processTimeout = 60 * time.Second

// gitError is a git process that failed, with what it said.
type gitError struct {
	args []string
	said string
	err  error
}

func (e *gitError) Error() string {
	if e.said != "" {
		return "git " + e.args[0] + ": " + e.said
	}
	return "git " + e.args[0] + ": " + e.err.Error()
}

func (e *gitError) Unwrap() error { return e.err }

// command makes a git process that is killed when ctx ends.
func command(ctx context.Context, dir string, env []string, args ...string) (*exec.Cmd, *tail) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = env
	cmd.WaitDelay = 2 * time.Second
	said := &tail{}
	cmd.Stderr = said
	return cmd, said
}

// run runs git to its end and returns what it printed, also when it fails.
func run(ctx context.Context, dir string, env []string, stdin io.Reader, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, processTimeout)
	defer cancel()
	cmd, said := command(ctx, dir, env, args...)
	cmd.Stdin = stdin
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return out.Bytes(), &gitError{args, said.String(), err}
	}
	return out.Bytes(), nil
}

// tail keeps the last bytes of what a process says.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const maxTail = 2048

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if len(t.buf) > maxTail {
		t.buf = append([]byte(nil), t.buf[len(t.buf)-maxTail:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(strings.TrimPrefix(string(t.buf), "fatal: "))
}

// makeView makes the private git directory that objects of one format are read
// through: a HEAD that leads nowhere, a configuration of ours, no refs, no
// hooks, no attributes. It is shared by all repositories of that format, since
// the objects come by GIT_OBJECT_DIRECTORY.
func makeView(viewDir, format string) (string, error) {
	dir := filepath.Join(viewDir, format)
	config := "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
	if format != "sha1" {
		config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectFormat = " + format + "\n"
	}
	if isView(dir, config) {
		return dir, nil
	}
	for _, sub := range []string{"objects", "refs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return "", fmt.Errorf("making a view: %w", err)
		}
	}
	// Two processes may make it at once: each file appears whole, with the same
	// content, and config last.
	for _, f := range [][2]string{{"HEAD", viewHead}, {"config", config}} {
		tmp, err := os.CreateTemp(dir, "tmp-*")
		if err != nil {
			return "", fmt.Errorf("making a view: %w", err)
		}
		_, err = tmp.WriteString(f[1])
		if err = errors.Join(err, tmp.Close()); err == nil {
			err = os.Rename(tmp.Name(), filepath.Join(dir, f[0]))
		}
		if err != nil {
			return "", errors.Join(fmt.Errorf("making a view: %w", err), os.Remove(tmp.Name()))
		}
	}
	return dir, nil
}

const viewHead = "ref: refs/heads/none\n"

// isView says whether the view is there, whole.
func isView(dir, config string) bool {
	for _, f := range [][2]string{{"HEAD", viewHead}, {"config", config}} {
		if b, err := os.ReadFile(filepath.Join(dir, f[0])); err != nil || string(b) != f[1] {
			return false
		}
	}
	for _, sub := range []string{"objects", "refs"} {
		if info, err := os.Stat(filepath.Join(dir, sub)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// makeTempView makes the view in a temporary directory, for want of the one that
// why is about.
func makeTempView(format string, why error) (temp, dir string, err error) {
	temp, err = os.MkdirTemp("", "cabhfuil-view-")
	if err != nil {
		return "", "", errors.Join(why, err)
	}
	if dir, err = makeView(temp, format); err != nil {
		return "", "", errors.Join(why, err, os.RemoveAll(temp))
	}
	return temp, dir, nil
}
