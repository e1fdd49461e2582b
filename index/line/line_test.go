package line_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/line"
)

func hash(n int) history.Hash { return history.MustHash(fmt.Sprintf("%040d", n)) }

// repository is refs on a history of nine commits in a row, 1 to 9, and 11 to 19
// beside it from 5 on. A ref is written name=commit.
func repository(t *testing.T, refs string) (history.Refs, *graph.Graph) {
	t.Helper()
	var nodes []graph.Node
	add := func(n, parent int) {
		node := graph.Node{Hash: hash(n), CommitTime: int64(n)}
		if parent > 0 {
			node.Parents = []history.Hash{hash(parent)}
		}
		nodes = append(nodes, node)
	}
	for n := 1; n < 10; n++ {
		add(n, n-1)
	}
	add(11, 5)
	for n := 12; n < 20; n++ {
		add(n, n-1)
	}
	out := history.Refs{RemoteHeads: map[string]string{}}
	var tips []graph.Tip
	for word := range strings.FieldsSeq(refs) {
		name, value, _ := strings.Cut(word, "=")
		switch {
		case name == "bare":
			out.Bare = true
		case name == "HEAD":
			out.Head = value
		case strings.HasSuffix(name, "/HEAD"):
			out.RemoteHeads[strings.Split(name, "/")[2]] = value
		default:
			var n int
			if _, err := fmt.Sscan(value, &n); err != nil {
				t.Fatal(err)
			}
			out.List = append(out.List, history.Ref{Name: name, Object: hash(n), Commit: hash(n)})
			tips = append(tips, graph.Tip{Name: name, Commit: hash(n)})
		}
	}
	slices.SortFunc(out.List, func(a, b history.Ref) int { return strings.Compare(a.Name, b.Name) })
	g, err := graph.New(20).Update(context.Background(), nodes, tips)
	if err != nil {
		t.Fatal(err)
	}
	return out, g
}

func TestLines(t *testing.T) {
	for name, c := range map[string]struct {
		refs string
		cfg  line.Config
		want string // names; the upstream line with *, ended ones with †
	}{
		"nova": {
			refs: "bare HEAD=refs/heads/master refs/heads/master=9 refs/heads/stable/2025.1=5 refs/heads/stable/2025.2=6 refs/heads/stable/2026.1=7 refs/heads/unmaintained/2024.1=4 refs/heads/unmaintained/zed=2 refs/heads/unmaintained/yoga=1 refs/remotes/origin/master=9 refs/remotes/origin/stable/2025.1=5 refs/tags/2023.2-eol=19 refs/tags/havana-eol=3",
			want: "*master stable/2026.1 stable/2025.2 stable/2025.1 unmaintained/2024.1 unmaintained/zed unmaintained/yoga †2023.2-eol",
		},
		"git":                 {refs: "bare HEAD=refs/heads/master refs/heads/master=8 refs/heads/maint=5 refs/heads/next=9 refs/heads/seen=9 refs/heads/todo=19", want: "*master maint"},
		"systemd-stable":      {refs: "bare HEAD=refs/heads/v255-stable refs/heads/main=9 refs/heads/v255-stable=6 refs/heads/v254-stable=5", want: "*main v255-stable v254-stable"},
		"linux":               {refs: "refs/remotes/origin/HEAD=refs/remotes/origin/master refs/remotes/origin/master=9 refs/remotes/origin/linux-6.1.y=5 refs/remotes/origin/linux-6.12.y=6 refs/remotes/origin/linux-5.15.y=4", want: "*master linux-6.12.y linux-6.1.y linux-5.15.y"},
		"postgres":            {refs: "HEAD=refs/heads/master refs/heads/master=9 refs/heads/REL_16_STABLE=6 refs/heads/REL_9_6_STABLE=5", want: "*master REL_16_STABLE REL_9_6_STABLE"},
		"node":                {refs: "HEAD=refs/heads/main refs/heads/main=9 refs/heads/v20.x=5 refs/heads/v22.x=6 refs/heads/v22.x-staging=6", want: "*main v22.x v20.x"},
		"cpython":             {refs: "HEAD=refs/heads/main refs/heads/main=9 refs/heads/3.9=5 refs/heads/3.13=7 refs/heads/3.12=6 refs/heads/3.13-jit=8 refs/heads/2.x-3.1=4", want: "*main 3.13 3.12 3.9"},
		"mongo":               {refs: "HEAD=refs/heads/master refs/heads/master=9 refs/heads/v7.0=5 refs/heads/v8.0=6 refs/heads/v8.0-idea=7", want: "*master v8.0 v7.0"},
		"openssl":             {refs: "HEAD=refs/heads/master refs/heads/master=9 refs/heads/OpenSSL_1_1_1-stable=5 refs/heads/openssl-3.0=6 refs/heads/openssl-3.4=7", want: "*master openssl-3.4 openssl-3.0 OpenSSL_1_1_1-stable"},
		"php and ruby":        {refs: "HEAD=refs/heads/master refs/heads/master=9 refs/heads/PHP-8.3=5 refs/heads/ruby_3_3=6", want: "*master PHP-8.3 ruby_3_3"},
		"behind its remote":   {refs: "HEAD=refs/heads/main refs/heads/main=5 refs/remotes/origin/main=7", want: "*main=refs/remotes/origin/main"},
		"ahead of its remote": {refs: "HEAD=refs/heads/main refs/heads/main=7 refs/remotes/origin/main=5", want: "*main=refs/heads/main"},
		"equal to its remote": {refs: "HEAD=refs/heads/main refs/heads/main=7 refs/remotes/origin/main=7", want: "*main=refs/heads/main"},
		"diverged":            {refs: "HEAD=refs/heads/main refs/heads/main=7 refs/remotes/origin/main=12 refs/remotes/origin/HEAD=refs/remotes/origin/main", want: "*origin/main main"},
		"equal on two remotes": {
			refs: "refs/remotes/fork/HEAD=refs/remotes/fork/main refs/remotes/fork/main=7 refs/remotes/fork/stable/1=4 refs/remotes/origin/HEAD=refs/remotes/origin/main refs/remotes/origin/main=7 refs/remotes/origin/stable/1=4",
			want: "*main=refs/remotes/origin/main stable/1=refs/remotes/origin/stable/1",
		},
		"diverged, equal on two remotes": {refs: "HEAD=refs/heads/main refs/heads/main=7 refs/remotes/fork/main=12 refs/remotes/origin/main=12", want: "*main origin/main"},
		"equal on four remotes":          {refs: "refs/remotes/a/main=7 refs/remotes/origin/main=7 refs/remotes/upstream/main=7 refs/remotes/z/main=7", want: "*main=refs/remotes/upstream/main"},
		"upstream before origin": {
			refs: "refs/remotes/upstream/HEAD=refs/remotes/upstream/dev refs/remotes/upstream/dev=9 refs/remotes/origin/HEAD=refs/remotes/origin/main refs/remotes/origin/main=8", want: "*dev",
		},
		"configured":          {refs: "HEAD=refs/heads/main refs/heads/main=9 refs/heads/trunk=8 refs/heads/prod/a=5", cfg: line.Config{Upstream: "trunk", ReleaseLines: []string{"prod/*"}}, want: "*trunk prod/a"},
		"head alone":          {refs: "HEAD=refs/heads/work refs/heads/work=3", want: "*work"},
		"nothing":             {refs: "", want: ""},
		"trunk of many names": {refs: "HEAD=refs/heads/feature refs/heads/feature=9 refs/heads/devel=8", want: "*devel"},
	} {
		refs, g := repository(t, c.refs)
		lines, err := line.Lines(refs, c.cfg, g)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, l := range lines {
			text := l.Name
			if l.Upstream {
				text = "*" + text
			}
			if l.Ended {
				text = "†" + text
			}
			if strings.Contains(c.want, "=") {
				text += "=" + l.Ref
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestDocumented holds that the documentation lists the patterns as they are.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "\n## Release lines\n")
	_, rest, _ = strings.Cut(rest, "```\n")
	listed, _, _ := strings.Cut(rest, "```")
	if diff := cmp.Diff(line.DefaultPatterns, strings.Fields(listed)); diff != "" {
		t.Errorf("docs/configuration.md (-code +page):\n%s", diff)
	}
}

func TestBadPattern(t *testing.T) {
	refs, g := repository(t, "HEAD=refs/heads/main refs/heads/main=9 refs/heads/stable/1=5")
	lines, err := line.Lines(refs, line.Config{ReleaseLines: []string{"mas[ter", "stable/*"}}, g)
	if err == nil || !strings.Contains(err.Error(), "mas[ter") {
		t.Errorf("the error is %v", err)
	}
	if len(lines) != 2 {
		t.Errorf("%d lines: the good pattern counts", len(lines))
	}
}

func TestIsReleaseTag(t *testing.T) {
	for tag, want := range map[string]bool{
		"v2.45.0": true, "v2.45.0-rc1": false, "2025.1": true, "1.2.0rc1": false, "12.0.0.0b1": false, "12.0.0.0rc2": false,
		"v6.1-alpha": false, "2014.1.b1": false, "havana-eol": false, "stable-eom": false, "2023.1-eom": false, "v1.0": true,
		"release-1.34.0": true, "REL_16_2": true, "REL_16_BETA1": false, "REL9_6_RC1": false, "v5.0-beta.2": false, "go1.22": true,
		"go1.22rc1": false, "weekly.2011-12-22": true, "v3.13.0a1": false, "v6.12-dev": false, "latest": false, "1.0-m2": false, "v255": true,
	} {
		if line.IsReleaseTag(tag) != want {
			t.Errorf("%s is a release: not %v", tag, want)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	sorted := []string{"v1.0-rc1", "v1.0", "v1.0.1", "v1.2", "v1.9", "v1.10", "v2.0"}
	for i, a := range sorted {
		for j, b := range sorted {
			if got := line.CompareVersions(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%s and %s: %d", a, b, got)
			}
		}
	}
}

func TestTags(t *testing.T) {
	_, g := repository(t, "refs/heads/main=9 refs/heads/stable/1=13 refs/tags/v1.0=4 refs/tags/v1.1-rc1=6 refs/tags/v1.1=7 refs/tags/v1.0.1=13 refs/tags/note=5")
	tags := line.NewTags(g)
	main, _ := g.RefByName("refs/heads/main")
	stable, _ := g.RefByName("refs/heads/stable/1")
	p, _ := g.Pos(hash(5))
	if got := strings.Join(tags.All(p), " "); got != "note v1.1-rc1 v1.1 v1.0.1" {
		t.Errorf("all: %s", got)
	}
	for ref, want := range map[graph.RefID]string{main: "v1.1", stable: "v1.0.1"} {
		if got, _ := tags.First(ref, p); got != want {
			t.Errorf("first on %s: %s, not %s", g.Tips()[ref].Name, got, want)
		}
	}
	if got, ok := tags.Earliest(p); got != "v1.1" || !ok {
		t.Errorf("earliest: %s", got)
	}
	if got, ok := tags.First(main, 8); ok {
		t.Errorf("the last commit is in %s", got)
	}
}
