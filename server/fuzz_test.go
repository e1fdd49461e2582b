package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"go.lsp.dev/protocol"
)

// FuzzMapper goes from bytes to positions and back.
func FuzzMapper(f *testing.F) {
	f.Add("one\r\ntwo\rthree\n\nÀ€𝄞\n", 5, uint32(1), uint32(2), true)
	f.Add("", 0, uint32(0), uint32(0), false)
	f.Fuzz(func(t *testing.T, text string, offset int, line, character uint32, utf16 bool) {
		if !utf8.ValidString(text) {
			return // documents come as JSON
		}
		m := newMapper(text, utf16)
		if at := m.offset(protocol.Position{Line: line, Character: character}); at < 0 || at > len(text) || at < len(text) && !utf8.RuneStart(text[at]) {
			t.Fatalf("%d:%d is byte %d of %q", line, character, at, text)
		}
		if offset < 0 || offset > len(text) || offset < len(text) && !utf8.RuneStart(text[offset]) {
			return
		}
		back := m.offset(m.position(offset))
		if strings.Trim(text[min(back, offset):max(back, offset)], "\r\n") != "" || back > offset { // within a line end, its beginning
			t.Fatalf("byte %d of %q became %d", offset, text, back)
		}
	})
}

// wire is a connection that holds what a peer sent and keeps what it is told.
type wire struct {
	io.Reader
	out bytes.Buffer
}

func (w *wire) Write(p []byte) (int, error) { return w.out.Write(p) }
func (w *wire) Close() error                { return nil }

// FuzzFraming reads anything: what passes is framed JSON, what is refused is
// answered in frames, and the end is an error.
func FuzzFraming(f *testing.F) {
	f.Add([]byte("Content-Length: 2\r\n\r\n{}"))
	f.Add([]byte("\r\nContent-Type: x\r\ncontent-length: 44\r\n\r\n" + `{"jsonrpc":"2.0","id":1,"method":"shutdown"}`))
	f.Add([]byte("Content-Length: 9999999999\r\n\r\n"))
	f.Add([]byte("Content-Length: 1\r\n\r\n[Content-Length: 3\r\n\r\nnul"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		w := &wire{Reader: bytes.NewReader(sent)}
		passed, err := io.ReadAll(newStream(w))
		if err != nil && !errors.Is(err, errFraming) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		for _, all := range [][]byte{passed, w.out.Bytes()} {
			frames := newStream(&wire{Reader: bytes.NewReader(all)})
			for {
				body, err := frames.frame()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil || !json.Valid(body) {
					t.Fatalf("%q, %v", body, err)
				}
			}
		}
	})
}
