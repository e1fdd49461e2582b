package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
	"github.com/gofrs/flock"
)

// Errors of the edits.
var (
	ErrNoEntry = errors.New("no repository of this name is in the configuration")
	// ErrShape says that the file is written in a way that an edit would spoil.
	ErrShape = errors.New("the file is written in a way that this program does not edit; edit it by hand")
)

// NewRepository is an entry with all defaults, for Add.
func NewRepository() Repository {
	var r Repository
	setDefaults(reflect.ValueOf(&r).Elem())
	return r
}

// Add adds an entry to repos.yaml, behind the others; the file is made where it is
// not there. What is not the default is written, and the rest of the file stays as
// it is, to the byte. Of several processes that edit at once each waits for the
// others. An entry that would be a fault is refused with it.
func Add(ctx context.Context, dirs Dirs, r Repository) error {
	return edit(ctx, dirs, func(t *text) (want []Repository, err error) {
		want = append(t.entries(), t.reread(r))
		return want, t.add(r)
	})
}

// Remove removes the entry of a name from repos.yaml: the name that it says, or of
// one that says none its directory's. Comments within it go too, others stay. It
// fails with ErrNoEntry where there is none.
func Remove(ctx context.Context, dirs Dirs, name string) error {
	return edit(ctx, dirs, func(t *text) (want []Repository, err error) {
		for i, r := range t.entries() {
			if r.Name == name || r.Name == "" && r.Path != "" && filepath.Base(r.Path) == name {
				return slices.Delete(t.entries(), i, i+1), t.remove(i)
			}
		}
		return nil, fmt.Errorf("%w: %s", ErrNoEntry, quote(name))
	})
}

// lockPoll is how often a process that waits for another's edit looks again.
const lockPoll = 20 * time.Millisecond

// edit changes repos.yaml under a lock, in one step. change says which entries the
// file should have then; where it has others, or new faults, it stays as it was.
func edit(ctx context.Context, dirs Dirs, change func(*text) ([]Repository, error)) (err error) {
	for _, dir := range []string{dirs.Config, dirs.State} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("editing the configuration: %w", err)
		}
	}
	lock := flock.New(filepath.Join(dirs.State, "config.lock"))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return fmt.Errorf("waiting for another edit of the configuration: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	path := filepath.Join(dirs.Config, reposNames[0])
	for _, base := range reposNames {
		if _, err := os.Stat(filepath.Join(dirs.Config, base)); err == nil {
			path = filepath.Join(dirs.Config, base)
			break
		}
	}
	for {
		old, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("editing the configuration: %w", err)
		}
		t, bad := parseText(path, old)
		if bad != nil {
			return fmt.Errorf("the file is not edited before it is right: %w", bad)
		}
		want, err := change(t)
		if err != nil {
			return fmt.Errorf("editing %s: %w", path, err)
		}
		now, bad := parseText(path, []byte(t.text))
		if bad != nil || !reflect.DeepEqual(now.entries(), want) {
			return fmt.Errorf("editing %s: %w", path, ErrShape)
		}
		if bad := now.worse(t); bad != nil {
			return fmt.Errorf("the file stays as it was, since it would be wrong: %w", bad)
		}
		// An editor knows of no lock: what it wrote meanwhile is not to be lost.
		if again, err := os.ReadFile(path); err == nil && !bytes.Equal(again, old) {
			continue
		}
		return replace(path, []byte(t.text))
	}
}

// replace writes a file in one step. A link stays one, and the mode what it was.
func replace(path string, content []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".repos-*")
	if err != nil {
		return fmt.Errorf("editing the configuration: %w", err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("editing the configuration: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// text is repos.yaml while it is edited.
type text struct {
	text    string
	newline string
	d       *decoder
	says    reposFile
	root    ast.Node // nil where there is nothing but comments
}

// parseText reads a file to edit. It fails with the fault where it is no YAML.
func parseText(path string, content []byte) (*text, error) {
	t := &text{text: string(content), newline: "\n", d: &decoder{file: path}}
	if strings.Contains(t.text, "\r\n") {
		t.newline = "\r\n"
	}
	if !t.d.decode(content, &t.says) {
		return nil, t.d.faults[0]
	}
	again := &decoder{file: path, lines: t.d.lines}
	if root, _ := again.parse(content); root != nil {
		t.root = again.resolve(root)
	}
	return t, nil
}

func (t *text) entries() []Repository { return append([]Repository{}, t.says.Repos...) }

// worse is the first fault that t has more than before.
func (t *text) worse(before *text) error {
	known := map[string]int{}
	for _, x := range []*text{before, t} {
		x.d.repositories(x.says.Repos)
	}
	for _, f := range before.d.faults {
		known[f.Expected+f.Value]++
	}
	for _, f := range t.d.faults {
		if known[f.Expected+f.Value]--; known[f.Expected+f.Value] < 0 {
			return f
		}
	}
	return nil
}

// reread is an entry as it is after it was written and read.
func (t *text) reread(r Repository) Repository {
	d := &decoder{}
	var f reposFile
	d.decode([]byte("repos:\n"+strings.Join(block(r, "  "), "\n")+"\n"), &f)
	if len(f.Repos) != 1 {
		return r
	}
	return f.Repos[0]
}

// offset is a position as an offset into the text.
func (t *text) offset(at place) int {
	sum := 0
	for _, line := range t.d.lines[:at.line-1] {
		sum += len(line) + 1
	}
	return sum + len(string([]rune(t.d.lines[at.line-1])[:at.column-1]))
}

// lineStart is the offset of a line, counted from 1; that of one behind the last
// is the text's end.
func (t *text) lineStart(line int) int {
	if line > len(t.d.lines) {
		return len(t.text)
	}
	return t.offset(place{line, 1})
}

// splice replaces a part of the text. Where the parser's places are not the text's,
// it does nothing, and edit finds that out.
func (t *text) splice(from, to int, with string) {
	if from > to || to > len(t.text) {
		return
	}
	t.text = t.text[:from] + with + t.text[to:]
}

// repos is the pair whose value is the list of repositories.
func (t *text) repos() (*ast.MappingValueNode, bool) {
	flow := false
	if m, ok := t.root.(*ast.MappingNode); ok {
		flow = m.IsFlowStyle
	}
	for _, mv := range mappingOf(t.root) {
		if name, ok := scalar(mv.Key); ok && name == "repos" {
			return mv, flow
		}
	}
	return nil, flow
}

// add puts an entry behind the others.
func (t *text) add(r Repository) error {
	pair, flow := t.repos()
	switch {
	case pair == nil && flow:
		return ErrShape
	case pair == nil:
		if t.text != "" && !strings.HasSuffix(t.text, "\n") {
			t.text += t.newline
		}
		if t.text == "" {
			t.text = `version: "1.0"` + t.newline
		}
		t.text += "repos:" + t.newline + t.block(r, "  ")
		return nil
	}
	key := t.d.positionOf(pair.Key.GetToken())
	under := strings.Repeat(" ", key.column-1) + "  "
	switch value := pair.Value.(type) {
	case nil, *ast.NullNode:
		if n, ok := value.(*ast.NullNode); ok && n.Token != nil && n.Token.Type == token.NullType {
			at := t.offset(t.d.positionOf(n.Token)) // null, which goes
			t.splice(at, at+len(n.Token.Value), "")
			t.d.lines = strings.Split(t.text, "\n")
		}
		t.insert(key.line+1, t.block(r, under))
	case *ast.SequenceNode:
		if value.IsFlowStyle {
			return t.addFlow(value, r, under, flow)
		}
		dash := t.d.positionOf(value.Start)
		t.insert(t.behind(t.starts(value, len(value.Values)-1), dash.column)+1, t.block(r, strings.Repeat(" ", dash.column-1)))
	default:
		return ErrShape
	}
	return nil
}

// addFlow adds to a list in brackets; an empty one becomes one with dashes.
func (t *text) addFlow(list *ast.SequenceNode, r Repository, under string, inFlow bool) error {
	if list.Start == nil || list.End == nil {
		return ErrShape
	}
	from, to := t.offset(t.d.positionOf(list.Start)), t.offset(t.d.positionOf(list.End))
	if to >= len(t.text) || t.text[to] != ']' {
		return ErrShape
	}
	if len(list.Values) > 0 || inFlow {
		entry, err := json.Marshal(plain(written(reflect.ValueOf(r))))
		if err != nil {
			return err
		}
		before := strings.TrimRight(t.text[:to], " \t\r\n")
		with := ", " + string(entry)
		switch {
		case strings.HasSuffix(before, "["):
			with = string(entry)
		case strings.HasSuffix(before, ","):
			with = " " + string(entry)
		}
		t.splice(len(before), len(before), with)
		return nil
	}
	start := len(strings.TrimRight(t.text[:from], " \t"))
	t.splice(start, to+1, "")
	t.d.lines = strings.Split(t.text, "\n")
	t.insert(t.d.positionOf(list.Start).line+1, t.block(r, under))
	return nil
}

// insert puts lines in front of a line.
func (t *text) insert(line int, lines string) {
	at := t.lineStart(line)
	if at > 0 && t.text[at-1] != '\n' {
		lines = t.newline + lines
	}
	t.splice(at, at, lines)
}

// remove takes out an entry.
func (t *text) remove(i int) error {
	pair, _ := t.repos()
	if pair == nil {
		return ErrShape
	}
	list, ok := pair.Value.(*ast.SequenceNode)
	if !ok || i >= len(list.Values) {
		return ErrShape
	}
	if list.IsFlowStyle {
		return t.removeFlow(list, i)
	}
	dash := t.d.positionOf(list.Start)
	first := t.starts(list, i)
	t.splice(t.lineStart(first), t.lineStart(t.behind(first, dash.column)+1), "")
	if len(list.Values) == 1 {
		at := t.offset(t.d.positionOf(pair.Start)) + 1 // behind the colon
		t.splice(at, at, " []")
	}
	return nil
}

func (t *text) removeFlow(list *ast.SequenceNode, i int) error {
	from := t.offset(t.d.startOf(list.Values[i]))
	if i+1 < len(list.Values) {
		t.splice(from, t.offset(t.d.startOf(list.Values[i+1])), "")
		return nil
	}
	m, ok := list.Values[i].(*ast.MappingNode)
	if !ok || m.End == nil {
		return ErrShape
	}
	to := t.offset(t.d.positionOf(m.End)) + 1
	if i > 0 {
		from = len(strings.TrimRight(t.text[:from], " \t\r\n,"))
	}
	t.splice(from, to, "")
	return nil
}

// starts is the line of an entry's dash.
func (t *text) starts(list *ast.SequenceNode, i int) int {
	column := t.d.positionOf(list.Start).column
	line := t.d.startOf(list.Values[i]).line
	for line > 1 && !isDash(t.d.lines[line-1], column) {
		line-- // a dash may stand above its mapping
	}
	return line
}

func isDash(line string, column int) bool {
	return len(line) >= column && strings.TrimLeft(line[:column-1], " ") == "" && line[column-1] == '-'
}

// behind is the last line of the entry whose dash stands in line and column:
// lines that are indented further are its own, and blank lines and comments
// between these.
func (t *text) behind(line, column int) int {
	last := line
	for i := line + 1; i <= len(t.d.lines); i++ {
		body := strings.TrimLeft(t.d.lines[i-1], " ")
		indent := len(t.d.lines[i-1]) - len(body)
		switch {
		case strings.TrimSpace(body) == "":
			continue
		case indent >= column:
			last = i
		case strings.HasPrefix(body, "#"):
			continue
		default:
			return last
		}
	}
	return last
}

// block is an entry as lines, with line ends.
func (t *text) block(r Repository, indent string) string {
	return strings.Join(block(r, indent), t.newline) + t.newline
}

// block is an entry as lines behind a dash.
func block(r Repository, indent string) []string {
	b, err := yaml.MarshalWithOptions(written(reflect.ValueOf(r)), yaml.IndentSequence(true))
	if err != nil {
		panic("writing an entry: " + err.Error()) // plain texts and numbers
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	for i, line := range lines {
		dash := "  "
		if i == 0 {
			dash = "- "
		}
		lines[i] = indent + dash + line
	}
	return lines
}

// written is what is written of a struct: what is not the default.
func written(v reflect.Value) yaml.MapSlice {
	defaults := reflect.New(v.Type()).Elem()
	setDefaults(defaults)
	out := yaml.MapSlice{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		value := any(nil)
		switch {
		case reflect.DeepEqual(v.Field(i).Interface(), defaults.Field(i).Interface()):
			continue
		case f.Type.Kind() == reflect.Struct:
			value = written(v.Field(i))
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			all := []any{}
			for j := range v.Field(i).Len() {
				all = append(all, written(v.Field(i).Index(j)))
			}
			value = all
		default:
			value = shown(v.Field(i), "")
		}
		out = append(out, yaml.MapItem{Key: f.Tag.Get("yaml"), Value: value})
	}
	return out
}
