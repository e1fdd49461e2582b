// Package config knows where things are kept and what the user's files say:
// repos.yaml, global.yaml and auth.yaml, in ca-bhfuil's schema.
//
// Its main types: Config, which is what the files say with all defaults; Fault,
// one thing that is wrong in them; Reader, which reads them again after a change
// and keeps the last good state. The structs of schema.go are the schema: what
// is decoded, checked, documented and printed as JSON Schema follows from them.
//
// A file that is wrong is told with its line and column, and what is right in it
// counts. Nothing here prints or keeps a secret: auth.yaml names environment
// variables and helpers, and values of it are never shown in faults.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"

	"github.com/adrg/xdg"
)

const name = "ca-bhfuil"

// Dirs are the directories of this user, after the XDG rules or the platform's own.
type Dirs struct {
	Config string `json:"config"` // repos.yaml, global.yaml, auth.yaml
	Cache  string `json:"cache"`  // indexes and clones: may be deleted
	State  string `json:"state"`  // logs and history
}

// FindDirs reads the environment.
func FindDirs() Dirs {
	return Dirs{Config: filepath.Join(xdg.ConfigHome, name), Cache: filepath.Join(xdg.CacheHome, name), State: filepath.Join(xdg.StateHome, name)}
}

// Config is what the files say, with the defaults of what they do not say.
type Config struct {
	Repositories []Repository
	Settings     Settings
	Global       Global
	Auth         Auth
}

// File is one of the files, as it was read.
type File struct {
	Path   string   `json:"path"`
	Found  bool     `json:"found"`
	Unread string   `json:"unread"` // one beside it that is not read, since this one is there; "" for none
	Faults []*Fault `json:"faults"`
	Notes  []*Fault `json:"notes"` // what is right and yet has less effect than it says
}

// The files by the names that count; each may have the second one instead.
var (
	reposNames  = []string{"repos.yaml", "repositories.yaml"}
	globalNames = []string{"global.yaml", "global-settings.yaml"}
	authNames   = []string{"auth.yaml"}
)

// Load reads the files once. Files that are not there say nothing, which is no
// fault.
func Load(dirs Dirs) (Config, []File) { return NewReader(dirs).Read() }

// Faults are those of all files.
func Faults(files []File) []*Fault {
	var all []*Fault
	for _, f := range files {
		all = append(all, f.Faults...)
	}
	return all
}

// Notes are those of all files.
func Notes(files []File) []*Fault {
	var all []*Fault
	for _, f := range files {
		all = append(all, f.Notes...)
	}
	return all
}

// Reader reads the files again and again. A file that was good and is wrong now
// counts as it was; of one that never was good what is right counts. It is for
// one goroutine.
type Reader struct {
	dirs   Dirs
	repos  *part[reposFile]
	global *part[Global]
	auth   *part[Auth]
}

// NewReader makes a Reader that knows nothing yet.
func NewReader(dirs Dirs) *Reader { return &Reader{dirs: dirs} }

// part is what one file said.
type part[T any] struct {
	says T
	good bool
}

// Read reads the files as they are now.
func (r *Reader) Read() (Config, []File) {
	var ofRepos, ofForges, ofTrackers []string // auth_key of each entry, also of those that cannot be used
	repos, reposFile, d := read(r.dirs, reposNames, r.repos, func(d *decoder, f *reposFile) {
		for _, r := range f.Repos {
			ofRepos = append(ofRepos, r.AuthKey)
		}
		f.Repos = d.repositories(f.Repos)
		intervals(f.Repos, f.Settings)
	})
	global, globalFile, globalRead := read(r.dirs, globalNames, r.global, func(d *decoder, g *Global) {
		for _, f := range g.Forges {
			ofForges = append(ofForges, f.AuthKey)
		}
		for _, t := range g.Trackers {
			ofTrackers = append(ofTrackers, t.AuthKey)
		}
		d.global(g)
	})
	var methods map[string]AuthMethod // also those that cannot be used
	auth, authFile, authRead := read(r.dirs, authNames, r.auth, func(d *decoder, a *Auth) {
		methods = maps.Clone(a.AuthMethods)
		d.auth(a)
	})
	r.repos, r.global, r.auth = repos, global, auth
	if authRead != nil || !authFile.Found {
		if d != nil {
			reposFile.Faults = append(reposFile.Faults, d.authKeys("repos", ofRepos, methods, nil)...)
			inOrder(reposFile.Faults)
		}
		if globalRead != nil {
			forWeb := func(m AuthMethod) bool { return m.Type == Token || m.Type == CredentialHelper }
			globalFile.Faults = append(globalFile.Faults, globalRead.authKeys("forges", ofForges, methods, forWeb)...)
			globalFile.Faults = append(globalFile.Faults, globalRead.authKeys("trackers", ofTrackers, methods, forWeb)...)
			inOrder(globalFile.Faults)
		}
	}
	settings := repos.says.Settings
	if settings.CloneTimeout == 0 { // a written one is longer
		settings.CloneTimeout = global.says.Sync.DefaultTimeout
	}
	return Config{Repositories: repos.says.Repos, Settings: settings, Global: global.says, Auth: auth.says}, []File{reposFile, globalFile, authFile}
}

// read reads one of the files; before is what it said the last time, or nil. The
// decoder is nil where there is no file or no YAML in it.
func read[T any](dirs Dirs, names []string, before *part[T], check func(*decoder, *T)) (*part[T], File, *decoder) {
	file := File{Path: filepath.Join(dirs.Config, names[0])}
	now := &part[T]{good: true}
	d := &decoder{private: names[0] == authNames[0]}
	var text []byte
	for _, base := range names {
		path := filepath.Join(dirs.Config, base)
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if file.Found {
			file.Unread = path
			continue
		}
		file.Path, file.Found, d.file, text = path, true, path, b
		if err != nil {
			var broken *fs.PathError
			if errors.As(err, &broken) {
				err = broken.Err
			}
			d.fault(place{}, "", "", fmt.Sprintf("cannot be read: %v", err), "a file that you may read", "")
		} else if d.private {
			d.secrecy(path)
		}
	}
	decoded := false
	if unreadable := len(text) == 0 && len(d.faults) > 0; !unreadable {
		if decoded = d.decode(text, &now.says); decoded {
			check(d, &now.says)
		}
	} else {
		d.decode(nil, &now.says) // the defaults
	}
	inOrder(d.faults)
	inOrder(d.notes)
	file.Faults, file.Notes, now.good = d.faults, d.notes, len(d.faults) == 0
	if !decoded || !file.Found {
		d = nil
	}
	if !now.good && before != nil && before.good {
		return before, file, d
	}
	return now, file, d
}

// secrecy tells an auth.yaml that others may read or write.
func (d *decoder) secrecy(path string) {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return
	}
	d.fault(place{}, "", "", fmt.Sprintf("may be used by others: its mode is %04o", info.Mode().Perm()), "0600", "chmod 600 "+path)
}
