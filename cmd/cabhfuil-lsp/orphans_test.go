//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// TestKilledLeavesNoGit kills the program while it waits for two servers that never
// answer, over http and ssh: git and the helpers that hold the connections end too.
func TestKilledLeavesNoGit(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("no processes to look at")
	}
	r := gittest.New(t, "commit base \"Base\"\n")
	server := serveGit(t, r, nil, func(string) {})
	mute, err := net.Listen("tcp", "127.0.0.1:0") // connections come in, and nobody speaks
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close() //nolint:errcheck // nothing is to be lost
	port := mute.Addr().(*net.TCPAddr).Port
	p := configured(t, server.configuration("slow-01")+fmt.Sprintf("  - {name: mute, source: {url: \"ssh://127.0.0.1:%d/repo\"}}\n", port))
	config := filepath.Join(p.home, "gitconfig")
	write(t, config, "[core]\n\tsshCommand = ssh -F none -o BatchMode=yes\n")
	p.env = append(p.env, "GIT_CONFIG_GLOBAL="+config)
	cmd := p.command("repo", "sync", "--private")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	remote := []string{server.URL + "/slow-01", fmt.Sprintf("-p %d", port)}
	eventually(t, "both are asked for", func() bool {
		return strings.Contains(processes(t, remote[0]), "remote-http") && strings.Contains(processes(t, remote[1]), "ssh")
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() //nolint:errcheck // it was killed
	for _, of := range append(remote, fmt.Sprintf("127.0.0.1:%d", port)) {
		eventually(t, "nothing of "+of+" runs", func() bool { return processes(t, of) == "" })
	}
}

// processes are the command lines that hold a text, a line each.
func processes(t *testing.T, text string) string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, file := range all {
		line, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		if words := strings.ReplaceAll(string(line), "\x00", " "); strings.Contains(words, text) {
			b.WriteString(words + "\n")
		}
	}
	return b.String()
}
