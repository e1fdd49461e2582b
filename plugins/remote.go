package plugins

import (
	"net/url"
	"regexp"
	"strings"
)

// Remote is where a remote's URL leads: the host, and the path of the project on
// it, without slashes at its ends and without .git.
type Remote struct {
	Host    string // in lower case, with the port of a web address that names one
	Project string // such as owner/repo
	Web     bool   // it is an address of http or https
}

// scpLike is user@host:path, which git takes for ssh (gitremote-helpers, "GIT
// URLS"): no slash stands before the colon.
var scpLike = regexp.MustCompile(`^(?:[^@/:\s]+@)?([A-Za-z0-9][A-Za-z0-9.-]*):([^:\s][^\s]*)$`)

// hostName is what a host may be made of; anything else is no forge's.
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`)

// segment is one part of a project's path.
var segment = regexp.MustCompile(`^[A-Za-z0-9_~+][A-Za-z0-9_.~+-]*$`)

// ParseRemote reads a remote's URL in any of git's spellings. Credentials are
// dropped. URLs of files, of helpers (ext::…) and malformed ones are none.
func ParseRemote(raw string) (Remote, bool) {
	var host, path string
	web := false
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		switch u.Scheme {
		case "http", "https":
			host, web = u.Host, true
			if port := u.Port(); port == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
				host = u.Hostname()
			}
		case "ssh", "git", "git+ssh", "ssh+git":
			host = u.Hostname() // an ssh port says nothing of the web's
		default:
			return Remote{}, false
		}
		path = u.Path
	} else if m := scpLike.FindStringSubmatch(raw); m != nil && !strings.Contains(raw, "::") {
		host, path = m[1], m[2]
	} else {
		return Remote{}, false
	}
	r := Remote{Host: strings.ToLower(host), Project: strings.TrimSuffix(strings.Trim(path, "/"), ".git"), Web: web}
	if !hostName.MatchString(r.Host) || r.Project == "" {
		return Remote{}, false
	}
	for part := range strings.SplitSeq(r.Project, "/") {
		if !segment.MatchString(part) {
			return Remote{}, false
		}
	}
	return r, true
}

// PathEscape escapes a path for a URL and keeps its slashes.
func PathEscape(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}
