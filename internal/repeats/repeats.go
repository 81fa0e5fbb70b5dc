// Package repeats keeps a log readable while something fails again and again: of lines that
// are the same, it passes on one a minute, with how many it left out.
package repeats

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	pause = time.Minute // between two lines that are the same
	most  = 256         // lines that are remembered
)

// Handler returns a handler that passes a line on to another handler, unless the same line
// passed less than a minute ago. The next one after that minute has the number of those
// between (left_out). Lines are the same if level, text and attributes are equal, without
// those that count tries (attempt) and say when the next comes (sleep_duration). So another
// error, and the same error of another job, is another line.
//
// Where more different lines come in a minute than it remembers, it passes the others on.
func Handler(to slog.Handler) slog.Handler {
	return &handler{to: to, seen: &memory{last: make(map[string]passed)}}
}

type handler struct {
	to   slog.Handler
	with string // the groups and attributes of WithGroup and WithAttrs
	seen *memory
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.to.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	var key strings.Builder
	key.WriteString(r.Level.String())
	key.WriteString(strconv.Quote(r.Message))
	key.WriteString(h.with)
	r.Attrs(func(a slog.Attr) bool {
		add(&key, a)
		return true
	})
	leftOut, pass := h.seen.look(key.String(), time.Now())
	if !pass {
		return nil
	}
	if leftOut > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("left_out", leftOut))
	}
	return h.to.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var with strings.Builder
	with.WriteString(h.with)
	for _, a := range attrs {
		add(&with, a)
	}
	return &handler{h.to.WithAttrs(attrs), with.String(), h.seen}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.to.WithGroup(name), h.with + " " + strconv.Quote(name), h.seen}
}

// add appends an attribute, unless it changes with each try.
func add(to *strings.Builder, a slog.Attr) {
	if a.Key == "attempt" || a.Key == "sleep_duration" {
		return
	}
	to.WriteString(" " + strconv.Quote(a.Key) + "=" + strconv.Quote(a.Value.Resolve().String()))
}

// A memory has the lines that passed lately. It is safe for concurrent use.
type memory struct {
	mu   sync.Mutex
	last map[string]passed
}

// A passed is when a line passed, and how many came since.
type passed struct {
	at   time.Time
	more int
}

// look reports whether a line passes now, and how many were left out before it.
func (m *memory) look(line string, now time.Time) (leftOut int, pass bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last, known := m.last[line]
	if known && now.Sub(last.at) < pause {
		last.more++
		m.last[line] = last
		return 0, false
	}
	if !known && len(m.last) >= most {
		m.forget(now)
	}
	if known || len(m.last) < most {
		m.last[line] = passed{at: now}
	}
	return last.more, true
}

// forget removes the lines that would pass now.
func (m *memory) forget(now time.Time) {
	for line, last := range m.last {
		if now.Sub(last.at) >= pause {
			delete(m.last, line)
		}
	}
}
