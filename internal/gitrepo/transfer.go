package gitrepo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Clone is a repository of our own: a bare one that follows remotes. Branches
// are at refs/remotes/<remote>/, so those of several remotes stand side by side.
type Clone struct {
	Dir     string // its git directory
	Remotes []Followed
	// KeepDeleted keeps the branches that a remote has deleted.
	KeepDeleted bool
	// Select chooses among the branches of the remotes without Refspecs.
	Select   Selection
	Progress func(Transfer) // may be nil; it must not block
	Network  Network        // of whoever asks
}

// Followed is a remote as it is to be fetched.
type Followed struct {
	Name     string
	URL      string
	Refspecs []string // nil for all branches and tags
	Auth     Auth
}

// Auth says how a remote is told who asks. Its zero value leaves that to the
// user's git configuration, agent and helpers. It holds no secret: those are
// read from the environment by git's own processes.
type Auth struct {
	KeyFile string // ssh's private key
	// PassphraseEnv is the environment variable with the passphrase of ssh's private key;
	// "" leaves it to ssh's agent. Who sets it has main call Askpass first of all.
	PassphraseEnv string
	UserEnv       string // the environment variable with the user's name; "" for a token's usual one
	TokenEnv      string // the environment variable with the token
	Helper        string // git's credential helper
}

// Transfer is how far a clone or a fetch is.
type Transfer struct {
	Remote      string
	Phase       string // git's words, such as "Receiving objects"
	Done, Total int64  // of the phase: objects or deltas
	Bytes       int64  // received so far, where the phase counts them
}

// Reasons that a remote gives, which no further attempt changes.
var (
	ErrDenied      = errors.New("the remote refuses access")
	ErrNoRemote    = errors.New("there is no repository at this address")
	ErrUnreachable = errors.New("the remote does not answer")
)

// transferConfig is for processes that talk to remotes in our own clones: the
// user's configuration counts, for helpers, proxies and ssh, but nothing runs
// that neither the network nor a helper needs.
var transferConfig = []string{
	"-c", "core.hooksPath=" + os.DevNull, "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
	"-c", "submodule.recurse=false", "-c", "fetch.recurseSubmodules=no", "-c", "fetch.writeCommitGraph=false",
	"-c", "remote.pushDefault=", "-c", "fetch.prune=false", "-c", "fetch.pruneTags=false",
}

// transferEnvironment asks nothing: nobody sits in front of a background process.
func transferEnvironment(dir string, network Network, extra ...string) []string {
	env := append(network.into(environment()), "GIT_DIR="+dir, "GIT_ALLOW_PROTOCOL=https:http:ssh:git:file", "GIT_ASKPASS=", "SSH_ASKPASS=", "SSH_ASKPASS_REQUIRE=never")
	return append(env, extra...)
}

// transfer is a git process that talks to a remote. When ctx ends it ends with its
// helpers; one that does not is killed after a moment.
func transfer(ctx context.Context, dir string, env []string, args ...string) (*exec.Cmd, *tail) {
	cmd, said := command(ctx, dir, env, args...)
	ownSession(cmd)
	return cmd, said
}

// Update brings the clone up to its remotes, and makes it where there is none
// yet. What a kill left behind is gone on with. Each remote that fails is one
// error, as ErrDenied, ErrNoRemote or ErrUnreachable where git's words say so;
// the others are fetched.
//
// Where git is not installed go-git does what it can; the rest is ErrNeedsGit.
func (c *Clone) Update(ctx context.Context) error {
	if withoutGit() {
		return c.updateGoGit(ctx)
	}
	if err := c.init(ctx); err != nil {
		return err
	}
	var errs []error
	for _, r := range c.Remotes {
		if err := c.fetch(ctx, r); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Refs are the object names of the clone's refs, by their names; none of a clone that
// was not made yet.
func (c *Clone) Refs(ctx context.Context) (map[string]string, error) {
	if _, err := os.Stat(filepath.Join(c.Dir, "HEAD")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if withoutGit() {
		return c.refsGoGit()
	}
	out, err := c.git(ctx, nil, "for-each-ref", "--format=%(objectname) %(refname)")
	if err != nil {
		return nil, fmt.Errorf("reading the clone's refs: %w", err)
	}
	refs := map[string]string{}
	for line := range strings.Lines(string(out)) {
		object, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		refs[name] = object
	}
	return refs, nil
}

// init makes an empty repository. git init in one that is there changes nothing,
// and completes one whose making was killed.
func (c *Clone) init(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(c.Dir, "HEAD")); err == nil {
		return c.unlock()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("opening the clone: %w", err)
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("making the clone: %w", err)
	}
	return c.make(ctx)
}

// make makes the repository, or completes it.
func (c *Clone) make(ctx context.Context, options ...string) error {
	// Without a template no sample hooks come along.
	args := append([]string{"init", "-q", "--bare", "--template=", "--initial-branch=none"}, options...)
	_, err := run(ctx, c.Dir, environment("GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull), nil, append(args, c.Dir)...)
	if err != nil {
		return fmt.Errorf("making the clone: %w", err)
	}
	return nil
}

// ErrFormats is returned for a remote whose object names are of another format
// than those that the clone has already.
var ErrFormats = errors.New("its object names are of another format than the clone's")

// match makes the clone one of the format of a remote's object names, which the
// remote tells only when it is asked what it has: an empty clone is made anew. A
// remote without a ref tells nothing, and is not waited for.
func (c *Clone) match(ctx context.Context, r Followed, there listing) error {
	format := there.format()
	if format == "" {
		return nil
	}
	out, err := c.git(ctx, nil, "rev-parse", "--show-object-format")
	if err != nil {
		return fmt.Errorf("opening the clone: %w", err)
	}
	has := strings.TrimSpace(string(out))
	if has == format {
		return nil
	}
	refs, err := c.Refs(ctx)
	if err != nil {
		return err
	}
	if len(refs) > 0 {
		return fmt.Errorf("remote %s (%s): %w: %s, not %s", r.Name, Place(r.URL), ErrFormats, format, has)
	}
	// HEAD goes first: what a kill leaves without it is made as at the beginning.
	for _, name := range []string{"HEAD", "objects", "refs", "packed-refs", "config"} {
		if err := os.RemoveAll(filepath.Join(c.Dir, name)); err != nil {
			return fmt.Errorf("making the clone: %w", err)
		}
	}
	return c.make(ctx, "--object-format="+format)
}

// Leftovers are the locks and halves of packs that a killed git left in the clone,
// by their paths in it. No other process of ours has them as long as the caller
// holds the clone.
func (c *Clone) Leftovers() ([]string, error) {
	var all []string
	var errs []error
	for _, pattern := range []string{"*.lock", "objects/pack/tmp_*", "objects/info/*.lock"} {
		left, err := filepath.Glob(filepath.Join(c.Dir, filepath.FromSlash(pattern)))
		all, errs = append(all, left...), append(errs, err)
	}
	err := filepath.WalkDir(filepath.Join(c.Dir, "refs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".lock") {
			all = append(all, path)
		}
		return err
	})
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("opening the clone: %w", err)
	}
	for i, path := range all {
		if all[i], err = filepath.Rel(c.Dir, path); err != nil {
			return nil, fmt.Errorf("opening the clone: %w", err)
		}
	}
	return all, nil
}

// unlock removes what a killed fetch left. Whoever calls Update holds the clone.
func (c *Clone) unlock() error {
	left, err := c.Leftovers()
	if err != nil {
		return err
	}
	return c.RemoveLeftovers(left)
}

// RemoveLeftovers removes what Leftovers found.
func (c *Clone) RemoveLeftovers(left []string) error {
	var errs []error
	for _, path := range left {
		errs = append(errs, os.Remove(filepath.Join(c.Dir, path)))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("opening the clone: %w", err)
	}
	return nil
}

// Pack has git put all that the clone's refs lead to into one pack, and forget the
// rest. It takes as long as it takes; whoever calls it holds the clone.
func (c *Clone) Pack(ctx context.Context) error {
	env := environment("GIT_DIR="+c.Dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
	for _, args := range [][]string{
		{"-c", "core.hooksPath=" + os.DevNull, "-c", "pack.threads=1", "repack", "-a", "-d", "-q", "--window-memory=256m"},
		{"prune", "--expire=now"},
	} {
		cmd, said := command(ctx, c.Dir, env, args...)
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("packing the clone: %w", &gitError{args[len(args)-1:], said.String(), cmp.Or(ctx.Err(), err)})
		}
	}
	return nil
}

// maxDamage is how many lines of damage are told.
const maxDamage = 10

// Check has git look whether everything is there that the clone's refs lead to
// (git fsck --connectivity-only). damage is what git says is wrong, its first
// lines; err is why that cannot be known.
func (c *Clone) Check(ctx context.Context) (damage []string, err error) {
	env := environment("GIT_DIR="+c.Dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
	cmd, _ := command(ctx, c.Dir, env, "fsck", "--connectivity-only", "--no-dangling", "--no-progress")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil {
		return nil, nil
	}
	var failed *exec.ExitError
	if !errors.As(err, &failed) {
		return nil, fmt.Errorf("checking the clone: %w", err)
	}
	strange, more := false, 0
	for line := range strings.Lines(said.String()) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "error: HEAD points to something strange (refs/remotes/"):
			strange = true // which is how record leaves it
		case line == "" || strings.HasPrefix(line, "notice: ") || strings.HasPrefix(line, "warning: "):
		case len(damage) == maxDamage:
			more++
		default:
			damage = append(damage, line)
		}
	}
	if more > 0 {
		damage = append(damage, fmt.Sprintf("and %d lines more", more))
	}
	if len(damage) == 0 && !strange {
		damage = []string{"git fsck: " + err.Error()}
	}
	return damage, nil
}

func (c *Clone) fetch(ctx context.Context, r Followed) error {
	auth, env, err := r.Auth.options(c.Network)
	if err != nil {
		return fmt.Errorf("remote %s: %w", r.Name, err)
	}
	env = transferEnvironment(c.Dir, c.Network, env...)
	options := append(slices.Clone(transferConfig), auth...)
	there, err := c.list(ctx, r, options, env)
	if err != nil {
		return err
	}
	if err := c.match(ctx, r, there); err != nil {
		return err
	}
	fetch := func(specs []string, more ...string) error {
		args := append(slices.Clone(options), "fetch", "--progress", "--no-write-fetch-head", "--no-tags", "--no-auto-maintenance", "--force")
		args = append(append(args, more...), "--stdin", "--", r.URL)
		cmd, said := transfer(ctx, c.Dir, env, args...)
		cmd.Stdin = strings.NewReader(strings.Join(specs, "\n") + "\n") // thousands are too much for a command line
		watcher := &transferWatcher{report: c.Progress, at: Transfer{Remote: r.Name}}
		cmd.Stderr = io.MultiWriter(watcher, said)
		if err := runSession(cmd); err != nil {
			return remoteError(ctx, r, said.String(), err)
		}
		return nil
	}
	switch {
	case len(r.Refspecs) == 0 && !c.Select.all(len(there.branches)):
		err = c.fetchSelected(ctx, r, there, func(specs []string) error { return fetch(specs) })
	case c.KeepDeleted:
		err = errors.Join(fetch(r.refspecs()), c.unstage(ctx, r))
	default:
		err = errors.Join(fetch(r.refspecs(), "--prune"), c.unstage(ctx, r))
	}
	if err != nil {
		return err
	}
	return c.record(ctx, r, there.head)
}

// refspecs are where the remote's refs go. Tags are those of origin alone: two
// remotes may give one name to two commits.
func (r Followed) refspecs() []string {
	specs := slices.Clone(r.Refspecs)
	if len(specs) == 0 {
		specs = []string{"+refs/heads/*:refs/remotes/" + r.Name + "/*"}
	}
	if r.Name == "origin" && len(r.Refspecs) == 0 {
		specs = append(specs, "+refs/tags/*:refs/tags/*")
	}
	return specs
}

// list asks what the remote has, which also tells early whether it answers at all.
func (c *Clone) list(ctx context.Context, r Followed, options, env []string) (listing, error) {
	args := append(slices.Clone(options), "ls-remote", "--symref", "--", r.URL, "HEAD", "refs/heads/*", "refs/tags/*")
	cmd, said := transfer(ctx, c.Dir, env, args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := runSession(cmd); err != nil {
		return listing{}, remoteError(ctx, r, said.String(), err)
	}
	return parseListing(out.String()), nil
}

// record writes down where a remote is and what its default branch is, as git
// clone would, so that others find it.
func (c *Clone) record(ctx context.Context, r Followed, head string) error {
	key := "remote." + r.Name + "."
	commands := [][]string{
		{"config", "--replace-all", key + "url", Scrub(r.URL)},
		{"config", "--replace-all", key + "fetch", r.refspecs()[0]},
	}
	if head != "" {
		branch := "refs/remotes/" + r.Name + "/" + head
		if _, err := c.git(ctx, nil, "rev-parse", "-q", "--verify", "--end-of-options", branch); err == nil {
			commands = append(commands, []string{"symbolic-ref", "refs/remotes/" + r.Name + "/HEAD", branch})
			if r.Name == "origin" {
				commands = append(commands, []string{"symbolic-ref", "HEAD", branch})
			}
		}
	}
	for _, args := range commands {
		if _, err := c.git(ctx, nil, args...); err != nil {
			return fmt.Errorf("writing down remote %s: %w", r.Name, err)
		}
	}
	return nil
}

// options are what git is told of the authentication: never a secret, but where
// it is.
func (a Auth) options(network Network) (options, env []string, err error) {
	switch {
	case a.KeyFile != "" || a.PassphraseEnv != "":
		env, err = a.ssh(network)
		return nil, env, err
	case a.TokenEnv != "":
		if network.get(a.TokenEnv) == "" {
			return nil, nil, fmt.Errorf("the environment variable %s, which should hold the token, is not set", a.TokenEnv)
		}
		// git runs this by a shell, which reads the variable itself.
		helper := fmt.Sprintf(`!f() { test "$1" = get && printf 'username=%%s\npassword=%%s\n' %s "$%s"; }; f`, shellQuote(a.tokenUser(network)), a.TokenEnv)
		return []string{"-c", "credential.helper=", "-c", "credential.helper=" + helper}, nil, nil
	case a.Helper != "":
		return []string{"-c", "credential.helper=", "-c", "credential.helper=" + a.Helper}, nil, nil
	}
	return nil, nil, nil // a GIT_SSH_COMMAND would outdo the user's core.sshCommand
}

// ssh is the environment in which ssh uses the key.
func (a Auth) ssh(network Network) (env []string, err error) {
	asks := "-o BatchMode=yes"
	if a.PassphraseEnv != "" {
		if env, err = a.askpass(network); err != nil {
			return nil, err
		}
		asks = "-o BatchMode=no -o NumberOfPasswordPrompts=1 -o PasswordAuthentication=no -o KbdInteractiveAuthentication=no"
	}
	if a.KeyFile == "" {
		return env, nil // a GIT_SSH_COMMAND would outdo the user's core.sshCommand
	}
	if _, err := os.Stat(a.KeyFile); err != nil {
		return nil, fmt.Errorf("the ssh key: %w", err)
	}
	return append(env, "GIT_SSH_VARIANT=ssh", "GIT_SSH_COMMAND=ssh "+asks+" -o IdentitiesOnly=yes -i "+shellQuote(a.KeyFile)), nil
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Scrub takes passwords out of a text that may hold URLs.
func Scrub(text string) string { return passwords.ReplaceAllString(text, "$1@") }

var passwords = regexp.MustCompile(`(\b[A-Za-z][A-Za-z0-9+.-]*://[^/@:\s]*):[^/@\s]*@`)

// What git, ssh and curl say, in plain English since LC_ALL is C.
var reasons = []struct {
	says string
	err  error
}{
	{"Authentication failed", ErrDenied},
	{"could not read Username", ErrDenied},
	{"could not read Password", ErrDenied},
	{"terminal prompts disabled", ErrDenied},
	{"Permission denied", ErrDenied},
	{"Host key verification failed", ErrDenied},
	{"The requested URL returned error: 401", ErrDenied},
	{"The requested URL returned error: 403", ErrDenied},
	{"Repository not found", ErrNoRemote},
	{"' not found", ErrNoRemote},
	{"does not appear to be a git repository", ErrNoRemote},
	{"does not exist", ErrNoRemote},
	{"Could not resolve host", ErrUnreachable},
	{"Connection refused", ErrUnreachable},
	{"Connection timed out", ErrUnreachable},
	{"Connection reset", ErrUnreachable},
	{"unable to access", ErrUnreachable},
	{"early EOF", ErrUnreachable},
	{"hung up unexpectedly", ErrUnreachable},
}

// remoteError says in a line which remote failed and why: git's last line that is
// not advice.
func remoteError(ctx context.Context, r Followed, said string, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("%w: not done in time", ErrUnreachable)
		}
		return fmt.Errorf("remote %s (%s): %w", r.Name, Place(r.URL), err)
	}
	reason := err
	for _, known := range reasons {
		if strings.Contains(said, known.says) {
			reason = known.err
			break
		}
	}
	var words string
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line[strings.LastIndexByte(strings.TrimRight(line, "\r\n"), '\r')+1:])
		for _, prefix := range []string{"fatal: ", "error: ", "remote: "} {
			if rest, ok := strings.CutPrefix(line, prefix); ok && rest != "" && (words == "" || prefix != "remote: ") {
				words = rest
			}
		}
		if words == "" && line != "" && !progressLine.MatchString(line) {
			words = line
		}
	}
	if words != "" {
		return fmt.Errorf("remote %s (%s): %w: git says %q", r.Name, Place(r.URL), reason, Scrub(words))
	}
	return fmt.Errorf("remote %s (%s): %w", r.Name, Place(r.URL), reason)
}

// Place is a URL as errors and lists may say it: without user and password.
func Place(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return Scrub(address)
	}
	u.User = nil
	return u.String()
}

// progressLine is what git prints while it transfers (progress.c, display): the
// phase, and how far it is.
var progressLine = regexp.MustCompile(`^(?:remote: )?([A-Z][A-Za-z ]*[a-z]): +(?:(\d+)% \((\d+)/(\d+)\)|(\d+))(?:, ([\d.]+) (bytes|[KMG]iB))?`)

// transferWatcher reads git's progress as it comes.
type transferWatcher struct {
	report func(Transfer)
	line   []byte
	at     Transfer
}

// maxProgressLine bounds a line of a remote that sends no end of one.
const maxProgressLine = 4096

func (w *transferWatcher) Write(p []byte) (int, error) {
	for _, b := range p {
		switch {
		case b == '\n' || b == '\r':
			w.end()
		case len(w.line) < maxProgressLine:
			w.line = append(w.line, b)
		}
	}
	return len(p), nil
}

func (w *transferWatcher) end() {
	line := w.line
	w.line = w.line[:0]
	m := progressLine.FindSubmatch(line)
	if m == nil || w.report == nil {
		return
	}
	number := func(b []byte) int64 {
		n, _ := strconv.ParseInt(string(b), 10, 64) // digits, and 0 where there are too many
		return n
	}
	w.at.Phase, w.at.Done, w.at.Total = string(m[1]), number(m[3]), number(m[4])
	if m[2] == nil {
		w.at.Done = number(m[5])
	}
	if len(m[6]) > 0 {
		size, _ := strconv.ParseFloat(string(m[6]), 64)
		w.at.Bytes = int64(size * map[string]float64{"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[string(m[7])])
	}
	w.report(w.at)
}
