package dialect

import (
	"slices"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Read calls fn with what a message says of other changes, until it says false.
//
// Of the dialects on lines, openings and paragraphs the first that matches at a line
// counts; of those on the subject the first of each meaning does, and what a
// copy's subject says beyond its prefix counts too. Claims come in the order of
// the message, the subject's first dialect first, but for those of dialects of
// which only the last line counts: they come at the end.
//
// Lines of a quoted mail ("> …") say nothing, nor does a diff that stands in
// the message, nor what follows it.
func (s *Set) Read(message string, fn func(Claim) bool) {
	r := reader{set: s, message: message, fn: fn, opening: true}
	for i, d := range s.lines.others {
		if i >= 64 || d.filter.mayHold(message) {
			r.others |= 1 << min(i, 63)
		}
	}
	subject := s.subjects.any
	for at := 0; at < len(message) && !r.done; {
		start := at
		end := len(message)
		if i := strings.IndexByte(message[at:], '\n'); i >= 0 {
			end = at + i
		}
		at = end + 1
		for start < end && isBlank(message[start]) {
			start++
		}
		if start == end {
			r.opening = true
			continue
		}
		c := message[start]
		if c == '>' || c == 'd' && strings.HasPrefix(message[start:end], "diff --git ") {
			if c == 'd' {
				break
			}
			r.opening = true
			continue
		}
		opened := r.opened
		if heads := s.lines.byHead[c]; heads != nil || r.others != 0 {
			r.line(heads, start, end)
		}
		r.opening = r.opened > opened
		if subject {
			subject = false
			r.subject(start, end, 0)
		}
	}
	for _, l := range r.last {
		if !r.done {
			r.claims(l.dialect, l.at)
		}
	}
}

// isBlank says whether c is white space within a line.
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' }

type reader struct {
	set     *Set
	message string
	fn      func(Claim) bool
	done    bool   // fn has had enough
	opening bool   // dialects on openings may match the line
	opened  int    // how many did so far
	others  uint64 // which of set.lines.others may match somewhere in the message
	last    []lastMatch
}

// lastMatch is the last line so far on which a dialect with Spec.Last matched.
type lastMatch struct {
	*dialect
	at []int // spans of the groups in the message
}

// line holds a line against the dialects on lines and paragraphs.
func (r *reader) line(heads []headed, start, end int) {
	var text string
	for i := range heads {
		h := &heads[i]
		if start+1 < end && h.rest != "" && lowered[r.message[start+1]] != h.rest[0] || !beginsFold(r.message[start+1:end], h.rest) {
			continue
		}
		if text == "" {
			text = trimRight(r.message[start:end])
		}
		if h.filter.beyondHead && !h.filter.mayHold(text) && h.spec.On != OnParagraph {
			continue
		}
		if r.match(h.dialect, text, start) {
			return
		}
	}
	if r.others == 0 {
		return
	}
	text = trimRight(r.message[start:end])
	for i, d := range r.set.lines.others {
		if r.others&(1<<min(i, 63)) != 0 && d.filter.mayHold(text) && r.match(d, text, start) {
			return
		}
	}
}

// match holds a line, which begins at start and has no white space around it,
// against one dialect, and tells its claims.
func (r *reader) match(d *dialect, line string, start int) bool {
	switch {
	case d.spec.On == OnOpening && !r.opening:
		return false
	case d.spec.On == OnParagraph:
		line = paragraph(r.message[start:])
	}
	at := d.find(line, start)
	if at == nil {
		return false
	}
	if d.spec.On == OnOpening {
		r.opened++
	}
	if !d.spec.Last {
		return r.claims(d, at)
	}
	for i := range r.last {
		if r.last[i].dialect == d {
			r.last[i].at = at
			return true
		}
	}
	r.last = append(r.last, lastMatch{d, at})
	return true
}

// subject holds the subject, or the rest of it behind a copy's prefix, against
// the dialects on it. depth guards against endless prefixes.
func (r *reader) subject(start, end, depth int) {
	t := &r.set.subjects
	for start < end && isBlank(r.message[start]) {
		start++
	}
	if start == end || depth > 4 {
		return
	}
	text := trimRight(r.message[start:end])
	var read Meaning
	try := func(d *dialect) {
		if d.spec.Means == read || r.done {
			return
		}
		at := d.find(text, start)
		if at == nil {
			return
		}
		read = d.spec.Means
		r.claims(d, at)
		if d.spec.Means == Copy && d.subject >= 0 && at[2*d.subject] > start {
			r.subject(at[2*d.subject], at[2*d.subject+1], depth+1)
		}
	}
	heads := t.byHead[text[0]]
	for i := range heads {
		if beginsFold(text[1:], heads[i].rest) {
			try(heads[i].dialect)
		}
	}
	for _, d := range t.others {
		if d.filter.mayHold(text) {
			try(d)
		}
	}
}

// find is where the groups of d's pattern stand in the message, or nil.
func (d *dialect) find(text string, offset int) []int {
	var at []int
	if d.linear != nil {
		var few [8]int
		groups := few[:]
		if n := 2 * d.linear.groups; n > len(groups) {
			groups = make([]int, n)
		} else {
			groups = groups[:n]
		}
		if !d.linear.match(text, groups) {
			return nil
		}
		at = slices.Clone(groups)
	} else {
		at = d.re.FindStringSubmatchIndex(text)
	}
	for i := range at {
		if at[i] >= 0 {
			at[i] += offset
		}
	}
	return at
}

// maxParagraph bounds what a paragraph's pattern may look at, in bytes.
const maxParagraph = 4096

// paragraph is the text up to the next blank line; one behind a colon does not
// count, as a list follows it.
func paragraph(text string) string {
	text = text[:min(len(text), maxParagraph)]
	for at := 0; ; {
		i := strings.IndexByte(text[at:], '\n')
		if i < 0 {
			return trimRight(text)
		}
		at += i + 1
		next := at
		for next < len(text) && isBlank(text[next]) {
			next++
		}
		if next == len(text) || text[next] == '\n' || text[next] == '>' {
			before := trimRight(text[:at-1])
			if next < len(text) && text[next] == '\n' && strings.HasSuffix(before, ":") {
				at = next + 1
				continue
			}
			return before
		}
	}
}

func trimRight(text string) string {
	end := len(text)
	for end > 0 && isBlank(text[end-1]) {
		end--
	}
	return text[:end]
}

// claims tells what one match of d says, at being the spans of its groups. It
// says whether there was a claim in it: a group that should hold a name may
// hold none.
func (r *reader) claims(d *dialect, at []int) bool {
	group := func(n int) (start, end int, ok bool) {
		if n < 0 || at[2*n] < 0 || at[2*n] == at[2*n+1] {
			return 0, 0, false
		}
		return at[2*n], at[2*n+1], true
	}
	c := Claim{Means: d.spec.Means, Dialect: d.spec.Name, Evidence: d.spec.Evidence, Start: at[0], End: at[1]}
	if _, _, partly := group(d.partial); partly || d.spec.Partial {
		switch c.Means {
		case Copy:
			c.Means = PartialCopy
		case Revert:
			c.Means = PartRevert
		}
	}
	if start, end, ok := group(d.line); ok {
		c.Line, c.Start, c.End = r.message[start:end], start, end
	}
	if start, end, ok := group(d.subject); ok {
		c.Subject, c.Start, c.End = r.message[start:end], start, end
		if c.Means == Revert || c.Means == Reapply {
			var turned bool
			if c.Subject, turned = unquote(c.Subject); turned {
				c.Means = opposite(c.Means)
			}
			if i := strings.Index(r.message[start:end], c.Subject); i >= 0 {
				c.Start, c.End = start+i, start+i+len(c.Subject)
			}
		}
	}
	if start, end, ok := group(d.sha); ok {
		behind := at[1] // how far a subject behind a SHA may reach
		if d.spec.On == OnLine || d.spec.On == OnOpening {
			if i := strings.IndexByte(r.message[behind:], '\n'); i >= 0 {
				behind += i
			} else {
				behind = len(r.message)
			}
		}
		return r.eachSHA(c, start, end, behind)
	}
	if start, end, ok := group(d.key); ok {
		return r.eachKey(c, start, end)
	}
	named := c.Subject != ""
	switch c.Means {
	case NotACopy, Wanted:
		named = true
	case Released, Request:
		named = c.Line != ""
	}
	if named {
		r.tell(c)
	}
	return named
}

func (r *reader) tell(c Claim) {
	if !r.done {
		r.done = !r.fn(c)
	}
}

// eachSHA tells c for each SHA in a span of the message, with the subject that
// stands behind it and before the offset behind.
func (r *reader) eachSHA(c Claim, start, end, behind int) bool {
	m, found := r.message, false
	quoted := c.Subject == "" && (c.Means == Fix || c.Means == Revert || c.Means == Reapply)
	for at := start; at < end; {
		if m[at] == '(' {
			at += len(parenthesised(m[at:end]))
			continue
		}
		if !isWord(m[at]) {
			at++
			continue
		}
		from, hex := at, true
		for at < len(m) && isWord(m[at]) {
			hex = hex && isHex(m[at])
			at++
		}
		if n := at - from; !hex || n < 7 || n > 64 || at > end || from > 0 && isWord(m[from-1]) {
			continue
		}
		c.SHA, c.Start, c.End = strings.ToLower(m[from:at]), from, at
		if quoted {
			c.Subject = quotedSubject(m[at:max(at, behind)])
		}
		found = true
		r.tell(c)
	}
	return found
}

// eachKey tells c for each key in a span of the message.
func (r *reader) eachKey(c Claim, start, end int) bool {
	m, found := r.message, false
	const between = " \t\r\n,;()[]<>\"'"
	for at := start; at < end; {
		if strings.IndexByte(between, m[at]) >= 0 {
			at++
			continue
		}
		from := at
		for at < end && strings.IndexByte(between, m[at]) < 0 {
			at++
		}
		text := strings.TrimRight(m[from:at], ".:")
		kind, ok := kindOf(text)
		if !ok {
			continue
		}
		c.Key = history.Key{Kind: kind, Text: text}
		c.Start, c.End = from, from+len(text)
		found = true
		r.tell(c)
	}
	return found
}

// quotedSubject is the subject that stands behind a SHA: ("…"), (…) or "…".
// It may wrap. "" where there is none.
func quotedSubject(behind string) string {
	behind = behind[:min(len(behind), 400)]
	text := strings.TrimLeft(behind, " \t\r\n:,")
	switch {
	case strings.HasPrefix(text, "("):
		text = parenthesised(text)
		if !strings.HasSuffix(text, ")") {
			return ""
		}
		text = text[1 : len(text)-1]
	case strings.HasPrefix(text, `"`):
		line, _, _ := strings.Cut(text, "\n")
		end := strings.LastIndexByte(line, '"')
		if end == 0 {
			return ""
		}
		text = line[:end+1]
	default:
		return ""
	}
	if n := len(text); n >= 2 && text[0] == '"' && text[n-1] == '"' {
		text = text[1 : n-1]
	}
	if strings.ContainsAny(text, "\n\r") {
		text = strings.Join(strings.Fields(text), " ")
	}
	return text
}

// parenthesised is the beginning of text, a parenthesis, up to the one that
// closes it; the whole of it where none does. Quotes end with `")`, so that a
// subject with one parenthesis in it is whole.
func parenthesised(text string) string {
	if strings.HasPrefix(text, `("`) {
		if end := strings.Index(text, `")`); end > 1 {
			return text[:end+2]
		}
	}
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return text[:i+1]
			}
		}
	}
	return text
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

// kindOf is the kind of a key that a message names a change or an issue by. It
// is asked where a dialect expects one: internal/scan, which finds keys in any
// text, has to be stricter.
func kindOf(text string) (history.KeyKind, bool) {
	if strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://") {
		return history.KeyURL, true
	}
	if len(text) == 41 && text[0] == 'I' && allHex(text[1:]) {
		return history.KeyChangeID, true
	}
	if strings.HasPrefix(text, "GHSA-") {
		return history.KeyGHSA, len(text) == len("GHSA-xxxx-xxxx-xxxx")
	}
	digits := len(text)
	for digits > 0 && text[digits-1] >= '0' && text[digits-1] <= '9' {
		digits--
	}
	before := text[:digits]
	if before == "" || before == text {
		return "", false
	}
	if tracker, project, ok := strings.Cut(text, "#"); ok && tracker != "" && strings.Contains(project, "-") {
		kind, ok := kindOf(project)
		return kind, ok && kind == history.KeyBug // jsc#PROJ-1
	}
	switch name := before[:len(before)-1]; before[len(before)-1] {
	case '!':
		return history.KeyMerge, true
	case '#':
		if name == "" || strings.Contains(name, "/") {
			return history.KeyIssue, true
		}
		return history.KeyBug, true // bsc#1
	case '-':
		switch {
		case name == "GH":
			return history.KeyIssue, true
		case strings.HasPrefix(name, "CVE-"):
			return history.KeyCVE, true
		case len(name) >= 2 && strings.ToUpper(name) == name && !strings.Contains(name, "-") && name[0] >= 'A' && name[0] <= 'Z':
			return history.KeyBug, true // PROJ-1
		}
	}
	return "", false
}

func allHex(s string) bool {
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return true
}
