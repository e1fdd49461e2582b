package lookup

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// CommitURI is the address of a commit's document.
func CommitURI(repository string, sha history.Hash) string {
	return (&url.URL{Scheme: "cabhfuil", Path: "/" + repository + "/" + sha.String() + ".commit"}).String()
}

// ParseCommitURI is the reverse of CommitURI.
func ParseCommitURI(uri string) (repository string, sha history.Hash, ok bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "cabhfuil" {
		return "", sha, false
	}
	name, ok := strings.CutSuffix(strings.TrimPrefix(u.Path, "/"), ".commit")
	i := strings.LastIndexByte(name, '/')
	if !ok || i < 1 {
		return "", sha, false
	}
	sha, err = history.ParseHash(name[i+1:])
	return name[:i], sha, err == nil
}

// A name of dots alone would be another directory.
var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9._-]+|^\.+$`)

// CommitFile is the file of a commit's document below a directory, for clients
// that read files alone.
func CommitFile(dir, repository string, sha history.Hash) string {
	return filepath.Join(dir, commitFiles, unsafeInName.ReplaceAllString(repository, "-"), sha.String()+".commit")
}

const commitFiles = "commits"

// repository is the open repository that a document belongs to: a commit's
// document to the commit's, a file to the one that it lies in.
func (l *Lookup) repository(doc Document) (Repository, bool) {
	if repo, _, ok := l.shown(doc); ok {
		return repo, repo != nil
	}
	if m, ok := ParseMissingURI(doc.URI); ok {
		return l.named(func(r string) bool { return r == m.Repository })
	}
	if doc.Path == "" {
		return nil, false
	}
	return l.repos.For(doc.Path)
}

// shown is the commit that a document shows, if it is a commit's, and its repository,
// nil where that is not open.
func (l *Lookup) shown(doc Document) (Repository, history.Hash, bool) {
	if name, sha, ok := ParseCommitURI(doc.URI); ok {
		repo, _ := l.named(func(r string) bool { return r == name })
		return repo, sha, true
	}
	if base, ok := strings.CutSuffix(filepath.Base(doc.Path), ".commit"); ok {
		dir := filepath.Dir(filepath.Dir(filepath.Dir(doc.Path)))
		if sha, err := history.ParseHash(base); err == nil {
			if repo, ok := l.named(func(r string) bool { return CommitFile(dir, r, sha) == doc.Path }); ok {
				return repo, sha, true
			}
		}
	}
	return nil, history.Hash{}, false
}

func (l *Lookup) named(is func(name string) bool) (Repository, bool) {
	for _, r := range l.repos.All() {
		if is(r.Name()) {
			return r, true
		}
	}
	return nil, false
}

// CommitDocument is the text of a commit: header, landings, message, diff. sha
// may be abbreviated.
func (l *Lookup) CommitDocument(ctx context.Context, scope Scope, sha string) (*CommitDocument, error) {
	repos, _, err := l.scoped(scope)
	if err != nil {
		return nil, err
	}
	var errs []error // one repository's failure does not hide another's answer
	for _, repo := range repos {
		fs, err := anyBySHA(ctx, repo, strings.ToLower(sha), true)
		if err == nil && len(fs) > 1 {
			err = fmt.Errorf("%s is ambiguous", sha)
		}
		if err == nil && len(fs) == 1 {
			err = read(ctx, fs)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", repo.Name(), err))
			continue
		}
		if len(fs) == 1 && fs[0].commit != nil {
			text, err := l.commitText(ctx, fs[0])
			return &CommitDocument{Repository: repo.Name(), SHA: fs[0].hash, URI: CommitURI(repo.Name(), fs[0].hash), Text: text}, err
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return nil, fmt.Errorf("%s: no repository here has this commit", oneLine(sha, 70))
}

// landingLines are the lines that tell in a commit's document where it landed, without
// what a forge knows of them.
func landingLines(commit history.Hash, landings []history.Landing) []string {
	width := 0 // of the longest name, within reason, so that states stand below each other
	for _, landing := range landings {
		width = max(width, min(utf8.RuneCountInString(oneLine(landing.Name, 60)), 28))
	}
	lines := make([]string, len(landings))
	for i, landing := range landings {
		var b strings.Builder
		sign := signs[landing.Status]
		switch landing.Status {
		case history.Reverted:
			sign = "⚠"
		case history.NotAffected:
			sign = signNot
		}
		fmt.Fprintf(&b, "  %s %-*s  %s", sign, width, oneLine(landing.Name, 60), landing.Status)
		if landing.Commit != nil && *landing.Commit != commit {
			fmt.Fprintf(&b, " as %s", landing.Commit.Short())
		}
		if landing.FirstTag != nil {
			fmt.Fprintf(&b, " since %s", oneLine(*landing.FirstTag, 60))
		}
		if landing.RevertedBy != nil {
			fmt.Fprintf(&b, " by %s", landing.RevertedBy.Short())
		}
		if words := EvidenceWords(landing.Evidence); len(words) > 0 {
			fmt.Fprintf(&b, " (%s)", strings.Join(words, ", "))
		}
		if landing.Needed {
			b.WriteString(", needed: it has what this fixes")
		}
		lines[i] = b.String()
	}
	return lines
}

func (l *Lookup) commitText(ctx context.Context, f found) (string, error) {
	c, m := f.commit, l.match(f)
	var err error
	if m.Related, err = related(ctx, f); err != nil {
		return "", err
	}
	l.enrich(ctx, PatienceBudget, []found{f}, []*history.Match{&m})
	var b strings.Builder
	fmt.Fprintf(&b, "commit %s\n", c.Hash)
	if len(c.Parents) > 0 {
		b.WriteString("Parents:   ")
		for _, p := range c.Parents {
			b.WriteString(" " + p.String())
		}
		b.WriteByte('\n')
	}
	const stamp = "Mon Jan 2 15:04:05 2006 -0700"
	fmt.Fprintf(&b, "Author:     %s <%s>\nAuthorDate: %s\n", oneLine(c.Author.Name, 200), oneLine(c.Author.Email, 200), c.Author.Date.Format(stamp))
	fmt.Fprintf(&b, "Commit:     %s <%s>\nCommitDate: %s\n\n", oneLine(c.Committer.Name, 200), oneLine(c.Committer.Email, 200), c.Committer.Date.Format(stamp))
	lines := landingLines(c.Hash, m.Branches)
	for i, landing := range m.Branches {
		b.WriteString(lines[i])
		if r := landing.Requested; r != nil {
			b.WriteString(", requested")
			if r.ID != "" {
				fmt.Fprintf(&b, ": %s %s", requestName(*r), oneLine(r.State, 20))
			}
		}
		b.WriteByte('\n')
		for _, fix := range landing.Incomplete {
			fmt.Fprintf(&b, "    without its follow-up %s\n", fix.Short())
		}
	}
	if text := Released(m.Tags, TellsFirst(m), func(tag string) string { return oneLine(tag, 60) }); text != "" {
		fmt.Fprintf(&b, "  %s%s\n", strings.ToUpper(text[:1]), text[1:])
	}
	for _, r := range m.Related {
		if r.Relation != "equivalent" { // those stand with their lines
			fmt.Fprintf(&b, "  %-12s %s %s\n", r.Relation, r.SHA.Short(), oneLine(r.Subject, 90))
		}
	}
	for _, item := range m.Forge {
		if item.Kind != "commit" {
			fmt.Fprintf(&b, "  %s\n", strings.TrimSpace(oneLine(fmt.Sprintf("%s %s: %s", ItemName(item), ItemState(item), item.Title), 160)))
		}
	}
	for _, line := range Limits(m) {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	b.WriteByte('\n')
	for line := range strings.Lines(Clean(c.Message)) {
		b.WriteString(strings.TrimRight("    "+strings.TrimSuffix(line, "\n"), " ") + "\n")
	}
	patch, err := f.repo.Patch(ctx, c)
	if err != nil {
		return "", fmt.Errorf("comparing %s: %w", c.Hash, err)
	}
	subjects, err := parentSubjects(ctx, f)
	if err != nil {
		return "", err
	}
	writePatch(&b, patch, subjects)
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}

// parentSubjects are the subjects of a merge's parents, as far as they are here.
func parentSubjects(ctx context.Context, f found) (map[history.Hash]string, error) {
	subjects := map[history.Hash]string{}
	if len(f.commit.Parents) < 2 {
		return subjects, nil
	}
	err := f.repo.Commits(ctx, f.commit.Parents, func(c *history.Commit) error {
		subjects[c.Hash] = c.Subject()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the parents of %s: %w", f.hash, err)
	}
	return subjects, nil
}
