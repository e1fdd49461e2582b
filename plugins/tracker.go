package plugins

import (
	"regexp"
	"slices"
	"strings"
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

// Links is Forge.Links.
func (t Tracker) Links(remote string, items []Item) (urls []string, known bool) {
	r, ok := ParseRemote(remote)
	urls = make([]string, len(items))
	for i, it := range items {
		name, number, isBug := BugID(it.ID)
		if it.Kind != Bug || !isBug {
			continue
		}
		for _, p := range t {
			if remote == "" && slices.Contains(p.Names, name) || ok && p.Own != nil && p.Own.MatchString(name) && slices.ContainsFunc(p.Remotes, r.Matches) {
				urls[i], known = strings.NewReplacer("{name}", name, "{number}", number).Replace(p.Page), true
				break
			}
		}
	}
	return urls, known
}
