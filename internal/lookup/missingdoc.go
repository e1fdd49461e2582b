package lookup

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// missingSuffix ends the path of a missing list's address.
const missingSuffix = "/lines.missing"

// MissingURI is the address of the document that lists what a line lacks. The
// repository is the scope's.
func MissingURI(m Missing) string {
	q := url.Values{"from": {m.From}}
	if m.In != "" {
		q.Set("in", m.In)
	}
	if m.Since != "" {
		q.Set("since", m.Since)
	}
	if m.Needed {
		q.Set("needed", "true")
	}
	if m.Security {
		q.Set("security", "true")
	}
	return (&url.URL{Scheme: "cabhfuil", Path: "/" + m.Repository + missingSuffix, RawQuery: q.Encode()}).String()
}

// ParseMissingURI is the reverse of MissingURI.
func ParseMissingURI(uri string) (m Missing, ok bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "cabhfuil" {
		return m, false
	}
	m.Repository, ok = strings.CutSuffix(strings.TrimPrefix(u.Path, "/"), missingSuffix)
	q := u.Query()
	if !strings.Contains(u.RawQuery, "=") {
		q = encodedQuery(u.RawQuery)
	}
	m.From, m.In, m.Since = q.Get("from"), q.Get("in"), q.Get("since")
	m.Needed, m.Security = q.Get("needed") == "true", q.Get("security") == "true"
	return m, ok && m.Repository != "" && m.From != ""
}

// encodedQuery reads a query as VS Code writes it: decoded, and then encoded as a
// whole, with its = and &. So a value that holds an & ends there.
func encodedQuery(raw string) url.Values {
	q := url.Values{}
	text, err := url.PathUnescape(raw)
	if err != nil {
		return q
	}
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		q.Set(name, value)
	}
	return q
}

// MissingDocument is the text that lists what a line lacks, in sections by
// reason. Each SHA in it is live, as in a commit's document.
func (l *Lookup) MissingDocument(ctx context.Context, m Missing) (string, error) {
	result, err := l.Missing(ctx, m)
	if err != nil {
		return "", err
	}
	return missingText(result), nil
}

func missingText(r *history.MissingResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "What %s lacks of %s, in %s\n", oneLine(r.From, 80), oneLine(r.In, 80), oneLine(r.Repository, 80))
	for _, limit := range r.Limits {
		fmt.Fprintf(&b, "%s\n", Explain(limit))
	}
	var needed, others []history.MissingChange
	for _, c := range r.Changes {
		if c.Needed {
			needed = append(needed, c)
		} else {
			others = append(others, c)
		}
	}
	section := func(title string, changes []history.MissingChange, reasons bool) {
		if len(changes) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s (%d)\n\n", title, len(changes))
		for _, c := range changes {
			fmt.Fprintf(&b, "  %s  %s  %s\n", c.SHA.Short(), c.Date.Format("2006-01-02"), oneLine(c.Subject, 100))
			if reasons || c.Subject == "" {
				fmt.Fprintf(&b, "      %s\n", oneLine(c.Reason, 200))
			}
		}
	}
	section("Needed: it has what these fix", needed, true)
	section("Other changes", others, false)
	if len(r.Changes) == 0 {
		b.WriteString("\nNothing.\n")
	}
	var merges int
	var left []history.ExcludedChange
	for _, e := range r.Excluded {
		if e.Reason == "a merge" {
			merges++
		} else {
			left = append(left, e)
		}
	}
	if len(left) > 0 {
		fmt.Fprintf(&b, "\nLeft out (%d)\n\n", len(left))
		for _, e := range left {
			fmt.Fprintf(&b, "  %s  %s\n", e.SHA.Short(), oneLine(e.Reason, 200))
		}
	}
	if merges > 0 {
		fmt.Fprintf(&b, "\nAnd %d merges.\n", merges)
	}
	return b.String()
}
