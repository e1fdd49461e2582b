package cli

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// FuzzHostileNames puts any text where names of refs, names of people and
// messages stand: nothing of it acts on a terminal, as text or as JSON.
func FuzzHostileNames(f *testing.F) {
	f.Add("stable/1.0", "A U Thor", "Subject\n\nBody\n")
	f.Add("\u202Eback\u200b", "\x1b]8;;http://e\x07", "\x9b31m \u009b31m \x7f")
	f.Add("`", "\r\n", "\xff\xfe\x00 \U000E0041")
	f.Fuzz(func(t *testing.T, ref, author, message string) {
		h := history.MustHash(strings.Repeat("1a", 20))
		date := time.Unix(1577836800, 0).UTC()
		m := history.Match{
			Repository: author, Tags: history.TagSet{First: &ref, All: []string{ref}},
			Commit:  history.Commit{Hash: h, Message: message, Author: history.Signature{Name: author, Email: author, Date: date}, Committer: history.Signature{Name: ref, Email: ref, Date: date}},
			Keys:    []history.Key{{Kind: history.KeyBug, Text: message}},
			Forge:   []history.ForgeItem{{Kind: ref, Title: author, URL: message}},
			Related: []history.Relation{{SHA: h, Subject: message, Relation: "fixes"}},
		}
		for _, s := range []history.Status{history.Contains, history.Backported, history.Reverted, history.Missing, history.Unknown, history.NotAffected} {
			m.Branches = append(m.Branches, history.Landing{Name: ref, Ref: "refs/heads/" + ref, Status: s, Commit: &h, FirstTag: &ref})
		}
		answers := []history.Answer{{Query: message, Matches: []history.Match{m}}, {Query: ref}, {Query: author, Error: &message}}
		result := &history.SearchResult{Hits: []history.Hit{{Repository: ref, SHA: h, Subject: message, Date: date}, {Repository: author, SHA: h, Subject: author, Date: date}}, Total: 9}
		for _, verbose := range []bool{false, true} {
			var b bytes.Buffer
			text := Text{Out: &b, Width: 80, Verbose: verbose}
			text.Answers(answers)
			text.Search(result)
			text.Missing(&history.MissingResult{From: ref, In: author, Changes: []history.MissingChange{{Subject: message, Reason: ref, Needed: true}}, Excluded: []history.ExcludedChange{{Reason: message}}})
			text.Check(&history.CheckResult{Results: []history.CheckedLanding{{Query: message, Line: ref, Reason: author}}})
			text.Status(Status{Repositories: []Repository{{Name: ref, Path: author, Error: message}}, Problems: []string{message}})
			quiet(t, b.String())
		}

		raw, err := json.Marshal(answers)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := JSON(&b, raw); err != nil {
			t.Fatal(err)
		}
		quiet(t, b.String())
		var before, after any
		if err := json.Unmarshal(raw, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b.Bytes(), &after); err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("the JSON means something else: %v\n%s", err, b.String())
		}
	})
}

// quiet fails for what acts on a terminal or turns the direction of text.
func quiet(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("no UTF-8: %q", text)
	}
	for _, r := range text {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Errorf("%U in %q", r, text)
			return
		}
	}
}
