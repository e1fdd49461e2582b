package forgetest

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// Live asks a tracker that exists a few questions, where a variable of the
// environment names a remote and bugs that it has, with blanks between them:
// "https://opendev.org/openstack/nova bug#1"; a remote of - is none.
func Live(t *testing.T, variable string, forge plugins.Resolver) {
	words := strings.Fields(os.Getenv(variable))
	if len(words) < 2 {
		t.Skip(variable + " names no remote and bug")
	}
	remote := strings.TrimPrefix(words[0], "-")
	var items []plugins.Item
	for _, id := range words[1:] {
		items = append(items, plugins.Item{Kind: plugins.Bug, ID: id})
	}
	absent := words[1][:strings.LastIndexAny(words[1], "#-")+1] + "999999999" // no tracker has come that far
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	answers, err := forge.Resolve(ctx, remote, append(items, plugins.Item{Kind: plugins.Bug, ID: absent}))
	if err != nil || len(answers) != len(items)+1 {
		t.Fatalf("%d answers to %d questions, %v", len(answers), len(items)+1, err)
	}
	for i, it := range items {
		a := answers[i]
		if a.Problem != plugins.NoProblem || len(a.Things) != 1 {
			t.Errorf("%s: %+v", it.ID, a)
			continue
		}
		if got := a.Things[0]; got.Kind != plugins.Bug || got.ID == "" || got.Title == "" || got.State == "" || got.Status == "" || got.Created.IsZero() || !strings.HasPrefix(got.URL, "http") {
			t.Errorf("%s: %+v", it.ID, got)
		}
	}
	if a := answers[len(items)]; len(a.Things) > 0 || a.Problem != plugins.NoProblem || a.Checked.IsZero() {
		t.Errorf("%s, which there is not: %+v", absent, a)
	}
	if lister, ok := forge.(plugins.Lister); ok && remote != "" {
		if a, err := lister.Open(ctx, remote, "", 5); err != nil || a.Problem != plugins.NoProblem || len(a.Things) > 5 {
			t.Errorf("what is open: %+v, %v", a, err)
		}
	}
}
