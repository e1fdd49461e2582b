package plugins

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cabhfuil/cabhfuil-lsp/plugins/internal/wire"
)

// receiver is the plugin's side of the wire.
type receiver struct {
	wire.UnimplementedForgeServer
	forge Forge
}

// unsupported is what a forge answers to what it does not do.
func unsupported() error { return status.Error(codes.Unimplemented, ErrUnsupported.Error()) }

func (r *receiver) Describe(ctx context.Context, _ *wire.DescribeRequest) (*wire.DescribeReply, error) {
	d, err := r.forge.Describe(ctx)
	if err != nil {
		return nil, err
	}
	reply := &wire.DescribeReply{Name: d.Name, Title: d.Title, Version: d.Version, Remotes: d.Remotes, Keys: d.Keys, Can: append(Abilities(r.forge), d.Can...), Environment: d.Environment}
	for _, k := range d.Kinds {
		reply.Kinds = append(reply.Kinds, string(k))
	}
	return reply, nil
}

func (r *receiver) Links(ctx context.Context, q *wire.LinksRequest) (*wire.LinksReply, error) {
	urls, known, err := r.forge.Links(ctx, q.GetRemote(), itemsOf(q.GetItems()))
	if err != nil {
		return nil, err
	}
	return &wire.LinksReply{Known: known, Urls: urls}, nil
}

func (r *receiver) Resolve(ctx context.Context, q *wire.ResolveRequest) (*wire.AnswersReply, error) {
	f, ok := r.forge.(Resolver)
	if !ok {
		return nil, unsupported()
	}
	answers, err := f.Resolve(ctx, q.GetRemote(), itemsOf(q.GetItems()))
	return answersReply(answers, err)
}

func (r *receiver) Changes(ctx context.Context, q *wire.ChangesRequest) (*wire.AnswersReply, error) {
	f, ok := r.forge.(Finder)
	if !ok {
		return nil, unsupported()
	}
	answers, err := f.Changes(ctx, q.GetRemote(), q.GetCommits())
	return answersReply(answers, err)
}

func (r *receiver) Open(ctx context.Context, q *wire.OpenRequest) (*wire.AnswersReply, error) {
	f, ok := r.forge.(Lister)
	if !ok {
		return nil, unsupported()
	}
	answer, err := f.Open(ctx, q.GetRemote(), q.GetText(), int(q.GetLimit()))
	return answersReply([]Answer{answer}, err)
}

func (r *receiver) Releases(ctx context.Context, q *wire.ReleasesRequest) (*wire.ReleasesReply, error) {
	f, ok := r.forge.(Releaser)
	if !ok {
		return nil, unsupported()
	}
	releases, err := f.Releases(ctx, q.GetRemote(), q.GetTags())
	if err != nil {
		return nil, err
	}
	reply := &wire.ReleasesReply{}
	for _, r := range releases {
		reply.Releases = append(reply.Releases, &wire.Release{Tag: r.Tag, Name: r.Name, Url: r.URL, Draft: r.Draft, Published: millis(r.Published)})
	}
	return reply, nil
}

func (r *receiver) Health(ctx context.Context, _ *wire.HealthRequest) (*wire.HealthReply, error) {
	f, ok := r.forge.(Reporter)
	if !ok {
		return nil, unsupported()
	}
	hosts, err := f.Health(ctx)
	if err != nil {
		return nil, err
	}
	reply := &wire.HealthReply{}
	for _, h := range hosts {
		reply.Hosts = append(reply.Hosts, &wire.HostHealth{
			Host: h.Host, Problem: string(h.Problem), Detail: h.Detail, Retry: millis(h.Retry), Since: millis(h.Since), Said: h.Said, At: millis(h.At),
			Requests: int64(h.Requests), Cached: int64(h.Cached), Left: int64(h.Left), Reset_: millis(h.Reset), Token: h.Token,
		})
	}
	return reply, nil
}

// remote is a Forge in another process, with all that a forge may be besides.
// What the plugin does not do ends with ErrUnsupported.
type remote struct{ client wire.ForgeClient }

var (
	_ Forge    = (*remote)(nil)
	_ Resolver = (*remote)(nil)
	_ Finder   = (*remote)(nil)
	_ Lister   = (*remote)(nil)
	_ Releaser = (*remote)(nil)
	_ Reporter = (*remote)(nil)
)

// failed is an error of a call, without what gRPC puts around it where the plugin
// does not do what it was asked.
func failed(doing string, err error) error {
	if status.Code(err) == codes.Unimplemented {
		err = ErrUnsupported
	}
	return fmt.Errorf("asking the plugin %s: %w", doing, err)
}

func (r *remote) Describe(ctx context.Context) (Description, error) {
	d, err := r.client.Describe(ctx, &wire.DescribeRequest{})
	if err != nil {
		return Description{}, failed("what it is", err)
	}
	out := Description{Name: d.GetName(), Title: d.GetTitle(), Version: d.GetVersion(), Remotes: d.GetRemotes(), Keys: d.GetKeys(), Can: d.GetCan(), Environment: d.GetEnvironment()}
	for _, k := range d.GetKinds() {
		out.Kinds = append(out.Kinds, Kind(k))
	}
	return out, nil
}

func (r *remote) Links(ctx context.Context, url string, items []Item) ([]string, bool, error) {
	reply, err := r.client.Links(ctx, &wire.LinksRequest{Remote: url, Items: wireItems(items)})
	if err != nil {
		return nil, false, failed("for links", err)
	}
	urls := reply.GetUrls()
	if reply.GetKnown() && len(urls) != len(items) {
		return nil, false, fmt.Errorf("the plugin made %d links of %d", len(urls), len(items))
	}
	return urls, reply.GetKnown(), nil
}

func (r *remote) Resolve(ctx context.Context, url string, items []Item) ([]Answer, error) {
	reply, err := r.client.Resolve(ctx, &wire.ResolveRequest{Remote: url, Items: wireItems(items)})
	return answersOf("what items are", reply, err, len(items))
}

func (r *remote) Changes(ctx context.Context, url string, commits []string) ([]Answer, error) {
	reply, err := r.client.Changes(ctx, &wire.ChangesRequest{Remote: url, Commits: commits})
	return answersOf("for the changes of commits", reply, err, len(commits))
}

func (r *remote) Open(ctx context.Context, url, text string, limit int) (Answer, error) {
	reply, err := r.client.Open(ctx, &wire.OpenRequest{Remote: url, Text: text, Limit: int32(limit)})
	answers, err := answersOf("what is open", reply, err, 1)
	if err != nil {
		return Answer{}, err
	}
	return answers[0], nil
}

func (r *remote) Releases(ctx context.Context, url string, tags []string) ([]Release, error) {
	reply, err := r.client.Releases(ctx, &wire.ReleasesRequest{Remote: url, Tags: tags})
	if err != nil {
		return nil, failed("for releases", err)
	}
	if len(reply.GetReleases()) != len(tags) {
		return nil, fmt.Errorf("the plugin gave %d releases of %d", len(reply.GetReleases()), len(tags))
	}
	releases := make([]Release, len(tags))
	for i, r := range reply.GetReleases() {
		releases[i] = Release{Tag: r.GetTag(), Name: r.GetName(), URL: r.GetUrl(), Draft: r.GetDraft(), Published: moment(r.GetPublished())}
	}
	return releases, nil
}

func (r *remote) Health(ctx context.Context) ([]Health, error) {
	reply, err := r.client.Health(ctx, &wire.HealthRequest{})
	if err != nil {
		return nil, failed("how its hosts are", err)
	}
	var hosts []Health
	for _, h := range reply.GetHosts() {
		hosts = append(hosts, Health{
			Host: h.GetHost(), Problem: Problem(h.GetProblem()), Detail: h.GetDetail(), Retry: moment(h.GetRetry()), Since: moment(h.GetSince()), Said: h.GetSaid(), At: moment(h.GetAt()),
			Requests: int(h.GetRequests()), Cached: int(h.GetCached()), Left: int(h.GetLeft()), Reset: moment(h.GetReset_()), Token: h.GetToken(),
		})
	}
	return hosts, nil
}

func itemsOf(all []*wire.Item) []Item {
	items := make([]Item, len(all))
	for i, it := range all {
		items[i] = Item{Kind: Kind(it.GetKind()), ID: it.GetId(), Project: it.GetProject(), Path: it.GetPath(), Line: int(it.GetLine())}
	}
	return items
}

func wireItems(items []Item) []*wire.Item {
	all := make([]*wire.Item, len(items))
	for i, it := range items {
		all[i] = &wire.Item{Kind: string(it.Kind), Id: it.ID, Path: it.Path, Line: int32(it.Line), Project: it.Project}
	}
	return all
}

// answersReply is a forge's answers on the wire.
func answersReply(answers []Answer, err error) (*wire.AnswersReply, error) {
	if err != nil {
		return nil, err
	}
	reply := &wire.AnswersReply{}
	for _, a := range answers {
		out := &wire.Answer{Checked: millis(a.Checked), Problem: string(a.Problem), Detail: a.Detail, Retry: millis(a.Retry), Host: a.Host, Token: a.Token}
		for _, t := range a.Things {
			thing := &wire.Thing{
				Kind: string(t.Kind), Id: t.ID, Project: t.Project, Url: t.URL, Noun: t.Noun, Title: t.Title, State: string(t.State), Status: t.Status, Draft: t.Draft,
				Labels: t.Labels, Author: t.Author, Assignees: t.Assignees, Milestone: t.Milestone, Target: t.Target, Head: t.Head, MergeCommit: t.MergeCommit,
				Created: millis(t.Created), Updated: millis(t.Updated), Merged: millis(t.Merged), Closed: millis(t.Closed),
			}
			for _, b := range t.Backports {
				thing.Backports = append(thing.Backports, &wire.Backport{Target: b.Target, Label: b.Label, Kind: string(b.Kind), Id: b.ID, Url: b.URL, Title: b.Title, State: string(b.State)})
			}
			out.Things = append(out.Things, thing)
		}
		reply.Answers = append(reply.Answers, out)
	}
	return reply, nil
}

// answersOf reads answers from the wire, which must be n.
func answersOf(doing string, reply *wire.AnswersReply, err error, n int) ([]Answer, error) {
	if err != nil {
		return nil, failed(doing, err)
	}
	if len(reply.GetAnswers()) != n {
		return nil, fmt.Errorf("asking the plugin %s: it gave %d answers to %d questions", doing, len(reply.GetAnswers()), n)
	}
	answers := make([]Answer, n)
	for i, a := range reply.GetAnswers() {
		answers[i] = Answer{Checked: moment(a.GetChecked()), Problem: Problem(a.GetProblem()), Detail: a.GetDetail(), Retry: moment(a.GetRetry()), Host: a.GetHost(), Token: a.GetToken()}
		for _, t := range a.GetThings() {
			thing := Thing{
				Kind: Kind(t.GetKind()), ID: t.GetId(), Project: t.GetProject(), URL: t.GetUrl(), Noun: t.GetNoun(), Title: t.GetTitle(), State: State(t.GetState()), Status: t.GetStatus(), Draft: t.GetDraft(),
				Labels: t.GetLabels(), Author: t.GetAuthor(), Assignees: t.GetAssignees(), Milestone: t.GetMilestone(), Target: t.GetTarget(), Head: t.GetHead(), MergeCommit: t.GetMergeCommit(),
				Created: moment(t.GetCreated()), Updated: moment(t.GetUpdated()), Merged: moment(t.GetMerged()), Closed: moment(t.GetClosed()),
			}
			for _, b := range t.GetBackports() {
				thing.Backports = append(thing.Backports, Backport{Target: b.GetTarget(), Label: b.GetLabel(), Kind: Kind(b.GetKind()), ID: b.GetId(), URL: b.GetUrl(), Title: b.GetTitle(), State: State(b.GetState())})
			}
			answers[i].Things = append(answers[i].Things, thing)
		}
	}
	return answers, nil
}

// millis is a time on the wire.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
