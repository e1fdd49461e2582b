package gittest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/cabhfuil/cabhfuil-lsp/history"
)

// step is how far the clock moves after each command but init and tick.
const step = time.Hour

// script is one that is being run.
type script struct {
	*Repo
	files map[string][]byte
}

// run runs a script; the first one of a repository begins with init.
func (r *Repo) run(text string, first bool) {
	r.tb.Helper()
	archive := txtar.Parse([]byte(text))
	s := &script{Repo: r, files: make(map[string][]byte, len(archive.Files))}
	for _, f := range archive.Files {
		s.files[f.Name] = f.Data
	}
	for i, line := range strings.Split(string(archive.Comment), "\n") {
		words, err := split(line)
		if err == nil && len(words) == 0 {
			continue
		}
		if err == nil && first {
			first = false
			if words[0] == "init" {
				err = s.init(words[1:])
				words = nil
			} else {
				err = s.init(nil)
			}
		}
		if err == nil && words != nil {
			if err = s.command(words[0], words[1:]); words[0] != "tick" {
				r.history.now = r.history.now.Add(step)
			}
		}
		if err != nil {
			r.tb.Fatalf("script line %d: %s: %v", i+1, strings.TrimSpace(line), err)
		}
	}
	if first {
		if err := s.init(nil); err != nil {
			r.tb.Fatal(err)
		}
	}
}

// command runs one command.
func (s *script) command(name string, words []string) error {
	for i, w := range words {
		var err error
		if words[i], err = s.expand(w); err != nil {
			return err
		}
	}
	if name == "git" {
		_, err := s.git(nil, words...)
		return err
	}
	options, words := options(words)
	if name == "tick" {
		options, words = nil, append(options, words...) // -72h is no option
	}
	need := map[string]int{
		"commit": 2, "branch": 1, "checkout": 0, "merge": 2, "cherry-pick": 2, "revert": 2,
		"tag": 1, "object": 3, "label": 1, "tick": 1,
	}
	least, ok := need[name]
	if !ok {
		return errors.New("no such command")
	}
	if len(words) < least {
		return fmt.Errorf("needs %d words or more", least)
	}
	switch name {
	case "commit":
		return s.commit(options, words[0], words[1], words[2:])
	case "merge":
		return s.merge(options, words[0], words[1:])
	case "cherry-pick":
		return s.pick("cherry-pick", options, words)
	case "revert":
		return s.pick("revert", append(options, "--no-edit"), words)
	case "tag":
		return s.tag(options, words)
	case "object":
		return s.object(words[0], words[1], words[2])
	case "label":
		rev := "HEAD"
		if len(words) > 1 {
			rev = s.rev(words[1])
		}
		return s.label(words[0], rev)
	case "tick":
		d, err := time.ParseDuration(words[0])
		s.history.now = s.history.now.Add(d) // negative for clocks that went wrong
		return err
	case "branch":
		_, err := s.git(nil, append(append([]string{"branch"}, options...), s.revs(words, 1)...)...)
		return err
	default: // checkout
		_, err := s.git(nil, append(append([]string{"checkout", "--quiet"}, options...), s.revs(words, 0)...)...)
		return err
	}
}

func (s *script) init(words []string) error {
	options, words := options(words)
	branch := "main"
	if len(words) > 0 {
		branch = words[0]
	}
	_, err := s.git(nil, append(append([]string{"init", "--quiet"}, options...), "--initial-branch="+branch)...)
	return err
}

func (s *script) commit(options []string, label, subject string, words []string) error {
	message := subject + "\n"
	if len(words) > 0 && !strings.Contains(words[0], "=") {
		body, err := s.file(words[0])
		if err != nil {
			return err
		}
		message += "\n" + body
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{label + ".txt=" + label}
	}
	for _, w := range words {
		if err := s.write(w); err != nil {
			return err
		}
	}
	if _, err := s.git(nil, "add", "--all"); err != nil {
		return err
	}
	args := append([]string{"commit", "--quiet", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim", "--file=-"}, options...)
	if _, err := s.git([]byte(message), args...); err != nil {
		return err
	}
	return s.label(label, "HEAD")
}

// write makes, changes or deletes one file of the work tree: PATH=CONTENT.
func (s *script) write(word string) error {
	path, content, ok := strings.Cut(word, "=")
	if !ok || !filepath.IsLocal(path) {
		return fmt.Errorf("%q is no PATH=CONTENT inside the repository", word)
	}
	path = filepath.Join(s.Dir, filepath.FromSlash(path))
	if content == "" {
		return os.Remove(path)
	}
	if name, ok := strings.CutPrefix(content, "@"); ok {
		var err error
		if content, err = s.file(name); err != nil {
			return err
		}
	} else {
		content += "\n"
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o600)
}

func (s *script) merge(options []string, label string, words []string) error {
	args := append([]string{"merge", "--quiet", "--no-ff"}, options...)
	if !has(options, "-m") && !has(options, "-F") && !has(options, "--message=") && !has(options, "--file=") {
		// git's own message would name a label's object.
		args = append(args, "-m", "Merge "+strings.Join(words, ", "))
	}
	if _, err := s.git(nil, append(args, s.revs(words, 0)...)...); err != nil {
		return err
	}
	return s.label(label, "HEAD")
}

// pick cherry-picks or reverts the one commit words[1] and labels it words[0].
func (s *script) pick(command string, options, words []string) error {
	if len(words) > 2 {
		return errors.New("takes one commit, since it gives one label")
	}
	if _, err := s.git(nil, append(append([]string{command}, options...), s.rev(words[1]))...); err != nil {
		return err
	}
	return s.label(words[0], "HEAD")
}

func (s *script) tag(options, words []string) error {
	args := append([]string{"tag"}, options...)
	if has(options, "-a") && !has(options, "-m") && !has(options, "-F") {
		args = append(args, "-m", words[0])
	}
	_, err := s.git(nil, append(args, s.revs(words, 1)...)...)
	return err
}

func (s *script) object(label, kind, name string) error {
	content, err := s.file(name)
	if err != nil {
		return err
	}
	out, err := s.git([]byte(content), "hash-object", "-t", kind, "-w", "--literally", "--stdin")
	if err != nil {
		return err
	}
	return s.label(label, out)
}

// label gives a new label to what rev names. A label stays what it is: moving
// one would change what earlier lines of a test mean.
func (s *script) label(label, rev string) error {
	if !labelPattern.MatchString(label) {
		return fmt.Errorf("%q is no label: letters, digits, and . _ - / after the first", label)
	}
	out, err := s.git(nil, "rev-parse", "--verify", "--end-of-options", rev)
	if err != nil {
		return err
	}
	h, err := history.ParseHash(out)
	if err != nil {
		return err
	}
	if old, ok := s.history.labels[label]; ok && old != h {
		return fmt.Errorf("label %q names %s already", label, old)
	}
	s.history.labels[label] = h
	return nil
}

// revs replaces labels in words[from:], which name revisions.
func (s *script) revs(words []string, from int) []string {
	for i := from; i < len(words); i++ {
		words[i] = s.rev(words[i])
	}
	return words
}

// rev replaces a label, also one with a suffix such as ~2, by its object.
func (s *script) rev(word string) string {
	end := strings.IndexAny(word, "^~:@")
	if end < 0 {
		end = len(word)
	}
	if h, ok := s.history.labels[word[:end]]; ok {
		return h.String() + word[end:]
	}
	return word
}

// file is a file of the script, with its ${…} replaced.
func (s *script) file(name string) (string, error) {
	data, ok := s.files[name]
	if !ok {
		return "", fmt.Errorf("the script has no file %q", name)
	}
	return s.expand(string(data))
}

var (
	labelPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
	reference    = regexp.MustCompile(`\$\{([A-Za-z0-9][A-Za-z0-9._/-]*)(?::(tree|[0-9]+))?\}`)
)

// expand replaces ${label}, ${label:N} and ${label:tree}.
func (s *script) expand(text string) (string, error) {
	var errs []error
	text = reference.ReplaceAllStringFunc(text, func(m string) string {
		part := reference.FindStringSubmatch(m)
		h, ok := s.history.labels[part[1]]
		if !ok {
			errs = append(errs, fmt.Errorf("no label %q", part[1]))
			return m
		}
		switch {
		case part[2] == "":
			return h.String()
		case part[2] == "tree":
			tree, err := s.git(nil, "rev-parse", "--verify", h.String()+"^{tree}")
			errs = append(errs, err)
			return tree
		}
		n, err := strconv.Atoi(part[2])
		if err != nil || n > len(h.String()) {
			errs = append(errs, fmt.Errorf("%s: an object name has %d digits", m, len(h.String())))
			return m
		}
		return h.String()[:n]
	})
	return text, errors.Join(errs...)
}

// split splits a line into words; a comment has none.
func split(line string) ([]string, error) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "#") {
		return nil, nil
	}
	var words []string
	var word strings.Builder
	var quote byte // the open quote
	inWord := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote == 0 && (c == ' ' || c == '\t' || c == '\r'):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
			continue
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		case quote == '"' && c == '\\':
			i++
			if i == len(line) {
				return nil, errors.New("the line ends within an escape")
			}
			at := strings.IndexByte(`nt"\`, line[i])
			if at < 0 {
				return nil, fmt.Errorf(`unknown escape \%c`, line[i])
			}
			word.WriteByte("\n\t\"\\"[at])
		default:
			word.WriteByte(c)
		}
		inWord = true
	}
	if quote != 0 {
		return nil, fmt.Errorf("%c is not closed", quote)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// options takes the words that begin with a dash out of words.
func options(words []string) (dashed, rest []string) {
	for _, w := range words {
		if strings.HasPrefix(w, "-") {
			dashed = append(dashed, w)
		} else {
			rest = append(rest, w)
		}
	}
	return dashed, rest
}

// has tells whether one of the options begins so.
func has(options []string, prefix string) bool {
	for _, o := range options {
		if strings.HasPrefix(o, prefix) {
			return true
		}
	}
	return false
}
