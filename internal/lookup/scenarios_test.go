package lookup_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/line"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage/dialect"
	"github.com/cabhfuil/cabhfuil-lsp/internal/gittest"
	"github.com/cabhfuil/cabhfuil-lsp/internal/lookup"
	"github.com/cabhfuil/cabhfuil-lsp/internal/repos"
)

// TestScenarios runs testdata/scenarios/*.txtar and testdata/dialects/*.txtar:
// histories of which a maintainer knows how each change stands. The comment of an
// archive describes one; the parts are:
//
//	repository   a gittest script; its own files are behind "-> NAME <-"
//	lines        patterns of release lines, where a community's are no default
//	clone        options of git clone: the questions go to such a clone
//	answers      questions, each on a line of its own, and indented below each
//	             what is answered, with labels instead of object names
//
// The questions are:
//
//	where LABEL                            its landings
//	related LABEL                          the commits that have to do with it
//	missing --from LINE [--in LINE] [--needed]
//	check LABEL LINE
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, file := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var s scenario
			for i, part := range a.Files {
				switch part.Name {
				case "repository":
					s.repo = gittest.New(t, heading.ReplaceAllString(string(part.Data), "-- $1 --"))
				case "clone":
					s.repo = s.repo.Clone(strings.Fields(string(part.Data))...)
				case "lines":
					s.lines.ReleaseLines = strings.Fields(string(part.Data))
				case "answers":
					s.open(t)
					got := s.answers(t, string(part.Data))
					if diff := cmp.Diff(string(part.Data), got); diff != "" && !*update {
						t.Errorf("(-want +got):\n%s", diff)
					}
					a.Files[i].Data = []byte(got)
				default:
					t.Fatalf("no part is called %q", part.Name)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// archives are the files of all scenarios.
func archives(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, dir := range []string{"scenarios", "dialects"} {
		files, err := filepath.Glob("testdata/" + dir + "/*.txtar")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		all = append(all, files...)
	}
	return all
}

// TestDialectsAreAsked holds that each built-in dialect stands in the messages of
// a scenario.
func TestDialectsAreAsked(t *testing.T) {
	t.Parallel()
	read := map[string]bool{}
	for _, file := range archives(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := heading.ReplaceAllString(anySHA.ReplaceAllString(string(b), "1b4e28ba9d5f"), "")
		dialect.Builtin().Read(text, func(c dialect.Claim) bool { read[c.Dialect] = true; return true })
		for _, m := range subjects.FindAllStringSubmatch(text, -1) {
			dialect.Builtin().Read(strings.ReplaceAll(m[1]+m[2], `\n`, "\n"), func(c dialect.Claim) bool { read[c.Dialect] = true; return true })
		}
	}
	for _, d := range dialect.Builtin().Dialects() {
		if !read[d.Name] {
			t.Errorf("no scenario has a message in the dialect %s: %s", d.Name, d.Example)
		}
	}
}

var (
	heading  = regexp.MustCompile(`(?m)^-> (.*) <-$`) // of a repository's own file
	anySHA   = regexp.MustCompile(`\$\{\w+(:\d+)?\}`)
	subjects = regexp.MustCompile(`(?m)^(?:commit \S+|git merge .*-m) (?:"([^"]*)"|'([^']*)')`)
)

type scenario struct {
	lines  line.Config
	repo   *gittest.Repo
	lookup *lookup.Lookup
	ctx    context.Context //nolint:containedctx // of one test
}

// open indexes the repository. Words are of no use here.
func (s *scenario) open(t *testing.T) {
	t.Helper()
	repos, ctx := declared(t, []repos.Configured{{Name: "demo", Path: s.repo.Dir, Lines: s.lines}}, false)
	s.lookup, s.ctx = lookup.New(repos, nil), ctx
	t.Cleanup(s.lookup.Close)
}

// answers answers all questions of a part anew.
func (s *scenario) answers(t *testing.T, part string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(part) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, " ") {
			continue
		}
		b.WriteString(line + "\n")
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		var rows []string
		switch words[0] {
		case "where":
			rows = s.where(t, words[1])
		case "related":
			for _, r := range s.match(t, words[1]).Related {
				rows = append(rows, strings.TrimSpace(r.Relation+" "+s.label(r.SHA)+" "+bracketed(r.Evidence)))
			}
		case "missing":
			rows = s.missing(t, words[1:])
		case "check":
			c, err := s.lookup.Check(s.ctx, lookup.Check{Keys: []string{s.repo.Hash(words[1]).String()}, On: words[2:]})
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			for _, r := range c.Results {
				rows = append(rows, map[bool]string{true: "passes", false: "fails"}[r.OK]+": "+s.labelled(r.Reason))
			}
		default:
			t.Fatalf("%q is no question", line)
		}
		for _, row := range rows {
			b.WriteString("  " + row + "\n")
		}
	}
	return b.String()
}

func (s *scenario) match(t *testing.T, label string) history.Match {
	t.Helper()
	answers, err := s.lookup.Where(s.ctx, lookup.Where{Keys: []string{s.repo.Hash(label).String()}, Wait: true})
	if err != nil || len(answers) != 1 || len(answers[0].Matches) != 1 {
		t.Fatalf("%s: %v %+v", label, err, answers)
	}
	return answers[0].Matches[0]
}

func (s *scenario) where(t *testing.T, label string) (rows []string) {
	t.Helper()
	m := s.match(t, label)
	for _, l := range m.Branches {
		row := fmt.Sprintf("%s: %s", l.Name, l.Status)
		if l.Commit != nil {
			row += " " + s.label(*l.Commit)
		}
		if len(l.Evidence) > 0 {
			row += " " + bracketed(l.Evidence)
		}
		if l.RevertedBy != nil {
			row += " by " + s.label(*l.RevertedBy)
		}
		for _, h := range l.Incomplete {
			row += " incomplete " + s.label(h)
		}
		if l.Needed {
			row += " needed"
		}
		if l.FirstTag != nil {
			row += " since " + *l.FirstTag
		}
		rows = append(rows, row)
	}
	for _, limit := range m.Limits {
		rows = append(rows, "limit: "+string(limit))
	}
	return rows
}

func (s *scenario) missing(t *testing.T, words []string) (rows []string) {
	t.Helper()
	var q lookup.Missing
	fs := flag.NewFlagSet("missing", flag.ContinueOnError)
	fs.StringVar(&q.From, "from", "", "")
	fs.StringVar(&q.In, "in", "", "")
	fs.BoolVar(&q.Needed, "needed", false, "")
	if err := fs.Parse(words); err != nil {
		t.Fatal(err)
	}
	q.Wait = true
	r, err := s.lookup.Missing(s.ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Changes {
		rows = append(rows, s.label(c.SHA)+map[bool]string{true: " needed: ", false: ": "}[c.Needed]+s.labelled(c.Reason))
	}
	if !q.Needed {
		for _, e := range r.Excluded {
			rows = append(rows, "not "+s.label(e.SHA)+": "+s.labelled(e.Reason))
		}
	}
	for _, limit := range r.Limits {
		rows = append(rows, "limit: "+string(limit))
	}
	return rows
}

func (s *scenario) label(h history.Hash) string { return s.repo.Labels(h)[0] }

var shortName = regexp.MustCompile(`\b[0-9a-f]{12}\b`)

// labelled puts labels in the place of object names, where there are any.
func (s *scenario) labelled(text string) string {
	return shortName.ReplaceAllStringFunc(text, func(short string) string {
		h, err := history.ParseHash(s.repo.Git("rev-parse", short))
		if err != nil {
			return short
		}
		return s.label(h)
	})
}

func bracketed(evidence []string) string {
	if len(evidence) == 0 {
		return ""
	}
	return "[" + strings.Join(evidence, " ") + "]"
}
