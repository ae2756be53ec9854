// Money chaos: orgs gain and lose listings for months while Stripe and Hostaway fail in every way; then each closed period
// must have cost exactly what the ledger says, and the ledger must say what Hostaway showed. Three ways of doing it that
// look reasonable go through the same run, and must fail.
package billing

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

const (
	chaosStep = 2 * time.Hour
	stepsADay = int(24 * time.Hour / chaosStep)
)

// moneyOrg is one org of the run, with what its listings really were.
type moneyOrg struct {
	org                *store.Org
	subscription, item string
	customer           string
	truth              []quantityStep // complete walks, as of the moment they ended
	listings, slot     int
	done               int // what a naive sender believes that Stripe has
	outbox             []outboxed
	tries              int
	nextTry            time.Time
}

type outboxed struct {
	key      string
	quantity int
}

// sender brings quantities to Stripe.
type sender struct {
	name string
	// trusts: a walk that broke off is taken for a whole one.
	trusts bool
	// counted is told of each new count; tick comes with every step of the clock.
	counted func(*moneyRun, context.Context, *moneyOrg, int)
	tick    func(*moneyRun, context.Context, *testing.T)
}

// desiredState is what the program does.
func desiredState() sender {
	return sender{
		name:    "desired state",
		counted: func(*moneyRun, context.Context, *moneyOrg, int) {},
		tick:    func(r *moneyRun, _ context.Context, t *testing.T) { t.Helper(); r.bring(t) },
	}
}

// partialTrusted is the same with walks that broke off.
func partialTrusted() sender {
	s := desiredState()
	s.name, s.trusts = "partial walks trusted", true
	return s
}

// naivePost sends each change once, and once more when that fails; what fails twice waits for the next day's difference.
func naivePost() sender {
	return sender{
		name: "naive POST",
		counted: func(r *moneyRun, ctx context.Context, o *moneyOrg, n int) {
			if n == o.done {
				return
			}
			for range 2 {
				r.posts++
				_, err := r.Billing.stripe.updateQuantity(ctx, o.subscription, o.item, int64(n), r.now(), fmt.Sprintf("naive:%s:%d", o.subscription, r.posts))
				if err == nil {
					o.done = n
					return
				}
			}
		},
		tick: func(*moneyRun, context.Context, *testing.T) {},
	}
}

// fifoOutbox queues each change, and tries the first with one key until it succeeds.
func fifoOutbox() sender {
	return sender{
		name: "FIFO outbox, one key",
		counted: func(r *moneyRun, _ context.Context, o *moneyOrg, n int) {
			if n != o.done {
				r.posts++
				o.done, o.outbox = n, append(o.outbox, outboxed{fmt.Sprintf("fifo:%s:%d", o.subscription, r.posts), n})
			}
		},
		tick: func(r *moneyRun, ctx context.Context, _ *testing.T) {
			for _, o := range r.orgs {
				for len(o.outbox) > 0 && !r.now().Before(o.nextTry) {
					_, err := r.Billing.stripe.updateQuantity(ctx, o.subscription, o.item, int64(o.outbox[0].quantity), r.now(), o.outbox[0].key)
					if err != nil {
						o.tries++
						o.nextTry = r.now().Add(min(chaosStep<<o.tries, 6*time.Hour))
						break
					}
					o.outbox, o.tries = o.outbox[1:], 0
				}
			}
		},
	}
}

// moneyRun is one run of a sender.
type moneyRun struct {
	*office

	sender  sender
	seed    uint64
	orgs    []*moneyOrg
	weather *weather
	partial int
	posts   int
	outages int
}

func runMoney(t *testing.T, s sender, seed uint64, orgs, days int) *moneyRun {
	t.Helper()
	r := &moneyRun{sender: s, seed: seed, weather: newWeather(seed)}
	r.office = newOffice(t, func(o *stripetest.Options) {
		o.Now, o.SignedAt = time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), func() time.Time { return r.now() }
	})
	r.stripe.AddEndpoint(stripetest.Endpoint{Handler: r.Webhooks(), Secret: testSecret, Events: subscribedEvents()})
	begin := diceOf(seed, "begin")
	for i := range orgs {
		o := &moneyOrg{listings: 1 + begin.IntN(60), slot: begin.IntN(stepsADay)}
		o.org = r.org(t, int64(100+i), o.listings)
		o.subscription = r.subscribe(t, o.org)
		o.done, o.truth = o.listings, []quantityStep{{r.now(), o.listings}}
		seen, _ := r.stripe.Subscription(o.subscription)
		o.item, o.customer = seen.Items[0].ID, seen.Customer
		r.orgs = append(r.orgs, o)
		if i%8 == 7 {
			r.stripe.Advance(time.Duration(begin.IntN(20)) * time.Hour) // not all in one month
		}
	}
	r.stripe.FailBy(r.weather.fault)
	for step := range days * stepsADay {
		r.step(t, step)
	}
	r.stripe.Heal()
	for range 10 {
		r.stripe.Advance(2 * time.Hour)
		r.stripe.Deliver()
		if _, err := r.WorkInbox(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.tick(r, t.Context(), t)
	}
	return r
}

// step is two hours.
func (r *moneyRun) step(t *testing.T, step int) {
	t.Helper()
	r.stripe.Advance(chaosStep)
	storm := diceOf(r.seed, fmt.Sprint("storm", step))
	if storm.Float64() < 0.016 {
		r.outages++
		r.stripe.Outage(r.now(), r.now().Add(time.Duration(1+storm.IntN(5))*time.Hour))
	}
	for i, o := range r.orgs {
		if step%stepsADay == o.slot {
			r.count(t, o, diceOf(r.seed, fmt.Sprint("count", step, i)).Float64)
		}
		r.cards(t, o, i, step)
	}
	r.stripe.Deliver()
	if _, err := r.WorkInbox(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.sender.tick(r, t.Context(), t)
}

// cards has every tenth org's card fail in the second month, for five days.
func (r *moneyRun) cards(t *testing.T, o *moneyOrg, i, step int) {
	t.Helper()
	if i%10 != 9 {
		return
	}
	var err error
	switch step {
	case 25 * stepsADay:
		err = r.stripe.SetCard(o.customer, stripetest.CardDeclined)
	case 36 * stepsADay:
		err = r.stripe.SetCard(o.customer, stripetest.CardGood)
		for _, v := range r.stripe.Invoices(o.customer) {
			if v.Status == "open" && err == nil {
				err = r.stripe.RetryInvoice(v.ID)
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// count is an org's walk of the day: a third of the time something has changed, and 3 % of the walks break off.
func (r *moneyRun) count(t *testing.T, o *moneyOrg, dice func() float64) {
	t.Helper()
	if dice() < 0.35 {
		o.listings = max(1, o.listings+int(dice()*7)-3)
	}
	seen, broken := o.listings, dice() < 0.03
	r.hostaway.set(o.org, seen)
	switch {
	case broken && r.sender.trusts:
		seen = int(float64(seen) * (0.4 + 0.6*dice()))
		r.hostaway.set(o.org, seen)
	case broken:
		r.hostaway.breakOff(o.org)
	case o.truth[len(o.truth)-1].Quantity != o.listings:
		o.truth = append(o.truth, quantityStep{r.now(), o.listings})
	}
	_, err := r.Count(t.Context(), o.org, store.CountDaily, system())
	if broken {
		r.partial++
	}
	if err != nil && (!broken || !errors.Is(err, ErrIncomplete)) {
		t.Fatal(err)
	}
	if err == nil {
		r.sender.counted(r, t.Context(), o, seen)
	}
}

// verdictOf says what is wrong with an org's bills; nothing is right. It also adds up what was billed and what the truth
// would have cost, over its closed periods.
func (r *moneyRun) verdictOf(t *testing.T, o *moneyOrg, sums *moneySums) (wrong []string) {
	t.Helper()
	for p, s := range r.settlements(t, o.org, o.subscription) {
		sums.periods++
		sums.lines += s.Lines
		sums.billed += s.Billed
		sums.add(s, integral(o.truth, p, r.unit))
		if !s.exact() {
			wrong = append(wrong, fmt.Sprintf("%s to %s: billed %d over %d lines, the ledger says %s", p.Start.Format(time.DateOnly), p.End.Format(time.DateOnly),
				s.Billed, s.Lines, s.Expected.FloatString(3)))
		}
	}
	wrong = append(wrong, r.unfaithful(t, o)...)
	if q, last := r.quantity(t, o.subscription), o.truth[len(o.truth)-1].Quantity; q != last && !r.desired(t, o.org).Held() {
		wrong = append(wrong, fmt.Sprintf("in the end Stripe has %d, and there are %d listings", q, last))
	}
	return wrong
}

// unfaithful compares the ledger with what Hostaway really showed: wherever they differ, the ledger must say why.
func (r *moneyRun) unfaithful(t *testing.T, o *moneyOrg) (wrong []string) {
	t.Helper()
	rows, err := o.org.Billable(t.Context(), time.Unix(0, 0), r.now().AddDate(9, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(rows, func(a, b store.BillableChange) int { return a.EffectiveAt.Compare(b.EffectiveAt) })
	var moments []time.Time
	for _, s := range o.truth {
		moments = append(moments, s.At)
	}
	for _, row := range rows {
		moments = append(moments, row.EffectiveAt)
	}
	for _, at := range moments {
		if at.Before(o.truth[0].At) {
			continue
		}
		row, true := rowAt(rows, at), quantityAt(o.truth, at)
		explained := row.Reason == store.BillableHold || row.Reason == store.BillableClamp
		if row.Quantity != true && !explained {
			wrong = append(wrong, fmt.Sprintf("at %s the ledger says %d (%s), and there were %d listings", at.Format(time.DateTime), row.Quantity, row.Reason, true))
		}
	}
	return wrong
}

func rowAt(rows []store.BillableChange, at time.Time) (in store.BillableChange) {
	for _, row := range rows {
		if !row.EffectiveAt.After(at) {
			in = row
		}
	}
	return in
}

func quantityAt(steps []quantityStep, at time.Time) (n int) {
	for _, s := range steps {
		if !s.At.After(at) {
			n = s.Quantity
		}
	}
	return n
}

// moneySums are the figures of a run.
type moneySums struct {
	periods, lines int
	billed         int64
	truth, off     big.Rat // what the truth costs, and how far the bills are from it
	worst          float64 // the largest of those distances, of one period, in minor units
}

func (m *moneySums) add(s settlement, truth *big.Rat) {
	m.truth.Add(&m.truth, truth)
	d := new(big.Rat).Sub(new(big.Rat).SetInt64(s.Billed), truth)
	m.off.Add(&m.off, d.Abs(d))
	if f, _ := d.Float64(); f > m.worst {
		m.worst = f
	}
}

func (m *moneySums) share() float64 {
	if m.truth.Sign() == 0 {
		return 0
	}
	f, _ := new(big.Rat).Quo(&m.off, &m.truth).Float64()
	return f
}

// report is how many orgs are billed wrongly.
func (r *moneyRun) report(t *testing.T, each func(o *moneyOrg, wrong []string)) int {
	t.Helper()
	var sums moneySums
	bad := 0
	for _, o := range r.orgs {
		if wrong := r.verdictOf(t, o, &sums); len(wrong) > 0 {
			bad++
			each(o, wrong)
		}
	}
	t.Logf("%s, seed %d: %d of %d orgs billed wrongly; %d closed periods, %d lines over %.2f, %.4f %% from the truth, worst period %.2f minor units; %d outages, %d walks broken off; %s",
		r.sender.name, r.seed, bad, len(r.orgs), sums.periods, sums.lines, float64(sums.billed)/100, sums.share()*100, sums.worst, r.outages, r.partial, r.weather)
	if sums.periods < len(r.orgs) {
		t.Errorf("only %d periods were closed for %d orgs", sums.periods, len(r.orgs))
	}
	return bad
}

// TestMoneyChaos: every closed period of every org is billed as the ledger says, within half a minor unit for each line.
func TestMoneyChaos(t *testing.T) {
	t.Parallel()
	seed := chaosSeed(t)
	for n := range chaosSize(uint64(1), 3) {
		r := runMoney(t, desiredState(), seed+n, 40, chaosSize(95, 190))
		r.report(t, func(o *moneyOrg, wrong []string) { t.Errorf("seed %d, org %s: %q", r.seed, o.org.ID(), wrong) })
	}
}

// TestMoneyChaosCatches the ways that look reasonable: the same run and the same check must find each of them wrong.
func TestMoneyChaosCatches(t *testing.T) {
	t.Parallel()
	for _, s := range []sender{partialTrusted(), fifoOutbox(), naivePost()} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r := runMoney(t, s, 7, chaosSize(8, 40), chaosSize(65, 95))
			if r.report(t, func(*moneyOrg, []string) {}) == 0 {
				t.Error("the check found nothing wrong with it")
			}
		})
	}
}
