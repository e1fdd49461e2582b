package gitrepo

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Selection says which branches of each remote a clone keeps. Its zero value
// keeps all.
//
// A remote tells the names of its branches and not how old they are. Where age
// decides, all that Wants are transferred, to refs that nobody reads, and those
// that are kept are then made known.
type Selection struct {
	Wants    func(branch string) bool // nil for all
	Newest   int                      // how many are kept at most; 0 for all
	Since    time.Time                // those whose tip was committed before are not; zero for all
	Upstream string                   // kept whatever its age, as the remote's default branch is; "" for none
}

func (s Selection) wants(branch string) bool { return s.Wants == nil || s.Wants(branch) }

// all says whether it is plain by the number of branches that all are kept.
func (s Selection) all(branches int) bool {
	return s.Wants == nil && s.Since.IsZero() && (s.Newest == 0 || branches <= s.Newest)
}

// listing is what a remote says that it has: object names by short ref names.
type listing struct {
	head     string // its default branch; "" for none
	branches map[string]string
	tags     map[string]string
	peeled   map[string]string // what annotated tags lead to
}

// format is that of the object names, by their length; "" where there is none.
func (l listing) format() string {
	for _, refs := range []map[string]string{l.branches, l.tags} {
		for _, object := range refs {
			if len(object) == 64 {
				return "sha256"
			}
			return "sha1"
		}
	}
	return ""
}

func parseListing(out string) listing {
	l := listing{branches: map[string]string{}, tags: map[string]string{}, peeled: map[string]string{}}
	for line := range strings.Lines(out) {
		object, ref, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if target, ok := strings.CutPrefix(object, "ref: refs/heads/"); ok {
			if ref == "HEAD" {
				l.head = target
			}
		} else if branch, ok := strings.CutPrefix(ref, "refs/heads/"); ok && !strings.HasPrefix(object, "ref: ") {
			l.branches[branch] = object
		} else if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
			if tag, ok := strings.CutSuffix(tag, "^{}"); ok {
				l.peeled[tag] = object
			} else {
				l.tags[tag] = object
			}
		}
	}
	return l
}

// staging is where refs wait that are not known to be kept yet. No index reads
// them; they also keep what was transferred from being transferred again.
func staging(r Followed) string { return "refs/ca-bhfuil/" + r.Name + "/" }

// tip is where a ref leads.
type tip struct {
	object string
	date   int64 // of the commit, in seconds since 1970; 0 where it is none
}

// fetchSelected brings the clone up to the branches of a remote that are kept,
// and to the tags that lead into them.
func (c *Clone) fetchSelected(ctx context.Context, r Followed, there listing, fetch func(specs []string) error) error {
	wanted := maps.Clone(there.branches)
	maps.DeleteFunc(wanted, func(branch, _ string) bool { return !c.Select.wants(branch) })
	staged, err := c.stage(ctx, staging(r)+"heads/", "refs/heads/", wanted, fetch)
	if err != nil {
		return err
	}
	known := "refs/remotes/" + r.Name + "/"
	old, err := c.tips(ctx, known)
	if err != nil {
		return err
	}
	delete(old, "HEAD") // the name of another one
	if c.KeepDeleted {
		for branch, at := range old {
			if _, still := there.branches[branch]; !still && c.Select.wants(branch) {
				staged[branch] = at
			}
		}
	}
	kept := c.Select.keep(staged, there.head)
	if err := c.replace(ctx, known, old, kept); err != nil || r.Name != "origin" {
		return err
	}
	return c.fetchTags(ctx, r, there, kept, fetch)
}

// keep are the branches that are kept.
func (s Selection) keep(all map[string]tip, head string) map[string]tip {
	named := func(branch string) int {
		if branch == head || branch == s.Upstream {
			return 0
		}
		return 1
	}
	names := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(named(a), named(b)), cmp.Compare(all[b].date, all[a].date), cmp.Compare(a, b))
	})
	kept := map[string]tip{}
	for _, name := range names {
		if s.Newest > 0 && len(kept) == s.Newest {
			break
		}
		if named(name) == 0 || s.Since.IsZero() || all[name].date >= s.Since.Unix() {
			kept[name] = all[name]
		}
	}
	return kept
}

// fetchTags keeps the tags of the remote that lead into the branches that are
// kept. Those of which the clone has no commit are not transferred.
func (c *Clone) fetchTags(ctx context.Context, r Followed, there listing, kept map[string]tip, fetch func([]string) error) error {
	var in strings.Builder
	target := func(tag string) string { return cmp.Or(there.peeled[tag], there.tags[tag]) }
	tags := slices.Sorted(maps.Keys(there.tags))
	for _, tag := range tags {
		in.WriteString(target(tag) + "\n")
	}
	out, err := c.git(ctx, strings.NewReader(in.String()), "cat-file", "--buffer", "--batch-check=%(objectname)")
	if err != nil {
		return err
	}
	present := map[string]bool{}
	for line := range bytes.Lines(out) {
		present[strings.TrimSpace(string(line))] = true // "<name> missing" for the others
	}
	wanted := maps.Clone(there.tags)
	maps.DeleteFunc(wanted, func(tag, _ string) bool { return !present[target(tag)] })
	waiting := staging(r) + "tags/"
	staged, err := c.stage(ctx, waiting, "refs/tags/", wanted, fetch)
	if err != nil {
		return err
	}
	leads := map[string]tip{}
	if len(kept) > 0 && len(staged) > 0 {
		args := []string{"for-each-ref", "--format=%(refname)"}
		for _, at := range kept {
			args = append(args, "--merged="+at.object)
		}
		if out, err = c.git(ctx, nil, append(args, waiting)...); err != nil {
			return err
		}
		for ref := range strings.Lines(string(out)) {
			tag := strings.TrimPrefix(strings.TrimSpace(ref), waiting)
			leads[tag] = staged[tag]
		}
	}
	old, err := c.tips(ctx, "refs/tags/")
	if err != nil {
		return err
	}
	if c.KeepDeleted {
		for tag, at := range old {
			if _, still := there.tags[tag]; !still {
				leads[tag] = at
			}
		}
	}
	return c.replace(ctx, "refs/tags/", old, leads)
}

// stage fetches what is wanted of the remote's refs under a prefix to refs under
// another one, and has nothing else there.
func (c *Clone) stage(ctx context.Context, under, from string, wanted map[string]string, fetch func([]string) error) (map[string]tip, error) {
	old, err := c.tips(ctx, under)
	if err != nil {
		return nil, err
	}
	stay := maps.Clone(old)
	maps.DeleteFunc(stay, func(name string, _ tip) bool { return wanted[name] == "" })
	if err := c.replace(ctx, under, old, stay); err != nil {
		return nil, err
	}
	var specs []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if stay[name].object != wanted[name] {
			specs = append(specs, "+"+from+name+":"+under+name)
		}
	}
	if len(specs) == 0 {
		return stay, nil
	}
	if err := fetch(specs); err != nil {
		return nil, err
	}
	return c.tips(ctx, under)
}

// unstage removes what waits of a remote, for one that has everything kept.
func (c *Clone) unstage(ctx context.Context, r Followed) error {
	old, err := c.tips(ctx, staging(r))
	if err != nil {
		return err
	}
	return c.replace(ctx, staging(r), old, nil)
}

// tips are the refs under a prefix that ends in a slash, by what follows it.
func (c *Clone) tips(ctx context.Context, under string) (map[string]tip, error) {
	out, err := c.git(ctx, nil, "for-each-ref", "--format=%(objectname) %(committerdate:unix) %(refname)", under)
	if err != nil {
		return nil, err
	}
	all := map[string]tip{}
	for line := range strings.Lines(string(out)) {
		object, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		date, ref, _ := strings.Cut(rest, " ")
		at := tip{object: object}
		if at.date, err = strconv.ParseInt(cmp.Or(date, "0"), 10, 64); err != nil {
			return nil, fmt.Errorf("reading the refs of the clone: %w", err)
		}
		all[strings.TrimPrefix(ref, under)] = at
	}
	return all, nil
}

// replace makes the refs under a prefix those of now. What goes is removed first:
// it may be called what is a directory now.
func (c *Clone) replace(ctx context.Context, under string, old, now map[string]tip) error {
	var remove, set strings.Builder
	for name := range old {
		if _, stays := now[name]; !stays {
			fmt.Fprintf(&remove, "delete %s%s\n", under, name)
		}
	}
	for name, at := range now {
		if old[name].object != at.object {
			fmt.Fprintf(&set, "update %s%s %s\n", under, name, at.object)
		}
	}
	for _, changes := range []string{remove.String(), set.String()} {
		if changes == "" {
			continue
		}
		if _, err := c.git(ctx, strings.NewReader(changes), "update-ref", "--no-deref", "--stdin"); err != nil {
			return fmt.Errorf("writing the refs of the clone: %w", err)
		}
	}
	return nil
}

// git runs git in the clone, with no configuration but the clone's.
func (c *Clone) git(ctx context.Context, stdin io.Reader, args ...string) ([]byte, error) {
	return run(ctx, c.Dir, environment("GIT_DIR="+c.Dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull), stdin, args...)
}
