// Package jira knows the addresses of Jira's issues (PROJ-1): of projects whose
// names nobody else has, of all projects in the repositories of communities that
// use a public site, and of sites that the settings name. It asks no network.
package jira

import (
	"context"
	"regexp"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

const page = "/browse/{name}-{number}"

// project is what stands in front of an issue's number.
var project = regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`)

// public are the sites that everybody can read.
var public = plugins.Tracker{
	{
		Page:    "https://issues.apache.org/jira" + page,
		Names:   []string{"CASSANDRA", "FLINK", "HADOOP", "HBASE", "HDFS", "KAFKA", "LUCENE", "MAPREDUCE", "SOLR", "SPARK", "YARN", "ZOOKEEPER"},
		Own:     project,
		Remotes: []string{"github.com/apache", "gitbox.apache.org", "git.apache.org"},
	},
	{Page: "https://jira.mongodb.org" + page, Own: project, Remotes: []string{"github.com/mongodb", "github.com/10gen"}},
	{Page: "https://jira.mariadb.org" + page, Names: []string{"MDEV", "MXS"}, Own: project, Remotes: []string{"github.com/MariaDB", "github.com/mariadb-corporation"}},
	{Page: "https://bugreports.qt.io" + page, Names: []string{"QTBUG", "QTCREATORBUG", "PYSIDE"}, Own: project, Remotes: []string{"codereview.qt-project.org", "code.qt.io", "github.com/qt"}},
	{Page: "https://bugs.openjdk.org" + page, Names: []string{"JDK"}, Own: project, Remotes: []string{"github.com/openjdk"}},
	{Page: "https://issues.jenkins.io" + page, Names: []string{"JENKINS"}, Own: project, Remotes: []string{"github.com/jenkinsci"}},
	{Page: "https://hibernate.atlassian.net" + page, Names: []string{"HHH"}, Own: project, Remotes: []string{"github.com/hibernate"}},
}

// Forge is Jira.
type Forge struct{ bugs plugins.Tracker }

var _ plugins.Forge = Forge{}

// New makes the forge. A setting without projects and remotes has all projects
// that no other place has.
func New(settings ...plugins.Setting) Forge {
	named, rest := plugins.Tracker{}, plugins.Tracker{}
	for _, s := range settings {
		base, ok := plugins.Base(s.URL)
		switch {
		case !ok:
		case len(s.Projects) > 0 || len(s.Remotes) > 0:
			named = append(named, plugins.Place{Page: base + page, Names: s.Projects, Own: project, Remotes: s.Remotes})
		default:
			rest = append(rest, plugins.Place{Page: base + page, Own: project, Remotes: []string{"*"}})
		}
	}
	return Forge{append(append(named, public...), rest...)}
}

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "jira", Title: "Jira", Version: "1", Kinds: []plugins.Kind{plugins.Bug},
		Remotes: f.bugs.Remotes(), Keys: f.bugs.Keys(),
	}, nil
}

// Links makes Jira's addresses.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	urls, known := f.bugs.Links(remote, items)
	return urls, known, nil
}
