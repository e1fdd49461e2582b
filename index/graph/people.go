package graph

import (
	"fmt"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Person is a name and address as commits have them.
type Person struct{ Name, Email string }

// PersonOf is whom a signature names.
func PersonOf(s history.Signature) Person { return Person{s.Name, s.Email} }

// PersonID is the number of a person in a Graph, from 0; like positions, these
// stay in all graphs that Update makes.
type PersonID int32

// people is the table of persons; it is immutable and shared by the graphs that
// have the same ones. A person is kept as "name <address>": names hold no '<'.
type people struct {
	text   []byte
	starts []int32 // one more than there are persons
}

var noPeople = &people{starts: []int32{0}}

func (t *people) len() int { return len(t.starts) - 1 }

func (t *people) person(id PersonID) Person {
	name, email, _ := strings.Cut(string(t.text[t.starts[id]:t.starts[id+1]]), "<")
	return Person{strings.TrimSuffix(name, " "), strings.TrimSuffix(email, ">")}
}

// census numbers the persons of new commits behind those of a table.
type census struct {
	old   *people
	ids   map[Person]int32
	fresh *people // nil while there is no new person
}

func newCensus(old *people) *census {
	c := &census{old: old, ids: make(map[Person]int32, old.len())}
	for id := range old.len() {
		c.ids[old.person(PersonID(id))] = int32(id)
	}
	return c
}

func (c *census) id(p Person) int32 {
	id, ok := c.ids[p]
	if ok {
		return id
	}
	if c.fresh == nil {
		c.fresh = &people{text: append([]byte(nil), c.old.text...), starts: append([]int32(nil), c.old.starts...)}
	}
	t := c.fresh
	id = int32(t.len())
	t.text = fmt.Appendf(t.text, "%s <%s>", strings.ReplaceAll(p.Name, "<", ""), p.Email)
	t.starts = append(t.starts, int32(len(t.text)))
	c.ids[p] = id
	return id
}

func (c *census) table() *people {
	if c.fresh != nil {
		return c.fresh
	}
	return c.old
}

// People is the number of persons; a PersonID is below it.
func (g *Graph) People() int { return g.people.len() }

// SamePeople says whether two graphs have the same table of persons.
func (g *Graph) SamePeople(o *Graph) bool { return g.people == o.people }

// Person tells who a person is.
func (g *Graph) Person(id PersonID) Person { return g.people.person(id) }

// Author is who wrote a commit.
func (g *Graph) Author(p Pos) PersonID { return PersonID(g.writer[p]) }

// Committer is who committed a commit.
func (g *Graph) Committer(p Pos) PersonID { return PersonID(g.committer[p]) }
