package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// maxFrame bounds a message; a longer one cannot be a document that people edit.
const maxFrame = 256 << 20

// stream stands between the wire and jsonrpc2, which ends the connection on any
// message that it cannot decode. A frame whose length is known can be skipped,
// so the peer gets an error reply instead and the connection goes on. Only
// framing that gives no length ends it: nobody could say where the next message
// begins.
type stream struct {
	conn io.ReadWriteCloser
	in   *bufio.Reader
	rest []byte // of the frame that is being read by jsonrpc2

	mu sync.Mutex // one message at a time goes out

	gone chan struct{} // closed when nothing more can be read
	once sync.Once
}

func newStream(conn io.ReadWriteCloser) *stream {
	return &stream{conn: conn, in: bufio.NewReaderSize(conn, 1<<16), gone: make(chan struct{})}
}

func (s *stream) Close() error { return s.conn.Close() }

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.Write(p)
}

func (s *stream) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		body, err := s.frame()
		if err != nil {
			s.once.Do(func() { close(s.gone) })
			return 0, err
		}
		if fault := examine(body); fault != nil {
			if err := s.refuse(fault); err != nil {
				return 0, err
			}
			continue
		}
		s.rest = append(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", len(body)), body...)
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// errFraming says that the peer's framing cannot be followed.
var errFraming = errors.New("broken framing")

// frame reads one message: header fields, an empty line, the body (LSP, "Base
// Protocol"). Fields other than Content-Length are ignored.
func (s *stream) frame() ([]byte, error) {
	length, first := -1, true
	for {
		line, err := s.in.ReadSlice('\n')
		if err != nil {
			if errors.Is(err, io.EOF) && first && len(line) == 0 {
				return nil, io.EOF
			}
			if errors.Is(err, io.EOF) {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("%w: %w", errFraming, err)
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			if length >= 0 {
				break
			}
			if first {
				continue // a stray line end between messages
			}
			return nil, fmt.Errorf("%w: a header without Content-Length", errFraming)
		}
		first = false
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return nil, fmt.Errorf("%w: %.40q is no header field", errFraming, text)
		}
		if strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			length, err = strconv.Atoi(strings.TrimSpace(value))
			if err != nil || length < 0 || length > maxFrame {
				return nil, fmt.Errorf("%w: Content-Length %.40q", errFraming, value)
			}
		}
	}
	var body bytes.Buffer // grows with what arrives, not with what is promised
	if _, err := io.CopyN(&body, s.in, int64(length)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return body.Bytes(), nil
}

// fault is a message that jsonrpc2 must not see, and the reply to it.
type fault struct {
	id      json.RawMessage
	code    int
	message string
}

type envelope struct {
	JSONRPC *string         `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  json.RawMessage `json:"method"`
	Params  json.RawMessage `json:"params"`
}

// examine returns what is wrong with a message, or nil.
func examine(body []byte) *fault {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if !json.Valid(body) {
		return &fault{code: -32700, message: "the message is no JSON"}
	}
	if trimmed[0] == '[' { // LSP has no batches
		return &fault{code: -32600, message: "batches are not part of the protocol"}
	}
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return &fault{code: -32600, message: "the message is no request"}
	}
	if e.ID != nil && e.ID[0] != '"' {
		if _, err := strconv.ParseInt(string(e.ID), 10, 64); err != nil && string(e.ID) != "null" {
			id := e.ID
			if e.ID[0] == '{' || e.ID[0] == '[' {
				id = nil
			}
			return &fault{id, -32600, "an id is a string or an integer of 64 bits"}
		}
	}
	switch {
	case e.Method == nil && (e.ID == nil || string(e.ID) == "null"):
		return &fault{code: -32600, message: "the message has neither a method nor an id"}
	case e.Method != nil && e.Method[0] != '"':
		return &fault{e.ID, -32600, "a method is a string"}
	case e.JSONRPC == nil || *e.JSONRPC != "2.0":
		return &fault{e.ID, -32600, `jsonrpc is not "2.0"`}
	case e.Method != nil && string(e.ID) == "null":
		return &fault{e.ID, -32600, "an id is a string or an integer"}
	case e.Params != nil && e.Params[0] != '{' && e.Params[0] != '[' && string(e.Params) != "null":
		return &fault{e.ID, -32602, "params are an object or an array"}
	}
	return nil
}

func (s *stream) refuse(f *fault) error {
	id := f.id
	if id == nil {
		id = json.RawMessage("null")
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "error": map[string]any{"code": f.code, "message": f.message}})
	if err != nil {
		return err
	}
	_, err = s.Write(append(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", len(body)), body...))
	return err
}
