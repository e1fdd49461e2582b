package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gitrepo"
	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// work does what one measured process does.
func work(ctx context.Context, job, repo, dir string) (err error) {
	loc, err := gitrepo.Discover(ctx, repo)
	if err != nil {
		return err
	}
	view, err := os.MkdirTemp("", "contents-view-")
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, os.RemoveAll(view)) }()
	git, err := gitrepo.Open(ctx, loc, gitrepo.Options{ViewDir: view})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, git.Close()) }()
	switch job {
	case "fingerprints": // of the commits that are named on standard input
		commits, err := hashes(os.Stdin)
		if err != nil {
			return err
		}
		found, err := lineage.Fingerprints(ctx, git, commits)
		if err == nil && len(found) == 0 {
			err = errors.New("no commit has a fingerprint")
		}
		return err
	case "words", "words-alone": // a full index without the comparison
		return indexed(git, dir, job == "words-alone", func(x *index.Index) error { return x.WaitWords(ctx) })
	case "compare": // with an index that has all but the comparison
		return indexed(git, dir, false, func(x *index.Index) error { return x.WaitLineage(ctx) })
	case "looked": // which commits the comparison looks at; it is not kept
		r := &recorder{Source: git}
		copied := filepath.Join(view, "index")
		err := os.CopyFS(copied, os.DirFS(dir))
		if err == nil {
			err = indexed(r, copied, false, func(x *index.Index) error { return x.WaitLineage(ctx) })
		}
		for _, h := range r.looked {
			fmt.Println(h)
		}
		return err
	}
	return fmt.Errorf("no job is called %q", job)
}

// indexed opens an index, and closes it after what it is opened for.
func indexed(src index.Source, dir string, noLineage bool, do func(*index.Index) error) error {
	x, err := index.Open(src, index.Options{Name: "measured", Dir: dir, HashSize: 20, Tracker: task.New(task.Options{}), Words: true, NoLineage: noLineage})
	if err != nil {
		return err
	}
	x.Start(context.Background())
	return errors.Join(do(x), x.Close())
}

// recorder takes note of the commits whose changes were read.
type recorder struct {
	index.Source

	mu     sync.Mutex
	looked []history.Hash
}

func (r *recorder) Deltas(ctx context.Context, commits []history.Hash, fn func(history.Hash, []history.Delta) error) error {
	r.mu.Lock()
	r.looked = append(r.looked, commits...)
	r.mu.Unlock()
	return r.Source.Deltas(ctx, commits, fn)
}
