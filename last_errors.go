// The last warnings and errors, kept in memory for the operator's page: what a
// person wants to see first when something is wrong, without a way to the log.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	lastErrorsKept    = 100
	longestMessage    = 300  // bytes
	longestAttribute  = 1000 // bytes
	attributesPerLine = 16
)

// loggedLine is one warning or error. Texts may quote what came from outside:
// they are data to whoever shows them.
type loggedLine struct {
	At         time.Time
	Level      slog.Level
	Message    string
	Attributes []loggedAttribute // in the order in which they were given
}

// loggedAttribute is a name, with those of its groups before it, and its value
// as text.
type loggedAttribute struct{ Name, Value string }

// lastErrors keeps the newest lines, and counts all there were. It takes
// at most 100 × 17 KB, and a tenth of that in practice.
type lastErrors struct {
	mu       sync.Mutex
	lines    []loggedLine // a ring: the oldest is overwritten
	next     int
	warnings uint64
	errors   uint64
}

func newLastErrors(keep int) *lastErrors {
	return &lastErrors{lines: make([]loggedLine, 0, keep)}
}

// List gives the kept lines, newest first.
func (l *lastErrors) List() []loggedLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Concat(l.lines[l.next:], l.lines[:l.next])
	slices.Reverse(all)
	return all
}

// Counts says how many warnings and errors there were since the start, kept or
// not.
func (l *lastErrors) Counts() (warnings, errors uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.warnings, l.errors
}

func (l *lastErrors) add(line loggedLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if line.Level >= slog.LevelError {
		l.errors++
	} else {
		l.warnings++
	}
	if len(l.lines) < cap(l.lines) {
		l.lines = append(l.lines, line)
		return
	}
	l.lines[l.next] = line
	l.next = (l.next + 1) % len(l.lines)
}

// handler keeps what passes on its way to next, also what next would drop.
func (l *lastErrors) handler(next slog.Handler) slog.Handler {
	return keepingHandler{to: l, next: next}
}

type keepingHandler struct {
	to    *lastErrors
	next  slog.Handler
	group string // with a dot at its end
	given []loggedAttribute
}

func (h keepingHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || h.next.Enabled(ctx, level)
}

func (h keepingHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		h.to.add(h.line(r))
	}
	if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

func (h keepingHandler) line(r slog.Record) loggedLine {
	attributes := slices.Clone(h.given)
	r.Attrs(func(a slog.Attr) bool {
		attributes = flattened(attributes, h.group, a)
		return len(attributes) < attributesPerLine
	})
	return loggedLine{At: r.Time, Level: r.Level, Message: shortened(r.Message, longestMessage), Attributes: attributes}
}

func (h keepingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.next = h.next.WithAttrs(attrs)
	h.given = slices.Clone(h.given)
	for _, a := range attrs {
		h.given = flattened(h.given, h.group, a)
	}
	return h
}

func (h keepingHandler) WithGroup(name string) slog.Handler {
	h.next = h.next.WithGroup(name)
	if name != "" {
		h.group += name + "."
	}
	return h
}

// flattened adds an attribute, or those of a group, up to what a line may have.
func flattened(to []loggedAttribute, prefix string, a slog.Attr) []loggedAttribute {
	value := a.Value.Resolve()
	switch {
	case len(to) >= attributesPerLine || a.Equal(slog.Attr{}):
		return to
	case value.Kind() != slog.KindGroup:
		return append(to, loggedAttribute{Name: shortened(prefix+a.Key, longestMessage), Value: attributeText(value)})
	}
	if a.Key != "" {
		prefix += a.Key + "."
	}
	for _, inner := range value.Group() {
		to = flattened(to, prefix, inner)
	}
	return to
}

// attributeText shows a value by its own words. One that has none is named by
// its type: printed by its fields, it could show what it hides from printing.
func attributeText(v slog.Value) string {
	if v.Kind() != slog.KindAny {
		return shortened(v.String(), longestAttribute)
	}
	switch value := v.Any().(type) {
	case error:
		return shortened(value.Error(), longestAttribute)
	case fmt.Stringer:
		return shortened(value.String(), longestAttribute)
	default:
		return fmt.Sprintf("(%T)", value)
	}
}

// shortened cuts a text to at most most bytes and says so.
func shortened(s string, most int) string {
	if len(s) <= most {
		return strings.ToValidUTF8(s, "�")
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}
