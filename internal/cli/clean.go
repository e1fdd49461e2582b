package cli

import (
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/fatih/color"
)

// CleanedItem is something that was deleted to make room, would be, or was not.
type CleanedItem struct {
	Kind       string `json:"kind"` // clone, pack, index, leftover, document, log, history
	Repository string `json:"repository"`
	Path       string `json:"path"`
	Bytes      int64  `json:"bytes"`
	Reason     string `json:"reason"`
	Kept       string `json:"kept"` // why it is still there; "" where it is not, or would not be
	Error      string `json:"error"`
}

// Cleaned is how a clean-up went.
type Cleaned struct {
	DryRun bool          `json:"dryRun"`
	Items  []CleanedItem `json:"items"`
	Freed  int64         `json:"freedBytes"`
	Clones int64         `json:"clonesBytes"` // afterwards
	Cache  int64         `json:"cacheBytes"`
	State  int64         `json:"stateBytes"`
	Over   []string      `json:"over"` // limits that are passed all the same
}

// Removable is how many items are deleted, or would be.
func (c Cleaned) Removable() (n int) {
	for _, item := range c.Items {
		if item.Kept == "" && item.Error == "" {
			n++
		}
	}
	return n
}

// Bytes is a number of bytes for people.
func Bytes(n int64) string { return humanize.Bytes(uint64(max(0, n))) } //nolint:gosec // it is not negative

// Cleaned draws what was deleted, or would be; what failed is an error's to tell.
func (t Text) Cleaned(all Cleaned) {
	for _, item := range all.Items {
		if item.Error != "" {
			continue
		}
		fmt.Fprintf(t.Out, "%s  %s\n", t.paint(clean(item.Kind), color.Bold), clean(item.Path))
		does := "deleted " + Bytes(item.Bytes)
		switch {
		case item.Kept != "":
			does = "kept: " + item.Kept
		case item.Kind == "pack" && all.DryRun:
			does = "would pack it anew"
		case item.Kind == "pack":
			does = "packed anew, " + Bytes(item.Bytes) + " less"
		case all.DryRun:
			does = "would delete " + Bytes(item.Bytes)
		}
		fmt.Fprintf(t.Out, "  %s: %s\n", clean(does), clean(item.Reason))
	}
	switch {
	case all.Removable() == 0:
		fmt.Fprintln(t.Out, "nothing to delete")
	case all.DryRun:
		fmt.Fprintf(t.Out, "%s would be free\n", Bytes(all.Freed))
	default:
		fmt.Fprintf(t.Out, "%s are free\n", Bytes(all.Freed))
	}
	fmt.Fprintf(t.Out, "clones take %s, the cache with them %s, state %s\n", Bytes(all.Clones), Bytes(all.Cache), Bytes(all.State))
	for _, over := range all.Over {
		fmt.Fprintf(t.Out, "%s\n", t.paint(clean(over), color.FgYellow))
	}
}
