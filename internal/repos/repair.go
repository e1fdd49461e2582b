package repos

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// Repair says how far the repair of a clone may go.
type Repair struct {
	DryRun bool // nothing is changed
	Anew   bool // what is beyond repair is cloned anew
	// Network is the environment of whoever asks.
	Network gitrepo.Network
}

// Repaired is how the repair of a clone went.
type Repaired struct {
	Problems []string // what was found
	Done     []string // what was done about it, or, in a dry run, would be
	Beyond   bool     // it is beyond repair, and was not cloned anew
}

// What stands beside a clone that is being cloned anew: the new one, and the old
// one as it goes.
const (
	asideSuffix = ".new"
	goneSuffix  = ".old"
)

// Repair looks for what is wrong with a clone and repairs it: what killed
// processes left is removed, and with Anew a clone that git finds damaged is
// cloned aside and swapped in, so that a remote that does not answer costs
// nothing. It waits for an update that is under way.
func (c *Clones) Repair(ctx context.Context, name string, opt Repair) (result Repaired, err error) {
	k, err := c.named(name)
	if err != nil {
		return result, err
	}
	unlock, err := k.lock(ctx)
	if err != nil {
		return result, err
	}
	defer unlock()
	if _, err := os.Stat(k.dir); errors.Is(err, fs.ErrNotExist) {
		return result, nil // the next sync clones it
	}
	op, ctx := c.opt.Tracker.Start(ctx, "repair", "checking", k.Name)
	op.Remember()
	defer func() {
		err = task.Cause(ctx, err)
		if err == nil {
			op.Result(map[string]int{"problems": len(result.Problems), "repaired": len(result.Done)})
		}
		op.End(err)
	}()
	if err := c.mend(k, opt, &result); err != nil {
		return result, err
	}
	git := gitrepo.Clone{Dir: k.dir}
	damage, err := git.Check(ctx)
	if err != nil || len(damage) == 0 {
		return result, err
	}
	result.Problems = append(result.Problems, damage...)
	switch {
	case opt.DryRun:
		result.Done = append(result.Done, "clone it anew")
	case !opt.Anew:
		result.Beyond = true
	default:
		if err := c.anew(ctx, k, opt.Network); err != nil {
			return result, fmt.Errorf("cloning anew; the damaged clone stays: %w", err)
		}
		result.Done = append(result.Done, "cloned anew")
	}
	return result, nil
}

// mend repairs what needs no network.
func (c *Clones) mend(k *clone, opt Repair, result *Repaired) error {
	note := func(problem, would, did string) {
		result.Problems = append(result.Problems, problem)
		if opt.DryRun {
			did = would
		}
		result.Done = append(result.Done, did)
	}
	if _, err := k.read(); err != nil {
		note(err.Error(), "write the record anew", "wrote the record anew")
		if !opt.DryRun {
			if err := k.change(func(*syncRecord) {}); err != nil {
				return err
			}
		}
	}
	for _, left := range []string{k.dir + asideSuffix, k.dir + goneSuffix} {
		if _, err := os.Stat(left); err != nil {
			continue
		}
		note("a killed repair left "+left, "remove "+left, "removed "+left)
		if !opt.DryRun {
			if err := os.RemoveAll(left); err != nil {
				return err
			}
		}
	}
	git := gitrepo.Clone{Dir: k.dir}
	left, err := git.Leftovers()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // half a clone, which the check finds
	}
	if err != nil {
		return err
	}
	for _, path := range left {
		note("a killed git left "+path, "remove "+path, "removed "+path)
	}
	if opt.DryRun {
		return nil
	}
	return git.RemoveLeftovers(left)
}

// anew clones aside, and swaps the clones when that went well. The clone is not
// Ready in between, so that nobody reads both.
func (c *Clones) anew(ctx context.Context, k *clone, network gitrepo.Network) error {
	aside, gone := k.dir+asideSuffix, k.dir+goneSuffix
	c.doing(k.Name, CloneCloning)
	defer c.doing(k.Name, "")
	if err := errors.Join(os.RemoveAll(aside), os.RemoveAll(gone)); err != nil {
		return err
	}
	op, cloning := c.opt.Tracker.Start(ctx, "clone", "cloning anew", k.Name)
	op.Remember()
	err := task.Cause(cloning, c.update(cloning, k, aside, op, network))
	op.End(err)
	if err != nil {
		return errors.Join(err, os.RemoveAll(aside))
	}
	if err := k.change(func(r *syncRecord) { r.Synced = time.Time{} }); err != nil {
		return err
	}
	if c.opt.OnGone != nil {
		c.opt.OnGone(k.Name)
	}
	if err := os.Rename(k.dir, gone); err != nil {
		return err
	}
	if err := os.Rename(aside, k.dir); err != nil {
		return errors.Join(err, os.Rename(gone, k.dir))
	}
	if err := os.RemoveAll(gone); err != nil {
		return err
	}
	now, size := c.opt.Now().UTC().Truncate(time.Second), treeSize(k.dir)
	err = k.change(func(r *syncRecord) { r.synced(now, size) })
	if err == nil && c.opt.OnSynced != nil {
		c.opt.OnSynced(ctx, k.Name, k.dir)
	}
	return err
}
