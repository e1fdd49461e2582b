package gitrepo

import (
	"os"
	"slices"
	"strings"
)

// networkVariables are what an environment says of the network: agents, programs
// that ask, proxies, certificates.
var networkVariables = []string{
	"SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE",
	"GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_PROXY_COMMAND",
	"GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_SSL_NO_VERIFY",
	"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
	"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "KRB5CCNAME", "GNUPGHOME",
}

// Network is what somebody's environment says of the network: of the variables that
// matter there, those that are set. nil stands for this process's own. It may hold
// secrets, and is never logged.
type Network map[string]string

// NetworkOf takes what matters out of an environment, and the variables of these
// names, which authentication is configured to read.
func NetworkOf(lookup func(name string) (string, bool), more ...string) Network {
	n := Network{}
	for _, name := range slices.Concat(networkVariables, more) {
		if strings.HasPrefix(name, "GIT_") && !slices.Contains(networkVariables, name) {
			continue // which would change what git does
		}
		if value, set := lookup(name); set {
			n[name] = value
		}
	}
	return n
}

// get is a variable's value, "" where it is not set.
func (n Network) get(name string) string {
	if n == nil {
		return os.Getenv(name)
	}
	return n[name]
}

// into puts it in the place of what an environment says of the network.
func (n Network) into(env []string) []string {
	if n == nil {
		return env
	}
	env = slices.DeleteFunc(env, func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(networkVariables, name)
	})
	for name, value := range n {
		env = append(env, name+"="+value)
	}
	return env
}
