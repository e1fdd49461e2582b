package gitrepo_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
)

// sha256 is a repository whose object names are of SHA-256, empty until commit is
// called.
func sha256(t *testing.T) (dir string, commit func(subject string)) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "long")
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.org"}, args...)...)
		cmd.Dir = filepath.Dir(dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "--object-format=sha256", "--initial-branch=main", dir)
	return dir, func(subject string) {
		t.Helper()
		git("-C", dir, "commit", "-q", "--allow-empty", "-m", subject)
	}
}

// TestCloneSHA256 makes a clone in the format of its remote, also where the remote
// was empty at first, and takes no remote of another format into it.
func TestCloneSHA256(t *testing.T) {
	dir, commit := sha256(t)
	overHTTP := serve(t, filepath.Join(dir, ".git"), "")
	for _, address := range []string{"file://" + filepath.ToSlash(dir), overHTTP} {
		c := gitrepo.Clone{Dir: filepath.Join(t.TempDir(), "clone.git"), Remotes: []gitrepo.Followed{{Name: "origin", URL: address}}}
		if err := update(t, c); err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		for _, subject := range []string{"Add a list", "Fix the list"} {
			commit(subject)
			if err := update(t, c); err != nil {
				t.Fatalf("%s: %v", address, err)
			}
			if got := cloneRefs(t, c.Dir); !strings.Contains(got, "refs/remotes/origin/main "+subject+"\n") {
				t.Errorf("%s: the clone has\n%s", address, got)
			}
		}
		c.Select = gitrepo.Selection{Wants: func(string) bool { return true }}
		commit("Add a queue")
		if err := update(t, c); err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		if got := cloneRefs(t, c.Dir); !strings.Contains(got, "refs/remotes/origin/main Add a queue\n") {
			t.Errorf("%s, selected: the clone has\n%s", address, got)
		}
		short := gittest.New(t, transferred)
		c.Remotes = append(c.Remotes, gitrepo.Followed{Name: "short", URL: short.URL()})
		if err := update(t, c); !errors.Is(err, gitrepo.ErrFormats) || !strings.Contains(err.Error(), "remote short") {
			t.Errorf("%s, beside one of SHA-1: %v", address, err)
		}
	}
}
