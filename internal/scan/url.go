package scan

import (
	"net/url"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// url looks at an address and leaves all of it behind, so that what looks like
// a key within one is none by itself.
func (sc *scanner) url(start int) (Match, bool) {
	end := start
	for end < len(sc.s) && sc.s[end] > ' ' && strings.IndexByte("<>\"`{}|\\^", sc.s[end]) < 0 {
		end++
	}
	text := strings.TrimRight(sc.s[start:end], ".,;:!?'*")
	for strings.HasSuffix(text, ")") && strings.Count(text, "(") < strings.Count(text, ")") {
		text = strings.TrimRight(text[:len(text)-1], ".,;:!?'*")
	}
	sc.at = max(start+len(text), sc.at)
	if !forgeAddress(text) {
		return Match{}, false
	}
	return sc.key(start, start+len(text), history.KeyURL)
}

// forgeAddress says whether an address is one of a commit, an issue, a pull or
// merge request, or a change, on any forge or tracker whose paths are known.
func forgeAddress(text string) bool {
	if commitInURL(text) != "" {
		return true
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return false
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	for i, p := range parts[:len(parts)-1] {
		switch p {
		case "pull", "pulls", "issues", "merge_requests", "pull-requests", "+bug":
			if allDigits(parts[i+1]) {
				return true
			}
		case "+":
			if i > 0 && parts[0] == "c" && allDigits(parts[i+1]) {
				return true
			}
		case "browse":
			if m := Text(parts[i+1]); len(m) == 1 && m[0].Key.Kind == history.KeyBug {
				return true
			}
		}
	}
	return strings.HasSuffix(u.Path, "show_bug.cgi") && allDigits(u.Query().Get("id"))
}

func allDigits(s string) bool {
	for i := range len(s) {
		if class[s[i]] != digit {
			return false
		}
	}
	return s != ""
}

// commitInURL is the SHA that a forge's address of a commit holds, or "".
func commitInURL(text string) string {
	for _, before := range [...]string{"/commit/", "/commits/", "/commit/?id=", "id=", "h=", "/+/"} {
		i := strings.LastIndex(text, before)
		if i < 0 {
			continue
		}
		rest := text[i+len(before):]
		n := 0
		for n < len(rest) && hexDigit[rest[n]] {
			n++
		}
		if n >= 7 && (n <= 40 || n == 64) && (n == len(rest) || strings.IndexByte("/?#&.", rest[n]) >= 0) && !(allDigits(rest[:n]) && n < 40) {
			return rest[:n]
		}
	}
	return ""
}

// Commit is the SHA that a key names, by itself or in a forge's address, in
// lower case; "" for keys of other kinds.
func (m Match) Commit() string {
	switch m.Key.Kind {
	case history.KeyCommit:
		return strings.ToLower(m.Key.Text)
	case history.KeyURL:
		return strings.ToLower(commitInURL(m.Key.Text))
	}
	return ""
}

// Canonical is the form under which keys that are spelt differently are the
// same: lower-case hex, "I…", "CVE-…", "GHSA-…", "#1", "owner/repo#1", "!1",
// "lp#1", "bug#1", "bsc#1", "PROJ-1".
func (m Match) Canonical() string { return Canonical(m.Key) }

// Canonical is Match.Canonical for a key by itself.
func Canonical(k history.Key) string {
	switch k.Kind {
	case history.KeyCommit:
		return strings.ToLower(k.Text)
	case history.KeyChangeID:
		return "I" + strings.ToLower(strings.TrimLeft(k.Text, "Ii"))
	case history.KeyGHSA:
		return "GHSA" + strings.ToLower(k.Text[4:])
	case history.KeyIssue:
		if n, ok := strings.CutPrefix(k.Text, "GH-"); ok {
			return "#" + n
		}
	case history.KeyBug:
		name := strings.ToLower(strings.TrimRight(k.Text, "0123456789"))
		number := k.Text[len(name):]
		if clean := strings.TrimRight(name, " :#"); clean != name {
			return clean + "#" + number
		}
	}
	return k.Text
}
