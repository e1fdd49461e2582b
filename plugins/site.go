package plugins

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Setting is what the user's configuration says of one place where a forge or a
// tracker runs. Each kind of forge uses what concerns it.
type Setting struct {
	Host     string   `json:"host,omitempty"`     // as remotes name it, with a port where the web's is not the usual one
	URL      string   `json:"url,omitempty"`      // its web address
	Projects []string `json:"projects,omitempty"` // of a tracker whose keys begin with them
	Remotes  []string `json:"remotes,omitempty"`  // patterns as of Description.Claims: whose repositories use it
	Key      string   `json:"key,omitempty"`      // of a template: the expression that keys match
	// Token is the name of the variable of the environment that has the token for
	// Host. Where Host and URL are "" it is for the user's own places that name no
	// other, and for the forge's main one, such as github.com; never for other places
	// that are built in, which a repository can name in its remotes.
	Token string `json:"token,omitempty"`
	// Helper says to ask git's credential helpers for the token.
	Helper bool `json:"helper,omitempty"`
}

// settingsName is the variable of the environment that hands a plugin its
// settings. A plugin that knows none ignores it.
const settingsName = "CABHFUIL_PLUGIN_SETTINGS"

// Settings are what the host was told of this plugin by the user's configuration.
// They stay the same as long as the process does.
func Settings() []Setting {
	var all []Setting
	if err := json.Unmarshal([]byte(os.Getenv(settingsName)), &all); err != nil {
		return nil // none were given
	}
	return all
}

// cacheName is the variable that names the directory for what a plugin keeps.
const cacheName = "CABHFUIL_PLUGIN_CACHE"

// CacheDir is where this plugin may keep what its forge says; "" for nowhere. It
// is the plugin's alone and outlives the process.
func CacheDir() string { return os.Getenv(cacheName) }

// CacheEnvironment is how a host hands a plugin's process its cache.
func CacheEnvironment(dir string) []string {
	if dir == "" {
		return nil
	}
	return []string{cacheName + "=" + dir}
}

// Environment is how a host hands settings to a plugin's process.
func Environment(all []Setting) ([]string, error) {
	if len(all) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("writing settings: %w", err)
	}
	return []string{settingsName + "=" + string(b)}, nil
}

// Site is one place where a forge runs.
type Site struct {
	Match string // a pattern as of Description.Claims
	URL   string // the web address below which its projects are, without a slash at its end
	// API is where its programs' interface begins, without a slash at its end. A site
	// without one is linked to and never asked, unless it is Own: a repository can
	// name any host in its remote, so that only those are asked which we know or the
	// user's settings name.
	API string
	Own bool // the user's settings name it
}

// Sites are the places of one forge. The first that matches a remote counts.
type Sites []Site

// NewSites puts the places that settings name in front of those that are known.
// Settings without a usable address are left out.
func NewSites(settings []Setting, known ...Site) Sites {
	var all Sites
	for _, s := range settings {
		address := s.URL
		if address == "" {
			address = "https://" + s.Host
		}
		if base, ok := Base(address); ok && s.Host != "" {
			all = append(all, Site{Match: s.Host, URL: base, Own: true})
		}
	}
	return append(all, known...)
}

// At are sites on the web under the name that their remotes have.
func At(hosts ...string) []Site {
	var all []Site
	for _, h := range hosts {
		all = append(all, Site{Match: h, URL: "https://" + h})
	}
	return all
}

// Remotes are the patterns of all sites.
func (s Sites) Remotes() []string {
	var all []string
	for _, site := range s {
		all = append(all, site.Match)
	}
	return all
}

// Locate finds the site of a remote and the project's path on it. Where the
// site's address has a path, remotes of the web repeat it, and it is no part of
// the project's.
func (s Sites) Locate(remote string) (site Site, project string, ok bool) {
	r, ok := ParseRemote(remote)
	if !ok {
		return Site{}, "", false
	}
	for _, site := range s {
		if !r.Matches(site.Match) {
			continue
		}
		project := r.Project
		if u, err := url.Parse(site.URL); err == nil && r.Web {
			if below := strings.Trim(u.Path, "/"); below != "" {
				project = strings.TrimPrefix(project, below+"/")
			}
		}
		return site, project, true
	}
	return Site{}, "", false
}

// Base is a web address that others are made from: http or https, with a host,
// without a user, a query or a fragment, and without a slash at its end.
func Base(raw string) (string, bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || !hostName.MatchString(strings.ToLower(u.Host)) {
		return "", false
	}
	return strings.TrimRight(u.Scheme+"://"+strings.ToLower(u.Host)+u.EscapedPath(), "/"), true
}

// Pages makes the address of each item by page, which is given the item's own
// project or else the remote's; "" for items that make no sense. What page is
// given holds no control character and no way up (..): SHAs and numbers are such,
// and only names of refs and paths need to be escaped.
func Pages(project string, items []Item, page func(project string, it Item) string) []string {
	urls := make([]string, len(items))
	for i, it := range items {
		if at, ok := it.In(project); ok {
			urls[i] = page(at, it)
		}
	}
	return urls
}

// In is the project that an item is of: its own, or else the remote's. ok is false
// where the item makes no sense: nothing is asked for it, and it has no page.
func (it Item) In(project string) (at string, ok bool) {
	if !it.sensible() {
		return "", false
	}
	if it.Project == "" {
		return project, true
	}
	other, ok := ParseRemote("https://host/" + it.Project)
	return other.Project, ok
}

var (
	commitID = regexp.MustCompile(`^[0-9a-fA-F]{7,64}$`)
	changeID = regexp.MustCompile(`^I[0-9a-fA-F]{40}$`)
	bugID    = regexp.MustCompile(`^([a-z]+#|[A-Z][A-Z0-9_]+-)[1-9][0-9]{0,17}$`)
)

// IsNumber says whether an ID is a number, as forges count.
func IsNumber(id string) bool {
	n, err := strconv.ParseUint(id, 10, 63)
	return err == nil && strconv.FormatUint(n, 10) == id && n > 0
}

// IsHash says whether an ID can be a commit's.
func IsHash(id string) bool { return commitID.MatchString(id) }

// BugID splits the ID of a bug: lp and 1 of lp#1, PROJ and 1 of PROJ-1.
func BugID(id string) (tracker, number string, ok bool) {
	if !bugID.MatchString(id) {
		return "", "", false
	}
	i := strings.LastIndexAny(id, "#-")
	return id[:i], id[i+1:], true
}

// sensible says whether an item can be what its kind says.
func (it Item) sensible() bool {
	switch it.Kind {
	case Commit:
		return IsHash(it.ID)
	case Pull, Issue:
		return IsNumber(it.ID)
	case Change:
		return IsNumber(it.ID) || changeID.MatchString(it.ID)
	case Bug:
		return bugID.MatchString(it.ID)
	case Branch, Tag:
		return isName(it.ID)
	case File:
		return isName(it.ID) && isName(strings.TrimPrefix(it.Path, "/")) && it.Line >= 0
	}
	return false
}

// isName says whether a text is a path with slashes that leads downwards.
func isName(text string) bool {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return false
	}
	for part := range strings.SplitSeq(text, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// Fragment is #prefix and a line's number, or "" where there is none.
func Fragment(prefix string, line int) string {
	if line <= 0 {
		return ""
	}
	return "#" + prefix + strconv.Itoa(line)
}
