package server

import "testing"

// TestWaits holds which requests wait for the work that others give way to.
func TestWaits(t *testing.T) {
	for params, want := range map[string]bool{
		`{"command":"cabhfuil.where","arguments":[{"keys":["1"],"wait":true}]}`:  true,
		`{"command":"cabhfuil.where","arguments":[{"keys":["1"],"wait":false}]}`: false,
		`{"command":"cabhfuil.where","arguments":[{"keys":["1"]}]}`:              false,
		`{"command":"cabhfuil.where"}`:                                           false,
		`{"arguments":[1]}`:                                                      false,
		`{"textDocument":{"uri":"file:///x"}}`:                                   false,
	} {
		if got := waits([]byte(params)); got != want {
			t.Errorf("%s waits: %v", params, got)
		}
	}
}
