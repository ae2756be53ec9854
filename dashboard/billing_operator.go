// What the operator's pages know of billing: what is broken, what waits for a person, and how the orgs stand.
package dashboard

import (
	"context"
	"time"

	"hostaway-mcp/store"
)

// BillingOperator tells an operator how billing does. Main gives it together with Billing.
type BillingOperator interface {
	// Status is asked when an operator's page is shown, so it reads the store alone.
	Status(ctx context.Context) (BillingStatus, error)
	// Org is how one org stands; an unknown id is store.ErrNotFound.
	Org(ctx context.Context, orgID string) (BillingOverview, error)
	// Compare has all invariants compared with Stripe, in the background.
	Compare(ctx context.Context) (Comparison, error)
	// Release lets a held count be billed: a person's decision, which goes into the audit log. It is store.ErrConflict when
	// the count that is held now is not of so many listings, and store.ErrNotFound when none is held.
	Release(ctx context.Context, orgID string, listings int, by store.Actor) error
	// DecideRefused says what to bill while Hostaway refuses an org's credentials; this too goes into the audit log.
	DecideRefused(ctx context.Context, orgID string, decision RefusedDecision, by store.Actor) error
}

// Comparison is what became of the wish to compare now.
type Comparison string

// What can become of it.
const (
	CompareBegun  Comparison = "begun"
	CompareJoined Comparison = "joined" // one runs already
	CompareRecent Comparison = "recent" // one began within the last minute
)

// RefusedDecision is what an operator decides about an org that can't be counted.
type RefusedDecision string

// The decisions.
const (
	RefusedWait RefusedDecision = "wait" // bill the last count, and ask again after two more weeks
	RefusedZero RefusedDecision = "zero" // bill nothing from now on, until the listings can be counted again
)

// BillingStatus is billing in figures. A time that is nil has not been yet.
type BillingStatus struct {
	Findings []BillingFinding // what the reconciler found broken and nobody has mended yet
	Repaired []BillingFinding // what it put right by itself within the last day; Since is when it did, and Do says nothing
	Held     []OrgHeld        // oldest first
	Refused  []OrgRefused     // for two weeks and more
	States   []StateCount     // how many orgs are in each state
	// Halted says why the reconciler stopped repairing by itself, "" when it did not.
	Halted string

	PendingEvents int           // of Stripe, received and not worked off
	OldestEvent   time.Duration // how long the oldest of them has waited
	LastEventAt   *time.Time
	LastSweepAt   *time.Time // when the states were last compared with Stripe's
	ReconciledAt  *time.Time // when all invariants were last checked
	// Comparing is true while they are; CompareFailedAt is when the last try failed, nil when it went well.
	Comparing       bool
	CompareFailedAt *time.Time
	// Mismatched counts Stripe's events of another API version, mode or account since the start; 0 is well.
	Mismatched int
	// VerifiedAt is when the webhook secret last verified an event, RefusedPosts how many signed posts were refused since then,
	// and RefusedAt when the last of them was. Unbelieved is nil where there is no doubt that the secret is right.
	VerifiedAt, RefusedAt *time.Time
	RefusedPosts          int
	Unbelieved            *Unbelieved
	// Stripe is what is wrong with Stripe itself: it does not answer, or refuses the settings. It is empty when all is well.
	Stripe []HealthCheck
}

// Unbelieved is a webhook secret that does not verify what is posted; All: it never has.
type Unbelieved struct {
	All      bool
	Text, Do string
}

// BillingFinding is one broken invariant. Org is nil where it is about the server.
type BillingFinding struct {
	Invariant string // I1 to I8
	Org       *OrgName
	Text, Do  string
	Since     time.Time
}

// OrgName names an org.
type OrgName struct{ ID, Name string }

// OrgHeld is an org with a count that is not billed.
type OrgHeld struct {
	Org OrgName
	HeldCount
}

// OrgRefused is an org that can't be counted because Hostaway refuses its credentials. Billed is nil where nothing is billed.
type OrgRefused struct {
	Org    OrgName
	Since  time.Time
	Billed *int
}

// StateCount is how many orgs are in one state.
type StateCount struct {
	State BillingState
	Orgs  int
}
