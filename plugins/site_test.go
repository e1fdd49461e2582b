package plugins_test

import (
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

func TestItemIn(t *testing.T) {
	for _, test := range []struct {
		item plugins.Item
		want string // "" for none
	}{
		{plugins.Item{Kind: plugins.Issue, ID: "1"}, "a/b"},
		{plugins.Item{Kind: plugins.Issue, ID: "1", Project: "c/d"}, "c/d"},
		{plugins.Item{Kind: plugins.Issue, ID: "1", Project: "../d"}, ""},
		{plugins.Item{Kind: plugins.Issue, ID: "1", Project: "c d"}, ""},
		{plugins.Item{Kind: plugins.Issue, ID: "x"}, ""},
		{plugins.Item{Kind: "no such kind", ID: "1"}, ""},
	} {
		if at, ok := test.item.In("a/b"); ok != (test.want != "") || ok && at != test.want {
			t.Errorf("%+v is in %q, %v", test.item, at, ok)
		}
	}
}
