// What can go wrong about billing, in words for pages, notes and the API.
package dashboard

import (
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"
)

// faultWords say for each fault what happened and what to do; the page and the API both go by them.
var faultWords = map[BillingFault]*problem{
	FaultUnreachable:   {Status: 503, Code: "billing_unreachable", Title: "Stripe does not answer", Message: "Stripe could not be reached. Nothing was changed.", Next: "Try again in a minute.", RetryAfter: time.Minute},
	FaultSubscribed:    {Status: 409, Code: "subscribed", Title: "Subscribed already", Message: "This org has a subscription already. Nothing was changed.", Next: "Look at its state on the billing page; it may have been started in another window."},
	FaultNotSubscribed: {Status: 409, Code: "not_subscribed", Title: "No subscription", Message: "This org has no subscription that could be changed. Nothing was changed.", Next: "Look at its state on the billing page."},
	FaultNotConnected:  {Status: 409, Code: "not_connected", Title: "Hostaway is not connected", Message: "There are no listings to count while Hostaway is not connected.", Next: "Connect it on the Hostaway page."},
	FaultNotCounted:    {Status: 409, Code: "not_counted", Title: "Not counted yet", Message: "The listings were not counted yet, so there is nothing to base a subscription on.", Next: "Count them on the billing page, then start the subscription."},
	FaultNoListings:    {Status: 409, Code: "no_listings", Title: "No active listings", Message: "There is no active listing in Hostaway, and a subscription needs one at least.", Next: "Add a listing or take one out of the archive in Hostaway, count again on the billing page, then start the subscription."},
	FaultTooSoon:       {Status: 429, Code: "too_soon", Title: "Counted just now", Message: "The listings were counted a short while ago. Nothing was changed.", Next: "Wait until they can be counted again; they are counted by themselves once a day."},
	FaultRefused:       {Status: 409, Code: "credentials_refused", Title: "Hostaway refuses the credentials", Message: "Hostaway refuses the stored credentials, so the listings could not be counted. The bill stays as it was.", Next: "Replace the secret on the Hostaway page."},
	FaultIncomplete:    {Status: 503, Code: "count_incomplete", Title: "Not counted", Message: "Hostaway did not give the whole list, and a part of it is not a count. The bill stays as it was.", Next: "Try again in a few minutes.", RetryAfter: 5 * time.Minute},
	FaultNotSetUp:      {Status: 503, Code: "not_set_up", Title: "The portal is not set up", Message: "The customer portal at Stripe is not set up for this server yet. Nothing was changed.", Next: "Ask the operator of this server to run billing setup. Invoices can be paid from the list below meanwhile."},
	FaultNoCustomer:    {Status: 409, Code: "no_customer", Title: "Nothing at Stripe yet", Message: "This org is not known to Stripe yet: nothing was subscribed.", Next: "Start the subscription first."},
}

// billingProblem is a fault as callers are told; the wait is counted from now where the error knows it.
func billingProblem(err *BillingError, now time.Time) *problem {
	words := faultWords[err.Fault]
	if words == nil {
		return errInternal
	}
	told := *words
	if wait := err.RetryAt.Sub(now); !err.RetryAt.IsZero() && wait > 0 {
		told.RetryAfter, told.Next = wait, "Try again in "+span(wait)+", at "+err.RetryAt.UTC().Format("15:04")+" UTC."
	}
	return &told
}

// faultFlash is a fault as the note on the billing page.
func faultFlash(code string) (flash, bool) {
	for fault, words := range faultWords {
		if "billing-"+words.Code == code {
			kind := "bad"
			if words.Status == fiber.StatusTooManyRequests || fault == FaultSubscribed {
				kind = "warn"
			}
			return flash{kind, "circle-alert", words.Message + " " + words.Next}, true
		}
	}
	return flash{}, false
}

// isFault says whether an error is this fault.
func isFault(err error, fault BillingFault) bool {
	var failed *BillingError
	return errors.As(err, &failed) && failed.Fault == fault
}
