package web

import (
	"net/url"
	"strings"
)

// longestLink bounds the Link header that is read.
const longestLink = 16 << 10

// linkNext finds rel="next" in a Link header (RFC 8288). Commas and semicolons
// may stand inside <…> and quotes, which is where splitting at them fails.
func linkNext(header string) string {
	if len(header) > longestLink {
		return ""
	}
	for rest := header; ; {
		open := strings.IndexByte(rest, '<')
		if open < 0 {
			return ""
		}
		target, after, ok := strings.Cut(rest[open+1:], ">")
		if !ok {
			return ""
		}
		params, next := linkParams(after)
		if isNext(params) {
			return target
		}
		rest = next
	}
}

// linkParams takes what belongs to one link, up to the comma that ends it.
func linkParams(s string) (params []string, rest string) {
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == ';':
			params = append(params, s[start:i])
			start = i + 1
		case !quoted && c == ',':
			return append(params, s[start:i]), s[i+1:]
		}
	}
	return append(params, s[start:]), ""
}

// isNext looks for next among the relations; only the first rel counts.
func isNext(params []string) bool {
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		for _, rel := range strings.Fields(strings.Trim(strings.TrimSpace(value), `"`)) {
			if strings.EqualFold(rel, "next") {
				return true
			}
		}
		return false
	}
	return false
}

// resolve makes a whole address of one that may be relative, or "".
func resolve(base *url.URL, ref string) *url.URL {
	u, err := base.Parse(ref)
	if err != nil || u.Host == "" {
		return nil
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	return u
}
