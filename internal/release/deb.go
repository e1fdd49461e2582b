package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5" //nolint:gosec // dpkg's format, which guards against accidents
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// deb writes the Debian package of a Linux program by dpkg-deb, and returns its
// name. Where there is no dpkg-deb the error is exec.ErrNotFound.
//
// Debian's own tool knows its format best, and runs wherever such packages are
// made; a library for it would bring several package formats and their modules.
func (s *source) deb(ctx context.Context, t target, binary string, licences []byte, share tree, work, out string) (string, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return "", err
	}
	all := tree{{path: "usr/bin/" + name, data: program, program: true}}
	const docs = "usr/share/doc/" + name + "/"
	for _, e := range share {
		path := ""
		switch {
		case strings.HasPrefix(e.path, "man/"):
			path, e.data = "usr/share/"+e.path+".gz", compressed(e.data)
		case e.path == "README.md" || e.path == "CHANGELOG.md" || strings.HasPrefix(e.path, "docs/"):
			path = docs + e.path
		case strings.HasPrefix(e.path, "editors/"):
			path = docs + "examples/" + e.path
		case strings.HasPrefix(e.path, "completion/bash/"):
			path = "usr/share/bash-completion/completions/" + name
		case strings.HasPrefix(e.path, "completion/zsh/"):
			path = "usr/share/zsh/vendor-completions/_" + name
		case strings.HasPrefix(e.path, "completion/fish/"):
			path = "usr/share/fish/vendor_completions.d/" + name + ".fish"
		case e.path == "LICENSE":
			path, e.data = docs+"copyright", slices.Concat(e.data, []byte("\nWhat is linked in has licences of its own: THIRD-PARTY-LICENSES.gz beside this file.\n"))
		default:
			continue
		}
		all = append(all, entry{path: path, data: e.data})
	}
	maintainer, err := s.git(ctx, "log", "-1", "--format=%cn <%ce>")
	if err != nil {
		return "", err
	}
	version := s.debianVersion()
	changes := fmt.Sprintf("%s (%s) unstable; urgency=medium\n\n  * CHANGELOG.md has what changed.\n\n -- %s  %s\n", name, version, maintainer, s.date.Format(time.RFC1123Z))
	all = append(all,
		entry{path: docs + "THIRD-PARTY-LICENSES.gz", data: compressed(licences)},
		entry{path: docs + "changelog.gz", data: compressed([]byte(changes))},
		entry{path: "usr/share/lintian/overrides/" + name, data: []byte("# Go links its programs so.\n" + name + ": statically-linked-binary [usr/bin/" + name + "]\n")})
	all = all.sorted()
	var size int
	var sums strings.Builder
	for _, e := range all {
		size += (len(e.data) + 1023) / 1024
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(e.data), e.path) //nolint:gosec // see above
	}
	control := fmt.Sprintf(`Package: %s
Version: %s
Architecture: %s
Maintainer: %s
Installed-Size: %d
Depends: git
Section: vcs
Priority: optional
Description: language server that answers "where is my fix?"
 Hovers, code lenses and symbols tell in which release lines a commit is,
 under which SHA, since which tag and by which evidence; and where it is
 missing, reverted or lacks its follow-up. The command line asks the same.
`, name, version, t.arch, maintainer, size)
	root := filepath.Join(work, "deb-"+t.arch)
	all = append(all, entry{path: "DEBIAN/control", data: []byte(control)}, entry{path: "DEBIAN/md5sums", data: []byte(sums.String())})
	if err := all.write(root, s.date); err != nil {
		return "", err
	}
	file := fmt.Sprintf("%s_%s_%s.deb", name, version, t.arch)
	to, err := filepath.Abs(filepath.Join(out, file))
	if err != nil {
		return "", err
	}
	// Directories that are newer get the epoch as their time. One thread, since
	// several make other bytes.
	_, err = s.run(ctx, []string{"SOURCE_DATE_EPOCH=" + strconv.FormatInt(s.date.Unix(), 10)},
		"dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "--build", root, to)
	return file, err
}

// debianVersion has a tilde where the version is before a release, so that the
// release is the newer one.
func (s *source) debianVersion() string { return strings.Replace(s.version, "-", "~", 1) }

// write lays the tree out as files below root, whatever the umask and the time.
func (t tree) write(root string, at time.Time) error {
	for _, e := range t {
		file := filepath.Join(root, filepath.FromSlash(e.path))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, e.data, e.mode()); err != nil {
			return err
		}
		if err := os.Chmod(file, e.mode()); err != nil {
			return err
		}
		if err := os.Chtimes(file, at, at); err != nil {
			return err
		}
	}
	return filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o755) //nolint:gosec // a package's directories
	})
}

// compressed is data as gzip -9n writes it.
func compressed(data []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is one of gzip's
	}
	if _, err := w.Write(data); err != nil {
		panic(err) // memory takes everything
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}
