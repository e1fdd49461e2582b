package config

import (
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// enum is a type whose values are words.
type enum interface{ Values() []string }

// keysOf are the keys of a struct of the schema, those that are documented.
func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("doc") != "-" {
			keys = append(keys, t.Field(i).Tag.Get("yaml"))
		}
	}
	return keys
}

// fieldOf is the number of the field with a key.
func fieldOf(t reflect.Type, key string) (int, bool) {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") == key && key != "" {
			return i, true
		}
	}
	return 0, false
}

// keyBelow is the path to a key in the mappings of a struct: a key that stands
// too far up is a common mistake.
func keyBelow(t reflect.Type, key string) string {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type.Kind() != reflect.Struct {
			continue
		}
		if _, ok := fieldOf(f.Type, key); ok {
			return f.Tag.Get("yaml") + "." + key
		}
	}
	return ""
}

// setDefaults gives a value what it has where a file says nothing.
func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		f, tag := v.Field(i), v.Type().Field(i).Tag
		text, ok := tag.Lookup("default")
		switch {
		case f.Kind() == reflect.Struct:
			setDefaults(f)
		case !ok:
		case f.Kind() == reflect.Slice:
			f.Set(reflect.ValueOf([]string{text}))
		default:
			if err := setScalar(f, text, ast.StringType, tag); err != nil {
				panic("a default of the schema: " + err.Error()) // a test excludes it
			}
		}
	}
}

// formOf is the form of a plain value, of a type and with a tag.
func formOf(t reflect.Type, tag reflect.StructTag) form {
	if e, ok := reflect.Zero(t).Interface().(enum); ok {
		return form{name: strings.Join(e.Values(), ", "), expected: "one of " + strings.Join(e.Values(), ", ")}
	}
	switch reflect.Zero(t).Interface().(type) {
	case time.Duration:
		return bounded(durationForm, tag)
	case Size:
		return bounded(sizeForm, tag)
	case bool:
		return form{name: "true or false", expected: "true or false"}
	case int:
		return bounded(form{name: "whole number", expected: "a whole number"}, tag)
	case float64:
		return bounded(form{name: "number", expected: "a number"}, tag)
	}
	if f, ok := forms[tag.Get("is")]; ok {
		return f
	}
	return form{name: "text", expected: "a text"}
}

// bounded adds the bounds to what is expected.
func bounded(f form, tag reflect.StructTag) form {
	least, most := tag.Get("min"), tag.Get("max")
	switch {
	case least != "" && most != "":
		f.expected += " from " + least + " to " + most
	case least != "":
		f.expected += ", at least " + least
	case most != "":
		f.expected += ", at most " + most
	}
	return f
}

// expectedOf says what a value should be.
func expectedOf(t reflect.Type, tag reflect.StructTag) string {
	switch t.Kind() {
	case reflect.Struct:
		return "a mapping of " + strings.Join(keysOf(t), ", ")
	case reflect.Slice:
		return "a list"
	}
	return formOf(t, tag).expected
}
