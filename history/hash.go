package history

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrBadHash is returned for text or bytes that are no full object name.
var ErrBadHash = errors.New("not an object name")

// Hash is the object name of a commit: SHA-1 (20 bytes) or SHA-256 (32 bytes).
// The zero value names nothing. Hashes are comparable and serve as map keys.
type Hash struct {
	size uint8
	sum  [32]byte
}

// ShortLen is the number of hex digits that an abbreviated hash is shown with.
// It is the length that the kernel's Fixes: lines use.
const ShortLen = 12

// ParseHash reads a full object name of 40 or 64 hex digits in either case.
// Anything else is ErrBadHash.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 40 && len(s) != 64 {
		return h, fmt.Errorf("%w: %q has %d characters, not 40 or 64", ErrBadHash, s, len(s))
	}
	if _, err := hex.Decode(h.sum[:], []byte(s)); err != nil {
		return Hash{}, fmt.Errorf("%w: %q", ErrBadHash, s)
	}
	h.size = uint8(len(s) / 2)
	return h, nil
}

// MustHash is ParseHash for constants in tests; it panics on bad input.
func MustHash(s string) Hash {
	h, err := ParseHash(s)
	if err != nil {
		panic(err)
	}
	return h
}

// HashFromBytes takes a raw object name of 20 or 32 bytes; the bytes are copied.
// Another length is ErrBadHash.
func HashFromBytes(b []byte) (Hash, error) {
	var h Hash
	if len(b) != 20 && len(b) != 32 {
		return h, fmt.Errorf("%w: %d bytes, not 20 or 32", ErrBadHash, len(b))
	}
	h.size = uint8(len(b))
	copy(h.sum[:], b)
	return h, nil
}

// Bytes returns the raw object name: 20 or 32 bytes, or none for the zero Hash.
func (h Hash) Bytes() []byte { return append([]byte(nil), h.sum[:h.size]...) }

// AppendBytes appends the raw object name to dst.
func (h Hash) AppendBytes(dst []byte) []byte { return append(dst, h.sum[:h.size]...) }

// Size is the length of the raw object name in bytes: 0, 20 or 32.
func (h Hash) Size() int { return int(h.size) }

// String returns the object name in lower-case hex, or "" for the zero Hash.
func (h Hash) String() string { return hex.EncodeToString(h.sum[:h.size]) }

// Short returns the first ShortLen hex digits.
func (h Hash) Short() string {
	if h.size == 0 {
		return ""
	}
	return hex.EncodeToString(h.sum[:ShortLen/2])
}

// IsZero reports whether h names nothing. git's all-zero object name, which
// stands for "no object", counts as zero too.
func (h Hash) IsZero() bool { return h.sum == [32]byte{} }

// Compare orders hashes by their raw bytes, as git's pack index does.
func (h Hash) Compare(o Hash) int { return bytes.Compare(h.sum[:h.size], o.sum[:o.size]) }

// MarshalText implements encoding.TextMarshaler: lower-case hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; empty text is the zero Hash.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*h = Hash{}
		return nil
	}
	p, err := ParseHash(string(b))
	if err == nil {
		*h = p
	}
	return err
}
