package dialect_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage/dialect"
)

// update is the flag of docs_test.go: both test packages are one program.
func update() bool { return flag.Lookup("update").Value.String() == "true" }

// read is all that a set reads in a message, one claim a line: what it means,
// by which dialect and evidence, the name's text in the message, and the fields
// that are not empty.
func read(s *dialect.Set, message string) string {
	var b strings.Builder
	s.Read(message, func(c dialect.Claim) bool {
		fmt.Fprintf(&b, "%s by %s (%s) at %q", c.Means, c.Dialect, c.Evidence, message[c.Start:c.End])
		for _, f := range []struct{ name, text string }{{"sha", c.SHA}, {"subject", c.Subject}, {string(c.Key.Kind), c.Key.Text}, {"line", c.Line}} {
			if f.text != "" {
				fmt.Fprintf(&b, " %s=%q", f.name, f.text)
			}
		}
		b.WriteString("\n")
		return true
	})
	return b.String()
}

// archives calls fn with each archive of testdata.
func archives(t testing.TB, fn func(name string, a *txtar.Archive)) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fn(file, a)
	}
}

// TestMessages reads the messages of testdata. Each is a file, and the file
// behind it, with ".claims" added to its name, holds what the built-in dialects
// read in it; an archive's messages belong to one community.
func TestMessages(t *testing.T) {
	archives(t, func(file string, a *txtar.Archive) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			var now []txtar.File
			for i := 0; i < len(a.Files); i++ {
				message := a.Files[i]
				claims := txtar.File{Name: message.Name + ".claims"}
				if i+1 < len(a.Files) && a.Files[i+1].Name == claims.Name {
					i++
					claims.Data = a.Files[i].Data
				} else if !update() {
					t.Errorf("%s: has no %s behind it", message.Name, claims.Name)
				}
				got := read(dialect.Builtin(), string(message.Data))
				if diff := cmp.Diff(string(claims.Data), got); diff != "" && !update() {
					t.Errorf("%s (-want +got):\n%s", message.Name, diff)
				}
				claims.Data = []byte(got)
				now = append(now, message, claims)
			}
			if a.Files = now; update() {
				if err := os.WriteFile(file, txtar.Format(a), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	})
}

// TestEveryDialectIsTested wants a message in testdata for each built-in one.
func TestEveryDialectIsTested(t *testing.T) {
	seen := make(map[string]bool)
	archives(t, func(_ string, a *txtar.Archive) {
		for _, f := range a.Files {
			dialect.Builtin().Read(string(f.Data), func(c dialect.Claim) bool { seen[c.Dialect] = true; return true })
		}
	})
	for _, spec := range dialect.Builtin().Dialects() {
		if !seen[spec.Name] {
			t.Errorf("no message of testdata is read by %s", spec.Name)
		}
	}
}

// TestExamples holds each built-in dialect's example against all of them: its
// own claim comes first.
func TestExamples(t *testing.T) {
	for _, spec := range dialect.Builtin().Dialects() {
		if spec.Example == "" || len(spec.UsedBy) == 0 {
			t.Errorf("%s: has no example or no community", spec.Name)
		}
		first := ""
		dialect.Builtin().Read(spec.Example, func(c dialect.Claim) bool {
			first = c.Dialect
			if c.Means != spec.Means && !(c.Means == dialect.PartialCopy && spec.Means == dialect.Copy) {
				t.Errorf("%s: its example means %s", spec.Name, c.Means)
			}
			return false
		})
		if first != spec.Name {
			t.Errorf("%s: its example is read by %q: %s", spec.Name, first, spec.Example)
		}
	}
}

func TestReadStops(t *testing.T) {
	n := 0
	dialect.Builtin().Read("Revert \"x\"\n\nThis reverts commits 1a2b3c4d and 5e6f7a8b.\n\nChange-Id: I1b4e28ba9d5f4c0e8a7163f2d0c95ae47b6e1f02\n", func(dialect.Claim) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("%d claims after the second one was enough", n)
	}
	(&dialect.Set{}).Read("Revert \"x\"", func(dialect.Claim) bool { t.Error("an empty set reads"); return true })
}

func TestChangeID(t *testing.T) {
	const a, b = "I1b4e28ba9d5f4c0e8a7163f2d0c95ae47b6e1f02", "I2c5f39cbae605d1f9b8274a3e1da6bf58c7f2a13"
	for message, want := range map[string]string{
		"":                        "",
		"x\n\nChange-Id: " + a:    a,
		"x\n\nChange-ID:" + a:     a,
		"x\n\nsee Change-Id " + a: "",
		"x\n\nChange-Id: " + a + "\n\nChange-Id: " + b + "\nSigned-off-by: x <x@example.org>\n": b,
		"x\n\n> Change-Id: " + a:   "",
		"x\n\nChange-Id: I1b4e28b": "",
	} {
		if got, ok := dialect.ChangeID(message); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, not %q", message, got, ok, want)
		}
	}
}

func TestNormalSubject(t *testing.T) {
	for subject, want := range map[string]string{
		"":                                       "",
		"Close the socket in time":               "Close the socket in time",
		"[5.0.x] Fixed #4711 -- Kept the order.": "Fixed #4711 -- Kept the order.",
		"[3.9] gh-4711: Close it (GH-4712)":      "gh-4711: Close it",
		"[3.12] gh-4711: Close it (GH-4712) (#4713)":            "gh-4711: Close it",
		"gh-4711: Close it (#4712)":                             "gh-4711: Close it",
		"[release-branch.go1.22] net: close it":                 "net: close it",
		"[release-1.34] Close it (#12)":                         "Close it",
		"UPSTREAM: net: close it":                               "net: close it",
		"BACKPORT: FROMGIT: net: close it":                      "net: close it",
		"Close it (backport #4711)":                             "Close it",
		"Close it (#4710) (backport #4711) (#4712)":             "Close it",
		"Automated cherry pick of #1: close it":                 "Automated cherry pick of #1: close it",
		"Merge pull request #4711 from someone/close [ci skip]": "Merge pull request #4711 from someone/close",
		"Close it (see RFC 2119)":                               "Close it (see RFC 2119)",
		"Close it (!12)":                                        "Close it",
		`Revert "Close it (#1)" (#2)`:                           `Revert "Close it (#1)"`,
		"[PATCH] Close it":                                      "[PATCH] Close it",
		"(#1)":                                                  "(#1)",
		"  [5.0.x]  Close it ":                                  "Close it",
	} {
		if got := dialect.NormalSubject(subject); got != want {
			t.Errorf("%q: %q, not %q", subject, got, want)
		}
		if again := dialect.NormalSubject(want); again != want {
			t.Errorf("%q does not stay: %q", want, again)
		}
	}
}

// TestSpans holds the promise on Start and End for all messages of testdata.
func TestSpans(t *testing.T) {
	archives(t, func(_ string, a *txtar.Archive) {
		for _, f := range a.Files {
			checkSpans(t, string(f.Data))
		}
	})
}

func checkSpans(t *testing.T, message string) {
	t.Helper()
	dialect.Builtin().Read(message, func(c dialect.Claim) bool {
		if c.Start < 0 || c.Start >= c.End || c.End > len(message) {
			t.Fatalf("%+v: its span is not in a message of %d bytes", c, len(message))
		}
		text := message[c.Start:c.End]
		switch {
		case c.SHA != "":
			if strings.ToLower(text) != c.SHA || len(text) < 7 || len(text) > 64 || strings.Trim(c.SHA, "0123456789abcdef") != "" {
				t.Errorf("%+v: %q is its name", c, text)
			}
		case c.Key != history.Key{}:
			if text != c.Key.Text {
				t.Errorf("%+v: %q is its name", c, text)
			}
		case c.Subject != "":
			if text != c.Subject {
				t.Errorf("%+v: %q is its name", c, text)
			}
		case c.Line != "":
			if text != c.Line {
				t.Errorf("%+v: %q is its name", c, text)
			}
		}
		return true
	})
}

func FuzzRead(f *testing.F) {
	archives(f, func(_ string, a *txtar.Archive) {
		for _, file := range a.Files {
			f.Add(string(file.Data))
		}
	})
	f.Fuzz(func(t *testing.T, message string) {
		checkSpans(t, message)
		dialect.ChangeID(message)
		subject, _, _ := strings.Cut(message, "\n")
		dialect.NormalSubject(subject)
	})
}
