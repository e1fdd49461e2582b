package daemon

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// tokenTime is how long a client over TCP may take to say its token.
	tokenTime = 5 * time.Second
	// maxToken bounds the line that holds it.
	maxToken = 1 << 10
	// maxStrangers is how many connections may be without a token at once; more are
	// closed.
	maxStrangers = 32
)

// Loopback says whether an address to listen on can be reached from this machine
// alone.
func Loopback(ctx context.Context, address string) (bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, err
	}
	if host == "" {
		return false, nil // which is every address of the machine
	}
	found, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return false, err
	}
	for _, a := range found {
		if !a.IP.IsLoopback() {
			return false, nil
		}
	}
	return len(found) > 0, nil
}

// NewToken makes a token and writes it, with a line's end, to a file that this user
// alone may read, in the place of an older one.
func NewToken(file string) (string, error) {
	random := make([]byte, 24)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	token := hex.EncodeToString(random)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", fmt.Errorf("writing the token: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".token-*") // 0600
	if err != nil {
		return "", fmt.Errorf("writing the token: %w", err)
	}
	_, err = io.WriteString(tmp, token+"\n")
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("writing the token: %w", err), os.Remove(tmp.Name()))
	}
	return token, nil
}

// ServeToken serves the clients of a listener that say the token first, as one line,
// until ctx ends; sessions are waited for. Others are closed without a word.
func ServeToken(ctx context.Context, l net.Listener, token string, log *slog.Logger, session func(ctx context.Context, conn io.ReadWriteCloser)) {
	var sessions sync.WaitGroup
	defer sessions.Wait()
	strangers := make(chan struct{}, maxStrangers)
	stop := context.AfterFunc(ctx, func() { _ = l.Close() }) //nolint:errcheck // it is to end
	defer stop()
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			log.Warn("accepting", "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(pollTime):
			}
			continue
		}
		select {
		case strangers <- struct{}{}:
		default:
			_ = conn.Close() //nolint:errcheck // there are too many
			continue
		}
		sessions.Go(func() {
			defer conn.Close() //nolint:errcheck // the session may have closed it
			p := newPeer(conn)
			err := p.prove(ctx, token)
			<-strangers
			if err != nil {
				log.Warn("a client was refused", "from", conn.RemoteAddr().String(), "error", err)
				return
			}
			session(ctx, p)
		})
	}
}

var errToken = errors.New("a wrong token")

// prove reads the token.
func (p *peer) prove(ctx context.Context, token string) error {
	stop := context.AfterFunc(ctx, func() { _ = p.Close() }) //nolint:errcheck // it is to end
	defer stop()
	if err := p.SetReadDeadline(time.Now().Add(tokenTime)); err != nil {
		return err
	}
	line, err := readLine(p.in, maxToken)
	if err != nil {
		return fmt.Errorf("waiting for the token: %w", err)
	}
	got, want := sha256.Sum256(line), sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return errToken
	}
	return p.SetReadDeadline(time.Time{})
}
