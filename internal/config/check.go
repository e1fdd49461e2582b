package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/index/lineage/dialect"
)

// The checks of this file are between values; each leaves out what cannot be
// used, so that the rest counts.

// repositories keeps the entries that can be used.
func (d *decoder) repositories(all []Repository) []Repository {
	kept := []Repository{}
	names, urls, paths := map[string]string{}, map[string]string{}, map[string]string{}
	for i, r := range all {
		path := fmt.Sprintf("repos[%d]", i)
		if d.misshapen(path) {
			continue
		}
		switch {
		case d.faulty(path + ".name"), d.faulty(path + ".path"), d.faulty(path + ".source.url"):
			continue
		case r.Path == "" && r.Source.URL == "":
			if !d.faulty(path) {
				d.fault(d.placeOf(path), path, "", "says neither where the repository is nor where it comes from", "path or source.url", "add one of them")
			}
			continue
		case r.Path == "" && r.Name == "":
			d.fault(d.placeOf(path), path+".name", "", "is not there", "the name of a repository that is to be cloned", "")
			continue
		}
		twice := d.twice(names, path+".name", r.Name, r.Name, "a name of its own")
		twice = d.twice(urls, path+".source.url", r.Source.URL, sameURL(r.Source.URL), "each repository once; more branches or remotes go into that entry") || twice
		twice = d.twice(paths, path+".path", r.Path, r.Path, "each repository once") || twice
		if twice {
			continue
		}
		if r.Storage.Type == Full {
			d.note(path+".storage.type", quote(string(Full)), "is accepted, and the clone stays bare: a checkout would run what the repository and git's configuration name", "the repository's path, for a clone of your own, lets a work tree count")
		}
		r.Remotes = d.remotes(path+".remotes", r.Remotes)
		kept = append(kept, r)
	}
	return kept
}

// misshapen says whether an entry of a list is no mapping at all, or an empty one.
func (d *decoder) misshapen(path string) bool { return d.bad["="+path] }

// twice tells a value that stands twice. same is equal for values that are.
func (d *decoder) twice(seen map[string]string, path, value, same, expected string) bool {
	if value == "" {
		return false
	}
	first, twice := seen[same]
	if !twice {
		seen[same] = path
		return false
	}
	d.fault(d.placeOf(path), path, quote(redact(value)), fmt.Sprintf("is that of %s too, in line %d", first, d.placeOf(first).line), expected, "the first counts; change or remove one")
	return true
}

func (d *decoder) remotes(path string, all []Remote) []Remote {
	names := map[string]string{}
	var kept []Remote
	for i, r := range all {
		at := fmt.Sprintf("%s[%d]", path, i)
		if d.misshapen(at) || d.faulty(at+".name") || d.faulty(at+".url") || d.twice(names, at+".name", r.Name, r.Name, "a name of its own") {
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

// intervals gives the repositories that name no interval the default one.
func intervals(all []Repository, s Settings) {
	for i := range all {
		if all[i].Sync.Interval == 0 {
			all[i].Sync.Interval = s.DefaultSyncInterval
		}
	}
}

// authKeys tells the keys of a list's entries that auth.yaml does not define, or
// not in a way that suits. suits may be nil.
func (d *decoder) authKeys(list string, keys []string, methods map[string]AuthMethod, suits func(AuthMethod) bool) []*Fault {
	defined := slices.Sorted(maps.Keys(methods))
	told := &decoder{file: d.file}
	for i, key := range keys {
		path := fmt.Sprintf("%s[%d].auth_key", list, i)
		if key == "" {
			continue
		}
		if m, ok := methods[key]; ok {
			if suits != nil && !suits(m) {
				told.fault(d.placeOf(path), path, quote(key), "is of type "+string(m.Type)+", which no web interface takes", "a method of type token or credential_helper", "")
			}
			continue
		}
		expected := "one of " + strings.Join(defined, ", ")
		if len(defined) == 0 {
			expected = "a method that auth.yaml defines, and it defines none"
		}
		remedy := "define it under auth_methods in auth.yaml"
		if near := nearest(key, defined); near != "" {
			remedy = "did you mean " + near + "?"
		}
		told.fault(d.placeOf(path), path, quote(key), "is unknown", expected, remedy)
	}
	return told.faults
}

// dialects keeps those that can be read with.
func (d *decoder) dialects(all []dialect.Spec) []dialect.Spec {
	bad := map[int]bool{}
	for i := range all {
		bad[i] = d.misshapen(fmt.Sprintf("dialects[%d]", i))
	}
	_, err := new(dialect.Set).With(all)
	for _, e := range unjoin(err) {
		var wrong *dialect.SpecError
		if !errors.As(e, &wrong) || bad[wrong.Index] {
			continue
		}
		bad[wrong.Index] = true
		path := strings.TrimPrefix(wrong.Path(), "$.")
		if !d.faulty(path) {
			problem, expected, ok := strings.Cut(wrong.Err.Error(), "; expected ")
			if !ok {
				expected = map[string]string{"pattern": "a regular expression (RE2), such as '^Ported-From: {sha}$'", "example": "a line that it matches"}[wrong.Field]
			}
			d.fault(d.placeOf(path), path, "", problem, expected, "")
		}
	}
	kept := []dialect.Spec{}
	for i, spec := range all {
		if !bad[i] {
			kept = append(kept, spec)
		}
	}
	return kept
}

func unjoin(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

// global checks global.yaml.
func (d *decoder) global(g *Global) {
	g.Dialects = d.dialects(g.Dialects)
	names := map[string]string{}
	kept := []Plugin{}
	for i, p := range g.Plugins {
		at := fmt.Sprintf("plugins[%d]", i)
		if d.misshapen(at) || d.faulty(at) || d.twice(names, at+".name", p.Name, p.Name, "a name of its own") {
			continue
		}
		if slices.Contains(BuiltinPlugins(), p.Name) {
			d.fault(d.placeOf(at+".name"), at+".name", quote(p.Name), "is that of a built-in plugin", "a name of its own, none of "+strings.Join(BuiltinPlugins(), ", "), "")
			continue
		}
		kept = append(kept, p)
	}
	g.Plugins = kept
	g.Forges = d.forges(g.Forges)
	g.Trackers = d.trackers(g.Trackers)
	for _, part := range []struct {
		path string
		size Size
	}{{"storage.max_cache_size", g.Storage.MaxCacheSize}, {"storage.max_state_size", g.Storage.MaxStateSize}} {
		if _, written := d.at[part.path]; written && part.size > g.Storage.MaxTotalSize && !d.faulty(part.path) {
			d.fault(d.placeOf(part.path), part.path, quote(part.size.String()), "is more than the whole", "at most storage.max_total_size, which is "+g.Storage.MaxTotalSize.String(), "lower it, or raise that")
		}
	}
}

// BuiltinPlugins are the names of the plugins that ship with the program: each is a
// kind of forge or of tracker.
func BuiltinPlugins() []string { return append(ForgeType("").Values(), TrackerType("").Values()...) }

// forges keeps those that can be used.
func (d *decoder) forges(all []Forge) []Forge {
	hosts := map[string]string{}
	kept := []Forge{}
	for i, f := range all {
		at := fmt.Sprintf("forges[%d]", i)
		if d.misshapen(at) || d.faulty(at) || d.twice(hosts, at+".host", f.Host, f.Host, "each host once") {
			continue
		}
		kept = append(kept, f)
	}
	return kept
}

// trackers keeps those that can be used: with what their type needs, and nothing
// that it has no use for.
func (d *decoder) trackers(all []Tracker) []Tracker {
	kept := []Tracker{}
	for i, t := range all {
		at := fmt.Sprintf("trackers[%d]", i)
		if d.misshapen(at) || d.faulty(at) {
			continue
		}
		lacks := func(field, expected string) {
			d.fault(d.placeOf(at), at+"."+field, "", "is not there", expected+" beside type: "+string(t.Type), "")
		}
		useless := func(field string, there bool) {
			if there {
				d.fault(d.placeOf(at+"."+field), at+"."+field, "", "has no use beside type: "+string(t.Type), "no "+field, "remove it")
			}
		}
		useless("key", t.Key != "" && t.Type != TrackerTemplate)
		switch t.Type {
		case TrackerTemplate:
			if t.Key == "" {
				lacks("key", forms["key"].expected)
			} else if t.URL != "" {
				d.groups(at, t)
			}
			useless("projects", len(t.Projects) > 0)
		case TrackerLaunchpad:
			if len(t.Remotes) == 0 {
				lacks("remotes", "the remotes whose bugs are Launchpad's")
			}
			useless("url", t.URL != "")
			useless("projects", len(t.Projects) > 0)
		case TrackerBugzilla:
			if len(t.Remotes) == 0 {
				lacks("remotes", "the remotes whose bugs it has")
			}
			useless("projects", len(t.Projects) > 0)
		}
		if t.URL == "" && t.Type != TrackerLaunchpad {
			lacks("url", "its web address")
		}
		if t.Type != TrackerTemplate && group.MatchString(t.URL) {
			d.fault(d.placeOf(at+".url"), at+".url", quote(t.URL), "names a group", "a web address alone beside type: "+string(t.Type), "")
		}
		if !d.faulty(at) {
			kept = append(kept, t)
		}
	}
	return kept
}

// groups tells the groups of a template's address that its key does not have.
func (d *decoder) groups(at string, t Tracker) {
	re, err := regexp.Compile(t.Key)
	if err != nil {
		return // told already
	}
	places := group.FindAllString(t.URL, -1)
	if len(places) == 0 {
		d.fault(d.placeOf(at+".url"), at+".url", quote(t.URL), "is the same for every key", "an address with {1} for the first group of key, or {0} for all of it", "")
	}
	for _, place := range places {
		if n := int(place[1] - '0'); n > re.NumSubexp() {
			d.fault(d.placeOf(at+".url"), at+".url", quote(t.URL), "names "+place+", and the key has fewer groups", fmt.Sprintf("groups up to {%d}", re.NumSubexp()), "put ( ) around what is meant in key")
			return
		}
	}
}

// auth checks auth.yaml, and leaves out the methods that cannot be used.
func (d *decoder) auth(a *Auth) {
	for section, methods := range map[string]map[string]AuthMethod{"defaults": a.Defaults, "auth_methods": a.AuthMethods} {
		for _, name := range slices.Sorted(maps.Keys(methods)) {
			path, m := section+"."+step(name), methods[name]
			need, have := "", ""
			switch m.Type {
			case Token:
				need, have = "token_env", m.TokenEnv
			case CredentialHelper:
				need, have = "credential_helper", m.CredentialHelper
			}
			if !d.faulty(path) && need != "" && have == "" {
				d.fault(d.placeOf(path+".type"), path+"."+need, "", "is not there", "it beside type: "+string(m.Type), "")
			}
			if d.faulty(path) {
				delete(methods, name)
			}
		}
	}
}
