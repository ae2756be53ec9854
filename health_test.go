package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// steadyClock is a clock that a test moves.
type steadyClock struct {
	mu sync.Mutex
	at time.Time
}

func newSteadyClock() *steadyClock {
	return &steadyClock{at: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
}

func (c *steadyClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *steadyClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Whoever asks /readyz all the time can't make the server work for it.
func TestHealthIsLookedAtOnceASecond(t *testing.T) {
	t.Parallel()
	clock, looked := newSteadyClock(), 0
	h := newHealth(clock.now, slog.New(slog.DiscardHandler), func(context.Context) []check { looked++; return []check{good("thing", "fine")} })
	steps := []struct {
		move time.Duration
		want int
	}{{0, 1}, {0, 1}, {healthAge - 1, 1}, {1, 2}, {0, 2}, {-time.Hour, 3}, {time.Minute, 4}}
	for i, step := range steps {
		clock.move(step.move)
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { h.look(t.Context()) })
		}
		group.Wait()
		if looked != step.want {
			t.Errorf("step %d: looked %d times, want %d", i, looked, step.want)
		}
	}
}

// One who asks and goes away spoils nothing for the others.
func TestHealthDoesNotDependOnWhoAsks(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	h := newHealth(time.Now, slog.New(slog.DiscardHandler), databasePart(func(ctx context.Context) error { return ctx.Err() }, ""))
	if checks := h.look(gone); checks[0].State != stateOK {
		t.Errorf("%+v", checks)
	}
}

func TestDatabaseThatHangsIsNotReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHealth(time.Now, slog.New(slog.DiscardHandler), databasePart(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, ""))
		began := time.Now()
		checks := h.look(t.Context())
		if ready(checks) || checks[0].State != stateFail || !strings.Contains(checks[0].Text, "no answer within 1s") || time.Since(began) != healthWait {
			t.Errorf("%+v after %s", checks, time.Since(began))
		}
	})
}

func TestHealthTellsTheLogOfChangesOnly(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	clock, state := newSteadyClock(), stateOK
	h := newHealth(clock.now, slog.New(slog.NewTextHandler(&log, nil)), func(context.Context) []check {
		return []check{{Name: "thing", State: state, Text: "found", Do: "mend it"}}
	})
	for _, step := range []struct {
		state checkState
		lines int
	}{{stateOK, 0}, {stateWarn, 1}, {stateWarn, 1}, {stateFail, 2}, {stateOK, 3}, {stateOK, 3}} {
		state = step.state
		clock.move(time.Minute)
		h.look(t.Context())
		if got := strings.Count(log.String(), "\n"); got != step.lines {
			t.Fatalf("after %s: %d lines, want %d:\n%s", step.state, got, step.lines, log.String())
		}
	}
	if !strings.Contains(log.String(), `msg="health: thing needs attention: found"`) || !strings.Contains(log.String(), "mend it") || !strings.Contains(log.String(), "well again") {
		t.Error(log.String())
	}
}

func TestRoomOnTheDisk(t *testing.T) {
	t.Parallel()
	const gb = 1 << 30
	tests := []struct {
		space space
		err   error
		want  checkState
		text  string
	}{
		{space{free: 40 * gb, size: 50 * gb}, nil, stateOK, "43 GB of 54 GB"},
		{space{free: 4 * gb, size: 50 * gb}, nil, stateWarn, "4.3 GB"},
		{space{free: 20 * gb, size: 1000 * gb}, nil, stateOK, "21 GB"},
		{space{free: 4 * gb, size: 5 * gb}, nil, stateOK, "4.3 GB"},
		{space{free: gb - 1, size: 2 * gb}, nil, stateWarn, "1.1 GB"},
		{space{free: 40 * gb, size: 50 * gb, readOnly: true}, nil, stateFail, "read-only"},
		{space{free: spaceShort - 1, size: 50 * gb}, nil, stateWarn, "34 MB"},
		{space{free: 0, size: 50 * gb}, nil, stateWarn, "0 bytes"},
		{space{}, errors.New("no such folder"), stateWarn, "no such folder"},
	}
	for _, tt := range tests {
		c := diskCheck("/data", func(string) (space, error) { return tt.space, tt.err })
		if c.State != tt.want || !strings.Contains(c.Text, tt.text) || c.Blocks || (c.Do == "") != (c.State == stateOK) || (c.Public == "") != (c.State == stateOK) {
			t.Errorf("%+v: %+v", tt.space, c)
		}
	}
	if s, err := freeSpace(t.TempDir()); err != nil || s.free == 0 || s.free > s.size {
		t.Errorf("this machine's disk: %+v, %v", s, err)
	}
	if _, err := freeSpace(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("measured a folder that is not there")
	}
}

// What /readyz says holds nothing of the machine.
func TestReadyzTellsReasonsAndNoInternals(t *testing.T) {
	t.Parallel()
	disk := func(string) (space, error) { return space{free: 1, size: 1 << 40}, nil }
	broken := func(context.Context) error { return errors.New("MARK /var/lib/db: i/o error") }
	tests := map[string]struct {
		parts  []examine
		stop   bool
		status int
		want   readiness
	}{
		"well": {
			parts: []examine{databasePart(func(context.Context) error { return nil }, "")}, status: http.StatusOK,
			want: readiness{Ready: true, Checks: []publicCheck{{Name: "database", State: stateOK}}},
		},
		"little room": {
			parts: []examine{diskPart("/MARK", disk)}, status: http.StatusOK,
			want: readiness{Ready: true, Checks: []publicCheck{{Name: "disk", State: stateWarn, Reason: "the disk is almost full"}}},
		},
		"no database": {
			parts: []examine{databasePart(broken, "")}, status: http.StatusServiceUnavailable,
			want: readiness{Checks: []publicCheck{{Name: "database", State: stateFail, Reason: "the database does not answer"}}},
		},
		"stopping": {
			parts: []examine{databasePart(func(context.Context) error { return nil }, "")}, stop: true, status: http.StatusServiceUnavailable,
			want: readiness{Checks: []publicCheck{{Name: "server", State: stateWarn, Reason: "stopping"}, {Name: "database", State: stateOK}}},
		},
	}
	for name, tt := range tests {
		h := newHealth(time.Now, slog.New(slog.DiscardHandler), tt.parts...)
		if tt.stop {
			h.look(t.Context()) // a list that was made before does not hide it
			h.stop()
		}
		w := get(t, readyHandler(h), http.MethodGet, "/readyz", nil)
		var answer readiness
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != tt.status || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %v %s", name, w.Code, err, w.Header(), w.Body)
		}
		if diff := cmp.Diff(tt.want, answer); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if strings.Contains(w.Body.String(), "MARK") {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
}

func TestHealthRoutesTakeQuestionsOnly(t *testing.T) {
	t.Parallel()
	for path, handler := range map[string]http.Handler{
		"/livez": liveHandler("srv_1"), "/readyz": readyHandler(newHealth(time.Now, slog.New(slog.DiscardHandler))),
	} {
		if w := get(t, handler, http.MethodPost, path, nil); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %d %v", path, w.Code, w.Header())
		}
		if w := get(t, handler, http.MethodHead, path, nil); w.Code != http.StatusOK || w.Body.Len() > 0 || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("HEAD %s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestServeAnswersAboutItself(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	r := startCommand(t, []string{"HMCP_LISTEN=127.0.0.1:0", "HMCP_DATA_DIR=" + data})
	base := r.waitFor(r.errOut, `msg=serving .*url=(\S+)`)
	text, err := fetchText(t, base+"/livez")
	if err != nil {
		t.Fatal(err)
	}
	var live liveness
	if err := json.Unmarshal([]byte(text), &live); err != nil || !live.Live {
		t.Fatalf("%v %s", err, text)
	}
	if id, err := readInstance(data); err != nil || id != live.Instance || !strings.HasPrefix(id, "srv_") {
		t.Errorf("the folder says %q, %v; /livez says %q", id, err, live.Instance)
	}
	text, err = fetchText(t, base+"/readyz")
	if err != nil || !strings.Contains(text, `{"ready":true,"checks":[{"name":"database","state":"ok"},{"name":"disk"`) {
		t.Errorf("%v %s", err, text)
	}
	if strings.Contains(r.errOut.String(), "/livez") {
		t.Error("questions that come all the time fill the log")
	}
}

func TestInstanceOfAFolderStays(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := readInstance(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("before the first start: %v", err)
	}
	ids := make([]string, 8)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			var err error
			if ids[i], err = makeInstance(folder); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Fatalf("different ids: %v", ids)
		}
	}
	if other, err := makeInstance(t.TempDir()); err != nil || other == ids[0] {
		t.Errorf("another folder: %q, %v", other, err)
	}
	writeFile(t, filepath.Join(folder, instanceFile), "")
	if _, err := makeInstance(folder); err == nil {
		t.Error("an empty id was taken")
	}
}

func TestSizesForPeople(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{
		0: "0 bytes", 999: "999 bytes", 1000: "1.0 KB", 9_960: "10 KB", 999_400: "999 KB", 999_600: "1.0 MB",
		34_000_000: "34 MB", 1_100_000_000: "1.1 GB", 5_000_000_000_000: "5.0 TB", 12_345_000_000_000_000: "12345 TB",
	} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
