//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

// TestGuide does what docs/plugins-guide.md says, in an empty directory and with no
// more of the network than the modules that it builds with, up to a hover that shows
// what the forge of the guide says; then it cleans up as the guide does.
func TestGuide(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds two programs")
	}
	if _, err := exec.LookPath("sha256sum"); err != nil {
		t.Skip("no sha256sum here")
	}
	clone, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile(filepath.Join(clone, "docs", "plugins-guide.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"harbour.go", "harbour_test.go"} {
		code, err := os.ReadFile(filepath.Join(clone, "plugins", "example", file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(guide, append(append([]byte("cat > "+file+" <<'EOF'\n"), code...), "EOF\n"...)) {
			t.Errorf("the guide's %s is not that of plugins/example", file)
		}
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(guide), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) < 8 {
		t.Fatalf("the guide has %d blocks of commands", len(blocks))
	}
	steps, clean := strings.Join(blocks[:len(blocks)-1], ""), blocks[len(blocks)-1]
	script := "set -eu\n" + steps + "echo; echo 'all steps are done'\nread -r _\n" + clean + "wait\n"

	home, dir := t.TempDir(), t.TempDir()
	env := append(program{home: home}.environment(), goEnvironment(t)...)
	env = append(env, "GOFLAGS=", "CABHFUIL="+clone, fmt.Sprintf("HARBOUR_PORT=%d", freePort(t)))
	example := exec.Command("go", "vet", "-mod=readonly", "./...")
	example.Dir, example.Env = filepath.Join(clone, "plugins", "example"), env
	if out, err := example.CombinedOutput(); err != nil {
		t.Errorf("plugins/example does not build (GOFLAGS=-mod=mod go vet ./... there follows our go.mod): %v\n%s", err, out)
	}
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = dir, env, &syscall.SysProcAttr{Setpgid: true}
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := time.AfterFunc(8*time.Minute, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) //nolint:errcheck // it may have ended just now
	defer over.Stop()
	var lines []string
	done := false
	for s := bufio.NewScanner(out); !done && s.Scan(); {
		lines = append(lines, s.Text())
		done = s.Text() == "all steps are done"
	}
	if !done {
		t.Fatalf("the guide does not lead to its end: %v\n%s\n%s", cmd.Wait(), strings.Join(lines, "\n"), said.String())
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{"✓ harbour  Harbour 1  commit, issue, resolve", "Issue #7 in dry dock: The hull leaks", "https://harbour.example/acme/engine/issues/7"} {
		if !strings.Contains(text, want) {
			t.Errorf("the commands do not print %q:\n%s", want, text)
		}
	}

	api := ""
	for _, e := range env {
		if port, ok := strings.CutPrefix(e, "HARBOUR_PORT="); ok {
			api = "http://127.0.0.1:" + port
		}
	}
	hoverGuide(t, filepath.Join(dir, "cabhfuil-lsp"), filepath.Join(dir, "engine"), append(env, "HARBOUR_API="+api))

	if _, err := io.WriteString(in, "\n"); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(out)                                                              //nolint:errcheck // Wait tells
	if err := cmd.Wait(); err != nil && !strings.Contains(err.Error(), "exit status 143") { // of the fake, which was told to end
		t.Errorf("cleaning up: %v\n%s\n%s", err, rest, said.String())
	}
}

// hoverGuide points at #7 as an editor does.
func hoverGuide(t *testing.T, exe, repository string, env []string) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), exe, "--stdio")
	cmd.Env = env
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(t.Context(), pipe{out, in}, client.Options{Folders: []string{repository}})
	if err != nil {
		t.Fatal(err)
	}
	document := map[string]any{"uri": "file://" + filepath.ToSlash(repository) + "/notes.txt"}
	opened := map[string]any{"uri": document["uri"], "languageId": "plaintext", "version": 1, "text": "We wait for #7.\n"}
	if err := c.Notify(t.Context(), "textDocument/didOpen", map[string]any{"textDocument": opened}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the hover shows what Harbour says", func() bool {
		var hover struct {
			Contents struct {
				Value string `json:"value"`
			} `json:"contents"`
		}
		err := c.Call(t.Context(), "textDocument/hover", map[string]any{"textDocument": document, "position": map[string]int{"line": 0, "character": 13}}, &hover)
		return err == nil && strings.Contains(hover.Contents.Value, "The hull leaks") && strings.Contains(hover.Contents.Value, "https://harbour.example/acme/engine/issues/7")
	})
	if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// outside is the environment that the tests were started with.
var outside = os.Environ()

// goEnvironment is where go gets things and keeps them, whatever the home directory is.
func goEnvironment(t *testing.T) []string {
	t.Helper()
	var env []string
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOROOT", "GOSUMDB"} {
		cmd := exec.Command("go", "env", name)
		cmd.Env = outside
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(out)))
	}
	return slices.Clip(env)
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()                     //nolint:errcheck // it was only to learn a number
	return l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // of a TCP listener
}
