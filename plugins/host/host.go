// Package host starts forge plugins, keeps them alive and asks them. Its main
// type is Host. What plugins say is cached; nobody who asks waits for one: an
// answer that is not known yet comes by Options.OnUpdate.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// Options configure a Host.
type Options struct {
	// Builtin are the names of the forges that ship with the program, in the order
	// in which they are asked.
	Builtin []string
	// Claims are what forges say that they may know, by name: who claims nothing of
	// a question is not started for it. One that is not here is asked everything.
	Claims map[string]func(remote string, it plugins.Item) bool
	// Foreign are plugins of the user's. They are asked before the built-in ones, for
	// what they say that they may know.
	Foreign []Foreign
	// Settings are handed to the plugins when they start, by name.
	Settings map[string][]plugins.Setting
	// Environment are the names of the variables that built-in plugins are given
	// besides the common ones, by the plugin's name.
	Environment map[string][]string
	// Given are values of such variables that count before this process's own.
	Given map[string]string
	// CacheDir is the directory below which each plugin has one of its own; "" for
	// none.
	CacheDir string
	Limits   Limits
	// Command makes the process of a built-in plugin; nil for this program itself,
	// as "<program> plugin NAME".
	Command func(name string) *exec.Cmd
	// Can are the abilities of the plugins (plugins.Abilities), by name. One that is
	// not here may have all of them, and is told by its errors.
	Can map[string][]string
	// Local are plugins that this process can ask for links as well, by name, so that
	// no process is started for them.
	Local map[string]plugins.Forge
	// Kept is the file in which what forges said outlives the process; "" for none.
	Kept string
	Log  *slog.Logger
	// OnUpdate is called when an answer arrived that was not known before. It must
	// not block.
	OnUpdate func()
}

// maxCached bounds the links that are remembered; beyond, the cache starts anew.
const maxCached = 100_000

// Host is the set of plugins. It is safe for concurrent use.
type Host struct {
	opt    Options
	ctx    context.Context
	stop   context.CancelFunc
	work   sync.WaitGroup
	forges []*supervised

	starter *starter
	ending  sync.Once
	minding sync.WaitGroup // those who watch over processes

	mu      sync.Mutex
	closed  bool
	cache   map[question]string
	pending map[question]bool
	given   map[string]string // variables; never changed, but replaced

	answers *answers
}

// question is one link that was asked for.
type question struct {
	remote string
	item   plugins.Item
}

// New makes a host. No plugin is started before somebody asks.
func New(opt Options) *Host {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Command == nil {
		opt.Command = selfCommand
	}
	if opt.OnUpdate == nil {
		opt.OnUpdate = func() {}
	}
	ctx, stop := context.WithCancel(context.Background())
	opt.Limits = opt.Limits.orDefault()
	h := &Host{opt: opt, ctx: ctx, stop: stop, starter: newStarter(), cache: map[question]string{}, pending: map[question]bool{}, given: opt.Given}
	for _, f := range opt.Foreign {
		h.forges = append(h.forges, newSupervised(h, f.Name, &f, nil))
	}
	for _, name := range opt.Builtin {
		claims := opt.Claims[name]
		if claims == nil {
			claims = func(string, plugins.Item) bool { return true }
		}
		h.forges = append(h.forges, newSupervised(h, name, nil, claims))
	}
	h.answers = newAnswers(h)
	return h
}

// Links answers what is known of the items of a repository with these remotes:
// "" where no forge has a page. pending says that some are being asked for;
// OnUpdate tells when they are known. What no forge claims is known at once. A
// remote of "" asks for bugs whose ID alone says which tracker has them.
func (h *Host) Links(remotes []string, items []plugins.Item) (urls []string, pending bool) {
	urls = make([]string, len(items))
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, remote := range remotes {
		var ask []plugins.Item
		for i, it := range items {
			if urls[i] != "" {
				continue
			}
			q := question{remote, it}
			url, known := h.cache[q]
			if known {
				urls[i] = url
				continue
			}
			url, sure, claimed := h.local(q)
			urls[i] = url
			switch {
			case h.pending[q]:
				pending = true
			case !claimed: // not worth remembering
			case sure:
				h.remember(q, url)
			default:
				ask, pending = append(ask, it), true
			}
		}
		if len(ask) > 0 && !h.closed {
			for _, it := range ask {
				h.pending[question{remote, it}] = true
			}
			h.work.Go(func() { h.ask(remote, ask) })
		}
	}
	return urls, pending
}

// local answers a question without any process, as far as plugins that this one can
// ask itself may know the answer. It is sure unless others may know it too; one that
// has not said yet what it knows does not keep the rest from answering. claimed says
// that anybody may know it.
func (h *Host) local(q question) (url string, sure, claimed bool) {
	sure = true
	for _, f := range h.forges {
		if !f.claims(q.remote, q.item) {
			continue
		}
		claimed = true
		if !f.learned() {
			sure = false
			continue
		}
		forge, ok := h.opt.Local[f.name]
		if !ok {
			return "", false, true
		}
		urls, known, err := forge.Links(h.ctx, q.remote, []plugins.Item{q.item})
		if err == nil && known && len(urls) == 1 && webOnly(urls[0]) != "" {
			return urls[0], sure, true
		}
	}
	return "", sure, claimed
}

// remember keeps an answer. mu is held.
func (h *Host) remember(q question, url string) {
	if len(h.cache) > maxCached {
		clear(h.cache)
	}
	h.cache[q] = url
}

// learning is a forge that is being asked what it is.
type learning struct {
	*supervised
	done chan struct{} // closed when it has said so, or could not
	err  error         // why it could not; to be read then
}

// learn asks all forges what they are of which that is not known, side by side.
func (h *Host) learn() []*learning {
	var late []*learning
	for _, f := range h.forges {
		if f.learned() {
			continue
		}
		l := &learning{supervised: f, done: make(chan struct{})}
		late = append(late, l)
		h.Go(func(ctx context.Context) {
			defer close(l.done)
			l.err = f.learn(ctx)
		})
	}
	return late
}

// ask asks the forges in turn, each for what it claims and nobody before it has a
// page of, and remembers the answers. Those of which it is not known yet what they
// claim keep nobody waiting; their answers take the place of those after them. Where
// a forge failed whose page it might have been, nothing is remembered, so that it is
// asked again.
func (h *Host) ask(remote string, items []plugins.Item) {
	answer, unsure := make([]string, len(items)), make([]bool, len(items))
	rank := make([]int, len(items)) // of the forge whose answer it is
	late := h.learn()
	ask := func(at int) {
		f := h.forges[at]
		var mine []plugins.Item
		var which []int
		for i, it := range items {
			if (answer[i] == "" || rank[i] > at) && f.claims(remote, it) {
				mine, which = append(mine, it), append(which, i)
			}
		}
		if len(mine) == 0 {
			return
		}
		urls, known, err := h.links(f, remote, mine)
		for j, i := range which {
			switch {
			case err != nil: // which was told where it happened
				unsure[i] = true
			case known && webOnly(urls[j]) != "":
				answer[i], rank[i] = urls[j], at
			}
		}
	}
	for at, f := range h.forges {
		if !slices.ContainsFunc(late, func(l *learning) bool { return l.supervised == f }) {
			ask(at)
		}
	}
	if len(late) > 0 {
		h.answered(remote, items, answer, slices.Repeat([]bool{true}, len(items)), false)
	}
	for _, l := range late {
		<-l.done
		if l.err != nil { // which was told where it happened
			for i := range items {
				unsure[i] = true
			}
			continue
		}
		ask(slices.Index(h.forges, l.supervised))
	}
	h.answered(remote, items, answer, unsure, true)
}

// links asks a forge for links, in this process where that can be.
func (h *Host) links(f *supervised, remote string, items []plugins.Item) ([]string, bool, error) {
	forge, ok := h.opt.Local[f.name]
	if !ok {
		return f.links(h.ctx, remote, items)
	}
	urls, known, err := forge.Links(h.ctx, remote, items)
	if err == nil && known && len(urls) != len(items) {
		err = fmt.Errorf("plugin %s: it made %d links of %d", f.name, len(urls), len(items))
	}
	return urls, known, err
}

// answered remembers answers, but for those that are none and not sure, and tells
// when there are any. over says that nobody is being asked any more.
func (h *Host) answered(remote string, items []plugins.Item, answer []string, unsure []bool, over bool) {
	news := false
	h.mu.Lock()
	for i, it := range items {
		q := question{remote, it}
		if over {
			delete(h.pending, q)
		}
		if before, known := h.cache[q]; (answer[i] != "" || !unsure[i]) && (!known || before != answer[i]) {
			h.remember(q, answer[i])
			news = true
		}
	}
	closed := h.closed
	h.mu.Unlock()
	if news && !closed {
		h.opt.OnUpdate()
	}
}

// Give takes values of variables that count before this process's own from now on. A
// plugin that was started with other values of its variables is started anew when it
// is next asked and works on nothing; what it could not answer is asked again.
func (h *Host) Give(values map[string]string) {
	h.mu.Lock()
	before := h.given
	h.given = values
	h.mu.Unlock()
	for _, f := range h.forges {
		if slices.ContainsFunc(f.variables(), func(name string) bool { return before[name] != values[name] }) {
			f.mu.Lock()
			f.renew = true
			f.mu.Unlock()
			h.answers.doubt(f.name)
		}
	}
}

// Variables are the names of those that a plugin is given besides the common ones.
func (h *Host) Variables(name string) []string {
	for _, f := range h.forges {
		if f.name == name {
			return f.variables()
		}
	}
	return nil
}

// lookupEnv is the value of a variable for plugins.
func (h *Host) lookupEnv(name string) (string, bool) {
	h.mu.Lock()
	value, given := h.given[name]
	h.mu.Unlock()
	if given {
		return value, true
	}
	return os.LookupEnv(name)
}

// webOnly drops what is no web address: plugins are programs of others.
func webOnly(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.ContainsFunc(address, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return ""
	}
	return address
}

// Status tells how the plugins are doing.
func (h *Host) Status() []Status {
	var all []Status
	for _, f := range h.forges {
		all = append(all, f.status())
	}
	return all
}

// Verify starts each plugin and holds it against what a plugin owes, as Check does.
func (h *Host) Verify(ctx context.Context) (map[string]plugins.Description, error) {
	found := map[string]plugins.Description{}
	var errs []error
	for _, f := range h.forges {
		d, err := f.check(ctx)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found[f.name] = d
	}
	return found, errors.Join(errs...)
}

// Check starts a plugin, asks it what it is, and asks it for links: it must answer,
// and with web addresses or nothing.
func (h *Host) Check(ctx context.Context, name string) (plugins.Description, error) {
	for _, f := range h.forges {
		if f.name == name {
			return f.check(ctx)
		}
	}
	return plugins.Description{}, fmt.Errorf("no plugin is called %q", name)
}

// Description is what a foreign plugin said that it is; ok is false where nobody
// has asked it yet.
func (h *Host) Description(name string) (d plugins.Description, ok bool) {
	for _, f := range h.forges {
		if f.name == name {
			return f.description()
		}
	}
	return plugins.Description{}, false
}

// Forge is a plugin by name, to be asked directly; nil where there is none.
func (h *Host) Forge(name string) plugins.Forge {
	for _, f := range h.forges {
		if f.name == name {
			return direct{f}
		}
	}
	return nil
}

// direct asks a supervised plugin as a Forge.
type direct struct{ s *supervised }

func (d direct) Describe(ctx context.Context) (plugins.Description, error) { return d.s.describe(ctx) }

func (d direct) Links(ctx context.Context, remote string, items []plugins.Item) ([]string, bool, error) {
	return d.s.links(ctx, remote, items)
}

// Close ends all plugins and waits for them. Another Close does nothing more.
func (h *Host) Close() error {
	h.ending.Do(h.end)
	return nil
}

func (h *Host) end() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.stop()
	h.work.Wait()
	for _, f := range h.forges {
		f.kill()
	}
	h.minding.Wait()
	h.starter.close()
}
