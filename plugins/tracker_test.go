package plugins

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// places are a public tracker, one of somebody's own, and one that is only linked.
var places = Tracker{
	{Page: "https://bugs.example.org/{number}", Names: []string{"ex"}, Own: PlainBug, Remotes: []string{"git.example.org"}, Site: Site{API: "https://bugs.example.org/rest"}},
	{Page: "https://jira.example.net/browse/{name}-{number}", Names: []string{"PROJ"}, Own: regexp.MustCompile(`^[A-Z]+$`), Remotes: []string{"*.example.net"}, Site: Site{API: "https://jira.example.net/rest"}},
	{Page: "https://silent.example.com/{number}", Names: []string{"silent"}},
}

func TestAsk(t *testing.T) {
	bug := func(id string) Item { return Item{Kind: Bug, ID: id} }
	for _, c := range []struct {
		remote string
		items  []Item
		n      int
		asked  []string // batches, by place
		want   []string // titles, or problems
	}{
		{"", []Item{bug("ex#1"), bug("PROJ-2"), bug("ex#3"), bug("ex#1"), bug("bug#1"), {Kind: Issue, ID: "1"}, bug("silent#1"), bug("ex#4")}, 2,
			[]string{"bugs.example.org: 1 3", "bugs.example.org: 4", "jira.example.net: 2"},
			[]string{"ex#1", "PROJ-2", "ex#3", "ex#1", "", "", "not-asked", "ex#4"}},
		{"https://git.example.org/a/b", []Item{bug("bug#7"), bug("ex#1"), bug("PROJ-2")}, 5, []string{"bugs.example.org: 7"}, []string{"bug#7", "", ""}},
		{"https://git.example.net/a/b", []Item{bug("bug#7"), bug("OTHER-1")}, 5, []string{"jira.example.net: 1"}, []string{"", "OTHER-1"}},
		{"https://elsewhere.example/a/b", []Item{bug("ex#1")}, 5, nil, []string{""}},
		{"not a remote", []Item{bug("ex#1")}, 5, nil, []string{""}},
	} {
		var mu sync.Mutex
		var asked []string
		answers := places.Ask(c.remote, c.items, c.n, func(p Place, bugs []Named) []Answer {
			var numbers []string
			var said []Answer
			for _, b := range bugs {
				numbers = append(numbers, b.Number)
				said = append(said, Answer{Things: []Thing{{Title: b.ID}}})
			}
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, strings.Split(p.Site.API, "/")[2]+": "+strings.Join(numbers, " "))
			return said
		})
		var got []string
		for _, a := range answers {
			text := string(a.Problem)
			for _, thing := range a.Things {
				text += thing.Title
			}
			got = append(got, text)
		}
		slices.Sort(asked)
		if !reflect.DeepEqual(asked, c.asked) || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: asked %q, said %q; not %q, %q", c.remote, asked, got, c.asked, c.want)
		}
	}
}

func TestHere(t *testing.T) {
	for remote, want := range map[string]string{"https://git.example.org/a/b": "https://bugs.example.org/rest", "git@x.example.net:a": "https://jira.example.net/rest", "https://example.com/a": "", "": ""} {
		if p, ok := places.Here(remote); p.Site.API != want || ok != (want != "") {
			t.Errorf("%q: %+v", remote, p)
		}
	}
}

func TestBounded(t *testing.T) {
	long := strings.Repeat("ä", 2000)
	var many []string
	var backports []Backport
	for i := range 300 {
		many = append(many, fmt.Sprint(i, long))
		backports = append(backports, Backport{Target: long, Title: long})
	}
	got := Thing{ID: "1", Title: long, Labels: many, Assignees: many, Backports: backports}.Bounded()
	if len(got.Title) > maxText+3 || !utf8.ValidString(got.Title) || len(got.Labels) != maxNames || len(got.Labels[7]) > maxText+3 || len(got.Backports) != maxNames || len(got.Backports[99].Target) > maxText+3 {
		t.Errorf("%d bytes, %d labels, %d backports", len(got.Title), len(got.Labels), len(got.Backports))
	}
	if backports[0].Target != long {
		t.Error("what it was made from has changed")
	}
	small := Thing{ID: "1", Title: "a", Labels: []string{"x"}}
	if got := small.Bounded(); !reflect.DeepEqual(got, small) {
		t.Errorf("%+v is another thing than %+v", got, small)
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{{[]string{"", "Maeve Byrne", "m@example.org"}, "Maeve Byrne"}, {[]string{"mb@example.org"}, "mb"}, {[]string{" ", "@x"}, ""}, {nil, ""}} {
		if got := Person(c.names...); got != c.want {
			t.Errorf("%q is %q, not %q", c.names, got, c.want)
		}
	}
	want := time.Date(2024, 2, 3, 3, 5, 6, 0, time.UTC)
	for _, text := range []string{"2024-02-03T03:05:06Z", "2024-02-03T04:05:06+01:00", "2024-02-03T04:05:06.000+0100"} {
		if got := Time(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %v", text, got)
		}
	}
	if got := Time("yesterday"); !got.IsZero() {
		t.Errorf("yesterday is %v", got)
	}
	for _, c := range []struct {
		text, number, title string
		want                bool
	}{{"", "12", "x", true}, {"1", "12", "x", true}, {"2", "12", "x", false}, {"lock", "1", "A Lock", true}} {
		if Offers(c.text, c.number, c.title) != c.want {
			t.Errorf("%+v", c)
		}
	}
}
