package server

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.lsp.dev/protocol"
)

// section is where clients keep the settings of a window.
const section = "cabhfuil"

// Defaults are what the user's own configuration says where a window says nothing.
type Defaults struct {
	CodeLens    bool
	Diagnostics bool
}

// settings are what a window chose for itself, by name; what is not there is as the
// configuration says. They can show and hide, and nothing else.
type settings map[string]bool

// The names of settings.
const (
	showLenses      = "codeLens"
	showDiagnostics = "diagnostics"
	showHints       = "inlayHints"
	showBlame       = "blameHover" // a hover on any line shows the change that it came with
)

// documented are the settings as editors describe them: docs/configuration.md and the
// extension for VS Code follow from it. feature is the one of global.yaml that counts
// where a window does not choose; "" where it is off then.
var documented = []struct{ name, about, feature string }{
	{showLenses, "Shows which lines have a change, above lines that name a commit and above declarations.", "code_lens"},
	{showDiagnostics, "Checks `Fixes:`, cherry-pick and revert lines in messages, todo lists, patches and mails.", "diagnostics"},
	{showHints, "Shows the subject of a commit behind its SHA.", ""},
	{showBlame, "Shows on hover over any line of a source file the change that it came with.", ""},
}

// settingNames are their names, in order.
func settingNames() []string {
	var names []string
	for _, d := range documented {
		names = append(names, d.name)
	}
	slices.Sort(names)
	return names
}

// SettingsSchema is the JSON Schema (draft 7) of the section of settings that a
// window may choose.
func SettingsSchema() ([]byte, error) {
	properties := map[string]any{}
	for _, d := range documented {
		about := d.about + " When `null`, it is off."
		if d.feature != "" {
			about = d.about + " When `null`, `features." + d.feature + "` in `global.yaml` decides."
		}
		properties[d.name] = map[string]any{"type": []string{"boolean", "null"}, "default": nil, "description": about}
	}
	return json.MarshalIndent(map[string]any{
		"$schema": "http://json-schema.org/draft-07/schema#", "title": section, "type": "object",
		"description": "What a window shows.", "properties": properties, "additionalProperties": false,
	}, "", "  ")
}

// readSettings takes what a client sends of the section: an object, or nothing. What
// is wrong is told, one fault a line, and left out. The client's own settings stand in
// the same section of some editors.
func readSettings(raw json.RawMessage) (all settings, faults []string) {
	all = settings{}
	if len(raw) == 0 || string(raw) == "null" {
		return all, nil
	}
	var sent map[string]json.RawMessage
	if err := json.Unmarshal(raw, &sent); err != nil {
		return all, []string{fmt.Sprintf("%s: %.40s: expected an object of settings", section, raw)}
	}
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		value := sent[name]
		switch {
		case name == "server", name == "trace", string(value) == "null":
		case !slices.Contains(settingNames(), name):
			faults = append(faults, fmt.Sprintf("%s.%.40s: no such setting: expected one of %s", section, name, strings.Join(settingNames(), ", ")))
		case string(value) == "true", string(value) == "false":
			all[name] = string(value) == "true"
		default:
			faults = append(faults, fmt.Sprintf("%s.%s: %.40s: expected true, false or null", section, name, value))
		}
	}
	return all, faults
}

// shows says whether the window wants something.
func (s *session) shows(name string) bool {
	if chosen := s.settings.Load(); chosen != nil {
		if on, ok := (*chosen)[name]; ok {
			return on
		}
	}
	defaults := Defaults{CodeLens: true, Diagnostics: true}
	if s.server.opt.Defaults != nil {
		defaults = s.server.opt.Defaults()
	}
	switch name {
	case showLenses:
		return defaults.CodeLens
	case showDiagnostics:
		return defaults.Diagnostics
	}
	return false
}

// choose takes over what a client sent: over what it said when it began, which
// stays for what is not named now. It returns at once.
func (s *session) choose(ctx context.Context, raw json.RawMessage) {
	sent, faults := readSettings(raw)
	chosen := maps.Clone(s.began)
	maps.Copy(chosen, sent)
	before := s.settings.Swap(&chosen)
	if len(faults) > 0 {
		s.work.Go(func() { s.tellFaults(ctx, faults) })
	}
	if before == nil || !maps.Equal(*before, chosen) {
		select {
		case s.refresh <- struct{}{}:
		default:
		}
	}
}

func (s *session) tellFaults(ctx context.Context, faults []string) {
	for _, fault := range faults {
		s.server.opt.Log.Warn("settings", "fault", fault)
	}
	s.tell(ctx, faults)
}

// tell logs lines to the client.
func (s *session) tell(ctx context.Context, lines []string) {
	for _, line := range lines {
		err := s.conn.Notify(ctx, "window/logMessage", &protocol.LogMessageParams{Type: protocol.MessageTypeWarning, Message: line})
		if err != nil && ctx.Err() == nil {
			s.server.opt.Log.Debug("telling the client", "error", err)
		}
	}
}

// didChangeConfiguration takes the settings of a client that sends them, and asks one
// that wants to be asked.
func (s *session) didChangeConfiguration(ctx context.Context, raw json.RawMessage) error {
	if s.client.configuration {
		select {
		case s.pull <- struct{}{}:
		default:
		}
		return nil
	}
	var p struct {
		Settings json.RawMessage `json:"settings"`
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return err
	}
	var sections map[string]json.RawMessage
	if json.Unmarshal(p.Settings, &sections) == nil {
		if own, ok := sections[section]; ok {
			p.Settings = own
		}
	}
	s.choose(ctx, p.Settings)
	return nil
}

// pullSettings asks the client for the window's settings, at first and whenever
// they changed.
func (s *session) pullSettings(ctx context.Context) {
	if s.client.registersConfiguration {
		options := json.RawMessage(`{"section":"` + section + `"}`)
		_, err := s.conn.Call(ctx, "client/registerCapability", &protocol.RegistrationParams{Registrations: []protocol.Registration{
			{ID: section + ".settings", Method: "workspace/didChangeConfiguration", RegisterOptions: protocol.LSPAny(options)},
		}}, nil)
		if err != nil && ctx.Err() == nil {
			s.server.opt.Log.Warn("asking for changes of settings", "error", err)
		}
	}
	for {
		if s.client.configuration {
			var got []json.RawMessage
			_, err := s.conn.Call(ctx, "workspace/configuration", &protocol.ConfigurationParams{Items: []protocol.ConfigurationItem{{Section: ptr(section)}}}, &got)
			switch {
			case err != nil && ctx.Err() == nil:
				s.server.opt.Log.Warn("asking for settings", "error", err)
			case err == nil && len(got) > 0:
				s.choose(ctx, got[0])
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-s.conn.Done():
			return
		case <-s.exited:
			return
		case <-s.pull:
		}
	}
}
