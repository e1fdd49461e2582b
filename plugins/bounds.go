package plugins

import (
	"strings"
	"time"
)

// The bounds of what a forge passes on. Whoever shows it sanitises it again.
const (
	maxText  = 1000 // bytes of a title or a name
	maxNames = 100  // labels, assignees or backports of one thing
)

// Clip shortens a text to what is passed on, at the edge of a character.
func Clip(text string) string {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

// Bounded is the thing with its texts and lists cut to what is passed on.
func (t Thing) Bounded() Thing {
	for _, text := range []*string{&t.ID, &t.Project, &t.URL, &t.Noun, &t.Title, &t.Status, &t.Author, &t.Milestone, &t.Target, &t.Head, &t.MergeCommit} {
		*text = Clip(*text)
	}
	t.Labels, t.Assignees = clipped(t.Labels), clipped(t.Assignees)
	if t.Backports = t.Backports[:min(len(t.Backports), maxNames)]; len(t.Backports) > 0 {
		t.Backports = append([]Backport(nil), t.Backports...)
	}
	for i := range t.Backports {
		b := &t.Backports[i]
		for _, text := range []*string{&b.Target, &b.Label, &b.ID, &b.URL, &b.Title} {
			*text = Clip(*text)
		}
	}
	return t
}

// clipped are the first texts of a list, nil where there are none.
func clipped(all []string) []string {
	var kept []string
	for _, text := range all[:min(len(all), maxNames)] {
		kept = append(kept, Clip(text))
	}
	return kept
}

// Person is the first name that is there. Of one that is an e-mail address, only
// what stands before the @ is told.
func Person(names ...string) string {
	for _, name := range names {
		if name, _, _ = strings.Cut(strings.TrimSpace(name), "@"); name != "" {
			return name
		}
	}
	return ""
}

// Time reads a time as forges write it, in UTC: RFC 3339, or Jira's zone without a
// colon. What cannot be read is the zero time.
func Time(text string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
