// Package jira knows the addresses of Jira's issues (PROJ-1): of projects whose
// names nobody else has, of all projects in the repositories of communities that
// use a public site, and of sites that the settings name. It asks those sites what
// the issues are (ask.go), by the interface of Server and Data Center or by Cloud's.
package jira

import (
	"context"
	"regexp"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// project is what stands in front of an issue's number.
var project = regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`)

// public are the sites that everybody can read.
var public = plugins.Tracker{
	site("https://issues.apache.org/jira", false,
		[]string{"CASSANDRA", "FLINK", "HADOOP", "HBASE", "HDFS", "KAFKA", "LUCENE", "MAPREDUCE", "SOLR", "SPARK", "YARN", "ZOOKEEPER"},
		[]string{"github.com/apache", "gitbox.apache.org", "git.apache.org"}),
	site("https://jira.mongodb.org", false, nil, []string{"github.com/mongodb", "github.com/10gen"}),
	site("https://jira.mariadb.org", false, []string{"MDEV", "MXS"}, []string{"github.com/MariaDB", "github.com/mariadb-corporation"}),
	site("https://bugreports.qt.io", false, []string{"QTBUG", "QTCREATORBUG", "PYSIDE"}, []string{"codereview.qt-project.org", "code.qt.io", "github.com/qt"}),
	site("https://bugs.openjdk.org", false, []string{"JDK"}, []string{"github.com/openjdk"}),
	site("https://issues.jenkins.io", false, []string{"JENKINS"}, []string{"github.com/jenkinsci"}),
	site("https://hibernate.atlassian.net", false, []string{"HHH"}, []string{"github.com/hibernate"}),
}

// site is a place at an address.
func site(base string, own bool, names, remotes []string) plugins.Place {
	return plugins.Place{
		Page: base + "/browse/{name}-{number}", Names: names, Own: project, Remotes: remotes,
		Site: plugins.Site{URL: base, API: base + "/rest/api", Own: own},
	}
}

// Forge is Jira.
type Forge struct {
	bugs   plugins.Tracker
	client func() (*web.Client, error)
	tongue *tongues
}

var (
	_ plugins.Forge    = Forge{}
	_ plugins.Resolver = Forge{}
	_ plugins.Lister   = Forge{}
	_ plugins.Reporter = Forge{}
)

// New makes the forge. A setting without projects and remotes has all projects
// that no other place has.
func New(settings ...plugins.Setting) Forge {
	named, rest := plugins.Tracker{}, plugins.Tracker{}
	for _, s := range settings {
		base, ok := plugins.Base(s.URL)
		switch {
		case !ok:
		case len(s.Projects) > 0 || len(s.Remotes) > 0:
			named = append(named, site(base, true, s.Projects, s.Remotes))
		default:
			rest = append(rest, site(base, true, nil, []string{"*"}))
		}
	}
	all := append(append(named, public...), rest...)
	return Forge{all, sync.OnceValues(func() (*web.Client, error) {
		var places []web.Place
		for _, p := range all {
			at := web.Place{Site: p.Site, API: p.Site.API}
			if isCloud(p.Site.URL) {
				at.Scheme = "Basic" // of an account's address and its token
			}
			places = append(places, at)
		}
		return web.ForForge(web.Options{UserAgent: "cabhfuil-jira/1"}, settings, places...)
	}), newTongues()}
}

// isCloud says whether a site is Atlassian's own by its name.
func isCloud(base string) bool { return strings.HasSuffix(base, ".atlassian.net") }

// Describe says what it is.
func (f Forge) Describe(context.Context) (plugins.Description, error) {
	return plugins.Description{
		Name: "jira", Title: "Jira", Version: "1", Kinds: []plugins.Kind{plugins.Bug},
		Remotes: f.bugs.Remotes(), Keys: f.bugs.Keys(), Can: []string{plugins.CanBatch},
	}, nil
}

// Links makes Jira's addresses.
func (f Forge) Links(_ context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	urls, known := f.bugs.Links(remote, items)
	return urls, known, nil
}
