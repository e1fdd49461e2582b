package lookup

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Signs of statuses, for people.
const (
	signHere    = "✓"
	signCopy    = "↪"
	signMissing = "✗"
	signUnknown = "?"
)

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
	history.LimitLineagePending: "Copies under another SHA are not looked for yet.",
	history.LimitRefsLeftOut:    "Some refs could not be read.",
	history.LimitForgePending:   "The forge has not answered yet.",
	history.LimitForgeOffline:   "The forge cannot be reached.",
	history.LimitFormat:         "This repository's format is read through git alone.",
}

// Explain says what a limit means, in a sentence.
func Explain(l history.Limit) string {
	if text, ok := explain[l]; ok {
		return text
	}
	return string(l)
}

// card draws a match as Markdown.
func card(m history.Match) string {
	var b strings.Builder
	c := m.Commit
	fmt.Fprintf(&b, "**%s**  \n", cmp.Or(escape(c.Subject()), "(no subject)"))
	fmt.Fprintf(&b, "%s %s, %s · %s\n\n", code(c.Hash.Short()), escape(c.Author.Name), Date(c.Author.Date), escape(m.Repository))
	rows := landingRows(m.Branches)
	for _, row := range rows {
		b.WriteString(row + "  \n")
	}
	if len(m.Branches) == 0 {
		b.WriteString("No release lines were found here.  \n")
	}
	if m.Tags.First != nil {
		fmt.Fprintf(&b, "\nFirst released in %s%s\n", code(*m.Tags.First), others(len(m.Tags.All)))
	} else if len(m.Tags.All) > 0 {
		fmt.Fprintf(&b, "\nIn %d tags, first %s\n", len(m.Tags.All), code(m.Tags.All[0]))
	}
	for _, limit := range m.Limits {
		fmt.Fprintf(&b, "\n*%s*\n", Explain(limit))
	}
	if links := cardLinks(m); links != "" {
		b.WriteString("\n" + links + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func others(n int) string {
	if n > 1 {
		return fmt.Sprintf(", now in %d tags", n)
	}
	return ""
}

// landingRows draws the landings, one row a status where they fold.
func landingRows(landings []history.Landing) []string {
	var rows []string
	present := func(l history.Landing) string {
		text := bold(l.Name)
		if l.FirstTag != nil {
			text += " since " + code(*l.FirstTag)
		}
		return text
	}
	groups := []struct {
		status history.Status
		sign   string
		show   func(history.Landing) string
	}{
		{history.Contains, signHere, present},
		{history.Backported, signCopy, present},
		{history.Reverted, "⚠ reverted on", func(l history.Landing) string { return bold(l.Name) }},
		{history.Missing, signMissing, func(l history.Landing) string { return bold(l.Name) }},
		{history.Unknown, signUnknown, func(l history.Landing) string { return bold(l.Name) }},
	}
	for _, g := range groups {
		var names []string
		for _, l := range landings {
			if l.Status == g.status {
				names = append(names, g.show(l))
			}
		}
		switch n := len(names); {
		case n == 0:
		case n > foldAbove:
			rows = append(rows, fmt.Sprintf("%s %s · %s … %s (%d lines)", g.sign, names[0], names[1], names[n-1], n))
		default:
			rows = append(rows, g.sign+" "+strings.Join(names, " · "))
		}
	}
	return rows
}

// cardLinks are the forge's pages. Addresses come from forges, and only http
// and https ones are links.
func cardLinks(m history.Match) string {
	var links []string
	for _, item := range m.Forge {
		if isWeb(item.URL) {
			links = append(links, fmt.Sprintf("[Open %s on the forge](%s)", escape(item.Kind), linkTarget(item.URL)))
		}
	}
	for _, k := range m.Keys {
		if k.URL != nil && isWeb(*k.URL) && k.Kind != history.KeyCommit && len(links) < 6 {
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

// lensTitle is the landings in one short row.
func lensTitle(landings []history.Landing) string {
	var here, copies, missing, unknown []string
	for _, l := range landings {
		name := oneLine(l.Name, 40)
		// stable/2025.1 is 2025.1 to its people; stable/1 alone would be a number.
		if base := path.Base(name); !strings.Contains(name, "origin/") && len(base) > 3 {
			name = base
		}
		switch l.Status {
		case history.Contains:
			here = append(here, name)
		case history.Backported:
			copies = append(copies, name)
		case history.Unknown:
			unknown = append(unknown, name)
		default:
			missing = append(missing, name)
		}
	}
	var parts []string
	for _, g := range []struct {
		sign  string
		names []string
		most  int
	}{{signHere, here, 4}, {signCopy, copies, 4}, {signMissing, missing, 1}, {signUnknown, unknown, 1}} {
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
