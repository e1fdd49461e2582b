package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// gitIn runs git in dir.
func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// cloned is a clone of this repository with the work tree's changes committed on
// top, at a fixed date, so that what is tested is what stands here.
func cloned(t *testing.T, parent string) string {
	t.Helper()
	here := gitIn(t, ".", "rev-parse", "--show-toplevel")
	dir := filepath.Join(t.TempDir(), parent, "source")
	gitIn(t, here, "clone", "--quiet", "--no-hardlinks", here, dir)
	changed := gitIn(t, here, "-c", "core.quotePath=false", "ls-files", "--modified", "--others", "--exclude-standard", "--deduplicate")
	for file := range strings.Lines(changed) {
		file = strings.TrimSpace(file)
		data, err := os.ReadFile(filepath.Join(here, file))
		if errors.Is(err, os.ErrNotExist) {
			err = os.Remove(filepath.Join(dir, file))
		} else if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755), os.WriteFile(filepath.Join(dir, file), data, 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
	t.Setenv("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
	gitIn(t, dir, "add", "--all")
	gitIn(t, dir, "-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgSign=false", "commit", "--quiet", "--allow-empty", "--message", "Changes")
	return dir
}

// released makes a platform's release in a clone, and returns its files.
func released(t *testing.T, dir, platform, version string) map[string][]byte {
	t.Helper()
	out := t.TempDir()
	if os.Getenv("CABHFUIL_TEST_FRESH") != "" { // compile everything anew: some minutes
		t.Setenv("GOCACHE", t.TempDir())
	}
	if err := run(t.Context(), dir, out, platform, "archive,deb", version); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	found, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if files[f.Name()], err = os.ReadFile(filepath.Join(out, f.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestSameBytes(t *testing.T) {
	if os.Getenv("CABHFUIL_LONG_TESTS") == "" {
		t.Skip("it compiles the program twice; CABHFUIL_LONG_TESTS asks for it")
	}
	platform := "linux/" + runtime.GOARCH
	source := cloned(t, "one")
	// A clone of the clone: the work tree may change meanwhile.
	again := filepath.Join(t.TempDir(), "another directory")
	gitIn(t, source, "clone", "--quiet", "--no-hardlinks", source, again)
	one := released(t, source, platform, "1.2.3")
	two := released(t, again, platform, "1.2.3")
	if diff := cmp.Diff(keys(one), keys(two)); diff != "" {
		t.Fatalf("other files:\n%s", diff)
	}
	base := "cabhfuil-lsp_1.2.3_linux_" + runtime.GOARCH
	want := []string{"SHA256SUMS", base + ".cdx.json", base + ".tar.gz"}
	if _, err := exec.LookPath("dpkg-deb"); err == nil {
		want = append(want, "cabhfuil-lsp_1.2.3_"+runtime.GOARCH+".deb")
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, keys(one)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for name := range one {
		if !bytes.Equal(one[name], two[name]) {
			t.Errorf("%s has other bytes in another directory", name)
		}
	}
	files := unpack(t, one[base+".tar.gz"])
	for _, must := range []string{"README.md", "LICENSE", "CHANGELOG.md", "THIRD-PARTY-LICENSES", "docs/install.md", "editors/neovim/plugin/cabhfuil.lua", "editors/jetbrains/template.json", "completion/bash/cabhfuil-lsp", "man/man1/cabhfuil-lsp-where.1"} {
		if len(files[base+"/"+must]) == 0 {
			t.Errorf("the archive has no %s", must)
		}
	}
	if name := base + "/editors/.prettierrc"; files[name] != nil {
		t.Errorf("the archive has %s, which is for who works on it", name)
	}
	if page := files[base+"/man/man1/cabhfuil-lsp.1"]; !bytes.Contains(page, []byte(`"Jan 2026"`)) {
		t.Errorf("the manual page has another date than the commit: %.200s", page)
	}
	if runtime.GOOS == "linux" {
		checkProgram(t, files[base+"/cabhfuil-lsp"])
	}
	checkBill(t, one[base+".cdx.json"], files[base+"/THIRD-PARTY-LICENSES"])
}

// unpack reads a compressed tar.
func unpack(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err == nil {
			files[h.Name], err = io.ReadAll(tr)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// checkProgram runs what was packed.
func checkProgram(t *testing.T, program []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cabhfuil-lsp")
	if err := os.WriteFile(file, program, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(file, "version").CombinedOutput()
	if err != nil {
		t.Fatalf("version: %v: %s", err, out)
	}
	if !regexp.MustCompile(`^cabhfuil-lsp 1\.2\.3 \(commit [0-9a-f]{12} of 2026-01-02, go`).Match(out) {
		t.Errorf("version says %s", out)
	}
}

// checkBill holds the bill against the licences: whoever is in one is in the
// other.
func checkBill(t *testing.T, bill, licences []byte) {
	t.Helper()
	var bom struct {
		BomFormat  string
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(bill, &bom); err != nil {
		t.Fatal(err)
	}
	if bom.BomFormat != "CycloneDX" || len(bom.Components) < 20 {
		t.Fatalf("%q with %d components", bom.BomFormat, len(bom.Components))
	}
	for _, c := range bom.Components {
		title := "\n" + c.Name + "@" + c.Version + "/"
		if c.Name == "std" {
			title = "\nGo/LICENSE\n"
		}
		if !bytes.Contains(licences, []byte(title)) {
			t.Errorf("%s %s is linked in, and its licence is not in the archive", c.Name, c.Version)
		}
	}
}

func TestZip(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC)
	var b bytes.Buffer
	if err := writeZip(&b, "top", tree{{path: "cabhfuil-lsp.exe", data: []byte("program"), program: true}, {path: "a/b", data: []byte("text")}}, at); err != nil {
		t.Fatal(err)
	}
	zr, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range zr.File {
		got = append(got, f.Mode().String()+" "+f.Name+" "+f.Modified.UTC().Format(time.RFC3339))
	}
	want := []string{"-rwxr-xr-x top/cabhfuil-lsp.exe 2026-01-02T03:04:06Z", "-rw-r--r-- top/a/b 2026-01-02T03:04:06Z"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVersions(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	for _, name := range []string{"AUTHOR", "COMMITTER"} {
		t.Setenv("GIT_"+name+"_NAME", "A")
		t.Setenv("GIT_"+name+"_EMAIL", "a@example.org")
		t.Setenv("GIT_"+name+"_DATE", "2026-01-02T03:04:05Z")
	}
	gitIn(t, dir, "init", "--quiet")
	gitIn(t, dir, "commit", "--quiet", "--allow-empty", "--message", "One")
	sha := gitIn(t, dir, "rev-parse", "HEAD")
	check := func(asked, want, wantDebian string) {
		t.Helper()
		s, err := openSource(t.Context(), dir, asked)
		if err != nil {
			t.Fatal(err)
		}
		if s.version != want || s.debianVersion() != wantDebian || s.commit != sha || s.date != time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) {
			t.Errorf("%q: got %+v, Debian's %q; want version %q, Debian's %q", asked, s, s.debianVersion(), want, wantDebian)
		}
	}
	check("", "0.1.0-dev+g"+sha[:12], "0.1.0~dev+g"+sha[:12])
	check("2.0.0-rc.1", "2.0.0-rc.1", "2.0.0~rc.1")
	gitIn(t, dir, "tag", "v1.9.0")
	gitIn(t, dir, "tag", "v1.10.0")
	check("", "1.10.0", "1.10.0")
	if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check("", "1.10.0+changed", "1.10.0+changed")
	for _, bad := range []string{"1", "1.2", "v1.2.3", "1.2.3 -X main.commit=0"} {
		if s, err := openSource(t.Context(), dir, bad); err == nil {
			t.Errorf("version %q was taken as %q", bad, s.version)
		}
	}
}

func TestTargets(t *testing.T) {
	some, err := parseTargets("windows/arm64,linux/amd64")
	if err != nil || len(some) != 2 || some[0].editor() != "win32-arm64" || some[1].editor() != "linux-x64" || some[0].program() != "cabhfuil-lsp.exe" {
		t.Errorf("%v, %v", some, err)
	}
	if some, err := parseTargets("plan9/386"); err == nil {
		t.Errorf("plan9 is among %v", some)
	}
}

// TestStem keeps the version between releases the same as the program's.
func TestStem(t *testing.T) {
	text, err := os.ReadFile("../../cmd/cabhfuil-lsp/version.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(`version = "`+stem+`"`)) {
		t.Errorf("cmd/cabhfuil-lsp/version.go has another version than %q", stem)
	}
}
