// Replication: how serve and the commands set up the copy of the database on
// another machine, and what they make of its problems.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"hostaway-mcp/replica"
	"hostaway-mcp/store"
)

//go:embed litestream.yml
var shippedLitestream []byte

// lastCopyTime bounds closing the copy, beyond what litestream.yml allows for.
const lastCopyTime = 2 * time.Minute

// allowances are what an operator permits once, by flags of serve.
type allowances struct {
	firstStart     bool // the replica may be empty
	acceptRollback bool // the database here may be older than the replica
}

func (a *allowances) flags(flags *flag.FlagSet) {
	flags.BoolVar(&a.firstStart, "first-start", false, "begin a new replica at an address where there is none")
	flags.BoolVar(&a.acceptRollback, "accept-rollback", false, "go on with a database that is older than its replica")
}

// replicaSettings reads litestream.yml: the operator's own, or the one inside the
// program.
func (p *process) replicaSettings(c config) (replica.Settings, error) {
	text := shippedLitestream
	if c.LitestreamConfig != "" {
		var err error
		if text, err = os.ReadFile(c.LitestreamConfig); err != nil {
			return replica.Settings{}, misused(fmt.Sprintf("HMCP_LITESTREAM_CONFIG names %s, which can't be read (%s)", c.LitestreamConfig, reason(err)),
				"check the path and who may read it")
		}
	}
	settings, err := replica.Read(text, func(name string) (string, bool) { return c.variable(p.environ, name) })
	return settings, inFile(replicaProblem(err), c.LitestreamConfig)
}

// inFile names the operator's own file where the one inside the program is spoken of.
func inFile(err error, path string) error {
	if err == nil || path == "" {
		return err
	}
	var all []error
	for _, each := range flatten(err) {
		var p *problem
		if errors.As(each, &p) {
			if rest, ok := strings.CutPrefix(p.what, "litestream.yml"); ok {
				named := *p
				named.what = path + rest
				each = &named
			}
		}
		all = append(all, each)
	}
	return errors.Join(all...)
}

// variable is what ${NAME} stands for in litestream.yml: a setting, wherever it
// comes from, or any variable of the environment.
func (c config) variable(environ []string, name string) (string, bool) {
	switch name {
	case "HMCP_REPLICA_URL":
		return c.ReplicaURL.Reveal(), !c.ReplicaURL.IsZero()
	case "HMCP_DATA_DIR":
		return c.DataDir, true
	}
	if v, ok := c.values[name]; ok && v.text != "" {
		return v.text, true
	}
	for _, line := range environ {
		if key, text, ok := strings.Cut(line, "="); ok && key == name {
			return text, true
		}
	}
	return "", false
}

// replicaOptions say how to reach the replica and to read our database files.
func (p *process) replicaOptions(c config, settings replica.Settings, log *slog.Logger) replica.Options {
	node, _ := readInstance(c.DataDir) // there is none before the first start, which makes it
	return replica.Options{
		Node:        node,
		Settings:    settings,
		Credentials: replica.Credentials{AccessKeyID: c.ReplicaAccessKeyID, SecretAccessKey: c.ReplicaSecretAccessKey},
		Database:    filepath.Join(c.DataDir, databaseFile), DataDir: c.DataDir,
		Wait: c.CriticalWrites == "wait", LeaseLost: c.LeaseLost,
		Free:         func(path string) (uint64, error) { s, err := freeSpace(path); return s.free, err },
		Installation: readInstallation, Newest: store.ReadNewest, Contents: store.ReadContents, Damage: findDamage,
		Usable: usable(c, settings), Now: p.now, Log: log,
	}
}

// usable finds out whether serve would take a database file: one that is here, or one
// that was just restored. A server that would not may not take the replica over.
func usable(c config, settings replica.Settings) func(context.Context, string) error {
	key := masterKey{setting: c.MasterKey, dataDir: c.DataDir, log: slog.New(slog.DiscardHandler)}
	return func(ctx context.Context, path string) error {
		ring, err := key.keyring(ctx, true)
		if err == nil {
			err = store.ProveKeys(ctx, path, ring)
		}
		if err == nil {
			return nil
		}
		if here, e := filepath.Abs(filepath.Join(c.DataDir, databaseFile)); e != nil || path != here {
			return storeProblem("the replica ("+settings.Where()+")", err)
		}
		return storeProblem(c.DataDir, err)
	}
}

// readInstallation is "" for a database from before there were ids.
func readInstallation(ctx context.Context, path string) (string, error) {
	id, err := store.ReadInstallation(ctx, path)
	if errors.Is(err, store.ErrNotFound) && !errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return id, err
}

// findDamage says in short what is wrong with a database file, "" when nothing is.
func findDamage(ctx context.Context, path string) (string, error) {
	err := store.CheckFile(ctx, path, false)
	if errors.Is(err, store.ErrDamaged) {
		return reason(err), nil
	}
	return "", err
}

// copied is the copy of the database while serve runs. Without a replica it only
// keeps other servers off the data folder.
type copied struct {
	*replica.Replica // nil until it is open
	settings         replica.Settings
	db               *store.Store // set when the database is open
	opened           atomic.Pointer[replica.Replica]
	step             atomic.Pointer[replica.Step] // of opening it
}

// openReplica comes before the database is opened: it may have to be restored, and
// another server may have to be waited for.
func (p *process) openReplica(ctx context.Context, c config, r *copied, log *slog.Logger, allowed allowances) error {
	options := p.replicaOptions(c, r.settings, log)
	options.FirstStart, options.AcceptRollback = allowed.firstStart, allowed.acceptRollback
	var err error
	if r.settings.Configured() {
		if options.Node, err = makeInstance(c.DataDir); err != nil {
			return err
		}
	}
	options.Step = func(s replica.Step) { r.step.Store(&s) }
	options.Pause = func(ctx context.Context, f func(context.Context) error) error { return r.db.Quiet(ctx, f) }
	if r.Replica, err = replica.Open(ctx, options); err != nil {
		return replicaProblem(err)
	}
	r.opened.Store(r.Replica)
	return nil
}

// at is what opening is at.
func (r *copied) at() replica.Step {
	if s := r.step.Load(); s != nil {
		return *s
	}
	return replica.StepOpening
}

// Status tells how the replica is doing, from the first moment on.
func (r *copied) Status() replica.Status {
	if opened := r.opened.Load(); opened != nil {
		return opened.Status()
	}
	s := replica.Status{State: replica.StateStarting, Where: r.settings.Where()}
	switch {
	case !r.settings.Configured():
		s.State = replica.StateOff
	case r.at() == replica.StepWaiting:
		s.State = replica.StateWaiting
	}
	return s
}

// adjust tells the store of the copy.
func (r *copied) adjust(s *store.Config) {
	if r.settings.Configured() {
		s.Replicated, s.ReplicaOwnsCheckpoints = r.Replicated, true
	}
}

// start begins copying the open database.
func (r *copied) start(ctx context.Context, c config, db *store.Store) error {
	r.db = db
	id, err := db.Installation(ctx)
	if err != nil {
		return storeProblem(c.DataDir, err)
	}
	return replicaProblem(r.Start(ctx, id))
}

// endWhenLost calls end when this server must not go on; it returns with ctx.
func (r *copied) endWhenLost(ctx context.Context, end context.CancelFunc) {
	select {
	case <-r.Lost():
		end()
	case <-ctx.Done():
	}
}

// lost is why this server must not go on, nil when it may.
func (r *copied) lost() error {
	var why *replica.Problem
	if !errors.As(r.Reason(), &why) {
		return nil
	}
	return &problem{code: exitTryLater, what: why.What, do: why.Do, cause: why}
}

// close comes after the database was closed: what is left is copied.
func (r *copied) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCopyTime)
	defer cancel()
	return replicaProblem(r.Close(ctx))
}

// replicaProblem puts what the replica says in the terms of the commands.
func replicaProblem(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, each := range joined.Unwrap() {
			all = append(all, replicaProblem(each))
		}
		return errors.Join(all...)
	}
	var known *problem
	var p *replica.Problem
	if errors.As(err, &known) || !errors.As(err, &p) {
		return err
	}
	return &problem{code: replicaExit(p.Kind), what: p.What, do: p.Do, cause: p}
}

func replicaExit(kind replica.Kind) int {
	switch kind {
	case replica.BadSettings, replica.NothingThere, replica.WrongReplica, replica.RolledBack, replica.InTheWay, replica.NotUsable:
		return exitMisused
	case replica.LeaseElsewhere:
		return exitTryLater
	case replica.Locked, replica.Unreachable, replica.Damaged, replica.Failed:
	}
	return exitFailed
}
