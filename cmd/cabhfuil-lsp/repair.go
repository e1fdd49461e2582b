package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// repairParams are what cabhfuil.repair takes.
type repairParams struct {
	scope
	Repositories []string `json:"repositories"` // none for all clones
	DryRun       bool     `json:"dryRun"`
	Anew         bool     `json:"anew"` // clone anew what is beyond repair
}

// repair answers cabhfuil.repair: it checks clones, repairs them, and rebuilds
// the indexes. Of a repository in place it rebuilds the index alone.
func (a *guest) repair(ctx context.Context, argument json.RawMessage) (any, error) {
	var p repairParams
	if err := server.Decode(argument, &p); err != nil {
		return nil, err
	}
	if _, err := a.resolve(ctx, scope{Wait: p.Wait}); err != nil {
		return nil, err
	}
	if p.Repository != "" {
		p.Repositories = append(p.Repositories, p.Repository)
	}
	if len(p.Repositories) == 0 {
		for _, s := range a.clones.Status() {
			p.Repositories = append(p.Repositories, s.Name)
		}
	}
	all := cli.Repairs{DryRun: p.DryRun, Results: []cli.Repair{}}
	for _, name := range p.Repositories {
		if _, err := a.clones.Dir(name); err != nil && a.open(name) == nil {
			return nil, fmt.Errorf("no repository is called %q; repo list shows all", name)
		}
	}
	for _, name := range p.Repositories {
		all.Results = append(all.Results, a.repairOne(ctx, name, p))
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return all, nil
}

// open is the open repository of a name, or nil.
func (a *guest) open(name string) *repos.Repository {
	for _, r := range a.visit.All() {
		if r.Name == name {
			return r
		}
	}
	return nil
}

func (a *guest) repairOne(ctx context.Context, name string, p repairParams) cli.Repair {
	one := cli.Repair{Repository: name, Problems: []string{}, Done: []string{}}
	if dir, err := a.clones.Dir(name); err == nil {
		one.Path = dir
		found, err := a.clones.Repair(ctx, name, repos.Repair{DryRun: p.DryRun, Anew: p.Anew, Network: a.network})
		one.Problems, one.Done, one.Beyond = append(one.Problems, found.Problems...), append(one.Done, found.Done...), found.Beyond
		if err != nil {
			one.Error = err.Error()
		}
	}
	r := a.open(name)
	if r == nil || one.Beyond || one.Error != "" {
		return one
	}
	one.Path = r.Path
	if p.DryRun {
		one.Done = append(one.Done, "rebuild the index")
		return one
	}
	r.Index.Reindex()
	if err := r.Index.WaitGraph(ctx); err != nil {
		one.Error = "rebuilding the index: " + err.Error()
		return one
	}
	one.Done = append(one.Done, "rebuilt the index")
	return one
}

func repairCommand(io stdio, g *global) *cobra.Command {
	var yes, dry bool
	c := &cobra.Command{
		Use: "repair [NAME…]", Short: "Check clones, repair them, and rebuild their indexes: the named repositories, or all clones",
		Long: `Check clones with git fsck, remove what killed processes left in them, and rebuild their indexes. A clone that git finds
damaged is cloned anew, after a question: aside first, so that it stays as it is when the remote does not answer.
Of a repository in place the index alone is rebuilt, and only when it is named.

Exits 0 when nothing is wrong any more, 1 when you said no to cloning anew, 2 on failure.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			all, raw, err := askRepair(cmd.Context(), g, names, dry, yes)
			if err != nil {
				return err
			}
			beyond := map[string]int{}
			var anew []string
			for i, r := range all.Results {
				if r.Beyond {
					beyond[r.Repository] = i
					anew = append(anew, r.Repository)
				}
			}
			var refused error
			if len(anew) > 0 {
				for _, name := range anew {
					cli.Complain(os.Stderr, fmt.Errorf("%s is damaged: %s", name, strings.Join(all.Results[beyond[name]].Problems, "; ")))
				}
				if refused = agree(io, "Clone "+strings.Join(anew, ", ")+" anew?"); refused == nil {
					again, _, err := askRepair(cmd.Context(), g, anew, false, true)
					if err != nil {
						return err
					}
					for _, r := range again.Results {
						before := &all.Results[beyond[r.Repository]]
						r.Done = append(before.Done, r.Done...)
						*before = r
					}
					if raw, err = json.Marshal(all); err != nil {
						return err
					}
				}
			}
			if err := show(io, g, raw, func(t cli.Text) { t.Repairs(all) }); err != nil {
				return err
			}
			failed := 0
			for _, r := range all.Results {
				failed += complainOf(r.Repository, r.Error)
			}
			switch {
			case failed > 0:
				return fmt.Errorf("%d of %d repositories could not be repaired", failed, len(all.Results))
			case len(all.Results) == 0:
				return errors.New("nothing is cloned: no entry of repos.yaml has a source and no path; name a repository in place to rebuild its index")
			}
			return refused
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "clone what is damaged anew without asking")
	c.Flags().BoolVar(&dry, "dry-run", false, "check, say what would be done, and change nothing")
	return c
}

func askRepair(ctx context.Context, g *global, names []string, dry, anew bool) (all cli.Repairs, raw json.RawMessage, err error) {
	raw, err = ask(ctx, g, "cabhfuil.repair", map[string]any{"repositories": names, "dryRun": dry, "anew": anew})
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	return all, raw, err
}
