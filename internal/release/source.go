package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

const (
	name    = "cabhfuil-lsp"
	command = "./cmd/cabhfuil-lsp"
	// stem is the version between releases. The next release has a tag.
	stem = "0.1.0-dev"
)

// target is a platform, in the words of the go command.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

// program is the name of the executable.
func (t target) program() string {
	if t.os == "windows" {
		return name + ".exe"
	}
	return name
}

// editor is the platform's name in VS Code's words.
func (t target) editor() string {
	system, arch := t.os, t.arch
	if system == "windows" {
		system = "win32"
	}
	if arch == "amd64" {
		arch = "x64"
	}
	return system + "-" + arch
}

var allTargets = []target{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

// parseTargets reads a list such as linux/amd64,windows/arm64. The empty one is
// all.
func parseTargets(list string) ([]target, error) {
	if list == "" {
		return allTargets, nil
	}
	var some []target
next:
	for word := range strings.SplitSeq(list, ",") {
		for _, t := range allTargets {
			if t.String() == word {
				some = append(some, t)
				continue next
			}
		}
		return nil, fmt.Errorf("platform %q: expected some of %v", word, allTargets)
	}
	return some, nil
}

// source is a commit in a work tree.
type source struct {
	dir     string
	version string
	commit  string    // whole SHA
	date    time.Time // the commit's, in UTC
}

// versions are those that git tags, Debian and the extension can all write.
var versions = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?(\+[0-9A-Za-z.]+)?$`)

// openSource takes what is checked out at dir. The version of a commit without a
// tag, or of changes that are in no commit, says so.
func openSource(ctx context.Context, dir, version string) (*source, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &source{dir: abs, version: version}
	head, err := s.git(ctx, "log", "-1", "--format=%H %ct")
	if err != nil {
		return nil, err
	}
	var seconds int64
	if _, err := fmt.Sscanf(head, "%s %d", &s.commit, &seconds); err != nil {
		return nil, fmt.Errorf("reading HEAD %q: %w", head, err)
	}
	s.date = time.Unix(seconds, 0).UTC()
	if s.version == "" {
		tags, err := s.git(ctx, "tag", "--points-at", "HEAD", "--sort=-version:refname", "v[0-9]*")
		if err != nil {
			return nil, err
		}
		tag, _, _ := strings.Cut(tags, "\n")
		if s.version = strings.TrimPrefix(tag, "v"); s.version == "" {
			s.version = stem + "+g" + s.commit[:12]
		}
	}
	changed, err := s.git(ctx, "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	if changed != "" {
		if strings.Contains(s.version, "+") {
			s.version += ".changed"
		} else {
			s.version += "+changed"
		}
		fmt.Fprintln(os.Stderr, "release: the work tree has changes that are in no commit; the version is", s.version)
	}
	if !versions.MatchString(s.version) {
		return nil, fmt.Errorf("version %q: expected one such as 1.2.3 or 1.2.3-rc.1", s.version)
	}
	return s, nil
}

func (s *source) git(ctx context.Context, args ...string) (string, error) {
	out, err := s.run(ctx, nil, "git", args...)
	return strings.TrimSpace(string(out)), err
}

// run runs a program in the work tree, with these variables besides the
// environment's, and returns its standard output.
func (s *source) run(ctx context.Context, env []string, program string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, program, args...)
	c.Dir, c.Env = s.dir, append(os.Environ(), env...)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", program, args[0], err, bytes.TrimSpace(said.Bytes()))
	}
	return out, nil
}

// goEnv is what decides, besides flags, which bytes the go command makes.
func goEnv(t target) []string {
	return []string{
		"GOOS=" + t.os, "GOARCH=" + t.arch, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=",
		"GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off", "GOTOOLCHAIN=local",
	}
}

// compile builds the program for a platform into the file. What the go command
// would record about the work tree is linked in by hand, so that a clone, a
// linked work tree and an unpacked archive give the same bytes.
func (s *source) compile(ctx context.Context, t target, file string) error {
	link := fmt.Sprintf("-s -w -X main.version=%s -X main.commit=%s -X main.date=%s", s.version, s.commit, s.date.Format(time.RFC3339))
	_, err := s.run(ctx, goEnv(t), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", link, "-o", file, command)
	return err
}

// share is what is the same on every platform: completion and manual pages, which
// the program writes itself, and the documents of the commit.
func (s *source) share(ctx context.Context, work string) (tree, error) {
	host := target{runtime.GOOS, runtime.GOARCH}
	program := filepath.Join(work, "host", host.program())
	if err := s.compile(ctx, host, program); err != nil {
		return nil, err
	}
	var t tree
	for shell, file := range map[string]string{"bash": name, "zsh": "_" + name, "fish": name + ".fish", "powershell": name + ".ps1"} {
		script, err := s.run(ctx, nil, program, "completion", shell)
		if err != nil {
			return nil, err
		}
		t = append(t, entry{path: "completion/" + shell + "/" + file, data: script})
	}
	pages := filepath.Join(work, "man")
	if err := os.Mkdir(pages, 0o755); err != nil {
		return nil, err
	}
	if _, err := s.run(ctx, nil, program, "man", pages); err != nil {
		return nil, err
	}
	found, err := os.ReadDir(pages)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("the program wrote no manual pages")
	}
	for _, page := range found {
		data, err := os.ReadFile(filepath.Join(pages, page.Name()))
		if err != nil {
			return nil, err
		}
		t = append(t, entry{path: "man/man1/" + page.Name(), data: data})
	}
	listed, err := s.git(ctx, "-c", "core.quotePath=false", "ls-files", "--", "README.md", "CHANGELOG.md", "LICENSE", "docs", "editors", ":!editors/vscode", ":!editors/e2e", ":!editors/.*")
	if err != nil {
		return nil, err
	}
	for file := range strings.Lines(listed) {
		file = strings.TrimSpace(file)
		data, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(file)))
		if err != nil {
			return nil, err
		}
		t = append(t, entry{path: file, data: data})
	}
	return t, nil
}
