package gerrit

import (
	"net/url"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

// FuzzDecode holds that whatever a host says makes things that are within bounds
// and lead to the host.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(")]}'\n" + `[{"project":"a/b","branch":"refs/heads/main","change_id":"I0123456789abcdef0123456789abcdef01234567","subject":"x","status":"NEW","created":"2026-01-02 03:04:05.000000000","_number":1,"owner":{"name":"J"},"labels":{"Verified":{"rejected":{}}},"hashtags":["backport/1"],"topic":"t","_more_changes":true}]`))
	f.Add([]byte(")]}'\n[]"))
	f.Add([]byte(")]}'\n[{\"project\":\"../..\",\"_number\":18446744073709551615,\"created\":\"x\",\"labels\":null,\"revisions\":{\"\":null}}]"))
	f.Add([]byte("[]"))
	f.Add([]byte("<html>"))
	at := site{Site: plugins.Site{URL: "https://review.example.org/r"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		var all []change
		if err := decode(body, &all); err != nil {
			return
		}
		for _, c := range all {
			c.Project = "a/b" // others are dropped
			thing := c.thing(at, "a/b", all)
			u, err := url.Parse(thing.URL)
			if err != nil || u.Host != "review.example.org" || !strings.HasPrefix(u.Path, "/r/c/a/b/+/") {
				t.Errorf("%q of %+v", thing.URL, c)
			}
			if thing.State == "" || thing.Kind != plugins.Change || strings.Contains(thing.Author, "@") || len(thing.Title) > 2000 || len(thing.Labels) > 200 {
				t.Errorf("%+v", thing)
			}
		}
	})
}

func TestDecode(t *testing.T) {
	for body, ok := range map[string]bool{
		")]}'\n[]": true, ")]}'[]": true, "[]": false, "": false, ")]}'": false, ")]}'\n{": false, ")]}'\n{}": false, ")]}'\n[{\"_number\":-1}]": false,
	} {
		var all []change
		if err := decode([]byte(body), &all); (err == nil) != ok {
			t.Errorf("%q: %v", body, err)
		}
	}
}
