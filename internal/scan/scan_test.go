package scan_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/cabhfuil/cabhfuil-lsp/internal/scan"
)

const sha = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"

// check scans a text in which each key is marked as «kind:key», and compares.
func check(t *testing.T, marked string) {
	t.Helper()
	var text, want strings.Builder
	rest := marked
	for {
		before, after, ok := strings.Cut(rest, "«")
		text.WriteString(before)
		want.WriteString(before)
		if !ok {
			break
		}
		key, tail, _ := strings.Cut(after, "»")
		_, name, _ := strings.Cut(key, ":")
		text.WriteString(name)
		want.WriteString("«" + key + "»")
		rest = tail
	}
	s := text.String()
	var got strings.Builder
	at := 0
	for _, m := range scan.Text(s) {
		got.WriteString(s[at:m.Start] + "«" + string(m.Key.Kind) + ":" + s[m.Start:m.End] + "»")
		at = m.End
	}
	got.WriteString(s[at:])
	if diff := cmp.Diff(marked, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestText(t *testing.T) {
	for _, marked := range []string{
		// Commits.
		`Fixes: «commit:1a2b3c4d5e6f» ("Add the engine")`,
		"(cherry picked from commit «commit:" + sha + "»)",
		"commit «commit:" + sha + "» upstream.",
		"[ Upstream commit «commit:" + sha + "» ]",
		"This reverts commit «commit:1A2B3C4D».",
		"pick «commit:1a2b3c4» Subject", "«commit:1a2b3c4»..«commit:5d6e7f8a»", "`«commit:1a2b3c4»`", "<«commit:1a2b3c4»>", "@«commit:1a2b3c4»",
		"From «commit:" + sha + "» Mon Sep 17 00:00:00 2001",
		"v2.1-14-g«commit:1a2b3c4d»", "2.1-gadget 1a2b3c", "an agg1a2b3c4d word",
		"sha256 «commit:" + sha[:32] + sha[:32] + "» of a commit",
		"sha256:" + sha[:32] + sha[:32],
		"index 1a2b3c4..5d6e7f8 100644\n«commit:1a2b3c4d»",
		"#1a2b3c4 is a colour", "xdeadbeef1 and «commit:deadbeef1»", "deadbeef_1", "déadbeef1a",
		"550e8400-e29b-41d4-a716-446655440000",
		"«bug:bug 12345» and number 1234567, but commit «commit:1234567» and reverts «commit:7654321»",
		"the time «commit:1700000000» and 1700000000.25",
		sha + "0",
		// Change-Ids.
		"Change-Id: «change-id:I" + sha + "»", "change-id:I" + sha + "0",
		// CVE, GHSA.
		"«cve:CVE-2024-32002»: fixed", "see «cve:CVE-2024-1234567», CVE-2024-1 and XCVE-2024-32002",
		"«ghsa:GHSA-8h77-4q3w-gfgv»!", "GHSA-8h77-4q3w",
		// Issues, pull and merge requests.
		"Closes «issue:#12», («issue:#3»)", "C#1 and x!1 and &#39; and #define", "«issue:GH-12»", "«issue:acme/engine#12» a/b/c#1",
		"«merge:!12» and «merge:group/sub/project!3»", "#0 and #12a and #12-3x", "# 1 heading", "page.html#12",
		// Trackers.
		"«bug:LP: #2116852» «bug:LP#2116852» «bug:bsc#1200000»", "Closes-«bug:Bug: #2116852»", "«bug:bug 12345» and bug 12", "«bug:PROJ-12», UTF-8, SHA-256, RFC-822, A-1, X-PROJ-1 and PROJ-1-2",
		// URLs.
		"see «url:https://github.com/acme/engine/commit/" + sha + "».",
		"«url:https://gitlab.com/g/p/-/merge_requests/12» (and «url:https://github.com/a/b/pull/3»)",
		"«url:https://git.kernel.org/linus/c/torvalds/linux.git/commit/?id=1a2b3c4d5e6f»",
		"«url:https://review.opendev.org/c/openstack/nova/+/12345»", "«url:https://issues.apache.org/jira/browse/PROJ-12»",
		"https://example.com/1a2b3c4d5e6f/#12", "«url:https://bugzilla.redhat.com/show_bug.cgi?id=1234567»",
	} {
		check(t, marked)
	}
}

func TestAt(t *testing.T) {
	const text = "first line 1a2b3c4\nthen «é» 5d6e7f8a9 and #12\nlast"
	for i := range len(text) + 1 {
		m, ok := scan.At(text, i)
		want := false
		for _, o := range scan.Text(text) {
			if o.Start <= i && i <= o.End {
				want = true
				if m != o {
					t.Errorf("at %d: %+v, not %+v", i, m, o)
				}
			}
		}
		if ok != want {
			t.Errorf("at %d: %v", i, ok)
		}
	}
	if _, ok := scan.At(text, -1); ok {
		t.Error("before the text")
	}
}

func TestCanonical(t *testing.T) {
	for text, want := range map[string]string{
		"1A2B3C4D": "1a2b3c4d", "GH-12": "#12", "#12": "#12", "acme/engine#12": "acme/engine#12", "LP: #2116852": "lp#2116852", "LP#2116852": "lp#2116852",
		"bug 12345": "bug#12345", "bsc#1200000": "bsc#1200000", "PROJ-12": "PROJ-12", "CVE-2024-32002": "CVE-2024-32002",
	} {
		m, ok := scan.At(text, 0)
		if !ok || m.Canonical() != want {
			t.Errorf("%s: %q, not %q", text, m.Canonical(), want)
		}
	}
	m, _ := scan.At("https://github.com/acme/engine/commit/1A2B3C4D5E", 3)
	if m.Commit() != "1a2b3c4d5e" {
		t.Errorf("the commit of an address: %q", m.Commit())
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"Fixes: 1a2b3c4d5e6f", "LP: #1", "https://github.com/a/b/commit/" + sha, "a/b#1 !2 é#3", "g1a2b3c4-g1a2b3c4", "CVE-2024-32002"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		last := 0
		for _, m := range scan.Text(s) {
			if m.Start < last || m.End <= m.Start || m.End > len(s) || m.Key.Text != s[m.Start:m.End] {
				t.Fatalf("%q: span %d-%d after %d", s, m.Start, m.End, last)
			}
			if utf8.ValidString(s) && !utf8.ValidString(m.Key.Text) {
				t.Fatalf("%q: %q cuts a character", s, m.Key.Text)
			}
			m.Canonical()
			m.Commit()
			last = m.End
		}
		for i := 0; i <= len(s); i += 1 + len(s)/16 {
			scan.At(s, i)
		}
	})
}

func BenchmarkText(b *testing.B) {
	text := strings.Repeat("Fix a leak in the engine's cache, as of 1a2b3c4d5e6f (see #12 and CVE-2024-32002).\n", 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		scan.Each(text, func(scan.Match) bool { return true })
	}
}
