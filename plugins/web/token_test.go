package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func quiet() *log.Logger { return slog.NewLogLogger(slog.DiscardHandler, 0) }

func TestSources(t *testing.T) {
	for _, name := range []string{"git", "sh"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(err)
		}
	}
	home := t.TempDir()
	helper := filepath.Join(home, "helper")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(helper, "#!/bin/sh\ntest \"$1\" = get || { echo \"$1\" >>"+home+"/written; exit; }\ngrep -q '^host=forge.example$' && printf 'username=me\\npassword="+planted+"\\n'\n")
	asker := filepath.Join(home, "asker") // a window that asks somebody
	write(asker, "#!/bin/sh\necho typed\n")
	write(filepath.Join(home, "config"), "[credential]\n\thelper = \""+helper+"\"\n[core]\n\taskPass = \""+asker+"\"\n")
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(home, "config"))
	t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
	t.Setenv("WEB_TEST_EMPTY", " ")
	t.Setenv("WEB_TEST_TOKEN", planted+"\n")
	t.Setenv("GIT_ASKPASS", asker)
	t.Setenv("SSH_ASKPASS", asker)

	// A repository whose configuration names a program, as the working directory.
	repo := t.TempDir()
	if out, err := exec.Command("git", "init", "-q", repo).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	evil := filepath.Join(repo, "evil")
	write(evil, "#!/bin/sh\ntouch "+repo+"/ran\n")
	if out, err := exec.Command("git", "-C", repo, "config", "credential.helper", evil).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Chdir(repo)
	t.Setenv("GIT_DIR", filepath.Join(repo, ".git"))

	check := func(s Source, host, user, token string, fails bool) {
		t.Helper()
		u, v, err := s.Read(t.Context(), host)
		if u != user || v != token || err != nil != fails {
			t.Errorf("%s for %s: %q, %q, %v", s.Name, host, u, v, err)
		}
		if err != nil && strings.Contains(err.Error(), planted) {
			t.Error(err)
		}
	}
	check(Env("WEB_TEST_NONE", "WEB_TEST_EMPTY", "WEB_TEST_TOKEN"), "forge.example", "", planted, false)
	check(Env("WEB_TEST_NONE"), "forge.example", "", "", false)
	check(GitCredential(), "forge.example", "me", planted, false)
	check(GitCredential(), "other.example", "", "", true)
	check(GitCredential(), "other.example\nhost=forge.example", "", "", true)
	check(Command("sh", "-c", "printf '%s\\n' \"$1\"", "sh", "token-of-{host}"), "forge.example", "", "token-of-forge.example", false)
	check(Command("sh", "-c", "echo "+planted+"; exit 1"), "forge.example", "", "", true)
	check(Command("there-is-no-such-program"), "forge.example", "", "", true)
	if _, err := os.Stat(filepath.Join(repo, "ran")); err == nil {
		t.Error("a repository's configuration ran a program")
	}
	if _, err := os.Stat(filepath.Join(home, "written")); err == nil {
		t.Error("a helper was told to store or erase something")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Command("sh", "-c", "sleep 100").Read(ctx, ""); err == nil {
		t.Error("a program outlives its context")
	}
}

// TestRefresh holds that a token which is refused is looked for once more, and
// not at each request.
func TestRefresh(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var good atomic.Value
		good.Store("token-1")
		var asked, read atomic.Int32
		w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if r.Header.Get("Authorization") != "Bearer "+good.Load().(string) {
				rw.WriteHeader(http.StatusUnauthorized)
			}
		})
		current := "token-1"
		c := w.client(Options{Credentials: []Credential{{Host: "forge.example", From: []Source{{Name: "a test", Read: func(context.Context, string) (string, string, error) {
			read.Add(1)
			return "", current, nil
		}}}}}})
		check := func(what string, kind error, wantAsked, wantRead int32) {
			t.Helper()
			_, err := c.Get(t.Context(), "http://forge.example/")
			if kind == nil && err != nil || kind != nil && !errors.Is(err, kind) {
				t.Errorf("%s: %v", what, err)
			}
			if asked.Load() != wantAsked || read.Load() != wantRead {
				t.Errorf("%s: %d requests and %d readings, want %d and %d", what, asked.Load(), read.Load(), wantAsked, wantRead)
			}
		}
		check("at first", nil, 1, 1)
		check("again", nil, 2, 1)
		good.Store("token-2")
		current = "token-2"
		check("renewed", nil, 4, 2)
		good.Store("token-3")
		check("not renewed", ErrUnauthorized, 5, 3)
		check("at once", ErrUnauthorized, 6, 3)
		time.Sleep(2 * time.Minute)
		current = "token-3"
		check("renewed later", nil, 8, 4)
	})
}

func TestSourcesTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.serve("forge.example", func(http.ResponseWriter, *http.Request) {})
		var read atomic.Int32
		slow := Source{Name: "a slow test", Read: func(ctx context.Context, _ string) (string, string, error) {
			read.Add(1)
			time.Sleep(time.Minute)
			return "", planted, nil
		}}
		bad := Source{Name: "a bad test", Read: func(context.Context, string) (string, string, error) {
			return "", "", errors.New("it broke: " + planted)
		}}
		split := Source{Name: "a split test", Read: func(context.Context, string) (string, string, error) { return "", planted + "\r\nX-Evil: 1", nil }}
		c := w.client(Options{Credentials: []Credential{{Host: "forge.example", From: []Source{split, bad, slow}}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() { get(t, c, "http://forge.example/", "") })
		time.Sleep(time.Millisecond)
		all.Go(func() { // does not wait longer than it may
			_, err := c.Get(ctx, "http://forge.example/")
			wantErr(t, err, context.DeadlineExceeded)
		})
		for range 20 {
			all.Go(func() { get(t, c, "http://forge.example/", "") })
		}
		all.Wait()
		if read.Load() != 1 {
			t.Errorf("the source was read %d times", read.Load())
		}
		if !strings.Contains(w.log.String(), "a split test") {
			t.Errorf("what went wrong with a source is not in the log: %s", &w.log)
		}
	})
}

// loud is an attribute that prints a secret in each way that there is.
type loud struct{ Token string }

func (l loud) String() string { return "loud " + l.Token }

func TestScrub(t *testing.T) {
	for text, want := range map[string]string{
		"nothing to hide here, token or not":                      "nothing to hide here, token or not",
		"ghp_0123456789abcdefghij":                                hidden,
		"a github_pat_0123456789_abcdefghij b":                    "a " + hidden + " b",
		"glpat-0123456789abcdefghij":                              hidden,
		"Authorization: Bearer abcdefgh":                          "Authorization: " + hidden,
		"PRIVATE-TOKEN: abc":                                      "PRIVATE-TOKEN: " + hidden,
		"sent bearer abcdefgh to x":                               "sent bearer " + hidden + " to x",
		"https://me:secret@forge.example/a":                       "https://" + hidden + "@forge.example/a",
		"https://forge.example/a?private_token=abc&page=2":        "https://forge.example/a?private_token=" + hidden + "&page=2",
		"https://forge.example/a?page=2;access_token=abc#b":       "https://forge.example/a?page=2;access_token=" + hidden + "#b",
		"me@example.com wrote https://forge.example/a@b":          "me@example.com wrote https://forge.example/a@b",
		"commit 7f4343198c2a0123456789abcdef0123456789abcdef0123": "commit 7f4343198c2a0123456789abcdef0123456789abcdef0123",
	} {
		if got := Scrub(text); got != want {
			t.Errorf("Scrub(%q) = %q, want %q", text, got, want)
		} else if again := Scrub(got); again != got {
			t.Errorf("scrubbed twice, %q is %q", got, again)
		}
	}
}

func TestScrubHandler(t *testing.T) {
	var c Client
	c.secrets.add("me", planted)
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		l := slog.New(ScrubHandler(handler(&b), c.Scrub))
		l = l.With("with", planted).WithGroup("group")
		l.Error("message "+planted, "error", fmt.Errorf("x: %w", errors.New(planted)), "bytes", []byte(planted), "any", loud{planted},
			"pointer", &loud{planted}, "map", map[string]string{"a": planted}, "headers", http.Header{"A": {planted}},
			slog.Group("inner", "a", planted), "key "+planted, 1, "valuer", valuer{}, "token", "short", "number", 7)
		if leaks(b.String()) || strings.Contains(b.String(), "short") || strings.Count(b.String(), hidden) < 12 || !strings.Contains(b.String(), "7") {
			t.Errorf("%s: %s", name, &b)
		}
	}
}

type valuer struct{}

func (valuer) LogValue() slog.Value { return slog.StringValue(planted) }

func FuzzScrub(f *testing.F) {
	f.Add("https://me:", "@forge.example/?token=")
	f.Add("Authorization: [", "]")
	f.Fuzz(func(t *testing.T, before, after string) {
		var c Client
		c.secrets.add("", planted)
		text := c.Scrub(before + planted + after)
		if leaks(text) {
			t.Errorf("%q is left of %q", text, before+planted+after)
		}
		if again := c.Scrub(text); leaks(again) {
			t.Errorf("%q is left of %q, scrubbed twice", again, text)
		}
	})
}
