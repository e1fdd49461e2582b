package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// entry is an answer as it is kept.
type entry struct {
	Status  int                 `json:"status"`
	Header  map[string][]string `json:"header"`
	Checked time.Time           `json:"checked"` // when the host last said that it is so
	Fresh   time.Duration       `json:"fresh"`   // for how long it counts without asking
	Strict  bool                `json:"strict"`  // never shown once it is stale
	body    []byte
}

// store keeps entries as files in one directory, each under the hash of what was
// asked for, which is all that their names tell. Each has a checksum, is written
// aside and renamed, and goes when it is damaged or, least recently used first,
// when there are too many. Several processes may share the directory.
type store struct {
	dir     string
	limit   int64 // bytes of all files
	longest int64 // bytes of one

	mu   sync.Mutex
	used int64 // as far as this process knows
}

const (
	entrySuffix = ".answer"
	asideSuffix = ".aside"
	// asideAge is when a file that was written aside belongs to a process that died.
	asideAge = time.Hour
	// afterTrim is the part of the limit that is left after a trim.
	afterTrim = 0.8
)

// openStore makes the directory, for its user alone, and counts what is there.
func openStore(dir string, limit, longest int64) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the cache: %w", err)
	}
	s := &store{dir: dir, limit: limit, longest: longest}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trim()
	return s, nil
}

func (s *store) path(key string) string { return filepath.Join(s.dir, key+entrySuffix) }

// storeKey is the name of what was asked for: the parts of which an answer
// depends, none of which can be read from it.
func storeKey(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// get reads an entry, nil where there is none. What is damaged is removed.
func (s *store) get(key string) *entry {
	if s == nil {
		return nil
	}
	path := s.path(key)
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > s.longest {
		return nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	e, err := decodeEntry(key, raw)
	if err != nil {
		_ = os.Remove(path) // it is asked for anew, and written over if it cannot be removed
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // the order of trimming alone depends on it
	return e
}

// decodeEntry reads what encode wrote: a checksum, the head as JSON, the body.
func decodeEntry(key string, raw []byte) (*entry, error) {
	sum, rest, ok := bytes.Cut(raw, []byte("\n"))
	if !ok || string(sum) != entrySum(key, rest) {
		return nil, errors.New("the checksum is wrong")
	}
	head, body, ok := bytes.Cut(rest, []byte("\n"))
	if !ok {
		return nil, errors.New("the head is cut")
	}
	e := &entry{body: body}
	if err := json.Unmarshal(head, e); err != nil {
		return nil, err
	}
	return e, nil
}

// entrySum has the key in it, so that a file under another's name is damage.
func entrySum(key string, rest []byte) string {
	h := sha256.New()
	h.Write([]byte("1 " + key + "\n"))
	h.Write(rest)
	return hex.EncodeToString(h.Sum(nil))
}

func (e *entry) encode(key string) ([]byte, error) {
	head, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	rest := slices.Concat(head, []byte("\n"), e.body)
	return slices.Concat([]byte(entrySum(key, rest)), []byte("\n"), rest), nil
}

// put writes an entry. A full disk or a directory that is gone costs the entry
// and nothing else; the error is for the log.
func (s *store) put(key string, e *entry) error {
	raw, err := e.encode(key)
	if err != nil {
		return err
	}
	if int64(len(raw)) > min(s.longest, s.limit) {
		s.remove(key)
		return nil
	}
	f, err := os.CreateTemp(s.dir, "*"+asideSuffix) // 0600
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(s.dir, 0o700); err == nil {
			f, err = os.CreateTemp(s.dir, "*"+asideSuffix)
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Close()); err == nil {
		now := time.Now()
		_ = os.Chtimes(f.Name(), now, now) // by the clock that get uses, also on a file system with another
		err = os.Rename(f.Name(), s.path(key))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used += int64(len(raw)); s.used > s.limit {
		s.trim()
	}
	return nil
}

func (s *store) remove(key string) { _ = os.Remove(s.path(key)) }

// trim counts the files anew, since others write too, and removes the least
// recently used ones when they are too many.
func (s *store) trim() {
	names, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	var all []fs.FileInfo
	s.used = 0
	for _, n := range names {
		info, err := n.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		switch {
		case strings.HasSuffix(n.Name(), entrySuffix):
			all = append(all, info)
			s.used += info.Size()
		case strings.HasSuffix(n.Name(), asideSuffix) && time.Since(info.ModTime()) > asideAge:
			_ = os.Remove(filepath.Join(s.dir, n.Name()))
		}
	}
	if s.used <= s.limit {
		return
	}
	slices.SortFunc(all, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, info := range all {
		if s.used <= int64(float64(s.limit)*afterTrim) {
			return
		}
		if os.Remove(filepath.Join(s.dir, info.Name())) == nil {
			s.used -= info.Size()
		}
	}
}
