// Compare turns what the scenario of ../editor.sh found in each editor into the
// page docs/editors.md.
//
//	compare record EDITOR <TRANSCRIPT >RESULT
//	compare page RESULT… >docs/editors.md
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(2)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "record":
		r, err := record(args[1], in)
		if err != nil {
			return err
		}
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(r)
	case len(args) > 1 && args[0] == "page":
		results, err := read(args[1:])
		if err != nil {
			return err
		}
		_, err = io.WriteString(out, page(results))
		return err
	}
	return errors.New("usage: compare record EDITOR, or compare page RESULT…")
}

// Result is what the scenario found in one version of an editor.
type Result struct {
	Editor   string    `json:"editor"`   // as editor.sh calls it
	Version  string    `json:"version"`  // as people call it, with its client's
	Complete bool      `json:"complete"` // the scenario came to its end
	Features []Feature `json:"features"`
}

// Feature is how one part of the scenario ended.
type Feature struct {
	ID     string  `json:"id"`
	Checks []Check `json:"checks,omitempty"`
	Lacks  string  `json:"lacks,omitempty"` // why the client cannot have it
	Note   string  `json:"note,omitempty"`  // in which way it works in part only
}

// Check is one thing that was tried.
type Check struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
}

// record reads the lines of a scenario:
//
//	EDITOR version
//	PASS feature: check
//	FAIL feature: check: why
//	LACKS feature: why
//	NOTE feature: what does not work of it
//	3 passed, 0 failed
func record(editor string, in io.Reader) (*Result, error) {
	r := &Result{Editor: editor}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if version, ok := strings.CutPrefix(line, "EDITOR "); ok {
			r.Version = version
			continue
		}
		if strings.HasSuffix(line, " failed") && strings.Contains(line, " passed, ") {
			r.Complete = true
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		id, text, ok := strings.Cut(rest, ": ")
		if !ok || !slices.Contains([]string{"PASS", "FAIL", "LACKS", "NOTE"}, word) {
			continue // what the editor itself says
		}
		f := r.feature(id)
		switch word {
		case "PASS":
			f.Checks = append(f.Checks, Check{Name: text, Passed: true})
		case "FAIL":
			name, _, _ := strings.Cut(text, ": ")
			f.Checks = append(f.Checks, Check{Name: name})
		case "LACKS":
			f.Lacks = text
		case "NOTE":
			f.Note = text
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if r.Version == "" {
		return nil, errors.New("the transcript names no editor")
	}
	return r, nil
}

// feature finds the feature of an id, which it adds when it is new.
func (r *Result) feature(id string) *Feature {
	i := slices.IndexFunc(r.Features, func(f Feature) bool { return f.ID == id })
	if i < 0 {
		i = len(r.Features)
		r.Features = append(r.Features, Feature{ID: id})
	}
	return &r.Features[i]
}

func read(files []string) ([]Result, error) {
	var results []Result
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var r Result
		if err := json.Unmarshal(b, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		results = append(results, r)
	}
	return results, nil
}
