package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/secret"
)

// watchedLog is a log with a ring of n lines before it.
func watchedLog(n int, least slog.Level) (*slog.Logger, *lastErrors, *bytes.Buffer) {
	out := &bytes.Buffer{}
	kept := newLastErrors(n)
	return slog.New(requestHandler{kept.handler(slog.NewTextHandler(out, &slog.HandlerOptions{Level: least}))}), kept, out
}

func TestTheLastErrorsAreKept(t *testing.T) {
	t.Parallel()
	log, kept, out := watchedLog(3, slog.LevelError)
	began := time.Now()
	log.Info("nobody needs this")
	for i := range 5 {
		log.Warn("trouble", "n", i)
	}
	log.ErrorContext(withRequest(t.Context(), "req_1"), "broken", "error", fmt.Errorf("open: %w", errors.New("no such file")), "took", 2*time.Second)
	lines := kept.List()
	if len(lines) != 3 || lines[0].Message != "broken" || lines[1].Attributes[0].Value != "4" || lines[2].Attributes[0].Value != "3" {
		t.Fatalf("not the newest three, newest first: %+v", lines)
	}
	want := []loggedAttribute{{"error", "open: no such file"}, {"took", "2s"}, {"request_id", "req_1"}}
	if diff := cmp.Diff(want, lines[0].Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if lines[0].Level != slog.LevelError || lines[0].At.Before(began.Truncate(time.Second)) {
		t.Errorf("%+v", lines[0])
	}
	if warnings, errs := kept.Counts(); warnings != 5 || errs != 1 {
		t.Errorf("%d warnings and %d errors, want 5 and 1", warnings, errs)
	}
	if text := out.String(); strings.Contains(text, "trouble") || !strings.Contains(text, "broken") {
		t.Errorf("the log itself keeps its level: %s", text)
	}
}

// hidden prints itself by a method only; its field is what must not be seen.
type hidden struct{ inner secret.Text }

func TestTheLastErrorsAreBoundedAndShowNoSecret(t *testing.T) {
	t.Parallel()
	const planted = "s3cr3t-planted"
	log, kept, _ := watchedLog(4, slog.LevelInfo)
	log.With("given", 1).WithGroup("outer").With("a", 2).Error("grouped", slog.Group("inner", "b", 3), slog.Group("", "c", 4), slog.Group("empty"))
	log.Error("secret", "text", secret.New(planted), "wrapped", hidden{secret.New(planted)}, "pointer", &hidden{secret.New(planted)})
	log.Error(strings.Repeat("ä", 1000), "long", strings.Repeat("ö", 5000), "broken", "a\xffb")
	many := make([]any, 0, 100)
	for i := range 50 {
		many = append(many, fmt.Sprint("k", i), i)
	}
	log.Error("many", many...)
	lines := kept.List()
	grouped := []loggedAttribute{{"given", "1"}, {"outer.a", "2"}, {"outer.inner.b", "3"}, {"outer.c", "4"}}
	if diff := cmp.Diff(grouped, lines[3].Attributes); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if text := fmt.Sprint(lines[2]); strings.Contains(text, planted) || !strings.Contains(text, "[redacted]") || !strings.Contains(text, "(main.hidden)") {
		t.Errorf("secrets: %s", text)
	}
	if long := lines[1]; len(long.Message) > longestMessage || len(long.Attributes[0].Value) > longestAttribute ||
		!strings.HasSuffix(long.Message, "ä…") || long.Attributes[1].Value != "a�b" {
		t.Errorf("long: %d and %d bytes, %q", len(long.Message), len(long.Attributes[0].Value), long.Attributes[1].Value)
	}
	if n := len(lines[0].Attributes); n != attributesPerLine {
		t.Errorf("%d attributes are kept, want %d", n, attributesPerLine)
	}
}

func TestTheLastErrorsTakeManyAtOnce(t *testing.T) {
	t.Parallel()
	log, kept, _ := watchedLog(10, slog.LevelError+1)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				log.Warn("again")
				if n := len(kept.List()); n > 10 {
					t.Errorf("%d lines are kept", n)
				}
			}
		})
	}
	all.Wait()
	if warnings, errs := kept.Counts(); warnings != 800 || errs != 0 || len(kept.List()) != 10 {
		t.Errorf("%d warnings, %d errors, %d kept", warnings, errs, len(kept.List()))
	}
}
