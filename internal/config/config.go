// Package config knows where things are kept and what the user's files say. A
// file that is wrong is told with its line and column, and what is right in it
// counts.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
	"github.com/goccy/go-yaml"
)

const name = "ca-bhfuil"

// Dirs are the directories of this user, after the XDG rules or the platform's own.
type Dirs struct {
	Config string // repos.yaml, global.yaml, auth.yaml
	Cache  string // indexes and clones: may be deleted
	State  string // logs and history
}

// FindDirs reads the environment.
func FindDirs() Dirs {
	return Dirs{Config: filepath.Join(xdg.ConfigHome, name), Cache: filepath.Join(xdg.CacheHome, name), State: filepath.Join(xdg.StateHome, name)}
}

// Repository is an entry of repos.yaml, as far as it has an effect today: a
// repository in place.
type Repository struct {
	Name     string   `yaml:"name"`
	Path     string   `yaml:"path"`
	Branches Branches `yaml:"branches"`
}

// Branches say which branches are lines.
type Branches struct {
	ReleaseLines []string `yaml:"release_lines"`
	Upstream     string   `yaml:"upstream"`
}

// Config is what the files say.
type Config struct {
	Repositories []Repository
}

// Load reads repos.yaml (or repositories.yaml) from the configuration directory.
// No file is no configuration. Problems are one text each, as file:line:column:
// what; the entries without one are returned all the same.
func Load(dirs Dirs) (Config, []error) {
	var c Config
	for _, base := range []string{"repos.yaml", "repositories.yaml"} {
		file := filepath.Join(dirs.Config, base)
		b, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return c, []error{fmt.Errorf("%s: %w", file, err)}
		}
		return parse(file, b)
	}
	return c, nil
}

func parse(file string, b []byte) (Config, []error) {
	var c Config
	var doc struct {
		Repos []Repository `yaml:"repos"`
	}
	if err := yaml.Unmarshal(b, &doc); err != nil {
		var y yaml.Error
		if errors.As(err, &y) && y.GetToken() != nil {
			at := y.GetToken().Position
			return c, []error{fmt.Errorf("%s:%d:%d: %s", file, at.Line, at.Column, y.GetMessage())}
		}
		return c, []error{fmt.Errorf("%s: %w", file, err)}
	}
	var problems []error
	names := map[string]bool{}
	for i, r := range doc.Repos {
		label := r.Name
		if label == "" {
			label = fmt.Sprintf("repos[%d]", i)
		}
		switch {
		case r.Name != "" && names[r.Name]:
			problems = append(problems, fmt.Errorf("%s: the name %q stands twice; names must differ", file, r.Name))
			continue
		case r.Path == "": // a repository to clone, for later
			continue
		}
		names[r.Name] = true
		path, err := expand(r.Path)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %s: path %q: %w", file, label, r.Path, err))
			continue
		}
		r.Path = path
		c.Repositories = append(c.Repositories, r)
	}
	return c, problems
}

// expand resolves ~ and $HOME at the beginning of a path, which must then be
// absolute: what it is relative to would depend on who reads it.
func expand(path string) (string, error) {
	for _, prefix := range []string{"~", "$HOME", "${HOME}"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/') {
			path = filepath.Join(xdg.Home, rest)
		}
	}
	if !filepath.IsAbs(path) {
		return "", errors.New("expected an absolute path, or one that begins with ~")
	}
	return filepath.Clean(path), nil
}
