package web

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestLinkNext(t *testing.T) {
	for header, want := range map[string]string{
		"": "",
		`<https://a/?page=2>; rel="next", <https://a/?page=9>; rel="last"`:   "https://a/?page=2",
		`<https://a/?page=9>; rel="last", <https://a/?page=2>; rel="next"`:   "https://a/?page=2",
		`<https://a/?x=1,2;3>; rel=next`:                                     "https://a/?x=1,2;3",
		`<https://a/>; title="a, \"b\"; rel=next"; rel="prev", <b>;rel=Next`: "b",
		`<b>; REL = "first  next"`:                                           "b",
		`<a>; rel=first; rel=next`:                                           "",
		`<a>; rel=nextish`:                                                   "",
		`<a; rel=next`:                                                       "",
		`a; rel=next`:                                                        "",
		`<a>; title="open, <b>; rel=next`:                                    "",
		`<a>;;;, ,, <b>; ; rel="next";`:                                      "b",
		`<a>; rel="next` + "\x00":                                            "",
		`<>; rel=next`:                                                       "",
		`<` + strings.Repeat("a", longestLink) + `>; rel=next`:               "",
	} {
		if got := linkNext(header); got != want {
			t.Errorf("linkNext(%q) = %q, want %q", header, got, want)
		}
	}
}

func FuzzLinkNext(f *testing.F) {
	f.Add(`<https://a/?page=2>; rel="next", <https://a/?page=9>; rel="last"`)
	f.Add(`<a>; title="\"`)
	f.Add(`<a>,<b>;rel=next`)
	f.Fuzz(func(t *testing.T, header string) {
		next := linkNext(header)
		if next != "" && !strings.Contains(header, "<"+next+">") {
			t.Errorf("%q leads to %q", header, next)
		}
		if next != "" && linkNext("<x>; rel=prev, "+header) != next {
			t.Errorf("%q leads elsewhere behind another link", header)
		}
	})
}

func FuzzLimit(f *testing.F) {
	f.Add(429, "30", "0", "60", "Sat, 01 Jan 2000 00:00:00 GMT")
	f.Add(200, "Sat, 01 Jan 2000 00:01:00 GMT", "0", "946684860", "")
	f.Add(403, "-1", "-0", "99999999999999999999", "x")
	f.Add(503, "+5", " 0 ", "9223372036854775807", "Fri, 31 Dec 9999 23:59:59 GMT")
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, status int, after, remaining, reset, date string) {
		for _, prefix := range []string{"X-RateLimit-", "RateLimit-"} {
			h := http.Header{}
			h.Set("Retry-After", after)
			h.Set("Date", date)
			h.Set(prefix+"Remaining", remaining)
			h.Set(prefix+"Reset", reset)
			l := readLimit(status, h, now)
			wait, refused := l.wait, l.refused
			if wait < 0 || wait > longestPause {
				t.Errorf("%v: nothing is asked for %s", h, wait)
			}
			if refused && status < 400 || status == 429 && !refused {
				t.Errorf("%d %v: refused is %v", status, h, refused)
			}
			if !refused && wait > 0 && strings.TrimSpace(remaining) != "0" {
				t.Errorf("%d %v: %s for nothing", status, h, wait)
			}
		}
	})
}
