//go:build unix

package gitrepo

import (
	"fmt"
	"os"
	"syscall"
)

// checkOwner is git's default rule, for machines without git: a repository of
// somebody else's is not read.
func checkOwner(loc Location) error {
	info, err := os.Stat(loc.GitDir)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s: %w", loc.GitDir, ErrUnsafe)
	}
	return nil
}
