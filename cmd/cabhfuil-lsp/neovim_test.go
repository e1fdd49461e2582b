//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// asking is run by a Neovim that has a file with a commit's name open: it hovers
// until the card is there, says so in a file, and stays until another file is there.
const asking = `
local answered, leave = os.getenv('TEST_ANSWERED'), os.getenv('TEST_LEAVE')
local function card()
  for _, client in pairs(vim.lsp.buf_get_clients(0)) do
    if client.initialized then
      local at = { textDocument = { uri = vim.uri_from_bufnr(0) }, position = { line = 0, character = 3 } }
      local reply = client.request_sync('textDocument/hover', at, 20000, 0)
      local text = reply and reply.result and reply.result.contents.value
      if text and text:find('Change', 1, true) and text:find('main', 1, true) then
        return true
      end
    end
  end
end
if vim.wait(60000, card, 20) then
  io.open(answered, 'w'):close()
  vim.wait(600000, function() return vim.loop.fs_stat(leave) ~= nil end, 20)
end
vim.cmd('qall!')
`

// neovim is a real Neovim with our configuration.
type neovim struct {
	cmd             *exec.Cmd
	answered, leave string
	said            bytes.Buffer
	ended           chan struct{}
}

func (b *busy) neovim(t *testing.T, sha string) *neovim {
	t.Helper()
	dir := t.TempDir()
	n := &neovim{answered: filepath.Join(dir, "answered"), leave: filepath.Join(dir, "leave"), ended: make(chan struct{})}
	script := filepath.Join(dir, "asking.lua")
	write(t, script, asking)
	notes := filepath.Join(b.Dir, filepath.Base(dir)+"-"+strconv.Itoa(os.Getpid())+".txt")
	write(t, notes, sha+"\n")
	plugin, err := filepath.Abs("../../editors/neovim")
	if err != nil {
		t.Fatal(err)
	}
	n.cmd = exec.Command("nvim", "--headless", "--clean", "--cmd", "let g:cabhfuil_server = $TEST_SERVER", "--cmd", "set runtimepath^="+plugin, notes, "-S", script)
	n.cmd.Dir = b.Dir
	n.cmd.Env = append(b.p.environment(), "TEST_SERVER="+os.Args[0], "TEST_ANSWERED="+n.answered, "TEST_LEAVE="+n.leave)
	n.cmd.Stdout, n.cmd.Stderr = &n.said, &n.said
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = n.cmd.Wait(); close(n.ended) }() //nolint:errcheck // how it ended is looked at where it matters
	return n
}

// sees waits until it showed the card.
func (n *neovim) sees(t *testing.T) {
	t.Helper()
	eventually(t, "a Neovim shows the card", func() bool { return exists(n.answered) })
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestBackgroundNeovim starts, asks and kills real Neovims, terminals and the
// background process in random order: whoever is not killed is answered, and nothing
// is left behind. CABHFUIL_TEST_KILLS says how many kills.
func TestBackgroundNeovim(t *testing.T) {
	if _, err := exec.LookPath("nvim"); err != nil {
		t.Skip("no Neovim here")
	}
	t.Parallel()
	kills := 6
	if n, err := strconv.Atoi(os.Getenv("CABHFUIL_TEST_KILLS")); err == nil {
		kills = n
	}
	b := newShared(t, 28, 1500)
	sha := b.Git("rev-parse", "main~700")
	random := rand.New(rand.NewPCG(28, 0))
	windows := make([]*neovim, 5)
	killed := map[string]int{}
	for done := 0; done < kills && !t.Failed(); done++ {
		for i, w := range windows {
			if w == nil {
				windows[i] = b.neovim(t, sha)
			}
		}
		var terminals sync.WaitGroup
		for range 10 {
			terminals.Go(func() {
				stdout, stderr, code, err := b.p.run("", "where", sha, "--format", "json")
				var answers []history.Answer
				if err != nil || code != 0 || json.Unmarshal([]byte(stdout), &answers) != nil || len(answers[0].Matches) != 1 {
					t.Errorf("a terminal: %v, exit %d, %s", err, code, stderr)
				}
			})
		}
		if random.IntN(3) > 0 { // else they are killed while they start
			for _, w := range windows {
				w.sees(t)
			}
		}
		if random.IntN(3) == 0 {
			if p := b.p.process(t); p.PID != 0 {
				_ = syscall.Kill(p.PID, syscall.SIGKILL) //nolint:errcheck // it may have ended
				killed["background process"]++
			}
		} else {
			at := random.IntN(len(windows))
			_ = windows[at].cmd.Process.Kill() //nolint:errcheck // it may have ended
			<-windows[at].ended
			windows[at] = nil
			killed["window"]++
		}
		terminals.Wait()
	}
	for _, w := range windows {
		if w != nil {
			w.sees(t)
			write(t, w.leave, "")
			<-w.ended
			if code := w.cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("a Neovim exits %d: %s", code, w.said.String())
			}
		}
	}
	if t.Logf("killed: %v", killed); len(killed) == 0 {
		t.Error("nothing was killed")
	}
	eventually(t, "only the background process is left", func() bool { return len(b.p.processes(t)) <= 1 })
}

// processes are those of the program in its home, on Linux.
func (p program) processes(t *testing.T) (pids []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, environ := range all {
		text, err := os.ReadFile(environ)
		if err != nil || !strings.Contains("\x00"+string(text), fmt.Sprintf("\x00HOME=%s\x00", p.home)) {
			continue
		}
		if exe, err := os.Readlink(filepath.Join(filepath.Dir(environ), "exe")); err == nil && exe == os.Args[0] {
			pids = append(pids, filepath.Base(filepath.Dir(environ)))
		}
	}
	return pids
}
