package config_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
)

// entry makes an entry of key=value words.
func entry(t *testing.T, words []string) config.Repository {
	t.Helper()
	r := config.NewRepository()
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		var err error
		switch key {
		case "name":
			r.Name = value
		case "path":
			r.Path = value
		case "url":
			r.Source.URL = value
		case "interval":
			r.Sync.Interval, err = config.ParseDuration(value)
		case "max_size":
			r.Storage.MaxSize, err = config.ParseSize(value)
		case "strategy":
			r.Sync.Strategy = config.Strategy(value)
		case "auth_key":
			r.AuthKey = value
		default:
			t.Fatalf("the word %s", w)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// TestEdit runs testdata/edit/*.txtar: what repos.yaml is before, what is done (add
// with key=value words, remove with a name), and what it is after, with the errors
// behind it.
func TestEdit(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/edit/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		home := t.TempDir()
		dirs := config.Dirs{Config: filepath.Join(home, "config"), State: filepath.Join(home, "state")}
		path := filepath.Join(dirs.Config, "repos.yaml")
		var errs []string
		for i, part := range a.Files {
			switch part.Name {
			case "before":
				if err := errors.Join(os.Mkdir(dirs.Config, 0o700), os.WriteFile(path, part.Data, 0o640)); err != nil { //nolint:gosec // the mode is to stay
					t.Fatal(err)
				}
			case "do":
				for line := range strings.Lines(string(part.Data)) {
					words := strings.Fields(line)
					var err error
					if words[0] == "add" {
						err = config.Add(t.Context(), dirs, entry(t, words[1:]))
					} else {
						err = config.Remove(t.Context(), dirs, words[1])
					}
					if err != nil {
						errs = append(errs, strings.TrimSpace(line)+": "+strings.ReplaceAll(err.Error(), dirs.Config+string(filepath.Separator), "")+"\n")
					}
				}
			case "after":
				after, err := os.ReadFile(path)
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Fatal(err)
				}
				got := string(after) + strings.Join(errs, "")
				if diff := cmp.Diff(string(part.Data), got); diff != "" && !*update {
					t.Errorf("%s (-want +got):\n%s", file, diff)
				}
				a.Files[i].Data = []byte(got)
			}
		}
		if left, err := filepath.Glob(filepath.Join(dirs.Config, ".repos-*")); err != nil || len(left) > 0 {
			t.Errorf("%s: left over: %v %v", file, left, err)
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(a), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestEditLink holds that a link to a file elsewhere stays one, and the file's mode
// what it was.
func TestEditLink(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	dirs := config.Dirs{Config: filepath.Join(home, "config"), State: filepath.Join(home, "state")}
	real, link := filepath.Join(home, "dotfiles.yaml"), filepath.Join(dirs.Config, "repositories.yaml")
	if err := errors.Join(os.Mkdir(dirs.Config, 0o700), os.WriteFile(real, []byte("repos: []\n"), 0o640)); err != nil { //nolint:gosec // the mode is to stay
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		if runtime.GOOS == "windows" { // where making links is a privilege
			t.Skip(err)
		}
		t.Fatal(err)
	}
	r := config.NewRepository()
	r.Path = "/src/nova"
	if err := config.Add(t.Context(), dirs, r); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(real)
	info, statErr := os.Stat(real)
	linked, linkErr := os.Lstat(link)
	if err := errors.Join(err, statErr, linkErr); err != nil {
		t.Fatal(err)
	}
	if string(b) != "repos:\n  - path: /src/nova\n" || info.Mode().Perm() != 0o640 || linked.Mode().Type() != fs.ModeSymlink {
		t.Errorf("%q, %v, %v", b, info.Mode(), linked.Mode())
	}
}

// TestMain is also a process that edits: see TestEditTogether.
func TestMain(m *testing.M) {
	if home := os.Getenv("CONFIG_TEST_HOME"); home != "" {
		if err := editMany(home, os.Getenv("CONFIG_TEST_NAME")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// each is how many repositories each process adds.
const each = 20

// editMany adds repositories, and removes every second one again.
func editMany(home, name string) error {
	dirs := config.Dirs{Config: filepath.Join(home, "config"), State: filepath.Join(home, "state")}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for i := range each {
		r := config.NewRepository()
		r.Name = fmt.Sprintf("%s-%d", name, i)
		r.Path = "/src/" + r.Name
		if err := config.Add(ctx, dirs, r); err != nil {
			return err
		}
		if i%2 == 1 {
			if err := config.Remove(ctx, dirs, r.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestEditTogether holds that processes which edit at the same time lose nothing
// of each other, and that a reader never sees half a file.
func TestEditTogether(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	dirs := config.Dirs{Config: filepath.Join(home, "config"), State: filepath.Join(home, "state")}
	const comment = "# what I wrote\nrepos:\n  # the first of all\n  - name: mine\n    path: /src/mine   # at home\n"
	if err := errors.Join(os.Mkdir(dirs.Config, 0o700), os.WriteFile(filepath.Join(dirs.Config, "repos.yaml"), []byte(comment), 0o600)); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const processes = 3
	ended := make(chan error, processes)
	for i := range processes {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), "CONFIG_TEST_HOME="+home, fmt.Sprintf("CONFIG_TEST_NAME=p%d", i))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { ended <- cmd.Wait() }()
	}
	for running := processes; running > 0; {
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			running--
		default:
			if c, files := config.Load(dirs); len(config.Faults(files)) > 0 || len(c.Repositories) == 0 {
				t.Fatalf("half a file: %v", config.Faults(files))
			}
		}
	}
	c, _ := config.Load(dirs)
	if want := 1 + processes*each/2; len(c.Repositories) != want {
		t.Errorf("%d repositories, want %d", len(c.Repositories), want)
	}
	if b, err := os.ReadFile(filepath.Join(dirs.Config, "repos.yaml")); err != nil || !strings.HasPrefix(string(b), comment) {
		t.Errorf("%v\n%s", err, b)
	}
}
