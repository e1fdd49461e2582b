package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/github"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/host"
)

// teller is a forge that says what a file in its directory says, and notes what it
// was asked.
type teller struct {
	plugins.Forge
	dir string
}

func (t teller) answers(question string, ids []string) ([]plugins.Answer, error) {
	f, err := os.OpenFile(filepath.Join(t.dir, "asked"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(f, "%s %d %s\n", question, len(ids), ids[0]); err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(t.dir, "says"))
	if err != nil {
		return nil, err
	}
	says := map[string]plugins.Answer{}
	if err := json.Unmarshal(b, &says); err != nil {
		return nil, err
	}
	answers := make([]plugins.Answer, len(ids))
	for i, id := range ids {
		a, ok := says[id]
		if !ok {
			if a, ok = says["*"]; !ok {
				a = plugins.Answer{Checked: time.Now()}
			}
		}
		answers[i] = a
	}
	return answers, nil
}

func (t teller) Resolve(_ context.Context, _ string, items []plugins.Item) ([]plugins.Answer, error) {
	var ids []string
	for _, it := range items {
		ids = append(ids, it.ID)
	}
	return t.answers("resolve", ids)
}

func (t teller) Changes(_ context.Context, _ string, commits []string) ([]plugins.Answer, error) {
	return t.answers("changes", commits)
}

// Health says what a file says, and hangs where there is none.
func (t teller) Health(ctx context.Context) (hosts []plugins.Health, err error) {
	b, err := os.ReadFile(filepath.Join(t.dir, "health"))
	if err != nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return hosts, json.Unmarshal(b, &hosts)
}

// stage is a teller with its directory, and hosts that ask it.
type stage struct {
	t   *testing.T
	dir string
}

func newStage(t *testing.T, says map[string]plugins.Answer) stage {
	s := stage{t, t.TempDir()}
	s.say(says)
	return s
}

func (s stage) say(says map[string]plugins.Answer) {
	s.t.Helper()
	b, err := json.Marshal(says)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "says"), b, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// asked are the questions so far, as "resolve 2 firstID".
func (s stage) asked() []string {
	b, err := os.ReadFile(filepath.Join(s.dir, "asked"))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

func (s stage) options() host.Options {
	opt := options("teller")
	opt.Kept = filepath.Join(s.dir, "kept", "said.json")
	opt.Command = func(name string) *exec.Cmd {
		cmd := command(name)
		cmd.Env = append(cmd.Env, "HOST_TEST_DIR="+s.dir)
		return cmd
	}
	return opt
}

func (s stage) host(opt host.Options) *host.Host {
	h := host.New(opt)
	s.t.Cleanup(func() { h.Close() }) //nolint:errcheck // it never fails
	return h
}

// said asks until nothing is pending.
func (s stage) said(h *host.Host, items ...plugins.Item) []host.Answer {
	s.t.Helper()
	limit := time.After(time.Minute)
	for {
		news := h.News()
		said, pending := h.Say([]string{remote}, items, host.Now)
		if !pending {
			return said
		}
		select {
		case <-news:
		case <-limit:
			s.t.Fatal("no answer")
		}
	}
}

func serveTeller() { plugins.Serve(teller{github.New(), os.Getenv("HOST_TEST_DIR")}) }

const commitID = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"

func issue(id string) plugins.Item { return plugins.Item{Kind: plugins.Issue, ID: id} }

// TestSay holds that what a forge says is told, asked once, and kept for the next
// process, from which it comes without any plugin.
func TestSay(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	s := newStage(t, map[string]plugins.Answer{
		"12":     {Checked: now, Things: []plugins.Thing{{Kind: plugins.Pull, ID: "12", Title: "Fix it", State: plugins.Merged, URL: "https://github.com/acme/engine/pull/12", Merged: now}}},
		commitID: {Checked: now, Things: []plugins.Thing{{Kind: plugins.Pull, ID: "12", Title: "Fix it", State: plugins.Merged}}},
	})
	h := s.host(s.options())
	items := []plugins.Item{issue("12"), issue("13"), {Kind: plugins.Commit, ID: commitID}}
	if said, pending := h.Say([]string{remote}, items, host.Now); !pending || len(said) != len(items) || len(said[0].Things) != 0 {
		t.Errorf("at once: %+v, pending %v", said, pending)
	}
	for range 3 {
		said := s.said(h, items...)
		if len(said[0].Things) != 1 || said[0].Things[0].Title != "Fix it" || said[0].Things[0].Merged != now || said[0].Plugin != "teller" {
			t.Errorf("12 is %+v", said[0])
		}
		if len(said[1].Things) != 0 || said[1].Checked.IsZero() || len(said[2].Things) != 1 {
			t.Errorf("%+v", said[1:])
		}
	}
	if asked := s.asked(); !slices.Equal(asked, []string{"resolve 2 12", "changes 1 " + commitID}) {
		t.Errorf("it was asked %q", asked)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(s.options().Kept); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	again := s.host(s.options())
	if said := s.said(again, items...); len(said[0].Things) != 1 || len(said[2].Things) != 1 || again.Status()[0].Starts != 0 {
		t.Errorf("the next process knows %+v after %d starts", said, again.Status()[0].Starts)
	}
}

// TestSayDamaged holds that a file which is none is written anew.
func TestSayDamaged(t *testing.T) {
	s := newStage(t, map[string]plugins.Answer{"*": {Checked: time.Now(), Things: []plugins.Thing{{Kind: plugins.Issue, ID: "1", Title: "It", State: plugins.Closed}}}})
	opt := s.options()
	for _, content := range []string{"", "{", `{"format":99,"answers":[{}]}`, `{"format":1,"answers":[{"answer":{"things":null}}]}`, strings.Repeat("\x00", 100)} {
		if err := os.MkdirAll(filepath.Dir(opt.Kept), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(opt.Kept, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		h := s.host(opt)
		if said := s.said(h, issue("1")); len(said[0].Things) != 1 {
			t.Errorf("%q: %+v", content, said)
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(opt.Kept); err != nil || !json.Valid(b) || !bytes.Contains(b, []byte("It")) {
			t.Errorf("%q became %q, %v", content, b, err)
		}
	}
}

// TestSayOffline holds that a forge which cannot be asked is left alone until it
// says, that what it said before still counts, and that the asker is told.
func TestSayOffline(t *testing.T) {
	checked := time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)
	s := newStage(t, map[string]plugins.Answer{"1": {Checked: checked, Things: []plugins.Thing{{Kind: plugins.Issue, ID: "1", Title: "It", State: plugins.Open}}}})
	opt := s.options()
	h := s.host(opt)
	s.said(h, issue("1"))
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	// Its answer has run out when the next process comes.
	b, err := os.ReadFile(opt.Kept)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Format  int              `json:"format"`
		Answers []map[string]any `json:"answers"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	file.Answers[0]["until"] = checked
	if b, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(opt.Kept, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s.say(map[string]plugins.Answer{"*": {Problem: plugins.Offline, Detail: "the host cannot be reached", Retry: time.Now().Add(time.Hour)}})
	h = s.host(opt)
	news := h.News()
	said := s.said(h, issue("1"))
	if len(said[0].Things) != 1 {
		t.Fatalf("what was known is %+v", said)
	}
	for limit := time.After(20 * time.Second); said[0].Problem != plugins.Offline; news = h.News() {
		select {
		case <-news:
		case <-limit:
			t.Fatalf("nobody says that the forge is away: %+v", said)
		}
		said = s.said(h, issue("1"))
	}
	if len(said[0].Things) != 1 || !said[0].Checked.Equal(checked) {
		t.Errorf("what was known became %+v", said[0])
	}
	asked := len(s.asked())
	for range 10_000 {
		s.said(h, issue("1"))
	}
	if n := len(s.asked()) - asked; n != 0 {
		t.Errorf("10,000 hovers asked a forge that is away %d times", n)
	}
}

// TestSayAhead holds that nobody asks a forge which takes items one by one for
// many that nobody waits for.
func TestSayAhead(t *testing.T) {
	for _, c := range []struct {
		can  []string
		want []string
	}{
		{[]string{plugins.CanResolve}, []string{"resolve 20 1"}},
		{[]string{plugins.CanResolve, plugins.CanBatch}, []string{"resolve 200 1", "resolve 200 201", "resolve 100 401"}},
	} {
		s := newStage(t, nil)
		opt := s.options()
		opt.Can = map[string][]string{"teller": c.can}
		h := s.host(opt)
		var items []plugins.Item
		for i := range 500 {
			items = append(items, issue(fmt.Sprint(i+1)))
		}
		news := h.News()
		for { // until the file was read
			_, pending := h.Say([]string{remote}, items, host.Ahead)
			<-news
			if pending && len(s.asked()[0]) > 0 {
				break
			}
			news = h.News()
		}
		until(t, "it was asked all", func() bool { return len(s.asked()) >= len(c.want) })
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		if asked := s.asked(); !slices.Equal(asked, c.want) {
			t.Errorf("it was asked %q, not %q", asked, c.want)
		}
	}
}

// TestSayHostile holds that what a plugin says is bounded and has nothing in it
// that could lead astray.
func TestSayHostile(t *testing.T) {
	long := strings.Repeat("x", 500)
	bad := plugins.Thing{
		Kind: plugins.Issue, ID: "1", Title: "a\x1b[31m\nb\u202e" + long, State: "on fire", URL: "command:evil", Status: long, Author: "\x00me", Head: "HEAD; rm", MergeCommit: "zz",
		Labels: slices.Repeat([]string{long}, 50), Backports: slices.Repeat([]plugins.Backport{{Target: long, URL: "javascript:1", State: "x"}}, 40),
	}
	s := newStage(t, map[string]plugins.Answer{"1": {Checked: time.Now(), Things: slices.Repeat([]plugins.Thing{bad}, 60), Detail: long}})
	a := s.said(s.host(s.options()), issue("1"))[0]
	if len(a.Things) != 50 || len(a.Detail) > 400 {
		t.Fatalf("%d things, a detail of %d bytes", len(a.Things), len(a.Detail))
	}
	got := a.Things[0]
	if strings.ContainsAny(got.Title, "\x1b\n\u202e") || len(got.Title) > 310 || got.State != "" || got.URL != "" || got.Author != "me" || got.Head != "" || got.MergeCommit != "" || len(got.Labels) != 30 || len(got.Labels[0]) > 110 || len(got.Backports) != 30 || got.Backports[0].URL != "" || got.Backports[0].State != "" {
		t.Errorf("%.2000v", got)
	}
}

// tattler is a forge whose errors and problems have its token in them.
type tattler struct{ plugins.Forge }

func (tattler) Resolve(_ context.Context, _ string, items []plugins.Item) ([]plugins.Answer, error) {
	if items[0].ID == "1" {
		return nil, fmt.Errorf("it is closed to %s", os.Getenv("HARBOUR_TOKEN"))
	}
	answers := make([]plugins.Answer, len(items))
	for i := range answers {
		answers[i] = plugins.Answer{Problem: plugins.Refused, Detail: "it refuses " + os.Getenv("HARBOUR_TOKEN")}
	}
	return answers, nil
}

func (tattler) Changes(context.Context, string, []string) ([]plugins.Answer, error) {
	os.Exit(3)
	return nil, nil
}

// TestSayTold holds that the log and the status say what is wrong, once and without
// secrets, however many ask: with a plugin, and with the place that it asks.
func TestSayTold(t *testing.T) {
	var log logged
	t.Setenv("HARBOUR_TOKEN", "hunter2-token")
	opt := host.Options{
		Builtin: []string{"github"}, Environment: map[string][]string{"github": {"HARBOUR_TOKEN"}}, Log: log.logger(), Limits: host.Limits{MinPause: time.Hour},
		Command: func(string) *exec.Cmd { return command("tells its token") },
	}
	s := stage{t, ""}
	h := s.host(opt)
	if said := s.said(h, issue("1")); said[0].Problem != plugins.Broken || strings.Contains(said[0].Detail, "hunter2") {
		t.Errorf("an error: %+v", said)
	}
	for n := range 20 {
		s.said(h, issue(fmt.Sprint(n+2)))
	}
	st := h.Status()[0]
	if text := strings.Join(st.Troubles, ";"); text != "github.com: it refuses ***" {
		t.Errorf("the troubles are %q", text)
	}
	if text := log.String(); strings.Count(text, "msg=forge") != 1 || !strings.Contains(text, "problem=refused") {
		t.Errorf("the log:\n%s", text)
	}
	for n := range 100 { // while it is left alone
		s.said(h, plugins.Item{Kind: plugins.Commit, ID: fmt.Sprintf("%040x", n+1)})
	}
	if text := log.String(); strings.Contains(text, "hunter2") || strings.Count(text, "\n") > 10 {
		t.Errorf("the log:\n%s", text)
	}
}

// TestSayUnlearned holds that a plugin which never said what it may know has no part
// in what others say.
func TestSayUnlearned(t *testing.T) {
	s := newStage(t, map[string]plugins.Answer{"1": {Checked: time.Now(), Things: []plugins.Thing{{Kind: plugins.Issue, ID: "1", Title: "It", State: plugins.Open}}}})
	opt := s.options()
	opt.Foreign = []host.Foreign{{Name: "gone", Path: filepath.Join(t.TempDir(), "gone"), SHA256: strings.Repeat("0", 64)}}
	h := s.host(opt)
	said := s.said(h, issue("1"), issue("2"))
	if len(said[0].Things) != 1 || said[1].Problem != plugins.NoProblem || said[1].Plugin != "teller" {
		t.Errorf("%+v", said)
	}
	if st := h.Status()[0]; st.Name != "gone" || st.Error == "" {
		t.Errorf("nobody says what is wrong: %+v", st)
	}
}

// TestSayMeanwhile holds that a plugin which takes long to start keeps nobody from
// answering, neither with links nor with what things are, and that its answers count
// when it has come.
func TestSayMeanwhile(t *testing.T) {
	thing := func(title string) map[string]plugins.Answer {
		return map[string]plugins.Answer{"1": {Checked: time.Now(), Things: []plugins.Thing{{Kind: plugins.Issue, ID: "1", Title: title, State: plugins.Open}}}}
	}
	theirs := newStage(t, thing("Theirs"))
	gate := filepath.Join(theirs.dir, "gate")
	s := newStage(t, thing("Ours"))
	opt := s.options()
	opt.Foreign = []host.Foreign{
		foreign(t, "never", "hangs at start"),
		foreign(t, "slow", "teller", "HOST_TEST_DIR='"+theirs.dir+"'", "\nwhile [ ! -e '"+gate+"' ]; do sleep 0.05; done"),
	}
	opt.Limits.Start = 5 * time.Minute // longer than this test waits for anything
	h := s.host(opt)
	if said := s.said(h, issue("1")); len(said[0].Things) != 1 || said[0].Things[0].Title != "Ours" || said[0].Plugin != "teller" {
		t.Errorf("meanwhile it is %+v", said)
	}
	if got := settled(t, h, []string{remote}, item)[0]; got != "https://github.com/acme/engine/issues/12" {
		t.Errorf("meanwhile the link is %q", got)
	}
	write(t, gate, "")
	until(t, "the slow one is asked", func() bool {
		said, _ := h.Say([]string{remote}, []plugins.Item{issue("1")}, host.Nothing)
		return said[0].Plugin == "slow" && said[0].Things[0].Title == "Theirs"
	})
	if st := h.Status(); st[0].Running || st[0].Failures != 0 {
		t.Errorf("the one that hangs is %+v", st[0])
	}
}

// TestSayLocal holds that links of plugins that this process can ask itself are there
// at once, while another one starts.
func TestSayLocal(t *testing.T) {
	opt := options("github")
	opt.Local = map[string]plugins.Forge{"github": github.New()}
	opt.Foreign = []host.Foreign{foreign(t, "never", "hangs at start")}
	opt.Limits.Start = 5 * time.Minute
	h := host.New(opt)
	defer h.Close() //nolint:errcheck // it never fails
	if urls, pending := h.Links([]string{remote}, []plugins.Item{item}); urls[0] != "https://github.com/acme/engine/issues/12" || !pending {
		t.Errorf("%q, pending %v", urls, pending)
	}
	settled(t, h, []string{remote}, item)
	if st := h.Status()[1]; st.Starts != 0 {
		t.Errorf("a process was started for it: %+v", st)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSayNeeded holds that what is asked for outlives what nobody asks for any more,
// in memory and on the disk, however soon it is to be asked anew.
func TestSayNeeded(t *testing.T) {
	answer := func(id string) plugins.Answer {
		return plugins.Answer{Checked: time.Now(), Things: []plugins.Thing{{Kind: plugins.Issue, ID: id, Title: "It", State: plugins.Closed}}}
	}
	s := newStage(t, map[string]plugins.Answer{"*": answer("1")})
	opt := s.options()
	now := time.Now()
	var file struct {
		Format  int              `json:"format"`
		Answers []map[string]any `json:"answers"`
	}
	file.Format = 1
	var needed []plugins.Item // of the open documents: open issues, said long ago, to be asked anew soon
	for n := range 20_000 {
		id, until, used, checked := fmt.Sprint(n+1), now.Add(5*time.Hour), now.AddDate(0, 0, -2), now.Add(-time.Hour)
		if n < 2000 {
			needed = append(needed, issue(id))
			until, used, checked = now.Add(9*time.Minute), now.AddDate(0, 0, -3), now.AddDate(0, 0, -9)
		}
		file.Answers = append(file.Answers, map[string]any{"remotes": remote, "item": issue(id), "plugin": "teller", "until": until, "used": used, "answer": plugins.Answer{Checked: checked, Things: answer(id).Things}})
	}
	b, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(opt.Kept), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, opt.Kept, string(b))
	missing := func(h *host.Host) (n int) {
		for _, a := range s.said(h, needed...) {
			if len(a.Things) == 0 {
				n++
			}
		}
		return n
	}
	h := s.host(opt)
	if n := missing(h); n != 0 {
		t.Fatalf("%d are not there to begin with", n)
	}
	s.said(h, issue("30001"), issue("30002")) // for which there is no room
	if said, _ := h.Say([]string{remote}, append(needed, issue("30001")), host.Nothing); len(said[0].Things) == 0 || len(said[1999].Things) == 0 || len(said[2000].Things) == 0 {
		t.Error("what was just asked for is gone")
	}
	if n := missing(h); n != 0 || len(s.asked()) != 1 {
		t.Errorf("%d are gone, and it was asked %q", n, s.asked())
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	again := s.host(opt)
	if n := missing(again); n != 0 || len(s.asked()) != 1 {
		t.Errorf("the next process lacks %d, and asked %q", n, s.asked())
	}
}

// TestSayMany holds that a full store of answers makes room without losing all of
// them.
func TestSayMany(t *testing.T) {
	s := newStage(t, map[string]plugins.Answer{"*": {Checked: time.Now(), Things: []plugins.Thing{{Kind: plugins.Issue, ID: "1", Title: "It", State: plugins.Closed}}}})
	opt := s.options()
	var file struct {
		Format  int              `json:"format"`
		Answers []map[string]any `json:"answers"`
	}
	file.Format = 1
	now := time.Now()
	for n := range 20_000 {
		file.Answers = append(file.Answers, map[string]any{
			"remotes": remote, "item": issue(fmt.Sprint(n + 1)), "plugin": "teller", "until": now.AddDate(100, 0, 0).Add(time.Duration(n) * time.Second),
			"answer": plugins.Answer{Checked: now.AddDate(1, 0, 0), Things: []plugins.Thing{{Kind: plugins.Issue, ID: fmt.Sprint(n + 1), Title: "Old", State: plugins.Closed}}},
		})
	}
	b, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(opt.Kept), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(opt.Kept, b, 0o600); err != nil {
		t.Fatal(err)
	}
	h := s.host(opt)
	if said := s.said(h, issue("7")); said[0].Things[0].Title != "Old" || said[0].Checked.After(time.Now()) {
		t.Errorf("what was kept is %+v", said)
	}
	for n := range 3 {
		s.said(h, issue(fmt.Sprint(n+30_001)))
	}
	var items []plugins.Item
	for n := range 200 {
		items = append(items, issue(fmt.Sprint(100*n+1)))
	}
	said, _ := h.Say([]string{remote}, items, host.Ahead)
	known := 0
	for _, a := range said {
		known += len(a.Things)
	}
	if known < 100 {
		t.Errorf("of 200 answers in 20,000 %d are left", known)
	}
}

// TestSayFor holds for how long answers count: a thing is over when its copies are.
func TestSayFor(t *testing.T) {
	now := time.Now()
	merged := plugins.Thing{Kind: plugins.Pull, ID: "1", State: plugins.Merged}
	copied := merged
	copied.Backports = []plugins.Backport{{Target: "stable", ID: "2", State: plugins.Open}}
	s := newStage(t, map[string]plugins.Answer{
		"1": {Checked: now, Things: []plugins.Thing{merged}}, "2": {Checked: now, Things: []plugins.Thing{copied}}, "3": {Checked: now, Things: []plugins.Thing{{Kind: plugins.Issue, ID: "3", State: plugins.Open}}},
	})
	opt := s.options()
	h := s.host(opt)
	s.said(h, issue("1"), issue("2"), issue("3"))
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(opt.Kept)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Answers []struct {
			Item  plugins.Item
			Until time.Time
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, a := range file.Answers {
		got[a.Item.ID] = a.Until.After(now.Add(time.Hour))
	}
	if len(got) != 3 || !got["1"] || got["2"] || got["3"] {
		t.Errorf("they count for long: %v", got)
	}
}
