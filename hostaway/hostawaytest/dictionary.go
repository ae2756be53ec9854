// The people of the account, and the dictionaries that rows refer to.
package hostawaytest

import (
	"encoding/json"
	"strings"
)

var userFlags = strings.Fields("createListing readListing updateListing deleteListing createReservation readReservation updateReservation " +
	"deleteReservation createTask readTask updateTask deleteTask readReview updateReview readOwnerStatement readCalendar updateCalendar " +
	"readMessage updateMessage isAdmin accessFinancialData accessContactData")

func (w *world) userRow(n int, resources bool) json.RawMessage {
	first, last, _ := strings.Cut(teamNames[n], " ")
	o := newObject().set("id", firstUser+n).set("accountId", w.accountID).set("userGroupId", 1+n%2).set("email", strings.ToLower(first)+"@casa-collective.example").
		set("icalKey", nil).set("verificationCode", nil).set("firstName", first).set("lastName", w.marked(last)).
		set("title", []string{"Manager", "Cleaner", "Cleaner", "Technician", "Guest care"}[n]).set("phone", nil).set("timezone", "Europe/Lisbon")
	for _, name := range userFlags {
		o.set(name, flag(n == 0 || strings.HasPrefix(name, "read")))
	}
	var ids any
	if resources {
		list := []int64{}
		for _, l := range w.listingOrder {
			list = append(list, l.id)
		}
		ids = list
	}
	return o.set("listingMapIds", ids).done()
}

func listUsers(x *exchange) reply {
	rows := []json.RawMessage{}
	for n := range teamNames {
		rows = append(rows, x.world.userRow(n, x.query.truth("includeResources")))
	}
	return ok(rows)
}

func getUser(x *exchange) reply {
	n := int(x.number("id")) - firstUser
	if n < 0 || n >= len(teamNames) {
		return noSuch("User")
	}
	return ok([]json.RawMessage{x.world.userRow(n, x.query.truth("includeResources"))}) // one user, in an array
}

// named serves a dictionary of {id, name}, ids from 1.
func named(names ...string) func(*exchange) reply {
	return func(*exchange) reply {
		rows := []json.RawMessage{}
		for i, name := range names {
			rows = append(rows, newObject().set("id", i+1).set("name", name).done())
		}
		return ok(rows)
	}
}

func listPaymentMethods(*exchange) reply {
	o := newObject()
	for _, m := range [][2]string{
		{"credit_card", "Credit card"},
		{"vcc", "Virtual credit card"},
		{"cash_stay", "Cash"},
		{"paypal", "PayPal"},
		{"venmo", "Venmo"},
		{"bank_transfer", "Bank transfer"},
		{"stripe", "Stripe"},
		{"braintree", "Braintree"},
		{"other", "Other"},
	} {
		o.set(m[0], m[1])
	}
	return ok(o.done())
}

func listDayStatuses(*exchange) reply {
	return ok([]string{"available", "blocked", "reserved", "pending", "hardBlock", "mblocked", "mreserved", "conflicted"})
}
