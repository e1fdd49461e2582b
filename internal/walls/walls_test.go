// Package walls holds the test that keeps the house's walls standing: who may
// import what, and why.
package walls

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cabhfuil/cabhfuil-lsp/"

// homes says which packages alone may import a library, and why; home may name
// several.
var homes = []struct{ library, home, why string }{
	{"github.com/go-git/", "internal/gitrepo", "repositories are read in one place, which keeps their configuration from running programs"},
	{"github.com/fsnotify/", "internal/gitrepo internal/config", "what changes in a repository is gitrepo's to know, and in a configuration config's"},
	{"github.com/blevesearch/bleve", "index", "the text index can be replaced as long as one package knows it"},
	{"go.lsp.dev/", "server", "positions and unions of LSP stay at the edge; the rest speaks byte offsets"},
	{"github.com/hashicorp/go-plugin", "plugins", "authors and askers of forges see neither gRPC nor processes"},
	{"github.com/alecthomas/chroma", "internal/outline", "an editor's own symbols will take its place"},
	{"go.opentelemetry.io/", "internal/telemetry", "what leaves the machine is decided in one place"},
	{"github.com/spf13/cobra", "cmd", "flags are wiring"},
}

// alone says which packages may import nothing but what is listed.
var alone = []struct {
	pkg     string
	allowed []string
	why     string
}{
	{"history", nil, "plain values are the ground that all stand on"},
	{"internal/gitrepo/packed", []string{}, "bytes of packs, and nothing that a configuration says"},
	{"internal/scan", []string{"history"}, "text is scanned for documents and messages alike"},
	{"index/graph", []string{"history"}, "the graph knows no git, and no text but the names of people"},
	{"index/intact", []string{}, "bytes of files, and nothing of what they mean"},
	{"index/lineage", []string{"history", "index/graph", "index/lineage/dialect"}, "what derives from what follows from messages and a graph; others read repositories"},
	{"index/lineage/dialect", []string{"history"}, "what a message says does not depend on any commit"},
	{"index/mailmap", []string{}, "a mailmap is text and a table"},
	{"index/paths", []string{"index/graph"}, "positions of a graph, and paths that somebody else reads"},
	{"index/query", []string{}, "the search syntax knows neither index nor git"},
	{"plugins", []string{"plugins"}, "strangers build on it"},
	{"plugins/web", []string{"plugins"}, "strangers build on it"},
	{"plugins/bitbucket", []string{"plugins"}, "a forge is what a stranger could write"},
	{"plugins/bugzilla", []string{"plugins"}, "a forge is what a stranger could write"},
	{"plugins/gerrit", []string{"plugins"}, "a forge is what a stranger could write"},
	{"plugins/gitea", []string{"plugins"}, "a forge is what a stranger could write"},
	{"plugins/github", []string{"plugins"}, "a forge is what a stranger could write"},
	{"plugins/gitlab", []string{"plugins"}, "a forge is what a stranger could write"},
	{"plugins/jira", []string{"plugins"}, "a forge is what a stranger could write"},
	{"plugins/launchpad", []string{"plugins"}, "a forge is what a stranger could write"},
	{"plugins/template", []string{"plugins"}, "a forge is what a stranger could write"},
	{"internal/cores", []string{}, "a number"},
	{"internal/daemon", []string{}, "it brings clients and a process together, whatever they have to say"},
	{"internal/task", []string{}, "everybody reports to it"},
	{"internal/config", []string{"index/lineage/dialect"}, "settings are data; whoever they are for takes them"},
	{"internal/telemetry", []string{}, "operations and times, and nothing that could say what they were about"},
	{"internal/outline", []string{}, "source text, and nothing that knows of commits"},
	{"internal/lookup", []string{"history", "index", "internal/scan", "internal/outline"}, "who reads the index never meets who fills it"},
	{"internal/repos", []string{"history", "index", "internal/gitrepo", "internal/task"}, "who fills the index never meets who reads it"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func within(path, home string) bool { return path == home || strings.HasPrefix(path, home+"/") }

func TestWalls(t *testing.T) {
	all := list(t)
	if len(all) < 15 {
		t.Fatalf("only %d packages were listed", len(all))
	}
	for _, p := range all {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			for _, h := range homes {
				if strings.HasPrefix(imported, h.library) && !slices.ContainsFunc(strings.Fields(h.home), func(home string) bool { return within(name, home) }) {
					t.Errorf("%s imports %s, whose home is %s: %s", name, imported, h.home, h.why)
				}
			}
			ours, isOurs := strings.CutPrefix(imported, module)
			if isOurs && within(ours, "cmd") {
				t.Errorf("%s imports %s: nothing imports a command", name, ours)
			}
			for _, a := range alone {
				if name != a.pkg || !isOurs {
					continue
				}
				allowed := false
				for _, w := range a.allowed {
					allowed = allowed || within(ours, w)
				}
				if !allowed {
					t.Errorf("%s imports %s: %s", name, ours, a.why)
				}
			}
			if name == "history" && strings.Contains(imported, ".") {
				t.Errorf("history imports %s: it stands on the standard library alone", imported)
			}
		}
	}
}
