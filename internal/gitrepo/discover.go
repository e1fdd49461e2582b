package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Location is where a repository was found. Paths are absolute.
type Location struct {
	GitDir       string // of the work tree that was found; CommonDir but for linked work trees
	CommonDir    string // the repository itself: refs, objects, configuration
	WorkTree     string // "" for a bare repository, or where none was found
	Bare         bool   // by its layout, whatever the configuration says; also seen from a linked work tree
	ObjectFormat string // "sha1" or "sha256"
	ObjectsDir   string
}

// Discover finds the repository that a file or directory lies in. The path need
// not exist yet, and may lie inside a git directory: COMMIT_EDITMSG does.
// It is ErrNotRepository where there is none, ErrUnsafe where git refuses the
// owner, and ErrFormat where git does not know the format; with the last two the
// location is where the repository seems to be.
func Discover(ctx context.Context, path string) (Location, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Location{}, fmt.Errorf("finding the repository of %s: %w", path, err)
	}
	dir := existing(abs)
	found, ok := findByLayout(dir)
	if !ok { // most files outside repositories: no process for these
		return Location{}, fmt.Errorf("%s: %w", path, ErrNotRepository)
	}
	if _, err := exec.LookPath("git"); err != nil {
		return found, checkOwner(found)
	}
	loc, err := askGit(ctx, dir)
	if err != nil {
		return found, err
	}
	if loc.WorkTree == "" {
		loc.WorkTree = workTreeOf(loc)
	}
	loc.Bare = isBare(loc)
	return loc, nil
}

// isBare says whether a repository has no work tree of its own.
func isBare(loc Location) bool {
	return (loc.WorkTree == "" || loc.GitDir != loc.CommonDir) && filepath.Base(loc.CommonDir) != ".git"
}

// existing is the nearest directory of the path that exists.
func existing(path string) string {
	for {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path
		}
		parent := filepath.Dir(path)
		if parent == path {
			return path
		}
		path = parent
	}
}

// askGit lets git find the repository, which also makes it check the owner and
// understand the format.
func askGit(ctx context.Context, dir string) (Location, error) {
	// --show-toplevel fails outside a work tree, after the rest was printed.
	out, err := run(ctx, dir, environment(), nil, "rev-parse", "--path-format=absolute",
		"--git-dir", "--git-common-dir", "--git-path", "objects", "--show-object-format", "--show-toplevel")
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if len(lines) < 4 {
		var failed *gitError
		if errors.As(err, &failed) {
			switch {
			case strings.Contains(failed.said, "dubious ownership"):
				return Location{}, fmt.Errorf("%s: %w; if you trust it: git config --global --add safe.directory %s", dir, ErrUnsafe, dir)
			case strings.Contains(failed.said, "not a git repository"):
				return Location{}, fmt.Errorf("%s: %w", dir, ErrNotRepository)
			case strings.Contains(failed.said, "extension") || strings.Contains(failed.said, "version"):
				return Location{}, fmt.Errorf("%s: %w: %s", dir, ErrFormat, strings.Join(strings.Fields(failed.said), " "))
			}
		}
		if err == nil {
			err = fmt.Errorf("git rev-parse printed %q", out)
		}
		return Location{}, fmt.Errorf("finding the repository of %s: %w", dir, err)
	}
	loc := Location{GitDir: filepath.FromSlash(lines[0]), CommonDir: filepath.FromSlash(lines[1]), ObjectsDir: filepath.FromSlash(lines[2]), ObjectFormat: lines[3]}
	if len(lines) > 4 && err == nil {
		loc.WorkTree = filepath.FromSlash(lines[4])
	}
	return loc, nil
}

// workTreeOf finds the work tree of a git directory that was entered from inside.
func workTreeOf(loc Location) string {
	if loc.GitDir != loc.CommonDir { // .git/worktrees/x names its work tree's .git
		if b, err := os.ReadFile(filepath.Join(loc.GitDir, "gitdir")); err == nil {
			return filepath.Dir(strings.TrimSpace(string(b)))
		}
		return ""
	}
	if filepath.Base(loc.GitDir) == ".git" {
		return filepath.Dir(loc.GitDir)
	}
	return ""
}

// findByLayout walks up to the first directory that looks like a repository or
// holds one, as git does, without reading any configuration.
func findByLayout(dir string) (Location, bool) {
	for {
		if isGitDir(dir) {
			return layout(dir, ""), true
		}
		dotGit := filepath.Join(dir, ".git")
		if isGitDir(dotGit) {
			return layout(dotGit, dir), true
		}
		if b, err := os.ReadFile(dotGit); err == nil {
			if target, ok := strings.CutPrefix(strings.TrimSpace(string(b)), "gitdir: "); ok {
				if !filepath.IsAbs(target) {
					target = filepath.Join(dir, target)
				}
				return layout(filepath.Clean(target), dir), true
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return Location{}, false
		}
		dir = parent
	}
}

// isGitDir is git's own test: HEAD, and objects and refs or a commondir file.
func isGitDir(dir string) bool {
	exists := func(name string) bool { _, err := os.Lstat(filepath.Join(dir, name)); return err == nil }
	return exists("HEAD") && (exists("commondir") || exists("objects") && exists("refs"))
}

func layout(gitDir, workTree string) Location {
	common := gitDir
	if b, err := os.ReadFile(filepath.Join(gitDir, "commondir")); err == nil {
		common = strings.TrimSpace(string(b))
		if !filepath.IsAbs(common) {
			common = filepath.Join(gitDir, common)
		}
	}
	loc := Location{GitDir: gitDir, CommonDir: common, WorkTree: workTree, ObjectFormat: "sha1", ObjectsDir: filepath.Join(common, "objects")}
	if loc.WorkTree == "" {
		loc.WorkTree = workTreeOf(loc)
	}
	loc.Bare = isBare(loc)
	return loc
}
