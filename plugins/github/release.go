package github

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// release is one as REST has it.
type release struct {
	TagName     string    `json:"tag_name"`
	Name        string    `json:"name"`
	HTMLURL     string    `json:"html_url"`
	Draft       bool      `json:"draft"`
	Prerelease  bool      `json:"prerelease"`
	PublishedAt time.Time `json:"published_at"`
}

func (r release) told() plugins.Release {
	return plugins.Release{Tag: r.TagName, Name: plugins.Clip(r.Name), URL: r.HTMLURL, Draft: r.Draft || r.Prerelease, Published: r.PublishedAt.UTC()}
}

// Releases says what tags are called: each is asked for where there is a token, or
// where they are few; else the list of releases is read, which has the latest
// first.
func (f Forge) Releases(ctx context.Context, remote string, tags []string) ([]plugins.Release, error) {
	found := make([]plugins.Release, len(tags))
	h, known, err := f.ask(remote)
	if err != nil || !known || h.client == nil || len(tags) == 0 {
		return found, err
	}
	token, err := h.client.HasToken(ctx, h.rest)
	switch {
	case err != nil:
		return found, err
	case token:
		return found, h.graphReleases(ctx, tags, found)
	case len(tags) <= maxPages:
		errs := make([]error, len(tags))
		each(len(tags), func(i int) { found[i], errs[i] = h.release(ctx, tags[i]) })
		return found, errors.Join(errs...)
	}
	return found, h.releases(ctx, tags, found)
}

// release asks for the one of a tag.
func (h host) release(ctx context.Context, tag string) (plugins.Release, error) {
	if _, ok := (plugins.Item{Kind: plugins.Tag, ID: tag}).In(h.project); !ok {
		return plugins.Release{}, nil
	}
	var r release
	_, err := h.client.Read(ctx, h.rest+"/repos/"+plugins.PathEscape(h.project)+"/releases/tags/"+plugins.PathEscape(tag), decode(&r, func() bool { return r.TagName == tag && r.HTMLURL != "" }))
	if errors.Is(err, web.ErrNotFound) {
		return plugins.Release{}, nil
	}
	if err != nil {
		return plugins.Release{}, err
	}
	return r.told(), nil
}

// releases reads the list until all tags are found.
func (h host) releases(ctx context.Context, tags []string, found []plugins.Release) error {
	for page := 1; page <= maxPages; page++ {
		var list []release
		_, err := h.client.Read(ctx, h.rest+"/repos/"+plugins.PathEscape(h.project)+"/releases?per_page="+strconv.Itoa(perPage)+"&page="+strconv.Itoa(page), decode(&list, func() bool { return true }))
		if errors.Is(err, web.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, r := range list {
			for i, tag := range tags {
				if tag != "" && tag == r.TagName {
					found[i] = r.told()
				}
			}
		}
		if len(list) < perPage || !slices.ContainsFunc(found, func(r plugins.Release) bool { return r.Tag == "" }) {
			return nil
		}
	}
	return nil
}

// graphReleases asks for those of tags in GraphQL.
func (h host) graphReleases(ctx context.Context, tags []string, found []plugins.Release) error {
	questions := make([]question, len(tags))
	for i, tag := range tags {
		name := "t" + strconv.Itoa(i)
		questions[i] = question{project: h.project, field: "release(tagName:$" + name + "){tagName name url isDraft isPrerelease publishedAt}", types: map[string]string{name: "String!"}, value: map[string]any{name: tag}}
	}
	var errs []error
	for i, r := range h.graph(ctx, questions, "") {
		if r.answer.Problem != plugins.NoProblem {
			if err := errors.New(r.answer.Detail); !slices.ContainsFunc(errs, func(o error) bool { return o.Error() == err.Error() }) {
				errs = append(errs, err)
			}
		}
		if n := r.node; n != nil && n.TagName == tags[i] {
			found[i] = plugins.Release{Tag: n.TagName, Name: plugins.Clip(n.Name), URL: n.URL, Draft: n.IsDraft || n.IsPrerelease, Published: n.PublishedAt.UTC()}
		}
	}
	return errors.Join(errs...)
}
