package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hostaway-mcp/replica/replicatest"
	"hostaway-mcp/secret"
)

func TestEntryBeforeThereAreRooms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEntry(liveHandler("srv_1"), slog.New(slog.DiscardHandler))
		starting := `{"error":"the server is starting: try again in a few seconds"}`
		for path, want := range map[string]struct {
			status int
			text   string
			after  time.Duration
		}{
			"/livez":  {200, `{"live":true,"instance":"srv_1"}`, 0},
			"/readyz": {503, `{"ready":false,"checks":[{"name":"server","state":"warn","reason":"starting"}]}`, 0},
			"/mcp":    {503, starting, holdTime},
			"/":       {503, starting, holdTime},
		} {
			began := time.Now()
			w := get(t, e, http.MethodGet, path, nil)
			if w.Code != want.status || strings.TrimSpace(w.Body.String()) != want.text || w.Header().Get("Cache-Control") != "no-store" || time.Since(began) != want.after {
				t.Errorf("%s after %s: %d %v %s", path, time.Since(began), w.Code, w.Header(), w.Body)
			}
			if comesBack := w.Header().Get("Retry-After") != ""; comesBack != (want.text == starting) {
				t.Errorf("%s: %v", path, w.Header())
			}
		}
		e.stop() // there is nobody to tell
		if err := e.drain(t.Context()); err != nil {
			t.Error(err)
		}
		h := &house{handlers: echoRooms(), health: newHealth(time.Now, slog.New(slog.DiscardHandler)), watch: watch{log: slog.New(slog.DiscardHandler)}}
		answer := make(chan string)
		go func() { answer <- get(t, e, http.MethodGet, "/mcp", nil).Body.String() }() // early, and only just
		time.Sleep(holdTime - 1)
		e.lead(h, config{})
		if text := <-answer; !strings.HasPrefix(text, "mcp ") {
			t.Errorf("the one who came early got %s", text)
		}
		if e.stop(); !h.health.stopping.Load() {
			t.Error("the rooms do not know that the server stops")
		}
	})
}

// A server that waits for another one's right to the replica answers the
// machines that watch it, and stops when it is told to.
func TestServerThatWaitsItsTurnAnswers(t *testing.T) {
	t.Parallel()
	storage := replicatest.Start(t)
	key := secret.GenerateKey().Reveal()
	environ := func(folder, address string) []string {
		return []string{
			"HMCP_DATA_DIR=" + folder, "HMCP_LISTEN=" + address, "HMCP_MASTER_KEY=" + key, "HMCP_REPLICA_URL=" + storage.ReplicaURL("here"),
			"HMCP_REPLICA_ACCESS_KEY_ID=" + replicatest.AccessKeyID, "HMCP_REPLICA_SECRET_ACCESS_KEY=" + replicatest.SecretAccessKey,
		}
	}
	first := startCommand(t, environ(filepath.Join(t.TempDir(), "one"), "127.0.0.1:0"), "serve", "--first-start")
	first.waitFor(first.errOut, `(msg=serving)`)
	standby := append(environ(filepath.Join(t.TempDir(), "two"), "127.0.0.1:0"), "HMCP_METRICS_LISTEN=127.0.0.1:0")
	second := startCommand(t, standby)
	second.waitFor(second.errOut, `(waiting until it is free)`)
	address := second.waitFor(second.errOut, `msg=listening address=(\S+)`)
	var live liveness
	if text, err := fetchText(t, "http://"+address+"/livez"); err != nil || json.Unmarshal([]byte(text), &live) != nil || !live.Live || !strings.HasPrefix(live.Instance, "srv_") {
		t.Errorf("%v %s", err, text)
	}
	waiting := ""
	for end := time.Now().Add(20 * time.Second); !strings.Contains(waiting, reasonWaiting) && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		waiting, _ = fetchText(t, "http://"+address+"/readyz")
	}
	if want := `{"ready":false,"checks":[{"name":"server","state":"warn","reason":"` + reasonWaiting + `"}]}`; strings.TrimSpace(waiting) != want {
		t.Errorf("readyz: %s", waiting)
	}
	began := time.Now()
	if text, err := fetchText(t, "http://"+address+"/mcp"); err != nil || !strings.Contains(text, "this server is a standby") || time.Since(began) > holdTime/2 {
		t.Errorf("after %s: %v %s", time.Since(began), err, text)
	}
	scraped := second.waitFor(second.errOut, `msg="serving metrics" address=(\S+)`)
	if text, err := fetchText(t, "http://"+scraped+"/metrics"); err != nil || !strings.Contains(text, `hmcp_replica_state{state="waiting"} 1`) {
		t.Errorf("metrics: %v %s", err, text)
	}
	doctorOfAStandby(t, append(standby, "HMCP_LISTEN="+address), "http://"+first.waitFor(first.errOut, `msg=serving address=(\S+)`))
	if code := second.stop(); code != exitOK || strings.Contains(second.errOut.String(), "level=ERROR") {
		t.Errorf("exit code %d: %s", code, second.errOut)
	}
	third := startCommand(t, environ(filepath.Join(t.TempDir(), "three"), "127.0.0.1:0"))
	third.waitFor(third.errOut, `(waiting until it is free)`)
	if code := first.stop(); code != exitOK {
		t.Errorf("exit code %d: %s", code, first.errOut)
	}
	third.waitFor(third.errOut, `(msg=serving)`)
}

// doctorOfAStandby: that it waits is no fault, and that people are led to the server
// that serves is as it should be.
func doctorOfAStandby(t *testing.T, environ []string, serving string) {
	t.Helper()
	for base, want := range map[string]string{"": "leads here", serving: "leads to another server, which serves while this one waits"} {
		d := &doctor{process: &process{environ: append(environ, "HMCP_BASE_URL="+base), now: time.Now, web: http.DefaultTransport}}
		var err error
		if d.config, err = loadConfig(d.environ, ""); err != nil {
			t.Fatal(err)
		}
		if c := examineServer(t.Context(), d)[0]; c.State != stateWarn || !strings.Contains(c.Text, "it is a standby: it waits") {
			t.Errorf("server: %+v", c)
		}
		if c := examineAddress(t.Context(), d)[0]; c.State != stateOK || !strings.Contains(c.Text, want) {
			t.Errorf("address: %+v", c)
		}
	}
}
