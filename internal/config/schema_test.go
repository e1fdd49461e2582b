package config

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/index/lineage/dialect"
)

// TestTags holds what the tags of the schema may say.
func TestTags(t *testing.T) {
	t.Parallel()
	for _, d := range documents {
		setDefaults(reflect.New(d.says).Elem()) // panics on a default that is wrong
		eachField(d.says, "", func(path string, f reflect.StructField) {
			if f.Tag.Get("yaml") == "" || f.Tag.Get("doc") == "" {
				t.Errorf("%s %s: no key, or no documentation", d.name, path)
			}
			if is := f.Tag.Get("is"); is != "" && forms[is].expected == "" {
				t.Errorf("%s %s: the form %q is unknown", d.name, path, is)
			}
			for _, bound := range []string{"min", "max"} {
				if text := f.Tag.Get(bound); text != "" {
					compare(reflect.New(f.Type).Elem(), text) // panics on a bound that is wrong
				}
			}
		})
	}
}

// eachField calls fn with all fields of a struct, also those of structs in it.
func eachField(of reflect.Type, prefix string, fn func(path string, f reflect.StructField)) {
	for i := range of.NumField() {
		f := of.Field(i)
		path := prefix + f.Tag.Get("yaml")
		fn(path, f)
		inner := f.Type
		for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			eachField(inner, path+".", fn)
		}
	}
}

// TestSchema holds that the JSON Schema has each field with its default, forms and
// words.
func TestSchema(t *testing.T) {
	t.Parallel()
	for _, name := range append(Documents(), "") {
		b, err := Schema(name)
		if err != nil {
			t.Fatal(err)
		}
		var s map[string]any
		if err := json.Unmarshal(b, &s); err != nil || s["$schema"] == nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := Schema("secrets"); err == nil || !strings.Contains(err.Error(), "repos, global, auth") {
		t.Errorf("an unknown file: %v", err)
	}
	b, err := Schema("repos")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{
		"repos.items.properties.branches.properties.max_branches.default": 100.0,
		"repos.items.properties.branches.properties.max_branches.minimum": 1.0,
		"repos.items.properties.branches.properties.patterns.default":     []any{"*"},
		"repos.items.properties.sync.properties.strategy.enum":            []any{"fetch_all", "fetch_recent", "manual"},
		"repos.items.properties.sync.properties.prune_deleted.default":    true,
		"repos.items.properties.remotes.items.required":                   []any{"name", "url"},
		"repos.items.additionalProperties":                                false,
		"settings.properties.clone_timeout.pattern":                       durationForm.pattern,
	} {
		var at any
		if err := json.Unmarshal(b, &at); err != nil {
			t.Fatal(err)
		}
		for _, key := range strings.Split("properties."+path, ".") {
			at = at.(map[string]any)[key]
		}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// TestStarters holds that what config init writes is right, as it is and with
// its examples made real, and says nothing but defaults.
func TestStarters(t *testing.T) {
	t.Parallel()
	dirs := Dirs{Config: filepath.Join(t.TempDir(), "new")}
	written, err := Init(dirs)
	if err != nil || len(written) != 3 {
		t.Fatal(written, err)
	}
	c, files := Load(dirs)
	none, _ := Load(Dirs{Config: t.TempDir()})
	if diff := cmp.Diff(none, c, cmp.Transformer("present", func(all []Repository) int { return len(all) }),
		cmp.Transformer("dialects", func(all []dialect.Spec) int { return len(all) }), cmp.Transformer("methods", func(all map[string]AuthMethod) int { return len(all) })); diff != "" {
		t.Errorf("they say something (-want +got):\n%s", diff)
	}
	for _, path := range written {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		real := regexp.MustCompile(`(?m)^#  `).ReplaceAll(text, []byte("  "))
		if err := os.WriteFile(path, real, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if again, err := Init(dirs); err != nil || len(again) > 0 {
		t.Errorf("they were written again: %v %v", again, err)
	}
	c, real := Load(dirs)
	for _, f := range slices.Concat(Faults(files), Faults(real)) {
		t.Error(f)
	}
	if len(c.Repositories) != 2 || len(c.Global.Dialects) != 1 || len(c.Auth.AuthMethods) != 2 || len(c.Auth.Defaults) != 1 {
		t.Errorf("the examples are not read: %+v", c)
	}
}

// TestMeasures holds that durations and sizes are written as they are read.
func TestMeasures(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"30m": 30 * time.Minute, "1d12h": 36 * time.Hour, "1.5h": 90 * time.Minute, "2w": 14 * 24 * time.Hour, "150ms": 150 * time.Millisecond, "0s": 0} {
		got, err := ParseDuration(text)
		again, errAgain := ParseDuration(FormatDuration(got))
		if err != nil || errAgain != nil || got != want || again != want {
			t.Errorf("%s: %v %v, again %v %v", text, got, err, again, errAgain)
		}
	}
	for text, want := range map[string]Size{"5GB": 5e9, "2GiB": 2 << 30, "1.5TB": 15e11, "10 kB": 1e4, "7B": 7, "64MiB": 64 << 20} {
		got, err := ParseSize(text)
		again, errAgain := ParseSize(got.String())
		if err != nil || errAgain != nil || got != want || again != want {
			t.Errorf("%s: %v %v, again %v %v", text, got, err, again, errAgain)
		}
	}
	for _, text := range []string{"", "5", "-5GB", "GB", "5 bytes", "5GBs", "99999999999999999999PB"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("the size %q is %v", text, got)
		}
	}
	for _, text := range []string{"", "5", "-5m", "m", "5 m", "1h 30m", "99999999999999999999d"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("the duration %q is %v", text, got)
		}
	}
}

const docs = "../../docs/configuration.md"

// marks are around the generated part of docs/configuration.md.
const (
	begin = "<!-- Generated from internal/config/schema.go: go test ./internal/config -update -->\n"
	end   = "<!-- End of the generated part -->\n"
)

// TestDocs holds the tables of docs/configuration.md against the schema.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	got, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s has no generated part", docs)
	}
	want := tables()
	if diff := cmp.Diff(want, got); diff != "" {
		if flag.Lookup("update").Value.String() != "true" {
			t.Errorf("docs/configuration.md is not what the schema says; go test ./internal/config -update rewrites it (-want +got):\n%s", diff)
		} else if err := os.WriteFile(docs, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEditors holds the schemas that the extension for VS Code brings with it
// against what is printed.
func TestEditors(t *testing.T) {
	t.Parallel()
	for _, name := range Documents() {
		want, err := Schema(name)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, '\n')
		file := filepath.Join("../../editors/vscode/schemas", name+".json")
		got, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			if flag.Lookup("update").Value.String() != "true" {
				t.Errorf("%s is not the schema; go test ./internal/config -update rewrites it (-want +got):\n%s", file, diff)
			} else if err := os.WriteFile(file, want, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// tables are the generated part of docs/configuration.md.
func tables() string {
	var b strings.Builder
	cell := func(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
	for _, d := range documents {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", d.names[0], d.about)
		if len(d.names) > 1 {
			fmt.Fprintf(&b, "Where it is not there, `%s` is read.\n", d.names[1])
		}
		b.WriteString("\n| field | form | default | says |\n| --- | --- | --- | --- |\n")
		for _, r := range rows(d.says, "", "") {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.field, cell(r.form), cell(r.value), cell(r.doc))
		}
	}
	b.WriteString("\n")
	return b.String()
}
