package launchpad

import "github.com/cabhfuil/cabhfuil-lsp/plugins"

// At is New for a Launchpad whose interface is elsewhere.
func At(api string, settings ...plugins.Setting) Forge {
	site := bugs[0].Site
	site.API, site.Own = api, true
	return at(site, settings)
}

var (
	Split  = split
	Target = target
)
