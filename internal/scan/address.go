package scan

import (
	"net/url"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Address is what a forge's web address is of.
type Address struct {
	// Repository is the address of the repository, to be read as a remote's; "" of bugs,
	// whose names tell the tracker.
	Repository string
	Kind       string // commit, pull, issue, change or bug
	ID         string // a full SHA, a number, or a bug as Canonical has it
}

// AddressOf reads the address of a commit (by its full SHA), a pull or merge request,
// an issue, a change or a bug, by the paths that forges have for them:
//
//	/OWNER/REPO/pull/1, /pulls/1, /issues/1, /pull-requests/1, /commit/SHA
//	/GROUP/PROJECT/-/merge_requests/1, /-/issues/1, /-/commit/SHA
//	/c/PROJECT/+/1, /ANYTHING/+bug/1, /browse/PROJ-1
func AddressOf(text string) (Address, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return Address{}, false
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	repository := func(parts []string) string {
		return (&url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: "/" + strings.Join(parts, "/")}).String()
	}
	last := len(parts) - 1
	for i := 1; i < last; i++ {
		id := parts[i+1]
		switch p := parts[i]; {
		case p == "+" && parts[0] == "c" && i > 1 && allDigits(id):
			return Address{repository(parts[1:i]), "change", id}, true
		case p == "+bug" && allDigits(id):
			return Address{"", "bug", "lp#" + id}, true
		case i >= 2:
			kind := addressKinds[p]
			_, err := history.ParseHash(strings.ToLower(id))
			if kind == "" || kind == "commit" && err != nil || kind != "commit" && !allDigits(id) {
				continue
			}
			own := parts[:i]
			if parts[i-1] == "-" {
				own = parts[:i-1]
			}
			if len(own) < 2 {
				return Address{}, false
			}
			return Address{repository(own), kind, strings.ToLower(id)}, true
		}
	}
	if last >= 1 && parts[last-1] == "browse" {
		if m := Text(parts[last]); len(m) == 1 && m[0].Key.Kind == history.KeyBug {
			return Address{"", "bug", m[0].Canonical()}, true
		}
	}
	return Address{}, false
}

// addressKinds are what stands before the number or SHA.
var addressKinds = map[string]string{
	"pull": "pull", "pulls": "pull", "merge_requests": "pull", "pull-requests": "pull", "issues": "issue", "commit": "commit", "commits": "commit",
}
