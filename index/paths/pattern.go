package paths

import (
	"bytes"
	"strings"
)

// Pattern is what a user looks for: a path, a directory, a name or a glob, in
// the case of letters that the repository has.
//
//	nova/compute     the file of this path, or all below the directory
//	nova/compute/    all below the directory
//	*.py             a glob over whole paths: * is any bytes, also slashes, and ? is
//	                 one of them, as in git's pathspecs
//	manager.py       without a slash or glob: also files of this name anywhere
//	./setup.py       from the top, and only there; :/ and / are the same
type Pattern struct {
	text   string // without what anchors it
	ranges []span // what to look at; they share no path
}

// span is a part of the dictionary and what matches in it.
type span struct {
	low    string // where it begins
	prefix bool   // it ends behind the last path that low begins
	exact  bool   // it is low alone
	match  func(path []byte) bool
}

func (s span) holds(path []byte) bool {
	switch {
	case s.exact:
		return string(path) == s.low
	case s.prefix:
		return bytes.HasPrefix(path, []byte(s.low))
	}
	return true
}

func all([]byte) bool { return true }

// isDirectory tells the directories of merges, which globs and names are not
// held against: what lies in them is what counts there.
func isDirectory(path []byte) bool { return path[len(path)-1] == '/' }

// NewPattern reads a pattern; ok is false where nothing is left of it once ./
// and :/ are gone.
func NewPattern(text string) (p Pattern, ok bool) {
	anchored := false
	for {
		rest, cut := strings.CutPrefix(text, "./")
		if !cut {
			rest, cut = strings.CutPrefix(text, ":/")
		}
		if !cut {
			rest, cut = strings.CutPrefix(text, "/")
		}
		if !cut {
			break
		}
		text, anchored = rest, true
	}
	p.text = text
	if text == "" || text == "." {
		return p, false
	}
	if dir, below := strings.CutSuffix(text, "/*"); below && dir != "" && !isGlob(dir) {
		text = dir + "/"
	}
	switch special := strings.IndexAny(text, "*?"); {
	case special >= 0:
		p.ranges = []span{{low: text[:special], prefix: true, match: func(path []byte) bool {
			return !isDirectory(path) && glob(text, path)
		}}}
	case strings.HasSuffix(text, "/"):
		p.ranges = []span{{low: text, prefix: true, match: all}}
	case !anchored && !strings.Contains(text, "/"):
		// A name may stand anywhere in the dictionary: it is read whole.
		name, below := []byte("/"+text), []byte(text+"/")
		p.ranges = []span{{match: func(path []byte) bool {
			return string(path) == text || bytes.HasPrefix(path, below) || bytes.HasSuffix(path, name)
		}}}
	default:
		p.ranges = []span{{low: text, exact: true, match: all}, {low: text + "/", prefix: true, match: all}}
	}
	return p, true
}

func isGlob(s string) bool { return strings.ContainsAny(s, "*?") }

// glob says whether a pattern of bytes, *, and ? matches all of a path. It goes
// back to the last * alone, which takes no more than the product of the lengths:
// Kirk J. Krauss, Matching Wildcards: An Algorithm.
func glob(pattern string, path []byte) bool {
	i, j := 0, 0
	star, from := -1, 0 // the last *, and where in path what follows it was tried
	for j < len(path) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, from = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == path[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}
