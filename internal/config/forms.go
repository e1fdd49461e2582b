package config

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/adrg/xdg"
	"github.com/dustin/go-humanize"
)

// Size is a number of bytes.
type Size uint64

// form is what a text may look like. check says what is wrong with one, and
// normal, where there is one, makes of a right one what counts.
type form struct {
	name     string // for the documentation
	expected string
	pattern  string // in JSON Schema, where one says it
	check    func(text string) error
	normal   func(text string) string
}

// The forms that have Go types of their own.
var (
	durationForm = form{name: "duration", expected: "numbers with units, such as 30m, 6h, 1d or 1h30m", pattern: durations.String()}
	sizeForm     = form{name: "size", expected: "a number with a unit, such as 500MB, 5GB or 2GiB", pattern: sizes.String()}
)

// forms are the values of the tag "is".
var forms = map[string]form{
	"version": {name: "text", expected: `"1.0"`, check: checkVersion},
	"name":    {name: "name", expected: "a short name, such as nova", check: checkName},
	"branch":  {name: "branch", expected: "a branch's name, such as main", check: checkBranch},
	"path":    {name: "path", expected: "an absolute path, or one that begins with ~", check: checkPath, normal: expand},
	"url":     {name: "URL", expected: "an address such as https://host/project.git, ssh://host/project or user@host:project", check: checkURL},
	"glob":    {name: "glob", expected: "a pattern such as stable/* or v[0-9]*.x", check: checkGlob},
	"exclude": {name: "glob", expected: "a pattern such as old/* or !old/*", check: checkExclude, normal: func(s string) string { return strings.TrimPrefix(s, "!") }},
	"refspec": {name: "refspec", expected: "refs such as refs/heads/*, or +refs/heads/*:refs/remotes/fork/*", check: checkRefspec},
	"env":     {name: "variable", expected: "the name of an environment variable, such as GITHUB_TOKEN", pattern: variable.String(), check: matching(variable, "is no name of an environment variable")},
	"plugin":  {name: "name", expected: "a short name of a-z, 0-9 and -, such as harbour", pattern: pluginName.String(), check: matching(pluginName, "can be no plugin's name")},
	"sha256":  {name: "SHA-256", expected: "64 hex digits", pattern: checksum.String(), check: matching(checksum, "is no SHA-256")},
	"host":    {name: "host", expected: "a host's name, such as git.example.org or git.example.org:8443", pattern: hostName.String(), check: matching(hostName, "is no host's name"), normal: strings.ToLower},
	"web":     {name: "web address", expected: "an address such as https://git.example.org", check: checkWeb, normal: func(s string) string { return strings.TrimRight(s, "/") }},
	"page":    {name: "web address", expected: "an address such as https://jira.example.org, with template https://bugs.example.org/{1}", check: checkPage},
	"project": {name: "project", expected: "what stands in front of a number, such as PROJ", pattern: project.String(), check: matching(project, "can stand in front of no bug's number")},
	"place":   {name: "remote", expected: "a host, or a host and the beginning of a path, such as github.com/acme, or * for all", pattern: remotePlace.String(), check: matching(remotePlace, "is no place of a remote")},
	"key":     {name: "expression", expected: "a regular expression (RE2) such as 'ACME-([0-9]+)'", check: checkKey},
	"helper":  {name: "helper", expected: "a credential helper of git's, such as store or /usr/lib/git-core/git-credential-libsecret", check: checkName},
}

var (
	durations   = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$`)
	duration    = regexp.MustCompile(`([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)`)
	sizes       = regexp.MustCompile(`^[0-9]+(\.[0-9]+)? ?([kKMGTP]i?)?B$`)
	variable    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	pluginName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	checksum    = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
	hostName    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)
	project     = regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`)
	group       = regexp.MustCompile(`\{[0-9]\}`)
	remotePlace = regexp.MustCompile(`^\*$|^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9_.~+-]+)*/?$`)
	scpLike     = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*:[^/:].*$|^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:/.*$`)
)

var units = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// ParseDuration reads a duration such as 30m, 6h, 1d or 1h30m.
func ParseDuration(text string) (time.Duration, error) {
	if !durations.MatchString(text) {
		return 0, errors.New("is no duration")
	}
	var sum float64
	for _, m := range duration.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return 0, errors.New("is no duration")
		}
		sum += n * float64(units[m[2]])
	}
	if sum >= math.MaxInt64 {
		return 0, errors.New("is longer than 292 years")
	}
	return time.Duration(sum), nil
}

// FormatDuration is the reverse of ParseDuration.
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, unit := range []string{"d", "h", "m", "s", "ms"} {
		if n := d / units[unit]; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit)
			d -= n * units[unit]
		}
	}
	return b.String()
}

// ParseSize reads a size such as 500MB or 2GiB: kB, MB, GB are powers of 1000,
// KiB, MiB, GiB of 1024.
func ParseSize(text string) (Size, error) {
	if !sizes.MatchString(text) {
		return 0, errors.New("is no size")
	}
	n, err := humanize.ParseBytes(text)
	if err != nil {
		return 0, errors.New("is too large a size")
	}
	return Size(n), nil
}

// String is the size with the largest unit that says it exactly.
func (s Size) String() string {
	for _, unit := range []struct {
		name  string
		bytes Size
	}{{"PB", 1e15}, {"TB", 1e12}, {"TiB", 1 << 40}, {"GB", 1e9}, {"GiB", 1 << 30}, {"MB", 1e6}, {"MiB", 1 << 20}, {"kB", 1e3}, {"KiB", 1 << 10}} {
		if s >= unit.bytes && s%unit.bytes == 0 {
			return fmt.Sprintf("%d%s", s/unit.bytes, unit.name)
		}
	}
	return fmt.Sprintf("%dB", uint64(s))
}

func matching(re *regexp.Regexp, problem string) func(string) error {
	return func(text string) error {
		if !re.MatchString(text) {
			return errors.New(problem)
		}
		return nil
	}
}

func checkVersion(text string) error {
	if text != "1" && text != "1.0" {
		return errors.New("is a schema that this program does not know")
	}
	return nil
}

func checkName(text string) error {
	switch {
	case text == "":
		return errors.New("is empty")
	case strings.ContainsFunc(text, unicode.IsControl):
		return errors.New("has control characters")
	case strings.TrimSpace(text) != text:
		return errors.New("has white space around it")
	}
	return nil
}

func checkBranch(text string) error {
	if text == "" || strings.ContainsAny(text, " ~^:?*[\\\t\n") || strings.Contains(text, "..") || strings.HasSuffix(text, ".lock") || strings.HasPrefix(text, "-") {
		return errors.New("can be no branch's name")
	}
	return nil
}

// home is what stands behind ~ or $HOME at the beginning of a path.
func home(path string) (rest string, ok bool) {
	for _, prefix := range []string{"~", "$HOME", "${HOME}"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/' || rest[0] == filepath.Separator) {
			return rest, true
		}
	}
	return "", false
}

// checkPath wants a path that is the same for everybody who reads it.
func checkPath(text string) error {
	if _, ok := home(text); ok || filepath.IsAbs(text) {
		if strings.ContainsRune(text, 0) {
			return errors.New("has a NUL character")
		}
		return nil
	}
	return errors.New("is relative")
}

func expand(path string) string {
	if rest, ok := home(path); ok {
		path = filepath.Join(xdg.Home, rest)
	}
	return filepath.Clean(path)
}

// checkURL lets pass what git fetches from without running a program of the
// URL's choice.
func checkURL(text string) error {
	switch {
	case text == "":
		return errors.New("is empty")
	case strings.Contains(text, "::"):
		return errors.New("names a program to run")
	case strings.HasPrefix(text, "-"), strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return errors.New("is no address")
	case filepath.IsAbs(text):
		return nil
	}
	if !strings.Contains(text, "://") {
		if scpLike.MatchString(text) {
			return nil
		}
		return errors.New("is no address")
	}
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("is no URL")
	}
	if _, ok := u.User.Password(); ok || web(u.Scheme) && len(u.User.Username()) >= tokenLength {
		return errors.New("holds a password or a token, which belongs in no file: name an auth_key instead")
	}
	switch u.Scheme {
	case "https", "http", "ssh", "git":
		if u.Host == "" {
			return errors.New("names no host")
		}
	case "file":
	default:
		return fmt.Errorf("has the unknown scheme %s", quote(u.Scheme))
	}
	return nil
}

// checkWeb lets pass what links are made from.
func checkWeb(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || strings.ContainsFunc(text, unicode.IsSpace):
		return errors.New("is no URL")
	case !web(u.Scheme):
		return errors.New("is no web address")
	case u.User != nil:
		return errors.New("names a user, whom every link would name")
	case !hostName.MatchString(u.Host):
		return errors.New("names no host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("has more than a path")
	}
	return nil
}

// checkPage is checkWeb for what may be the address of one bug, with groups behind
// the host.
func checkPage(text string) error {
	if !strings.Contains(text, "{") {
		return checkWeb(text)
	}
	scheme, rest, _ := strings.Cut(text, "://")
	host, path, _ := strings.Cut(rest, "/")
	if err := checkWeb(scheme + "://" + host); err != nil {
		return err
	}
	path = group.ReplaceAllString(path, "1")
	if _, err := url.Parse("https://host/" + path); err != nil || strings.ContainsAny(path, "{}") || strings.ContainsFunc(path, unicode.IsSpace) {
		return errors.New("is no URL with groups such as {1}")
	}
	return nil
}

func checkKey(text string) error {
	if text == "" {
		return errors.New("is empty")
	}
	if _, err := regexp.Compile(text); err != nil {
		return errors.New("is no regular expression")
	}
	return nil
}

// tokenLength is from where on a user's name on the web is taken for a token:
// those of forges are longer, and people's names shorter.
const tokenLength = 20

func web(scheme string) bool { return scheme == "https" || scheme == "http" }

// redact is a URL without what may be a secret: passwords, and on the web also
// users' names, which tokens are given as, and what stands behind a ?.
func redact(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return text
	}
	rest, _, query := strings.Cut(rest, "?")
	if query {
		rest += "?…"
	}
	authority, tail, slash := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, _, password := strings.Cut(authority[:at], ":")
		if web(strings.ToLower(scheme)) {
			user = "…"
		} else if password {
			user += ":…"
		}
		authority = user + authority[at:]
	}
	if slash {
		authority += "/"
	}
	return scheme + "://" + authority + tail
}

// sameURL is equal for URLs of one repository.
func sameURL(text string) string {
	text = strings.TrimSuffix(strings.TrimRight(text, "/"), ".git")
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		u.Host, u.Scheme, u.User = strings.ToLower(u.Host), strings.ToLower(u.Scheme), nil
		return u.String()
	}
	return text
}

func checkGlob(text string) error {
	switch {
	case text == "":
		return errors.New("is empty")
	case strings.HasPrefix(text, "!"):
		return errors.New("begins with !, which is for exclude_patterns")
	}
	if _, err := path.Match(text, ""); err != nil {
		return errors.New("is no pattern: a bracket is open or empty, or it ends in a backslash")
	}
	return nil
}

func checkExclude(text string) error { return checkGlob(strings.TrimPrefix(text, "!")) }

func checkRefspec(text string) error {
	from, to, both := strings.Cut(strings.TrimPrefix(text, "+"), ":")
	for _, ref := range []string{from, to} {
		if ref == "" && (ref != to || both) {
			return errors.New("is no refspec: a side is empty")
		}
		if ref != "" && !strings.HasPrefix(ref, "refs/") && ref != "HEAD" {
			return errors.New("is no refspec: refs begin with refs/")
		}
		if strings.Count(ref, "*") > 1 || strings.ContainsAny(ref, " ~^?[\\:\t\n") || strings.Contains(ref, "..") {
			return errors.New("is no refspec: a ref has no such characters, and one * at most")
		}
	}
	if both && strings.Contains(from, "*") != strings.Contains(to, "*") {
		return errors.New("is no refspec: both sides have a * or neither has")
	}
	return nil
}
