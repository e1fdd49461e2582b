package github

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

func FuzzTooMuch(f *testing.F) {
	f.Add([]byte(`{"errors":[{"type":"RATE_LIMITED"}]}`))
	f.Add([]byte(`{"message":"You have exceeded a secondary rate limit"}`))
	f.Add([]byte(`[{"title":"\"RATE_LIMITED\" secondary rate limit"}]`))
	f.Add([]byte(`{"errors":[{"path":[{},1,null,"RATE_LIMIT"]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var object map[string]any
		if tooMuch(body) && json.Unmarshal(body, &object) != nil {
			t.Errorf("%q is a refusal", body)
		}
	})
}

// FuzzRecord holds that whatever JSON says, what is made of it is bounded, and its
// project can be asked for.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"number":1,"html_url":"https://x/a/b/issues/1","state":"open","pull_request":{},"labels":[{"name":"backport 1.2"}]}`))
	f.Add([]byte(`{"number":2,"html_url":"https://x/../%2e%2e/issues/1","state":"closed","head":{},"base":{"repo":null}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var r record
		if decode(&r, func() bool { return r.valid() })(body) != nil {
			return
		}
		thing := r.thing()
		if !plugins.IsNumber(thing.ID) || thing.State == "" || thing.Kind == "" || len(thing.Title) > 2000 || thing.MergeCommit != "" && thing.State != plugins.Merged {
			t.Errorf("%q is %+v", body, thing)
		}
		project := host{project: "acme/engine"}.where(reference{"acme/engine", 5}, r.Number, projectOf(r.HTMLURL))
		if _, ok := (plugins.Item{Kind: plugins.Issue, ID: "1", Project: project}).In("acme/engine"); !ok || strings.Contains(project, "..") && !strings.Contains(r.HTMLURL, "..") && !strings.Contains(r.HTMLURL, "%2") {
			t.Errorf("%q is of %q", r.HTMLURL, project)
		}
	})
}

// FuzzNode is the same for GraphQL.
func FuzzNode(f *testing.F) {
	f.Add([]byte(`{"__typename":"PullRequest","number":1,"pullState":"MERGED","repository":{"nameWithOwner":"a/b"},"timelineItems":{"nodes":[{"source":{"number":2,"title":"","baseRefName":"x","repository":{"nameWithOwner":"a/b"}}},{}]}}`))
	f.Add([]byte(`{"issueState":"OPEN","timelineItems":null,"labels":{"nodes":[null,{"name":"backport 1"}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var n node
		if json.Unmarshal(body, &n) != nil {
			return
		}
		if thing := n.thing(); thing.State == "" || thing.Kind == "" || len(thing.Backports) > 100 || len(thing.Labels) > 100 {
			t.Errorf("%q is %+v", body, thing)
		}
	})
}
