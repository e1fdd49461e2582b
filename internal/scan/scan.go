// Package scan finds the names of changes in text: commit SHAs, Change-Ids, CVE
// and GHSA ids, issue, pull and merge request references, trackers' issues and
// forge URLs, each with its span in bytes. It serves open documents and commit
// messages alike.
//
// It says what may be a name; whether a hex word is a commit only an index
// knows. The rules are conservative, and each has its reason:
//
//   - A SHA has 7 to 40, or 64, hex digits and stands alone as a word. Blob
//     names ("index 1a2b3c4..5d6e7f8"), UUIDs, "#1a2b3c4" colours and digests
//     behind "sha256:" are none.
//   - Words of digits alone are mostly bug numbers: below nine digits they are
//     commits only behind words such as commit, Fixes, revert or cherry.
//   - In "v2.1-14-g1a2b3c4d", as git describe prints it, the SHA is without its g.
//   - "#1" and "!1" stand behind a space, a bracket, a quote or owner/repo, so
//     that "C#1", "&#39;" and "x!1" are none.
//   - PROJ-1 has two capitals at least, and is none of the many standards and
//     encodings that look alike (UTF-8, SHA-256, RFC-822).
package scan

import (
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Match is a key in a text.
type Match struct {
	Start, End int // bytes
	Key        history.Key
}

// Text returns all keys of a text in order. They do not overlap.
func Text(s string) []Match {
	var all []Match
	Each(s, func(m Match) bool { all = append(all, m); return true })
	return all
}

// window is how far around an offset At looks in a line; only generated text
// has longer ones.
const window = 4096

// At returns the key that an offset lies in or right behind. It looks at the
// offset's line alone.
func At(s string, offset int) (Match, bool) {
	if offset < 0 || offset > len(s) {
		return Match{}, false
	}
	start := strings.LastIndexByte(s[:offset], '\n') + 1
	end := len(s)
	if i := strings.IndexByte(s[offset:], '\n'); i >= 0 {
		end = offset + i
	}
	if offset-start > window {
		start = offset - window
		if i := strings.IndexAny(s[start:offset], " \t"); i >= 0 {
			start += i
		}
	}
	end = min(end, offset+window)
	var found Match
	var ok bool
	Each(s[start:end], func(m Match) bool {
		m.Start, m.End = m.Start+start, m.End+start
		if m.Start <= offset && offset <= m.End {
			found, ok = m, true
		}
		return m.End < offset
	})
	return found, ok
}

// Each calls fn with the keys of a text in order, until it says false.
func Each(s string, fn func(Match) bool) {
	sc := scanner{s: s}
	for sc.at < len(s) {
		c := s[sc.at]
		switch {
		case class[c] == other:
			sc.at++
			continue
		case class[c] == mark:
			if m, ok := sc.reference(); ok {
				sc.emit(m)
			} else {
				sc.at++
			}
		default:
			if m, ok := sc.word(); ok {
				sc.emit(m)
			}
		}
		if sc.found && !fn(sc.match) {
			return
		}
		sc.found = false
	}
}

// Classes of bytes. Bytes of non-ASCII characters count as letters: most are.
const (
	other = iota
	mark  // # and !
	letter
	digit
)

var class = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= '0' && c <= '9':
			t[c] = digit
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80:
			t[c] = letter
		case c == '#' || c == '!':
			t[c] = mark
		}
	}
	return t
}()

var hexDigit = func() (t [256]bool) {
	for _, c := range "0123456789abcdefABCDEF" {
		t[c] = true
	}
	return t
}()

func isWord(c byte) bool { return class[c] >= letter }

type scanner struct {
	s     string
	at    int
	last  int // end of the last match
	match Match
	found bool
}

func (sc *scanner) emit(m Match) {
	sc.match, sc.found = m, true
	sc.at, sc.last = m.End, m.End
}

func (sc *scanner) key(start, end int, kind history.KeyKind) (Match, bool) {
	return Match{start, end, history.Key{Kind: kind, Text: sc.s[start:end]}}, true
}

// byteAt is the byte at i, or 0 outside.
func (sc *scanner) byteAt(i int) byte {
	if i < 0 || i >= len(sc.s) {
		return 0
	}
	return sc.s[i]
}

// digitsAt is the end of the run of digits at i.
func (sc *scanner) digitsAt(i int) int {
	for i < len(sc.s) && class[sc.s[i]] == digit {
		i++
	}
	return i
}

// ends says whether a key may end at i: no word goes on there.
func (sc *scanner) ends(i int) bool { return i >= len(sc.s) || !isWord(sc.s[i]) }

// word looks at the word that begins here and leaves it behind.
func (sc *scanner) word() (Match, bool) {
	s, start := sc.s, sc.at
	i, hex, digits, capitals := start, true, true, true
	for i < len(s) && isWord(s[i]) {
		c := s[i]
		hex = hex && hexDigit[c]
		digits = digits && class[c] == digit
		capitals = capitals && (c >= 'A' && c <= 'Z' || class[c] == digit)
		i++
	}
	sc.at = i
	n := i - start
	switch {
	case hex && n >= 7 && (n <= 40 || n == 64):
		return sc.commit(start, i, digits)
	case n == 41 && s[start] == 'I' && allHex(s[start+1:i]):
		return sc.key(start, i, history.KeyChangeID)
	case s[start] == 'g' && n > 7 && n <= 41 && sc.byteAt(start-1) == '-' && class[sc.byteAt(start-2)] == digit && allHex(s[start+1:i]):
		return sc.key(start+1, i, history.KeyCommit)
	case n <= 5 && s[start] == 'h' && (s[start:i] == "http" || s[start:i] == "https") && strings.HasPrefix(s[i:], "://"):
		return sc.url(start)
	case n < 2 || class[s[start]] != letter:
		return Match{}, false
	case sc.byteAt(i) == '-' && capitals:
		return sc.dashed(start, i)
	case n <= 4:
		return sc.tracker(start, i)
	}
	return Match{}, false
}

func allHex(s string) bool {
	for i := range len(s) {
		if !hexDigit[s[i]] {
			return false
		}
	}
	return true
}

// commit decides on a word of hex digits.
func (sc *scanner) commit(start, end int, digits bool) (Match, bool) {
	s := sc.s
	if c := sc.byteAt(start - 1); c == '#' || c == '&' {
		return Match{}, false
	}
	if digits && end-start < 9 && !sc.afterCommitWord(start) {
		return Match{}, false
	}
	if digits && (sc.byteAt(end) == '.' && class[sc.byteAt(end+1)] == digit || sc.byteAt(start-1) == '.' && class[sc.byteAt(start-2)] == digit) {
		return Match{}, false // a number with a fraction
	}
	if sc.inUUID(start, end) || sc.isBlob(start) {
		return Match{}, false
	}
	if end-start == 64 && (strings.HasSuffix(s[:start], "sha256:") || strings.HasSuffix(s[:start], "sha256-")) {
		return Match{}, false
	}
	return sc.key(start, end, history.KeyCommit)
}

// lineStart is where the line of i begins, or far enough before.
func (sc *scanner) lineStart(i, most int) int {
	from := max(0, i-most)
	if j := strings.LastIndexByte(sc.s[from:i], '\n'); j >= 0 {
		return from + j + 1
	}
	return from
}

// commitWords are what announces a commit, in lower case.
var commitWords = []string{"commit", "commits", "fixes", "fixed", "fix", "revert", "reverts", "reverted", "cherry", "picked", "pick", "sha", "sha1", "upstream", "backport"}

// afterCommitWord says whether one of commitWords stands shortly before.
func (sc *scanner) afterCommitWord(start int) bool {
	before := strings.ToLower(sc.s[sc.lineStart(start, 48):start])
	for word := range strings.FieldsFuncSeq(before, func(r rune) bool { return r < 0x80 && !isWord(byte(r)) }) {
		for _, w := range commitWords {
			if word == w {
				return true
			}
		}
	}
	return false
}

// inUUID says whether a run of hex digits is a part of 8-4-4-4-12.
func (sc *scanner) inUUID(start, end int) bool {
	shape := func(from int) bool {
		if from < 0 || from+36 > len(sc.s) {
			return false
		}
		for i := range 36 {
			c := sc.s[from+i]
			if i == 8 || i == 13 || i == 18 || i == 23 {
				if c != '-' {
					return false
				}
			} else if !hexDigit[c] {
				return false
			}
		}
		return true
	}
	return end-start == 8 && shape(start) || end-start == 12 && shape(start-24)
}

// isBlob says whether the line is a diff's "index <blob>..<blob>".
func (sc *scanner) isBlob(start int) bool {
	line := sc.lineStart(start, 140)
	rest, ok := strings.CutPrefix(sc.s[line:start], "index ")
	return ok && (rest == "" || strings.HasSuffix(rest, "..") || strings.HasSuffix(rest, ","))
}

// notProjects look like PROJ-1 and are none.
var notProjects = map[string]bool{
	"UTF": true, "UCS": true, "ISO": true, "SHA": true, "SHA1": true, "SHA2": true, "SHA3": true, "MD": true, "AES": true, "DES": true, "RSA": true, "HMAC": true,
	"RFC": true, "STD": true, "BCP": true, "IEEE": true, "IEC": true, "ANSI": true, "ECMA": true, "CP": true, "KOI8": true, "WINDOWS": true, "EUC": true, "BIG5": true,
	"UTC": true, "GMT": true, "HTTP": true, "TLS": true, "SSL": true, "IPV": true, "USB": true, "PCI": true, "DDR": true, "ARM": true, "X86": true, "I386": true, "MIPS": true,
	"CVE": true, "CWE": true, "CAN": true, "GHSA": true, "GH": true, "LP": true, "PEP": true, "GPL": true, "LGPL": true, "AGPL": true, "BSD": true, "MIT": true, "APACHE": true, "CC": true,
	"COVID": true, "RC": true, "PATCH": true, "BCP47": true, "FIPS": true, "ASCII": true, "LATIN": true, "RS": true, "DB": true, "VT": true, "GB": true, "CRC": true, "CRC32": true, "OPENSSL": true,
}

// dashed looks at capitals with a dash behind: CVE, GHSA, GH and PROJ.
func (sc *scanner) dashed(start, end int) (Match, bool) {
	s, name := sc.s, sc.s[start:end]
	if sc.byteAt(start-1) == '-' || sc.byteAt(start-1) == '/' && name != "CVE" && name != "GHSA" {
		return Match{}, false
	}
	to := sc.digitsAt(end + 1)
	switch name {
	case "CVE", "CAN":
		last := sc.digitsAt(to + 1)
		if name == "CVE" && to-end-1 == 4 && sc.byteAt(to) == '-' && last-to-1 >= 4 && sc.ends(last) {
			return sc.key(start, last, history.KeyCVE)
		}
		return Match{}, false
	case "GHSA":
		if last := end + 15; last <= len(s) && isGHSA(s[end:last]) && sc.ends(last) {
			return sc.key(start, last, history.KeyGHSA)
		}
		return Match{}, false
	}
	if to == end+1 || to-end > 8 || !sc.ends(to) || s[end+1] == '0' || sc.byteAt(to) == '-' || sc.byteAt(to) == '.' && isWord(sc.byteAt(to+1)) {
		return Match{}, false
	}
	switch {
	case name == "GH":
		return sc.key(start, to, history.KeyIssue)
	case notProjects[name] || end-start > 16:
		return Match{}, false
	}
	return sc.key(start, to, history.KeyBug)
}

// isGHSA says whether s is -xxxx-xxxx-xxxx.
func isGHSA(s string) bool {
	for i := range len(s) {
		if i%5 == 0 {
			if s[i] != '-' {
				return false
			}
		} else if class[s[i]] < letter || s[i] == '_' || s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// trackers are names that stand before a tracker's issue number, in lower case;
// true where a space or a colon may stand between.
var trackers = map[string]bool{"lp": true, "bug": true, "bsc": false, "bnc": false, "boo": false, "rhbz": false, "bz": false, "bpo": false}

// tracker looks at "LP: #1", "bsc#1", "bug 1", "Closes-Bug: #1".
func (sc *scanner) tracker(start, end int) (Match, bool) {
	loose, known := trackers[strings.ToLower(sc.s[start:end])]
	if !known {
		return Match{}, false
	}
	i := end
	if loose {
		if sc.byteAt(i) == ':' {
			i++
		}
		for sc.byteAt(i) == ' ' && i < end+3 {
			i++
		}
	}
	hash := sc.byteAt(i) == '#'
	if hash {
		i++
	}
	to := sc.digitsAt(i)
	if to == i || to-i > 9 || sc.s[i] == '0' || !sc.ends(to) || !hash && (i == end || to-i < 3) || sc.byteAt(to) == '.' && class[sc.byteAt(to+1)] == digit {
		return Match{}, false
	}
	return sc.key(start, to, history.KeyBug)
}

// reference looks at "#1", "owner/repo#1", "!1" and "group/project!1".
func (sc *scanner) reference() (Match, bool) {
	at := sc.at
	to := sc.digitsAt(at + 1)
	if to == at+1 || to-at > 10 || sc.s[at+1] == '0' || !sc.ends(to) || sc.byteAt(to) == '-' && isWord(sc.byteAt(to+1)) {
		return Match{}, false
	}
	kind := history.KeyIssue
	if sc.s[at] == '!' {
		kind = history.KeyMerge
	}
	switch before := sc.byteAt(at - 1); {
	case before == 0 || strings.IndexByte(" \t\n\r([{,;:\"'`/", before) >= 0:
		if before == '/' && kind == history.KeyIssue && sc.byteAt(at-2) != ' ' {
			return Match{}, false // the fragment of an address
		}
		return sc.key(at, to, kind)
	case isWord(before) || before == '.' || before == '-':
		start := at
		for start > sc.last && (isPathByte(sc.s[start-1]) || sc.s[start-1] == '/') {
			start--
		}
		name := sc.s[start:at]
		slashes := strings.Count(name, "/")
		if slashes == 0 || slashes > 1 && kind == history.KeyIssue || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, "//") || sc.byteAt(start-1) == ':' {
			return Match{}, false
		}
		return sc.key(start, to, kind)
	}
	return Match{}, false
}

func isPathByte(c byte) bool {
	return class[c] == digit || class[c] == letter && c < 0x80 || c == '.' || c == '-'
}
