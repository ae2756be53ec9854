// The stdio command: MCP on standard input and output, for clients that start
// programs. Either a bridge to a server, or a whole private server in here.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"

	"hostaway-mcp/mcp"
	"hostaway-mcp/secret"
)

func stdioCommand() command {
	return command{
		path:  "stdio",
		about: "Speak MCP on standard input and output, for clients that start programs",
		more: "With --url (or HMCP_URL) everything is passed on to that server, with the key in HMCP_API_KEY or --key-file.\n" +
			"Without it, this program calls Hostaway itself, with HMCP_HOSTAWAY_ACCOUNT_ID and HMCP_HOSTAWAY_SECRET,\n" +
			"and keeps what it must remember in a private folder. Logs go to standard error.",
		prepare: func(flags *flag.FlagSet) action {
			var o stdioOptions
			flags.StringVar(&o.url, "url", "", "`ADDRESS` of a server, like https://mcp.example.com/mcp")
			flags.StringVar(&o.keyFile, "key-file", "", "`FILE` that holds the API key for that server")
			return func(ctx context.Context, p *process, _ []string) error { return p.stdio(ctx, o) }
		},
	}
}

type stdioOptions struct{ url, keyFile string }

func (p *process) stdio(ctx context.Context, o stdioOptions) error {
	c, err := p.config()
	if err != nil {
		return err
	}
	if o.url != "" {
		if err := setServerURL(&c, o.url); err != nil {
			return misused(fmt.Sprintf("--url %q is not usable", o.url), fmt.Sprintf("it must be %s", err))
		}
	}
	if c.ServerURL != "" {
		return unlessStopped(ctx, p.stdioBridge(ctx, c, o.keyFile))
	}
	return unlessStopped(ctx, p.stdioLocal(ctx, c))
}

// unlessStopped drops the error that being told to stop brings with it.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// stdioBridge passes everything on to a server.
func (p *process) stdioBridge(ctx context.Context, c config, keyFile string) error {
	if keyFile != "" {
		text, err := readSettingFile(keyFile)
		if err != nil {
			return misused(fmt.Sprintf("the key file %s can't be read (%s)", keyFile, reason(err)), "check the path and who may read it")
		}
		c.APIKey = secret.New(text)
	}
	if c.APIKey.IsZero() {
		return misused("there is no API key for the server", "make one in its dashboard, and set HMCP_API_KEY or name a file with --key-file")
	}
	return mcp.Bridge(ctx, mcp.BridgeConfig{URL: c.ServerURL, Key: c.APIKey, In: p.in, Out: p.out, Log: newLogger(p.errOut, c)})
}

// stdioLocal runs a private server with one org in this process. Nothing asks
// Hostaway before the first tool call does.
func (p *process) stdioLocal(ctx context.Context, c config) (err error) {
	if c.HostawayAccountID == 0 || c.HostawaySecret.IsZero() {
		return misused("stdio needs a server or a Hostaway account",
			"name a server with --url and its key in HMCP_API_KEY, or set HMCP_HOSTAWAY_ACCOUNT_ID and HMCP_HOSTAWAY_SECRET")
	}
	c.BillingMode, c.SMTPURL = billingOff, secret.Text{} // nobody is billed or written to by a program on a desk
	log := newLogger(p.errOut, c)
	if !c.given("HMCP_DATA_DIR") {
		if c.DataDir, err = privateFolder(p.environ); err != nil {
			return err
		}
	}
	if err := prepareFolder(c.DataDir); err != nil {
		return err
	}
	db, err := openStore(ctx, c, p.now, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeStore(db)) }()
	home := localHome{store: db, dataDir: c.DataDir, accountID: c.HostawayAccountID, secret: c.HostawaySecret}
	key, err := home.open(ctx)
	if err != nil {
		return err
	}
	up := newUpstream(c, p.now, log)
	work, err := startJobs(ctx, c, db, houseJobs(c, db, up, p.now), p.now, log)
	if err != nil {
		return err
	}
	defer work.close()
	server := mcp.New(mcp.Config{
		Store: db, Hostaway: up, BaseURL: localBaseURL,
		HowToConnect: "by setting HMCP_HOSTAWAY_ACCOUNT_ID and HMCP_HOSTAWAY_SECRET of this program right and starting it again", RateLimit: c.RateLimit,
		Version: buildVersion(), Now: p.now, Log: log,
	})
	err = mcp.Bridge(ctx, mcp.BridgeConfig{
		URL: localBaseURL + "/mcp", Key: key, Transport: server.RoundTripper(), In: p.in, Out: p.out, Log: log,
	})
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	return errors.Join(err, server.Shutdown(patient))
}

// localBaseURL is never dialled: requests to it stay in this process.
const localBaseURL = "http://localhost"

// privateFolder is where this user's programs keep such things.
func privateFolder(environ []string) (string, error) {
	names := map[string][]string{
		windowsGOOS: {"AppData", ""},
		"darwin":    {"HOME", "Library/Application Support"},
	}[runtime.GOOS]
	if names == nil {
		names = []string{"HOME", ".config"}
		if base := lookUp(environ, "XDG_CONFIG_HOME"); filepath.IsAbs(base) {
			return filepath.Join(base, binaryName), nil
		}
	}
	base := lookUp(environ, names[0])
	if base == "" {
		return "", misused(fmt.Sprintf("this user has no home folder (%s is not set)", names[0]), "name a folder for the data in HMCP_DATA_DIR")
	}
	return filepath.Join(base, names[1], binaryName), nil
}

// readKeyFile returns the key that an earlier run kept; zero when there is none.
func readKeyFile(path string) (secret.Text, error) {
	text, err := readSettingFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return secret.Text{}, nil
	}
	if err != nil {
		return secret.Text{}, misused(fmt.Sprintf("the key file %s can't be read (%s)", path, reason(err)),
			"give this user the right to read it, or remove it: the next start makes a new one")
	}
	return secret.New(text), nil
}
