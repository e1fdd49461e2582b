package lookup

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
)

// Forge is what forges and trackers know. It answers at once with what is known.
type Forge interface {
	// URLs are the pages of keys: "" where there is none or none is known yet.
	URLs(remotes []string, keys []history.Key) []string
	// Said is what forges said of keys in a repository with these remotes; what they
	// were not asked yet is asked in the background, as ask says.
	Said(remotes []string, keys []history.Key, ask Asking) Said
	// News is closed when more has been said.
	News() <-chan struct{}
	// Budget is how long an answer waits for what forges say; what comes later is in
	// the next one.
	Budget() time.Duration
	// Open are the issues (KeyIssue), pulls (KeyMerge) or bugs of trackers (KeyBug)
	// that are open and fit a text, the most recently changed first. It waits for the
	// forge as long as ctx lasts.
	Open(ctx context.Context, remotes []string, kind history.KeyKind, text string, limit int) []history.ForgeItem
}

// Asking says what is done about what forges have not said.
type Asking int

// The ways: AskNow for somebody who waits, AskAhead for somebody who may come, which
// is worth fewer requests, and AskNothing.
const (
	AskNow Asking = iota
	AskAhead
	AskNothing
)

// Patience says how an answer waits for forges.
type Patience int

// The ways: PatienceBudget waits for the forges' budget, PatienceNone asks them for
// the next time, PatienceKnown takes what is known.
const (
	PatienceBudget Patience = iota
	PatienceNone
	PatienceKnown
)

// Said is what forges said.
type Said struct {
	Items   [][]history.ForgeItem // of each key, in order
	Pending bool                  // more is on its way
	// Problems say why a forge could not be asked, each host and kind once; none where
	// all could.
	Problems []history.ForgeProblem
}

// key is the commit as a key.
func (f found) key() history.Key {
	return history.Key{Kind: history.KeyCommit, Text: f.hash.String()}
}

// question is what forges are asked of one repository.
type question struct {
	remotes []string
	keys    []history.Key
}

// awaited asks forges until they have said all that they were asked, or the budget
// is used up, which is one for all questions.
func (l *Lookup) awaited(ctx context.Context, p Patience, questions ...question) []Said {
	budget, ask := l.forge.Budget(), AskNow
	switch p {
	case PatienceNone:
		budget = 0
	case PatienceKnown:
		budget, ask = 0, AskNothing
	}
	waiting, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	said := make([]Said, len(questions))
	for i := range said {
		said[i].Pending = true
	}
	for {
		news := l.forge.News() // before asking, so that none is missed
		pending := false
		for i, q := range questions {
			if said[i].Pending {
				said[i] = l.forge.Said(q.remotes, q.keys, ask)
				pending = pending || said[i].Pending
			}
		}
		if !pending || budget == 0 {
			return said
		}
		select {
		case <-news:
		case <-waiting.Done():
			return said
		}
	}
}

// maxNamed bounds the keys of one message that forges are asked about: each may cost
// a request, and a message may name thousands.
const maxNamed = 50

// enrich adds to fix cards what forges say of the commits and of what their
// messages name. All that is to be asked is asked together.
func (l *Lookup) enrich(ctx context.Context, p Patience, fs []found, ms []*history.Match) {
	if l.forge == nil || len(ms) == 0 {
		return
	}
	questions := make([]question, len(ms))
	for i, m := range ms {
		keys := []history.Key{fs[i].key()}
		for _, k := range m.Keys {
			if k.Kind != history.KeyCommit && k.Kind != history.KeyURL && len(keys) <= maxNamed {
				keys = append(keys, k)
			}
		}
		questions[i] = question{fs[i].repo.Remotes(), keys}
	}
	for i, said := range l.awaited(ctx, p, questions...) {
		m, keys := ms[i], questions[i].keys
		var own, wishes []history.ForgeItem
		var roles map[string]role
		for j, items := range said.Items {
			if len(items) > 0 && roles == nil {
				roles = keyRoles(m.Commit.Message)
			}
			for _, item := range items {
				if !slices.ContainsFunc(m.Forge, func(f history.ForgeItem) bool {
					return f.Kind == item.Kind && f.ID == item.ID && f.Project == item.Project && f.URL == item.URL
				}) {
					m.Forge = append(m.Forge, item)
				}
				sha := m.Commit.Hash.String()
				switch role := roles[keyID(keys[j])]; {
				case j == 0, role == itsOwn, item.MergeCommit == sha, item.Head == sha:
					own = append(own, item)
				case role == itsCause:
					wishes = append(wishes, item)
				}
			}
		}
		if said.Pending {
			m.Limits = append(m.Limits, history.LimitForgePending)
		}
		if m.ForgeProblems = said.Problems; len(said.Problems) > 0 {
			m.Limits = append(m.Limits, history.LimitForgeOffline)
		}
		request(m, own, wishes)
	}
}

// role is what a key of a message is to the change.
type role int

const (
	mentioned role = iota // something else
	itsCause              // what it mends, or the pull that brought it
	itsOwn                // its own name
)

var (
	// closing is what stands before the number of an issue that a change mends, or of
	// the pull that it came with. In quotes are subjects of other changes.
	closing = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(?:^|[^\pL])(?:clos(?:e|es|ed)|fix(?:e[sd])?|resolv(?:e|es|ed)|pr-url|reviewed-on|merge pull request|see merge request)(?:$|[^\pL.;"][^.;"]*$)`)
	})
	// asideOf is what stands before a bug that has to do with a change and is not what
	// it mends. Others are: a message names bugs for that.
	asideOf = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(?:^|[^\pL])(?:see|related|refs?|references|depends[- ]on|needed[- ]by|(?:caused|introduced) by|regress[a-z]*)(?:$|[^\pL.;()][^.;()]*$)`)
	})
)

func keyID(k history.Key) string { return string(k.Kind) + " " + scan.Canonical(k) }

// keyRoles are what the keys of a message are to its change.
func keyRoles(message string) map[string]role {
	roles := map[string]role{}
	subject, _, _ := strings.Cut(message, "\n")
	scan.Each(message, func(m scan.Match) bool {
		before := message[strings.LastIndexByte(message[:m.Start], '\n')+1 : m.Start]
		before = before[max(0, len(before)-200):]
		r := mentioned
		switch m.Key.Kind {
		case history.KeyChangeID:
			if strings.EqualFold(strings.TrimSpace(before), "change-id:") {
				r = itsOwn
			}
		case history.KeyBug:
			if !asideOf().MatchString(before) {
				r = itsCause
			}
		case history.KeyIssue, history.KeyMerge:
			squashed := m.End+1 == len(subject) && subject[m.End] == ')' && strings.HasSuffix(before, "(")
			if squashed || closing().MatchString(before) {
				r = itsCause
			}
		}
		id := keyID(m.Key)
		roles[id] = max(roles[id], r)
		return true
	})
	return roles
}

// request marks the lines on which the change is missing and wanted: by what is its
// own on a forge, and by wishes for copies of what it mends or came with. What its
// message merely mentions says nothing of it.
func request(m *history.Match, own, wishes []history.ForgeItem) {
	for i := range m.Branches {
		landing := &m.Branches[i]
		if landing.Status != history.Missing && landing.Status != history.Unknown {
			continue
		}
		for _, item := range own {
			if (item.Kind == "pull" || item.Kind == "change") && item.State == "open" && item.Target == landing.Name && landing.Requested == nil {
				landing.Requested = &history.Request{Kind: item.Kind, ID: item.ID, Title: item.Title, State: item.State, URL: item.URL, Noun: item.Noun}
			}
		}
		for _, item := range slices.Concat(own, wishes) {
			if landing.Requested == nil {
				landing.Requested = wishedOn(item, landing.Name)
			}
		}
	}
}

// wishedOn is the copy for a line that a forge's item tells of, or the wish for one.
func wishedOn(item history.ForgeItem, line string) *history.Request {
	for _, b := range item.Backports {
		if b.State != "merged" && b.State != "closed" && meansLine(b.Target, line) {
			r := b.Request
			if r.Kind == item.Kind {
				r.Noun = item.Noun
			}
			r.URL, r.Title = cmp.Or(r.URL, item.URL), cmp.Or(r.Title, item.Title)
			return &r
		}
	}
	return nil
}

// meansLine says whether a branch's name, or the part of it that a label has,
// means a line: 1.2 and stable-1.2 mean stable/stable-1.2 and stable-1.2. A number
// is a whole one: 2 is not stable-1-2.
func meansLine(target, line string) bool {
	target, line = strings.ToLower(target), strings.ToLower(line)
	if target == line {
		return true
	}
	for _, t := range []string{target, strings.TrimPrefix(target, "v")} {
		rest, ok := strings.CutSuffix(line, t)
		if !ok || t == "" {
			continue
		}
		rest = strings.TrimSuffix(rest, "v")
		if rest == "" || strings.HasSuffix(rest, "/") {
			return true
		}
		if before := strings.TrimRight(rest, "-_"); before != rest && (before == "" || !isDigit(before[len(before)-1]) || !isDigit(t[0])) {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// maxAhead bounds the keys of a document that forges are asked about ahead.
const maxAhead = 2000

// askAhead asks forges about what somebody may hover over in a document.
func (l *Lookup) askAhead(doc Document, wanted map[Repository][]history.Hash, names []history.Key) {
	if l.forge == nil {
		return
	}
	home, ok := l.repository(doc)
	if !ok {
		return
	}
	keys := names
	for _, h := range wanted[home] {
		if len(keys) >= maxAhead {
			break
		}
		keys = append(keys, history.Key{Kind: history.KeyCommit, Text: h.String()})
	}
	if len(keys) > 0 {
		l.forge.Said(home.Remotes(), keys, AskAhead)
	}
}

// hoverAddress is what a forge says of what its address is of, whatever repository it
// is in.
func (l *Lookup) hoverAddress(ctx context.Context, k history.Key) []string {
	at, ok := scan.AddressOf(k.Text)
	if l.forge == nil || !ok {
		return nil
	}
	var remotes []string
	if at.Repository != "" {
		remotes = []string{at.Repository}
	}
	said := l.awaited(ctx, PatienceBudget, question{remotes, []history.Key{k}})[0]
	said.Items[0] = slices.DeleteFunc(slices.Clone(said.Items[0]), func(item history.ForgeItem) bool {
		return at.Repository == "" && !sameHost(item.URL, k.Text) // of another tracker that has such names
	})
	for i := range said.Items[0] {
		if item := &said.Items[0][i]; item.Project == "" {
			if u, err := url.Parse(at.Repository); err == nil {
				item.Project = strings.Trim(u.Path, "/")
			}
		}
	}
	return saidParts(said)
}

func sameHost(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && strings.EqualFold(x.Host, y.Host)
}

// hoverForge is what forges say of a key, and its page.
func (l *Lookup) hoverForge(ctx context.Context, remotes []string, k history.Key) []string {
	if l.forge == nil {
		return nil
	}
	keys := []history.Key{k}
	said := l.awaited(ctx, PatienceBudget, question{remotes, keys})[0]
	link := ""
	if u := l.forge.URLs(remotes, keys)[0]; isWeb(u) && !slices.ContainsFunc(said.Items[0], func(i history.ForgeItem) bool { return i.URL != "" }) {
		link = fmt.Sprintf("[Open %s](%s)", escape(k.Text), linkTarget(u))
	}
	return saidParts(said, link)
}

// saidParts are what forges said of one key, links that are there, and what an answer
// lacks.
func saidParts(said Said, links ...string) []string {
	var parts []string
	for _, item := range said.Items[0] {
		parts = append(parts, forgeCard(item))
	}
	parts = append(parts, slices.DeleteFunc(links, func(link string) bool { return link == "" })...)
	if said.Pending {
		parts = append(parts, "*"+Explain(history.LimitForgePending)+"*")
	}
	for _, line := range explainForges(said.Problems, time.Now()) {
		parts = append(parts, "*"+escape(line)+"*")
	}
	return parts
}

// forgeCard is a forge's item as the subject of a hover.
func forgeCard(item history.ForgeItem) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**  \n%s", cmp.Or(escape(oneLine(item.Title, 200)), "(no title)"), forgeLine(item, false))
	var facts []string
	if len(item.Labels) > 0 {
		facts = append(facts, escape(oneLine(strings.Join(item.Labels, ", "), 200)))
	}
	if item.Milestone != "" {
		facts = append(facts, "for "+escape(oneLine(item.Milestone, 60)))
	}
	if len(item.Assignees) > 0 {
		facts = append(facts, "assigned to "+escape(oneLine(strings.Join(item.Assignees, ", "), 100)))
	}
	if len(facts) > 0 {
		b.WriteString("  \n" + strings.Join(facts, " · "))
	}
	for i, back := range item.Backports {
		if back.Kind == item.Kind {
			back.Noun = item.Noun
		}
		if i == foldAbove {
			fmt.Fprintf(&b, "  \n… and %d more backports", len(item.Backports)-i)
			break
		}
		b.WriteString("  \n" + backportLine(back))
	}
	return b.String()
}

// backportLine tells of a copy for another branch.
func backportLine(back history.ForgeBackport) string {
	text := "Backport to " + bold(oneLine(back.Target, 80))
	switch {
	case back.ID != "":
		text += ": " + linked(requestName(back.Request), back.URL)
		if back.State != "" {
			text += " " + escape(back.State)
		}
	case back.Label != "":
		text += " is asked for by the label " + escape(oneLine(back.Label, 60))
	case back.State != "":
		text += ": " + escape(back.State)
	}
	return text
}

// forgeLine is a forge's item in one line: its name with its page, how it is
// doing, who says so and since when.
func forgeLine(item history.ForgeItem, titled bool) string {
	text := linked(ItemName(item), item.URL)
	if state := ItemState(item); state != "" {
		text += " " + escape(state)
	}
	if item.Target != "" {
		text += " → " + escape(oneLine(item.Target, 60))
	}
	if titled && item.Title != "" {
		text += ": " + escape(oneLine(item.Title, 80))
	}
	var about []string
	if item.Author != "" && !titled {
		about = append(about, escape(oneLine(item.Author, 60)))
	}
	if old := ItemAge(item, time.Now()); old != "" {
		about = append(about, old)
	}
	if len(about) > 0 {
		text += " (" + strings.Join(about, ", ") + ")"
	}
	return text
}

// linked is a text that leads to a page, if there is one.
func linked(text, url string) string {
	if !isWeb(url) {
		return escape(text)
	}
	return fmt.Sprintf("[%s](%s)", escape(text), linkTarget(url))
}

// nouns are the usual words for kinds of items.
var nouns = map[string]string{"pull": "Pull request", "issue": "Issue", "change": "Change", "bug": "Bug"}

// maxNoun is how much of a forge's own word is shown.
const maxNoun = 30

// ItemName is how people name a forge's item, such as "Issue #12", in the forge's own
// word: "Merge request !12".
func ItemName(item history.ForgeItem) string {
	noun := cmp.Or(oneLine(item.Noun, maxNoun), nouns[item.Kind], item.Kind)
	switch item.Kind {
	case "pull":
		if strings.EqualFold(noun, "Merge request") {
			return noun + " " + item.Project + "!" + item.ID
		}
		return noun + " " + item.Project + "#" + item.ID
	case "issue":
		return noun + " " + item.Project + "#" + item.ID
	case "change":
		return noun + " " + item.ID[:min(len(item.ID), 8)]
	case "bug":
		if n, ok := strings.CutPrefix(item.ID, "bug#"); ok {
			return noun + " " + n
		}
		id := item.ID
		if n, ok := strings.CutPrefix(id, "lp#"); ok {
			id = "LP: #" + n
		}
		if item.Noun == "" { // the name tells the tracker
			return id
		}
		return noun + " " + id
	}
	return noun + " " + item.ID
}

// requestName names what makes a backport.
func requestName(r history.Request) string {
	return ItemName(history.ForgeItem{Kind: r.Kind, ID: r.ID, Noun: r.Noun})
}

// ItemState is how a forge's item is doing, in words.
func ItemState(item history.ForgeItem) string {
	state := item.State
	if item.Draft && item.State == "open" {
		state = "draft"
	}
	if item.Status != "" && !strings.EqualFold(item.Status, item.State) {
		if item.Kind == "bug" || item.Kind == "issue" {
			return oneLine(item.Status, 40)
		}
		return strings.TrimSpace(state + " (" + oneLine(item.Status, 40) + ")")
	}
	return state
}

// ItemAge is how old what a forge said is, where that is worth telling: while it
// cannot be asked, or when it was not for long; "" else.
func ItemAge(item history.ForgeItem, now time.Time) string {
	age := now.Sub(item.Checked)
	if item.Checked.IsZero() || item.Problem == "" && age < time.Hour {
		return ""
	}
	switch {
	case age < 2*time.Minute:
		return "as of a minute ago"
	case age < 2*time.Hour:
		return fmt.Sprintf("as of %d minutes ago", int(age.Minutes()))
	case age < 48*time.Hour:
		return fmt.Sprintf("as of %d hours ago", int(age.Hours()))
	}
	return fmt.Sprintf("as of %d days ago", int(age.Hours()/24))
}

// forgeRows are what forges say of a change and of what its message names, one a
// row; many fold.
func forgeRows(m history.Match) []string {
	var rows []string
	said := 0
	for _, item := range m.Forge {
		if item.Kind == "commit" {
			continue
		}
		if said++; said <= foldAbove {
			rows = append(rows, forgeLine(item, true))
		}
	}
	if said > foldAbove {
		rows = append(rows, fmt.Sprintf("… and %d more", said-foldAbove))
	}
	return rows
}

// isSaid says whether what a forge said stands for a key already.
func isSaid(m history.Match, k history.Key) bool {
	return slices.ContainsFunc(m.Forge, func(item history.ForgeItem) bool {
		return item.Kind != "commit" && (k.URL != nil && item.URL == *k.URL || item.ID == scan.Canonical(k) || k.Kind == history.KeyIssue && strings.HasSuffix(k.Text, "#"+item.ID))
	})
}

// reference is what is typed of an issue or a pull request at the end of a line.
var reference = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[\s(\[{,;:])([#!])([\pL\pN_-]{0,40})$`)
})

// bugLead is what stands before the # of a tracker's bug.
var bugLead = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:^|[^\pL])(?:bug|lp):?\s*$`)
})

// openItems are the open issues, bugs and pull requests that may be meant behind #
// or !.
func (l *Lookup) openItems(ctx context.Context, doc Document, offset int) ([]Completion, error) {
	if l.forge == nil || offset < 0 || offset > len(doc.Text) || isCommitDocument(doc) {
		return nil, nil
	}
	repo, ok := l.repository(doc)
	start := strings.LastIndexByte(doc.Text[:offset], '\n') + 1
	if !ok || offset-start > maxLead || !writable(doc, start) {
		return nil, nil
	}
	line := doc.Text[start:offset]
	m := reference().FindStringSubmatchIndex(line)
	switch code := formOf(doc) == formSource; {
	case m == nil:
		return nil, nil
	case strings.TrimSpace(line[:m[2]]) == "" && (code || m[4] == m[5]):
		return nil, nil // a comment or a heading begins
	case code && !strings.ContainsAny(line[:m[2]], "#/*;-%"):
		return nil, nil
	}
	waiting, cancel := context.WithTimeout(ctx, 2*l.forge.Budget())
	defer cancel()
	typed, kind := line[m[4]:m[5]], history.KeyIssue
	switch {
	case line[m[2]] == '!':
		kind = history.KeyMerge
	case bugLead().MatchString(line[:m[2]]):
		kind = history.KeyBug
	}
	all := []Completion{}
	for _, item := range l.forge.Open(waiting, repo.Remotes(), kind, typed, maxCompletions) {
		text := line[m[2]:m[3]] + item.ID[strings.LastIndexByte(item.ID, '#')+1:]
		hover := &Hover{Markdown: forgeCard(item)}
		hover.Plain = plainText(hover.Markdown)
		all = append(all, Completion{
			Span: Span{start + m[2], offset}, Label: text + " " + oneLine(item.Title, 200), Detail: ItemName(item) + " " + ItemState(item), Text: text,
			Filter: line[m[2]:m[5]] + " " + item.ID + " " + oneLine(item.Title, 200), Documentation: hover,
		})
	}
	return all, ctx.Err()
}
