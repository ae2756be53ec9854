package dashboard

import (
	"io"
	"log/slog"
)

// newTestLog writes everything, as text.
func newTestLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
