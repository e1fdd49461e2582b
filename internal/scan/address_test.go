package scan_test

import (
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
)

func TestAddressOf(t *testing.T) {
	sha := strings.Repeat("1a2b3c4d", 5)
	for text, want := range map[string]scan.Address{
		"https://github.com/acme/engine/pull/12":                           {Repository: "https://github.com/acme/engine", Kind: "pull", ID: "12"},
		"https://GitHub.com/acme/engine/pull/12/files#r1":                  {Repository: "https://github.com/acme/engine", Kind: "pull", ID: "12"},
		"https://github.com/acme/engine/pull/12/commits/" + sha:            {Repository: "https://github.com/acme/engine", Kind: "pull", ID: "12"},
		"https://github.com/acme/issues/issues/12":                         {Repository: "https://github.com/acme/issues", Kind: "issue", ID: "12"},
		"https://codeberg.org/acme/engine/pulls/12":                        {Repository: "https://codeberg.org/acme/engine", Kind: "pull", ID: "12"},
		"https://gitlab.com/a/b/c/-/merge_requests/7?x=1":                  {Repository: "https://gitlab.com/a/b/c", Kind: "pull", ID: "7"},
		"https://gitlab.com/a/b/c/issues/7":                                {Repository: "https://gitlab.com/a/b/c", Kind: "issue", ID: "7"},
		"https://bitbucket.org/a/b/pull-requests/7/a-title":                {Repository: "https://bitbucket.org/a/b", Kind: "pull", ID: "7"},
		"https://review.opendev.org/c/openstack/nova/+/941234":             {Repository: "https://review.opendev.org/openstack/nova", Kind: "change", ID: "941234"},
		"https://review.opendev.org/c/openstack/nova/+/941234/3/nova/a.py": {Repository: "https://review.opendev.org/openstack/nova", Kind: "change", ID: "941234"},
		"https://bugs.launchpad.net/nova/+bug/2116852":                     {Kind: "bug", ID: "lp#2116852"},
		"https://issues.apache.org/jira/browse/KAFKA-1":                    {Kind: "bug", ID: "KAFKA-1"},
		"https://github.com/acme/engine/commit/" + strings.ToUpper(sha):    {Repository: "https://github.com/acme/engine", Kind: "commit", ID: sha},
		"https://gitlab.com/a/b/-/commit/" + sha:                           {Repository: "https://gitlab.com/a/b", Kind: "commit", ID: sha},
		"https://git.kernel.org/pub/scm/linux/linux.git/commit/" + sha:     {Repository: "https://git.kernel.org/pub/scm/linux/linux.git", Kind: "commit", ID: sha},
		"https://github.com/acme/engine/commit/1a2b3c4d":                   {},
		"https://github.com/acme/engine":                                   {},
		"https://github.com/acme/engine/pull/x":                            {},
		"https://github.com/acme/pull/12":                                  {},
		"https://github.com/pull/12":                                       {},
		"https://gitlab.com/a/-/issues/7":                                  {},
		"https://me:secret@github.com/acme/engine/pull/12":                 {},
		"https://github.com":                                               {},
		"https://issues.apache.org/jira/browse/":                           {},
		"/acme/engine/pull/12":                                             {},
		"https://review.opendev.org/c/+/941234":                            {},
		"::":                                                               {},
	} {
		got, ok := scan.AddressOf(text)
		if got != want || ok != (want != scan.Address{}) {
			t.Errorf("%s is %+v, %v, want %+v", text, got, ok, want)
		}
	}
}
