package gitrepo

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// What the environment of ssh tells this program of the one question that it may
// answer: the variable that holds the passphrase, and the key's file, "" for any.
const (
	askpassVariable = "CABHFUIL_ASKPASS"
	askpassKey      = "CABHFUIL_ASKPASS_KEY"
)

// ErrAskpass is returned by Askpass for questions that are not its own.
var ErrAskpass = errors.New("this is no question to answer")

// Askpass is this program as ssh starts it to ask for a passphrase (ssh(1),
// SSH_ASKPASS): with the question as its only argument, and Auth's variables in its
// environment. It answers the question for the passphrase of the key that is
// configured, and no other: neither one for a password nor one for a host. asked is
// false where it was started for something else.
func Askpass(args []string, out io.Writer) (asked bool, err error) {
	variable, ok := os.LookupEnv(askpassVariable)
	if !ok || len(args) != 1 {
		return false, nil
	}
	// sshconnect2.c, load_identity_file
	key, ok := strings.CutPrefix(args[0], "Enter passphrase for key '")
	key, ends := strings.CutSuffix(key, "': ")
	want := os.Getenv(askpassKey)
	want = want[:min(len(want), 100)]
	if !ok || !ends || os.Getenv("SSH_ASKPASS_PROMPT") != "" || want != "" && key != want {
		return true, ErrAskpass
	}
	_, err = fmt.Fprintln(out, os.Getenv(variable))
	return true, err
}

// askpass is the environment of a transfer whose key has a passphrase.
func (a Auth) askpass(network Network) ([]string, error) {
	if network.get(a.PassphraseEnv) == "" {
		return nil, fmt.Errorf("the environment variable %s, which should hold the ssh key's passphrase, is not set", a.PassphraseEnv)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("answering for the ssh key's passphrase: %w", err)
	}
	if _, err := os.Stat(program); err != nil { // deleted, as go run does
		program = fmt.Sprintf("/proc/%d/exe", os.Getpid())
	}
	return []string{"SSH_ASKPASS=" + program, "SSH_ASKPASS_REQUIRE=force", askpassVariable + "=" + a.PassphraseEnv, askpassKey + "=" + a.KeyFile}, nil
}
