package plugins

import (
	"context"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/cabhfuil/cabhfuil-lsp/plugins/internal/wire"
)

// Handshake is what host and plugin say first, so that a program which is no
// plugin is told so and not guessed at.
var Handshake = plugin.HandshakeConfig{MagicCookieKey: "CABHFUIL_PLUGIN", MagicCookieValue: "forge"}

// Protocol is the newest version of the protocol that this package speaks. Fields
// and methods are added within a version; another one is for what would be
// misunderstood.
const Protocol = 1

// Protocols are all versions that this package speaks, with what is served in each
// of them (forge is nil on the host's side): host and plugin take the newest one
// that both have. Authors use Serve instead.
func Protocols(forge Forge) map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{Protocol: {Served: &Bridge{Forge: forge}}}
}

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
		HandshakeConfig:  Handshake,
		VersionedPlugins: Protocols(forge),
		GRPCServer:       plugin.DefaultGRPCServer,
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr, JSONFormat: true}),
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
