// The org's connection to its Hostaway account: connect, test, replace the secret, disconnect. Credentials are tried by a
// real call before they are stored, and a secret is never written back into a page.
package dashboard

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// checkFor is how long a member waits for Hostaway at most.
const checkFor = 25 * time.Second

type connectionData struct {
	Connected  bool // there is a connection, working or refused
	Connection store.Connection
	Form       form
	CanManage  bool
	Plan       *plan // nil where nobody pays, and for those who don't see it
}

func (connectionData) Refused() store.ConnectionState { return store.ConnectionRefused }

func (d *Dashboard) connectionPage(c *fiber.Ctx, v *visit) error {
	return d.showConnection(c, v, form{}, 0)
}

func (d *Dashboard) showConnection(c *fiber.Ctx, v *visit, f form, status int) error {
	conn, err := v.org.Connection(c.UserContext())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	data := connectionData{Connected: err == nil, Connection: conn, Form: f, CanManage: v.manages()}
	if d.cfg.Billing != nil && data.CanManage {
		p, err := d.planOf(c, v)
		if err != nil {
			return err
		}
		if p.Counted == nil && conn.ListingCount != nil && conn.CountedAt != nil {
			p.Counted = &ListingsCounted{*conn.ListingCount, *conn.CountedAt}
		}
		data.Plan = &p
	}
	return d.show(c, v, shown{Page: "connection", Title: "Hostaway", Current: "/connection", Status: status, Data: data})
}

// connect tries the credentials and stores them with the token that they gave.
func (d *Dashboard) connect(c *fiber.Ctx, v *visit) error {
	f := readForm(c, "account")
	f.require(map[string]string{"account": "Give the account id."})
	account, err := strconv.ParseInt(f.Values["account"], 10, 64)
	if f.Values["account"] != "" && (err != nil || account <= 0) {
		f.Errors["account"] = "The account id is a number, such as 40160."
		f.summarize()
	}
	apiSecret := readSecret(c, &f)
	if !f.failed() {
		err = d.storeConnection(c, v, &f, account, apiSecret)
	}
	if f.failed() {
		return d.showConnection(c, v, f, fiber.StatusUnprocessableEntity)
	}
	return d.whenCopied(c, v, err, d.ending("/connection", "connected"))
}

// readSecret takes the secret from the form, without keeping it in the form.
func readSecret(c *fiber.Ctx, f *form) secret.Text {
	apiSecret := readForm(c, "secret").Values["secret"]
	if apiSecret == "" {
		f.Errors["secret"] = "Give the API secret."
		f.summarize()
	}
	return secret.New(apiSecret)
}

// storeConnection is what connecting and replacing the secret share. What went wrong is told in the form,
// except that the org has to wait: a *problem, which is returned, as is that the stored connection is not in the copy yet.
func (d *Dashboard) storeConnection(c *fiber.Ctx, v *visit, f *form, account int64, apiSecret secret.Text) error {
	checked, err := d.check(c, v, account, apiSecret)
	var wait *problem
	if errors.As(err, &wait) {
		return wait
	}
	if err == nil {
		_, err = v.org.Connect(c.UserContext(), v.actor(c), store.NewConnection{
			AccountID: account, Secret: apiSecret, ListingCount: checked.ListingCount, CountedAt: checked.CountedAt, Token: checked.Token,
		})
	}
	if err == nil || errors.Is(err, store.ErrNotReplicated) {
		d.cfg.Hostaway.Forget(v.org.ID())
		d.countConnected(c, v)
		return err
	}
	d.explain(c, v, f, err)
	return nil
}

// countConnected counts the listings that are billed while the member waits, for a while at most. Where that fails, or takes
// longer, the daily count follows: the connection stands.
func (d *Dashboard) countConnected(c *fiber.Ctx, v *visit) {
	if d.cfg.Billing == nil {
		return
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), checkFor)
	defer cancel()
	if err := d.cfg.Billing.CountConnected(ctx, v.org, v.actor(c)); err != nil {
		d.cfg.Log.WarnContext(c.UserContext(), "the listings are not counted yet after connecting", "error", err, "request_id", v.requestID)
	}
}

// check tries credentials, within the org's limit.
func (d *Dashboard) check(c *fiber.Ctx, v *visit, account int64, apiSecret secret.Text) (Checked, error) {
	if err := d.checks.begin(v.org.ID()); err != nil {
		return Checked{}, err
	}
	defer d.checks.end(v.org.ID())
	ctx, cancel := context.WithTimeout(c.UserContext(), checkFor)
	defer cancel()
	return d.cfg.Hostaway.Check(ctx, v.org.ID(), account, apiSecret)
}

const (
	checksMost   = 5
	checksWindow = time.Minute
	checkPause   = 5 * time.Second
)

// newCheckTurns bounds how often an org tries credentials.
func newCheckTurns(now func() time.Time) *turns {
	return &turns{now: now, most: checksMost, window: checksWindow, pause: checkPause, orgs: map[string]*orgTurns{}, words: turnWords{
		Code: "too_many_checks", Title: "Too many checks",
		Running: "Another check of this org's is still waiting for Hostaway. Nothing was stored.",
		Often:   "This org has tried credentials several times within a minute. Nothing was stored.",
	}}
}

// checkWords say for each kind of failed check what to do now.
var checkWords = map[CheckKind]struct{ summary, next, flash string }{
	CheckRefused: {
		"Hostaway refused these credentials.",
		"Compare the account id, and make a new API key in Hostaway under Settings → Hostaway API: its secret is shown only once. Nothing was stored.", "test-refused",
	},
	CheckUnreachable: {
		"Hostaway could not be reached.",
		"Nothing was stored. Try again in a minute; if it stays, see whether Hostaway reports a disturbance.", "test-unreachable",
	},
	CheckRateLimited: {
		"Hostaway is limiting calls for this account right now.",
		"Nothing was stored. Wait a minute, then try again; other integrations on the account share the same limit.", "test-limited",
	},
	CheckOddAnswer: {
		"Hostaway gave an answer that we do not understand.",
		"Nothing was stored. Try again; if it stays, tell the operator of this server.", "test-odd",
	},
}

// explain turns a failure into words at the form.
func (d *Dashboard) explain(c *fiber.Ctx, v *visit, f *form, err error) {
	var check *CheckError
	switch {
	case errors.As(err, &check) && checkWords[check.Kind].summary != "":
		words := checkWords[check.Kind]
		f.Summary, f.Next = words.summary, words.next
	case errors.Is(err, store.ErrConflict):
		f.Summary = "This Hostaway account is connected to another org on this server."
		f.Next = "One account belongs to one org. Disconnect it there first, or ask the operator of this server."
	case f.refused(err, map[string]string{"account_id": "account", "account": "account", "secret": "secret"}):
	case errors.Is(err, store.ErrDiskFull):
		p := toProblem(err)
		f.Summary, f.Next = p.Title+".", p.Message+" "+p.Next
	default:
		d.logInternal(c, v, err)
		f.Summary = "This did not work, and the fault is on our side."
		f.Next = "Nothing was stored. Try again; if it stays, give the request id " + v.requestID + " to the operator of this server."
	}
}

// testConnection tries the stored credentials now and remembers the result.
func (d *Dashboard) testConnection(c *fiber.Ctx, v *visit) error {
	creds, err := v.org.Credentials(c.UserContext())
	if err != nil {
		return err
	}
	checked, err := d.check(c, v, creds.AccountID, creds.Secret)
	var check *CheckError
	switch {
	case err == nil:
		err = errors.Join(v.org.MarkConnectionChecked(c.UserContext(), creds.Version, checked.ListingCount, checked.CountedAt),
			v.org.SaveHostawayToken(c.UserContext(), creds.Version, checked.Token))
	case errors.As(err, &check) && check.Kind == CheckRefused:
		err = v.org.MarkConnectionRefused(c.UserContext(), creds.Version, "Hostaway refused the credentials in a test.")
	case errors.As(err, &check):
		err = nil
	}
	if err != nil {
		return err
	}
	d.cfg.Hostaway.Forget(v.org.ID())
	code, result := "tested", "accepted"
	if check != nil {
		code, result = checkWords[check.Kind].flash, string(check.Kind)
	}
	action := store.Action{Name: "connection.tested", Target: strconv.FormatInt(creds.AccountID, 10), Detail: result}
	if err := v.org.RecordAction(c.UserContext(), v.actor(c), action); err != nil {
		return err
	}
	return d.done(c, "/connection", code)
}

func (d *Dashboard) replaceSecretPage(c *fiber.Ctx, v *visit) error {
	return d.showReplaceSecret(c, v, form{}, 0)
}

func (d *Dashboard) showReplaceSecret(c *fiber.Ctx, v *visit, f form, status int) error {
	conn, err := v.org.Connection(c.UserContext())
	if err != nil {
		return err
	}
	return d.show(c, v, shown{
		Page: "connection-secret", Title: "Replace the secret", Current: "/connection", Status: status,
		Data: connectionData{Connection: conn, Form: f, CanManage: true},
	})
}

// replaceSecret keeps the account and takes a new secret, for after a refusal or a rotation.
func (d *Dashboard) replaceSecret(c *fiber.Ctx, v *visit) error {
	conn, err := v.org.Connection(c.UserContext())
	if err != nil {
		return err
	}
	f := readForm(c)
	apiSecret := readSecret(c, &f)
	if !f.failed() {
		err = d.storeConnection(c, v, &f, conn.AccountID, apiSecret)
	}
	if f.failed() {
		return d.showReplaceSecret(c, v, f, fiber.StatusUnprocessableEntity)
	}
	return d.whenCopied(c, v, err, d.ending("/connection", "replaced"))
}

func (d *Dashboard) disconnectPage(c *fiber.Ctx, v *visit) error {
	return d.showDisconnect(c, v, form{}, 0)
}

func (d *Dashboard) showDisconnect(c *fiber.Ctx, v *visit, f form, status int) error {
	conn, err := v.org.Connection(c.UserContext())
	if err != nil {
		return err
	}
	return d.show(c, v, shown{
		Page: "connection-disconnect", Title: "Disconnect Hostaway", Current: "/connection", Status: status,
		Data: connectionData{Connection: conn, Form: f, CanManage: true},
	})
}

// disconnect wants the account id typed, since it stops every assistant of the org.
func (d *Dashboard) disconnect(c *fiber.Ctx, v *visit) error {
	conn, err := v.org.Connection(c.UserContext())
	if err != nil {
		return err
	}
	f := readForm(c, "account")
	if f.Values["account"] != strconv.FormatInt(conn.AccountID, 10) {
		f.Errors["account"] = "Type the account id exactly as shown."
		f.summarize()
		return d.showDisconnect(c, v, f, fiber.StatusUnprocessableEntity)
	}
	err = v.org.Disconnect(c.UserContext(), v.actor(c))
	d.cfg.Hostaway.Forget(v.org.ID()) // a connection that is still there is asked for anew
	return d.whenCopied(c, v, err, d.ending("/connection", "disconnected"))
}
