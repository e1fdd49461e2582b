package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adrg/xdg"
	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file     string
		want     []config.Repository
		problems []string // what each holds, behind the file's name
	}{
		"good": {
			file: "repos:\n  - name: nova\n    path: /src/nova/\n    branches:\n      release_lines: [stable/*]\n      upstream: master\n  - path: /src/git\n",
			want: []config.Repository{
				{Name: "nova", Path: "/src/nova", Branches: config.Branches{ReleaseLines: []string{"stable/*"}, Upstream: "master"}},
				{Path: "/src/git"},
			},
		},
		"home": {
			file: "repos:\n  - path: ~/a\n  - path: $HOME/b\n  - path: ${HOME}\n",
			want: []config.Repository{{Path: filepath.Join(xdg.Home, "a")}, {Path: filepath.Join(xdg.Home, "b")}, {Path: xdg.Home}},
		},
		"relative": {
			file:     "repos:\n  - name: bad\n    path: src/bad\n  - path: ~other/x\n  - path: /src/good\n",
			want:     []config.Repository{{Path: "/src/good"}},
			problems: []string{`: bad: path "src/bad": expected an absolute path`, `: repos[1]: path "~other/x": expected an absolute path`},
		},
		"duplicate": {
			file:     "repos:\n  - {name: a, path: /a}\n  - {name: a, path: /b}\n",
			want:     []config.Repository{{Name: "a", Path: "/a"}},
			problems: []string{`: the name "a" stands twice`},
		},
		"to clone": {file: "repos:\n  - name: far\n    url: https://example.com/far.git\n"},
		"empty":    {file: ""},
		"syntax":   {file: "repos:\n  - name: a\n    path: [/a\n", problems: []string{":3:11: "}},
		"type":     {file: "repos:\n  - name: a\n    path: /a\n    branches: 7\n", problems: []string{":4:15: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dirs := config.Dirs{Config: t.TempDir()}
			path := filepath.Join(dirs.Config, "repos.yaml")
			if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			got, problems := config.Load(dirs)
			if diff := cmp.Diff(c.want, got.Repositories); diff != "" {
				t.Errorf("repositories (-want +got):\n%s", diff)
			}
			if len(problems) != len(c.problems) {
				t.Fatalf("problems: %v, want %q", problems, c.problems)
			}
			for i, p := range problems {
				if !strings.HasPrefix(p.Error(), path+c.problems[i]) {
					t.Errorf("problem %q, want it to begin with %q", p, path+c.problems[i])
				}
			}
		})
	}
}

// TestNames holds which file counts, and that none is no problem.
func TestNames(t *testing.T) {
	t.Parallel()
	dirs := config.Dirs{Config: t.TempDir()}
	if c, problems := config.Load(dirs); len(c.Repositories) > 0 || len(problems) > 0 {
		t.Errorf("without a file: %v %v", c, problems)
	}
	for _, base := range []string{"repositories.yaml", "repos.yaml"} {
		if err := os.WriteFile(filepath.Join(dirs.Config, base), []byte("repos: [{path: /"+base+"}]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, problems := config.Load(dirs)
		if len(problems) > 0 || len(c.Repositories) != 1 || c.Repositories[0].Path != "/"+base {
			t.Errorf("with %s: %v %v", base, c, problems)
		}
	}
}
