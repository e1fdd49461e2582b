package mailmap_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/index/mailmap"
)

const sample = `# comment
Jane Doe         <jane@laptop.(none)>
<jane@example.com> <jane@desktop.(none)>
Joe R. Developer <joe@example.com> <bugs@example.com>
Jane D. <jane@example.com> Jane Desktop <bugs@example.com>
  Spaced   Out  <  spaced@example.com > <odd@example.com>  trailing words
no address at all
<only@one.address>
Unclosed <nobody
Second Name <joe2@example.com>
<joe3@example.com> <joe2@example.com>
# <commented@example.com> <joe2@example.com>
CASE <Upper@Example.COM> old Name <OLD@example.com>
`

var people = [][2]string{
	{"jane", "jane@laptop.(none)"}, {"jane", "JANE@laptop.(none)"}, {"jane", "jane@desktop.(none)"},
	{"Joe", "bugs@example.com"}, {"Jane Desktop", "bugs@example.com"}, {"jane desktop", "Bugs@example.com"},
	{"x", "odd@example.com"}, {"x", "only@one.address"}, {"x", "nobody"}, {"x", "joe2@example.com"},
	{"Old name", "old@example.com"}, {"other name", "old@example.com"}, {"x", "unknown@example.com"},
}

// TestResolve holds every answer against git check-mailmap.
func TestResolve(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "map")
	if err := os.WriteFile(file, []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	m := mailmap.Parse(sample)
	for _, p := range people {
		name, email := m.Resolve(p[0], p[1])
		got, want := fmt.Sprintf("%s <%s>", name, email), git("-c", "mailmap.file="+file, "check-mailmap", fmt.Sprintf("%s <%s>", p[0], p[1]))
		if got != want {
			t.Errorf("%s <%s>: got %s, git says %s", p[0], p[1], got, want)
		}
	}
	var none *mailmap.Map
	if name, email := none.Resolve("a", "b"); name != "a" || email != "b" {
		t.Errorf("no map: got %s <%s>", name, email)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample, "Jane Desktop", "bugs@example.com")
	f.Fuzz(func(t *testing.T, text, name, email string) {
		n, e := mailmap.Parse(text).Resolve(name, email)
		if n == "" && name != "" || e == "" && email != "" {
			t.Errorf("%q <%q> became %q <%q>", name, email, n, e)
		}
	})
}
