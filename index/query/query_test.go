package query_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/index/query"
)

var now = time.Date(2026, 11, 24, 15, 30, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"one two":                 "one two",
		"one OR two three":        "one OR two three",
		"(one OR two) three":      "(one OR two) three",
		"-one -(two three)":       "-one -(two three)",
		`"a phrase" word`:         `"a phrase" word`,
		`"with \"quotes\" \\"`:    `"with \"quotes\" \\"`,
		"=:text @:thor ?:src/a.c": `message:"text" author:"thor" file:"src/a.c"`,
		"file::/a ?:./b file:a*":  `file:":/a" file:"./b" file:"a*"`,
		`file:"with blank" -?:x/`: `file:"with blank" -file:"x/"`,
		"file::a":                 "file::a",
		"#:1A2B3C4":               `commit:"1a2b3c4"`,
		`author:"A U Thor"`:       `author:"A U Thor"`,
		"author:@me":              "author:@me",
		"committer:@me":           "committer:@me",
		"committer:me":            `committer:"me"`,
		"type:merge":              "type:merge",
		"after:2026-01-02":        "since:2026-01-02T00:00:00Z",
		"before:2026":             "until:2026-01-01T00:00:00Z",
		`since:"2 weeks ago"`:     "since:2026-11-10T15:30:00Z",
		"since:7d":                "since:2026-11-17T15:30:00Z",
		"since:yesterday":         "since:2026-11-23T00:00:00Z",
		"in:stable/1 missing:x":   `in:"stable/1" missing:"x"`,
		"cve:2024-32002":          `cve:"CVE-2024-32002"`,
		"fixes:1a2b3c4":           `fixes:"1a2b3c4"`,
		"backport-of:1a2b3c4":     `backport-of:"1a2b3c4"`,
		"repo:nova deadlock":      `repo:"nova" deadlock`,
		"std::string net: a:b":    "std::string net: a:b",
		"or OR oR":                "or OR oR",
		"foo.conntrack f(x)":      "foo.conntrack f(x)",
	} {
		q, err := query.Parse(text, query.Options{Now: now})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, q.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestPaths(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "one two": false, "file:a": true, "?:a": true, "one -(two OR (three file:a))": true, `"file:a"`: false, "file::a": false,
	} {
		q, err := query.Parse(text, query.Options{Now: now})
		if err != nil || q.Paths() != want {
			t.Errorf("%s asks for paths: %v, %v", text, !want, err)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	for text, column := range map[string]int{
		`"open`: 6, "(one": 5, "one)": 4, "OR one": 1, "one OR": 7, "one OR OR two": 8, "- one": 1, "()": 1, "author:": 8, "file:": 6, `file:"`: 7, `author:""`: 8,
		"commit:xyz": 8, "commit:12": 8, "type:tag": 6, "since:soon": 7, "after:2026-13-01": 7, "cve:1": 5, "changeid:I12": 10, "...": 1, `"..."`: 1,
		"message:...": 9, "é author:": 10, "one -": 5, `one "two`: 9,
	} {
		_, err := query.Parse(text, query.Options{Now: now})
		var syntax *query.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if syntax.Column != column || syntax.Expected == "" {
			t.Errorf("%s: column %d, not %d: %v", text, syntax.Column, column, err)
		}
	}
}

func TestTokens(t *testing.T) {
	for text, want := range map[string][]string{
		"Fix nf_conntrack": {"fix", "nf_conntrack", "nf", "conntrack"},
		"keepalived's ÉTÉ": {"keepalived", "s", "été"},
		"__init__ _ a1-b2": {"__init__", "init", "a1", "b2"},
		"":                 nil,
	} {
		var got []string
		for _, tok := range query.Tokens(nil, text) {
			got = append(got, tok.Text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestContainsPhrase(t *testing.T) {
	for _, c := range []struct {
		message, phrase string
		want            bool
	}{
		{"A leak of\n memory", "leak of memory", true}, {"Memory LEAK", "memory leak", true}, {"memory leaks", "memory leak", false},
		{"CVE-2024-32002.", "CVE-2024-32002", true}, {"CVE-2024-320021", "CVE-2024-32002", false}, {"a foo.bar()", "foo.bar(", true},
		{"nf_conntrack.c", "conntrack.c", true}, {"aa b", "a b", false}, {"x", "", true},
	} {
		if got := query.ContainsPhrase(c.message, c.phrase); got != c.want {
			t.Errorf("%q in %q: %v", c.phrase, c.message, got)
		}
	}
}

// FuzzParse: what parses prints a query that parses to the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"one OR -(two three)", `author:"x" "a b"`, "since:7d type:merge", "#:1a2b3c4 =:x", "a:b -c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := query.Parse(s, query.Options{Now: now})
		if err != nil {
			return
		}
		again, err := query.Parse(q.String(), query.Options{Now: now})
		if err != nil {
			t.Fatalf("%q prints %q: %v", s, q.String(), err)
		}
		if again.String() != q.String() {
			t.Fatalf("%q prints %q and then %q", s, q.String(), again.String())
		}
	})
}
