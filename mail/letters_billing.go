// Letters to the people who run an org, about what it pays and what stops when.

package mail

import (
	"strconv"
	"time"
)

// toOwners ends "You get this mail because".
func toOwners(org string) string { return "you are an owner of " + name(org) }

// bill is what an org pays a month: listings times the price of one.
type bill struct {
	Listings   int
	UnitAmount int64 // minor units
	Currency   string
}

// sum is "84 active listings × $5.00 = $420.00 a month", or what is known of it.
func (b bill) sum() string {
	if b.Currency == "" {
		return count(b.Listings)
	}
	return count(b.Listings) + " × " + money(b.UnitAmount, b.Currency) + " = " + money(int64(b.Listings)*b.UnitAmount, b.Currency) + " a month"
}

// paymentFailed: stopsAt is when tools stop; nil when they have stopped.
func (m *Mail) paymentFailed(org string, amount int64, currency string, stopsAt *time.Time) words {
	w := words{
		subject: "Payment failed for " + name(org),
		title:   "The payment did not go through",
		says:    []string{"Stripe could not collect what is due for " + name(org) + ". Usually a card has expired or the bank wants to be asked again."},
		button:  "Pay now", url: m.link("/billing"),
		after: []string{
			"API keys, the connection to Hostaway, the dashboard and your invoices stay as they are. Stripe also tries again by itself in the next days.",
			"To pay with another card, open Billing and choose Manage payment.",
		},
		because: toOwners(org),
	}
	if amount > 0 && currency != "" {
		w.facts = append(w.facts, fact{"Due", money(amount, currency)})
	}
	if stopsAt == nil {
		w.says = append(w.says, "Until it is paid, assistants get an error instead of answers. They work again as soon as the payment has arrived.")
		w.facts = append(w.facts, fact{"Assistants", "stopped until it is paid"})
		return w
	}
	w.says = append(w.says, "Assistants go on working until "+minute(*stopsAt)+". After that they get an error instead of answers until it is paid.")
	w.facts = append(w.facts, fact{"Assistants stop", minute(*stopsAt)})
	return w
}

// reasons of a suspension, in words that go on from "because".
var suspended = map[string]string{
	"overdue":  "an invoice is not paid",
	"refunded": "a payment was refunded",
	"disputed": "a payment is disputed at the bank",
	"paused":   "its subscription is paused",
}

func (m *Mail) orgSuspended(org, reason string) words {
	why := suspended[reason]
	if why == "" {
		why = suspended["overdue"]
	}
	return words{
		subject: name(org) + " is suspended",
		title:   "Assistants are stopped",
		says: []string{
			name(org) + " is suspended because " + why + ". Assistants get an error instead of answers from now on.",
			"API keys, the connection to Hostaway and your data stay. Signing in, invoices and the export go on working, and nothing is deleted.",
		},
		button: "Open billing", url: m.link("/billing"),
		after:   []string{"Everything works again as soon as the payment has arrived; nobody has to set anything up anew. API keys that somebody revoked stay revoked."},
		because: toOwners(org),
	}
}

func (m *Mail) orgRestored(org string) words {
	return words{
		subject: name(org) + " works again",
		title:   "Assistants work again",
		says:    []string{"The payment for " + name(org) + " has arrived, thank you. Assistants answer again with the same API keys as before. There is nothing to do."},
		button:  "Open the dashboard", url: m.link("/"),
		after:   []string{"API keys that somebody revoked stay revoked."},
		because: toOwners(org),
	}
}

func (m *Mail) trialEnding(org string, endsAt time.Time, b bill) words {
	w := words{
		subject: "The trial of " + name(org) + " ends on " + day(endsAt),
		title:   "Your trial ends on " + day(endsAt),
		says: []string{
			"The free trial of " + name(org) + " ends on " + minute(endsAt) + ". Then assistants get an error instead of answers, unless there is a subscription.",
			"Subscribe before that and nothing stops. What is left of the trial stays free.",
		},
		button: "Subscribe", url: m.link("/billing"),
		after:   []string{"If you do nothing, nothing is charged. Your API keys, your connection and your data stay, and you can subscribe later."},
		because: toOwners(org),
	}
	if b.Listings > 0 {
		w.facts = []fact{{"After the trial", b.sum()}}
	}
	return w
}

func (m *Mail) trialEnded(org string, b bill) words {
	w := words{
		subject: "The trial of " + name(org) + " has ended",
		title:   "Your trial has ended",
		says: []string{
			"The free trial of " + name(org) + " is over, and there is no subscription yet. Assistants get an error instead of answers from now on.",
			"Nothing was charged and nothing is deleted: API keys, the connection to Hostaway and your data stay as they are.",
		},
		button: "Subscribe", url: m.link("/billing"),
		after:   []string{"Assistants work again as soon as you have subscribed, with the same API keys."},
		because: toOwners(org),
	}
	if b.Listings > 0 {
		w.facts = []fact{{"With a subscription", b.sum()}}
	}
	return w
}

// canceled: endsAt is when the subscription ends, which may be past.
func (m *Mail) canceled(org string, endsAt, now time.Time) words {
	w := words{
		subject: "The subscription of " + name(org) + " ends on " + day(endsAt),
		title:   "Your subscription ends on " + day(endsAt),
		says: []string{
			"The subscription of " + name(org) + " is canceled. Assistants go on working until " + minute(endsAt) + "; after that they get an error instead of answers.",
			"Nothing is deleted: API keys, the connection to Hostaway, your invoices and your data stay.",
		},
		button: "Keep the subscription", url: m.link("/billing"),
		after:   []string{"A last invoice may follow for listings that were added since the last one.", "If it was meant so, there is nothing to do."},
		because: toOwners(org),
	}
	if endsAt.After(now) {
		return w
	}
	w.subject, w.title, w.button = "The subscription of "+name(org)+" has ended", "Your subscription has ended", "Subscribe again"
	w.says[0] = "The subscription of " + name(org) + " ended on " + day(endsAt) + ". Assistants get an error instead of answers from now on."
	w.after = []string{"Assistants work again as soon as you have subscribed again, with the same API keys."}
	return w
}

func (m *Mail) credentialsInvalid(org string, accountID int64, b bill) words {
	w := words{
		subject: "Hostaway refuses the credentials of " + name(org),
		title:   "Hostaway refuses your credentials",
		says: []string{
			"Hostaway no longer takes the API secret that " + name(org) + " is connected with. Usually the API key was deleted or renewed in Hostaway. Assistants get an error instead of answers until there is a new one.",
			"Listings can’t be counted meanwhile. Billing goes on with the last complete count; to stop paying, cancel the subscription.",
		},
		button: "Replace the secret", url: m.link("/connection"),
		after:   []string{"In Hostaway, open Settings → Hostaway API and make a new key; then paste its secret in the dashboard. It is tried before it is stored."},
		because: toOwners(org),
	}
	if accountID != 0 {
		w.facts = append(w.facts, fact{"Hostaway account", strconv.FormatInt(accountID, 10)})
	}
	if b.Listings > 0 {
		w.facts = append(w.facts, fact{"Last complete count", count(b.Listings)})
	}
	return w
}

// holds are the reasons why a count is not billed yet: what was found, and what
// releases it.
var holds = map[string]struct{ found, release string }{
	"zero": {
		"The latest count found no active listing at all, which is more often a fault than the truth.",
		"A second count that finds none confirms it by itself; then nothing is charged for listings any more.",
	},
	"spike": {
		"The latest count found many more active listings than the one before.",
		"A second count that finds as many confirms it, or the operator of the server does when it is very many.",
	},
	"drop": {
		"The latest count found far fewer active listings than the one before.",
		"A second count that finds as few confirms it by itself.",
	},
	"unpaid": {
		"The latest count found fewer active listings, but an invoice is not paid.",
		"As soon as it is paid, the lower number counts, from the time when it was counted.",
	},
}

func (m *Mail) countHeld(org, reason string, found, billed int) words {
	hold, ok := holds[reason]
	if !ok {
		hold.found, hold.release = "The latest count differs much from the one before.", "A second count that finds the same confirms it by itself."
	}
	return words{
		subject: "Please check the listings of " + name(org),
		title:   "A count of your listings is held back",
		says: []string{
			hold.found + " Until that is certain, " + name(org) + " goes on paying for " + count(billed) + ".",
			hold.release,
		},
		facts:  []fact{{"Found", count(found)}, {"Billed until then", count(billed)}},
		button: "Look at the count", url: m.link("/billing"),
		after:   []string{"Is the new number right? Then there is nothing to do, or press Sync now on the billing page. Is it wrong? Then look in Hostaway whether listings were archived or restored."},
		because: toOwners(org),
	}
}
