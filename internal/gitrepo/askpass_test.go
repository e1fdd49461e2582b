package gitrepo

import (
	"errors"
	"strings"
	"testing"
)

// TestAskpass holds which questions of ssh are answered: that for the key alone.
func TestAskpass(t *testing.T) {
	t.Setenv("PASSPHRASE", "open sesame")
	long := "/" + strings.Repeat("k", 150)
	for _, c := range []struct {
		key, prompt string
		args        []string
		want        string // "-" for a refusal
	}{
		{"/home/me/.ssh/id", "", []string{"Enter passphrase for key '/home/me/.ssh/id': "}, "open sesame\n"},
		{"", "", []string{"Enter passphrase for key '/home/me/.ssh/id': "}, "open sesame\n"},
		{long, "", []string{"Enter passphrase for key '" + long[:100] + "': "}, "open sesame\n"},
		{"/home/me/.ssh/id", "", []string{"Enter passphrase for key '/home/me/.ssh/other': "}, "-"},
		{"/home/me/.ssh/id", "confirm", []string{"Enter passphrase for key '/home/me/.ssh/id': "}, "-"},
		{"/home/me/.ssh/id", "", []string{"Enter PIN for 'token': "}, "-"},
		{"", "", []string{"me@example.org's password: "}, "-"},
		{"", "", []string{"(me@example.org) Password: "}, "-"},
		{"", "", []string{"The authenticity of host 'Enter passphrase for key 'x': ' can't be established.\nAre you sure you want to continue connecting (yes/no/[fingerprint])? "}, "-"},
		{"", "", []string{"Enter passphrase for key 'x'"}, "-"},
		{"", "", []string{"where", "v1"}, ""},
		{"", "", nil, ""},
	} {
		t.Setenv(askpassVariable, "PASSPHRASE")
		t.Setenv(askpassKey, c.key)
		t.Setenv("SSH_ASKPASS_PROMPT", c.prompt)
		var out strings.Builder
		asked, err := Askpass(c.args, &out)
		got := out.String()
		if errors.Is(err, ErrAskpass) && got == "" {
			got = "-"
		} else if err != nil {
			t.Errorf("%q: %v", c.args, err)
		}
		if got != c.want || asked != (c.want != "") {
			t.Errorf("%q, of key %q: %q, %v; want %q", c.args, c.key, got, asked, c.want)
		}
	}
}
