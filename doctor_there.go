// What doctor asks over the network: the servers that this one needs, the
// server itself, and the address under which people reach it.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/crypto/acme/autocert"
)

// service is a server elsewhere that this one needs.
type service struct {
	name    string
	address string // empty: the settings name none, so nobody is asked
	why     string // what does not work without it
	clock   bool   // its Date header is to be trusted
	// probe asks a server that does not speak HTTP, and says what it found; nil: the
	// address is asked.
	probe func(ctx context.Context, d *doctor) (found string, err error)
}

// services are all of them; a new one is a line here.
func services(c config) []service {
	authority := ""
	if c.Domain != "" {
		authority = newAuthority(c.ACMEURL, nil).directory
	}
	return []service{
		{name: "Hostaway", address: c.HostawayURL, why: "no tool works without it", clock: true},
		{name: "authority", address: authority, why: "certificates come from there"},
		{name: "traces", address: c.OTLPEndpoint, why: "traces are lost meanwhile"},
		mailService(c),
	}
}

// examineServices asks each service, at once. Any answer is a good one: nobody
// signs in.
func examineServices(ctx context.Context, d *doctor) []check {
	all := services(d.config)
	found := make(chan []check, len(all))
	var checks []check
	for _, s := range all {
		if s.address == "" {
			found <- nil
			continue
		}
		go func() { found <- s.examine(ctx, d) }()
	}
	byName := map[string][]check{}
	for range all {
		if each := <-found; each != nil {
			byName[each[0].Name] = each
		}
	}
	for _, s := range all {
		checks = append(checks, byName[s.name]...)
	}
	return checks
}

func (s service) examine(ctx context.Context, d *doctor) []check {
	if s.probe != nil {
		found, err := s.probe(ctx, d)
		if err != nil {
			return []check{bad(s.name, fmt.Sprintf("%s does not take mail (%v); %s", s.address, err, s.why), "look at the address, user and password in HMCP_SMTP_URL, and at this machine's network and firewall")}
		}
		return []check{good(s.name, found)}
	}
	v, err := d.ask(ctx, d.web, s.address)
	if err != nil {
		return []check{bad(s.name, fmt.Sprintf("%s can't be reached (%v); %s", s.address, rootCause(err), s.why), "look at this machine's network, DNS and firewall; HTTPS_PROXY names a proxy if one is needed")}
	}
	checks := []check{good(s.name, fmt.Sprintf("%s answers, in %s", s.address, v.took.Round(time.Millisecond)))}
	if s.clock {
		checks = append(checks, clockCheck(v, d.now(), s.name)...)
	}
	return checks
}

const (
	clockWarn = 30 * time.Second
	clockFail = 5 * time.Minute
)

// clockCheck compares our clock with the one that an answer shows, which is
// whole seconds and as old as the way was long.
func clockCheck(v visit, now time.Time, whose string) []check {
	const name = "clock"
	shown, err := http.ParseTime(v.Header.Get("Date"))
	if err != nil {
		return []check{doubtful(name, whose+" shows no time to compare with", "make sure that a time service runs (timedatectl)")}
	}
	off := now.Sub(shown)
	text := fmt.Sprintf("it differs from %s's by %s", whose, off.Abs().Round(time.Second))
	do := "let a time service set it (timedatectl set-ntp true)"
	switch {
	case off.Abs() > clockFail:
		return []check{bad(name, text+"; sign-ins, certificates and the replica's storage need the right time", do)}
	case off.Abs() > clockWarn:
		return []check{doubtful(name, text, do)}
	}
	return []check{good(name, fmt.Sprintf("it agrees with %s's", whose))}
}

// localURL is where the server answers machines on this one: without TLS, for
// which there may be no certificate yet.
func localURL(c config) string {
	if c.Domain != "" {
		return baseURLOf(c.ListenHTTP)
	}
	return baseURLOf(c.Listen)
}

// localTransport never goes through a proxy.
func localTransport() http.RoundTripper { return &http.Transport{DisableKeepAlives: true} }

var errSilent = errors.New("nothing answers")

// running asks the server on this machine whether it runs on this data folder.
// Error: errSilent, or one that says who answers instead.
func (d *doctor) running(ctx context.Context) error {
	v, err := d.ask(ctx, localTransport(), localURL(d.config)+"/livez")
	if err != nil {
		return fmt.Errorf("%w (%w)", errSilent, err)
	}
	return d.isOurs(v)
}

// isOurs tells whether an answer of /livez comes from the server of the data
// folder.
func (d *doctor) isOurs(v visit) error {
	var live liveness
	if v.StatusCode != http.StatusOK || json.Unmarshal(v.text, &live) != nil || !live.Live {
		return fmt.Errorf("something else answers there (%s)", v.Status)
	}
	own, err := readInstance(d.config.DataDir)
	if err != nil {
		return fmt.Errorf("a %s answers there, and none was ever started on %s", binaryName, d.config.DataDir)
	}
	if live.Instance != own {
		return fmt.Errorf("the %s of another data folder answers there", binaryName)
	}
	return nil
}

// examineServer asks the running server how it does. What it says there is what
// anybody may know; its own pages and its log say more.
func examineServer(ctx context.Context, d *doctor) []check {
	const name = "server"
	local := localURL(d.config)
	switch err := d.running(ctx); {
	case errors.Is(err, errSilent):
		return []check{doubtful(name, "none runs: nothing answers on "+local, "start it, unless it is meant to be stopped")}
	case err != nil:
		return []check{bad(name, fmt.Sprintf("%s: %v", local, err), "choose another HMCP_LISTEN, or stop what listens there; run doctor with the server's own settings")}
	}
	answer, err := d.readiness(ctx)
	if err != nil {
		return []check{bad(name, fmt.Sprintf("it runs and does not say how it does (%v)", rootCause(err)), "look at its log")}
	}
	if answer.standby() {
		return []check{doubtful(name, "it is a standby: it waits until the server that writes the replica stops", "nothing, unless this is the one that should serve: then stop the other one")}
	}
	checks := []check{good(name, "it runs, and takes calls")}
	if !answer.Ready {
		checks[0] = bad(name, "it runs, and takes no calls", "see below, and its log")
	}
	for _, c := range answer.Checks {
		if c.State != stateOK {
			checks = append(checks, check{Name: name, State: c.State, Text: fmt.Sprintf("it says of its %s: %s", c.Name, c.Reason), Do: "the operator's pages and the log say more"})
		}
	}
	return checks
}

// readiness is what the server on this machine says of itself.
func (d *doctor) readiness(ctx context.Context) (answer readiness, err error) {
	v, err := d.ask(ctx, localTransport(), localURL(d.config)+"/readyz")
	if err == nil {
		err = json.Unmarshal(v.text, &answer)
	}
	return answer, err
}

// standby tells whether a server waits for the one that writes the replica.
func (r readiness) standby() bool {
	return !r.Ready && len(r.Checks) > 0 && r.Checks[0].Reason == reasonWaiting
}

// examineAddress asks the address that people use, and expects this server.
func examineAddress(ctx context.Context, d *doctor) []check {
	const name = "address"
	base := d.baseURL()
	if errors.Is(d.running(ctx), errSilent) {
		return nil // told already
	}
	v, err := d.ask(ctx, d.web, base+"/livez")
	if err != nil {
		return []check{bad(name, fmt.Sprintf("%s can't be reached from here (%v)", base, rootCause(err)),
			fmt.Sprintf("look at DNS, the firewall and the proxy. Some networks lead no machine to its own public address: then try `curl %s/livez` from another one", base))}
	}
	if err := d.isOurs(v); err != nil {
		if own, e := d.readiness(ctx); e == nil && own.standby() {
			return []check{good(name, base+" leads to another server, which serves while this one waits")}
		}
		return []check{bad(name, fmt.Sprintf("%s: %v", base, err), "look at where DNS and the proxy lead; is HMCP_BASE_URL right?")}
	}
	checks := []check{good(name, base+" leads here")}
	if v.TLS != nil && d.config.Domain == "" {
		checks = append(checks, proxyCertificate(v, d.now()))
	}
	return checks
}

const proxyRenewal = 7 * 24 * time.Hour // what is left when whoever renews a proxy's certificate has failed

// proxyCertificate looks at the certificate of the proxy before us.
func proxyCertificate(v visit, now time.Time) check {
	shown := &tls.Certificate{Leaf: v.TLS.PeerCertificates[0]}
	text := fmt.Sprintf("the proxy's is good for another %s", daysLeft(shown, now))
	if shown.Leaf.NotAfter.Sub(now) < proxyRenewal {
		return doubtful(certificateCheck, text, "look at what renews the proxy's certificate")
	}
	return good(certificateCheck, text)
}

// examineCertificate looks at the certificate that the server keeps.
func examineCertificate(ctx context.Context, d *doctor) []check {
	if d.config.Domain == "" {
		return nil
	}
	c := newCertificate(d.config, d.web, d.now, nil)
	kept, err := keptCertificate(ctx, c.kept, c.domain)
	if errors.Is(err, autocert.ErrCacheMiss) {
		err = nil
	}
	return []check{judgeCertificate(kept, c.domain, err, c.remedy(), d.now())}
}

// rootCause leaves out what the sentence around it says already: the method and
// the address.
func rootCause(err error) error {
	var web *url.Error
	if errors.As(err, &web) {
		return web.Err
	}
	return err
}
