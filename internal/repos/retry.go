package repos

import (
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Retry says how an update is tried again while a remote does not answer.
type Retry struct {
	Attempts uint          // in all; 0 is 1
	Pause    time.Duration // before the second attempt
	Growth   Growth        // of the pauses that follow; "" is GrowthExponential
}

// Growth says how pauses between attempts grow.
type Growth string

// The growths. None goes beyond maxPause.
const (
	GrowthExponential Growth = "exponential" // each is twice the one before, give or take a half
	GrowthLinear      Growth = "linear"      // each is longer than the one before by the first
	GrowthConstant    Growth = "constant"
)

const maxPause = time.Minute

// pauses are those of one update.
func (r Retry) pauses() backoff.BackOff {
	first := max(r.Pause, time.Millisecond)
	switch r.Growth {
	case GrowthLinear:
		return &linear{first: first}
	case GrowthConstant:
		return backoff.NewConstantBackOff(min(first, maxPause))
	}
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.Multiplier, b.MaxInterval = first, 2, maxPause
	return b
}

type linear struct{ first, last time.Duration }

var _ backoff.BackOff = (*linear)(nil)

func (l *linear) NextBackOff() time.Duration {
	l.last = min(l.last+l.first, maxPause)
	return l.last
}

func (l *linear) Reset() { l.last = 0 }
