// The serve command: builds each room, serves them until told to stop, and
// takes them down in order.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"time"

	"hostaway-mcp/dashboard"
	"hostaway-mcp/mcp"
	"hostaway-mcp/replica"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

const setUpLinkLife = 24 * time.Hour

func serveCommand() command {
	return command{
		path:  "serve",
		about: "Serve the MCP endpoint and the dashboard (this is what no command means)",
		more: "The first start makes the data folder and prints a link for setting up the first org.\n" +
			"With a replica, a database that is missing is restored first.",
		prepare: func(flags *flag.FlagSet) action {
			var allowed allowances
			allowed.flags(flags)
			return func(ctx context.Context, p *process, _ []string) error { return p.serve(ctx, allowed) }
		},
	}
}

func (p *process) serve(ctx context.Context, allowed allowances) error {
	c, settings, err := p.serveSettings()
	if err != nil {
		return err
	}
	w, err := newWatch(ctx, p.errOut, c)
	if err != nil {
		return err
	}
	defer w.close(ctx)
	// The address comes first: when it is taken, nothing has been written yet.
	on, err := openListeners(ctx, c)
	if err != nil {
		return err
	}
	defer on.close()
	more, err := w.listen(ctx, c)
	if err != nil {
		return err
	}
	defer closePorts(more)
	if c.BaseURL == "" {
		c.BaseURL = baseURLOf(on.main.Addr().String())
	}
	if err := openFolder(c.DataDir, w.log); err != nil {
		return err
	}
	warnOutside(ctx, c, settings.Folder(), w.log)
	r := &copied{settings: settings}
	if w.metrics != nil {
		w.metrics.askReplica(r.Status)
	}
	e := p.openEntry(ctx, c, r.at, w.log)
	ctx, end := context.WithCancel(ctx)
	defer end()
	wait := e.begin(ctx, end, e.front(c, on, more...))
	err = p.openReplica(ctx, c, r, w.log, allowed)
	switch {
	case errors.Is(err, context.Canceled): // told to stop while another server was at work
		err = nil
	case err == nil:
		go r.endWhenLost(ctx, end)
		err = p.serveDatabase(ctx, c, w, e, r, func() {
			w.log.Info("serving", "address", on.main.Addr().String(), "url", c.BaseURL, "version", buildVersion())
			_ = wait() // told below
		})
		if ctx.Err() != nil && errors.Is(err, context.Canceled) { // told to stop before it served
			err = nil
		}
		err = errors.Join(err, r.close(ctx))
	}
	end()
	if err = errors.Join(err, wait()); err == nil {
		w.log.Info("stopped")
	}
	return err
}

// serveSettings are the settings of a server, if it may start with them.
func (p *process) serveSettings() (config, replica.Settings, error) {
	c, err := p.config()
	if err != nil {
		return config{}, replica.Settings{}, err
	}
	settings, err := p.replicaSettings(c)
	if err == nil && settings.Configured() {
		err = keyOutlivesMachine(c)
	}
	return c, settings, errors.Join(err, c.readyToBill())
}

// openFolder makes the data folder where there is none, and closes what is in it to others.
func openFolder(folder string, log *slog.Logger) error {
	if err := prepareFolder(folder); err != nil && !canRead(folder, err) {
		return err
	}
	return closeFiles(folder, log)
}

// serveDatabase opens the database and the rooms that use it, and lets callers
// in until leave returns.
func (p *process) serveDatabase(ctx context.Context, c config, w watch, e *entry, r *copied, leave func()) error {
	db, err := openStore(ctx, c, p.now, w.log, serving, r.adjust, func(s *store.Config) { s.Observer = w.commits() })
	if err != nil {
		return err
	}
	if err := r.start(ctx, c, db); err != nil {
		return errors.Join(err, closeStore(db))
	}
	h, err := newHouse(c, db, p.now, w)
	if err != nil {
		return errors.Join(err, closeStore(db))
	}
	h.overseer.replica = r.Status
	h.health.add(replicaPart(r.Status, p.now))
	h.health.add(fullPart(db.FullSince))
	if err := h.billed.begin(ctx, c, db); err != nil {
		return errors.Join(err, closeStore(db))
	}
	if err := p.welcome(ctx, c, db); err != nil {
		return errors.Join(err, closeStore(db))
	}
	post, err := startMail(ctx, c, db, p.now, w)
	if err != nil {
		return errors.Join(err, closeStore(db))
	}
	if post != nil {
		h.health.add(mailPart(db.BillingFigures, p.now))
	}
	if h.jobs, err = startJobs(ctx, c, db, h.upkeep, p.now, w.log); err != nil {
		post.close()
		return errors.Join(err, db.Close())
	}
	h.billed.run(ctx)
	h.health.add(jobsPart(h.jobs.Status, h.overseer.started, p.now))
	if w.metrics != nil {
		w.metrics.askJobs(h.jobs.Status)
	}
	go h.overseer.keepLooking(ctx)
	e.lead(h, c)
	leave()
	h.jobs.close()
	h.billed.close()
	post.close()
	return errors.Join(err, closeStore(db), r.lost())
}

// welcome prints the way in for as long as there is no org. The link goes to
// standard output only, never through the log.
func (p *process) welcome(ctx context.Context, c config, db *store.Store) error {
	orgs, err := db.CountOrgs(ctx)
	if err != nil {
		return storeProblem(c.DataDir, err)
	}
	if orgs > 0 {
		return nil
	}
	link, err := db.CreateSignUpLink(ctx, store.SetUp, setUpLinkLife, systemActor())
	if err != nil {
		return storeProblem(c.DataDir, err)
	}
	_, err = fmt.Fprintf(p.out, "Nobody has signed up yet. Open this link to set up the first org (good once, for 24 hours):\n\n  %s\n\n",
		setUpURL(c.BaseURL, link))
	return err
}

func setUpURL(base string, link secret.Text) string {
	return base + "/setup?link=" + url.QueryEscape(link.Reveal())
}

// inviteURL leads to signing up with a link.
func inviteURL(base string, link secret.Text) string {
	return base + "/signup?link=" + url.QueryEscape(link.Reveal())
}

func systemActor() store.Actor { return store.Actor{Kind: store.ActorSystem, Name: binaryName} }

// serving lets the store notice at its next start when this server did not close it.
func serving(s *store.Config) { s.Serving = true }

// openStore opens the database of the data folder with the master key. adjust
// sets what only some commands need.
func openStore(ctx context.Context, c config, now func() time.Time, log *slog.Logger, adjust ...func(*store.Config)) (*store.Store, error) {
	key := masterKey{setting: c.MasterKey, dataDir: c.DataDir, log: log}
	cfg := store.Config{
		Path: filepath.Join(c.DataDir, databaseFile), Keyring: key.keyring, Now: now, Log: log, Reserve: reserveIn(c.DataDir),
		Billing: c.bills(), Mail: c.mails(),
	}
	for _, f := range adjust {
		f(&cfg)
	}
	db, err := store.Open(ctx, cfg)
	if err != nil {
		return nil, storeProblem(c.DataDir, err)
	}
	return db, nil
}

// storeProblem puts what the store says about opening into words for the
// operator.
func storeProblem(dataDir string, err error) error {
	var known *problem
	var newer *store.NewerError
	var missing *secret.UnknownKeyError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &newer):
		return &problem{
			code: exitFailed, cause: err,
			what: fmt.Sprintf("the database in %s was written by a newer %s (its version is %d, this program knows %d)", dataDir, binaryName, newer.Have, newer.Want),
			do:   "run the newer program, or restore a copy from before the upgrade",
		}
	case errors.As(err, &missing):
		return &problem{
			code: exitMisused, cause: err,
			what: fmt.Sprintf("the secrets in %s were sealed with the master key %s, which is not among the keys given", dataDir, missing.ID),
			do:   "add that key to HMCP_MASTER_KEY or to master.key; nothing was changed",
		}
	case errors.Is(err, store.ErrDamaged):
		return failed(err, fmt.Sprintf("the database in %s is damaged (%v)", dataDir, err),
			fmt.Sprintf("move %s and the files beside it with its name to another folder, and bring the copy back with `%s restore`, or put back a copy of your own",
				databaseFile, binaryName))
	case errors.Is(err, store.ErrDiskFull):
		return folderProblem(dataDir, err)
	}
	return failed(err, fmt.Sprintf("the database in %s can't be used (%v)", dataDir, err), "look at the file and its rights, or restore a copy")
}

func closeStore(db *store.Store) error {
	if err := db.Close(); err != nil {
		return failed(err, fmt.Sprintf("closing the database failed (%v)", err), "what was acknowledged is safe; look at the disk before the next start")
	}
	return nil
}

// house is the built rooms, ready to be served.
type house struct {
	mcp      *mcp.Server
	health   *health
	overseer *overseer
	handlers handlers
	watch    watch
	upkeep   []job   // what comes back by itself
	jobs     *jobs   // nil until they are started
	billed   *billed // nil without billing
}

func newHouse(c config, db *store.Store, now func() time.Time, w watch) (*house, error) {
	up := newUpstream(c, now, w.log)
	up.observe = w.exchanges()
	h, err := furnish(c, db, up, nil, now, w)
	if err == nil && w.metrics != nil {
		w.metrics.expect(h.mcp.Tools())
		w.metrics.askBudget(up.budget)
		w.metrics.askStore(db)
		w.metrics.askHealth(h.health)
		if h.billed != nil {
			w.metrics.askBilling(db, h.billed.room.Signatures, now)
		}
	}
	return h, err
}

// furnish builds the rooms around a store and a way to Hostaway.
func furnish(c config, db *store.Store, up *upstream, hint *dashboard.DemoHint, now func() time.Time, w watch) (*house, error) {
	instance, err := makeInstance(c.DataDir)
	if err != nil {
		return nil, err
	}
	ask := func(ctx context.Context) error { _, err := db.CountOrgs(ctx); return err }
	well := newHealth(now, w.log, databasePart(ask, filepath.Join(c.DataDir, databaseFile)), diskPart(c.DataDir, freeSpace))
	h := &house{health: well, watch: w, upkeep: houseJobs(c, db, up, now)}
	if h.billed, err = newBilled(c, db, up, now, w); err != nil {
		return nil, err
	}
	if h.billed != nil {
		h.health.add(h.billed.part)
		h.upkeep = append(h.upkeep, h.billed.jobs()...)
	}
	h.overseer = newOverseer(h, db, c.DataDir, now)
	h.mcp = mcp.New(mcp.Config{
		Store: db, Hostaway: up, BaseURL: c.BaseURL, RateLimit: c.RateLimit, AllowedOrigins: c.AllowedOrigins,
		Version: buildVersion(), Now: now, Log: w.log, Observer: h.overseer.hour.observe(w.calls()),
	})
	pages, err := dashboard.New(h.withPlans(db, dashboard.Config{
		Store: db, Hostaway: up, BaseURL: c.BaseURL, SignUp: c.SignUp, Mail: c.mails(), Binary: binaryName,
		Version: buildVersion(), Now: now, Log: w.log, Demo: hint, Operator: h.overseer,
	}))
	if err != nil {
		return nil, fmt.Errorf("build dashboard: %w", err)
	}
	h.handlers = handlers{
		mcp: h.mcp.Handler(), dashboard: pages.Handler(), live: liveHandler(instance), ready: readyHandler(well), stripe: h.billed.webhooks(),
	}
	return h, nil
}

// front serves rooms that are built already.
func (h *house) front(c config, on listeners, more ...port) front {
	e := newEntry(h.handlers.live, h.watch.log)
	e.lead(h, c)
	return e.front(c, on, more...)
}
