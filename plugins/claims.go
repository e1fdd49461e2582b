package plugins

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Claims makes of a description the question whether an item, of a repository
// with a remote, may be this forge's; so that who never is need not be started.
// A remote of "" asks for what a bug's ID alone says.
//
// A pattern of Description.Remotes is a host, or a host and the beginning of a
// project's path: opendev.org, github.com/openstack. A host may begin with *. or
// end with .*; both stand for at least one label. A * alone is any host.
func (d Description) Claims() func(remote string, it Item) bool {
	keys := sync.OnceValue(func() []*regexp.Regexp { // most questions are about remotes
		var texts []string
		var keys []*regexp.Regexp
		for _, k := range d.Keys {
			if re, err := regexp.Compile("^(?:" + k + ")$"); err == nil {
				texts, keys = append(texts, "(?:"+k+")"), append(keys, re)
			}
		}
		if one, err := regexp.Compile("^(?:" + strings.Join(texts, "|") + ")$"); err == nil && len(keys) > 0 { // not where two name a group alike
			keys = []*regexp.Regexp{one}
		}
		return keys
	})
	anything := len(d.Remotes) == 0 && len(d.Keys) == 0
	var mu sync.Mutex
	known := map[string]bool{} // by remote: a document asks about thousands of keys
	return func(remote string, it Item) bool {
		switch {
		case !slices.Contains(d.Kinds, it.Kind):
			return false
		case anything:
			return remote != ""
		case remote == "":
			return it.Kind == Bug && slices.ContainsFunc(keys(), func(re *regexp.Regexp) bool { return re.MatchString(it.ID) })
		}
		mu.Lock()
		defer mu.Unlock()
		claimed, seen := known[remote]
		if !seen {
			r, ok := ParseRemote(remote)
			claimed = ok && slices.ContainsFunc(d.Remotes, r.Matches)
			if len(known) >= maxKnown {
				clear(known)
			}
			known[remote] = claimed
		}
		return claimed
	}
}

// maxKnown bounds what Claims remembers.
const maxKnown = 1000

// Matches says whether a remote leads to a place that a pattern names, as Claims
// explains. A host's case and a path's do not count, nor does a port that only
// the pattern has: ssh's remotes have none of the web's.
func (r Remote) Matches(pattern string) bool {
	host, prefix, within := strings.Cut(strings.ToLower(pattern), "/")
	if name, _, ok := strings.Cut(host, ":"); ok && !strings.Contains(r.Host, ":") {
		host = name
	}
	switch suffix, any := strings.CutPrefix(host, "*."); {
	case any:
		if !strings.HasSuffix(r.Host, "."+suffix) {
			return false
		}
	case strings.HasSuffix(host, ".*"):
		if rest, ok := strings.CutPrefix(r.Host, strings.TrimSuffix(host, "*")); !ok || rest == "" {
			return false
		}
	case r.Host != host && host != "*":
		return false
	}
	project := strings.ToLower(r.Project)
	prefix = strings.TrimSuffix(prefix, "/")
	return !within || project == prefix || strings.HasPrefix(project, prefix+"/") || prefix == ""
}
