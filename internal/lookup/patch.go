package lookup

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// writePatch draws what a commit changed: a diffstat and a diff, of a merge for
// each parent under its title.
func writePatch(b *strings.Builder, p *history.Patch, subjects map[history.Hash]string) {
	if p.Note != "" {
		fmt.Fprintf(b, "\n%s\n", p.Note)
		return
	}
	for i, against := range p.Against {
		b.WriteByte('\n')
		if len(p.Against) > 1 {
			name := strings.TrimSpace(against.Parent.Short() + " " + oneLine(subjects[against.Parent], 100))
			fmt.Fprintf(b, "Against parent %d (%s)\n", i+1, name)
		}
		if against.Note != "" {
			fmt.Fprintf(b, "%s\n", against.Note)
		} else if len(against.Files) == 0 {
			b.WriteString("No file differs.\n")
		}
		if !against.Counted {
			writeNames(b, against.Files)
			continue
		}
		writeStat(b, against.Files)
		writeDiffs(b, against.Files)
	}
}

const (
	// statFiles is how many files a diffstat names.
	statFiles = 1000
	// nameWidth and barWidth are how wide the columns of a diffstat become.
	nameWidth = 64
	barWidth  = 28
)

// writeNames lists files of which no more is known.
func writeNames(b *strings.Builder, files []history.FileChange) {
	for _, f := range files[:min(len(files), statFiles)] {
		fmt.Fprintf(b, " %c %s\n", f.Status, fileName(f.NewName))
	}
	if more := len(files) - statFiles; more > 0 {
		fmt.Fprintf(b, " … and %s more files\n", humanize.Comma(int64(more)))
	}
}

// writeStat draws a diffstat as git does, with sizes for people and, as git's
// compact summary has it, which files are new, gone, or of another mode.
func writeStat(b *strings.Builder, files []history.FileChange) {
	if len(files) == 0 {
		return
	}
	shown := files[:min(len(files), statFiles)]
	names := make([]string, len(shown))
	var name, number, most, added, deleted int
	for i, f := range shown {
		names[i] = statName(f)
		name = max(name, utf8.RuneCountInString(names[i]))
		most = max(most, f.Added+f.Deleted)
		if f.Binary {
			number = len("Bin")
		}
	}
	number = max(number, len(fmt.Sprint(most)))
	for i, f := range shown {
		pad := strings.Repeat(" ", name-utf8.RuneCountInString(names[i]))
		if f.Binary {
			fmt.Fprintf(b, " %s%s | %*s %s\n", names[i], pad, number, "Bin", sizes(f))
			continue
		}
		line := fmt.Sprintf(" %s%s | %*d %s", names[i], pad, number, f.Added+f.Deleted, bar(f.Added, f.Deleted, most))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	for _, f := range files {
		added, deleted = added+f.Added, deleted+f.Deleted
	}
	if more := len(files) - len(shown); more > 0 {
		fmt.Fprintf(b, " … and %s more files\n", humanize.Comma(int64(more)))
	}
	b.WriteString(total(len(files), added, deleted))
}

// total is git's last line of a diffstat.
func total(files, added, deleted int) string {
	text := fmt.Sprintf(" %d file%s changed", files, plural(files))
	if added > 0 || deleted == 0 {
		text += fmt.Sprintf(", %d insertion%s(+)", added, plural(added))
	}
	if deleted > 0 || added == 0 {
		text += fmt.Sprintf(", %d deletion%s(-)", deleted, plural(deleted))
	}
	return text + "\n"
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// bar is the row of signs of a file, scaled so that the most changed one fits
// (git's show_stats in diff.c).
func bar(added, deleted, most int) string {
	if most > barWidth {
		scale := func(n int) int {
			if n == 0 {
				return 0
			}
			return 1 + n*(barWidth-1)/most
		}
		all := scale(added + deleted)
		if all < 2 && added > 0 && deleted > 0 {
			all = 2
		}
		if added < deleted {
			added = scale(added)
			deleted = all - added
		} else {
			deleted = scale(deleted)
			added = all - deleted
		}
	}
	return strings.Repeat("+", added) + strings.Repeat("-", deleted)
}

// statName is a file's name in a diffstat, with what happened to the file.
func statName(f history.FileChange) string {
	name := fileName(f.NewName)
	if f.Status == 'R' {
		name = renamed(fileName(f.OldName), name)
	}
	what := happened(f)
	if room := nameWidth - utf8.RuneCountInString(what); utf8.RuneCountInString(name) > room {
		r := []rune(name)
		name = "…" + string(r[len(r)-room+1:]) // its end tells more
	}
	return name + what
}

func happened(f history.FileChange) string {
	executable := f.NewMode&0o111 != 0
	kind := ""
	switch {
	case f.NewMode == history.ModeSubmodule:
		kind = " submodule"
	case f.NewMode&0o170000 == 0o120000:
		kind = " link"
	case executable:
		kind = " +x"
	}
	switch {
	case f.Status == 'A':
		return " (new" + kind + ")"
	case f.Status == 'D':
		return " (gone)"
	case f.Status == 'T':
		return " (now" + cmp.Or(strings.TrimSuffix(kind, " +x"), " file") + ")"
	case f.OldMode == f.NewMode:
		return ""
	case executable:
		return " (mode +x)"
	}
	return " (mode -x)"
}

// renamed is two names with what they share once: dir/{a => b}/c.
func renamed(from, to string) string {
	if from == "" || to == "" || from[0] == '"' || to[0] == '"' {
		return from + " => " + to
	}
	head, most := 0, min(len(from), len(to))
	for i := 0; i < most && from[i] == to[i]; i++ {
		if from[i] == '/' {
			head = i + 1
		}
	}
	tail := 0
	for i := 1; i <= most-head && from[len(from)-i] == to[len(to)-i]; i++ {
		if from[len(from)-i] == '/' {
			tail = i
		}
	}
	if head == 0 && tail == 0 {
		return from + " => " + to
	}
	return from[:head] + "{" + from[head:len(from)-tail] + " => " + to[head:len(to)-tail] + "}" + to[len(to)-tail:]
}

// sizes are a binary file's before and after.
func sizes(f history.FileChange) string {
	return humanize.Bytes(uint64(f.OldSize)) + " → " + humanize.Bytes(uint64(f.NewSize))
}

// writeDiffs writes the files' diffs, and says what is left out of them. What
// is not of git stands behind a backslash, as git's own remarks do: programs that
// read diffs skip such lines.
func writeDiffs(b *strings.Builder, files []history.FileChange) {
	var left, added, deleted int
	begun := false
	for _, f := range files {
		if f.Truncated && f.Diff == "" {
			left, added, deleted = left+1, added+f.Added, deleted+f.Deleted
			continue
		}
		if !begun {
			b.WriteByte('\n')
			begun = true
		}
		b.WriteString(visible(f.Diff))
		switch {
		case f.Binary && max(f.OldSize, f.NewSize) > history.LargeFile:
			fmt.Fprintf(b, "Large file %s, %s\n", fileName(f.NewName), sizes(f))
		case f.Binary:
			fmt.Fprintf(b, "Binary file %s, %s\n", fileName(f.NewName), sizes(f))
		case f.Truncated:
			fmt.Fprintf(b, "\\ The rest of this diff is left out: %s of %s changed lines.\n", humanize.Comma(int64(f.LeftOut)), humanize.Comma(int64(f.Added+f.Deleted)))
		}
	}
	if left > 0 {
		fmt.Fprintf(b, "\n\\ Diffs left out: %s file%s, %s line%s added, %s deleted.\n",
			humanize.Comma(int64(left)), plural(left), humanize.Comma(int64(added)), plural(added), humanize.Comma(int64(deleted)))
	}
}
