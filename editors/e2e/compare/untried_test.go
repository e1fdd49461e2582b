package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestUntried reads the configurations that no editor reads here, holds their names to
// those of the clients' documentation, and asks the server that each of them starts.
func TestUntried(t *testing.T) {
	t.Parallel()
	// Sublime Text's LSP: "Client Configuration" and LSP.sublime-settings.
	var sublime struct {
		ShowCodeLens string `json:"show_code_lens"`
		Clients      map[string]struct {
			Enabled  bool     `json:"enabled"`
			Command  []string `json:"command"`
			Selector string   `json:"selector"`
		} `json:"clients"`
	}
	decode(t, "../../sublime/LSP.sublime-settings", &sublime)
	ours := sublime.Clients["cabhfuil"]
	if !ours.Enabled || ours.Selector == "" || sublime.ShowCodeLens != "phantom" && sublime.ShowCodeLens != "annotation" {
		t.Errorf("Sublime Text: %+v", sublime)
	}
	// LSP4IJ: "User-defined language server template".
	var jetbrains struct {
		ID               string            `json:"id"`
		Name             string            `json:"name"`
		ProgramArgs      map[string]string `json:"programArgs"`
		FileTypeMappings []struct {
			FileType struct {
				Name     string   `json:"name"`
				Patterns []string `json:"patterns"`
			} `json:"fileType"`
			LanguageID string `json:"languageId"`
		} `json:"fileTypeMappings"`
	}
	decode(t, "../../jetbrains/template.json", &jetbrains)
	if jetbrains.ID == "" || jetbrains.Name == "" || len(jetbrains.FileTypeMappings) == 0 {
		t.Errorf("JetBrains: %+v", jetbrains)
	}
	for _, m := range jetbrains.FileTypeMappings {
		if m.FileType.Name == "" || len(m.FileType.Patterns) == 0 || m.LanguageID == "" {
			t.Errorf("JetBrains: %+v", m)
		}
		for _, p := range m.FileType.Patterns {
			if _, err := filepath.Match(p, "name"); err != nil {
				t.Errorf("JetBrains: %s: %v", p, err)
			}
		}
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin, "../../../cmd/cabhfuil-lsp")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	serves(t, bin, ours.Command)
	serves(t, bin, strings.Fields(jetbrains.ProgramArgs["default"]))
}

// decode reads a file of JSON, in which a line may be a comment. A field that v lacks
// is a fault.
func decode(t *testing.T, file string, v any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(regexp.MustCompile(`(?m)^\s*//.*$`).ReplaceAllString(string(b), "")))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// serves starts a command, whose program is in bin, and has it initialized and shut down.
func serves(t *testing.T, bin string, command []string) {
	t.Helper()
	if len(command) == 0 || command[0] != "cabhfuil-lsp" {
		t.Fatalf("the command is %q", command)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, command[0]), append(command[1:], "--private")...)
	home := t.TempDir()
	cmd.Dir, cmd.Env = home, append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME=", "XDG_CACHE_HOME=", "XDG_STATE_HOME=")
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
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}`,
		`{"jsonrpc":"2.0","id":2,"method":"shutdown"}`, `{"jsonrpc":"2.0","method":"exit"}`,
	} {
		if _, err := fmt.Fprintf(in, "Content-Length: %d\r\n\r\n%s", len(body), body); err != nil {
			t.Fatal(err)
		}
	}
	said, err := io.ReadAll(out)
	if err != nil || !strings.Contains(string(said), `"hoverProvider"`) {
		t.Errorf("%q says %q, %v", command, said, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%q ends with %v", command, err)
	}
}
