package repos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/gofrs/flock"

	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// Policy says what goes first where room is wanted.
type Policy string

// The policies.
const (
	PolicyLRU    Policy = "lru"    // what was used longest ago
	PolicyFIFO   Policy = "fifo"   // what was cloned first
	PolicyManual Policy = "manual" // nothing by itself; as lru when somebody asks
)

// Limits are the bytes from which on room is made, until what is kept is below them
// again. 0 is no limit.
type Limits struct {
	Policy Policy
	Clones int64 // of all clones
	Cache  int64 // of the whole cache: clones, indexes, documents
	Total  int64 // of the cache, and of what CleanUp is told besides
}

// CleanUp says how far a clean-up may go.
type CleanUp struct {
	Names  []string // these clones, whatever the limits; none for what the limits say
	DryRun bool
	ByHand bool  // somebody asked: the policy manual counts as lru
	Other  int64 // bytes besides the cache that count in Limits.Total
}

// WasteKind is a kind of Waste.
type WasteKind string

// The kinds of waste.
const (
	WasteClone    WasteKind = "clone"    // with its index
	WastePack     WasteKind = "pack"     // a clone that is packed anew, and stays
	WasteIndex    WasteKind = "index"    // of a repository in place
	WasteLeftover WasteKind = "leftover" // of a process that was killed
	WasteDocument WasteKind = "document" // of a commit, which is written again when somebody asks
)

// Waste is something that was removed, or would be, or was not after all.
type Waste struct {
	Kind   WasteKind
	Name   string // of the repository; "" where it belongs to none
	Path   string
	Bytes  int64
	Reason string
	Kept   string // why it is still there; "" where it is not
	Err    error  // that kept it from being removed

	do func(ctx context.Context) error
}

// CleanedUp is how a clean-up went.
type CleanedUp struct {
	Items  []Waste
	Clones int64    // bytes of the clones afterwards
	Cache  int64    // and of the whole cache
	Over   []string // limits that are passed all the same, in words
}

// Freed are the bytes that were freed, or would be.
func (c CleanedUp) Freed() (bytes int64) {
	for _, w := range c.Items {
		if w.Kept == "" && w.Err == nil {
			bytes += w.Bytes
		}
	}
	return bytes
}

// How long things are left alone.
const (
	cleanGrace = 24 * time.Hour      // a clone that was used, or cloned, is not removed by itself
	packEvery  = 7 * 24 * time.Hour  // a clone that is too large is not packed again
	staleIndex = 7 * 24 * time.Hour  // an index whose repository is gone: its disk may come back
	idleIndex  = 90 * 24 * time.Hour // an index of a repository that nobody opens
	staleClone = 30 * 24 * time.Hour // a clone that is configured no longer: its entry may come back
	staleOrder = 7 * 24 * time.Hour  // and before which it goes in its turn, where room is wanted
	oldText    = 30 * 24 * time.Hour // a commit's document
	staleTemp  = 24 * time.Hour      // a temporary file
	usedEvery  = 6 * time.Hour       // the time of last use is written down at most that often
)

// SetLimits says how much is kept, from the next clean-up on.
func (c *Clones) SetLimits(l Limits) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limits = l
}

// Using says whether that a clone is used now is worth writing down, which Used
// does. It is quick.
func (c *Clones) Using(name string) bool {
	now := c.opt.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[name] == nil || now.Sub(c.used[name]) < usedEvery {
		return false
	}
	c.used[name] = now
	return true
}

// Used writes down that a clone is used now.
func (c *Clones) Used(name string) error {
	k, err := c.named(name)
	if err != nil {
		return err
	}
	now := c.opt.Now().UTC().Truncate(time.Second)
	return k.change(func(r *syncRecord) {
		if !r.Synced.IsZero() && r.Used.Before(now) {
			r.Used = now
		}
	})
}

// over says that a clone is too large; "" where it is not.
func (k *clone) over(size int64) string {
	if k.MaxSize <= 0 || size <= k.MaxSize {
		return ""
	}
	return fmt.Sprintf("it takes %s, more than its max_size of %s", bytesOf(size), bytesOf(k.MaxSize))
}

func bytesOf(n int64) string { return humanize.Bytes(uint64(max(0, n))) } //nolint:gosec // it is not negative

// treeSize is how many bytes the files below a directory have. It follows no link.
func treeSize(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error { //nolint:errcheck // what cannot be read counts nothing
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes
}

// isDir says whether there is a directory, and no link to one.
func isDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

// CleanUp removes what is not wanted any more: clones that nobody used for their
// retention, those that are too large, leftovers of killed processes, indexes of
// repositories that are gone; and where more is kept than the limits say, by the
// policy. It never touches a repository in place, what somebody uses, or anything
// behind a symbolic link. One clean-up goes on at a time; another process's is
// ErrCleaning for one that nobody asked for.
func (c *Clones) CleanUp(ctx context.Context, opt CleanUp) (result CleanedUp, err error) {
	if c.opt.CacheDir == "" {
		return result, nil
	}
	if err := os.MkdirAll(c.opt.CacheDir, 0o700); err != nil {
		return result, fmt.Errorf("cleaning up: %w", err)
	}
	lock := flock.New(filepath.Join(c.opt.CacheDir, "clean.lock"), flock.SetPermissions(0o600))
	defer lock.Close() //nolint:errcheck // the process's end unlocks it too
	if opt.ByHand {
		_, err = lock.TryLockContext(ctx, 100*time.Millisecond)
	} else if held, lockErr := lock.TryLock(); lockErr != nil || !held {
		err = cmp.Or(lockErr, ErrCleaning)
	}
	if err != nil {
		return result, fmt.Errorf("cleaning up: %w", err)
	}
	op, ctx := c.opt.Tracker.Prepare(ctx, "clean", "cleaning up", strings.Join(opt.Names, ", "))
	defer func() {
		err = task.Cause(ctx, err)
		op.End(err)
	}()
	r := &cleaning{c: c, opt: opt, now: c.opt.Now(), op: op}
	c.mu.Lock()
	r.limits = c.limits
	c.mu.Unlock()
	if opt.ByHand && r.limits.Policy == PolicyManual {
		r.limits.Policy = PolicyLRU
	}
	if err := r.run(ctx); err != nil {
		return r.result, err
	}
	if !opt.DryRun && len(opt.Names) == 0 {
		c.remember(r.result)
	}
	if len(r.result.Items) > 0 && !opt.DryRun {
		op.Result(map[string]int64{"items": int64(len(r.result.Items)), "bytes": r.result.Freed()})
	}
	return r.result, nil
}

// cleanRecord is what is kept of the last clean-up between processes.
type cleanRecord struct {
	Ended time.Time `json:"ended"`
	Over  []string  `json:"over,omitempty"`
}

func (c *Clones) cleanRecord() string { return filepath.Join(c.opt.StateDir, "clean.json") }

func (c *Clones) remember(r CleanedUp) {
	b, err := json.Marshal(cleanRecord{c.opt.Now().UTC().Truncate(time.Second), r.Over})
	if err == nil {
		err = replaceFile(c.cleanRecord(), append(b, '\n'))
	}
	if err != nil {
		c.opt.Log.Debug("writing down a clean-up", "error", err)
	}
}

// Over are the limits that the last clean-up, by whatever process, could not keep.
func (c *Clones) Over() []string {
	var r cleanRecord
	b, err := os.ReadFile(c.cleanRecord())
	if err != nil || json.Unmarshal(b, &r) != nil {
		return nil
	}
	return r.Over
}

// cleaning is one clean-up.
type cleaning struct {
	c      *Clones
	opt    CleanUp
	limits Limits
	now    time.Time
	op     *task.Task
	result CleanedUp

	kept []*candidate // what may go to make room
}

// candidate is something that may go.
type candidate struct {
	waste       Waste
	k           *clone // nil for the index of a repository in place
	clone       int64  // bytes of it that count as a clone's
	unwanted    bool   // it goes before all others
	used, first time.Time
	fixed       string // why it stays; "" where it may go
}

func (r *cleaning) run(ctx context.Context) error {
	if r.limits.Policy == PolicyManual && len(r.opt.Names) == 0 {
		r.measure()
		return nil
	}
	var err error
	if len(r.opt.Names) > 0 {
		err = r.named(ctx)
	} else {
		err = r.all(ctx)
	}
	r.measure()
	return err
}

// named removes the clones of some names.
func (r *cleaning) named(ctx context.Context) error {
	var all []*clone
	for _, name := range r.opt.Names {
		k, err := r.c.named(name)
		if err != nil {
			return err
		}
		all = append(all, k)
	}
	for _, k := range all {
		if isDir(k.dir) || isDir(k.index) {
			r.do(ctx, r.cloneWaste(k, "somebody asked"))
		}
	}
	return ctx.Err()
}

// all removes what the limits say.
func (r *cleaning) all(ctx context.Context) error {
	r.leftovers(ctx)
	r.documents(ctx)
	ours := r.clones(ctx)
	r.indexes(ctx, ours)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.room(ctx)
	return ctx.Err()
}

// do removes something, or says in a dry run whether it could be.
func (r *cleaning) do(ctx context.Context, w Waste) (gone bool) {
	if ctx.Err() != nil {
		return false
	}
	if !r.opt.DryRun {
		r.op.Begin()
		r.op.Remember()
		r.op.Progress(cmp.Or(w.Name, w.Path), int64(len(r.result.Items)), 0)
	}
	err := r.behindNoLink(w.Path)
	if err == nil {
		err = w.do(ctx)
	}
	switch {
	case errors.Is(err, ErrInUse), errors.Is(err, ErrInPlace), errors.Is(err, index.ErrHeld), errors.Is(err, errLink):
		w.Kept = err.Error()
	case err != nil:
		w.Err = err
	}
	r.result.Items = append(r.result.Items, w)
	return err == nil
}

var errLink = errors.New("it lies behind a symbolic link")

// behindNoLink fails where a directory between the cache, or the state, and a path
// is a link: it may lead anywhere.
func (r *cleaning) behindNoLink(path string) error {
	for _, root := range []string{r.c.opt.CacheDir, r.c.opt.StateDir} {
		rel, err := filepath.Rel(root, path)
		if err != nil || !filepath.IsLocal(rel) || rel == "." {
			continue
		}
		at := root
		for part := range strings.SplitSeq(rel, string(filepath.Separator)) {
			at = filepath.Join(at, part)
			if info, err := os.Lstat(at); err == nil && info.Mode()&fs.ModeSymlink != 0 {
				return fmt.Errorf("%s: %w", at, errLink)
			}
		}
		return nil
	}
	return fmt.Errorf("%s lies neither in the cache nor in the state directory", path)
}

// removal removes a path, unless this is a dry run.
func (r *cleaning) removal(path string) func(context.Context) error {
	return func(context.Context) error {
		if r.opt.DryRun {
			return nil
		}
		return os.RemoveAll(path)
	}
}

func (r *cleaning) cloneWaste(k *clone, reason string) Waste {
	bytes := treeSize(k.dir)
	if k.index != "" {
		bytes += treeSize(k.index)
	}
	w := Waste{Kind: WasteClone, Name: k.Name, Path: k.dir, Bytes: bytes, Reason: reason}
	w.do = func(ctx context.Context) error {
		return r.c.clean(ctx, k, reason, r.opt.DryRun)
	}
	return w
}

// tryLock is lock where nobody has it; ErrInUse otherwise.
func (k *clone) tryLock() (unlock func(), err error) {
	lock := flock.New(k.dir+".lock", flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking the clone: %w", err), lock.Close())
	}
	if !held {
		return nil, errors.Join(fmt.Errorf("%w: it is being fetched", ErrInUse), lock.Close())
	}
	return func() { _ = lock.Close() }, nil //nolint:errcheck // the process's end unlocks it too
}

// clean removes a clone with its index. Its record stays and says so: the clone is
// not Ready before the first of it goes.
func (c *Clones) clean(ctx context.Context, k *clone, reason string, dry bool) error {
	if err := c.ours(k.dir); err != nil {
		return err
	}
	if !isDir(k.dir) && c.opt.IndexDir != "" && !isDir(k.index) {
		return nil
	}
	unlock, err := k.tryLock()
	if err != nil {
		return err
	}
	defer unlock()
	done, err := c.alone(k)
	if err != nil {
		return fmt.Errorf("%w: another process has it open", err)
	}
	defer done()
	if dry {
		return nil
	}
	before, readErr := k.read()
	now := c.opt.Now().UTC().Truncate(time.Second)
	err = k.change(func(r *syncRecord) {
		r.Synced, r.Failures, r.Error, r.Size = time.Time{}, 0, "", 0
		r.Cleaned, r.Reason = now, reason
	})
	if err != nil {
		return err
	}
	if c.opt.OnGone != nil {
		c.opt.OnGone(k.Name)
	}
	if c.held(k) { // somebody came by its path
		if readErr == nil {
			err = k.change(func(r *syncRecord) { *r = before })
		}
		if c.opt.OnGone != nil {
			c.opt.OnGone(k.Name)
		}
		return errors.Join(err, fmt.Errorf("%w: it is open", ErrInUse))
	}
	if isDir(k.dir) {
		gone := k.dir + goneSuffix
		if err := errors.Join(os.RemoveAll(gone), os.Rename(k.dir, gone), os.RemoveAll(gone)); err != nil {
			return fmt.Errorf("removing the clone: %w", err)
		}
	}
	c.mu.Lock()
	delete(c.used, k.Name)
	c.mu.Unlock()
	if k.orphan { // an entry that comes back is one that nothing was cloned of yet
		err = os.RemoveAll(k.record)
	}
	if k.index == "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, indexWait)
	defer cancel()
	return errors.Join(err, index.Remove(ctx, k.index))
}

// everyClone are the configured clones, and those on disk that are configured no
// longer.
func (r *cleaning) everyClone() []*clone {
	all := r.c.list()
	known := map[string]bool{}
	for _, k := range all {
		known[filepath.Base(k.dir)] = true
	}
	entries, err := os.ReadDir(r.c.opt.Dir)
	if err != nil {
		return all
	}
	for _, e := range entries {
		base, isClone := strings.CutSuffix(strings.TrimSuffix(strings.TrimSuffix(e.Name(), asideSuffix), goneSuffix), ".git")
		if !isClone || !e.IsDir() || known[base+".git"] {
			continue
		}
		known[base+".git"] = true
		k := &clone{Cloned: Cloned{Name: base}, dir: filepath.Join(r.c.opt.Dir, base+".git"), record: filepath.Join(r.c.opt.StateDir, base+".json"), orphan: true}
		if r.c.opt.IndexDir != "" {
			k.index = indexOf(r.c.opt.IndexDir, k.dir)
		}
		all = append(all, k)
	}
	return all
}

// clones removes the clones that nobody wants, and takes note of the others. It
// returns the indexes of all.
func (r *cleaning) clones(ctx context.Context) map[string]bool {
	indexes := map[string]bool{}
	for _, k := range r.everyClone() {
		if !isDir(k.dir) {
			continue
		}
		indexes[k.index] = true
		record, err := k.read()
		if err != nil || ctx.Err() != nil {
			continue
		}
		if !record.Cleaned.IsZero() && record.Synced.IsZero() && !record.Tried.After(record.Cleaned) { // it was killed meanwhile
			r.do(ctx, r.cloneWaste(k, record.Reason))
			continue
		}
		used := latest(record.Used, record.Cloned)
		if k.orphan {
			used = latest(used, record.Synced, record.Tried)
		}
		if used.IsZero() { // of an older version: it counts from now on
			if used = r.now; !r.opt.DryRun {
				if err := k.change(func(s *syncRecord) { s.Used = used.UTC().Truncate(time.Second) }); err != nil {
					continue
				}
			}
		}
		size, idle := treeSize(k.dir), r.now.Sub(used)
		if k.over(size) != "" && r.now.Sub(record.Packed) > packEvery {
			size = r.pack(ctx, k, size)
			if r.opt.DryRun {
				continue // what that brings cannot be known
			}
		}
		reason := ""
		switch {
		case k.orphan && idle > staleClone:
			reason = fmt.Sprintf("it is configured no longer, and was not used for %s", days(idle))
		case k.Retention > 0 && idle > k.Retention:
			reason = fmt.Sprintf("it was not used for %s, and retention_days is %d", days(idle), k.Retention/(24*time.Hour))
		case k.over(size) != "" && idle > cleanGrace:
			reason = k.over(size)
		}
		if reason != "" && r.do(ctx, r.cloneWaste(k, reason)) {
			continue
		}
		found := &candidate{k: k, waste: r.cloneWaste(k, ""), clone: size, unwanted: k.orphan && idle > staleOrder, used: used, first: record.Cloned}
		switch {
		case reason != "":
			found.fixed = "it was tried already"
		case idle <= cleanGrace:
			found.fixed = "it was used within a day"
		}
		r.kept = append(r.kept, found)
	}
	return indexes
}

func latest(times ...time.Time) time.Time {
	return slices.MaxFunc(times, func(a, b time.Time) int { return a.Compare(b) })
}

// pack has git pack a clone that is too large anew, without what no ref leads to,
// and returns its size then.
func (r *cleaning) pack(ctx context.Context, k *clone, size int64) int64 {
	w := Waste{Kind: WastePack, Name: k.Name, Path: k.dir, Reason: k.over(size)}
	after := size
	r.do(ctx, Waste{Kind: w.Kind, Name: w.Name, Path: w.Path, Reason: w.Reason, do: func(ctx context.Context) error {
		unlock, err := k.tryLock()
		if err != nil || r.opt.DryRun {
			if err == nil {
				unlock()
			}
			return err
		}
		defer unlock()
		git := gitrepo.Clone{Dir: k.dir}
		if err := git.Pack(ctx); err != nil {
			return err
		}
		after = treeSize(k.dir)
		return k.change(func(s *syncRecord) { s.Packed, s.Size = r.now.UTC().Truncate(time.Second), after })
	}})
	if last := len(r.result.Items) - 1; last >= 0 {
		r.result.Items[last].Bytes = max(0, size-after)
	}
	return after
}

// room removes what the policy says until all is below the limits.
func (r *cleaning) room(ctx context.Context) {
	age := func(c *candidate) time.Time {
		if r.limits.Policy == PolicyFIFO {
			return c.first
		}
		return c.used
	}
	slices.SortFunc(r.kept, func(a, b *candidate) int {
		if a.unwanted != b.unwanted {
			return map[bool]int{true: -1, false: 1}[a.unwanted]
		}
		return cmp.Or(age(a).Compare(age(b)), cmp.Compare(a.waste.Path, b.waste.Path))
	})
	cache := treeSize(r.c.opt.CacheDir)
	var clones int64
	for _, c := range r.kept {
		clones += c.clone
	}
	if r.opt.DryRun {
		cache -= r.result.Freed()
	}
	for _, c := range r.kept {
		limit := ""
		switch {
		case c.clone > 0 && r.limits.Clones > 0 && clones > r.limits.Clones:
			limit = fmt.Sprintf("all clones take %s, of %s", bytesOf(clones), bytesOf(r.limits.Clones))
		case r.limits.Cache > 0 && cache > r.limits.Cache:
			limit = fmt.Sprintf("the cache takes %s, of %s", bytesOf(cache), bytesOf(r.limits.Cache))
		case r.limits.Total > 0 && cache+r.opt.Other > r.limits.Total:
			limit = fmt.Sprintf("all together take %s, of %s", bytesOf(cache+r.opt.Other), bytesOf(r.limits.Total))
		}
		if limit == "" || c.fixed != "" {
			continue
		}
		order := "was used longest ago"
		switch {
		case c.unwanted:
			order = "is configured no longer"
		case r.limits.Policy == PolicyFIFO:
			order = "came first"
		}
		w := c.waste
		if w.Reason = limit + ", and it " + order; c.k != nil {
			w = r.cloneWaste(c.k, w.Reason)
		}
		if r.do(ctx, w) {
			clones, cache = clones-c.clone, cache-w.Bytes
		}
	}
}

// measure takes note of what is left, and of the limits that it passes.
func (r *cleaning) measure() {
	for _, k := range r.everyClone() {
		if isDir(k.dir) {
			r.result.Clones += treeSize(k.dir)
		}
	}
	r.result.Cache = treeSize(r.c.opt.CacheDir)
	for _, l := range []struct {
		what        string
		takes, most int64
	}{
		{"all clones take", r.result.Clones, r.limits.Clones}, {"the cache takes", r.result.Cache, r.limits.Cache},
		{"cache and state take", r.result.Cache + r.opt.Other, r.limits.Total},
	} {
		if l.most > 0 && l.takes > l.most {
			r.result.Over = append(r.result.Over, fmt.Sprintf("%s %s; clean-up begins at %s", l.what, bytesOf(l.takes), bytesOf(l.most)))
		}
	}
}
