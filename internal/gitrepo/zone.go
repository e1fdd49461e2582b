package gitrepo

import (
	"sync"
	"time"
)

// zoneCache keeps one time.Location an offset: a history has a few dozen of
// them and hundreds of thousands of dates.
type zoneCache struct {
	mu    sync.RWMutex
	zones map[int]*time.Location
}

var zones zoneCache

func (z *zoneCache) get(seconds int) *time.Location {
	z.mu.RLock()
	loc := z.zones[seconds]
	z.mu.RUnlock()
	if loc != nil {
		return loc
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.zones == nil {
		z.zones = map[int]*time.Location{}
	}
	if z.zones[seconds] == nil {
		z.zones[seconds] = time.FixedZone("", seconds)
	}
	return z.zones[seconds]
}
