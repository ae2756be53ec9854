// What settings say together: defaults that follow from other settings, and
// settings that contradict each other.
package main

import (
	"fmt"
	"net/url"
	"strings"
)

const domainSetting = "HMCP_DOMAIN"

// complete comes after every setting was read, and returns what does not fit
// together.
func (c *config) complete() []error {
	problems := c.billingTogether()
	if c.Domain == "" {
		return append(problems, c.withoutDomain()...)
	}
	base := "https://" + c.Domain
	c.follow("HMCP_LISTEN", ":443", func(s string) { c.Listen = s })
	c.follow("HMCP_LISTEN_HTTP", ":80", func(s string) { c.ListenHTTP = s })
	c.follow("HMCP_BASE_URL", base, func(s string) { c.BaseURL = s })
	if u, err := url.Parse(c.BaseURL); err != nil || u.Scheme != "https" || u.Hostname() != c.Domain {
		problems = append(problems, misused(fmt.Sprintf("HMCP_BASE_URL is %s, and HMCP_DOMAIN serves %s", c.BaseURL, base),
			"leave HMCP_BASE_URL unset, or make it "+base+" (a port may follow, if people reach the server by another one)"))
	}
	if c.H2C {
		problems = append(problems, misused("HMCP_H2C is for a proxy that ends TLS, and with HMCP_DOMAIN the server does that itself", "leave one of them unset"))
	}
	if c.Listen == c.ListenHTTP && !strings.HasSuffix(c.Listen, ":0") { // which is any port that is free
		problems = append(problems, misused("HMCP_LISTEN and HMCP_LISTEN_HTTP are both "+c.Listen, "https and plain HTTP need a port each"))
	}
	return problems
}

// follow sets a setting that nobody gave to what follows from the domain.
func (c *config) follow(name, text string, set func(string)) {
	if c.given(name) {
		return
	}
	set(text)
	c.values[name] = value{text: text, source: domainSetting}
}

// withoutDomain refuses what would have no effect: whoever sets it expects TLS.
func (c *config) withoutDomain() []error {
	var problems []error
	for _, name := range []string{"HMCP_LISTEN_HTTP", "HMCP_ACME_URL", "HMCP_ACME_EMAIL"} {
		if c.given(name) {
			problems = append(problems, misused(name+" is set and HMCP_DOMAIN is not, so there is no TLS for it to be about", "set HMCP_DOMAIN too, or leave "+name+" unset"))
		}
	}
	return problems
}
