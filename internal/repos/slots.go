package repos

import (
	"context"
	"sync"
)

// slots bound how much is done at once; the bound may change meanwhile.
type slots struct {
	mu     sync.Mutex
	most   int
	taken  int
	change chan struct{} // closed, and made anew, when a slot may be free
}

func newSlots(most int) *slots { return &slots{most: max(1, most), change: make(chan struct{})} }

// acquire takes a slot, which release gives back.
func (s *slots) acquire(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.mu.Lock()
		if s.taken < s.most {
			s.taken++
			s.mu.Unlock()
			return nil
		}
		change := s.change
		s.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
		}
	}
}

func (s *slots) release() { s.alter(func() { s.taken-- }) }

func (s *slots) resize(most int) { s.alter(func() { s.most = max(1, most) }) }

func (s *slots) alter(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.change)
	s.change = make(chan struct{})
}
