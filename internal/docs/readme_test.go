package docs

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

// steps are the README's commands that are marked for this test, in order:
// those of fenced blocks whose language is "sh test".
func steps(readme string) (commands []string) {
	blocks := regexp.MustCompile("(?ms)^( *)```sh test\n(.*?)^ *```$").FindAllStringSubmatch(readme, -1)
	for _, b := range blocks {
		for line := range strings.Lines(b[2]) {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	return commands
}

// TestPictures holds that each of the README's steps has one picture, that all
// pictures are there and small, and that each is shown somewhere.
func TestPictures(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## From nothing to a hover\n")
	section, _, _ = strings.Cut(section, "\n## ")
	numbered := regexp.MustCompile(`(?m)^\d+\. `).Split(section, -1)[1:]
	if len(numbered) < 6 {
		t.Errorf("the README has %d steps", len(numbered))
	}
	picture := regexp.MustCompile(`!\[[^\]]+\]\(([^)]+\.png)\)`)
	for i, step := range numbered {
		if found := picture.FindAllString(step, -1); len(found) != 1 {
			t.Errorf("step %d has %d pictures: %q", i+1, len(found), found)
		}
	}
	shown := map[string]bool{}
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../editors/vscode/media/walkthrough/*.md"} {
		pages, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range picture.FindAllStringSubmatch(string(text), -1) {
				file := filepath.Join(filepath.Dir(page), m[1])
				if _, err := os.Stat(file); err != nil {
					t.Errorf("%s: %v", page, err)
				}
				shown[file] = true
			}
		}
	}
	for _, pattern := range []string{"../../docs/images/*", "../../editors/vscode/media/walkthrough/*.png"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			t.Errorf("no pictures: %s", pattern)
		}
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			const limit = 100_000
			if info.Size() > limit {
				t.Errorf("%s has %d bytes, of %d at most", file, info.Size(), limit)
			}
			if !shown[file] {
				t.Errorf("%s is shown nowhere", file)
			}
		}
	}
}

// newcomer is somebody with an empty home.
type newcomer struct {
	home string
	env  []string
}

// arrive makes a newcomer, whose Go has the modules and compiled packages that
// this machine has: there may be no network.
func arrive(t *testing.T) *newcomer {
	t.Helper()
	home, err := os.MkdirTemp("", "cabhfuil") // short, for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	n := &newcomer{home: home}
	for _, name := range []string{"GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		n.env = append(n.env, name+"="+strings.TrimSpace(string(value)))
	}
	// The checkout may be another user's, as in a container.
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[safe]\n\tdirectory = *\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(home, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	n.env = append(n.env, "HOME="+home, "PATH="+filepath.Join(home, ".local/bin")+":"+os.Getenv("PATH"), "XDG_RUNTIME_DIR="+run, "LANG=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1", "TERM=dumb")
	return n
}

// command is one that the newcomer runs in dir, a path below the home.
func (n *newcomer) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, program, args...)
	c.Dir, c.Env = filepath.Join(n.home, dir), n.env
	return c
}

// installed is the program that the steps put there. exec looks a name up in the
// PATH of this process, not the newcomer's.
func (n *newcomer) installed() string { return filepath.Join(n.home, ".local/bin/cabhfuil-lsp") }

// TestNewcomer runs the README's steps in an empty home and hovers over what they
// wrote, as an editor does. The clone is one of this repository as it is
// committed.
func TestNewcomer(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles the program")
	}
	for _, program := range []string{"git", "make", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	top, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Skip("this is no clone: ", err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := steps(string(readme))
	if len(commands) < 8 || !strings.HasPrefix(commands[0], "git clone ADDRESS ") {
		t.Fatalf("the README's steps: %q", commands)
	}
	n := arrive(t)
	script := "set -euxo pipefail\n" + strings.Replace(strings.Join(commands, "\n"), "ADDRESS", "file://"+strings.TrimSpace(string(top)), 1)
	t.Cleanup(func() { // the background process that asking started; 1: it ended already
		out, err := n.command(context.Background(), "", n.installed(), "stop").CombinedOutput()
		var no *exec.ExitError
		if err != nil && (!errors.As(err, &no) || no.ExitCode() != 1) {
			t.Errorf("stop: %v\n%s", err, out)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
	defer cancel()
	out, err := n.command(ctx, "", "bash", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("the steps: %v\n%s", err, out)
	}
	subject := n.output(t, "cabhfuil-lsp", "git", "log", "-1", "--format=%s")
	if !strings.Contains(string(out), subject) {
		t.Errorf("where HEAD did not say %q:\n%s", subject, out)
	}
	t.Run("hover", func(t *testing.T) {
		card := n.hover(t, "cabhfuil-lsp/note.txt")
		branch := n.output(t, "cabhfuil-lsp", "git", "rev-parse", "--abbrev-ref", "HEAD") // HEAD where the checkout has none
		if branch != "HEAD" && !strings.Contains(card, "✓") || !strings.Contains(card, regexp.MustCompile(`^[\w ]*`).FindString(subject)) {
			t.Errorf("the hover over the note does not show %q:\n%s", subject, card)
		}
	})
	t.Run("Neovim", func(t *testing.T) {
		if _, err := exec.LookPath("nvim"); err != nil {
			t.Skip(err)
		}
		check, err := filepath.Abs("testdata/hover.lua")
		if err != nil {
			t.Fatal(err)
		}
		c := n.command(ctx, "cabhfuil-lsp", "nvim", "--headless", "note.txt", "-c", "luafile "+check)
		c.Env = append(c.Env, "CABHFUIL_TEST_SUBJECT="+subject)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("uninstall", func(t *testing.T) {
		const list = "find bin share/man share/bash-completion share/zsh share/fish -type f | sort"
		installed := n.output(t, ".local", "bash", "-c", list)
		if !strings.Contains(installed, "share/man/man1/cabhfuil-lsp-where.1") {
			t.Errorf("installed is only\n%s", installed)
		}
		// Elsewhere, since the program is still wanted, for stop.
		dest := filepath.Join(n.home, "dest")
		n.output(t, "cabhfuil-lsp", "make", "install", "PREFIX=/usr", "DESTDIR="+dest)
		if diff := cmp.Diff(installed, n.output(t, "dest/usr", "bash", "-c", list)); diff != "" {
			t.Errorf("below PREFIX (-) and below DESTDIR (+) are other files:\n%s", diff)
		}
		n.output(t, "cabhfuil-lsp", "make", "uninstall", "PREFIX=/usr", "DESTDIR="+dest)
		if left := n.output(t, "dest", "find", "-type", "f"); left != "" {
			t.Errorf("uninstall left %s", left)
		}
	})
}

// output is what a command prints, which has to succeed.
func (n *newcomer) output(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	out, err := n.command(t.Context(), dir, program, args...).Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			out = failed.Stderr
		}
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// conversation is the standard input and output of a server.
type conversation struct {
	io.Reader
	io.WriteCloser
}

// hover opens a file in the installed server and hovers over the first SHA in it,
// until the index has answered.
func (n *newcomer) hover(t *testing.T, file string) string {
	t.Helper()
	path := filepath.Join(n.home, file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`[0-9a-f]{7,}`).FindIndex(text)
	if at == nil {
		t.Fatalf("the note names no commit: %s", text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	server := n.command(ctx, filepath.Dir(file), n.installed(), "--stdio")
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(ctx, conversation{out, in}, client.Options{Folders: []string{filepath.Dir(path)}})
	if err != nil {
		t.Fatal(err)
	}
	uri := "file://" + path
	err = c.Notify(ctx, "textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "plaintext", "version": 1, "text": string(text)}})
	if err != nil {
		t.Fatal(err)
	}
	var shown struct {
		Contents json.RawMessage `json:"contents"`
	}
	for string(shown.Contents) == "" && ctx.Err() == nil { // null until the repository was read
		err := c.Call(ctx, "textDocument/hover", map[string]any{"textDocument": map[string]any{"uri": uri}, "position": map[string]any{"line": 0, "character": at[0] + 1}}, &shown)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("the server: %v", err)
	}
	return string(shown.Contents)
}
