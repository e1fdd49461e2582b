package host_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/host"
)

// TestHealth holds that plugins which run are asked how their hosts are, that none
// is started for it or kept from resting, and that one which hangs costs little and
// is not at fault.
func TestHealth(t *testing.T) {
	s := newStage(t, nil)
	opt := s.options()
	opt.Builtin = []string{"teller", "template"} // which asks nobody
	h := s.host(opt)
	if all := h.Health(t.Context()); len(all) != 0 || h.Status()[0].Starts != 0 {
		t.Errorf("before anybody asked: %+v, %+v", all, h.Status())
	}
	s.said(h, issue("1"))
	if _, err := h.Check(t.Context(), "template"); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if all := h.Health(t.Context()); len(all) != 1 || all[0].Plugin != "teller" || all[0].Error != "it did not say in time how its hosts are doing" || len(all[0].Hosts) != 0 {
		t.Errorf("one that hangs: %+v", all)
	}
	if took := time.Since(begin); took > 10*time.Second { // a call has 2 s, and an answer 40
		t.Errorf("it took %s", took)
	}
	if st := h.Status()[0]; st.Error != "" || st.Failures != 0 || !st.Running {
		t.Errorf("it is %+v", st)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	want := plugins.Health{
		Host: "api.forge.example", Problem: plugins.Limited, Detail: "it is asked too much", Retry: now.Add(time.Hour), Since: now.Add(-time.Minute), Said: "429 Too Many Requests", At: now,
		Requests: 7, Cached: 8, Left: 9, Reset: now.Add(2 * time.Hour), Token: "FORGE_TOKEN",
	}
	bad := plugins.Health{Host: "a\x1b[31m" + strings.Repeat("x", 500), Detail: "\x00" + strings.Repeat("y", 5000), Said: strings.Repeat("z", 500), Requests: -1, At: now.AddDate(1, 0, 0)}
	b, err := json.Marshal(append([]plugins.Health{want}, make([]plugins.Health, 200)...))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "health"), string(b))
	all := h.Health(t.Context())
	for limit := time.After(time.Minute); len(all) != 1 || all[0].Error != ""; all = h.Health(t.Context()) { // on a machine that is busy
		select {
		case <-limit:
			t.Fatalf("%.500v", all)
		default:
		}
	}
	if diff := cmp.Diff(want, all[0].Hosts[0]); diff != "" || len(all[0].Hosts) != 50 {
		t.Errorf("%d hosts, (-want +got):\n%s", len(all[0].Hosts), diff)
	}
	if b, err = json.Marshal([]plugins.Health{bad}); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "health"), string(b))
	until(t, "it says something else", func() bool {
		all = h.Health(t.Context())
		return len(all) == 1 && len(all[0].Hosts) == 1
	})
	if got := all[0].Hosts[0]; strings.ContainsAny(got.Host+got.Detail, "\x1b\x00") || len(got.Host) > 110 || len(got.Detail) > 510 || len(got.Said) > 110 || got.Requests != 0 || got.At.After(time.Now()) {
		t.Errorf("%.300v", got)
	}
}

// TestHealthIdle holds that looking at plugins does not keep them running.
func TestHealthIdle(t *testing.T) {
	s := newStage(t, nil)
	write(t, filepath.Join(s.dir, "health"), "[]")
	opt := s.options()
	opt.Limits = host.Limits{Idle: 500 * time.Millisecond}
	h := s.host(opt)
	s.said(h, issue("1"))
	until(t, "it rests", func() bool {
		h.Health(t.Context())
		return !h.Status()[0].Running
	})
	if st := h.Status()[0]; st.Starts != 1 || st.Failures != 0 {
		t.Errorf("%+v", st)
	}
}
