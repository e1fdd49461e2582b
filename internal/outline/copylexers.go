//go:build ignore

// Copies the lexers that languages names out of chroma, with its licence.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(names []string) error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/alecthomas/chroma/v2").Output()
	if err != nil {
		return fmt.Errorf("finding chroma: %w", err)
	}
	module := strings.TrimSpace(string(out))
	from := []string{filepath.Join(module, "COPYING")}
	for _, name := range names {
		from = append(from, filepath.Join(module, "lexers/embedded", name+".xml"))
	}
	for _, path := range from {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join("lexers", filepath.Base(path)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
