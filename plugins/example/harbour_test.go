package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
)

const remote = "git@harbour.example:acme/engine.git"

var leak = plugins.Thing{
	Kind: plugins.Issue, ID: "7", URL: "https://harbour.example/acme/engine/issues/7",
	Title: "The hull leaks", State: plugins.Open, Status: "in dry dock", Labels: []string{"backport stable/1"},
	Updated:   time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	Backports: []plugins.Backport{{Target: "stable/1", Label: "backport stable/1"}},
}

// TestLinks holds the forge to what every forge owes: all spellings of remotes,
// hostile ones, items that make no sense.
func TestLinks(t *testing.T) {
	harbour, err := New("", "")
	if err != nil {
		t.Fatal(err)
	}
	links := forgetest.Everywhere("harbour.example", "acme/engine", plugins.Item{Kind: plugins.Issue, ID: "7"}, leak.URL)
	links = append(links, forgetest.Page(remote, plugins.Item{Kind: plugins.Commit, ID: forgetest.SHA}, "https://harbour.example/acme/engine/commit/"+forgetest.SHA))
	forgetest.Run(t, harbour, forgetest.Cases{Name: "harbour", Links: links, Others: []string{"https://other.example/acme/engine", "https://harbour.example/acme"}})
}

// TestAnswers holds it to what it says, and to how it behaves towards a host that
// is slow, gone, limited, private or mad.
func TestAnswers(t *testing.T) {
	fake := forgetest.NewFake(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/acme/engine/issues/7" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(`{"title": "The hull leaks", "open": true, "berth": "in dry dock", "labels": ["backport stable/1"], "updated": "2026-01-02T03:04:05Z"}`))
	}))
	forgetest.Answers(t, forgetest.World{
		New: func(t *testing.T, dir string) plugins.Forge {
			harbour, err := New(fake.URL, dir)
			if err != nil {
				t.Fatal(err)
			}
			return harbour
		},
		Fake: fake, Remote: remote,
		Resolve: []forgetest.Said{{Item: plugins.Item{Kind: plugins.Issue, ID: "7"}, Things: []plugins.Thing{leak}}},
		Absent:  []plugins.Item{{Kind: plugins.Issue, ID: "8"}},

		TokenName: "HARBOUR_TOKEN", Secret: "a-secret-of-the-sea", Header: "Authorization", Value: "Bearer a-secret-of-the-sea",
	})
}
