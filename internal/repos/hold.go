package repos

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// ErrInUse is returned for a clone that somebody has open, or fetches.
var ErrInUse = errors.New("it is in use")

// ErrCleaning is returned to who would open a clone that is just being removed.
var ErrCleaning = errors.New("it is being cleaned up")

// hold is this process's share of the lock that keeps a clone from being cleaned
// up: <clone>.use, which all who have the clone open share, and who removes it has
// alone. While this process itself removes it the share rests.
type hold struct {
	lock *flock.Flock
	n    int
}

func (c *Clones) useLock(base string) *flock.Flock {
	return flock.New(filepath.Join(c.opt.Dir, base+".use"), flock.SetPermissions(0o600))
}

// Hold keeps a clone from being cleaned up by whatever process until release is
// called. dir is that of any repository; of one that is no clone of ours nothing
// is held. Where no lock can be written nobody can remove anything either.
func (c *Clones) Hold(dir string) (release func(), err error) {
	base := filepath.Base(dir)
	if !strings.HasSuffix(base, ".git") || real(filepath.Dir(dir)) != real(c.opt.Dir) {
		return func() {}, nil
	}
	c.holding.Lock()
	defer c.holding.Unlock()
	h := c.holds[base]
	if h == nil {
		h = &hold{lock: c.useLock(base)}
		held, err := h.lock.TryRLock()
		switch {
		case err != nil:
			c.opt.Log.Debug("a clone is used without a lock", "path", dir, "error", errors.Join(err, h.lock.Close()))
			return func() {}, nil
		case !held:
			return nil, errors.Join(ErrCleaning, h.lock.Close())
		}
		c.holds[base] = h
	}
	h.n++
	return func() {
		c.holding.Lock()
		defer c.holding.Unlock()
		if h.n--; h.n == 0 {
			delete(c.holds, base)
			_ = h.lock.Close() //nolint:errcheck // the process's end unlocks it too
		}
	}, nil
}

// alone takes a clone for who removes it, unless another process has it open.
// That this process has it open is no hindrance yet; see held.
func (c *Clones) alone(k *clone) (done func(), err error) {
	base := filepath.Base(k.dir)
	c.holding.Lock()
	defer c.holding.Unlock()
	if h := c.holds[base]; h != nil {
		if err := h.lock.Unlock(); err != nil {
			return nil, err
		}
	}
	lock := c.useLock(base)
	end := func() {
		_ = lock.Close() //nolint:errcheck // the process's end unlocks it too
		if h := c.holds[base]; h != nil {
			if held, err := h.lock.TryRLock(); err != nil || !held {
				c.opt.Log.Warn("a clone is used without a lock", "path", k.dir, "error", err)
			}
		}
	}
	held, err := lock.TryLock()
	if err != nil || !held {
		end()
		return nil, errors.Join(err, ErrInUse)
	}
	return func() {
		c.holding.Lock()
		defer c.holding.Unlock()
		end()
	}, nil
}

// held says whether this process has a clone open.
func (c *Clones) held(k *clone) bool {
	c.holding.Lock()
	defer c.holding.Unlock()
	return c.holds[filepath.Base(k.dir)] != nil
}
