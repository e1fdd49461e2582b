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

// ask asks the forges about items and remembers what they say.
func (a *answers) ask(remotes []string, joined string, items []plugins.Item, ahead bool) {
	unsure := false                   // somebody cannot say what it might know, and has no part in this
	for _, f := range a.host.forges { // whoever is not known yet is asked what it is first
		if f.learn(a.host.ctx) != nil { // which was told where it happened
			unsure = true
		}
	}
	got := make([]Answer, len(items))
	left := make([][]candidate, len(items)) // whom to ask still
	for i, it := range items {
		left[i] = slices.DeleteFunc(a.host.candidates(remotes, it), func(c candidate) bool { return !c.forge.learned() })
	}
	dropped := map[int]bool{} // not asked, since nobody waits
	for {
		groups := map[candidate][]int{}
		var order []candidate
		for i := range items {
			if len(left[i]) == 0 || len(got[i].Things) > 0 || dropped[i] {
				continue
			}
			c := left[i][0]
			left[i] = left[i][1:]
			if groups[c] == nil {
				order = append(order, c)
			}
			groups[c] = append(groups[c], i)
		}
		if len(order) == 0 {
			break
		}
		for _, c := range order {
			at := groups[c]
			if ahead {
				var drop []int
				at, drop = c.forge.few(items, at)
				for _, i := range drop {
					dropped[i] = true
				}
			}
			for part := range slices.Chunk(at, batch) {
				a.askOne(c, items, part, got)
			}
		}
	}
	a.remember(joined, items, got, dropped, unsure)
}

// askOne asks one forge about some of the items. An answer takes the place of one
// that has less to say.
func (a *answers) askOne(c candidate, items []plugins.Item, at []int, got []Answer) {
	var things, commits []int
	for _, i := range at {
		if items[i].Kind == plugins.Commit {
			commits = append(commits, i)
		} else {
			things = append(things, i)
		}
	}
	put := func(at []int, answers []plugins.Answer, err error) {
		for j, i := range at {
			answer := Answer{Plugin: c.forge.name}
			switch {
			case errors.Is(err, plugins.ErrUnsupported):
				continue
			case err != nil:
				answer.Answer = plugins.Answer{Problem: plugins.Offline, Detail: clean(c.forge.said.scrub(err.Error()), maxText)}
			default:
				answer.Answer = cleaned(answers[j])
			}
			if answer.Problem == plugins.NotAsked {
				continue // nobody knows, and nothing is wrong
			}
			if len(answer.Things) > 0 || got[i].Plugin == "" || got[i].Problem == plugins.NoProblem {
				got[i] = answer
			}
		}
		if err == nil { // else it was told where it happened
			c.forge.heard(c.remote, answers)
		}
	}
	if len(things) > 0 {
		asked := make([]plugins.Item, len(things))
		for j, i := range things {
			asked[j] = items[i]
		}
		var answers []plugins.Answer
		err := c.forge.callWithin(a.host.ctx, answerTimeout, func(ctx context.Context, f plugins.Forge) (err error) {
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
			asked[j] = items[i].ID
		}
		var answers []plugins.Answer
		err := c.forge.callWithin(a.host.ctx, answerTimeout, func(ctx context.Context, f plugins.Forge) (err error) {
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

// remember keeps what was said, and tells those who wait. Where a forge could not
// be asked, what it said before still counts.
// What nobody knows counts for less long where a plugin might have known it.
func (a *answers) remember(joined string, items []plugins.Item, got []Answer, dropped map[int]bool, unsure bool) {
	now, closed := time.Now(), a.host.ctx.Err() != nil
	a.mu.Lock()
	if len(a.said)+len(items) > maxAnswers {
		a.forget()
	}
	news := false
	for i, it := range items {
		q := about{joined, it}
		delete(a.pending, q)
		if closed || dropped[i] {
			continue
		}
		k := known{got[i], now.Add(lifetime(got[i].Answer, now))}
		if soon := now.Add(unsureFor); unsure && len(k.Things) == 0 && k.until.After(soon) {
			k.until = soon
		}
		before, ok := a.said[q]
		if k.Problem != plugins.NoProblem && len(k.Things) == 0 && ok && len(before.Things) > 0 {
			k.Things, k.Checked, k.Plugin = before.Things, before.Checked, before.Plugin
		}
		a.said[q] = k
		news = true
	}
	a.dirty = a.dirty || news
	a.mu.Unlock()
	if news {
		a.tell()
		a.host.opt.OnUpdate()
	}
}

// forget drops the quarter of the answers that ran out first, or will: they stay on
// the disk. mu is held.
func (a *answers) forget() {
	all := slices.SortedFunc(maps.Keys(a.said), func(x, y about) int { return a.said[x].until.Compare(a.said[y].until) })
	for _, q := range all[:len(all)/4] {
		delete(a.said, q)
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
	case a.Problem == plugins.Offline || a.Problem == plugins.Limited:
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
// long as ctx lasts.
func (h *Host) Open(ctx context.Context, remotes []string, kind plugins.Kind, text string, limit int) Answer {
	for _, c := range h.listers(remotes, kind) {
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
			return Answer{plugins.Answer{Problem: plugins.Offline, Detail: clean(c.forge.said.scrub(err.Error()), maxText)}, c.forge.name}
		}
		c.forge.heard(c.remote, []plugins.Answer{answer})
		return Answer{cleaned(answer), c.forge.name}
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
	maxList   = 30
	maxThings = 50
)

// cleaned is an answer that nothing bad can come of: bounded, without control
// characters, with addresses of the web alone and states that we know.
func cleaned(a plugins.Answer) plugins.Answer {
	a.Detail = clean(a.Detail, maxText)
	if now := time.Now(); a.Checked.After(now) { // else it would never be old, and win over all later ones
		a.Checked = now
	}
	a.Things = slices.Clone(a.Things[:min(len(a.Things), maxThings)])
	for i := range a.Things {
		t := &a.Things[i]
		t.Kind, t.ID, t.Project = plugins.Kind(clean(string(t.Kind), maxName)), clean(t.ID, maxName), clean(t.Project, maxName)
		t.URL, t.Title, t.State, t.Status = webOnly(t.URL), clean(t.Title, maxText), state(t.State), clean(t.Status, maxName)
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
	}
	return file.Answers
}

// load takes over what was said to processes before this one.
func (a *answers) load() {
	for _, s := range a.read() {
		a.mu.Lock()
		a.said[about{s.Remotes, s.Item}] = known{Answer{cleaned(s.Answer), s.Plugin}, s.Until}
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
			all[q] = stored{q.remotes, q.item, k.Answer.Answer, k.Plugin, k.until}
		}
	}
	a.mu.Unlock()
	if !dirty {
		return
	}
	for _, s := range a.read() {
		q := about{s.Remotes, s.Item}
		if before, ok := all[q]; (!ok || s.Answer.Checked.After(before.Answer.Checked)) && time.Since(s.Answer.Checked) < forgotten {
			all[q] = s
		}
	}
	file := storedFile{Format: storedFormat}
	for _, s := range all {
		if s.Answer.Problem, s.Answer.Detail = plugins.NoProblem, ""; s.Answer.Checked.IsZero() {
			continue
		}
		file.Answers = append(file.Answers, s)
	}
	slices.SortFunc(file.Answers, func(x, y stored) int { return y.Answer.Checked.Compare(x.Answer.Checked) })
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
