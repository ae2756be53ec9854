// The checks of the settings: each parses one text, keeps the result, and says
// in words what would have been right. None repeats the text in its error,
// since the text may be a secret.
package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/secret"
)

func oneOf(field func(*config) *string, allowed ...string) func(*config, string) error {
	return func(c *config, s string) error {
		for _, a := range allowed {
			if s == a {
				*field(c) = s
				return nil
			}
		}
		return fmt.Errorf("one of %s", strings.Join(allowed, ", "))
	}
}

func text(field func(*config) *secret.Text) func(*config, string) error {
	return func(c *config, s string) error {
		*field(c) = secret.New(s)
		return nil
	}
}

// rate reads "20/10s": a number of calls and the period they are counted in.
func rate(field func(*config) *hostaway.Rate) func(*config, string) error {
	return func(c *config, s string) error {
		problem := errors.New(`calls per period, like "20/10s", from 1 to 1000000 calls in 1s to 1h`)
		calls, period, ok := strings.Cut(s, "/")
		if !ok {
			return problem
		}
		n, err := strconv.Atoi(strings.TrimSpace(calls))
		if err != nil || n < 1 || n > 1_000_000 {
			return problem
		}
		per, err := time.ParseDuration(strings.TrimSpace(period))
		if err != nil || per < time.Second || per > time.Hour {
			return problem
		}
		*field(c) = hostaway.Rate{Calls: n, Per: per}
		return nil
	}
}

func setListen(c *config, s string) error {
	if !listenable(s) {
		return errors.New(`an IP address and a port, like "127.0.0.1:8080" or ":8080"`)
	}
	c.Listen = s
	return nil
}

func listenable(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false
	}
	return host == "" || host == "localhost" || net.ParseIP(host) != nil
}

// plain keeps the text as it is.
func plain(field func(*config) *string) func(*config, string) error {
	return func(c *config, s string) error {
		if strings.ContainsRune(s, 0) {
			return errors.New("a text without zero bytes")
		}
		*field(c) = s
		return nil
	}
}

func setListenHTTP(c *config, s string) error {
	if !listenable(s) {
		return errors.New(`an IP address and a port, like ":80"`)
	}
	c.ListenHTTP = s
	return nil
}

func setMetricsListen(c *config, s string) error {
	if !listenable(s) {
		return errors.New(`an IP address and a port, like "127.0.0.1:9464"`)
	}
	c.MetricsListen = s
	return nil
}

// setDomain takes one name: a certificate for an address or a wildcard can't be
// had this way.
func setDomain(c *config, s string) error {
	u, err := url.Parse("https://" + s)
	if err != nil || u.Host != s || u.Port() != "" || !strings.Contains(s, ".") || strings.ContainsAny(s, "*: ") || net.ParseIP(s) != nil {
		return errors.New(`one domain name, like "mcp.example.com"`)
	}
	if c.Domain, err = idna.Lookup.ToASCII(s); err != nil {
		return errors.New(`one domain name, like "mcp.example.com"`)
	}
	return nil
}

func setACMEURL(c *config, s string) error {
	u, err := safeAddress(s)
	if err != nil {
		return errors.New(`the https address of an ACME directory, like "https://acme-staging-v02.api.letsencrypt.org/directory"`)
	}
	c.ACMEURL = u.String()
	return nil
}

func setACMEEmail(c *config, s string) error {
	address, err := mail.ParseAddress(s)
	if err != nil || address.Address != s {
		return errors.New(`an address, like "ops@example.com"`)
	}
	c.ACMEEmail = s
	return nil
}

func setOTLPEndpoint(c *config, s string) error {
	u, err := webAddress(s)
	if err != nil {
		return errors.New(`the address of a collector, like "http://127.0.0.1:4318"`)
	}
	c.OTLPEndpoint = strings.TrimRight(u.String(), "/")
	return nil
}

func setAuditMonths(c *config, s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 120 {
		return errors.New("a number of months from 1 to 120")
	}
	c.AuditMonths = n
	return nil
}

func setBaseURL(c *config, s string) error {
	u, err := webAddress(s)
	if err != nil || strings.Trim(u.Path, "/") != "" {
		return errors.New(`an address without a path, like "https://mcp.example.com"`)
	}
	c.BaseURL = u.Scheme + "://" + u.Host
	return nil
}

func setH2C(c *config, s string) error {
	if s != "on" && s != "off" {
		return errors.New("on or off")
	}
	c.H2C = s == "on"
	return nil
}

func setDataDir(c *config, s string) error {
	if strings.ContainsRune(s, 0) {
		return errors.New("the path of a folder")
	}
	c.DataDir = s
	return nil
}

func setMasterKey(c *config, s string) error {
	if _, err := secret.ParseKeyring(s); err != nil {
		return errors.New("one or more keys of 32 bytes in base64, separated by commas")
	}
	c.MasterKey = secret.New(s)
	return nil
}

func setLogLevel(c *config, s string) error {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[s]
	if !ok {
		return errors.New("one of debug, info, warn, error")
	}
	c.LogLevel = level
	return nil
}

func setTrustedProxies(c *config, s string) error {
	for part := range strings.SplitSeq(s, ",") {
		prefix, err := addressOrNetwork(strings.TrimSpace(part))
		if err != nil {
			return errors.New(`addresses or networks, like "10.0.0.1,192.168.0.0/16"`)
		}
		c.TrustedProxies = append(c.TrustedProxies, prefix)
	}
	return nil
}

func addressOrNetwork(s string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	return prefix.Masked(), err
}

func setAllowedOrigins(c *config, s string) error {
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		u, err := webAddress(part)
		if err != nil || u.Scheme+"://"+u.Host != part {
			return errors.New(`origins without a path, like "https://inspector.example.com"`)
		}
		c.AllowedOrigins = append(c.AllowedOrigins, part)
	}
	return nil
}

// setHostawayURL takes plain http only on this machine: the account's secret
// goes there.
func setHostawayURL(c *config, s string) error {
	if _, err := safeAddress(s); err != nil {
		return errors.New(`an https address, like "https://api.hostaway.com/v1" (http only for this machine)`)
	}
	c.HostawayURL = strings.TrimRight(s, "/")
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

func setAccountID(c *config, s string) error {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 1 {
		return errors.New("the number that Hostaway shows as the account id")
	}
	c.HostawayAccountID = id
	return nil
}

// setServerURL completes an address without a path with the path of our
// endpoint, since people paste the dashboard's address.
func setServerURL(c *config, s string) error {
	u, err := safeAddress(s)
	if err != nil {
		return errors.New(`the https address of a server, like "https://mcp.example.com/mcp" (http only for this machine: the API key goes there)`)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/mcp"
	}
	c.ServerURL = u.String()
	return nil
}

// safeAddress is webAddress for what secrets are sent to: plain http only on
// this machine.
func safeAddress(s string) (*url.URL, error) {
	u, err := webAddress(s)
	if err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
		err = errors.New("not safe for secrets")
	}
	return u, err
}

// webAddress parses an http or https address without user, query or fragment.
func webAddress(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("not an address")
	}
	web := u.Scheme == "http" || u.Scheme == "https"
	if !web || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("not a web address")
	}
	return u, nil
}
