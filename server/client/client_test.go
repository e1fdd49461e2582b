package client_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

// peer is a server by hand, which writes when it pleases.
type peer struct {
	t  *testing.T
	rw io.ReadWriter
	in *bufio.Reader
}

func (p peer) read() string {
	header, err := textproto.NewReader(p.in).ReadMIMEHeader()
	if err != nil {
		p.t.Error(err)
		return ""
	}
	n, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil {
		p.t.Error(err)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(p.in, body); err != nil {
		p.t.Error(err)
	}
	return string(body)
}

func (p peer) write(body string) {
	if _, err := fmt.Fprintf(p.rw, "Content-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		p.t.Error(err)
	}
}

// TestServerThatWritesFirst ends a connection while the server asks something,
// and does not read the reply before its own is through. Over a pipe without a
// buffer each would wait for the other for ever.
func TestServerThatWritesFirst(t *testing.T) {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		p := peer{t, far, bufio.NewReader(far)}
		p.read() // initialize
		p.write(`{"jsonrpc":"2.0","id":1,"result":{"capabilities":{}}}`)
		p.read() // initialized
		p.read() // shutdown
		for i := range 3 {
			p.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":"s%d","method":"window/workDoneProgress/create","params":{"token":"t"}}`, i))
		}
		p.write(`{"jsonrpc":"2.0","id":"s3","method":"window/unheardOf"}`)
		p.write(`{"jsonrpc":"2.0","id":2,"result":null}`)
		replies := map[string]bool{}
		for range 5 { // the exit may come between them
			body := p.read()
			for i := range 4 {
				if id := fmt.Sprintf(`"id":"s%d"`, i); strings.Contains(body, id) {
					replies[id] = strings.Contains(body, `"error"`)
				}
			}
			if strings.Contains(body, `"exit"`) {
				break
			}
		}
		for id, failed := range replies {
			if failed != (id == `"id":"s3"`) {
				t.Errorf("the reply to %s: error %v", id, failed)
			}
		}
	}()
	c, err := client.New(context.Background(), near, client.Options{Progress: func(client.Progress) {}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(context.Background()); err != nil {
		t.Error(err)
	}
	<-done
}
