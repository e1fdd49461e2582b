package config

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// scalar reads a text into a value of a plain type.
func (d *decoder) scalar(text string, n ast.Node, at place, v reflect.Value, f field) {
	wrong := func(problem string) {
		shown := quote(text)
		if is := f.tag.Get("is"); is == "url" || is == "web" || is == "page" {
			shown = quote(redact(text))
		}
		d.fault(at, f.path, shown, problem, expectedOf(v.Type(), f.tag), didYouMean(text, v.Type()))
	}
	if err := setScalar(v, text, n.Type(), f.tag); err != nil {
		wrong(err.Error())
	}
}

func didYouMean(text string, t reflect.Type) string {
	if e, ok := reflect.Zero(t).Interface().(enum); ok {
		if near := nearest(text, e.Values()); near != "" {
			return "did you mean " + near + "?"
		}
	}
	return ""
}

// setScalar sets v to what the text says, or says what is wrong with it.
func setScalar(v reflect.Value, text string, written ast.NodeType, tag reflect.StructTag) error {
	next := reflect.New(v.Type()).Elem()
	switch x := next.Addr().Interface().(type) {
	case *time.Duration:
		parsed, err := ParseDuration(text)
		if err != nil {
			return err
		}
		*x = parsed
	case *Size:
		parsed, err := ParseSize(text)
		if err != nil {
			return err
		}
		*x = parsed
	case *bool:
		switch strings.ToLower(text) { // as YAML 1.1 has them, which ca-bhfuil reads
		case "true", "yes", "on":
			*x = true
		case "false", "no", "off":
		default:
			return errors.New("is neither true nor false")
		}
	case *int:
		parsed, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("is no whole number")
		}
		*x = parsed
	case *float64:
		parsed, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(parsed) || math.IsInf(parsed, 0) {
			return errors.New("is no number")
		}
		*x = parsed
	default:
		if err := setText(next, text, written, tag); err != nil {
			return err
		}
	}
	if err := inBounds(next, tag); err != nil {
		return err
	}
	v.Set(next)
	return nil
}

func setText(v reflect.Value, text string, written ast.NodeType, tag reflect.StructTag) error {
	if written == ast.BoolType {
		return errors.New("is true or false, and no text")
	}
	if e, ok := v.Interface().(enum); ok && !slices.Contains(e.Values(), text) {
		return errors.New("is unknown")
	}
	f := forms[tag.Get("is")]
	if f.check != nil {
		if err := f.check(text); err != nil {
			return err
		}
	}
	if f.normal != nil {
		text = f.normal(text)
	}
	v.SetString(text)
	return nil
}

// inBounds holds a number against the tags min and max.
func inBounds(v reflect.Value, tag reflect.StructTag) error {
	for _, bound := range []struct {
		tag   string
		wrong func(c int) bool
		text  string
	}{{"min", func(c int) bool { return c < 0 }, "is too little"}, {"max", func(c int) bool { return c > 0 }, "is too much"}} {
		if text, ok := tag.Lookup(bound.tag); ok && bound.wrong(compare(v, text)) {
			return errors.New(bound.text)
		}
	}
	return nil
}

// compare holds a number against a bound as the schema writes it.
func compare(v reflect.Value, bound string) int {
	b := reflect.New(v.Type()).Elem()
	if err := setScalar(b, bound, ast.StringType, ""); err != nil {
		panic("a bound of the schema: " + err.Error()) // a test excludes it
	}
	switch {
	case v.CanInt():
		return int(max(-1, min(1, v.Int()-b.Int())))
	case v.CanUint():
		if v.Uint() == b.Uint() {
			return 0
		} else if v.Uint() < b.Uint() {
			return -1
		}
		return 1
	}
	switch diff := v.Float() - b.Float(); {
	case diff < 0:
		return -1
	case diff > 0:
		return 1
	}
	return 0
}
