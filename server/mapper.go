package server

import (
	"sort"
	"strings"
	"unicode/utf8"

	"go.lsp.dev/protocol"

	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

// mapper converts between byte offsets of a text and LSP positions. All
// arithmetic on positions is here. Lines end at \n, \r\n and \r.
type mapper struct {
	text  string
	lines []int // where each line begins
	utf16 bool  // characters are UTF-16 code units, else bytes
}

func newMapper(text string, utf16 bool) *mapper {
	m := &mapper{text: text, utf16: utf16, lines: []int{0}}
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' || text[i] == '\r' && (i+1 == len(text) || text[i+1] != '\n') {
			m.lines = append(m.lines, i+1)
		}
	}
	return m
}

// lineEnd is where a line's content ends, before its line end.
func (m *mapper) lineEnd(line int) int {
	if line+1 == len(m.lines) {
		return len(m.text)
	}
	return m.lines[line] + len(strings.TrimRight(m.text[m.lines[line]:m.lines[line+1]], "\r\n"))
}

// offset is the byte that a position means. Positions beyond a line's end mean
// its end, and beyond the last line the end of the text, as LSP says; one inside
// a character means its beginning.
func (m *mapper) offset(p protocol.Position) int {
	if int64(p.Line) >= int64(len(m.lines)) {
		return len(m.text)
	}
	at, end := m.lines[p.Line], m.lineEnd(int(p.Line))
	left := int64(p.Character)
	for at < end && left > 0 {
		r, n := utf8.DecodeRuneInString(m.text[at:end])
		left -= int64(m.units(r, n))
		if left < 0 {
			break
		}
		at += n
	}
	return at
}

// units is how many characters of the encoding a rune of n bytes counts as.
func (m *mapper) units(r rune, n int) int {
	switch {
	case !m.utf16:
		return n
	case r >= 0x10000:
		return 2
	}
	return 1
}

// position is the position of a byte offset.
func (m *mapper) position(offset int) protocol.Position {
	offset = min(max(offset, 0), len(m.text))
	line := sort.SearchInts(m.lines, offset+1) - 1
	end := min(offset, m.lineEnd(line))
	units := 0
	for at := m.lines[line]; at < end; {
		r, n := utf8.DecodeRuneInString(m.text[at:])
		units += m.units(r, n)
		at += n
	}
	return protocol.Position{Line: uint32(line), Character: uint32(units)}
}

func (m *mapper) span(s lookup.Span) protocol.Range {
	return protocol.Range{Start: m.position(s.Start), End: m.position(s.End)}
}
