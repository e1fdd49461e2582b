package config_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
)

// TestWatch holds what is signalled: files that come, change, are replaced or go,
// in a directory that may not be there yet, and through links.
func TestWatch(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	home := t.TempDir()
	dirs := config.Dirs{Config: filepath.Join(home, "config")}
	in := func(base string) string { return filepath.Join(dirs.Config, base) }
	ctx, cancel := context.WithCancel(t.Context())
	signals := config.Watch(ctx, dirs)
	write := func(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }
	for _, step := range []struct {
		does string
		do   func() error
	}{
		{"the directory comes, and a file", func() error {
			if err := os.Mkdir(dirs.Config, 0o700); err != nil {
				return err
			}
			return write(in("repos.yaml"), "repos:\n")
		}},
		{"it is written", func() error { return write(in("repos.yaml"), "repos: []\n") }},
		{"another one comes by a rename", func() error {
			if err := write(in("global.yaml~"), "features:\n"); err != nil {
				return err
			}
			return os.Rename(in("global.yaml~"), in("global.yaml"))
		}},
		{"a mode", func() error { return os.Chmod(in("repos.yaml"), 0o640) }}, //nolint:gosec // it is seen
		{"one becomes a link", func() error {
			if err := write(filepath.Join(home, "elsewhere"), "repos:\n"); err != nil {
				return err
			}
			if err := os.Remove(in("repos.yaml")); err != nil {
				return err
			}
			return os.Symlink(filepath.Join(home, "elsewhere"), in("repos.yaml"))
		}},
		{"what the link leads to", func() error { return write(filepath.Join(home, "elsewhere"), "repos: [] # none\n") }},
		{"one goes", func() error { return os.Remove(in("global.yaml")) }},
		{"the directory goes", func() error { return os.RemoveAll(dirs.Config) }},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.does, err)
		}
		select {
		case <-signals:
		case <-time.After(20 * time.Second):
			t.Errorf("%s: not told", step.does)
		}
	}
	cancel()
	for range signals { //nolint:revive // until it is closed
	}
}
