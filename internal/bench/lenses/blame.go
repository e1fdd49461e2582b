package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// blamed is what git blame says of each line: the commit that counts as the
// newer the later it was committed, then authored, then by its name. It is
// written anew here, so that it shares no fault with what it checks.
type blamed []change

type change struct {
	sha               string // "" for a line that no commit has
	committed, author int64
}

func (t tree) blame(ctx context.Context, name, text string, edit bool) (blamed, error) {
	args := []string{"blame", "--porcelain"}
	if edit {
		file := filepath.Join(t.top, "buffer")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, err
		}
		args = append(args, "--contents", file)
	}
	out, err := t.git(ctx, append(args, "--", name)...)
	if err != nil {
		return nil, err
	}
	var lines []string
	changes := map[string]change{}
	sha := ""
	for line := range strings.SplitSeq(out, "\n") {
		if strings.HasPrefix(line, "\t") {
			lines = append(lines, sha)
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		c := changes[sha]
		switch {
		case len(word) == 40 || len(word) == 64:
			sha = word
			continue
		case word == "author-time":
			c.author, err = strconv.ParseInt(rest, 10, 64)
		case word == "committer-time":
			c.committed, err = strconv.ParseInt(rest, 10, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("git blame of %s: %w", name, err)
		}
		c.sha = strings.Repeat(sha, min(1, len(strings.Trim(sha, "0"))))
		changes[sha] = c
	}
	b := make(blamed, len(lines))
	for i, s := range lines {
		b[i] = changes[s]
	}
	return b, nil
}

// newest is the newest commit of lines, "" where they have none.
func (b blamed) newest(first, last int) string {
	var best change
	for i := first; i <= last && i < len(b); i++ {
		c := b[i]
		if c.sha != "" && (best.sha == "" || cmp.Or(cmp.Compare(c.committed, best.committed), cmp.Compare(c.author, best.author), cmp.Compare(c.sha, best.sha)) > 0) {
			best = c
		}
	}
	return best.sha
}
