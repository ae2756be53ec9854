package dashboard

import (
	"strings"
	"testing"
)

func TestWrongSettingsFailTheStart(t *testing.T) {
	t.Parallel()
	good := newWorld(t).dash.cfg
	for name, change := range map[string]func(*Config){
		"base address \"\"":        func(c *Config) { c.BaseURL = "" },
		"base address \"ftp://x\"": func(c *Config) { c.BaseURL = "ftp://x" },
		"give scheme and host":     func(c *Config) { c.BaseURL = "https://x/path" },
		"base address":             func(c *Config) { c.BaseURL = "https://bad host" },
		"sign-up \"maybe\"":        func(c *Config) { c.SignUp = "maybe" },
		"store and Hostaway":       func(c *Config) { c.Store = nil },
	} {
		cfg := good
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestLeftOutSettingsGetTheUsualValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, err := New(Config{Store: w.store, Hostaway: w.hostaway, BaseURL: "https://mcp.example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	if c := d.cfg; c.BaseURL != "https://mcp.example.com" || c.SignUp != "closed" || c.Binary != "hostaway-mcp" || c.Now == nil || c.Log == nil || !d.secure {
		t.Errorf("got %+v", c)
	}
}
