package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// programs are the keys of git's configuration that can make git, or a program
// that comes with it, run another one, read more configuration, or write where
// it says. The names are git's own (git help --config, of 2.39 unless a later
// version is named; git-config(1) says what each does).
//
// In a value PROGRAM is a program of the test's, which leaves a mark; without a
// value the value is PROGRAM alone. In a key <…> is replaced by evil.
var programs = []struct{ name, value string }{
	{"alias.*", "!PROGRAM"},
	{"browser.<tool>.cmd", ""},
	{"browser.<tool>.path", ""},
	{"core.alternateRefsCommand", ""},
	{"core.askPass", ""},
	{"core.attributesFile", "ATTRIBUTES"}, // names drivers
	{"core.editor", ""},
	{"core.fsmonitor", ""},
	{"core.gitProxy", ""},
	{"core.hooksPath", "HOOKS"},
	{"core.pager", ""},
	{"core.sshCommand", ""},
	{"credential.<url>.helper", "!PROGRAM"},
	{"credential.helper", "!PROGRAM"},
	{"diff.<driver>.command", ""},
	{"diff.<driver>.textconv", ""},
	{"diff.external", ""},
	{"diff.guitool", "evil"},
	{"diff.tool", "evil"},
	{"difftool.<tool>.cmd", ""},
	{"difftool.<tool>.path", ""},
	{"extensions.partialClone", "evil"}, // fetches what is missing, from
	{"filter.<driver>.clean", ""},
	{"filter.<driver>.process", ""}, // gitattributes(5)
	{"filter.<driver>.smudge", ""},
	{"gc.recentObjectsHook", ""}, // 2.42
	{"gpg.<format>.program", ""},
	{"gpg.program", ""},
	{"gpg.ssh.defaultKeyCommand", ""},
	{"guitool.<name>.cmd", ""},
	{"help.browser", "evil"},
	{"hook.<name>.command", ""}, // 2.54
	{"imap.tunnel", ""},
	{"include.path", "INCLUDED"},
	{"includeIf.<condition>.path", "INCLUDED"},
	{"init.templateDir", "HOOKS"},
	{"instaweb.browser", "evil"},
	{"instaweb.httpd", ""},
	{"interactive.diffFilter", ""},
	{"man.<tool>.cmd", ""},
	{"man.<tool>.path", ""},
	{"man.viewer", "evil"},
	{"merge.<driver>.driver", ""},
	{"merge.guitool", "evil"},
	{"merge.tool", "evil"},
	{"mergetool.<tool>.cmd", ""},
	{"mergetool.<tool>.path", ""},
	{"pager.<cmd>", ""},
	{"remote.<name>.promisor", "true"},
	{"remote.<name>.receivepack", ""},
	{"remote.<name>.uploadpack", ""},
	{"remote.<name>.url", "ext::PROGRAM"},
	{"remote.<name>.vcs", "ext"},
	{"sendemail.ccCmd", ""},
	{"sendemail.headerCmd", ""}, // 2.42
	{"sendemail.sendmailCmd", ""},
	{"sendemail.smtpServer", ""},
	{"sendemail.tocmd", ""},
	{"sequence.editor", ""},
	{"submodule.<name>.update", "!PROGRAM"},
	{"tar.<format>.command", ""}, // git-archive(1)
	{"trace2.eventTarget", "MARK"},
	{"trace2.normalTarget", "MARK"},
	{"trace2.perfTarget", "MARK"},
	{"trailer.<token>.cmd", ""}, // git-interpret-trailers(1)
	{"trailer.<token>.command", ""},
	{"uploadpack.packObjectsHook", ""},
	{"url.<base>.insteadOf", "https://"},
	{"web.browser", "evil"},
}

// commands are those of git that pager.<cmd> and alias.* are set for: those that
// the program runs, and more.
var commands = []string{"blame", "cat-file", "config", "diff", "diff-tree", "for-each-ref", "log", "rev-list", "rev-parse", "show", "symbolic-ref", "merge-base", "patch-id"}

// suspicious are names of keys that look as if they named a program.
var suspicious = regexp.MustCompile(`(?i)command$|cmd|program|editor|pager|hook|driver$|textconv|process|<driver>\.(clean|smudge)|helper|askpass|external|fsmonitor$|vcs$|uploadpack$|receivepack$|^alias|^include|gitproxy|browser|\.path$|httpd|tunnel|viewer|\.tool$|guitool$|diffFilter|target$`)

// harmless are suspicious names that name no program.
var harmless = []string{
	"diff.<driver>.cachetextconv", "notes.rewrite.<command>", "rebase.abbreviateCommands", "trace2.configParams",
	"gui.spellingDictionary", "gitcvs.dbDriver", // Perl's, for a server that is not ours
	"completion.commands", "core.fsmonitorHookVersion", "add.interactive.useBuiltin",
}

// operations are what is asked of a repository that would run programs.
var operations = map[string]func(h *house, dir, sha string) error{
	"where":    func(h *house, dir, sha string) error { _, err := h.where(dir, sha); return err },
	"revision": func(h *house, dir, _ string) error { _, err := h.where(dir, "HEAD~1^{commit}"); return err },
	"search": func(h *house, dir, _ string) error {
		_, err := h.search(dir, `author:@me OR "First change"`)
		return err
	},
	"hover":    func(h *house, dir, sha string) error { _, err := h.hover(dir, sha); return err },
	"lens":     func(h *house, dir, sha string) error { _, err := h.lens(dir, sha); return err },
	"document": func(h *house, dir, sha string) error { _, err := h.document(dir, sha); return err },
}

// TestPrograms holds that no program runs which a repository's configuration
// names, whatever is asked.
func TestPrograms(t *testing.T) {
	r := gittest.New(t, `
commit one "First change" f.py=one g.txt=one p.bin=one .gitattributes=@attributes
commit two "Second change" f.py=two g.txt=two p.bin=two
commit three "Third change" f.py=three
object signed commit signed
git update-ref refs/heads/signed ${signed}
-- attributes --
*.py diff=evil filter=evil merge=evil
*.bin filter=evil-process
-- signed --
tree ${three:tree}
parent ${three}
author A <a@example.com> 1577836800 +0000
committer A <a@example.com> 1577836800 +0000
gpgsig -----BEGIN PGP SIGNATURE-----
 
 aGVsbG8=
 -----END PGP SIGNATURE-----

Signed change
`)
	e := &evil{t: t, dir: t.TempDir(), in: r.GitDir()}
	for _, p := range programs {
		e.set(p.name, p.value)
	}
	for key, value := range map[string]string{
		"core.repositoryFormatVersion": "1", "extensions.worktreeConfig": "true", "log.showSignature": "true",
		"protocol.ext.allow": "always", "commit.gpgSign": "true", "remote.evil.fetch": "+refs/heads/*:refs/remotes/evil/*",
	} {
		e.write("config", key, value)
	}
	e.write("config.worktree", "core.fsmonitor", e.program("core.fsmonitor of a work tree"))
	blob := r.Git("-c", "core.fsmonitor=", "rev-parse", r.Hash("two").String()+":g.txt")
	remove(t, filepath.Join(r.GitDir(), "objects", blob[:2], blob[2:])) // fetch it, if you dare
	write(t, filepath.Join(r.Dir, "f.py"), "changed\n")
	write(t, filepath.Join(r.Dir, "p.bin"), "changed\n")

	// That the marks work: git itself runs some of them.
	for _, args := range [][]string{
		{"status"}, {"diff", "--", "f.py"}, {"diff", "--", "p.bin"}, {"log", "-p", "-2", "signed"},
		{"hash-object", "p.bin"}, {"show", "--ext-diff", r.Hash("one").String(), "--", "g.txt"}, {"cat-file", "blob", blob},
	} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = r.Dir
		_ = cmd.Run() //nolint:errcheck // evil programs fail
	}
	for _, name := range []string{"core.fsmonitor of a work tree", "diff.<driver>.command", "diff.external", "filter.<driver>.clean", "filter.<driver>.process", "gpg.program", "core.hooksPath"} {
		if !slices.Contains(e.marks(), name) {
			t.Errorf("git itself does not run %s: the test is blind", name)
		}
	}
	e.clear()

	h := newHouse(t)
	for name, ask := range operations {
		for _, sha := range []string{r.Hash("one").String(), r.Hash("two").String(), r.Hash("signed").String()} {
			if err := ask(h, r.Dir, sha); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if ran := e.marks(); len(ran) > 0 {
			t.Errorf("%s ran %q", name, ran)
		}
		e.clear()
	}
}

// TestProgramsNamed holds that the table has every key of the installed git
// whose name looks as if it named a program.
func TestProgramsNamed(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "git", "help", "-c").Output()
	if err != nil {
		t.Skipf("git help: %v", err)
	}
	known := map[string]bool{}
	for _, p := range programs {
		known[strings.ToLower(p.name)] = true
	}
	for _, name := range harmless {
		known[strings.ToLower(name)] = true
	}
	for line := range strings.Lines(string(out)) {
		name := strings.TrimSpace(line)
		section := strings.SplitN(name, ".", 2)[0]
		if strings.Contains(name, " ") || section == "advice" || section == "color" || known[strings.ToLower(name)] {
			continue
		}
		if suspicious.MatchString(name) {
			t.Errorf("%s is not in the table", name)
		}
	}
}

// evil writes configuration that runs programs, each of which leaves a mark.
type evil struct {
	t   *testing.T
	dir string // programs and marks
	in  string // the git directory
	n   int
}

// program makes a program that leaves the mark of a name.
func (e *evil) program(name string) string {
	e.n++
	file := filepath.Join(e.dir, fmt.Sprintf("program-%d", e.n))
	end := "exit 1"
	if name == "filter.<driver>.clean" || name == "filter.<driver>.smudge" {
		end = "exec cat" // so that git goes on to the next
	}
	write(e.t, file, "#!/bin/sh\necho '"+name+"' >>"+filepath.Join(e.dir, "marks")+"\n"+end+"\n")
	if err := os.Chmod(file, 0o700); err != nil { //nolint:gosec // it is to run
		e.t.Fatal(err)
	}
	return file
}

func (e *evil) set(name, value string) {
	keys := []string{regexp.MustCompile(`<[a-z]+>`).ReplaceAllString(name, "evil")}
	switch name {
	case "alias.*", "pager.<cmd>":
		keys = nil
		for _, c := range commands {
			keys = append(keys, strings.TrimRight(name, "*<cmd>")+c)
		}
	case "filter.<driver>.process":
		keys = []string{"filter.evil-process.process"}
	case "credential.<url>.helper":
		keys = []string{"credential.https://example.com.helper"}
	case "includeIf.<condition>.path":
		keys = []string{"includeIf.gitdir:/.path"}
	case "url.<base>.insteadOf":
		keys = []string{"url.ext::" + e.program(name) + " .insteadOf"}
	case "remote.<name>.vcs":
		keys = []string{"remote.evil-vcs.vcs"} // else the URL counts no more
	}
	switch value {
	case "":
		value = "PROGRAM"
	case "HOOKS":
		value = filepath.Join(e.dir, "hooks-"+strings.ToLower(name))
		for _, hook := range []string{"post-index-change", "reference-transaction", "pre-auto-gc", "post-checkout", "fsmonitor-watchman", "query-watchman", "pre-commit", "proc-receive"} {
			write(e.t, filepath.Join(value, hook), "#!/bin/sh\nexec "+e.program(name)+"\n")
			if err := os.Chmod(filepath.Join(value, hook), 0o700); err != nil { //nolint:gosec // it is to run
				e.t.Fatal(err)
			}
		}
	case "ATTRIBUTES":
		value = filepath.Join(e.dir, "attributes")
		write(e.t, value, "* diff=evil filter=evil merge=evil\n*.txt -diff -filter\n*.bin filter=evil-process\n")
	case "INCLUDED":
		value = filepath.Join(e.dir, fmt.Sprintf("included-%d", e.n))
		write(e.t, value, "[core]\n\tsshCommand = "+e.program(name)+"\n[diff \"evil\"]\n\ttextconv = "+e.program(name)+"\n")
	case "MARK":
		value = filepath.Join(e.dir, "marks")
	}
	for _, key := range keys {
		e.write("config", key, strings.ReplaceAll(value, "PROGRAM", e.program(name)))
	}
}

func (e *evil) write(file, key, value string) {
	e.t.Helper()
	out, err := exec.CommandContext(e.t.Context(), "git", "config", "--file", filepath.Join(e.in, file), key, value).CombinedOutput()
	if err != nil {
		e.t.Fatalf("%s: %v %s", key, err, out)
	}
}

// marks are the names of what ran.
func (e *evil) marks() []string {
	b, err := os.ReadFile(filepath.Join(e.dir, "marks"))
	if err != nil {
		return nil
	}
	all := strings.Split(strings.TrimSpace(string(b)), "\n")
	slices.Sort(all)
	return slices.Compact(all)
}

func (e *evil) clear() {
	if err := os.RemoveAll(filepath.Join(e.dir, "marks")); err != nil {
		e.t.Fatal(err)
	}
}
