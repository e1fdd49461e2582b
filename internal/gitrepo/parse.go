package gitrepo

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// parseCommit reads a commit object's content (gitformat: "tree", "parent"…,
// "author", "committer", other headers whose continuation lines begin with a
// space, an empty line, the message). Nothing in it is trusted: what is missing
// or malformed stays empty, since a commit that git shows must be shown here too.
func parseCommit(h history.Hash, raw []byte) *history.Commit {
	c := &history.Commit{Hash: h}
	var charset string
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte{'\n'})
		raw = rest
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte{' '})
		switch string(name) {
		case "tree":
			c.Tree, _ = history.ParseHash(string(value)) //nolint:errcheck // a malformed tree stays zero
		case "parent":
			if p, err := history.ParseHash(string(value)); err == nil {
				c.Parents = append(c.Parents, p)
			}
		case "author":
			c.Author = parseSignature(string(value))
		case "committer":
			c.Committer = parseSignature(string(value))
		case "encoding":
			charset = string(value)
		}
	}
	c.Message = decode(raw, charset)
	for _, text := range []*string{&c.Author.Name, &c.Author.Email, &c.Committer.Name, &c.Committer.Email} {
		if charset != "" || !utf8.ValidString(*text) {
			*text = decode([]byte(*text), charset)
		}
	}
	return c
}

// decode turns text of a commit into UTF-8. Text without a charset, or with one
// that is not known, is UTF-8, or else Latin-1, which is what git's own tools
// assume of old commits.
func decode(raw []byte, charset string) string {
	if utf8.Valid(raw) && (charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")) {
		return string(raw)
	}
	if charset == "" {
		charset = "latin1"
	}
	if enc, err := htmlindex.Get(charset); err == nil {
		if b, err := enc.NewDecoder().Bytes(raw); err == nil {
			return strings.ToValidUTF8(string(b), "\uFFFD")
		}
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD")
}

// parseSignature reads "Name <email> seconds zone", taking the last '>' as the
// end of the address as git does.
func parseSignature(s string) history.Signature {
	var sig history.Signature
	end := strings.LastIndexByte(s, '>')
	start := strings.IndexByte(s, '<')
	if start < 0 || end < start {
		sig.Name = strings.TrimSpace(s)
		sig.Date = time.Unix(0, 0).UTC()
		return sig
	}
	sig.Name = strings.TrimSpace(s[:start])
	sig.Email = strings.TrimSpace(s[start+1 : end])
	seconds, zone, _ := strings.Cut(strings.TrimSpace(s[end+1:]), " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 || n > maxSeconds {
		n = 0 // git shows 1970 too
	}
	sig.Date = time.Unix(n, 0).In(parseZone(strings.TrimSpace(zone)))
	return sig
}

// maxSeconds is the end of the year 9999, the last that RFC 3339 can write.
const maxSeconds = 253402300799 - 24*3600

// parseZone reads +hhmm or -hhmm; anything else, and what is further from UTC
// than a day, is UTC.
func parseZone(z string) *time.Location {
	n, err := strconv.Atoi(z)
	if err != nil || z == "" || z[0] != '+' && z[0] != '-' {
		return time.UTC
	}
	seconds := (n/100*60 + n%100) * 60
	if seconds == 0 || seconds <= -24*3600 || seconds >= 24*3600 {
		return time.UTC
	}
	return zones.get(seconds)
}

// parseMany splits lines of object names; blank lines are left out.
func parseMany(b []byte) []history.Hash {
	var hashes []history.Hash
	for line := range strings.FieldsSeq(string(b)) {
		if h, err := history.ParseHash(line); err == nil {
			hashes = append(hashes, h)
		}
	}
	return hashes
}
