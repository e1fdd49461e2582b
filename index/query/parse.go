package query

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Options are what a query's meaning depends on.
type Options struct {
	Now time.Time // for dates such as "2 weeks ago"
}

// Parse reads a query. Its error is a *SyntaxError.
func Parse(text string, opt Options) (*Query, error) {
	p := &parser{text: text, now: opt.Now}
	root, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(p.text) { // only a ')' can stop or() early
		return nil, p.fault(p.at, ")", "a term; there is no ( before it")
	}
	return &Query{Text: text, Root: root}, nil
}

type parser struct {
	text string
	at   int // byte offset
	now  time.Time
}

// maxDepth bounds parentheses, since each is a stack frame.
const maxDepth = 100

func (p *parser) fault(at int, got, expected string) error {
	return &SyntaxError{Column: utf8.RuneCountInString(p.text[:at]) + 1, Got: got, Expected: expected}
}

func (p *parser) space() {
	for p.at < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		if !unicode.IsSpace(r) {
			return
		}
		p.at += n
	}
}

// isOr says whether the word OR stands here.
func (p *parser) isOr() bool {
	rest, ok := strings.CutPrefix(p.text[p.at:], "OR")
	if !ok {
		return false
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return rest == "" || unicode.IsSpace(r) || r == '(' || r == ')'
}

func (p *parser) or(depth int) (Node, error) {
	var nodes []Node
	for {
		start := p.at
		n, err := p.and(depth)
		if err != nil {
			return nil, err
		}
		p.space()
		more := p.isOr()
		if n == nil && (more || len(nodes) > 0) {
			if more {
				return nil, p.fault(p.at, "OR", "a term before OR")
			}
			return nil, p.fault(start, "", "a term after OR")
		}
		if n != nil {
			nodes = append(nodes, n)
		}
		if !more {
			break
		}
		p.at += len("OR")
	}
	switch len(nodes) {
	case 0:
		return nil, nil
	case 1:
		return nodes[0], nil
	}
	return &Or{nodes}, nil
}

func (p *parser) and(depth int) (Node, error) {
	var nodes []Node
	for {
		p.space()
		if p.at == len(p.text) || p.text[p.at] == ')' || p.isOr() {
			break
		}
		n, err := p.term(depth)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	switch len(nodes) {
	case 0:
		return nil, nil
	case 1:
		return nodes[0], nil
	}
	return &And{nodes}, nil
}

func (p *parser) term(depth int) (Node, error) {
	start := p.at
	switch c := p.text[p.at]; {
	case c == '-' && p.at+1 < len(p.text) && !unicode.IsSpace(rune(p.text[p.at+1])):
		if depth >= maxDepth {
			return nil, p.fault(start, "-", "fewer negations and parentheses")
		}
		p.at++
		n, err := p.term(depth + 1)
		if err != nil {
			return nil, err
		}
		return &Not{n}, nil
	case c == '-':
		return nil, p.fault(start, "-", "a term right after -")
	case c == '(':
		if depth >= maxDepth {
			return nil, p.fault(start, "(", "fewer negations and parentheses")
		}
		p.at++
		n, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if p.at == len(p.text) {
			return nil, p.fault(p.at, "", ") for the ( in column "+strconv.Itoa(utf8.RuneCountInString(p.text[:start])+1))
		}
		p.at++
		if n == nil {
			return nil, p.fault(start, "()", "a term between parentheses")
		}
		return n, nil
	case c == ')':
		return nil, p.fault(start, ")", "a term")
	case c == '"':
		text, err := p.quoted()
		if err != nil {
			return nil, err
		}
		if len(Tokens(nil, text)) == 0 {
			return nil, p.fault(start, p.text[start:p.at], "a phrase with a letter or digit")
		}
		return &Phrase{text}, nil
	}
	return p.word(start)
}

// quoted reads "…" in which \" and \\ stand for the character itself.
func (p *parser) quoted() (string, error) {
	start := p.at
	var b strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return b.String(), nil
		case c == '\\' && p.at+1 < len(p.text) && (p.text[p.at+1] == '"' || p.text[p.at+1] == '\\'):
			p.at++
			b.WriteByte(p.text[p.at])
		default:
			b.WriteByte(c)
		}
	}
	return "", p.fault(len(p.text), "", `the closing " of the one in column `+strconv.Itoa(utf8.RuneCountInString(p.text[:start])+1))
}

// bare reads up to white space or a parenthesis that was not opened in it.
func (p *parser) bare() string {
	start, open := p.at, 0
	for p.at < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		if unicode.IsSpace(r) || r == ')' && open == 0 {
			break
		}
		switch r {
		case '(':
			open++
		case ')':
			open--
		}
		p.at += n
	}
	return p.text[start:p.at]
}

var operators = map[string]string{
	"message": "message", "=": "message", "author": "author", "@": "author", "committer": "committer",
	"commit": "commit", "#": "commit", "file": "file", "?": "file", "type": "type",
	"after": "since", "since": "since", "before": "until", "until": "until", "ref": "ref",
	"in": "in", "missing": "missing", "fixes": "fixes", "cve": "cve", "changeid": "changeid",
	"backport-of": "backport-of", "repo": "repo",
}

// word reads a bare word or an operator with its value.
func (p *parser) word(start int) (Node, error) {
	if name, rest, ok := strings.Cut(p.text[p.at:], ":"); ok {
		// std::string is a word, and file::/path a path from the top.
		op, known := operators[strings.ToLower(name)]
		if known && (!strings.HasPrefix(rest, ":") || op == "file" && strings.HasPrefix(rest, ":/")) {
			p.at += len(name) + 1
			return p.operator(op, p.text[start:p.at])
		}
	}
	text := p.bare()
	if len(Tokens(nil, text)) == 0 {
		return nil, p.fault(start, text, "a word with a letter or digit")
	}
	return &Word{text}, nil
}

func (p *parser) operator(op, spelt string) (Node, error) {
	start := p.at
	var value string
	if p.at < len(p.text) && p.text[p.at] == '"' {
		var err error
		if value, err = p.quoted(); err != nil {
			return nil, err
		}
	} else {
		value = p.bare()
	}
	value = strings.TrimSpace(value)
	if value == "" {
		return nil, p.fault(start, "", "a value right after "+spelt)
	}
	wrong := func(expected string) (Node, error) { return nil, p.fault(start, value, expected) }
	wordy := len(Tokens(nil, value)) > 0
	switch op {
	case "message":
		if !wordy {
			return wrong("text with a letter or digit")
		}
		return &Message{value}, nil
	case "author", "committer":
		me := value == "@me"
		if !me && !wordy {
			return wrong("a name, an address or @me")
		}
		if op == "author" {
			return &Author{Text: value, Me: me}, nil
		}
		return &Committer{Text: value, Me: me}, nil
	case "commit":
		hex := strings.ToLower(value)
		if len(hex) < 4 || len(hex) > 64 || strings.Trim(hex, "0123456789abcdef") != "" {
			return wrong("4 to 64 hex digits")
		}
		return &Commit{hex}, nil
	case "type":
		if !strings.EqualFold(value, "merge") {
			return wrong("merge")
		}
		return &Type{}, nil
	case "since", "until":
		t, ok := Date(value, p.now)
		if !ok {
			return wrong(`a date such as 2026-01-31, 2026-01, 2026, "2 weeks ago", 7d, yesterday or an RFC 3339 time`)
		}
		if op == "since" {
			return &Since{t}, nil
		}
		return &Until{t}, nil
	case "cve":
		id := strings.ToUpper(value)
		if !strings.HasPrefix(id, "CVE-") {
			id = "CVE-" + id
		}
		if !cvePattern.MatchString(id) {
			return wrong("a CVE id such as CVE-2024-32002")
		}
		return &CVE{id}, nil
	case "changeid":
		if !changeIDPattern.MatchString(value) {
			return wrong("a Change-Id: I and 40 hex digits")
		}
		return &ChangeID{"I" + strings.ToLower(value[1:])}, nil
	case "file":
		return &File{value}, nil
	case "ref":
		return &Ref{value}, nil
	case "in":
		return &In{value}, nil
	case "missing":
		return &Missing{value}, nil
	case "fixes":
		return &Fixes{value}, nil
	case "backport-of":
		return &BackportOf{value}, nil
	}
	return &Repo{value}, nil
}

var (
	cvePattern      = regexp.MustCompile(`^CVE-\d{4}-\d{4,}$`)
	changeIDPattern = regexp.MustCompile(`^[Ii][0-9a-fA-F]{40}$`)
	agoPattern      = regexp.MustCompile(`^(\d{1,5})[ .]?(d|w|m|y|days?|weeks?|months?|years?|hours?)(?:[ .]ago)?$`)
)

// Date reads a date, as since: takes it, as the moment when it begins. Days are
// UTC's.
func Date(s string, now time.Time) (t time.Time, ok bool) {
	now = now.UTC()
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	switch strings.ToLower(s) {
	case "today":
		return today, true
	case "yesterday":
		return today.AddDate(0, 0, -1), true
	case "now":
		return now, true
	}
	for _, layout := range []string{
		"2006-01-02", "2006/01/02", "2006-01", "2006",
		time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04",
	} {
		if t, err := time.Parse(layout, s); err == nil && t.UTC().Year() >= 0 && t.UTC().Year() <= 9999 {
			return t.UTC(), true
		}
	}
	m := agoPattern.FindStringSubmatch(strings.ToLower(s))
	if m == nil {
		return t, false
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return t, false
	}
	switch m[2][0] {
	case 'h':
		t = now.Add(-time.Duration(n) * time.Hour)
	case 'd':
		t = now.AddDate(0, 0, -n)
	case 'w':
		t = now.AddDate(0, 0, -7*n)
	case 'm':
		t = now.AddDate(0, -n, 0)
	default:
		t = now.AddDate(-n, 0, 0)
	}
	return t, t.Year() >= 0
}
