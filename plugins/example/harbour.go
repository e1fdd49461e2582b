// Command harbour is a plugin for Harbour, a forge that is made up: it links to
// commits and issues, and says what issues are. docs/plugins-guide.md builds it
// step by step.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

func main() {
	harbour, err := New(os.Getenv("HARBOUR_API"), plugins.CacheDir())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	plugins.Serve(harbour)
}

// Harbour is the forge.
type Harbour struct {
	sites  plugins.Sites
	client *web.Client
}

// What it is, and what it does beyond links. Serve finds out which it is.
var (
	_ plugins.Forge    = (*Harbour)(nil)
	_ plugins.Resolver = (*Harbour)(nil)
)

// New makes the forge. api is where its interface is, "" for the usual place; cache
// is the directory for its answers, "" for none.
func New(api, cache string) (*Harbour, error) {
	site := plugins.Site{Match: "harbour.example", URL: "https://harbour.example", API: "https://harbour.example/api"}
	if api != "" {
		site.API, site.Own = strings.TrimRight(api, "/"), true
	}
	client, err := web.ForForge(web.Options{UserAgent: "harbour-plugin/1", CacheDir: cache}, nil,
		web.Place{Site: site, API: site.API, From: []web.Source{web.Env("HARBOUR_TOKEN")}})
	if err != nil {
		return nil, err
	}
	return &Harbour{plugins.Sites{site}, client}, nil
}

// Describe says what it is, and of which remotes it wants to be asked.
func (h *Harbour) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "harbour", Title: "Harbour", Version: "1",
		Kinds:       []plugins.Kind{plugins.Commit, plugins.Issue},
		Remotes:     h.sites.Remotes(),
		Environment: []string{"HARBOUR_API", "HARBOUR_TOKEN"},
	}, nil
}

// Links makes the addresses of pages. It asks nobody.
func (h *Harbour) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	site, project, ok := h.sites.Locate(remote)
	if !ok || strings.Count(project, "/") != 1 {
		return nil, false, nil // another forge's
	}
	return plugins.Pages(project, items, func(project string, it plugins.Item) string {
		switch it.Kind {
		case plugins.Commit:
			return site.URL + "/" + project + "/commit/" + it.ID
		case plugins.Issue:
			return site.URL + "/" + project + "/issues/" + it.ID
		}
		return ""
	}), true, nil
}

// Resolve says what issues are. What goes wrong at the forge is part of the answer.
func (h *Harbour) Resolve(ctx context.Context, remote string, items []plugins.Item) ([]plugins.Answer, error) {
	answers := make([]plugins.Answer, len(items))
	pages, known, err := h.Links(ctx, remote, items)
	site, project, _ := h.sites.Locate(remote)
	if err != nil || !known {
		return answers, err
	}
	for i, it := range items {
		if it.Kind == plugins.Issue && pages[i] != "" {
			answers[i] = h.issue(ctx, site.API, project, it, pages[i])
		}
	}
	return answers, nil
}

// issue asks for one issue.
func (h *Harbour) issue(ctx context.Context, api, project string, it plugins.Item, page string) plugins.Answer {
	if it.Project != "" {
		project = it.Project
	}
	var said struct {
		Title   string
		Open    bool
		Berth   string // Harbour's word for how far it is
		Labels  []string
		Updated time.Time
	}
	answer, err := h.client.JSON(ctx, api+"/"+plugins.PathEscape(project)+"/issues/"+it.ID, &said)
	if err != nil {
		return web.Said(nil, err)
	}
	thing := plugins.Thing{
		Kind: plugins.Issue, ID: it.ID, Project: it.Project, URL: page,
		Title: said.Title, State: plugins.Closed, Status: said.Berth, Labels: said.Labels, Updated: said.Updated,
		Backports: plugins.Requested(said.Labels), // labels such as "backport stable/1.2"
	}
	if said.Open {
		thing.State = plugins.Open
	}
	return web.Said(answer, nil, thing)
}
