package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/host"
)

// maxRemotes bounds the remotes that forges are asked by: what the first do not
// know costs a request for each of them.
const maxRemotes = 8

// asked are the remotes that forges are asked by: "" first, for bugs that need
// none; at most so many, no paths, and each project of a host once, whatever way
// leads to it.
func asked(remotes []string, most int) []string {
	all := []string{""}
	seen := map[plugins.Remote]bool{}
	for _, remote := range remotes {
		if repos.IsPath(remote) || len(all) > most {
			continue
		}
		if place, ok := plugins.ParseRemote(remote); ok {
			place.Project, place.Web = strings.ToLower(place.Project), false
			if seen[place] {
				continue
			}
			seen[place] = true
		}
		all = append(all, remote)
	}
	return all
}

// Said is what forges said of keys so far.
func (f *forges) Said(remotes []string, keys []history.Key, ask lookup.Asking) lookup.Said {
	said := lookup.Said{Items: make([][]history.ForgeItem, len(keys))}
	var items []plugins.Item
	var at []int
	for i, k := range keys {
		if item, ok := saidItem(remotes, k); ok && (item.Kind != plugins.Commit || len(item.ID) >= 40) {
			items, at = append(items, item), append(at, i)
		}
	}
	if len(items) == 0 {
		return said
	}
	answers, pending := f.current().Say(asked(remotes, maxRemotes), items, map[lookup.Asking]host.Asking{lookup.AskNow: host.Now, lookup.AskAhead: host.Ahead, lookup.AskNothing: host.Nothing}[ask])
	said.Pending = pending
	for i, a := range answers {
		if a.Problem != plugins.NoProblem {
			said.Problems = withProblem(said.Problems, a)
		}
		for _, t := range a.Things {
			said.Items[at[i]] = append(said.Items[at[i]], forgeItem(t, a))
		}
	}
	return said
}

// saidItem is itemOf, and for a forge's address what it is of, where its own
// repository is what is asked by.
func saidItem(remotes []string, k history.Key) (plugins.Item, bool) {
	if k.Kind != history.KeyURL {
		return itemOf(k)
	}
	at, ok := scan.AddressOf(k.Text)
	return plugins.Item{Kind: plugins.Kind(at.Kind), ID: at.ID}, ok && (at.Repository == "" || slices.Equal(remotes, []string{at.Repository}))
}

// withProblem adds what is wrong with an answer, where nobody has told it yet. Of two
// times to ask again the later one counts.
func withProblem(all []history.ForgeProblem, a host.Answer) []history.ForgeProblem {
	p := history.ForgeProblem{Forge: a.Plugin, Host: a.Host, Problem: string(a.Problem), Token: a.Token, Retry: a.Retry}
	for i, q := range all {
		if q.Forge == p.Forge && q.Host == p.Host && q.Problem == p.Problem && q.Token == p.Token {
			if p.Retry.After(q.Retry) {
				all[i].Retry = p.Retry
			}
			return all
		}
	}
	return append(all, p)
}

// News is closed when forges have said more.
func (f *forges) News() <-chan struct{} { return f.current().News() }

// forgeItem is a plugin's thing in the words of answers.
func forgeItem(t plugins.Thing, a host.Answer) history.ForgeItem {
	item := history.ForgeItem{
		Kind: string(t.Kind), ID: t.ID, Project: t.Project, Title: t.Title, State: string(t.State), URL: t.URL, Noun: t.Noun, Status: t.Status, Draft: t.Draft, Labels: t.Labels,
		Author: t.Author, Assignees: t.Assignees, Milestone: t.Milestone, Target: t.Target, Head: t.Head, MergeCommit: t.MergeCommit,
		Created: t.Created, Updated: t.Updated, Merged: t.Merged, Closed: t.Closed, Forge: a.Plugin, Checked: a.Checked, Problem: string(a.Problem),
	}
	for _, b := range t.Backports {
		item.Backports = append(item.Backports, history.ForgeBackport{Target: b.Target, Request: history.Request{Kind: string(b.Kind), ID: b.ID, Title: b.Title, State: string(b.State), URL: b.URL, Label: b.Label}})
	}
	return item
}

// listed are lists of what is open, for completion. While somebody types, the same
// list is asked for again and again.
type listed struct {
	mu    sync.Mutex
	lists map[string]*list
}

// list is one list, complete when done is closed.
type list struct {
	done  chan struct{}
	asked time.Time
	items []history.ForgeItem
}

// forget drops all lists: others may be asked now.
func (l *listed) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lists = nil
}

const (
	listedFor = time.Minute
	maxLists  = 200
)

// Open lists what is open on the forge of a repository with these remotes. It
// waits as long as ctx lasts; the forge's answer is there for the next question.
func (f *forges) Open(ctx context.Context, remotes []string, of history.KeyKind, text string, limit int) []history.ForgeItem {
	kind := map[history.KeyKind]plugins.Kind{history.KeyIssue: plugins.Issue, history.KeyMerge: plugins.Pull, history.KeyBug: plugins.Bug}[of]
	key := strings.Join(append([]string{string(kind), text}, remotes...), "\n")
	f.listed.mu.Lock()
	if f.listed.lists == nil || len(f.listed.lists) >= maxLists {
		f.listed.lists = map[string]*list{}
	}
	l := f.listed.lists[key]
	if l == nil || time.Since(l.asked) > listedFor {
		l = &list{done: make(chan struct{}), asked: time.Now()}
		f.listed.lists[key] = l
		h := f.current()
		h.Go(func(ctx context.Context) {
			defer close(l.done)
			answer := h.Open(ctx, asked(remotes, maxRemotes), kind, text, limit)
			for _, t := range answer.Things {
				l.items = append(l.items, forgeItem(t, answer))
			}
		})
	}
	f.listed.mu.Unlock()
	select {
	case <-l.done:
		return l.items
	case <-ctx.Done():
		return nil
	}
}
