package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// document is one of the files to those who describe them.
type document struct {
	name  string // as config schema takes it
	names []string
	about string
	says  reflect.Type
}

var documents = []document{
	{"repos", reposNames, "The repositories.", reflect.TypeFor[reposFile]()},
	{"global", globalNames, "What is not about one repository.", reflect.TypeFor[Global]()},
	{"auth", authNames, "How remotes are told who asks: names of environment variables, files and helpers, never a secret. Its mode must be 0600.", reflect.TypeFor[Auth]()},
}

// Documents are the names that Schema takes.
func Documents() []string {
	var names []string
	for _, d := range documents {
		names = append(names, d.name)
	}
	return names
}

// Schema is the JSON Schema (draft 7, which editors' YAML support reads) of
// repos.yaml, global.yaml or auth.yaml: name is repos, global or auth, or "" for
// one that any of the three fits.
func Schema(name string) ([]byte, error) {
	var out map[string]any
	any3 := []any{}
	for _, d := range documents {
		one := schemaOf(d.says, "")
		one["title"], one["description"] = strings.Join(d.names, " or "), d.about
		if d.name == name {
			out = one
		}
		any3 = append(any3, one)
	}
	switch {
	case name == "":
		out = map[string]any{"anyOf": any3}
	case out == nil:
		return nil, fmt.Errorf("the file %s is unknown; expected one of %s", quote(name), strings.Join(Documents(), ", "))
	}
	out["$schema"] = "http://json-schema.org/draft-07/schema#"
	return json.MarshalIndent(out, "", "  ")
}

// schemaOf is the JSON Schema of a value of a type.
func schemaOf(t reflect.Type, tag reflect.StructTag) map[string]any {
	switch t.Kind() {
	case reflect.Struct:
		properties, required := map[string]any{}, []string{}
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Tag.Get("doc") == "-" {
				continue
			}
			p := schemaOf(f.Type, f.Tag)
			p["description"] = describe(f.Tag)
			properties[f.Tag.Get("yaml")] = p
			if f.Tag.Get("need") == "yes" {
				required = append(required, f.Tag.Get("yaml"))
			}
		}
		out := map[string]any{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
		if len(required) > 0 {
			out["required"] = required
		}
		return out
	case reflect.Map:
		return map[string]any{"type": []string{"object", "null"}, "additionalProperties": schemaOf(t.Elem(), tag)}
	case reflect.Slice:
		items := schemaOf(t.Elem(), tag)
		out := map[string]any{"type": []string{"array", "null"}, "items": items}
		if text, ok := tag.Lookup("default"); ok {
			delete(items, "default")
			out["default"] = []string{text}
		}
		return out
	}
	f := formOf(t, tag)
	out := map[string]any{"type": "string"}
	text, hasDefault := tag.Lookup("default")
	if hasDefault {
		out["default"] = text
	}
	if f.pattern != "" {
		out["pattern"] = f.pattern
	}
	if e, ok := reflect.Zero(t).Interface().(enum); ok {
		out["enum"] = e.Values()
	}
	if tag.Get("is") == "version" {
		out["type"] = []string{"string", "number"} // 1.0 without quotes is a number
	}
	switch t {
	case reflect.TypeFor[bool]():
		out["type"], out["default"] = "boolean", text == "true"
	case reflect.TypeFor[int](), reflect.TypeFor[float64]():
		out["type"] = map[bool]string{true: "integer", false: "number"}[t.Kind() == reflect.Int]
		for key, bound := range map[string]string{"default": text, "minimum": tag.Get("min"), "maximum": tag.Get("max")} {
			if n, err := strconv.ParseFloat(bound, 64); err == nil {
				out[key] = n
			}
		}
	}
	return out
}

// describe is what a field says, and whether that has an effect.
func describe(tag reflect.StructTag) string {
	text := tag.Get("doc")
	if why := tag.Get("unused"); why != "" {
		text += " (without effect: " + why + ")"
	}
	return text
}

// row is a field as the documentation lists it.
type row struct{ field, form, value, doc string }

// rows lists the fields of a struct, one below the other.
func rows(t reflect.Type, prefix, unused string) []row {
	var all []row
	for i := range t.NumField() {
		f := t.Field(i)
		doc, why := f.Tag.Get("doc"), f.Tag.Get("unused")
		if doc == "-" {
			continue
		}
		path, inner, list := prefix+f.Tag.Get("yaml"), f.Type, ""
		switch inner.Kind() {
		case reflect.Slice:
			inner, path, list = inner.Elem(), path+"[]", "list of "
		case reflect.Map:
			inner, path, list = inner.Elem(), path+".NAME", "names"
		}
		effect := ""
		if why != "" && unused == "" {
			effect = " (without effect: " + why + ")"
		}
		if inner.Kind() == reflect.Struct {
			form := map[string]string{"": "mapping", "list of ": "list of mappings", "names": "mapping of names"}[list]
			all = append(all, row{path, form, "", doc + effect})
			all = append(all, rows(inner, path+".", unused+why)...)
			continue
		}
		value := f.Tag.Get("default")
		if f.Tag.Get("need") == "yes" {
			value = "must be there"
		} else if value != "" {
			value = "`" + value + "`"
		}
		if e := bounds(f.Tag); e != "" {
			doc += "; " + e
		}
		all = append(all, row{path, list + formOf(inner, f.Tag).name, value, doc + effect})
	}
	return all
}

func bounds(tag reflect.StructTag) string {
	return strings.TrimPrefix(strings.TrimPrefix(bounded(form{}, tag).expected, ", "), " ")
}

// Shown is the configuration as config show prints it, in the files' own words:
// all of it, with the defaults, and nothing that may be a secret. JSON asks for
// values that encoding/json takes.
func (c Config) Shown(inJSON bool) any {
	repos := reposFile{Version: "1.0", Repos: c.Repositories, Settings: c.Settings}
	out := yaml.MapSlice{
		{Key: "repos", Value: shown(reflect.ValueOf(repos), "")},
		{Key: "global", Value: shown(reflect.ValueOf(c.Global), "")},
		{Key: "auth", Value: shown(reflect.ValueOf(c.Auth), "")},
	}
	if inJSON {
		return plain(out)
	}
	return out
}

func shown(v reflect.Value, tag reflect.StructTag) any {
	switch v.Kind() {
	case reflect.Struct:
		out := yaml.MapSlice{}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Tag.Get("doc") == "-" || unsaid(v.Field(i)) {
				continue
			}
			out = append(out, yaml.MapItem{Key: f.Tag.Get("yaml"), Value: shown(v.Field(i), f.Tag)})
		}
		return out
	case reflect.Map:
		out := yaml.MapSlice{}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			out = append(out, yaml.MapItem{Key: k.String(), Value: shown(v.MapIndex(k), tag)})
		}
		return out
	case reflect.Slice:
		out := []any{}
		for i := range v.Len() {
			out = append(out, shown(v.Index(i), tag))
		}
		return out
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return FormatDuration(x)
	case Size:
		return x.String()
	case bool, int, float64:
		return x
	}
	switch text := v.String(); tag.Get("is") {
	case "url", "web", "page":
		return redact(text)
	case "helper": // a shell's line may hold anything
		word, rest, _ := strings.Cut(text, " ")
		if rest != "" {
			word += " …"
		}
		return word
	default:
		return text
	}
}

// unsaid says whether a value stands for that nothing was said: no text, no bound,
// and no list, which is another thing than an empty one.
func unsaid(v reflect.Value) bool {
	_, isSize := v.Interface().(Size)
	return v.IsZero() && (isSize || v.Kind() == reflect.String || v.Kind() == reflect.Slice)
}

// plain is a value of shown for encoding/json.
func plain(v any) any {
	switch x := v.(type) {
	case yaml.MapSlice:
		out := map[string]any{}
		for _, item := range x {
			out[fmt.Sprint(item.Key)] = plain(item.Value)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = plain(x[i])
		}
		return out
	}
	return v
}
