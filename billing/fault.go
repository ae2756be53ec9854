// Faults: the ways in which something that a person asked for fails and that they can
// do something about. The page has words for each; what Stripe wrote is in none.

package billing

import (
	"time"
)

// FaultKind says which one.
type FaultKind string

// The kinds of fault.
const (
	FaultUnreachable   FaultKind = "unreachable"   // Stripe does not answer
	FaultSubscribed    FaultKind = "subscribed"    // there is a subscription already
	FaultNotSubscribed FaultKind = "no plan"       // there is none
	FaultNotConnected  FaultKind = "not connected" // no Hostaway account
	FaultNotCounted    FaultKind = "not counted"   // the listings were never counted
	FaultNoListings    FaultKind = "no listings"   // Checkout takes no subscription of nothing
	FaultTooSoon       FaultKind = "too soon"      // counting again has to wait until RetryAt
	FaultRefused       FaultKind = "refused"       // Hostaway refuses the credentials
	FaultIncomplete    FaultKind = "incomplete"    // Hostaway did not give all pages
	FaultNotSetUp      FaultKind = "not set up"    // setup was not run: there is no portal to open
	FaultNoCustomer    FaultKind = "no customer"   // nothing was ever paid: there is no portal yet
)

// Fault is such a failure. RetryAt is zero unless it is known when trying again makes
// sense; Err is for the log, and nil where there is nothing more to say.
type Fault struct {
	Kind    FaultKind
	RetryAt time.Time
	Err     error
}

func (f *Fault) Error() string {
	if f.Err == nil {
		return "billing: " + string(f.Kind)
	}
	return "billing: " + string(f.Kind) + ": " + f.Err.Error()
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// asFault makes an outage of Stripe a fault, and leaves everything else as it is.
func asFault(err error) error {
	if outage(err) {
		return &Fault{Kind: FaultUnreachable, Err: err}
	}
	return err
}
