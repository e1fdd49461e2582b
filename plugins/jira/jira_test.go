package jira_test

import (
	"slices"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/jira"
)

var page = forgetest.Page

func TestConformance(t *testing.T) {
	bug := func(id string) plugins.Item { return plugins.Item{Kind: plugins.Bug, ID: id} }
	cases := forgetest.Cases{
		Name:   "jira",
		Others: []string{"https://github.com/a/b"},
		Links: slices.Concat(
			forgetest.Everywhere("github.com", "apache/arrow", bug("ARROW-1"), "https://issues.apache.org/jira/browse/ARROW-1"),
			[]forgetest.Link{
				page("", bug("KAFKA-12"), "https://issues.apache.org/jira/browse/KAFKA-12"),
				page("", bug("MDEV-1"), "https://jira.mariadb.org/browse/MDEV-1"),
				page("", bug("QTBUG-1"), "https://bugreports.qt.io/browse/QTBUG-1"),
				page("", bug("PROJ-1"), "https://jira.example.org/base/browse/PROJ-1"),
				page("", bug("PROJECT-1"), ""),
				page("", bug("PROJ-0"), ""),
				page("", bug("proj#1"), ""),
				page("git@github.com:mongodb/mongo.git", bug("SERVER-1"), "https://jira.mongodb.org/browse/SERVER-1"),
				page("git@github.com:mongodb/mongo.git", bug("bug#1"), ""),
				page("https://git.example.org/a/b", bug("ANY_1-1"), "https://jira.example.org/base/browse/ANY_1-1"),
			},
		),
	}
	own := plugins.Setting{URL: "https://jira.example.org/base/", Projects: []string{"PROJ"}, Remotes: []string{"git.example.org"}}
	forgetest.Run(t, jira.New(own), cases)
}

// TestRest holds that a Jira without projects and remotes has what is left.
func TestRest(t *testing.T) {
	f := jira.New(plugins.Setting{URL: "https://jira.example.org"})
	for remote, want := range map[string]string{"https://git.example.org/a/b": "https://jira.example.org/browse/ANY-1", "git@github.com:apache/x.git": "https://issues.apache.org/jira/browse/ANY-1", "": ""} {
		urls, _, err := f.Links(t.Context(), remote, []plugins.Item{{Kind: plugins.Bug, ID: "ANY-1"}})
		if err != nil || !slices.Equal(urls, []string{want}) {
			t.Errorf("%q: %q, %v", remote, urls, err)
		}
	}
}
