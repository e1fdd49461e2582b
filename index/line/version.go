package line

import (
	"cmp"
	"strings"
)

// preRelease are the words in a tag's name that make it no release. They count
// where no letter stands before or after them.
var preRelease = []string{"rc", "alpha", "beta", "pre", "preview", "dev", "milestone", "snapshot", "nightly", "eol", "eom", "a", "b", "c", "m"}

// IsReleaseTag says whether a tag's name is one of a release: no candidate,
// alpha, beta, milestone or end-of-life mark. A name without a digit is none
// either.
func IsReleaseTag(name string) bool {
	if !hasDigit(name) || isEndMark(name) {
		return false
	}
	lower := strings.ToLower(name)
	seenDigit := false
	for i := 0; i < len(lower); {
		if isDigit(lower[i]) {
			seenDigit = true
			i++
			continue
		}
		if !isLetter(lower[i]) {
			i++
			continue
		}
		start := i
		for i < len(lower) && isLetter(lower[i]) {
			i++
		}
		word := lower[start:i]
		for _, p := range preRelease {
			// One letter marks a candidate only between a version and a number, as
			// in 12.0.0.0b1; elsewhere it may be part of a name.
			if word == p && (len(p) > 1 || seenDigit && i < len(lower) && isDigit(lower[i])) {
				return false
			}
		}
	}
	return true
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// CompareVersions orders names as versions: runs of digits count as numbers,
// the rest as text, and a pre-release mark sorts before the end of the name.
func CompareVersions(a, b string) int {
	for a != "" && b != "" {
		if isDigit(a[0]) && isDigit(b[0]) {
			var na, nb string
			na, a = digits(a)
			nb, b = digits(b)
			if c := cmp.Or(cmp.Compare(len(na), len(nb)), strings.Compare(na, nb)); c != 0 {
				return c
			}
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(weight(a), weight(b))
		}
		a, b = a[1:], b[1:]
	}
	switch {
	case a != "":
		return compareRest(a)
	case b != "":
		return -compareRest(b)
	}
	return 0
}

// compareRest says how a name with a rest compares to the same one without.
func compareRest(rest string) int {
	if IsReleaseTag("1" + rest) {
		return 1
	}
	return -1
}

// weight sorts separators before letters, so that 1.2 comes before 1.10's text
// and 1.2-rc before 1.2a.
func weight(s string) int {
	switch {
	case isDigit(s[0]):
		return 512
	case isLetter(s[0]):
		return 256 + int(s[0])
	}
	return int(s[0])
}

// digits splits a leading run of digits off, without leading zeros.
func digits(s string) (run, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return strings.TrimLeft(s[:i], "0"), s[i:]
}
