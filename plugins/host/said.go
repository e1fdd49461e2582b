package host

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/time/rate"

	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

// The bounds on what a plugin says of itself, to the log and in errors.
const (
	maxLine   = 500             // runes of a line
	lineEvery = 2 * time.Second // a line, after the first ones
	lineBurst = 50
)

// said takes what a plugin writes to its standard error. It is kept for as long as
// the plugin is known, and not only for one of its processes: who dies of talking
// is bounded too.
type said struct {
	name string
	log  *slog.Logger
	now  *rate.Limiter

	mu      sync.Mutex
	secrets []string // what was handed to it in its environment
	dropped int
}

func newSaid(name string, log *slog.Logger) *said {
	return &said{name: name, log: log, now: rate.NewLimiter(rate.Every(lineEvery), lineBurst)}
}

// keep takes values out of what is said from now on.
func (w *said) keep(secrets []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = secrets
}

// shortestSecret is the length from which a value is looked for: shorter ones
// would be found in every other word.
const shortestSecret = 6

// scrub makes one short line of a text, without secrets.
func (w *said) scrub(text string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.secrets {
		if len(s) >= shortestSecret {
			text = strings.ReplaceAll(text, s, "***")
		}
	}
	return clean(web.Scrub(text), maxLine)
}

// clean is a text on one line of at most so many runes, without what could change
// how a terminal or a page shows the rest.
func clean(text string, most int) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "�"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r)
	}), " ")
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// say passes a line on, as long as they are not too many.
func (w *said) say(line string) {
	if !w.now.Allow() {
		w.mu.Lock()
		w.dropped++
		w.mu.Unlock()
		return
	}
	w.mu.Lock()
	dropped := w.dropped
	w.dropped = 0
	w.mu.Unlock()
	args := []any{"name", w.name, "said", w.scrub(message(line))}
	if dropped > 0 {
		args = append(args, "leftOut", dropped)
	}
	w.log.Info("plugin", args...)
}

// message is what a line says that is a record of hclog's, as plugins.Serve and
// go-plugin write them.
func message(line string) string {
	var record struct {
		Level   string `json:"@level"`
		Message string `json:"@message"`
		Error   string `json:"error"`
	}
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &record) != nil || record.Message == "" {
		return line
	}
	return strings.TrimSpace(record.Level + " " + record.Message + " " + record.Error)
}

// lines makes lines of one stream of a process, and keeps what tells most of the
// last: the line with which it panicked, else the last one.
type lines struct {
	said *said

	mu    sync.Mutex
	line  []byte // that has not ended
	last  string
	fatal bool
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		i := slices.Index(p, '\n')
		part := p
		if i >= 0 {
			part = p[:i]
		}
		l.line = append(l.line, part[:min(len(part), max(0, 4*maxLine-len(l.line)))]...)
		if i < 0 {
			break
		}
		text := string(l.line)
		l.line, p = l.line[:0], p[i+1:]
		if strings.TrimSpace(text) == "" {
			continue
		}
		if !l.fatal {
			l.last, l.fatal = text, strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ")
		}
		l.said.say(text)
	}
	return n, nil
}

func (l *lines) words() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.said.scrub(message(l.last))
}
