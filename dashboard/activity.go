// The audit log in words that a property manager would use.
package dashboard

import (
	"strings"
	"time"

	"hostaway-mcp/store"
)

// activity is one line: who did what to which thing, and when.
type activity struct {
	Icon, Who, What, Target string
	Bad                     bool
	Times                   int // how often in a row; At is the last time
	At                      time.Time
}

// actionWords say what an entry of the audit log means. The entry's detail, such as a key's name, follows them.
var actionWords = map[string]struct{ icon, what string }{
	"org.created":             {"users", "created the org"},
	"org.renamed":             {"users", "renamed the org to"},
	"org.exported":            {"download", "took the org's data along:"},
	"org.export_failed":       {"circle-alert", "got no whole archive:"},
	"member.added":            {"users", "added the member"},
	"member.role_changed":     {"users", "changed a member's role to"},
	"member.removed":          {"users", "removed the member"},
	"api_key.created":         {"key-round", "created the key"},
	"api_key.regenerated":     {"key-round", "regenerated the key"},
	"api_key.revoked":         {"key-round", "revoked the key"},
	"connection.connected":    {"plug", "connected Hostaway,"},
	"connection.replaced":     {"plug", "replaced the Hostaway secret,"},
	"connection.disconnected": {"unplug", "disconnected Hostaway"},
	"connection.refused":      {"circle-alert", "refuses the stored credentials"},
	"connection.tested":       {"plug", "tested the Hostaway connection:"},

	"billing.access_changed":   {"credit-card", "changed the plan"},
	"billing.quantity_changed": {"credit-card", "changed what is billed:"},
	"billing.count_held":       {"triangle-alert", "held a count:"},
	"billing.hold_ended":       {"check", "ended the hold of a count:"},
	"billing.checkout_opened":  {"credit-card", "went to Checkout for"},
	"billing.portal_opened":    {"credit-card", "went to Stripe's customer portal"},
	"billing.canceled":         {"credit-card", "canceled the subscription"},
	"billing.resumed":          {"credit-card", "resumed the subscription"},
	"billing.payment_refunded": {"credit-card", "saw that a payment was refunded: invoice"},
	"billing.payment_disputed": {"triangle-alert", "saw that a payment is disputed: invoice"},
}

// activities takes entries, newest first, and tells the same thing done many times in a row once. It stops after most lines.
func activities(entries []store.AuditEntry, most int) []activity {
	var list []activity
	for _, e := range entries {
		a := activityOf(e)
		if n := len(list); n > 0 && list[n-1].Who == a.Who && list[n-1].What == a.What && list[n-1].Target == a.Target {
			list[n-1].Times++
			continue
		}
		if len(list) == most {
			break
		}
		list = append(list, a)
	}
	return list
}

func activityOf(e store.AuditEntry) activity {
	a := activity{Icon: "activity", Times: 1, Who: e.Actor.Name, Target: e.Detail, At: e.At}
	if e.Actor.Kind == store.ActorKey {
		return callActivity(a, e)
	}
	words, known := actionWords[e.Action]
	if known {
		a.Icon, a.What = words.icon, words.what
	} else {
		a.What = strings.NewReplacer(".", " ", "_", " ").Replace(e.Action)
	}
	if e.Action == "connection.refused" {
		a.Target, a.Bad = "", true
	}
	if e.Actor.Kind == store.ActorSystem && strings.HasPrefix(e.Action, "billing.") {
		a.Who = "Billing"
	}
	if e.Actor.Kind == store.ActorOperator {
		a.Who = "The operator"
	}
	if a.Who == "" {
		a.What = strings.ToUpper(a.What[:1]) + a.What[1:]
	}
	return a
}

// callActivity tells of a tool call; what the assistant asked stays in the audit log.
func callActivity(a activity, e store.AuditEntry) activity {
	a.Icon, a.What, a.Target = "terminal", "called", e.Action
	if e.ClientName != "" {
		a.Who += " (" + e.ClientName + ")"
	}
	switch e.Outcome {
	case store.OutcomeError:
		a.What, a.Bad = "got an error from", true
	case store.OutcomeRefused:
		a.What, a.Bad = "was refused", true
	}
	return a
}
