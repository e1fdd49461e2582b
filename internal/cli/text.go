// Package cli shows answers and progress in a terminal. It takes plain values
// and a writer, asks nobody, and lets nothing that came from a repository act on
// the terminal.
package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/fatih/color"
	"github.com/mattn/go-runewidth"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
)

// Text draws for people.
type Text struct {
	Out     io.Writer
	Color   bool
	Width   int // columns; 0 for no limit
	Verbose bool
}

// clean makes one safe line of repository text.
func clean(s string) string { return strings.Join(strings.Fields(lookup.Clean(s)), " ") }

func (t Text) paint(s string, attributes ...color.Attribute) string {
	c := color.New(attributes...)
	if t.Color {
		c.EnableColor()
	} else {
		c.DisableColor()
	}
	return c.Sprint(s)
}

func (t Text) fit(s string, used int) string {
	if t.Width <= 0 {
		return s
	}
	return runewidth.Truncate(s, max(t.Width-used, 20), "…")
}

// Answers draws fix cards.
func (t Text) Answers(answers []history.Answer) {
	for i, a := range answers {
		if i > 0 {
			fmt.Fprintln(t.Out)
		}
		switch {
		case a.Error != nil:
			fmt.Fprintf(t.Out, "%s  %s\n", clean(a.Query), clean(*a.Error))
		case len(a.Matches) == 0:
			fmt.Fprintf(t.Out, "%s  no repository here knows it\n", clean(a.Query))
		}
		for j, m := range a.Matches {
			if j > 0 {
				fmt.Fprintln(t.Out)
			}
			t.card(m)
		}
	}
}

const indent = 14 // behind twelve digits and two spaces

func (t Text) card(m history.Match) {
	c := m.Commit
	fmt.Fprintf(t.Out, "%s  %s\n", t.paint(c.Hash.Short(), color.FgYellow), t.paint(t.fit(clean(c.Subject()), indent), color.Bold))
	about := fmt.Sprintf("%s, %s · %s", clean(c.Author.Name), lookup.Date(c.Author.Date), clean(m.Repository))
	for _, k := range lookup.Notable(m.Keys) {
		about += " · " + clean(k)
	}
	fmt.Fprintf(t.Out, "%*s%s\n\n", indent, "", t.fit(about, indent))
	width := 0
	for _, l := range m.Branches {
		width = max(width, runewidth.StringWidth(clean(l.Name)))
	}
	t.landings(m, min(width, 40))
	if len(m.Branches) == 0 {
		fmt.Fprintln(t.Out, "  no release lines were found")
	}
	if rows := t.beyond(m); len(rows) > 0 {
		fmt.Fprintf(t.Out, "\n  %s\n", strings.Join(rows, "\n  "))
	}
	t.short(lookup.Limits(m))
}

// beyond is what a card says besides the lines: tags, and what forges know.
func (t Text) beyond(m history.Match) (rows []string) {
	if text := lookup.Released(m.Tags, lookup.TellsFirst(m), clean); text != "" {
		rows = append(rows, text)
	}
	if t.Verbose && len(m.Tags.All) > 0 {
		rows = append(rows, clean(strings.Join(m.Tags.All, " ")))
	}
	for _, f := range m.Forge {
		if f.Kind == "commit" {
			rows = append(rows, clean(f.URL))
			continue
		}
		text := lookup.ItemName(f) + " " + lookup.ItemState(f)
		if f.Target != "" {
			text += " → " + f.Target
		}
		if f.Title != "" {
			text += ": " + f.Title
		}
		if old := lookup.ItemAge(f, time.Now()); old != "" {
			text += " (" + old + ")"
		}
		rows = append(rows, t.fit(clean(text), 2))
		if f.URL != "" {
			rows = append(rows, "  "+clean(f.URL))
		}
	}
	return rows
}

var drawn = map[history.Status]struct {
	sign  string
	color color.Attribute
}{
	history.Contains:    {"✓", color.FgGreen},
	history.Backported:  {"↪", color.FgGreen},
	history.Reverted:    {"⚠", color.FgYellow},
	history.Missing:     {"✗", color.FgRed},
	history.NotAffected: {"·", color.Faint},
	history.Unknown:     {"?", color.FgYellow},
}

// foldAbove is how many lines of one status are listed before they fold.
const foldAbove = 6

func (t Text) landings(m history.Match, width int) {
	alike := map[string][]string{} // the names of the lines that fare alike, which fold
	fares := make([]string, len(m.Branches))
	copies := false
	for i, l := range m.Branches {
		fares[i] = fmt.Sprint(l.Status, l.Needed, l.Incomplete, l.Requested != nil)
		alike[fares[i]] = append(alike[fares[i]], clean(l.Name))
		copies = copies || l.Commit != nil && *l.Commit != m.Commit.Hash
	}
	shown := map[string]int{}
	for i, l := range m.Branches {
		names := alike[fares[i]]
		shown[fares[i]]++
		if n := shown[fares[i]]; !t.Verbose && len(names) > foldAbove && n > 1 {
			if n == 2 {
				fmt.Fprintf(t.Out, "    %s\n", t.fit(fold(l, names[1:]), 4))
			}
			continue
		}
		d := drawn[l.Status]
		name := runewidth.FillRight(runewidth.Truncate(clean(l.Name), width, "…"), width)
		columns := []string{name}
		if copies {
			sha := strings.Repeat(" ", history.ShortLen)
			if l.Commit != nil && *l.Commit != m.Commit.Hash {
				sha = t.paint(l.Commit.Short(), color.FgYellow)
			}
			columns = append(columns, sha)
		}
		columns = append(columns, fate(m, l))
		if words := lookup.EvidenceWords(l.Evidence); len(words) > 0 {
			columns = append(columns, t.paint(strings.Join(words, ", "), color.Faint))
		}
		fmt.Fprintf(t.Out, "  %s %s\n", t.paint(d.sign, d.color), strings.TrimRight(strings.Join(columns, "  "), " "))
		for j, fix := range l.Incomplete {
			if j == foldAbove && !t.Verbose {
				fmt.Fprintf(t.Out, "    … %d more follow-ups are not there (-v lists them)\n", len(l.Incomplete)-j)
				break
			}
			text := "⚠ without its follow-up " + fix.Short()
			if at := slices.IndexFunc(m.Related, func(r history.Relation) bool { return r.SHA == fix }); at >= 0 {
				text += "  " + clean(m.Related[at].Subject)
			}
			fmt.Fprintf(t.Out, "    %s\n", t.paint(t.fit(text, 4), color.FgYellow))
		}
	}
}

// fold stands for further lines that fare alike. Those that need action are named.
func fold(l history.Landing, names []string) string {
	n, all := len(names), strings.Join(names, ", ")
	switch {
	case l.Needed:
		return fmt.Sprintf("… %d more lines need it: %s", n, all)
	case len(l.Incomplete) > 0:
		return fmt.Sprintf("… %d more lines have it so: %s", n, all)
	case l.Status == history.Reverted:
		return fmt.Sprintf("… %d more lines where it was reverted: %s", n, all)
	}
	what := map[history.Status]string{
		history.Contains: "with it", history.Backported: "with a copy", history.Missing: "without it",
		history.NotAffected: "that are not affected", history.Unknown: "that may have it",
	}[l.Status]
	return fmt.Sprintf("… %d more lines %s (-v lists them)", n, what)
}

// fate is a landing in words.
func fate(m history.Match, l history.Landing) string {
	switch {
	case l.RevertedBy != nil:
		return "reverted by " + l.RevertedBy.Short()
	case l.Needed:
		return "missing, and needed: it has what this " + lookup.Mends(m)
	case l.Status == history.NotAffected:
		return "not affected: what this " + lookup.Mends(m) + " never got there"
	case l.Requested != nil && l.Requested.ID != "":
		return string(l.Status) + ", requested: " + clean(lookup.ItemName(history.ForgeItem{Kind: l.Requested.Kind, ID: l.Requested.ID, Noun: l.Requested.Noun})) + " " + clean(l.Requested.State)
	case l.Requested != nil:
		return string(l.Status) + ", requested by the label " + clean(l.Requested.Label)
	case l.Status != history.Contains && l.Status != history.Backported:
		return string(l.Status)
	case l.FirstTag != nil:
		return string(l.Status) + " since " + clean(*l.FirstTag)
	case strings.HasPrefix(l.Ref, "refs/tags/"):
		return string(l.Status) + ", an ended line"
	}
	return string(l.Status) + ", not released yet"
}

// Search draws hits, one a line.
func (t Text) Search(r *history.SearchResult) {
	fuzzy := 0
	several := map[string]bool{}
	for _, h := range r.Hits {
		several[h.Repository] = true
	}
	for _, h := range r.Hits {
		line := fmt.Sprintf("%s  %s", h.Date.Format("2006-01-02"), clean(h.Subject))
		if len(several) > 1 {
			line += " · " + clean(h.Repository)
		}
		if h.Fuzzy {
			fuzzy++
			line = "≈ " + line
		}
		fmt.Fprintf(t.Out, "%s  %s\n", t.paint(h.SHA.Short(), color.FgYellow), t.fit(line, indent))
	}
	switch {
	case fuzzy == 0:
	case fuzzy == len(r.Hits):
		fmt.Fprintln(t.Out, t.paint("≈ no commit has these words; these have similar ones", color.Faint))
	default:
		fmt.Fprintln(t.Out, t.paint("≈ similar words, where a repository has no commit with these", color.Faint))
	}
	if len(r.Hits) < r.Total {
		fmt.Fprintf(t.Out, "%s\n", t.paint(fmt.Sprintf("%d of %d; --limit shows more", len(r.Hits), r.Total), color.Faint))
	}
}

// Missing draws what a line lacks, one change a line with its reason below.
func (t Text) Missing(r *history.MissingResult) {
	for _, c := range r.Changes {
		sign := " "
		if c.Needed {
			sign = t.paint("⚠", color.FgYellow)
		}
		fmt.Fprintf(t.Out, "%s %s  %s  %s\n", sign, t.paint(c.SHA.Short(), color.FgYellow), c.Date.Format("2006-01-02"), t.fit(clean(c.Subject), indent+14))
		if c.Needed || t.Verbose || c.Subject == "" {
			fmt.Fprintf(t.Out, "%*s%s\n", indent+2, "", t.paint(clean(c.Reason), color.Faint))
		}
	}
	if t.Verbose {
		for _, e := range r.Excluded {
			fmt.Fprintf(t.Out, "  %s  %s\n", t.paint(e.SHA.Short(), color.FgYellow), t.paint("left out: "+clean(e.Reason), color.Faint))
		}
	}
	fmt.Fprintln(t.Out, missed(r, t.Verbose))
	t.limits(r.Limits)
}

// missed counts what Missing listed.
func missed(r *history.MissingResult, verbose bool) string {
	from, in := clean(r.From), clean(r.In)
	needed := 0
	for _, c := range r.Changes {
		if c.Needed {
			needed++
		}
	}
	var text string
	switch n := len(r.Changes); {
	case n == 0:
		text = fmt.Sprintf("no change of %s to list that %s lacks", in, from)
	case n == 1:
		text = fmt.Sprintf("1 change of %s that %s lacks", in, from)
	default:
		text = fmt.Sprintf("%d changes of %s that %s lacks", n, in, from)
	}
	switch {
	case needed == 0:
	case needed == len(r.Changes):
		text += " and needs"
	default:
		text += fmt.Sprintf(", %d needed", needed)
	}
	switch n := len(r.Excluded); {
	case n == 0:
	case n == 1:
		text += "; 1 commit left out"
	default:
		text += fmt.Sprintf("; %d commits left out", n)
	}
	if len(r.Excluded) > 0 && !verbose {
		text += " (-v says why)"
	}
	return text
}

// Check draws a gate's verdicts, one a line.
func (t Text) Check(r *history.CheckResult) {
	what := func(c history.CheckedLanding) string {
		query := clean(c.Query)
		if query == c.SHA.String() {
			query = c.SHA.Short()
		}
		if c.Line == "" {
			return query
		}
		return query + " on " + clean(c.Line)
	}
	width := 0
	for _, c := range r.Results {
		width = max(width, runewidth.StringWidth(what(c)))
	}
	for _, c := range r.Results {
		sign := t.paint("✓", color.FgGreen)
		if !c.OK {
			sign = t.paint("✗", color.FgRed)
		}
		fmt.Fprintf(t.Out, "%s %s  %s\n", sign, runewidth.FillRight(what(c), min(width, 60)), clean(c.Reason))
	}
	t.limits(r.Limits)
}

func (t Text) limits(limits []history.Limit) {
	lines := make([]string, len(limits))
	for i, l := range limits {
		lines[i] = lookup.Explain(l)
	}
	t.short(lines)
}

// short says in what an answer may fall short of the truth.
func (t Text) short(lines []string) {
	for i, line := range lines {
		if i == 0 {
			fmt.Fprintln(t.Out)
		}
		fmt.Fprintf(t.Out, "  %s\n", t.paint(clean(line), color.Faint))
	}
}

// Repository is a line of Status.
type Repository struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	State   string `json:"state"` // reading, indexing, ready, stopped, error, or a clone's
	Commits int    `json:"commits"`
	Refs    int    `json:"refs"`
	Lines   int    `json:"lines"`
	Pending int    `json:"wordsPending"` // commits whose words are not indexed yet
	Error   string `json:"error"`

	URL    string    `json:"url,omitempty"` // of a clone
	Synced time.Time `json:"synced,omitzero"`
	Next   time.Time `json:"next,omitzero"` // when it is fetched again

	Size          int64     `json:"sizeBytes,omitempty"` // of a clone
	Used          time.Time `json:"used,omitzero"`       // about when a clone was used last
	Cleaned       time.Time `json:"cleaned,omitzero"`    // when a clone was deleted to make room
	CleanedReason string    `json:"cleanedReason,omitempty"`
	Attention     string    `json:"attention,omitempty"` // what somebody should look at, though all works
}

// Repositories are all that are known.
type Repositories struct {
	Repositories []Repository `json:"repositories"`
}

// SyncResult is how the update of one clone went.
type SyncResult struct {
	Repository string `json:"repository"`
	Error      string `json:"error"`
	DurationMS int64  `json:"durationMs"`
}

// Synced is how the updates of clones went.
type Synced struct {
	Results []SyncResult `json:"results"`
}

// Repair is how the repair of one repository went.
type Repair struct {
	Repository string   `json:"repository"`
	Path       string   `json:"path"`
	Problems   []string `json:"problems"`
	Done       []string `json:"done"`         // in a dry run: what would be done
	Beyond     bool     `json:"beyondRepair"` // only cloning anew helps, which was not asked for
	Error      string   `json:"error"`
}

// Repairs are how repairs went.
type Repairs struct {
	DryRun  bool     `json:"dryRun"`
	Results []Repair `json:"results"`
}

// Repositories draws them.
func (t Text) Repositories(list Repositories) {
	for i, r := range list.Repositories {
		if i > 0 {
			fmt.Fprintln(t.Out)
		}
		t.repository(r)
	}
	if len(list.Repositories) == 0 {
		fmt.Fprintln(t.Out, "no repository here, and none is configured")
	}
}

// Synced draws what was fetched; what failed is an error's to tell.
func (t Text) Synced(all Synced) {
	for _, r := range all.Results {
		if r.Error == "" {
			took := time.Duration(r.DurationMS) * time.Millisecond
			fmt.Fprintf(t.Out, "%s  fetched in %s\n", t.paint(clean(r.Repository), color.Bold), took.Round(time.Millisecond))
		}
	}
}

// Repairs draws what was found and done; what failed is an error's to tell.
func (t Text) Repairs(all Repairs) {
	for _, r := range all.Results {
		fmt.Fprintf(t.Out, "%s  %s\n", t.paint(clean(r.Repository), color.Bold), clean(r.Path))
		if len(r.Problems) == 0 && r.Error == "" {
			fmt.Fprintln(t.Out, "  nothing is wrong")
		}
		for _, problem := range r.Problems {
			fmt.Fprintf(t.Out, "  %s\n", t.paint(clean(problem), color.FgRed))
		}
		for _, done := range r.Done {
			if all.DryRun {
				done = "would " + done
			}
			fmt.Fprintf(t.Out, "  %s\n", clean(done))
		}
		if r.Beyond {
			fmt.Fprintln(t.Out, "  left as it is: only cloning it anew helps")
		}
	}
}

func (t Text) repository(r Repository) {
	fmt.Fprintf(t.Out, "%s  %s\n  %s", t.paint(clean(r.Name), color.Bold), clean(r.Path), r.State)
	if r.Commits > 0 {
		fmt.Fprintf(t.Out, ", %d commits, %d refs, %d lines", r.Commits, r.Refs, r.Lines)
	}
	if r.Pending > 0 && r.Error == "" {
		fmt.Fprintf(t.Out, ", words of %d commits to index", r.Pending)
	}
	fmt.Fprintln(t.Out)
	if r.URL != "" {
		fmt.Fprintf(t.Out, "  from %s", clean(r.URL))
		if !r.Synced.IsZero() {
			fmt.Fprintf(t.Out, ", fetched %s", humanize.Time(r.Synced))
		}
		if !r.Next.IsZero() {
			fmt.Fprintf(t.Out, ", again %s", humanize.Time(r.Next))
		}
		if r.Size > 0 {
			fmt.Fprintf(t.Out, ", %s", Bytes(r.Size))
		}
		fmt.Fprintln(t.Out)
	}
	if !r.Cleaned.IsZero() {
		fmt.Fprintf(t.Out, "  deleted %s to make room: %s; repo sync %s clones it again\n", humanize.Time(r.Cleaned), clean(r.CleanedReason), clean(r.Name))
	}
	if r.Attention != "" {
		fmt.Fprintf(t.Out, "  %s\n", t.paint(clean(r.Attention), color.FgYellow))
	}
	if r.Error != "" {
		fmt.Fprintf(t.Out, "  %s\n", t.paint(clean(r.Error), color.FgRed))
	}
}

// JSON writes what the server sent, indented. The same values come out, but
// characters that would act on a terminal or turn the direction of text are
// written as \u escapes.
func JSON(w io.Writer, raw json.RawMessage) error {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := w.Write(escapeUnseen(b.Bytes()))
	return err
}

// escapeUnseen escapes what lookup.Clean would take out; in JSON such
// characters stand in strings alone, but for line ends.
func escapeUnseen(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == '\n' || r >= ' ' && r < 0x7f || !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			out = append(out, text[:n]...)
		default:
			for _, u := range utf16.Encode([]rune{r}) {
				out = fmt.Appendf(out, `\u%04x`, u)
			}
		}
		text = text[n:]
	}
	return out
}

// Complain writes an error to a person.
func Complain(w io.Writer, err error) {
	fmt.Fprintf(w, "cabhfuil-lsp: %s\n", clean(err.Error()))
}
