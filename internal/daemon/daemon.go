// Package daemon is the user's one background process, seen from both ends: where
// its socket is, how a client joins it or starts it, and how it serves, hands over
// and ends.
//
// Its main types: Place, where the process of these directories is met; Server,
// which owns a place and serves connections until it is idle, stopped, or a newer
// program wants to take over; Conn, a client's connection. What is said on a
// connection after the greeting is none of its business.
//
// One process serves a place, since it holds an operating system's lock, which ends
// with it however it ends; whoever holds the lock may remove a socket that was left
// behind. Nobody but this user is served: the directory is private, and the peer's
// user is asked for where the platform tells.
package daemon

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Protocol is the version of the greeting. Clients and processes of different ones
// do not join each other.
const Protocol = 1

// maxLine bounds a greeting, which holds a part of the environment.
const maxLine = 256 << 10

// greetingTime is how long either side waits for the other's greeting.
const greetingTime = 2 * time.Second

// Place is where the background process of some directories is met.
type Place struct {
	Socket string
	Lock   string // held by the process
	Start  string // held by a client that starts it
}

// maxSocket is what fits into a socket's address everywhere (sun_path has 104 bytes
// on macOS, and the last one is 0).
const maxSocket = 103

// Find is the place that belongs to these directories: who has others has another
// background process. It is in $XDG_RUNTIME_DIR where that is ours and private, else
// in a directory of this user's among the temporary files: a home directory may be
// on several machines at once. The directory is made.
func Find(dirs ...string) (Place, error) {
	if !supported {
		return Place{}, errors.New("there is no background process on this platform")
	}
	sum := sha256.Sum256([]byte(strings.Join(dirs, "\x00")))
	name := hex.EncodeToString(sum[:8])
	parents := []string{filepath.Join(os.TempDir(), "cabhfuil-"+strconv.Itoa(os.Getuid()))}
	if run := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(run) && private(run) == nil {
		parents = append([]string{filepath.Join(run, "cabhfuil")}, parents...)
	}
	var errs []error
	for _, dir := range parents {
		p := Place{Socket: filepath.Join(dir, name+".sock"), Lock: filepath.Join(dir, name+".lock"), Start: filepath.Join(dir, name+".start")}
		if len(p.Socket) > maxSocket {
			errs = append(errs, fmt.Errorf("%s is too long for a socket", p.Socket))
			continue
		}
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			errs = append(errs, err)
			continue
		}
		if err := private(dir); err != nil {
			errs = append(errs, err)
			continue
		}
		return p, nil
	}
	return Place{}, fmt.Errorf("no place for the background process's socket: %w", errors.Join(errs...))
}

// Program tells builds from one another.
type Program struct {
	Version  string    `json:"version"`
	Size     int64     `json:"size"` // of the executable
	Modified time.Time `json:"modified"`
}

// Same says whether two programs are one.
func (p Program) Same(o Program) bool {
	return p.Version == o.Version && p.Size == o.Size && p.Modified.Equal(o.Modified)
}

// Newer says whether a program is newer than another one: by its version, and
// between builds of one version by when it was built. Of two programs at most one
// is newer than the other, so they never take over from each other in turn.
func (p Program) Newer(o Program) bool {
	if c := compareVersions(p.Version, o.Version); c != 0 {
		return c > 0
	}
	return p.Modified.After(o.Modified)
}

// compareVersions compares the numbers of versions such as 0.1.0-dev; what follows
// them makes a version older than none.
func compareVersions(a, b string) int {
	numbersA, restA, _ := strings.Cut(strings.TrimPrefix(a, "v"), "-")
	numbersB, restB, _ := strings.Cut(strings.TrimPrefix(b, "v"), "-")
	partsA, partsB := strings.Split(numbersA, "."), strings.Split(numbersB, ".")
	for i := range max(len(partsA), len(partsB)) {
		var x, y int
		if i < len(partsA) {
			x, _ = strconv.Atoi(partsA[i]) //nolint:errcheck // 0 for what is no number
		}
		if i < len(partsB) {
			y, _ = strconv.Atoi(partsB[i]) //nolint:errcheck // 0 for what is no number
		}
		if x != y {
			return cmp.Compare(x, y)
		}
	}
	switch {
	case restA == restB:
		return 0
	case restA == "":
		return 1
	case restB == "":
		return -1
	}
	return strings.Compare(restA, restB)
}

// Purpose is what a client connects for.
type Purpose string

// The purposes.
const (
	Window Purpose = "window" // an editor; it stays
	Verb   Purpose = "verb"   // one question
	Stop   Purpose = "stop"   // the process is to end
)

// Hello is what a client says first: one line of JSON.
type Hello struct {
	Protocol int     `json:"cabhfuil"`
	Program  Program `json:"program"`
	Purpose  Purpose `json:"purpose"`
	// Like are settings of the client's environment that the process must share: a
	// client with others is refused.
	Like string `json:"like"`
	// Env is what git needs on the network, such as the agent of ssh. It may hold
	// secrets, and is never logged.
	Env map[string]string `json:"env,omitempty"`
}

// Info is the process as it tells of itself.
type Info struct {
	Program  Program   `json:"program"`
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	Windows  int       `json:"windows"`
	Verbs    int       `json:"verbs"`
	Socket   string    `json:"socket"`
	Protocol int       `json:"cabhfuil"`
}

// answer is the process's reply to a Hello: one line of JSON.
type answer struct {
	Info
	Refused refusal `json:"refused,omitempty"`
}

// refusal is why a client is not served.
type refusal string

const (
	ending    refusal = "ending" // the next process will serve it
	unlike    refusal = "unlike" // another program, not a newer one, or another environment
	malformed refusal = "malformed"
)

// peer is a connection whose greeting was read through a buffer.
type peer struct {
	net.Conn
	in *bufio.Reader
}

func newPeer(conn net.Conn) *peer { return &peer{conn, bufio.NewReaderSize(conn, 1<<16)} }

func (p *peer) Read(b []byte) (int, error) { return p.in.Read(b) }

// greet sends a line.
func (p *peer) greet(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = p.Write(append(b, '\n'))
	return err
}

// errGreeting says that the other side does not speak our language.
var errGreeting = errors.New("no greeting of a cabhfuil-lsp")

// greeting reads a line.
func (p *peer) greeting(into any) error {
	line, err := readLine(p.in, maxLine)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(line, into); err != nil {
		return fmt.Errorf("%w: %.40q", errGreeting, line)
	}
	return nil
}

// readLine reads up to a line's end, which is left out.
func readLine(in *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > limit:
			return nil, fmt.Errorf("%w: a line of more than %d bytes", errGreeting, limit)
		case err == nil:
			return bytes.TrimRight(line, "\r\n"), nil
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
