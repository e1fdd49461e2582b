package github_test

import (
	"testing"

	"github.com/cabhfuil/cabhfuil-lsp/plugins/forgetest"
	"github.com/cabhfuil/cabhfuil-lsp/plugins/github"
)

func TestConformance(t *testing.T) { forgetest.Run(t, github.New(), forgetest.GitHub()) }
