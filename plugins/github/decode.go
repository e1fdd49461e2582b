package github

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// decode makes a decoder of JSON that holds what it read to valid.
func decode(into any, valid func() bool) func(body []byte) error {
	return func(body []byte) error {
		if err := json.Unmarshal(body, into); err != nil {
			return err
		}
		if !valid() {
			return errors.New("it has not what GitHub tells")
		}
		return nil
	}
}

// tooMuch says whether an answer 200 is GraphQL's refusal for having been asked too
// much: its limits of points, and of requests at once.
func tooMuch(body []byte) bool {
	const points, secondary = `RATE_LIMIT`, "secondary rate limit"
	if !bytes.Contains(body, []byte(points)) && !bytes.Contains(body, []byte(secondary)) {
		return false
	}
	var r struct {
		Message string
		Errors  []failure
	}
	if json.Unmarshal(body, &r) != nil {
		return false
	}
	return strings.Contains(r.Message, secondary) || slices.ContainsFunc(r.Errors, func(e failure) bool {
		return strings.HasPrefix(e.Type, points) || len(e.Path) == 0 && strings.Contains(e.Message, secondary)
	})
}
