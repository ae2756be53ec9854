package main

import (
	"strings"
	"testing"
)

func TestDomainDecidesWhatIsUnset(t *testing.T) {
	t.Parallel()
	c, err := loadConfig([]string{"HMCP_DOMAIN=MCP.Example.com"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Domain != ourDomain || c.Listen != ":443" || c.ListenHTTP != ":80" || c.BaseURL != "https://mcp.example.com" {
		t.Errorf("%q %q %q %q", c.Domain, c.Listen, c.ListenHTTP, c.BaseURL)
	}
	r := runCommand(t, []string{"HMCP_DOMAIN=" + ourDomain, "HMCP_LISTEN=0.0.0.0:8443", "HMCP_BASE_URL=https://mcp.example.com:8443"}, "config")
	for _, want := range []string{"0.0.0.0:8443", "https://mcp.example.com:8443", ":80"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%s is not in\n%s", want, r.out)
		}
	}
	if c, err = loadConfig([]string{"HMCP_DOMAIN=bücher.example"}, ""); err != nil || c.BaseURL != "https://xn--bcher-kva.example" {
		t.Errorf("%q %v", c.BaseURL, err)
	}
}

func TestSettingsThatContradictEachOther(t *testing.T) {
	t.Parallel()
	const domain = "HMCP_DOMAIN=" + ourDomain
	tests := map[string]struct {
		environ []string
		want    []string
	}{
		"another host":            {[]string{domain, "HMCP_BASE_URL=https://other.example.com"}, []string{"HMCP_BASE_URL is https://other.example.com"}},
		"without TLS":             {[]string{domain, "HMCP_BASE_URL=http://" + ourDomain}, []string{"leave HMCP_BASE_URL unset"}},
		"with a proxy's protocol": {[]string{domain, "HMCP_H2C=on"}, []string{"HMCP_H2C is for a proxy"}},
		"one port for both":       {[]string{domain, "HMCP_LISTEN=:80"}, []string{"need a port each"}},
		"two at once":             {[]string{domain, "HMCP_LISTEN=:80", "HMCP_H2C=on"}, []string{"need a port each", "HMCP_H2C is for a proxy"}},
		"billing without a key":   {[]string{"HMCP_BILLING_MODE=stripe"}, []string{"HMCP_STRIPE_KEY is not set"}},
		"a live key elsewhere": {
			[]string{"HMCP_BILLING_MODE=stripe", "HMCP_STRIPE_KEY=rk_live_a", "HMCP_STRIPE_URL=http://127.0.0.1:9"},
			[]string{"together with a live key"},
		},
		"mail from nobody":     {[]string{"HMCP_SMTP_URL=smtp://127.0.0.1:25"}, []string{"only one is set"}},
		"TLS without a domain": {[]string{"HMCP_ACME_EMAIL=ops@example.com", "HMCP_LISTEN_HTTP=:80"}, []string{"HMCP_ACME_EMAIL is set and HMCP_DOMAIN is not", "HMCP_LISTEN_HTTP is set"}},
	}
	for name, tt := range tests {
		r := runCommand(t, tt.environ, "config")
		if r.code != exitMisused || strings.Count(r.errOut, "\n") != len(tt.want) {
			t.Errorf("%s: %+v", name, r)
		}
		for _, want := range tt.want {
			if !strings.Contains(r.errOut, want) {
				t.Errorf("%s: %q is not in %s", name, want, r.errOut)
			}
		}
	}
}
