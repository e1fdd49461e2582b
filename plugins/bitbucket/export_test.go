package bitbucket

import "github.com/cabhfuil/cabhfuil-lsp/plugins"

// NewAt is New with Cloud's interface at another address. Over http it is asked
// only where the settings name Cloud.
func NewAt(api string, settings ...plugins.Setting) Forge { return newForge(api, settings) }
