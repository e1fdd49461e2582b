package gitrepo

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Remote is a remote repository as the configuration names it.
type Remote struct {
	Name string
	URL  string // without user information that holds a password
}

// Remotes reads the configured remotes: upstream first, then origin, then by name.
func (r *Repository) Remotes(ctx context.Context) ([]Remote, error) {
	if r.git == nil {
		return r.src.(*goGitSource).remotes(ctx)
	}
	// git config starts no program, and --no-includes reads this file alone.
	out, err := run(ctx, r.loc.CommonDir, environment("GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull), nil,
		"config", "--file", "config", "--no-includes", "-z", "--get-regexp", `^remote\..*\.url$`)
	if err != nil {
		var failed *gitError
		if errors.As(err, &failed) && ctx.Err() == nil {
			return nil, nil // no remotes, or no configuration at all
		}
		return nil, err
	}
	var remotes []Remote
	for entry := range strings.SplitSeq(string(out), "\x00") {
		key, value, ok := strings.Cut(entry, "\n")
		if !ok {
			continue
		}
		name := strings.TrimSuffix(strings.TrimPrefix(key, "remote."), ".url")
		remotes = addRemote(remotes, name, value)
	}
	return sortRemotes(remotes), nil
}

func addRemote(remotes []Remote, name, raw string) []Remote {
	for _, r := range remotes {
		if r.Name == name {
			return remotes // further URLs are for pushing
		}
	}
	return append(remotes, Remote{Name: name, URL: withoutPassword(raw)})
}

// withoutPassword drops user information from URLs that have some.
func withoutPassword(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Scheme != "" && u.User != nil {
		if _, secret := u.User.Password(); secret || u.Scheme != "ssh" {
			u.User = nil
			return u.String()
		}
	}
	return raw
}

// sortRemotes puts first what links lead to unless another remote is a better
// match: upstream, beside which origin is a fork as a rule, whose numbers are not
// those that messages name (gh takes the same order), else origin.
func sortRemotes(remotes []Remote) []Remote {
	rank := func(r Remote) int { return slices.Index([]string{"origin", "upstream"}, r.Name) }
	slices.SortStableFunc(remotes, func(a, b Remote) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a.Name, b.Name))
	})
	return remotes
}

func (s *goGitSource) remotes(ctx context.Context) ([]Remote, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	all, err := s.repo.Remotes()
	if err != nil {
		return nil, err
	}
	var remotes []Remote
	for _, r := range all {
		if c := r.Config(); len(c.URLs) > 0 {
			remotes = addRemote(remotes, c.Name, c.URLs[0])
		}
	}
	return sortRemotes(remotes), nil
}
