package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	b := thisBuild(&debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"},
		{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"},
		{Key: "vcs.modified", Value: "true"},
	}})
	b.Version, b.Go, b.Platform = "1.2.3", "go1.26", "linux/amd64"
	if got, want := b.String(), "cabhfuil-lsp 1.2.3 (commit 0123456789ab with changes of 2026-01-02, go1.26, linux/amd64)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := (build{Version: "1.2.3", Go: "go1.26", Platform: "linux/amd64"}).String(), "cabhfuil-lsp 1.2.3 (commit unknown, go1.26, linux/amd64)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestManualPages(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1767323045")
	dir := t.TempDir()
	root := rootCommand(stdio{os.Stdin, os.Stdout})
	root.SetArgs([]string{"man", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	for page, must := range map[string]string{
		"cabhfuil-lsp.1":          `"Jan 2026"`,
		"cabhfuil-lsp-where.1":    `.SH SYNOPSIS`,
		"cabhfuil-lsp-repo-add.1": `--directory`,
	} {
		text, err := os.ReadFile(filepath.Join(dir, page))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), must) {
			t.Errorf("%s has no %s:\n%.600s", page, must, text)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "cabhfuil-lsp-man.1")); err == nil {
		t.Error("a hidden verb has a page")
	}
}
