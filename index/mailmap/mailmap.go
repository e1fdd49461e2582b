// Package mailmap maps the names and addresses in commits to those that people
// go by now, as a repository's .mailmap says (gitmailmap(5)).
//
// It owns the format and the order of precedence; it reads no file.
package mailmap

import (
	"strings"
)

// Map is a parsed .mailmap. The nil Map maps everything to itself.
type Map struct {
	// byEmail holds, by address in lower case, what to put in its place; byName
	// the same for a name with that address, both in lower case.
	byEmail map[string]proper
	byName  map[[2]string]proper
}

// proper is what replaces a name and an address; "" for what stays.
type proper struct{ name, email string }

// Parse reads a .mailmap. Lines that are none of the four forms are skipped, as
// git skips them; of two lines for the same person the later one counts.
func Parse(text string) *Map {
	m := &Map{byEmail: map[string]proper{}, byName: map[[2]string]proper{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		name1, email1, rest, ok := identity(line)
		if !ok {
			continue
		}
		name2, email2, _, two := identity(rest)
		switch {
		case !two:
			m.put("", email1, proper{name: name1})
		default:
			m.put(name2, email2, proper{name: name1, email: email1})
		}
	}
	return m
}

// identity cuts "Name <address>" off the beginning of a line.
func identity(s string) (name, email, rest string, ok bool) {
	name, s, ok = strings.Cut(s, "<")
	if !ok {
		return "", "", "", false
	}
	email, rest, ok = strings.Cut(s, ">")
	return strings.TrimSpace(name), email, rest, ok
}

func (m *Map) put(name, email string, p proper) {
	email = strings.ToLower(email)
	if name == "" {
		// A later line that says less leaves what an earlier one said.
		old := m.byEmail[email]
		if p.name == "" {
			p.name = old.name
		}
		if p.email == "" {
			p.email = old.email
		}
		m.byEmail[email] = p
		return
	}
	m.byName[[2]string{strings.ToLower(name), email}] = p
}

// Resolve is the name and address that a commit's name and address stand for.
func (m *Map) Resolve(name, email string) (properName, properEmail string) {
	if m == nil {
		return name, email
	}
	low := strings.ToLower(email)
	p, ok := m.byName[[2]string{strings.ToLower(name), low}]
	if !ok {
		p = m.byEmail[low]
	}
	if p.name != "" {
		name = p.name
	}
	if p.email != "" {
		email = p.email
	}
	return name, email
}
