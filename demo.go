// The demo command: everything with made-up data, for somebody who has just
// heard of this. The only file that may know the embedded Hostaway.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hostaway-mcp/dashboard"
	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

const (
	demoListen    = "127.0.0.1:8080"
	demoAnyPort   = "127.0.0.1:0"
	demoAccountID = 40001
	demoEmail     = "demo@example.com"
	demoOrg       = "Seaside Stays (demo)"
)

// demoOptions is what can be chosen on the command line.
type demoOptions struct {
	seed   int64
	listen string
	data   string
}

const demoPath = "demo"

func demoCommand() command {
	return command{
		path:  demoPath,
		about: "Try everything at once with a made-up Hostaway account; nothing leaves this machine",
		more:  "Starts a server with an org, a sign-in, a key and a connection to an account that exists in\nmemory only. Settings from the environment do not count here. Ctrl-C ends it and removes its data.",
		prepare: func(flags *flag.FlagSet) action {
			var o demoOptions
			flags.Int64Var(&o.seed, "seed", 1, "`N` that the account is made from: the same number, the same account")
			flags.StringVar(&o.listen, "listen", "", "`ADDRESS` to serve on (default "+demoListen+", or a free port when that one is taken)")
			flags.StringVar(&o.data, "data", "", "keep the data in this `FOLDER`, instead of a temporary one that is removed")
			return func(ctx context.Context, p *process, _ []string) error { return p.demo(ctx, o) }
		},
	}
}

func (p *process) demo(ctx context.Context, o demoOptions) (err error) {
	c, err := demoConfig()
	if err != nil {
		return err
	}
	d := demoRun{seed: o.seed, farewell: "Ctrl-C stops it and removes everything."}
	if d.watch, err = newWatch(ctx, p.errOut, c); err != nil {
		return err
	}
	if o.data != "" {
		d.farewell = "Ctrl-C stops it; the data stays in " + o.data + "."
	}
	if d.listener, d.note, err = demoListener(ctx, o.listen); err != nil {
		return err
	}
	defer func() { _ = d.listener.Close() }()
	folder, remove, err := demoFolder(o.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	d.fake = hostawaytest.Start(hostawaytest.Options{Now: p.now, ActivationDelay: -1})
	defer d.fake.Close()
	c.BaseURL, c.DataDir, c.HostawayURL = baseURLOf(d.listener.Addr().String()), folder, d.fake.URL()
	d.config = c
	if d.store, err = openStore(ctx, c, p.now, d.watch.log, serving, withoutReserve); err != nil {
		return err
	}
	return errors.Join(p.serveDemo(ctx, d), closeStore(d.store))
}

// demoConfig is the defaults, whatever the environment says.
func demoConfig() (config, error) {
	c, err := loadConfig(nil, "")
	c.LogLevel = slog.LevelWarn
	// The embedded account has no limits of its own to keep.
	c.HostawayPerAccount = hostaway.Rate{Calls: 1000, Per: time.Second}
	c.HostawayPerIP = c.HostawayPerAccount
	return c, err
}

// demoRun is a demo that is set up and not yet serving.
type demoRun struct {
	config   config
	listener net.Listener
	note     string // about the address, when it is not the usual one
	farewell string // what Ctrl-C does
	store    *store.Store
	fake     *hostawaytest.Server
	seed     int64
	watch    watch
}

func (p *process) serveDemo(ctx context.Context, d demoRun) error {
	up := newUpstream(d.config, p.now, d.watch.log)
	up.activation = -1 // the embedded account takes its tokens at once
	access, err := furnishDemo(ctx, d, up, p.now())
	if err != nil {
		return err
	}
	hint := &dashboard.DemoHint{Email: demoEmail, Password: access.password.Reveal()}
	h, err := furnish(d.config, d.store, up, hint, p.now, d.watch)
	if err != nil {
		return err
	}
	if h.jobs, err = startJobs(ctx, d.config, d.store, h.upkeep, p.now, d.watch.log); err != nil {
		return err
	}
	defer h.jobs.close()
	h.health.add(jobsPart(h.jobs.Status, h.overseer.started, p.now))
	go h.overseer.keepLooking(ctx)
	if err := printDemo(p.out, d, access); err != nil {
		return err
	}
	return h.front(d.config, listeners{main: d.listener}).serve(ctx)
}

// demoListener listens where asked, or else on the usual port, or else on any.
func demoListener(ctx context.Context, asked string) (net.Listener, string, error) {
	if asked != "" {
		if !listenable(asked) {
			return nil, "", misused(fmt.Sprintf("--listen %q is not an address", asked), `give an IP address and a port, like "127.0.0.1:8080"`)
		}
		listener, err := listen(ctx, asked, "--listen")
		return listener, "", err
	}
	listener, err := listen(ctx, demoListen, "--listen")
	if err == nil {
		return listener, "", nil
	}
	listener, err = listen(ctx, demoAnyPort, "--listen")
	return listener, "Port 8080 is taken by another program, so this is another port.\n", err
}

// demoFolder returns the folder for the data and what removes it at the end.
// A folder that somebody names is theirs: it has to be new, and it stays.
func demoFolder(asked string) (string, func() error, error) {
	if asked == "" {
		folder, err := os.MkdirTemp("", "hostaway-mcp-demo-")
		if err != nil {
			return "", nil, folderProblem(os.TempDir(), err)
		}
		return folder, func() error { return os.RemoveAll(folder) }, nil
	}
	if _, err := os.Stat(filepath.Join(asked, databaseFile)); err == nil {
		return "", nil, misused(fmt.Sprintf("the folder %s holds a database already", asked), "name an empty or a new one, so that the demo can't touch real data")
	}
	return asked, func() error { return nil }, prepareFolder(asked)
}

// demoAccess is how to get in.
type demoAccess struct {
	password secret.Text
	key      secret.Text
	listings int
}

// furnishDemo makes the account, the org with its member, the connection and
// the key, each through the door that a person would use.
func furnishDemo(ctx context.Context, d demoRun, up *upstream, now time.Time) (demoAccess, error) {
	hostawaySecret := secret.New(rand.Text())
	d.fake.AddAccount(hostawaytest.Account{
		ID: demoAccountID, Secret: hostawaySecret.Reveal(), Seed: d.seed,
		Size: hostawaytest.Rich, Today: now.Format(time.DateOnly),
	})
	access := demoAccess{password: secret.New("demo-" + strings.ToLower(rand.Text()[:12]))}
	org, member, err := d.store.CreateOrg(ctx, store.NewOrg{
		Name: demoOrg, Email: demoEmail, MemberName: "Demo Member", Password: access.password, Operator: true,
	}, systemActor())
	if err != nil {
		return demoAccess{}, fmt.Errorf("create demo org: %w", err)
	}
	checked, err := up.Check(ctx, org.ID(), demoAccountID, hostawaySecret)
	if err != nil {
		return demoAccess{}, fmt.Errorf("check demo account: %w", err)
	}
	by := store.Actor{Kind: store.ActorMember, ID: member.ID, Name: member.Name}
	if _, err := org.Connect(ctx, by, store.NewConnection{
		AccountID: demoAccountID, Secret: hostawaySecret, ListingCount: checked.ListingCount, CountedAt: checked.CountedAt, Token: checked.Token,
	}); err != nil {
		return demoAccess{}, fmt.Errorf("connect demo account: %w", err)
	}
	if checked.ListingCount != nil {
		access.listings = *checked.ListingCount
	}
	if _, access.key, err = org.CreateAPIKey(ctx, by, "Demo"); err != nil {
		return demoAccess{}, fmt.Errorf("create demo API key: %w", err)
	}
	return access, nil
}

// printDemo shows the way in. The curl line is one line, and works as it is.
func printDemo(out io.Writer, d demoRun, a demoAccess) error {
	endpoint := d.config.BaseURL + "/mcp"
	_, err := fmt.Fprintf(out, `%[1]sA made-up Hostaway account with %[2]d active listings (seed %[3]d) is ready.

Dashboard    %[4]s
Sign in      %[5]s   password  %[6]s
API key      %[7]s

Claude Code
  claude mcp add --transport http hostaway-demo %[8]s --header "X-API-Key: %[7]s"

Other clients
  {"mcpServers":{"hostaway-demo":{"type":"http","url":"%[8]s","headers":{"X-API-Key":"%[7]s"}}}}

Call a tool now
  %[9]s

%[10]s
`, d.note, a.listings, d.seed, d.config.BaseURL, demoEmail, a.password.Reveal(), a.key.Reveal(), endpoint, curlLine(endpoint, a.key), d.farewell)
	return err
}

// curlLine calls a tool that needs no arguments to be interesting.
func curlLine(endpoint string, key secret.Text) string {
	return fmt.Sprintf(`curl -sS %s -H 'X-API-Key: %s' -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' `+
		`-d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hostaway_list_properties","arguments":{"limit":3}}}'`,
		endpoint, key.Reveal())
}
