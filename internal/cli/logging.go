package cli

import (
	"io"
	"log/slog"
	"strings"

	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// NewLogger makes the logger of a process: JSON in the specification's form, or
// text for a person at a terminal (W20, docs/interface.md §Environment).
func NewLogger(w io.Writer, c *Config) *slog.Logger {
	options := &slog.HandlerOptions{ReplaceAttr: specificationForm}
	if c.LogLevel != nil {
		options.Level = c.LogLevel.Level
	}
	text := render.IsTerminal(w)
	if c.LogFormat != nil {
		text = *c.LogFormat == "text"
	}
	if text {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// specificationForm gives the fields of a log line the specification's names.
func specificationForm(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey:
		return slog.String("timestamp", syncs.Moment(a.Value.Time()))
	case slog.MessageKey:
		a.Key = "message"
	case slog.LevelKey:
		return slog.String("level", strings.ToLower(a.Value.String()))
	}
	return a
}
