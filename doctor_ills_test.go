package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hostaway-mcp/secret"
)

// ill is one thing that is wrong with a server's set-up, and how doctor says it.
type ill struct {
	spoil func(*clinic)
	name  string
	state checkState
	text  string
	also  []string // what else can't be well then
}

func given(name, text string) func(*clinic) { return func(c *clinic) { c.settings[name] = text } }

func illsHere() map[string]ill {
	return map[string]ill{
		"a setting that is none": {spoil: given("HMCP_SIGNUP", "maybe"), name: "settings", state: stateFail, text: "HMCP_SIGNUP"},
		"settings at odds":       {spoil: given("HMCP_ACME_EMAIL", "a@example.com"), name: "settings", state: stateFail, text: "HMCP_DOMAIN is not"},
		"links lead to this machine": {
			spoil: func(c *clinic) {
				c.settings["HMCP_LISTEN"] = strings.Replace(c.settings["HMCP_LISTEN"], "127.0.0.1", "0.0.0.0", 1)
				delete(c.settings, "HMCP_BASE_URL")
			},
			name: "settings", state: stateWarn, text: "HMCP_BASE_URL is not set",
		},
		"no TLS":        {spoil: given("HMCP_BASE_URL", "http://mcp.invalid"), name: "settings", state: stateWarn, text: "without TLS", also: []string{"address"}},
		"unnamed proxy": {spoil: given("HMCP_BASE_URL", "https://mcp.invalid"), name: "settings", state: stateWarn, text: "HMCP_TRUSTED_PROXIES is not set", also: []string{"address"}},
		"no folder":     {spoil: func(c *clinic) { c.settings["HMCP_DATA_DIR"] = c.data + "/none" }, name: "files", state: stateFail, text: "there is no data folder", also: []string{"database", "server", "address"}},
		"file, no folder": {
			spoil: func(c *clinic) { c.settings["HMCP_DATA_DIR"] = c.keyFile() },
			name:  "files", state: stateFail, text: "is not a folder", also: []string{"master key", "database", "server", "address"},
		},
		"no room":     {spoil: func(c *clinic) { c.measure = roomOf(9) }, name: "disk", state: stateWarn, text: "9 bytes of"},
		"little room": {spoil: func(c *clinic) { c.measure = roomOf(1 << 29) }, name: "disk", state: stateWarn, text: "537 MB of"},
		"open file":   {spoil: func(c *clinic) { c.must(os.Chmod(filepath.Join(c.data, databaseFile), 0o644)) }, name: "files", state: stateWarn, text: "mode 0644"},
		"link as file": {spoil: func(c *clinic) {
			c.must(os.Rename(c.keyFile(), c.data+"/away"), os.Symlink(c.data+"/away", c.keyFile()))
		}, name: "files", state: stateFail, text: "is a symbolic link"},
		"other key":    {spoil: given("HMCP_MASTER_KEY", secret.GenerateKey().Reveal()), name: "master key", state: stateFail, text: "a key that is not given"},
		"no key":       {spoil: func(c *clinic) { c.must(os.Remove(c.keyFile())) }, name: "master key", state: stateFail, text: "the master key is missing"},
		"spoilt key":   {spoil: func(c *clinic) { writeFile(c.t, c.keyFile(), "oops") }, name: "master key", state: stateFail, text: "does not hold a key"},
		"key burns":    {spoil: given("HMCP_REPLICA_URL", "file:///nowhere"), name: "master key", state: stateFail, text: "a lost machine would take it along", also: []string{"replica"}},
		"new key idle": {spoil: func(c *clinic) { c.addKey(true) }, name: "master key", state: stateWarn, text: "that are still sealed with an older key: "},
		"no place for the replica": {
			spoil: func(c *clinic) {
				key, err := os.ReadFile(c.keyFile())
				c.must(err)
				c.settings["HMCP_MASTER_KEY"], c.settings["HMCP_REPLICA_URL"] = strings.TrimSpace(string(key)), "file:///nowhere/at-all"
			},
			name: "replica", state: stateFail, text: "does not exist",
		},
		"no such litestream.yml": {spoil: given("HMCP_LITESTREAM_CONFIG", "/nowhere/litestream.yml"), name: "replica", state: stateFail, text: "can't be read"},
		"open key file": {
			spoil: func(c *clinic) {
				file := c.data + "/elsewhere"
				c.must(os.Rename(c.keyFile(), file), os.Chmod(file, 0o640))
				c.settings["HMCP_MASTER_KEY_FILE"] = file
			},
			name: "master key", state: stateWarn, text: "mode 0640",
		},
	}
}

func illsThere() map[string]ill {
	shift := func(d time.Duration) func(*clinic) {
		return func(c *clinic) { c.process.now = func() time.Time { return time.Now().Add(d) } }
	}
	noDate := func(c *clinic) {
		c.hostaway.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil })
	}
	unwell := func(c *clinic) {
		c.health.add(func(context.Context) []check {
			return []check{{Name: "replica", State: stateWarn, Public: "the copy is behind"}}
		})
	}
	return map[string]ill{
		"no Hostaway":      {spoil: given("HMCP_HOSTAWAY_URL", "http://"+silent), name: "Hostaway", state: stateFail, text: "connection refused"},
		"no collector":     {spoil: given("HMCP_OTLP_ENDPOINT", "http://"+silent), name: "traces", state: stateFail, text: "connection refused"},
		"slow clock":       {spoil: shift(-90 * time.Second), name: "clock", state: stateWarn, text: "by 1m"},
		"wrong clock":      {spoil: shift(time.Hour), name: "clock", state: stateFail, text: "by 1h0m"},
		"nothing to go by": {spoil: noDate, name: "clock", state: stateWarn, text: "no time to compare with"},
		"set aside":        {spoil: aside, name: "set aside", state: stateWarn, text: "whole databases of before: 1, the newest in "},
		"stopped":          {spoil: func(c *clinic) { c.server.Close() }, name: "server", state: stateWarn, text: "none runs"},
		"stopping":         {spoil: func(c *clinic) { c.health.stop() }, name: "server", state: stateFail, text: "takes no calls", also: []string{"server"}},
		"not well":         {spoil: unwell, name: "server", state: stateWarn, text: "of its replica: the copy is behind"},
		"other folder":     {spoil: func(c *clinic) { c.instance = "srv_other" }, name: "server", state: stateFail, text: "of another data folder answers", also: []string{"address"}},
		"never started":    {spoil: func(c *clinic) { c.must(os.Remove(c.data + "/" + instanceFile)) }, name: "server", state: stateFail, text: "none was ever started", also: []string{"address"}},
		"other program": {
			spoil: func(c *clinic) { c.settings["HMCP_LISTEN"] = strings.TrimPrefix(c.hostaway.URL, "http://") },
			name:  "server", state: stateFail, text: "something else answers there (404",
		},
		"address astray": {spoil: given("HMCP_BASE_URL", "http://"+silent), name: "address", state: stateFail, text: "can't be reached from here (dial tcp"},
		"address of others": {
			spoil: func(c *clinic) { c.settings["HMCP_BASE_URL"] = c.hostaway.URL },
			name:  "address", state: stateFail, text: "something else answers there",
		},
	}
}

// aside is what a takeover leaves: the database of before, and notes that nobody misses.
func aside(c *clinic) {
	for path, text := range map[string]string{"2026-08-01T00-00-00-superseded/" + databaseFile: "a database", "2026-08-02T00-00-00-replica-notes/ltx": "notes"} {
		path = filepath.Join(c.data, "set-aside", path)
		c.must(os.MkdirAll(filepath.Dir(path), folderRights))
		writeFile(c.t, path, text)
	}
}
