package lookup

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

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

// documentRepository is the repository that a commit's document is of, or "".
func documentRepository(uri string) string {
	repository, _, _ := ParseCommitURI(uri)
	return repository
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
		fs, err := bySHA(ctx, repo, strings.ToLower(sha), true)
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

func (l *Lookup) commitText(ctx context.Context, f found) (string, error) {
	c, m := f.commit, l.match(f)
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
	for _, landing := range m.Branches {
		sign := map[history.Status]string{history.Contains: signHere, history.Backported: signCopy, history.Missing: signMissing}[landing.Status]
		if sign == "" {
			sign = signUnknown
		}
		fmt.Fprintf(&b, "  %s %-28s %s", sign, oneLine(landing.Name, 60), landing.Status)
		if landing.FirstTag != nil {
			fmt.Fprintf(&b, " since %s", oneLine(*landing.FirstTag, 60))
		}
		b.WriteByte('\n')
	}
	if m.Tags.First != nil {
		fmt.Fprintf(&b, "  First released in %s%s\n", oneLine(*m.Tags.First, 60), others(len(m.Tags.All)))
	}
	for _, limit := range m.Limits {
		fmt.Fprintf(&b, "  %s\n", Explain(limit))
	}
	b.WriteByte('\n')
	for line := range strings.Lines(Clean(c.Message)) {
		b.WriteString(strings.TrimRight("    "+strings.TrimSuffix(line, "\n"), " ") + "\n")
	}
	b.WriteByte('\n')
	text, note, err := f.repo.Patch(ctx, f.hash)
	if err != nil {
		return "", fmt.Errorf("comparing %s: %w", c.Hash, err)
	}
	b.WriteString(Clean(text))
	if note != "" {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}
