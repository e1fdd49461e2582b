package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is a file of an archive: its path with slashes, and whether it is a
// program.
type entry struct {
	path    string
	data    []byte
	program bool
}

func (e entry) mode() os.FileMode {
	if e.program {
		return 0o755
	}
	return 0o644
}

// tree is the content of an archive, in any order.
type tree []entry

// sorted is in the order of paths, as archives list it.
func (t tree) sorted() tree {
	return slices.SortedFunc(slices.Values(t), func(a, b entry) int { return strings.Compare(a.path, b.path) })
}

// archive writes a platform's archive and returns its name: a zip for Windows, a
// compressed tar elsewhere. All is in one directory of the archive's name.
func (s *source) archive(t target, binary string, licences []byte, share tree, out string) (string, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return "", err
	}
	all := append(slices.Clone(share), entry{path: t.program(), data: program, program: true}, entry{path: "THIRD-PARTY-LICENSES", data: licences}).sorted()
	top := s.base(t)
	if t.os == "windows" {
		file := top + ".zip"
		return file, writeFile(filepath.Join(out, file), func(w io.Writer) error { return writeZip(w, top, all, s.date) })
	}
	file := top + ".tar.gz"
	return file, writeFile(filepath.Join(out, file), func(w io.Writer) error { return writeTar(w, top, all, s.date) })
}

// base is what the names of a platform's files begin with.
func (s *source) base(t target) string {
	return fmt.Sprintf("%s_%s_%s_%s", name, s.version, t.os, t.arch)
}

// writeFile leaves no half-written file under the name.
func writeFile(file string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644) //nolint:gosec // everybody may read a release
}

func writeTar(w io.Writer, top string, all tree, at time.Time) error {
	packed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(packed)
	for _, e := range all {
		err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: top + "/" + e.path, Mode: int64(e.mode()), Size: int64(len(e.data)), ModTime: at, Format: tar.FormatUSTAR})
		if err != nil {
			return err
		}
		if _, err := tw.Write(e.data); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return packed.Close()
}

func writeZip(w io.Writer, top string, all tree, at time.Time) error {
	zw := zip.NewWriter(w)
	for _, e := range all {
		header := &zip.FileHeader{Name: top + "/" + e.path, Method: zip.Deflate, Modified: at}
		header.SetMode(e.mode())
		f, err := zw.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := f.Write(e.data); err != nil {
			return err
		}
	}
	return zw.Close()
}

// checksums writes SHA256SUMS of the files in out, as sha256sum -c reads it.
func checksums(out string, files []string) error {
	var sums strings.Builder
	for _, file := range slices.Sorted(slices.Values(files)) {
		data, err := os.ReadFile(filepath.Join(out, file))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), filepath.ToSlash(file))
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(sums.String()), 0o644) //nolint:gosec // everybody may read it
}
