package lookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage"
	"github.com/cabhfuil/cabhfuil-lsp/index/query"
	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
)

// Missing is what cabhfuil.missing asks.
type Missing struct {
	Scope
	From     string // the line that lacks something
	In       string // the line that has it; "" for the upstream line
	Needed   bool   // only what fixes something that From has
	Security bool   // only what names a CVE or an advisory
	Since    string // only what was committed since this date, as in searches
	Wait     bool   // until every tier of evidence is known
}

// ErrNoLine says that a repository has no line of that name.
var ErrNoLine = errors.New("no line, branch or tag has this name")

// side finds the ref of a line that people name.
func side(snap *index.Snapshot, name string) (lineage.Side, error) {
	for _, l := range snap.Lines {
		if l.Name == name || l.Ref == name {
			if id, ok := snap.Graph.RefByName(l.Ref); ok {
				return lineage.Side{Ref: id, Name: l.Name}, nil
			}
		}
	}
	if ref, ok := snap.Ref(name); ok {
		id, _ := snap.Graph.RefByName(ref.Name)
		return lineage.Side{Ref: id, Name: name}, nil
	}
	names := make([]string, 0, len(snap.Lines))
	for _, l := range snap.Lines {
		names = append(names, l.Name)
	}
	return lineage.Side{}, fmt.Errorf("%s: %w; the lines here are: %s", name, ErrNoLine, strings.Join(names, ", "))
}

// Missing tells what one line lacks of another in one repository: the scope's,
// or the first that has the line.
func (l *Lookup) Missing(ctx context.Context, m Missing) (*history.MissingResult, error) {
	var since time.Time
	if m.Since != "" {
		var ok bool
		if since, ok = query.Date(strings.TrimSpace(m.Since), time.Now()); !ok {
			return nil, fmt.Errorf(`since %q: expected a date such as 2025-01-31, "2 weeks ago" or 6months`, m.Since)
		}
	}
	if m.From == "" {
		return nil, errors.New("from: expected the name of a line, such as stable/2.1")
	}
	repos, _, err := l.scoped(m.Scope)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, repo := range repos {
		if m.Wait {
			if err := waitLines(ctx, repo, m.From, m.In); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", repo.Name(), err))
				continue
			}
		}
		result, err := l.missingIn(ctx, repo, m, since)
		if err == nil || ctx.Err() != nil {
			return result, err
		}
		errs = append(errs, fmt.Errorf("%s: %w", repo.Name(), err))
	}
	if len(errs) == 0 {
		errs = append(errs, errors.New("no repository here, and none is configured"))
	}
	return nil, errors.Join(errs...)
}

// waitLines waits for every tier of evidence, where the repository has lines of
// these names; "" is any. A name that was mistyped is told before that.
func waitLines(ctx context.Context, repo Repository, names ...string) error {
	if err := repo.WaitGraph(ctx); err != nil {
		return err
	}
	for _, name := range names {
		if name != "" {
			if _, err := side(repo.Snapshot(), name); err != nil {
				return err
			}
		}
	}
	return repo.WaitLineage(ctx)
}

func (l *Lookup) missingIn(ctx context.Context, repo Repository, m Missing, since time.Time) (*history.MissingResult, error) {
	snap := repo.Snapshot()
	from, err := side(snap, m.From)
	if err != nil {
		return nil, err
	}
	in := cmp.Or(m.In, snap.Upstream())
	if in == "" {
		return nil, errors.New("no upstream line was found; name one with --in")
	}
	has, err := side(snap, in)
	if err != nil {
		return nil, err
	}
	result := &history.MissingResult{Repository: repo.Name(), From: from.Name, In: has.Name, Changes: []history.MissingChange{}, Excluded: []history.ExcludedChange{}, Limits: snap.Limits()}
	document := m
	document.Repository = repo.Name()
	result.URI = MissingURI(document)
	lacks, excluded, err := snap.Missing(ctx, from, has)
	if errors.Is(err, index.ErrNoLineage) {
		result.Limits = append(result.Limits, history.LimitLineagePending)
		return result, nil
	}
	if err != nil {
		return nil, err
	}
	if snap.LineagePending() {
		result.Limits = append(result.Limits, history.LimitLineagePending)
	}
	for _, e := range excluded {
		result.Excluded = append(result.Excluded, history.ExcludedChange{SHA: snap.Graph.Hash(e.Pos), Reason: e.Reason})
	}
	if !since.IsZero() {
		lacks = slices.DeleteFunc(lacks, func(l lineage.Lack) bool { return snap.Graph.CommitTime(l.Pos) < since.Unix() })
	}
	hashes := make([]history.Hash, len(lacks))
	for i, lack := range lacks {
		hashes[i] = snap.Graph.Hash(lack.Pos)
	}
	next := 0
	// unread lists what stands before a commit that was read: what it says nobody
	// can tell, so that it may well be about security.
	unread := func(before history.Hash) {
		for ; next < len(lacks) && hashes[next] != before; next++ {
			lack, c := lacks[next], snap.Commit(lacks[next].Pos)
			if !slices.Contains(result.Limits, history.LimitPartial) {
				result.Limits = append(result.Limits, history.LimitPartial)
			}
			if !m.Needed || lack.Needed {
				result.Changes = append(result.Changes, history.MissingChange{SHA: c.Hash, Author: c.Author, Date: c.Committer.Date, Needed: lack.Needed, Reason: lack.Reason + "; its message cannot be read", Keys: []history.Key{}})
			}
		}
	}
	err = repo.Commits(ctx, hashes, func(c *history.Commit) error {
		unread(c.Hash)
		lack := lacks[next]
		next++
		keys := messageKeys(c.Message)
		change := history.MissingChange{SHA: c.Hash, Subject: c.Subject(), Author: c.Author, Date: c.Committer.Date, Needed: lack.Needed, Reason: lack.Reason, Keys: keys}
		if !change.Needed {
			reason, err := sharedBug(ctx, snap, from, c.Message)
			if err != nil {
				return err
			}
			if reason != "" {
				change.Needed, change.Reason = true, reason
			}
		}
		if m.Needed && !change.Needed || m.Security && !isSecurity(c, keys) {
			return nil
		}
		result.Changes = append(result.Changes, change)
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading commits: %w", err)
	}
	unread(history.Hash{})
	return result, nil
}

// messageKeys are what a message names, each once.
func messageKeys(message string) []history.Key {
	keys := []history.Key{}
	seen := map[string]bool{}
	scan.Each(message, func(m scan.Match) bool {
		if id := string(m.Key.Kind) + m.Canonical(); !seen[id] {
			seen[id] = true
			keys = append(keys, m.Key)
		}
		return true
	})
	return keys
}

// closes are the lines by which a commit says that it closes a bug.
var closes = regexp.MustCompile(`(?im)^(?:closes-bug|partial-bug|closes|fixes|resolves)\s*:?\s+(.+)$`)

// sharedBug is why a commit is needed that closes a bug: the line has another
// commit that is about this bug, which so has reached the line.
func sharedBug(ctx context.Context, snap *index.Snapshot, from lineage.Side, message string) (string, error) {
	for _, match := range closes.FindAllStringSubmatch(message, 8) {
		for _, key := range bugsIn(match[0]) {
			found, err := snap.ByKey(ctx, key.Kind, scan.Canonical(key), 20)
			if errors.Is(err, index.ErrNoWords) {
				return "", nil // it is one of the limits
			}
			if err != nil {
				return "", err
			}
			for _, p := range found {
				if snap.Graph.Contains(from.Ref, p) && !snap.Graph.Merge(p) {
					return fmt.Sprintf("closes %s, which %s on %s is about", oneLine(key.Text, 60), snap.Graph.Hash(p).Short(), from.Name), nil
				}
			}
		}
	}
	return "", nil
}

// bugsIn are the issues and bugs that a line names.
func bugsIn(line string) []history.Key {
	return slices.DeleteFunc(messageKeys(line), func(k history.Key) bool { return k.Kind != history.KeyBug && k.Kind != history.KeyIssue })
}

// isSecurity says whether a commit is about security: it names a CVE or an
// advisory, or says so in its subject or with a trailer.
func isSecurity(c *history.Commit, keys []history.Key) bool {
	for _, k := range keys {
		if k.Kind == history.KeyCVE || k.Kind == history.KeyGHSA {
			return true
		}
	}
	return securityWord.MatchString(c.Subject()) || securityTrailer.MatchString(c.Message)
}

var (
	securityWord    = regexp.MustCompile(`(?i)\b(?:security|vulnerability|ossa-\d{4}-\d+)\b`)
	securityTrailer = regexp.MustCompile(`(?im)^(?:securityimpact|security|advisory)\b`)
)

// Check is what cabhfuil.check asks: is each key on each line?
type Check struct {
	Scope
	Keys []string `json:"keys"`
	On   []string `json:"on"`
}

// Check holds changes against lines. It waits for every tier of evidence. A key
// that nobody knows fails; a line that its repository has not got is an error.
func (l *Lookup) Check(ctx context.Context, c Check) (*history.CheckResult, error) {
	if len(c.Keys) == 0 || len(c.On) == 0 {
		return nil, errors.New("expected a key that must be there, and a line")
	}
	repos, first, err := l.scoped(c.Scope)
	if err != nil {
		return nil, err
	}
	if err := waitAll(ctx, repos, Repository.WaitGraph); err != nil {
		return nil, err
	}
	if err := known(repos, c.On); err != nil {
		return nil, err
	}
	if err := waitAll(ctx, repos, Repository.WaitLineage); err != nil {
		return nil, err
	}
	result := &history.CheckResult{OK: true, Results: []history.CheckedLanding{}, Limits: []history.Limit{}}
	for _, key := range c.Keys {
		fs, err := l.whereOne(ctx, repos, first, key, true)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if len(fs) == 0 {
			result.OK = false
			result.Results = append(result.Results, history.CheckedLanding{Query: key, Reason: "no repository here knows it"})
		}
		if isHex(key) {
			if n := distinct(fs); n > 1 {
				return nil, fmt.Errorf("%s is ambiguous: %d commits begin so", key, n)
			}
		}
		fs = onePerChange(fs)
		for _, name := range c.On {
			checked, err := checkOn(fs, key, name)
			if err != nil {
				return nil, err
			}
			for _, one := range checked {
				result.OK = result.OK && one.OK
			}
			result.Results = append(result.Results, checked...)
		}
		for _, f := range fs {
			limits := f.snap.Limits()
			if f.snap.LineagePending() { // contents could not be compared
				limits = append(limits, history.LimitLineagePending)
			}
			for _, limit := range limits {
				if !slices.Contains(result.Limits, limit) {
					result.Limits = append(result.Limits, limit)
				}
			}
		}
	}
	return result, nil
}

// known refuses names of lines that no repository has: a slip is told before all
// evidence is waited for.
func known(repos []Repository, lines []string) error {
	for _, name := range lines {
		var without []error
		for _, repo := range repos {
			if _, err := side(repo.Snapshot(), name); err != nil {
				without = append(without, fmt.Errorf("%s: %w", repo.Name(), err))
			}
		}
		if len(without) == len(repos) {
			return errors.Join(without...)
		}
	}
	return nil
}

// onePerChange keeps one commit of each change: a CVE or a Change-Id is in the
// messages of all copies, and each of them has the same landings. The original is
// kept, and of copies whose original names no such key the first one.
func onePerChange(fs []found) []found {
	order := make([]int, len(fs))
	for i := range order {
		order[i] = i
	}
	isCopy := func(i int) int {
		if _, ok := fs[i].snap.Original(fs[i].pos); ok {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(isCopy(a), isCopy(b)) })
	known := map[string]bool{}
	dropped := make([]bool, len(fs))
	for _, i := range order {
		f := fs[i]
		if known[f.repo.Name()+f.hash.String()] {
			dropped[i] = true
			continue
		}
		for _, r := range f.snap.Related(f.pos) {
			if r.Relation == "equivalent" {
				known[f.repo.Name()+f.snap.Graph.Hash(r.Pos).String()] = true
			}
		}
	}
	var kept []found
	for i, f := range fs {
		if !dropped[i] {
			kept = append(kept, f)
		}
	}
	return kept
}

// distinct is how many commits were found, each once however many repositories
// have it.
func distinct(fs []found) int {
	hashes := map[history.Hash]bool{}
	for _, f := range fs {
		hashes[f.hash] = true
	}
	return len(hashes)
}

// checkOn holds a key's commits against a line, in each repository that has the
// line. Where none has, that is an error.
func checkOn(fs []found, key, name string) (all []history.CheckedLanding, err error) {
	var without []error
	for _, f := range fs {
		one, err := checkOne(f, key, name)
		switch {
		case errors.Is(err, ErrNoLine):
			without = append(without, err)
		case err != nil:
			return nil, err
		default:
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		return nil, errors.Join(without...)
	}
	return all, nil
}

func checkOne(f found, key, name string) (history.CheckedLanding, error) {
	c := history.CheckedLanding{Query: key, Repository: f.repo.Name(), SHA: f.hash, Line: name}
	ref, err := side(f.snap, name)
	if err != nil {
		return c, fmt.Errorf("%s: %w", f.repo.Name(), err)
	}
	c.Landing = f.snap.LandingOn(f.pos, ref)
	c.OK, c.Reason = judge(f.hash, c.Landing)
	return c, nil
}

// judge says whether a landing of a commit satisfies a gate, and why.
func judge(asked history.Hash, l history.Landing) (ok bool, reason string) {
	switch l.Status {
	case history.Contains, history.Backported:
		what := "is there"
		if l.Commit != nil && *l.Commit != asked {
			what += " as " + l.Commit.Short()
		}
		if l.FirstTag != nil {
			what += " since " + *l.FirstTag
		}
		switch n := len(l.Incomplete); {
		case n > 0:
			follow := map[bool]string{true: "follow-up ", false: "follow-ups "}[n == 1]
			for i, h := range l.Incomplete {
				if i == foldAbove {
					follow += fmt.Sprintf(" and %d more", n-i)
					break
				}
				if i > 0 {
					follow += ", "
				}
				follow += h.Short()
			}
			return false, what + ", without its " + follow
		case slices.Contains(l.Evidence, "partial"):
			return false, what + ", but only a part of it"
		}
		return true, what
	case history.Reverted:
		return false, "was reverted there by " + l.RevertedBy.Short()
	case history.NotAffected:
		return true, "is not needed there: what it fixes or reverts never reached the line"
	case history.Unknown:
		return false, "cannot be told: the history is truncated"
	}
	return false, "is missing there"
}
