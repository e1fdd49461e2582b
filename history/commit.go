// Package history holds the plain values that every other package speaks in:
// object names, commits, refs, keys, landings and answers, with the JSON form
// that scripts rely on.
//
// It imports the standard library alone. It knows no git library, no search
// engine and no protocol, does no I/O and starts nothing.
package history

import (
	"encoding/json"
	"strings"
	"time"
)

// Signature says who made or committed a change, and when.
type Signature struct {
	Name  string    `json:"name"`
	Email string    `json:"email"`
	Date  time.Time `json:"date"` // in the zone that the commit records
}

// Commit is one commit as its object holds it.
type Commit struct {
	Hash      Hash
	Tree      Hash
	Parents   []Hash // as git shows them: cut at shallow boundaries
	Author    Signature
	Committer Signature
	Message   string // UTF-8, as the object holds it, re-encoded if it names another encoding
}

// Subject is the first paragraph of the message on one line, as git's %s.
func (c *Commit) Subject() string {
	subject, _ := splitMessage(c.Message)
	return subject
}

// Body is what follows the subject, without surrounding blank lines, as git's %b.
func (c *Commit) Body() string {
	_, body := splitMessage(c.Message)
	return body
}

func splitMessage(m string) (subject, body string) {
	m = strings.TrimLeft(m, "\n")
	var lines []string
	for m != "" {
		line, rest, _ := strings.Cut(m, "\n")
		line = strings.TrimRight(line, " \t\r")
		if line == "" {
			m = rest
			break
		}
		lines = append(lines, strings.TrimLeft(line, " \t"))
		m = rest
	}
	return strings.Join(lines, " "), strings.Trim(m, "\n")
}

type commitJSON struct {
	SHA       Hash      `json:"sha"`
	Subject   string    `json:"subject"`
	Body      string    `json:"body"`
	Author    Signature `json:"author"`
	Committer Signature `json:"committer"`
	Parents   []Hash    `json:"parents"`
}

// MarshalJSON writes the contract's form: sha, subject, body, author, committer, parents.
func (c Commit) MarshalJSON() ([]byte, error) {
	p := c.Parents
	if p == nil {
		p = []Hash{}
	}
	return json.Marshal(commitJSON{c.Hash, c.Subject(), c.Body(), c.Author, c.Committer, p})
}

// UnmarshalJSON reads the form that MarshalJSON writes. Tree is not part of it.
func (c *Commit) UnmarshalJSON(b []byte) error {
	var j commitJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*c = Commit{Hash: j.SHA, Parents: j.Parents, Author: j.Author, Committer: j.Committer, Message: j.Subject}
	if j.Body != "" {
		c.Message += "\n\n" + j.Body
	}
	return nil
}
