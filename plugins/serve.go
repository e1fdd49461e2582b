package plugins

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/cabhfuil/cabhfuil-lsp/plugins/internal/wire"
)

// Handshake is what host and plugin say first, so that a program which is no
// plugin, or one of another protocol, is told so and not guessed at.
var Handshake = plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "CABHFUIL_PLUGIN", MagicCookieValue: "forge"}

// Served is the name under which a Forge is dispensed.
const Served = "forge"

// Bridge carries a Forge over go-plugin's connection. Authors use Serve instead.
type Bridge struct {
	plugin.NetRPCUnsupportedPlugin
	Forge Forge // nil on the host's side
}

var _ plugin.GRPCPlugin = (*Bridge)(nil)

// GRPCServer registers the forge.
func (b *Bridge) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	wire.RegisterForgeServer(s, &receiver{forge: b.Forge})
	return nil
}

// GRPCClient makes a Forge of the connection.
func (b *Bridge) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return &remote{wire.NewForgeClient(c)}, nil
}

// Serve makes the process a plugin that serves the forge. It returns when the
// host ends it, and ends the process when the host has gone without a word.
func Serve(forge Forge) {
	go watchParent(os.Getppid())
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: Handshake,
		Plugins:         plugin.PluginSet{Served: &Bridge{Forge: forge}},
		GRPCServer:      plugin.DefaultGRPCServer,
		Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr, JSONFormat: true}),
	})
}

// parentCheck is how often a plugin looks whether its host is still there.
const parentCheck = 500 * time.Millisecond

// watchParent ends the process when its parent changes: a killed host cannot
// tell its plugins to stop.
func watchParent(parent int) {
	for range time.Tick(parentCheck) {
		if os.Getppid() != parent {
			os.Exit(0)
		}
	}
}

// receiver is the plugin's side of the wire.
type receiver struct {
	wire.UnimplementedForgeServer
	forge Forge
}

func (r *receiver) Describe(ctx context.Context, _ *wire.DescribeRequest) (*wire.DescribeReply, error) {
	d, err := r.forge.Describe(ctx)
	if err != nil {
		return nil, err
	}
	reply := &wire.DescribeReply{Name: d.Name, Title: d.Title, Version: d.Version, Remotes: d.Remotes, Keys: d.Keys}
	for _, k := range d.Kinds {
		reply.Kinds = append(reply.Kinds, string(k))
	}
	return reply, nil
}

func (r *receiver) Links(ctx context.Context, q *wire.LinksRequest) (*wire.LinksReply, error) {
	items := make([]Item, len(q.GetItems()))
	for i, it := range q.GetItems() {
		items[i] = Item{Kind: Kind(it.GetKind()), ID: it.GetId(), Project: it.GetProject(), Path: it.GetPath(), Line: int(it.GetLine())}
	}
	urls, known, err := r.forge.Links(ctx, q.GetRemote(), items)
	if err != nil {
		return nil, err
	}
	return &wire.LinksReply{Known: known, Urls: urls}, nil
}

// remote is the host's side of the wire: a Forge in another process.
type remote struct{ client wire.ForgeClient }

var _ Forge = (*remote)(nil)

func (r *remote) Describe(ctx context.Context) (Description, error) {
	d, err := r.client.Describe(ctx, &wire.DescribeRequest{})
	if err != nil {
		return Description{}, fmt.Errorf("asking the plugin what it is: %w", err)
	}
	out := Description{Name: d.GetName(), Title: d.GetTitle(), Version: d.GetVersion(), Remotes: d.GetRemotes(), Keys: d.GetKeys()}
	for _, k := range d.GetKinds() {
		out.Kinds = append(out.Kinds, Kind(k))
	}
	return out, nil
}

func (r *remote) Links(ctx context.Context, url string, items []Item) ([]string, bool, error) {
	q := &wire.LinksRequest{Remote: url}
	for _, it := range items {
		q.Items = append(q.Items, &wire.Item{Kind: string(it.Kind), Id: it.ID, Project: it.Project, Path: it.Path, Line: int32(it.Line)})
	}
	reply, err := r.client.Links(ctx, q)
	if err != nil {
		return nil, false, fmt.Errorf("asking the plugin for links: %w", err)
	}
	urls := reply.GetUrls()
	if reply.GetKnown() && len(urls) != len(items) {
		return nil, false, fmt.Errorf("the plugin made %d links of %d", len(urls), len(items))
	}
	return urls, reply.GetKnown(), nil
}
