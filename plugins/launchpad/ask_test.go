package launchpad_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/launchpad"
)

// webService is Launchpad's, with invented bugs in the shape that its own tests
// describe (lp/bugs/stories/webservice/xx-bug.rst).
type webService struct {
	url   string // set once it is known
	bugs  map[int]map[string]any
	tasks map[int][]map[string]any
	page  int // tasks on one page
}

func (s *webService) link(path string) string { return s.url + "/devel" + path }

func (s *webService) bug(id int, title string, tags []string, duplicateOf int) {
	var duplicate any
	if duplicateOf != 0 {
		duplicate = s.link("/bugs/" + strconv.Itoa(duplicateOf))
	}
	self := s.link("/bugs/" + strconv.Itoa(id))
	s.bugs[id] = map[string]any{
		"self_link": self, "web_link": fmt.Sprintf("https://bugs.launchpad.net/bugs/%d", id), "resource_type_link": s.link("/#bug"),
		"id": id, "private": false, "information_type": "Public", "name": nil, "title": title, "description": "It grows and grows.",
		"tags": tags, "owner_link": s.link("/~maeve-byrne"), "duplicate_of_link": duplicate, "heat": 6, "message_count": 3,
		"date_created": "2024-03-01T10:20:30.553583+00:00", "date_last_updated": "2024-05-06T07:08:09+00:00", "date_last_message": nil,
		"bug_tasks_collection_link": self + "/bug_tasks", "http_etag": `"0123"`,
	}
}

func (s *webService) task(id int, path, name, status string, more map[string]any) {
	complete := slices.Contains([]string{"Fix Released", "Invalid", "Won't Fix", "Expired", "Opinion"}, status)
	k := map[string]any{
		"self_link": s.link(fmt.Sprintf("%s/+bug/%d", path, id)), "web_link": fmt.Sprintf("https://bugs.launchpad.net%s/+bug/%d", path, id),
		"resource_type_link": s.link("/#bug_task"), "bug_link": s.link("/bugs/" + strconv.Itoa(id)), "target_link": s.link(path),
		"bug_target_name": name, "bug_target_display_name": name, "status": status, "importance": "High", "is_complete": complete,
		"assignee_link": nil, "milestone_link": nil, "owner_link": s.link("/~maeve-byrne"), "bug_watch_link": nil,
		"date_created": "2024-03-01T10:20:30.553583+00:00", "date_closed": nil, "date_fix_committed": nil, "date_fix_released": nil,
		"title": fmt.Sprintf("Bug #%d in %s: \"%s\"", id, name, s.bugs[id]["title"]),
	}
	for name, v := range more {
		k[name] = v
	}
	s.tasks[id] = append(s.tasks[id], k)
}

func (s *webService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/devel/")
	parts := strings.Split(path, "/")
	id := 0
	if len(parts) > 1 && parts[0] == "bugs" {
		id, _ = strconv.Atoi(parts[1]) //nolint:errcheck // 0 is no bug
	}
	_, known := s.bugs[id]
	switch {
	case ok && known && len(parts) == 2:
		write(w, s.bugs[id])
	case ok && known && len(parts) == 3 && parts[2] == "bug_tasks":
		s.collection(w, r, s.tasks[id])
	case ok && parts[0] == "nova" && r.URL.Query().Get("ws.op") == "searchTasks":
		s.search(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, "Object: <lp.systemhomes.WebServiceApplication object>, name: u'%s'", path) //nolint:errcheck // the test sees it
	}
}

// search finds whole words of titles and descriptions, newest change first.
func (s *webService) search(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("order_by") != "-date_last_updated" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var found []map[string]any
	for _, id := range []int{2100, 2101, 2116852, 77} {
		for _, k := range s.tasks[id] {
			b := s.bugs[id]
			text := strings.ToLower(fmt.Sprint(b["title"], " ", b["description"]))
			words := strings.Fields(strings.ToLower(q.Get("search_text")))
			if k["target_link"] == s.link("/nova") && k["is_complete"] == false && !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) }) {
				found = append(found, k)
			}
		}
	}
	s.collection(w, r, found)
}

func (s *webService) collection(w http.ResponseWriter, r *http.Request, all []map[string]any) {
	start, size := forgetest.Number(r, "ws.start", 0), min(forgetest.Number(r, "ws.size", 75), s.page)
	end := min(start+size, len(all))
	c := map[string]any{"start": start, "total_size": len(all), "entries": append([]map[string]any{}, all[start:end]...), "resource_type_link": s.link("/#bug_task-page-resource")}
	if end < len(all) {
		q := r.URL.Query()
		q.Set("ws.start", strconv.Itoa(end))
		c["next_collection_link"] = s.link(strings.TrimPrefix(r.URL.Path, "/devel") + "?" + q.Encode())
	}
	write(w, c)
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the test sees it
}

// serve fills a Launchpad with bugs and serves it.
func serve(t *testing.T) (*forgetest.Fake, *webService) {
	s := &webService{bugs: map[int]map[string]any{}, tasks: map[int][]map[string]any{}, page: 2}
	fake := forgetest.NewFake(t, s)
	s.url = fake.URL
	s.bug(2116852, `qemu-img grows "without" limit`, []string{"libvirt", "backport stable-2024.2"}, 0)
	s.task(2116852, "/nova", "OpenStack Compute (nova)", "Fix Released", map[string]any{"assignee_link": s.link("/~aoife"), "milestone_link": s.link("/nova/+milestone/32.0.0"), "date_closed": "2024-05-01T00:00:00+00:00"})
	s.task(2116852, "/nova/2024.1", "OpenStack Compute (nova)/2024.1", "Fix Committed", nil)
	s.task(2116852, "/nova/2023.2", "OpenStack Compute (nova)/2023.2", "Won't Fix", nil)
	s.task(2116852, "/ubuntu/+source/nova", "nova (Ubuntu)", "New", nil)
	s.task(2116852, "/ubuntu/noble/+source/nova", "nova (Ubuntu Noble)", "Triaged", nil)
	s.bug(2100, "Unlock the lock", nil, 2116852)
	s.task(2100, "/nova", "OpenStack Compute (nova)", "In Progress", map[string]any{"assignee_link": s.link("/~aoife")})
	s.bug(2101, "Grow the pool", nil, 0)
	s.task(2101, "/nova", "OpenStack Compute (nova)", "Fix Committed", nil)
	s.bug(77, "Nobody's", nil, 0)
	return fake, s
}

func bug(id string) plugins.Item { return plugins.Item{Kind: plugins.Bug, ID: id} }

const remote = "https://opendev.org/openstack/nova"

// known is what there is to say of the first bug in nova's repository.
func known(id string) plugins.Thing {
	return plugins.Thing{
		Kind: plugins.Bug, ID: id, URL: "https://bugs.launchpad.net/bugs/2116852", Title: `qemu-img grows "without" limit`,
		State: plugins.Closed, Status: "Fix Released", Labels: []string{"libvirt", "backport stable-2024.2"}, Author: "maeve-byrne", Assignees: []string{"aoife"}, Milestone: "32.0.0",
		Created: time.Date(2024, 3, 1, 10, 20, 30, 553583000, time.UTC), Updated: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Closed: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC),
		Backports: []plugins.Backport{
			{Target: "stable-2024.2", Label: "backport stable-2024.2"},
			{Target: "2024.1", URL: "https://bugs.launchpad.net/nova/2024.1/+bug/2116852", Title: "OpenStack Compute (nova)/2024.1: Fix Committed", State: plugins.Merged},
			{Target: "2023.2", URL: "https://bugs.launchpad.net/nova/2023.2/+bug/2116852", Title: "OpenStack Compute (nova)/2023.2: Won't Fix", State: plugins.Closed},
		},
	}
}

// anew makes the forge as when its process starts.
func anew(t *testing.T, dir, api string) plugins.Forge {
	for _, v := range plugins.CacheEnvironment(dir) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	return launchpad.At(api)
}

func TestAnswers(t *testing.T) {
	fake, _ := serve(t)
	duplicate := plugins.Thing{
		Kind: plugins.Bug, ID: "bug#2100", URL: "https://bugs.launchpad.net/bugs/2100", Title: "Unlock the lock", State: plugins.Open, Status: "In Progress, duplicate of 2116852",
		Author: "maeve-byrne", Assignees: []string{"aoife"}, Created: time.Date(2024, 3, 1, 10, 20, 30, 553583000, time.UTC), Updated: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
	}
	forgetest.Answers(t, forgetest.World{
		New:    func(t *testing.T, dir string) plugins.Forge { return anew(t, dir, fake.URL+"/devel") },
		Fake:   fake,
		Remote: remote,
		Resolve: []forgetest.Said{
			{Item: bug("bug#2116852"), Things: []plugins.Thing{known("bug#2116852")}},
			{Item: bug("bug#2100"), Things: []plugins.Thing{duplicate}},
		},
		Absent: []plugins.Item{bug("bug#404"), bug("bug#999999999999999999")},
		Open: []forgetest.Listed{
			{Text: "", IDs: []string{"lp#2100", "lp#2101"}},
			{Text: "lock", IDs: []string{"lp#2100"}},
			{Text: "grow", IDs: []string{"lp#2101"}}, // the other one has it in its description alone
			{Text: "210", IDs: []string{"lp#2100", "lp#2101"}},
			{Text: "2101", IDs: []string{"lp#2101"}},
			{Text: "nothing has this", IDs: nil},
		},
	})
}

// TestProjects holds that without a repository of a project all projects count,
// and that a package's repository has its package's tasks.
func TestProjects(t *testing.T) {
	fake, _ := serve(t)
	for _, c := range []struct {
		remote, id, status string
		state              plugins.State
		targets            []string
	}{
		{"", "lp#2116852", "OpenStack Compute (nova): Fix Released, nova (Ubuntu): New", plugins.Open, []string{"stable-2024.2", "2024.1", "2023.2", "noble"}},
		{"git@git.launchpad.net:~maeve/ubuntu/+source/nova/+git/nova", "bug#2116852", "New", plugins.Open, []string{"stable-2024.2", "noble"}},
		{"https://opendev.org/openstack/neutron", "bug#2116852", "OpenStack Compute (nova): Fix Released, nova (Ubuntu): New", plugins.Open, []string{"stable-2024.2", "2024.1", "2023.2", "noble"}},
		{"", "lp#77", "", plugins.Open, nil},
	} {
		answers, err := anew(t, t.TempDir(), fake.URL+"/devel").(plugins.Resolver).Resolve(t.Context(), c.remote, []plugins.Item{bug(c.id)})
		if err != nil || len(answers[0].Things) != 1 {
			t.Errorf("%q: %+v, %v", c.remote, answers, err)
			continue
		}
		got := answers[0].Things[0]
		var targets []string
		for _, b := range got.Backports {
			targets = append(targets, b.Target)
		}
		if got.ID != c.id || got.Status != c.status || got.State != c.state || !slices.Equal(targets, c.targets) {
			t.Errorf("%q: %+v", c.remote, got)
		}
	}
}

// TestPlaces holds what targets of tasks and remotes of repositories lead to.
func TestPlaces(t *testing.T) {
	const api = "https://api.launchpad.net/devel/"
	for link, want := range map[string][2]string{
		api + "nova": {"nova", ""}, api + "nova/2024.1": {"nova", "2024.1"}, api + "ubuntu/+source/nova": {"ubuntu/+source/nova", ""},
		api + "ubuntu/noble/+source/nova": {"ubuntu/+source/nova", "noble"}, "": {}, "https://api.launchpad.net": {}, api + "ubuntu/+source": {"ubuntu", "+source"},
	} {
		if project, series := launchpad.Split(link); project != want[0] || series != want[1] {
			t.Errorf("%q is %q, %q", link, project, series)
		}
	}
	for remote, want := range map[string]string{
		remote: "nova", "git@github.com:canonical/MicroCeph.git": "microceph", "https://git.launchpad.net/ubuntu/+source/hello": "ubuntu/+source/hello", "https://git.launchpad.net/~me/nova/+git/work": "nova",
		"https://git.launchpad.net/+git": "", "": "", "https://opendev.org/openstack/under_score": "", "https://git.launchpad.net/~me": "",
	} {
		if got := launchpad.Target(remote); got != want {
			t.Errorf("%q is %q", remote, got)
		}
	}
}

// TestOther holds that an answer about something else is no answer.
func TestOther(t *testing.T) {
	for name, body := range map[string]string{"another bug": `{"id": 2}`, "no bug": `{}`, "no object": `null`, "a list": `[]`} {
		t.Run(name, func(t *testing.T) {
			fake := forgetest.NewFake(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/bug_tasks") {
					body := `{"entries":[]}`
					if name == "no object" {
						body = "null"
					}
					io.WriteString(w, body) //nolint:errcheck // the test sees it
					return
				}
				io.WriteString(w, body) //nolint:errcheck // the test sees it
			}))
			answers, err := anew(t, t.TempDir(), fake.URL+"/devel").(plugins.Resolver).Resolve(t.Context(), "", []plugins.Item{bug("lp#1")})
			if err != nil || answers[0].Problem != plugins.Failed || answers[0].Detail == "" || len(answers[0].Things) > 0 {
				t.Errorf("%+v, %v", answers, err)
			}
		})
	}
}

// FuzzTargets holds that no link or remote is taken for a project outside of it.
func FuzzTargets(f *testing.F) {
	f.Add("https://api.launchpad.net/devel/ubuntu/noble/+source/nova")
	f.Add("git@git.launchpad.net:~maeve/ubuntu/+source/nova/+git/nova")
	f.Fuzz(func(t *testing.T, text string) {
		launchpad.Split(text)
		if got := launchpad.Target(text); strings.ContainsAny(got, "?#%&: ") || slices.Contains(strings.Split(got, "/"), "..") {
			t.Errorf("%q leads to %q", text, got)
		}
	})
}

// TestLive asks Launchpad itself, where CABHFUIL_LIVE_LAUNCHPAD says what for.
func TestLive(t *testing.T) { forgetest.Live(t, "CABHFUIL_LIVE_LAUNCHPAD", launchpad.New()) }
