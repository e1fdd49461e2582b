package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// What release builds are linked with. Nothing here is a time of building, so
// that the same commit gives the same bytes.
var (
	version = "0.1.0-dev"
	commit  string // whole SHA
	date    string // the commit's, RFC 3339 in UTC
)

// build says what this program was made of.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`   // whole SHA; empty when unknown
	Date     string `json:"date"`     // the commit's, RFC 3339 in UTC; empty when unknown
	Modified bool   `json:"modified"` // the work tree differed from the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// thisBuild takes what was linked in, else what the go command recorded about the
// work tree.
func thisBuild(info *debug.BuildInfo) build {
	b := build{Version: version, Commit: commit, Date: date, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil || b.Commit != "" {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (b build) String() string {
	from := "commit unknown"
	if b.Commit != "" {
		from = "commit " + b.Commit[:min(12, len(b.Commit))]
	}
	if b.Modified {
		from += " with changes"
	}
	if day, _, dated := strings.Cut(b.Date, "T"); dated {
		from += " of " + day
	}
	return fmt.Sprintf("cabhfuil-lsp %s (%s, %s, %s)", b.Version, from, b.Go, b.Platform)
}

func versionCommand(io stdio, g *global) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version, and the commit that it was built from", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			b := thisBuild(info)
			if g.format == "json" {
				return json.NewEncoder(io.out).Encode(b)
			}
			_, err := fmt.Fprintln(io.out, b)
			return err
		},
	}
}

// manCommand writes the manual pages, for those who make packages.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the manual pages into the directory DIR, which exists", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			root.DisableAutoGenTag = true
			header := &doc.GenManHeader{Section: "1", Source: "cabhfuil-lsp " + version, Manual: "Cá Bhfuil"}
			info, _ := debug.ReadBuildInfo()
			// Without a date the page takes SOURCE_DATE_EPOCH, else today.
			if at, err := time.Parse(time.RFC3339, thisBuild(info).Date); err == nil {
				header.Date = &at
			}
			return doc.GenManTree(root, header, args[0])
		},
	}
}
