package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/natefinch/atomic"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// How long an answer counts before the forge is asked again. What is over changes
// seldom; a hover shows what was known meanwhile.
const (
	openFor    = 10 * time.Minute // what is open, or is not there
	overFor    = 6 * time.Hour    // what is merged or closed
	failedFor  = 5 * time.Minute  // what a forge or its plugin could not answer
	unsureFor  = time.Minute      // what nobody knows, while a plugin cannot say whether it might
	leastPause = 15 * time.Second // between two questions about what could not be answered
	mostPause  = 15 * time.Minute
	forgotten  = 90 * 24 * time.Hour // when what nobody asked again is dropped from the disk
)

// The bounds on questions and what is kept of answers.
const (
	answerTimeout = 40 * time.Second // for one call that may ask the network
	batch         = 200              // items of one call
	aheadAlone    = 20               // items that are asked ahead of a forge without batches
	maxAnswers    = 20_000
	saveAfter     = 20 * time.Second
	useNoted      = time.Hour // how exactly the disk knows when an answer was last used
)

// Answer is what is known of an item.
type Answer struct {
	plugins.Answer
	Plugin string // whose answer it is; "" for nobody's
}

// known is an answer and how long it counts.
type known struct {
	Answer
	until time.Time // when the forge is asked again
	used  time.Time // when somebody last asked for it
}

// answers are what the forges said of things. It is a part of Host.
type answers struct {
	host *Host

	mu      sync.Mutex
	said    map[about]known
	pending map[about]bool
	news    chan struct{} // closed when something is said, and made anew
	loaded  chan struct{} // closed when what is on the disk was read
	dirty   bool
}

// about is what was asked: an item in a repository with these remotes.
type about struct {
	remotes string // one a line
	item    plugins.Item
}

func newAnswers(h *Host) *answers {
	a := &answers{host: h, said: map[about]known{}, pending: map[about]bool{}, news: make(chan struct{}), loaded: make(chan struct{})}
	if h.opt.Kept == "" {
		close(a.loaded)
		return a
	}
	h.work.Go(func() {
		a.load()
		close(a.loaded)
		a.keep(h.ctx)
	})
	return a
}

// Asking says what Say does about what is not known.
type Asking int

const (
	// Now asks the forges: somebody waits.
	Now Asking = iota
	// Ahead asks them for somebody who may come: a forge that needs a request for each
	// item is asked for a few of them only.
	Ahead
	// Nothing asks nobody.
	Nothing
)

// loadTime is how long who asks nobody waits for what is on the disk.
const loadTime = 50 * time.Millisecond

// Say tells what is known of the items of a repository with these remotes: of a
// Commit, the changes that it came with. What is not known, or was said too long
// ago, is asked for in the background; pending says that something is on its way
// of which nothing is known yet. Nobody waits for a forge here: News tells when
// there is more.
func (h *Host) Say(remotes []string, items []plugins.Item, ask Asking) (said []Answer, pending bool) {
	a := h.answers
	said = make([]Answer, len(items))
	select {
	case <-a.loaded:
	default: // what was said before is still being read
		if ask == Nothing { // there is no other time: it is a file
			select {
			case <-a.loaded:
				return h.Say(remotes, items, ask)
			case <-time.After(loadTime):
				return said, true
			}
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if !h.closed {
			h.work.Go(func() {
				select {
				case <-a.loaded:
					a.tell()
				case <-h.ctx.Done():
				}
			})
		}
		return said, true
	}
	joined, now := strings.Join(remotes, "\n"), time.Now()
	var open []plugins.Item
	a.mu.Lock()
	for i, it := range items {
		q := about{joined, it}
		k, ok := a.said[q]
		if ok {
			said[i] = k.Answer
			a.dirty = a.dirty || now.Sub(k.used) > useNoted
			k.used = now
			a.said[q] = k
		}
		switch {
		case ok && now.Before(k.until):
		case a.pending[q]:
			pending = pending || !ok
		case len(h.candidates(remotes, it)) == 0:
		case ask == Nothing:
			pending = pending || !ok
		default:
			pending = pending || !ok
			a.pending[q] = true
			open = append(open, it)
		}
	}
	a.mu.Unlock()
	if len(open) > 0 {
		h.mu.Lock()
		if !h.closed {
			h.work.Go(func() { a.ask(remotes, joined, open, ask == Ahead) })
		}
		h.mu.Unlock()
	}
	return said, pending
}

// News is closed when a forge has said something that was not known.
func (h *Host) News() <-chan struct{} {
	h.answers.mu.Lock()
	defer h.answers.mu.Unlock()
	return h.answers.news
}

// candidate is a forge that may know an item, by a remote.
type candidate struct {
	forge  *supervised
	remote string
}

// candidates are the forges that may say what an item is, in the order in which
// they are asked.
func (h *Host) candidates(remotes []string, it plugins.Item) []candidate {
	can := plugins.CanResolve
	if it.Kind == plugins.Commit {
		can = plugins.CanChanges
	}
	var all []candidate
	for _, remote := range remotes {
		for _, f := range h.forges {
			if f.can(can) && f.claims(remote, it) {
				all = append(all, candidate{f, remote})
			}
		}
	}
	return all
}

// few are those of the items that a forge is asked about ahead: all where many cost
// few requests, else the first.
func (s *supervised) few(items []plugins.Item, at []int) (ask, drop []int) {
	can, _ := s.abilities()
	alone := map[bool]int{} // by whether they are commits, how many are asked one by one
	for _, i := range at {
		commit := items[i].Kind == plugins.Commit
		batch := plugins.CanBatch
		if commit {
			batch = plugins.CanBatchChanges
		}
		if !slices.Contains(can, batch) {
			if alone[commit]++; alone[commit] > aheadAlone {
				drop = append(drop, i)
				continue
			}
		}
		ask = append(ask, i)
	}
	return ask, drop
}

// abilities are what a forge does; ok is false where that is not known.
func (s *supervised) abilities() (can []string, ok bool) {
	if d, ok := s.description(); ok {
		return d.Can, true
	}
	can, ok = s.host.opt.Can[s.name]
	return can, ok
}

// can says whether a forge does something; one of which that is not known may.
func (s *supervised) can(ability string) bool {
	can, ok := s.abilities()
	return !ok || slices.Contains(can, ability)
}

// asking is a question to the forges about items, and what they have said so far.
type asking struct {
	*answers
	joined string // the remotes, one a line
	items  []plugins.Item
	ahead  bool

	guard sync.Mutex
	got   []Answer
	rank  []int // of the forge whose answer it is
	over  []bool
}

// ask asks the forges about items and remembers what they say, each as soon as it
// has. Those of which it is not known yet what they may know are asked what they are
// meanwhile, and about the items then.
func (a *answers) ask(remotes []string, joined string, items []plugins.Item, ahead bool) {
	q := &asking{answers: a, joined: joined, items: items, ahead: ahead, got: make([]Answer, len(items)), rank: make([]int, len(items)), over: make([]bool, len(items))}
	late := a.host.learn()
	left := make([][]candidate, len(items)) // whom to ask still
	var ready []int
	for i, it := range items {
		left[i] = slices.DeleteFunc(a.host.candidates(remotes, it), func(c candidate) bool {
			return !c.forge.learned() || slices.ContainsFunc(late, func(l *learning) bool { return l.supervised == c.forge })
		})
		if len(left[i]) > 0 {
			ready = append(ready, i)
		}
	}
	var work sync.WaitGroup
	work.Go(func() { q.pass(left, ready, len(late) > 0) })
	for _, l := range late {
		work.Go(func() {
			<-l.done
			left, mine := make([][]candidate, len(items)), []int{}
			for i, it := range items {
				if l.err == nil { // else it was told where it happened
					left[i] = slices.DeleteFunc(a.host.candidates(remotes, it), func(c candidate) bool { return c.forge != l.supervised })
				}
				if len(left[i]) > 0 {
					mine = append(mine, i)
				}
			}
			q.pass(left, mine, true)
		})
	}
	work.Wait()
	rest := []int{}
	for i := range items {
		if !q.over[i] {
			rest = append(rest, i)
		}
	}
	// Somebody who cannot say what it might know has no part in this.
	q.remember(rest, slices.ContainsFunc(late, func(l *learning) bool { return l.err != nil }))
}

// pass asks the next forge of each of these items, all forges side by side, and goes
// on with what they do not know. more says that others are asked besides who may
// know better, so that only what somebody knows is remembered here.
func (q *asking) pass(left [][]candidate, at []int, more bool) {
	groups := map[candidate][]int{}
	var order []candidate
	for _, i := range at {
		c := left[i][0]
		if groups[c] == nil {
			order = append(order, c)
		}
		groups[c] = append(groups[c], i)
	}
	var work sync.WaitGroup
	for _, c := range order {
		work.Go(func() {
			mine := groups[c]
			if q.ahead {
				var drop []int
				mine, drop = c.forge.few(q.items, mine)
				q.drop(drop)
			}
			var open []int
			for part := range slices.Chunk(mine, batch) {
				q.askOne(c, part)
				var said []int
				for _, i := range part {
					switch known := q.known(i); {
					case !known && len(left[i]) > 1:
						open = append(open, i)
					case known || !more:
						said = append(said, i)
					}
				}
				q.remember(said, false)
			}
			if len(open) == 0 {
				return
			}
			next := slices.Clone(left) // left is others' too
			for _, i := range open {
				next[i] = left[i][1:]
			}
			q.pass(next, open, more)
		})
	}
	work.Wait()
}

// known says whether somebody has said what an item is.
func (q *asking) known(i int) bool {
	q.guard.Lock()
	defer q.guard.Unlock()
	return len(q.got[i].Things) > 0
}

// put takes a forge's answer, in the place of one that has less to say, or is of a
// forge that is asked later.
func (q *asking) put(i int, answer Answer, rank int) {
	if answer.Problem == plugins.NotAsked {
		return // nobody knows, and nothing is wrong
	}
	q.guard.Lock()
	defer q.guard.Unlock()
	has, had := len(answer.Things) > 0, len(q.got[i].Things) > 0
	if has && (!had || rank < q.rank[i]) || !has && !had && (q.got[i].Plugin == "" || q.got[i].Problem == plugins.NoProblem) {
		q.got[i], q.rank[i] = answer, rank
	}
}

// askOne asks one forge about some of the items.
func (q *asking) askOne(c candidate, at []int) {
	rank := slices.Index(q.host.forges, c.forge)
	var things, commits []int
	for _, i := range at {
		if q.items[i].Kind == plugins.Commit {
			commits = append(commits, i)
		} else {
			things = append(things, i)
		}
	}
	put := func(at []int, answers []plugins.Answer, err error) {
		if errors.Is(err, plugins.ErrUnsupported) {
			return
		}
		for j, i := range at {
			answer := Answer{Plugin: c.forge.name}
			if err != nil {
				answer.Answer = c.forge.broken(err)
			} else {
				answer.Answer = c.forge.cleaned(c.remote, answers[j])
			}
			q.put(i, answer, rank)
		}
		if err == nil { // else it was told where it happened
			c.forge.heard(c.remote, answers)
		}
	}
	if len(things) > 0 {
		asked := make([]plugins.Item, len(things))
		for j, i := range things {
			asked[j] = q.items[i]
		}
		var answers []plugins.Answer
		err := c.forge.callWithin(q.host.ctx, answerTimeout, func(ctx context.Context, f plugins.Forge) (err error) {
			r, ok := f.(plugins.Resolver)
			if !ok {
				return plugins.ErrUnsupported
			}
			answers, err = r.Resolve(ctx, c.remote, asked)
			return err
		})
		put(things, answers, err)
	}
	if len(commits) > 0 {
		asked := make([]string, len(commits))
		for j, i := range commits {
			asked[j] = q.items[i].ID
		}
		var answers []plugins.Answer
		err := c.forge.callWithin(q.host.ctx, answerTimeout, func(ctx context.Context, f plugins.Forge) (err error) {
			r, ok := f.(plugins.Finder)
			if !ok {
				return plugins.ErrUnsupported
			}
			answers, err = r.Changes(ctx, c.remote, asked)
			return err
		})
		put(commits, answers, err)
	}
}

// drop gives up to ask about items, since nobody waits.
func (q *asking) drop(at []int) {
	q.guard.Lock()
	for _, i := range at {
		q.over[i] = true
	}
	q.guard.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, i := range at {
		delete(q.pending, about{q.joined, q.items[i]})
	}
}

// remember keeps what was said of some of the items, and tells those who wait. Where
// a forge could not be asked, what it said before still counts.
// What nobody knows counts for less long where a plugin might have known it (unsure).
func (q *asking) remember(at []int, unsure bool) {
	a, now, closed := q.answers, time.Now(), q.host.ctx.Err() != nil
	q.guard.Lock()
	got := slices.Clone(q.got)
	for _, i := range at {
		q.over[i] = true
	}
	q.guard.Unlock()
	a.mu.Lock()
	if len(a.said)+len(at) > maxAnswers {
		a.forget()
	}
	news := false
	for _, i := range at {
		about := about{q.joined, q.items[i]}
		delete(a.pending, about)
		if closed {
			continue
		}
		k := known{got[i], now.Add(lifetime(got[i].Answer, now)), now}
		if soon := now.Add(unsureFor); unsure && len(k.Things) == 0 && k.until.After(soon) {
			k.until = soon
		}
		before, ok := a.said[about]
		if k.Problem != plugins.NoProblem && len(k.Things) == 0 && ok && len(before.Things) > 0 {
			k.Things, k.Checked, k.Plugin = before.Things, before.Checked, before.Plugin
		}
		a.said[about] = k
		news = true
	}
	a.dirty = a.dirty || news
	a.mu.Unlock()
	if news {
		a.tell()
		a.host.opt.OnUpdate()
	}
}

// forget drops the quarter of the answers that nobody has asked for longest: they
// stay on the disk. mu is held.
func (a *answers) forget() {
	all := slices.SortedFunc(maps.Keys(a.said), func(x, y about) int { return a.said[x].used.Compare(a.said[y].used) })
	for _, q := range all[:len(all)/4] {
		delete(a.said, q)
	}
}

// doubt lets what a plugin did not know, or could not say, be asked again now.
func (a *answers) doubt(plugin string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for q, k := range a.said {
		if k.Plugin == plugin && (k.Problem != plugins.NoProblem || len(k.Things) == 0) {
			k.until = time.Time{}
			a.said[q] = k
		}
	}
}

// tell wakes those who wait for news.
func (a *answers) tell() {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.news)
	a.news = make(chan struct{})
}

// lifetime is how long an answer counts.
func lifetime(a plugins.Answer, now time.Time) time.Duration {
	switch {
	case a.Problem == plugins.Offline || a.Problem == plugins.Limited || a.Problem == plugins.Broken:
		return min(max(a.Retry.Sub(now), leastPause), mostPause)
	case a.Problem != plugins.NoProblem:
		return failedFor
	case len(a.Things) > 0 && !slices.ContainsFunc(a.Things, underWay):
		return overFor
	}
	return openFor
}

// underWay says whether a thing is open, or a copy of it is.
func underWay(t plugins.Thing) bool {
	return t.State == plugins.Open || slices.ContainsFunc(t.Backports, func(b plugins.Backport) bool { return b.State == plugins.Open })
}

// Open lists what is open on the forge of a repository with these remotes, for
// completion: of the first forge that has such a list. It waits for the forge as
// long as ctx lasts, and for those that have not said yet what they know only where
// nobody else may have the list.
func (h *Host) Open(ctx context.Context, remotes []string, kind plugins.Kind, text string, limit int) Answer {
	late := h.learn()
	ready := slices.DeleteFunc(h.listers(remotes, kind), func(c candidate) bool { return !c.forge.learned() })
	if len(ready) == 0 {
		for _, l := range late {
			select {
			case <-l.done:
			case <-ctx.Done():
				return Answer{}
			}
		}
		ready = slices.DeleteFunc(h.listers(remotes, kind), func(c candidate) bool { return !c.forge.learned() })
	}
	for _, c := range ready {
		var answer plugins.Answer
		err := c.forge.callWithin(ctx, answerTimeout, func(ctx context.Context, f plugins.Forge) (err error) {
			l, ok := f.(plugins.Lister)
			if !ok {
				return plugins.ErrUnsupported
			}
			answer, err = l.Open(ctx, c.remote, text, limit)
			return err
		})
		switch {
		case errors.Is(err, plugins.ErrUnsupported) || err == nil && answer.Problem == plugins.NotAsked:
			continue
		case err != nil:
			return Answer{c.forge.broken(err), c.forge.name}
		}
		c.forge.heard(c.remote, []plugins.Answer{answer})
		return Answer{c.forge.cleaned(c.remote, answer), c.forge.name}
	}
	return Answer{}
}

// Go runs work that Close ends, by its context, and waits for; once the host is
// closed, ctx has ended.
func (h *Host) Go(work func(ctx context.Context)) {
	h.mu.Lock()
	closed := h.closed
	if !closed {
		h.work.Go(func() { work(h.ctx) })
	}
	h.mu.Unlock()
	if closed {
		work(h.ctx)
	}
}

func (h *Host) listers(remotes []string, kind plugins.Kind) []candidate {
	var all []candidate
	for _, remote := range remotes {
		for _, f := range h.forges {
			if f.can(plugins.CanOpen) && f.claims(remote, plugins.Item{Kind: kind, ID: "1"}) {
				all = append(all, candidate{f, remote})
			}
		}
	}
	return all
}

// The bounds on what a forge may say: it is somebody else's text.
const (
	maxText   = 300 // runes of a title
	maxName   = 100
	maxNoun   = 30
	maxList   = 30
	maxThings = 50
)

// broken is the answer in the place of one that a plugin failed to give.
func (s *supervised) broken(err error) plugins.Answer {
	answer := plugins.Answer{Problem: plugins.Broken, Detail: clean(s.said.scrub(err.Error()), maxText)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Until(s.resume) > 0 {
		answer.Retry = s.resume
	}
	return answer
}

// cleaned is an answer as cleaned has it, without what the plugin was told in
// confidence, and with the host whose problem it is.
func (s *supervised) cleaned(remote string, a plugins.Answer) plugins.Answer {
	a = cleaned(a)
	if a.Problem == plugins.NoProblem {
		a.Host, a.Token = "", ""
		return a
	}
	if r, ok := plugins.ParseRemote(remote); ok && a.Host == "" {
		a.Host = clean(r.Host, maxName)
	}
	a.Detail, a.Token = s.said.scrub(a.Detail), s.said.scrub(a.Token)
	return a
}

// cleaned is an answer that nothing bad can come of: bounded, without control
// characters, with addresses of the web alone and states that we know.
func cleaned(a plugins.Answer) plugins.Answer {
	a.Detail, a.Host, a.Token = clean(a.Detail, maxText), clean(a.Host, maxName), clean(a.Token, maxName)
	a.Problem = plugins.Problem(clean(string(a.Problem), maxName))
	if now := time.Now(); a.Checked.After(now) { // else it would never be old, and win over all later ones
		a.Checked = now
	}
	a.Things = slices.Clone(a.Things[:min(len(a.Things), maxThings)])
	for i := range a.Things {
		t := &a.Things[i]
		t.Kind, t.ID, t.Project = plugins.Kind(clean(string(t.Kind), maxName)), clean(t.ID, maxName), clean(t.Project, maxName)
		t.URL, t.Title, t.State, t.Status = webOnly(t.URL), clean(t.Title, maxText), state(t.State), clean(t.Status, maxName)
		t.Noun = clean(t.Noun, maxNoun)
		t.Labels, t.Assignees = cleanAll(t.Labels), cleanAll(t.Assignees)
		t.Author, t.Milestone, t.Target = clean(t.Author, maxName), clean(t.Milestone, maxName), clean(t.Target, maxText)
		if !plugins.IsHash(t.Head) {
			t.Head = ""
		}
		if !plugins.IsHash(t.MergeCommit) {
			t.MergeCommit = ""
		}
		t.Backports = slices.Clone(t.Backports[:min(len(t.Backports), maxList)])
		for j := range t.Backports {
			b := &t.Backports[j]
			b.Target, b.Label, b.Kind, b.ID = clean(b.Target, maxText), clean(b.Label, maxName), plugins.Kind(clean(string(b.Kind), maxName)), clean(b.ID, maxName)
			b.URL, b.Title, b.State = webOnly(b.URL), clean(b.Title, maxText), state(b.State)
		}
	}
	return a
}

func state(s plugins.State) plugins.State {
	switch s {
	case plugins.Open, plugins.Merged, plugins.Closed:
		return s
	}
	return ""
}

func cleanAll(all []string) []string {
	all = slices.Clone(all[:min(len(all), maxList)])
	for i := range all {
		all[i] = clean(all[i], maxName)
	}
	return all
}

// stored is an answer on the disk.
type stored struct {
	Remotes string         `json:"remotes"`
	Item    plugins.Item   `json:"item"`
	Answer  plugins.Answer `json:"answer"`
	Plugin  string         `json:"plugin"`
	Until   time.Time      `json:"until"`
	Used    time.Time      `json:"used,omitzero"` // when somebody last asked for it
}

// storedFormat is the version of the file.
const storedFormat = 1

type storedFile struct {
	Format  int      `json:"format"`
	Answers []stored `json:"answers"`
}

// read reads the file of answers; what cannot be read is none.
func (a *answers) read() []stored {
	b, err := os.ReadFile(a.host.opt.Kept)
	if err != nil {
		return nil
	}
	var file storedFile
	if json.Unmarshal(b, &file) != nil || file.Format != storedFormat {
		return nil // it will be written anew
	}
	now := time.Now()
	for i := range file.Answers { // the clock was wrong, or the file is anybody's
		s := &file.Answers[i]
		if s.Answer.Checked.After(now) {
			s.Answer.Checked = now
		}
		if latest := now.Add(overFor); s.Until.After(latest) {
			s.Until = latest
		}
		if s.Used.IsZero() { // an older program wrote it
			s.Used = s.Answer.Checked
		}
		if s.Used.After(now) {
			s.Used = now
		}
	}
	return file.Answers
}

// load takes over what was said to processes before this one.
func (a *answers) load() {
	for _, s := range a.read() {
		a.mu.Lock()
		a.said[about{s.Remotes, s.Item}] = known{Answer{cleaned(s.Answer), s.Plugin}, s.Until, s.Used}
		a.mu.Unlock()
	}
}

// keep writes what was said to the disk now and then, and at the end.
func (a *answers) keep(ctx context.Context) {
	tick := time.NewTicker(saveAfter)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.save()
		case <-ctx.Done():
			a.save()
			return
		}
	}
}

// save writes what was said, together with what other processes have written
// meanwhile: of two answers to one question the later one counts.
func (a *answers) save() {
	a.mu.Lock()
	dirty := a.dirty
	a.dirty = false
	all := map[about]stored{}
	for q, k := range a.said {
		if !k.Checked.IsZero() && time.Since(k.Checked) < forgotten { // a problem is no news to another process
			all[q] = stored{q.remotes, q.item, k.Answer.Answer, k.Plugin, k.until, k.used}
		}
	}
	a.mu.Unlock()
	if !dirty {
		return
	}
	for _, s := range a.read() {
		q := about{s.Remotes, s.Item}
		before, ok := all[q]
		if before.Used.After(s.Used) {
			s.Used = before.Used
		}
		switch {
		case time.Since(s.Answer.Checked) >= forgotten:
		case !ok || s.Answer.Checked.After(before.Answer.Checked):
			all[q] = s
		case s.Used.After(before.Used):
			before.Used = s.Used
			all[q] = before
		}
	}
	file := storedFile{Format: storedFormat}
	for _, s := range all {
		if s.Answer.Checked.IsZero() {
			continue
		}
		s.Answer.Problem, s.Answer.Detail, s.Answer.Host, s.Answer.Token, s.Answer.Retry = plugins.NoProblem, "", "", "", time.Time{}
		file.Answers = append(file.Answers, s)
	}
	slices.SortFunc(file.Answers, func(x, y stored) int { return y.Used.Compare(x.Used) })
	file.Answers = file.Answers[:min(len(file.Answers), maxAnswers)]
	b, err := json.Marshal(file)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(a.host.opt.Kept), 0o700)
	}
	if err == nil {
		err = atomic.WriteFile(a.host.opt.Kept, bytes.NewReader(b)) // 0600
	}
	if err != nil {
		a.host.opt.Log.Warn("what forges said is not kept", "error", err)
	}
}
