package repos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/gofrs/flock"

	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// Cloned is a repository that the configuration names by its address, and that
// we keep a clone of.
type Cloned struct {
	Name     string
	Remotes  []gitrepo.Followed // origin first
	Keep     bool               // branches that a remote deleted stay
	Select   gitrepo.Selection
	Manual   bool          // it is fetched only when somebody asks
	Interval time.Duration // between two fetches
	Timeout  time.Duration // of one attempt; 0 for none
	Recent   time.Duration // branches without a commit for that long are not kept; 0 for all
	// MaxSize is from how many bytes on it is too large, and Retention how long it
	// is kept without being used; 0 for no bound.
	MaxSize   int64
	Retention time.Duration
}

// CloneState is what a clone is doing.
type CloneState string

// The states of a clone.
const (
	CloneConfigured CloneState = "configured" // nothing was cloned yet
	CloneCloning    CloneState = "cloning"
	CloneActive     CloneState = "active"
	CloneSyncing    CloneState = "syncing"
	ClonePaused     CloneState = "paused"
	CloneError      CloneState = "error"   // the last attempt failed; what was fetched before answers
	CloneCleaned    CloneState = "cleaned" // it was removed to make room, and is cloned again by Sync when it is named
)

// CloneStatus is a clone as it stands.
type CloneStatus struct {
	Name   string     `json:"name"`
	URL    string     `json:"url"`
	Path   string     `json:"path"`
	State  CloneState `json:"state"`
	Synced time.Time  `json:"synced,omitzero"` // the last time that all went well
	Tried  time.Time  `json:"tried,omitzero"`
	Next   time.Time  `json:"next,omitzero"` // zero where nothing is planned
	Error  string     `json:"error"`

	Size    int64     `json:"size"` // in bytes, as it was after the last update
	Used    time.Time `json:"used,omitzero"`
	Cleaned time.Time `json:"cleaned,omitzero"` // when it was removed to make room
	Reason  string    `json:"reason,omitempty"` // why
	Over    string    `json:"over,omitempty"`   // that it is too large, in words
}

// SyncResult is how the update of one clone went.
type SyncResult struct {
	Name     string        `json:"name"`
	Skipped  bool          `json:"skipped"` // it was fetched recently, by whomever
	Err      error         `json:"-"`
	Duration time.Duration `json:"-"`
}

// ErrNoClone is returned for names that are not configured with an address.
var ErrNoClone = errors.New("no repository of this name is configured with an address to clone from")

// CloneOptions configure Clones.
type CloneOptions struct {
	Dir      string // of the clones
	StateDir string // of what is known of them
	IndexDir string // as Options.IndexDir: a clone's index goes with it
	CacheDir string // in which Dir, IndexDir and all else that may be cleaned up lie; "" for no clean-up
	Parallel int    // how many are updated at once; see SetParallel
	Retry    Retry  // see SetRetry
	Tracker  *task.Tracker
	Log      *slog.Logger
	// OnSynced is called after a clone was brought up to its remotes.
	OnSynced func(ctx context.Context, name, dir string)
	// OnGone is called when a clone is Ready no longer, before it goes.
	OnGone func(name string)
	// Now is the clock that ages are told by; nil for the system's.
	Now func() time.Time
}

// Clones keeps the repositories that are configured by their addresses: it makes
// and updates their clones, some at once, when they are due and when somebody
// asks. Several processes may keep the same ones; each clone has a lock, and a
// record of its last update that all of them read. It is safe for concurrent use.
type Clones struct {
	opt     CloneOptions
	slots   *slots
	changed chan struct{} // capacity 1: when the next is due may have changed

	mu      sync.Mutex
	retry   Retry
	all     map[string]*clone
	inPlace []string
	busy    map[string]CloneState // cloning or syncing in this process
	network gitrepo.Network       // of who came last: updates that nobody asks for use it
	stopped map[string]time.Time  // when somebody cancelled the last update
	used    map[string]time.Time  // as this process wrote it down last
	limits  Limits

	holding sync.Mutex
	holds   map[string]*hold // by the name of a clone's directory
}

type clone struct {
	Cloned
	dir, record string
	index       string // "" where CloneOptions name none
	orphan      bool   // it is on disk, and configured no longer
}

// syncRecord is what is kept of a clone between processes.
type syncRecord struct {
	Synced   time.Time `json:"synced,omitzero"`
	Tried    time.Time `json:"tried,omitzero"`
	Failures int       `json:"failures"` // since the last success
	Error    string    `json:"error,omitempty"`
	Paused   bool      `json:"paused,omitempty"`
	Size     int64     `json:"size,omitempty"`
	Cloned   time.Time `json:"cloned,omitzero"` // zero where an older version made it
	Used     time.Time `json:"used,omitzero"`   // about when it was last used
	Packed   time.Time `json:"packed,omitzero"` // when it was packed since it was too large
	Cleaned  time.Time `json:"cleaned,omitzero"`
	Reason   string    `json:"reason,omitempty"`
}

// NewClones keeps no clone yet; see Set.
func NewClones(opt CloneOptions) *Clones {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Clones{opt: opt, used: map[string]time.Time{}, holds: map[string]*hold{}, slots: newSlots(opt.Parallel), retry: opt.Retry, changed: make(chan struct{}, 1), all: map[string]*clone{}, busy: map[string]CloneState{}, stopped: map[string]time.Time{}}
}

// Set says which clones to keep. Those of before that are not among them stay on
// disk and are updated no more. inPlace are the paths of the repositories that
// the configuration names in place, of which nothing is ever removed.
func (c *Clones) Set(configured []Cloned, inPlace ...string) {
	all := make(map[string]*clone, len(configured))
	for _, k := range configured {
		base := indexName(k.Name, k.Remotes[0].URL)
		all[k.Name] = &clone{Cloned: k, dir: filepath.Join(c.opt.Dir, base+".git"), record: filepath.Join(c.opt.StateDir, base+".json")}
		if c.opt.IndexDir != "" {
			all[k.Name].index = indexOf(c.opt.IndexDir, all[k.Name].dir)
		}
	}
	c.mu.Lock()
	c.all, c.inPlace = all, inPlace
	c.mu.Unlock()
	c.wake()
}

// SetParallel says how many clones are updated at once. Updates that are under way
// go on where that is fewer now.
func (c *Clones) SetParallel(n int) { c.slots.resize(n) }

// SetNetwork says with which environment clones are updated that are due.
func (c *Clones) SetNetwork(n gitrepo.Network) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.network = n
}

func (c *Clones) latestNetwork() gitrepo.Network {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.network
}

// SetRetry says how updates that begin from now on are tried again.
func (c *Clones) SetRetry(r Retry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retry = r
}

func (c *Clones) wake() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// Ready are the directories of the clones that were made, by name.
func (c *Clones) Ready() map[string]string {
	ready := map[string]string{}
	for _, k := range c.list() {
		if r, err := k.read(); err == nil && !r.Synced.IsZero() {
			ready[k.Name] = k.dir
		}
	}
	return ready
}

// list is all clones by name.
func (c *Clones) list() []*clone {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*clone, 0, len(c.all))
	for _, k := range c.all {
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b *clone) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// named is the clone of a name, or ErrNoClone.
func (c *Clones) named(name string) (*clone, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.all[name]; k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("%s: %w", name, ErrNoClone)
}

// Status is all clones as they stand, by name.
func (c *Clones) Status() []CloneStatus {
	all := c.list()
	status := make([]CloneStatus, len(all))
	for i, k := range all {
		r, err := k.read()
		s := CloneStatus{Name: k.Name, URL: gitrepo.Place(k.Remotes[0].URL), Path: k.dir, State: CloneConfigured, Synced: r.Synced, Tried: r.Tried, Error: r.Error, Used: r.Used, Cleaned: r.Cleaned, Reason: r.Reason}
		if !r.Synced.IsZero() {
			s.Size, s.Over = r.Size, k.over(r.Size)
		}
		if due, planned := c.due(k, r); planned {
			s.Next = due
		}
		c.mu.Lock()
		busy := c.busy[k.Name]
		c.mu.Unlock()
		switch {
		case busy != "":
			s.State = busy
		case r.Paused:
			s.State = ClonePaused
		case err != nil:
			s.State, s.Error = CloneError, err.Error()
		case r.Error != "":
			s.State = CloneError
		case !r.Cleaned.IsZero():
			s.State = CloneCleaned
		case !r.Synced.IsZero():
			s.State = CloneActive
		}
		status[i] = s
	}
	return status
}

// Sync updates the named clones, or all that are neither paused nor cleaned up, and
// waits for them.
// Each has its own result; one that fails keeps no other from being updated.
// Without force those that were updated within their interval are skipped.
func (c *Clones) Sync(ctx context.Context, names []string, force bool) ([]SyncResult, error) {
	return c.SyncAs(ctx, nil, names, force)
}

// SyncAs is Sync with the environment of whoever asks.
func (c *Clones) SyncAs(ctx context.Context, network gitrepo.Network, names []string, force bool) ([]SyncResult, error) {
	var asked []*clone
	if len(names) == 0 {
		for _, k := range c.list() {
			if r, _ := k.read(); !r.Paused && r.Cleaned.IsZero() { //nolint:errcheck // the update itself tells
				asked = append(asked, k)
			}
		}
	}
	for _, name := range names {
		k, err := c.named(name)
		if err != nil {
			return nil, err
		}
		asked = append(asked, k)
	}
	results := make([]SyncResult, len(asked))
	var wg sync.WaitGroup
	for i, k := range asked {
		wg.Go(func() { results[i] = c.sync(ctx, k, network, force, len(names) > 0) })
	}
	wg.Wait()
	return results, nil
}

// Pause stops the updates of a clone that nobody asks for, or lets them go on.
func (c *Clones) Pause(name string, pause bool) error {
	k, err := c.named(name)
	if err != nil {
		return err
	}
	defer c.wake()
	return k.change(func(r *syncRecord) { r.Paused = pause })
}

// indexOf is where the index of a clone is, as the registry keeps it.
func indexOf(indexDir, dir string) string {
	dir = filepath.Join(real(filepath.Dir(dir)), filepath.Base(dir))
	return filepath.Join(indexDir, indexName(nameOf(gitrepo.Location{GitDir: dir, CommonDir: dir}), dir))
}

// Dir is where the clone of a name is, or would be.
func (c *Clones) Dir(name string) (string, error) {
	k, err := c.named(name)
	if err != nil {
		return "", err
	}
	return k.dir, nil
}

// Index is where the index of the clone of a name is, or would be.
func (c *Clones) Index(name string) (string, error) {
	k, err := c.named(name)
	if err != nil {
		return "", err
	}
	return k.index, nil
}

// ErrInPlace is returned for a clone that the configuration also names by its
// path.
var ErrInPlace = errors.New("the configuration also names it by its path, and a repository in place is never removed")

// ours is ErrInPlace where a clone is not ours alone.
func (c *Clones) ours(dir string) error {
	c.mu.Lock()
	inPlace := c.inPlace
	c.mu.Unlock()
	for _, path := range inPlace {
		if within(real(path), real(dir)) || within(real(dir), real(path)) {
			return fmt.Errorf("%s: %w", dir, ErrInPlace)
		}
	}
	return nil
}

// indexWait is how long a removal waits for a process that keeps the index: it
// closes the index when it sees that the configuration changed.
const indexWait = 10 * time.Second

// Delete removes a clone from the disk, with its index and what is known of it.
// It waits for an update that is under way.
func (c *Clones) Delete(ctx context.Context, name string) error {
	k, err := c.named(name)
	if err != nil {
		return err
	}
	if err := c.ours(k.dir); err != nil {
		return err
	}
	unlock, err := k.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	// The record goes first: one without a clone would say that there is one.
	err = errors.Join(os.RemoveAll(k.record), os.RemoveAll(k.dir), os.RemoveAll(k.dir+asideSuffix), os.RemoveAll(k.dir+goneSuffix))
	c.mu.Lock()
	delete(c.used, name)
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("removing the clone of %s: %w", name, err)
	}
	if k.index == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, indexWait)
	defer cancel()
	return index.Remove(ctx, k.index)
}

// Run updates clones as they fall due, until ctx ends.
func (c *Clones) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	running := map[string]bool{}
	ended := make(chan string)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next := time.Duration(-1)
		for _, k := range c.list() {
			if running[k.Name] {
				continue
			}
			r, err := k.read()
			due, planned := c.due(k, r)
			if err != nil || r.Paused || !planned {
				continue
			}
			wait := time.Until(due)
			if wait > 0 {
				if next < 0 || wait < next {
					next = wait
				}
				continue
			}
			running[k.Name] = true
			wg.Go(func() {
				c.sync(ctx, k, c.latestNetwork(), false, false)
				select {
				case ended <- k.Name:
				case <-ctx.Done():
				}
			})
		}
		if next >= 0 {
			timer.Reset(next)
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return
		case name := <-ended:
			delete(running, name)
		case <-c.changed:
		case <-timer.C:
		}
	}
}

// maxBackOff bounds the time between attempts at what keeps failing.
const maxBackOff = 24 * time.Hour

// due is when the clone is to be updated next. Those of one interval are spread
// over a tenth of it, so that they do not all come at once.
func (k *clone) due(r syncRecord) (at time.Time, planned bool) {
	switch {
	case k.Manual || k.Interval <= 0 || r.Paused || !r.Cleaned.IsZero():
		return time.Time{}, false
	case r.Tried.IsZero():
		return time.Time{}, true
	case r.Failures > 0:
		wait := k.Interval
		for range min(r.Failures-1, 8) {
			wait = min(2*wait, max(maxBackOff, k.Interval))
		}
		return r.Tried.Add(wait + k.spread(wait)), true
	}
	return r.Synced.Add(k.Interval + k.spread(k.Interval)), true
}

// due is k.due, but for a clone whose update somebody cancelled: nothing begins it
// again by itself before its interval has passed.
func (c *Clones) due(k *clone, r syncRecord) (at time.Time, planned bool) {
	at, planned = k.due(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if stopped, ok := c.stopped[k.Name]; ok && at.Before(stopped.Add(k.Interval)) {
		at = stopped.Add(k.Interval)
	}
	return at, planned
}

func (k *clone) spread(d time.Duration) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(k.Name)) //nolint:errcheck // a hash never fails
	return d / 10 * time.Duration(h.Sum32()%1000) / 1000
}

// sync updates one clone, when there is a slot and no other process does. One that
// was cleaned up, perhaps a moment ago, stays away unless somebody named it.
func (c *Clones) sync(ctx context.Context, k *clone, network gitrepo.Network, force, named bool) (result SyncResult) {
	started := time.Now()
	result.Name = k.Name
	defer func() { result.Duration = time.Since(started) }()
	kind, title, whole := "fetch", "fetching", ctx
	if r, err := k.read(); err != nil || r.Synced.IsZero() {
		kind, title = "clone", "cloning"
	}
	op, ctx := c.opt.Tracker.Prepare(ctx, kind, title, k.Name)
	op.Wait()
	if force {
		op.Remember()
	}
	defer func() {
		c.mu.Lock()
		if errors.Is(result.Err, task.ErrCancelled) {
			c.stopped[k.Name] = time.Now()
		} else {
			delete(c.stopped, k.Name)
		}
		c.mu.Unlock()
	}()
	defer func() {
		result.Err = task.Cause(ctx, result.Err)
		op.End(result.Err)
	}()
	if result.Err = c.slots.acquire(ctx); result.Err != nil {
		return result
	}
	defer c.slots.release()
	unlock, err := k.lock(ctx)
	if err != nil {
		result.Err = err
		return result
	}
	defer unlock()
	before, err := k.read()
	if err != nil {
		c.opt.Log.Warn("the record of a clone is written anew", "repository", k.Name, "error", err)
		before = syncRecord{}
	}
	fresh := !force && before.Error == "" && !before.Synced.IsZero() && c.opt.Now().Sub(before.Synced) < k.Interval
	if fresh || !named && !before.Cleaned.IsZero() {
		result.Skipped = true
		op.Result(map[string]bool{"skipped": true})
		return result
	}
	state := CloneSyncing
	if before.Synced.IsZero() {
		state = CloneCloning
	}
	c.doing(k.Name, state)
	defer c.doing(k.Name, "")
	op.Begin()
	result.Err = task.Cause(ctx, c.update(ctx, k, k.dir, op, network))
	if errors.Is(result.Err, context.Canceled) { // that says nothing of the remote
		return result
	}
	now, size := c.opt.Now().UTC().Truncate(time.Second), treeSize(k.dir)
	err = k.change(func(r *syncRecord) {
		r.Tried = now
		if result.Err != nil {
			r.Failures, r.Error = r.Failures+1, result.Err.Error()
			return
		}
		r.synced(now, size)
	})
	if err != nil {
		result.Err = errors.Join(result.Err, err)
	}
	if result.Err == nil && c.opt.OnSynced != nil {
		op.End(nil) // indexing has tasks of its own
		c.opt.OnSynced(whole, k.Name, k.dir)
	}
	return result
}

// synced takes note of an update that went well.
func (r *syncRecord) synced(now time.Time, size int64) {
	if r.Synced.IsZero() { // it is new
		r.Cloned, r.Used, r.Packed = now, now, time.Time{}
	}
	r.Synced, r.Tried, r.Failures, r.Error, r.Size = now, now, 0, "", size
	r.Cleaned, r.Reason = time.Time{}, ""
}

// doing notes what this process does with a clone; "" that it is done.
func (c *Clones) doing(name string, state CloneState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy[name] = state; state == "" {
		delete(c.busy, name)
	}
}

// update fetches into a directory, again after a pause where the remote did not
// answer. What changed becomes the task's result.
func (c *Clones) update(ctx context.Context, k *clone, dir string, op *task.Task, network gitrepo.Network) error {
	git := gitrepo.Clone{Dir: dir, Remotes: k.Remotes, KeepDeleted: k.Keep, Select: k.Select, Network: network, Progress: func(p gitrepo.Transfer) {
		op.Progress(p.Remote+": "+p.Phase, p.Done, p.Total)
	}}
	if k.Recent > 0 {
		git.Select.Since = c.opt.Now().Add(-k.Recent)
	}
	before, unread := git.Refs(ctx)
	defer func() {
		// Also of a fetch that failed or was cancelled: one remote of two may have come.
		after, err := git.Refs(context.WithoutCancel(ctx))
		if err := errors.Join(unread, err); err != nil {
			c.opt.Log.Debug("what a fetch changed", "repository", k.Name, "error", err)
			return
		}
		if changed := changes(before, after); changed.any() {
			op.Remember()
			op.Result(changed)
		} else if ctx.Err() == nil {
			op.Result(changed)
		}
	}()
	c.mu.Lock()
	retry := c.retry
	c.mu.Unlock()
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		attempt := ctx
		if k.Timeout > 0 {
			var cancel context.CancelFunc
			attempt, cancel = context.WithTimeout(ctx, k.Timeout)
			defer cancel()
		}
		err := git.Update(attempt)
		if err != nil && !errors.Is(err, gitrepo.ErrUnreachable) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(retry.pauses()), backoff.WithMaxTries(max(1, retry.Attempts)), backoff.WithMaxElapsedTime(0))
	return err
}

// Changes are what an update did to the refs of a clone: the result of its task.
type Changes struct {
	Added   int      `json:"added"`
	Moved   int      `json:"moved"`
	Deleted int      `json:"deleted"`
	Refs    []string `json:"refs"` // some of them, by name
}

func (c Changes) any() bool { return c.Added+c.Moved+c.Deleted > 0 }

// maxChanges is how many refs a task's result names.
const maxChanges = 20

func changes(before, after map[string]string) Changes {
	c := Changes{Refs: []string{}}
	for name, object := range after {
		switch old, known := before[name]; {
		case !known:
			c.Added++
		case old != object:
			c.Moved++
		default:
			continue
		}
		c.Refs = append(c.Refs, name)
	}
	for name := range before {
		if _, stays := after[name]; !stays {
			c.Deleted++
			c.Refs = append(c.Refs, name)
		}
	}
	slices.Sort(c.Refs)
	c.Refs = c.Refs[:min(len(c.Refs), maxChanges)]
	return c
}

// lock waits until no other process updates the clone.
func (k *clone) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(k.dir), 0o700); err != nil {
		return nil, fmt.Errorf("locking the clone: %w", err)
	}
	lock := flock.New(k.dir+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return nil, errors.Join(fmt.Errorf("locking the clone: %w", err), lock.Close())
	}
	return func() { _ = lock.Close() }, nil //nolint:errcheck // the process's end unlocks it too
}

func (k *clone) read() (r syncRecord, err error) {
	b, err := os.ReadFile(k.record)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return syncRecord{}, fmt.Errorf("reading the record of %s: %w", k.Name, err)
	}
	if _, err := os.Stat(k.dir); err != nil { // somebody deleted the clone
		r.Synced, r.Tried = time.Time{}, time.Time{}
	}
	return r, nil
}

// change alters the record, for who does not hold the clone's lock.
func (k *clone) change(alter func(*syncRecord)) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := os.MkdirAll(filepath.Dir(k.record), 0o700); err != nil {
		return fmt.Errorf("writing the record of %s: %w", k.Name, err)
	}
	lock := flock.New(k.record+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return errors.Join(fmt.Errorf("writing the record of %s: %w", k.Name, err), lock.Close())
	}
	defer lock.Close() //nolint:errcheck // the process's end unlocks it too
	r, err := k.read()
	if err != nil {
		r = syncRecord{}
	}
	alter(&r)
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := replaceFile(k.record, append(b, '\n')); err != nil {
		return fmt.Errorf("writing the record of %s: %w", k.Name, err)
	}
	return nil
}

// replaceFile writes a file whole, or not at all.
func replaceFile(path string, b []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "record-*.tmp")
	if err != nil {
		return err
	}
	_, err = tmp.Write(b)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
