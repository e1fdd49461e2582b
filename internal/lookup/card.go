package lookup

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Signs of statuses, for people.
const (
	signHere    = "✓"
	signCopy    = "↪"
	signMissing = "✗"
	signNot     = "·"
	signUnknown = "?"
)

// signs of the statuses that short rows show.
var signs = map[history.Status]string{
	history.Contains: signHere, history.Backported: signCopy, history.Reverted: "⚠ reverted on", history.Missing: signMissing, history.Unknown: signUnknown,
}

// Date is how a date is shown.
func Date(t time.Time) string { return t.Format("2 Jan 2006") }

// foldAbove is how many lines of one status are named before they fold.
const foldAbove = 6

// explain says what a limit means, for people.
var explain = map[history.Limit]string{
	history.LimitShallow:        "This clone is shallow: what lies before its boundary is unknown.",
	history.LimitPartial:        "Commits are missing from this clone, or cannot be read.",
	history.LimitUnindexed:      "No branch or tag leads to this commit.",
	history.LimitIndexBehind:    "The index is catching up with the repository.",
	history.LimitTextPending:    "Words are still being indexed.",
	history.LimitPathsPending:   "Which commits changed which paths is still being indexed.",
	history.LimitLineagePending: "Not all copies under other names are known yet.",
	history.LimitRefsLeftOut:    "Some refs could not be read.",
	history.LimitForgePending:   "The forge has not answered yet.",
	history.LimitForgeOffline:   "A forge could not be asked: what it says may be missing or old.",
	history.LimitFormat:         "This repository's format is read through git alone.",
}

// Explain says what a limit means, in a sentence.
func Explain(l history.Limit) string {
	if text, ok := explain[l]; ok {
		return text
	}
	return string(l)
}

// card draws a match as Markdown. What needs action comes first.
func card(m history.Match) string {
	var b strings.Builder
	c := m.Commit
	fmt.Fprintf(&b, "**%s**  \n", cmp.Or(escape(c.Subject()), "(no subject)"))
	fmt.Fprintf(&b, "%s %s, %s · %s\n\n", code(c.Hash.Short()), escape(c.Author.Name), Date(c.Author.Date), escape(m.Repository))
	for _, w := range warnings(m) {
		b.WriteString("⚠ " + w + "  \n")
	}
	rows := landingRows(m)
	for _, row := range rows {
		b.WriteString(row + "  \n")
	}
	if len(m.Branches) == 0 {
		b.WriteString("No release lines were found here.  \n")
	}
	told := m.Tags.First != nil && strings.Contains(strings.Join(rows, "\n"), "since "+code(*m.Tags.First))
	if text := Released(m.Tags, told, code); text != "" {
		b.WriteString("\n" + strings.ToUpper(text[:1]) + text[1:] + "\n")
	}
	if why := evidence(m.Branches); why != "" {
		b.WriteString("\n" + why + "\n")
	}
	if rows := forgeRows(m); len(rows) > 0 {
		b.WriteString("\n" + strings.Join(rows, "  \n") + "\n")
	}
	for _, line := range limits(m, escape) {
		fmt.Fprintf(&b, "\n*%s*\n", line)
	}
	if links := cardLinks(m); links != "" {
		b.WriteString("\n" + links + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// Released says in which tags a commit is, and since which release; told where the
// lines before say the latter. Nothing is left to say of one tag then. show draws a
// tag's name.
func Released(tags history.TagSet, told bool, show func(string) string) string {
	in := fmt.Sprintf("in %d tags", len(tags.All))
	if len(tags.All) == 1 {
		in = "in 1 tag"
	}
	switch n := len(tags.All); {
	case n == 0 || n == 1 && told:
		return ""
	case told:
		return in
	case tags.First == nil:
		return in + ", first " + show(tags.All[0])
	}
	return "first released in " + show(*tags.First) + ", " + in
}

// TellsFirst says whether a line has a change since the release that a commit is
// in first.
func TellsFirst(m history.Match) bool {
	return m.Tags.First != nil && slices.ContainsFunc(m.Branches, func(l history.Landing) bool {
		return l.FirstTag != nil && *l.FirstTag == *m.Tags.First
	})
}

// boldAll are names in bold, folded where they are many.
func boldAll(names []string) string {
	if n := len(names); n > foldAbove {
		return fmt.Sprintf("%s … %s (%d lines)", bold(names[0]), bold(names[n-1]), n)
	}
	marked := make([]string, len(names))
	for i, name := range names {
		marked[i] = bold(name)
	}
	return strings.Join(marked, ", ")
}

// warnings are what somebody has to act on: follow-ups that are missing, reverts,
// and lines that need the change.
func warnings(m history.Match) []string {
	named := func(h history.Hash) string {
		for _, r := range m.Related {
			if r.SHA == h && r.Subject != "" {
				return code(h.Short()) + " “" + escape(oneLine(r.Subject, 80)) + "”"
			}
		}
		return code(h.Short())
	}
	var texts []string
	lines := map[history.Hash][]string{}
	var fixes []history.Hash
	var needed []string
	for _, l := range m.Branches {
		if l.RevertedBy != nil {
			texts = append(texts, fmt.Sprintf("Reverted on %s by %s", bold(l.Name), named(*l.RevertedBy)))
		}
		for _, h := range l.Incomplete {
			if lines[h] == nil {
				fixes = append(fixes, h)
			}
			lines[h] = append(lines[h], l.Name)
		}
		if l.Needed {
			needed = append(needed, l.Name)
		}
	}
	for i, h := range fixes {
		if i == foldAbove {
			texts = append(texts, fmt.Sprintf("… and %d more follow-ups are missing on some lines", len(fixes)-i))
			break
		}
		have := "has"
		if len(lines[h]) > 1 {
			have = "have"
		}
		texts = append(texts, fmt.Sprintf("%s %s it without its follow-up %s", boldAll(lines[h]), have, named(h)))
	}
	switch len(needed) {
	case 0:
	case 1:
		texts = append(texts, boldAll(needed)+" needs it: it has what this "+Mends(m))
	default:
		texts = append(texts, boldAll(needed)+" need it: they have what this "+Mends(m))
	}
	return texts
}

// Mends is what a change does to others that lines may have: it reverts them, or
// it fixes them.
func Mends(m history.Match) string {
	verb := "fixes"
	for _, r := range m.Related {
		switch r.Relation {
		case "fixes":
			return "fixes"
		case "reverts":
			verb = "reverts"
		}
	}
	return verb
}

// landingRows draws the landings, one row a status; many of one status fold.
func landingRows(m history.Match) []string {
	present := func(l history.Landing) string {
		text := bold(l.Name)
		if l.Commit != nil && *l.Commit != m.Commit.Hash {
			text += " as " + code(l.Commit.Short())
		}
		if l.FirstTag != nil {
			text += " since " + code(*l.FirstTag)
		}
		return text
	}
	plain := func(l history.Landing) string { return bold(l.Name) }
	groups := []struct {
		status history.Status
		sign   string
		show   func(history.Landing) string
		after  string
	}{
		{history.Contains, signHere, present, ""},
		{history.Backported, signCopy, present, ""},
		{history.Reverted, "⚠ reverted on", plain, ""},
		{history.Missing, signMissing, plain, ""},
		{history.NotAffected, signNot, plain, " not affected: what it " + Mends(m) + " never got there"},
		{history.Unknown, signUnknown, plain, ""},
	}
	var rows []string
	for _, g := range groups {
		var names []string
		released := 0
		for _, l := range m.Branches {
			if l.Status == g.status {
				names = append(names, g.show(l))
				if l.FirstTag != nil {
					released++
				}
			}
		}
		row := ""
		switch n := len(names); {
		case n == 0:
			continue
		case n > foldAbove:
			row = fmt.Sprintf("%s %s · %s … %s (%d lines)", g.sign, names[0], names[1], names[n-1], n)
		default:
			row = g.sign + " " + strings.Join(names, " · ")
		}
		if g.status == history.Backported && released == 0 {
			row += map[bool]string{true: ", not released yet", false: ", none released yet"}[len(names) == 1]
		}
		rows = append(rows, row+g.after)
	}
	for _, l := range m.Branches {
		if l.Requested != nil {
			rows = append(rows, requestRow(l))
		}
	}
	return rows
}

// requestRow tells that a change is wanted on a line that lacks it.
func requestRow(l history.Landing) string {
	r := l.Requested
	if r.ID == "" {
		return "… " + bold(l.Name) + ": requested by " + linked("the label "+oneLine(r.Label, 60), r.URL)
	}
	return "… " + bold(l.Name) + ": requested, " + linked(requestName(*r), r.URL) + " is " + escape(cmp.Or(r.State, "there"))
}

// evidenceWords say how a copy is known to be one.
var evidenceWords = map[string]string{
	"cherry-pick-trailer": "cherry-pick trailer", "change-id": "Change-Id", "subject-and-author-date": "subject and author date",
	"patch-id": "patch", "same-content": "content", "user-dialect": "a dialect of yours", "subject": "subject, by its own word",
	"pull-request": "pull request", "partial": "a part of it",
	"same-message": "message and author",
}

// EvidenceWords say how copies are known, for people, each once.
func EvidenceWords(evidence []string) []string {
	var words []string
	for _, e := range evidence {
		word, ok := evidenceWords[e]
		if !ok {
			word = e
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

// evidence says by what the landings' copies are known, in a sentence.
func evidence(landings []history.Landing) string {
	var all []string
	for _, l := range landings {
		all = append(all, l.Evidence...)
	}
	slices.Sort(all)
	words := EvidenceWords(slices.Compact(all))
	if len(words) == 0 {
		return ""
	}
	return "Copies known by " + strings.Join(words, ", ") + "."
}

// cardLinks are the forge's pages. Addresses come from forges, and only http
// and https ones are links.
func cardLinks(m history.Match) string {
	var links []string
	for _, item := range m.Forge {
		if isWeb(item.URL) && item.Kind == "commit" {
			links = append(links, fmt.Sprintf("[Open %s on the forge](%s)", escape(item.Kind), linkTarget(item.URL)))
		}
	}
	for _, k := range m.Keys {
		if k.URL != nil && isWeb(*k.URL) && k.Kind != history.KeyCommit && len(links) < 6 && !isSaid(m, k) {
			links = append(links, fmt.Sprintf("[%s](%s)", escape(k.Text), linkTarget(*k.URL)))
		}
	}
	return strings.Join(links, " · ")
}

func isWeb(url string) bool {
	return strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://")
}

// linkTarget keeps an address from ending the Markdown link that it stands in.
func linkTarget(url string) string {
	return strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", " ", "%20", "\\", "%5C", "\n", "", "\r", "", "`", "%60").Replace(Clean(url))
}

// shortLine is a line's name where there is little room: stable/2025.1 is 2025.1
// to its people; stable/1 alone would be a number.
func shortLine(name string) string {
	name = oneLine(name, 40)
	if base := path.Base(name); !strings.Contains(name, "origin/") && len(base) > 3 {
		return base
	}
	return name
}

// lensTitle is the landings in one short row.
func lensTitle(landings []history.Landing) string {
	byStatus := map[history.Status][]string{}
	var incomplete []string
	for _, l := range landings {
		name := shortLine(l.Name)
		byStatus[l.Status] = append(byStatus[l.Status], name)
		if len(l.Incomplete) > 0 {
			incomplete = append(incomplete, name)
		}
	}
	var parts []string
	for _, g := range []struct {
		sign  string
		names []string
		most  int
	}{
		{signHere, byStatus[history.Contains], 4}, {signCopy, byStatus[history.Backported], 4}, {"⚠ reverted on", byStatus[history.Reverted], 2},
		{"⚠ follow-up missing on", incomplete, 2}, {signMissing, byStatus[history.Missing], 1}, {signUnknown, byStatus[history.Unknown], 1},
	} {
		switch n := len(g.names); {
		case n == 0:
		case n > g.most:
			parts = append(parts, fmt.Sprintf("%s %s and %d more", g.sign, strings.Join(g.names[:g.most], ", "), n-g.most))
		default:
			parts = append(parts, g.sign+" "+strings.Join(g.names, ", "))
		}
	}
	if len(parts) == 0 {
		return "on no release line"
	}
	return strings.Join(parts, "   ")
}

// plainText is Markdown of ours without its marks, for clients that show none.
func plainText(markdown string) string {
	var b strings.Builder
	for i := 0; i < len(markdown); i++ {
		switch c := markdown[i]; {
		case c == '\\' && i+1 < len(markdown):
			i++
			b.WriteByte(markdown[i])
		case c == '`': // in code a backslash is one
			span, _, _ := strings.Cut(markdown[i+1:], "`")
			b.WriteString(span)
			i += len(span) + 1
		case c == '*':
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Notable are the keys that a one-line description of a commit has room for:
// what trackers, Gerrit and security lists call it, three at most.
func Notable(keys []history.Key) []string {
	var names []string
	for _, k := range keys {
		text := k.Text
		switch k.Kind {
		case history.KeyCommit, history.KeyURL:
			continue
		case history.KeyChangeID:
			text = "Change-Id " + text[:min(len(text), 13)]
		}
		if names = append(names, text); len(names) == 3 {
			break
		}
	}
	return names
}
