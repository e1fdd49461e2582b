package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longestPause bounds what a host may ask for: the windows of GitHub and GitLab
// are an hour at most, and a host that says more would silence a forge for good.
const longestPause = time.Hour

// defaultPause follows a refusal that names no time; GitHub asks for a minute.
const defaultPause = time.Minute

// epoch is from where on the number of a reset is a date and no duration: 1973,
// or three years.
const epoch = 100_000_000

// pause is what the headers of an answer say of further requests: how long none
// is wanted, 0 where they are, and whether the answer itself is a refusal for
// having asked too much.
//
// Read are Retry-After (RFC 9110), GitHub's X-RateLimit-Remaining and -Reset,
// which Gitea and others share, and GitLab's RateLimit-Remaining and -Reset.
// Dates count from the host's own Date, where it is sent: clocks differ.
func pause(status int, h http.Header, now time.Time) (wait time.Duration, refused bool) {
	from := now
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		from = date
	}
	after, hasAfter := retryAfter(h.Get("Retry-After"), from)
	exhausted := false
	for _, prefix := range []string{"X-RateLimit-", "RateLimit-"} {
		if strings.TrimSpace(h.Get(prefix+"Remaining")) != "0" {
			continue
		}
		exhausted = true
		if d, ok := resetAfter(h.Get(prefix+"Reset"), from); ok {
			wait = max(wait, d)
		}
	}
	switch status {
	case http.StatusTooManyRequests:
		refused = true
	case http.StatusForbidden:
		refused = hasAfter || exhausted
	case http.StatusServiceUnavailable:
		refused = hasAfter
	}
	if refused && hasAfter {
		wait = max(wait, after)
	} else if refused && wait == 0 {
		wait = defaultPause
	}
	return min(wait, longestPause), refused
}

// retryAfter reads seconds or a date.
func retryAfter(v string, from time.Time) (time.Duration, bool) {
	v = strings.TrimSpace(v)
	if d, ok := seconds(v); ok {
		return d, true
	}
	if date, err := http.ParseTime(v); err == nil {
		return within(date.Sub(from)), true
	}
	return 0, false
}

// resetAfter reads seconds, or a date as seconds since 1970.
func resetAfter(v string, from time.Time) (time.Duration, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if err != nil || n < 0 {
		return 0, false
	}
	if n < epoch {
		return seconds(v)
	}
	if n > from.Unix()+int64(longestPause/time.Second) {
		return longestPause, true
	}
	return within(time.Unix(n, 0).Sub(from)), true
}

// seconds reads a count of them.
func seconds(v string) (time.Duration, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 63)
	if err != nil {
		return 0, false
	}
	return time.Duration(min(n, uint64(longestPause/time.Second))) * time.Second, true
}

func within(d time.Duration) time.Duration { return min(max(d, 0), longestPause) }
