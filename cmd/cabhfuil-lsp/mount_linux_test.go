package main

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
)

// mountTemp mounts a small file system for the test, or skips it.
func mountTemp(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("cabhfuil-test", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// remount changes a file system of mountTemp: "ro", "rw" or "size=N".
func remount(t *testing.T, dir, option string) {
	t.Helper()
	flags := uintptr(syscall.MS_REMOUNT)
	data := ""
	switch option {
	case "ro":
		flags |= syscall.MS_RDONLY
	case "rw":
	default:
		data = option
	}
	if err := syscall.Mount("cabhfuil-test", dir, "tmpfs", flags, data); err != nil {
		t.Fatal(err)
	}
}

// limitFileSize makes the process one whose files may not grow beyond a size.
func limitFileSize() error {
	text := os.Getenv("CABHFUIL_TEST_FILE_SIZE")
	if text == "" {
		return nil
	}
	size, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ) // so that writing is an error
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: size})
}
