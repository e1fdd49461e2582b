package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
)

// TestPluginHosts holds how a host of a plugin is drawn.
func TestPluginHosts(t *testing.T) {
	now, left := time.Now(), 41
	clock := func(d time.Duration) string { return now.Add(d).Local().Format(time.TimeOnly) }
	for _, c := range []struct {
		host cli.PluginHost
		want string
	}{
		{cli.PluginHost{Host: "git.example"}, "git.example: not asked yet, 0 requests and 0 kept answers"},
		{
			cli.PluginHost{Host: "git.example", Said: "200 OK", At: now.Add(-3 * time.Minute), Requests: 1, Cached: 7, Left: &left, Reset: now.Add(time.Hour), Token: "A_TOKEN"},
			"git.example: 200 OK 3 minutes ago, 1 request and 7 kept answers, 41 left until " + clock(time.Hour) + ", token of A_TOKEN",
		},
		{
			cli.PluginHost{Host: "git.example", Said: "429 Too Many Requests", At: now.Add(-time.Minute), Requests: 2, Problem: "limited", Retry: now.Add(time.Hour)},
			"git.example: 429 Too Many Requests 1 minute ago, 2 requests and 0 kept answers, no more until " + clock(time.Hour),
		},
		{
			cli.PluginHost{Host: "git.example", Said: "the host cannot be reached", At: now.Add(-time.Minute), Requests: 2, Problem: "offline", Since: now.Add(-time.Minute), Retry: now.Add(time.Minute)},
			"git.example: the host cannot be reached 1 minute ago, 2 requests and 0 kept answers, left alone since " + clock(-time.Minute) + ", until " + clock(time.Minute),
		},
		{cli.PluginHost{Host: "git.example\x1b[31m", Said: "401 Unauthorized", At: now.Add(-time.Minute), Problem: "refused"}, "git.example�[31m: 401 Unauthorized 1 minute ago, 0 requests and 0 kept answers, refused"},
	} {
		var out strings.Builder
		cli.Text{Out: &out}.Plugins([]cli.Plugin{{Name: "ours", Title: "Ours", Hosts: []cli.PluginHost{c.host}}})
		if want := "  ours  Ours\n    " + c.want + "\n"; out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
		out.Reset()
		cli.Text{Out: &out}.Status(cli.Status{Forges: []cli.ForgeHost{{Plugin: "ours", PluginHost: c.host}}})
		if told := strings.Contains(out.String(), "    ours "+c.want+"\n"); told != (c.host.Problem != "") {
			t.Errorf("the status says %q", out.String())
		}
	}
}
