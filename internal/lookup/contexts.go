package lookup

import (
	"strings"
)

// insertion is what a completion makes of a commit.
type insertion int

const (
	insertQuoted insertion = iota // 1a2b3c4d5e6f ("subject")
	insertWhole                   // all digits
)

// writingContext is a beginning of a line behind which somebody names a commit.
type writingContext struct {
	lead   string // in any case of letters
	insert insertion
	after  string // what the dialect wants behind the name
	// copies says that the named commit is the source of a copy: those of the
	// upstream line come first, else those that HEAD has.
	copies bool
	// opens says that the line begins a paragraph of a commit message: the lead
	// is a word of prose, too.
	opens bool
}

// writingContexts are what index/lineage/dialect reads again, as data; a longer
// lead stands before a shorter one that it begins with.
var writingContexts = []writingContext{
	{lead: "Fixes:", insert: insertQuoted},
	{lead: "Stable-dep-of:", insert: insertQuoted},
	{lead: "Follow-up for ", insert: insertWhole, after: "."},
	{lead: "(cherry picked from commit ", insert: insertWhole, after: ")", copies: true},
	{lead: "(cherry-picked from commit ", insert: insertWhole, after: ")", copies: true},
	{lead: "(cherry-picked from ", insert: insertWhole, after: ")", copies: true},
	{lead: "(backported from commit ", insert: insertWhole, after: ")", copies: true},
	{lead: "[ Upstream commit ", insert: insertWhole, after: " ]", copies: true},
	{lead: "commit ", insert: insertWhole, after: " upstream.", copies: true, opens: true},
	{lead: "Git-commit:", insert: insertWhole, copies: true},
	{lead: "Alt-commit:", insert: insertWhole, copies: true},
	{lead: "Backport-of:", insert: insertWhole, copies: true},
	{lead: "Backport of ", insert: insertWhole, after: ".", copies: true},
	{lead: "Origin: upstream, commit:", insert: insertWhole, copies: true},
	{lead: "Origin: backport, commit:", insert: insertWhole, copies: true},
	{lead: "This reverts commit ", insert: insertWhole, after: "."},
	{lead: "This is a reland of commit ", insert: insertWhole},
	{lead: "This reapplies commit ", insert: insertWhole, after: "."},
}

// typing is a place where a commit's name is being typed.
type typing struct {
	writingContext
	typed string // words of its subject, or its first digits
	Span         // what the name replaces; the cursor lies in it
	space bool   // a space has to be put before it
}

// typingAt finds what is being typed at an offset.
func typingAt(doc Document, offset int) (typing, bool) {
	if offset < 0 || offset > len(doc.Text) || isCommitDocument(doc) {
		return typing{}, false
	}
	text := doc.Text
	start := strings.LastIndexByte(text[:offset], '\n') + 1
	if offset-start > maxLead || !writable(doc, start) {
		return typing{}, false
	}
	at := start + len(leader(text[start:offset]))
	form := formOf(doc)
	if form == formSource && !strings.ContainsAny(text[start:at], "#/*;-%") {
		return typing{}, false // code, and no comment
	}
	for _, c := range writingContexts {
		if offset-at < len(c.lead) || !strings.EqualFold(text[at:at+len(c.lead)], c.lead) {
			continue
		}
		if c.opens && (form != formMessage && form != formPatch || strings.TrimSpace(lineBefore(text, start)) != "") {
			continue
		}
		t := typing{writingContext: c}
		from := at + len(c.lead)
		for from < offset && (text[from] == ' ' || text[from] == '\t') {
			from++
		}
		t.space = from == at+len(c.lead) && strings.HasSuffix(c.lead, ":") && !strings.HasSuffix(c.lead, "commit:")
		t.typed = text[from:offset]
		t.Span = Span{from, offset + t.rest(text[offset:offset+lineRest(text, offset)])}
		return t, true
	}
	return typing{}, false
}

// maxLead bounds how far into a line a name is completed.
const maxLead = 400

// leader is what may stand before a line's text: blanks, quotation marks of
// mails, list and comment marks.
func leader(line string) string {
	return line[:len(line)-len(strings.TrimLeft(line, " \t>*-+#/;%"))]
}

func lineBefore(text string, start int) string {
	if start == 0 {
		return ""
	}
	return text[strings.LastIndexByte(text[:start-1], '\n')+1 : start-1]
}

// writable says whether the line at an offset is one that somebody writes: a
// comment in git's editor is none.
func writable(doc Document, start int) bool {
	switch formOf(doc) {
	case formMessage:
		if strings.HasPrefix(doc.Text[start:], "#") {
			return false
		}
		cut := scissors.FindStringIndex(doc.Text)
		return cut == nil || start < cut[0]
	case formTodo:
		return false
	}
	return true
}

// rest is how much behind the cursor belongs to the name that is replaced: its
// further digits, and what stands behind it already, or was closed by an editor
// as it was opened.
func (t typing) rest(line string) int {
	n := 0
	for n < len(line) && (line[n] == '_' || line[n] >= '0' && line[n] <= '9' || line[n]|0x20 >= 'a' && line[n]|0x20 <= 'z') {
		n++
	}
	if n > 0 && !isHex(line[:n]) {
		return 0
	}
	tail := strings.TrimRight(line[n:], " \t\r")
	quoted := strings.HasPrefix(strings.TrimLeft(tail, " "), `("`) && strings.HasSuffix(tail, `")`)
	closed := tail != "" && strings.Trim(tail, `")`) == "" && strings.Contains(t.typed, "(")
	switch {
	case t.after != "" && strings.HasPrefix(line[n:], t.after):
		n += len(t.after)
	case t.insert == insertQuoted && (quoted || closed):
		n += len(tail)
	}
	return n
}
