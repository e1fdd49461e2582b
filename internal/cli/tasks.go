package cli

import (
	"cmp"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/fatih/color"

	"github.com/cabhfuil/cabhfuil-lsp/internal/task"
)

// Tasks are long operations: those of the process that answers, and ended ones that
// are remembered, newest first.
type Tasks struct {
	Tasks []task.Info `json:"tasks"`
	// Revision is what a watcher asks with next.
	Revision uint64 `json:"revision,omitempty"`
}

// Tasks draws a table.
func (t Text) Tasks(all Tasks) {
	if len(all.Tasks) == 0 {
		fmt.Fprintln(t.Out, "no tasks")
		return
	}
	rows := [][]string{{"id", "state", "repository", "what", "took", "when", ""}}
	for _, i := range all.Tasks {
		rows = append(rows, []string{clean(i.ID), string(i.State), clean(i.Repository), clean(i.Title), took(i), humanize.Time(cmpTime(i.Ended, i.Started, i.Created)), clean(cmp.Or(i.Error, howFar(i)))})
	}
	t.table(rows)
}

func cmpTime(times ...time.Time) time.Time {
	for _, at := range times {
		if !at.IsZero() {
			return at
		}
	}
	return time.Time{}
}

func took(i task.Info) string {
	switch {
	case i.Started.IsZero():
		return ""
	case i.Ended.IsZero():
		return shortly(time.Since(i.Started).Round(time.Second))
	}
	return shortly(i.Ended.Sub(i.Started))
}

// howFar is what to say of a task that has not failed.
func howFar(i task.Info) string {
	switch {
	case i.State == task.Completed && i.Result != nil:
		return string(i.Result)
	case i.State == task.Completed || i.State == task.Pending:
		return ""
	case i.Total > 0:
		text := fmt.Sprintf("%d of %d", i.Done, i.Total)
		if i.Message != "" {
			text = i.Message + " " + text
		}
		return text
	}
	return cmp.Or(i.Message, fmt.Sprint(i.Done))
}

// Task draws one with all that is known of it.
func (t Text) Task(i task.Info) {
	state := t.paint(string(i.State), map[task.State]color.Attribute{task.Completed: color.FgGreen, task.Failed: color.FgRed, task.Cancelled: color.FgYellow}[i.State])
	fmt.Fprintf(t.Out, "%s  %s", t.paint(clean(i.ID), color.Bold), clean(i.Title))
	if i.Repository != "" {
		fmt.Fprintf(t.Out, " · %s", clean(i.Repository))
	}
	fmt.Fprintf(t.Out, "\n  %s", state)
	if took := took(i); took != "" {
		fmt.Fprintf(t.Out, ", %s", took)
	}
	fmt.Fprintf(t.Out, ", %s\n", humanize.Time(cmpTime(i.Ended, i.Started, i.Created)))
	if far := howFar(i); far != "" && far != string(i.Result) {
		fmt.Fprintf(t.Out, "  %s\n", clean(far))
	}
	if i.Result != nil {
		fmt.Fprintf(t.Out, "  result %s\n", clean(string(i.Result)))
	}
	if i.Error != "" {
		fmt.Fprintf(t.Out, "  %s\n", t.paint(clean(i.Error), color.FgRed))
	}
}

// TaskChanged writes a line for what became of a task: for those who watch. Its
// progress is not told: bars draw that.
func (t Text) TaskChanged(i task.Info) {
	fmt.Fprintf(t.Out, "%s  %s  %s", clean(i.ID), i.State, clean(i.Title))
	if i.Repository != "" {
		fmt.Fprintf(t.Out, " · %s", clean(i.Repository))
	}
	if i.State.Ended() {
		fmt.Fprintf(t.Out, "  %s", took(i))
	}
	if text := cmp.Or(i.Error, string(i.Result)); text != "" {
		fmt.Fprintf(t.Out, "  %s", clean(text))
	}
	fmt.Fprintln(t.Out)
}
