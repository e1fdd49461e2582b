package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Fault is one thing that is wrong in one of the files.
type Fault struct {
	File     string `json:"file"`
	Line     int    `json:"line"`     // counted from 1; 0 where the file as a whole is meant
	Column   int    `json:"column"`   // in characters, counted from 1
	Field    string `json:"field"`    // such as repos[0].sync.interval; "" for the file's syntax
	Value    string `json:"value"`    // as the file has it, quoted; "" where it may be a secret
	Problem  string `json:"problem"`  // what is wrong with it
	Expected string `json:"expected"` // what would be right
	Remedy   string `json:"remedy"`   // what to do; "" where Expected says it
}

// Error is the fault as one line: file:line:column: field: value problem;
// expected … (remedy).
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	b.WriteString(": ")
	if f.Field != "" {
		b.WriteString(f.Field + ": ")
	}
	if f.Value != "" {
		b.WriteString(f.Value + " ")
	}
	b.WriteString(f.Problem)
	if f.Expected != "" {
		b.WriteString("; expected " + f.Expected)
	}
	if f.Remedy != "" {
		b.WriteString(" (" + f.Remedy + ")")
	}
	return b.String()
}

// longestQuote bounds the values that faults show.
const longestQuote = 80

// quote shows a value on one line, whatever it holds.
func quote(text string) string {
	if r := []rune(text); len(r) > longestQuote {
		text = string(r[:longestQuote-1]) + "…"
	}
	return strconv.Quote(text)
}

// step is a key as a field's name has it: quoted where it would be misread.
func step(key string) string {
	plain := key != "" && len(key) <= longestQuote && !strings.ContainsFunc(key, func(r rune) bool {
		return r != '_' && r != '-' && r != '/' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if plain {
		return key
	}
	return quote(key)
}

// nearest is the known name that somebody meant who wrote another one, or "".
func nearest(wrote string, known []string) string {
	best, least := "", 1+max(2, len(wrote)/3)
	for _, name := range known {
		if d := distance(strings.ToLower(wrote), name); d < least {
			best, least = name, d
		}
	}
	if best != "" {
		return best
	}
	const enough = 4
	for _, name := range known {
		if len(wrote) >= enough && len(name) >= enough && strings.EqualFold(wrote[:enough], name[:enough]) {
			return name
		}
	}
	return ""
}

// distance is the number of letters to insert, delete, replace or swap
// (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 3*longestQuote {
		return len(x)
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, last[j+1]+1, last[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}

// inOrder sorts faults as a reader meets them.
func inOrder(faults []*Fault) {
	slices.SortStableFunc(faults, func(a, b *Fault) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}
