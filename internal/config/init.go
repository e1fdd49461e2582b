package config

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed starter
var starters embed.FS

// Missing are the paths of the files that Init would write: those that are not
// there, under none of their names.
func Missing(dirs Dirs) []string {
	var missing []string
	for _, d := range documents {
		found := false
		for _, base := range d.names {
			_, err := os.Lstat(filepath.Join(dirs.Config, base))
			found = found || !errors.Is(err, fs.ErrNotExist)
		}
		if !found {
			missing = append(missing, filepath.Join(dirs.Config, d.names[0]))
		}
	}
	return missing
}

// Init writes the missing files, full of comments and without any effect, and
// returns their paths. It never writes to a file that is there.
func Init(dirs Dirs) (written []string, err error) {
	if err := os.MkdirAll(dirs.Config, 0o700); err != nil {
		return nil, fmt.Errorf("making the configuration directory: %w", err)
	}
	for _, path := range Missing(dirs) {
		text, err := starters.ReadFile("starter/" + filepath.Base(path))
		if err != nil {
			return written, err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue // somebody was faster
		}
		if err == nil {
			_, err = f.Write(text)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return written, fmt.Errorf("writing %s: %w", path, err)
		}
		written = append(written, path)
	}
	return written, nil
}
