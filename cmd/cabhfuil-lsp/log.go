package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/DeRuina/timberjack"
	"github.com/gofrs/flock"

	"github.com/cabhfuil/cabhfuil-lsp/internal/config"
)

// maxLogs bounds the processes that write logs side by side.
const maxLogs = 16

// openLog opens the log file of a process that stays, below the state directory:
// JSON lines, of which the file begins anew at a size and a number of older ones is
// kept. Two processes that rotate one file would lose lines, so each has its own:
// log/cabhfuil-lsp.log, or with a number where others run.
func openLog(dirs config.Dirs, c config.Log, level slog.Leveler) (handler slog.Handler, closer io.Closer, err error) {
	dir := filepath.Join(dirs.State, "log")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("opening the log: %w", err)
	}
	for n := 1; n <= maxLogs; n++ {
		file := filepath.Join(dir, "cabhfuil-lsp.log")
		if n > 1 {
			file = filepath.Join(dir, fmt.Sprintf("cabhfuil-lsp.%d.log", n))
		}
		lock := flock.New(file+".lock", flock.SetPermissions(0o600))
		held, err := lock.TryLock()
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("opening the log: %w", err), lock.Close())
		}
		if !held {
			if err := lock.Close(); err != nil {
				return nil, nil, fmt.Errorf("opening the log: %w", err)
			}
			continue
		}
		out := &timberjack.Logger{Filename: file, MaxSize: max(1, int(c.MaxSize/1_000_000)), MaxBackups: c.Files, FileMode: 0o600}
		return slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level}), logFile{out, lock}, nil
	}
	return nil, nil, fmt.Errorf("opening the log: %d processes write one in %s already", maxLogs, dir)
}

// logFile is an open log with the lock that keeps others from it.
type logFile struct {
	out  *timberjack.Logger
	lock *flock.Flock
}

func (f logFile) Close() error { return errors.Join(f.out.Close(), f.lock.Close()) }

// levelOf is slog's level of a configured one.
func levelOf(l config.LogLevel) (level slog.Level) {
	if err := level.UnmarshalText([]byte(l)); err != nil {
		return slog.LevelInfo // config checks it
	}
	return level
}

// stayingLog is the log of a process that stays: warnings on standard error, which
// editors show, and what is configured in a file. Without the file it goes on.
func stayingLog(verbose bool) (log *slog.Logger, closeLog func() error) {
	log = newLog(verbose, slog.LevelWarn)
	dirs := config.FindDirs()
	c, _ := config.Load(dirs)
	level := levelOf(c.Global.Log.Level)
	if verbose {
		level = slog.LevelDebug
	}
	file, closer, err := openLog(dirs, c.Global.Log, level)
	if err != nil {
		log.Warn("no log is written to a file", "error", err)
		return log, func() error { return nil }
	}
	log = slog.New(slog.NewMultiHandler(log.Handler(), file))
	log.Info("begins", "version", version, "process", os.Getpid())
	return log, closer.Close
}
