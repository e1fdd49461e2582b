package dialect

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the claims in testdata, and docs/dialects.md")

const docs = "../../../docs/dialects.md"

// intro stands above the table of docs/dialects.md.
const intro = `<!-- Generated from index/lineage/dialect/dialects.yaml: go test ./index/lineage/dialect -update -->
# Dialects

A dialect is how a community writes in a commit message that the commit is a copy of another one, reverts it or fixes it.
These are built in; of those on a line the first that matches counts.

Your own ones go under ` + "`dialects:` in `global.yaml`" + ` and count before these; one with the name of a built-in dialect replaces it:

` + "```yaml" + `
dialects:
  - name: acme-port
    used_by: [ACME]                          # for people
    on: line                                 # or subject, opening (the first line of a paragraph), paragraph (a line and what follows, for names that wrap)
    pattern: '^Ported-From: {sha}( \(.*\))?$'  # RE2; held against the text without the white space around it
    means: copy                              # a meaning of the table below
    example: 'Ported-From: 1b4e28ba9d5f (v2)'  # held against the pattern
` + "```" + `

Groups of the pattern say what it found: ` + "`(?P<sha>…)`, `(?P<key>…)` (a Change-Id, an issue, a pull or merge request), `(?P<subject>…)` (the change's own), `(?P<line>…)` (a release line), `(?P<partial>…)`" + ` (a copy has only a part where it matches).
` + "`{sha}` stands for a group with one SHA, `{shas}`" + ` for one with a list of them.
Lines that a mail quotes (` + "`> …`" + `) are not read, nor is a diff in the message.

## Meanings

| ` + "`means`" + ` | the commit |
| --- | --- |
`

// markdown is docs/dialects.md.
func markdown(specs []Spec) string {
	var b strings.Builder
	b.WriteString(intro)
	for _, m := range meanings {
		fmt.Fprintf(&b, "| `%s` | %s |\n", m.means, m.text)
	}
	b.WriteString("\n## Built-in dialects\n\n| name | used by | example | meaning |\n| --- | --- | --- | --- |\n")
	for _, s := range specs {
		means := "`" + string(s.Means) + "`"
		if strings.Contains(s.Pattern, "?P<partial>") {
			means += ", `partial-copy` with “(partial)”"
		}
		if s.Last {
			means += "; the last one of a message counts"
		}
		if s.Note != "" {
			means += ". " + s.Note
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", s.Name, strings.Join(s.UsedBy, ", "), cell("`"+s.Example+"`"), cell(means))
	}
	return b.String()
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// TestDocs holds docs/dialects.md against the data.
func TestDocs(t *testing.T) {
	want := markdown(Builtin().Dialects())
	if *update {
		if err := os.WriteFile(docs, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/dialects.md is not what the data says; go test ./index/lineage/dialect -update rewrites it (-want +got):\n%s", diff)
	}
}
