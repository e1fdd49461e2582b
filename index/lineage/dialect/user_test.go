package dialect_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/index/lineage/dialect"
)

// specs decodes what stands under dialects: in a user's configuration.
func specs(t *testing.T, text string) []dialect.Spec {
	t.Helper()
	var c struct {
		Dialects []dialect.Spec `yaml:"dialects"`
	}
	if err := yaml.UnmarshalWithOptions([]byte(text), &c, yaml.DisallowUnknownField()); err != nil {
		t.Fatal(err)
	}
	return c.Dialects
}

func TestUserDialects(t *testing.T) {
	s, err := dialect.Builtin().With(specs(t, `
dialects:
  - name: acme-port
    used_by: [ACME]
    pattern: '^Ported-From: (?P<sha>[0-9a-f]{7,40})(?: on (?P<line>\S+))?$'
    example: 'Ported-From: 1a2b3c4d on v2'
  - name: acme-anywhere
    pattern: 'port of \[?{sha}'
  - name: acme-fold
    pattern: '(?i)taken over from {sha}'
    means: partial-copy
  - name: acme-subject
    on: subject
    pattern: '^Port #(?P<key>\S+): (?P<subject>.+)$'
  - name: git-cherry-pick
    pattern: '^\(cherry picked from commit {sha}\)$'
`))
	if err != nil {
		t.Fatal(err)
	}
	got := read(s, `Port ##12: Revert "Close it"

Ported-From: 1a2b3c4d on v2
This is a port of [2b3c4d5e] and not of 3c4d5e6f, TAKEN OVER FROM 4d5e6f7a.
TAKEN OVER FROM 4d5e6f7a
> port of 5e6f7a8b
Fixes: 6f7a8b9c ("Open it")
(cherry picked from commit 7a8b9c0d)
`)
	want := `copy by acme-subject (user-dialect) at "#12" subject="Revert \"Close it\"" issue="#12"
revert by git-revert (revert) at "Close it" subject="Close it"
copy by acme-port (user-dialect) at "1a2b3c4d" sha="1a2b3c4d" line="v2"
copy by acme-anywhere (user-dialect) at "2b3c4d5e" sha="2b3c4d5e"
partial-copy by acme-fold (user-dialect) at "4d5e6f7a" sha="4d5e6f7a"
fix by fixes (fixes-trailer) at "6f7a8b9c" sha="6f7a8b9c" subject="Open it"
copy by git-cherry-pick (user-dialect) at "7a8b9c0d" sha="7a8b9c0d"
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n, m := len(s.Dialects()), len(dialect.Builtin().Dialects()); n != m+4 {
		t.Errorf("%d dialects, not %d and four more", n, m)
	}
	if strings.Contains(read(dialect.Builtin(), "x\n\nPorted-From: 1a2b3c4d"), "acme") {
		t.Error("the built-in set changed")
	}
}

func TestBadUserDialects(t *testing.T) {
	for _, test := range []struct{ yaml, field, want string }{
		{`{pattern: '^x {sha}'}`, "name", "is empty"},
		{`{name: a}`, "pattern", "is empty"},
		{`{name: a, pattern: ''}`, "pattern", "is empty"},
		{`{name: a, pattern: '^x (?P<sha>['}`, "pattern", "missing closing ]"},
		{`{name: a, pattern: '^x (?P<sha>x) {sha}'}`, "pattern", "twice"},
		{`{name: a, pattern: '^x (?P<commit>[0-9a-f]+)'}`, "pattern", `unknown group "commit"`},
		{`{name: a, pattern: '^x ([0-9a-f]+)'}`, "pattern", "no group that names a change"},
		{`{name: a, pattern: '^x (?P<line>.+)'}`, "pattern", "no group that names a change"},
		{`{name: a, pattern: '(?P<sha>[0-9a-f]*)'}`, "pattern", "matches the empty text"},
		{`{name: a, pattern: '^x {sha}', means: clone}`, "means", `"clone" is none of copy, partial-copy,`},
		{`{name: a, pattern: '^x {sha}', means: same}`, "pattern", "no group key"},
		{`{name: a, pattern: '^x {sha}', means: released}`, "pattern", "no group line"},
		{`{name: a, pattern: '^x {sha}', on: body}`, "on", `"body" is none of line, subject, opening, paragraph`},
		{`{name: a, pattern: '^x {sha}', evidence: patch-id}`, "evidence", "for built-in dialects"},
		{`{name: a, pattern: '^x {sha}', example: 'y 1a2b3c4d'}`, "example", "is not what the pattern matches"},
		{`{name: good, pattern: '^x {sha}'}`, "name", "is taken"},
	} {
		s, err := dialect.Builtin().With(specs(t, "dialects:\n- {name: good, pattern: '^good {sha}'}\n- "+test.yaml))
		var bad *dialect.SpecError
		if s != nil || !errors.As(err, &bad) {
			t.Errorf("%s: %v", test.yaml, err)
			continue
		}
		if bad.Index != 1 || bad.Field != test.field || !strings.Contains(err.Error(), test.want) || bad.Path() != "$.dialects[1]."+test.field {
			t.Errorf("%s: %v at %s", test.yaml, err, bad.Path())
		}
	}
	_, err := dialect.Builtin().With([]dialect.Spec{{Name: "a"}, {Name: "b", Pattern: "("}})
	if err == nil || !strings.Contains(err.Error(), "dialects[0] (a)") || !strings.Contains(err.Error(), "dialects[1] (b)") {
		t.Errorf("not all that is bad: %v", err)
	}
}
