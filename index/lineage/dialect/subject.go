package dialect

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// unquote takes Revert "…", Reapply "…" and Reland "…" off a subject, all of
// them, and says whether what is left is meant the other way round.
func unquote(subject string) (inner string, turned bool) {
	for {
		var rest string
		word, ok := "", false
		for _, word = range [...]string{`Revert "`, `Reapply "`, `Reland "`} {
			if rest, ok = strings.CutPrefix(subject, word); ok {
				break
			}
		}
		end := strings.LastIndexByte(rest, '"')
		if !ok || end < 1 || rest[end+1:] != "" && !isReference(rest[end+1:]) {
			return subject, turned
		}
		subject = rest[:end]
		if word[:3] == "Rev" {
			turned = !turned
		}
	}
}

func opposite(m Meaning) Meaning {
	if m == Revert {
		return Reapply
	}
	return Revert
}

// isReference says whether a subject's suffix is a forge's, " (#1)".
func isReference(suffix string) bool {
	inner, ok := strings.CutPrefix(strings.TrimRight(suffix, "."), " (")
	if !ok || !strings.HasSuffix(inner, ")") {
		return false
	}
	_, ok = kindOf(inner[:len(inner)-1])
	return ok
}

// Reference is the forge's reference at the end of a subject: "#1" of "x (#1)";
// "" where there is none.
func Reference(subject string) string {
	subject = strings.TrimRight(subject, " \t\r.")
	i := strings.LastIndex(subject, " (")
	if i < 1 || !isReference(subject[i:]) {
		return ""
	}
	return subject[i+2 : len(subject)-1]
}

// RequestNumber is the number of the pull or merge request that a key names: #1,
// GH-1, acme/engine!1, or its address. It is not ok for other keys.
func RequestNumber(key string) (n uint32, ok bool) {
	end := strings.TrimRight(key, "/")
	digits := len(end)
	for digits > 0 && end[digits-1] >= '0' && end[digits-1] <= '9' {
		digits--
	}
	before := end[:digits]
	switch {
	case strings.HasPrefix(key, "https://"), strings.HasPrefix(key, "http://"):
		ok = strings.HasSuffix(before, "/pull/") || strings.HasSuffix(before, "/pulls/") || strings.HasSuffix(before, "/merge_requests/")
	case strings.HasSuffix(before, "#"):
		ok = before == "#" || strings.Contains(before, "/") // not bsc#1
	default:
		ok = strings.HasSuffix(before, "!") || before == "GH-"
	}
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(end[digits:], 10, 32)
	if err != nil || number == 0 {
		return 0, false
	}
	return uint32(number), true
}

// RequestProject is the project that the key of a request names, such as
// acme/engine of acme/engine#1; "" where it names none.
func RequestProject(key string) string {
	key = strings.TrimRight(strings.TrimRight(key, "/"), "0123456789")
	if u, err := url.Parse(key); err == nil && u.Host != "" {
		for _, request := range []string{"/pull/", "/pulls/", "/-/merge_requests/", "/merge_requests/"} {
			if project, ok := strings.CutSuffix(u.Path, request); ok {
				return strings.Trim(project, "/")
			}
		}
		return ""
	}
	if project := strings.TrimRight(key, "#!"); strings.Contains(project, "/") {
		return project
	}
	return ""
}

// NormalSubject is what a subject says by itself: without a copy's prefix and
// suffix as the built-in dialects write them ("[5.0.x]", "UPSTREAM:",
// "(backport #1)"), without a forge's "(#1)" and without "[ci skip]". Copies of
// one change have the same one. A revert keeps its Revert "…".
func NormalSubject(subject string) string {
	t := &Builtin().subjects
	for range 8 {
		before := subject
		subject = strings.TrimSpace(subject)
		if subject == "" {
			return ""
		}
		for heads, i := t.byHead[subject[0]], 0; i < len(heads); i++ {
			if beginsFold(subject[1:], heads[i].rest) {
				subject = heads[i].strip(subject)
			}
		}
		for _, d := range t.others {
			if d.filter.mayHold(subject) {
				subject = d.strip(subject)
			}
		}
		if subject = trimSuffixes(subject); subject == before {
			break
		}
	}
	return subject
}

// strip is the change's own subject, where d reads a copy's.
func (d *dialect) strip(subject string) string {
	if d.spec.Means != Copy || d.subject < 0 {
		return subject
	}
	at := d.re.FindStringSubmatchIndex(subject)
	if at == nil || at[2*d.subject] == at[2*d.subject+1] || at[2*d.subject] < 0 {
		return subject
	}
	return subject[at[2*d.subject]:at[2*d.subject+1]]
}

// trimSuffixes takes forges' references and notes to CI off the end.
func trimSuffixes(subject string) string {
	for {
		before := len(subject)
		for _, note := range [...]string{"[ci skip]", "[skip ci]"} {
			if strings.HasSuffix(subject, note) {
				subject = strings.TrimRight(strings.TrimSuffix(subject, note), " ")
			}
		}
		if strings.HasSuffix(subject, ")") || strings.HasSuffix(subject, ").") {
			if i := strings.LastIndex(subject, " ("); i > 0 && isReference(subject[i:]) {
				subject = strings.TrimRight(subject[:i], " ")
			}
		}
		if len(subject) == before {
			return subject
		}
	}
}

// gerrit is the dialect of Change-Ids alone.
var gerrit = sync.OnceValue(func() *Set {
	all := Builtin().dialects
	return newSet(all[slices.IndexFunc(all, func(d *dialect) bool { return d.spec.Means == Same && d.spec.Last }):][:1])
})

// ChangeID is the Change-Id of a message: of several trailers the last counts.
func ChangeID(message string) (id string, ok bool) {
	gerrit().Read(message, func(c Claim) bool {
		id, ok = c.Key.Text, true
		return true
	})
	return id, ok
}
