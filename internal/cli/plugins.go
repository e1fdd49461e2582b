package cli

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/fatih/color"
)

// Plugin is a forge plugin and how it is doing.
type Plugin struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"` // "" of one that is not built in and was not asked yet, as the three below
	Version string   `json:"version"`
	Kinds   []string `json:"kinds"` // what it links to
	Can     []string `json:"can"`   // beyond links
	BuiltIn bool     `json:"builtIn"`

	Path     string   `json:"path,omitempty"`     // of one that is not built in
	SHA256   string   `json:"sha256,omitempty"`   // that it must have
	Checksum string   `json:"checksum,omitempty"` // ok, or what is wrong with its file
	Wants    []string `json:"wants,omitempty"`    // variables that it reads and is not given

	Running  bool      `json:"running"`
	PID      int       `json:"pid,omitempty"`
	Memory   int64     `json:"memory,omitempty"` // bytes
	Starts   int       `json:"starts"`
	Restarts int       `json:"restarts"`
	Error    string    `json:"error"`          // why it does not run, when it should, or what was wrong with its last answer
	Retry    time.Time `json:"retry,omitzero"` // until when it is left alone
	Verified *bool     `json:"verified,omitempty"`
	// Troubles are the hosts of remotes of which it could not say what it was asked,
	// and why: the plugin is well, and the place that it asks is not.
	Troubles []string `json:"troubles,omitempty"`
	// Hosts are those that it has asked since it runs, as it says itself; none of one
	// that does not run.
	Hosts []PluginHost `json:"hosts,omitempty"`
	// Silent is why one that runs did not say that.
	Silent string `json:"silent,omitempty"`
}

// PluginHost is a host that a plugin asks, and how it is doing.
type PluginHost struct {
	Host     string    `json:"host"`
	Problem  string    `json:"problem"` // as in history.ForgeProblem; "" for none
	Detail   string    `json:"detail,omitempty"`
	Retry    time.Time `json:"retry,omitzero"` // when it is asked again
	Since    time.Time `json:"since,omitzero"` // since when it is left alone after failing repeatedly
	Said     string    `json:"said"`           // how the last request ended
	At       time.Time `json:"at,omitzero"`    // when
	Requests int       `json:"requests"`
	Cached   int       `json:"cached"`          // answers that cost no request
	Left     *int      `json:"left,omitempty"`  // requests that it answers before Reset; left out where it does not say
	Reset    time.Time `json:"reset,omitzero"`  // when there are more
	Token    string    `json:"token,omitempty"` // where its token is from, such as the name of a variable
}

// ForgeHost is a host of a plugin.
type ForgeHost struct {
	Plugin string `json:"plugin"`
	PluginHost
}

// line tells of a host in one line.
func (h PluginHost) line(now time.Time) string {
	text := h.Host + ": " + cmp.Or(h.Said, "not asked yet")
	if !h.At.IsZero() {
		text += " " + humanize.RelTime(h.At, now, "ago", "from now")
	}
	add := func(format string, args ...any) { text += ", " + fmt.Sprintf(format, args...) }
	add("%s and %d kept answers", Count(h.Requests, "request"), h.Cached)
	clock := func(t time.Time) string { return t.Local().Format(time.TimeOnly) }
	switch {
	case h.Since.After(time.Time{}):
		add("left alone since %s", clock(h.Since))
		if h.Retry.After(now) {
			add("until %s", clock(h.Retry))
		}
	case h.Problem == "limited" && h.Retry.After(now):
		add("no more until %s", clock(h.Retry))
	case h.Problem != "":
		add("%s", h.Problem)
	}
	if h.Left != nil && h.Reset.After(now) {
		add("%d left until %s", *h.Left, clock(h.Reset))
	}
	if h.Token != "" {
		add("token of %s", h.Token)
	}
	return text
}

// host draws a line of a host, marked where it has a problem.
func (t Text) host(prefix string, h PluginHost) {
	line := clean(h.line(time.Now()))
	if h.Problem != "" {
		line = t.paint(line, color.FgYellow)
	}
	fmt.Fprintf(t.Out, "    %s%s\n", prefix, line)
}

// ChecksumOK says that a plugin's file is the one that was agreed to.
const ChecksumOK = "ok"

// Plugins draws one plugin a line, with what is wrong below.
func (t Text) Plugins(all []Plugin) {
	width := 0
	for _, p := range all {
		width = max(width, len(p.Name))
	}
	for _, p := range all {
		mark, paint := " ", color.Reset
		switch {
		case p.Error != "" || p.Checksum != "" && p.Checksum != ChecksumOK:
			mark, paint = "✗", color.FgRed
		case p.Running || p.Verified != nil && *p.Verified:
			mark, paint = "✓", color.FgGreen
		}
		row := t.paint(mark, paint) + " " + fmt.Sprintf("%-*s", width, clean(p.Name))
		add := func(text string) {
			if text != "" {
				row += "  " + text
			}
		}
		add(clean(strings.TrimSpace(p.Title + " " + p.Version)))
		add(clean(strings.Join(append(append([]string{}, p.Kinds...), p.Can...), ", ")))
		if p.Running {
			add("running")
		}
		if p.Restarts > 0 {
			add(Count(p.Restarts, "restart"))
		}
		fmt.Fprintln(t.Out, strings.TrimRight(row, " "))
		below := func(format string, args ...any) { fmt.Fprintf(t.Out, "    %s\n", fmt.Sprintf(format, args...)) }
		if p.Path != "" {
			below("%s", clean(p.Path))
			if p.Checksum == ChecksumOK && t.Verbose {
				below("SHA-256 %s, as agreed", p.SHA256)
			}
		}
		if p.Checksum != "" && p.Checksum != ChecksumOK && p.Checksum != p.Error {
			below("%s", clean(p.Checksum))
		}
		if p.Error != "" {
			below("%s", clean(p.Error))
		}
		if wait := time.Until(p.Retry); wait > 0 {
			below("left alone for %s", wait.Round(time.Second))
		}
		for _, trouble := range p.Troubles {
			below("%s", clean(trouble))
		}
		for _, h := range p.Hosts {
			t.host("", h)
		}
		if p.Silent != "" {
			below("%s", clean(p.Silent))
		}
		if len(p.Wants) > 0 {
			below("it reads variables that plugins[].env does not name: %s", clean(strings.Join(p.Wants, ", ")))
		}
	}
}
