// The first page after sign-in: what is left to do, the figures of the last 30 days, and what happened lately.
package dashboard

import (
	"errors"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

// The overview looks at the last activityEntries of the audit log, and tells them in activityRows lines at most.
const (
	activityEntries = 60
	activityRows    = 7
)

// longestUsage is how many days the store looks back at once.
const longestUsage = 400

// step is one line of the checklist; it is ticked by what is really there.
type step struct {
	Number       int
	Title, Text  string
	Done, Now    bool
	Href, Action string
}

type overviewData struct {
	Steps      []step
	StepsDone  int
	KPIs       []kpi
	Chart      template.HTML
	Empty      bool
	Activity   []activity
	Endpoint   string
	CanManage  bool
	Connection *store.Connection
}

// AllDone hides the checklist.
func (o overviewData) AllDone() bool { return o.StepsDone == len(o.Steps) }

// Progress is the share of steps done, in percent.
func (o overviewData) Progress() float64 { return 100 * float64(o.StepsDone) / float64(len(o.Steps)) }

// facts are what the overview knows about the org.
type facts struct {
	conn        *store.Connection
	active      int
	now, before store.Usage
	everCalled  bool
	manages     bool
	unverified  bool
	plan        *plan // nil where nobody pays, and for those who don't see it
}

func (d *Dashboard) overviewPage(c *fiber.Ctx, v *visit) error {
	f, err := d.gather(c, v)
	if err != nil {
		return err
	}
	entries, _, err := v.org.ListAudit(c.UserContext(), store.AuditFilter{Limit: activityEntries})
	if err != nil {
		return err
	}
	data := overviewData{
		Steps: steps(f), KPIs: overviewKPIs(f, d.cfg.Now()),
		Chart: bars(f.now.Days, d.cfg.Now().UTC().Format(time.DateOnly)), Empty: f.now.Total == 0,
		Activity: activities(entries, activityRows), Endpoint: d.cfg.BaseURL + "/mcp", CanManage: f.manages, Connection: f.conn,
	}
	for _, s := range data.Steps {
		if s.Done {
			data.StepsDone++
		}
	}
	return d.show(c, v, shown{Page: "overview", Title: "Overview", Current: "/", Data: data})
}

// gather reads what the page shows.
func (d *Dashboard) gather(c *fiber.Ctx, v *visit) (facts, error) {
	f := facts{manages: v.manages(), unverified: d.unverified(v)}
	conn, err := v.org.Connection(c.UserContext())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return f, err
	}
	if err == nil {
		f.conn = &conn
	}
	active, _, err := listKeys(c, v)
	if err != nil {
		return f, err
	}
	f.active = len(active)
	if f.now, f.before, err = d.usageOf(c, v.org, usualRange); err != nil {
		return f, err
	}
	if d.cfg.Billing != nil && f.manages {
		p, err := d.planOf(c, v)
		if err != nil {
			return f, err
		}
		f.plan = &p
	}
	if f.everCalled = f.now.Total+f.before.Total > 0; !f.everCalled {
		from, to := dayWindow(d.cfg.Now(), longestUsage)
		all, err := v.org.Usage(c.UserContext(), from, to)
		if err != nil {
			return f, err
		}
		f.everCalled = all.Total > 0
	}
	return f, nil
}

// steps are the way to the first answer. The first one that is not done is "now".
func steps(f facts) []step {
	list := []step{
		{
			Title: "Connect Hostaway", Text: "Your account id and API secret, tried before they are stored", Href: "/connection", Action: "Connect",
			Done: f.conn != nil && f.conn.State == store.ConnectionConnected,
		},
		{Title: "Create an API key", Text: "One for each assistant or computer, so that you can revoke it alone", Href: "/keys", Action: "Create key", Done: f.active > 0},
		{Title: "Make the first call", Text: "Set up Claude, Cursor or VS Code with the key and ask about a reservation", Href: "/keys", Action: "Show set-up", Done: f.everCalled},
	}
	if f.conn != nil {
		list[0].Text = fmt.Sprintf("Account %d", f.conn.AccountID)
		if f.conn.ListingCount != nil {
			list[0].Text += ", " + plural(*f.conn.ListingCount, "active listing")
		}
		if f.conn.State == store.ConnectionRefused {
			list[0].Text, list[0].Action = "Hostaway refuses the stored credentials", "Reconnect"
		}
	}
	if f.unverified {
		list = append([]step{{Title: "Confirm your email address", Text: "With the link in the mail that we sent you", Href: verifyHref, Action: "Confirm"}}, list...)
	}
	now := true
	for i := range list {
		list[i].Number = i + 1
		list[i].Now = now && !list[i].Done
		now = now && list[i].Done
	}
	return list
}

// overviewKPIs are four figures: where there is a bill to look at, it takes the place of the keys.
func overviewKPIs(f facts, now time.Time) []kpi {
	kpis := usageKPIs(f.now, f.before, usualRange)
	if f.plan == nil {
		return append(kpis, keysKPI(f), listingsKPI(f, now))
	}
	return append(kpis, listingsKPI(f, now), billKPI(*f.plan))
}

// billKPI is what the listings cost a month, by our own sum.
func billKPI(p plan) kpi {
	k := kpi{Label: "Projected bill", Value: p.Monthly().String(), Hint: "listings are not counted yet", Bad: p.State == BillingSuspended || p.State == BillingGrace}
	switch {
	case p.State == BillingExempt:
		k.Value, k.Hint = "None", "complimentary"
	case !p.Monthly().Known():
	case p.Subscribed():
		k.Hint = "a month, " + strings.TrimSuffix(p.Sum(), " =")
	default:
		k.Hint = "a month once subscribed, " + strings.TrimSuffix(p.Sum(), " =")
	}
	return k
}

func keysKPI(f facts) kpi {
	return kpi{Label: "Active API keys", Value: number(f.active), Hint: fmt.Sprintf("of %d", keyLimit)}
}

func listingsKPI(f facts, now time.Time) kpi {
	k := kpi{Label: "Active listings", Value: "–", Hint: "Hostaway is not connected"}
	if f.conn == nil {
		return k
	}
	k.Hint = "not counted yet"
	if f.conn.ListingCount != nil {
		k.Value, k.Hint = number(*f.conn.ListingCount), "in Hostaway"
		if f.conn.CountedAt != nil {
			k.Hint = "counted " + since(*f.conn.CountedAt, now)
		}
	}
	return k
}
