package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// Credential says what a host's requests carry. The token goes to that host and
// to no other, whatever a redirect says.
type Credential struct {
	Host string // as in its address, with the port where that has one
	// From is asked in order when a token is first needed; the first that has one
	// counts. Where none has, requests carry none.
	From []Source
	// Header carries the token; "" for Authorization.
	Header string
	// Scheme stands before the token; "" for Bearer in Authorization, else for
	// nothing. With Basic, the source's user and token are encoded. A token with a
	// colon from a source that names no user is both, and goes as Basic where this is
	// "" in Authorization: no bearer's token has a colon (RFC 6750).
	Scheme string
}

// Source is where a token comes from.
type Source struct {
	Name string // for people, such as "git's credential helper"
	// Read returns the token, "" where there is none. The user counts for Basic.
	Read func(ctx context.Context, host string) (user, token string, err error)

	variables []string // that it reads
}

// name is what people call the place where a token was found.
func (s Source) name() string {
	for _, name := range s.variables {
		if strings.TrimSpace(os.Getenv(name)) != "" {
			return name
		}
	}
	return s.Name
}

// Env reads the first of the variables that is set. A plugin sees the variables
// that its configuration names.
func Env(names ...string) Source {
	return Source{Name: "the environment (" + strings.Join(names, ", ") + ")", variables: names, Read: func(context.Context, string) (string, string, error) {
		for _, name := range names {
			if v := strings.TrimSpace(os.Getenv(name)); v != "" {
				return "", v, nil
			}
		}
		return "", "", nil
	}}
}

// Command runs a program that prints a token, such as gh auth token; an
// argument {host} becomes the host's name. It is run without a shell and asks
// nobody anything.
func Command(name string, args ...string) Source {
	return Source{Name: "the command " + name, Read: func(ctx context.Context, host string) (string, string, error) {
		filled := make([]string, len(args))
		for i, a := range args {
			filled[i] = strings.ReplaceAll(a, "{host}", host)
		}
		out, err := run(ctx, "", name, filled...)
		return "", strings.TrimSpace(out), err
	}}
}

// GitCredential asks git's credential helpers as git does, without a prompt. What
// they have is only read: nothing is approved or rejected.
func GitCredential() Source {
	return Source{Name: "git's credential helper", Read: func(ctx context.Context, host string) (user, token string, err error) {
		if strings.ContainsAny(host, "\n\x00") {
			return "", "", errors.New("the host's name has a line break")
		}
		out, err := run(ctx, "protocol=https\nhost="+host+"\n\n", "git", "-c", "credential.interactive=false", "-c", "core.askPass=", "credential", "fill")
		if err != nil {
			return "", "", err
		}
		for line := range strings.Lines(out) {
			key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
			switch key {
			case "username":
				user = value
			case "password":
				token = value
			}
		}
		return user, token, nil
	}}
}

// sourceTime is how long a program may take to say its token.
const sourceTime = 10 * time.Second

// run runs a program away from any repository, whose configuration could name
// programs, and with nothing to ask anybody by.
func run(ctx context.Context, input, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, sourceTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	if cmd.Err == nil {
		path, err := filepath.Abs(cmd.Path)
		if err != nil {
			return "", err
		}
		cmd.Path = path
	}
	cmd.Dir = filepath.VolumeName(cmd.Path) + string(filepath.Separator)
	for _, v := range os.Environ() {
		switch key, _, _ := strings.Cut(v, "="); key {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_ASKPASS", "SSH_ASKPASS":
		default:
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never", "GH_PROMPT_DISABLED=1", "NO_PROMPT=1")
	cmd.Stdin = strings.NewReader(input)
	var out bounded
	cmd.Stdout = &out // standard error is dropped: it may repeat what it was given
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("running %s: %w", filepath.Base(name), err)
	}
	return out.String(), nil
}

// bounded keeps the first 64 KiB.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), max(0, 64<<10-b.Len()))])
	return len(p), nil
}

// refreshRest is how long a token that was refused is not looked for anew, when
// its sources gave the same one again.
const refreshRest = time.Minute

// credential is a Credential and what its sources said, in memory alone.
type credential struct {
	Credential
	secrets *secrets
	tell    func(source string, err error)

	turn    *semaphore.Weighted // one reads the sources; waiting for it can be cancelled
	read    bool
	user    string
	token   string
	both    bool      // the token came with its user in it
	refused time.Time // when the sources last gave a token that the host had refused

	from atomic.Pointer[string] // where the token was found; nil for nowhere yet
}

// source is where the token was found that requests carry; "" where they carry none.
func (c *credential) source() string {
	if c == nil {
		return ""
	}
	if from := c.from.Load(); from != nil {
		return *from
	}
	return ""
}

func newCredential(c Credential, s *secrets, tell func(string, error)) *credential {
	return &credential{Credential: c, secrets: s, tell: tell, turn: semaphore.NewWeighted(1)}
}

// value is what the header says, "" for none. With stale, the value that the host
// refused, the sources are asked once more.
func (c *credential) value(ctx context.Context, stale string) (string, error) {
	if c == nil {
		return "", nil
	}
	if err := c.turn.Acquire(ctx, 1); err != nil {
		return "", err
	}
	defer c.turn.Release(1)
	again := stale != "" && stale == c.header() && time.Since(c.refused) > refreshRest
	if c.read && !again {
		return c.header(), nil
	}
	user, token, both, found := "", "", false, ""
	for _, from := range c.From {
		u, t, err := from.Read(ctx, c.Host)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err == nil && strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			c.secrets.add(u, t)
			t, err = "", errors.New("what it gave is no token")
		}
		if err != nil {
			c.tell(from.Name, err)
			continue
		}
		if t != "" {
			if before, after, ok := strings.Cut(t, ":"); ok && u == "" && after != "" && c.name() == "Authorization" && (c.Scheme == "" || strings.EqualFold(c.Scheme, "Basic")) {
				c.secrets.add("", t)
				u, t, both = before, after, true
			}
			c.secrets.add(u, t)
			user, token, found = u, t, from.name()
			break
		}
	}
	c.read, c.user, c.token, c.both = true, user, token, both
	c.from.Store(&found)
	if again && c.header() == stale {
		c.refused = time.Now()
	}
	return c.header(), nil
}

// header is the value with its scheme.
func (c *credential) header() string {
	scheme := c.Scheme
	switch {
	case c.token == "":
		return ""
	case strings.EqualFold(scheme, "Basic"), c.both:
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.user+":"+c.token))
	case scheme == "" && c.name() == "Authorization":
		scheme = "Bearer"
	}
	return strings.TrimSpace(scheme + " " + c.token)
}

func (c *credential) name() string {
	if c.Header == "" {
		return "Authorization"
	}
	return http.CanonicalHeaderKey(c.Header)
}
