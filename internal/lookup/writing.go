package lookup

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// form is what a document is to somebody who writes in it.
type form int

const (
	formSource  form = iota // anything else: only its comments are prose
	formText                // prose, such as a changelog
	formMessage             // a commit message that git opened
	formTodo                // a rebase todo
	formPatch               // a patch or a mail: headers, a message, a diff
)

// Forms by the clients' language ids, and by the files' names.
var (
	formsByLanguage = map[string]form{
		"git-commit": formMessage, "gitcommit": formMessage, "git-rebase": formTodo, "gitrebase": formTodo,
		"diff": formPatch, "patch": formPatch, "mail": formPatch, "gitsendemail": formPatch, "eml": formPatch,
		"markdown": formText, "plaintext": formText, "text": formText, "changelog": formText, "debchangelog": formText, "restructuredtext": formText, "rst": formText, "asciidoc": formText,
	}
	formsByName = []struct {
		pattern string
		form    form
	}{
		{"COMMIT_EDITMSG", formMessage}, {"MERGE_MSG", formMessage}, {"SQUASH_MSG", formMessage}, {"TAG_EDITMSG", formMessage}, {"git-rebase-todo", formTodo},
		{"*.patch", formPatch}, {"*.diff", formPatch}, {"*.eml", formPatch}, {"*.mbox", formPatch}, {"CHANGELOG*", formText}, {"ChangeLog*", formText}, {"changelog*", formText}, {"*.txt", formText},
	}
)

// isCommitDocument says whether a document shows a commit: nobody writes in it.
func isCommitDocument(doc Document) bool {
	_, _, ok := ParseCommitURI(doc.URI)
	return ok
}

// formOf tells what a document is. Its name comes first: editors call a rebase
// todo or a patch plain text where they know no better.
func formOf(doc Document) form {
	if isCommitDocument(doc) {
		return formSource
	}
	name := filepath.Base(doc.Path)
	for _, f := range formsByName {
		if ok, err := filepath.Match(f.pattern, name); ok && err == nil {
			return f.form
		}
	}
	return formsByLanguage[doc.Language]
}

// scissors is the line below which git drops everything; what it begins with is
// the comment character.
var scissors = regexp.MustCompile(`(?m)^(\S+) -+ >8 -+\r?$`)

// messages are the parts of a document that are, or will be, commit messages:
// without comments, scissors and diffs. A message is cut where a comment stands
// in it, so that spans within a part are spans within the document.
func messages(doc Document) []Span {
	switch formOf(doc) {
	case formMessage:
		return uncommented(doc.Text)
	case formPatch:
		return patchMessages(doc.Text)
	}
	return nil
}

// uncommented are the parts of a message in git's editor that git will keep.
func uncommented(text string) []Span {
	comment, end := "#", len(text)
	if m := scissors.FindStringSubmatchIndex(text); m != nil {
		comment, end = text[m[2]:m[3]], m[0]
	}
	return parts(text[:end], func(line string) bool { return strings.HasPrefix(line, comment) })
}

// parts are the runs of lines that are not dropped.
func parts(text string, drop func(line string) bool) []Span {
	var all []Span
	begin, at := 0, 0
	for line := range strings.Lines(text) {
		if drop(line) {
			if at > begin {
				all = append(all, Span{begin, at})
			}
			begin = at + len(line)
		}
		at += len(line)
	}
	if len(text) > begin {
		all = append(all, Span{begin, len(text)})
	}
	return all
}

// mailed is how git format-patch begins each message of a mailbox.
var mailed = regexp.MustCompile(`^From [0-9a-f]{40,64} `)

// patchMessages are the parts of a patch, a series of patches or a mail that
// stand before the diffs.
func patchMessages(text string) []Span {
	diff := false
	var before string
	return parts(text, func(line string) bool {
		switch {
		case mailed.MatchString(line):
			diff = false
		case strings.TrimRight(line, "\r\n") == "---", strings.HasPrefix(line, "diff -"), strings.HasPrefix(line, "Index: "),
			strings.HasPrefix(line, "+++ ") && strings.HasPrefix(before, "--- "):
			diff = true
		}
		before = line
		return diff
	})
}

// todoCommands are the commands of a rebase todo that name a commit.
var todoCommands = []string{"pick", "p", "reword", "r", "edit", "e", "squash", "s", "fixup", "f", "drop", "d", "merge", "m"}

// picked are the spans of the object names that a rebase todo's commands name.
func picked(text string) []Span {
	var all []Span
	at := 0
	for line := range strings.Lines(text) {
		word, from := wordAt(line, 0)
		if slices.Contains(todoCommands, word) {
			name, end := wordAt(line, from)
			dashed := name == "-C" || name == "-c"
			if dashed {
				name, end = wordAt(line, end)
			}
			// A merge names a commit only behind -C; else labels.
			if len(name) >= 4 && isHex(name) && (dashed || word != "merge" && word != "m") {
				all = append(all, Span{at + end - len(name), at + end})
			}
		}
		at += len(line)
	}
	return all
}

// wordAt is the next word of a line at an offset, and where it ends.
func wordAt(line string, at int) (word string, end int) {
	for at < len(line) && strings.IndexByte(" \t", line[at]) >= 0 {
		at++
	}
	end = at
	for end < len(line) && strings.IndexByte(" \t\r\n", line[end]) < 0 {
		end++
	}
	return line[at:end], end
}
