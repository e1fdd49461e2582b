package plugins_test

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
)

func TestBounded(t *testing.T) {
	small := plugins.Thing{ID: "1", Title: "a title", Labels: []string{"bug"}, Backports: []plugins.Backport{{Target: "stable/1"}}}
	if got := small.Bounded(); !reflect.DeepEqual(got, small) {
		t.Errorf("what is small becomes %+v", got)
	}
	if got := (plugins.Thing{}).Bounded(); !reflect.DeepEqual(got, plugins.Thing{}) {
		t.Errorf("nothing becomes %+v", got)
	}
	long := strings.Repeat("ü", 5000)
	labels := make([]string, 1000)
	for i := range labels {
		labels[i] = long
	}
	large := plugins.Thing{Title: long, Status: long, Author: long, Labels: labels, Backports: make([]plugins.Backport, 1000)}
	large.Backports[0].Title = long
	got := large.Bounded()
	for _, text := range []string{got.Title, got.Status, got.Author, got.Labels[99], got.Backports[0].Title} {
		if len(text) > 1010 || !utf8.ValidString(text) || !strings.HasSuffix(text, "…") {
			t.Errorf("%d bytes stay: %.20q", len(text), text)
		}
	}
	if len(got.Labels) != 100 || len(got.Backports) != 100 || labels[0] != long || large.Backports[0].Title != long {
		t.Errorf("%d labels and %d backports stay", len(got.Labels), len(got.Backports))
	}
}

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
