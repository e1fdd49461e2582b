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

// limit is what the headers of an answer say of further requests.
type limit struct {
	wait    time.Duration // none is wanted for so long; 0 where they are
	refused bool          // the answer itself refuses for having been asked too much
	// resource is the part of the host that wait is for, "" for all of it: GitHub
	// counts core, search and graphql apart.
	resource string
}

// readLimit reads Retry-After (RFC 9110), GitHub's X-RateLimit-Remaining, -Reset
// and -Resource, which Gitea and others share, and GitLab's RateLimit-Remaining
// and -Reset. Dates count from the host's own Date, where it is sent: clocks
// differ.
func readLimit(status int, h http.Header, now time.Time) (l limit) {
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
			l.wait = max(l.wait, d)
		}
	}
	if exhausted {
		l.resource = h.Get(resourceHeader)
	}
	switch status {
	case http.StatusTooManyRequests:
		l.refused = true
	case http.StatusForbidden:
		l.refused = hasAfter || exhausted
	case http.StatusServiceUnavailable:
		l.refused = hasAfter
	}
	if l.refused && hasAfter {
		l.wait = max(l.wait, after)
	} else if l.refused && l.wait == 0 {
		l.wait = defaultPause
	}
	l.wait = min(l.wait, longestPause)
	return l
}

// budget is what a host still answers of one resource.
type budget struct {
	left  int       // requests, besides those that are under way
	reset time.Time // when there are more
}

// readBudget reads how many requests a host answers until when, where it says both.
func readBudget(h http.Header, now time.Time) (left int, reset time.Time, ok bool) {
	from := now
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		from = date
	}
	for _, prefix := range []string{"X-RateLimit-", "RateLimit-"} {
		n, err := strconv.ParseUint(strings.TrimSpace(h.Get(prefix+"Remaining")), 10, 31)
		if d, hasReset := resetAfter(h.Get(prefix+"Reset"), from); err == nil && hasReset && (!ok || int(n) < left) {
			left, reset, ok = int(n), now.Add(d), true
		}
	}
	return left, reset, ok
}

// resourceHeader names what of a host a request counted for.
const resourceHeader = "X-RateLimit-Resource"

// family is what requests for the same resource have in common: the first part
// of the path that is not the API's own place.
func family(path string) string {
	for part := range strings.SplitSeq(path, "/") {
		switch part {
		case "", "api", "v1", "v3", "v4":
		default:
			return part
		}
	}
	return ""
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
