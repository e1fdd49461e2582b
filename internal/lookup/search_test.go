package lookup_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

// TestSearchFile: a question that waits gets all of file:, one that does not
// says what it lacks, and one about words alone neither waits nor says so.
func TestSearchFile(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "commit one \"Begin\" src/a.c=\"1\"\ncommit two \"More of it\" src/b.c=\"1\"\n")
	l, ctx := house(t, r)
	check := func(query string, wait bool, want string, limits ...history.Limit) {
		t.Helper()
		got, err := l.Search(ctx, lookup.Search{Query: query, Wait: wait})
		if err != nil {
			t.Fatal(err)
		}
		var found []history.Hash
		for _, h := range got.Hits {
			found = append(found, h.SHA)
		}
		if labels := strings.Join(r.Labels(found...), " "); labels != want || !slices.Equal(got.Limits, append([]history.Limit{}, limits...)) {
			t.Errorf("%s finds %q with %v, not %q with %v; %v", query, labels, got.Limits, want, limits, got.Errors)
		}
	}
	check("begin", false, "one")
	check("file:b.c", false, "", history.LimitPathsPending) // nobody asked for paths before
	check("file:b.c", true, "two")
	check("file:src", false, "two one")
}

// TestSearchSimilar: similar words are looked for where no repository has the words
// themselves, and then in all.
func TestSearchSimilar(t *testing.T) {
	t.Parallel()
	l, ctx := house(t, gittest.New(t, "commit one \"Deadlock\"\n"), gittest.New(t, "commit two \"Deadlocks\"\n"))
	for word, want := range map[string][]string{
		"deadlock":  {"Deadlock"},
		"deadlocks": {"Deadlocks"},
		"deadloxk":  {"≈ Deadlock", "≈ Deadlocks"},
		"unrelated": nil,
	} {
		got, err := l.Search(ctx, lookup.Search{Query: word, Wait: true})
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, h := range got.Hits {
			if h.Fuzzy {
				h.Subject = "≈ " + h.Subject
			}
			found = append(found, h.Subject)
		}
		if slices.Sort(found); !slices.Equal(found, want) || got.Total != len(want) {
			t.Errorf("%s finds %q of %d, not %q", word, found, got.Total, want)
		}
	}
}
