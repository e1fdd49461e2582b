package config_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata, and docs/configuration.md")

// write writes the parts of an archive that are files of the configuration: NAME,
// or NAME MODE.
func write(t *testing.T, a *txtar.Archive) config.Dirs {
	t.Helper()
	dirs := config.Dirs{Config: t.TempDir()}
	for _, part := range a.Files {
		base, octal, _ := strings.Cut(part.Name, " ")
		if !strings.HasSuffix(base, ".yaml") {
			continue
		}
		mode := uint64(0o600)
		if octal != "" {
			var err error
			if mode, err = strconv.ParseUint(octal, 8, 32); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dirs.Config, base)
		if err := os.WriteFile(path, part.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, os.FileMode(mode)); err != nil {
			t.Fatal(err)
		}
	}
	return dirs
}

// TestFaults runs testdata/faults/*.txtar. The comment of an archive describes the
// mistake; its parts are the files, and
//
//	faults  the lines that tell what is wrong
//	counts  what counts all the same
func TestFaults(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		dirs := write(t, a)
		c, read := config.Load(dirs)
		var lines strings.Builder
		for _, f := range config.Faults(read) {
			told++
			lines.WriteString(strings.ReplaceAll(f.Error(), dirs.Config+string(filepath.Separator), "") + "\n")
		}
		got := map[string]string{"faults": lines.String(), "counts": counts(c)}
		if strings.Contains(got["faults"]+got["counts"], "hunter2") {
			t.Errorf("%s: a secret is shown:\n%s", file, got["faults"])
		}
		for i, part := range a.Files {
			want, golden := got[part.Name]
			if !golden {
				continue
			}
			if diff := cmp.Diff(string(part.Data), want); diff != "" && !*update {
				t.Errorf("%s: %s (-want +got):\n%s", file, part.Name, diff)
			}
			a.Files[i].Data = []byte(want)
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(a), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if told < 40 {
		t.Errorf("%d faults only", told)
	}
}

// counts is what is right in a configuration.
func counts(c config.Config) string {
	var b strings.Builder
	for _, r := range c.Repositories {
		fmt.Fprintf(&b, "repository %s\n", strings.TrimSpace(r.Name+" "+r.Path+r.Source.URL))
	}
	for _, d := range c.Global.Dialects {
		fmt.Fprintf(&b, "dialect %s\n", d.Name)
	}
	for _, f := range c.Global.Forges {
		fmt.Fprintf(&b, "forge %s\n", strings.TrimSpace(string(f.Type)+" "+f.Host+" "+f.URL))
	}
	for _, t := range c.Global.Trackers {
		fmt.Fprintf(&b, "tracker %s\n", strings.TrimSpace(string(t.Type)+" "+t.URL))
	}
	for _, p := range c.Global.Plugins {
		fmt.Fprintf(&b, "plugin %s\n", p.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Auth.AuthMethods)) {
		fmt.Fprintf(&b, "method %s\n", name)
	}
	return b.String()
}
