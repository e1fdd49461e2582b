package repos

import (
	"testing"
	"time"
)

// TestRetryPauses holds how the pauses between attempts grow. Exponential ones are
// within a half of what they would be, so that many clones do not come at once.
func TestRetryPauses(t *testing.T) {
	for growth, want := range map[Growth][]time.Duration{
		"":                {1, 2, 4, 8, 16, 32, 60, 60},
		GrowthExponential: {1, 2, 4, 8, 16, 32, 60, 60},
		GrowthLinear:      {1, 2, 3, 4, 5, 6, 7, 8},
		GrowthConstant:    {1, 1, 1, 1, 1, 1, 1, 1},
	} {
		pauses := Retry{Pause: time.Second, Growth: growth}.pauses()
		pauses.Reset()
		within := time.Duration(0)
		if growth == "" || growth == GrowthExponential {
			within = 2 // a half
		}
		for i, seconds := range want {
			expected, got := seconds*time.Second, pauses.NextBackOff()
			low, high := expected, expected
			if within > 0 {
				low, high = expected-expected/within, expected+expected/within+time.Millisecond
			}
			if got < low || got > high {
				t.Errorf("%q: pause %d is %v, not %v", growth, i+1, got, expected)
			}
		}
	}
	long := Retry{Pause: 50 * time.Second, Growth: GrowthLinear}.pauses()
	if long.NextBackOff() != 50*time.Second || long.NextBackOff() != maxPause {
		t.Error("a linear pause goes beyond the longest")
	}
}
