// Billing for the operator: what the reconciler found broken, which counts and orgs wait for a person's decision, and how the
// orgs stand. Names of orgs and numbers, nothing of what lies inside them.
package dashboard

import (
	"errors"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

const operatorBillingHref = "/operator/billing"

type operatorBillingData struct {
	Status  BillingStatus
	Verdict verdict
	KPIs    []kpi
	States  []stateRow
	Form    string
}

// stateRow is how many orgs are in a state, with its share in percent.
type stateRow struct {
	Name, Tone string
	Orgs       int
	Share      float64
}

// Why says in a few words why the count is held.
func (h OrgHeld) Why() string { return heldWords[h.Reason].row }

// Waits says what it waits for.
func (h OrgHeld) Waits() string {
	if h.NeedsOperator {
		return "it waits for you"
	}
	return heldWords[h.Reason].waits
}

// lateEvent and lateSweep are how long events and the comparison may take before they are trouble.
const (
	lateEvent = 10 * time.Minute
	lateSweep = 2 * time.Hour
)

func (d *Dashboard) operatorBillingPage(c *fiber.Ctx, v *visit) error {
	s, err := d.cfg.BillingOperator.Status(c.UserContext())
	if err != nil {
		return err
	}
	data := operatorBillingData{Status: s, Verdict: judgeBilling(s), KPIs: billingKPIs(s, d.cfg.Now()), States: stateRows(s.States), Form: formID()}
	return d.show(c, v, shown{Page: "operator-billing", Title: "All billing", Current: operatorBillingHref, Data: data})
}

// judgeBilling sums up what waits for a person.
func judgeBilling(s BillingStatus) verdict {
	v := verdict{State: HealthOK, Text: "All invariants hold", Icon: "circle-check", Note: "good"}
	switch {
	case s.ReconciledAt != nil:
	case s.LastSweepAt != nil:
		v.Text = "Nothing found so far; not all invariants were checked yet"
	default:
		v = verdict{State: HealthUnknown, Text: "Nothing was checked yet", Icon: "info", Note: "info"}
	}
	waiting := 0
	for _, held := range s.Held {
		if held.NeedsOperator {
			waiting++
		}
	}
	waiting += len(s.Refused)
	if waiting > 0 {
		v = verdict{State: HealthWarn, Text: counted(waiting, "org waits for a decision", "orgs wait for a decision"), Icon: "triangle-alert", Note: "warn"}
	}
	if s.OldestEvent > lateEvent {
		v = verdict{State: HealthWarn, Text: "Stripe’s events wait for " + duration(s.OldestEvent), Icon: "triangle-alert", Note: "warn"}
	}
	if u := s.Unbelieved; u != nil {
		v = verdict{State: HealthWarn, Text: "Some of Stripe’s events are refused", Icon: "triangle-alert", Note: "warn", First: sentence(u.Text), Do: sentence(u.Do)}
		if u.All {
			v.State, v.Text, v.Icon, v.Note = HealthFail, "Stripe’s events are refused", "circle-alert", "bad"
		}
	}
	if n := len(s.Findings); n > 0 && v.State != HealthFail {
		v = verdict{State: HealthFail, Text: counted(n, "invariant is broken", "invariants are broken"), Icon: "circle-alert", Note: "bad"}
	}
	for _, c := range s.Stripe { // without Stripe, the rest is of before
		v = verdict{State: HealthWarn, Text: "Stripe does not answer", Icon: "triangle-alert", Note: "warn", First: sentence(c.Text), Do: sentence(c.Do)}
		if c.State == HealthFail {
			v.State, v.Text, v.Icon, v.Note = HealthFail, "Stripe refuses the settings", "circle-alert", "bad"
		}
	}
	if s.Halted != "" {
		v = verdict{State: HealthFail, Text: "The reconciler has stopped repairing", Icon: "circle-alert", Note: "bad", First: "The reconciler has stopped repairing by itself.", Do: sentence(s.Halted)}
	}
	return v
}

func billingKPIs(s BillingStatus, now time.Time) []kpi {
	paying, stopped, all := 0, 0, 0
	for _, state := range s.States {
		all += state.Orgs
		if state.State == BillingActive || state.State == BillingGrace {
			paying += state.Orgs
		}
		if state.State.stopsTools() {
			stopped += state.Orgs
		}
	}
	inbox := kpi{Label: "Stripe’s events", Value: number(s.PendingEvents), Hint: "none yet", Bad: s.OldestEvent > lateEvent}
	if s.LastEventAt != nil {
		inbox.Hint = "waiting; last one came " + since(*s.LastEventAt, now)
	}
	if s.PendingEvents > 0 {
		inbox.Hint = "waiting, the oldest for " + duration(s.OldestEvent)
	}
	sweep := kpi{Label: "Compared with Stripe", Value: "–", Hint: "not yet"}
	if s.LastSweepAt != nil {
		sweep.Value, sweep.Bad = since(*s.LastSweepAt, now), now.Sub(*s.LastSweepAt) > lateSweep
		sweep.Hint = "all invariants: not yet"
		if s.ReconciledAt != nil {
			sweep.Hint = "all invariants: " + since(*s.ReconciledAt, now)
		}
	}
	return []kpi{
		{Label: "Paying orgs", Value: number(paying), Hint: "of " + number(all)},
		{Label: "Tools stopped", Value: number(stopped), Hint: "by an overdue payment or an ended plan"},
		inbox, sweep,
	}
}

// stateRows keeps the order in which they come.
func stateRows(states []StateCount) []stateRow {
	all := 0
	for _, s := range states {
		all += s.Orgs
	}
	rows := make([]stateRow, 0, len(states))
	for _, s := range states {
		row := stateRow{Name: capital(string(s.State)), Tone: "none", Orgs: s.Orgs, Share: 100 * float64(s.Orgs) / float64(max(all, 1))}
		if words, ok := planWords[s.State]; ok {
			row.Tone = words.tone
		}
		rows = append(rows, row)
	}
	return rows
}

// compareNow has all invariants checked, which the server does by itself once a day.
func (d *Dashboard) compareNow(c *fiber.Ctx, v *visit) error {
	became, err := d.cfg.BillingOperator.Compare(c.UserContext())
	if err != nil {
		return err
	}
	by := v.actor(c)
	d.cfg.Log.InfoContext(c.UserContext(), "an operator has billing compared with Stripe", "member", by.ID, "name", by.Name, "became", string(became))
	return d.done(c, operatorBillingHref, "compare-"+string(became))
}

// releaseCount is a person's decision that a held count is right.
func (d *Dashboard) releaseCount(c *fiber.Ctx, v *visit) error {
	f := readForm(c, "org", "listings")
	listings, err := strconv.Atoi(f.Values["listings"])
	if err != nil || listings < 0 {
		return &problem{Status: 422, Code: "invalid", Title: "Please check the form", Message: "The number of listings is missing. Nothing was changed.", Next: "Go back to the page and choose Release there."}
	}
	return d.decide(c, v, "released", func() error {
		return d.cfg.BillingOperator.Release(c.UserContext(), f.Values["org"], listings, v.actor(c))
	})
}

// decideRefused is a person's decision about an org that can't be counted.
func (d *Dashboard) decideRefused(c *fiber.Ctx, v *visit) error {
	f := readForm(c, "org", "decision")
	decision := RefusedDecision(f.Values["decision"])
	if decision != RefusedWait && decision != RefusedZero {
		return &problem{Status: 422, Code: "invalid", Title: "Please check the form", Message: "The decision is missing. Nothing was changed.", Next: "Go back to the page and choose one of the two."}
	}
	return d.decide(c, v, "decided", func() error {
		return d.cfg.BillingOperator.DecideRefused(c.UserContext(), f.Values["org"], decision, v.actor(c))
	})
}

var errDecided = &problem{
	Status: 409, Code: "changed_meanwhile", Title: "It has changed meanwhile",
	Message: "What was on the page is no longer what is waiting. Nothing was changed.", Next: "Open the page again and decide on what stands there now.",
}

// decide does what a form of the operator asks for, once.
func (d *Dashboard) decide(c *fiber.Ctx, v *visit, code string, do func() error) error {
	sent := posted(c, "once")
	if !d.once.first(v.org.ID(), sent) {
		return d.done(c, operatorBillingHref, "billing-repeated")
	}
	err := do()
	if err != nil && !errors.Is(err, store.ErrNotReplicated) {
		d.once.forget(v.org.ID(), sent)
	}
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return errDecided
	}
	return d.whenCopied(c, v, err, d.ending(operatorBillingHref, code))
}

// billingLine is billing on the operator's first page, nil where nobody pays.
type billingLine struct {
	Verdict           verdict
	Findings, Waiting int
	Orgs              []stateRow
	LastSweepAt       *time.Time
}

func (d *Dashboard) billingLine(c *fiber.Ctx) (*billingLine, error) {
	if d.cfg.BillingOperator == nil {
		return nil, nil
	}
	s, err := d.cfg.BillingOperator.Status(c.UserContext())
	if err != nil {
		return nil, err
	}
	return &billingLine{judgeBilling(s), len(s.Findings), len(s.Held) + len(s.Refused), stateRows(s.States), s.LastSweepAt}, nil
}

type apiFinding struct {
	Invariant string    `json:"invariant"`
	OrgID     string    `json:"org_id"`
	Text      string    `json:"text"`
	Do        string    `json:"do"`
	Since     time.Time `json:"since"`
}

type apiHeldCount struct {
	OrgID         string     `json:"org_id"`
	Reason        HoldReason `json:"reason"`
	Listings      int        `json:"listings"`
	Billed        int        `json:"billed"`
	Since         time.Time  `json:"since"`
	NeedsOperator bool       `json:"needs_operator"`
}

type apiRefused struct {
	OrgID  string    `json:"org_id"`
	Since  time.Time `json:"since"`
	Billed *int      `json:"billed"`
}

type apiStateCount struct {
	State BillingState `json:"state"`
	Orgs  int          `json:"orgs"`
}

type apiBillingStatus struct {
	State         HealthState     `json:"state"`
	Findings      []apiFinding    `json:"findings"`
	Repaired      []apiFinding    `json:"repaired"`
	Held          []apiHeldCount  `json:"held"`
	Refused       []apiRefused    `json:"credentials_refused"`
	States        []apiStateCount `json:"states"`
	Halted        string          `json:"halted"`
	PendingEvents int             `json:"pending_events"`
	OldestEventMS int64           `json:"oldest_event_ms"`
	LastEventAt   *time.Time      `json:"last_event_at"`
	LastSweepAt   *time.Time      `json:"last_sweep_at"`
	ReconciledAt  *time.Time      `json:"reconciled_at"`
	Mismatched    int             `json:"mismatched_events"`
	VerifiedAt    *time.Time      `json:"last_verified_at"`
	RefusedPosts  int             `json:"refused_posts"`
	RefusedAt     *time.Time      `json:"last_refused_at"`
}

func apiFindings(found []BillingFinding) []apiFinding {
	out := make([]apiFinding, 0, len(found))
	for _, f := range found {
		one := apiFinding{Invariant: f.Invariant, Text: f.Text, Do: f.Do, Since: f.Since}
		if f.Org != nil {
			one.OrgID = f.Org.ID
		}
		out = append(out, one)
	}
	return out
}

func (d *Dashboard) apiOperatorBilling(c *fiber.Ctx, _ *visit) error {
	s, err := d.cfg.BillingOperator.Status(c.UserContext())
	if err != nil {
		return err
	}
	out := apiBillingStatus{
		State: judgeBilling(s).State, Findings: apiFindings(s.Findings), Repaired: apiFindings(s.Repaired), Held: []apiHeldCount{}, Refused: []apiRefused{}, States: []apiStateCount{}, Halted: s.Halted,
		PendingEvents: s.PendingEvents, OldestEventMS: s.OldestEvent.Milliseconds(), LastEventAt: s.LastEventAt, LastSweepAt: s.LastSweepAt, ReconciledAt: s.ReconciledAt, Mismatched: s.Mismatched,
		VerifiedAt: s.VerifiedAt, RefusedPosts: s.RefusedPosts, RefusedAt: s.RefusedAt,
	}
	for _, h := range s.Held {
		out.Held = append(out.Held, apiHeldCount{h.Org.ID, h.Reason, h.Listings, h.Billed, h.Since, h.NeedsOperator})
	}
	for _, r := range s.Refused {
		out.Refused = append(out.Refused, apiRefused{r.Org.ID, r.Since, r.Billed})
	}
	for _, n := range s.States {
		out.States = append(out.States, apiStateCount(n))
	}
	return c.JSON(out)
}
