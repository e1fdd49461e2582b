package plugins

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Tracker makes a forge of places that have bugs and no code. A bug is one's by
// the name in front of its number, wherever it stands, or by the remotes of the
// repository that it stands in.
type Tracker []Place

// Place is where a tracker's bugs are.
type Place struct {
	// Page is the address of a bug, with {name} and {number} for the parts of its ID.
	Page string
	// Names are those that stand in front of the numbers of its bugs alone: lp of
	// lp#1, PROJ of PROJ-1.
	Names []string
	// Own matches, as a whole, names that mean this place in the repositories of
	// Remotes, which are patterns as of Description.Claims.
	Own     *regexp.Regexp
	Remotes []string
	// Site is where its programs' interface is. A place without one is linked to and
	// never asked.
	Site Site
}

// PlainBug is what Own of a tracker is where text says "bug 1".
var PlainBug = regexp.MustCompile(`^bug$`)

// Remotes are the patterns of all places.
func (t Tracker) Remotes() []string {
	var all []string
	for _, p := range t {
		all = append(all, p.Remotes...)
	}
	return all
}

// Keys are the expressions of the IDs that are known without a remote.
func (t Tracker) Keys() []string {
	var all []string
	for _, p := range t {
		for _, name := range p.Names {
			all = append(all, regexp.QuoteMeta(name)+"[#-][0-9]+")
		}
	}
	return all
}

// Named is a bug that a question names.
type Named struct {
	Index        int    // among the items
	ID           string // as the item has it
	Name, Number string // its parts
}

// Share is what one place has of the bugs of a question.
type Share struct {
	Place Place
	Bugs  []Named
}

// Sort finds the places that have the bugs among items, in the order in which the
// tracker names them. A bug belongs to the first place that takes it: without a
// remote by the name in front of its number, with one as a name of that place's
// own in its repositories. What is no bug, and bugs of nobody, are left out.
func (t Tracker) Sort(remote string, items []Item) []Share {
	r, ok := ParseRemote(remote)
	all := make([]Share, len(t))
	for i, it := range items {
		name, number, isBug := BugID(it.ID)
		if it.Kind != Bug || !isBug {
			continue
		}
		if at := slices.IndexFunc(t, func(p Place) bool {
			return remote == "" && slices.Contains(p.Names, name) || ok && p.Own != nil && p.Own.MatchString(name) && p.in(r)
		}); at >= 0 {
			all[at].Place = t[at]
			all[at].Bugs = append(all[at].Bugs, Named{i, it.ID, name, number})
		}
	}
	return slices.DeleteFunc(all, func(s Share) bool { return len(s.Bugs) == 0 })
}

// in says whether a repository is one of those whose plain bugs the place has.
func (p Place) in(r Remote) bool { return slices.ContainsFunc(p.Remotes, r.Matches) }

// Here is the place that plain bugs in the repository of a remote belong to.
func (t Tracker) Here(remote string) (Place, bool) {
	r, ok := ParseRemote(remote)
	if i := slices.IndexFunc(t, func(p Place) bool { return ok && p.Own != nil && p.in(r) }); i >= 0 {
		return t[i], true
	}
	return Place{}, false
}

// Link is the address of a bug of the place.
func (p Place) Link(name, number string) string {
	return strings.NewReplacer("{name}", name, "{number}", number).Replace(p.Page)
}

// Links is Forge.Links.
func (t Tracker) Links(remote string, items []Item) (urls []string, known bool) {
	urls = make([]string, len(items))
	for _, s := range t.Sort(remote, items) {
		for _, b := range s.Bugs {
			urls[b.Index], known = s.Place.Link(b.Name, b.Number), true
		}
	}
	return urls, known
}

// Ask answers Resolver.Resolve: it puts each bug to the place that has it, at most
// n in one batch, and all batches side by side. A bug that several items name is
// put once. ask gives one answer for each bug of its batch, in order.
func (t Tracker) Ask(remote string, items []Item, n int, ask func(p Place, bugs []Named) []Answer) []Answer {
	answers := make([]Answer, len(items))
	var asking sync.WaitGroup
	for _, s := range t.Sort(remote, items) {
		if s.Place.Site.API == "" {
			for _, b := range s.Bugs {
				answers[b.Index] = Answer{Problem: NotAsked, Detail: "no setting names this tracker"}
			}
			continue
		}
		var distinct []Named
		twins := map[string][]int{} // indexes by ID
		for _, b := range s.Bugs {
			if twins[b.ID] = append(twins[b.ID], b.Index); len(twins[b.ID]) == 1 {
				distinct = append(distinct, b)
			}
		}
		for batch := range slices.Chunk(distinct, n) {
			asking.Go(func() {
				for i, a := range ask(s.Place, batch) {
					for _, at := range twins[batch[i].ID] {
						answers[at] = a
					}
				}
			})
		}
	}
	asking.Wait()
	return answers
}

// Offers says whether a bug is what somebody is looking for who typed text: its
// number begins with it, or its title has it, whatever the case.
func Offers(text, number, title string) bool {
	return strings.HasPrefix(number, text) || strings.Contains(strings.ToLower(title), strings.ToLower(text))
}
