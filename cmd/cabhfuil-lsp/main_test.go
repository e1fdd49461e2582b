package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata")

// TestMain is also the program itself, so that verbs run as processes, and the
// plugins that these start.
func TestMain(m *testing.M) {
	if os.Getenv("CABHFUIL_TEST_PROGRAM") != "" || len(os.Args) > 1 && os.Args[1] == "plugin" {
		if err := limitFileSize(); err != nil {
			panic(err)
		}
		os.Exit(run())
	}
	os.Exit(gittest.Isolate(m).Run())
}

// program is the program with a home of its own.
type program struct {
	home, dir string
	env       []string // more of the environment
	exe       string   // another program than this one
	shared    bool     // it uses the background process of its home; see newShared
}

func (p program) environment() []string {
	env := append(slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "XDG_") }),
		"CABHFUIL_TEST_PROGRAM=1", "GORACE=atexit_sleep_ms=0", "HOME="+p.home, "USERPROFILE="+p.home, "LocalAppData="+p.home, "AppData="+p.home)
	return append(env, p.env...)
}

// hangs is when a verb is taken to hang, also on a busy machine.
const hangs = 3 * time.Minute

// run runs a verb to its end. One that hangs is told to say where: its goroutines
// are in what it prints on standard error.
func (p program) run(stdin string, args ...string) (stdout, stderr string, code int, err error) {
	cmd := p.command(args...)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &said
	if err := cmd.Start(); err != nil {
		return "", "", 0, err
	}
	hung := time.AfterFunc(hangs, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) }) //nolint:errcheck // it may have ended just now
	defer hung.Stop()
	err = cmd.Wait()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = nil
	}
	return out.String(), said.String(), cmd.ProcessState.ExitCode(), err
}

// TestScripts runs testdata/*.txtar. The comment of an archive describes the
// scenario; its parts are:
//
//	repository      a gittest script
//	home/…          files of the home directory
//	NAME            "> ARGUMENTS" and what is printed: standard output, lines of
//	                standard error behind "! ", and "exit N" where N is not 0
//
// ${label} stands for an object name, $DIR and $HOME for directories.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			home := t.TempDir()
			s := &script{p: program{home: home, dir: home}}
			for i, part := range a.Files {
				a.Files[i].Data = s.part(t, part)
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type script struct {
	p    program
	repo *gittest.Repo
}

func (s *script) part(t *testing.T, part txtar.File) []byte {
	t.Helper()
	if part.Name == "repository" {
		// The part's own files are behind "-> NAME <-", since an archive holds none.
		r := gittest.New(t, regexp.MustCompile(`(?m)^-> (.*) <-$`).ReplaceAllString(string(part.Data), "-- $1 --"))
		dir := filepath.Join(filepath.Dir(r.Dir), "list") // its name is the repository's
		if err := os.Rename(r.Dir, dir); err != nil {
			t.Fatal(err)
		}
		s.repo = r.At(dir)
		s.p.dir = s.repo.Dir
		return part.Data
	}
	if path, ok := strings.CutPrefix(part.Name, "home/"); ok {
		path = filepath.Join(s.p.home, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(s.expand(string(part.Data))), 0o600)); err != nil {
			t.Fatal(err)
		}
		return part.Data
	}
	head, _, _ := strings.Cut(string(part.Data), "\n")
	line, ok := strings.CutPrefix(head, "> ")
	if !ok {
		t.Fatalf("%s does not begin with a command", part.Name)
	}
	stdout, stderr, code, err := s.p.run("", strings.Fields(s.expand(line))...)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	fmt.Fprintf(&got, "%s\n%s", head, stdout)
	for said := range strings.Lines(stderr) {
		if !progressLine.MatchString(said) {
			got.WriteString("! " + said)
		}
	}
	if code != 0 {
		fmt.Fprintf(&got, "exit %d\n", code)
	}
	text := s.shorten(got.String())
	if !*update && text != string(part.Data) {
		t.Errorf("%s: got\n%s\nwant\n%s", part.Name, text, part.Data)
	}
	return []byte(text)
}

// progressLine is what a slow machine sees of long operations.
var progressLine = regexp.MustCompile(`^\S+: (reading commits|indexing words)`)

var label = regexp.MustCompile(`\$\{(\w+)(?::(\d+))?\}`)

func (s *script) expand(text string) string {
	text = label.ReplaceAllStringFunc(text, func(m string) string {
		part := label.FindStringSubmatch(m)
		h := s.repo.Hash(part[1]).String()
		n := len(h)
		if part[2] != "" {
			_, _ = fmt.Sscan(part[2], &n) //nolint:errcheck // the pattern has digits there
		}
		return h[:n]
	})
	return strings.NewReplacer("$DIR", s.p.dir, "$HOME", s.p.home).Replace(text)
}

var milliseconds = regexp.MustCompile(`"durationMs": [0-9.]+`)

// shorten is the reverse of expand for what is not the same in every run.
func (s *script) shorten(text string) string {
	text = milliseconds.ReplaceAllString(text, `"durationMs": 0`)
	if s.repo != nil {
		text = strings.ReplaceAll(text, s.p.dir, "$DIR")
	}
	return strings.ReplaceAll(text, s.p.home, "$HOME")
}

// TestJSON holds the fields of the contract.
func TestJSON(t *testing.T) {
	r := gittest.New(t, "commit one \"One\"\nbranch stable/1\ntag v1\n")
	p := program{home: t.TempDir(), dir: r.Dir}
	for _, c := range []struct {
		args []string
		want []string // paths that are there
	}{
		{[]string{"where", "HEAD"}, []string{"0.query", "0.error", "0.matches.0.repository", "0.matches.0.commit.sha", "0.matches.0.commit.body",
			"0.matches.0.commit.author.date", "0.matches.0.commit.parents", "0.matches.0.branches.1.firstTag", "0.matches.0.branches.1.revertedBy",
			"0.matches.0.branches.1.incomplete", "0.matches.0.branches.1.evidence", "0.matches.0.branches.1.ref", "0.matches.0.tags.first",
			"0.matches.0.tags.all.0", "0.matches.0.related", "0.matches.0.keys", "0.matches.0.forge", "0.matches.0.limits"}},
		{[]string{"search", "one"}, []string{"query", "total", "hits.0.repository", "hits.0.sha", "hits.0.subject", "hits.0.author.name", "hits.0.date", "hits.0.score", "errors", "durationMs"}},
	} {
		stdout, stderr, code, err := p.run("", append(c.args, "--format", "json")...)
		if err != nil || code != 0 {
			t.Fatal(err, code, stderr)
		}
		var all any
		if err := json.Unmarshal([]byte(stdout), &all); err != nil {
			t.Fatal(err)
		}
		for _, path := range c.want {
			if !has(all, strings.Split(path, ".")) {
				t.Errorf("%v: no %s in\n%s", c.args, path, stdout)
			}
		}
	}
}

func has(v any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		next, ok := v[path[0]]
		return ok && has(next, path[1:])
	case []any:
		var i int
		_, err := fmt.Sscan(path[0], &i)
		return err == nil && i < len(v) && has(v[i], path[1:])
	}
	return false
}

// log is all that the program wrote into its logs.
func (p program) log() string {
	logs, err := filepath.Glob(filepath.Join(p.home, ".local", "state", "ca-bhfuil", "log", "*.log"))
	if err != nil {
		return err.Error()
	}
	var all strings.Builder
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			return err.Error()
		}
		all.Write(text)
	}
	return all.String()
}
