package main

import (
	"fmt"
	"slices"
	"strings"
)

// features are the columns of the page, by what the scenario calls them. What is of
// one editor alone names it.
var features = []struct{ id, name, about, only string }{
	{"hover", "hover", "on a SHA in a changelog: its fix card", ""},
	{"lenses", "lenses", "above lines that name a commit, drawn", ""},
	{"symbols", "symbols", "a commit found by its subject", ""},
	{"definition", "definition", "leads from a SHA to its commit", ""},
	{"diagnostics", "diagnostics", "a `Fixes:` line that names no commit, in a message", ""},
	{"completion", "completion", "behind `Fixes: ` in a message", ""},
	{"command", "commands", "`cabhfuil.where` asked and answered", ""},
	{"commit", "commit buffer", "a commit in a buffer of its own", ""},
	{"search", "search", "a list of commits to choose from", ""},
	{"missing", "missing", "the list of what a line lacks", ""},
	{"telescope", "Telescope", "the search, in Telescope", "neovim"},
}

// editors are the rows, in their order, with the folder of their configuration.
// One without a scenario of its own is never tried.
var editors = []struct{ id, name, folder string }{
	{"neovim", "Neovim", "neovim"},
	{"emacs-eglot", "Emacs with eglot", "emacs"},
	{"emacs-lsp-mode", "Emacs with lsp-mode", "emacs"},
	{"vim", "Vim with ALE", "vim"},
	{"helix", "Helix", "helix"},
	{"kakoune", "Kakoune with kakoune-lsp", "kakoune"},
	{"zed", "Zed", "zed"},
	{"sublime", "Sublime Text with LSP", "sublime"},
	{"jetbrains", "JetBrains with LSP4IJ", "jetbrains"},
}

const preface = `# What works in which editor

<!-- Made by editors/e2e/compare from editors/e2e/results; do not edit. -->

Each row is one run of the same scenario in a real, headless editor, with the configuration of its folder in [editors](../editors).
VS Code has an extension and tests of its own, and is not in this table.

`

// page is docs/editors.md, with the runs of an editor in the order of results.
func page(results []Result) string {
	var b strings.Builder
	b.WriteString(preface)
	b.WriteString("| editor |")
	for _, f := range features {
		b.WriteString(" " + f.name + " |")
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", len(features)+1) + "\n")
	var remarks []string
	for _, e := range editors {
		runs := slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.Editor != e.id })
		if len(runs) == 0 {
			runs = []Result{{Editor: e.id, Version: e.name}}
		}
		for _, r := range runs {
			fmt.Fprintf(&b, "| [%s](../editors/%s) |", r.Version, e.folder)
			for _, f := range features {
				if f.only != "" && f.only != e.id {
					b.WriteString(" – |")
					continue
				}
				mark, remark := r.mark(f.id)
				if remark != "" {
					at := slices.Index(remarks, remark)
					if at < 0 {
						remarks = append(remarks, remark)
						at = len(remarks) - 1
					}
					mark = fmt.Sprintf("%s (%d)", mark, at+1)
				}
				b.WriteString(" " + mark + " |")
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("\n")
	for i, r := range remarks {
		fmt.Fprintf(&b, "%d. %s.\n", i+1, r)
	}
	b.WriteString("\n| column | what was tried |\n| --- | --- |\n")
	for _, f := range features {
		fmt.Fprintf(&b, "| %s | %s |\n", f.name, f.about)
	}
	b.WriteString("\n*in part* works with the limit of the remark; *no* is what the editor, its client or our configuration cannot do; *fails* is a check that failed; *not tried* says nothing about the editor; – is of another editor.\n")
	b.WriteString("`editors/e2e/editor.sh` runs the scenario, and `make editors` makes this page of the results that are kept.\n")
	return b.String()
}

// mark is the cell of a feature, and its remark if it has one.
func (r Result) mark(id string) (mark, remark string) {
	i := slices.IndexFunc(r.Features, func(f Feature) bool { return f.ID == id })
	if i < 0 {
		return "not tried", ""
	}
	f := r.Features[i]
	switch failed := slices.ContainsFunc(f.Checks, func(c Check) bool { return !c.Passed }); {
	case failed:
		return "**fails**", ""
	case f.Lacks != "":
		return "no", f.Lacks
	case f.Note != "":
		return "in part", f.Note
	case len(f.Checks) == 0:
		return "not tried", ""
	}
	return "yes", ""
}
