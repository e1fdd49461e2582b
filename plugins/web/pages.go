package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// ErrStop ends Pages without an error, when a caller's function returns it.
var ErrStop = errors.New("enough pages")

// maxPages bounds what one listing may cost.
const maxPages = 1000

// Next finds the address of the page after one, which may be relative; "" where
// that was the last.
type Next func(*Response) (string, error)

// LinkNext is the Next of GitHub, GitLab, Gitea and others: rel="next" in the
// Link header (RFC 8288).
func LinkNext(page *Response) (string, error) {
	return linkNext(strings.Join(page.Header.Values("Link"), ", ")), nil
}

// Pages gets a page and those that its Link headers lead to, until there is none
// or each returns an error.
func (c *Client) Pages(ctx context.Context, address string, each func(*Response) error) error {
	return c.PagesBy(ctx, address, LinkNext, each)
}

// PagesBy is Pages for forges that name the next page elsewhere, such as in the
// body. The pages are all of one host, since its token goes with each.
func (c *Client) PagesBy(ctx context.Context, address string, next Next, each func(*Response) error) error {
	first, err := c.request(http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for len(seen) < maxPages {
		page, err := c.Get(ctx, address)
		if err != nil {
			return err
		}
		seen[address] = true
		if err := each(page); errors.Is(err, ErrStop) {
			return nil
		} else if err != nil {
			c.Forget(ctx, address)
			return err
		}
		ref, err := next(page)
		if err != nil || ref == "" {
			return err
		}
		to := resolve(page.URL, ref)
		e := &Error{Method: http.MethodGet, Host: page.URL.Host, Path: oneLine(c.Scrub(page.URL.EscapedPath())), Kind: ErrMalformed}
		switch {
		case to == nil:
			e.Detail = "the next page has no address"
			return e
		case !strings.EqualFold(to.Host, first.url.Host) || to.Scheme != first.url.Scheme: // also after a redirect
			e.Detail = "the next page is on another host"
			return e
		case seen[to.String()]:
			e.Detail = "the pages lead in a circle"
			return e
		}
		address = to.String()
	}
	e := first.fail(ErrTooLarge)
	e.Detail = "there are more pages than are read"
	return e
}
