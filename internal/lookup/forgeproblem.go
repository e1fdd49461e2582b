package lookup

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// Limits say in words what a match may lack, a sentence each: of forges which one,
// and what its problem is.
func Limits(m history.Match) []string {
	return limits(m, func(text string) string { return text })
}

// limits are Limits, where what others say is escaped and our own sentences are not.
func limits(m history.Match, escape func(string) string) []string {
	var lines []string
	for _, limit := range m.Limits {
		if limit == history.LimitForgeOffline && len(m.ForgeProblems) > 0 {
			for _, line := range explainForges(m.ForgeProblems, time.Now()) {
				lines = append(lines, escape(line))
			}
			continue
		}
		lines = append(lines, Explain(limit))
	}
	return lines
}

// maxProblems is how many problems of forges are told one by one.
const maxProblems = 3

func explainForges(problems []history.ForgeProblem, now time.Time) []string {
	var lines []string
	for _, p := range problems {
		if line := ExplainForge(p, now); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) > maxProblems {
		lines = append(lines[:maxProblems], fmt.Sprintf("… and %d more forges could not be asked.", len(lines)-maxProblems))
	}
	return lines
}

// ExplainForge says in a sentence why a forge could not be asked, and what to do about
// it where somebody can. It names variables and never what is in them.
func ExplainForge(p history.ForgeProblem, now time.Time) string {
	host, token := oneLine(p.Host, 60), oneLine(p.Token, 60)
	if host == "" {
		host = "The forge of the plugin " + oneLine(p.Forge, 60)
	}
	switch p.Problem {
	case "broken":
		return "The plugin " + oneLine(p.Forge, 60) + " does not work; plugin list says why."
	case "limited":
		text := host + " answers no more questions" + untilWhen(p.Retry, now)
		if token == "" {
			return text + "; who has a token may ask more."
		}
		return text + "."
	case "refused":
		if token == "" {
			return host + " wants a token, and none is set for it."
		}
		return host + " refuses the token of " + token + "; it may be wrong, or have expired."
	case "forbidden":
		return host + " does not show this " + cmp.Or(prefixed("to the token of ", token), "without a token") + "."
	case "untrusted":
		return host + " has a certificate that is not trusted; GIT_SSL_CAINFO names a file of your own CAs."
	case "failed":
		return host + " said what cannot be understood; what is shown may be missing or old."
	case "offline":
		return host + " does not answer; what it said may be missing or old."
	}
	return host + " could not be asked; what it said may be missing or old."
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// untilWhen is until when, by the clock here; "" where that is past or not known.
func untilWhen(at, now time.Time) string {
	switch wait := at.Sub(now); {
	case at.IsZero() || wait <= 0:
		return " for a while"
	case wait > 12*time.Hour:
		return " until " + at.Local().Format("2 Jan 15:04")
	}
	return " until " + at.Local().Format("15:04")
}
