package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/fatih/color"
	"github.com/mattn/go-runewidth"

	"github.com/cabhfuil/cabhfuil-lsp/internal/monitor"
)

// HealthState sums a status up.
type HealthState = string

// The states of health.
const (
	HealthOK        HealthState = "ok"
	HealthAttention HealthState = "attention" // somebody should look
	HealthFailing   HealthState = "failing"   // a repository gives no answers
)

// Health is how the program is, for an editor's status item.
type Health struct {
	State   HealthState `json:"state"`
	Reasons []string    `json:"reasons"`
}

// Status is what the program is doing.
type Status struct {
	Version      string              `json:"version"`
	Health       Health              `json:"health"`
	Repositories []Repository        `json:"repositories"`
	Problems     []string            `json:"problems"`   // of the configuration
	Operations   []monitor.Operation `json:"operations"` // since the process began
	Tasks        int                 `json:"tasks"`      // that run or wait
	Forges       []ForgeHost         `json:"forges"`     // the hosts that running plugins ask, and how they are doing
	State        Taken               `json:"state"`      // of history and logs
	Goroutines   int                 `json:"goroutines"`
	MemoryBytes  uint64              `json:"memoryBytes"`         // taken from the system
	HeapBytes    uint64              `json:"heapBytes"`           // in use
	OpenFiles    int                 `json:"openFiles,omitempty"` // left out where it cannot be told
	Began        time.Time           `json:"began"`
	Background   bool                `json:"background"` // whether the background process answers
	Process      *Process            `json:"process"`    // it, null where it does not
}

// Taken is room on the disk, and how much may be taken, in bytes.
type Taken struct {
	Bytes int64 `json:"bytes"`
	Limit int64 `json:"limit"`
}

// Process is the background process.
type Process struct {
	PID     int       `json:"pid"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Windows int       `json:"windows"` // editors that are connected
	Verbs   int       `json:"verbs"`   // terminals that ask, with this one
	Socket  string    `json:"socket"`
	Log     string    `json:"log"` // the directory of its logs
}

// Count is a number of things, of which one is named.
func Count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// Status draws the repositories, and of a process that stays, or verbosely, what it did.
func (t Text) Status(s Status) {
	if p := s.Process; p == nil {
		fmt.Fprintf(t.Out, "cabhfuil-lsp %s, no background process\n", s.Version)
	} else {
		fmt.Fprintf(t.Out, "cabhfuil-lsp %s, background process %d, %s\n", s.Version, p.PID, Count(p.Windows, "window"))
	}
	if p := s.Process; p != nil && t.Verbose {
		fmt.Fprintf(t.Out, "socket %s\nlogs in %s\n", clean(p.Socket), clean(p.Log))
	}
	if s.Background || t.Verbose {
		t.process(s)
	}
	for _, h := range s.Forges {
		if h.Problem != "" || t.Verbose {
			t.host(clean(h.Plugin)+" ", h.PluginHost)
		}
	}
	for _, r := range s.Repositories {
		fmt.Fprintln(t.Out)
		t.repository(r)
	}
	if len(s.Repositories) == 0 {
		fmt.Fprintln(t.Out, "no repository here, and none is configured")
	}
	for _, p := range s.Problems {
		fmt.Fprintf(t.Out, "%s\n", t.paint(clean(p), color.FgRed))
	}
	if len(s.Operations) > 0 && (s.Background || t.Verbose) {
		t.operations(s.Operations)
	}
}

func (t Text) process(s Status) {
	paint := map[HealthState]color.Attribute{HealthOK: color.FgGreen, HealthAttention: color.FgYellow, HealthFailing: color.FgRed}[s.Health.State]
	fmt.Fprintf(t.Out, "%s, up %s, %s in use of %s, %d goroutines", t.paint(s.Health.State, paint), time.Since(s.Began).Round(time.Second),
		humanize.IBytes(s.HeapBytes), humanize.IBytes(s.MemoryBytes), s.Goroutines)
	if s.OpenFiles > 0 {
		fmt.Fprintf(t.Out, ", %d open files", s.OpenFiles)
	}
	if s.Tasks > 0 {
		fmt.Fprintf(t.Out, ", %d tasks (cabhfuil-lsp tasks)", s.Tasks)
	}
	fmt.Fprintf(t.Out, "\nhistory and logs take %s of %s\n", humanize.IBytes(uint64(max(s.State.Bytes, 0))), humanize.IBytes(uint64(max(s.State.Limit, 0)))) //nolint:gosec // not negative
}

func (t Text) operations(all []monitor.Operation) {
	rows := [][]string{{"operation", "count", "good", "p50", "p95", "p99", "longest"}}
	for _, o := range all {
		count := fmt.Sprint(o.Count)
		if o.Cancelled > 0 {
			count += fmt.Sprintf(" (%d cancelled)", o.Cancelled)
		}
		name := o.Name
		if o.Kind == monitor.Task {
			name += " (task)"
		}
		row := []string{clean(name), count}
		if o.Count == o.Cancelled {
			rows = append(rows, append(row, "", "", "", "", ""))
			continue
		}
		row = append(row, fmt.Sprintf("%.4g%%", 100*o.SuccessRate))
		for _, ms := range []float64{o.P50, o.P95, o.P99, o.Max} {
			row = append(row, shortly(time.Duration(ms*float64(time.Millisecond))))
		}
		rows = append(rows, row)
	}
	fmt.Fprintln(t.Out)
	t.table(rows)
}

// shortly is a time in three digits or so.
func shortly(d time.Duration) string {
	for _, unit := range []time.Duration{time.Minute, time.Second, time.Millisecond} {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.Round(time.Microsecond).String()
}

// table writes rows in columns; the first row is the head.
func (t Text) table(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
	}
	for n, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			if i < len(row)-1 {
				cell = runewidth.FillRight(cell, widths[i]) + "  "
			}
			b.WriteString(cell)
		}
		line := strings.TrimRight(b.String(), " ")
		if n == 0 {
			line = t.paint(line, color.Faint)
		}
		fmt.Fprintln(t.Out, line)
	}
}
