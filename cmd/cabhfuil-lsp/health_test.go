//go:build unix

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
)

// TestBackgroundForges holds that a terminal is told how the hosts of the background
// process's plugins are doing, without any being started for it.
func TestBackgroundForges(t *testing.T) {
	t.Parallel()
	b := newShared(t, 27, 20)
	tr := trackerFor(t, b.p.home)
	p := b.p
	p.dir = tr.repo.Dir
	host := strings.TrimPrefix(tr.URL, "http://")
	bugzilla := func(p program) cli.Plugin {
		var all []cli.Plugin
		p.ask(t, &all, "plugin", "list")
		return all[slices.IndexFunc(all, func(p cli.Plugin) bool { return p.Name == "bugzilla" })]
	}
	if got := bugzilla(p); got.Running || got.Starts != 0 || len(got.Hosts) != 0 {
		t.Errorf("before anybody asked: %+v", got)
	}
	var status cli.Status
	if p.ask(t, &status, "status"); len(status.Forges) != 0 || status.Health.State != cli.HealthOK {
		t.Errorf("before anybody asked: %+v, %+v", status.Forges, status.Health)
	}
	said := func(p program, reached func(history.Match) bool) {
		t.Helper()
		eventually(t, "the tracker has answered", func() bool {
			var answers []history.Answer
			p.ask(t, &answers, "where", "HEAD")
			return reached(answers[0].Matches[0])
		})
	}
	said(p, func(m history.Match) bool { return len(m.ForgeProblems) > 0 })
	var got cli.Plugin
	eventually(t, "it is listed", func() bool { got = bugzilla(p); return len(got.Hosts) > 0 }) // a machine that is busy does not answer in time
	if at := got.Hosts[0]; !got.Running || at.Host != host || at.Problem != "refused" || at.Requests != 1 || at.Said != "401 Unauthorized" || at.At.IsZero() || at.Token != "" || at.Left != nil {
		t.Errorf("%+v", got)
	}
	eventually(t, "the status tells", func() bool { p.ask(t, &status, "status"); return len(status.Forges) > 0 })
	if len(status.Forges) != 1 || status.Forges[0].Plugin != "bugzilla" || status.Forges[0].Problem != "refused" || status.Health.State != cli.HealthAttention ||
		!slices.Contains(status.Health.Reasons, "plugin bugzilla: "+host+" wants a token, and none is set for it") {
		t.Errorf("%+v, %+v", status.Forges, status.Health)
	}
	for _, verb := range [][]string{{"plugin", "list"}, {"status"}} {
		eventually(t, "it is told in text", func() bool {
			out, errs, code, err := p.run("", verb...)
			if err != nil || code != 0 {
				t.Fatalf("%v, exit %d, %s%s", err, code, out, errs)
			}
			return strings.Contains(out, host+": 401 Unauthorized ") && strings.Contains(out, "1 request and 0 kept answers, refused\n")
		})
	}
	if got := bugzilla(p); got.Starts != 1 {
		t.Errorf("looking at it started it: %+v", got)
	}

	// A terminal that has the token gives it to the process that was started without,
	// and one that has none takes it from nobody.
	known := func(m history.Match) bool {
		return slices.ContainsFunc(m.Forge, func(item history.ForgeItem) bool { return item.Title == "Bug number 1007" })
	}
	with := p
	with.env = append([]string{"TRACKER_TOKEN=" + trackerSecret, "UNNAMED_TOKEN=" + trackerSecret}, p.env...)
	said(with, known)
	said(p, known)
	eventually(t, "it is listed", func() bool { got = bugzilla(p); return len(got.Hosts) > 0 })
	if at := got.Hosts[0]; got.Starts != 2 || at.Token != "TRACKER_TOKEN" || at.Problem != "" {
		t.Errorf("%+v", got)
	}
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", got.PID)); err == nil && (!strings.Contains(string(b), "TRACKER_TOKEN="+trackerSecret) || strings.Contains(string(b), "UNNAMED_TOKEN")) {
		t.Error("it has not the variables of who asked")
	}
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.status(t).PID)); err == nil && strings.Contains(string(b), trackerSecret) {
		t.Error("the process began with it")
	}
	if strings.Contains(p.log(), trackerSecret) {
		t.Error("the log tells it")
	}
}
