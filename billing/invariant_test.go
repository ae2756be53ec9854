package billing

// invariant_test.go breaks each invariant on purpose, in many ways, and sees that it is found
// and healed. The ways are in invariant_bills_test.go and invariant_news_test.go.

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/store"
)

// scene is an office in which all is well, until its one org's billing is ruined.
type scene struct {
	*office
	org *store.Org
	sub string
}

func newScene(t *testing.T) scene {
	t.Helper()
	s := scene{office: newOffice(t)}
	s.org, s.sub = s.subscriber(t, 1, 10)
	for range 2 {
		s.stripe.Advance(30 * time.Minute)
		s.sweep(t, true)
	}
	if ids := s.broken(t); len(ids) > 0 {
		t.Fatalf("broken from the start: %v", ids)
	}
	return s
}

// ill is a way to break an invariant.
type ill struct {
	name    string                                // begins with the invariant's id
	ruin    func(*testing.T, scene) (heal func()) // nil: the run that finds it heals it
	after   time.Duration                         // until it shows
	subject string                                // how the subject begins, if it is not the org
	wider   bool                                  // other invariants are broken by it too
}

func (i ill) invariant() string { return i.name[:2] }

func TestEachInvariantIsFoundBrokenAndHealed(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, ill := range slices.Concat(illsOfBills(), illsOfNews()) {
		covered[ill.invariant()] = true
		t.Run(ill.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			heal := ill.ruin(t, s)
			s.stripe.Advance(ill.after)
			s.seesBroken(t, ill)
			if heal != nil {
				heal()
			}
			for range 3 {
				s.settle(t, time.Hour)
			}
			if ids := s.broken(t); len(ids) > 0 {
				t.Errorf("still broken: %v", ids)
			}
			if open := s.found(t, ill.invariant()); len(open) > 0 {
				t.Errorf("the findings stay: %+v", open)
			}
		})
	}
	for _, rule := range Rules() {
		if !covered[rule.ID] {
			t.Errorf("nothing breaks %s", rule.ID)
		}
	}
}

// seesBroken fails the test unless `billing check` and the reconciler find the ill.
func (s scene) seesBroken(t *testing.T, ill ill) {
	t.Helper()
	ids := s.broken(t)
	if !slices.Contains(ids, ill.invariant()) || !ill.wider && len(ids) > 1 {
		t.Errorf("billing check finds %v broken, want %s", ids, ill.invariant())
	}
	s.sweep(t, true)
	subject := cmp.Or(ill.subject, s.org.ID())
	known := s.known(t, ill.invariant())
	if !slices.ContainsFunc(known, func(f store.BillingFinding) bool { return strings.HasPrefix(f.Subject, subject) && f.Detail != "" }) {
		t.Errorf("the findings are %+v, want one about %s", known, subject)
	}
	for _, f := range known { // what the run put right is not said to be broken
		if healed := f.ResolvedAt != nil; healed != (f.Repairs > 0) {
			t.Errorf("repaired %d times, resolved %t: %+v", f.Repairs, healed, f)
		}
	}
	for _, f := range known {
		s.hasWordsOfItsOwn(t, f.Invariant, f.Detail)
	}
}

// hasWordsOfItsOwn fails the test where a finding is one of which nobody has said what
// to do. I3 and I4 are broken in one way each.
func (scene) hasWordsOfItsOwn(t *testing.T, invariant, detail string) {
	t.Helper()
	do := Remedy(invariant, detail)
	for _, rule := range Rules() {
		if rule.ID == invariant && (do == "" || do == rule.Do) != (invariant == invMirror || invariant == invExact) {
			t.Errorf("%s, %q: %q", invariant, detail, do)
		}
	}
}
