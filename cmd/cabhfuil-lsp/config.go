package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/cabhfuil/cabhfuil-lsp/internal/cli"
	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
	"github.com/cabhfuil/cabhfuil-lsp/server"
)

// configCommand is about the user's files. Its verbs read them in this process:
// they are for when something is wrong with the files, or with the server.
func configCommand(io stdio, g *global) *cobra.Command {
	c := &cobra.Command{
		Use: "config", Short: "Write, check and show the configuration",
		Long: `Write, check and show the configuration: repos.yaml, global.yaml and auth.yaml, in ca-bhfuil's schema.
docs/configuration.md lists their keys.`,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if g.format != "text" && g.format != "json" {
				return fmt.Errorf("--format %q: expected text or json", g.format)
			}
			return nil
		},
	}
	c.AddCommand(configInit(io, g), configValidate(io, g), configShow(io, g), configStatus(io, g), configSchema(io))
	return c
}

// printed prints a value as JSON where that was asked for, else as text.
func printed(io stdio, g *global, value any, text func() error) error {
	if g.format == "text" {
		return text()
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return cli.JSON(io.out, raw)
}

func configInit(io stdio, g *global) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "init", Short: "Write files to start from; those that are there stay as they are", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dirs := config.FindDirs()
			missing := config.Missing(dirs)
			if len(missing) > 0 && !yes {
				if err := agree(io, "Write "+strings.Join(missing, ", ")+"?"); err != nil {
					return err
				}
			}
			written, err := config.Init(dirs)
			if err != nil {
				return err
			}
			return printed(io, g, map[string]any{"written": append([]string{}, written...)}, func() error {
				for _, path := range written {
					if _, err := fmt.Fprintln(io.out, "wrote "+path); err != nil {
						return err
					}
				}
				if len(written) == 0 {
					_, err := fmt.Fprintln(io.out, "All files are there already.")
					return err
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// agree asks a question at the terminal; without one it fails.
func agree(io stdio, question string) error {
	if !term.IsTerminal(int(io.in.Fd())) {
		return errors.New(question + " There is no terminal to answer at: say --yes")
	}
	if _, err := fmt.Fprint(os.Stderr, question+" [y/N] "); err != nil {
		return err
	}
	answer, err := bufio.NewReader(io.in).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); err == nil && (answer == "y" || answer == "yes") {
		return nil
	}
	return errNo
}

func configValidate(io stdio, g *global) *cobra.Command {
	return &cobra.Command{
		Use: "validate", Short: "Name everything that is wrong in the files", Args: cobra.NoArgs,
		Long: `Name everything that is wrong in the files, one line each:
FILE:LINE:COLUMN: FIELD: VALUE problem; expected … (what to do)

What is right and yet has less effect than it says is told as a note.
Exits 0 when nothing is wrong, 1 when something is, 2 on failure.`,
		RunE: func(*cobra.Command, []string) error {
			_, files := config.Load(config.FindDirs())
			faults, notes := append([]*config.Fault{}, config.Faults(files)...), append([]*config.Fault{}, config.Notes(files)...)
			err := printed(io, g, map[string]any{"valid": len(faults) == 0, "faults": faults, "notes": notes}, func() error {
				for _, f := range faults {
					if _, err := fmt.Fprintln(io.out, f); err != nil {
						return err
					}
				}
				for _, n := range notes {
					if _, err := fmt.Fprintf(io.out, "%v (a note)\n", n); err != nil {
						return err
					}
				}
				if len(faults) == 0 {
					_, err := fmt.Fprintln(io.out, "Nothing is wrong.")
					return err
				}
				return nil
			})
			if err == nil && len(faults) > 0 {
				return errNo
			}
			return err
		},
	}
}

func configShow(io stdio, g *global) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show what counts, with the defaults; never a secret", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			c, files := config.Load(config.FindDirs())
			for _, f := range config.Faults(files) {
				cli.Complain(os.Stderr, f)
			}
			return printed(io, g, c.Shown(true), func() error {
				text, err := yaml.MarshalWithOptions(c.Shown(false), yaml.IndentSequence(true))
				if err == nil {
					_, err = io.out.Write(text)
				}
				return err
			})
		},
	}
}

func configStatus(io stdio, g *global) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show which files there are, and the directories", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dirs := config.FindDirs()
			_, files := config.Load(dirs)
			for i := range files {
				files[i].Faults, files[i].Notes = append([]*config.Fault{}, files[i].Faults...), append([]*config.Fault{}, files[i].Notes...)
			}
			return printed(io, g, map[string]any{"directories": dirs, "files": files}, func() error {
				var b strings.Builder
				for _, f := range files {
					state := "good"
					switch n := len(f.Faults); {
					case !f.Found:
						state = "not there: defaults count"
					case n == 1:
						state = "1 fault"
					case n > 1:
						state = fmt.Sprintf("%d faults", n)
					}
					fmt.Fprintf(&b, "%s  %s\n", f.Path, state)
					for _, fault := range slices.Concat(f.Faults, f.Notes) {
						fmt.Fprintf(&b, "  %v\n", fault)
					}
					if f.Unread != "" {
						fmt.Fprintf(&b, "%s  not read, since %s is there\n", f.Unread, f.Path)
					}
				}
				fmt.Fprintf(&b, "\nconfiguration  %s\ncache          %s\nstate          %s\n", dirs.Config, dirs.Cache, dirs.State)
				_, err := fmt.Fprint(io.out, b.String())
				return err
			})
		},
	}
}

func configSchema(io stdio) *cobra.Command {
	const settings = "settings"
	all := append(config.Documents(), settings)
	return &cobra.Command{
		Use: "schema [" + strings.Join(all, "|") + "]", Short: "Print the files' JSON Schema, for editors",
		Long: `Print the JSON Schema of one of the files, or of all of them as one schema.
Editors complete and check YAML with it. That of settings is about what a window of an editor may choose.`,
		Args: cobra.MaximumNArgs(1), ValidArgs: all,
		RunE: func(_ *cobra.Command, names []string) error {
			name := strings.Join(names, "")
			schema, err := config.Schema(name)
			if name == settings {
				schema, err = server.SettingsSchema()
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(io.out, "%s\n", schema)
			return err
		},
	}
}
