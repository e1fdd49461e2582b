package lookup_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
)

// TestCheckInClones holds that a commit which two repositories have is not
// ambiguous, and that it is asked about in each that has the line.
func TestCheckInClones(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "commit base \"Add the engine\"\nbranch stable/1\ncommit leak \"Fix leak\"\nbranch stable/2")
	clone := r.Clone()
	clone.Do("git branch stable/1 origin/stable/1\ngit branch stable/3 origin/stable/1")
	all, ctx := declared(t, []repos.Configured{{Name: "one", Path: r.Dir}, {Name: "two", Path: clone.Dir}}, false)
	l := lookup.New(all, nil)
	t.Cleanup(l.Close)
	for line, want := range map[string][]string{"stable/1": {"one: false", "two: false"}, "stable/2": {"one: true", "two: true"}, "stable/3": {"two: false"}} {
		c, err := l.Check(ctx, lookup.Check{Keys: []string{r.Hash("leak").String()}, On: []string{line}})
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		var got []string
		for _, one := range c.Results {
			got = append(got, fmt.Sprint(one.Repository, ": ", one.OK))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
	if _, err := l.Check(ctx, lookup.Check{Keys: []string{r.Hash("leak").String()}, On: []string{"stable/9"}}); !errors.Is(err, lookup.ErrNoLine) {
		t.Errorf("a line that no repository has: %v", err)
	}
	// A slip is told at once, whatever the evidence still takes.
	still, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	early := lookup.New(unfinished{all}, nil)
	t.Cleanup(early.Close)
	check := lookup.Check{Keys: []string{r.Hash("leak").String()}, On: []string{"stable/1", "stable/9"}}
	if _, err := early.Check(still, check); !errors.Is(err, lookup.ErrNoLine) || strings.Contains(err.Error(), "stable/1:") {
		t.Errorf("a line that no repository has, while evidence is missing: %v", err)
	}
	check.On = check.On[:1]
	given, giveUp := context.WithCancel(ctx)
	giveUp()
	if _, err := early.Check(given, check); !errors.Is(err, context.Canceled) {
		t.Errorf("a line that is there, while evidence is missing: %v", err)
	}
}

// unfinished are repositories whose evidence never comes.
type unfinished struct{ lookup.Repositories }

func (u unfinished) All() (all []lookup.Repository) {
	for _, r := range u.Repositories.All() {
		all = append(all, untraced{r})
	}
	return all
}

type untraced struct{ lookup.Repository }

func (untraced) WaitLineage(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestMissingSince takes the dates that searches take.
func TestMissingSince(t *testing.T) {
	t.Parallel()
	r := gittest.New(t, "commit base \"Add the engine\"\nbranch stable/1\ncommit old \"Fix leak\"\ntick 48h\ncommit new \"Fix ring\"")
	all, ctx := declared(t, []repos.Configured{{Name: "one", Path: r.Dir}}, false)
	l := lookup.New(all, nil)
	t.Cleanup(l.Close)
	for since, want := range map[string]int{"": 2, "2020-01-02": 1, "2020": 2, "2020-01-02 00:00": 1, " 100 years ago": 2, "1 week ago": 0, "6months": 0} {
		got, err := l.Missing(ctx, lookup.Missing{From: "stable/1", Since: since, Wait: true})
		if err != nil || len(got.Changes) != want {
			t.Errorf("since %q: %v, %+v, want %d", since, err, got, want)
		}
	}
	for _, since := range []string{"soon", "2020 author:me", "2020-13-01"} {
		if _, err := l.Missing(ctx, lookup.Missing{From: "stable/1", Since: since}); err == nil {
			t.Errorf("since %q is a date", since)
		}
	}
}

// TestCheckManyNamed holds that the oldest of very many commits which name a key
// is asked for too.
func TestCheckManyNamed(t *testing.T) {
	t.Parallel()
	script := "commit base \"Add the engine\"\nbranch stable/1\ncommit fix \"Fix CVE-2024-32002\"\ncheckout stable/1\n"
	var notes strings.Builder
	for i := range 60 {
		fmt.Fprintf(&notes, "commit note%d \"Note %d on CVE-2024-32002\"\n", i, i)
	}
	r := gittest.New(t, script+notes.String())
	all, ctx := declared(t, []repos.Configured{{Name: "one", Path: r.Dir}}, true)
	l := lookup.New(all, nil)
	t.Cleanup(l.Close)
	c, err := l.Check(ctx, lookup.Check{Keys: []string{"CVE-2024-32002"}, On: []string{"stable/1"}})
	if err != nil {
		t.Fatal(err)
	}
	failing := 0
	for _, one := range c.Results {
		if !one.OK {
			failing++
		}
	}
	if c.OK || failing != 1 || len(c.Results) != 61 {
		t.Errorf("%d of %d commits are not there, want 1 of 61", failing, len(c.Results))
	}
	answers, err := l.Where(ctx, lookup.Where{Keys: []string{"CVE-2024-32002"}, Wait: true})
	if err != nil || len(answers[0].Matches) != 50 {
		t.Errorf("%v, want 50 cards", err)
	}
}
