package host_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/host"
)

// TestEnvironment holds what a plugin gets to see of our environment.
func TestEnvironment(t *testing.T) {
	t.Setenv("PLANTED_SECRET", "hunter2")
	t.Setenv("HARBOUR_TOKEN", "for-harbour")
	t.Setenv("GITHUB_TOKEN", "for-github")
	t.Setenv("HTTPS_PROXY", "http://proxy.example:1")
	opt := options("github", "template")
	opt.Foreign = []host.Foreign{foreign(t, "harbour", "harbour")}
	opt.Foreign[0].Env = []string{"HARBOUR_TOKEN"}
	opt.Environment = map[string][]string{"github": {"GITHUB_TOKEN"}}
	opt.Settings = map[string][]plugins.Setting{"github": {{Token: "GITHUB_TOKEN"}}}
	opt.CacheDir = filepath.Join(t.TempDir(), "forges")
	h := host.New(opt)
	defer h.Close() //nolint:errcheck // it never fails
	if _, err := h.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{"harbour": "HARBOUR_TOKEN=for-harbour", "github": "GITHUB_TOKEN=for-github", "template": ""}
	for _, s := range h.Status() {
		env := read(t, s.PID, "environ")
		line := read(t, s.PID, "cmdline")
		for owner, token := range tokens {
			if has := slices.Contains(env, token); token != "" && has != (owner == s.Name) {
				t.Errorf("%s has %s: %v", s.Name, token, has)
			}
		}
		all := strings.Join(append(env, line...), "\n")
		if strings.Contains(all, "hunter2") || strings.Contains(strings.Join(line, " "), "for-") {
			t.Errorf("%s is told a secret:\n%s", s.Name, all)
		}
		for _, want := range []string{"HTTPS_PROXY=http://proxy.example:1", "PATH=" + os.Getenv("PATH"), "CABHFUIL_PLUGIN_CACHE=" + filepath.Join(opt.CacheDir, s.Name)} {
			if !slices.Contains(env, want) {
				t.Errorf("%s is not told %s", s.Name, want)
			}
		}
		if info, err := os.Stat(filepath.Join(opt.CacheDir, s.Name)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the cache of %s: %v, %v", s.Name, info, err)
		}
		if dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", s.PID)); err != nil || dir != "/" {
			t.Errorf("%s works in %q, %v", s.Name, dir, err)
		}
	}
}

// read is a file of a process whose parts end with NUL.
func read(t *testing.T, pid int, name string) []string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil || len(b) == 0 {
		t.Fatalf("%s of %d: %d bytes, %v", name, pid, len(b), err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// beKilled is a process that hosts plugins until it is killed: a built-in one, a
// foreign one, and one that never starts.
func beKilled() {
	opt := options("github", "hangs at start")
	if err := json.Unmarshal([]byte(os.Getenv("HOST_TEST_FOREIGN")), &opt.Foreign); err != nil {
		fmt.Println(err)
	}
	h := host.New(opt)
	for _, name := range []string{"github", "harbour"} {
		if _, err := h.Check(context.Background(), name); err != nil {
			fmt.Println(err)
		}
	}
	h.Links([]string{"https://harbour.example/a/b", remote}, []plugins.Item{{Kind: plugins.Pull, ID: "1"}})
	fmt.Println("ready")
	select {}
}

// TestOrphans kills a host; its plugins end, whatever they are doing.
func TestOrphans(t *testing.T) {
	own, err := json.Marshal([]host.Foreign{foreign(t, "harbour", "harbour")})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HOST_TEST_PLUGIN=host", "HOST_TEST_FOREIGN="+string(own))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	var plugins []int
	until(t, "three plugins are there", func() bool {
		plugins = children(cmd.Process.Pid)
		return len(plugins) == 3
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() //nolint:errcheck // it was killed
	for _, pid := range plugins {
		until(t, fmt.Sprintf("%d ends", pid), func() bool { return syscall.Kill(pid, 0) != nil || isZombie(pid) })
	}
}

// stopSelf stops this process, so that it cannot even be told to end.
func stopSelf() { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) } //nolint:errcheck // the test finds out

// isZombie says whether a process has ended, and whoever inherited it has not
// noticed yet.
func isZombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, state, ok := strings.Cut(string(b), ") ")
	return ok && strings.HasPrefix(state, "Z")
}

// TestGive holds that a plugin has the newest values of its own variables: it is
// started anew for others when it is next asked, and asked again for what it did not
// know; others are left alone.
func TestGive(t *testing.T) {
	t.Setenv("HARBOUR_TOKEN", "of-ours")
	s := newStage(t, nil)
	opt := s.options()
	opt.Environment = map[string][]string{"teller": {"HARBOUR_TOKEN"}}
	h := s.host(opt)
	asked := func(want int, token string) {
		t.Helper()
		s.said(h, issue("1"))
		until(t, "it was asked", func() bool { s.said(h, issue("1")); return len(s.asked()) == want })
		env := read(t, h.Status()[0].PID, "environ")
		if !slices.Contains(env, "HARBOUR_TOKEN="+token) || strings.Contains(strings.Join(env, "\n"), "UNNAMED") {
			t.Errorf("it is given %q", env)
		}
	}
	asked(1, "of-ours")
	h.Give(map[string]string{"UNNAMED": "x"})
	asked(1, "of-ours")
	h.Give(map[string]string{"UNNAMED": "x", "HARBOUR_TOKEN": "of-a-client"})
	asked(2, "of-a-client")
	h.Give(map[string]string{"HARBOUR_TOKEN": "of-a-client"})
	asked(2, "of-a-client")
	if st := h.Status()[0]; st.Starts != 2 || st.Failures != 0 {
		t.Errorf("%+v", st)
	}
}
