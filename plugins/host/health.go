package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// Health is how the hosts are doing that a plugin asks, as it says itself.
type Health struct {
	Plugin string
	Hosts  []plugins.Health
	Error  string // why it did not say so, in time or at all; "" where it did
}

// healthTimeout is how long a plugin has to say how its hosts are doing.
const healthTimeout = 300 * time.Millisecond

// maxHosts bounds the hosts of one plugin.
const maxHosts = 50

// Health asks the plugins that run how their hosts are doing, all at once. None is
// started for it, or kept from resting, and one that does not answer in time is not
// at fault.
func (h *Host) Health(ctx context.Context) []Health {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	all := make([]*Health, len(h.forges))
	var work sync.WaitGroup
	for i, f := range h.forges {
		work.Go(func() { all[i] = f.health(ctx) })
	}
	work.Wait()
	said := []Health{}
	for _, health := range all {
		if health != nil {
			said = append(said, *health)
		}
	}
	return said
}

// health asks the process, if one runs; nil where none does, or the plugin does not
// say such things.
func (s *supervised) health(ctx context.Context) *Health {
	p := s.present(ctx)
	if p == nil {
		return nil
	}
	defer func() {
		s.mu.Lock()
		p.busy--
		s.mu.Unlock()
	}()
	reporter, ok := p.forge.(plugins.Reporter)
	if !ok {
		return nil
	}
	health := &Health{Plugin: s.name, Hosts: []plugins.Health{}}
	hosts, err := reporter.Health(ctx)
	switch {
	case errors.Is(err, plugins.ErrUnsupported):
		return nil
	case err != nil && ctx.Err() != nil:
		health.Error = "it did not say in time how its hosts are doing"
		return health
	case err != nil:
		health.Error = s.said.scrub(err.Error())
		return health
	}
	now := time.Now()
	for _, at := range hosts[:min(len(hosts), maxHosts)] {
		at.Host, at.Problem = clean(at.Host, maxName), plugins.Problem(clean(string(at.Problem), maxName))
		at.Detail, at.Said, at.Token = s.said.scrub(at.Detail), clean(s.said.scrub(at.Said), maxName), clean(s.said.scrub(at.Token), maxName)
		for _, past := range []*time.Time{&at.Since, &at.At} {
			if past.After(now) {
				*past = now
			}
		}
		at.Requests, at.Cached, at.Left = max(at.Requests, 0), max(at.Cached, 0), max(at.Left, 0)
		health.Hosts = append(health.Hosts, at)
	}
	return health
}

// present is the process, with one call more, where one runs and is not being
// started or ended.
func (s *supervised) present(ctx context.Context) *process {
	s.mu.Lock()
	running := s.st.Running
	s.mu.Unlock()
	if !running {
		return nil
	}
	select {
	case s.lock <- struct{}{}:
		defer func() { <-s.lock }()
	case <-ctx.Done():
		return nil
	}
	p := s.process
	if p == nil || !p.child.alive() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.busy++
	return p
}
