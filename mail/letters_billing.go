// Letters to the people who run an org, about what it pays and what stops when.

package mail

import (
	"strconv"
	"time"

	"hostaway-mcp/store"
)

// Facts and sentences that several letters have.
const (
	keysStay = "API keys that somebody revoked stay revoked."
	settings = "API keys, the connection to Hostaway, the dashboard and your invoices stay as they are."
)

// monthly is "84 active listings × $5.00 = $420.00 a month", or as much of it as is
// known.
func monthly(b store.BillingMail) string {
	if b.Currency == "" || b.UnitAmount == 0 {
		return count(b.Listings)
	}
	return count(b.Listings) + " × " + money(b.UnitAmount, b.Currency) + " = " + money(int64(b.Listings)*b.UnitAmount, b.Currency) + " a month"
}

// price is the facts of what an org pays a month; none when no listing is known.
func price(label string, b store.BillingMail) []fact {
	if b.Listings == 0 {
		return nil
	}
	return []fact{{label, monthly(b)}}
}

// amount is a fact about money; none when the amount is not known.
func amount(label string, b store.BillingMail) []fact {
	if b.Amount == 0 || b.Currency == "" {
		return nil
	}
	return []fact{{label, money(b.Amount, b.Currency)}}
}

func (m *Mail) paymentFailed(org string, b store.BillingMail) words {
	w := words{
		subject: "Payment failed for " + org,
		title:   "The payment did not go through",
		says:    []string{"Stripe could not collect what is due for " + org + ". Usually a card has expired, or the bank wants to be asked again."},
		facts:   amount("Due", b),
		button:  "Pay now", url: m.link("/billing"),
		after: []string{
			settings + " Stripe also tries again by itself in the next days.",
			"To pay with another card, open Billing and change the payment method there.",
		},
	}
	if b.StopsAt == nil || !b.StopsAt.After(m.now()) {
		w.says = append(w.says, "Until it is paid, assistants get an error instead of answers. They work again as soon as the payment has arrived.")
		w.facts = append(w.facts, fact{"Assistants", "stopped until it is paid"})
		return w
	}
	w.says = append(w.says, "Assistants go on working until "+minute(*b.StopsAt)+". After that they get an error instead of answers until it is paid.")
	w.facts = append(w.facts, fact{"Assistants stop", minute(*b.StopsAt)})
	return w
}

// suspensions go on from "is suspended because".
var suspensions = map[store.AccessReason]string{
	store.ReasonPaymentFailed:   "an invoice is not paid and the time to pay it is over",
	store.ReasonUnpaid:          "an invoice is not paid, and Stripe has stopped trying to collect it",
	store.ReasonPaymentPending:  "its first payment was not confirmed",
	store.ReasonPaused:          "its subscription is paused",
	store.ReasonRefunded:        "a payment was refunded",
	store.ReasonDisputed:        "a payment is disputed at the bank",
	store.ReasonCustomerDeleted: "it is no longer a customer in Stripe",
}

func (m *Mail) orgSuspended(org string, b store.BillingMail) words {
	why := suspensions[store.AccessReason(b.Reason)]
	if why == "" {
		why = "its subscription does not allow it to go on"
	}
	return words{
		subject: org + " is suspended",
		title:   "Assistants are stopped",
		says: []string{
			org + " is suspended because " + why + ". Assistants get an error instead of answers from now on.",
			"Nothing is deleted: API keys, the connection to Hostaway and your data stay. Signing in, invoices and the export go on working.",
		},
		button: "Open billing", url: m.link("/billing"),
		after: []string{"The billing page says what to do. As soon as that is done everything works again, and nobody has to set anything up anew. " + keysStay},
	}
}

func (m *Mail) orgRestored(org string, _ store.BillingMail) words {
	return words{
		subject: org + " works again",
		title:   "Assistants work again",
		says:    []string{"Billing for " + org + " is in order again, thank you. Assistants answer with the same API keys as before. There is nothing to do."},
		button:  "Open the dashboard", url: m.link("/"),
		after: []string{keysStay},
	}
}

func (m *Mail) trialEnding(org string, b store.BillingMail) words {
	if trouble, ok := trialTroubles[store.AccessReason(b.Reason)]; ok {
		return m.trialTrouble(org, b, trouble.what, trouble.button)
	}
	w := words{
		subject: "The trial of " + org + " ends on " + onDay(b.EndsAt),
		title:   "Your trial ends on " + onDay(b.EndsAt),
		says: []string{
			"The free trial of " + org + " ends on " + when(b.EndsAt) + ". From then on assistants get an error instead of answers, unless there is a subscription.",
			"Subscribe before that and nothing stops. What is left of the trial stays free.",
		},
		facts:  price("After the trial", b),
		button: "Subscribe", url: m.link("/billing"),
		after: []string{"If you do nothing, nothing is charged. API keys, the connection and your data stay, and you can subscribe later."},
	}
	if b.Reason != "" {
		w.button = "Subscribe again"
	}
	return w
}

// trialTroubles say what is wrong with a subscription that goes on, while tools answer
// for the trial alone.
var trialTroubles = map[store.AccessReason]struct{ what, button string }{
	store.ReasonPaymentFailed:  {"is subscribed, and a payment failed", "Pay now"},
	store.ReasonUnpaid:         {"is subscribed, a payment failed, and Stripe has stopped trying to collect it", "Pay now"},
	store.ReasonPaymentPending: {"is subscribed, and the first payment is not confirmed", "Confirm the payment"},
	store.ReasonPaused:         {"is subscribed, and the subscription is paused since there is no payment method", "Add a payment method"},
}

// trialTrouble is of an org that need not subscribe: what it has must be put right.
func (m *Mail) trialTrouble(org string, b store.BillingMail, what, button string) words {
	stops, because := b.EndsAt, "the free trial runs until "+when(b.EndsAt)
	if b.StopsAt != nil && b.EndsAt != nil && b.StopsAt.After(*b.EndsAt) {
		stops = b.StopsAt
		because += ", and the time to pay until " + when(stops)
	}
	return words{
		subject: "Assistants of " + org + " stop on " + onDay(stops),
		title:   "Assistants stop on " + onDay(stops),
		says: []string{
			org + " " + what + ". Assistants still work: " + because + ".",
			"Put that right and nothing stops; otherwise assistants get an error instead of answers from " + when(stops) + " on. There is no need to subscribe again.",
		},
		facts:  price("Subscribed to", b),
		button: button, url: m.link("/billing"),
		after: []string{settings},
	}
}

func (m *Mail) trialEnded(org string, b store.BillingMail) words {
	return words{
		subject: "The trial of " + org + " has ended",
		title:   "Your trial has ended",
		says: []string{
			"The free trial of " + org + " is over, and there is no subscription yet. Assistants get an error instead of answers from now on.",
			"Nothing was charged and nothing is deleted: API keys, the connection to Hostaway and your data stay as they are.",
		},
		facts:  price("With a subscription", b),
		button: "Subscribe", url: m.link("/billing"),
		after: []string{"Assistants work again as soon as you have subscribed, with the same API keys."},
	}
}

// canceled: the end may lie ahead or be past, and the free trial may run beyond it.
func (m *Mail) canceled(org string, b store.BillingMail) words {
	until := b.EndsAt
	if b.StopsAt != nil {
		until = b.StopsAt
	}
	if b.EndsAt != nil && b.EndsAt.After(m.now()) {
		stays := "Nothing is deleted: API keys, the connection to Hostaway, your invoices and your data stay."
		says := []string{"The subscription of " + org + " is canceled. Assistants go on working until " + when(until) + "; after that they get an error instead of answers.", stays}
		if trouble := endTroubles[store.AccessReason(b.Reason)]; trouble != "" {
			says = []string{m.endsInTrouble(org, b, trouble), stays}
		}
		return words{
			subject: "The subscription of " + org + " ends on " + onDay(b.EndsAt),
			title:   "Your subscription ends on " + onDay(b.EndsAt),
			says:    says,
			button:  "Keep the subscription", url: m.link("/billing"),
			after: []string{
				"What changed in the number of listings since the last invoice is settled with a last one.",
				"If you meant it so, there is nothing to do.",
			},
		}
	}
	ended := "has ended"
	if b.EndsAt != nil {
		ended = "ended on " + onDay(b.EndsAt)
	}
	if b.Reason == string(store.ReasonPaymentFailed) {
		ended += ", because its payments failed"
	}
	stopped, again := "Assistants get an error instead of answers until there is a new one.", "Assistants work again as soon as you have subscribed, with the same API keys."
	if until != nil && until.After(m.now()) {
		stopped = "Assistants go on working until " + when(until) + ", when the free trial ends; after that they get an error instead of answers until there is a new one."
		again = "Subscribe before that and nothing stops."
	}
	return words{
		subject: "The subscription of " + org + " has ended",
		title:   "Your subscription has ended",
		says: []string{
			"The subscription of " + org + " " + ended + ". " + stopped,
			"Nothing is deleted: API keys, the connection to Hostaway, your invoices and your data stay.",
		},
		button: "Subscribe again", url: m.link("/billing"),
		after: []string{again},
	}
}

// endTroubles are what stops assistants before a canceled subscription ends.
var endTroubles = map[store.AccessReason]string{
	store.ReasonPaymentFailed:  "A payment is overdue",
	store.ReasonUnpaid:         "A payment is overdue",
	store.ReasonPaymentPending: "The first payment is not confirmed",
	store.ReasonPaused:         "The subscription is paused",
}

// endsInTrouble is of a subscription that is canceled for later while something is wrong
// with it: assistants have stopped, or will before it ends.
func (m *Mail) endsInTrouble(org string, b store.BillingMail, trouble string) string {
	now := "get an error instead of answers already"
	if b.StopsAt != nil && b.StopsAt.After(m.now()) {
		now = "go on working until " + minute(*b.StopsAt) + " only"
	}
	text := "The subscription of " + org + " is canceled and ends on " + when(b.EndsAt) + ". " + trouble + ", so assistants " + now + ". Once that is put right they work until the subscription ends."
	if trouble == endTroubles[store.ReasonUnpaid] {
		text += " What is overdue stays to be paid."
	}
	return text
}

// goesOn is what goes on after money went back, and what does not where tools are
// switched off for another reason.
func goesOn(b store.BillingMail, works string) string {
	if b.Reason != "" {
		return "That changes nothing about the plan: assistants stay switched off, and the billing page says why."
	}
	return works
}

func (m *Mail) refunded(org string, b store.BillingMail) words {
	return words{
		subject: "A payment of " + org + " was refunded",
		title:   "A payment was refunded",
		says:    []string{"A payment of " + org + " was refunded. The money is on its way back to the card or account that it came from; that takes up to ten days.", goesOn(b, "Assistants go on working. The operator of this server decides whether the subscription goes on, and writes to you if it does not.")},
		facts:   amount("Refunded", b),
		button:  "See the invoices", url: m.link("/billing"),
	}
}

func (m *Mail) disputed(org string, b store.BillingMail) words {
	return words{
		subject: "A payment of " + org + " is disputed",
		title:   "A payment is disputed",
		says: []string{
			"Somebody asked the bank to take back a payment of " + org + ". The bank decides that, and Stripe holds the money meanwhile.",
			goesOn(b, "Assistants go on working for now.") + " If it was a mistake, tell the bank that the payment was right; if something is wrong with the invoice, write to the operator of this server.",
		},
		facts:  amount("Disputed", b),
		button: "See the invoices", url: m.link("/billing"),
	}
}

func (m *Mail) twoSubscriptions(org string, b store.BillingMail) words {
	w := words{
		subject: org + " has two subscriptions",
		title:   "There are two subscriptions",
		says: []string{
			org + " was subscribed twice, perhaps in two windows at once. The older subscription counts, and assistants work. The second one is paid for nothing.",
			"The operator of this server was told, ends the second one and gives its money back. Pay nothing more for it meanwhile.",
		},
		button: "Open billing", url: m.link("/billing"),
	}
	if b.Amount != 0 && b.Currency != "" {
		w.facts = []fact{{"The second costs", money(b.Amount, b.Currency) + " a month"}}
	}
	return w
}

func (m *Mail) credentialsInvalid(org string, b store.BillingMail) words {
	w := words{
		subject: "Hostaway refuses the credentials of " + org,
		title:   "Hostaway refuses your credentials",
		says: []string{
			"Hostaway no longer takes the API secret that " + org + " is connected with. Usually the API key was deleted or renewed in Hostaway. Assistants get an error instead of answers until there is a new one.",
		},
		facts:  append(account(b), price("Billed until then", b)...),
		button: "Replace the secret", url: m.link("/connection"),
		after: []string{"In Hostaway, open Settings → Hostaway API and make a new key; then paste its secret in the dashboard. It is tried before it is stored."},
	}
	if b.Listings != 0 || b.Currency != "" { // where nobody pays, nothing is said of paying
		w.says = append(w.says, "Listings can’t be counted meanwhile, so billing goes on with the last complete count. To stop paying, cancel the subscription.")
	}
	return w
}

// credentialsDecide is for operators: after two weeks a person has to decide.
func (m *Mail) credentialsDecide(org string, b store.BillingMail) words {
	since := "for two weeks or longer"
	if b.Since != nil {
		since = "since " + day(*b.Since)
	}
	return words{
		subject: "Decide about " + org + ": Hostaway has refused its credentials " + since,
		title:   "An org can’t be counted",
		says: []string{
			"Hostaway has refused the credentials of " + org + " " + since + ". Its owners were told, and have not replaced them.",
			"Its listings can’t be counted, so it goes on paying for the last complete count. Nothing changes by itself: write to its owners, or end the subscription in Stripe.",
		},
		facts:  append(account(b), price("Billed until then", b)...),
		button: "Open the billing of all orgs", url: m.link("/operator/billing"),
	}
}

func account(b store.BillingMail) []fact {
	if b.AccountID == 0 {
		return nil
	}
	return []fact{{"Hostaway account", strconv.FormatInt(b.AccountID, 10)}}
}

// holds say, for each reason to hold a count, what was found and what releases it.
var holds = map[string]struct{ found, release string }{
	"zero": {
		"The latest count found no active listing at all, which is more often a fault than the truth.",
		"A second count that finds none, an hour later or more, confirms it by itself.",
	},
	"drop": {
		"The latest count found less than a third of the active listings before.",
		"A second count like it, six hours later or more, confirms it by itself.",
	},
	"spike": {
		"The latest count found more than three times the active listings before.",
		"A second count like it, six hours later or more, confirms it by itself.",
	},
	"tenfold": {
		"The latest count found ten times the active listings before, or more.",
		"The operator of this server looks at it, and lets it through when it is right.",
	},
	"unpaid": {
		"The latest count found fewer active listings, but an invoice is not paid.",
		"As soon as it is paid, the lower number is billed, from the time at which it was counted.",
	},
}

func (m *Mail) countHeld(org string, b store.BillingMail) words {
	hold, ok := holds[b.Reason]
	if !ok {
		hold.found, hold.release = "The latest count differs much from the one before.", "A second count like it confirms it by itself."
	}
	return words{
		subject: "Please check the listings of " + org,
		title:   "A count of your listings is held back",
		says:    []string{hold.found + " Until that is certain, " + org + " goes on paying for " + count(b.Listings) + ".", hold.release},
		facts:   []fact{{"Found", count(b.Found)}, {"Billed until then", count(b.Listings)}},
		button:  "Look at the count", url: m.link("/billing"),
		after: []string{"Is the new number right? Then there is nothing to do, or press Sync now on the billing page later. Is it wrong? Then see in Hostaway which listings were archived or restored."},
	}
}

// forOperators turns a letter that owners get too into one for who runs the server.
func (m *Mail) forOperators(w words, org string, one store.Mail) words {
	w.subject, w.title = "Operator: "+w.subject, w.subject
	w.says = append([]string{"You run " + m.host() + ". The owners of " + org + " were told this:"}, w.says...)
	w.facts = append(w.facts, fact{"Org", org + " (" + one.Org.ID() + ")"})
	w.button, w.url = "Open the billing of all orgs", m.link("/operator/billing")
	w.after = nil
	return w
}

func onDay(t *time.Time) string {
	if t == nil {
		return "a day that is not known"
	}
	return day(*t)
}
