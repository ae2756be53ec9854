// Logging: one logger for the whole process, and one line for each request,
// without anything that could hold a secret.
package main

import (
	"io"
	"log/slog"
)

// newLogger writes to out as the settings say.
func newLogger(out io.Writer, c config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}
