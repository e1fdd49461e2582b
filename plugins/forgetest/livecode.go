package forgetest

import (
	"os"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// LiveCode holds a forge of code to the gentle part of Answers, at a host that
// exists. A variable of the environment names a remote and, with blanks between
// them, what the host is known to have: an issue as #1, a pull as !1, a change as
// its number or Change-Id, and full SHAs of commits that came with some of them:
// "https://opendev.org/openstack/nova I0123… 941234 1a2b3c…". What the forge says
// first has to make sense, and to stay.
func LiveCode(t *testing.T, variable string, forge plugins.Forge) {
	words := strings.Fields(os.Getenv(variable))
	if len(words) < 2 {
		t.Skip(variable + " names no remote and items")
	}
	w := World{New: func(*testing.T, string) plugins.Forge { return forge }, Remote: words[0]}
	for _, word := range words[1:] {
		switch {
		case strings.HasPrefix(word, "#"):
			w.Resolve = append(w.Resolve, Said{Item: plugins.Item{Kind: plugins.Issue, ID: word[1:]}})
		case strings.HasPrefix(word, "!"):
			w.Resolve = append(w.Resolve, Said{Item: plugins.Item{Kind: plugins.Pull, ID: word[1:]}})
		case plugins.IsHash(word) && len(word) >= 40:
			w.Changes = append(w.Changes, Found{Commit: word})
		default:
			w.Resolve = append(w.Resolve, Said{Item: plugins.Item{Kind: plugins.Change, ID: word}})
		}
	}
	makesSense := func(what string, a plugins.Answer) []plugins.Thing {
		if a.Problem != plugins.NoProblem || a.Checked.IsZero() || len(a.Things) == 0 {
			t.Fatalf("%s: %+v", what, a)
		}
		for _, thing := range a.Things {
			if thing.Kind == "" || thing.ID == "" || thing.Title == "" || thing.State == "" || thing.Created.IsZero() || !strings.HasPrefix(thing.URL, "http") {
				t.Fatalf("%s: %+v", what, thing)
			}
		}
		return a.Things
	}
	if len(w.Resolve) > 0 {
		for i, a := range w.resolved(t, forge.(plugins.Resolver)) {
			w.Resolve[i].Things = makesSense(w.Resolve[i].Item.ID, a)
		}
	}
	if f, ok := forge.(plugins.Finder); ok && len(w.Changes) > 0 {
		var commits []string
		for _, c := range w.Changes {
			commits = append(commits, c.Commit)
		}
		answers, err := f.Changes(asking(t), w.Remote, commits)
		if err != nil || len(answers) != len(commits) {
			t.Fatalf("%d answers to %d commits, %v", len(answers), len(commits), err)
		}
		for i, a := range answers {
			w.Changes[i].Things = makesSense(commits[i], a)
		}
	}
	t.Run("resolve", w.resolve)
	if len(w.Changes) > 0 {
		t.Run("changes", w.changes)
	}
	if f, ok := forge.(plugins.Lister); ok {
		a, err := f.Open(asking(t), w.Remote, "", 5)
		if err != nil || len(a.Things) > 5 {
			t.Fatalf("%+v, %v", a, err)
		}
		for _, thing := range makesSense("what is open", a) {
			if thing.State != plugins.Open {
				t.Errorf("it is not open: %+v", thing)
			}
		}
	}
}
