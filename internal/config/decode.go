package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a file: beyond them it is no configuration that a person wrote.
const (
	maxBytes  = 1 << 20
	maxValues = 200_000 // with what aliases repeat
	maxOpen   = 1000    // brackets: the parser takes time by the square of their number
)

// place is a position in a file.
type place struct{ line, column int }

// decoder fills a struct of the schema from a file, as far as it is right, and
// collects what is wrong.
type decoder struct {
	file    string
	private bool // show no values: one may be a secret
	lines   []string

	anchors map[string]ast.Node
	values  int
	at      map[string]place // of each value, by its field
	faults  []*Fault
	notes   []*Fault        // what is right and yet has less effect than it says
	bad     map[string]bool // fields with a fault, or with one below them; those with one themselves also behind =
}

// decode reads text into the struct that into points to, which has its defaults
// afterwards where the text says nothing or something wrong. It fails where the
// text is no YAML, and then into has its defaults alone.
func (d *decoder) decode(text []byte, into any) (ok bool) {
	d.at, d.anchors, d.lines = map[string]place{}, map[string]ast.Node{}, strings.Split(string(text), "\n")
	v := reflect.ValueOf(into).Elem()
	setDefaults(v)
	body, ok := d.parse(text)
	if !ok || body == nil {
		return ok
	}
	ast.Walk(d, body)
	d.value(body, v, field{})
	return true
}

// Visit collects anchors, so that ast.Walk does.
func (d *decoder) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok && a.Name != nil && a.Name.GetToken() != nil {
		d.anchors[a.Name.GetToken().Value] = a.Value
	}
	return d
}

// parse is the YAML's one document, or nil where it is empty. It fails at errors of
// syntax.
func (d *decoder) parse(text []byte) (body ast.Node, ok bool) {
	defer func() {
		if p := recover(); p != nil { // a fault of the library's: the text is the user's
			d.fault(place{}, "", "", "is no YAML that can be read", "", "")
			body, ok = nil, false
		}
	}()
	if len(text) > maxBytes {
		d.fault(place{}, "", "", fmt.Sprintf("has %d bytes", len(text)), fmt.Sprintf("at most %d", maxBytes), "")
		return nil, false
	}
	if open(text) > maxOpen {
		d.fault(place{}, "", "", "nests too deeply", fmt.Sprintf("at most %d open brackets", maxOpen), "")
		return nil, false
	}
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	var y yaml.Error
	switch {
	case err == nil:
	case errors.As(err, &y) && y.GetToken() != nil:
		d.syntax(y)
		d.moreSyntax(d.positionOf(y.GetToken()).line)
		return nil, false
	default:
		d.fault(place{}, "", "", "is no YAML", "", "")
		return nil, false
	}
	for _, doc := range file.Docs {
		switch {
		case doc == nil || doc.Body == nil || doc.Body.Type() == ast.CommentType || doc.Body.Type() == ast.DirectiveType:
		case body == nil:
			body = doc.Body
		default:
			d.fault(d.startOf(doc.Body), "", "", "begins a second document", "one document a file", "remove the line ---, or what follows it")
		}
	}
	return body, true
}

// open is the largest number of brackets that are open at a time, those in texts
// and comments too.
func open(text []byte) int {
	most, now := 0, 0
	for _, c := range text {
		switch c {
		case '[', '{':
			now++
			most = max(most, now)
		case ']', '}':
			now = max(0, now-1)
		}
	}
	return most
}

// advice is what helps against errors of syntax, by a part of their message.
var advice = []struct{ message, expected, remedy string }{
	{`'\t'`, "spaces", "YAML knows no tabs in front of a line"},
	{"reserved character", "a text in quotes", ""},
	{"directive", "a text in quotes", ""},
	{"not allowed in this context", "", "look at the indentation of this line and the one above, and at what needs quotes"},
	{"must be specified", "", "close the bracket, or put the value in quotes"},
	{"not found", "", "close the bracket"},
	{"end character", "", "close the quotes"},
}

// syntax tells an error of syntax.
func (d *decoder) syntax(y yaml.Error) {
	message := strings.ReplaceAll(y.GetMessage(), "\t", `\t`)
	expected, remedy := "", ""
	for _, a := range advice {
		if strings.Contains(message, a.message) {
			expected, remedy = a.expected, a.remedy
			break
		}
	}
	d.fault(d.positionOf(y.GetToken()), "", "", message, expected, remedy)
}

// field is what the decoder knows of the value that it reads.
type field struct {
	path string
	tag  reflect.StructTag
}

func (f field) key(name string) string {
	if f.path == "" {
		return name
	}
	return f.path + "." + name
}

// fault takes note of what is wrong.
func (d *decoder) fault(at place, path, value, problem, expected, remedy string) {
	d.mildFault(at, path, value, problem, expected, remedy)
	if d.bad == nil {
		d.bad = map[string]bool{}
	}
	d.bad["="+path] = true
	for ; path != ""; path = above(path) {
		d.bad[path] = true
	}
}

// mildFault is fault where what counts of the field is right all the same.
func (d *decoder) mildFault(at place, path, value, problem, expected, remedy string) {
	if d.private {
		value = ""
	}
	d.faults = append(d.faults, &Fault{File: d.file, Line: at.line, Column: at.column, Field: path, Value: value, Problem: problem, Expected: expected, Remedy: remedy})
}

// note takes note of what is right and yet has less effect than it says.
func (d *decoder) note(path, value, problem, remedy string) {
	at := d.placeOf(path)
	d.notes = append(d.notes, &Fault{File: d.file, Line: at.line, Column: at.column, Field: path, Value: value, Problem: problem, Remedy: remedy})
}

// above is the field that a field stands in, "" for one at the top.
func above(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// faulty says whether something is wrong with the field or below it.
func (d *decoder) faulty(path string) bool { return d.bad[path] }

// placeOf is where a field stands; where it does not, what it would stand in.
func (d *decoder) placeOf(path string) place {
	for path != "" {
		if at, ok := d.at[path]; ok {
			return at
		}
		path = above(path)
	}
	return place{1, 1}
}

// positionOf is a token's position, within the text whatever the library says.
func (d *decoder) positionOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	line := min(max(1, t.Position.Line), len(d.lines))
	return place{line, min(max(1, t.Position.Column), len([]rune(d.lines[line-1]))+1)}
}

// startOf is where a node begins. The library gives mappings the place of their
// first colon.
func (d *decoder) startOf(n ast.Node) place {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return d.positionOf(m.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return d.positionOf(m.Key.GetToken())
	}
	return d.positionOf(n.GetToken())
}

// resolve is the node that anchors, aliases and tags stand for; nil where there
// is none.
func (d *decoder) resolve(n ast.Node) ast.Node {
	for range 16 {
		switch x := n.(type) {
		case *ast.AnchorNode:
			n = x.Value
		case *ast.TagNode:
			n = x.Value
		case *ast.AliasNode:
			if x.Value == nil || x.Value.GetToken() == nil {
				return nil
			}
			n = d.anchors[x.Value.GetToken().Value]
		case *ast.NullNode, *ast.CommentGroupNode:
			return nil
		default:
			return n
		}
		if n == nil {
			return nil
		}
	}
	return nil
}

// value reads a node into v. A null is no value.
func (d *decoder) value(n ast.Node, v reflect.Value, f field) {
	at := d.startOf(n)
	if d.values++; d.values > maxValues {
		if d.values == maxValues+1 {
			d.fault(at, f.path, "", "is too much", fmt.Sprintf("at most %d values in a file", maxValues), "")
		}
		return
	}
	d.at[f.path] = at
	if alias, ok := n.(*ast.AliasNode); ok && alias.Value != nil && alias.Value.GetToken() != nil {
		if _, known := d.anchors[alias.Value.GetToken().Value]; !known {
			d.fault(at, f.path, "", "is an alias of nothing", "an anchor &"+step(alias.Value.GetToken().Value)+" in the file", "")
			return
		}
	}
	n = d.resolve(n)
	if n == nil {
		return
	}
	switch {
	case v.Kind() == reflect.Struct:
		d.mapping(n, at, f, "a mapping of "+strings.Join(keysOf(v.Type()), ", "), func(pairs []pair) { d.fields(pairs, v, f) })
	case v.Kind() == reflect.Map:
		d.mapping(n, at, f, "a mapping of names", func(pairs []pair) { d.entries(pairs, v, f) })
	case v.Kind() == reflect.Slice:
		d.list(n, at, v, f)
	default:
		text, ok := scalar(n)
		if !ok {
			d.fault(at, f.path, "", "is "+kindOf(n), expectedOf(v.Type(), f.tag), "")
			return
		}
		d.scalar(text, n, at, v, f)
	}
}

// pair is a key with its value.
type pair struct {
	name  string
	key   ast.Node
	value ast.Node
}

// mapping calls fn with the pairs of a mapping, each name once: what stands
// there counts before what << merges, and the first of two before the second.
func (d *decoder) mapping(n ast.Node, at place, f field, expected string, fn func([]pair)) {
	var pairs []pair
	seen := map[string]bool{}
	var add func(n ast.Node, merged bool, depth int) bool
	add = func(n ast.Node, merged bool, depth int) bool {
		m := mappingOf(d.resolve(n))
		if m == nil || depth > 16 {
			return false
		}
		if d.values++; d.values > maxValues { // aliases of aliases grow fast
			return true
		}
		var merges []ast.Node
		for _, mv := range m {
			if mv == nil || mv.Key == nil {
				continue
			}
			if mv.Key.IsMergeKey() {
				merges = append(merges, mv.Value)
				continue
			}
			name, ok := scalar(mv.Key)
			switch {
			case !ok:
				d.fault(d.positionOf(mv.Key.GetToken()), f.path, "", "has a key that is no word", expected, "")
				continue
			case seen[name] && merged:
				continue
			case seen[name]:
				d.mildFault(d.positionOf(mv.Key.GetToken()), f.key(step(name)), "", "stands twice", "each key once", "the first counts; remove one")
				continue
			}
			seen[name] = true
			pairs = append(pairs, pair{name, mv.Key, mv.Value})
		}
		for _, merge := range merges {
			all := []ast.Node{merge}
			if s, ok := d.resolve(merge).(*ast.SequenceNode); ok {
				all = s.Values
			}
			for _, one := range all {
				if !add(one, true, depth+1) {
					d.fault(d.startOf(merge), f.key("<<"), "", "merges no mapping", "an alias of one", "")
				}
			}
		}
		return true
	}
	if !add(n, false, 0) {
		d.fault(at, f.path, "", "is "+kindOf(n), expected, "")
		return
	}
	fn(pairs)
}

func mappingOf(n ast.Node) []*ast.MappingValueNode {
	switch m := n.(type) {
	case *ast.MappingNode:
		if m.Values == nil {
			return []*ast.MappingValueNode{}
		}
		return m.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}
	}
	return nil
}

// fields reads the pairs into the fields of a struct.
func (d *decoder) fields(pairs []pair, v reflect.Value, f field) {
	for _, p := range pairs {
		i, ok := fieldOf(v.Type(), p.name)
		if !ok {
			d.unknown(p, v.Type(), f)
			continue
		}
		sf := v.Type().Field(i)
		d.value(p.value, v.Field(i), field{f.key(p.name), sf.Tag})
	}
	for i := range v.NumField() {
		if sf := v.Type().Field(i); sf.Tag.Get("need") == "yes" && v.Field(i).IsZero() && !d.faulty(f.key(sf.Tag.Get("yaml"))) {
			d.fault(d.placeOf(f.path), f.key(sf.Tag.Get("yaml")), "", "is not there", expectedOf(sf.Type, sf.Tag), "")
		}
	}
}

func (d *decoder) unknown(p pair, t reflect.Type, f field) {
	known := keysOf(t)
	remedy := ""
	if near := nearest(p.name, known); near != "" {
		remedy = "did you mean " + near + "?"
	} else if below := keyBelow(t, p.name); below != "" {
		remedy = "did you mean " + below + "?"
	}
	if d.private && slices.Contains([]string{"token", "password", "secret", "passphrase", "ssh_key_passphrase"}, p.name) {
		remedy = "a secret belongs in no file: name the environment variable that holds it, as token_env or ssh_key_passphrase_env"
	}
	d.fault(d.positionOf(p.key.GetToken()), f.key(step(p.name)), "", "is an unknown key", "one of "+strings.Join(known, ", "), remedy)
}

// entries reads the pairs into a map.
func (d *decoder) entries(pairs []pair, v reflect.Value, f field) {
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range pairs {
		e := reflect.New(v.Type().Elem()).Elem()
		setDefaults(e)
		d.value(p.value, e, field{f.key(step(p.name)), f.tag})
		v.SetMapIndex(reflect.ValueOf(p.name), e)
	}
}

// list reads a sequence. Of texts, those that are wrong are left out; a single
// text is no list, though it may look like one.
func (d *decoder) list(n ast.Node, at place, v reflect.Value, f field) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		remedy := ""
		if text, isText := scalar(n); isText && !d.private {
			remedy = "write [" + quote(text) + "]"
		}
		d.fault(at, f.path, "", "is "+kindOf(n), "a list", remedy)
		return
	}
	all := reflect.MakeSlice(v.Type(), 0, len(s.Values))
	for i, item := range s.Values {
		path := fmt.Sprintf("%s[%d]", f.path, i)
		e := reflect.New(v.Type().Elem()).Elem()
		setDefaults(e)
		before := len(d.faults)
		if item != nil {
			d.value(item, e, field{path, f.tag})
		}
		if item == nil || d.resolve(item) == nil && len(d.faults) == before {
			d.fault(d.placeOf(path), path, "", "is empty", expectedOf(e.Type(), f.tag), "remove the line, or complete it")
		}
		if e.Kind() != reflect.Struct && len(d.faults) > before {
			continue
		}
		all = reflect.Append(all, e)
	}
	v.Set(all)
}

// scalar is the text of a plain value.
func scalar(n ast.Node) (string, bool) {
	switch x := n.(type) {
	case *ast.LiteralNode:
		if x.Value == nil {
			return "", true
		}
		return x.Value.Value, true
	case *ast.StringNode:
		return x.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode, *ast.NullNode:
		if n.GetToken() != nil {
			return n.GetToken().Value, true
		}
	}
	return "", false
}

// kindOf says what a node is to people.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	}
	return "a text"
}
