package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// secure is a real sshd on loopback that lets one key in.
type secure struct {
	port         int
	client       string // a command for core.sshCommand, but for the key
	known        string // the file of known hosts
	key, another string // files; only the first one is let in, and locked
	locked       string // a key whose passphrase is passphrase
}

const passphrase = "sésame, ouvre-toi $HOME"

func serveSSH(t *testing.T) secure {
	t.Helper()
	s, ok := startSSH(t)
	if !ok {
		t.Skip("no sshd here")
	}
	return s
}

// startSSH is serveSSH for tests that do without where there is no sshd.
func startSSH(t *testing.T) (s secure, ok bool) {
	t.Helper()
	program := "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil {
		return s, false
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for name, secret := range map[string]string{"host": "", "key": "", "another": "", "locked": passphrase} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", secret, "-f", file(name)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = secure{port: free.Addr().(*net.TCPAddr).Port, key: file("key"), another: file("another"), locked: file("locked"), known: file("known_hosts")}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	host, err := os.ReadFile(file("host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	known := fmt.Sprintf("[127.0.0.1]:%d %s", s.port, host)
	if err := os.WriteFile(file("known_hosts"), []byte(known), 0o600); err != nil {
		t.Fatal(err)
	}
	s.client = "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o UserKnownHostsFile=" + file("known_hosts") + " -i "
	_ = os.MkdirAll("/run/sshd", 0o755) //nolint:errcheck // who may not make it does not need it
	var said strings.Builder
	cmd := exec.Command(program, "-D", "-e", "-f", "/dev/null", "-h", file("host"), "-p", fmt.Sprint(s.port),
		"-o", "ListenAddress=127.0.0.1", "-o", "AuthorizedKeysFile="+file("key.pub")+" "+file("locked.pub"), "-o", "StrictModes=no", "-o", "PidFile=none", "-o", "UsePAM=no", "-o", "PermitRootLogin=yes")
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() //nolint:errcheck // it is killed
	t.Cleanup(func() {
		_ = cmd.Process.Kill() //nolint:errcheck // it may have ended
		<-ended
		if t.Failed() {
			t.Log(said.String())
		}
	})
	eventually(t, "sshd listens", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	return s, true
}

// url is where the server has a repository.
func (s secure) url(r *gittest.Repo) string {
	return fmt.Sprintf("ssh://127.0.0.1:%d%s", s.port, filepath.ToSlash(r.GitDir()))
}

// configure writes a git configuration that uses a key, for GIT_CONFIG_GLOBAL.
func (s secure) configure(t *testing.T, key string) string {
	t.Helper()
	file := filepath.Join(filepath.Dir(s.key), "gitconfig")
	if err := os.WriteFile(file, []byte("[core]\n\tsshCommand = "+s.client+key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestClonesSSH clones and fetches through a real sshd, with the user's own
// core.sshCommand; who has another key is told that the remote refuses.
func TestClonesSSH(t *testing.T) {
	t.Parallel()
	s := serveSSH(t)
	r := gittest.New(t, "commit base \"Base\"\nbranch stable/1\ncommit fix \"Fix the parser\" a=1\n")
	url := s.url(r)
	p := configured(t, fmt.Sprintf("repos:\n  - {name: list, source: {url: %q}}\n", url))
	p.env = append(p.env, "GIT_CONFIG_GLOBAL="+s.configure(t, s.another))
	stdout, stderr := p.exits(t)(2, "repo", "sync", "--private")
	if !strings.Contains(stdout+stderr, "refuses access") || !strings.Contains(stdout+stderr, url) {
		t.Errorf("with another key: %s%s", stdout, stderr)
	}
	s.configure(t, s.key)
	p.exits(t)(0, "repo", "sync", "--private")
	r.Do("checkout stable/1\ncherry-pick copy -x fix")
	p.exits(t)(0, "repo", "sync", "--private")
	var answers []history.Answer
	p.ask(t, &answers, "where", "--private", r.Hash("fix").String())
	got := ""
	for _, l := range answers[0].Matches[0].Branches {
		got += l.Name + "=" + string(l.Status) + " "
	}
	if got != "main=contains stable/1=backported " {
		t.Errorf("over ssh: %s", got)
	}
}

// TestClonesPassphrase clones with keys that have a passphrase, which a variable
// holds: with a key that the configuration names, and with one that ssh finds itself.
// What is wrong is said without the passphrase, and no question but that for the
// key's passphrase is answered.
func TestClonesPassphrase(t *testing.T) {
	t.Parallel()
	s := serveSSH(t)
	r := gittest.New(t, "commit base \"Base\"\nbranch stable/1\n")
	url := s.url(r)
	// ssh finds known hosts by the password file, whatever HOME is.
	bin := t.TempDir()
	real, err := exec.LookPath("ssh")
	if err != nil {
		t.Fatal(err)
	}
	client := func(known string) {
		script := fmt.Sprintf("#!/bin/sh\nexec %s -F none -o UserKnownHostsFile=%s -o StrictHostKeyChecking=ask \"$@\"\n", real, known)
		if err := os.WriteFile(filepath.Join(bin, "ssh"), []byte(script), 0o700); err != nil { //nolint:gosec // it is a program
			t.Fatal(err)
		}
	}
	none := filepath.Join(bin, "none")
	for _, c := range []struct{ name, auth, config, passphrase, known, want string }{
		{"named", "ssh_key_path: " + s.locked + ", ", "", passphrase, s.known, ""},
		{"wrong", "ssh_key_path: " + s.locked + ", ", "", "wrong secret", s.known, "refuses access"},
		{"unset", "ssh_key_path: " + s.locked + ", ", "", "", s.known, "KEY_PASSPHRASE, which should hold the ssh key's passphrase, is not set"},
		{"a host that nobody knows", "ssh_key_path: " + s.locked + ", ", "", passphrase, none, "refuses access"},
		{"found by ssh", "", strings.Replace(s.client, "-o BatchMode=yes", "", 1) + s.locked, passphrase, s.known, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			client(c.known)
			p := configured(t, fmt.Sprintf("repos:\n  - {name: list, source: {url: %q}, auth_key: mine}\n", url))
			p.env = append(p.env, "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "GIT_CONFIG_GLOBAL="+filepath.Join(p.home, "gitconfig"))
			if c.passphrase != "" {
				p.env = append(p.env, "KEY_PASSPHRASE="+c.passphrase)
			}
			write(t, filepath.Join(p.home, "gitconfig"), "[core]\n\tsshCommand = "+c.config+"\n")
			auth := filepath.Join(p.home, ".config", "ca-bhfuil", "auth.yaml")
			write(t, auth, "auth_methods:\n  mine: {type: ssh_key, "+c.auth+"ssh_key_passphrase_env: KEY_PASSPHRASE}\n")
			if err := os.Chmod(auth, 0o600); err != nil {
				t.Fatal(err)
			}
			code := 0
			if c.want != "" {
				code = 2
			}
			stdout, stderr := p.exits(t)(code, "repo", "sync", "--private", "-v")
			if said := stdout + stderr; !strings.Contains(said, c.want) {
				t.Errorf("it says %q, want %q", said, c.want)
			}
			for _, text := range []string{stdout, stderr, p.log()} {
				if c.passphrase != "" && strings.Contains(text, c.passphrase) {
					t.Errorf("the passphrase is in %q", text)
				}
			}
		})
	}
}

// TestClonesWithoutGit clones and fetches where no git is installed: over http, and
// through a real sshd with a key that an agent holds.
func TestClonesWithoutGit(t *testing.T) {
	t.Parallel()
	s := serveSSH(t)
	r := gittest.New(t, "commit base \"Base\"\nbranch stable/1\ncommit fix \"Fix the parser\" a=1\n")
	server := serveGit(t, r, nil, func(string) {})
	p := configured(t, server.configuration("good-01", "locked-01")+fmt.Sprintf("  - {name: secure, source: {url: %q}}\n", s.url(r)))
	known, err := os.ReadFile(s.known)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(p.home, ".ssh", "known_hosts"), string(known))
	run, err := os.MkdirTemp("", "agent") // short: a socket's path has little room
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(run, "agent")
	agent := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Skip("no ssh-agent here")
	}
	t.Cleanup(func() {
		_ = agent.Process.Kill() //nolint:errcheck // it may have ended
		_ = agent.Wait()         //nolint:errcheck // it was killed
		if err := os.RemoveAll(run); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the agent listens", func() bool {
		add := exec.Command("ssh-add", "-q", s.key)
		add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
		return add.Run() == nil
	})
	p.env = append(p.env, "PATH="+t.TempDir(), "SSH_AUTH_SOCK="+socket)
	stdout, stderr := p.exits(t)(2, "repo", "sync", "--private")
	if said := stdout + stderr; strings.Count(said, "refuses access") != 1 || !strings.Contains(said, "locked-01") {
		t.Errorf("it says %s", said)
	}
	r.Do("checkout stable/1\ncherry-pick copy -x fix")
	p.exits(t)(2, "repo", "sync", "--private") // since one is locked
	var answers []history.Answer
	p.ask(t, &answers, "where", "--private", r.Hash("fix").String())
	var got []string
	for _, m := range answers[0].Matches {
		lines := m.Repository
		for _, l := range m.Branches {
			lines += " " + l.Name + "=" + string(l.Status)
		}
		got = append(got, lines)
	}
	slices.Sort(got)
	if want := []string{"good-01 main=contains stable/1=backported", "secure main=contains stable/1=backported"}; !slices.Equal(got, want) {
		t.Errorf("without git: %q, want %q", got, want)
	}
}
