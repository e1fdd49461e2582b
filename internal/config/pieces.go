package config

import (
	"bytes"
	"errors"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// moreSyntax tells the errors of syntax behind the first one. The library stops at
// that, so the text is read again in pieces that each begin with a key at the margin,
// or with an entry of the list below one: what is wrong in a piece is wrong by
// itself, whatever came before. The piece with the first error, in line, says no more.
func (d *decoder) moreSyntax(line int) {
	starts := d.pieces()
	for i, start := range starts {
		end := len(d.lines)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		if start < line || len(d.faults) >= maxSyntax { // lines count from one, starts from zero
			continue
		}
		// Empty lines in front keep the numbers.
		text := bytes.Repeat([]byte("\n"), start)
		text = append(text, strings.Join(d.lines[start:end], "\n")...)
		if y := syntaxOf(text); y != nil && d.positionOf(y.GetToken()).line > start {
			d.syntax(y)
		}
	}
}

// maxSyntax is how many errors of syntax are told of a file.
const maxSyntax = 10

// syntaxOf is what the library says is wrong in a text; nil for nothing.
func syntaxOf(text []byte) (found yaml.Error) {
	defer func() { _ = recover() }() //nolint:errcheck // a fault of the library's says nothing of the text
	if _, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey()); errors.As(err, &found) && found.GetToken() != nil {
		return found
	}
	return nil
}

var (
	keyAtMargin = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*:(\s*(#.*)?$|\s)`)
	keyOfList   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*:\s*(#.*)?$`)
	listEntry   = regexp.MustCompile(`^( *)- `)
)

// pieces are the lines, from zero, that begin one.
func (d *decoder) pieces() (starts []int) {
	indent := -1 // of the entries of a list below a key, once there is one; -2 where there may be none
	for i, line := range d.lines {
		switch entry := listEntry.FindStringSubmatch(line); {
		case keyAtMargin.MatchString(line):
			starts = append(starts, i)
			if indent = -1; !keyOfList.MatchString(line) {
				indent = -2
			}
		case entry != nil && (indent == -1 || indent == len(entry[1])):
			indent = len(entry[1])
			starts = append(starts, i)
		case indent == -1 && strings.TrimSpace(line) != "" && !strings.HasPrefix(strings.TrimSpace(line), "#"):
			indent = -2
		}
	}
	return starts
}
