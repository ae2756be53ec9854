// The admin commands' common part: opening the store beside a running server,
// finding the org that is meant, and the links that are handed out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

func adminCommands() []command {
	var all []command
	all = append(all, adminOrgCommands()...)
	all = append(all, adminMemberCommands()...)
	all = append(all, adminKeyCommands()...)
	all = append(all, adminOperatorCommands()...)
	return append(all, adminLinkCommands()...)
}

// desk is what an admin command works with.
type desk struct {
	*process
	config config
	store  *store.Store
}

// adminAction opens the store around do. It never makes a new database: a
// wrong data folder must not look like an empty server.
func adminAction(do func(ctx context.Context, d desk, words []string) error) action {
	return actionIn((*process).existingStore, do)
}

// firstAction is an adminAction that may come before the first start of the server.
func firstAction(do func(ctx context.Context, d desk, words []string) error) action {
	return actionIn((*process).firstStore, do)
}

func actionIn(open func(*process, context.Context, config) (*store.Store, error), do func(ctx context.Context, d desk, words []string) error) action {
	return func(ctx context.Context, p *process, words []string) error {
		c, err := p.config()
		if err != nil {
			return err
		}
		db, err := open(p, ctx, c)
		if err != nil {
			return err
		}
		err = do(ctx, desk{process: p, config: c, store: db}, words)
		return errors.Join(err, closeStore(db))
	}
}

func (p *process) existingStore(ctx context.Context, c config) (*store.Store, error) {
	if _, err := os.Stat(filepath.Join(c.DataDir, databaseFile)); err != nil {
		return nil, failed(err, fmt.Sprintf("there is no database in %s (%s)", c.DataDir, reason(err)),
			"name the server's data folder in HMCP_DATA_DIR, or start it once with "+startOnce(c))
	}
	log := newLogger(p.errOut, c)
	adjust, opened, err := p.besideReplica(c, log)
	if err != nil {
		return nil, err
	}
	db, err := openStore(ctx, c, p.now, log, append([]func(*store.Config){adjust}, p.adjust...)...)
	if err == nil {
		opened(db)
	}
	return db, err
}

// startOnce is how a server starts with these settings: with billing not before there
// is a webhook secret.
func startOnce(c config) string {
	if c.readyToBill() != nil {
		return fmt.Sprintf("`HMCP_BILLING_MODE=off %s serve`", binaryName)
	}
	return fmt.Sprintf("`%s serve`", binaryName)
}

// firstStore makes the database in a data folder that is empty, or not there, as the
// first start would. Where there is a replica it does not: that may hold the database.
func (p *process) firstStore(ctx context.Context, c config) (*store.Store, error) {
	found, err := os.ReadDir(c.DataDir)
	if len(found) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) || !c.bills() {
		return p.existingStore(ctx, c)
	}
	settings, err := p.replicaSettings(c)
	if err != nil {
		return nil, err
	}
	if settings.Configured() {
		return nil, failed(nil, fmt.Sprintf("there is no database in %s, and the replica may hold one", c.DataDir),
			"start the server once with "+startOnce(c)+", which restores it from there or makes a new one; then run this again")
	}
	log := newLogger(p.errOut, c)
	if err := openFolder(c.DataDir, log); err != nil {
		return nil, err
	}
	db, err := openStore(ctx, c, p.now, log, p.adjust...)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(p.out, "There was nothing in %s yet: the database of a new server was made there.\n", c.DataDir); err != nil {
		return nil, errors.Join(err, closeStore(db))
	}
	return db, nil
}

// kept takes the one refusal out of err that comes when all is done: the change
// is in the database, and the copy lacks it. A command says first what it did,
// since doing it again would do it twice, and returns note at its end.
func kept(err error) (rest, note error) {
	if !errors.Is(err, store.ErrNotReplicated) {
		return err, nil
	}
	return nil, failed(err, "this is saved here, and the copy on another machine does not have it yet",
		fmt.Sprintf("don't do it again; a running server copies it by itself, and `%s replica status` shows when", binaryName))
}

// plainAction is an adminAction of a command without flags.
func plainAction(do func(ctx context.Context, d desk, words []string) error) func(*flag.FlagSet) action {
	return func(*flag.FlagSet) action { return adminAction(do) }
}

func operator() store.Actor { return store.Actor{Kind: store.ActorOperator, Name: "command line"} }

// org finds the one org that word means: an id, or a name.
func (d desk) org(ctx context.Context, word string) (*store.Org, error) {
	var named []*store.Org
	for org, err := range d.store.EachOrg(ctx) {
		switch {
		case err != nil:
			return nil, d.problem(err)
		case org.ID() == word:
			return org, nil
		case strings.EqualFold(org.Name(), word):
			named = append(named, org)
		}
	}
	see := fmt.Sprintf("see `%s admin org list`", binaryName)
	switch len(named) {
	case 0:
		return nil, failed(store.ErrNotFound, fmt.Sprintf("there is no org %q", word), see)
	case 1:
		return named[0], nil
	}
	return nil, failed(nil, fmt.Sprintf("%d orgs are called %q", len(named), word), "name one by its id, "+see)
}

// member finds the member of org with this id or e-mail address.
func (d desk) member(ctx context.Context, org *store.Org, word string) (store.Member, error) {
	members, err := org.Members(ctx)
	if err != nil {
		return store.Member{}, d.problem(err)
	}
	for _, m := range members {
		if m.ID == word || strings.EqualFold(m.Email, word) {
			return m, nil
		}
	}
	return store.Member{}, failed(store.ErrNotFound, fmt.Sprintf("%s has no member %q", org.Name(), word),
		fmt.Sprintf("see `%s admin member list %s`", binaryName, org.ID()))
}

// problem puts what the store refuses into words; each command adds its own
// for the refusals that only it can explain.
func (d desk) problem(err error) error {
	var input *store.InputError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &input):
		return misused(fmt.Sprintf("the %s can't be taken", input.Field), input.Problem)
	}
	return storeProblem(d.config.DataDir, err)
}

// say is problem for a command with words of its own for one refusal.
func (d desk) say(err, refusal error, what, do string) error {
	if errors.Is(err, refusal) {
		return failed(err, what, do)
	}
	return d.problem(err)
}

func (d desk) printf(format string, values ...any) error {
	_, err := fmt.Fprintf(d.out, format, values...)
	return err
}

// baseURL is where the links lead: the settings must be the server's own.
func (d desk) baseURL() string {
	if d.config.BaseURL != "" {
		return d.config.BaseURL
	}
	return baseURLOf(d.config.Listen)
}

func (d desk) resetURL(link secret.Text) string { return d.baseURL() + "/reset/" + link.Reveal() }

// passwordLink makes a link with which the person chooses a password: one
// that nobody else has ever seen.
func (d desk) passwordLink(ctx context.Context, email string) (string, error) {
	link, err := d.store.CreatePasswordReset(ctx, email, operator())
	if err != nil {
		return "", d.say(err, store.ErrNotFound, fmt.Sprintf("nobody signs in with %q", email), fmt.Sprintf("see `%s admin member list ORG`", binaryName))
	}
	return d.resetURL(link), nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func minuteOr(t *time.Time, otherwise string) string {
	if t == nil {
		return otherwise
	}
	return t.UTC().Format("2006-01-02 15:04")
}
