package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/adrg/xdg"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/cabhfuil/cabhfuil-lsp/index/lineage/dialect"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
)

// TestWhole holds what each field of the schema becomes, and what stands where a
// file says nothing.
func TestWhole(t *testing.T) {
	t.Parallel()
	a, err := txtar.ParseFile("testdata/whole.txtar")
	if err != nil {
		t.Fatal(err)
	}
	c, files := config.Load(write(t, a))
	for _, f := range config.Faults(files) {
		t.Error(f)
	}
	defaults := config.Branches{Patterns: []string{"*"}, MaxBranches: 100}
	want := config.Config{
		Repositories: []config.Repository{
			{
				Name: "nova", Source: config.Source{URL: "https://git.example/openstack/nova", Type: "generic"},
				Remotes:  []config.Remote{{Name: "fork", URL: "git@git.example:me/nova.git", FetchRefs: []string{"refs/heads/*"}}},
				Branches: config.Branches{Patterns: []string{"master", "stable/*"}, ExcludePatterns: []string{"stable/old-*", "wip/*"}, MaxBranches: 50},
				Sync:     config.Sync{Strategy: config.FetchRecent, Interval: 90 * time.Minute, RecentDays: 14},
				Storage:  config.Storage{Type: config.Full, MaxSize: 5e9, RetentionDays: 30}, AuthKey: "work",
			},
			{
				Path: filepath.Join(xdg.Home, "src", "git"), Branches: config.Branches{Patterns: []string{"*"}, MaxBranches: 100, ReleaseLines: []string{"maint*"}, Upstream: "next"},
				Sync: config.Sync{Strategy: config.FetchAll, Interval: 24 * time.Hour, RecentDays: 30, PruneDeleted: true}, Storage: config.Storage{Type: config.Bare, RetentionDays: 365},
			},
			{
				Path: xdg.Home, Branches: defaults,
				Sync: config.Sync{Strategy: config.FetchAll, Interval: 24 * time.Hour, RecentDays: 30, PruneDeleted: true}, Storage: config.Storage{Type: config.Bare, RetentionDays: 365},
			},
		},
		Settings: config.Settings{MaxTotalSize: 1e12, DefaultSyncInterval: 24 * time.Hour, CloneTimeout: 30 * time.Minute, ParallelClones: 5},
		Global: config.Global{
			Version: "1.0",
			Storage: config.GlobalStorage{MaxTotalSize: 100e9, MaxCacheSize: 80e9, MaxStateSize: 1 << 30, CleanupPolicy: config.CleanupFIFO, CleanupThreshold: 0.8},
			Sync:    config.GlobalSync{MaxParallelJobs: 3, DefaultTimeout: 10 * time.Second, RetryAttempts: 0, RetryBackoff: config.BackoffExponential}, Performance: config.Performance{GitCloneBare: true, Pygit2CacheSize: 100e6},
			Features: config.Features{BackgroundIndex: true, ForgesOnline: true, CodeLens: true, Diagnostics: true},
			Dialects: []dialect.Spec{{Name: "acme-port", UsedBy: []string{"ACME"}, On: dialect.OnLine, Pattern: "^Ported-From: {sha}$", Means: dialect.Copy, Example: "Ported-From: 1a2b3c4d"}},
			Forges:   []config.Forge{{Type: "gitlab", Host: "git.example.org", URL: "https://git.example.org/gitlab"}, {Type: "gerrit", Host: "review.example.org:8443"}},
			Trackers: []config.Tracker{
				{Type: config.TrackerJira, URL: "https://jira.example.org", Projects: []string{"PROJ", "P2_X"}},
				{Type: config.TrackerBugzilla, URL: "https://bugs.example.org/bz", Remotes: []string{"git.example.org/acme", "*.example.net"}},
				{Type: config.TrackerLaunchpad, Remotes: []string{"git.example.org"}},
				{Type: config.TrackerTemplate, Key: `ACME-(\d+)`, URL: "https://bugs.example.org/view?id={1}"},
			},
			Plugins: []config.Plugin{{Name: "tracker", Path: "/opt/tracker", SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Env: []string{"TRACKER_TOKEN"}}},
			Daemon:  config.Daemon{IdleTimeout: 10 * time.Minute},
			Limits:  config.Limits{Memory: 400 << 20, TaskHistory: 1000, TaskAge: 7 * 24 * time.Hour, ForgeBudget: 150 * time.Millisecond},
			Log:     config.Log{Level: config.LogDebug, MaxSize: 10_000_000, Files: 2},
		},
		Auth: config.Auth{
			Version:  "1.0",
			Defaults: map[string]config.AuthMethod{"github": {Type: config.SSHKey, SSHKeyPath: filepath.Join(xdg.Home, ".ssh", "id_ed25519"), SSHPassphraseEnv: "SSH_PASSPHRASE"}},
			AuthMethods: map[string]config.AuthMethod{
				"work":  {Type: config.Token, TokenEnv: "WORK_TOKEN", UsernameEnv: "WORK_USER"},
				"store": {Type: config.CredentialHelper, CredentialHelper: "store"},
			},
		},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNames holds which file counts, and that none is no problem.
func TestNames(t *testing.T) {
	t.Parallel()
	dirs := config.Dirs{Config: t.TempDir()}
	c, files := config.Load(dirs)
	if len(c.Repositories) > 0 || len(config.Faults(files)) > 0 || c.Settings.ParallelClones != 3 || !c.Global.Features.Forges {
		t.Errorf("without a file: %v %v", c, files)
	}
	for _, base := range []string{"repositories.yaml", "repos.yaml"} {
		path := filepath.Join(dirs.Config, base)
		if err := os.WriteFile(path, []byte("repos: [{path: /"+base+"}]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, files := config.Load(dirs)
		if len(config.Faults(files)) > 0 || len(c.Repositories) != 1 || c.Repositories[0].Path != "/"+base || files[0].Path != path || !files[0].Found {
			t.Errorf("with %s: %v %v", base, c.Repositories, files)
		}
	}
	if _, files := config.Load(dirs); files[0].Unread != filepath.Join(dirs.Config, "repositories.yaml") {
		t.Errorf("the other one is not told: %+v", files[0])
	}
}

// TestLastGood holds that a file that was good counts as it was while it is
// wrong, and that the others go on.
func TestLastGood(t *testing.T) {
	t.Parallel()
	dirs := config.Dirs{Config: t.TempDir()}
	reader := config.NewReader(dirs)
	for _, step := range []struct {
		does, repos, global string // what is written; "" for nothing, "-" to remove
		paths               string // that count
		forges              bool
		faults              int
	}{
		{"wrong from the start: what is right counts", "repos:\n  - {path: /a}\n  - {path: b}\n", "", "/a", true, 1},
		{"wrong, and more of it", "repos:\n  - {path: /a}\n  - {path: b}\n  - {path: /c}\n", "", "/a /c", true, 1},
		{"good", "repos:\n  - {path: /a}\n", "features: {forges: false}\n", "/a", false, 0},
		{"a syntax error", "repos:\n  - {path: /b\n", "", "/a", false, 1},
		{"a wrong value", "repos:\n  - {path: /b}\n  - {path: c}\n", "", "/a", false, 1},
		{"the other file", "", "features: {forges: true}\n", "/a", true, 1},
		{"good again", "repos:\n  - {path: /b}\n", "", "/b", true, 0},
		{"both wrong", "repos: 7\n", "features: 7\n", "/b", true, 2},
		{"both gone", "-", "-", "", true, 0},
	} {
		for base, text := range map[string]string{"repos.yaml": step.repos, "global.yaml": step.global} {
			path, err := filepath.Join(dirs.Config, base), error(nil)
			switch text {
			case "":
			case "-":
				err = os.Remove(path)
			default:
				err = os.WriteFile(path, []byte(text), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		c, files := reader.Read()
		paths := ""
		for i, r := range c.Repositories {
			if i > 0 {
				paths += " "
			}
			paths += r.Path
		}
		if paths != step.paths || c.Global.Features.Forges != step.forges || len(config.Faults(files)) != step.faults {
			t.Errorf("%s: %q, forges %v, %v", step.does, paths, c.Global.Features.Forges, config.Faults(files))
		}
	}
}

// TestTimeout holds which of the two timeouts counts.
func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		repos, global string
		want          time.Duration
	}{
		{"", "", 30 * time.Minute},
		{"", "sync: {default_timeout: 5m}\n", 5 * time.Minute},
		{"settings: {clone_timeout: 1h}\n", "sync: {default_timeout: 5m}\n", time.Hour},
		{"settings: {clone_timeout: 30m}\n", "sync: {default_timeout: 5m}\n", 30 * time.Minute},
		{"settings: {clone_timeout: soon}\n", "sync: {default_timeout: 5m}\n", 5 * time.Minute},
	} {
		dirs := config.Dirs{Config: t.TempDir()}
		for base, text := range map[string]string{"repos.yaml": c.repos, "global.yaml": c.global} {
			if err := os.WriteFile(filepath.Join(dirs.Config, base), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := config.Load(dirs); got.Settings.CloneTimeout != c.want {
			t.Errorf("%q and %q: %v, not %v", c.repos, c.global, got.Settings.CloneTimeout, c.want)
		}
	}
}

// TestNotes holds that storage.type: full is told, and is no fault.
func TestNotes(t *testing.T) {
	t.Parallel()
	dirs := config.Dirs{Config: t.TempDir()}
	path := filepath.Join(dirs.Config, "repos.yaml")
	if err := os.WriteFile(path, []byte("repos:\n  - {name: list, source: {url: /list}, storage: {type: full}}\n  - {name: bare, source: {url: /bare}, storage: {type: bare}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, files := config.Load(dirs)
	notes := config.Notes(files)
	if len(c.Repositories) != 2 || len(config.Faults(files)) > 0 || len(notes) != 1 {
		t.Fatalf("%d repositories, faults %v, notes %v", len(c.Repositories), config.Faults(files), notes)
	}
	if got := notes[0].Error(); !strings.HasPrefix(got, path+":2:56: repos[0].storage.type: \"full\" is accepted, and the clone stays bare") {
		t.Error(got)
	}
}
