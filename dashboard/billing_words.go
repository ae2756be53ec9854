// Billing in words: what each state means and what to do, and why a count is held. One table each.
package dashboard

import (
	"net/url"
	"strconv"
	"time"

	"hostaway-mcp/store"
)

// plan is an overview with the words and the ways out that belong to it.
type plan struct {
	BillingOverview
	Chip, Tone string // the state in a word or two; good, warn, bad or none
	Text       string // what it means, and what to do
	Can        planActions
	now        time.Time
}

// planActions are the buttons that make sense in a state.
type planActions struct {
	Subscribe string // the label of the button that leads to Checkout, "" if there is none
	Pay       bool   // an open invoice can be paid
	Portal    bool
	Cancel    bool
	Resume    bool
	Sync      bool
	Connect   bool
	Count     bool // nothing can be subscribed to before the listings are counted
}

// planWords write the state of an org; what depends on dates is written by the functions.
var planWords = map[BillingState]struct {
	tone       string
	chip, text func(p plan) string
	can        planActions
}{
	BillingExempt: {"good", says("Complimentary"), says("This org has nothing to pay. Its listings are counted all the same."), planActions{Sync: true}},
	BillingNotConnected: {"none", says("Not connected yet"), func(p plan) string {
		if p.TrialDays > 0 {
			return "Connect Hostaway first. Your listings are counted then and " + plural(p.TrialDays, "free day") + " begin, without a card."
		}
		return "Connect Hostaway first: your listings are counted then, and you see what they cost."
	}, planActions{Connect: true}},
	BillingTrial: {"good", trialChip, func(p plan) string {
		return "Your trial runs until " + onDay(p.TrialEndsAt) + " and needs no card. Subscribe before then: the rest of it stays free. Without a subscription, tools stop answering on that day; keys and data stay."
	}, planActions{Subscribe: "Start subscription", Sync: true}},
	BillingTrialCard: {"good", trialChip, func(p plan) string {
		return "You are subscribed. The first bill comes when the trial ends, on " + onDay(p.TrialEndsAt) + "."
	}, planActions{Portal: true, Cancel: true, Sync: true}},
	BillingActive: {"good", says("Active"), func(p plan) string {
		return "This period runs until " + onDay(p.PeriodEnd) + "; the next bill comes then."
	}, planActions{Portal: true, Cancel: true, Sync: true}},
	BillingGrace: {"bad", func(p plan) string { return "Past due" + dated(", tools stop ", p.StopsAt) }, func(p plan) string {
		return "A payment failed" + dated(" on ", p.OverdueSince) + ". Tools go on answering until " + atTime(p.StopsAt) + "; pay before then, or change the card at Stripe and it is tried again."
	}, planActions{Pay: true, Portal: true, Cancel: true, Sync: true}},
	BillingSuspended: {"bad", says("Suspended"), func(p plan) string {
		text := "A payment has been overdue" + dated(" since ", p.OverdueSince) + ", so tools answer with an error. Keys, members and data stay"
		if p.OpenInvoice == "" {
			return text + ". The newest invoice is not open for payment: pay what the invoices below call due, and if that is nothing, ask the operator of this server."
		}
		return text + ", and all of it works again within seconds of the payment."
	}, planActions{Pay: true, Portal: true, Cancel: true, Sync: true}},
	BillingUnconfirmed: {"bad", says("Not confirmed"), says("The first payment did not go through: your bank may want you to confirm it. Finish it at Stripe, and tools answer at once."), planActions{Pay: true, Portal: true}},
	BillingPaused:      {"bad", says("Paused"), says("The subscription is paused, so tools answer with an error. Add a payment method at Stripe to go on."), planActions{Portal: true, Cancel: true, Sync: true}},
	BillingTrialOver: {"bad", says("Trial over"), func(p plan) string {
		return "The trial ended" + dated(" on ", p.TrialEndsAt) + ", so tools answer with an error. Keys and data stay; subscribe, and all of it works again at once."
	}, planActions{Subscribe: "Start subscription", Sync: true}},
	BillingNoTrial: {"warn", says("Not subscribed"), says("This Hostaway account had its free trial before, so tools answer once you subscribe."), planActions{Subscribe: "Start subscription", Sync: true}},
	BillingCanceled: {"none", says("Canceled"), func(p plan) string {
		return "The subscription ended" + dated(" on ", p.EndedAt) + ". Keys, members and data stay; tools answer again once you subscribe."
	}, planActions{Subscribe: "Subscribe again", Portal: true, Sync: true}},
}

// trialTroubles are what can be wrong with a subscription while our own trial runs on, and tools answer for that.
var trialTroubles = map[store.AccessReason]struct {
	text func(p plan) string
	can  planActions
}{
	store.ReasonPaused: {func(p plan) string {
		return "The subscription is paused. Tools answer until the trial ends on " + onDay(p.TrialEndsAt) + "; add a payment method at Stripe before then to go on."
	}, planActions{Portal: true, Cancel: true, Sync: true}},
	store.ReasonPaymentPending: {func(p plan) string {
		return "The first payment did not go through: your bank may want you to confirm it. Tools answer until the trial ends on " + onDay(p.TrialEndsAt) + "; finish it at Stripe before then."
	}, planActions{Pay: true, Portal: true}},
	store.ReasonCanceled:        {endedInTrial, planActions{Subscribe: "Subscribe again", Portal: true, Sync: true}},
	store.ReasonCustomerDeleted: {endedInTrial, planActions{Subscribe: "Subscribe again", Sync: true}},
	store.ReasonPaymentFailed:   {endedInTrial, planActions{Subscribe: "Subscribe again", Portal: true, Sync: true}},
	store.ReasonDisputed:        {endedInTrial, planActions{Subscribe: "Subscribe again", Portal: true, Sync: true}},
}

func endedInTrial(p plan) string {
	return "The subscription ended" + dated(" on ", p.EndedAt) + ". Your trial runs until " + onDay(p.TrialEndsAt) + ", and tools answer until then; subscribe again to go on after it."
}

func says(text string) func(plan) string { return func(plan) string { return text } }

func trialChip(p plan) string {
	if p.TrialEndsAt == nil {
		return "Trial"
	}
	return "Trial, " + left(p.TrialEndsAt.Sub(p.now)) + " left"
}

// newPlan finds the words for an overview.
func newPlan(o BillingOverview, now time.Time) plan {
	p := plan{BillingOverview: o, now: now}
	words, ok := planWords[o.State]
	if !ok { // a state that this page does not know is nothing to act on
		p.Chip, p.Tone, p.Text = "Being looked at", "warn", "The state of the subscription is being worked out. Look again in a minute."
		return p
	}
	p.Chip, p.Tone, p.Text, p.Can = words.chip(p), words.tone, words.text(p), words.can
	if trouble, ok := trialTroubles[o.Reason]; ok && o.State == BillingTrial {
		p.Tone, p.Text, p.Can = "warn", trouble.text(p), trouble.can
	}
	if o.Reason == store.ReasonCustomerDeleted { // the portal is a customer's
		p.Can.Portal = false
	}
	if p.Ending() {
		p.Chip, p.Tone = "Ends on "+onDay(o.CancelAt), "warn"
		p.Text = "The subscription is canceled and ends on " + onDay(o.CancelAt) + ". Tools answer until then; keys, members and data stay. You can take it back until that day."
	}
	p.endsAnyway()
	p.needsConnection()
	p.needsListings()
	p.Can.Pay = p.Can.Pay && o.OpenInvoice != ""
	return p
}

// endsAnyway says of a subscription that something is wrong with that it is canceled as well: neither hides the other.
func (p *plan) endsAnyway() {
	if p.CancelAt == nil || !p.Subscribed() && !p.Can.Cancel {
		return
	}
	p.Can.Resume, p.Can.Cancel = true, false
	if p.Ending() {
		return
	}
	p.Text += " The subscription is canceled as well and ends on " + onDay(p.CancelAt) + ". You can take it back until that day."
	if p.State == BillingSuspended || p.State == BillingPaused {
		p.Chip += ", ends on " + onDay(p.CancelAt)
	}
}

// CancelText says what canceling means for tools that have stopped, or will before the subscription ends; "" for a plan that is well.
func (p plan) CancelText() string {
	ends := "The subscription ends with the running period" + dated(", on ", p.EndsOn()) + ". "
	switch {
	case p.State == BillingGrace:
		return ends + "A payment is overdue, so tools answer until " + atTime(p.StopsAt) + " only; once it is paid, until the subscription ends. What is overdue stays to be paid."
	case p.State == BillingSuspended:
		return ends + "A payment is overdue, so tools answer with an error already; once it is paid, they answer until the subscription ends. What is overdue stays to be paid."
	case p.Stopped():
		return ends + "Tools answer with an error already, and canceling does not change that."
	case p.State == BillingTrial:
		return ends + "Tools answer until the trial ends on " + onDay(p.TrialEndsAt) + "."
	}
	return ""
}

// needsConnection leads to Hostaway first where there is nothing to count, and nothing to subscribe to before it is counted.
func (p *plan) needsConnection() {
	if !p.Disconnected {
		return
	}
	p.Can.Sync = false
	if p.Can.Subscribe != "" {
		p.Can.Subscribe, p.Can.Connect = "", true
		p.Text += " Hostaway is not connected: connect it first, and your listings are counted."
	}
}

// needsListings takes the way to Checkout away while it would lead nowhere. The button to count is the one beside the plan then.
func (p *plan) needsListings() {
	switch {
	case p.Can.Subscribe == "":
		return
	case p.Counted == nil:
		p.Can.Subscribe, p.Can.Count, p.Can.Sync = "", true, false
		p.Text += " Your listings are not counted yet, which comes first."
	case p.Counted.Active == 0:
		p.Can.Subscribe, p.Can.Count, p.Can.Sync = "", true, false
		p.Text += " A subscription needs one active listing at least: add one in Hostaway or take one out of its archive, then count again."
	}
}

// Ending is true for a subscription that runs well and will end.
func (p plan) Ending() bool {
	return p.CancelAt != nil && (p.State == BillingActive || p.State == BillingTrialCard)
}

// Subscribed is true while a bill will come.
func (p plan) Subscribed() bool {
	switch p.State {
	case BillingTrialCard, BillingActive, BillingGrace, BillingSuspended, BillingPaused, BillingUnconfirmed:
		return true
	}
	return false
}

// Stopped is true while tools refuse to work because of the plan.
func (p plan) Stopped() bool { return p.State.stopsTools() }

// stopsTools is true for the states in which tools refuse to work.
func (s BillingState) stopsTools() bool {
	switch s {
	case BillingSuspended, BillingUnconfirmed, BillingPaused, BillingTrialOver, BillingNoTrial, BillingCanceled:
		return true
	}
	return false
}

// Listings is the number that the bill goes by, or the newest count before anything is billed; nil when neither is known.
func (p plan) Listings() *int {
	switch {
	case p.Subscribed() && p.Billed != nil:
		return p.Billed
	case p.Counted != nil:
		return &p.Counted.Active
	}
	return p.Billed
}

// Monthly is what that number costs.
func (p plan) Monthly() Money {
	if n := p.Listings(); n != nil && p.UnitPrice.Known() {
		return p.UnitPrice.Times(*n)
	}
	return Money{}
}

// TrialLeft is what is left of the trial: "9 days", or "" when nothing is.
func (p plan) TrialLeft() string {
	if p.TrialEndsAt == nil || !p.TrialEndsAt.After(p.now) {
		return ""
	}
	return left(p.TrialEndsAt.Sub(p.now))
}

// Sum is the calculation: "84 active listings × $5.00 =". It is "" while a part of it is not known.
func (p plan) Sum() string {
	n := p.Listings()
	if n == nil || !p.UnitPrice.Known() {
		return ""
	}
	return plural(*n, "active listing") + " × " + p.UnitPrice.String() + " ="
}

// EndsOn is the last day if the subscription is canceled now.
func (p plan) EndsOn() *time.Time {
	if p.State == BillingTrialCard && p.TrialEndsAt != nil {
		return p.TrialEndsAt
	}
	return p.PeriodEnd
}

// SyncWait says when the listings can be counted again, "" when at once.
func (p plan) SyncWait() string {
	if p.NextSyncAt == nil || !p.NextSyncAt.After(p.now) {
		return ""
	}
	return "Possible again at " + p.NextSyncAt.UTC().Format("15:04") + " UTC, in " + span(p.NextSyncAt.Sub(p.now))
}

// reasonWords say more than the state, where something happened that an owner has to know of.
var reasonWords = map[store.AccessReason]string{
	store.ReasonRefunded:        "A payment was refunded. The plan goes on until it is canceled; ask the operator of this server if that is not what you expect.",
	store.ReasonDisputed:        "A payment is disputed at your bank. Tools go on answering while that is decided; ask the operator of this server if you did not mean it.",
	store.ReasonCustomerDeleted: "Your customer record was deleted at Stripe, which ended the subscription. Subscribe again to go on.",
	store.ReasonUnpaid:          "Stripe has stopped trying to collect the payment, so it has to be paid by hand.",
}

// Notices are what an owner should know besides the state.
func (p plan) Notices() []string {
	var all []string
	if (p.State == BillingCanceled || p.State == BillingTrial) && p.Reason == store.ReasonPaymentFailed {
		all = append(all, "Stripe ended it because the payments failed. The invoices below say what is open.")
	}
	if words := reasonWords[p.Reason]; words != "" {
		all = append(all, words)
	}
	if p.Disconnected && p.Subscribed() {
		all = append(all, "Hostaway is not connected, so the listings can’t be counted. The bill stays at the last count until you connect it again or cancel.")
	}
	if p.Doubled {
		all = append(all, "There are two subscriptions at Stripe, and both are charged. The operator of this server has been told; do not start another one.")
	}
	return all
}

// HeldText explains a count that is not billed, and what to do.
func (p plan) HeldText() string {
	if p.Held == nil {
		return ""
	}
	return heldText(*p.Held)
}

// numberWords say why Stripe bills another number, and what becomes of it.
var numberWords = map[NumberFate]string{
	NumberFollows: "The new number gets there by itself, within the hour as a rule, and is charged from the time of its count on.",
	NumberSetBack: "Somebody changed it there. It is set back by itself within a minute, since the bill goes by the count.",
	NumberAsks:    "Somebody changed it there, more often than it is set back by itself. The operator of this server is told of it.",
}

// StripeText says that Stripe bills another number than is due, "" while it does not.
func (p plan) StripeText() string {
	if p.AtStripe == nil || p.Billed == nil {
		return ""
	}
	return "Stripe bills " + plural(p.AtStripe.Listings, "listing") + " at the moment, and " + number(*p.Billed) + " are due. " + numberWords[p.AtStripe.Then]
}

// heldWords say why a count waits, and what lets it through: to the owner in sentences, to the operator in a row of a table.
var heldWords = map[HoldReason]struct{ why, then, row, waits string }{
	HoldZero:   {"No active listing was found, which may be a mistake at Hostaway.", "A second count at least an hour later confirms it.", "No listing found", "a second count confirms it"},
	HoldDrop:   {"That is far fewer than before.", "A second count that agrees, at least six hours later, confirms it.", "Far fewer than before", "a second count confirms it"},
	HoldSpike:  {"That is far more than before.", "A second count that agrees, at least six hours later, confirms it.", "Far more than before", "a second count confirms it"},
	HoldUnpaid: {"While a payment is overdue the number is not lowered.", "It is as soon as the payment has arrived.", "Fewer, while a payment is overdue", "it waits for the payment"},
}

func heldText(h HeldCount) string {
	words := heldWords[h.Reason]
	if h.NeedsOperator {
		words.then = "The operator of this server has to look at it first; if the number is right, you need not do anything."
	}
	return "The count of " + h.Since.UTC().Format("2 Jan 2006, 15:04") + " UTC found " + plural(h.Listings, "active listing") + "; " +
		number(h.Billed) + " are billed meanwhile. " + sentence(words.why) + " " + sentence(words.then)
}

// onDay writes a day, "that day" when it is not known.
func onDay(at *time.Time) string {
	if at == nil {
		return "its end"
	}
	return at.UTC().Format("2 Jan 2006")
}

func atTime(at *time.Time) string {
	if at == nil {
		return "the grace period ends"
	}
	return at.UTC().Format("2 Jan 2006, 15:04") + " UTC"
}

// dated writes a word and a day, or nothing.
func dated(word string, at *time.Time) string {
	if at == nil {
		return ""
	}
	return word + onDay(at)
}

// left is the time that is left, in days as long as there are two of them.
func left(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return strconv.Itoa(int((d+day-1)/day)) + " days"
	}
	return span(max(d, time.Minute))
}

// queryOf is one name and value as they stand in an address.
func queryOf(name, value string) string { return url.Values{name: {value}}.Encode() }
