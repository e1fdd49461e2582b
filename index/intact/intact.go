// Package intact tells whether the files of a text index are what was written,
// before Bleve opens them. Bleve maps them and follows the numbers in them: a
// wrong one in the database of its state ends the whole process in a fault that
// nothing can recover from, and one in a segment is a panic, or a wrong answer,
// in some later search.
//
// It owns the reading of both formats as far as that takes. It opens nothing for
// writing, maps nothing, and gives no meaning to what it reads: that is Bleve's.
// What it cannot see is a value in the state that was changed into another one
// of the same form; index holds the state against the documents for that.
package intact

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// ErrDamaged is wrapped by what Check finds.
var ErrDamaged = errors.New("damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

// Segments are the names of the files that the state of the Bleve index in dir
// names, which nobody may be writing. The error is an ErrDamaged.
func Segments(dir string) (map[string]bool, error) {
	state := filepath.Join(dir, "store", "root.bolt")
	b, err := os.ReadFile(state)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	segments, err := readState(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", state, err)
	}
	return segments, nil
}

// Check checks the Bleve index in dir, which nobody may be writing. Segments
// that the state does not name are leftovers of a kill and do not matter.
func Check(dir string) error {
	segments, err := Segments(dir)
	if err != nil {
		return err
	}
	// Two at a time: one reads while the other sums.
	var (
		wg    sync.WaitGroup
		names = make(chan string)
		errs  = make([]error, 2)
	)
	for i := range errs {
		wg.Go(func() {
			for name := range names {
				errs[i] = errors.Join(errs[i], segment(filepath.Join(dir, "store", name)))
			}
		})
	}
	for name := range segments {
		names <- name
	}
	close(names)
	wg.Wait()
	return errors.Join(errs...)
}

// segment checks a zap file: its last four bytes are the CRC-32 of all before.
// https://github.com/blevesearch/zapx/blob/master/zap.md
func segment(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	const footer = 40
	if !info.Mode().IsRegular() || info.Size() < footer {
		return fmt.Errorf("%s: %w", file, damaged("%d bytes are no segment", info.Size()))
	}
	sum := crc32.NewIEEE()
	if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, io.LimitReader(f, info.Size()-4), make([]byte, 256<<10)); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	var want [4]byte
	if _, err := io.ReadFull(f, want[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if binary.BigEndian.Uint32(want[:]) != sum.Sum32() {
		return fmt.Errorf("%s: %w", file, damaged("its checksum differs"))
	}
	return nil
}
