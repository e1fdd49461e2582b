// Package web is the HTTP client for authors of forges. It asks a forge's API as
// a good guest does, and keeps tokens where they belong:
//
//   - connections are kept and shared, and at most a few requests are in flight a
//     host; its rate limit and its Retry-After are waited for, and the wait is said;
//   - what may be retried is, with jitter; a host that keeps failing is left alone
//     (a circuit breaker) but for a probe now and then;
//   - answers are kept on disk, confirmed by ETag and Last-Modified, and so is, for
//     a while, that there is none;
//   - a token goes to its host over https and nowhere else: into no redirect to
//     another host, no error, no log, no file.
//
// Client is what an author makes, once, and shares; its methods may be called
// from several goroutines. What a forge's answers mean is left to the author.
//
// Retries are cenkalti/backoff, the breaker is sony/gobreaker, limits are
// golang.org/x/sync and x/time, Cache-Control is read by pquerna/cachecontrol.
// The cache is our own (store.go): of the libraries that do RFC 9111 whole,
// gregjones/httpcache is no longer maintained and its successors have few users
// yet. What a forge needs besides is a life for absences, a limit of size,
// checksums, and names that the token takes part in.
package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/net/http/httpproxy"
)

// caVariable names a file of CAs besides the system's; it is git's own variable.
const caVariable = "GIT_SSL_CAINFO"

// maxHeader bounds the headers of an answer, in bytes.
const maxHeader = 256 << 10

// maxHosts is how many hosts are remembered: redirects may name many.
const maxHosts = 256

// Options are a client's. The zero value is a client without tokens and cache.
// Proxies are taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
type Options struct {
	UserAgent string      // what requests say who asks; "" for cabhfuil-plugin
	Header    http.Header // sent with each request, such as Accept; no credentials

	// Credentials say which hosts get a token. Without an entry a host gets none.
	Credentials []Credential
	// Insecure hosts may be asked over http, with their token. For tests and hosts
	// on this machine. All others are asked over https alone.
	Insecure []string
	// CAFile has certificates in PEM to trust besides the system's; "" for the file
	// that GIT_SSL_CAINFO names, if any.
	CAFile string

	InFlight  int           // requests at once a host; 0 for 4
	PerSecond float64       // requests a second and host; 0 for as many as the host lets pass
	Attempts  int           // how often what may be retried is tried; 0 for 4
	Timeout   time.Duration // of one attempt, the body included; 0 for 30 s
	MaxWait   time.Duration // longest wait for a rate limit; 0 for 2 minutes; longer ones end with ErrRateLimited
	MaxBody   int64         // bytes of an answer, unpacked; 0 for 8 MiB

	// After FailuresToOpen failures in a row (0 for 5) a host is left alone for
	// OpenFor (0 for 30 s); then one request probes it.
	FailuresToOpen int
	OpenFor        time.Duration

	CacheDir    string        // where answers to Get are kept; "" for nowhere
	CacheSize   int64         // bytes of all that is kept; 0 for 64 MiB
	TTL         time.Duration // how long an answer that does not say so itself counts; 0 to ask each time
	NegativeTTL time.Duration // how long it counts that there is nothing; 0 for 5 minutes, < 0 for never
	// IgnoreCacheControl keeps answers by TTL and StaleFor alone, whatever their
	// Cache-Control and Expires say: for forges that forbid it of everything, to keep
	// a browser from showing what was. What is kept is one user's own, by token.
	IgnoreCacheControl bool
	// StaleFor is until when a kept answer is given, with Response.Stale, where the
	// host cannot be asked; 0 for never.
	StaleFor time.Duration

	// Logger gets what is worth saying, scrubbed; nil for nothing.
	Logger *slog.Logger
	// TooMuch says whether the body of an answer 200 is in truth a refusal for having
	// been asked too much, as GraphQL has it; it counts as one then. nil for never.
	TooMuch func(body []byte) bool
	// OnWait is told when a request waits for a host's rate limit; it may be nil.
	// It must not block.
	OnWait func(host string, until time.Time)

	// dial replaces the network in tests.
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Client asks hosts. It holds connections; see Close.
type Client struct {
	options     Options
	transport   *http.Transport
	credentials map[string]*credential
	store       *store // nil without a cache
	hosts       *lru.Cache[string, *host]
	sites       map[string]string // what people call hosts whose names are others
	secrets     secrets
	log         *slog.Logger
}

// Response is an answer, whole.
type Response struct {
	Status  int // from 200 to 299
	Header  http.Header
	Body    []byte
	URL     *url.URL  // that answered, after redirects
	Checked time.Time // when the host last said so
	Cached  bool      // the body was on the disk
	Stale   error     // why a kept answer could not be confirmed; nil where it counts

	auth string // what the request carried, for the cache's key
}

// New makes a client.
func New(o Options) (*Client, error) {
	c := &Client{credentials: map[string]*credential{}, sites: map[string]string{}}
	for _, d := range []struct{ to, otherwise *time.Duration }{
		{&o.Timeout, ptr(30 * time.Second)}, {&o.MaxWait, ptr(2 * time.Minute)},
		{&o.OpenFor, ptr(30 * time.Second)}, {&o.NegativeTTL, ptr(5 * time.Minute)},
	} {
		if *d.to == 0 {
			*d.to = *d.otherwise
		}
	}
	for _, n := range []struct {
		to        *int
		otherwise int
	}{{&o.InFlight, 4}, {&o.Attempts, 4}, {&o.FailuresToOpen, 5}} {
		if *n.to <= 0 {
			*n.to = n.otherwise
		}
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 8 << 20
	}
	if o.CacheSize <= 0 {
		o.CacheSize = 64 << 20
	}
	if o.UserAgent == "" {
		o.UserAgent = "cabhfuil-plugin"
	}
	o.Header = o.Header.Clone()
	handler := slog.DiscardHandler
	if o.Logger != nil {
		handler = o.Logger.Handler()
	}
	c.options, c.log = o, slog.New(ScrubHandler(handler, c.Scrub))

	for _, cred := range o.Credentials {
		host := strings.ToLower(cred.Host)
		if u, err := url.Parse("https://" + host); err != nil || u.Host != host || host == "" || u.User != nil {
			return nil, fmt.Errorf("a credential names the host %q, which is none", cred.Host)
		}
		cred.Host = strings.TrimSuffix(host, ":443")
		if _, twice := c.credentials[cred.Host]; twice {
			return nil, fmt.Errorf("two credentials are for the host %s; name both sources in one", host)
		}
		c.credentials[cred.Host] = newCredential(cred, &c.secrets, func(source string, err error) {
			c.log.Info("no token from "+source, "host", host, "error", err)
		})
	}
	credentialHeaders := []string{"Authorization", "Proxy-Authorization", "Cookie", "Private-Token", "Job-Token"}
	for _, cred := range c.credentials {
		credentialHeaders = append(credentialHeaders, cred.name())
	}
	for name := range o.Header {
		if slices.Contains(credentialHeaders, http.CanonicalHeaderKey(name)) {
			return nil, fmt.Errorf("the header %s carries credentials, which would go to every host; use Credentials", name)
		}
	}
	roots, err := trusted(o.CAFile)
	if err != nil {
		return nil, err
	}
	c.transport = &http.Transport{
		Proxy:                  c.proxy(),
		DialContext:            (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    15 * time.Second,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    o.InFlight,
		MaxConnsPerHost:        o.InFlight,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
	if o.dial != nil {
		c.transport.DialContext = o.dial
	}
	if c.hosts, err = lru.New[string, *host](maxHosts); err != nil {
		return nil, err
	}
	if o.CacheDir != "" {
		c.store, err = openStore(o.CacheDir, o.CacheSize, o.MaxBody+2*maxHeader)
		if err != nil { // a cache that cannot be had costs requests and no answer
			c.log.Warn("answers are not kept", "error", err)
			c.store = nil
		}
	}
	return c, nil
}

func ptr[T any](v T) *T { return &v }

// Close ends idle connections. The client may be used again.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// proxy reads the environment now, not when the process began to ask, and keeps
// the proxy's password out of texts.
func (c *Client) proxy() func(*http.Request) (*url.URL, error) {
	env := httpproxy.FromEnvironment()
	for _, raw := range []string{env.HTTPProxy, env.HTTPSProxy} {
		if u, err := url.Parse(raw); err == nil && u.User != nil {
			if password, ok := u.User.Password(); ok {
				c.secrets.add(u.User.Username(), password)
			}
		}
	}
	find := env.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return find(r.URL) }
}

// trusted are the system's CAs and those of a file; nil for the system's alone.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		if file = os.Getenv(caVariable); file == "" {
			return nil, nil
		}
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the file of CAs: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM form", file)
	}
	return pool, nil
}

// Get asks for what is at an address, or takes it from the cache. An answer other
// than one from 200 to 299 is an error.
func (c *Client) Get(ctx context.Context, address string) (*Response, error) {
	r, err := c.request(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return c.cached(ctx, r)
}

// JSON is Get, and decodes the body. One that cannot be decoded is not kept.
func (c *Client) JSON(ctx context.Context, address string, into any) (*Response, error) {
	return c.Read(ctx, address, func(body []byte) error {
		if into == nil {
			return nil
		}
		return json.Unmarshal(body, into)
	})
}

// Read is JSON for what a function decodes; what that has an error for is
// ErrMalformed.
func (c *Client) Read(ctx context.Context, address string, decode func(body []byte) error) (*Response, error) {
	answer, err := c.Get(ctx, address)
	if err != nil {
		return nil, err
	}
	if err := decode(answer.Body); err != nil {
		c.Forget(ctx, address)
		return answer, c.malformed(http.MethodGet, answer, err)
	}
	return answer, nil
}

// Post sends a question as JSON, such as a batch in GraphQL, and decodes the
// answer. It is sent again only where the host has not worked on it: it could not
// be reached, or said that it was asked too much. Nothing is kept.
func (c *Client) Post(ctx context.Context, address string, question, into any) (*Response, error) {
	body, err := json.Marshal(question)
	if err != nil {
		return nil, fmt.Errorf("encoding the question: %w", err)
	}
	r, err := c.request(http.MethodPost, address, body)
	if err != nil {
		return nil, err
	}
	answer, err := c.ask(ctx, r)
	if answer, err = finish(r, answer, err); err != nil {
		return nil, err
	}
	return answer, c.decode(http.MethodPost, answer, into)
}

func (c *Client) decode(method string, answer *Response, into any) error {
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return c.malformed(method, answer, err)
	}
	return nil
}

func (c *Client) malformed(method string, answer *Response, err error) *Error {
	return &Error{Method: method, Host: answer.URL.Host, Path: c.Scrub(answer.URL.EscapedPath()), Site: c.sites[answer.URL.Host], Kind: ErrMalformed, Detail: c.Scrub(oneLine(err.Error()))}
}

// request is one thing to ask for, at one host.
type request struct {
	method         string
	url            *url.URL
	body           []byte
	credential     *credential // nil for none
	etag, modified string      // conditions
	path           string      // for errors: scrubbed, without a query
	site           string      // for errors: what people call the host, "" for its own name
}

// request makes one of an address, which may name no credentials and, but for
// the insecure hosts, only https.
func (c *Client) request(method, address string, body []byte) (*request, error) {
	u, err := url.Parse(address)
	if err != nil {
		// The parser's own words would repeat the address.
		return nil, &Error{Method: method, Kind: ErrAddress, Detail: "it cannot be parsed"}
	}
	r := &request{method: method, url: u, body: body}
	u.Host = strings.ToLower(u.Host)
	if u.User != nil {
		u.User = nil
		return nil, c.wrong(r, "it has credentials in it, which belong into Credentials")
	}
	if err := c.place(r); err != nil {
		return nil, err
	}
	r.credential, r.site = c.credentials[strings.TrimSuffix(u.Host, ":443")], c.sites[u.Host]
	return r, nil
}

// place checks where a request goes and describes it for errors.
func (c *Client) place(r *request) error {
	r.url.Fragment, r.url.RawFragment = "", ""
	r.path = oneLine(c.Scrub(r.url.EscapedPath()))
	switch {
	case r.url.Host == "" || r.url.Opaque != "":
		return c.wrong(r, "it names no host")
	case r.url.Scheme == "http" && !slices.ContainsFunc(c.options.Insecure, func(h string) bool { return strings.EqualFold(h, r.url.Host) }):
		return c.wrong(r, "the host is asked over https alone, unless Options.Insecure names it")
	case r.url.Scheme != "https" && r.url.Scheme != "http":
		return c.wrong(r, "only https is spoken")
	}
	return nil
}

func (c *Client) wrong(r *request, detail string) *Error {
	e := r.fail(ErrAddress)
	e.Path, e.Detail = oneLine(c.Scrub(r.url.EscapedPath())), detail
	return e
}

// fail begins an error about the request.
func (r *request) fail(kind error) *Error {
	return &Error{Method: r.method, Host: r.url.Host, Path: r.path, Kind: kind, Site: r.site, Token: r.credential.source()}
}

// wire makes the request that is sent.
func (r *request) wire(ctx context.Context, o Options, auth string) (*http.Request, error) {
	var body io.Reader // a nil *bytes.Reader would be a body
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	q, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), body)
	if err != nil {
		return nil, err
	}
	for name, values := range o.Header {
		q.Header[http.CanonicalHeaderKey(name)] = values
	}
	q.Header.Set("User-Agent", o.UserAgent)
	if r.body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	if auth != "" {
		q.Header.Set(r.credential.name(), auth)
	}
	if r.etag != "" {
		q.Header.Set("If-None-Match", r.etag)
	}
	if r.modified != "" {
		q.Header.Set("If-Modified-Since", r.modified)
	}
	return q, nil
}
