package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/editors.md")

// TestPage holds that the page is what the results make, and that each result is
// of a scenario that came to its end.
func TestPage(t *testing.T) {
	files, err := filepath.Glob("../results/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no results: %v", err)
	}
	results, err := read(files)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if !r.Complete {
			t.Errorf("%s: the scenario did not come to its end", files[i])
		}
	}
	const file = "../../../docs/editors.md"
	want := page(results)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/editors.md is not what the results make; go test ./editors/e2e/compare -update (-want +got):\n%s", diff)
	}
}

// TestFolders holds that each editor of the page has its folder and README.
func TestFolders(t *testing.T) {
	for _, e := range editors {
		if _, err := os.Stat(filepath.Join("../..", e.folder, "README.md")); err != nil {
			t.Error(err)
		}
	}
}

func TestRecord(t *testing.T) {
	const transcript = `Loading something: and more
EDITOR Ed 1.2, client 3
PASS hover: a card
FAIL hover: none on words: it had one
PASS completion: digits
NOTE completion: digits alone
LACKS lenses: it draws none
PASS symbols: found
3 passed, 1 failed
`
	got, err := record("ed", strings.NewReader(transcript))
	if err != nil {
		t.Fatal(err)
	}
	want := &Result{Editor: "ed", Version: "Ed 1.2, client 3", Complete: true, Features: []Feature{
		{ID: "hover", Checks: []Check{{"a card", true}, {"none on words", false}}},
		{ID: "completion", Checks: []Check{{"digits", true}}, Note: "digits alone"},
		{ID: "lenses", Lacks: "it draws none"},
		{ID: "symbols", Checks: []Check{{"found", true}}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for id, want := range map[string][2]string{
		"hover": {"**fails**"}, "completion": {"in part", "digits alone"}, "lenses": {"no", "it draws none"},
		"symbols": {"yes"}, "missing": {"not tried"},
	} {
		if mark, remark := got.mark(id); mark != want[0] || remark != want[1] {
			t.Errorf("%s: %q, %q", id, mark, remark)
		}
	}
	if _, err := record("ed", strings.NewReader("PASS hover: a card\n")); err == nil {
		t.Error("a transcript without an editor is taken")
	}
	cut, err := record("ed", strings.NewReader("EDITOR Ed 1\nPASS hover: a card\n"))
	if err != nil || cut.Complete {
		t.Errorf("a transcript that was cut off: %+v, %v", cut, err)
	}
}
