package host

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/go-plugin"
)

// Foreign is a plugin that does not ship with the program. Only the user's own
// configuration may name one.
type Foreign struct {
	Name   string
	Path   string   // of the program, absolute
	SHA256 string   // the program's checksum, in hex
	Env    []string // names of the variables of our environment that it is given
}

// Check says what is wrong with the program's file: whether it is another one than
// its checksum names.
func (f Foreign) Check() error {
	want, err := hex.DecodeString(f.SHA256)
	if err != nil || len(want) != sha256.Size {
		return fmt.Errorf("the checksum %q is no SHA-256; expected the 64 hex digits that sha256sum %s prints", clean(f.SHA256, maxLine), f.Path)
	}
	info, err := os.Stat(f.Path)
	if err != nil {
		return fmt.Errorf("the program cannot be read: %w; put it there, or correct plugins[].path in global.yaml", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file; correct plugins[].path in global.yaml", f.Path)
	}
	sum := sha256.New()
	same, err := (&plugin.SecureConfig{Checksum: want, Hash: sum}).Check(f.Path)
	if err != nil {
		return fmt.Errorf("the program cannot be read: %w", err)
	}
	if !same {
		return fmt.Errorf("%s is another program than was agreed to, and is not started: expected SHA-256 %s, found %s; if you replaced it yourself, put the new checksum into plugins[].sha256 of global.yaml",
			f.Path, strings.ToLower(f.SHA256), hex.EncodeToString(sum.Sum(nil)))
	}
	return nil
}
