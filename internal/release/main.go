// Command release builds what people install: for each platform an archive and a
// software bill of materials, Debian packages, and checksums of them all. It
// owns their names, what is in them and that the same commit gives the same
// bytes; the Makefile owns who calls it.
//
// Whatever ends up in a file comes from the commit, the Go toolchain and the
// modules that go.sum names. No time of building, path, user or order of a
// directory does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	out := flag.String("out", "dist", "write into `DIR`")
	only := flag.String("only", "", "platforms, such as linux/amd64,windows/arm64; all when empty")
	kinds := flag.String("kinds", "archive,deb", "what to make: archive, deb, and binary: programs alone, in a directory for each platform as VS Code names it")
	version := flag.String("version", "", "of the release, such as 1.2.3; when empty the tag v1.2.3 of the commit, else that of the program with the commit behind it")
	flag.Parse()
	if err := run(ctx, ".", *out, *only, *kinds, *version); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run makes the kinds of files for platforms from the repository at dir.
func run(ctx context.Context, dir, out, only, kinds, version string) error {
	targets, err := parseTargets(only)
	if err != nil {
		return err
	}
	wanted := strings.Split(kinds, ",")
	for _, kind := range wanted {
		if !slices.Contains([]string{"archive", "deb", "binary"}, kind) {
			return fmt.Errorf("kind %q: expected archive, deb or binary", kind)
		}
	}
	src, err := openSource(ctx, dir, version)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "cabhfuil-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a directory in TMPDIR
	var made []string
	var share tree
	if !slices.Equal(wanted, []string{"binary"}) {
		if share, err = src.share(ctx, work); err != nil {
			return err
		}
	}
	for _, t := range targets {
		files, err := src.make(ctx, t, wanted, share, work, out)
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		for _, f := range files {
			fmt.Println(filepath.Join(out, f))
		}
		made = append(made, files...)
	}
	if slices.Contains(wanted, "archive") {
		return checksums(out, made)
	}
	return nil
}

// make makes the kinds of files for one platform and returns their names in out.
func (s *source) make(ctx context.Context, t target, kinds []string, share tree, work, out string) ([]string, error) {
	binary := filepath.Join(work, t.os+"-"+t.arch, t.program())
	if err := s.compile(ctx, t, binary); err != nil {
		return nil, err
	}
	licences, err := s.licences(ctx, t)
	if err != nil {
		return nil, err
	}
	var made []string
	if slices.Contains(kinds, "binary") {
		files, err := bare(t, binary, licences, out)
		if err != nil {
			return nil, err
		}
		made = append(made, files...)
	}
	if slices.Contains(kinds, "archive") {
		name, err := s.archive(t, binary, licences, share, out)
		if err != nil {
			return nil, err
		}
		bill, err := s.bill(t, binary, out)
		if err != nil {
			return nil, err
		}
		made = append(made, name, bill)
	}
	if slices.Contains(kinds, "deb") && t.os == "linux" {
		name, err := s.deb(ctx, t, binary, licences, share, work, out)
		switch {
		case errors.Is(err, exec.ErrNotFound) && slices.Contains(kinds, "archive"):
			fmt.Fprintln(os.Stderr, "release: no Debian packages, since there is no dpkg-deb here")
		case err != nil:
			return nil, err
		default:
			made = append(made, name)
		}
	}
	return made, nil
}

// bare writes a program and its licences into a directory for the platform, and
// returns their names in out.
func bare(t target, binary string, licences []byte, out string) ([]string, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	err = tree{{path: t.program(), data: program, program: true}, {path: "THIRD-PARTY-LICENSES", data: licences}}.write(filepath.Join(out, t.editor()), time.Now())
	return []string{filepath.Join(t.editor(), t.program()), filepath.Join(t.editor(), "THIRD-PARTY-LICENSES")}, err
}
